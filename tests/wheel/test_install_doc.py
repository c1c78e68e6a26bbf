"""docs/install.md, followed to the letter."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from tests.wheel.conftest import ROOT, Installed, bare_environment

TEXT = (ROOT / "docs/install.md").read_text()


def blocks(section: str) -> list[str]:
    """The shell commands of a section."""
    part = TEXT.split(f"\n## {section}\n")[1].split("\n## ")[0]
    return re.findall(r"```sh\n(.*?)```", part, re.DOTALL)


def test_the_gate_alone_gives_figures_and_a_page(light: Installed, tmp_path: Path) -> None:
    _, evaluate = blocks("The gate alone")
    (tmp_path / "ratchet-env").symlink_to(light.directory)
    shell = ["sh", "-ec", evaluate]
    done = subprocess.run(shell, cwd=tmp_path, env=bare_environment(), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert re.search(r"^AP +\d", done.stdout, re.MULTILINE)
    assert (tmp_path / "report/index.html").is_file()


def test_it_is_installed_as_the_action_does() -> None:
    install, _ = blocks("The gate alone")
    assert [line.split(" ", 1)[1] for line in install.splitlines()] == ["-m venv ratchet-env", "install ."]


def test_the_megabytes_are_those_of_the_table(light: Installed) -> None:
    said = int(re.search(r"`pip install \.` \| 3.10 to 3.14 \| (\d+) \|", TEXT)[1])  # pyright: ignore[reportOptionalSubscript]
    assert light.megabytes == pytest.approx(said, rel=0.1)


def test_the_locks_that_are_named_are_there() -> None:
    named = set(re.findall(r"requirements/lock[\w.-]+\.txt", TEXT))
    assert named
    assert [name for name in named if not (ROOT / name).is_file()] == []
