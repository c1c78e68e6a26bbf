"""`approve --dry-run` and `rollback --dry-run` say what the real ones do then, and leave the root as it is."""

from __future__ import annotations

import datetime
import json
from pathlib import Path
from typing import Any

import pytest

from ratchet.components.registry.registry import Registry
from ratchet.pipeline.cli.main import main
from ratchet.schemas.artifacts.registry_entries import Intent, Pointer
from tests.pipeline.fingerprint import fingerprint
from tests.pipeline.served_root import ServedRoot, blocked_root

SIGNED = ("--by", "Ada", "--reason", "seen by hand")
EXPIRES = ("--expires", str(datetime.date.today() + datetime.timedelta(days=30)))


class Desk:
    """Commands on a root whose last run was blocked."""

    def __init__(self, world: ServedRoot, capsys: pytest.CaptureFixture[str]) -> None:
        self.world, self._capsys = world, capsys
        self.code = 0

    @property
    def registry(self) -> Registry:
        return self.world.registry

    def give(self, *command: str) -> dict[str, Any]:
        self.code = main([*command, "--root", str(self.world.root), "--json"])
        return json.loads(self._capsys.readouterr().out)

    def rehearse(self, *command: str) -> dict[str, Any]:
        """The same with `--dry-run`; nothing may be changed by it."""
        before = fingerprint(self.world.root)
        told = self.give(*command, "--dry-run")
        assert fingerprint(self.world.root) == before
        return told

    def read(self, *command: str) -> str:
        assert main([*command, "--root", str(self.world.root), "--dry-run"]) == 0
        return self._capsys.readouterr().out


@pytest.fixture
def desk(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Desk:
    return Desk(blocked_root(tmp_path / "root"), capsys)


def without_moment(override: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in override.items() if name not in ("at", "version")}


def test_an_approval_is_announced_and_done_so_and_once_only(desk: Desk) -> None:
    command = ("approve", "bad", *SIGNED, *EXPIRES)
    text = desk.read(*command)
    assert text.startswith("Nothing was changed. Would serve the blocked candidate of run bad, as version ")
    assert "  in place of version 200\n  by Ada: seen by hand\n  approved until " in text
    told = desk.rehearse(*command)
    assert (desk.code, told["dry_run"], told["would"]) == (0, True, "serve")
    assert told["override"]["version"] is None
    assert told["source"].endswith("/DetectorTrainer/model/3/Format-Serving")
    assert told["left_behind"] == []
    made = desk.give(*command)
    assert without_moment(made) == without_moment(told["override"])
    assert int(made["version"]) >= int(told["version_at_least"])
    again = desk.rehearse(*command)
    assert (again["would"], again["source"], again["override"]["version"]) == ("nothing", None, made["version"])
    assert "Nothing would be done: this command did it at " in desk.read(*command)


def test_a_rollback_is_announced_and_done_so(desk: Desk) -> None:
    told = desk.rehearse("rollback", *SIGNED)
    assert (desk.code, told["would"], told["override"]["restored"]) == (0, "serve", "100")
    assert told["left_behind"] == ["200"]
    assert (told["override"]["previous_version"], told["loaded_first"]) == ("200", False)
    assert "no longer blessed, so that nothing goes back to them: 200" in desk.read("rollback", *SIGNED)
    made = desk.give("rollback", *SIGNED)
    assert without_moment(made) == without_moment(told["override"])


def test_what_is_refused_is_refused_in_the_same_words(desk: Desk) -> None:
    (desk.world.candidate("bad") / "variables" / "data").write_text("damaged")
    for command in (
        ("approve", "bad", *SIGNED, *EXPIRES),  # the candidate was changed: StateError
        ("approve", "good", *SIGNED, *EXPIRES),
        ("approve", "nobody", *SIGNED, *EXPIRES),
        ("approve", "bad", *SIGNED, "--expires", "2001-01-01"),
        ("approve", "bad", "--by", "Ada", "--reason", "REPLACE: why", *EXPIRES),
        ("rollback", "--to", "77", *SIGNED),
        ("rollback", "--to", "200", *SIGNED),
        ("rollback", "--by", "Ada", "--reason", ""),
    ):
        told = desk.rehearse(*command)
        assert (desk.code, told["exit_code"]) == (2, 2), command
        assert desk.give(*command) == told, command


def test_an_interrupted_publication_is_not_completed_by_a_dry_run(desk: Desk) -> None:
    seen = desk.registry.pointer()
    assert seen.served is not None
    intent = Intent(seen.served, "unfinished-1", seen.served.path, None, (), None)
    desk.registry.swap(seen, Pointer(seen.served, intent))
    for command in (("rollback", *SIGNED), ("approve", "bad", *SIGNED, *EXPIRES)):
        told = desk.rehearse(*command)
        assert desk.code == 2
        assert "was interrupted" in told["error"]
        assert "`ratchet status` completes it" in told["error"]
