"""Every fast command works on a root of format 0."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest

from ratchet.pipeline.cli.main import main
from tests.formats.downgrade import DOWNGRADES, downgrade
from tests.formats.kinds import KINDS, ROOT, golden_files, golden_text
from tests.pipeline.doctor.lifelike import LifelikeRoot, lifelike_root


@pytest.mark.parametrize("kind", sorted(DOWNGRADES))
def test_a_file_that_is_taken_back_is_the_golden_of_format_0(kind: str) -> None:
    newest = json.loads(golden_text(kind, KINDS[kind].form.number))
    assert DOWNGRADES[kind](newest, ROOT) == json.loads(golden_text(kind, 0))


def test_every_kind_that_had_a_format_0_can_be_taken_back() -> None:
    assert set(DOWNGRADES) == {kind for kind, name in golden_files() if name == "0"}


@pytest.fixture
def world(tmp_path: Path) -> LifelikeRoot:
    world = lifelike_root(tmp_path / "root")
    (world.root / "runs" / "bad" / "review.html").write_text("<p>why</p>")
    downgrade(world.root)
    files = [*world.root.glob("registry/**/*.json"), *world.root.glob("runs/**/*.json")]
    assert files
    assert not any("format" in json.loads(file.read_text()) for file in files)
    return world


def test_status_names_what_is_served(world: LifelikeRoot, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["status", "--root", str(world.root)]) == 0
    text = capsys.readouterr().out
    assert "served   version 200" in text
    assert "last run bad" in text
    assert "BLOCKED" in text


def test_history_lists_all_runs(world: LifelikeRoot, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["history", "--root", str(world.root), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [(run["run_id"], run["verdict"]) for run in told["runs"]] == [
        ("first", "BOOTSTRAPPED"),
        ("good", "PUSHED"),
        ("bad", "BLOCKED"),
    ]


def test_review_finds_the_page(world: LifelikeRoot, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["review", "--root", str(world.root)]) == 0
    assert "runs/bad/review.html" in capsys.readouterr().out


def test_rollback_serves_an_earlier_version_and_the_newer_files_stay_with_the_older(
    world: LifelikeRoot, capsys: pytest.CaptureFixture[str]
) -> None:
    who = ["--root", str(world.root), "--by", "Ana", "--reason", "misses sevens"]
    assert main(["rollback", *who]) == 0
    assert "the model of version 100 is served again" in capsys.readouterr().out
    assert json.loads(world.file("served.json").read_text())["format"] == KINDS["served"].form.number
    assert "format" not in json.loads(world.entry("versions/100.json").read_text())
    served = world.registry.served()
    assert served is not None
    assert served.restores == "100"
    assert main(["status", "--root", str(world.root)]) == 0


def test_a_root_with_a_log_of_overrides_is_read_and_the_log_goes_on(
    world: LifelikeRoot, capsys: pytest.CaptureFixture[str]
) -> None:
    who = ["--root", str(world.root), "--by", "Ana", "--reason", "misses sevens"]
    assert main(["rollback", *who]) == 0
    downgrade(world.root)
    [line] = world.file("overrides.jsonl").read_text().splitlines()
    assert "format" not in json.loads(line)
    assert main(["status", "--root", str(world.root)]) == 0
    assert "rolled back by Ana to version 100" in capsys.readouterr().out
    [made] = world.registry.overrides()
    world.registry.log(dataclasses.replace(made, version="2000000000"))
    assert [entry.override.restored for entry in world.registry.logged()] == ["100", "100"]


def test_doctor_finds_nothing_but_the_missing_file_of_the_root(
    world: LifelikeRoot, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["doctor", "--root", str(world.root), "--repair"]) == 0
    assert "ratchet.json" in capsys.readouterr().out
    assert json.loads((world.root / "ratchet.json").read_text())["name"] == "digits"
    assert main(["prune", "--root", str(world.root), "--dry-run"]) == 0
