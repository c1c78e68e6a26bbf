"""What a user gets from `pip install .`, without make and without a lock, in another Python."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from tests.mutants.run import copy_tree

ROOT = Path(__file__).resolve().parent.parent.parent
_NAME = re.compile(r"python3\.1[0-4]")


@dataclass(frozen=True)
class Installed:
    """An environment with the light half in it.

    Attributes:
        directory: of the environment.
        python: its program.
    """

    directory: Path
    python: Path

    @property
    def packages(self) -> Path:
        """Its site-packages."""
        return next(self.directory.glob("lib/python3*/site-packages"))

    @property
    def megabytes(self) -> float:
        """Of all files of it."""
        files = (path for path in self.directory.rglob("*") if path.is_file() and not path.is_symlink())
        return sum(path.stat().st_size for path in files) / 1e6

    def ratchet(self, *words: str | Path) -> subprocess.CompletedProcess[str]:
        """Runs a command of it, with nothing of this checkout on its path."""
        return self.run([self.python.with_name("ratchet"), *words])

    def run(self, words: Sequence[str | Path]) -> subprocess.CompletedProcess[str]:
        """Runs a program of it."""
        given, bare = list(map(str, words)), bare_environment()
        return subprocess.run(given, cwd=self.directory, env=bare, capture_output=True, text=True, check=False)


def bare_environment() -> dict[str, str]:
    """That of a user's shell, with nothing of this checkout or of its Python."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "VIRTUAL"))}


def other_python() -> Path:
    """The newest Python on PATH or under ~/.pyenv that is not this one's version; this one if there is no other."""
    places = [*map(Path, os.environ["PATH"].split(os.pathsep)), *Path.home().glob(".pyenv/versions/*/bin")]
    found: dict[tuple[int, int], Path] = {}
    for place in places:
        for program in place.glob("python3.1?") if ROOT not in place.parents else ():
            if _NAME.fullmatch(program.name) and (version := _version(program)):
                found.setdefault(version, program)
    others = found.keys() - {sys.version_info[:2]}
    return found[max(others)] if others else Path(sys.executable)


def _version(program: Path) -> tuple[int, int] | None:
    """Of a Python that can make environments; None of one that cannot."""
    asked = [str(program), "-c", "import sys, venv, ensurepip; print(*sys.version_info[:2])"]
    done = subprocess.run(asked, capture_output=True, text=True, check=False)
    if done.returncode:
        return None
    major, minor = done.stdout.split()
    return int(major), int(minor)


@pytest.fixture(scope="session")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the tree, for pip writes into the one that it builds; it was built before, with a module more."""
    directory = tmp_path_factory.mktemp("checkout") / "ratchet"
    copy_tree(ROOT, directory)
    (directory / "build/lib/ratchet").mkdir(parents=True)
    (directory / "build/lib/ratchet/removed.py").touch()
    return directory


@pytest.fixture(scope="session")
def light(tmp_path_factory: pytest.TempPathFactory, checkout: Path) -> Installed:
    """Made by the step of action.yml that installs, as it is written."""
    directory = tmp_path_factory.mktemp("light")
    steps = yaml.safe_load((ROOT / "action.yml").read_text())["runs"]["steps"]
    install = next(step["run"] for step in steps if step.get("name") == "Install Ratchet")
    given = {"PYTHON": str(other_python()), "RUNNER_TEMP": str(directory), "GITHUB_ACTION_PATH": str(checkout)}
    shell = ["bash", "-eo", "pipefail", "-c", install]
    done = subprocess.run(shell, env={**bare_environment(), **given}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return Installed(directory / "ratchet", directory / "ratchet/bin/python")
