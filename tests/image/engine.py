"""podman, with a store of its own below build/, so that nothing is left when that is removed."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO


@dataclass(frozen=True)
class Engine:
    """A podman.

    Attributes:
        storage: where images lie.
        state: a short path for what runs; longer than 50 characters podman refuses.
    """

    storage: Path
    state: Path

    def call(self, arguments: Sequence[str], stdin: IO[bytes] | None = None) -> str:
        """What podman says; CalledProcessError if it fails, its own words on stderr."""
        done = subprocess.run(self.command(arguments), check=True, stdin=stdin, stdout=subprocess.PIPE)
        return done.stdout.decode()

    def command(self, arguments: Sequence[str]) -> list[str]:
        """The whole command."""
        # Machines without systemd have no cgroup manager but the file system.
        places = ["--root", str(self.storage), "--runroot", str(self.state), "--cgroup-manager=cgroupfs"]
        return ["podman", *places, *arguments]

    def has(self, image: str) -> bool:
        """Whether an image is in the store."""
        return subprocess.run(self.command(["image", "exists", image]), check=False).returncode == 0

    def build(self, context: Path, arguments: Sequence[str]) -> None:
        """Builds an image; the output goes to stderr."""
        # chroot: a build inside a container has no rights for more.
        options = ["--isolation=chroot", "--network=host", "--layers", "--format=docker"]
        subprocess.run(self.command(["build", *options, *arguments, str(context)]), check=True, stdout=2)

    def run(self, image: str, arguments: Sequence[str], options: Sequence[str] = ()) -> list[str]:
        """The command that runs one in a container, which is removed after it."""
        limits = [
            "--ulimit=nofile=1000:1000",
            "--ulimit=nproc=2000:2000",
        ]  # the default asks for more than root may here
        return self.command(["--runtime=runc", "run", "--rm", "--network=host", *limits, *options, image, *arguments])

    def remove(self) -> None:
        """Removes all images and what else podman keeps of them."""
        subprocess.run(self.command(["rmi", "--all", "--force"]), check=False, stdout=subprocess.DEVNULL)
        shutil.rmtree(self.storage, ignore_errors=True)  # nothing is mounted there once no container is left
        shutil.rmtree(self.state, ignore_errors=True)

    def layers(self, image: str) -> list[tuple[int, str]]:
        """Bytes and origin of each layer that holds something, the topmost first."""
        history = json.loads(self.call(["history", "--format=json", "--no-trunc", image]))
        return [(layer["size"], " ".join(layer["CreatedBy"].split())) for layer in history if layer["size"] > 100_000]


def why_not() -> str | None:
    """Why podman cannot run here; None if it can."""
    for program in ("podman", "runc"):
        if shutil.which(program) is None:
            return f"{program} is missing: apt-get install --no-install-recommends podman runc crun"
    if os.geteuid() != 0:
        return "chroot isolation needs root's rights here; build with `docker build .` instead (docs/images.md)"
    return None


def make_engine(directory: Path) -> Engine:
    """An engine with its images in a directory; the same one gets the same state, on which podman insists."""
    storage = directory.resolve() / "storage"
    name = hashlib.sha256(str(storage).encode()).hexdigest()[:8]
    return Engine(storage, Path(tempfile.gettempdir()) / f"ratchet-podman-{name}")


def seconds_until(
    command: Sequence[str], is_there: Callable[[str], bool], clock: Callable[[], float] = time.monotonic
) -> tuple[float, float]:
    """Runs a command and tells after how many seconds a line came, and how many it took in all.

    Args:
        command: its stdout and stderr are read together.
        is_there: whether a line is the one.
        clock: in seconds; asked at the start, at the line and at the end.

    Raises:
        RuntimeError: the command fails or the line does not come; with the last lines.
    """
    started, seen, lines = clock(), None, []
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            lines.append(line)
            if seen is None and is_there(line):
                seen = clock() - started
    took = clock() - started
    if process.returncode or seen is None:
        raise RuntimeError(f"exit code {process.returncode}:\n{''.join(lines[-20:])}")
    return seen, took
