"""Learning rates of tf-models: official/modeling/optimization, whose schedules are Keras's."""

from __future__ import annotations

from collections.abc import Callable

from ratchet.components.toolkits.schedules import (
    RateAt,
    constant,
    cosine,
    exponential,
    multiples,
    polynomial,
    schedule,
    steps,
    warmed_up,
)
from ratchet.components.toolkits.settings_tree import Settings, at, many, number, truth
from ratchet.schemas.data.training_plan import RateSchedule

_OPTIMIZER = "trainer.optimizer_config"
_KINDS = {"stepwise": "step"}
_MOST_FALLS = 1000
_MOST_HALVINGS = 64  # of a smooth one, followed from factor to factor
_Made = tuple[RateAt, list[float]] | None


def rate_of(settings: Settings, length: float | None) -> tuple[RateSchedule | None, str | None]:
    """The schedule of an experiment, and the optimizer's name.

    Args:
        settings: of the file.
        length: steps of the training; None where the file does not say.
    """
    optimizer = settings.text("optimizer", f"{_OPTIMIZER}.optimizer.type")
    rates = f"{_OPTIMIZER}.learning_rate"
    settings.name("rate.schedule", rates)
    kind = settings.text("", f"{rates}.type") or ""
    make = _READERS.get(kind)
    made = make(settings, f"{rates}.{kind}", length) if make else None
    if made is None:
        return None, optimizer
    rate_at, knots = made
    start = number(at(settings.tree, f"{rates}.{kind}.offset")) or 0.0

    def moved(place: float) -> float:
        return rate_at(place - start)

    warmup = _warmup(settings)
    risen = _risen(settings, moved, warmup) if warmup else moved
    places = [warmup, *(knot + start for knot in knots)]
    return schedule(_KINDS.get(kind, kind), risen, length, places, warmup), optimizer


def _warmup(settings: Settings) -> float:
    kind = settings.text("", f"{_OPTIMIZER}.warmup.type")
    return (
        settings.number("rate.warmup", f"{_OPTIMIZER}.warmup.{kind or 'linear'}.warmup_steps") or 0.0 if kind else 0.0
    )


def _risen(settings: Settings, rate_at: RateAt, warmup: float) -> RateAt:
    # It rises to what the schedule gives at its end.
    kind = settings.text("", f"{_OPTIMIZER}.warmup.type")
    top = rate_at(warmup)
    if kind == "polynomial":
        power = settings.number("", f"{_OPTIMIZER}.warmup.polynomial.power", default=1.0) or 1.0
        return lambda place: top * (place / warmup) ** power if place < warmup else rate_at(place)
    first = settings.number("", f"{_OPTIMIZER}.warmup.linear.warmup_learning_rate", default=0.0) or 0.0
    settings.name("rate.warmup_start", f"{_OPTIMIZER}.warmup.linear.warmup_learning_rate")
    return warmed_up(rate_at, first, top, warmup)


def _constant(settings: Settings, path: str, length: float | None) -> _Made:
    rate = settings.number("rate.peak", f"{path}.learning_rate")
    return None if rate is None else (constant(rate), [])


def _stepwise(settings: Settings, path: str, length: float | None) -> _Made:
    boundaries = [number(each) for each in many(at(settings.tree, f"{path}.boundaries"))]
    values = [number(each) for each in many(settings.take("rate.peak", f"{path}.values"))]
    edges = [each for each in boundaries if each is not None]
    rates = [each for each in values if each is not None]
    return (steps(edges, rates), edges) if rates and len(rates) == len(edges) + 1 else None


def _exponential(settings: Settings, path: str, length: float | None) -> _Made:
    initial = settings.number("rate.peak", f"{path}.initial_learning_rate")
    every, factor = (settings.number("", f"{path}.{key}") for key in ("decay_steps", "decay_rate"))
    if initial is None or not every or factor is None:
        return None
    is_stepwise = truth(at(settings.tree, f"{path}.staircase")) is True
    falls = multiples(every, length, _MOST_FALLS if is_stepwise else _MOST_HALVINGS)
    return exponential(initial, every, factor, is_stepwise), falls


def _polynomial(settings: Settings, path: str, length: float | None) -> _Made:
    initial = settings.number("rate.peak", f"{path}.initial_learning_rate")
    every = settings.number("", f"{path}.decay_steps")
    last = settings.number("rate.final", f"{path}.end_learning_rate", default=0.0001)
    power = settings.number("", f"{path}.power", default=1.0)
    if initial is None or not every or last is None or power is None:
        return None
    return polynomial(initial, last, 0.0, every, power), [every]


def _cosine(settings: Settings, path: str, length: float | None) -> _Made:
    initial = settings.number("rate.peak", f"{path}.initial_learning_rate")
    every = settings.number("", f"{path}.decay_steps")
    share = settings.number("rate.final", f"{path}.alpha", default=0.0)
    if initial is None or not every or share is None:
        return None
    return cosine(initial, initial * share, 0.0, every), [every]


_READERS: dict[str, Callable[[Settings, str, float | None], _Made]] = {
    "constant": _constant,
    "stepwise": _stepwise,
    "exponential": _exponential,
    "polynomial": _polynomial,
    "cosine": _cosine,
}
