"""With `--json` standard output is one JSON object on one line, of every command, whatever comes of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ratchet.kubeflow import compile, schedule, submit, vertex_model
from ratchet.pipeline.cli.main import main
from ratchet.schemas.artifacts.decisions import Verdict
from tests.builders import coco, write_span
from tests.pipeline.cli.command_lines import PARSERS, is_group
from tests.pipeline.roots import add_run, serve

MAINS = {
    "ratchet": main,
    "python -m ratchet.kubeflow.compile": compile.main,
    "python -m ratchet.kubeflow.schedule": schedule.main,
    "python -m ratchet.kubeflow.submit": submit.main,
    "python -m ratchet.kubeflow.vertex_model": vertex_model.main,
}
COMMANDS = [parser.prog for parser in PARSERS if not is_group(parser)]


def start(prog: str, *arguments: str) -> int:
    """The exit code of a command, by the name of its parser."""
    program = next(name for name in MAINS if f"{prog} ".startswith(f"{name} "))
    return MAINS[program]([*prog[len(program) :].split(), *arguments])


def object_of(out: str) -> dict[str, Any]:
    [line] = out.splitlines()
    assert out.endswith("\n")
    told = json.loads(line)
    assert isinstance(told, dict)
    return told


@pytest.mark.parametrize("prog", COMMANDS)
@pytest.mark.parametrize("flag", ["--json", "--jso"])
def test_a_mistake_is_an_object_with_the_error_and_the_exit_code(
    prog: str, flag: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert start(prog, flag, "--no-such-option") == 2
    out, err = capsys.readouterr()
    told = object_of(out)
    assert (told["verdict"], told["exit_code"]) == (None, 2)
    assert "--no-such-option" in told["error"]
    assert err.endswith(f": {told['error']}\n")


@pytest.mark.parametrize("prog", COMMANDS)
def test_without_json_a_mistake_leaves_standard_output_empty(prog: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert start(prog, "--no-such-option") == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert err.startswith(("ratchet: ", "ratchet.kubeflow."))


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory with a root and two data sets."""
    add_run(tmp_path / "ratchet-root", "span-1-aa-1", Verdict.BOOTSTRAPPED, 1)
    serve(tmp_path / "ratchet-root", "100", "span-1-aa-1", 1)
    write_span(tmp_path / "data" / "span-1")
    (tmp_path / "gt.json").write_text(json.dumps(coco()))
    (tmp_path / "dt.json").write_text("[]")
    monkeypatch.delenv("RATCHET_ROOT", raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


WORKING = {
    "status": [],
    "history": [],
    "review": [],
    "doctor": [],
    "new-span": ["--data", "data"],
    "convert": ["--from", "data/span-1", "--out", "out"],
    "log-sample": ["--images", "data/span-1", "--log", "log"],
    "completion": ["bash"],
    "evaluate": ["--gt", "gt.json", "--dt", "dt.json"],
}


@pytest.mark.parametrize("command", WORKING)
@pytest.mark.parametrize("quiet", [True, False])
def test_what_came_of_it_is_one_object_and_quiet_leaves_standard_error_empty(
    place: Path, command: str, quiet: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    main([command, *WORKING[command], "--json", *(["--quiet"] if quiet else [])])
    out, err = capsys.readouterr()
    assert object_of(out).get("verdict", "") is not None
    assert (err == "") is quiet


def test_verbose_keeps_standard_output_json(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["-v", "status", "--json"]) == 0
    out, err = capsys.readouterr()
    assert object_of(out)["served"]["version"] == "100"
    assert err.startswith("ratchet 0.")
    assert "root: ratchet-root" in err
    assert "of memory at most" in err


def test_it_has_no_colour(place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert main(["history", "--json"]) == 0
    out, _ = capsys.readouterr()
    assert "\x1b" not in out
    assert main(["history"]) == 0
    assert "\x1b[32mBOOTSTRAPPED\x1b[0m" in capsys.readouterr().out
