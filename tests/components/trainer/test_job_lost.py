"""Trainings that cannot be gone on with: a full disk, a loss that explodes or is no number."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from ratchet.schemas.artifacts.training_record import (
    RECORD_FILE,
)
from ratchet.schemas.base.errors import RatchetError
from tests.components.trainer.spans import weights_of
from tests.components.trainer.test_job import World, dynamics

pytestmark = pytest.mark.tensorflow


def test_a_full_disk_ends_in_one_clear_error(first_span: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import tensorflow as tf

    def full(*_: object, **__: object) -> None:
        message = "{{function_node __wrapped__SaveV2}} ckpt-1_temp/part.tempstate4; No space left on device [Op:SaveV2]"
        raise tf.errors.ResourceExhaustedError(None, None, message)

    monkeypatch.setattr(tf.train.CheckpointManager, "save", full)
    with pytest.raises(
        RatchetError, match=r"checkpoints/\w+: the checkpoint cannot be written \(No space left on device\)"
    ):
        World(tmp_path).train("first", first_span, None)
    assert not (tmp_path / "first").exists()


def test_a_training_that_diverges_exports_the_last_sound_weights_and_is_not_gone_on_with(
    first_span: str, second_span: str, tmp_path: Path
) -> None:
    made = World(tmp_path)
    rate = ("training.bootstrap.peak_learning_rate=10", "training.bootstrap.steps=60")
    record = made.train("lost", first_span, None, *rate)
    assert record.diverged is not None
    assert record.diverged.learning_rate > 1
    assert record.steps < record.planned_steps == 60
    assert dynamics(record).losses["total_loss"].highest > 100  # of an untrained detector it is about 2
    assert not {"NaN", "Infinity"} & set(re.findall(r"\w+", (tmp_path / "lost" / RECORD_FILE).read_text()))
    assert all(np.isfinite(weight).all() for weight in weights_of(tmp_path / "lost"))
    assert list((tmp_path / "checkpoints").iterdir()) == []
