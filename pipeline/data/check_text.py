"""What `ratchet check` found, for a terminal: the cause first, what follows from it below, then what else is there."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from ratchet.components.pages.fact_words import fact_rows
from ratchet.components.pages.findings import counts_in_words, in_short, untested_in_words
from ratchet.components.pages.rule_words import rule_title
from ratchet.schemas.artifacts.decisions import DataDecision, Reason, State
from ratchet.schemas.base.formatting import listed, many
from ratchet.schemas.base.visible import visible_line
from ratchet.schemas.data.facts import DataSetFacts

_WIDTH = 100  # characters of a line
_MARGIN = 12  # of them left of what is told
_SHOWN_IMAGES = 4
_SHOWN_WARNINGS = 5
_SHOWN_FOLLOWING = 4


def findings_text(decision: DataDecision) -> list[str]:
    """Lines of a terminal: every finding with what follows from it, what was not tested, and how many rules passed."""
    lines: list[str] = []
    for reason in decision.failures:
        lines += [*_finding(reason), *_following(decision.following_from(reason)), ""]
    warnings = decision.warnings
    for reason in warnings[:_SHOWN_WARNINGS]:
        lines += [
            *_labelled(reason.state.value, f"{reason.rule}: {reason.actual}"),
            *_following(decision.following_from(reason)),
        ]
    if len(warnings) > _SHOWN_WARNINGS:
        lines += _labelled("", f"and {many(len(warnings) - _SHOWN_WARNINGS, 'more warning')}: see the page")
    for rules, why in untested_in_words(decision.untested):
        lines += _labelled("not tested", f"{', '.join(rules)}: {why}")
    return [*lines, *([""] if lines and lines[-1] else []), counts_in_words(decision)]


def facts_text(facts: DataSetFacts) -> list[str]:
    """Lines that say what is in a data set; none if nothing was counted."""
    rows = fact_rows(facts)
    width = max((len(name) for name, _ in rows), default=0) + 2
    lines = []
    for name, told in rows:
        wrapped = textwrap.wrap(visible_line(told), _WIDTH - width - 2, break_long_words=False, break_on_hyphens=False)
        lines += [f"  {name if not number else '':<{width}}{line}" for number, line in enumerate(wrapped)]
    return ["", "What is in it:", *lines] if lines else []


def remarkable_text(reasons: Sequence[Reason]) -> str:
    """What a person should look at of what was counted, a line each; empty if there is nothing."""
    return "\n".join(
        visible_line(
            f"{rule_title(reason.rule, passed=False)}: {reason.actual}"
            + (f"; see {listed(reason.images, _SHOWN_IMAGES)}" if reason.images else "")
        )
        for reason in reasons
        if reason.state in (State.FAILED, State.WARNING)
    )


def _finding(reason: Reason) -> list[str]:
    lines = _labelled(reason.state.value.upper(), f"{rule_title(reason.rule, passed=False)} ({reason.rule})")
    lines += _labelled("found", reason.actual) + _labelled("expected", reason.expected)
    return lines + (_labelled("images", listed(reason.images, _SHOWN_IMAGES)) if reason.images else [])


def _following(reasons: Sequence[Reason]) -> list[str]:
    lines = []
    for place, reason in enumerate(reasons[:_SHOWN_FOLLOWING]):
        lines += _labelled("follows" if not place else "", f"{reason.rule}: {in_short(reason)}")
    more = len(reasons) - _SHOWN_FOLLOWING
    return lines + (_labelled("", f"and {more} more") if more > 0 else [])


def _labelled(label: str, text: str) -> list[str]:
    wrapped = textwrap.wrap(visible_line(text), _WIDTH - _MARGIN, break_long_words=False, break_on_hyphens=False)
    return [f"{label if not number else '':<{_MARGIN}}{line}".rstrip() for number, line in enumerate(wrapped or [""])]
