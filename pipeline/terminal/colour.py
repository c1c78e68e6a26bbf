"""Colour for a person at a terminal: never in a file, a pipe or JSON.

NO_COLOR (https://no-color.org) comes before FORCE_COLOR (https://force-color.org), as in Python's own tools.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import IO, Any

_GREEN, _RED, _YELLOW, _BOLD = "32", "31", "33", "1"
_WORDS = {
    **dict.fromkeys(("PUSHED", "BOOTSTRAPPED", "APPROVED", "ADOPTED", "PASS"), _GREEN),
    **dict.fromkeys(("BLOCKED", "INCONCLUSIVE", "DATA_REJECTED", "REJECT", "CRASHED", "UNKNOWN"), _RED),
    **dict.fromkeys(("NOTHING_NEW", "WARN", "ROLLED_BACK"), _YELLOW),
}
_VERDICT = re.compile(rf"(?<![\w-])({'|'.join(_WORDS)})(?![\w-])")
_HEADING = re.compile(r"^(usage|positional arguments|options|optional arguments|examples|commands):", re.MULTILINE)


def is_coloured(stream: IO[Any] | None, environment: Mapping[str, str] = os.environ) -> bool:
    """Whether what is written to a stream is to be in colour.

    Args:
        stream: standard output or error.
        environment: that of the process.
    """
    if environment.get("NO_COLOR"):
        return False
    if environment.get("FORCE_COLOR"):
        return environment["FORCE_COLOR"] != "0"
    return is_terminal(stream, environment)


def is_terminal(stream: IO[Any] | None, environment: Mapping[str, str] = os.environ) -> bool:
    """Whether a stream is a terminal that can do more than print lines."""
    if environment.get("TERM") == "dumb" or stream is None:
        return False
    try:
        return stream.isatty()
    except ValueError:  # it is closed
        return False


def painted(text: str) -> str:
    """A result with its verdicts in colour.

    >>> painted("BLOCKED: mAP fell")
    '\\x1b[31mBLOCKED\\x1b[0m: mAP fell'
    """
    return _VERDICT.sub(lambda found: _in(_WORDS[found[1]], found[1]), text)


def painted_help(text: str) -> str:
    """A help text with its headings bold."""
    return _HEADING.sub(lambda found: _in(_BOLD, found[0]), text)


def painted_error(text: str) -> str:
    """An error with the program's name, which it begins with, in red.

    >>> painted_error("ratchet: no such file")
    '\\x1b[31mratchet:\\x1b[0m no such file'
    """
    name, colon, rest = text.partition(": ")
    return f"{_in(_RED, name + ':')} {rest}" if colon else text


def _in(code: str, text: str) -> str:
    return f"\x1b[{code}m{text}\x1b[0m"
