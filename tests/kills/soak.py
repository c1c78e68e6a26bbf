"""Many retrainings in a row, in one process: what grows with their number.

    python -m tests.kills.soak DIRECTORY [--runs N]

Each run is a retraining of its predecessor's model and is pushed; old runs are pruned after three. Measured for each:
seconds, questions to ML Metadata, files and bytes in the root. Writes DIRECTORY/soak.json, prints a table, and exits
with 1 if the last third of the runs needs more than the first third by more than the ratios in LIMITS.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import statistics
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tests.kills.children import accept_all, import_everything
from tests.kills.tiny import BOOTSTRAP, PUSH, Tiny, give

SETTINGS = ("retention.runs=3", "retention.days=0", "retention.versions=3", "retention.pages=5")
LIMITS = {"seconds": 1.25, "questions": 1.05, "artifact_files": 1.05, "artifact_bytes": 1.05}
_WARM_UP = 5  # runs until old ones are pruned for the first time, and TensorFlow has what it keeps


@dataclass(frozen=True)
class Usage:
    """One run.

    Attributes:
        seconds: from command to result.
        questions: calls of ML Metadata's store.
        artifact_files: files in `artifacts/` and `serving/` afterwards.
        artifact_bytes: their size.
        record_bytes: size of everything else: registry, results, ML Metadata.
        memory_mb: resident memory of the process, for it is one for all runs.
    """

    seconds: float
    questions: int
    artifact_files: int
    artifact_bytes: int
    record_bytes: int
    memory_mb: float


@contextlib.contextmanager
def _counted() -> Iterator[Counter[str]]:
    """Counts the questions to ML Metadata, by their names."""
    from ml_metadata.metadata_store.metadata_store import MetadataStore

    asked: Counter[str] = Counter()
    whole = MetadataStore._call

    def counting(self: Any, name: str, *rest: Any) -> None:
        asked[name] += 1
        whole(self, name, *rest)

    MetadataStore._call = counting  # type: ignore[method-assign, assignment]
    try:
        yield asked
    finally:
        MetadataStore._call = whole


def _run(tiny: Tiny, command: Sequence[str]) -> tuple[Usage, Counter[str]]:
    started = time.monotonic()
    with _counted() as asked, contextlib.redirect_stdout(io.StringIO()) as out:
        code = give(command)
    assert code == 0, out.getvalue()
    seconds = time.monotonic() - started
    files, room = _room(tiny, ("artifacts", "serving"))
    _, whole = _room(tiny, ("",))
    return Usage(seconds, sum(asked.values()), files, room, whole - room, _memory_mb()), asked


def _room(tiny: Tiny, directories: Sequence[str]) -> tuple[int, int]:
    sizes = [path.stat().st_size for name in directories for path in (tiny.root / name).rglob("*") if path.is_file()]
    return len(sizes), sum(sizes)


def places(root: Path) -> dict[str, int]:
    """Bytes by directory of a root, two levels deep, for whoever wants to know what grows."""
    room: Counter[str] = Counter()
    for path in root.rglob("*"):
        if path.is_file():
            room["/".join(path.relative_to(root).parts[:3][:-1])] += path.stat().st_size
    return dict(room)


def _memory_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def growth(runs: Sequence[Usage]) -> dict[str, float]:
    """What each measure is in the last third of the runs, as a multiple of the first third; medians."""
    later = runs[_WARM_UP:]
    third = max(1, len(later) // 3)
    return {
        name: statistics.median(getattr(run, name) for run in later[-third:])
        / statistics.median(getattr(run, name) for run in later[:third])
        for name in Usage.__dataclass_fields__
    }


def main(arguments: Sequence[str]) -> int:
    """Runs."""
    parser = argparse.ArgumentParser()
    parser.add_argument("directory", type=Path)
    parser.add_argument("--runs", type=int, default=100)
    given = parser.parse_args(arguments)
    import_everything()
    accept_all()
    tiny = Tiny(given.directory.resolve())
    tiny.make_data()
    settings = [word for setting in (*SETTINGS, "evaluator.golden_budget=100000") for word in ("--set", setting)]
    _run(tiny, [*tiny.command(BOOTSTRAP), *settings])
    runs, questions, room = [], [], []
    for number in range(given.runs):
        run, asked = _run(tiny, [*tiny.command(PUSH), "--again", *settings])
        runs.append(run)
        questions.append(asked)
        room.append(places(tiny.root))
        print(f"{number + 1:4} {run}", flush=True)
    grown = growth(runs)
    too_much = {name: grown[name] for name, limit in LIMITS.items() if grown[name] > limit}
    for name, factor in grown.items():
        print(f"{name:16} {factor:.3f} of the first third, limit {LIMITS.get(name, '-')}")
    print(
        "questions that grow:",
        {
            name: (questions[_WARM_UP][name], count)
            for name, count in questions[-1].items()
            if count != questions[_WARM_UP][name]
        },
    )
    print(
        "room that grows:",
        {
            name: (room[_WARM_UP].get(name, 0), size)
            for name, size in room[-1].items()
            if size > room[_WARM_UP].get(name, 0)
        },
    )
    report = {"runs": [asdict(run) for run in runs], "growth": grown, "too_much": too_much}
    (given.directory / "soak.json").write_text(json.dumps(report, indent=1))
    return int(bool(too_much))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
