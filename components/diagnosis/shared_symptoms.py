"""Symptoms that several causes have in common; pure."""

from __future__ import annotations

from components.diagnosis.bundle import Bundle
from components.diagnosis.data_sets import TITLES, Change, change
from components.diagnosis.signals import STANDARD_ERRORS, Limit, symptom
from schemas.artifacts.diagnosis import Signal
from schemas.artifacts.evaluation import HELD_OUT, TRAIN_SAMPLE

_NOISE = 1.96  # standard errors of a 95 % interval


def held_out_fell(bundle: Bundle) -> Signal:
    """Whether the new span's own unseen images lost mAP; within the noise it says nothing."""
    found = change(bundle, HELD_OUT)
    is_clear = found is not None and (found.fell or found.rose)
    return symptom(
        "held_out_fell",
        found.value / found.std_error if found and is_clear else None,
        Limit(-_NOISE, STANDARD_ERRORS, is_most=True),
        _told(HELD_OUT, found),
        "More held-out images of the new span would show what the training did to images like those trained on.",
        1.0,
    )


def span_not_learned(bundle: Bundle) -> Signal:
    """Whether not even the images that were trained on gained mAP beyond the noise."""
    found = change(bundle, TRAIN_SAMPLE)
    return symptom(
        "span_not_learned",
        found.value / found.std_error if found else None,
        Limit(_NOISE, STANDARD_ERRORS, is_most=True),
        _told(TRAIN_SAMPLE, found),
        "An evaluation on images that were trained on would show whether the span was learned.",
        1.0,
    )


def _told(name: str, found: Change | None) -> str:
    return f"On {TITLES[name]} mAP changed by {found.shown}." if found else ""
