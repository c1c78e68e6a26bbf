"""Axes of charts: which values one spans, where its round marks are, and what is written at them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

_MOST_TICKS = 6
_MOST_DECIMALS = 15
# A span narrower than this part of its values is no more than their rounding.
_NARROWEST = 1e-9
_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


@dataclass(frozen=True)
class Scale:
    """A linear or logarithmic axis.

    Attributes:
        low: the least value.
        high: the largest value, above `low`.
        ticks: the values to mark, ascending.
        log: whether equal factors are equally far; all values are then above 0.
    """

    low: float
    high: float
    ticks: tuple[float, ...]
    log: bool = False

    def share(self, value: float) -> float:
        """How far along the axis a value lies, 0..1; one beyond the axis lies at its end."""
        inside = max(self.low, min(value, self.high))
        if self.log:
            return math.log(inside / self.low) / math.log(self.high / self.low)
        return (inside - self.low) / (self.high - self.low)

    def texts(self) -> list[str]:
        """What is written at the ticks."""
        if not self.log:
            return tick_texts(self.ticks)
        plain = all(1e-3 <= tick < 1e6 for tick in self.ticks)
        return [f"{tick:,.6g}" if plain else _with_power(tick) for tick in self.ticks]


def linear_scale(values: Sequence[float], whole: bool = False, roomy: bool = False) -> Scale:
    """A linear axis on which all values are seen.

    Args:
        values: finite and at most 1e100; without any, the axis goes from 0 to 1.
        whole: only whole numbers are marked.
        roomy: the axis begins and ends at a mark.
    """
    low, high = _span(values, whole)
    step, first, last = _round_steps(low, high, whole, roomy)
    # Rounded, so that 3 * 0.1 is 0.3; + 0.0 makes a plain zero of a negative one.
    digits = 3 - math.floor(math.log10(step))
    ticks = tuple(round(i * step, digits) + 0.0 for i in range(first, last + 1))
    return Scale(min(low, *ticks[:1]), max(high, *ticks[-1:]), ticks) if ticks else Scale(low, high, ())


def log_scale(values: Sequence[float]) -> Scale:
    """A logarithmic axis on which all values are seen.

    Args:
        values: above 0 and at most 1e100; without any, the axis goes from 1 to 10.
    """
    low, high = (min(values), max(values)) if values else (1.0, 10.0)
    if high <= low * (1 + _NARROWEST):
        low, high = low / 2, high * 2
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    for multiples, every in (((1, 2, 5), 1), ((1, 3), 1), *(((1,), n) for n in (1, 2, 3, 4, 5, 10, 20, 50))):
        ticks = tuple(float(f"{m}e{p}") for p in powers if p % every == 0 for m in multiples)
        inside = tuple(tick for tick in ticks if low <= tick <= high)
        if len(inside) <= _MOST_TICKS:
            break
    return Scale(low, high, inside if len(inside) > 1 else linear_scale((low, high)).ticks, log=True)


def tick_texts(ticks: Sequence[float]) -> list[str]:
    r"""Marks of a linear axis as text, all with the decimals that the finest of them needs.

    >>> tick_texts([0.0, 0.25, 0.5]), tick_texts([-20000.0, 0.0]), tick_texts([0.0, 0.0002])
    (['0', '0.25', '0.50'], ['\u221220,000', '0'], ['0', '2·10⁻⁴'])
    """
    largest = max((abs(tick) for tick in ticks), default=0.0)
    if 0 < largest < 1e-3 or (largest >= 1e6 and all(len(_with_power(tick)) <= 8 for tick in ticks)):
        return [_with_power(tick) for tick in ticks]
    exact = (d for d in range(_MOST_DECIMALS) if all(abs(round(t, d) - t) <= _NARROWEST * largest for t in ticks))
    decimals = next(exact, _MOST_DECIMALS)
    return [f"{tick:,.{decimals}f}".replace("-", "\N{MINUS SIGN}") if tick else "0" for tick in ticks]


def _span(values: Sequence[float], whole: bool) -> tuple[float, float]:
    """The least and the largest value, parted if they are the same."""
    low, high = (min(values), max(values)) if values else (0.0, 1.0)
    size = max(abs(low), abs(high))
    if high - low > _NARROWEST * size:
        return low, high
    around = 0.5 if whole or not size else 0.1 * size
    return (low - around, high + around) if low - around < high + around else (low - size, high + size)


def _round_steps(low: float, high: float, whole: bool, roomy: bool) -> tuple[float, int, int]:
    """The finest round step that makes few marks, and which multiples of it are the first and the last."""
    power = 10.0 ** math.floor(math.log10((high - low) / _MOST_TICKS))
    step, first, last = power, 0, _MOST_TICKS
    for step in (max(power * multiple, 1.0 if whole else 0.0) for multiple in (1, 2, 5, 10, 20)):
        # A hair's breadth beside a mark is at the mark.
        first, last = math.ceil(low / step - 1e-6), math.floor(high / step + 1e-6)
        if roomy:
            first, last = math.floor(low / step + 1e-6), math.ceil(high / step - 1e-6)
        if last - first < _MOST_TICKS + roomy:
            break
    return step, first, last


def _with_power(value: float) -> str:
    """A value as 2·10⁻⁴, with the digits it needs."""
    if not value or 1 <= abs(value) < 100:
        return f"{value:g}".replace("-", "\N{MINUS SIGN}")
    mantissa, _, power = f"{abs(value):.12e}".partition("e")
    factor = mantissa.rstrip("0").rstrip(".")
    sign = "\N{MINUS SIGN}" if value < 0 else ""
    return sign + ("" if factor == "1" else f"{factor}·") + f"10{str(int(power)).translate(_SUPERSCRIPTS)}"
