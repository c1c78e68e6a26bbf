"""What the 95 % interval of a difference says: whether there is one, and how small a one would be found; pure.

A difference whose interval contains 0 is no rise and no fall, however many digits it has: another golden set of the
same kind could have shown the opposite. So nobody is told that something fell before `clarity` says that it did.
"""

from __future__ import annotations

import enum

from ratchet.schemas.base.formatting import difference, difference_with_interval

Interval = tuple[float, float]
NO_DIFFERENCE = "no measurable difference"
# Standard normal quantiles: of a two-sided test at 5 %, and of 80 % power. Their sum, 2.80 standard errors, is the
# minimum detectable difference of sample size formulas (Lachin, Controlled Clinical Trials 2, 1981).
_SURE, _POWER = 1.959964, 0.841621


class Clarity(enum.Enum):
    """What is known of a difference's sign."""

    CLEAR = "the interval leaves 0 out"
    NOISE = "the interval contains 0"
    UNKNOWN = "there is no interval"


def clarity(ends: Interval | None) -> Clarity:
    """Whether a difference is one.

    >>> [clarity(ends).name for ends in ((-0.2, -0.1), (-0.2, 0.0), (0.0, 0.0), None)]
    ['CLEAR', 'NOISE', 'NOISE', 'UNKNOWN']
    """
    if ends is None:
        return Clarity.UNKNOWN
    return Clarity.NOISE if ends[0] <= 0 <= ends[1] else Clarity.CLEAR


def minimum_detectable(ends: Interval | None) -> float | None:
    """The smallest true difference that images like these show: found in 8 of 10 golden sets of their size.

    Taken from the interval, which is 1.96 standard errors to either side or, with few independent units, as many more
    as Student's t has, so that all who know the interval alone say the same. It holds for two models that differ as
    these do: the more alike they are, the less hides a difference.

    Args:
        ends: 95 % interval of the difference between two models on the same images.

    Returns:
        2.80 standard errors: 95 % confidence, two-sided, and 80 % power. None without an interval, or where it has no
        width, as that of a model and itself.

    >>> round(minimum_detectable((-0.0196, 0.0196)), 4), minimum_detectable((0.0, 0.0)), minimum_detectable(None)
    (0.028, None, None)
    """
    if ends is None or ends[1] <= ends[0]:
        return None
    return (ends[1] - ends[0]) / 2 * (_SURE + _POWER) / _SURE


def detectable(value: float) -> str:
    """A minimum detectable difference; it is an estimate, so two digits.

    >>> detectable(0.01312), detectable(0.2), detectable(0.00042)
    ('0.013', '0.20', '0.00042')
    """
    return f"{value:#.2g}"


def measured(value: float | None, ends: Interval | None) -> str:
    """A difference as what it is, with its interval.

    >>> measured(-0.0002, (-0.0083, 0.0084)), measured(-0.2, (-0.3, -0.1)), measured(-0.2, None)
    ('no measurable difference: -0.0002 [-0.0083, +0.0084]', '-0.2000 [-0.3000, -0.1000]', '-0.2000')
    """
    shown = difference_with_interval(value, ends)
    return f"{NO_DIFFERENCE}: {shown}" if clarity(ends) is Clarity.NOISE else shown


def found(text: str, value: float, ends: Interval | None) -> str:
    """A score and how far it is from what it was compared with.

    >>> found("0.1460", -0.0002, (-0.0083, 0.0084)), found("0.4000", -0.2, (-0.3, -0.1))
    ('0.1460, no measurable difference: -0.0002 [-0.0083, +0.0084]', '0.4000 (-0.2000)')
    """
    return f"{text}, {measured(value, ends)}" if clarity(ends) is Clarity.NOISE else f"{text} ({difference(value)})"
