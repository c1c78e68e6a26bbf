"""What a trainer of one's own begins with: labels that stay, a first model where it cannot go on, told changes."""

from __future__ import annotations

from typing import Any

import pytest

from ratchet.components.trainer.own.plan import OwnPlan, option_values, plan_own
from ratchet.components.trainer.policy import NewSpan, plan_training
from ratchet.components.trainer.settings import TrainerSettings
from ratchet.schemas.artifacts.adoption import Adoption
from ratchet.schemas.artifacts.training_record import TrainingRecord
from ratchet.schemas.base.errors import ConfigError
from ratchet.schemas.base.settings import load
from ratchet.schemas.data.training_plan import TrainingPlan
from tests.builders import trained_data, training_record

OWN = "mine.train.run_fn"


def settings(**training: Any) -> TrainerSettings:
    return load(TrainerSettings, {"training": training}, "x.yaml")


def own_record(trainer: str = OWN, **fields: Any) -> TrainingRecord:
    return training_record(**{"trainer": trainer, "plan": TrainingPlan("own trainer", trainer)} | fields)


def plan(
    baseline: TrainingRecord | Adoption | None, names: tuple[str, ...] = ("cat", "dog"), **training: Any
) -> OwnPlan:
    data = trained_data(span=2, digest="new", class_names=names)
    return plan_own(settings(**{"run_fn": OWN, **training}).training, data, dict.fromkeys(names, 5), baseline)


def test_a_first_model_has_the_spans_own_labels() -> None:
    made = plan(None)
    assert (made.mode, made.class_names, [data.span for data in made.data]) == ("bootstrap", ("cat", "dog"), [2])


def test_a_retraining_keeps_the_labels_that_clients_know_and_puts_new_classes_behind() -> None:
    made = plan(own_record(), names=("bird", "dog", "cat"))
    assert (made.mode, made.class_names) == ("retrain", ("cat", "dog", "bird"))
    assert [data.span for data in made.data] == [1, 2]
    assert made.declared_changes == ()


@pytest.mark.parametrize("before", ["", "another.train.run_fn"])
def test_a_model_of_another_trainer_is_not_gone_on_from_unasked(before: str) -> None:
    with pytest.raises(ConfigError, match=r"cannot go on from its weights.*training\.allow: \[trainer\]"):
        plan(own_record(before))


def test_where_it_is_allowed_a_first_model_is_trained_with_the_known_labels() -> None:
    made = plan(own_record("", label_map=("dog", "cat")), allow=["trainer"])
    assert (made.mode, made.class_names, [data.span for data in made.data]) == ("bootstrap", ("dog", "cat"), [2])
    assert made.declared_changes == (f"run_fn: Ratchet's own trainer -> {OWN}, which begins with weights of its own",)


def test_an_adopted_model_needs_no_permission() -> None:
    adopted = Adoption("2026-01-01", "Ada", "r", "model", "d", "other", "serving_default", ("dog", "cat"))
    assert (plan(adopted).mode, plan(adopted).class_names) == ("bootstrap", ("dog", "cat"))


def test_ratchets_own_trainer_asks_for_the_same_permission() -> None:
    span = NewSpan(trained_data(span=2, digest="new"), {"cat": 5, "dog": 5})
    with pytest.raises(ConfigError, match=f"was trained by {OWN}.*allow: \\[trainer\\]"):
        plan_training(settings(), span, own_record())
    made = plan_training(settings(allow=["trainer"]), span, own_record(label_map=("dog", "cat")))
    assert (made.mode, made.class_names, made.replayed) == ("bootstrap", ("dog", "cat"), ())
    assert made.declared_changes == (f"run_fn: {OWN} -> Ratchet's own trainer, which begins with weights of its own",)


def test_changed_options_are_told() -> None:
    recorded = TrainingPlan("own trainer", OWN, settings=option_values({"steps": 10, "rate": 0.1}))
    made = plan(own_record(plan=recorded), options={"steps": 20, "rate": 0.1, "mode": "a"})
    assert made.declared_changes == ('options.mode: none -> "a"', "options.steps: 10 -> 20")


def test_a_class_that_the_model_knows_cannot_be_lost() -> None:
    with pytest.raises(ConfigError, match="the served model knows 'dog'"):
        plan(own_record(), names=("cat",))


def test_a_model_that_begins_anew_needs_boxes_of_every_known_class_and_a_retraining_does_not() -> None:
    data, boxes = trained_data(span=2, digest="new", class_names=("cat", "dog")), {"cat": 5}
    training = settings(run_fn=OWN, allow=["trainer"]).training
    assert plan_own(training, data, boxes, own_record()).mode == "retrain"
    adopted = Adoption("2026-01-01", "Ada", "r", "model", "d", "other", "serving_default", ("dog", "cat"))
    for before in (own_record(""), adopted):
        with pytest.raises(ConfigError, match=r"class 'dog' has no box .* trained anew, and would not know the class"):
            plan_own(training, data, boxes, before)


def test_options_need_a_trainer_that_reads_them() -> None:
    with pytest.raises(ConfigError, match=r"training\.options\.steps: nobody reads it"):
        settings(options={"steps": 3})


@pytest.mark.parametrize("name", ["run_fn", "a b.run_fn", "mine..run_fn", "mine.train:run_fn", "../mine.run_fn"])
def test_a_name_that_python_cannot_import_is_refused(name: str) -> None:
    with pytest.raises(ConfigError, match="run_fn"):
        settings(run_fn=name)
