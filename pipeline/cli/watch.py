"""`ratchet watch`: a run on each span as it is delivered."""

from __future__ import annotations

import argparse
import contextlib
import datetime
import math
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from ratchet.pipeline.cli.metrics import metrics_option
from ratchet.pipeline.cli.options import add_command, local, needs, option, root_option, settings_options, show
from ratchet.pipeline.root.places import is_remote, uri_of
from ratchet.pipeline.terminal.extras import Extra
from ratchet.pipeline.terminal.program import program
from ratchet.pipeline.terminal.standard_streams import flush_output, note
from ratchet.schemas.base.errors import InputError, RatchetError
from ratchet.schemas.base.termination import Terminated
from ratchet.schemas.base.visible import visible_line

if TYPE_CHECKING:
    from ratchet.components.example_gen.spans import FoundSpan
    from ratchet.pipeline.data.watch import Ran, Watch

_METRICS_EVERY_S = 300.0  # where nothing changes; to read the root each time would cost more than to look


def add_watch_command(commands: Any) -> None:
    """Adds `watch` to the commands."""
    add_command(
        commands,
        "watch",
        _watch,
        "run on each span as it is delivered",
        "Waits for deliveries, and gives `ratchet run` on each span that is whole, the newest first. SIGTERM ends it "
        "with exit code 0; a run that was working goes on when it is started again.",
        needs(Extra.PIPELINE),
        option("data", type=local, metavar="DIR", help="directory of the span-N directories"),
        option("--golden", type=local, metavar="DIR", help="the golden set (default: DIR/golden)"),
        root_option(),
        *settings_options(),
        option("--bootstrap", action="store_true", help="train and serve a first model where none is served yet"),
        option("--every", type=_seconds, default=60.0, metavar="SECONDS", help="between looks (default: 60)"),
        option("--tries", type=_tries, default=3, metavar="N", help="runs on a span that may fail (default: 3)"),
        option("--once", action="store_true", help="look once, run at most once, and end with the run's exit code"),
        metrics_option(),
        examples=(
            "ratchet watch spans                                       # what the root remembers is what runs take",
            "ratchet watch spans --bootstrap --config mobile --every 300",
            "ratchet watch spans --metrics /var/lib/node_exporter/ratchet.prom",
            "ratchet watch spans --once                                # as a scheduler may give it",
        ),
    )


def _seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 < value < math.inf:
        raise argparse.ArgumentTypeError(f"invalid value {text!r}: give seconds, more than 0")
    return value


def _tries(text: str) -> int:
    if not text.isascii() or not text.isdecimal() or len(text) > 6 or int(text) < 1:
        raise argparse.ArgumentTypeError(f"invalid value {text!r}: give a whole number, at least 1")
    return int(text)


def _watch(arguments: argparse.Namespace) -> int:
    from ratchet.pipeline.data.watch import Watch, WatchRequest
    from ratchet.pipeline.past.metrics import check_metrics_file
    from ratchet.pipeline.root.holding import holder_of
    from ratchet.pipeline.root.root_settings import configure_check

    if arguments.metrics is not None:
        check_metrics_file(arguments.metrics)
    settings = configure_check(arguments.root, arguments.config, arguments.set)
    _check_model(arguments)
    request = WatchRequest(
        root=uri_of(arguments.root),
        data=str(arguments.data),
        marker=settings.data.marker,
        every_s=arguments.every,
        tries=arguments.tries,
    )
    watch = Watch(
        request,
        start=lambda span: run_child(run_command(arguments, span)),
        tell=lambda text: note(visible_line(f"ratchet: {text}")),
        holder=lambda: holder_of(arguments.root) if arguments.root.is_dir() else None,
    )
    first = watch.look()  # a directory that is not there, or named wrongly, is a mistake and not waited for
    if arguments.once:
        return _once(arguments, watch, first)
    try:
        _go_on(watch, arguments.every, _Reporter(arguments))
    except Terminated:
        note("ratchet: ended by SIGTERM; the same command goes on where this one was")
        return 0


def _once(arguments: argparse.Namespace, watch: Watch, span: FoundSpan | None) -> int:
    from ratchet.pipeline.past.result import result_text
    from ratchet.pipeline.run.nothing_new import nothing_delivered
    from ratchet.schemas.artifacts.run_result import RUN_RESULT_FORMAT

    report = _Reporter(arguments)
    if span is not None:
        ran = watch.run(span)
        report(watch, ran)
        return ran.exit_code
    result = nothing_delivered(watch.waiting())
    show(arguments, result_text(result), RUN_RESULT_FORMAT.values_of(result))
    report(watch, None)
    return 0


def _go_on(watch: Watch, every_s: float, report: Callable[[Watch, Ran | None], None]) -> NoReturn:
    """For ever; without a wait behind a run, for another span may have come meanwhile."""
    while True:
        ran = watch.step()
        report(watch, ran)
        if ran is None or ran.failed:
            time.sleep(every_s)


def _check_model(arguments: argparse.Namespace) -> None:
    from ratchet.pipeline.root.roots import registry_at

    if not arguments.bootstrap and not _has_model(arguments.root):
        ways = registry_at(arguments.root).ways_to_a_first_model()
        raise InputError(f"no model is served from {uri_of(arguments.root)} yet: {ways}")


def _has_model(root: Path) -> bool:
    from ratchet.pipeline.root.roots import is_root, registry_at

    _refresh(root)
    return is_root(root) and registry_at(root).pointer().served is not None


def run_command(arguments: argparse.Namespace, span: FoundSpan) -> list[str]:
    """The command that a person would give to run on a span.

    Args:
        arguments: of `ratchet watch`.
        span: what it is to run on.
    """
    command = [*program(), "run", "--data", str(arguments.data), "--span", str(span.number)]
    command += ["--root", uri_of(arguments.root), "--only-new"]
    command += ["--golden", str(arguments.golden)] if arguments.golden else []
    command += ["--config", arguments.config] if arguments.config else []
    command += [f"--set={setting}" for setting in arguments.set]
    # A first model is wanted once: whoever asks for one where one is served is told so, and nothing is trained.
    command += ["--bootstrap"] if arguments.bootstrap and not _has_model(arguments.root) else []
    return [*command, *(f"--{name}" for name in ("json", "quiet", "verbose") if getattr(arguments, name))]


def run_child(command: list[str]) -> int:
    """The exit code of a command; SIGTERM and Ctrl-C reach it once, and it has saved what it does by then.

    In a session of its own, for a terminal sends Ctrl-C to all processes of one, and a second one kills.

    Args:
        command: a program and its arguments.
    """
    flush_output()
    child = subprocess.Popen(command, start_new_session=True)
    try:
        return child.wait()
    except KeyboardInterrupt:  # SIGTERM, too
        child.terminate()
        child.wait()
        raise


def _refresh(root: Path) -> None:
    """Fetches what has changed of a remote root meanwhile."""
    if is_remote(root):
        from ratchet.pipeline.root.working_copy import WorkingCopy

        WorkingCopy.of(uri_of(root)).refresh()


class _Reporter:
    """Writes the metrics of a watch, where they are asked for: after runs, when something changes, and now and then."""

    def __init__(self, arguments: argparse.Namespace) -> None:
        self._file: Path | None = arguments.metrics
        self._root: Path = arguments.root
        self._written: tuple[float, int, int] | None = None
        self._last: Ran | None = None

    def __call__(self, watch: Watch, ran: Ran | None) -> None:
        if self._file is None:
            return
        from ratchet.pipeline.past.metrics import CommandEnd, verdict_of, write_metrics

        new, unfinished, now = watch.pending, len(watch.found.unfinished), time.monotonic()
        before = self._written
        if ran is None and before and before[1:] == (new, unfinished) and now - before[0] < _METRICS_EVERY_S:
            return
        with contextlib.suppress(RatchetError):  # of an object store that does not answer: what is known is written
            _refresh(self._root)
        self._last = ran or self._last
        code, decided = (self._last.exit_code, self._last.decided) if self._last else (0, None)
        verdict = verdict_of(self._root, code, decided)
        end = CommandEnd("watch", code, verdict, new, unfinished)
        write_metrics(self._file, self._root, end, datetime.datetime.now(datetime.timezone.utc))
        self._written = (now, new, unfinished)
