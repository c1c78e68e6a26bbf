"""Tests of models that forgot what a span lacks."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from ratchet.components.diagnosis.bundle import Bundle
from ratchet.components.diagnosis.forgetting import examine
from ratchet.schemas.artifacts.diagnosis import CauseFinding, CauseState
from ratchet.schemas.artifacts.evaluation import DataSetEvaluation
from ratchet.schemas.artifacts.training_record import ContinualLearningRecord
from tests.components.diagnosis.bundles import (
    bootstrapped,
    bundle,
    data_set,
    evaluation_of,
    retrained,
    retrained_before,
    signal_of,
)

CATS = {"cat": 100, "dog": 0}
NO_REPLAY = retrained(replay=0.0, old=None)


def sets_without_dogs(**others: DataSetEvaluation) -> dict[str, Any]:
    """Of a span without a dog, after which dogs are found no more."""
    return {
        "golden": data_set(-0.2, classes={"cat": 0.0, "dog": -0.4}),
        "train_sample": data_set(0.03, support=CATS),
        "held_out": data_set(0.03, support=CATS),
        **others,
    }


def forgetting(case: Bundle) -> CauseFinding:
    """The one finding."""
    (finding,) = examine(case)
    return finding


def test_a_clean_retraining_left_nothing_out() -> None:
    assert forgetting(bundle()).state is CauseState.REFUTED


@pytest.mark.parametrize("baseline", [retrained_before(), bootstrapped(), retrained_before(asked=None)])
def test_a_class_that_the_span_lacks_and_no_replay_brings_back_is_forgotten(baseline) -> None:
    whole = evaluation_of({"earlier": -0.2}, **sets_without_dogs())
    finding = forgetting(bundle(evaluation=whole, candidate=NO_REPLAY, baseline=baseline))
    assert (finding.state, finding.detail) == (CauseState.SUPPORTED, "classes")
    assert "lacks dog" in finding.sentence
    assert finding.action == "training.retrain.replay: 0 -> 0.5, or add images with dog to the span."


def test_a_lacking_class_that_fell_no_more_than_others_speaks_against_it() -> None:
    sets = sets_without_dogs(golden=data_set(-0.2))
    finding = forgetting(bundle(evaluation=evaluation_of({"earlier": -0.2}, **sets), candidate=NO_REPLAY))
    assert signal_of(finding, "lacking_bear_the_fall").supports is False


def test_a_new_span_that_fell_as_well_speaks_against_it() -> None:
    sets = sets_without_dogs(held_out=data_set(-0.1, support=CATS))
    finding = forgetting(bundle(evaluation=evaluation_of({"earlier": -0.2}, **sets), candidate=NO_REPLAY))
    assert signal_of(finding, "new_kept").supports is False


def test_earlier_spans_that_keep_their_map_speak_against_it() -> None:
    whole = evaluation_of({"earlier": 0.0}, **sets_without_dogs())
    assert signal_of(forgetting(bundle(evaluation=whole, candidate=NO_REPLAY)), "earlier_fell").supports is False


def test_with_replay_as_usual_and_no_class_lacking_a_fall_of_earlier_spans_is_something_else() -> None:
    deltas = {"golden": -0.4, "earlier": -0.4, "held_out": 0.3}  # boxes that are drawn otherwise
    assert forgetting(bundle(deltas=deltas)).state is CauseState.REFUTED


def test_less_replay_of_a_span_that_fell_everywhere_is_left_open() -> None:
    deltas = {"golden": -0.1, "earlier": -0.1, "held_out": -0.1}
    assert forgetting(bundle(deltas=deltas, candidate=NO_REPLAY)).state is CauseState.OPEN


def test_a_class_that_small_data_lack_by_chance_is_none() -> None:
    few = data_set(0.0, images=8, support={"cat": 8, "dog": 0})
    whole = evaluation_of({"held_out": None}, train_sample=few)
    assert signal_of(forgetting(bundle(evaluation=whole)), "span_lacks").supports is False


def cameras(north: int, south: int, baseline: float = 0.73) -> DataSetEvaluation:
    """A data set of two cameras."""
    slices = {"camera=north": -0.2, "camera=south": 0.0, "object_size=large": -0.1}
    support = {"camera=north": north, "camera=south": south, "object_size=large": north + south}
    return data_set(-0.1, slices=slices, slice_support=support, baseline=baseline)


@pytest.mark.parametrize(("baseline_map", "detail"), [(0.73, "sources"), (0.4, "replay")])
def test_a_source_counts_where_the_served_model_copes_with_the_new_one(baseline_map: float, detail: str) -> None:
    sets: dict[str, Any] = {
        "golden": cameras(100, 100),
        "train_sample": cameras(0, 100),
        "held_out": cameras(0, 40, baseline_map),
        "earlier": cameras(80, 80),
    }
    assert forgetting(bundle(evaluation=evaluation_of({}, **sets), candidate=NO_REPLAY)).detail == detail


def test_other_sizes_of_objects_are_a_shift_and_not_told_here() -> None:
    small = data_set(0.02, slices={"object_size=small": 0.02}, slice_support={"object_size=small": 100})
    whole = evaluation_of({"earlier": -0.2}, train_sample=small, held_out=small)
    assert forgetting(bundle(evaluation=whole)).state is CauseState.REFUTED


def test_without_the_data_sets_validation_of_both_parts_shows_it() -> None:
    record = retrained(replay=0.1, new=(0.7, 0.72, 0.75), old=(0.7, 0.6, 0.5))
    finding = forgetting(bundle(deltas={"earlier": None, "held_out": None}, candidate=record))
    assert signal_of(finding, "earlier_fell").value == pytest.approx(2 / 7)
    assert [signal_of(finding, name).supports for name in ("earlier_fell", "new_kept")] == [True, True]


def test_replay_is_what_was_asked_for_and_not_what_fills_up_a_tiny_span() -> None:
    filled = dataclasses.replace(retrained(replay=0.1), continual=ContinualLearningRecord(replay=0.9))
    assert signal_of(forgetting(bundle(candidate=filled)), "replay_ratio").value == pytest.approx(0.2)


def test_without_two_trainings_nothing_is_testable() -> None:
    assert forgetting(bundle(baseline=None)).state is CauseState.NOT_TESTABLE
