"""The end of real runs, killed and out of room at every point: how the same command ends.

    python -m tests.kills.matrix DIRECTORY [--story NAME] [--fault NAME] [--most N]

Three runs (a first model, a push, a block) are stopped just before Pusher. From there each case starts: one of the
points that the run comes by, and one fault. The first command meets the fault, the same command has to finish the run.
Writes DIRECTORY/matrix.json, prints a table, and exits with 1 if a promise was broken.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from ratchet.schemas.artifacts.run_files import UNREPORTED_FILE
from tests.faults import FAILING, FULL, KILL, LIMITED
from tests.kills.children import import_everything, run_story
from tests.kills.state import Expected, is_clean, state_of, visible, wrong_at_the_end, wrong_in_between, wrong_in_root
from tests.kills.tiny import BLOCKED, BOOTSTRAP, PUSH, STORIES, Given, Story, Tiny

FAULTS = (KILL, FULL, FAILING, LIMITED)
_LASTING = {FULL: True, FAILING: False}
_BEFORE_PUSHER = "log Component Pusher is running."


@dataclass(frozen=True)
class Case:
    """One point, one fault.

    Attributes:
        story: name of the run.
        point: number of the point.
        name: of the point.
        fault: what happens there.
        first: how the command ended that met it: `killed`, or its exit code.
        complaints: what was wrong then, or after the same command.
        seconds: of both commands and all looks.
    """

    story: str
    point: int
    name: str
    fault: str
    first: str
    complaints: tuple[str, ...]
    seconds: float


class Prepared:
    """The world with a saved root just before Pusher for each story, and how each ends when nothing dies."""

    def __init__(self, tiny: Tiny) -> None:
        self.tiny = tiny
        self.expected: dict[str, Expected] = {}
        self.points: dict[str, tuple[str, ...]] = {}

    def prepare(self, stories: Sequence[Story]) -> None:
        """Runs each story up to Pusher, saves it, and lets it end once."""
        assert not self.tiny.root.exists(), f"{self.tiny.directory}: give an empty directory"
        self.tiny.make_data()
        for story in STORIES:
            if story in stories or story is BOOTSTRAP:
                self._prepare(story)

    def _prepare(self, story: Story) -> None:
        tiny = self.tiny
        if story is not BOOTSTRAP:
            tiny.restore("served")
        known = frozenset(visible(tiny.root).values()) if tiny.root.exists() else frozenset()
        stop_before(tiny, story, _BEFORE_PUSHER)
        tiny.save(story.name)
        done = run_story(tiny, story)
        assert done.code == story.exit_code, done.out
        state = state_of(tiny)
        measured = known | frozenset(state.visible.values())
        self.expected[story.name] = Expected(story, done.result["run_id"], measured, state)
        assert not list(wrong_in_root(state, self.expected[story.name])), state
        self.points[story.name] = done.points
        tiny.save({"bootstrap": "served", "push": "pushed", "blocked": "kept-out"}[story.name])

    def cases(self, story: Story, faults: Sequence[str], most: int | None = None) -> Iterator[Case]:
        """Each fault at each point of a story, or at some, evenly from the first to the last."""
        for fault in faults:
            possible = [point for point in enumerate(self.points[story.name]) if _can_happen(fault, point[1])]
            for point, name in possible if most is None else _spread(possible, most):
                yield self._case(story, point, name, fault)

    def _case(self, story: Story, point: int, name: str, fault: str) -> Case:
        started = time.monotonic()
        self.tiny.restore(story.name)
        expected = self.expected[story.name]
        first = run_story(self.tiny, story, point, fault, _LASTING.get(fault, False))
        complaints = list(wrong_in_between(self.tiny, first, expected))
        if fault == KILL and not first.killed:
            complaints.append(f"was not killed but ended with {first.code}: {first.out[-300:]!r}")
        complaints += wrong_after(self.tiny, first, expected)
        how = "killed" if first.killed else str(first.code)
        return Case(story.name, point, name, fault, how, tuple(complaints), time.monotonic() - started)


def wrong_after(tiny: Tiny, first: Given, expected: Expected) -> list[str]:
    """What is wrong when the same command was given again, if the first one has not come to its end."""
    if first.killed and first.result and not list(tiny.root.glob(f"runs/*/{UNREPORTED_FILE}")):
        first = dataclasses.replace(first, killed=False, code=expected.story.exit_code)  # it had said all it had to say
    second = first if first.code == expected.story.exit_code else run_story(tiny, expected.story)
    found = list(wrong_at_the_end(tiny, second, expected))
    return found if is_clean(tiny) else [*found, "what a dead process had staged is still there"]


def stop_before(tiny: Tiny, story: Story, moment: str) -> None:
    """Runs a story and kills it when it comes to a moment, which is looked for while it runs."""
    from tests.kills.moments import at_moment, killed

    given = at_moment(tiny, story, moment, killed)
    assert given.killed, given.out


def _spread(points: Sequence[tuple[int, str]], most: int) -> list[tuple[int, str]]:
    last = len(points) - 1
    if most > last:
        return list(points)
    return [points[number * last // (most - 1)] for number in range(most)] if most > 1 else [points[last // 2]]


def _can_happen(fault: str, name: str) -> bool:
    """Nothing fails where no file is touched."""
    return fault in (KILL, LIMITED) or not name.startswith("log")


def table(cases: Sequence[Case]) -> str:
    """How the cases ended, by story and fault, and every broken promise."""
    lines = ["story      fault      cases  killed  exit 1  exit 2   ended  broken"]
    for story, fault in dict.fromkeys((case.story, case.fault) for case in cases):
        own = [case for case in cases if (case.story, case.fault) == (story, fault)]
        first = Counter(case.first if case.first in ("killed", "1", "2") else "ended" for case in own)
        broken = sum(bool(case.complaints) for case in own)
        counts = (len(own), first["killed"], first["1"], first["2"], first["ended"], broken)
        lines.append(f"{story:9}  {fault:8}" + "".join(f"  {count:6}" for count in counts))
    for case in cases:
        lines += [f"{case.story} {case.fault} at {case.point} {case.name}: {one}" for one in case.complaints]
    return "\n".join(lines)


def main(arguments: Sequence[str]) -> int:
    """Runs the matrix."""
    parser = argparse.ArgumentParser()
    parser.add_argument("directory", type=Path)
    parser.add_argument("--story", action="append", choices=[story.name for story in STORIES])
    parser.add_argument("--fault", action="append", choices=FAULTS)
    parser.add_argument("--most", type=int, help="cases of a story and fault, evenly over its points (default: all)")
    given = parser.parse_args(arguments)
    stories = [story for story in (PUSH, BOOTSTRAP, BLOCKED) if given.story is None or story.name in given.story]
    import_everything()
    prepared = Prepared(Tiny(given.directory.resolve()))
    prepared.prepare(stories)
    cases: list[Case] = []
    for story in stories:
        for case in prepared.cases(story, given.fault or FAULTS, given.most):
            cases.append(case)
            print(f"{case.story} {case.fault} {case.point} {case.name}: {case.first}, {case.seconds:.1f} s", flush=True)
            for complaint in case.complaints:
                print(f"  {complaint}", flush=True)
    print(table(cases))
    (given.directory / "matrix.json").write_text(json.dumps([asdict(case) for case in cases], indent=1))
    return int(any(case.complaints for case in cases))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
