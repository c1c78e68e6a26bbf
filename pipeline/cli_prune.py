"""The command of `ratchet` that makes room."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from pipeline.cli_data import add_json


def add_prune(commands: Any) -> None:
    """Adds `prune` to the commands."""
    parser = commands.add_parser(
        "prune",
        help="delete what old runs left",
        description="Deletes artifacts that no later run, approval or rollback reads. Runs do the same when they end.",
    )
    parser.add_argument(
        "--root", type=Path, default=Path("ratchet-root"), help="pipeline root (default: ./ratchet-root)"
    )
    parser.add_argument("--config", help="a YAML file, or one of ours by name; its `retention:` counts")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="such as retention.runs=5")
    parser.add_argument("--dry-run", action="store_true", help="only say what would be deleted")
    add_json(parser)
    parser.set_defaults(command=_prune)


def _prune(arguments: argparse.Namespace) -> int:
    import datetime

    from pipeline.config import load_config, load_settings
    from pipeline.retention.prune import prune
    from pipeline.retention.text import to_json, to_text

    settings = load_config(arguments.config, arguments.set) if arguments.config else load_settings({}, arguments.set)
    now = datetime.datetime.now(datetime.timezone.utc)
    pruned = prune(arguments.root, settings.retention, now, arguments.dry_run)
    print(to_text(pruned))
    if arguments.json:
        print(json.dumps(to_json(pruned)))
    return 1 if pruned.failures else 0
