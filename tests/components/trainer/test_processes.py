"""A training that is killed comes to the same end as one that is not; two workers train one model."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from ratchet.schemas.artifacts.training_record import RECORD_FILE, TRAINING_RECORD_FORMAT, TrainingRecord
from tests.components.trainer.spans import MOMENTS
from tests.nightly import by_night

pytestmark = pytest.mark.tensorflow
ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def out(first_span: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("forked")
    command = [sys.executable, "-m", "tests.components.trainer.forked", first_span, str(directory)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-5000:]
    return directory


def record(path: Path) -> TrainingRecord:
    return TRAINING_RECORD_FORMAT.read(path.read_text(), str(path))


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_killed_training_ends_as_an_uninterrupted_one(out: Path, moment: str) -> None:
    with np.load(out / "whole.npz") as whole, np.load(out / f"{moment}.npz") as resumed:
        assert len(whole.files) > 30
        for name in whole.files:
            np.testing.assert_array_equal(whole[name], resumed[name])
    assert record(out / f"{moment}.json") == record(out / "whole.json")


def test_what_was_measured_of_its_course_outlives_a_kill(out: Path) -> None:
    went = record(out / "whole.json").dynamics
    assert went is not None
    assert went.batches is not None
    assert went.augmented is not None
    assert went.batches.images == went.augmented.images == 64  # more than the round that was killed had seen
    assert went.batches.mirrored == 0 < went.augmented.mirrored < 1
    assert went.losses["total_loss"].highest_at < 24


def test_two_devices_train_one_model(out: Path) -> None:
    made = record(out / "mirrored.json")
    assert made.devices == 2
    assert made.loss_curve[-1][1] < 0.9 * made.loss_curve[0][1]
    went, alone = made.dynamics, record(out / "whole.json").dynamics
    assert went is not None
    assert alone is not None
    assert went.augmented == alone.augmented
    assert went.gradient_norm is not None
    assert alone.gradient_norm is not None
    assert went.gradient_norm.first == pytest.approx(alone.gradient_norm.first, rel=0.2)  # of both together
    assert went.sum_of_rates == alone.sum_of_rates
    with np.load(out / "mirrored.npz") as weights, np.load(out / "whole.npz") as whole:
        assert weights.files == whole.files
        assert all(np.isfinite(weights[name]).all() for name in weights.files)


def test_with_another_number_of_devices_it_goes_on_as_one_that_never_changed(out: Path) -> None:
    made, whole = record(out / "mirrored.json"), record(out / "whole.json")
    assert (made.devices, made.devices_from) == (2, ((0, 1), (9, 2)))
    assert (whole.devices, whole.devices_from) == (1, ())
    told = "ended by SIGTERM; the training was saved after step 9 of 24; the same command goes on from there"
    assert told in (out / "mirrored.txt").read_text()
    assert made.loss_curve[:9] == whole.loss_curve[:9]
    # Sums in another order; with each device's loss over its own objects the first step is 2.5 % away.
    for (_, changed), (_, same) in zip(made.loss_curve, whole.loss_curve, strict=True):
        assert changed == pytest.approx(same, rel=1e-4)


@by_night
def test_two_devices_from_the_first_step_learn_what_one_does(out: Path) -> None:
    made, whole = record(out / "both.json"), record(out / "whole.json")
    for (_, together), (_, alone) in zip(made.loss_curve[:5], whole.loss_curve[:5], strict=True):
        assert together == pytest.approx(alone, rel=1e-4)


@by_night
@pytest.mark.parametrize(
    ("name", "codes", "told"),
    [
        ("lost", [1, -9], (0, "worker 1 (localhost:")),
        ("leaderless", [-9, 1], (1, "worker 0 (localhost:")),
        ("told", [143, 143], (0, "ended by SIGTERM; the training was saved after step 9 of 24")),
    ],
)
def test_without_a_worker_the_others_end_with_one_error_and_the_same_command_goes_on(
    out: Path, name: str, codes: list[int], told: tuple[int, str]
) -> None:
    """`lost` goes on with one worker, the others with two."""
    assert json.loads((out / name / "codes.json").read_text()) == codes
    number, text = told
    said = (out / name / f"first-{number}.txt").read_text()
    assert text in said
    assert "Traceback" not in said
    made = record(out / name / "model" / RECORD_FILE)
    assert made.steps == 24
    assert made.devices_from == (((0, 2), (6, 1)) if name == "lost" else ())
    assert list((out / name / "checkpoints").iterdir()) == []


def test_two_workers_train_one_model_which_the_first_exports(out: Path) -> None:
    made = record(out / "model" / RECORD_FILE)
    assert made.devices == 2
    assert made.steps == 24
    assert made.dynamics is not None
    assert made.dynamics.batches is not None
    assert made.dynamics.batches.images == 32  # the first worker's half
    assert made.loss_curve[-1][1] < made.loss_curve[0][1]
    assert (out / "model" / "saved_model.pb").exists()
    assert list((out / "checkpoints").iterdir()) == []
