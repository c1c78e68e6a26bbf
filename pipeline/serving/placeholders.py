"""What a person was to replace in a command to copy, and did not: no name and no reason for a log."""

from __future__ import annotations

import re

# What our own pages and messages print begins with this word, in capitals; `Replaced the golden set` is a reason.
MARK = "REPLACE"
_LEFT = re.compile(
    r"<.*>|\[.*\]|\{.*\}"  # <why>
    r"|\$\w+|\$\{\w+\}"  # a variable that the shell left as it is, in single quotes
    r"|why|who|reason|text|name|your[ _-]?name|(?:say|state|write|your|the) (?:why|who|reason|name)\b.*"
    r"|todo|fixme|tbd|x{3,}|[.?\u2026_-]+",
    re.IGNORECASE | re.DOTALL,
)


def is_placeholder(text: str) -> bool:
    """Whether this stands for what a person was to say.

    Args:
        text: what was given, without blanks at its ends.

    >>> [is_placeholder(text) for text in ("REPLACE: why", "WHY", "<why>", "say why: ...", "$USER", "...")]
    [True, True, True, True, True, True]
    >>> [is_placeholder(text) for text in ("Replaced the golden set", "why not", "misses trucks <at night>", "r")]
    [False, False, False, False]
    """
    return text.startswith(MARK) or _LEFT.fullmatch(text) is not None
