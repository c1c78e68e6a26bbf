"""Which images' labels a person should look at: those that the data gate or the diagnosis doubts, and golden images
that got worse; pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from ratchet.components.pages.rule_words import rule_title
from ratchet.components.review.content import ErrorAnalysis, SuspectBox, SuspectImage
from ratchet.components.review.shown_boxes import TRUTH
from ratchet.schemas.artifacts.data_evidence import Pictures
from ratchet.schemas.artifacts.decisions import DataDecision, State
from ratchet.schemas.artifacts.diagnosis import ANNOTATION, EVALUATION_SET, CauseState, Diagnosis
from ratchet.schemas.artifacts.evaluation import CANDIDATE
from ratchet.schemas.data.records import ImageRecord

SPAN, GOLDEN = "span", "golden"
MOST_IMAGES = 500  # of a data set
_PART = "part:"
_OF_LABELS = ("labels:", "boxes:", "golden_boxes")
_DOUBTED = (CauseState.SUPPORTED, CauseState.OPEN)
_NEAR_PX = 0.06  # boxes that are shown are rounded
# Of rules whose pictures show the very labels that are doubted: in which layer, and what is wrong with them.
_SHOWN = {
    "labels:classes": ("labels", "the served model sees another class"),
    "labels:noise": ("labels", "the served model sees another class"),
    "labels:duplicates": ("given", "labels an object that has a label already"),
}

BoxDoubt = tuple[tuple[float, float, float, float], str]  # a label's box, and what speaks against it
Doubts = Mapping[str, tuple[str, ...]]  # by file name, what speaks against an image's labels


def doubts(data: DataDecision, diagnosis: Diagnosis, analysis: ErrorAnalysis | None) -> dict[str, Doubts]:
    """The images to look at, by data set, and why.

    Args:
        data: decision of the data gate.
        diagnosis: why mAP fell.
        analysis: of errors on the golden set; None if no candidate was trained.
    """
    found: dict[str, dict[str, list[str]]] = {SPAN: {}, GOLDEN: {}}
    for reason in data.reasons:
        rule = reason.rule.removeprefix(_PART)
        if reason.state in (State.FAILED, State.WARNING) and rule.startswith(_OF_LABELS):
            _add(found[GOLDEN if rule.startswith(GOLDEN) else SPAN], reason.images, rule_title(rule, passed=False))
    for finding in diagnosis.findings:
        data_set = {ANNOTATION: SPAN, EVALUATION_SET: GOLDEN}.get(finding.cause)
        if data_set is not None and finding.state in _DOUBTED:
            _add(found[data_set], finding.images, finding.sentence)
    for image in analysis.gallery if analysis else ():
        _add(found[GOLDEN], [image.file_name], f"the candidate got worse here: {image.change}")
    return {
        data_set: {name: tuple(dict.fromkeys(words)) for name, words in list(images.items())[:MOST_IMAGES]}
        for data_set, images in found.items()
        if images
    }


def _add(found: dict[str, list[str]], names: Sequence[str], words: str) -> None:
    for name in names:
        found.setdefault(name, []).append(words)


def of_pictures(pictures: Pictures) -> dict[str, list[BoxDoubt]]:
    """The labels that pictures of the data gate show as wrong, by the file name of their image."""
    found: dict[str, list[BoxDoubt]] = {}
    for rule, shown in pictures.items():
        layer, words = _SHOWN.get(rule.removeprefix(_PART), ("", ""))
        for picture in shown:
            boxes = [box for each in picture.views[0].layers if each.name == layer for box in each.boxes_xywh_px]
            found.setdefault(picture.file_name, []).extend((box, words) for box in boxes)
    return found


def of_gallery(analysis: ErrorAnalysis | None) -> dict[str, list[BoxDoubt]]:
    """The objects of golden images that the candidate misses, by the file name of their image."""
    return {
        image.file_name: [
            (box.xywh_px, box.title.partition(", ")[2] or "missed by the candidate")
            for layer in image.layers
            if layer.name == TRUTH
            for box in layer.boxes
            if CANDIDATE in box.lost
        ]
        for image in (analysis.gallery if analysis else ())
    }


def suspect_images(
    doubted: Doubts,
    records: Mapping[str, ImageRecord],
    class_names: Sequence[str],
    of_boxes: Mapping[str, Sequence[BoxDoubt]],
    original_of: Callable[[str], str] = lambda _: "",
) -> tuple[SuspectImage, ...]:
    """The images of one data set with all their labels.

    Args:
        doubted: of `doubts`.
        records: their annotations; an image without one is left out.
        class_names: in label order.
        of_boxes: what speaks against single labels, by file name.
        original_of: where an image comes from, an address or nothing.
    """
    return tuple(
        SuspectImage(
            file_name=name,
            size_px=(records[name].width_px, records[name].height_px),
            boxes=_boxes(records[name], class_names, of_boxes.get(name, ())),
            why=why,
            original=original_of(name),
        )
        for name, why in doubted.items()
        if name in records
    )


def _boxes(record: ImageRecord, class_names: Sequence[str], doubted: Sequence[BoxDoubt]) -> tuple[SuspectBox, ...]:
    truth, boxes = record.truth, list[SuspectBox]()
    for row, xywh in enumerate(truth.boxes_xywh_px.tolist()):
        why = next((words for box, words in doubted if _is_near(box, xywh)), "")
        name = class_names[int(truth.labels[row]) - 1]
        boxes.append(SuspectBox((xywh[0], xywh[1], xywh[2], xywh[3]), name, bool(truth.is_crowd[row]), why))
    return tuple(boxes)


def _is_near(box: Sequence[float], other: Sequence[float]) -> bool:
    return all(abs(one - two) <= _NEAR_PX for one, two in zip(box, other))
