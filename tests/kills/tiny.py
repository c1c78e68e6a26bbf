"""A world in which a run takes seconds: a handful of digit scenes, a handful of steps, and gates that let pass.

What is learned is next to nothing; what is published, and when, is all that is looked at.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ratchet.pipeline.demo.digits import DigitsOptions, write_digits

CONFIG = """\
name: tiny
model:
  input_size: [128, 128]
  backbone: {type: resnet, options: {model_id: 10, depth_multiplier: 0.25}}
  min_level: 3
  max_level: 4
  fpn_filters: 16
  head_convs: 1
  head_filters: 16
  anchors: {num_scales: 1, aspect_ratios: [0.66], size: 3.0}
  max_detections: 10
training:
  batch_size: 8
  bootstrap: {peak_learning_rate: 0.008, steps: 80}
  retrain: {learning_rate_fraction: 0.01, epochs: 1, min_steps: 4, max_steps: 4}
  validation: {rounds: 2}
evaluator: {min_map: 1.0e-9, margin: 1.0, tolerance: null, class_drop: null, slice_drop: null, resamples: 100}
data_gate: {mode: observe}
"""
_PIPE_BYTES = 1 << 20  # more than a command prints, so that nobody has to read while it runs


@dataclass(frozen=True)
class Story:
    """One command whose end is interrupted.

    Attributes:
        name: of the story.
        span: that is trained on.
        options: of `ratchet run`.
        verdict: how it ends.
        exit_code: what it exits with.
    """

    name: str
    span: int
    options: tuple[str, ...]
    verdict: str
    exit_code: int


BOOTSTRAP = Story("bootstrap", 1, ("--bootstrap",), "BOOTSTRAPPED", 0)
PUSH = Story("push", 2, (), "PUSHED", 0)
BLOCKED = Story("blocked", 2, ("--set", "evaluator.min_map=0.99"), "BLOCKED", 3)
STORIES = (BOOTSTRAP, PUSH, BLOCKED)


class Tiny:
    """Data, configuration and a pipeline root that comes back as it was saved.

    Args:
        directory: where; the root is always at the same place, for ML Metadata names files absolutely.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.root = directory / "root"
        self.data = directory / "data"
        self.config = directory / "tiny.yaml"

    @property
    def serving(self) -> Path:
        return self.root / "serving" / "tiny"

    def make_data(self) -> None:
        self.directory.mkdir(exist_ok=True)
        self.config.write_text(CONFIG)
        write_digits(str(self.data / "golden"), DigitsOptions(golden=True, images=16))
        for span in (1, 2):
            write_digits(str(self.data / f"span-{span}"), DigitsOptions(span=span, images=40))

    def command(self, story: Story, root: Path | None = None) -> list[str]:
        given = ["--config", str(self.config), "--data", str(self.data), "--span", str(story.span)]
        return ["run", *given, "--root", str(root or self.root), "--json", *story.options]

    def save(self, name: str) -> None:
        shutil.copytree(self.root, self.directory / "saved" / name, symlinks=True)

    def restore(self, name: str) -> None:
        shutil.rmtree(self.root, ignore_errors=True)
        shutil.copytree(self.directory / "saved" / name, self.root, symlinks=True)


@dataclass(frozen=True)
class Given:
    """A command that was given in a child.

    Attributes:
        killed: whether it was.
        code: its exit code; None if it was killed, or if it raised, which no command does.
        out: what a person saw.
        points: what it did, as far as it came.
    """

    killed: bool
    code: int | None
    out: str
    points: tuple[str, ...] = ()

    @property
    def result(self) -> dict[str, Any]:
        """The object of `--json`; empty if there is none."""
        return next((json.loads(line) for line in self.out.splitlines() if line.startswith("{")), {})


class Screen:
    """What a command prints, as on a terminal: on a full disk it is seen all the same."""

    def __init__(self) -> None:
        self._read, self._write = os.pipe()
        fcntl.fcntl(self._write, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
        os.set_blocking(self._read, False)

    def show(self, action: Callable[[], Any]) -> Any:
        """Carries out an action in the process whose streams this becomes."""
        os.dup2(self._write, 1)
        os.dup2(self._write, 2)
        try:
            return action()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()

    def text(self) -> str:
        """What was printed; asked once."""
        os.close(self._write)
        try:
            return os.read(self._read, _PIPE_BYTES).decode(errors="replace")
        except BlockingIOError:
            return ""
        finally:
            os.close(self._read)


def give(arguments: Sequence[str]) -> int:
    """Gives a command in this process, as the `ratchet` program would."""
    from ratchet.pipeline.cli.main import main

    return main(list(arguments))
