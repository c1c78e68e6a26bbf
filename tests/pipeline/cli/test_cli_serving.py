from __future__ import annotations

import datetime
import json
from pathlib import Path

import pytest

from ratchet.pipeline.cli.root import add_root_commands
from ratchet.pipeline.terminal.arguments import Parser
from ratchet.schemas.artifacts.decisions import Verdict
from ratchet.schemas.artifacts.overrides import OVERRIDE_FORMAT
from ratchet.schemas.base.errors import InputError
from tests.pipeline.served_root import ServedRoot


def run(*argv: str) -> int:
    parser = Parser()
    add_root_commands(parser.add_subparsers(required=True))
    arguments = parser.parse_args(argv)
    return arguments.command(arguments)


@pytest.fixture
def world(tmp_path: Path) -> ServedRoot:
    world = ServedRoot(tmp_path / "root")
    world.run("first", Verdict.BOOTSTRAPPED)
    world.run("bad", Verdict.BLOCKED)
    return world


def test_approve_and_rollback_say_what_is_served_and_print_the_override(
    world: ServedRoot, capsys: pytest.CaptureFixture[str], tomorrow: str
) -> None:
    who = ("--root", str(world.root), "--by", "Ana", "--reason", "seen by hand", "--json")
    assert run("approve", "bad", *who, "--expires", tomorrow) == 0
    told = capsys.readouterr()
    assert "the blocked candidate of run bad is served now" in told.err
    assert json.loads(told.out) == OVERRIDE_FORMAT.values_of(world.registry.overrides()[0])
    assert run("rollback", *who) == 0
    told = capsys.readouterr()
    assert "the model of version 100 is served again" in told.err
    assert json.loads(told.out) == OVERRIDE_FORMAT.values_of(world.registry.overrides()[1])


@pytest.fixture
def tomorrow() -> str:
    return str(datetime.datetime.now(datetime.timezone.utc).date() + datetime.timedelta(days=1))


@pytest.mark.parametrize("missing", ["--by", "--reason", "--expires"])
def test_who_why_and_until_when_have_to_be_said(missing: str) -> None:
    options = {"--by": "Ana", "--reason": "checked", "--expires": "2030-01-01"}
    given = [word for option, value in options.items() if option != missing for word in (option, value)]
    with pytest.raises(InputError, match=missing):
        run("approve", "bad", *given)
