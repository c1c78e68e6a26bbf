"""Faults of boxes and classes, each with a strength; images stay as they are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from ratchet.pipeline.bench.planting import Box, Planted, set_box


def loose(planted: Planted, strength: float) -> None:
    """Boxes larger on all sides by that share of their size together; tighter if it is negative."""
    for entry in planted.labels:
        x, y, w, h = entry["bbox"]
        box = [x - w * strength / 2, y - h * strength / 2, w * (1 + strength), h * (1 + strength)]
        set_box(entry, box, planted.sizes[entry["image_id"]])


def shifted(planted: Planted, strength: float) -> None:
    """Boxes displaced to the right and down by that share of their size."""
    for entry in planted.labels:
        x, y, w, h = entry["bbox"]
        set_box(entry, [x + strength * w, y + strength * h, w, h], planted.sizes[entry["image_id"]])


def jitter(planted: Planted, strength: float) -> None:
    """Each side of a box displaced by chance, with that standard deviation as a share of the box's size."""
    for entry in planted.labels:
        x, y, w, h = entry["bbox"]
        left, top, right, bottom = planted.rng.normal(0, strength, 4)
        box = [x + left * w, y + top * h, w * (1 + right - left), h * (1 + bottom - top)]
        set_box(entry, box, planted.sizes[entry["image_id"]])


def other_size(planted: Planted, strength: float) -> None:
    """Boxes as they were drawn on the images at another size: all their numbers times the strength."""
    for entry in planted.labels:
        set_box(entry, [strength * value for value in entry["bbox"]], planted.sizes[entry["image_id"]])


def strangers(planted: Planted, strength: float) -> None:
    """A share of the images has the labels of another one, as after sorting one of two lists."""
    images = [entry["id"] for entry in planted.some(strength)]
    others = dict(zip(images, images[1:] + images[:1]))
    for entry in planted.labels:
        if entry["image_id"] in others:
            entry["image_id"] = others[entry["image_id"]]
            set_box(entry, entry["bbox"], planted.sizes[entry["image_id"]])


def mirrored_boxes(planted: Planted, strength: float) -> None:
    """Boxes of a share of the images are those of the mirrored image."""
    chosen = {entry["id"]: entry["width"] for entry in planted.some(strength)}
    for entry in planted.labels:
        if entry["image_id"] in chosen:
            x, y, w, h = entry["bbox"]
            set_box(entry, [chosen[entry["image_id"]] - x - w, y, w, h], planted.sizes[entry["image_id"]])


def swapped(planted: Planted, strength: float) -> None:
    """A share of the objects of the two commonest classes have each other's class."""
    one, other = _classes_by_count(planted)[:2]
    for entry in planted.labels:
        if entry["category_id"] in (one, other) and planted.rng.random() < strength:
            entry["category_id"] = one + other - entry["category_id"]


def renamed(planted: Planted, strength: float) -> None:
    """A share of the objects of the second class by count are labelled as the first."""
    one, other = _classes_by_count(planted)[:2]
    for entry in planted.some_labels(strength):
        if entry["category_id"] == other:
            entry["category_id"] = one


def random_classes(planted: Planted, strength: float) -> None:
    """A share of the objects have another class, drawn at random."""
    ids = [category["id"] for category in planted.document["categories"]]
    for entry in planted.some_labels(strength):
        entry["category_id"] = int(planted.rng.choice([number for number in ids if number != entry["category_id"]]))


def missing(planted: Planted, strength: float) -> None:
    """A share of the objects are not labelled."""
    gone = {entry["id"] for entry in planted.some_labels(strength)}
    planted.drop_labels(lambda entry: entry["id"] in gone)


def unfinished(planted: Planted, strength: float) -> None:
    """The last share of the images have no labels yet."""
    images = planted.images
    gone = {entry["id"] for entry in images[round(len(images) * (1 - strength)) :]}
    planted.drop_labels(lambda entry: entry["image_id"] in gone)


def empty(planted: Planted, strength: float) -> None:
    """A share of the images, here and there, have lost their labels."""
    gone = {entry["id"] for entry in planted.some(strength)}
    planted.drop_labels(lambda entry: entry["image_id"] in gone)


def doubled(planted: Planted, strength: float, offset_px: float = 1.0) -> None:
    """A share of the objects are labelled twice, the second time displaced by a pixel or more."""
    number = max(entry["id"] for entry in planted.document["annotations"])
    for place, entry in enumerate(list(planted.some_labels(strength)), start=number + 1):
        x, y, w, h = entry["bbox"]
        copy = {**entry, "id": place}
        set_box(copy, [x + offset_px, y + offset_px, w, h], planted.sizes[entry["image_id"]])
        planted.document["annotations"].append(copy)


def random_boxes(planted: Planted, strength: float) -> None:
    """A share of the objects have a box anywhere, of any size from a twentieth to half of the image's sides."""
    for entry in planted.some_labels(strength):
        width, height = planted.sizes[entry["image_id"]]
        w, h = planted.rng.uniform(0.05, 0.5, 2) * (width, height)
        x, y = planted.rng.uniform(0, 1, 2) * (width - w, height - h)
        set_box(entry, [float(x), float(y), float(w), float(h)], (width, height))


def class_unlabelled(planted: Planted, strength: float) -> None:
    """No box has a certain class: the one that is so many places from the rarest (0)."""
    gone = _classes_by_count(planted)[-1 - int(strength)]
    planted.drop_labels(lambda entry: entry["category_id"] == gone)


def class_left_out(planted: Planted, strength: float) -> None:
    """Every image with a certain class is left out: the one that is so many places from the rarest (0)."""
    gone = _classes_by_count(planted)[-1 - int(strength)]
    planted.drop_images({entry["image_id"] for entry in planted.labels if entry["category_id"] == gone})


def _classes_by_count(planted: Planted) -> list[int]:
    return [category for category, _ in Counter(entry["category_id"] for entry in planted.labels).most_common()]


def _written_as(change: Callable[[Box, int, int], Box]) -> Callable[[Planted, float], None]:
    """A share of the boxes, each by itself, written in other numbers."""

    def plant(planted: Planted, strength: float) -> None:
        for entry in planted.some_labels(strength):
            set_box(entry, change(entry["bbox"], *planted.sizes[entry["image_id"]]), None)

    return plant


LABEL_FAULTS: dict[str, Callable[..., None]] = {
    "loose": loose,
    "shifted": shifted,
    "jitter": jitter,
    "other-size": other_size,
    "strangers": strangers,
    "mirrored-boxes": mirrored_boxes,
    "swapped": swapped,
    "renamed": renamed,
    "random-classes": random_classes,
    "random-boxes": random_boxes,
    "missing": missing,
    "unfinished": unfinished,
    "empty": empty,
    "doubled": doubled,
    "class-unlabelled": class_unlabelled,
    "class-left-out": class_left_out,
    "yx": _written_as(lambda box, width, height: [box[1], box[0], box[3], box[2]]),
    "corners": _written_as(lambda box, width, height: [box[0], box[1], box[0] + box[2], box[1] + box[3]]),
    "taken-for-corners": _written_as(lambda box, width, height: [box[0], box[1], box[2] - box[0], box[3] - box[1]]),
    "centres": _written_as(lambda box, width, height: [box[0] + box[2] / 2, box[1] + box[3] / 2, box[2], box[3]]),
    "fractions": _written_as(
        lambda box, width, height: [box[0] / width, box[1] / height, box[2] / width, box[3] / height]
    ),
    "yolo": _written_as(
        lambda box, width, height: [
            (box[0] + box[2] / 2) / width,
            (box[1] + box[3] / 2) / height,
            box[2] / width,
            box[3] / height,
        ]
    ),
    "corner-fractions": _written_as(
        lambda box, width, height: [
            box[0] / width,
            box[1] / height,
            (box[0] + box[2]) / width,
            (box[1] + box[3]) / height,
        ]
    ),
}
