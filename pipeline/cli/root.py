"""The commands of `ratchet` on a root that is there: look at it, change what is served, mend it, make room."""

from __future__ import annotations

import argparse
import datetime
import sys
from pathlib import Path
from typing import Any

from ratchet.pipeline.cli.options import add_command, needs, option, person_options, root_option, settings_options, show
from ratchet.pipeline.root.places import named
from ratchet.pipeline.terminal.extras import Extra, require
from ratchet.pipeline.terminal.standard_streams import tell
from ratchet.schemas.artifacts.overrides import OVERRIDE_FORMAT
from ratchet.schemas.base.visible import visible_line


def add_root_commands(commands: Any) -> None:
    """Adds `history`, `status`, `review`, `approve`, `rollback`, `prune` and `doctor` to the commands."""
    root = root_option()
    add_command(
        commands,
        "history",
        _history,
        "all runs, approvals and rollbacks",
        "All runs of a pipeline root, newest last.",
        root,
    )
    add_command(
        commands,
        "status",
        _status,
        "what is served now, and why",
        "What is served, since when and why, and how the last run ended. Exit code 2 for a contradiction.",
        root,
    )
    add_command(
        commands,
        "review",
        _review,
        "the page that explains a run",
        "Prints the path of the review page of a run.",
        option("run", nargs="?", metavar="RUN", help="a run id or its beginning (default: the newest run)"),
        option("--open", action="store_true", help="open it in the browser"),
        root,
    )
    add_command(
        commands,
        "approve",
        _approve,
        "serve the candidate of a blocked run",
        "Serves exactly the candidate that a run has blocked, and logs who took the responsibility.",
        option("run", metavar="RUN", help="the run's id, or its beginning"),
        root,
        *person_options(),
        option("--expires", required=True, metavar="YYYY-MM-DD", help="last day of the approval, at most a year ahead"),
        option("--evaluation-broken", action="store_true", help="approve although the evaluation itself had failed"),
    )
    add_command(
        commands,
        "rollback",
        _rollback,
        "serve an earlier model again",
        "Serves an earlier model under a new version number; those after it are never taken again.",
        option("--to", metavar="VERSION", help="the version to serve again (default: the one before what is served)"),
        root,
        *person_options(),
    )
    add_command(
        commands,
        "prune",
        _prune,
        "delete what old runs left",
        "Deletes artifacts that no later run, approval or rollback reads. Runs do the same when they end.",
        needs(Extra.PIPELINE),
        root,
        *settings_options("a YAML file, or one of ours by name (default: the root's)", "such as retention.runs=5"),
        option("--dry-run", action="store_true", help="only say what would be deleted"),
    )
    add_command(
        commands,
        "doctor",
        _doctor,
        "what is wrong with a pipeline root, and mend it",
        "Looks at a pipeline root and changes nothing, unless --repair is given. Exit code 1 if something is wrong "
        "and was not mended.",
        root,
        option("--repair", action="store_true", help="mend what can be mended without loss"),
        option("--sign-existing", action="store_true", help="sign what was never signed, on your responsibility"),
        option("--by", metavar="NAME", help="who answers for it"),
        option("--reason", metavar="TEXT", help="why, in one line"),
    )


def _history(arguments: argparse.Namespace) -> int:
    import shutil

    from ratchet.pipeline.past.best_served import read_best
    from ratchet.pipeline.past.history import history_text, open_registry, read_history

    registry = open_registry(arguments.root)
    history = read_history(arguments.root, registry.overrides(), read_best(registry, registry.pointer().served))
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    show(arguments, history_text(history, width), history.to_json())
    return 0


def _status(arguments: argparse.Namespace) -> int:
    from ratchet.pipeline.past.status import read_status

    status = read_status(arguments.root, _now().date())
    show(arguments, status.to_text(), status.to_json())
    return status.exit_code


def _review(arguments: argparse.Namespace) -> int:
    from ratchet.pipeline.past.history import find_run, open_registry, read_history
    from ratchet.pipeline.root.holding import whole
    from ratchet.schemas.base.errors import InputError

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
    verdict = entry.result.verdict.value if entry.result else None
    page = whole(arguments.root, entry.page)
    name = named(arguments.root, page)
    values = {"run_id": entry.run_id, "verdict": verdict, "page": name}
    if name != str(page):  # a browser opens the copy
        values["copy"] = str(page)
    show(arguments, visible_line(values.get("copy", name)), values, as_is=True)
    if arguments.open:
        _open(page)
    return 0


def _open(page: Path) -> None:
    import webbrowser

    if not webbrowser.open(page.resolve().as_uri()):
        tell("ratchet: no browser could be started; open the page by its path")


def _approve(arguments: argparse.Namespace) -> int:
    from ratchet.pipeline.serving.approve import ApproveRequest, approve

    request = ApproveRequest(
        run=arguments.run,
        root=arguments.root,
        by=arguments.by,
        reason=arguments.reason,
        expires=arguments.expires,
        evaluation_broken=arguments.evaluation_broken,
    )
    made = approve(request, _now())
    show(arguments, made.to_text(), OVERRIDE_FORMAT.values_of(made))
    return 0


def _rollback(arguments: argparse.Namespace) -> int:
    from ratchet.pipeline.serving.rollback import RollbackRequest, rollback

    made = rollback(RollbackRequest(arguments.root, arguments.by, arguments.reason, arguments.to), _now())
    show(arguments, made.to_text(), OVERRIDE_FORMAT.values_of(made))
    return 0


def _prune(arguments: argparse.Namespace) -> int:
    from ratchet.pipeline.retention.prune import prune
    from ratchet.pipeline.root.root_settings import configure_check

    settings = configure_check(arguments.root, arguments.config, arguments.set)
    pruned = prune(arguments.root, settings.retention, _now(), arguments.dry_run)
    show(arguments, pruned.to_text(), pruned.to_json())
    return 1 if pruned.failures else 0


def _doctor(arguments: argparse.Namespace) -> int:
    from ratchet.pipeline.doctor.doctor import doctor
    from ratchet.pipeline.doctor.signing import Voucher
    from ratchet.schemas.base.errors import InputError

    given = (arguments.sign_existing, arguments.by is not None, arguments.reason is not None)
    if any(given) and not (all(given) and arguments.repair):
        raise InputError(
            "--sign-existing needs --repair, --by NAME and --reason TEXT, and these two belong to it alone"
        )
    if arguments.repair:
        require(Extra.PIPELINE, "`ratchet doctor --repair`")
    voucher = Voucher.of(arguments.by, arguments.reason) if arguments.sign_existing else None
    report = doctor(arguments.root, arguments.repair, _now(), voucher)
    show(arguments, report.to_text(), report.to_json())
    return report.exit_code


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.timezone.utc)
