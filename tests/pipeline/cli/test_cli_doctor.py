from __future__ import annotations

import json
from pathlib import Path

import pytest

from ratchet.pipeline.cli.main import main
from tests.pipeline.doctor.lifelike import LifelikeRoot, lifelike_root


@pytest.fixture
def world(tmp_path: Path) -> LifelikeRoot:
    return lifelike_root(tmp_path / "root")


def test_a_healthy_root_exits_with_0_and_says_so_in_the_last_line(
    world: LifelikeRoot, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["doctor", "--root", str(world.root)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1] == f"{world.root}: healthy"
    assert all(line.startswith("ok  ") for line in lines[:-1])


def test_a_fault_exits_with_1_until_it_is_mended(world: LifelikeRoot, capsys: pytest.CaptureFixture[str]) -> None:
    world.file("served.json").write_text("")
    assert main(["doctor", "--root", str(world.root), "--json"]) == 1
    told = capsys.readouterr()
    lines, values = told.err.splitlines(), json.loads(told.out)
    assert f"x   {world.file('served.json')}: it is empty" in lines
    assert lines[-1] == f"{world.root}: 1 wrong; `ratchet doctor --repair` mends 1 of them"
    assert values["healthy"] is False
    [finding] = [one for one in values["findings"] if one["severity"] == "wrong"]
    assert (finding["kind"], finding["repairable"], finding["mended"]) == ("pointer", True, False)
    assert main(["doctor", "--root", str(world.root), "--repair"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == f"{world.root}: healthy, 1 mended"


@pytest.mark.parametrize(
    "options",
    [["--sign-existing"], ["--repair", "--sign-existing", "--by", "Ada"], ["--repair", "--by", "A", "--reason", "b"]],
)
def test_signing_needs_all_that_belongs_to_it(
    world: LifelikeRoot, options: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["doctor", "--root", str(world.root), *options]) == 2
    assert "--sign-existing needs --repair" in capsys.readouterr().err


def test_what_is_no_root_exits_with_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "--root", str(tmp_path / "nowhere")]) == 2
    assert "no pipeline root" in capsys.readouterr().err
