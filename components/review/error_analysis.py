"""Which golden images got worse, what kinds of errors there are, and the curves: from what the evaluator kept; pure."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from ratchet.components.metrics.error_types import ERROR_TYPES
from ratchet.components.metrics.image_errors import ImageErrors, image_errors, operating_points
from ratchet.components.metrics.match_table import MatchTable
from ratchet.components.review.boxes import Boxes, Lines, boxes_in_lines
from ratchet.components.review.changes import Seen, changes, changes_in_words, seen_by
from ratchet.components.review.class_curves import CURVE_IOUS, class_curves
from ratchet.components.review.confusion import confusion
from ratchet.components.review.content import (
    ErrorAnalysis,
    ErrorTypeCost,
    ErrorTypesFound,
    GalleryImage,
    ModelErrors,
)
from ratchet.components.review.image_slices import names_of_slices, slice_errors, values_of_images
from ratchet.components.review.shown_boxes import shown_images
from ratchet.schemas.artifacts.evaluation import BASELINE, CANDIDATE, DataSetEvaluation

GALLERY_IMAGES = 24
BETTER_IMAGES = 8
ERROR_TYPE_IMAGES = 2000  # beyond, a random sample says the same
_MOST_NAMED = 40
_USUAL_SCORE = 0.5
_UNCHANGED = "the same objects are found, and their boxes fit otherwise"

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

    @property
    def attributes(self) -> Mapping[str, np.ndarray]:
        """What the data set says of its images: [i] str by name, in the order of the tables."""
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
        attributes: of the images, [i] str by name.
    """

    tables: Mapping[str, MatchTable]
    truth: Lines
    found: Mapping[str, Lines]
    read_images: ReadImages
    attributes: Mapping[str, np.ndarray] = field(default_factory=dict)

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
    order, worse, improved = _worst_first(errors)
    image_ids = tables[CANDIDATE].image_ids
    chosen = [int(image_ids[place]) for place in order[:worse][:GALLERY_IMAGES]]
    best = [int(image_ids[place]) for place in order[::-1][:improved][:BETTER_IMAGES]]
    sampled = sampled_images(image_ids)
    boxes = files.read_boxes(sorted({*chosen, *best, *sampled})).of_labels(labels)
    ids = {image.file_name: image.image_id for image in boxes.images}
    further = [ids[name] for name in named if name in ids][:_MOST_NAMED]
    values = values_of_images(files.attributes, tables[CANDIDATE])
    places = {int(image_id): place for place, image_id in enumerate(image_ids)}
    counted = boxes.of(sampled)
    seen = seen_by(counted, points)
    compared = BASELINE in seen

    def shown(image_ids: Sequence[int]) -> tuple[GalleryImage, ...]:
        own = boxes.of(image_ids)
        jpegs = files.read_images([image.file_name for image in own.images]) if image_ids else {}
        at = [places[image_id] for image_id in image_ids]
        return tuple(
            dataclasses.replace(
                image,
                jpeg=jpegs.get(image.file_name, b""),
                change=image.change if image.changed else _UNCHANGED,
                errors=_errors_at(errors, place),
                slices=names_of_slices(values, place),
            )
            for image, place in zip(shown_images(own, points), at)
        )

    return ErrorAnalysis(
        gallery=shown(chosen),
        worse=worse,
        change=changes_in_words([change.kind for change in changes(counted, seen)], compared),
        curves=class_curves(tables, points, golden.compared, names),
        error_types=_error_types(counted, seen, len(image_ids)),
        confusion=confusion(counted, seen, len(image_ids)),
        slices=slice_errors(values, errors),
        thresholds={
            model: {names[label - 1]: float(each[label]) for label in labels} for model, each in points.items()
        },
        named=shown(further),
        better=shown(best),
        improved=improved,
    )


def _errors_at(errors: Mapping[str, ImageErrors], place: int) -> dict[str, ModelErrors]:
    return {model: ModelErrors(float(each.missed[place]), float(each.false[place])) for model, each in errors.items()}


def _points(table: MatchTable, num_classes: int) -> np.ndarray:
    """Operating points [K + 1]; a class of which nothing was ever right has none, and gets what is usual, so that its
    false detections are seen."""
    points = operating_points(table, num_classes)
    finite = points[1:][np.isfinite(points[1:])]
    return np.where(np.isfinite(points), points, np.median(finite) if finite.size else _USUAL_SCORE)


def _worst_first(errors: Mapping[str, ImageErrors]) -> tuple[list[int], int, int]:
    """Places of the images by what the candidate made worse, how many it made worse and how many better; without a
    baseline by its errors."""
    candidate = errors[CANDIDATE].missed + errors[CANDIDATE].false
    baseline = errors[BASELINE].missed + errors[BASELINE].false if BASELINE in errors else np.zeros_like(candidate)
    change = candidate - baseline
    order = np.lexsort((-candidate, -change))
    return order.tolist(), int(np.count_nonzero(change > 0)), int(np.count_nonzero(change < 0))


def sampled_images(image_ids: np.ndarray) -> list[int]:
    """The images that errors are counted in: all, or a fixed random sample, by ascending id."""
    if len(image_ids) <= ERROR_TYPE_IMAGES:
        return image_ids.tolist()
    return np.sort(np.random.default_rng(0).choice(image_ids, ERROR_TYPE_IMAGES, replace=False)).tolist()


def _error_types(boxes: Boxes, seen: Mapping[str, Seen], images: int) -> ErrorTypesFound:
    types = {iou: _costs(boxes, seen, iou) for iou in CURVE_IOUS}
    return ErrorTypesFound(types, len(boxes.images), images)


def _costs(boxes: Boxes, seen: Mapping[str, Seen], iou: float) -> tuple[ErrorTypeCost, ...]:
    # The cost is of all detections, as AP is; counted are those that a user of the model would see.
    whole = {model: boxes.errors(each, iou) for model, each in boxes.found.items()}
    surest = {model: boxes.errors(each.found, iou) for model, each in seen.items()}
    return tuple(
        ErrorTypeCost(
            name=name,
            cost={model: each.dap[name] for model, each in whole.items()},
            count={model: each.counts[name] for model, each in surest.items()},
        )
        for name in ERROR_TYPES
    )
