"""What is drawn on an image so that it shows what a rule found: boxes of labels, of detections, of readings; pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from ratchet.components.labels import readings
from ratchet.components.metrics.boxes import NO_CROWD, overlapping
from ratchet.schemas.artifacts.data_evidence import PictureLayer
from ratchet.schemas.artifacts.decisions import Reason
from ratchet.schemas.base.formatting import many, percent
from ratchet.schemas.data.dataset import BadBox
from ratchet.schemas.data.records import Detections, ImageRecord

_SURE = 0.3  # scores of the detections that are drawn; all of them would hide the image
_SURELY = 0.5  # the same of those that are said to be objects without a label
_SAME_OBJECT_IOU = 0.5  # detections that overlap so much see one object
_MOST_NAMES = 6  # of an image; more would hide it
_SAME_IOU = 0.3  # a detection that overlaps a label so much sees what it labels
_TWICE_IOU = 0.6  # labels of one class that overlap so much label one object


@dataclass(frozen=True)
class Drawable:
    """An image that can be drawn.

    Attributes:
        record: its annotation.
        encoded: its file.
        found: what the served model detects in it; None if it was not asked.
        caption: what to see in it, whatever the rule.
    """

    record: ImageRecord
    encoded: bytes
    found: Detections | None = None
    caption: str = ""


@dataclass(frozen=True)
class Beside:
    """Another image, to be shown beside one of the span.

    Attributes:
        encoded: its file.
        title: what it is: `golden 17.jpg`.
        caption: its figure, or what the image of the span is to it; empty for nothing.
        record: its annotation.
        class_names: what its labels are called, where they are worth a look.
    """

    encoded: bytes
    title: str
    record: ImageRecord
    caption: str = ""
    class_names: tuple[str, ...] = ()


@dataclass(frozen=True)
class Album:
    """What there is to draw with.

    Attributes:
        images: of the span, by file name.
        class_names: in label order.
        bad_boxes: those that are kept to be drawn.
        originals: by the file name of a copy, the golden image that it copies.
        repeated: by the file name of a copy of another image of the span, the file name of that one.
        usual: by rule, images that are as they should be: of the training data, or golden ones where those are gone.
        figures: by rule and file name, the figure that the rule is about.
    """

    images: Mapping[str, Drawable]
    class_names: tuple[str, ...]
    bad_boxes: tuple[BadBox, ...] = ()
    originals: Mapping[str, Beside] = field(default_factory=dict)
    repeated: Mapping[str, str] = field(default_factory=dict)
    usual: Mapping[str, Sequence[Beside]] = field(default_factory=dict)
    figures: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


Drawn = tuple[list[PictureLayer], str]


def layer(name: str, boxes_xywh_px: np.ndarray, texts: Sequence[str] = ()) -> PictureLayer:
    """Boxes [n, 4] as far as they can be drawn, of negative sides too, and their texts; `name` as in `PictureLayer`."""
    kept = np.flatnonzero(np.isfinite(boxes_xywh_px).all(axis=1))
    starts, sides = boxes_xywh_px[kept, :2], boxes_xywh_px[kept, 2:]
    drawn = np.hstack([np.minimum(starts, starts + sides), np.abs(sides)]).round(1)
    return PictureLayer(
        name, tuple(map(tuple, drawn.tolist())), tuple(str(texts[row]) for row in kept.tolist()) if texts else ()
    )


def labels_of(record: ImageRecord, class_names: Sequence[str] = ()) -> PictureLayer:
    """The labels of an image, with the names of their classes if these are given."""
    labels = [int(label) for label in record.truth.labels]
    texts = [class_names[label - 1] for label in labels] if class_names else []
    return layer("labels", record.truth.boxes_xywh_px, texts)


def _sure(image: Drawable, least: float = _SURE) -> Detections:
    found = image.found
    if found is None:
        return Detections(np.empty((0, 4)), np.empty(0, np.int64), np.empty(0))
    return _rows(found, found.scores >= least)


def _single(found: Detections) -> Detections:
    """Of detections that see one object only the surest."""
    ordered = _rows(found, np.argsort(-found.scores, kind="stable"))
    first, second = _overlapping(ordered.boxes_xywh_px, ordered.boxes_xywh_px, _SAME_OBJECT_IOU)
    keep = np.ones(len(ordered.labels), np.bool_)
    keep[second[first < second]] = False
    return _rows(ordered, keep)


def _rows(found: Detections, keep: np.ndarray) -> Detections:
    return Detections(found.boxes_xywh_px[keep], found.labels[keep], found.scores[keep])


def _overlapping(some: np.ndarray, others: np.ndarray, least: float) -> tuple[np.ndarray, np.ndarray]:
    """Places of the pairs of boxes that overlap so much."""
    one, other = (np.zeros(len(boxes), np.int64) for boxes in (some, others))
    pairs = overlapping(one, some, other, others, least_iou=least)
    return pairs.one, pairs.other


def _few(names: list[str]) -> list[str]:
    """The first names; the other boxes stay without."""
    return [name if place < _MOST_NAMES else "" for place, name in enumerate(names)]


def _named(found: Detections, album: Album) -> list[str]:
    return [f"{album.class_names[label - 1]} {percent(score)}" for label, score in zip(found.labels, found.scores)]


def _best(image: Drawable, found: Detections) -> np.ndarray:
    """[n] the detection that each label overlaps most, -1 for none."""
    boxes = image.record.truth.boxes_xywh_px
    best, most = np.full(len(boxes), -1), np.full(len(boxes), _SAME_IOU)
    pairs = overlapping(
        np.zeros(len(boxes), np.int64), boxes, np.zeros(len(found.labels), np.int64), found.boxes_xywh_px
    )
    for label, detection, iou in zip(pairs.one, pairs.other, pairs.iou):
        if iou >= most[label]:
            best[label], most[label] = detection, iou
    return best


def labels_and_detections(reason: Reason, image: Drawable, album: Album) -> Drawn:
    """What is drawn for a rule that has no drawing of its own."""
    layers, caption = (
        [labels_of(image.record, album.class_names)],
        image.caption or many(len(image.record.truth.labels), "label"),
    )
    if image.found is not None:
        found = _sure(image)
        layers.append(layer("detections", found.boxes_xywh_px, _named(found, album)))
        caption += f", {many(len(found.labels), 'detection')}"
    return layers, caption


def _bad_boxes(reason: Reason, image: Drawable, album: Album) -> Drawn:
    bad = [box for box in album.bad_boxes if box.image == image.record.file_name]
    given = np.array([box.given_xywh_px for box in bad]).reshape(-1, 4)
    meant = np.array([box.meant_xywh_px for box in bad if box.meant_xywh_px is not None]).reshape(-1, 4)
    layers = [labels_of(image.record), layer("given", given)]
    caption = f"{many(len(given), 'bad box')} as given"
    if len(meant):
        layers.append(layer("read", meant))
        caption += ", and read otherwise"
    return layers, caption


def _readings(reason: Reason, image: Drawable, album: Album) -> Drawn:
    boxes, found = image.record.truth.boxes_xywh_px, _sure(image)
    layers = [layer("given", boxes), layer("detections", found.boxes_xywh_px)]
    reading = readings.told(reason.actual)
    if reading is None:
        return layers, "boxes as given beside what the model sees"
    read = reading.boxes(boxes, np.tile([image.record.width_px, image.record.height_px], (len(boxes), 1)))
    layers.insert(1, layer("read", read))
    words = f"boxes as given, {reading.meaning}, and what the model sees"
    return layers, words


def _drawn_otherwise(reason: Reason, image: Drawable, album: Album) -> Drawn:
    found = _sure(image)
    best = _best(image, found)
    labels, seen = image.record.truth.boxes_xywh_px[best >= 0], found.boxes_xywh_px[best[best >= 0]]
    layers = [labels_of(image.record), layer("detections", seen)]
    if not len(labels):
        return layers, "no label lies where the model sees an object"
    return layers, f"labels {_relation(reason.rule, labels, seen)} what the model sees"


def _relation(rule: str, labels: np.ndarray, seen: np.ndarray) -> str:
    size = np.maximum(seen[:, 2:], 1e-6)
    if rule.endswith("size"):
        wide, high = np.median(labels[:, 2:] / size, axis=0) - 1
        words = [f"{percent(abs(wide))} {'wider' if wide > 0 else 'narrower'}"]
        words.append(f"{percent(abs(high))} {'taller' if high > 0 else 'shorter'}")
        return f"are {' and '.join(words)} than"
    right, down = np.median((labels[:, :2] + labels[:, 2:] / 2 - seen[:, :2] - seen[:, 2:] / 2) / size, axis=0)
    across = f"{percent(abs(right))} of their width to the {'right' if right > 0 else 'left'}"
    return f"lie {across} and {percent(abs(down))} of their height {'below' if down > 0 else 'above'}"


def _unlabelled(reason: Reason, image: Drawable, album: Album) -> Drawn:
    found = _single(_sure(image, _SURELY))
    boxes = image.record.truth.boxes_xywh_px
    alone = np.ones(len(found.labels), np.bool_)
    alone[_overlapping(found.boxes_xywh_px, boxes, _SAME_IOU)[0]] = False
    only = _rows(found, alone)
    names = _few([album.class_names[label - 1] for label in only.labels])
    layers = [labels_of(image.record), layer("detections", only.boxes_xywh_px, names)]
    return layers, f"{many(len(only.labels), 'object')} that the model surely sees and nobody labelled"


def _not_found(reason: Reason, image: Drawable, album: Album) -> Drawn:
    found = _sure(image)
    lost = int(np.count_nonzero(_best(image, found) < 0))
    layers = [labels_of(image.record), layer("detections", found.boxes_xywh_px, _named(found, album))]
    return layers, f"the model finds {len(image.record.truth.labels) - lost} of {len(image.record.truth.labels)} labels"


def _contradicted(reason: Reason, image: Drawable, album: Album) -> Drawn:
    found, truth = _sure(image), image.record.truth
    best = _best(image, found)
    wrong = (best >= 0) & (found.labels[best] != truth.labels if len(found.labels) else False)
    texts = _few([f"label {album.class_names[label - 1]}" for label in truth.labels[wrong]])
    seen = best[wrong]
    names = _few([f"model {name}" for name in _named(_rows(found, seen), album)])
    layers = [layer("labels", truth.boxes_xywh_px[wrong], texts), layer("detections", found.boxes_xywh_px[seen], names)]
    return layers, f"{np.count_nonzero(wrong)} of {many(len(truth.labels), 'label')} name another class than the model"


def _doubles(reason: Reason, image: Drawable, album: Album) -> Drawn:
    truth = image.record.truth
    places = np.zeros(len(truth.labels), np.int64)
    pairs = overlapping(places, truth.boxes_xywh_px, places, truth.boxes_xywh_px, NO_CROWD)
    twice = (pairs.one < pairs.other) & (pairs.iou >= _TWICE_IOU)
    twice &= truth.labels[pairs.one] == truth.labels[pairs.other]
    first, second = pairs.one[twice], pairs.other[twice]
    names = [album.class_names[label - 1] for label in truth.labels[first]]
    layers = [layer("labels", truth.boxes_xywh_px[first], names), layer("given", truth.boxes_xywh_px[second])]
    return layers, f"{many(len(np.unique(second)), 'object')} labelled twice"


LAYERS: dict[str, Callable[[Reason, Drawable, Album], Drawn]] = {
    "boxes:sound": _bad_boxes,
    "labels:reading": _readings,
    "labels:offset": _drawn_otherwise,
    "labels:size": _drawn_otherwise,
    "labels:missing": _unlabelled,
    "labels:found": _not_found,
    "labels:familiar": _not_found,
    "labels:classes": _contradicted,
    "labels:noise": _contradicted,
    "labels:duplicates": _doubles,
}
