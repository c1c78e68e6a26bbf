"""What is tried by day and what by night: of random things a few, of like stories one; all of it in `make nightly`."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any, TypeVar

import pytest
from hypothesis import settings

T = TypeVar("T")
NIGHTLY = "RATCHET_NIGHTLY" in os.environ


def often(daily: int, nightly: int) -> int:
    """How many times something is simulated."""
    return nightly if NIGHTLY else daily


def spread(points: Sequence[T], daily: int) -> Sequence[T]:
    """All points at which something is done: by day so many, evenly spread, the first and the last among them."""
    if NIGHTLY or len(points) <= daily:
        return points
    return [points[round(number * (len(points) - 1) / (daily - 1))] for number in range(daily)]


# Of a test that tells by another way, or in another place, what one that runs every time tells as well.
by_night = pytest.mark.skipif(not NIGHTLY, reason="by night: make nightly")


def at_night(*values: Any, id: str | None = None) -> Any:
    """A case for `pytest.mark.parametrize` that is tried by night; others of the same test are tried every time."""
    return pytest.param(*values, id=id, marks=by_night)


def choose_profile() -> None:
    """Hypothesis without a deadline, which a busy machine would miss; by day with the same examples every time."""
    settings.register_profile("daily", max_examples=12, deadline=None, database=None, derandomize=True)
    settings.register_profile("nightly", max_examples=300, deadline=None, database=None, print_blob=True)
    settings.load_profile("nightly" if NIGHTLY else "daily")
