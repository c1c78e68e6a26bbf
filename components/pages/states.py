"""The state of a rule as a person reads it: a CSS class, and a sign with a word."""

from __future__ import annotations

from collections.abc import Mapping

from ratchet.schemas.artifacts.decisions import State

STATES: Mapping[State, tuple[str, str]] = {
    State.FAILED: ("reject", "✗ failed"),
    State.FOLLOWS: ("fact", "↳ follows"),
    State.WARNING: ("warn", "! warning"),
    State.NOT_TESTED: ("untested", "? not tested"),
    State.PASSED: ("pass", "✓ passed"),
}
