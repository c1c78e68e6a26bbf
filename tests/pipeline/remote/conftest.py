"""A root in Cloud Storage beside the same root on this machine."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from ratchet.components.object_store import objects
from ratchet.pipeline.cli.main import main
from tests.gcs.fixtures import Bucket


@dataclass(frozen=True)
class Twins:
    """The same root twice.

    Attributes:
        local: on this machine.
        uri: in Cloud Storage.
        capsys: what commands print.
    """

    local: Path
    uri: str
    capsys: pytest.CaptureFixture[str]

    def ask(self, *command: str) -> list[tuple[int, str, str]]:
        """Exit code and output of a command on both, with the place of each root written as ROOT."""
        return [self.of(root, *command) for root in (str(self.local), self.uri)]

    def of(self, root: str, *command: str) -> tuple[int, str, str]:
        """The same on one of them."""
        self.capsys.readouterr()
        code = main([*command, "--root", root])
        out, err = self.capsys.readouterr()
        return code, out.replace(root, "ROOT"), err.replace(root, "ROOT")

    def agree(self, *command: str) -> tuple[int, str, str]:
        """What both say, which has to be the same."""
        local, remote = self.ask(*command)
        assert remote == local
        return remote


def upload(root: Path, uri: str) -> None:
    """Puts all files of a root into Cloud Storage."""
    for file in sorted(root.rglob("*")):
        if file.is_file() and file.name not in ("lock", ".gitkeep"):
            objects.write(f"{uri}/{file.relative_to(root)}", file.read_bytes())


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where working copies lie."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "ratchet" / "roots"


@pytest.fixture
def twins(gcs: Bucket, cache: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Callable[[Path], Twins]:
    """Uploads a root; both of it then."""

    def make(root: Path) -> Twins:
        upload(root, gcs.uri("team/root"))
        return Twins(root, gcs.uri("team/root"), capsys)

    return make
