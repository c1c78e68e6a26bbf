"""Breaks one promise of the product after the other, and sees whether a test notices.

    python -m tests.mutants.run [WORD ...]

Each mutant of the list is applied in a copy of the working tree, and its tests run there. With WORDs only the mutants
that have one of them in path, code or promise. Exits with 1 if a mutant survived or could not be tried.

mutmut and cosmic-ray make every mutant of their operators: 14,000 of a third of the pure modules, of which most break
nothing, and none of "the golden set is left out of the key of a run". Here each mutant was chosen for its promise.
"""

from __future__ import annotations

import os
import queue
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

from tests.mutants.mutant import Mutant, lost_because, mutated
from tests.mutants.mutants import MUTANTS

TREE = Path(__file__).resolve().parent.parent.parent
NOTICED, SURVIVED = "noticed", "SURVIVED"
_LONGEST_S = 900  # a mutant that loops for ever ends here, and counts as not tried
_PYTEST = ("-m", "pytest", "-x", "-q", "-m", "not tensorflow", "-p", "no:cacheprovider", "--hypothesis-seed=0")


@dataclass(frozen=True)
class Outcome:
    """How the tests ended.

    Attributes:
        what: NOTICED, SURVIVED, or why they could not be run.
        seconds: how long they took.
    """

    what: str
    seconds: float


class Copies:
    """Copies of the working tree, each used by one mutant at a time.

    Args:
        tree: the working tree; what git ignores is left out.
        directory: where to make them.
        number: how many.
    """

    def __init__(self, tree: Path, directory: Path, number: int) -> None:
        self._free: queue.SimpleQueue[Path] = queue.SimpleQueue()
        for place in range(number):
            copy_tree(tree, directory / str(place))
            self._free.put(directory / str(place))

    def try_out(self, mutant: Mutant | None, tests: Sequence[str]) -> Outcome:
        """Runs tests with a mutant in the code; without one if it is None."""
        copy = self._free.get()
        try:
            if mutant is None:
                return _run(copy, tests)
            module, text = copy / mutant.path, (copy / mutant.path).read_text(encoding="utf-8")
            module.write_text(mutated(mutant, copy), encoding="utf-8")
            try:
                return _run(copy, tests)
            finally:
                module.write_text(text, encoding="utf-8")
        finally:
            self._free.put(copy)


def main(words: Sequence[str]) -> int:
    """Tries the mutants; 0 if all were noticed."""
    chosen = [mutant for mutant in MUTANTS if not words or any(word in str(mutant) for word in words)]
    lost = list(filter(None, (lost_because(mutant, TREE) for mutant in chosen)))
    if lost or not chosen:
        print("\n".join(lost) or f"no mutant has {' or '.join(words)}", file=sys.stderr)
        return 1
    number = os.cpu_count() or 1
    with tempfile.TemporaryDirectory(prefix="mutants-") as directory, ThreadPoolExecutor(number) as pool:
        copies = Copies(TREE, Path(directory), number)
        if not _pass_without(copies, pool, chosen):
            return 1
        return _report(_all_tried(copies, pool, chosen))


def _pass_without(copies: Copies, pool: ThreadPoolExecutor, chosen: Sequence[Mutant]) -> bool:
    """Whether the tests pass in the tree as it is: otherwise they would notice anything."""
    tests = list(dict.fromkeys(test for mutant in chosen for test in mutant.tests))
    print(f"{len(chosen)} mutants; first the {len(tests)} files of tests without any", flush=True)
    failed = False
    for test, outcome in zip(tests, pool.map(lambda test: copies.try_out(None, [test]), tests)):
        passed = outcome.what == SURVIVED
        failed |= not passed
        print(f"{outcome.seconds:5.1f} s  {'passed' if passed else 'FAILED'}  {test}", flush=True)
    return not failed


def _all_tried(copies: Copies, pool: ThreadPoolExecutor, chosen: Sequence[Mutant]) -> dict[Mutant, Outcome]:
    started = {pool.submit(copies.try_out, mutant, mutant.tests): mutant for mutant in chosen}
    outcomes: dict[Mutant, Outcome] = {}
    for future in as_completed(started):
        mutant, outcome = started[future], future.result()
        outcomes[mutant] = outcome
        print(f"{len(outcomes):3d}/{len(chosen)} {outcome.seconds:5.1f} s  {outcome.what}  {mutant}", flush=True)
    return outcomes


def _report(outcomes: dict[Mutant, Outcome]) -> int:
    left = {mutant: outcome.what for mutant, outcome in outcomes.items() if outcome.what != NOTICED}
    print(f"\n{len(outcomes) - len(left)} of {len(outcomes)} mutants were noticed")
    for mutant, what in left.items():
        print(f"{what}: {mutant}\n    by none of {', '.join(mutant.tests)}")
    return 1 if left else 0


def _run(copy: Path, tests: Sequence[str]) -> Outcome:
    # Without .pyc files: a mutant of the same length, written in the same second, would not be seen.
    environment = {**os.environ, "PYTHONPATH": str(copy), "PYTHONDONTWRITEBYTECODE": "1"}
    started = time.monotonic()
    try:
        done = subprocess.run(
            [sys.executable, *_PYTEST, *tests],
            cwd=copy,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=_LONGEST_S,
        )
    except subprocess.TimeoutExpired:
        return Outcome(f"did not end in {_LONGEST_S} s", time.monotonic() - started)
    last = (done.stdout.strip().splitlines() or [""])[-1]
    what = {0: SURVIVED, 1: NOTICED}.get(done.returncode, f"could not be tried ({last})")
    return Outcome(what, time.monotonic() - started)


def copy_tree(tree: Path, target: Path) -> None:
    """Copies what git knows or would add."""
    listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listed, cwd=tree, check=True, stdout=subprocess.PIPE, text=True).stdout
    for name in filter(None, names.split("\0")):
        if (tree / name).is_symlink():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            (target / name).symlink_to((tree / name).readlink())
        elif (tree / name).is_file():  # not one that was deleted and is still in git's index
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(tree / name, target / name)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
