"""Thirty nights of one command, `ratchet run --only-new`, over deliveries as they come.

    python -m tests.nights.thirty DIRECTORY

A night is a process of its own, as cron starts it; images, training and evaluation have stand-ins (stand_ins.py). What
is delivered on which day, and how a run on it ends, stands in the constants; on one night the process is killed in the
middle of its training, two days bring a delivery of which only a part has arrived. Writes DIRECTORY/nights.json.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ratchet.pipeline.demo.digits import DigitsOptions, write_digits
from ratchet.schemas.artifacts.decisions import Verdict
from tests.kills.children import accept_all, import_everything
from tests.kills.tiny import Screen, Tiny, give

NIGHTS = 30
FIRST_MODEL = 2  # the night on which a person gives --bootstrap
KILLED = 9
# Delivered on the day before the night; the parts say how much of a delivery has arrived by then.
WITHOUT = frozenset({1, 3, 6, 10, 13, 18, 22, 23, 24, 28})
MISSING, TRUNCATED = 14, 26  # images that are listed and not there; the last image half there. Whole a day later
BLOCKED = frozenset({5, 12, 20, 26})
REJECTED = 17
IMAGES = 30


@dataclass(frozen=True)
class Night:
    """One.

    Attributes:
        day: of November 2026.
        exit_code: of the command; minus the signal's number if it was killed.
        verdict: that it printed; None if none.
        span: the span that it named; 0 for none.
        said: the first reason, and what was said of deliveries that are not whole.
        served: the version in service afterwards.
        runs: directories of runs afterwards.
    """

    day: int
    exit_code: int
    verdict: str | None
    span: int
    said: str
    served: str | None
    runs: int


def span_name(day: int) -> str:
    """What the delivery of a day is called."""
    return f"span-2026-11-{day:02}"


def is_delivered(day: int) -> bool:
    """Whether something new arrives: what was half there is completed on the next day instead."""
    return day not in WITHOUT and day - 1 not in (MISSING, TRUNCATED)


def told(day: int) -> Verdict:
    """How a run on a day's span ends."""
    if day == REJECTED:
        return Verdict.DATA_REJECTED
    return Verdict.BLOCKED if day in BLOCKED else Verdict.PUSHED


class World:
    """Deliveries, a root, and the command.

    Args:
        directory: where.
    """

    def __init__(self, directory: Path) -> None:
        from tests.nights import stand_ins

        self.tiny = Tiny(directory)
        self.tiny.make_data()
        for span in (1, 2):
            shutil.rmtree(self.tiny.data / f"span-{span}")
        self._away = directory / "away"
        stand_ins.TOLD.update({20261100 + day: told(day) for day in range(1, NIGHTS + 1)})
        stand_ins.with_stand_ins()
        self._stand_ins = stand_ins

    def deliver(self, day: int) -> None:
        """What the day brings."""
        for half in (MISSING, TRUNCATED):
            if day == half + 1:
                shutil.copytree(self._away / span_name(half), self.tiny.data / span_name(half), dirs_exist_ok=True)
        if not is_delivered(day):
            return
        whole = self._away / span_name(day)
        write_digits(str(whole), DigitsOptions(span=day, images=IMAGES))
        files = sorted(path for path in whole.rglob("*") if path.is_file())
        lines = [f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.relative_to(whole)}\n" for path in files]
        (whole / "SHA256SUMS").write_text("".join(lines))
        arrived = self.tiny.data / span_name(day)
        shutil.copytree(whole, arrived)
        images = sorted(arrived.rglob("*.jpg"))
        if day == MISSING:
            for image in images[len(images) // 2 :]:
                image.unlink()
        if day == TRUNCATED:
            images[-1].write_bytes(images[-1].read_bytes()[:-100])

    def night(self, day: int) -> Night:
        """The command, in a process of its own."""
        given = ["run", "--data", str(self.tiny.data), "--root", str(self.tiny.root), "--only-new", "--json"]
        given += ["--config", str(self.tiny.config), "--set", "training.retrain.replay=0"]
        given += ["--bootstrap"] if day == FIRST_MODEL else []
        screen = Screen()
        child = os.fork()
        if child == 0:
            accept_all()
            if day == KILLED:
                self._kill_in_training()
            os._exit(screen.show(lambda: give(given)))
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        lines = screen.text().splitlines()
        said = next((json.loads(line) for line in lines if line.startswith("{")), {})
        return self._seen(day, code, said, [line for line in lines if "is not whole yet" in line])

    def _kill_in_training(self) -> None:
        self._stand_ins.STAND_INS["DetectorTrainer"] = self._stand_ins.KilledTraining

    def _seen(self, day: int, code: int, said: dict[str, Any], unfinished: list[str]) -> Night:
        reasons = said.get("reasons") or [{"actual": said.get("error", "")}]
        runs = [path for path in (self.tiny.root / "runs").glob("span-*") if path.is_dir()]
        return Night(
            *(day, code, said.get("verdict"), said.get("span", 0)),
            said="\n".join([reasons[0]["actual"], *unfinished]),
            served=self._served(),
            runs=len(runs),
        )

    def _served(self) -> str | None:
        from ratchet.pipeline.root.roots import is_root, registry_at

        served = registry_at(self.tiny.root).served() if is_root(self.tiny.root) else None
        return served and served.version

    def decided(self) -> list[tuple[int, str]]:
        """Spans and verdicts of all runs that have ended, as they lie on the disk."""
        results = [json.loads(path.read_text()) for path in (self.tiny.root / "runs").glob("*/result.json")]
        return sorted((result["span"], result["verdict"]) for result in results)


def main(arguments: Sequence[str]) -> int:
    """Thirty nights."""
    directory = Path(arguments[0]).resolve()
    import_everything()
    world = World(directory)
    nights = []
    for day in range(1, NIGHTS + 1):
        world.deliver(day)
        nights.append(world.night(day))
        print(nights[-1], flush=True)
    report = {"nights": [asdict(night) for night in nights], "decided": world.decided()}
    (directory / "nights.json").write_text(json.dumps(report, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
