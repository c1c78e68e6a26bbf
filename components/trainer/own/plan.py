"""What is known before a trainer of one's own begins: classes, data, and what it goes on from; pure."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ratchet.components.trainer.settings import TrainingSettings
from ratchet.schemas.artifacts.adoption import Adoption
from ratchet.schemas.artifacts.training_record import TrainedData, TrainingRecord
from ratchet.schemas.base.errors import ANOTHER_LINEAGE, ConfigError

RATCHET = "Ratchet's own trainer"
OPTIONS = "training.options"


@dataclass(frozen=True)
class OwnPlan:
    """What such a training begins with; how it trains is its own affair.

    Attributes:
        run_fn: `package.module.function`.
        mode: `retrain` where the served model is of the same trainer, else `bootstrap`.
        class_names: the label map: that of the served model, new classes behind.
        data: all spans of the lineage, the new one last.
        declared_changes: what deliberately differs from the served model's training, in words.
    """

    run_fn: str
    mode: str
    class_names: tuple[str, ...]
    data: tuple[TrainedData, ...]
    declared_changes: tuple[str, ...] = ()


def plan_own(
    training: TrainingSettings,
    data: TrainedData,
    boxes: Mapping[str, int],
    baseline: TrainingRecord | Adoption | None,
) -> OwnPlan:
    """Plans a training by `training.run_fn`.

    Args:
        training: the settings, which name one.
        data: the span to train on.
        boxes: labelled boxes in its training split, by class name.
        baseline: what the served model says of its origin; None: nothing is served.

    Raises:
        ConfigError: the settings contradict the span or what is served.
    """
    known = baseline.class_names if baseline else ()
    record = baseline if isinstance(baseline, TrainingRecord) else None  # nobody goes on from an adopted model
    told = another_trainer(training, record)
    check_classes(data, boxes, known, begins_anew=bool(told) or isinstance(baseline, Adoption))
    names, run_fn = with_new(known, data.class_names), str(training.run_fn)
    if record is None or told:
        return OwnPlan(run_fn, "bootstrap", names, (data,), told)
    earlier = tuple(of for of in record.data if of.span != data.span)
    return OwnPlan(run_fn, "retrain", names, (*earlier, data), tuple(_changed_options(training, record)))


def another_trainer(training: TrainingSettings, baseline: TrainingRecord | None) -> tuple[str, ...]:
    """That the served model was trained by another trainer, in words; empty where it was not.

    Args:
        training: the settings.
        baseline: the training record of the served model; None: nothing is served.

    Raises:
        ConfigError: it was, and `training.allow` does not say that this is meant.
    """
    if baseline is None or baseline.trainer == (training.run_fn or ""):
        return ()
    before, now = (name or RATCHET for name in (baseline.trainer, training.run_fn))
    if "trainer" not in training.allow:
        put_back = f"training.run_fn: {baseline.trainer or 'null'}"
        raise ConfigError(
            f"training.run_fn: the served model was trained by {before}, and the settings ask for {now}, which cannot "
            f"go on from its weights; put that back ({put_back}), or let it train a first model, which has to beat the "
            "served one, with training.allow: [trainer]"
        )
    return (f"run_fn: {before} -> {now}, which begins with weights of its own",)


def check_classes(data: TrainedData, boxes: Mapping[str, int], known: tuple[str, ...], begins_anew: bool) -> None:
    """Whether every class is there to be learned or is known, and none that is known would be lost.

    Args:
        data: the span.
        boxes: labelled boxes in its training split, by class name.
        known: the classes of the served model.
        begins_anew: whether a first model is trained, which has to learn all of them, although one is served.

    Raises:
        ConfigError: one is not.
    """
    lost = [name for name in known if name not in data.class_names]
    if lost:
        raise ConfigError(
            f"classes: the served model knows {lost[0]!r}, which span {data.span} does not have; "
            f"deliver the span with all classes of the model, if need be without boxes; {ANOTHER_LINEAGE}"
        )
    empty = [name for name in data.class_names if not boxes.get(name)]
    lost = [name for name in empty if name in known] if begins_anew else []
    if lost:
        raise ConfigError(
            f"class {lost[0]!r} has no box in the training images of span {data.span}: the served model's successor is "
            "trained anew, and would not know the class; deliver a span with some of it labelled"
        )
    empty = [name for name in empty if name not in known]
    if empty:
        raise ConfigError(
            f"class {empty[0]!r} has no box in the training images of span {data.span}, and no model knows it; "
            "label some, or take the class out of the label map"
        )


def with_new(known: tuple[str, ...], names: tuple[str, ...]) -> tuple[str, ...]:
    """A label map with what it does not know yet behind: clients know the labels."""
    return (*known, *(name for name in names if name not in known))


def option_values(options: Mapping[str, Any]) -> dict[str, str]:
    """`training.options` by dotted path, as texts, for the record of a training."""
    return {f"{OPTIONS}.{name}": json.dumps(value, sort_keys=True) for name, value in options.items()}


def _changed_options(training: TrainingSettings, baseline: TrainingRecord) -> Iterator[str]:
    recorded = baseline.plan.settings if baseline.plan else {}
    before = {name: value for name, value in recorded.items() if name.startswith(f"{OPTIONS}.")}
    now = option_values(training.options)
    for name in sorted({*before, *now}):
        if before.get(name) != now.get(name):
            yield f"{name.removeprefix('training.')}: {before.get(name, 'none')} -> {now.get(name, 'none')}"
