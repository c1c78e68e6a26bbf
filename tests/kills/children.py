"""One process that has imported TensorFlow and TFX and runs nothing itself; each command is given in a fork of it."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from pathlib import Path

from tests.faults import KILL, in_child
from tests.kills.tiny import Given, Screen, Story, Tiny, give

# What TFX's launcher says of a step, and so the moments between two accesses to files at which a step can be killed.
_OF_A_STEP = ("Component %s is", "Going to run", "Execution %d", "Publishing output", "Cleaning up", "Running launcher")


def import_everything() -> None:
    """What takes ten seconds, once. Nothing of it may start a thread or run an operation of TensorFlow."""
    os.environ["TF_USE_LEGACY_KERAS"] = "1"
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    import ratchet.components.data_gate.executor
    import ratchet.components.example_gen.executor
    import ratchet.components.map_evaluator.executor
    import ratchet.components.review.executor
    import ratchet.components.trainer.run_fn
    import ratchet.pipeline.cli.main
    import ratchet.pipeline.retention.artifacts
    import ratchet.pipeline.run.local
    import ratchet.pipeline.run.runner

    _ = ratchet


def step_line(record: logging.LogRecord) -> str | None:
    """The launcher's lines about a step, in words."""
    text = str(record.msg)
    if not text.startswith(_OF_A_STEP):
        return None
    return record.getMessage() if text.startswith("Component") else " ".join(text.split()[:3])


def accept_all() -> None:
    """Replaces the serving check, which starts TensorFlow anew, by one that is content; in a child only."""
    from ratchet.components.registry import executor
    from ratchet.schemas.artifacts.decisions import Reason

    executor.check_serving = lambda *_: Reason("serving:loads", "it answers", "not asked", passed=True)


def run_story(
    tiny: Tiny,
    story: Story,
    point: int | None = None,
    fault: str = KILL,
    lasting: bool = False,
    before: Callable[[], None] = accept_all,
    root: Path | None = None,
    options: tuple[str, ...] = (),
) -> Given:
    """Gives the command of a story in a child.

    Args:
        tiny: the world.
        story: the command.
        point: at which the fault happens; None: nowhere.
        fault: see `in_child`.
        lasting: see `in_child`.
        before: done in the child first.
        root: another pipeline root than the world's.
        options: of the command, besides the story's.
    """
    screen = Screen()
    command = [*tiny.command(story, root), *options]

    def act() -> int:
        before()
        return screen.show(lambda: give(command))

    done = in_child(act, tiny.root, point, fault, lasting, step_line)
    text = screen.text()
    if done.error is not None:
        text += f"\nTraceback: {done.kind}: {done.error}"  # no command may raise
    return Given(done.killed, done.value, text, done.points)
