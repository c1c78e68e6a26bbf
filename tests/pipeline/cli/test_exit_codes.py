"""Every row of the table of exit codes in docs/nightly.md: what the command ends with, and what a scheduler reads."""

from __future__ import annotations

import errno
import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from ratchet.components.registry.locking import hold
from ratchet.pipeline.cli.main import main
from ratchet.pipeline.run import local
from ratchet.pipeline.run.local import RunError
from ratchet.schemas.artifacts.decisions import Reason, Verdict
from ratchet.schemas.artifacts.run_result import EXIT_CODES, RunResult
from ratchet.schemas.base.errors import ConfigError, DataError, InputError, StateError
from ratchet.schemas.base.termination import Terminated
from tests.builders import write_span

DOCUMENT = Path(__file__).resolve().parents[3] / "docs" / "nightly.md"


def rows() -> dict[str, tuple[str, str]]:
    """What a code is and what a scheduler makes of it, by what stands in the first column."""
    section = DOCUMENT.read_text().partition("\n## Exit codes\n")[2].partition("\n## ")[0]
    found = re.findall(r"^\| ([0-9][^|]*?) \| (.*?) \| (.*?) \|$", section, re.M)
    return {codes: (what, scheduler) for codes, what, scheduler in found}


def row_of(code: int) -> tuple[str, str]:
    [row] = [row for codes, row in rows().items() if str(code) in re.findall(r"[0-9]+", codes)]
    return row


def ending(end: Verdict | BaseException) -> Callable[..., RunResult]:
    def run(request: object, report: Callable[[RunResult], None]) -> RunResult:
        if isinstance(end, BaseException):
            raise end
        result = RunResult.untrained(end, (Reason("x", "this", "that", passed=True),), "page", "run-1", 1, {})
        report(result)
        return result

    return run


@pytest.fixture
def command(tmp_path: Path) -> list[str]:
    write_span(tmp_path / "data" / "span-1")
    write_span(tmp_path / "data" / "golden")
    where = ["--data", str(tmp_path / "data"), "--root", str(tmp_path / "root")]
    return ["run", "--config", "digits", *where, "--bootstrap", "--only-new", "--json"]


def test_the_table_has_every_code_once() -> None:
    assert list(rows()) == ["0", "3", "4", "1", "130, 143, a kill", "2"]


@pytest.mark.parametrize("verdict", list(Verdict))
def test_a_verdict_ends_with_the_code_of_its_row(
    command: list[str], verdict: Verdict, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(local, "run", ending(verdict))
    code = main(command)
    assert (code, json.loads(capsys.readouterr().out)["verdict"]) == (EXIT_CODES[verdict], verdict.value)
    assert [codes for codes, (what, _) in rows().items() if f"`{verdict.value}`" in what] == [str(code)]


@pytest.mark.parametrize(
    ("end", "code", "said"),
    [
        (RunError("DetectorTrainer failed"), 1, "a step crashed"),
        (OSError(errno.ENOSPC, "No space left on device", "root"), 1, "a full disk"),
        (MemoryError(), 1, "no memory"),
        (KeyboardInterrupt(), 130, "Ctrl-C"),
        (Terminated(), 143, "SIGTERM"),
        (ConfigError("training.steps = 0"), 2, "settings"),
        (InputError("--root: no model is served yet"), 2, "no first model"),
        (DataError("span-1: no annotations"), 2, "data"),
        (PermissionError(errno.EACCES, "Permission denied", "root"), 2, "permissions"),
        (StateError("registry/served.json contradicts itself"), 2, "a root that contradicts itself"),
    ],
)
def test_what_ends_without_a_verdict_ends_with_the_code_of_its_row(
    command: list[str],
    end: BaseException,
    code: int,
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(local, "run", ending(end))
    assert main(command) == code
    told = json.loads(capsys.readouterr().out)
    assert (told["verdict"], told["exit_code"]) == (None, code)
    what, scheduler = row_of(code)
    assert said in what
    assert scheduler.startswith("no other try" if code == 2 else "try again")


def test_an_option_that_there_is_not_is_a_mistake(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*command, "--only-old"]) == 2
    assert "arguments" in row_of(2)[0]


def test_a_root_that_another_run_works_in_is_a_mistake(
    command: list[str], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "root").mkdir()
    with hold(tmp_path / "root" / "lock", "retraining"):
        assert main([*command, "--set", "training.batch_size=1"]) == 2
    assert "wait until it is done" in json.loads(capsys.readouterr().out)["error"]
    assert "that another run works in" in row_of(2)[0]
