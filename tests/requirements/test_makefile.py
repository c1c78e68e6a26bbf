"""What the Makefile hands on to the set-up."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """The Makefile, a set-up that says which Python it is asked for, and a demo."""
    shutil.copy(ROOT / "Makefile", tmp_path)
    programs = {"requirements/setup-env.sh": 'echo "asked for ${PYTHON:-nothing}"', ".venv/bin/ratchet": 'echo "$@"'}
    for name, text in programs.items():
        file = tmp_path / name
        file.parent.mkdir(parents=True)
        file.write_text(f"#!/bin/sh\n{text}\n")
        file.chmod(0o755)
    (tmp_path / ".venv/ready").touch()
    return tmp_path


@pytest.mark.parametrize(
    ("variable", "argument", "asked"),
    [({}, [], "nothing"), ({"PYTHON": "3.12"}, [], "3.12"), ({}, ["PYTHON=/opt/python"], "/opt/python")],
)
def test_the_set_up_is_asked_every_time_for_the_python_that_is_wanted(
    checkout: Path, variable: dict[str, str], argument: list[str], asked: str
) -> None:
    environment = {key: value for key, value in os.environ.items() if key not in ("PYTHON", "MAKEFLAGS", "MAKELEVEL")}
    command = ["make", "-C", str(checkout), "--no-print-directory", "demo", *argument]
    done = subprocess.run(command, env=environment | variable, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == [f"asked for {asked}", "demo"]
