"""What a command costs before it works: it imports what it needs and no more, and starts in a blink."""

from __future__ import annotations

import resource
import subprocess
import sys
from pathlib import Path

import pytest

from ratchet.schemas.artifacts.decisions import Verdict
from tests.pipeline.roots import add_run, serve
from tests.test_architecture import HEAVY, ROOT

RATCHET = "import sys\nfrom ratchet.pipeline.cli.main import main\n"
WATCHED = {*HEAVY, "numpy", "scipy", "PIL", "pydantic", "yaml", "tabulate", "requests", "sqlite3", "smtplib", "asyncio"}
# Times what `import numpy` takes, which a machine that is busy slows down alike.
OF_NUMPY = {"--help": 1.5, "status": 5.0, "evaluate": 4.0}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    add_run(tmp_path, "span-1-aa-1", Verdict.PUSHED, 1)
    serve(tmp_path, "100", "span-1-aa-1", 1)
    return tmp_path


def loaded(*command: str) -> set[str]:
    """Which of the watched modules a command has imported when it is done."""
    code = (
        f"{RATCHET}try:\n    main({list(command)!r})\nexcept SystemExit:\n    pass\n"
        f"print('loaded', *(name for name in {sorted(WATCHED)!r} if name in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    return set(done.stdout.splitlines()[-1].split()[1:])


def cpu_s(code: str) -> float:
    """User and system time of a process that runs the code: the least of three, which is least disturbed."""
    taken = []
    for _ in range(3):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        taken.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return min(taken)


@pytest.mark.parametrize("command", [["--help"], ["run", "--help"], ["evaluate", "--help"], ["--version"]])
def test_help_needs_no_library(command: list[str]) -> None:
    assert loaded(*command) == set()


@pytest.mark.parametrize("command", ["status", "history", "review"])
def test_what_looks_at_a_root_needs_no_numbers_and_no_settings(root: Path, command: str) -> None:
    assert loaded(command, "--root", str(root)) <= {"pydantic", "tabulate", "sqlite3"}


def test_an_evaluation_by_default_rules_needs_what_computes() -> None:
    assert loaded("evaluate", "--gt", "missing.json", "--dt", "missing.json") == {"numpy"}


def test_commands_start_in_a_few_times_what_numpy_takes(root: Path) -> None:
    given = {
        "--help": ["--help"],
        "status": ["status", "--root", str(root)],
        "evaluate": ["evaluate", "--gt", "missing.json", "--dt", "missing.json"],
    }
    numpy = cpu_s("import numpy")
    for name, command in given.items():
        code = f"{RATCHET}try:\n    main({command!r})\nexcept SystemExit:\n    pass"
        assert cpu_s(code) / numpy < OF_NUMPY[name], name
