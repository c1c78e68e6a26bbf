"""Labels that the first model made itself: what it misses is taught as background, what it confuses as truth; pure."""

from __future__ import annotations

from collections.abc import Sequence

from ratchet.components.diagnosis.bundle import Bundle
from ratchet.components.diagnosis.plans.alone import LABELS, nothing_else
from ratchet.components.diagnosis.plans.pair import PlanPair
from ratchet.components.diagnosis.signals import SHARE, Limit, Told, found, suspect
from ratchet.schemas.artifacts.diagnosis import ANNOTATION, CauseFinding
from ratchet.schemas.base.formatting import percent

_BY_MODEL = Limit(0.5, SHARE)


def examine(bundle: Bundle, pair: PlanPair) -> Sequence[CauseFinding]:
    """A finding where half of the new labels are the model's own; none otherwise."""
    share = pair.data.labels_by_model if pair.data else None
    if share is None or not _BY_MODEL.supports(share):
        return []
    what = f"{percent(share)} of the new labels are detections of the model before, to the pixel"
    told = Told(
        supported=f"{what}, so that it was taught its own errors.",
        open=f"{what}; that its errors were taught on does not show.",
        refuted="",
        action="Have a person correct these labels, above all what the model did not find, and train once more.",
    )
    signals = [suspect("labels_by_model", share, _BY_MODEL, f"{what}.", ""), nothing_else(bundle, pair, LABELS)]
    return [found(ANNOTATION, "own_labels", signals, told)]
