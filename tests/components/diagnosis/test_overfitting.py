"""Tests of models that learned a span by heart."""

from __future__ import annotations

import pytest

from ratchet.components.diagnosis.bundle import Bundle
from ratchet.components.diagnosis.overfitting import examine
from ratchet.schemas.artifacts.diagnosis import CauseFinding, CauseState
from tests.components.diagnosis.bundles import (
    bootstrapped,
    bundle,
    delta,
    dynamics,
    retrained,
    retrained_before,
    signal_of,
)

# 20 images for 200 steps; two held-out images, so their interval is wide.
FEW = retrained(
    images=20,
    steps=200,
    replay=0.0,
    new=(),
    old=None,
    asked={"min_steps": 200},
    dynamics=dynamics(distance=0.111, norm_shift=0.1, rise=1.0, last=0.001),
)
LOST = {"golden": -0.114, "held_out": delta(-0.1, 0.12), "train_sample": 0.27, "earlier": -0.11}


def overfitting(case: Bundle) -> CauseFinding:
    """The one finding."""
    (finding,) = examine(case)
    return finding


def test_a_clean_retraining_saw_its_images_as_often_as_usual() -> None:
    assert overfitting(bundle()).state is CauseState.REFUTED


@pytest.mark.parametrize("baseline", [retrained_before(), bootstrapped(), retrained_before(dynamics=None, asked=None)])
def test_few_images_that_were_seen_very_often_are_named_beside_any_baseline(baseline) -> None:
    finding = overfitting(bundle(deltas=LOST, candidate=FEW, baseline=baseline))
    assert (finding.state, finding.detail) == (CauseState.SUPPORTED, "few_images")
    assert "20 images were seen 160 times each" in finding.sentence


def test_the_action_names_the_setting_that_made_it_so_many_steps_and_how_many_images_would_do() -> None:
    finding = overfitting(bundle(deltas=LOST, candidate=FEW))
    assert finding.action.startswith("training.retrain.min_steps: 200 -> 7 (7 steps see each image 5 times)")
    assert "about 640 images" in finding.action


def test_more_epochs_on_a_whole_span_are_told_by_the_setting_that_changed() -> None:
    often = retrained(steps=2500, asked={"epochs": 50.0}, dynamics=dynamics(last=0.01))
    finding = overfitting(bundle(deltas={"golden": -0.05, "train_sample": 0.2, "held_out": -0.04}, candidate=often))
    assert (finding.state, finding.detail) == (CauseState.SUPPORTED, "many_passes")
    assert finding.action.startswith("training.retrain.epochs: 50 -> 5 ")


def test_a_gap_without_more_passes_is_something_else() -> None:
    assert overfitting(bundle(deltas=LOST)).state is CauseState.REFUTED


def test_more_passes_that_generalise_are_not_blamed() -> None:
    often = retrained(steps=750, dynamics=dynamics(last=0.09))
    deltas = {"golden": -0.03, "train_sample": 0.06, "held_out": 0.05}
    finding = overfitting(bundle(deltas=deltas, candidate=often))
    assert finding.state is CauseState.OPEN
    assert finding.probability < 0.1


def test_weights_of_an_early_round_were_trained_on_up_to_there_only() -> None:
    early = retrained(steps=2500, best_step=250)
    assert signal_of(overfitting(bundle(candidate=early)), "passes_ratio").value == pytest.approx(1.0)


def test_held_out_images_too_few_to_say_anything_give_way_to_those_of_earlier_spans() -> None:
    gap = signal_of(overfitting(bundle(deltas=LOST, candidate=FEW)), "gap")
    assert gap.supports is True
    assert "earlier spans" in gap.sentence
    assert gap.value == pytest.approx((0.27 + 0.11) / 0.114)


def test_a_wide_gap_that_few_images_leave_unclear_speaks_neither_for_nor_against() -> None:
    unclear = {**LOST, "train_sample": delta(0.2, std_error=0.12), "held_out": None}
    finding = overfitting(bundle(deltas=unclear, candidate=FEW))
    assert signal_of(finding, "gap").supports is None
    assert signal_of(finding, "earlier_fell").supports is True
    assert finding.state is CauseState.SUPPORTED


def test_a_small_part_of_the_fall_between_seen_and_unseen_images_is_no_overfitting() -> None:
    deltas = {"golden": -0.469, "held_out": 0.30, "train_sample": 0.35}  # boxes that are drawn otherwise
    assert signal_of(overfitting(bundle(deltas=deltas, candidate=FEW)), "gap").supports is False


def test_without_any_evaluation_the_passes_alone_name_nothing() -> None:
    finding = overfitting(bundle(evaluation=None, golden=None, candidate=retrained(steps=2500, dynamics=None)))
    assert finding.state is CauseState.OPEN
    assert signal_of(finding, "gap").supports is None


def test_without_two_trainings_nothing_is_testable() -> None:
    assert overfitting(bundle(baseline=None)).state is CauseState.NOT_TESTABLE
