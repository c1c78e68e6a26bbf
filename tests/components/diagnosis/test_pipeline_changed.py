"""Tests of trainings that ran on something else."""

from __future__ import annotations

from typing import Any

import pytest

from ratchet.components.diagnosis.bundle import Bundle
from ratchet.components.diagnosis.pipeline_changed import examine
from ratchet.components.diagnosis.trainings import Trainings
from ratchet.schemas.artifacts.data_evidence import LabelEvidence
from ratchet.schemas.artifacts.diagnosis import CauseFinding, CauseState
from ratchet.schemas.artifacts.training_dynamics import Environment
from ratchet.schemas.artifacts.training_record import NumericsRecord, TrainingRecord
from tests.components.diagnosis.bundles import (
    PEAK,
    bootstrapped,
    bundle,
    comparison,
    dynamics,
    environment_of,
    label_evidence,
    retrained,
    retrained_before,
    signal_of,
)

WORSE = {"golden": -0.03, "held_out": -0.03, "earlier": -0.03, "train_sample": -0.02}
OTHER_GPU = environment_of(device="GPU NVIDIA A100")


def ran_on(environment: Environment = OTHER_GPU, peak: float = PEAK, **fields: Any) -> TrainingRecord:
    """A candidate that was trained there."""
    return retrained(peak=peak, dynamics=dynamics(peak_rate=peak, environment=environment), **fields)


def pipeline(case: Bundle) -> CauseFinding:
    """The one finding."""
    (finding,) = examine(case)
    return finding


def test_a_clean_retraining_ran_on_the_same() -> None:
    assert pipeline(bundle(deltas=WORSE)).state is CauseState.REFUTED


@pytest.mark.parametrize("baseline", [retrained_before(), bootstrapped()])
def test_another_device_is_named_where_nothing_else_changed(baseline) -> None:
    finding = pipeline(bundle(deltas=WORSE, candidate=ran_on(), baseline=baseline))
    assert (finding.state, finding.detail) == (CauseState.SUPPORTED, "device")
    assert "CPU -> GPU NVIDIA A100" in finding.sentence
    assert finding.action.startswith("Train once more")


def test_another_library_is_named_with_both_versions() -> None:
    libraries = {"tensorflow": "2.17.0", "tf-models-official": "2.16.0", "numpy": "1.26.4"}
    finding = pipeline(bundle(deltas=WORSE, candidate=ran_on(environment_of(libraries=libraries, lock="other"))))
    assert (finding.state, finding.detail) == (CauseState.SUPPORTED, "libraries")
    assert "tensorflow 2.16.2 -> 2.17.0" in finding.sentence


@pytest.mark.parametrize("changed", [{"code": "other"}, {"lock": "other"}])
def test_code_and_packages_that_change_with_every_upgrade_stay_a_possibility(changed: dict[str, str]) -> None:
    finding = pipeline(bundle(deltas=WORSE, candidate=ran_on(environment_of(**changed))))
    assert (finding.state, finding.detail) == (CauseState.OPEN, "code")
    assert finding.probability <= 0.5


def test_another_version_is_no_more_than_a_possibility() -> None:
    finding = pipeline(bundle(deltas=WORSE, candidate=retrained(ratchet_version="2.0.0")))
    assert finding.state is CauseState.OPEN
    assert "Ratchet 1.0.0 -> 2.0.0" in finding.sentence


@pytest.mark.parametrize(
    ("fields", "what"),
    [
        ({"candidate": ran_on(peak=3 * PEAK)}, "the learning rate"),
        ({"candidate": ran_on(steps=1000)}, "the passes"),
        ({"candidate": ran_on(augmentation_digest="other")}, "the augmentation"),
        ({"candidate": ran_on(clip_norm=1.0)}, "other settings"),
        ({"candidate": ran_on(replay=0.0)}, "other settings"),
        ({"candidate": ran_on(numerics=NumericsRecord(optimizer="sgd", momentum=0.9))}, "the learning rate"),
        ({"candidate": ran_on(numerics=NumericsRecord(weight_decay=0.1))}, "other settings"),
        ({"labels": label_evidence(log_width=0.22)}, "the labels"),
        ({"labels": None}, "the labels"),
        ({"comparisons": [comparison(distance=0.4)]}, "the images"),
    ],
)
def test_it_is_not_named_beside_another_change(fields: dict[str, Any], what: str) -> None:
    finding = pipeline(bundle(**{"deltas": WORSE, "candidate": ran_on()} | fields))
    alone = signal_of(finding, "nothing_else_changed")
    assert alone.supports is False
    assert what in alone.sentence


def test_another_precision_is_named_where_nothing_else_changed() -> None:
    finding = pipeline(bundle(deltas=WORSE, candidate=retrained(numerics=NumericsRecord("mixed_float16", xla=True))))
    assert (finding.state, finding.detail) == (CauseState.SUPPORTED, "precision")
    assert "precision float32 -> mixed_float16, the step compiled by XLA" in finding.sentence


def test_rates_of_two_optimizers_are_not_compared() -> None:
    sgd = NumericsRecord(optimizer="sgd", momentum=0.9)
    both = Trainings(retrained(peak=100 * PEAK, numerics=sgd), retrained_before())
    assert (both.peak, both.mean_rate) == (None, None)
    assert Trainings(retrained(peak=2 * PEAK), retrained_before()).peak == pytest.approx(2)


def test_it_is_not_named_without_a_fall_beyond_the_noise() -> None:
    finding = pipeline(bundle(deltas={"golden": -0.005, "held_out": 0.0}, candidate=ran_on()))
    assert finding.state is CauseState.OPEN


def test_old_records_leave_open_what_they_ran_on() -> None:
    assert pipeline(bundle(deltas=WORSE, baseline=retrained_before(dynamics=None))).state is CauseState.NOT_TESTABLE


def test_without_two_trainings_nothing_is_testable() -> None:
    assert pipeline(bundle(baseline=None)).state is CauseState.NOT_TESTABLE


def test_labels_that_were_not_judged_are_no_evidence() -> None:
    empty = LabelEvidence((), 0.0, 0.97, 0, 0.0)
    assert pipeline(bundle(deltas=WORSE, candidate=ran_on(), labels=empty)).state is CauseState.OPEN
