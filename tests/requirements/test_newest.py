"""The chroot of `make newest`, with stand-ins for all that only root may do."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = ("choose-python.sh", "newest.sh")
INSIDE = "INSIDE_NAMESPACE"


@dataclass
class Machine:
    """A checkout, a home directory, and programs before those of this machine on PATH."""

    directory: Path

    @property
    def checkout(self) -> Path:
        return self.directory / "checkout"

    @property
    def home(self) -> Path:
        return self.directory / "home"

    @property
    def chroot(self) -> Path:
        return self.checkout / ".tools/newest/trixie"

    def program(self, name: str, text: str) -> None:
        file = self.directory / "bin" / name
        file.write_text(f"#!/bin/bash\n{text}\n")
        file.chmod(0o755)

    def note(self, name: str, then: str = "") -> None:
        """A program that only writes down how it was called, and refuses outside of the namespace."""
        inside = f'[ -n "${INSIDE}" ] || {{ echo {name} outside >&2; exit 9; }}'
        self.program(name, f'{inside}\necho {name} "$@" >>{self.directory}/noted\n{then}')

    def newest(self, *command: str, **variables: str) -> subprocess.CompletedProcess[str]:
        (self.directory / "noted").unlink(missing_ok=True)
        path = f"{self.directory}/bin:{os.environ['PATH']}"
        environment = {"PATH": path, "HOME": str(self.home), **variables}
        script = str(self.checkout / "requirements/newest.sh")
        return subprocess.run([script, *command], env=environment, capture_output=True, text=True, check=False)

    @property
    def noted(self) -> list[str]:
        file = self.directory / "noted"
        return file.read_text().splitlines() if file.exists() else []


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """Root on x86-64 with glibc 2.36."""
    machine = Machine(tmp_path)
    for part in ("bin", "home/.config/pip", "checkout/requirements"):
        (tmp_path / part).mkdir(parents=True)
    for script in SCRIPTS:
        shutil.copy(ROOT / "requirements" / script, machine.checkout / "requirements")
    (machine.checkout / ".gitignore").write_text(".tools/\n.venv/\n")
    (machine.checkout / "code.py").write_text("1")
    subprocess.run(["git", "init", "-q", str(machine.checkout)], check=True)
    machine.program("uname", "echo x86_64")
    machine.program("getconf", "echo glibc 2.36")
    machine.program("id", "echo 0")
    machine.program("apt-config", "echo 'Acquire::http::Proxy \"http://proxy\";'; echo 'APT::Architecture \"amd64\";'")
    machine.program(
        "unshare", f'while [[ $1 == --* ]]; do [ "$1" = --propagation ] && shift; shift; done\n{INSIDE}=1 "$@"'
    )
    machine.note("debootstrap", 'mkdir -p "${@: -2:1}/etc/apt/apt.conf.d"')
    machine.note("mount")
    machine.note("chroot")
    return machine


def test_a_machine_that_is_new_enough_needs_no_chroot(machine: Machine) -> None:
    machine.program("getconf", "echo glibc 2.41")
    done = machine.newest("bash", "-c", 'echo "$PYTHON"')
    assert (done.returncode, done.stdout.strip(), machine.noted) == (0, "3.13", [])
    assert machine.newest("bash", "-c", 'echo "$PYTHON"', NEWEST_PYTHON="3.12").stdout.strip() == "3.12"


def test_who_is_not_root_is_told_what_to_do(machine: Machine) -> None:
    machine.program("id", "echo 1000")
    done = machine.newest("make", "demo")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "sudo make newest" in done.stderr


def test_the_command_runs_in_the_chroot_and_nothing_is_mounted_outside_of_the_namespace(machine: Machine) -> None:
    done = machine.newest("make", "demo")
    assert done.returncode == 0, done.stderr
    assert [line.split()[0] for line in machine.noted].count("debootstrap") == 1
    assert machine.noted[-1].endswith('PYTHON=3.13 /bin/bash -c cd /ratchet && "$@" newest make demo')
    assert {line.split()[-1] for line in machine.noted if line.startswith("mount")} >= {
        f"{machine.chroot}/{name}" for name in ("dev", "proc", "sys")
    }


def test_the_exit_code_is_that_of_the_command(machine: Machine) -> None:
    machine.note("chroot", "[[ $* != *'newest make'* ]] || exit 7")
    assert machine.newest("make", "test").returncode == 7


def test_a_second_call_uses_the_chroot_of_the_first(machine: Machine) -> None:
    machine.newest("make", "demo")
    machine.newest("make", "demo")
    assert [line for line in machine.noted if line.startswith("debootstrap") or "apt-get" in line] == []


def test_a_chroot_that_was_not_finished_is_made_anew(machine: Machine) -> None:
    machine.note("debootstrap", 'mkdir -p "${@: -2:1}/half"; exit 1')
    done = machine.newest("make", "demo")
    assert (done.returncode, "debootstrap failed" in done.stderr, machine.chroot.exists()) == (1, True, False)
    machine.note("debootstrap", 'mkdir -p "${@: -2:1}/etc/apt/apt.conf.d"')
    assert machine.newest("make", "demo").returncode == 0
    assert not (machine.chroot / "half").exists()


def test_the_checkout_is_copied_as_it_is_and_what_was_installed_stays(machine: Machine) -> None:
    (machine.checkout / "gone.py").write_text("1")
    (machine.checkout / ".venv").mkdir()
    (machine.checkout / ".venv/mine").touch()
    machine.newest("make", "demo")
    copy = machine.chroot / "ratchet"
    (copy / ".venv").mkdir()
    (copy / ".venv/ready").touch()
    (machine.checkout / "gone.py").unlink()
    (machine.checkout / "code.py").write_text("2")
    machine.newest("make", "demo")
    assert sorted(file.name for file in copy.iterdir()) == [".gitignore", ".venv", "code.py", "requirements"]
    assert ((copy / "code.py").read_text(), [file.name for file in (copy / ".venv").iterdir()]) == ("2", ["ready"])
    assert (machine.checkout / ".venv/mine").exists()


def test_how_this_machine_reaches_package_indexes_is_carried_in(machine: Machine) -> None:
    wheels = machine.directory / "wheels"
    wheels.mkdir()
    (machine.home / ".config/pip/pip.conf").write_text(f"[global]\nfind-links = {wheels}\n")
    variables = {
        "PIP_INDEX_URL": "https://index",
        "https_proxy": "http://p",
        "UV_CACHE_DIR": str(machine.home),
        "SECRET": "1",
    }
    assert machine.newest("make", "demo", **variables).returncode == 0
    assert (machine.chroot / f"{machine.home}/.config/pip/pip.conf".lstrip("/")).read_text().endswith(f"{wheels}\n")
    assert f"mount --bind {wheels} {machine.chroot}{wheels}" in machine.noted
    assert f"mount -o remount,bind,ro {machine.chroot}{wheels}" in machine.noted
    last = machine.noted[-1]
    assert ("PIP_INDEX_URL=https://index" in last, "https_proxy=http://p" in last) == (True, True)
    assert ("UV_CACHE_DIR" in last, "SECRET" in last) == (False, False)
    assert (machine.chroot / "etc/apt/apt.conf.d/90machine").read_text() == 'Acquire::http::Proxy "http://proxy";\n'


def test_two_calls_at_once_are_one_too_many(machine: Machine) -> None:
    (machine.checkout / ".tools").mkdir()
    lock = machine.checkout / ".tools/newest.lock"
    lock.touch()
    with subprocess.Popen(["flock", str(lock), "cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdin is not None
        assert holder.stdout is not None
        holder.stdin.write(b"locked\n")
        holder.stdin.flush()
        assert holder.stdout.readline() == b"locked\n"
        done = machine.newest("make", "demo")
    assert (done.returncode, "another one is running" in done.stderr) == (1, True)
