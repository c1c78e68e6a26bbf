"""Compared features on the page: in words, as a picture with its distance, and all of a kind in a section."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence

from ratchet.components.pages.features import axis, feature_title
from ratchet.components.pages.histograms import distance_gauge, distributions
from ratchet.components.pages.moves import moves_figure
from ratchet.components.pages.text import safe
from ratchet.schemas.artifacts.data_evidence import DRIFT, Comparison, Distribution
from ratchet.schemas.base.formatting import capital, many, number

_KINDS = {DRIFT: "training data of the served model"}
_SHORT = {DRIFT: "training data"}
_OTHER_KIND = "requests to the served model"
_MEASURES = {
    "jensen shannon divergence": "Jensen-Shannon divergence, 0 to 1",
    "l infty": "largest difference of a share",
    "energy distance": "energy coefficient, 0 to 1",
}


def other_name(comparison: Comparison) -> str:
    """What the span is compared with; of several spans that the model was trained on the nearest."""
    name = _KINDS.get(comparison.kind, _OTHER_KIND)
    return f"{name} ({comparison.reference})" if comparison.reference else name


def excess(comparison: Comparison) -> float:
    """How many times its limit a distance is; what cannot be compared counts as far."""
    if math.isnan(comparison.distance):
        return math.inf
    if comparison.limit > 0:
        return comparison.distance / comparison.limit
    return math.inf if comparison.distance > 0 else 0.0


def comparison_section(
    comparisons: Sequence[Comparison], quiet: Collection[str], other: str = "", this: str = "this span"
) -> str:
    """All features of one kind of comparison, the furthest first, those whose rule has nothing to say folded.

    Args:
        comparisons: of one kind, not empty.
        quiet: rules that passed without a warning, `drift:qa/contrast`; a distance beyond its limit is no fault where
            the values hardly moved.
        other: what the other side is called; empty: as the kind says.
        this: what the side that is judged is called.
    """
    ordered = sorted(comparisons, key=lambda entry: (-excess(entry), entry.feature))
    is_quiet = [f"{entry.kind}:{entry.feature}" in quiet for entry in ordered]
    loud, folded = ([entry for entry, each in zip(ordered, is_quiet) if each is wanted] for wanted in (False, True))
    grids = _grid(loud, "reject") if loud else "<p>No feature differs by more than it may.</p>"
    if folded:
        grids += (
            f"<details><summary>{many(len(folded), 'feature')} as expected</summary>{_grid(folded, 'pass')}</details>"
        )
    return _legend(other or _KINDS.get(comparisons[0].kind, _OTHER_KIND), this) + grids


def _legend(name: str, this: str) -> str:
    swatch = '<svg viewBox="0 0 26 14" aria-hidden="true"><rect class="{}" x="2" y="2" width="22" height="10"/></svg>'
    return (
        f'<div class="legend"><span>{swatch.format("other")}{name}</span><span>{swatch.format("span")}{this}</span>'
        '</div><p class="quiet">Equal areas are equal shares of the values; vertical lines stand at the medians, '
        f"dotted for the {name}. The bar is the distance between the two, its thick mark the limit, its dotted mark "
        "the part that chance alone reaches.</p>"
    )


def _grid(comparisons: Sequence[Comparison], kind: str) -> str:
    cards = (
        f'<article class="card {kind}">'
        f"<h3>{safe(capital(feature_title(comparison.feature)))}</h3>{feature_figure(comparison)}</article>"
        for comparison in comparisons
    )
    return f'<div class="features">{"".join(cards)}</div>'


def feature_figure(comparison: Comparison) -> str:
    """One compared feature as HTML: both distributions, their medians, distance and limit."""
    times = excess(comparison)
    amount = f": {number(times)} times its limit" if math.isfinite(times) and not comparison.passed else ""
    chance = f"; chance alone reaches {number(comparison.noise)}" if comparison.noise > 0 else ""
    name, short = other_name(comparison), _SHORT.get(comparison.kind, "requests")
    return (
        f'<div class="feature">{distributions(comparison, name)}<p class="sides">'
        f'<span class="other-side">{short}: {_side(comparison.feature, comparison.other)}</span><br>'
        f'<span class="span-side">this span: {_side(comparison.feature, comparison.span)}</span></p>'
        f"{distance_gauge(comparison)}"
        f'<p class="quiet">Distance <strong>{number(comparison.distance)}</strong>{amount} '
        f"({safe(_MEASURES.get(comparison.measure, comparison.measure))}{chance}).</p>{moves_figure(comparison)}</div>"
    )


def _side(feature: str, side: Distribution) -> str:
    median = "" if side.median is None else f"median {safe(axis(feature).text(side.median))}, "
    return median + many(side.values, "value")
