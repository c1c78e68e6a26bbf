"""`ratchet run --dry-run` says what the same command without it does then, and leaves the root as it is."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import ratchet.pipeline.run
from ratchet.pipeline.cli.main import main
from ratchet.pipeline.config.pipeline_settings import PipelineSettings, load_config, load_settings
from ratchet.pipeline.config.proposal.machine import Machine
from ratchet.pipeline.run import dry_run
from ratchet.pipeline.run.dry_run import changed_settings, planned_steps
from ratchet.schemas.artifacts.training_record import RECORD_FILE, TRAINING_RECORD_FORMAT
from ratchet.schemas.base.errors import ConfigError
from tests.builders import coco, coco_annotation, coco_image, training_record, write_span
from tests.pipeline.fingerprint import fingerprint
from tests.pipeline.run.test_nothing_new import CountingRunner

REPOSITORY = Path(__file__).resolve().parents[3]


class Night:
    """A command, and what it would do."""

    def __init__(self, directory: Path, runner: CountingRunner, capfd: pytest.CaptureFixture[str]) -> None:
        self.root, self.data, self.runner, self._capfd = directory / "root", directory / "data", runner, capfd
        self.code, self.err = 0, ""

    def give(self, *options: str, config: str | None = "digits") -> dict[str, Any]:
        chosen = ["--config", config] if config else []
        command = ["run", *chosen, "--data", str(self.data), "--root", str(self.root), "--span", "1", "--json"]
        self.code = main([*command, *options])
        captured = self._capfd.readouterr()
        self.err = captured.err
        return json.loads(captured.out)

    def rehearse(self, *options: str, config: str | None = "digits") -> dict[str, Any]:
        """The same with `--dry-run`; nothing may be changed by it."""
        before = fingerprint(self.root)
        told = self.give(*options, "--dry-run", config=config)
        assert fingerprint(self.root) == before
        return told

    def interrupt(self, run_id: str) -> None:
        (self.root / "runs" / run_id / "result.json").unlink()


@pytest.fixture
def night(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Night:
    boxes = [coco_annotation(i, i, category_id=(3, 7)[i % 2]) for i in range(1, 31)]
    write_span(tmp_path / "data" / "span-1", coco(images=[coco_image(i) for i in range(1, 31)], annotations=boxes))
    write_span(tmp_path / "data" / "golden")
    monkeypatch.chdir(tmp_path)
    runner = CountingRunner(tmp_path / "gate")
    monkeypatch.setattr(ratchet.pipeline.run, "runner", runner, raising=False)
    return Night(tmp_path, runner, capfd)


FEW = ("--set", "training.batch_size=2")


def test_a_first_model_is_announced_and_made_so(night: Night) -> None:
    told = night.rehearse("--bootstrap", *FEW)
    assert (night.code, told["would"], told["dry_run"], told["verdict"]) == (0, "begin", True, None)
    assert not night.root.exists()
    assert told["span"] == {
        **{"number": 1, "version": 1, "directory": str(night.data / "span-1"), "images": 30},
    }
    assert told["baseline"] is None
    training = told["training"]
    assert (training["mode"], training["steps"], training["batch_size"]) == ("bootstrap", 250, 2)
    assert (training["replay"], training["replayed_spans"]) == (0.0, [])
    assert told["settings"]["training"]["batch_size"] == told["changed_settings"]["training.batch_size"] == 2
    assert night.runner.worked == 0
    done = night.give("--bootstrap", *FEW)
    assert done["run_id"] == told["run_id"]
    assert night.runner.worked == 1


@pytest.mark.tensorflow
@pytest.mark.parametrize("rehearsed", [True, False])
def test_a_typo_in_beams_options_is_refused_before_anything_is_written(night: Night, rehearsed: bool) -> None:
    night.give("--bootstrap", *FEW, "--set", "beam.args=[--runer=Direct]", *(["--dry-run"] if rehearsed else []))
    assert night.code == 2
    assert "ratchet: beam.args: --runer=Direct is no option of Beam; did you mean --runner?" in night.err
    assert len(night.err.splitlines()) == 1
    assert not night.root.exists()


GPU = ("--set", "training.require_device=gpu")


def test_a_gpu_that_is_missing_is_refused_as_the_run_would(night: Night, monkeypatch: pytest.MonkeyPatch) -> None:
    machine = Machine(8 << 30, 2)
    monkeypatch.setattr(dry_run, "this_machine", lambda: machine)
    night.rehearse("--bootstrap", *FEW, *GPU)
    assert night.code == 2
    assert "training.require_device = gpu: TensorFlow sees no GPU here, only 2 cores with 8.0 GiB" in night.err
    run_id = night.give("--bootstrap", *FEW, *GPU)["run_id"]
    night.interrupt(run_id)
    assert night.rehearse("--bootstrap", *FEW, *GPU)["verdict"] is None
    assert night.code == 2
    machine = Machine(8 << 30, 2, gpus=1)
    assert night.rehearse("--bootstrap", *FEW, *GPU)["would"] == "resume"


def test_a_gpu_that_is_missing_is_refused_before_the_first_step(night: Night, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(settings: PipelineSettings) -> None:
        raise ConfigError(f"training.require_device = {settings.training.require_device}")

    monkeypatch.setattr(night.runner, "check_trainer_device", refuse)
    night.give("--bootstrap", *FEW, *GPU)
    assert (night.code, night.runner.worked) == (2, 0)
    assert "training.require_device = gpu" in night.err


def test_time_memory_and_disk_are_estimated_before_anything_starts(night: Night) -> None:
    told = night.rehearse("--bootstrap", *FEW)
    estimate = told["estimate"]
    assert [step["step"] for step in estimate["steps"]] == told["steps"]
    assert estimate["training_steps"] == told["training"]["steps"] == 250
    assert 0 < estimate["seconds"][0] < estimate["seconds"][1]
    assert estimate["memory_bytes"] > 1 << 30
    assert estimate["disk_bytes"] > 0
    assert {step["basis"] for step in estimate["steps"]} == {"costs"}
    longer = night.rehearse("--bootstrap", *FEW, "--set", "training.bootstrap.steps=50000")["estimate"]
    assert longer["seconds"] > estimate["seconds"]
    huge = night.rehearse("--bootstrap", "--set", "training.batch_size=2", "--set", "model.input_size=[16384,16384]")
    [warning] = huge["estimate"]["warnings"]
    assert "--set model.input_size=[" in warning or "--set training.batch_size=1 fits" in warning


def test_what_an_earlier_run_of_the_root_took_is_used(night: Night) -> None:
    run_id = night.give("--bootstrap", *FEW)["run_id"]
    there = night.root / "runs" / run_id / "result.json"
    result = json.loads(there.read_text())
    model = night.root.parent / "candidate" / "Format-Serving"
    record = dataclasses.replace(training_record(), steps=250, batch_size=2)
    (model / "assets.extra").mkdir(parents=True)
    (model / RECORD_FILE).write_text(TRAINING_RECORD_FORMAT.write(record))
    seconds = {"DetectionExampleGen": 700.0, "DetectorTrainer": 9000.0, "GoldenExampleGen": 0.01}
    there.write_text(json.dumps({**result, "model": str(model.parent), "seconds": seconds}))
    told = night.rehearse("--bootstrap", "--again", *FEW)
    steps = {step["step"]: step for step in told["estimate"]["steps"]}
    assert steps["DetectionExampleGen"]["basis"] == steps["DetectorTrainer"]["basis"] == run_id
    assert steps["MapEvaluator"]["basis"] == "costs"
    assert steps["GoldenExampleGen"]["basis"] == "stored"
    (model / RECORD_FILE).write_text("torn")
    torn = night.rehearse("--bootstrap", "--again", *FEW)["estimate"]["steps"]
    assert {step["basis"] for step in torn} == {"costs"}


def test_nothing_new_is_announced_with_what_would_be_said(night: Night) -> None:
    night.give("--bootstrap", *FEW)
    told = night.rehearse("--bootstrap", *FEW)
    done = night.give("--bootstrap", *FEW)
    assert (told["would"], told["verdict"], done["verdict"]) == ("nothing", "NOTHING_NEW", "NOTHING_NEW")
    assert {**told["result"], "ended_at": ""} == {**done, "ended_at": ""}
    assert told["steps"] == []
    assert told["estimate"] is None
    assert night.rehearse("--bootstrap", "--again", *FEW)["would"] == "begin"
    assert night.rehearse("--bootstrap", "--set", "training.batch_size=3")["would"] == "begin"


def test_an_interrupted_run_is_announced_and_left_interrupted(night: Night) -> None:
    run_id = night.give("--bootstrap", *FEW)["run_id"]
    night.interrupt(run_id)
    told = night.rehearse("--bootstrap", *FEW)
    assert (told["would"], told["run_id"]) == ("resume", run_id)
    anew = night.rehearse("--bootstrap", "--anew", *FEW)
    assert (anew["would"], anew["run_id"]) == ("begin", f"{run_id.rpartition('-')[0]}-2")
    assert night.give("--bootstrap", *FEW)["run_id"] == run_id


def test_why_an_interrupted_run_is_not_gone_on_with_is_said_before_and_when_it_is_left(night: Night) -> None:
    run_id = night.give("--bootstrap", *FEW)["run_id"]
    night.interrupt(run_id)
    changed = ("--bootstrap", *FEW, "--set", "evaluator.margin=0.02")
    said = f"run {run_id} did not end and is left, for what it was asked for has changed: evaluator.margin (0.0, now "
    assert night.rehearse(*changed, "--quiet")["would"] == "begin"
    assert said in night.err
    assert night.give(*changed, "--quiet")["run_id"] != run_id
    assert night.err.count(said) == 1
    night.give(*changed, "--again")
    assert "did not end" not in night.err  # the newest run on the span has
    night.give("--bootstrap", *FEW)
    assert (night.err.count("goes on with it"), "did not end" in night.err) == (1, False)


def test_a_result_that_nobody_was_told_is_announced(night: Night) -> None:
    run_id = night.give("--bootstrap", *FEW)["run_id"]
    (night.root / "runs" / run_id / "unreported").touch()
    told = night.rehearse("--bootstrap", *FEW)
    assert (told["would"], told["run_id"], told["steps"]) == ("report", run_id, [])


def test_proposed_settings_are_told_and_not_written(night: Night) -> None:
    told = night.rehearse("--bootstrap", config=None)
    assert (night.code, told["proposed"]) == (0, str(night.root / "ratchet.yaml"))
    assert "would be written to" in night.err
    assert told["settings"]["name"] == "detector"
    night.give("--bootstrap", config=None)
    again = night.rehearse("--bootstrap", config=None)
    assert again["settings"] == told["settings"]
    assert again["proposed"] is None


def refused(night: Night, *options: str, config: str | None = "digits") -> tuple[str, str]:
    """The errors of a dry run and of the real one, both of which exit with 2."""
    dry = night.rehearse(*options, config=config)
    assert (night.code, dry["exit_code"]) == (2, 2)
    real = night.give(*options, config=config)
    assert (night.code, real["exit_code"]) == (2, 2)
    return dry["error"], real["error"]


@pytest.mark.parametrize(
    "options",
    [
        (*FEW,),  # no model is served yet
        ("--bootstrap", "--span", "9"),
        ("--bootstrap", "--set", "training.batch_sise=2"),
        ("--bootstrap", "--golden", "nowhere"),
        ("--bootstrap", "--set", "training.init_checkpoint=nowhere"),
    ],
)
def test_what_is_refused_is_refused_in_the_same_words(night: Night, options: tuple[str, ...]) -> None:
    dry, real = refused(night, *options)
    assert dry == real


def test_without_settings_and_without_bootstrap_both_end_and_only_the_real_one_writes(night: Night) -> None:
    dry = night.rehearse(config=None)
    assert night.code == 2
    assert "give --bootstrap" in dry["error"]
    assert not night.root.exists()
    night.give(config=None)
    assert night.code == 2
    assert (night.root / "ratchet.yaml").exists()


def test_a_root_where_somebody_works_is_refused(night: Night) -> None:
    night.give("--bootstrap", *FEW)
    code = (
        "import sys\nfrom pathlib import Path\nfrom ratchet.components.registry.locking import hold\n"
        "with hold(Path(sys.argv[1]), 'retraining'):\n    print('held', flush=True)\n    sys.stdin.read()\n"
    )
    given = [sys.executable, "-c", code, str(night.root / "lock")]
    pipe = subprocess.PIPE
    with subprocess.Popen(given, stdin=pipe, stdout=pipe, text=True, cwd=REPOSITORY) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        told = night.rehearse("--bootstrap", "--again", *FEW)
        other.communicate("")
    assert night.code == 2
    assert f"process {other.pid}" in told["error"]
    assert "wait until it is done" in told["error"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_root_that_cannot_be_made_is_refused(night: Night) -> None:
    night.root.parent.chmod(0o500)
    assert "cannot be made" in night.rehearse("--bootstrap", *FEW)["error"]


def test_a_root_below_a_file_is_refused(night: Night) -> None:
    night.root.write_text("")
    assert "--root" in night.rehearse("--bootstrap", *FEW)["error"]
    assert night.code == 2


def test_a_person_reads_what_would_be_done(night: Night, capfd: pytest.CaptureFixture[str]) -> None:
    given = ["run", "--config", "digits", "--data", str(night.data), "--root", str(night.root), "--bootstrap", *FEW]
    assert main([*given, "--dry-run", "--quiet"]) == 0
    out, err = capfd.readouterr()
    lines = out.splitlines()
    assert lines[0].startswith("Nothing was written. Would begin run span-1-")
    assert f"  span      span 1 of {night.data / 'span-1'}, 30 images" in lines
    assert "  baseline  none: this trains a first model (--bootstrap)" in lines
    assert any("250 steps of 2 images" in line for line in lines)
    told = ("  time      about ", "  memory    about ", "  disk      about ", "  each step ", "  based on  what images")
    for begin in told:
        assert any(line.startswith(begin) for line in lines), begin
    assert any(line.strip().endswith("training.batch_size = 2") for line in lines)
    assert "steps" not in err


def test_secrets_are_not_shown(night: Night) -> None:
    told = night.rehearse("--bootstrap", *FEW, "--set", "notify.urls=[https://hooks.example.org/hunter2]")
    assert "hunter2" not in json.dumps(told) + night.err


def test_it_starts_neither_tensorflow_nor_tfx(night: Night) -> None:
    given = ["run", "--config", "digits", "--data", str(night.data), "--root", str(night.root), "--bootstrap", *FEW]
    script = (
        "import sys\nfrom ratchet.pipeline.cli.main import main\n"
        f"code = main({[*given, '--dry-run']!r})\n"
        "print(sorted({'tensorflow', 'tfx', 'apache_beam'} & set(sys.modules)), code)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=REPOSITORY, check=True)
    assert done.stdout.splitlines()[-1] == "[] 0"


def test_settings_that_are_at_their_defaults_are_no_change() -> None:
    assert changed_settings(load_settings({}, ())) == {}
    assert changed_settings(load_settings({}, ["evaluator.margin=0.01"])) == {"evaluator.margin": 0.01}
    assert "model.input_size" in changed_settings(load_config("digits"))


@pytest.mark.tensorflow
@pytest.mark.parametrize("registers", [False, True])
def test_the_steps_are_those_of_the_pipeline(registers: bool) -> None:
    from ratchet.pipeline.pipeline import Locations, Wanted, create_steps
    from ratchet.schemas.artifacts.diagnosis import REJECTION_DIAGNOSIS_STEP
    from ratchet.schemas.artifacts.review import REJECTION_STEP

    vertex = ["vertex_registry.project=p", "vertex_registry.location=l", "vertex_registry.container.image=i"]
    settings = load_config("digits", vertex if registers else ())
    made = create_steps(settings, Locations.under("r", "d", "g", "digits", "schema.pbtxt"), Wanted(1, 0, 0))
    ids = tuple(step.id for step in made if step.id not in (REJECTION_DIAGNOSIS_STEP, REJECTION_STEP))
    assert planned_steps(settings) == ids
