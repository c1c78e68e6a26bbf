"""Shares of few cases, and what they say of many; pure."""

from __future__ import annotations

import math
from dataclasses import dataclass

_Z = 1.959964  # two-sided 95 % of a standard normal


@dataclass(frozen=True)
class Share:
    """So many of so many.

    Attributes:
        hits: a mean over many draws is no whole number.
        n: cases.
    """

    hits: float
    n: int

    @property
    def value(self) -> float | None:
        """0..1; None of no case."""
        return self.hits / self.n if self.n else None

    @property
    def interval(self) -> tuple[float, float]:
        """95 % interval of Wilson (Journal of the American Statistical Association 22, 1927), without a correction.

        >>> [round(end, 3) for end in Share(0, 60).interval], Share(0, 0).interval
        ([0.0, 0.06], (0.0, 1.0))
        """
        if not self.n:
            return 0.0, 1.0
        share, z2 = self.hits / self.n, _Z * _Z / self.n
        middle = (share + z2 / 2) / (1 + z2)
        half = math.sqrt(share * (1 - share) * z2 + z2 * z2 / 4) / (1 + z2)
        return max(0.0, middle - half), min(1.0, middle + half)

    @property
    def short(self) -> str:
        """Without the interval.

        >>> Share(3, 4).short, Share(0, 0).short
        ('3/4 75 %', '-')
        """
        return f"{_count(self.hits)}/{self.n} {100 * self.hits / self.n:.0f} %" if self.n else "-"

    def __str__(self) -> str:
        if not self.n:
            return "no case"
        lo, hi = self.interval
        return f"{_count(self.hits)} of {self.n}: {100 * self.hits / self.n:.0f} % [{100 * lo:.0f}, {100 * hi:.0f}]"


def _count(hits: float) -> str:
    return f"{hits:.0f}" if float(hits).is_integer() else f"{hits:.1f}"


def chance_of(hits: int, n: int, share: float) -> float:
    """Probability of so many hits or more among n, each by itself a hit with that probability.

    >>> round(chance_of(8, 10, 0.5), 4), chance_of(0, 10, 0.5), chance_of(0, 0, 0.5)
    (0.0547, 1.0, 1.0)
    """
    return min(1.0, sum(math.comb(n, k) * share**k * (1 - share) ** (n - k) for k in range(hits, n + 1)))
