"""Learning rates of the TF Object Detection API: optimizer.proto and utils/learning_schedules.py."""

from __future__ import annotations

from collections.abc import Mapping

from ratchet.components.toolkits.schedules import constant, cosine, exponential, multiples, schedule, steps, warmed_up
from ratchet.components.toolkits.settings_tree import Settings, at, many, number, truth
from ratchet.schemas.data.training_plan import RateSchedule

_OPTIMIZERS = {"momentum_optimizer": "momentum", "rms_prop_optimizer": "rms_prop", "adam_optimizer": "adam"}
_RATE = 0.002  # of every schedule that does not say it
_MANY_STEPS = 4_000_000.0  # total_steps and decay_steps
_MOST_FALLS = 1000
_MOST_HALVINGS = 64  # of a smooth one, followed from factor to factor


def rate_of(settings: Settings, length: float | None) -> tuple[RateSchedule | None, str | None]:
    """The schedule of a `pipeline.config`, and the optimizer's name.

    Args:
        settings: of the file.
        length: steps of the training; None where the file does not say.
    """
    optimizer = settings.take("optimizer", "train_config.optimizer")
    name = next((each for each in _OPTIMIZERS if isinstance(optimizer, Mapping) and each in optimizer), None)
    if name is None:
        return None, None
    path = f"train_config.optimizer.{name}.learning_rate"
    settings.name("rate.schedule", path)
    rates = at(settings.tree, path)
    kind = next(iter(rates), "") if isinstance(rates, Mapping) else ""
    read = _READERS.get(kind)
    found = read(settings, f"{path}.{kind}", length) if read else None
    return found, _OPTIMIZERS[name]


def _constant(settings: Settings, path: str, length: float | None) -> RateSchedule | None:
    rate = settings.number("rate.peak", f"{path}.learning_rate", default=_RATE)
    return schedule("constant", constant(rate or 0.0), length or 1.0, warmup_steps=0.0)


def _exponential(settings: Settings, path: str, length: float | None) -> RateSchedule | None:
    initial = settings.number("rate.peak", f"{path}.initial_learning_rate", default=_RATE) or 0.0
    every = settings.number("rate.final", f"{path}.decay_steps", default=_MANY_STEPS) or _MANY_STEPS
    factor = settings.number("", f"{path}.decay_factor", default=0.95) or 0.0
    is_stepwise = truth(at(settings.tree, f"{path}.staircase")) is not False
    burn = settings.number("rate.warmup", f"{path}.burnin_steps", default=0.0) or 0.0
    burnin = settings.number("", f"{path}.burnin_learning_rate") or initial
    least = settings.number("", f"{path}.min_learning_rate", default=0.0) or 0.0
    decayed = exponential(initial, every, factor, is_stepwise, burn)

    def rate_at(place: float) -> float:
        return max(burnin if place < burn else decayed(place), least)

    falls = multiples(every, length, _MOST_FALLS if is_stepwise else _MOST_HALVINGS, burn)
    return schedule("exponential", rate_at, length, [burn, *falls], burn)


def _manual(settings: Settings, path: str, length: float | None) -> RateSchedule | None:
    initial = settings.number("", f"{path}.initial_learning_rate", default=_RATE) or 0.0
    entries = many(at(settings.tree, f"{path}.schedule"))
    boundaries = [number(at(entry, "step")) or 0.0 for entry in entries]
    # A rate of 0 is one; the proto's default stands for none at all.
    given = [number(at(entry, "learning_rate")) for entry in entries]
    rates = [initial, *(_RATE if rate is None else rate for rate in given)]
    rate_at, warmup = steps(boundaries, rates), 0.0
    if boundaries and boundaries[0] > 0 and truth(at(settings.tree, f"{path}.warmup")):
        warmup = boundaries[0]
        rate_at = warmed_up(rate_at, initial, rates[1], warmup)
    highest = rates.index(max(rates))
    entry = f"schedule[{highest - 1}]" if len(entries) > 1 else "schedule"
    settings.name("rate.peak", f"{path}.{entry}.learning_rate" if highest else f"{path}.initial_learning_rate")
    settings.name("rate.warmup", f"{path}.warmup")
    return schedule("step", rate_at, length, boundaries, warmup)


def _cosine(settings: Settings, path: str, length: float | None) -> RateSchedule | None:
    base = settings.number("rate.peak", f"{path}.learning_rate_base", default=_RATE) or 0.0
    total = settings.number("rate.final", f"{path}.total_steps", default=_MANY_STEPS) or _MANY_STEPS
    rise = settings.number("", f"{path}.warmup_learning_rate", default=0.0002) or 0.0
    warmup = settings.number("rate.warmup", f"{path}.warmup_steps", default=10_000.0) or 0.0
    level = warmup + (settings.number("", f"{path}.hold_base_rate_steps", default=0.0) or 0.0)
    falling = cosine(base, 0.0, level, total)
    risen = warmed_up(falling, rise, base, warmup) if warmup else falling
    # After total_steps the rate is 0; with fewer steps than that it never comes down.
    return schedule("cosine", risen, length or total, [warmup, level, total], warmup)


_READERS = {
    "constant_learning_rate": _constant,
    "exponential_decay_learning_rate": _exponential,
    "manual_step_learning_rate": _manual,
    "cosine_decay_learning_rate": _cosine,
}
