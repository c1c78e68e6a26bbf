"""Whole runs, killed at random: in which step, and how the same command ends.

    python -m tests.kills.random_kills DIRECTORY [--kills N] [--seed S]

Each time a retraining of a saved root is killed from outside, uniformly over the time that it takes, and the same
command is given until it ends, three times at most. Nothing is replaced: the serving check is a process of its own.
Writes DIRECTORY/kills.json, prints a table, and exits with 1 if a promise was broken.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import signal
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from tests.kills.children import import_everything, run_story
from tests.kills.state import contradictions, is_clean, measured, state_of, visible, wrong_in_words
from tests.kills.tiny import BOOTSTRAP, PUSH, Given, Tiny

_TRIES = 3


@dataclass(frozen=True)
class Kill:
    """One random kill.

    Attributes:
        seed: of the moment.
        after_s: when, from the start of the command.
        step: the last step that had begun.
        tries: how often the same command was given until it ended.
        verdict: how it ended; None if it did not.
        wrong_push: whether a model was visible that was not measured, or was pushed twice.
        complaints: every broken promise.
    """

    seed: int
    after_s: float
    step: str
    tries: int
    verdict: str | None
    wrong_push: bool
    complaints: tuple[str, ...]


def kill_after(seconds: float) -> None:
    """Has this process killed by another one, which nothing in here can delay."""
    victim = os.getpid()
    if os.fork():
        return
    with open("/dev/null", "r+b") as nothing:
        for descriptor in (1, 2):
            os.dup2(nothing.fileno(), descriptor)
    process = os.pidfd_open(victim)
    time.sleep(seconds)
    with contextlib.suppress(ProcessLookupError):  # it has come to its end
        signal.pidfd_send_signal(process, signal.SIGKILL)
    os._exit(0)


def _killed_once(tiny: Tiny, seed: int, whole_s: float) -> Kill:
    after_s = random.Random(seed).uniform(0, whole_s)
    tiny.restore("served")
    before = frozenset(visible(tiny.root).values())
    given = run_story(tiny, PUSH, before=lambda: kill_after(after_s))
    step = _step(given)
    complaints, begun = list(_in_between(tiny, before)), _begun(tiny)
    tries = 0
    while given.code != PUSH.exit_code and tries < _TRIES:
        given, tries = run_story(tiny, PUSH, before=lambda: None), tries + 1
        complaints += wrong_in_words(given)
    if given.code != PUSH.exit_code:
        return Kill(seed, after_s, step, tries, None, False, (*complaints, f"dead end: {given.out[-400:]!r}"))
    if tries > 1:
        complaints.append(f"took {tries} tries")
    if begun is not None and given.result["run_id"] != begun:
        complaints.append(f"{begun} had begun, {given.result['run_id']} ended")
    complaints += _in_between(tiny, before)
    state = state_of(tiny)
    complaints += contradictions(state)
    pushed = [verdict for _, verdict in state.decisions] == ["BOOTSTRAPPED", "PUSHED"] and len(state.visible) == 2
    if not pushed:
        complaints.append(f"decisions {state.decisions}, visible {state.visible}")
    if not is_clean(tiny):
        complaints.append("what a dead process had staged is still there")
    wrong = not pushed or any("never measured" in one for one in complaints)
    return Kill(seed, after_s, step, tries, given.result["verdict"], wrong, tuple(complaints))


def _in_between(tiny: Tiny, before: frozenset[str]) -> list[str]:
    known = before | measured(tiny)
    shown = visible(tiny.root)
    return [f"version {version} was never measured" for version, digest in shown.items() if digest not in known]


def _begun(tiny: Tiny) -> str | None:
    """The run that had written down what it was asked for."""
    begun = [path.parent.name for path in (tiny.root / "runs").glob("span-2-*/request.json")]
    return begun[0] if begun else None


def _step(given: Given) -> str:
    if not given.killed:
        return "(ended before)"
    steps = [point.split()[2] for point in given.points if point.startswith("log Component")]
    return steps[-1] if steps else "(before the first)"


def table(kills: Sequence[Kill]) -> str:
    """How the kills ended, by step, and every broken promise."""
    lines = ["killed in              kills  ended by the same command  tries  wrong pushes  dead ends"]
    for step, count in sorted(Counter(kill.step for kill in kills).items(), key=lambda item: -item[1]):
        own = [kill for kill in kills if kill.step == step]
        ended = sum(kill.verdict is not None for kill in own)
        lines.append(
            f"{step:22} {count:5}  {ended:25}  {max(kill.tries for kill in own):5}  "
            f"{sum(kill.wrong_push for kill in own):12}  {count - ended:9}"
        )
    for kill in kills:
        lines += [f"seed {kill.seed}, {kill.after_s:.2f} s, {kill.step}: {one}" for one in kill.complaints]
    return "\n".join(lines)


def main(arguments: Sequence[str]) -> int:
    """Kills."""
    parser = argparse.ArgumentParser()
    parser.add_argument("directory", type=Path)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args(arguments)
    import_everything()
    tiny = Tiny(given.directory.resolve())
    tiny.make_data()
    assert run_story(tiny, BOOTSTRAP).code == 0
    tiny.save("served")
    started = time.monotonic()
    assert run_story(tiny, PUSH, before=lambda: None).code == 0
    whole_s = time.monotonic() - started
    print(f"a whole run takes {whole_s:.1f} s", flush=True)
    kills = []
    for seed in range(given.seed, given.seed + given.kills):
        kills.append(_killed_once(tiny, seed, whole_s))
        print(f"seed {seed}: {kills[-1]}", flush=True)
    print(table(kills))
    (given.directory / "kills.json").write_text(json.dumps([asdict(kill) for kill in kills], indent=1))
    return int(any(kill.complaints for kill in kills))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
