"""The images that rules name, each drawn so that it shows what its rule found; pure, Pillow only.

Boxes that are no boxes are drawn as they were given and as they may have been meant; labels beside what the model sees,
and what has no label alone; a copy of a golden image beside the golden one; a dark image beside a usual one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np

from components.data_gate.labels import readings
from components.imaging.drawing import (
    Layer,
    detections_layer,
    draw_boxes,
    given_layer,
    labels_layer,
    read_layer,
    side_by_side,
)
from components.metrics.boxes import NO_CROWD, overlapping
from components.pages.parts import MOST_PICTURES
from schemas.artifacts.data_evidence import DRIFT, SKEW, Picture
from schemas.artifacts.decisions import Reason, State
from schemas.base.formatting import many, percent
from schemas.data.dataset import BadBox
from schemas.data.records import Detections, ImageRecord

_SIDE_PX = 360  # of a picture
_PAIR_PX = 240  # of each of two side by side
_SURELY = 0.5  # the same of those that are said to be objects without a label
_SAME_OBJECT_IOU = 0.5  # detections that overlap so much see one object
_MOST_NAMES = 6  # of an image; more would hide it
_OF_BOXES = "box"  # in the names of features of boxes, for which boxes are drawn
_SURE = 0.3  # scores of the detections that are drawn; all of them would hide the image
_SAME_IOU = 0.3  # a detection that overlaps a label so much sees what it labels
_TWICE_IOU = 0.6  # labels of one class that overlap so much label one object
_PART = "part:"


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
        record: its annotation, for what is about boxes.
    """

    encoded: bytes
    title: str
    caption: str = ""
    record: ImageRecord | None = None


@dataclass(frozen=True)
class Album:
    """What there is to draw with.

    Attributes:
        images: of the span, by file name.
        class_names: in label order.
        bad_boxes: those that are kept to be drawn.
        originals: by the file name of a copy, the golden image that it copies.
        usual: by rule, an image that is as what the span was compared with; its caption is its figure.
        figures: by rule and file name, the figure that the rule is about.
    """

    images: Mapping[str, Drawable]
    class_names: tuple[str, ...]
    bad_boxes: tuple[BadBox, ...] = ()
    originals: Mapping[str, Beside] = field(default_factory=dict)
    usual: Mapping[str, Beside] = field(default_factory=dict)
    figures: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


def pictured_rules(reasons: Iterable[Reason]) -> dict[str, tuple[str, ...]]:
    """File names of the images to draw, by rule: of rules that failed or warned, and follow from no other."""
    return {
        reason.rule: reason.images[:MOST_PICTURES]
        for reason in reasons
        if reason.images and reason.state in (State.FAILED, State.WARNING)
    }


def draw_pictures(reasons: Iterable[Reason], album: Album) -> dict[str, tuple[Picture, ...]]:
    """Draws what each rule found.

    Args:
        reasons: all rules; only findings are drawn.
        album: what there is; an image that is not is left out.
    """
    found = {reason.rule: reason for reason in reasons}
    return {
        rule: tuple(_picture(found[rule], album.images[name], album) for name in names if name in album.images)
        for rule, names in pictured_rules(found.values()).items()
    }


def _picture(reason: Reason, image: Drawable, album: Album) -> Picture:
    name, rule = image.record.file_name, reason.rule.removeprefix(_PART)
    if rule == "leak" and name in album.originals:
        beside = album.originals[name]
        row = ((image.encoded, (), "this span"), (beside.encoded, (), beside.title))
        return Picture(
            name, side_by_side(row, _PAIR_PX), image.caption or "the image and the golden one that it copies"
        )
    figure = album.figures.get(reason.rule, {}).get(name, "")
    if reason.rule in album.usual:
        beside = album.usual[reason.rule]
        boxes = [] if _OF_BOXES not in reason.rule else [image.record, beside.record]
        layers = [[labels_layer(each.truth.boxes_xywh_px)] if each is not None else [] for each in boxes] or [[], []]
        row = ((image.encoded, layers[0], "this span"), (beside.encoded, layers[1], "usual: a golden image"))
        compared = f"{figure} on the left, {beside.caption} on the right" if figure and beside.caption else ""
        return Picture(name, side_by_side(row, _PAIR_PX), compared or "on the right a usual image, to compare with")
    if rule.partition(":")[0] in (DRIFT, SKEW):
        layers = [_labels(image, album, texts="class" in rule)] if _OF_BOXES in rule else []
        caption = figure or many(len(image.record.truth.labels), "label")
    else:
        layers, caption = _LAYERS.get(rule, _labels_and_detections)(reason, image, album)
    return Picture(name, draw_boxes(image.encoded, layers, _SIDE_PX), caption)


Drawn = tuple[list[Layer], str]


def _labels(image: Drawable, album: Album, texts: bool = True) -> Layer:
    truth = image.record.truth
    names = [album.class_names[label - 1] for label in truth.labels] if texts else []
    return labels_layer(truth.boxes_xywh_px, names)


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
    return [f"{album.class_names[label - 1]} {score:.0%}" for label, score in zip(found.labels, found.scores)]


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


def _labels_and_detections(reason: Reason, image: Drawable, album: Album) -> Drawn:
    layers, caption = [_labels(image, album)], image.caption or many(len(image.record.truth.labels), "label")
    if image.found is not None:
        found = _sure(image)
        layers.append(detections_layer(found.boxes_xywh_px, _named(found, album)))
        caption += f", {many(len(found.labels), 'detection')}"
    return layers, caption


def _bad_boxes(reason: Reason, image: Drawable, album: Album) -> Drawn:
    bad = [box for box in album.bad_boxes if box.image == image.record.file_name]
    given = np.array([box.given_xywh_px for box in bad]).reshape(-1, 4)
    meant = np.array([box.meant_xywh_px for box in bad if box.meant_xywh_px is not None]).reshape(-1, 4)
    layers = [_labels(image, album, texts=False), given_layer(given)]
    caption = f"{many(len(given), 'bad box')} as given (dashed orange, cut at the border)"
    if len(meant):
        layers.append(read_layer(meant))
        caption += ", and read otherwise (blue)"
    return layers, caption


def _readings(reason: Reason, image: Drawable, album: Album) -> Drawn:
    boxes, found = image.record.truth.boxes_xywh_px, _sure(image)
    layers = [given_layer(boxes), detections_layer(found.boxes_xywh_px)]
    reading = readings.told(reason.actual)
    if reading is None:
        return layers, "boxes as given (dashed orange) beside what the model sees (dashed magenta)"
    other = reading.boxes(boxes, np.tile([image.record.width_px, image.record.height_px], (len(boxes), 1)))
    layers.insert(1, read_layer(other[np.isfinite(other).all(axis=1)]))
    words = f"boxes as given (dashed orange), {reading.meaning} (blue), and what the model sees (dashed magenta)"
    return layers, words


def _drawn_otherwise(reason: Reason, image: Drawable, album: Album) -> Drawn:
    found = _sure(image)
    best = _best(image, found)
    labels, seen = image.record.truth.boxes_xywh_px[best >= 0], found.boxes_xywh_px[best[best >= 0]]
    layers = [_labels(image, album, texts=False), detections_layer(found.boxes_xywh_px)]
    if not len(labels):
        return layers, "no label lies where the model sees an object"
    return layers, f"in this image labels (green) {_relation(reason.rule, labels, seen)} what the model sees (magenta)"


def _relation(rule: str, labels: np.ndarray, seen: np.ndarray) -> str:
    size = np.maximum(seen[:, 2:], 1e-6)
    if rule.endswith("size"):
        wide, high = np.median(labels[:, 2:] / size, axis=0) - 1
        words = [f"{percent(abs(wide))} {'wider' if wide > 0 else 'narrower'}"]
        words.append(f"{percent(abs(high))} {'higher' if high > 0 else 'lower'}")
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
    layers = [_labels(image, album, texts=False), detections_layer(only.boxes_xywh_px, names)]
    return layers, f"{many(len(only.labels), 'object')} that the model surely sees and nobody labelled (magenta)"


def _not_found(reason: Reason, image: Drawable, album: Album) -> Drawn:
    found = _sure(image)
    lost = int(np.count_nonzero(_best(image, found) < 0))
    layers = [_labels(image, album, texts=False), detections_layer(found.boxes_xywh_px, _named(found, album))]
    return layers, f"the model finds {len(image.record.truth.labels) - lost} of {len(image.record.truth.labels)} labels"


def _contradicted(reason: Reason, image: Drawable, album: Album) -> Drawn:
    found, truth = _sure(image), image.record.truth
    best = _best(image, found)
    wrong = (best >= 0) & (found.labels[best] != truth.labels if len(found.labels) else False)
    texts = _few([f"label {album.class_names[label - 1]}" for label in truth.labels[wrong]])
    seen = best[wrong]
    names = _few([f"model {name}" for name in _named(_rows(found, seen), album)])
    layers = [labels_layer(truth.boxes_xywh_px[wrong], texts), detections_layer(found.boxes_xywh_px[seen], names)]
    return layers, f"{np.count_nonzero(wrong)} of {many(len(truth.labels), 'label')} name another class than the model"


def _doubles(reason: Reason, image: Drawable, album: Album) -> Drawn:
    truth = image.record.truth
    places = np.zeros(len(truth.labels), np.int64)
    pairs = overlapping(places, truth.boxes_xywh_px, places, truth.boxes_xywh_px, NO_CROWD)
    twice = (pairs.one < pairs.other) & (pairs.iou >= _TWICE_IOU)
    twice &= truth.labels[pairs.one] == truth.labels[pairs.other]
    first, second = pairs.one[twice], pairs.other[twice]
    names = [album.class_names[label - 1] for label in truth.labels[first]]
    layers = [labels_layer(truth.boxes_xywh_px[first], names), given_layer(truth.boxes_xywh_px[second])]
    return layers, f"{many(len(np.unique(second)), 'object')} labelled again (dashed orange over green)"


_LAYERS: dict[str, Callable[[Reason, Drawable, Album], Drawn]] = {
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
