"""What a command says while it works: nothing but warnings, the usual, or what it works with and what it took too."""

from __future__ import annotations

import argparse
import contextlib
import os
import platform
import resource
import sys
import time
from collections.abc import Iterator

from ratchet import __version__
from ratchet.pipeline.terminal.arguments import verbosity_of
from ratchet.pipeline.terminal.console import progress_on
from ratchet.pipeline.terminal.standard_streams import detail
from ratchet.pipeline.terminal.verbosity import Verbosity, speaking, verbosity
from ratchet.schemas.base.formatting import duration, size
from ratchet.schemas.base.visible import visible_line


@contextlib.contextmanager
def in_its_words(arguments: argparse.Namespace) -> Iterator[None]:
    """Has a command say as much as `--quiet` and `--verbose` ask for.

    Args:
        arguments: of the command.
    """
    with speaking(verbosity_of(arguments)):
        if verbosity() < Verbosity.VERBOSE:
            yield
            return
        started = time.monotonic()
        detail(f"ratchet {__version__}, Python {platform.python_version()}, in {visible_line(os.getcwd())}")
        if getattr(arguments, "root", None) is not None:
            detail(f"root: {visible_line(str(arguments.root))}")
        with progress_on(sys.stderr):
            yield
        most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
        detail(f"took {duration(time.monotonic() - started)}, and {size(most)} of memory at most")
