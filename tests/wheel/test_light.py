"""The light half: one import name, under 300 MB, and the commands that need no TensorFlow."""

from __future__ import annotations

import csv
import datetime
import json
from pathlib import Path

import pytest

from ratchet.schemas.artifacts.decisions import Verdict
from tests.builders import write_span
from tests.pipeline.served_root import ServedRoot
from tests.wheel.conftest import Installed

WHO = ("--by", "Ada", "--reason", "night images are missing")
TRUTH = {
    "images": [{"id": 1, "file_name": "a.jpg", "width": 100, "height": 100}],
    "categories": [{"id": 1, "name": "cat"}],
    "annotations": [{"id": 1, "image_id": 1, "category_id": 1, "bbox": [10, 10, 40, 40], "area": 1600, "iscrowd": 0}],
}
FOUND = [{"image_id": 1, "category_id": 1, "bbox": [10, 10, 40, 40], "score": 0.9}]


def test_one_import_name_is_installed(light: Installed) -> None:
    record = next(light.packages.glob("ratchet_detector-*.dist-info/RECORD"))
    with record.open() as lines:
        tops = {row[0].split("/")[0] for row in csv.reader(lines)}
    assert {top for top in tops if "dist-info" not in top and top != ".."} == {"ratchet"}


@pytest.mark.parametrize("name", ["components", "pipeline", "schemas", "kubeflow", "tests", "benchmarks"])
def test_no_directory_of_the_checkout_is_a_name_of_its_own(light: Installed, name: str) -> None:
    done = light.run([light.python, "-c", f"import {name}"])
    assert f"No module named '{name}'" in done.stderr


def test_what_steps_and_jobs_name_is_there(light: Installed) -> None:
    names = ("components/trainer/run_fn.py", "kubeflow/compile.py", "schemas/detection.pbtxt")
    assert [name for name in names if not (light.packages / "ratchet" / name).is_file()] == []


def test_nothing_of_an_earlier_build_is_installed(light: Installed) -> None:
    assert not (light.packages / "ratchet/removed.py").exists()


def test_it_can_be_run_as_a_module(light: Installed) -> None:
    done = light.run([light.python, "-m", "ratchet", "--version"])
    assert done.stdout.startswith("ratchet ")


def test_it_takes_less_than_300_mb(light: Installed) -> None:
    assert light.megabytes < 300
    assert not (light.packages / "tensorflow").exists()


def test_evaluate_gives_figures(light: Installed, tmp_path: Path) -> None:
    (tmp_path / "gt.json").write_text(json.dumps(TRUTH))
    (tmp_path / "dt.json").write_text(json.dumps(FOUND))
    done = light.ratchet("evaluate", "--gt", tmp_path / "gt.json", "--dt", tmp_path / "dt.json", "--json")
    assert json.loads(done.stdout)["coco"]["AP"] == pytest.approx(1.0)
    assert done.returncode == 0


def test_settings_are_checked(light: Installed, tmp_path: Path) -> None:
    done = light.ratchet("evaluate", "--gt", "a", "--dt", "b", "--set", "evaluator.margin=much")
    assert "evaluator.margin" in done.stderr
    assert done.returncode == 2


def test_convert_makes_a_span(light: Installed, tmp_path: Path) -> None:
    write_span(tmp_path / "from")
    done = light.ratchet("convert", "--from", tmp_path / "from", "--out", tmp_path / "to")
    assert (done.returncode, len(list((tmp_path / "to/images").iterdir()))) == (0, 2), done.stderr


def test_a_root_is_read(light: Installed, tmp_path: Path) -> None:
    world = ServedRoot(tmp_path / "root")
    world.run("span-1", Verdict.BOOTSTRAPPED)
    world.run("span-2", Verdict.PUSHED)
    for command in ("status", "history", "doctor"):
        done = light.ratchet(command, "--root", world.root, "--json")
        assert "light install" not in done.stderr, command
        assert "error" not in json.loads(done.stdout), command


def test_an_earlier_model_is_served_again(light: Installed, tmp_path: Path) -> None:
    world = ServedRoot(tmp_path / "root")
    world.run("span-1", Verdict.BOOTSTRAPPED)
    world.run("span-2", Verdict.PUSHED)
    done = light.ratchet("rollback", "--root", world.root, *WHO)
    assert done.returncode == 0, done.stderr
    assert "the next run tells it" in done.stderr  # ML Metadata
    served = world.registry.served()
    assert (served and served.run_id) == "span-1"


def test_a_blocked_candidate_is_approved(light: Installed, tmp_path: Path) -> None:
    world = ServedRoot(tmp_path / "root")
    world.run("span-1", Verdict.BOOTSTRAPPED)
    world.run("span-2", Verdict.BLOCKED)
    done = light.ratchet(
        "approve",
        "span-2",
        "--root",
        world.root,
        *WHO,
        "--expires",
        str(datetime.date.today() + datetime.timedelta(30)),
    )
    assert done.returncode == 0, done.stderr
    served = world.registry.served()
    assert (served and served.run_id) == "span-2"


@pytest.mark.parametrize(
    ("command", "options"),
    [
        ("run", "--data d"),
        ("demo", ""),
        ("check", "--data d"),
        ("digits", "--span 1 --out o"),
        ("schema infer", "--data d"),
        ("bench", ""),
        ("prune", ""),
        ("doctor --repair", ""),
    ],
)
def test_a_command_that_needs_more_says_what(light: Installed, command: str, options: str) -> None:
    done = light.ratchet(*command.split(), *options.split())
    assert done.returncode == 2
    assert done.stderr.startswith(f"ratchet: `ratchet {command}` needs tfx, which the extra [pipeline] brings")


def test_the_compiler_says_what_it_needs(light: Installed) -> None:
    module = [light.python, "-m", "ratchet.kubeflow.compile"]
    given = ["--target", "kfp", "--config", "mobile", "--root", "a", "--data", "b", "--golden", "c"]
    given += ["--image", "d", "--out", "e.yaml"]
    done = light.run([*module, *given])
    assert done.returncode == 2
    assert "needs kfp, which the extra [kubeflow] brings" in done.stderr
