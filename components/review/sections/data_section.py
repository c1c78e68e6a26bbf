"""What the data gate found, with the images and distributions that show it."""

from __future__ import annotations

from components.pages.comparisons import comparison_section
from components.pages.parts import affordable, data_sets, rule_card
from components.review.content import ReviewContent
from schemas.artifacts.data_evidence import DRIFT, SKEW

_BUDGET = 2_000_000  # bytes of all JPEGs
_TITLES = {
    DRIFT: "Drift from the training data of the served model",
    SKEW: "Skew against what the served model is asked",
}


def data_section(content: ReviewContent) -> str:
    """Findings, distributions side by side, and the two data sets; safe HTML."""
    found = content.data.remarkable
    shown = affordable([reason.rule for reason in found], content.pictures, _BUDGET)
    compared = {f"{entry.kind}:{entry.feature}": entry for entry in content.comparisons}
    parts = [
        rule_card(reason, shown[reason.rule], compared.get(reason.rule), content.served is not None) for reason in found
    ]
    if not found:
        parts.append("<p>Every rule of the data gate passed without a warning.</p>")
    quiet = {reason.rule for reason in content.data.reasons if reason.passed and not reason.warning}
    for kind, title in _TITLES.items():
        entries = [entry for entry in content.comparisons if entry.kind == kind]
        if entries:
            parts.append(f"<h3>{title}</h3>{comparison_section(entries, quiet)}")
    return "".join([*parts, "<h3>Data sets</h3>", data_sets(content.lineage.span, content.lineage.golden)])
