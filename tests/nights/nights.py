"""Many nights in a row, in one process: what grows with their number.

    python -m tests.nights.nights DIRECTORY [--runs N] [--real]

Each night gives `ratchet run --again` on the same span; old runs are pruned. The images, the training and the
evaluation have stand-ins (stand_ins.py says what is real); with --real they have none, and a night takes half a minute.

Measured for each night: seconds, CPU seconds, operations on files by this process, questions to ML Metadata, files and
bytes that retention is to hold (artifacts, served versions), and what is added to all else (results, registry, ML
Metadata). Writes DIRECTORY/nights.json, prints a table by tenths, and exits with 1 if the last third of the nights
needs more than the first third by more than the ratios in LIMITS.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import itertools
import json
import os
import statistics
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from ratchet.schemas.artifacts.history import HISTORY_FILE
from tests.kills.children import accept_all, import_everything
from tests.kills.tiny import BOOTSTRAP, PUSH, Tiny, give
from tests.operations import operations

SETTINGS = ("retention.runs=3", "retention.days=0", "retention.versions=3", "retention.pages=5")
NO_LIMITS = ("evaluator.golden_budget=100000", "training.retrain.replay=0")
LIMITS = {
    "seconds": 1.5,
    "cpu_seconds": 1.5,
    "operations": 1.05,
    "questions": 1.05,
    "kept_files": 1.05,
    "kept_bytes": 1.05,
    "added_bytes": 1.5,
}
WARM_UP = 10  # nights until old ones are pruned for the first time, and TensorFlow has what it keeps


@dataclass(frozen=True)
class Usage:
    """One night.

    Attributes:
        seconds: from command to result.
        cpu_seconds: of this process and its children.
        operations: files opened, looked at, listed and changed.
        questions: calls of ML Metadata's store.
        kept_files: files in `artifacts/` and `serving/` afterwards.
        kept_bytes: their size, without `history_bytes`.
        added_bytes: by how much everything else grew: registry, results, ML Metadata.
        history_bytes: what of `artifacts/` is copies of the history, one for each run that is kept: it has no limit.
        memory_mb: resident memory of the process, for it is one for all nights.
    """

    seconds: float
    cpu_seconds: float
    operations: int
    questions: int
    kept_files: int
    kept_bytes: int
    added_bytes: int
    history_bytes: int
    memory_mb: float


@contextlib.contextmanager
def questions() -> Iterator[Counter[str]]:
    """Counts the questions to ML Metadata, by their names."""
    from ml_metadata.metadata_store.metadata_store import MetadataStore

    asked: Counter[str] = Counter()
    whole = MetadataStore._call

    def counting(self: Any, method_name: Any, request: Any, response: Any, extra_options: Any = None) -> None:
        asked[method_name] += 1
        whole(self, method_name, request, response, extra_options)

    MetadataStore._call = counting
    try:
        yield asked
    finally:
        MetadataStore._call = whole


class Nights:
    """A root, and what each night in it needs.

    Args:
        directory: where data and root lie.
        real: whether images, training and evaluation have no stand-ins.
    """

    def __init__(self, directory: Path, real: bool = False) -> None:
        import_everything()
        accept_all()
        if not real:
            from tests.nights.stand_ins import with_stand_ins

            with_stand_ins()
        self.tiny = Tiny(directory.resolve())
        self.tiny.make_data()
        self.kinds: list[tuple[Counter[str], Counter[str]]] = []  # of operations and questions, by night
        self._settings = [word for setting in (*SETTINGS, *NO_LIMITS) for word in ("--set", setting)]

    def bootstrap(self) -> None:
        """The first model."""
        self._give([*self.tiny.command(BOOTSTRAP), *self._settings])

    def night(self) -> Usage:
        """One more."""
        before = self._room(".") - self._room("artifacts") - self._room("serving")
        wall, cpu = time.monotonic(), _cpu_seconds()
        with operations() as done, questions() as asked:
            self._give([*self.tiny.command(PUSH), "--again", *self._settings])
        wall, cpu = time.monotonic() - wall, _cpu_seconds() - cpu
        self.kinds.append((done, asked))
        kept = self._room("artifacts") + self._room("serving")
        history = sum(path.stat().st_size for path in self._files("artifacts") if path.name == HISTORY_FILE)
        return Usage(
            *(wall, cpu, sum(done.values()), sum(asked.values())),
            kept_files=sum(1 for part in ("artifacts", "serving") for _ in self._files(part)),
            kept_bytes=kept - history,
            added_bytes=self._room(".") - kept - before,
            history_bytes=history,
            memory_mb=_memory_mb(),
        )

    def _give(self, command: Sequence[str]) -> None:
        with contextlib.redirect_stdout(io.StringIO()) as out, contextlib.redirect_stderr(io.StringIO()) as told:
            code = give(command)
        assert code in (0, 3), out.getvalue() + told.getvalue()

    def _files(self, part: str) -> Iterator[Path]:
        return (path for path in (self.tiny.root / part).rglob("*") if path.is_file())

    def _room(self, part: str) -> int:
        return sum(path.stat().st_size for path in self._files(part))


def _cpu_seconds() -> float:
    used = os.times()
    return used.user + used.system + used.children_user + used.children_system


def _memory_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def median(nights: Sequence[Usage], name: str) -> float:
    """Of one measure."""
    return statistics.median(getattr(night, name) for night in nights)


def growth(nights: Sequence[Usage]) -> dict[str, float]:
    """What each measure is in the last third of the nights, as a multiple of the first third; medians."""
    later = nights[WARM_UP:] or nights
    third = max(1, len(later) // 3)
    names = [field.name for field in fields(Usage)]
    return {name: median(later[-third:], name) / max(median(later[:third], name), 1e-9) for name in names}


def table(nights: Sequence[Usage]) -> str:
    """Medians by tenths."""
    names = [field.name for field in fields(Usage)]
    lines = ["nights".ljust(12) + "".join(name.rjust(14) for name in names)]
    step = max(1, len(nights) // 10)
    for start, end in itertools.pairwise([*range(0, len(nights), step), len(nights)]):
        part = nights[start:end]
        lines.append(f"{start + 1}-{end}".ljust(12) + "".join(f"{median(part, name):14.6g}" for name in names))
    return "\n".join(lines)


def main(arguments: Sequence[str]) -> int:
    """Runs."""
    parser = argparse.ArgumentParser()
    parser.add_argument("directory", type=Path)
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--real", action="store_true")
    given = parser.parse_args(arguments)
    nights = Nights(given.directory, given.real)
    nights.bootstrap()
    done: list[Usage] = []
    for number in range(given.runs):
        done.append(nights.night())
        if (number + 1) % 10 == 0 or given.real:
            print(f"{number + 1:5} {done[-1]}", flush=True)
    grown = growth(done)
    too_much = {name: grown[name] for name, limit in LIMITS.items() if grown[name] > limit}
    print(table(done))
    for name, factor in grown.items():
        print(f"{name:14} {factor:.3f} of the first third, limit {LIMITS.get(name, '-')}")
    for what, place in (("operations", 0), ("questions", 1)):
        first, last = nights.kinds[min(WARM_UP, len(done) - 1)][place], nights.kinds[-1][place]
        print(what, "that grew:", {name: (first[name], count) for name, count in last.items() if count > first[name]})
    report = {"nights": [asdict(night) for night in done], "growth": grown, "too_much": too_much}
    (given.directory / "nights.json").write_text(json.dumps(report, indent=1))
    return int(bool(too_much))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
