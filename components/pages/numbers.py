"""Figures as pages show them: one minus sign, one style of percent, of intervals and of digits; not yet escaped."""

from __future__ import annotations

import re

from ratchet.schemas.base.formatting import difference, minus, minute, number, percent
from ratchet.schemas.base.formatting import score as plain_score

NOTHING = "\N{EN DASH}"  # where there is no figure


def score(value: float | None) -> str:
    r"""An AP or mAP.

    >>> score(0.56458), score(-1.0), score(None)
    ('0.5646', '\u2013', '\u2013')
    """
    return plain_score(value, NOTHING)


def change(value: float | None) -> str:
    r"""A difference of scores with its sign.

    >>> change(-0.1626), change(0.0), change(None)
    ('\u22120.1626', '+0.0000', '\u2013')
    """
    return minus(difference(value, NOTHING))


def interval(ends: tuple[float, float] | None) -> str:
    r"""Both ends of a difference's interval.

    >>> interval((-0.17, -0.15)), interval(None)
    ('\u22120.1700 to \u22120.1500', '\u2013')
    """
    return NOTHING if not ends else f"{change(ends[0])} to {change(ends[1])}"


def when(moment: str) -> str:
    """A time in UTC, to the minute.

    >>> when("2026-11-26T07:29:30+00:00")
    '2026-11-26 07:29 UTC'
    """
    return f"{minute(moment)} UTC"


_ENDS = re.compile(r"(interval )?\[([+-][\d.]+), ([+-][\d.]+)\]")
_SIGN = re.compile(r"(?<![\w./:-])-(?=\d)")


def figures(text: str) -> str:
    r"""A text that terminals show too, with the minus signs and the intervals of a page.

    >>> figures("0.58 (-0.1465), 95 % interval [-0.16, +0.01]; see cam-1.jpg"), figures("by -0.1 [-0.2, -0.1]")
    ('0.58 (\u22120.1465), 95 % interval \u22120.16 to +0.01; see cam-1.jpg', 'by \u22120.1 (\u22120.2 to \u22120.1)')
    """
    told = _ENDS.sub(lambda ends: f"{ends[1]}{ends[2]} to {ends[3]}" if ends[1] else f"({ends[2]} to {ends[3]})", text)
    return _SIGN.sub("\N{MINUS SIGN}", told)


def megabytes(size_bytes: float) -> str:
    """A size in the unit in which models are compared.

    >>> megabytes(28_440_000)
    '28.4 MB'
    """
    return f"{number(size_bytes / 1e6)} MB"


FILTERS = {
    "score": score,
    "change": change,
    "interval": interval,
    "when": when,
    "number": number,
    "percent": percent,
    "megabytes": megabytes,
    "minus": minus,
    "figures": figures,
}
