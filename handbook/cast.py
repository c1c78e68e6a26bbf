"""Records `ratchet demo` in a terminal and draws it as a moving picture: docs/images/demo.svg.

python -m handbook.cast [--cast build/demo.cast] [--drawn docs/images/demo.svg] [--again]

What is drawn is a run that took place: every character that the program wrote to its terminal, at the time at which it
did, in asciinema's format (https://docs.asciinema.org/manual/asciicast/v2/). It is shown faster, and long pauses
shorter, which the picture says; nothing else is changed. The recording is kept in build/, and `--again` draws it anew.
"""

from __future__ import annotations

import argparse
import codecs
import errno
import fcntl
import json
import os
import pty
import re
import shlex
import struct
import subprocess
import sys
import tempfile
import termios
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

TREE = Path(__file__).resolve().parent.parent
DRAWING = TREE / ".tools/docs/bin/termtosvg"
COMMAND = "ratchet demo"
# So started it calls itself `ratchet`, as somebody who has it on PATH does, and not by where it lies here.
STARTED = "import sys; from ratchet.pipeline.cli.entry import main; sys.exit(main())"
TEMPLATE = Path(__file__).with_name("terminal.svg")
COLUMNS, ROWS = 104, 24
TYPING_S = 0.07  # a key
LONGEST_PAUSE_S, SHOWN_S = 5.0, 36.0  # of the run: a pause before, and all of it after it is made faster
SHORTEST_FRAME_MS, LAST_FRAME_MS = 300, 12_000
MAX_BYTES = 150_000


@dataclass(frozen=True)
class Event:
    """What a program wrote to its terminal, and when: seconds since the recording began."""

    at: float
    text: str


def typed(command: str) -> list[Event]:
    """A prompt and the keys of a command, one after the other."""
    keys = [Event(round(0.6 + number * TYPING_S, 3), key) for number, key in enumerate(command)]
    return [Event(0.0, "\x1b[32m$\x1b[0m "), *keys, Event(round(1.2 + len(command) * TYPING_S, 3), "\r\n")]


def recorded(
    program: Sequence[str], directory: Path, variables: Mapping[str, str], now: Callable[[], float] = time.monotonic
) -> Iterator[Event]:
    """Runs a program in a terminal of its own.

    Args:
        program: and its arguments.
        directory: where it works.
        variables: of its environment.
        now: a clock in seconds.

    Yields:
        what it wrote, as it wrote it.

    Raises:
        subprocess.CalledProcessError: it failed.
    """
    ours, its = pty.openpty()
    fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
    started = now()
    decoder = codecs.getincrementaldecoder("utf-8")("replace")  # a read may end within a character
    process = subprocess.Popen(
        program, cwd=directory, env=dict(variables), stdin=its, stdout=its, stderr=its, start_new_session=True
    )
    os.close(its)
    try:
        while chunk := _read(ours):
            if text := decoder.decode(chunk):
                yield Event(round(now() - started, 3), text)
    finally:
        os.close(ours)
        code = process.wait()
    if code:
        raise subprocess.CalledProcessError(code, list(program))


def hastened(events: Sequence[Event], begun_s: float) -> list[Event]:
    """The same, shown in SHOWN_S: long pauses are cut, then all goes faster.

    Args:
        events: of a recording.
        begun_s: when the program was started; until then nothing is changed.
    """
    cut, last, at = [], begun_s, begun_s
    for event in events:
        if event.at > begun_s:
            at, last = at + min(event.at - last, LONGEST_PAUSE_S), event.at
            cut.append(Event(at, event.text))
    faster = min(1.0, SHOWN_S / max(at - begun_s, 1e-9))
    before = [event for event in events if event.at <= begun_s]
    return [*before, *(Event(round(begun_s + (event.at - begun_s) * faster, 3), event.text) for event in cut)]


def cast_text(events: Sequence[Event]) -> str:
    """A recording as asciinema's version 2 writes it: a head, and one line an event."""
    head = {"version": 2, "width": COLUMNS, "height": ROWS, "env": {"TERM": "xterm-256color"}}
    lines = [json.dumps(head), *(json.dumps([event.at, "o", event.text]) for event in events)]
    return "\n".join(lines) + "\n"


def cast_events(text: str) -> list[Event]:
    """The inverse of `cast_text`."""
    return [Event(at, told) for at, _, told in map(json.loads, text.splitlines()[1:])]


def record_demo() -> str:
    """Runs the demo in a directory that is thrown away; its recording."""
    variables = {**os.environ, "PYTHONPATH": str(TREE), "TERM": "xterm-256color"}
    variables |= {"COLUMNS": str(COLUMNS), "LINES": str(ROWS)}
    begun = typed(COMMAND)
    with tempfile.TemporaryDirectory(prefix="ratchet-cast-") as scratch:
        program = [sys.executable, "-c", STARTED, *shlex.split(COMMAND)[1:]]
        ran = [
            Event(round(begun[-1].at + each.at, 3), each.text) for each in recorded(program, Path(scratch), variables)
        ]
    return cast_text([*begun, *ran])


def draw(cast: str, drawn: Path) -> None:
    """Draws a recording as an SVG with the frames in it, which CSS moves.

    Args:
        cast: the recording.
        drawn: the picture.

    Raises:
        ValueError: it came out too large for a README.
    """
    events, begun_s = cast_events(cast), typed(COMMAND)[-1].at
    shown = hastened(events, begun_s)
    limits = ["-m", str(SHORTEST_FRAME_MS), "-D", str(LAST_FRAME_MS)]
    with tempfile.TemporaryDirectory(prefix="ratchet-cast-") as scratch:
        faster, picture = Path(scratch, "faster.cast"), Path(scratch, "demo.svg")
        faster.write_text(cast_text(shown), encoding="utf-8")
        subprocess.run([DRAWING, "render", faster, picture, *limits, "-t", TEMPLATE], check=True, capture_output=True)
        svg = picture.read_text(encoding="utf-8")
    took = f"{events[-1].at - begun_s:.0f} s of a real run, shown in {shown[-1].at - begun_s:.0f}"
    svg = still_where_asked(svg.replace("CAPTION", took))
    if len(svg.encode()) > MAX_BYTES:
        raise ValueError(f"{drawn}: {len(svg.encode())} bytes, of at most {MAX_BYTES}; raise SHORTEST_FRAME_MS")
    drawn.parent.mkdir(parents=True, exist_ok=True)
    drawn.write_text(svg, encoding="utf-8")


def still_where_asked(svg: str) -> str:
    """The same picture, which stands still at its end for whoever has asked for less motion."""
    last = re.findall(r"translateY\((-?\d+)px\)", svg)[-1]
    rule = f"#screen_view {{ animation: none; transform: translateY({last}px); }}"
    return svg.replace("</defs>", f"<style>@media (prefers-reduced-motion: reduce) {{ {rule} }}</style></defs>", 1)


def _read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 65536)
    except OSError as error:
        if error.errno == errno.EIO:  # how Linux says that the other end was closed
            return b""
        raise


def main(arguments: Sequence[str] | None = None) -> int:
    """Records, unless that is to be drawn which was recorded before, and draws."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cast", type=Path, default=TREE / "build/demo.cast", help="the recording")
    parser.add_argument("--drawn", type=Path, default=TREE / "docs/images/demo.svg", help="the picture")
    parser.add_argument("--again", action="store_true", help="draw the recording that is there")
    options = parser.parse_args(arguments)
    if not options.again:
        print(f"recording `{COMMAND}`: three minutes on two quiet cores", file=sys.stderr)
        options.cast.parent.mkdir(parents=True, exist_ok=True)
        options.cast.write_text(record_demo(), encoding="utf-8")
    draw(options.cast.read_text(encoding="utf-8"), options.drawn)
    print(f"{options.drawn}: {options.drawn.stat().st_size} bytes", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
