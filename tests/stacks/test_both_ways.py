"""What `make both-stacks` takes for a broken promise, with answers instead of stacks."""

from __future__ import annotations

import signal
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.stacks.both_ways import GOING_ON, Said, Stack, World, shown, story

OLD, NEW = Stack("old", "python3.10"), Stack("new", "python3.13")


@dataclass
class Answers(World):
    """A root that behaves, but for what is answered otherwise."""

    otherwise: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    served: str = ""
    goes_on: bool = True
    asked: list[tuple[str, str]] = field(default_factory=list)

    def ask(self, stack: Stack, *arguments: str, until: Callable[[str], bool] | None = None) -> Said:
        command = shown(arguments)
        self.asked.append((stack.name, command))
        if until:
            checkpoint = self.root / "artifacts/checkpoints/key/checkpoint"
            checkpoint.parent.mkdir(parents=True, exist_ok=True)
            checkpoint.touch()
            return Said(-signal.SIGKILL, {}, "")
        result = self._result(command) | self.otherwise.get((stack.name, command), {})
        return Said(result.pop("code", 0), result, f"{GOING_ON} 2 of 4" if self.goes_on else "")

    def _result(self, command: str) -> dict[str, Any]:
        if not command.startswith("run"):
            self.served = "span-3-x-1" if command == "rollback" else self.served
            return {"served": {"run_id": self.served}}
        span = int(command.split()[2])
        run_id, known = f"span-{span}-x-1", self.served == f"span-{span}-x-1"
        (self.root / "runs" / run_id).mkdir(parents=True, exist_ok=True)
        verdict = "NOTHING_NEW" if known else "PUSHED" if self.served else "BOOTSTRAPPED"
        self.served = run_id
        return {"verdict": verdict, "run_id": run_id, "span": span, "map": span / 10, "baseline_map": (span - 1) / 10}


def complaints_of(directory: Path, stack: str = "", command: str = "", **answer: Any) -> list[str]:
    world = Answers(directory, otherwise={(stack, command): answer})
    story(world, OLD, NEW)
    return [complaint.split(":")[0] for complaint in world.complaints]


def test_a_root_that_behaves_breaks_no_promise(tmp_path: Path) -> None:
    assert complaints_of(tmp_path) == []


@pytest.mark.parametrize(
    ("stack", "command", "answer", "complaint"),
    [
        ("new", "run --span 1", {"verdict": "PUSHED"}, "what was decided stays decided"),
        ("new", "run --span 2", {"verdict": "NOTHING_NEW"}, "a new span is trained on over the other's model"),
        ("new", "run --span 2", {"baseline_map": 0.2}, "its baseline is the other's model"),
        ("new", "run --span 2", {"baseline_map": None}, "its baseline is the other's model"),
        ("old", "run --span 3", {"run_id": "span-3-x-2"}, "the same command ends it"),
        ("old", "run --span 4", {"verdict": "BLOCKED"}, "the same command ends it"),
        ("old", "doctor", {"code": 2}, "doctor"),
        ("old", "status", {"served": None}, "status"),
        ("new", "rollback", {"code": 2}, "an earlier model is back"),
    ],
)
def test_a_broken_promise_is_told(
    tmp_path: Path, stack: str, command: str, answer: dict[str, Any], complaint: str
) -> None:
    assert complaint in complaints_of(tmp_path, stack, command, **answer)


def test_a_training_that_begins_anew_after_a_kill_is_a_broken_promise(tmp_path: Path) -> None:
    world = Answers(tmp_path, goes_on=False)
    story(world, OLD, NEW)
    assert [complaint.split(":")[0] for complaint in world.complaints] == ["from the other's checkpoint"]


def test_the_stack_changes_between_what_makes_and_what_looks(tmp_path: Path) -> None:
    world = Answers(tmp_path)
    story(world, NEW, OLD)
    runs = [(stack, command.split()[2]) for stack, command in world.asked if command.startswith("run")]
    assert runs == [("new", "1"), ("old", "1"), ("old", "2"), ("old", "3"), ("new", "3"), ("old", "4"), ("new", "4")]
