"""Tests of rates that are too high or too low, and of trainings that are too short."""

from __future__ import annotations

import dataclasses

import pytest

from ratchet.components.diagnosis.bundle import Bundle
from ratchet.components.diagnosis.learning_rate import examine_too_high, examine_too_low
from ratchet.schemas.artifacts.diagnosis import CauseFinding, CauseState
from ratchet.schemas.artifacts.training_dynamics import Diverged
from tests.components.diagnosis.bundles import (
    BOOTSTRAP_PEAK,
    PEAK,
    bootstrapped,
    bundle,
    dynamics,
    retrained,
    retrained_before,
    signal_of,
)

# The demo at ten and at thirty times the usual rate.
TENFOLD = retrained(
    peak=BOOTSTRAP_PEAK,
    new=(0.731, 0.416, 0.55, 0.64, 0.7, 0.735),
    old=(0.731, 0.42, 0.55, 0.64, 0.7, 0.735),
    dynamics=dynamics(peak_rate=BOOTSTRAP_PEAK, distance=0.23, norm_shift=0.217, rise=1.68, last=0.126),
)
THIRTYFOLD = retrained(
    peak=3 * BOOTSTRAP_PEAK,
    new=(0.731, 0.084, 0.3, 0.5, 0.6, 0.64),
    old=None,
    validation=(),
    dynamics=dynamics(peak_rate=3 * BOOTSTRAP_PEAK, distance=0.633, norm_shift=1.03, rise=1.93, last=0.223),
)


def too_high(case: Bundle) -> CauseFinding:
    """The one finding."""
    (finding,) = examine_too_high(case)
    return finding


def too_low(case: Bundle) -> CauseFinding:
    """The one finding."""
    (finding,) = examine_too_low(case)
    return finding


def test_a_clean_retraining_had_no_other_rate_and_no_other_length() -> None:
    assert too_high(bundle()).state is CauseState.REFUTED
    assert too_low(bundle()).state is CauseState.REFUTED


@pytest.mark.parametrize("candidate", [TENFOLD, THIRTYFOLD])
@pytest.mark.parametrize("baseline", [retrained_before(), bootstrapped(), retrained_before(dynamics=None)])
def test_a_rate_that_threw_the_model_off_is_named_beside_any_baseline(candidate, baseline) -> None:
    finding = too_high(bundle(deltas={"golden": -0.05}, candidate=candidate, baseline=baseline))
    assert finding.state is CauseState.SUPPORTED
    assert finding.detail == "peak"
    assert finding.action.startswith("training.retrain.learning_rate_fraction: ")
    assert finding.action.endswith(" -> 0.1")


def test_the_sentence_has_the_rate_and_the_action_both_settings() -> None:
    finding = too_high(bundle(candidate=TENFOLD))
    assert "10 times the last retraining's 0.0008" in finding.sentence
    assert finding.action == "training.retrain.learning_rate_fraction: 1 -> 0.1"


def test_a_usual_rate_is_refuted_whatever_the_training_looks_like() -> None:
    wild = dynamics(distance=0.6, norm_shift=1.0, rise=2.0)
    case = bundle(candidate=retrained(new=(0.73, 0.1, 0.5), old=(0.73, 0.1, 0.5), dynamics=wild))
    assert too_high(case).state is CauseState.REFUTED


def test_a_higher_rate_that_disturbed_nothing_is_left_open() -> None:
    finding = too_high(bundle(candidate=retrained(peak=2 * PEAK)))
    assert finding.state is CauseState.OPEN
    assert finding.probability < 0.5


def test_a_rate_that_no_setting_asks_for_shows_in_what_the_optimizer_used() -> None:
    hidden = dataclasses.replace(TENFOLD, learning_rate=retrained().learning_rate, asked=retrained().asked)
    finding = too_high(bundle(candidate=hidden))
    assert finding.state is CauseState.SUPPORTED
    assert "below the settings" in finding.action


def test_a_rate_that_does_not_go_down_is_told_from_a_high_peak() -> None:
    constant = dynamics(sum_of_rates=250 * PEAK, distance=0.2, norm_shift=0.2, rise=1.2)
    finding = too_high(bundle(candidate=retrained(dynamics=constant)))
    assert finding.detail == "no_decay"
    assert signal_of(finding, "rate_ratio").value == pytest.approx(1.95, abs=0.05)


def test_a_training_that_was_stopped_early_has_no_higher_mean_rate() -> None:
    whole = retrained()
    steps = 60  # still near the peak
    used = sum(whole.learning_rate.at(step, whole.planned_steps) for step in range(steps))
    stopped = dataclasses.replace(whole, steps=steps, dynamics=dynamics(sum_of_rates=used))
    assert signal_of(too_high(bundle(candidate=stopped)), "rate_ratio").value == pytest.approx(1.0, abs=0.03)


def test_a_smaller_batch_of_a_tiny_span_has_its_own_rate_and_that_is_no_change() -> None:
    small = retrained(batch_size=4)
    rates = dataclasses.replace(small.learning_rate, peak=PEAK / 2)
    case = bundle(candidate=dataclasses.replace(small, learning_rate=rates, dynamics=None))
    assert signal_of(too_high(case), "rate_ratio").value == pytest.approx(1.0, abs=0.03)


def test_a_lost_training_at_a_higher_rate_is_as_good_as_shown() -> None:
    lost = Diverged(step=9, what="the loss rose to 40", learning_rate=0.1, loss=40.0, limit=3.0)
    record = retrained(peak=0.24, steps=250, new=(), old=None, diverged=lost, dynamics=None)
    finding = too_high(bundle(candidate=dataclasses.replace(record, steps=9)))
    assert finding.state is CauseState.SUPPORTED
    assert finding.probability >= 0.95
    assert "lost after step 9" in finding.sentence


def test_a_lost_training_at_the_usual_rate_does_not_blame_the_rate() -> None:
    lost = Diverged(step=9, what="the loss is no number", learning_rate=PEAK, loss=None, limit=None)
    assert too_high(bundle(candidate=retrained(diverged=lost))).state is CauseState.REFUTED


def test_a_dip_of_the_earlier_spans_alone_is_no_sign_of_the_rate() -> None:
    loose = retrained(peak=3 * PEAK, new=(0.302, 0.459, 0.66), old=(0.73, 0.5, 0.3))
    assert signal_of(too_high(bundle(candidate=loose)), "validation_dip").supports is False


def test_a_dip_counts_beyond_that_of_the_last_retraining() -> None:
    dips = (0.7, 0.5, 0.7)
    case = bundle(candidate=retrained(peak=3 * PEAK, new=dips, old=dips), baseline=retrained_before(new=dips, old=dips))
    assert signal_of(too_high(case), "validation_dip").value == pytest.approx(0.0)


def test_a_barrier_speaks_for_the_rate_and_its_absence_says_nothing() -> None:
    points = (0.7, 0.3, 0.69)
    with_barrier = retrained(
        peak=3 * BOOTSTRAP_PEAK, new=points, old=points, best_step=250, dynamics=dynamics(line=(0.5, 0.55, 0.6))
    )
    found = signal_of(too_high(bundle(candidate=with_barrier)), "barrier")
    assert found.supports is True
    assert found.value == pytest.approx((0.69 - 0.5) / 0.7)
    without = dataclasses.replace(with_barrier, dynamics=dynamics(line=(0.7, 0.7, 0.7)))
    assert signal_of(too_high(bundle(candidate=without)), "barrier").supports is None


def test_a_training_of_few_steps_that_did_not_recover_is_too_short() -> None:
    short = retrained(
        steps=12,
        new=(),
        old=None,
        asked={"max_steps": 12},
        dynamics=dynamics(sum_of_rates=12 * PEAK / 2, distance=0.02, last=0.15),
    )
    finding = too_low(bundle(deltas={"golden": -0.03, "train_sample": -0.02}, candidate=short))
    assert (finding.state, finding.detail) == (CauseState.SUPPORTED, "steps")
    assert finding.action == "training.retrain.max_steps: 12 -> 20000"


def test_the_least_steps_to_set_are_told_where_last_time_says_nothing() -> None:
    few = retrained(steps=12, new=(), old=None, asked={"min_steps": 10})
    finding = too_low(bundle(deltas={"train_sample": -0.02}, candidate=few, baseline=bootstrapped()))
    assert finding.action == "training.retrain.min_steps: 10 -> 250 (12 steps were planned)."


def test_a_training_shorter_than_its_settings_ask_for_is_told_as_that() -> None:
    cut = retrained(steps=12, new=(), old=None, asked={"min_steps": 100})
    finding = too_low(bundle(deltas={"train_sample": -0.02}, candidate=cut, baseline=bootstrapped()))
    assert "ask for 100 steps at least, and 12 were planned" in finding.action


def test_a_rate_that_hardly_moved_the_weights_is_too_low() -> None:
    slow = retrained(peak=PEAK / 100, dynamics=dynamics(peak_rate=PEAK / 100, sum_of_rates=0.001, distance=0.01))
    finding = too_low(bundle(deltas={"train_sample": 0.0}, candidate=slow))
    assert (finding.state, finding.detail) == (CauseState.SUPPORTED, "rate")
    assert finding.action == "training.retrain.learning_rate_fraction: 0.001 -> 0.1"


def test_a_short_training_that_learned_its_span_and_was_done_is_not_blamed() -> None:
    short = retrained(steps=100, asked={"epochs": 2.0}, dynamics=dynamics(sum_of_rates=0.04))
    finding = too_low(bundle(deltas={"golden": -0.03, "train_sample": 0.05}, candidate=short))
    assert finding.state is CauseState.OPEN
    assert finding.action == "training.retrain.epochs: 2 -> 5"


def test_without_two_trainings_nothing_is_testable() -> None:
    for case in (bundle(baseline=None), bundle(candidate=None, evaluation=None, golden=None)):
        assert too_high(case).state is CauseState.NOT_TESTABLE
        assert too_low(case).state is CauseState.NOT_TESTABLE
