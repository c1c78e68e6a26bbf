"""Symptoms that several causes have in common; pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ratchet.components.diagnosis.bundle import Bundle
from ratchet.components.diagnosis.data_sets import TITLES, Change, change
from ratchet.components.diagnosis.signals import SHARE_OF_FALL, STANDARD_ERRORS, Limit, symptom
from ratchet.schemas.artifacts.diagnosis import Signal
from ratchet.schemas.artifacts.evaluation import EARLIER_SPANS, HELD_OUT, TRAIN_SAMPLE, Delta
from ratchet.schemas.base.formatting import listed, percent

_MOST_NAMED = 5
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


def unseen_fell(bundle: Bundle) -> Signal:
    """Whether unseen images of the new span lost mAP, or those of earlier spans where a tiny span has too few."""
    own = held_out_fell(bundle)
    if own.supports is not None:
        return own
    earlier = change(bundle, EARLIER_SPANS)
    return symptom(
        "earlier_fell",
        earlier.value / earlier.std_error if earlier else None,
        Limit(-_NOISE, STANDARD_ERRORS, is_most=True),
        _told(EARLIER_SPANS, earlier),
        own.sentence,
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


def bears_the_fall(
    name: str, names: Sequence[str], parts: Mapping[str, Delta], why: str, otherwise: str, is_silent: bool = False
) -> Signal:
    """Whether some classes or slices bear more of the golden set's fall than by their number.

    Args:
        name: of the signal.
        names: of them; empty: nothing is asked.
        parts: candidate minus baseline of all classes, or of all slices of the same attributes.
        why: what is with them: `which the span lacks`.
        otherwise: what would show it.
        is_silent: whether a small share says nothing, instead of speaking against the cause.
    """
    falls = {part: -delta.value for part, delta in parts.items() if delta.value is not None}
    whole = sum(falls.values())
    share = sum(falls.get(part, 0.0) for part in names) / whole if names and whole > 0 else None
    by_chance = len(names) / max(1, len(falls))
    told = f"{percent(share or 0.0)} of the golden set's fall is in {listed(names, _MOST_NAMED)}, {why}."
    limit = Limit((1 + by_chance) / 2, SHARE_OF_FALL, is_silent=is_silent)
    return symptom(name, share, limit, told, otherwise)


def _told(name: str, found: Change | None) -> str:
    return f"On {TITLES[name]} mAP changed by {found.shown}." if found else ""
