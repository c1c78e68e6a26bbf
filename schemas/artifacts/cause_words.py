"""Causes as people call them: the same on page, terminal and in messages; pure."""

from __future__ import annotations

from ratchet.schemas.artifacts import diagnosis
from ratchet.schemas.artifacts.diagnosis import Cause, DiagnosisState

_TITLES = {
    diagnosis.OVERFITTING: "overfitting to the new span",
    diagnosis.RATE_TOO_HIGH: "learning rate too high",
    diagnosis.RATE_TOO_LOW: "learning rate too low, or training too short",
    diagnosis.DATASET_SHIFT: "the new span shows something else (dataset shift)",
    diagnosis.AUGMENTATION: "augmentation",
    diagnosis.ANNOTATION: "the new span is labelled in another way",
    diagnosis.FORGETTING: "forgetting of earlier spans",
    diagnosis.EVALUATION_SET: "the golden set",
    diagnosis.PIPELINE: "the pipeline changed",
}
_VERY_LIKELY = 0.85  # three signals for it and none against it, by unit weights


def cause_title(name: str, detail: str = "") -> str:
    """A cause in words.

    >>> cause_title("overfitting", "few_images"), cause_title("forgetting")
    ('overfitting to the new span: few images', 'forgetting of earlier spans')
    """
    title = _TITLES.get(name, name.replace("_", " "))
    return f"{title}: {detail.replace('_', ' ')}" if detail else title


def in_words(cause: Cause) -> str:
    """What is known of the cause, as the head of its sentence."""
    if cause.state is DiagnosisState.NAMED:
        likely = "very likely cause" if cause.probability >= _VERY_LIKELY else "likely cause"
        return f"{likely}: {cause_title(cause.name, cause.detail)}"
    return _STATES[cause.state]


_STATES = {
    DiagnosisState.UNKNOWN: "cause unknown",
    DiagnosisState.NOTHING: "nothing to explain",
    DiagnosisState.FAILED: "cause not known",
}
