"""Colour is for a person at a terminal, and for nobody who has said no."""

from __future__ import annotations

import io
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from ratchet.pipeline.terminal.colour import is_coloured, is_terminal, painted, painted_help

ROOT = Path(__file__).resolve().parents[3]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("stream", "environment", "coloured"),
    [
        (Terminal(), {}, True),
        (Terminal(), {"TERM": "xterm"}, True),
        (Terminal(), {"TERM": "dumb"}, False),
        (Terminal(), {"NO_COLOR": "1"}, False),
        (Terminal(), {"NO_COLOR": ""}, True),
        (Terminal(), {"FORCE_COLOR": "0"}, False),
        (Terminal(), {"NO_COLOR": "1", "FORCE_COLOR": "1"}, False),
        (io.StringIO(), {}, False),
        (io.StringIO(), {"FORCE_COLOR": "1"}, True),
        (io.StringIO(), {"FORCE_COLOR": "1", "TERM": "dumb"}, True),
        (None, {}, False),
    ],
)
def test_who_gets_colour(stream: io.StringIO | None, environment: dict[str, str], coloured: bool) -> None:
    assert is_coloured(stream, environment) is coloured


def test_a_closed_stream_is_no_terminal() -> None:
    stream = io.StringIO()
    stream.close()
    assert not is_terminal(stream, {})


def test_only_whole_verdicts_are_painted() -> None:
    assert painted("PASS, PASSED, x-PASS, PUSHED") == "\x1b[32mPASS\x1b[0m, PASSED, x-PASS, \x1b[32mPUSHED\x1b[0m"


def test_headings_of_a_help_are_bold() -> None:
    assert (
        painted_help("usage: x\n\noptions:\n  options: y")
        == "\x1b[1musage:\x1b[0m x\n\n\x1b[1moptions:\x1b[0m\n  options: y"
    )


def on_a_terminal(*arguments: str, **environment: str) -> bytes:
    """What a command prints on a terminal, both streams together."""
    ours, theirs = pty.openpty()
    kept = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "FORCE_COLOR", "TERM")}
    given = [sys.executable, "-m", "ratchet", *arguments]
    process = subprocess.Popen(
        given, stdout=theirs, stderr=theirs, env={**kept, "TERM": "xterm", **environment}, cwd=ROOT
    )
    os.close(theirs)
    found = b""
    try:
        while chunk := os.read(ours, 4096):
            found += chunk
    except OSError:  # how Linux says that the other end is closed
        pass
    finally:
        os.close(ours)
        process.wait()
    return found


def test_a_terminal_shows_help_and_errors_in_colour() -> None:
    assert b"\x1b[1musage:\x1b[0m ratchet" in on_a_terminal("--help")
    assert on_a_terminal("stauts").startswith(b"\x1b[31mratchet:\x1b[0m ")


@pytest.mark.parametrize("environment", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_a_terminal_of_somebody_who_wants_none_shows_none(environment: dict[str, str]) -> None:
    told = on_a_terminal("stauts", **environment)
    assert b"\x1b" not in told
    assert told.startswith(b"ratchet: ")
