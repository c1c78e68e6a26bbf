"""Tests of augmentation that changed, by its policy or below it."""

from __future__ import annotations

import dataclasses

import pytest

from ratchet.components.diagnosis.augmentation import examine
from ratchet.components.diagnosis.bundle import Bundle
from ratchet.schemas.artifacts.diagnosis import CauseFinding, CauseState
from tests.components.diagnosis.bundles import (
    batch_figures,
    bootstrapped,
    bundle,
    dynamics,
    retrained,
    retrained_before,
    signal_of,
)

WORSE = {"golden": -0.08, "held_out": -0.08, "train_sample": -0.03, "earlier": -0.08}
FLIPPED = dynamics(first=0.4, last=0.2, augmented=batch_figures(mirrored=0.5))
POLICY = retrained(augmentation="flip-v1", augmentation_digest="flipped", dynamics=FLIPPED)


def augmentation(case: Bundle) -> CauseFinding:
    """The one finding."""
    (finding,) = examine(case)
    return finding


def test_a_clean_retraining_had_the_same_augmentation() -> None:
    assert augmentation(bundle()).state is CauseState.REFUTED


@pytest.mark.parametrize("baseline", [retrained_before(), bootstrapped()])
def test_another_policy_that_does_not_suit_the_objects_is_named(baseline) -> None:
    finding = augmentation(bundle(deltas=WORSE, candidate=POLICY, baseline=baseline))
    assert (finding.state, finding.detail) == (CauseState.SUPPORTED, "mirrored")
    assert finding.action == "augmentation: flip-v1 -> none-v1"


@pytest.mark.parametrize("baseline", [retrained_before(), bootstrapped()])
def test_images_mirrored_below_the_policy_show_in_the_batches(baseline) -> None:
    finding = augmentation(bundle(deltas=WORSE, candidate=retrained(dynamics=FLIPPED), baseline=baseline))
    assert (finding.state, finding.detail) == (CauseState.SUPPORTED, "mirrored")
    assert "50 % of the images were mirrored" in finding.sentence
    assert "below the policy" in finding.action


@pytest.mark.parametrize(
    ("changed", "detail"),
    [
        ({"brightness": 0.25}, "colour"),
        ({"contrast": 0.08}, "colour"),
        ({"log_area": -3.5}, "scale"),
        ({"log_aspect": 0.3}, "scale"),
        ({"boxes": 1.2}, "scale"),
    ],
)
def test_what_was_done_to_the_batches_says_the_kind(changed: dict[str, float], detail: str) -> None:
    darker = retrained(dynamics=dynamics(last=0.2, augmented=batch_figures(**changed)))
    assert augmentation(bundle(deltas=WORSE, candidate=darker)).title == f"augmentation:{detail}"


def test_a_span_that_is_darker_itself_is_no_augmentation() -> None:
    dark = batch_figures(brightness=0.1, contrast=0.05, log_area=-5.0)
    assert augmentation(bundle(candidate=retrained(dynamics=dynamics(batches=dark, augmented=dark)))).state is (
        CauseState.REFUTED
    )


def test_what_few_images_differ_by_chance_is_none() -> None:
    few = batch_figures(images=4, mirrored=0.25, brightness=0.43)
    assert augmentation(bundle(candidate=retrained(dynamics=dynamics(augmented=few)))).state is CauseState.REFUTED


def test_an_augmentation_that_both_had_is_no_change() -> None:
    light = dynamics(augmented=batch_figures(mirrored=0.5, log_area=-3.3))
    case = bundle(candidate=retrained(dynamics=light), baseline=retrained_before(dynamics=light))
    assert augmentation(case).state is CauseState.REFUTED


def test_an_augmentation_that_is_missing_is_told_from_one_that_was_added() -> None:
    flipped = retrained_before(augmentation="flip-v1", augmentation_digest="flipped", dynamics=FLIPPED)
    deltas = {"golden": -0.05, "held_out": -0.05, "train_sample": 0.1}
    finding = augmentation(bundle(deltas=deltas, candidate=retrained(dynamics=dynamics(last=0.05)), baseline=flipped))
    assert (finding.state, finding.detail) == (CauseState.SUPPORTED, "missing")
    assert finding.action == "augmentation: none-v1 -> flip-v1"
    below = dataclasses.replace(flipped, augmentation="none-v1", augmentation_digest="augmentation")
    assert augmentation(bundle(deltas=deltas, baseline=below)).detail == "missing"


def test_a_new_policy_that_is_learned_and_holds_is_not_blamed() -> None:
    finding = augmentation(bundle(deltas={"golden": -0.03, "held_out": 0.02}, candidate=POLICY))
    assert finding.state is CauseState.OPEN


def test_a_policy_has_one_vote_however_often_it_shows() -> None:
    finding = augmentation(bundle(candidate=POLICY, evaluation=None, golden=None))
    assert [signal_of(finding, name).supports for name in ("policy", "batches")] == [True, None]


def test_parameters_that_changed_under_the_same_name_are_named() -> None:
    finding = augmentation(bundle(deltas=WORSE, candidate=retrained(augmentation_digest="other", dynamics=FLIPPED)))
    assert finding.state is CauseState.SUPPORTED
    assert "other parameters of the same name" in finding.sentence


def test_of_old_records_the_policy_alone_decides() -> None:
    old = retrained_before(dynamics=None)
    assert augmentation(bundle(deltas=WORSE, baseline=old)).state is CauseState.REFUTED
    assert augmentation(bundle(deltas=WORSE, candidate=POLICY, baseline=old)).state is CauseState.SUPPORTED


def test_without_two_trainings_nothing_is_testable() -> None:
    assert augmentation(bundle(baseline=None)).state is CauseState.NOT_TESTABLE
