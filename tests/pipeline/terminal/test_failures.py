"""Whatever ends a command: one line, the documented exit code, no traceback."""

from __future__ import annotations

import errno
import json
import os
import shutil
import sqlite3
import tempfile
from pathlib import Path

import pytest

from ratchet.pipeline.cli import main as cli
from ratchet.pipeline.terminal.failures import explain, guarded, tracebacks_to
from ratchet.schemas.base.errors import InputError, RatchetError, StateError
from ratchet.schemas.base.termination import Terminated
from ratchet.schemas.base.visible import visible


def failing(error: BaseException) -> int:
    """A command that raises."""
    raise error


def end(error: BaseException, as_json: bool = False) -> int:
    return guarded(lambda: failing(error), as_json)


def of_system(number: int, path: str | None = "root/registry") -> OSError:
    return OSError(number, os.strerror(number)) if path is None else OSError(number, os.strerror(number), path)


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where tracebacks go."""
    directory = tmp_path / "temporary"
    directory.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(directory))
    monkeypatch.delenv("RATCHET_TRACEBACK", raising=False)
    return directory


MENDABLE = (
    *("EACCES", "EPERM", "EROFS", "ENOENT", "EEXIST", "EISDIR", "ENOTDIR", "ENAMETOOLONG", "ELOOP", "ENOLCK", "EBUSY"),
    *("ENOTEMPTY", "EXDEV"),
)
CRASHES = ("ENOSPC", "EDQUOT", "EIO", "EMFILE", "ENOMEM", "ESTALE")


@pytest.mark.parametrize(
    ("name", "code"),
    [*((name, 2) for name in MENDABLE), *((name, 1) for name in CRASHES)],
    ids=lambda value: str(value),
)
def test_what_the_system_refuses_is_one_line_with_path_reason_and_fix(
    name: str, code: int, capsys: pytest.CaptureFixture[str], temporary: Path
) -> None:
    number = getattr(errno, name)
    assert end(of_system(number)) == code
    printed = capsys.readouterr().err
    assert printed.startswith(f"ratchet: root/registry: {os.strerror(number)}; ")
    assert printed.count("\n") == 1
    assert "fault" not in printed
    assert not list(temporary.iterdir())


def test_a_copy_that_failed_names_the_first_file() -> None:
    failure = explain(shutil.Error([("a/x", "b/x", f"[Errno 28] {os.strerror(errno.ENOSPC)}"), ("a/y", "b/y", "no")]))
    assert failure.message.startswith("a/x: cannot be copied")
    assert failure.exit_code == 1
    assert explain(shutil.Error([("a/x", "b/x", "[Errno 13] Permission denied")])).exit_code == 2


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (InputError("bad"), 2),
        (StateError("bad"), 2),
        (RatchetError("bad"), 1),
        (KeyboardInterrupt(), 130),
        (Terminated(), 143),
    ],
)
def test_errors_of_ours_keep_their_exit_codes(
    error: BaseException, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert end(error) == code
    assert capsys.readouterr().err.count("ratchet: ") == 1


def test_a_full_disk_is_a_crash_although_the_error_made_of_it_asks_for_another_directory() -> None:
    error = InputError("--out x: cannot be written")
    error.__cause__ = of_system(errno.ENOSPC)
    assert explain(error).exit_code == 1
    error.__cause__ = of_system(errno.EACCES)
    assert explain(error).exit_code == 2


def test_a_ctrl_c_that_a_library_made_an_error_of_its_own_is_still_one() -> None:
    error = SystemError("returned a result with an exception set")
    error.__context__ = KeyboardInterrupt()
    assert explain(error).exit_code == 130
    assert explain(error).message == "interrupted; the same command again does it anew"
    assert "goes on from the step that was running" in explain(error, goes_on=True).message


def test_sigterm_says_what_was_saved_or_that_it_goes_on_from_the_step() -> None:
    assert explain(Terminated("saved after step 7")).message == "ended by SIGTERM; saved after step 7"
    assert explain(Terminated()).message == "ended by SIGTERM; the same command again does it anew"
    assert explain(Terminated(), goes_on=True).message == (
        "ended by SIGTERM; the same command again goes on from the step that was running"
    )
    error = SystemError("returned a result with an exception set")
    error.__context__ = Terminated("saved")
    assert (explain(error).exit_code, explain(error).message) == (143, "ended by SIGTERM; saved")


@pytest.mark.parametrize(("command", "goes_on"), [("evaluate", False), ("check", False), ("run", True)])
def test_only_a_run_is_said_to_go_on_after_ctrl_c(
    command: str, goes_on: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(_: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(cli, "_command", interrupted)
    assert cli.main([command]) == 130
    assert ("goes on from the step" in capsys.readouterr().err) == goes_on


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("unable to open database file", 2),
        ("attempt to write a readonly database", 2),
        ("database disk image is malformed", 2),
        ("file is not a database", 2),
        ("database is locked", 2),
        ("database or disk is full", 1),
        ("disk I/O error", 1),
    ],
)
def test_sqlite_and_ml_metadata_are_told_by_their_modules(text: str, code: int) -> None:
    # As ml_metadata.errors has it, which takes seconds to import.
    status = type("StatusError", (Exception,), {"__module__": "ml_metadata.errors"})
    internal = type("InternalError", (status,), {"__module__": "elsewhere"})
    for error in (sqlite3.OperationalError(text), status(text), internal(f"{text}\nin a second line")):
        failure = explain(error)
        assert failure.exit_code == code
        assert text in failure.message
        assert "metadata.sqlite" in failure.message
        assert "\n" not in failure.message


@pytest.mark.parametrize(("name", "code"), [("PermissionDeniedError", 2), ("ResourceExhaustedError", 1)])
def test_errors_of_tensorflows_files_are_no_faults(name: str, code: int) -> None:
    error = type(name, (Exception,), {"__module__": "tensorflow.python.framework.errors_impl"})("root/x; denied")
    assert explain(error).exit_code == code
    assert "root/x" in explain(error).message


def test_no_memory_and_names_that_are_no_text_are_told() -> None:
    assert (explain(MemoryError()).exit_code, explain(MemoryError()).message[:13]) == (1, "out of memory")
    with pytest.raises(UnicodeEncodeError) as caught:
        "a\udcff".encode()
    assert explain(caught.value).exit_code == 2
    assert "rename it" in explain(caught.value).message


def test_a_fault_is_one_line_and_its_traceback_is_in_a_file(
    capsys: pytest.CaptureFixture[str], temporary: Path
) -> None:
    assert end(ZeroDivisionError("first\nsecond")) == 1
    [file] = temporary.iterdir()
    assert capsys.readouterr().err == (
        f"ratchet: a fault of Ratchet: ZeroDivisionError: first second; its traceback is in {file}\n"
    )
    assert "in failing" in file.read_text()


def test_a_fault_inside_of_a_run_is_in_the_runs_log(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], temporary: Path
) -> None:
    log = tmp_path / "log.txt"
    log.write_text("before\n")

    def act() -> int:
        with tracebacks_to(log):
            return failing(RecursionError("maximum recursion depth exceeded"))

    assert guarded(act, as_json=False) == 1
    assert f"its traceback is in {log}" in capsys.readouterr().err
    assert log.read_text().startswith("before\nTraceback")
    assert not list(temporary.iterdir())


def test_without_a_place_for_the_traceback_the_line_says_how_to_see_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "nowhere"))
    assert end(ZeroDivisionError("x")) == 1
    assert "its traceback could not be kept, RATCHET_TRACEBACK=1 prints it" in capsys.readouterr().err
    monkeypatch.setenv("RATCHET_TRACEBACK", "1")
    assert end(of_system(errno.EACCES)) == 2
    printed = capsys.readouterr().err.splitlines()
    assert printed[0] == "Traceback (most recent call last):"
    assert printed[-1].startswith("ratchet: root/registry: ")


def test_with_json_every_failure_is_the_last_line_of_the_output(capsys: pytest.CaptureFixture[str]) -> None:
    for error in (of_system(errno.EROFS), ZeroDivisionError("x"), KeyboardInterrupt(), InputError("a\x1b[2J")):
        code = end(error, as_json=True)
        captured = capsys.readouterr()
        told = json.loads(captured.out)
        assert told["exit_code"] == code
        assert told["verdict"] is None
        assert captured.err == f"ratchet: {visible(told['error'])}\n"


def test_an_error_shows_what_a_terminal_would_obey_and_keeps_its_lines(capsys: pytest.CaptureFixture[str]) -> None:
    end(InputError("class \x1b[2J\r\u202e\x9b:\n  second line"))
    assert capsys.readouterr().err == "ratchet: class \\x1b[2J\\r\\u202e\\x9b:\n  second line\n"


def test_a_line_without_end_is_cut(capsys: pytest.CaptureFixture[str]) -> None:
    end(InputError("x" * 10**6))
    assert len(capsys.readouterr().err) < 3000
