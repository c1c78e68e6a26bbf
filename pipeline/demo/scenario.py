"""The demo: a first model, a good span that is pushed, a badly labelled one that is blocked."""

from __future__ import annotations

import shlex
import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ratchet.pipeline.demo.digits import DigitsOptions, write_digits
from ratchet.pipeline.past.result import result_text
from ratchet.pipeline.root import ROOT_VARIABLE
from ratchet.pipeline.root.root_settings import configure_run
from ratchet.pipeline.run.local import run
from ratchet.pipeline.run.preflight import RunRequest
from ratchet.pipeline.terminal.plain_text import table
from ratchet.pipeline.terminal.program import program
from ratchet.pipeline.terminal.standard_streams import tell
from ratchet.schemas.artifacts.decisions import Verdict
from ratchet.schemas.artifacts.run_result import RUN_RESULT_FORMAT, RunResult
from ratchet.schemas.base.errors import InputError
from ratchet.schemas.base.formatting import difference, score

GOLDEN_IMAGES = 200
MARKER = ".ratchet-demo"  # tells a directory the demo made from one it must not delete


@dataclass(frozen=True)
class Act:
    """One run of the demo: the span, what it should end as, and settings on top of the config."""

    span: int
    title: str
    digits: DigitsOptions
    expected: Verdict
    overrides: tuple[str, ...] = ()


ACTS = (
    Act(1, "first model, 600 scenes", DigitsOptions(span=1, images=600), Verdict.BOOTSTRAPPED),
    Act(2, "more of the same world, 1500 scenes", DigitsOptions(span=2, images=1500), Verdict.PUSHED),
    Act(
        3,
        "boxes drawn 25 % too loose, 600 scenes; the data gate only observes",
        DigitsOptions(span=3, images=600, labels="loose:0.25"),
        Verdict.BLOCKED,
        ("data_gate.mode=observe",),
    ),
)


@dataclass(frozen=True)
class DemoResult:
    """The three runs, how long they took together, and the directory they were made in."""

    results: tuple[RunResult, ...]
    seconds: float
    directory: Path

    @property
    def as_expected(self) -> bool:
        """Whether each run ended as it should."""
        return tuple(result.verdict for result in self.results) == tuple(act.expected for act in ACTS)

    def to_json(self) -> dict[str, Any]:
        """The contract of `ratchet demo --json`."""
        return {
            "runs": [RUN_RESULT_FORMAT.values_of(result) for result in self.results],
            "seconds": self.seconds,
            "page": self.results[-1].report,
        }

    def to_text(self) -> str:
        """A table of the runs, and what to look at next."""
        header = ("span", "baseline mAP", "candidate mAP", "difference", "verdict", "seconds", "reason")
        lines = table([header, *map(_row, self.results)])
        end = "Each run ended as it should." if self.as_expected else "NOT as expected."
        page = f"Why the last one was blocked: {self.results[-1].report}"
        look = ["", "Look at it yourself:", *(f"  {command}" for command in commands_after(self.directory))]
        return "\n".join(["", *lines, "", f"{end} {self.seconds:.0f} s in all.", page, *look])


def commands_after(directory: Path) -> list[str]:
    """What a user may give when the demo is over; README shows the same.

    Args:
        directory: the demo's.
    """
    ratchet = shlex.join(program())
    root, data = shlex.quote(str(directory / "root")), shlex.quote(str(directory / "data"))
    ways = ("status", "history", "review --open", f"check --data {data} --span {ACTS[-1].span}")
    return [f"export {ROOT_VARIABLE}={root}", *(f"{ratchet} {way}" for way in ways)]


def run_demo(directory: Path) -> DemoResult:
    """Generates the spans and runs the pipeline on each.

    Args:
        directory: made anew; one that an earlier demo made is replaced.

    Raises:
        InputError: the directory holds something that no demo made.
    """
    _make_anew(directory)
    started = time.monotonic()
    data = directory / "data"
    write_digits(str(data / "golden"), DigitsOptions(golden=True, images=GOLDEN_IMAGES))
    results = []
    for number, act in enumerate(ACTS, start=1):
        tell(f"\n=== {number} of {len(ACTS)}: span {act.span}, {act.title}")
        write_digits(str(data / f"span-{act.span}"), act.digits)
        configuration = configure_run(directory / "root", "digits", act.overrides)
        result = run(
            RunRequest(
                settings=configuration.settings,
                data=data,
                golden=data / "golden",
                span=act.span,
                root=directory / "root",
                bootstrap=act.expected is Verdict.BOOTSTRAPPED,
                command=_command(act, directory),
                remembered=configuration.remembered,
            )
        )
        tell(result_text(result))
        results.append(result)
    return DemoResult(tuple(results), round(time.monotonic() - started, 1), directory)


def _command(act: Act, directory: Path) -> str:
    """What a user would have given for an act."""
    place = directory.absolute()
    parts = [*program(), "run", "--config", "digits", "--data", str(place / "data"), "--span", str(act.span)]
    parts += ["--root", str(place / "root"), *(part for value in act.overrides for part in ("--set", value))]
    return shlex.join([*parts, "--bootstrap"] if act.expected is Verdict.BOOTSTRAPPED else parts)


def _row(result: RunResult) -> tuple[str, ...]:
    return (
        str(result.span),
        score(result.baseline_map),
        score(result.map),
        difference(result.delta),
        result.verdict.value,
        f"{sum(result.seconds.values()):.0f}",
        result.first_reason,
    )


def _make_anew(directory: Path) -> None:
    marker = directory / MARKER
    if directory.exists() and any(directory.iterdir()) and not marker.exists():
        raise InputError(f"{directory}: exists and was not made by the demo; give another --dir")
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    marker.touch()
