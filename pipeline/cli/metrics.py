"""`--metrics FILE`: whatever ends a command, monitoring is told."""

from __future__ import annotations

import argparse
import contextlib
import datetime
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ratchet.pipeline.cli.options import Option, local, option
from ratchet.pipeline.root.places import uri_of
from ratchet.pipeline.terminal.failures import explain
from ratchet.schemas.base.errors import RatchetError

if TYPE_CHECKING:
    from ratchet.schemas.artifacts.decisions import Verdict


@dataclass
class Seen:
    """What a command has come to, as far as it came.

    Attributes:
        verdict: of its run.
        marker: `data.marker` of its settings.
    """

    verdict: Verdict | None = None
    marker: str | None = None


def metrics_option() -> Option:
    """`--metrics`."""
    return option(
        "--metrics",
        type=local,
        metavar="FILE",
        help="write figures for monitoring there, in Prometheus' text format, whatever comes of the command",
    )


def with_metrics(arguments: argparse.Namespace, action: Callable[[Seen], int]) -> int:
    """Carries out a command, and writes its metrics where they are asked for.

    Args:
        arguments: of the command.
        action: the command; notes what it has come to, and gives the exit code.

    Raises:
        InputError: the file cannot be written.
    """
    if arguments.metrics is None:
        return action(Seen())
    from ratchet.pipeline.past.metrics import check_metrics_file

    check_metrics_file(arguments.metrics)
    seen, code = Seen(), 1
    try:
        code = action(seen)
    except BaseException as error:  # Ctrl-C and SIGTERM, too
        code = explain(error).exit_code
        raise
    finally:
        _write(arguments, seen, code)
    return code


def _write(arguments: argparse.Namespace, seen: Seen, code: int) -> None:
    from ratchet.pipeline.data.deliveries import find_deliveries
    from ratchet.pipeline.past.metrics import CommandEnd, write_metrics

    name, data, new, unfinished = arguments.given.split()[1], getattr(arguments, "data", None), None, None
    if data is not None:
        with contextlib.suppress(RatchetError, OSError):  # what is wrong with the data, the command has said
            found = find_deliveries(uri_of(arguments.root), str(data), seen.marker)
            new, unfinished = len(found.new), len(found.unfinished)
    end = CommandEnd(name, code, seen.verdict, new, unfinished)
    write_metrics(arguments.metrics, Path(arguments.root), end, datetime.datetime.now(datetime.timezone.utc))
