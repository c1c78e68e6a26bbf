"""Options that several commands have, and the type of every option that names a place."""

from __future__ import annotations

import argparse
import os
import re
import shlex
from pathlib import Path

from pipeline.root import DEFAULT_ROOT, ROOT_VARIABLE

_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:/")  # gs://, file:/: a path of this machine never begins so


def add_root(parser: argparse.ArgumentParser, what: str = "pipeline root") -> None:
    """Adds `--root`, whose default the environment gives.

    Args:
        parser: of the command.
        what: its help.
    """
    parser.add_argument(
        "--root",
        type=local,
        # A text and not a Path, so that argparse checks it as if it had been given.
        default=os.environ.get(ROOT_VARIABLE) or DEFAULT_ROOT,
        metavar="DIR",
        help=f"{what} (default: ${ROOT_VARIABLE}, or ./{DEFAULT_ROOT} where that is not set)",
    )


def with_root(command: str, root: Path) -> str:
    """A command that means the same in a shell without `RATCHET_ROOT`.

    Args:
        command: what was given.
        root: the root that it meant.
    """
    named = any(part == "--root" or part.startswith("--root=") for part in shlex.split(command))
    return command if named or not os.environ.get(ROOT_VARIABLE) else f"{command} --root {shlex.quote(str(root))}"


def local_name(text: str) -> str:
    """The type of an option that takes a path of this machine or a name.

    Raises:
        argparse.ArgumentTypeError: it is empty or a URI, which `Path` would take for a directory called `gs:`.
    """
    if not text:
        raise argparse.ArgumentTypeError("is empty; give a path")
    if _URI.match(text):
        source = f" (from {ROOT_VARIABLE})" if text == os.environ.get(ROOT_VARIABLE) else ""
        raise argparse.ArgumentTypeError(
            f"{text}{source} is a URI, and this command works on directories of this machine: give a path; "
            "for object stores see docs/kubeflow.md"
        )
    return text


def local(text: str) -> Path:
    """The type of an option that takes a path of this machine.

    Raises:
        argparse.ArgumentTypeError: see `local_name`.
    """
    return Path(local_name(text))
