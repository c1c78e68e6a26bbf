"""A span with classes that the served model does not know: what of it can be compared with the model's world; pure."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np

from ratchet.schemas.artifacts.data_evidence import DRIFT, EMBEDDING
from ratchet.schemas.artifacts.decisions import Reason
from ratchet.schemas.data import features
from ratchet.schemas.data.feature_sample import FeatureSample

_OF_BOXES = {f"{DRIFT}:{key}" for key in (features.BOX_CLASS, features.QA_BOX_LOG_AREA, features.QA_BOX_LOG_ASPECT)}


@dataclass(frozen=True)
class NewClasses:
    """A span's classes beside the served model's, by name.

    Attributes:
        known: of the span, those that the model knows; all of them without a model.
        new: those that it does not know.
        lost: the model's classes that the span does not have.
    """

    known: tuple[str, ...]
    new: tuple[str, ...]
    lost: tuple[str, ...]

    @classmethod
    def of(cls, span: Sequence[str], model: Sequence[str] | None) -> NewClasses:
        """Compares two lists of classes.

        Args:
            span: its classes.
            model: those of the served model; None: there is none.

        >>> NewClasses.of(["cat", "fox"], ["dog", "cat"])
        NewClasses(known=('cat',), new=('fox',), lost=('dog',))
        """
        model = span if model is None else model
        known, new = (tuple(name for name in span if (name in model) is wanted) for wanted in (True, False))
        return cls(known, new, tuple(name for name in model if name not in span))


def boxes_of(sample: FeatureSample, labels: Collection[int]) -> FeatureSample:
    """The same images with the boxes of some classes alone; what was counted in an image stays."""
    keep = np.isin(sample.labels, list(labels))
    return dataclasses.replace(
        sample,
        objects={key: values[keep] for key, values in sample.objects.items()},
        labels=sample.labels[keep],
        box_counts=np.bincount(_image(sample)[keep], minlength=len(sample)),
    )


def shows_only(sample: FeatureSample, labels: Collection[int]) -> np.ndarray:
    """[n] bool, the images without a box of another class."""
    others = ~np.isin(sample.labels, list(labels))
    return np.bincount(_image(sample)[others], minlength=len(sample)) == 0


def beside_new_classes(reason: Reason, new: Sequence[str], are_apart: bool) -> Reason:
    """What a drift rule says of a span with new classes.

    Args:
        reason: of what shows no new class, wherever that can be told apart.
        new: the new classes, by name; if there is none the reason stays as it is.
        are_apart: whether the embeddings compared are of images that show no new class. Otherwise new objects may be
            all that differs, which is no reason to stop a run.
    """
    if not new:
        return reason
    if reason.rule in _OF_BOXES:
        return dataclasses.replace(reason, expected=f"{reason.expected}, boxes of new classes left out")
    if reason.rule != f"{DRIFT}:{EMBEDDING}":
        return reason
    if are_apart:
        return dataclasses.replace(reason, expected=f"{reason.expected}, images with new classes left out")
    if reason.passed:
        return reason
    actual = f"{reason.actual} (nearly all of them show new classes)"
    return dataclasses.replace(reason, passed=True, warning=True, actual=actual)


def _image(sample: FeatureSample) -> np.ndarray:
    # [m] the image of each box
    return np.repeat(np.arange(len(sample)), sample.box_counts)
