"""Compared features: in words, as a picture with how far it moved, and all of a kind in a section."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from ratchet.components.pages.feature_words import measured
from ratchet.components.pages.features import axis, feature_title
from ratchet.components.pages.histograms import distributions
from ratchet.components.pages.html import render
from ratchet.components.pages.moves import move_of, moves_figure
from ratchet.components.pages.states import STATES
from ratchet.schemas.artifacts.data_evidence import DRIFT, Comparison, Distribution
from ratchet.schemas.artifacts.decisions import Reason, State
from ratchet.schemas.base.formatting import many

_KINDS = {DRIFT: "training data of the served model"}
_SHORT = {DRIFT: "training data"}
_OTHER_KIND, _OTHER_SHORT = "requests to the served model", "requests"


def other_name(comparison: Comparison) -> str:
    """What the span is compared with; of several spans that the model was trained on the nearest."""
    name = _KINDS.get(comparison.kind, _OTHER_KIND)
    return f"{name} ({comparison.reference})" if comparison.reference else name


def excess(comparison: Comparison) -> float:
    """How many times what is allowed a feature moved, or its distance its limit; what cannot be compared is far."""
    if math.isnan(comparison.distance):
        return math.inf
    if comparison.allowed:
        return move_of(comparison) / comparison.allowed
    if comparison.limit > 0:
        return comparison.distance / comparison.limit
    return math.inf if comparison.distance > 0 else 0.0


@dataclass(frozen=True)
class Feature:
    """A compared feature as it is shown.

    Attributes:
        title: of the feature.
        kind: CSS class of its rule's state.
        word: that state in a word.
        found: what its rule says; empty where there is no rule.
        picture: both distributions.
        sides: of both the CSS class, and the median and how many values there are.
        moves: how far it moved.
        measure: how it was measured.
    """

    title: str
    kind: str
    word: str
    found: str
    picture: Markup
    sides: tuple[tuple[str, str], ...]
    moves: Markup
    measure: str


def feature_of(comparison: Comparison, reason: Reason | None, this: str = "this span") -> Feature:
    """How a compared feature is shown, in the state of the rule about it: its picture never says otherwise.

    Args:
        comparison: the feature.
        reason: the rule; None where there is none.
        this: what the side that is judged is called.
    """
    kind, word = STATES[reason.state if reason else State.PASSED]
    return Feature(
        title=feature_title(comparison.feature),
        kind=kind,
        word=word,
        found=reason.actual if reason else "",
        picture=distributions(comparison, other_name(comparison)),
        sides=(
            ("other-side", f"{_SHORT.get(comparison.kind, _OTHER_SHORT)}: {_side(comparison, comparison.other)}"),
            ("span-side", f"{this}: {_side(comparison, comparison.span)}"),
        ),
        moves=moves_figure(comparison, kind),
        measure=measured(comparison),
    )


def comparison_section(
    comparisons: Sequence[Comparison], reasons: Iterable[Reason], other: str = "", this: str = "this span"
) -> Markup:
    """All features of one kind of comparison, the furthest first, those whose rule passed folded.

    Args:
        comparisons: of one kind, not empty.
        reasons: the rules about them, among others.
        other: what the other side is called; empty: as the kind says.
        this: what the side that is judged is called.
    """
    rules = {reason.rule: reason for reason in reasons}
    ordered = sorted(comparisons, key=lambda entry: (-excess(entry), entry.feature))
    judged = [(entry, rules.get(f"{entry.kind}:{entry.feature}")) for entry in ordered]
    quiet = [entry for entry in judged if entry[1] is not None and entry[1].state is State.PASSED]
    return render(
        "pages/templates/comparisons.html",
        other=other or _KINDS.get(comparisons[0].kind, _OTHER_KIND),
        this=this,
        loud=[feature_of(*entry, this) for entry in judged if entry not in quiet],
        quiet=[feature_of(*entry, this) for entry in quiet],
    )


def _side(comparison: Comparison, side: Distribution) -> str:
    median = "" if side.median is None else f"median {axis(comparison.feature).text(side.median)}, "
    return median + many(side.values, "value")
