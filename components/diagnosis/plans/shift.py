"""Whether the second training's images look otherwise, with what configurations say of everything else; pure.

A record of this pipeline brings held-out images of every span along; a person with two configurations, two data sets
and result files has none. So what counts here besides is whether anything else changed, and whether the first model,
which nobody changed, finds less in the new images than in the golden ones.
"""

from __future__ import annotations

from collections.abc import Sequence

from ratchet.components.diagnosis import dataset_shift
from ratchet.components.diagnosis.bundle import Bundle
from ratchet.components.diagnosis.plans.alone import IMAGES, nothing_else
from ratchet.components.diagnosis.plans.pair import PlanPair
from ratchet.components.diagnosis.signals import RATIO, Limit, symptom
from ratchet.components.diagnosis.trainings import ratio
from ratchet.components.diagnosis.weighing import weighed
from ratchet.schemas.artifacts.diagnosis import CauseFinding, Role, Signal
from ratchet.schemas.base.formatting import percent

_FINDS_LESS = Limit(0.9, RATIO, is_most=True, is_silent=True)  # of its recall in the golden set


def examine(bundle: Bundle, pair: PlanPair) -> Sequence[CauseFinding]:
    """The properties of the images that moved farthest, or one finding for all where none did."""
    return [_finding(each, bundle, pair) for each in dataset_shift.examine(bundle)]


def _finding(finding: CauseFinding, bundle: Bundle, pair: PlanPair) -> CauseFinding:
    # What did not surely move stays as it was: other signs show that something did, and not that it was this.
    if not any(signal.role is Role.SUSPECT and signal.supports for signal in finding.signals):
        return finding
    further = [_finds_less(bundle), nothing_else(bundle, pair, IMAGES)]
    return weighed(finding, [*finding.signals, *further])


def _finds_less(bundle: Bundle) -> Signal:
    labels = bundle.evidence.labels
    seen, golden = (labels.span_recall, labels.golden_recall) if labels else (None, None)
    told = (
        f"The model before finds {percent(seen or 0.0)} of the new labels, {percent(golden or 0.0)} of the golden ones."
    )
    otherwise = "What the model before finds in the new images would show whether it knows them: --before-on-train."
    return symptom("finds_less_in_new", ratio(seen, golden), _FINDS_LESS, told, otherwise)
