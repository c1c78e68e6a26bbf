"""What a data gate found, as HTML: each cause as a card with what follows from it, then what was not tested."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ratchet.components.pages.parts import affordable, rule_card
from ratchet.components.pages.rule_words import rule_title
from ratchet.components.pages.text import safe
from ratchet.schemas.artifacts.data_evidence import Comparison, Pictures
from ratchet.schemas.artifacts.decisions import DataDecision, Reason, State
from ratchet.schemas.base.formatting import many


def counts_in_words(decision: DataDecision) -> str:
    """How many rules are in each state, so that they add up to all.

    >>> counts_in_words(DataDecision(True, (Reason("schema", "", "", passed=True),)))
    '1 rule: 1 passed'
    """
    counts = decision.counts
    words = {
        State.FAILED: "{} failed",
        State.FOLLOWS: "{} follows from another" if counts[State.FOLLOWS] == 1 else "{} follow from others",
        State.WARNING: "{} warning" if counts[State.WARNING] == 1 else "{} warnings",
        State.NOT_TESTED: "{} not tested",
        State.PASSED: "{} passed",
    }
    told = [words[state].format(counts[state]) for state in State if counts[state] or state is State.PASSED]
    return f"{many(len(decision.reasons), 'rule')}: {', '.join(told)}"


def untested_in_words(reasons: Iterable[Reason]) -> list[tuple[list[str], str]]:
    """Rules that were not tested, together where the reason is one, and why.

    Args:
        reasons: of the state NOT_TESTED.
    """
    by_why: dict[str, list[str]] = {}
    for reason in reasons:
        found = reason.actual.removeprefix("not tested").lstrip(": ")
        why = found if reason.cause else f"{found}; it takes {reason.expected}"
        by_why.setdefault(why, []).append(reason.rule)
    return [(rules, why) for why, rules in by_why.items()]


def finding_cards(
    decision: DataDecision, pictures: Pictures, comparisons: Sequence[Comparison], detected: bool, budget: int
) -> str:
    """A card for every rule that failed, then for every warning, each with what follows from it folded below.

    Args:
        decision: its rules in the order of explanation.
        pictures: those there are.
        comparisons: what drift and skew rest on.
        detected: whether there was a model whose detections the pictures show.
        budget: bytes of all JPEGs.
    """
    found = [*decision.failures, *decision.warnings]
    compared = {f"{entry.kind}:{entry.feature}": entry for entry in comparisons}
    shown = affordable([reason.rule for reason in found], pictures, budget)
    return "".join(
        rule_card(
            reason,
            shown[reason.rule],
            compared.get(reason.rule),
            detected,
            consequences(decision.following_from(reason)),
        )
        for reason in found
    )


def in_short(reason: Reason) -> str:
    """What a rule found, without what is said besides: of a finding that follows from another, that is enough.

    >>> in_short(Reason("drift:qa/contrast", "", "less contrast, by 14 %: 18 here, 21 in training; the model copes"))
    'less contrast, by 14 %: 18 here, 21 in training'
    """
    return reason.actual.partition("; ")[0]


def consequences(reasons: Sequence[Reason]) -> str:
    """What follows from a finding, folded; nothing without any."""
    if not reasons:
        return ""
    items = "".join(
        f"<li><strong>{safe(rule_title(reason.rule, passed=False))}:</strong> {safe(in_short(reason))} "
        f'<code class="quiet">{safe(reason.rule)}</code></li>'
        for reason in reasons
    )
    follow = "follows" if len(reasons) == 1 else "follow"
    return (
        f"<details><summary>{many(len(reasons), 'finding')} {follow} from it</summary>"
        f'<ul class="facts">{items}</ul></details>'
    )


def untested_list(reasons: Iterable[Reason]) -> str:
    """What was not tested, and why."""
    items = "".join(
        f"<li>{', '.join(f'<code>{safe(rule)}</code>' for rule in rules)}: {safe(why)}</li>"
        for rules, why in untested_in_words(reasons)
    )
    return f'<ul class="facts">{items}</ul><p class="quiet">These rules have neither failed nor passed.</p>'
