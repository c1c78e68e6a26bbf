"""How often what is random is tried: a little in every run of the suite, much in `make nightly`; the same tests."""

from __future__ import annotations

import os

from hypothesis import settings

NIGHTLY = "RATCHET_NIGHTLY" in os.environ


def often(daily: int, nightly: int) -> int:
    """How many times something is simulated."""
    return nightly if NIGHTLY else daily


def choose_profile() -> None:
    """Hypothesis without a deadline, which a busy machine would miss; by day with the same examples every time."""
    settings.register_profile("daily", max_examples=25, deadline=None, database=None, derandomize=True)
    settings.register_profile("nightly", max_examples=300, deadline=None, database=None, print_blob=True)
    settings.load_profile("nightly" if NIGHTLY else "daily")
