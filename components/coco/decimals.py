"""Decimal numbers in a text -> int64 and float64, all of them at once; equal to `int` and `float`, to the last bit.

Eight digits are one word of 64 bits, which three multiplications turn into their value (Lemire, "Number parsing at a
gigabyte per second", Software: Practice and Experience 51, 2021). A decimal is an integer divided by a power of ten. Up
to 2^53 and 10^22 both are exact in float64, so that the quotient is rounded once (Clinger, "How to read floating point
numbers accurately", PLDI 1990). Longer ones are divided in 80 bits, where these are to be had, and what could then be
rounded twice to another value is left to the JSON parser.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import orjson

# What a number is made of here: a slash stands for the e of an exponent, two for e+. JSON has none among digits.
DIGITS = b"-./0123456789"

_ZEROS, _DOTS = np.uint64(0x3030303030303030), np.uint64(0x2E2E2E2E2E2E2E2E ^ 0x3030303030303030)
_LOW, _HIGH = np.uint64(0x0101010101010101), np.uint64(0x8080808080808080)
_ABOVE_NINE = np.uint64(0x7676767676767676)  # added to a byte above 9 it sets the highest bit
_PLACES = np.uint64(0x0706050403020100)
_PAIRS, _FOURS, _EIGHTS = (np.uint64(v) for v in (0x00FF00FF00FF00FF, 0x0000FFFF0000FFFF, 0x00000000FFFFFFFF))
_POWERS = 10 ** np.arange(20, dtype=np.uint64)
_MOST_PLACES = 22
_FLOATS = np.array([float(f"1e{places}") for places in range(_MOST_PLACES + 1)])
_LONG_FLOATS = np.cumprod(np.array([1] + [10] * _MOST_PLACES, np.longdouble))
_MOST_DIGITS = 18  # of an integer that is sure to fit into int64
_MOST_CHARACTERS = 24  # of a decimal: three words
_MOST_ABOVE = 999  # in the highest of them, so that digits and point, as a digit, fit into uint64
_EXACT = 1 << 53
_WORD = 8
# Of a word, by how many characters are left of a number: at 8 and more, none.
_UNUSED_BITS = np.array([64 - 8 * left for left in range(_WORD + 1)], np.uint64)
# Bits that an 80 bit float has more than a float64; without them there is no telling what would be rounded twice.
_HAS_80_BITS = np.finfo(np.longdouble).nmant == 63


def integers(text: bytes, starts: np.ndarray, ends: np.ndarray) -> np.ndarray | None:
    """The integers of a text.

    Args:
        text: of ASCII characters.
        starts: [n] int64, where each begins, behind 8 other characters at least.
        ends: [n] int64, where each ends; after `starts`.

    Returns:
        [n] int64; None if one is no integer as JSON has it, or too large.

    >>> integers(b'{"ids": [12,-7]', np.array([9, 12]), np.array([11, 14]))
    array([12, -7])
    """
    read = _digits(text, starts, ends, _MOST_DIGITS)
    if not read.is_plain.all() or read.has_point.any():
        return None
    values = read.digits.astype(np.int64)
    return np.where(read.is_negative, -values, values)


def decimals(text: bytes, starts: np.ndarray, ends: np.ndarray) -> np.ndarray | None:
    """The numbers of a text; see `integers`.

    Returns:
        [n] float64, finite; None if one is no number as JSON has it, but with slashes.

    >>> decimals(b'{"numbers": [1.5,-0.1]', np.array([13, 17]), np.array([16, 21]))
    array([ 1.5, -0.1])
    """
    read = _digits(text, starts, ends, _MOST_CHARACTERS)
    # Digits and point are less than 10^19: with more places there is nothing before the point.
    whole = read.digits // _POWERS.take(np.minimum(read.places + read.has_point, len(_POWERS) - 1))
    mantissa = read.digits - np.uint64(9) * whole * _POWERS.take(read.places, mode="clip") * read.has_point.view(
        np.uint64
    )
    values = mantissa.astype(np.float64) / _FLOATS.take(read.places)
    rest = ~read.is_plain
    large = np.flatnonzero(mantissa > _EXACT)
    if large.size:
        values[large], is_doubtful = _divided(mantissa[large], read.places[large])
        rest[large] |= is_doubtful
    np.negative(values, where=read.is_negative, out=values)
    if rest.any():
        rows = np.flatnonzero(rest)
        spelled = [text[start:end] for start, end in zip(starts[rows].tolist(), ends[rows].tolist())]
        exact = _one_by_one(spelled)
        if exact is None:
            return None
        values[rows] = exact
    return values


@dataclass(frozen=True, eq=False)
class _Digits:
    # Numbers taken apart, each [n].
    digits: np.ndarray  # uint64, with a 0 in the place of the point
    places: np.ndarray  # int64, digits after the point
    has_point: np.ndarray  # int64, 0 or 1
    is_negative: np.ndarray  # bool
    is_plain: np.ndarray  # bool; what is longer, has an exponent or is no number is 0 here


def _digits(text: bytes, starts: np.ndarray, ends: np.ndarray, longest: int) -> _Digits:
    """Takes numbers of at most so many characters apart."""
    characters = np.frombuffer(text, np.uint8)
    first = characters[starts]
    is_negative = first == ord("-")
    if is_negative.any():
        starts = starts + is_negative
        first = characters[starts]
    lengths = ends - starts
    words = np.ndarray(len(text) - _WORD + 1, "<u8", text, strides=(1,))
    digits, places, points, wrong = (np.zeros(len(ends), np.uint64) for _ in range(4))
    for end in range(0, min(int(lengths.max(initial=0)), longest), _WORD):  # the last eight characters first
        unused = _UNUSED_BITS.take(lengths - end, mode="clip")
        word = words[ends - (end + _WORD)]
        word ^= _ZEROS
        word >>= unused
        word <<= unused
        point = word ^ _DOTS
        point = ((point - _LOW) & ~point & _HIGH) >> np.uint64(7)  # 1 in the byte of a point
        word &= ~(point * np.uint64(255))
        wrong |= (word + _ABOVE_NINE) | word
        value = _value(word)
        digits += value * _POWERS[end] if end else value
        places += (point * _PLACES >> np.uint64(56)) + (np.uint64(end) * (point != 0) if end else np.uint64(0))
        points += point * _LOW >> np.uint64(56)
        if end == 2 * _WORD:
            wrong |= (value > _MOST_ABOVE) * _HIGH
    places, points = places.view(np.int64), points.view(np.int64)
    whole = lengths - places - points
    # As JSON has it: a digit before a point and behind it, no zero before other digits.
    is_plain = (wrong & _HIGH == 0) & (points < 2) & (points <= places) & (whole > 0)
    is_plain &= ((first != ord("0")) | (whole == 1)) & (lengths <= longest) & (places <= _MOST_PLACES)
    if not is_plain.all():
        digits, places, points = digits * is_plain, places * is_plain, points * is_plain
    return _Digits(digits, places, points, is_negative, is_plain)


def _value(word: np.ndarray) -> np.ndarray:
    # Of eight digits, the first of which is the lowest byte.
    word = word * np.uint64(10) + (word >> np.uint64(8)) & _PAIRS
    word = word * np.uint64(100) + (word >> np.uint64(16)) & _FOURS
    return word * np.uint64(10_000) + (word >> np.uint64(32)) & _EIGHTS


def _divided(mantissa: np.ndarray, places: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Quotients by powers of ten, and where they may be off by one bit."""
    quotient = mantissa.astype(np.longdouble) / _LONG_FLOATS.take(places)
    values = quotient.astype(np.float64)
    if not _HAS_80_BITS:
        return values, np.ones(len(values), np.bool_)
    # Rounded to 64 bits it lies in the middle of two float64, so that the true one may lie on either side; at a power
    # of two those below are half as far apart.
    half = np.spacing(values) / 2
    distance = np.abs(quotient - values)
    return values, (distance == half) | (distance == half / 2)


def _one_by_one(spelled: list[bytes]) -> np.ndarray | None:
    try:
        values = orjson.loads(b"[%b]" % b",".join(spelled).replace(b"//", b"e").replace(b"/", b"e"))
    except orjson.JSONDecodeError:
        return None
    numbers = np.array(values, np.float64)
    return numbers if np.isfinite(numbers).all() else None
