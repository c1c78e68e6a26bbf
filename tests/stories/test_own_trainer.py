"""A detector that is none of Ratchet's, trained by code that is none of Ratchet's, through the whole pipeline.

The code is examples/keras_detector, as it is.
"""

from __future__ import annotations

import json
import re
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from ratchet.components.registry.registry import Registry
from ratchet.components.registry.storage import DiskStorage
from ratchet.pipeline.demo.digits import DigitsOptions, write_digits
from ratchet.schemas.artifacts.training_record import read_training_record
from ratchet.schemas.base.files import LOCAL_FILES
from tests.e2e.conftest import REPOSITORY, Command, command

pytestmark = pytest.mark.tensorflow
OWN = "keras_detector.trainer.run_fn"
# What is learned is little; that it is published, measured and gone on from is what is looked at.
CONFIG = f"""\
name: own
training:
  run_fn: {OWN}
  options: {{steps: 60, width: 24}}
evaluator: {{min_map: 1.0e-9, margin: 1.0, tolerance: null, class_drop: null, slice_drop: null, resamples: 100}}
data_gate: {{mode: observe}}
"""


@dataclass(frozen=True)
class World:
    """Data, a configuration, a root, and a copy of the example that a test may change."""

    directory: Path
    first: Command
    second: Command

    @property
    def root(self) -> Path:
        return self.directory / "root"

    @property
    def code(self) -> Path:
        return self.directory / "code" / "keras_detector" / "trainer.py"

    def run(self, span: int, *options: str) -> Command:
        return run(self.directory, span, *options)

    def model(self, command: Command) -> Path:
        return Path(json.loads(command.out.splitlines()[-1])["model"]) / "Format-Serving"

    def served(self) -> str:
        registry = Registry(DiskStorage(f"{self.root}/registry", f"{self.root}/serving/own"))
        model = registry.served()
        assert model is not None
        return model.run_id


def run(directory: Path, span: int, *options: str) -> Command:
    given = ["--config", str(directory / "own.yaml"), "--data", str(directory / "data"), "--span", str(span)]
    return command("run", *given, "--root", str(directory / "root"), *options)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    directory = tmp_path_factory.mktemp("own")
    shutil.copytree(REPOSITORY / "examples" / "keras_detector", directory / "code" / "keras_detector")
    (directory / "own.yaml").write_text(CONFIG)
    write_digits(str(directory / "data" / "golden"), DigitsOptions(golden=True, images=16))
    for span in (1, 2):
        write_digits(str(directory / "data" / f"span-{span}"), DigitsOptions(span=span, images=40))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "path", list(sys.path))
        patch.chdir(directory / "code")  # where the trainer is found, as the docs say
        first = run(directory, 1, "--bootstrap", "--json")
        second = run(directory, 2, "--set", "training.options.steps=30", "--json")
        yield World(directory, first, second)


def result(of: Command) -> dict[str, Any]:
    assert of.code == 0, of.err
    return json.loads(of.out.splitlines()[-1])


def test_a_first_model_and_a_retraining_are_served(world: World) -> None:
    assert result(world.first)["verdict"] == "BOOTSTRAPPED"
    assert result(world.second)["verdict"] == "PUSHED"
    assert world.served() == result(world.second)["run_id"]


def test_the_record_says_who_trained_and_what_it_was_told(world: World) -> None:
    first, second = (read_training_record(str(world.model(of)), LOCAL_FILES) for of in (world.first, world.second))
    assert (first.trainer, first.mode, second.mode) == (OWN, "bootstrap", "retrain")
    assert [data.span for data in second.data] == [1, 2]
    assert second.plan is not None
    assert (second.plan.steps, second.plan.replay, second.plan.model) == (30, 0.5, "CenterNet, 24 channels")
    assert second.declared_changes == ("options.steps: 60 -> 30",)
    assert len(first.loss_curve) == 6
    assert first.loss_curve[-1][1] < first.loss_curve[0][1]


def test_the_page_shows_both_trainings_by_what_is_known_of_them(world: World) -> None:
    page = (world.root / "runs" / result(world.second)["run_id"] / "review.html").read_text()
    text = re.sub(r"<[^>]+>", " ", page)
    assert OWN in text
    assert "CenterNet, 24 channels" in text
    assert "0 steps from" not in text  # figures of Ratchet's own training, which there are none of


def test_the_diagnosis_is_made_without_records_of_ratchets_own_training(world: World) -> None:
    made = json.loads((world.root / "runs" / result(world.second)["run_id"] / "diagnosis.json").read_text())
    assert made["cause"]["state"] != "failed"


def test_the_same_again_is_nothing_new_until_the_code_changes(world: World) -> None:
    again = ("--set", "training.options.steps=30", "--dry-run", "--json")
    assert json.loads(world.run(2, *again).out)["would"] == "nothing"
    text = world.code.read_text()
    world.code.write_text(f"{text}\n# another line\n")
    try:
        changed = json.loads(world.run(2, *again).out)
    finally:
        world.code.write_text(text)
    assert (changed["would"], changed["training"]["trainer"], changed["estimate"]) == ("begin", OWN, None)


def test_ratchets_own_trainer_does_not_go_on_from_the_model_unasked(world: World) -> None:
    own = ("--set", "training.run_fn=null", "--set", "training.options={}", "--dry-run")
    refused = world.run(2, *own)
    assert refused.code == 2
    assert f"was trained by {OWN}" in refused.err
    allowed = world.run(2, *own, "--set", "training.allow=[trainer]", "--json")
    assert json.loads(allowed.out)["training"]["mode"] == "bootstrap"


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("keras_detektor.trainer.run_fn", "there is no module 'keras_detektor'"),
        ("keras_detector.trainer.train_it", "has no function 'train_it'"),
    ],
)
def test_a_wrong_name_is_told_before_any_data_is_read(world: World, name: str, told: str, tmp_path: Path) -> None:
    root = tmp_path / "root"
    given = ["--config", str(world.directory / "own.yaml"), "--data", str(tmp_path / "nothing"), "--root", str(root)]
    refused = command("run", *given, "--bootstrap", "--set", f"training.run_fn={name}")
    assert (refused.code, refused.err.count("\n")) == (2, 1)
    assert told in refused.err
    assert not root.exists()


def test_a_crash_in_the_users_code_is_a_sentence_and_its_traceback_is_in_the_log(world: World) -> None:
    text = world.code.read_text()
    world.code.write_text(text.replace("def build(", "def build(*_):\n    return 1 / 0\n\n\ndef _unused("))
    try:
        broken = world.run(2)
    finally:
        world.code.write_text(text)
    told = next(line for line in broken.err.splitlines() if line.startswith("ratchet: "))
    line = 1 + text.splitlines().index(next(line for line in text.splitlines() if line.startswith("def build("))) + 1
    assert broken.code == 1
    assert told == (
        f"ratchet: training.run_fn = '{OWN}' raised ZeroDivisionError: division by zero ({world.code}, line {line})"
    )
    logs = [path.read_text() for path in world.root.glob("runs/span-2-*/log.txt")]
    assert any("Traceback" in each and "return 1 / 0" in each for each in logs)
    assert world.served() == result(world.second)["run_id"]
