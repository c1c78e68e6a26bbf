"""Labels of images beside what a model found there, and how boxes of both lie to each other; pure."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np

from ratchet.components.metrics.boxes import overlapping
from ratchet.components.metrics.repeats import repeated_objects
from ratchet.schemas.data.columns import DetectionColumns, TruthColumns, rows_of

_SAME_SIGHTING_IOU = 0.6  # detections of several classes that overlap this much see one object
_IN_CROWD = 0.5  # part of a detection; from there on it lies in the region of a crowd


@dataclass(frozen=True, eq=False)
class Profile:
    """Labelled images and what the served model found in them.

    Attributes:
        file_names: of each image; its place is the position that the columns speak of.
        sizes_px: [i, 2] float64, width and height.
        truth: the labelled objects; labels of classes that the model does not know are negative.
        found: the model's detections of every score from about .05.
        asked: how many sets of images are asked the same, of which this is one: the more, the surer a finding must be.
    """

    file_names: tuple[str, ...]
    sizes_px: np.ndarray
    truth: TruthColumns
    found: DetectionColumns
    asked: int = 1

    def __post_init__(self) -> None:
        """Raises ValueError for sizes or positions that do not fit the images."""
        images = len(self.file_names)
        if self.sizes_px.shape != (images, 2):
            raise ValueError(f"sizes_px: expected shape ({images}, 2), one row per image, got {self.sizes_px.shape}")
        for name, image in (("truth", self.truth.image), ("found", self.found.image)):
            if image.size and not (image.min() >= 0 and image.max() < images):
                raise ValueError(f"{name}.image: positions must be within 0..{images - 1}, got {image.max()}")

    def of_images(self, keep: np.ndarray) -> Profile:
        """Some of the images, counted anew; `keep` is [i] bool."""
        names = tuple(name for name, kept in zip(self.file_names, keep) if kept)
        return dataclasses.replace(
            self,
            file_names=names,
            sizes_px=self.sizes_px[keep],
            truth=self.truth.of_images(keep),
            found=self.found.of_images(keep),
        )


def in_label_map(profile: Profile, numbers: np.ndarray) -> Profile:
    """The same in the label map of the model.

    Args:
        profile: in the label map of the data.
        numbers: [K + 1] the model's label of each label of the data; 0 for a class that it does not know.
    """
    numbers = np.where(numbers > 0, numbers, -np.arange(len(numbers)))  # unknown classes stay apart from each other
    truth = dataclasses.replace(profile.truth, labels=numbers[profile.truth.labels])
    return dataclasses.replace(
        profile, truth=truth, found=dataclasses.replace(profile.found, labels=numbers[profile.found.labels])
    )


def sightings_of(profile: Profile) -> DetectionColumns:
    """What the model sees, one row per place: of detections that overlap only the surest speaks.

    What lies in a region labelled as a crowd is left out, for there nobody labelled single objects.
    """
    found = rows_of(profile.found, np.all(profile.found.boxes_xywh_px[:, 2:] > 0, axis=1))
    found = rows_of(found, np.argsort(-found.scores, kind="stable"))
    keep = np.ones(len(found.scores), dtype=np.bool_)
    pairs = overlapping(found.image, found.boxes_xywh_px, found.image, found.boxes_xywh_px)
    keep[pairs.other[(pairs.one < pairs.other) & (pairs.iou > _SAME_SIGHTING_IOU)]] = False
    crowds = rows_of(profile.truth, profile.truth.is_crowd)
    inside = overlapping(found.image, found.boxes_xywh_px, crowds.image, crowds.boxes_xywh_px, crowds.is_crowd)
    keep[inside.one[inside.iou > _IN_CROWD]] = False
    return rows_of(found, keep)


def single_labels(truth: TruthColumns) -> TruthColumns:
    """The labelled single objects, each once."""
    keep = ~truth.is_crowd & (truth.boxes_xywh_px[:, 2:] > 0).all(axis=1)
    keep[repeated_objects(truth)] = False
    return rows_of(truth, keep)


def relation(labelled_xywh_px: np.ndarray, seen_xywh_px: np.ndarray) -> np.ndarray:
    """How labelled boxes are drawn around what is profile.

    Args:
        labelled_xywh_px: [n, 4].
        seen_xywh_px: [n, 4], of positive size.

    Returns:
        [n, 4]: displacement of the label's centre in x and y as a fraction of the seen size, ln of the label's width
        and height over the seen ones.

    >>> relation(np.array([[10.0, 0, 20, 20]]), np.array([[0.0, 0, 20, 20]])).round(2)
    array([[0.5, 0. , 0. , 0. ]])
    """
    size = seen_xywh_px[:, 2:]
    shift = labelled_xywh_px[:, :2] + labelled_xywh_px[:, 2:] / 2 - seen_xywh_px[:, :2] - size / 2
    return np.hstack([shift / size, np.log(labelled_xywh_px[:, 2:] / size)])


def undone(labelled_xywh_px: np.ndarray, drawn: np.ndarray) -> np.ndarray:
    """Where the model would see what is labelled, if all boxes were drawn in the relation `drawn` [4].

    >>> undone(np.array([[10.0, 0, 20, 20]]), np.array([0.5, 0, 0, 0]))
    array([[ 0.,  0., 20., 20.]])
    """
    size = labelled_xywh_px[:, 2:] / np.exp(drawn[2:])
    centre = labelled_xywh_px[:, :2] + labelled_xywh_px[:, 2:] / 2 - drawn[:2] * size
    return np.hstack([centre - size / 2, size])
