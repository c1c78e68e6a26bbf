"""Objects and detections of some images, and where they are read from: lines of COCO files, or columns; pure."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeVar

import numpy as np

from ratchet.components.coco.lines import annotations_in, results_in
from ratchet.components.coco.reading import CocoAnnotations
from ratchet.components.metrics.error_types import ErrorTypes, error_types
from ratchet.schemas.data.columns import DetectionColumns, TruthColumns, rows_of

Lines = Callable[[], Iterable[str]]  # of a file, opened anew at each call
_Columns = TypeVar("_Columns", TruthColumns, DetectionColumns)


class BoxedImage(NamedTuple):
    """An image; its size is 0 where the files do not say it."""

    image_id: int
    file_name: str
    size_px: tuple[int, int]


@dataclass(frozen=True)
class Boxes:
    """Objects and detections of some images.

    Attributes:
        class_names: in label order.
        images: what positions count.
        objects: of all classes.
        found: by model.
        max_detections: how many count of each image and class.
    """

    class_names: tuple[str, ...]
    images: tuple[BoxedImage, ...]
    objects: TruthColumns
    found: Mapping[str, DetectionColumns]
    max_detections: int

    def of_labels(self, labels: Sequence[int]) -> Boxes:
        """Those of some labels."""
        found = {model: rows_of(each, np.isin(each.labels, labels)) for model, each in self.found.items()}
        return dataclasses.replace(
            self, objects=rows_of(self.objects, np.isin(self.objects.labels, labels)), found=found
        )

    def of(self, image_ids: Sequence[int]) -> Boxes:
        """Those of some of the images, in the order given."""
        places = {image.image_id: place for place, image in enumerate(self.images)}
        new = np.full(len(places), -1, np.int64)
        new[[places[image_id] for image_id in image_ids]] = np.arange(len(image_ids))
        images = tuple(self.images[places[image_id]] for image_id in image_ids)
        found = {model: _placed(each, new) for model, each in self.found.items()}
        return dataclasses.replace(self, images=images, objects=_placed(self.objects, new), found=found)

    def errors(self, found: DetectionColumns, match_iou: float = 0.5) -> ErrorTypes:
        """What is wrong with the detections of a model in these images."""
        return error_types(self.objects, found, len(self.class_names), match_iou, max_detections=self.max_detections)


def boxes_in_lines(truth: Lines, found: Mapping[str, Lines], image_ids: Sequence[int], max_detections: int) -> Boxes:
    """Boxes of some images.

    Args:
        truth: lines of the ground truth file.
        found: lines of the detections file, by model.
        image_ids: those wanted, ascending.
        max_detections: how many count of each image and class.
    """
    objects = annotations_in(truth(), image_ids, "the ground truth file")
    columns = {
        model: results_in(lines(), objects.image_ids, objects.label_map, f"the detections of the {model}")
        for model, lines in found.items()
    }
    return Boxes(objects.label_map.names, _images(objects), objects.objects, columns, max_detections)


def boxes_in_columns(
    truth: CocoAnnotations, found: Mapping[str, DetectionColumns], image_ids: Sequence[int], max_detections: int
) -> Boxes:
    """Boxes of some images; the arguments are those of `boxes_in_lines`, but that the files have been read."""
    whole = Boxes(truth.label_map.names, _images(truth), truth.objects, found, max_detections)
    return whole.of(image_ids)


def sure(found: DetectionColumns, points: np.ndarray) -> DetectionColumns:
    """The detections whose score reaches their label's point, [K + 1] float64."""
    return rows_of(found, found.scores >= points[found.labels])


def _images(truth: CocoAnnotations) -> tuple[BoxedImage, ...]:
    sizes = [(int(width), int(height)) for width, height in np.nan_to_num(truth.sizes_px)]
    names = (name or f"image {number}" for number, name in zip(truth.ids, truth.file_names))
    return tuple(map(BoxedImage, truth.image_ids.tolist(), names, sizes))


def _placed(columns: _Columns, new_place: np.ndarray) -> _Columns:
    kept = rows_of(columns, new_place[columns.image] >= 0)
    return dataclasses.replace(kept, image=new_place[kept.image])
