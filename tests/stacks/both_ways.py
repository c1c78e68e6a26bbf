"""A root that is made on one stack goes on on the other, and back: `make both-stacks`.

    python -m tests.stacks.both_ways --old PYTHON --new PYTHON [--dir DIRECTORY]

A root begins on each of the two, and which one is asked changes with every command: a first model, a retraining over
it, two that are killed, after and in the training, and ended on the other stack, a rollback, and what looks at a root.
Prints how each command ended, and exits with 1 if a promise was broken.
"""

from __future__ import annotations

import argparse
import json
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ratchet.pipeline.demo.digits import DigitsOptions, write_digits
from tests.kills.tiny import CONFIG

ROOT = Path(__file__).resolve().parents[2]
RATCHET = "from ratchet.pipeline.cli.entry import main; raise SystemExit(main())"
AFTER_TRAINING = "] MapEvaluator"  # as a run prints it
GOING_ON = "going on after step"  # as a run says
SPANS = 4
CLOSE = 0.02  # mAP of one model on two stacks: other kernels round otherwise
_POLL_S = 0.05


@dataclass(frozen=True)
class Stack:
    """One of the two.

    Attributes:
        name: for people.
        python: interpreter of its environment.
    """

    name: str
    python: str


@dataclass(frozen=True)
class Said:
    """How a command ended.

    Attributes:
        code: its exit code; negative if a signal ended it.
        result: the object of `--json`; empty if there is none.
        text: all that it printed.
    """

    code: int
    result: Mapping[str, Any]
    text: str


@dataclass
class World:
    """Data and a root; which stack is asked changes with every command."""

    directory: Path
    complaints: list[str] = field(default_factory=list)

    @property
    def root(self) -> Path:
        return self.directory / "root"

    @property
    def data(self) -> Path:
        return self.directory / "data"

    def make_data(self) -> None:
        (self.directory / "tiny.yaml").write_text(CONFIG)
        write_digits(str(self.data / "golden"), DigitsOptions(golden=True, images=16))
        for span in range(1, SPANS + 1):
            write_digits(str(self.data / f"span-{span}"), DigitsOptions(span=span, images=40))

    def run(self, stack: Stack, span: int, *options: str, until: Callable[[str], bool] | None = None) -> Said:
        """One retraining run, or one that is killed at a moment."""
        given = ["--config", str(self.directory / "tiny.yaml"), "--data", str(self.data), "--span", str(span)]
        return self.ask(stack, "run", *given, *options, until=until)

    def ask(self, stack: Stack, *arguments: str, until: Callable[[str], bool] | None = None) -> Said:
        """Gives a command on a stack.

        Args:
            stack: whose Python runs it.
            arguments: of the command.
            until: is given the progress that was printed so far, time and again; the command is killed once it is true.
        """
        command = [stack.python, "-c", RATCHET, *arguments, "--root", str(self.root), "--json"]
        answer, printed = self.directory / "answer.txt", self.directory / "printed.txt"
        with answer.open("w") as out, printed.open("w") as err:
            process = subprocess.Popen(command, cwd=ROOT, stdout=out, stderr=err)
            while until and process.poll() is None:
                if until(printed.read_text()):
                    process.kill()
                time.sleep(_POLL_S)
            code = process.wait()
        said = Said(code, result_of(answer.read_text()), printed.read_text() + answer.read_text())
        verdict = said.result.get("verdict", "-")
        print(f"{stack.name:9} {shown(arguments):24} exit code {code:3}  {verdict}", flush=True)
        return said

    def has_checkpoint(self, _: str = "") -> bool:
        """Whether an unfinished training has written down where it is."""
        return any(self.root.glob("artifacts/checkpoints/*/checkpoint"))

    def expect(self, what: str, held: bool, said: Said) -> None:
        """Notes a broken promise, with the end of what was printed."""
        if not held:
            self.complaints.append(f"{what}: exit code {said.code}, {dict(said.result)}\n{said.text[-1500:]}")


def shown(arguments: Sequence[str]) -> str:
    """A command without the options that are always the same."""
    command, *options = arguments
    return " ".join([command, *options[4:]]) if command == "run" else command


def result_of(text: str) -> Mapping[str, Any]:
    """The object in the last line; empty if there is none.

    >>> result_of('[1/13] DataGate\\n{"verdict": "PUSHED"}\\n')
    {'verdict': 'PUSHED'}
    >>> result_of("")
    {}
    """
    last = text.strip().rpartition("\n")[2]
    return json.loads(last) if last.startswith("{") else {}


def story(world: World, first: Stack, second: Stack) -> None:
    """A root that begins on the first stack.

    Args:
        world: with data and no root.
        first: trains the first model, and ends what the second left behind.
        second: goes on.
    """
    made = world.run(first, 1, "--bootstrap")
    world.expect("a first model", made.result.get("verdict") == "BOOTSTRAPPED", made)
    again = world.run(second, 1)
    world.expect("what was decided stays decided", again.result.get("verdict") == "NOTHING_NEW", again)
    looks(world, second, made)
    pushed = world.run(second, 2)
    world.expect("a new span is trained on over the other's model", pushed.result.get("verdict") == "PUSHED", pushed)
    world.expect(
        "its baseline is the other's model", is_close(pushed.result.get("baseline_map"), made.result.get("map")), pushed
    )
    looks(world, first, pushed)
    killed = world.run(second, 3, until=lambda printed: AFTER_TRAINING in printed)
    world.expect("a run is killed after its training", killed.code == -signal.SIGKILL, killed)
    ended = world.run(first, 3)
    world.expect("the same command ends it", is_ended(world, ended, pushed), ended)
    looks(world, second, ended)
    killed = world.run(second, 4, until=world.has_checkpoint)
    world.expect("a run is killed in its training", killed.code == -signal.SIGKILL and world.has_checkpoint(), killed)
    last = world.run(first, 4)
    world.expect("the same command ends it", is_ended(world, last, ended), last)
    world.expect("from the other's checkpoint", GOING_ON in last.text, last)
    back = world.ask(second, "rollback", "--by", "Ada", "--reason", "to see that it is served")
    world.expect("an earlier model is back", back.code == 0, back)
    looks(world, first, ended)


def looks(world: World, stack: Stack, made: Said) -> None:
    """What looks at a root finds it sound, and the model of a run served."""
    status = world.ask(stack, "status")
    served = (status.result.get("served") or {}).get("run_id")
    world.expect("status", status.code == 0 and served == made.result.get("run_id"), status)
    history = world.ask(stack, "history")
    world.expect("history", history.code == 0, history)
    doctor = world.ask(stack, "doctor")
    world.expect("doctor", doctor.code == 0, doctor)


def is_close(one: Any, other: Any) -> bool:
    """Whether two stacks measured about the same."""
    return one is not None and other is not None and abs(one - other) <= CLOSE


def is_ended(world: World, said: Said, before: Said) -> bool:
    """Whether a run was pushed as the only one of its span, over the model of the run before."""
    runs = [path.name for path in (world.root / "runs").glob(f"span-{said.result.get('span')}-*")]
    over = is_close(said.result.get("baseline_map"), before.result.get("map"))
    return said.result.get("verdict") == "PUSHED" and runs == [said.result["run_id"]] and over


def stories(old: Stack, new: Stack) -> Iterator[tuple[str, Stack, Stack]]:
    """Name, first stack and second stack of each root."""
    yield "begun-on-old", old, new
    yield "begun-on-new", new, old


def main() -> int:
    """Runs both stories.

    Returns:
        The exit code: 1 if a promise was broken.
    """
    parser = argparse.ArgumentParser(description="A root that is made on one stack goes on on the other.")
    parser.add_argument("--old", required=True, help="python of an environment with TFX 1.16")
    parser.add_argument("--new", required=True, help="python of an environment with TFX 1.21")
    parser.add_argument("--dir", default="build/both-stacks", help="is emptied first")
    arguments = parser.parse_args()
    directory = Path(arguments.dir).resolve()
    shutil.rmtree(directory, ignore_errors=True)
    complaints = []
    # Not resolved: the link in an environment's bin is what makes it that environment's Python.
    stacks = (Stack("TFX 1.16", str(ROOT / arguments.old)), Stack("TFX 1.21", str(ROOT / arguments.new)))
    for name, first, second in stories(*stacks):
        print(f"{name}:", flush=True)
        world = World(directory / name)
        world.directory.mkdir(parents=True)
        world.make_data()
        story(world, first, second)
        complaints += [f"{name}: {complaint}" for complaint in world.complaints]
    print("\n".join(complaints) or "every promise held")
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main())
