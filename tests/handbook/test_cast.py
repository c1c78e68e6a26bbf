"""The moving picture of a terminal shows what a program wrote, and nothing that it did not."""

from __future__ import annotations

import itertools
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from handbook.cast import (
    COLUMNS,
    LONGEST_PAUSE_S,
    MAX_BYTES,
    ROWS,
    SHOWN_S,
    STARTED,
    TREE,
    Event,
    cast_events,
    cast_text,
    hastened,
    recorded,
    still_where_asked,
    typed,
)

PICTURE = TREE / "docs/images/demo.svg"


def run(program: str, directory: Path) -> str:
    return "".join(each.text for each in recorded([sys.executable, "-c", program], directory, {}))


def test_a_program_sees_a_terminal_of_the_size_of_the_picture_and_is_recorded_as_it_writes(tmp_path: Path) -> None:
    told = run("import os, sys; print(*os.get_terminal_size(), sys.stderr.isatty(), os.getcwd(), 'é')", tmp_path)
    assert told == f"{COLUMNS} {ROWS} True {tmp_path} é\r\n"


def test_the_program_calls_itself_by_its_name_and_not_by_where_it_lies(tmp_path: Path) -> None:
    told = recorded([sys.executable, "-c", STARTED, "no-such-command"], tmp_path, {"PYTHONPATH": str(TREE)})
    seen = []
    with pytest.raises(subprocess.CalledProcessError):
        seen.extend(each.text for each in told)
    assert "ratchet" in "".join(seen)
    assert str(TREE) not in "".join(seen)


def test_times_rise_and_a_program_that_fails_is_no_recording(tmp_path: Path) -> None:
    ticks = iter(range(100))
    program = ["sh", "-c", "echo one; echo two >&2; exit 3"]
    seen = []
    with pytest.raises(subprocess.CalledProcessError):
        seen.extend(recorded(program, tmp_path, {}, lambda: float(next(ticks))))
    events = list(recorded(["sh", "-c", "echo one; echo two >&2"], tmp_path, {}, lambda: float(next(ticks))))
    assert "".join(each.text for each in events) == "one\r\ntwo\r\n"
    assert [each.at for each in events] == sorted(each.at for each in events)


def test_a_recording_is_asciinemas_and_is_read_again() -> None:
    events = [Event(0.0, "a"), Event(1.5, "\x1b[Kb\r\n")]
    head, *lines = cast_text(events).splitlines()
    assert json.loads(head) | {"env": {}} == {"version": 2, "width": COLUMNS, "height": ROWS, "env": {}}
    assert json.loads(lines[1]) == [1.5, "o", "\x1b[Kb\r\n"]
    assert cast_events(cast_text(events)) == events


def test_a_command_is_typed_key_by_key() -> None:
    keys = typed("ls")
    assert "".join(each.text for each in keys) == "\x1b[32m$\x1b[0m ls\r\n"
    assert [each.at for each in keys] == sorted(each.at for each in keys)


def test_long_pauses_are_cut_and_all_goes_faster_but_nothing_is_lost() -> None:
    events = [Event(0.0, "$"), *(Event(2.0 + 100.0 * number, str(number)) for number in range(50))]
    shown = hastened(events, begun_s=1.0)
    assert [each.text for each in shown] == [each.text for each in events]
    assert shown[0] == events[0]
    assert shown[-1].at == pytest.approx(1.0 + SHOWN_S)
    steps = [after.at - before.at for before, after in itertools.pairwise(shown[1:])]
    assert max(steps) == pytest.approx(min(steps), abs=0.002)
    assert hastened([Event(1.5, "a"), Event(99.0, "b")], 1.0)[-1].at == 1.5 + LONGEST_PAUSE_S


def test_it_stands_still_for_whoever_asks_for_less_motion() -> None:
    svg = "<defs></defs><style>0%{transform:translateY(-0px)} 9%{transform:translateY(-425px)}</style>"
    assert "reduce) { #screen_view { animation: none; transform: translateY(-425px); } }" in still_where_asked(svg)


def test_the_picture_that_is_kept_is_of_a_whole_demo_and_loads_nothing() -> None:
    svg = PICTURE.read_text(encoding="utf-8")
    words = re.sub(r"<[^>]+>", " ", svg)
    assert len(svg.encode()) <= MAX_BYTES
    for said in ("ratchet demo", "BOOTSTRAPPED", "PUSHED", "BLOCKED", "Each run ended as it should"):
        assert said in words
    assert "<script" not in svg
    assert re.findall(r"(?:href|src)=\"(?!#)|url\(|@import", svg) == []
    assert re.search(r"\d+ s of a real run, shown in \d+", words)
    assert "/tmp" not in words
