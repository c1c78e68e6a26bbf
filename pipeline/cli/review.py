"""The commands of `ratchet` that look at what runs left, and change nothing."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from pipeline.cli.data import add_json
from pipeline.cli.options import add_root
from pipeline.terminal.plain_text import visible_line
from pipeline.terminal.standard_streams import say, tell


def add_review_commands(commands: Any) -> None:
    """Adds `history`, `status` and `review` to the commands."""
    history = commands.add_parser(
        "history", help="all runs, approvals and rollbacks", description="All runs of a pipeline root, newest last."
    )
    _add_common(history)
    history.set_defaults(command=_history)

    status = commands.add_parser(
        "status",
        help="what is served now, and why",
        description="What is served, since when and why, and how the last run ended. Exit code 2 for a contradiction.",
    )
    _add_common(status)
    status.set_defaults(command=_status)

    review = commands.add_parser(
        "review", help="the page that explains a run", description="Prints the path of the review page of a run."
    )
    review.add_argument("run", nargs="?", metavar="RUN", help="a run id or its beginning (default: the newest run)")
    review.add_argument("--open", action="store_true", help="open it in the browser")
    _add_common(review)
    review.set_defaults(command=_review)


def _add_common(parser: argparse.ArgumentParser) -> None:
    add_root(parser)
    add_json(parser)


def _history(arguments: argparse.Namespace) -> int:
    import shutil

    from pipeline.past.history import open_registry, read_history
    from pipeline.past.history_text import history_text

    history = read_history(arguments.root, open_registry(arguments.root).overrides())
    say(history_text(history, shutil.get_terminal_size().columns if sys.stdout.isatty() else None))
    if arguments.json:
        say(json.dumps(history.to_json()))
    return 0


def _status(arguments: argparse.Namespace) -> int:
    import datetime

    from pipeline.past.status import read_status

    status = read_status(arguments.root, datetime.datetime.now(datetime.timezone.utc).date())
    say(status.to_text())
    if arguments.json:
        say(json.dumps(status.to_json()))
    return status.exit_code


def _review(arguments: argparse.Namespace) -> int:
    from pipeline.past.history import find_run, open_registry, read_history
    from schemas.base.errors import InputError

    open_registry(arguments.root)
    history = read_history(arguments.root, ())
    entry = find_run(history, arguments.run)
    newest = history.runs[-1]
    if arguments.run is None and newest is not entry:
        newer, older = visible_line(newest.run_id), visible_line(entry.run_id)
        tell(f"ratchet: the newest run, {newer}, is {newest.state}; {older} is shown")
    if entry.page is None:
        there_is = f"its report is {entry.result.report}" if entry.result else f"its log is {entry.log}"
        raise InputError(f"run {entry.run_id}: {entry.state}, without a review page; {there_is}")
    say(visible_line(str(entry.page)))
    if arguments.open:
        _open(entry.page)
    if arguments.json:
        verdict = entry.result.verdict.value if entry.result else None
        say(json.dumps({"run_id": entry.run_id, "verdict": verdict, "page": str(entry.page)}))
    return 0


def _open(page: Path) -> None:
    import webbrowser

    if not webbrowser.open(page.resolve().as_uri()):
        tell("ratchet: no browser could be started; open the page by its path")
