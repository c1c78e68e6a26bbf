"""Figures, lists and times as people read them, the same in a terminal, a mail, a reason and a page; pure text.

What comes out is not escaped. `number` and `minus` set a true minus sign, for pages; everything else stays with ASCII,
which every terminal and log can show.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

MISSING = "-"  # where there is no figure
_BYTE_UNITS = ("kB", "MB", "GB", "TB")


def score(value: float | None, missing: str = MISSING) -> str:
    """An AP or mAP; COCO's -1, where there is no ground truth, and NaN are no figures.

    >>> score(0.56458), score(-1.0), score(None), score(-1.0, "undefined")
    ('0.5646', '-', '-', 'undefined')
    """
    return f"{value:.4f}" if value is not None and value >= 0 else missing


def difference(value: float | None, missing: str = MISSING) -> str:
    """A difference of two scores, with its sign.

    >>> difference(0.01), difference(-0.16258), difference(None)
    ('+0.0100', '-0.1626', '-')
    """
    return missing if value is None else f"{value:+.4f}"


def interval(ends: tuple[float, float] | None, missing: str = MISSING) -> str:
    """Both ends of a difference's interval.

    >>> interval((-0.02, 0.01)), interval(None)
    ('[-0.0200, +0.0100]', '-')
    """
    return missing if ends is None else f"[{ends[0]:+.4f}, {ends[1]:+.4f}]"


def difference_with_interval(
    value: float | None, ends: tuple[float, float] | None = None, missing: str = MISSING
) -> str:
    """A difference of two scores and, if there is one, its interval.

    >>> difference_with_interval(-0.01, (-0.02, 0.0)), difference_with_interval(-0.01)
    ('-0.0100 [-0.0200, +0.0000]', '-0.0100')
    """
    if value is None or ends is None:
        return difference(value, missing)
    return f"{difference(value)} {interval(ends)}"


def number(value: float) -> str:
    r"""Three significant digits.

    >>> [number(value) for value in (0.123456, -12.0, 1234.5, float("nan"))]
    ['0.123', '\u221212', '1,230', 'unknown']
    """
    if not math.isfinite(value):
        return "unknown"
    return minus(f"{value:.3g}" if abs(value) < 999.5 else f"{float(f'{value:.3g}'):,.0f}")


def percent(share: float) -> str:
    """A share, 0..1.

    >>> percent(0.12345), percent(0.0123), percent(0.05), percent(0.00001), percent(0.0), percent(1.0)
    ('12 %', '1.2 %', '5 %', '< 0.1 %', '0 %', '100 %')
    """
    if 0 < share < 0.001:
        return "< 0.1 %"
    return f"{100 * share:.1f}".removesuffix(".0") + " %" if 0 < share < 0.0995 else f"{100 * share:.0f} %"


def minus(text: str) -> str:
    r"""Figures with a minus sign instead of a hyphen.

    >>> minus("-0.1 to +0.2")
    '\u22120.1 to +0.2'
    """
    return text.replace("-", "\N{MINUS SIGN}")


def many(count: int, thing: str) -> str:
    """A number of things.

    >>> many(1, "image"), many(1200, "box"), many(2, "entry"), many(5, "push")
    ('1 image', '1,200 boxes', '2 entries', '5 pushes')
    """
    return f"{count:,} {thing if count == 1 else _plural(thing)}"


def _plural(thing: str) -> str:
    if thing.endswith("y"):
        return f"{thing[:-1]}ies"
    return thing + ("es" if thing.endswith(("x", "s", "sh")) else "s")


def listed(items: Sequence[object], most: int, separator: str = ", ") -> str:
    """The first items, and how many more there are.

    >>> listed(["a", "b"], 2), listed(["a", "b", "c", "d"], 2), listed([1, 2, 3], 1, "; ")
    ('a, b', 'a, b and 2 more', '1 and 2 more')
    """
    return separator.join(map(str, items[:most])) + and_more(len(items) - most)


def and_more(count: int) -> str:
    """The end of a list that was cut; empty if nothing was.

    >>> and_more(1200), and_more(0), and_more(-3)
    (' and 1,200 more', '', '')
    """
    return f" and {count:,} more" if count > 0 else ""


def joined(words: Sequence[str]) -> str:
    """All words as a sentence names them.

    >>> joined(["a"]), joined(["a", "b"]), joined(["a", "b", "c"])
    ('a', 'a and b', 'a, b and c')
    """
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def capital(text: str) -> str:
    """A text with a capital at its beginning, but for the name mAP.

    >>> capital("two boxes"), capital("mAP fell")
    ('Two boxes', 'mAP fell')
    """
    return text if text.startswith("mAP") else text[:1].upper() + text[1:]


def size(size_bytes: int) -> str:
    """A size with three digits or fewer.

    >>> size(0), size(4096), size(28_400_000), size(3_210_000_000)
    ('0 kB', '4 kB', '28 MB', '3.2 GB')
    """
    value = size_bytes / 1000
    for unit in _BYTE_UNITS:
        if value < 999.5 or unit == _BYTE_UNITS[-1]:
            break
        value /= 1000
    return f"{value:.1f} {unit}" if 0 < value < 9.95 and unit != "kB" else f"{value:.0f} {unit}"


def megabytes(size_bytes: float) -> str:
    """A size in the unit in which models are compared.

    >>> megabytes(412_345), megabytes(28_440_000)
    ('0.412 MB', '28.4 MB')
    """
    return f"{number(size_bytes / 1e6)} MB"


def duration(seconds: float) -> str:
    """Short text of a duration.

    >>> duration(7.2), duration(75), duration(3700)
    ('7 s', '1:15', '1:01:40')
    """
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    hours, rest = divmod(whole, 3600)
    return f"{hours}:{rest // 60:02}:{rest % 60:02}" if hours else f"{rest // 60}:{rest % 60:02}"


def minute(moment: str) -> str:
    """A moment as our files have it (UTC, ISO 8601), to the minute.

    >>> minute("2030-01-31T12:34:56+00:00")
    '2030-01-31 12:34'
    """
    return moment[:16].replace("T", " ")
