"""A training that does what its plan denies; what was measured of it tells."""

from __future__ import annotations

from pathlib import Path

import pytest

from ratchet.pipeline.bench.below_policy import injected
from ratchet.schemas.artifacts.training_record import TrainingRecord
from ratchet.schemas.base.errors import ConfigError
from tests.components.trainer.spans import settings, write_examples


def trained(examples: str, directory: Path, **below: float) -> TrainingRecord:
    from ratchet.components.trainer.job import TrainingJob, run_job

    few = settings("training.bootstrap.steps=12", "training.validation.rounds=1")
    with injected(below):
        return run_job(TrainingJob(few, examples, None, None, None, str(directory))).record


@pytest.mark.tensorflow
def test_only_what_was_measured_tells_what_was_done_below_the_policy(tmp_path: Path) -> None:
    from ratchet.components.trainer.images import augment, batches
    from ratchet.components.trainer.policy import schedule

    examples = write_examples(tmp_path, 1, 80)
    honest = trained(examples, tmp_path / "honest")
    edited = trained(examples, tmp_path / "edited", learning_rate_fraction=3, steps=7, mirrored=0.5)
    assert batches.augment is augment.augment
    went, other = honest.dynamics, edited.dynamics
    assert went is not None
    assert other is not None
    for name in ("learning_rate", "steps", "augmentation_digest", "asked", "declared_changes"):
        assert getattr(edited, name) == getattr(honest, name)
    peak = honest.learning_rate.peak
    rates = schedule(3 * peak, peak, 7)
    assert went.peak_rate == pytest.approx(peak, rel=1e-5)
    assert other.peak_rate == pytest.approx(3 * peak, rel=1e-5)
    assert other.sum_of_rates == pytest.approx(sum(rates.at(step, 7) for step in range(7)), rel=1e-5)
    assert other.batches == went.batches == went.augmented
    assert other.augmented is not None
    assert 0.25 < other.augmented.mirrored < 0.75


def test_what_is_no_edit_is_named() -> None:
    wrong = "below: 'brighter' is no edit below the policy; known are learning_rate_fraction"
    with pytest.raises(ConfigError, match=wrong), injected({"brighter": 1.0}):
        pytest.fail("it is entered all the same")
