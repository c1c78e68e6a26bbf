"""Which Python .venv is made of: the shell scripts, in a world of fake Pythons, a fake glibc and a fake uv."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TOOLS = ("bash", "cat", "cut", "dirname", "head", "ln", "mkdir", "readlink", "rm", "sort", "tail")
SCRIPTS = ("choose-python.sh", "setup-env.sh")


@dataclass
class Machine:
    """A checkout, a home directory and the only directories on PATH."""

    directory: Path

    @property
    def checkout(self) -> Path:
        return self.directory / "checkout"

    @property
    def path(self) -> Path:
        return self.directory / "bin"

    def program(self, file: Path, text: str) -> Path:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"#!/bin/sh\n{text}\n")
        file.chmod(0o755)
        return file

    def glibc(self, version: str) -> None:
        self.program(self.path / "getconf", f"echo glibc {version}")

    def python(self, file: Path, version: str, program: Path | None = None) -> Path:
        """A CPython that answers what it is asked for with its version and with the program behind it."""
        return self.program(file, f"echo {version}.4 {program or file}")

    def on_path(self, version: str) -> Path:
        return self.python(self.path / f"python{version}", version)

    def pyenv(self, version: str) -> Path:
        return self.python(self.directory / f"home/.pyenv/versions/{version}.4/bin/python", version)

    def run(self, script: str, python: str | None = None, path: str = "") -> subprocess.CompletedProcess[str]:
        environment = {"PATH": f"{path}{self.path}:{self.directory / 'tools'}", "HOME": str(self.directory / "home")}
        given: Mapping[str, str] = {} if python is None else {"PYTHON": python}
        command = ["bash", str(self.checkout / "requirements" / script)]
        return subprocess.run(command, env={**environment, **given}, capture_output=True, text=True, check=False)

    def choose(self, python: str | None = None, path: str = "") -> tuple[str, str, str]:
        """Program, version and stack."""
        done = self.run("choose-python.sh", python, path)
        assert done.returncode == 0, done.stderr
        program, version, stack, why = done.stdout.splitlines()
        assert why
        return program, version, stack

    def refusal(self, python: str | None = None) -> str:
        done = self.run("choose-python.sh", python)
        assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
        return done.stderr


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """x86-64 with glibc 2.41 and no Python."""
    machine = Machine(tmp_path)
    (tmp_path / "tools").mkdir()
    for tool in TOOLS:
        (tmp_path / "tools" / tool).symlink_to(shutil.which(tool) or pytest.fail(f"no {tool}"))
    (machine.checkout / "requirements").mkdir(parents=True)
    for script in SCRIPTS:
        shutil.copy(ROOT / "requirements" / script, machine.checkout / "requirements")
    machine.program(machine.path / "uname", "echo x86_64")
    machine.glibc("2.41")
    return machine


def test_the_newest_python_is_chosen_that_glibc_allows(machine: Machine) -> None:
    machine.on_path("3.10")
    machine.on_path("3.11")
    newest = machine.pyenv("3.13")
    machine.on_path("3.14")
    assert machine.choose() == (str(newest), "3.13", "tfx1.21")


@pytest.mark.parametrize(
    ("glibc", "version"), [("2.36", "3.10"), ("2.37", "3.10"), ("2.38", "3.12"), ("2.100", "3.12")]
)
def test_glibc_decides_between_the_stacks(machine: Machine, glibc: str, version: str) -> None:
    machine.glibc(glibc)
    machine.on_path("3.12")
    machine.on_path("3.10")
    assert machine.choose()[1] == version


def test_glibc_is_asked_of_ldd_where_there_is_no_getconf(machine: Machine) -> None:
    (machine.path / "getconf").unlink()
    machine.program(machine.path / "ldd", "echo 'ldd (Debian GLIBC 2.31-13) 2.31'")
    machine.on_path("3.12")
    machine.on_path("3.10")
    assert machine.choose()[1] == "3.10"


def test_a_python3_counts_by_what_it_is(machine: Machine) -> None:
    program = machine.python(machine.path / "python3", "3.12")
    assert machine.choose() == (str(program), "3.12", "tfx1.21")


def test_an_old_python_is_better_than_a_download(machine: Machine) -> None:
    assert machine.choose() == ("", "3.13", "tfx1.21")
    program = machine.on_path("3.10")
    assert machine.choose() == (str(program), "3.10", "tfx1.16")


def test_the_interpreter_of_an_activated_environment_counts_as_the_one_that_it_was_made_of(machine: Machine) -> None:
    base = machine.pyenv("3.12")
    machine.python(machine.checkout / ".venv/bin/python3.12", "3.12", base)
    assert machine.choose(path=f"{machine.checkout}/.venv/bin:") == (str(base), "3.12", "tfx1.21")


def test_what_is_no_python_that_works_is_passed_over(machine: Machine) -> None:
    machine.program(machine.path / "python3.13", "exit 127")  # as a shim of pyenv whose version is not switched on
    program = machine.pyenv("3.12")
    assert machine.choose() == (str(program), "3.12", "tfx1.21")


@pytest.mark.parametrize("python", ["3.11", "3.11.4"])
def test_a_version_overrules_the_choice(machine: Machine, python: str) -> None:
    machine.on_path("3.13")
    program = machine.on_path("3.11")
    assert machine.choose(python) == (str(program), python, "tfx1.21")


def test_a_patch_level_that_is_not_there_is_to_be_downloaded(machine: Machine) -> None:
    machine.on_path("3.11")
    assert machine.choose("3.11.9") == ("", "3.11.9", "tfx1.21")


def test_a_program_overrules_the_choice(machine: Machine) -> None:
    machine.on_path("3.13")
    program = machine.python(machine.directory / "opt/py/bin/python", "3.10")
    assert machine.choose(str(program)) == (str(program), "3.10", "tfx1.16")


@pytest.mark.parametrize(
    ("glibc", "python", "named"),
    [
        ("2.36", "3.12", ("PYTHON=3.12: TFX 1.21", "needs glibc 2.38", "this machine has 2.36", "PYTHON=3.10 works")),
        ("2.36", "3.14", ("PYTHON=3.14", "3.10", "3.11 to 3.13", "glibc 2.36", "PYTHON=3.10 works")),
        ("2.41", "3.9", ("PYTHON=3.9", "PYTHON=3.13, 3.12, 3.11 or 3.10 works")),
        ("2.41", "/nowhere/python", ("PYTHON=/nowhere/python: no program of a CPython 3",)),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(
    machine: Machine, glibc: str, python: str, named: tuple[str, ...]
) -> None:
    machine.glibc(glibc)
    line = machine.refusal(python)
    assert [part for part in named if part not in line] == []


def test_a_program_that_glibc_does_not_allow_is_refused_by_its_version(machine: Machine) -> None:
    machine.glibc("2.36")
    program = machine.on_path("3.13")
    assert f"PYTHON={program} (Python 3.13.4): TFX 1.21" in machine.refusal(str(program))


def test_other_processors_and_other_libraries_are_refused(machine: Machine) -> None:
    machine.program(machine.path / "getconf", "exit 1")
    assert "no glibc found" in machine.refusal()
    machine.program(machine.path / "uname", "echo aarch64")
    assert "x86-64" in machine.refusal()


@pytest.fixture
def checkout(machine: Machine) -> Path:
    """With locks, and with a uv that makes environments and notes what it is asked for."""
    for name in ("setup.py", "requirements/lock-tfx1.16.txt", "requirements/lock-tfx1.21.txt"):
        (machine.checkout / name).touch()
    machine.program(
        machine.path / "uv",
        f"""echo "$@" >>{machine.directory}/asked
case "$*" in
  venv*) rm -rf .venv && mkdir -p .venv/bin && ln -s "$5" .venv/bin/python ;;
  'python find'*) echo {machine.directory}/downloaded ;;
esac""",
    )
    return machine.checkout


def asked(machine: Machine, python: str | None = None) -> str:
    """What uv was asked for by one call of setup-env.sh."""
    (machine.directory / "asked").unlink(missing_ok=True)
    done = machine.run("setup-env.sh", python)
    assert done.returncode == 0, done.stderr
    file = machine.directory / "asked"
    return file.read_text() if file.exists() else ""


def test_an_environment_is_made_once_with_its_lock_and_the_reason_is_said(machine: Machine, checkout: Path) -> None:
    program = machine.on_path("3.12")
    first = machine.run("setup-env.sh")
    assert f"Python 3.12 ({program}) with TFX 1.21: the newest that was found" in first.stderr
    assert (
        "pip sync --quiet --compile-bytecode --require-hashes requirements/lock-tfx1.21.txt"
        in (machine.directory / "asked").read_text()
    )
    again = machine.run("setup-env.sh")
    assert (again.returncode, again.stderr) == (0, "")


def test_the_environment_is_made_again_when_another_python_or_lock_is_wanted(machine: Machine, checkout: Path) -> None:
    machine.on_path("3.12")
    old = machine.on_path("3.10")
    asked(machine)
    assert "lock-tfx1.16" in asked(machine, "3.10")
    assert asked(machine, "3.10") == asked(machine, str(old)) == ""
    assert "lock-tfx1.21" in asked(machine)
    other = machine.python(machine.directory / "opt/python", "3.12")
    assert f"--python {other}" in asked(machine, str(other))
    (checkout / "requirements/lock-tfx1.21.txt").write_text("changed")
    newer = (checkout / ".venv/ready").stat().st_mtime + 1
    os.utime(checkout / "requirements/lock-tfx1.21.txt", (newer, newer))
    assert "lock-tfx1.21" in asked(machine)


def test_an_environment_whose_python_is_gone_is_made_again(machine: Machine, checkout: Path) -> None:
    asked(machine, str(machine.python(machine.directory / "opt/python", "3.12")))
    (machine.directory / "opt/python").unlink()
    program = machine.on_path("3.12")
    assert f"--python {program}" in asked(machine)


def test_a_python_that_is_not_there_is_downloaded(machine: Machine, checkout: Path) -> None:
    lines = asked(machine).splitlines()
    assert lines[:4] == [
        "--version",
        "python install --quiet --no-bin 3.13",
        "python find --managed-python 3.13",
        f"venv --quiet --clear --python {machine.directory}/downloaded .venv",
    ]


def test_an_impossible_python_leaves_the_environment_alone(machine: Machine, checkout: Path) -> None:
    machine.on_path("3.12")
    asked(machine)
    before = (checkout / ".venv/ready").stat()
    done = machine.run("setup-env.sh", "3.14")
    assert (done.returncode, (checkout / ".venv/ready").stat()) == (2, before)
