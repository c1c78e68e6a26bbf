"""What is known of the images and labels of two trainings and of the golden set, beside what the data gate compares."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class SetFacts:
    """One data set.

    Attributes:
        title: what it is called.
        images: how many.
        boxes: how many.
        bad_boxes: boxes that were left out, because they cannot be boxes of their image.
        objects: by class, in label order.
        sizes: how many images have a size, `640x480`, the most frequent.
        unreadable: images that could not be read, of those that were looked at.
        looked_at: images that could be read.
    """

    title: str
    images: int
    boxes: int
    bad_boxes: int
    objects: Mapping[str, int]
    sizes: Mapping[str, int]
    unreadable: int
    looked_at: int


@dataclass(frozen=True)
class Share:
    """Some images of a data set.

    Attributes:
        count: how many.
        of: out of how many that were looked at.
        images: file names of all of them.
        same_files: how many of them are the same byte for byte.
    """

    count: int
    of: int
    images: tuple[str, ...]
    same_files: int

    @property
    def share(self) -> float:
        """0..1; 0 of nothing."""
        return self.count / self.of if self.of else 0.0


@dataclass(frozen=True)
class DataFacts:
    """What was counted; None or empty where what it takes is not there.

    Attributes:
        before: the training data before.
        after: the training data after.
        golden: the golden set.
        after_in_before: images of the training data after that were in that before.
        golden_in_before: golden images that are in the training data before.
        golden_in_after: golden images that are in the training data after.
        labels_by_model: share of the labels after that are detections of the model before, of images that it was shown.
        golden_labels_by_model: the same of the golden set's labels.
        boxes_an_image: by data set, `before`, `after` and `golden`, boxes an image of the classes that before and after
            both know.
        new_classes: of the training data after, that before did not know.
        gone_classes: of the training data before, that after does not know.
        lost_objects: by class that both know, objects after and how many there would be at the rate before, where
            there are hardly any: it went, or nobody labelled it.
    """

    before: SetFacts | None = None
    after: SetFacts | None = None
    golden: SetFacts | None = None
    after_in_before: Share | None = None
    golden_in_before: Share | None = None
    golden_in_after: Share | None = None
    labels_by_model: float | None = None
    golden_labels_by_model: float | None = None
    boxes_an_image: Mapping[str, float] = field(default_factory=dict)
    new_classes: tuple[str, ...] = ()
    gone_classes: tuple[str, ...] = ()
    lost_objects: Mapping[str, tuple[int, float]] = field(default_factory=dict)
