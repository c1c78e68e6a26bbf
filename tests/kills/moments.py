"""A child that is met at a named moment of its run: killed there, or held there while something else happens."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable

from tests.faults import Outcome, in_child
from tests.kills.children import accept_all, step_line
from tests.kills.tiny import Given, Screen, Story, Tiny, give


def killed() -> None:
    """Ends the process that comes to the moment."""
    os.kill(os.getpid(), signal.SIGKILL)


def at_moment(
    tiny: Tiny, story: Story, moment: str, act: Callable[[], None], before: Callable[[], None] = accept_all
) -> Given:
    """Gives the command of a story in a child that does something when it comes to a moment, once.

    Args:
        tiny: the world.
        story: the command.
        moment: a line of TFX's launcher: `log Component Pusher is running.`.
        act: done in the child at that moment.
        before: done in the child first.
    """
    screen = Screen()
    met: list[str] = []

    def line(record: object) -> str | None:
        text = step_line(record)  # type: ignore[arg-type]
        if text is not None and f"log {text}" == moment and not met:
            met.append(moment)
            act()
        return text

    def give_it() -> int:
        before()
        return screen.show(lambda: give(tiny.command(story)))

    done: Outcome = in_child(give_it, tiny.root, log=line)
    text = screen.text()
    if done.error is not None:
        text += f"\nTraceback: {done.kind}: {done.error}"
    return Given(done.killed, done.value, text, done.points)
