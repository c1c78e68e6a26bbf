"""Learning rates of MMDetection: `param_scheduler` of 3.x (mmengine) and `lr_config` of 2.x (mmcv).

A training is measured in epochs or in iterations, and how many iterations an epoch has is not said: a warm-up in
iterations of a training in epochs has its length in steps and no place among the points.
"""

from __future__ import annotations

import bisect
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ratchet.components.toolkits.schedules import multiples, schedule
from ratchet.components.toolkits.settings_tree import Settings, many, number, truth
from ratchet.schemas.data.training_plan import RateSchedule

# (rate so far, place after the beginning, length) -> rate; the rate so far is what the schedulers before it made.
_Shape = Callable[[float, float, float], float]
_KINDS = {
    "MultiStepLR": "step",
    "StepLR": "step",
    "ExponentialLR": "exponential",
    "CosineAnnealingLR": "cosine",
    "PolyLR": "polynomial",
    "LinearLR": "linear",
    "ConstantLR": "constant",
    "step": "step",
    "CosineAnnealing": "cosine",
    "YOLOX": "cosine",
    "poly": "polynomial",
    "exp": "exponential",
    "fixed": "constant",
}
_RISES = ("LinearLR", "ConstantLR", "QuadraticWarmupLR")


def rate_of(
    settings: Settings, epochs: float | None, iterations: float | None
) -> tuple[RateSchedule | None, str | None]:
    """The schedule of a configuration, and the optimizer's name.

    Args:
        settings: of the file.
        epochs: of the training, where it is measured in them.
        iterations: the same of iterations.
    """
    optimizer = settings.text("optimizer", "optim_wrapper.optimizer.type", "optimizer.type")
    base = settings.number("rate.peak", "optim_wrapper.optimizer.lr", "optimizer.lr")
    name = optimizer.lower() if optimizer else None
    if base is None:
        return None, name
    if "param_scheduler" in settings.tree or "optim_wrapper" in settings.tree:
        settings.name("rate.schedule", "param_scheduler")
        return _of_schedulers(settings, base, epochs, iterations), name
    settings.name("rate.schedule", "lr_config")
    return _of_lr_config(settings, base, epochs, iterations), name


def _of_schedulers(
    settings: Settings, base: float, epochs: float | None, iterations: float | None
) -> RateSchedule | None:
    schedulers = [each for each in many(settings.tree.get("param_scheduler")) if isinstance(each, Mapping)]
    schedulers = [each for each in schedulers if "Momentum" not in _type(each) and not _type(each).endswith("EMA")]
    length = iterations or epochs
    placed: list[tuple[Mapping[str, Any], _Shape]] = []
    warmup, kind = 0.0, "constant"
    for each in sorted(schedulers, key=lambda each: number(each.get("begin")) or 0.0):
        shape, is_rise = _shape(each), _is_rise(each)
        fits = (truth(each.get("by_epoch")) is False) == (iterations is not None)
        if is_rise:
            warmup = (number(each.get("end")) or 0.0) if not fits or iterations else None
            settings.name("rate.warmup", f"param_scheduler[{schedulers.index(each)}].end")
        elif kind == "constant":  # a level part at the end is none of its own
            kind = _KINDS.get(_type(each), _type(each))
        if shape is None or (not fits and not is_rise):
            return schedule(kind, lambda place: base, None, warmup_steps=warmup)
        if fits:
            placed.append((each, shape))

    def rate_at(place: float) -> float:
        rate = base
        for each, shape in placed:
            begin, end = _span(each, length)
            if place >= begin:
                rate = shape(rate, min(place, end) - begin, end - begin)
        return rate

    return schedule(kind, rate_at, length, [knot for each, _ in placed for knot in _knots(each, length)], warmup)


def _type(scheduler: Mapping[str, Any]) -> str:
    return str(scheduler.get("type", "")).rsplit(".", 1)[-1]


def _is_rise(scheduler: Mapping[str, Any]) -> bool:
    if _type(scheduler) not in _RISES or (number(scheduler.get("begin")) or 0.0) > 0:
        return False
    first = number(scheduler.get("start_factor", scheduler.get("factor", 1 / 3)))
    last = number(scheduler.get("end_factor", 1.0))
    return first is not None and last is not None and first < last


def _span(scheduler: Mapping[str, Any], length: float | None) -> tuple[float, float]:
    begin, end = number(scheduler.get("begin")) or 0.0, number(scheduler.get("end"))
    return begin, end if end is not None and end > begin else max(length or begin, begin)


def _knots(scheduler: Mapping[str, Any], length: float | None) -> list[float]:
    begin, end = _span(scheduler, length)
    steps = [begin + (number(step) or 0.0) for step in many(scheduler.get("milestones"))]
    every = number(scheduler.get("step_size"))
    if _type(scheduler) == "StepLR" and every is not None:
        steps = multiples(every, end - begin, start=begin)
    return [begin, end, *steps]


def _shape(scheduler: Mapping[str, Any]) -> _Shape | None:
    values = {key: number(value) for key, value in scheduler.items()}

    def of(key: str, default: float) -> float:
        found = values.get(key)
        return default if found is None else found

    match _type(scheduler):
        case "LinearLR":
            first, last = of("start_factor", 1 / 3), of("end_factor", 1.0)
            return lambda rate, place, length: rate * (first + (last - first) * _share(place, length))
        case "ConstantLR":
            return lambda rate, place, length: rate * (of("factor", 1 / 3) if place < length else 1.0)
        case "QuadraticWarmupLR":
            return lambda rate, place, length: rate * _share(place, length) ** 2
        case "MultiStepLR":
            milestones = sorted(number(step) or 0.0 for step in many(scheduler.get("milestones")))
            return lambda rate, place, length: rate * of("gamma", 0.1) ** bisect.bisect_right(milestones, place)
        case "StepLR":
            every = max(of("step_size", 1.0), 1e-9)
            return lambda rate, place, length: rate * of("gamma", 0.1) ** math.floor(place / every)
        case "ExponentialLR":
            return lambda rate, place, length: rate * of("gamma", 0.1) ** place
        case "CosineAnnealingLR":
            return lambda rate, place, length: (
                _least(rate, of)
                + (rate - _least(rate, of))
                * 0.5
                * (1 + math.cos(math.pi * _share(place, of("T_max", length), is_open=True)))
            )
        case "PolyLR":
            return lambda rate, place, length: (
                _least(rate, of) + (rate - _least(rate, of)) * (1 - _share(place, length)) ** of("power", 1.0)
            )
    return None


def _least(rate: float, of: Callable[[str, float], float]) -> float:
    share = of("eta_min_ratio", math.nan)
    return of("eta_min", 0.0) if math.isnan(share) else rate * share


def _share(place: float, length: float, is_open: bool = False) -> float:
    return 1.0 if length <= 0 else place / length if is_open else min(place / length, 1.0)


def _of_lr_config(
    settings: Settings, base: float, epochs: float | None, iterations: float | None
) -> RateSchedule | None:
    config = settings.tree.get("lr_config")
    config = config if isinstance(config, Mapping) else {"policy": "fixed"}
    policy, length = str(config.get("policy", "fixed")), iterations or epochs
    kind = _KINDS.get(policy.removesuffix("LrUpdaterHook"), policy)
    settings.name("rate.warmup", "lr_config.warmup_iters")
    warmup = (number(config.get("warmup_iters")) or 0.0) if config.get("warmup") else 0.0
    by_epoch = truth(config.get("warmup_by_epoch")) is True
    places = _old_steps(config, length)
    shape = _old_shape(kind, config, base, places)
    is_placed = bool(warmup) and by_epoch == (iterations is None)  # warm-up and training in the same unit
    if shape is None:
        return schedule(kind, lambda place: base, None, warmup_steps=warmup)
    first = number(config.get("warmup_ratio"))
    ratio = 0.1 if first is None else first

    def rate_at(place: float) -> float:
        rate = shape(place, length or 1.0)
        return rate * (1 - (1 - place / warmup) * (1 - ratio)) if is_placed and place < warmup else rate

    knots = [warmup] if is_placed else []
    return schedule(kind, rate_at, length, [*knots, *places], None if warmup and by_epoch else warmup)


def _old_steps(config: Mapping[str, Any], length: float | None) -> list[float]:
    step = config.get("step")
    every = number(step)
    if every is not None:
        return multiples(every, length)
    return sorted(each for each in map(number, many(step)) if each is not None)


def _old_shape(
    kind: str, config: Mapping[str, Any], base: float, places: Sequence[float]
) -> Callable[[float, float], float] | None:
    share, least = number(config.get("min_lr_ratio")), number(config.get("min_lr")) or 0.0
    least = least if share is None else base * share
    gamma = number(config.get("gamma"))
    gamma = 0.1 if gamma is None else gamma
    if kind == "constant":
        return lambda place, length: base
    if kind == "step":
        return lambda place, length: max(base * gamma ** bisect.bisect_right(places, place), least)
    if kind == "cosine":
        level = number(config.get("num_last_epochs")) or 0.0
        return lambda place, length: (
            least + (base - least) * 0.5 * (1 + math.cos(math.pi * _share(place, length - level)))
        )
    if kind == "polynomial":
        power = number(config.get("power"))
        return lambda place, length: (
            least + (base - least) * (1 - _share(place, length)) ** (1 if power is None else power)
        )
    if kind == "exponential":
        return lambda place, length: base * gamma**place
    return None
