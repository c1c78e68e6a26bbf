"""Two learning-rate schedules compared."""

from __future__ import annotations

import math
from collections.abc import Iterator

from ratchet.components.toolkits.plan_change import PlanChange, ratio_of, times
from ratchet.components.toolkits.settings_tree import is_same, number, shown
from ratchet.schemas.data.training_plan import RateSchedule, TrainingPlan

_WORDS = {
    "rate.peak": "the highest learning rate",
    "rate.final": "the last learning rate",
    "rate.mean": "the mean learning rate",
}
_NEARLY = {"rate.peak": 0.01, "rate.final": 0.05, "rate.mean": 0.05}  # relative: what comes of a warm-up or a last step
_ALIKE = 0.1  # relative: what a warm-up makes of the rate that was set


def rate_changes(before: TrainingPlan, after: TrainingPlan) -> Iterator[PlanChange]:
    """What differs between the learning rates of two plans; nothing where one of them does not say it."""
    first, second = before.rate, after.rate
    if first is None or second is None:
        return
    if not _is_same_setting(before, after, "rate.peak"):
        yield from _change("rate.peak", before, after, first.peak, second.peak)
    if len(first.points) > 1 and len(second.points) > 1:
        yield from _change("rate.final", before, after, first.final, second.final)
        yield from _change("rate.mean", before, after, first.mean, second.mean)
    yield from _warmup(before, after, first, second)
    if first.kind != second.kind:
        name = after.named.get("rate.schedule", "learning-rate schedule")
        sentence = f"the learning rate's schedule: {first.kind} -> {second.kind}"
        yield PlanChange("rate.schedule", name, first.kind, second.kind, None, sentence)


def _change(
    attribute: str, before: TrainingPlan, after: TrainingPlan, first: float, second: float
) -> Iterator[PlanChange]:
    largest = max(plan.rate.peak for plan in (before, after) if plan.rate)
    if math.isclose(first, second, rel_tol=_NEARLY[attribute], abs_tol=1e-6 * largest):
        return
    ratio = ratio_of(first, second)
    texts, name = (shown(first), shown(second)), after.named.get(attribute, _WORDS[attribute])
    if attribute == "rate.peak" and before.toolkit == after.toolkit:
        texts, ratio, name = _as_written(before, after, texts, ratio, name)
    elif before.toolkit == after.toolkit and before.settings.get(name) == after.settings.get(name):
        name = _WORDS[attribute]  # it follows from another setting
    is_ratio = f"is {times(ratio)}: " if ratio else ": "
    sentence = f"{_WORDS[attribute]}{' ' if ratio else ''}{is_ratio}{texts[0]} -> {texts[1]}"
    yield PlanChange(attribute, name, *texts, ratio, sentence)


def _as_written(
    before: TrainingPlan, after: TrainingPlan, texts: tuple[str, str], ratio: float | None, name: str
) -> tuple[tuple[str, str], float | None, str]:
    # Of one setting in both files, for advice; the rate itself where what was set is something else, as a share.
    for attribute in ("rate.peak", "rate.base"):
        path = after.named.get(attribute, "")
        first, second = before.settings.get(path), after.settings.get(path)
        if first is not None and second is not None and not is_same(first, second):
            written = ratio_of(number(first), number(second))
            if written and ratio and math.isclose(written, ratio, rel_tol=_ALIKE):
                return (first, second), written, path
    return texts, ratio, name


def _is_same_setting(before: TrainingPlan, after: TrainingPlan, attribute: str) -> bool:
    # Ultralytics' peak lies a little below lr0, by how long the warm-up is: that is the warm-up's change.
    if before.toolkit != after.toolkit or before.named.get(attribute) != after.named.get(attribute):
        return False
    texts = [plan.settings.get(plan.named.get(attribute, "")) for plan in (before, after)]
    peaks = [plan.rate.peak for plan in (before, after) if plan.rate]
    is_near = math.isclose(*peaks, rel_tol=_ALIKE)
    return texts[0] is not None and texts[1] is not None and is_same(texts[0], texts[1]) and is_near


def _warmup(
    before: TrainingPlan, after: TrainingPlan, first: RateSchedule, second: RateSchedule
) -> Iterator[PlanChange]:
    name = after.named.get("rate.warmup", "warm-up")
    unit = "steps"
    if first.warmup_steps is not None and second.warmup_steps is not None:
        texts = shown(first.warmup_steps), shown(second.warmup_steps)
    elif before.toolkit == after.toolkit and name in before.settings and name in after.settings:
        texts, unit = (before.settings[name], after.settings[name]), name.rsplit("_", 1)[-1]
    else:
        return
    if not is_same(*texts):
        ratio = ratio_of(number(texts[0]), number(texts[1]))
        yield PlanChange("rate.warmup", name, *texts, ratio, f"warm-up, in {unit}: {texts[0]} -> {texts[1]}")
