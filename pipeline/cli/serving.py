"""The commands of `ratchet` by which a person changes what is served."""

from __future__ import annotations

import argparse
import datetime
import json
from typing import TYPE_CHECKING, Any

from pipeline.cli.data import add_json
from pipeline.cli.options import add_root
from pipeline.terminal.standard_streams import say
from schemas.artifacts.overrides import OVERRIDE_FORMAT

if TYPE_CHECKING:
    from schemas.artifacts.overrides import Override


def add_serving_commands(commands: Any) -> None:
    """Adds `approve` and `rollback` to the commands."""
    _add_approve(commands)
    _add_rollback(commands)


def _add_approve(commands: Any) -> None:
    parser = commands.add_parser(
        "approve",
        help="serve the candidate of a blocked run",
        description="Serves exactly the candidate that a run has blocked, and logs who took the responsibility.",
    )
    parser.add_argument("run", metavar="RUN", help="the run's id, or its beginning")
    _add_person(parser)
    parser.add_argument(
        "--expires", required=True, metavar="YYYY-MM-DD", help="last day of the approval, at most a year ahead"
    )
    parser.add_argument(
        "--evaluation-broken", action="store_true", help="approve although the evaluation itself had failed"
    )
    add_json(parser)
    parser.set_defaults(command=_approve)


def _add_rollback(commands: Any) -> None:
    parser = commands.add_parser(
        "rollback",
        help="serve an earlier model again",
        description="Serves an earlier model under a new version number; those after it are never taken again.",
    )
    parser.add_argument(
        "--to", metavar="VERSION", help="the version to serve again (default: the one before what is served)"
    )
    _add_person(parser)
    add_json(parser)
    parser.set_defaults(command=_rollback)


def _add_person(parser: argparse.ArgumentParser) -> None:
    add_root(parser)
    parser.add_argument("--by", required=True, metavar="NAME", help="who does it")
    parser.add_argument("--reason", required=True, metavar="TEXT", help="why, in one line")


def _approve(arguments: argparse.Namespace) -> int:
    from pipeline.serving.approve import ApproveRequest, approve

    request = ApproveRequest(
        run=arguments.run,
        root=arguments.root,
        by=arguments.by,
        reason=arguments.reason,
        expires=arguments.expires,
        evaluation_broken=arguments.evaluation_broken,
    )
    return _tell(approve(request, _now()), arguments)


def _rollback(arguments: argparse.Namespace) -> int:
    from pipeline.serving.rollback import RollbackRequest, rollback

    request = RollbackRequest(root=arguments.root, by=arguments.by, reason=arguments.reason, to=arguments.to)
    return _tell(rollback(request, _now()), arguments)


def _tell(made: Override, arguments: argparse.Namespace) -> int:
    say(made.to_text())
    if arguments.json:
        say(json.dumps(OVERRIDE_FORMAT.values_of(made)))
    return 0


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.timezone.utc)
