"""Settings that no cause of its own looks at: matcher thresholds, losses, input size, frozen parts, label map; pure.

What each of them costs no figure says, so they are named by elimination: where one changed, nothing else did, and mAP
fell beyond the noise.
"""

from __future__ import annotations

from collections.abc import Sequence

from ratchet.components.diagnosis.bundle import Bundle
from ratchet.components.diagnosis.plans.alone import NEED_CONFIGS, SETTINGS, is_data, nothing_else
from ratchet.components.diagnosis.plans.pair import PlanPair
from ratchet.components.diagnosis.shared_symptoms import held_out_fell
from ratchet.components.diagnosis.signals import Limit, Told, found, suspect
from ratchet.components.toolkits.plan_change import PlanChange
from ratchet.schemas.artifacts.diagnosis import PIPELINE, CauseFinding
from ratchet.schemas.base.formatting import listed

_ANY = Limit(1.0, "changes")
_MOST_NAMED = 3


def examine(bundle: Bundle, pair: PlanPair) -> Sequence[CauseFinding]:
    """Whether it was another setting of the training."""
    changes = [each for each in pair.change(*SETTINGS) if not is_data(pair, each)]
    details = list(dict.fromkeys(each.attribute.partition(".")[0] for each in changes))
    count = float(len(changes)) if pair.changes is not None else None
    told = f"Changed was {_named(changes)}." if changes else "All other settings of the configurations are as before."
    suspected = suspect("settings", count, _ANY, told, f"The settings of both would say it: {NEED_CONFIGS}.")
    signals = [suspected, *([nothing_else(bundle, pair, *details), held_out_fell(bundle)] if changes else [])]
    return [found(PIPELINE, details[0] if len(details) == 1 else "settings", signals, _told(changes))]


def _named(changes: Sequence[PlanChange]) -> str:
    return listed([f"{each.name}: {each.before} -> {each.after}" for each in changes], _MOST_NAMED)


def _told(changes: Sequence[PlanChange]) -> Told:
    back = listed([f"{each.name}: {each.after} -> {each.before}" for each in changes], _MOST_NAMED)
    return Told(
        supported=f"{_named(changes)}: nothing else changed, and mAP fell.",
        open=f"{_named(changes)}; that it costs mAP does not show." if changes else "Other settings are not known.",
        refuted="All other settings of the training are as before.",
        action=f"Train once more with {back}: if mAP stays then, it was that.",
        test=f"To test it give {NEED_CONFIGS}.",
    )
