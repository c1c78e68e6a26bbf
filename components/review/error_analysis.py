"""Which golden images got worse, what kinds of errors there are, and the curves: from what the evaluator kept; pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from ratchet.components.metrics.average_precision import DetectionMetrics, detection_metrics
from ratchet.components.metrics.error_types import DETECTION_CODES, ERROR_TYPES
from ratchet.components.metrics.image_errors import ImageErrors, image_errors, operating_points
from ratchet.components.metrics.match_table import MatchTable
from ratchet.components.review.boxes import Boxes, Lines, boxes_in_lines, sure
from ratchet.components.review.content import (
    CORRECT,
    MISSED,
    OVERALL,
    WRONG,
    ErrorAnalysis,
    ErrorTypeCost,
    ErrorTypesFound,
    GalleryImage,
    ModelErrors,
    PrecisionRecall,
    ShownBox,
)
from ratchet.schemas.artifacts.evaluation import BASELINE, CANDIDATE, DataSetEvaluation
from ratchet.schemas.data.columns import DetectionColumns, TruthColumns

GALLERY_IMAGES = 24
ERROR_TYPE_IMAGES = 2000  # beyond, a random sample says the same
CLASS_CURVES = 8
_MOST_NAMED = 40
_USUAL_SCORE = 0.5
CURVE_IOUS = (0.5, 0.75)

ReadImages = Callable[[Sequence[str]], Mapping[str, bytes]]


class Evaluated(Protocol):
    """What there is of a data set that models were evaluated on."""

    @property
    def tables(self) -> Mapping[str, MatchTable]:
        """Matches by model."""
        ...

    @property
    def read_images(self) -> ReadImages:
        """JPEG thumbnails by file name, of the names asked for; those that cannot be had are left out."""
        ...

    def read_boxes(self, image_ids: Sequence[int]) -> Boxes:
        """Objects and detections of some images, given by ascending id."""
        ...


@dataclass(frozen=True)
class GoldenFiles:
    """What the evaluator wrote of the golden set.

    Attributes:
        tables: matches by model.
        truth: lines of the ground truth file.
        found: lines of the detections file, by model.
        read_images: JPEG thumbnails by file name, of the names asked for.
    """

    tables: Mapping[str, MatchTable]
    truth: Lines
    found: Mapping[str, Lines]
    read_images: ReadImages

    def read_boxes(self, image_ids: Sequence[int]) -> Boxes:
        """See `Evaluated`."""
        return boxes_in_lines(self.truth, self.found, image_ids, self.tables[CANDIDATE].max_detections)


def analyse_errors(files: Evaluated, golden: DataSetEvaluation, named: Sequence[str] = ()) -> ErrorAnalysis:
    """What the page shows beyond the evaluation itself.

    Args:
        files: of the golden set.
        golden: its evaluation; classes that the baseline does not know are left out where the two are compared.
        named: file names of further images to show, as far as they are among those that error types are counted in.
    """
    names = tuple(golden.class_support)
    labels = [label for label, name in enumerate(names, start=1) if name in golden.compared.class_support]
    tables = {model: table.of_labels(labels) for model, table in files.tables.items()}
    points = {model: _points(table, len(names)) for model, table in tables.items()}
    errors = {model: image_errors(table, points[model]) for model, table in tables.items()}
    order, worse = _worst_first(errors)
    image_ids = tables[CANDIDATE].image_ids
    chosen = [int(image_ids[place]) for place in order[:GALLERY_IMAGES]]
    sampled = sampled_images(image_ids)
    boxes = files.read_boxes(sorted({*chosen, *sampled})).of_labels(labels)
    ids = {image.file_name: image.image_id for image in boxes.images}
    further = [ids[name] for name in named if name in ids][:_MOST_NAMED]
    places = {int(image_id): place for place, image_id in enumerate(image_ids)}
    per_image = {image_id: _errors_at(errors, places[image_id]) for image_id in {*chosen, *further}}
    return ErrorAnalysis(
        gallery=_gallery(boxes.of(chosen), points, per_image, files.read_images),
        worse=worse,
        curves=_curves(tables, golden.compared, names),
        error_types=_error_types(boxes.of(sampled), points, len(image_ids)),
        thresholds={
            model: {names[label - 1]: float(values[label]) for label in labels} for model, values in points.items()
        },
        named=_gallery(boxes.of(further), points, per_image, files.read_images) if further else (),
    )


def _errors_at(errors: Mapping[str, ImageErrors], place: int) -> dict[str, ModelErrors]:
    return {model: ModelErrors(float(each.missed[place]), float(each.false[place])) for model, each in errors.items()}


def _points(table: MatchTable, num_classes: int) -> np.ndarray:
    """Operating points [K + 1]; a class of which nothing was ever right has none, and gets what is usual, so that its
    false detections are seen."""
    points = operating_points(table, num_classes)
    finite = points[1:][np.isfinite(points[1:])]
    return np.where(np.isfinite(points), points, np.median(finite) if finite.size else _USUAL_SCORE)


def _worst_first(errors: Mapping[str, ImageErrors]) -> tuple[list[int], int]:
    """Places of the images by what the candidate made worse, and how many it did; without a baseline by its errors."""
    candidate = errors[CANDIDATE].missed + errors[CANDIDATE].false
    baseline = errors[BASELINE].missed + errors[BASELINE].false if BASELINE in errors else np.zeros_like(candidate)
    change = candidate - baseline
    order = np.lexsort((-candidate, -change))
    worse = int(np.count_nonzero(change > 0))
    return order[:worse].tolist(), worse


def sampled_images(image_ids: np.ndarray) -> list[int]:
    """The images that errors are counted in: all, or a fixed random sample, by ascending id."""
    if len(image_ids) <= ERROR_TYPE_IMAGES:
        return image_ids.tolist()
    return np.sort(np.random.default_rng(0).choice(image_ids, ERROR_TYPE_IMAGES, replace=False)).tolist()


def _gallery(
    boxes: Boxes,
    points: Mapping[str, np.ndarray],
    errors: Mapping[int, Mapping[str, ModelErrors]],
    read_images: ReadImages,
) -> tuple[GalleryImage, ...]:
    names, images = boxes.class_names, boxes.images
    jpegs = read_images([image.file_name for image in images])
    surest = {model: sure(found, points[model]) for model, found in boxes.found.items()}
    types = {model: boxes.errors(found) for model, found in surest.items()}
    truth = shown_truth(boxes.objects, {model: each.missed for model, each in types.items()}, names, len(images))
    found = {
        model: shown_found(detections, types[model].detection_code, names, len(images))
        for model, detections in surest.items()
    }
    return tuple(
        GalleryImage(
            file_name=image.file_name,
            size_px=image.size_px,
            jpeg=jpegs.get(image.file_name, b""),
            truth=truth[place],
            found={model: each[place] for model, each in found.items()},
            errors=errors[image.image_id],
            classes=_classes(boxes, surest, place),
        )
        for place, image in enumerate(images)
    )


def _classes(boxes: Boxes, surest: Mapping[str, DetectionColumns], place: int) -> tuple[str, ...]:
    labels = [boxes.objects.labels[boxes.objects.image == place]]
    labels += [found.labels[found.image == place] for found in surest.values()]
    return tuple(boxes.class_names[label - 1] for label in np.unique(np.concatenate(labels)).tolist())


def _curves(
    tables: Mapping[str, MatchTable], golden: DataSetEvaluation, names: Sequence[str]
) -> tuple[PrecisionRecall, ...]:
    metrics = {model: detection_metrics(table, len(names)) for model, table in tables.items()}
    with_truth = [label for label, name in enumerate(names, start=1) if _objects(golden, name)]
    deltas = golden.deltas.per_class if golden.deltas else {}
    by_fall = sorted(with_truth, key=lambda label: _fall(deltas, golden, names[label - 1]))
    curves = [PrecisionRecall(OVERALL, _averaged(metrics, with_truth))]
    if len(with_truth) > 1:
        curves += [PrecisionRecall(names[label - 1], _averaged(metrics, [label])) for label in by_fall[:CLASS_CURVES]]
    return tuple(curves)


def _objects(golden: DataSetEvaluation, name: str) -> int:
    return golden.class_support[name].objects if name in golden.class_support else 0


def _fall(deltas: Mapping[str, object], golden: DataSetEvaluation, name: str) -> float:
    value = getattr(deltas.get(name), "value", None)
    return golden.candidate.per_class[name] if value is None else value


def _averaged(
    metrics: Mapping[str, DetectionMetrics], labels: Sequence[int]
) -> dict[tuple[str, float], tuple[float, ...]]:
    if not labels:
        return {}
    return {
        (model, iou): tuple(np.mean([each.pr_curve(label, iou) for label in labels], axis=0).tolist())
        for model, each in metrics.items()
        for iou in CURVE_IOUS
    }


def _error_types(boxes: Boxes, points: Mapping[str, np.ndarray], images: int) -> ErrorTypesFound:
    types = {iou: _costs(boxes, points, iou) for iou in CURVE_IOUS}
    return ErrorTypesFound(types, len(boxes.images), images)


def _costs(boxes: Boxes, points: Mapping[str, np.ndarray], iou: float) -> tuple[ErrorTypeCost, ...]:
    # The cost is of all detections, as AP is; counted are those that a user of the model would see.
    whole = {model: boxes.errors(each, iou) for model, each in boxes.found.items()}
    surest = {model: boxes.errors(sure(each, points[model]), iou) for model, each in boxes.found.items()}
    return tuple(
        ErrorTypeCost(
            name=name,
            cost={model: each.dap[name] for model, each in whole.items()},
            count={model: each.counts[name] for model, each in surest.items()},
        )
        for name in ERROR_TYPES
    )


MOST_BOXES = 100  # a layer of an image; more would hide it

_WORDS = {
    "classification": "another class than the object",
    "localization": "right class, but the box fits badly",
    "both": "another class, and the box fits badly",
    "duplicate": "a second detection of one object",
    "background": "nothing labelled there",
}


def shown_truth(
    truth: TruthColumns, missed: Mapping[str, np.ndarray], class_names: Sequence[str], images: int
) -> list[tuple[ShownBox, ...]]:
    """Labelled boxes of each image.

    Args:
        truth: the objects of the images.
        missed: by model, [n] bool: whether nothing was found of an object.
        class_names: in label order.
        images: how many there are.
    """
    shown: list[list[ShownBox]] = [[] for _ in range(images)]
    lost = missed[CANDIDATE]
    for row, place in enumerate(truth.image.tolist()):
        name = class_names[int(truth.labels[row]) - 1]
        state = MISSED if lost[row] and not truth.is_crowd[row] else CORRECT
        what = _truth_words(row, missed, bool(truth.is_crowd[row]))
        shown[place].append(ShownBox(_box(truth.boxes_xywh_px[row]), name, state, what))
    return [tuple(boxes[:MOST_BOXES]) for boxes in shown]


def _truth_words(row: int, missed: Mapping[str, np.ndarray], crowd: bool) -> str:
    if crowd:
        return "a crowd: not counted"
    by_baseline = BASELINE in missed and missed[BASELINE][row]
    if not missed[CANDIDATE][row]:
        return "missed by the baseline only" if by_baseline else ""
    if BASELINE not in missed:
        return "missed"
    return "missed by both models" if by_baseline else "missed by the candidate, found by the baseline"


def shown_found(
    found: DetectionColumns, types: np.ndarray, class_names: Sequence[str], images: int
) -> list[tuple[ShownBox, ...]]:
    """Detections of each image, the surest first.

    Args:
        found: of one model.
        types: [m] error type of each, a place in `error_types.DETECTION_CODES`.
        class_names: in label order.
        images: how many there are.
    """
    shown: list[list[ShownBox]] = [[] for _ in range(images)]
    for row in np.argsort(-found.scores, kind="stable").tolist():
        kind = DETECTION_CODES[int(types[row])]
        text = f"{class_names[int(found.labels[row]) - 1]} {found.scores[row]:.0%}"
        state = WRONG if kind in _WORDS else CORRECT
        box = ShownBox(_box(found.boxes_xywh_px[row]), text, state, _WORDS.get(kind, ""))
        shown[int(found.image[row])].append(box)
    return [tuple(boxes[:MOST_BOXES]) for boxes in shown]


def _box(xywh_px: np.ndarray) -> tuple[float, float, float, float]:
    x, y, width, height = (round(float(value), 2) for value in xywh_px)
    return x, y, width, height
