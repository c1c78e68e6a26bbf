"""The page of models that a trainer of one's own made: what it said, and nothing that it did not."""

from __future__ import annotations

from ratchet.components.map_evaluator.training_rules import training_reasons
from ratchet.components.pages.numbers import NOTHING
from ratchet.components.review.sections.own_training import NOT_SAID, own_rates
from ratchet.components.review.sections.training import rows, training_charts, training_gist
from ratchet.schemas.artifacts.training_record import TrainingRecord
from ratchet.schemas.data.training_plan import RateSchedule, TrainingPlan
from tests.builders import training_record
from tests.components.review.test_page import text_of

OWN = "mine.train.run_fn"


def own(**said: object) -> TrainingRecord:
    plan = TrainingPlan("own trainer", OWN, **said)  # pyright: ignore[reportArgumentType]
    steps = int(plan.steps or 0)
    figures = {"steps": steps, "planned_steps": steps, "best_step": steps, "batch_size": 0, "loss_curve": ()}
    return training_record(**{"trainer": OWN, "plan": plan, "validation": (), "augmentation": "", **figures})


def values(record: TrainingRecord, baseline: TrainingRecord | None = None) -> dict[str, str]:
    return {row.name: row.candidate for row in rows(record, baseline)}


def test_what_was_not_said_is_said_to_be_so() -> None:
    shown = values(own())
    assert (shown["trainer"], shown["classes"]) == (OWN, "cat, dog")
    for name in ("steps taken", "batch size", "peak learning rate", "augmentation", "optimizer", "start", "model"):
        assert shown[name] == NOT_SAID
    assert "seed" not in shown
    assert "gradient clipping" not in shown


def test_what_was_said_stands_there() -> None:
    rate = RateSchedule("as reported", ((0.0, 0.1), (1.0, 0.01)))
    settings = {"training.options.width": "8", "report.note": "x"}
    shown = values(own(steps=90.0, rate=rate, augmentations=(), starts_from="", settings=settings))
    assert (shown["steps taken"], shown["peak learning rate"], shown["last learning rate"]) == ("90", "0.1", "0.01")
    assert (shown["augmentation"], shown["start"], shown["options.width"]) == ("none", "random weights", "8")


def test_a_model_of_ratchets_own_beside_it_has_its_own_entries() -> None:
    shown = {row.name: (row.baseline, row.candidate) for row in rows(own(steps=90.0), training_record())}
    assert shown["steps taken"] == ("250", "90")
    assert shown["trainer"] == (NOTHING, OWN)
    assert shown["gradient clipping"] == ("none", NOTHING)


def test_charts_without_figures_are_no_charts() -> None:
    seen = text_of(training_charts(own(), None))
    assert seen.count("there is nothing to draw") == 3
    rate = RateSchedule("as reported", ((0.0, 0.1), (1.0, 0.01)))
    assert text_of(training_charts(own(steps=90.0, rate=rate), None)).count("there is nothing to draw") == 2


def test_rates_are_drawn_by_the_step_and_not_without_a_schedule_or_steps() -> None:
    rate = RateSchedule("as reported", ((0.0, 0.1), (0.5, 0.04), (1.0, 0.0)))
    assert own_rates(own(steps=90.0, rate=rate)) == [(0.0, 0.1), (45.0, 0.04), (90.0, 0.0)]
    peak_alone = RateSchedule("as reported", ((0.0, 0.1),))
    assert own_rates(own(rate=rate)) == own_rates(own(steps=90.0, rate=peak_alone)) == own_rates(own()) == []


def test_the_gist_names_the_trainer() -> None:
    assert training_gist(own(), None) == f"by {OWN}"


def test_the_evaluator_says_of_it_what_was_declared_and_no_more() -> None:
    import dataclasses

    assert training_reasons(own()) == []
    [told] = training_reasons(dataclasses.replace(own(), declared_changes=("options.steps: 1 -> 2",)))
    assert (told.rule, told.passed, told.warning) == ("training:changed", True, True)
