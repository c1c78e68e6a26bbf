"""The commands of `ratchet` on a root that is there: look at it, change what is served, mend it, make room."""

from __future__ import annotations

import argparse
import datetime
import sys
from pathlib import Path
from typing import Any

from ratchet.pipeline.cli.metrics import metrics_option, with_metrics
from ratchet.pipeline.cli.options import (
    add_command,
    needs,
    option,
    person_options,
    place,
    root_option,
    settings_options,
    show,
)
from ratchet.pipeline.root.places import named
from ratchet.pipeline.terminal.extras import Extra, require
from ratchet.pipeline.terminal.standard_streams import note, tell
from ratchet.schemas.artifacts.overrides import OVERRIDE_FORMAT
from ratchet.schemas.base.visible import visible_line


def add_root_commands(commands: Any) -> None:
    """Adds the commands on a root: `history`, `status`, `review`, `approve`, `rollback` and those after them."""
    root = root_option()
    add_command(
        commands,
        "history",
        _history,
        "all runs, approvals and rollbacks",
        "All runs of a pipeline root, newest last.",
        root,
        option("--open", action="store_true", help="open their index, mAP over time and a table, in the browser"),
        examples=("ratchet history", "ratchet history --open", "ratchet history --root gs://bucket/ratchet --json"),
    )
    add_command(
        commands,
        "status",
        _status,
        "what is served now, and why",
        "What is served, since when and why, and how the last run ended. Exit code 2 for a contradiction.",
        root,
        metrics_option(),
        examples=("ratchet status", "ratchet status --root ratchet-demo/root"),
    )
    add_command(
        commands,
        "review",
        _review,
        "the page that explains a run",
        "Prints the path of the review page of a run, or that of its TFMA report.",
        option("run", nargs="?", metavar="RUN", help="a run id or its beginning (default: the newest run)"),
        option("--tfma", action="store_true", help="the TFMA report: all slices, thresholds and runs"),
        option("--open", action="store_true", help="open it in the browser"),
        root,
        examples=(
            "ratchet review --open            # of the newest run",
            "ratchet review span-3 --root ratchet-demo/root",
        ),
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
        option("--dry-run", action="store_true", help="say what would be done, and change nothing"),
        examples=(
            'ratchet approve span-3 --by Ada --reason "the golden set misses night images" --expires 2027-01-15',
            'ratchet approve span-3 --by Ada --reason "seen by hand" --expires 2027-01-15 --dry-run',
        ),
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
        option("--dry-run", action="store_true", help="say what would be done, and change nothing"),
        examples=(
            'ratchet rollback --by Ada --reason "misses trucks at night"                     # one step back',
            'ratchet rollback --to 1735689600 --by Ada --reason "misses trucks" --dry-run',
        ),
    )
    add_command(
        commands,
        "promote",
        _promote,
        "let clients of `stable` have the canary",
        "Moves the version label `stable` in TensorFlow Serving's model config to the model that is served as "
        "`canary`, and logs who took the responsibility.",
        root,
        *person_options(),
        option("--dry-run", action="store_true", help="say what would be done, and change nothing"),
        examples=('ratchet promote --by Ada --reason "a day on a tenth of the traffic without a complaint"',),
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
        examples=("ratchet prune --dry-run", "ratchet prune --set retention.runs=5 --set retention.days=0"),
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
        option("--metadata", metavar="URL", help="begin ML Metadata anew there, or in `sqlite`: see metadata.url"),
        examples=(
            "ratchet doctor",
            "ratchet doctor --repair",
            'ratchet doctor --repair --sign-existing --by Ada --reason "checked against the backup of 1 March"',
        ),
    )
    add_command(
        commands,
        "shadow",
        _shadow,
        "a candidate beside the served model, on logged requests",
        "Shows logged requests, which nobody has labelled, to the candidate of a run and to the served model: how "
        "often and where they disagree, by camera, hour and class, with pictures.",
        needs(Extra.PIPELINE),
        option("run", metavar="RUN", help="the run's id, or its beginning"),
        root,
        option("--log", type=place, required=True, metavar="DIR", help="logged requests, as of `ratchet log-sample`"),
        option("--limit", type=int, default=500, metavar="N", help="look at the newest N images (default: 500)"),
        option("--score", type=float, metavar="S", help="count from this score on (default: each model's own points)"),
        option("--open", action="store_true", help="open the page in the browser"),
        examples=(
            "ratchet shadow span-3 --log serving-log --open",
            "ratchet shadow span-3 --log serving-log --limit 2000 --score 0.4 --json",
        ),
    )
    add_command(
        commands,
        "diff",
        _diff,
        "two runs beside each other",
        "What differs between two runs: mAP with its interval, classes and slices, settings, training, data, causes.",
        option("first", metavar="RUN_A", help="a run id or its beginning"),
        option("second", metavar="RUN_B", help="the run that is held against it"),
        root,
        option("--open", action="store_true", help="open it as a page in the browser"),
        examples=("ratchet diff span-2 span-3", "ratchet diff span-2 span-3 --open"),
    )


def _history(arguments: argparse.Namespace) -> int:
    import shutil

    from ratchet.pipeline.past.best_served import read_best
    from ratchet.pipeline.past.history import history_text, open_registry, read_history

    registry = open_registry(arguments.root)
    served = registry.pointer().served
    versions = registry.versions()
    history = read_history(arguments.root, registry.overrides(), read_best(registry, served), versions)
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    show(arguments, history_text(history, width), history.to_json())
    if arguments.open:
        _open_index(arguments.root)
    return 0


def _open_index(root: Path) -> None:
    from ratchet.components.pages.trail import INDEX_FILE
    from ratchet.pipeline.past.index import write_index
    from ratchet.schemas.base.errors import InputError

    index = root / "runs" / INDEX_FILE
    try:
        write_index(root)
    except OSError as error:
        if not index.is_file():
            raise InputError(f"{index}: cannot be written ({error.strerror}); make the directory writable") from error
        tell(f"ratchet: {visible_line(str(index))}: cannot be written anew ({error.strerror}); it is opened as it was")
    tell(visible_line(str(index)))
    _open(index)


def _status(arguments: argparse.Namespace) -> int:
    return with_metrics(arguments, lambda _: _show_status(arguments))


def _show_status(arguments: argparse.Namespace) -> int:
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
        note(f"ratchet: the newest run, {newer}, is {newest.state}; {older} is shown")
    if entry.page is None:
        there_is = f"its report is {entry.result.report}" if entry.result else f"its log is {entry.log}"
        raise InputError(f"run {entry.run_id}: {entry.state}, without a review page; {there_is}")
    verdict = entry.result.verdict.value if entry.result else None
    page = whole(arguments.root, entry.page)
    report = whole(arguments.root, entry.tfma) if entry.tfma else None  # also for the page, which links it
    if arguments.tfma and report is None:
        raise InputError(
            f"run {entry.run_id}: without a TFMA report, as where no candidate was measured; its page is {page}"
        )
    opened = report if arguments.tfma and report else page
    name = named(arguments.root, opened)
    values = {"run_id": entry.run_id, "verdict": verdict, "page": named(arguments.root, page)}
    values["tfma"] = named(arguments.root, report) if report else None
    if name != str(opened):  # a browser opens the copy
        values["copy"] = str(opened)
    show(arguments, visible_line(values.get("copy", name) or name), values, as_is=True)
    if arguments.open:
        _open(opened)
    return 0


def _open(page: Path) -> None:
    import webbrowser

    if not webbrowser.open(page.resolve().as_uri()):
        note("ratchet: no browser could be started; open the page by its path")


def _approve(arguments: argparse.Namespace) -> int:
    from ratchet.pipeline.serving.approve import ApproveRequest, approve, rehearse_approval
    from ratchet.pipeline.terminal.console import progress_on

    request = ApproveRequest(
        run=arguments.run,
        root=arguments.root,
        by=arguments.by,
        reason=arguments.reason,
        expires=arguments.expires,
        evaluation_broken=arguments.evaluation_broken,
    )
    if arguments.dry_run:
        planned = rehearse_approval(request, _now())
        show(arguments, planned.to_text(), planned.to_json())
        return 0
    with progress_on(sys.stderr):
        made = approve(request, _now())
    show(arguments, made.to_text(), OVERRIDE_FORMAT.values_of(made))
    return 0


def _rollback(arguments: argparse.Namespace) -> int:
    from ratchet.pipeline.serving.rollback import RollbackRequest, rehearse_rollback, rollback
    from ratchet.pipeline.terminal.console import progress_on

    request = RollbackRequest(arguments.root, arguments.by, arguments.reason, arguments.to)
    if arguments.dry_run:
        planned = rehearse_rollback(request, _now())
        show(arguments, planned.to_text(), planned.to_json())
        return 0
    with progress_on(sys.stderr):
        made = rollback(request, _now())
    show(arguments, made.to_text(), OVERRIDE_FORMAT.values_of(made))
    return 0


def _promote(arguments: argparse.Namespace) -> int:
    from ratchet.pipeline.serving.promote import PromoteRequest, promote
    from ratchet.schemas.artifacts.promotions import PROMOTION_FORMAT

    request = PromoteRequest(arguments.root, arguments.by, arguments.reason)
    made = promote(request, _now(), arguments.dry_run)
    text = f"Nothing was changed. Would do:\n{made.to_text()}" if arguments.dry_run else made.to_text()
    show(arguments, text, {**PROMOTION_FORMAT.values_of(made), "dry_run": arguments.dry_run})
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
    from ratchet.pipeline.doctor.store_change import WantedStore
    from ratchet.schemas.base.errors import InputError

    given = (arguments.sign_existing, arguments.by is not None, arguments.reason is not None)
    if any(given) and not (all(given) and arguments.repair):
        raise InputError(
            "--sign-existing needs --repair, --by NAME and --reason TEXT, and these two belong to it alone"
        )
    if arguments.metadata is not None and not arguments.repair:
        raise InputError("--metadata needs --repair: it begins a new ML Metadata store")
    if arguments.repair:
        require(Extra.PIPELINE, "`ratchet doctor --repair`")
    store = WantedStore.of(arguments.metadata) if arguments.metadata is not None else None
    voucher = Voucher.of(arguments.by, arguments.reason) if arguments.sign_existing else None
    report = doctor(arguments.root, arguments.repair, _now(), voucher, store)
    show(arguments, report.to_text(), report.to_json())
    return report.exit_code


def _shadow(arguments: argparse.Namespace) -> int:
    from ratchet.components.run_pages.shadow_content import to_json, to_text
    from ratchet.pipeline.serving.shadow import ShadowRequest, shadow
    from ratchet.pipeline.serving.shadow_file import write_shadow_page

    request = ShadowRequest(arguments.run, arguments.root, arguments.log, arguments.limit, arguments.score)
    report = shadow(request)
    page = write_shadow_page(arguments.root, report)
    name = named(arguments.root, page)
    show(arguments, f"{to_text(report)}\npage: {visible_line(name)}", {**to_json(report), "page": name})
    if arguments.open:
        _open(page)
    return 0


def _diff(arguments: argparse.Namespace) -> int:
    import shutil

    from ratchet.components.run_pages.diff_content import to_json
    from ratchet.components.run_pages.diff_page import diff_page
    from ratchet.pipeline.past.diff import page_name, read_diff
    from ratchet.pipeline.past.diff_text import diff_text
    from ratchet.schemas.base.errors import InputError
    from ratchet.schemas.base.files import write_durably

    diff = read_diff(arguments.root, arguments.first, arguments.second)
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    show(arguments, diff_text(diff, width), to_json(diff))
    if arguments.open:
        page = arguments.root / "runs" / page_name(diff)
        try:
            write_durably(page, diff_page(diff))
        except OSError as error:
            raise InputError(f"{page}: cannot be written ({error.strerror}); make the directory writable") from error
        tell(visible_line(str(page)))
        _open(page)
    return 0


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.timezone.utc)
