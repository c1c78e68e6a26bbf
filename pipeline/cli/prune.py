"""The command of `ratchet` that makes room."""

from __future__ import annotations

import argparse
import json
from typing import Any

from pipeline.cli.data import add_json
from pipeline.cli.options import add_root, local_name
from pipeline.terminal.standard_streams import say


def add_prune(commands: Any) -> None:
    """Adds `prune` to the commands."""
    parser = commands.add_parser(
        "prune",
        help="delete what old runs left",
        description="Deletes artifacts that no later run, approval or rollback reads. Runs do the same when they end.",
    )
    add_root(parser)
    parser.add_argument("--config", type=local_name, help="a YAML file, or one of ours by name (default: the root's)")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="such as retention.runs=5")
    parser.add_argument("--dry-run", action="store_true", help="only say what would be deleted")
    add_json(parser)
    parser.set_defaults(command=_prune)


def _prune(arguments: argparse.Namespace) -> int:
    import datetime

    from pipeline.retention.prune import prune
    from pipeline.retention.text import to_json, to_text
    from pipeline.root.root_settings import configure_check

    settings = configure_check(arguments.root, arguments.config, arguments.set)
    now = datetime.datetime.now(datetime.timezone.utc)
    pruned = prune(arguments.root, settings.retention, now, arguments.dry_run)
    say(to_text(pruned))
    if arguments.json:
        say(json.dumps(to_json(pruned)))
    return 1 if pruned.failures else 0
