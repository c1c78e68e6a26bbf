"""What each type of error costs, and in which images errors are."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from markupsafe import Markup

from ratchet.components.pages.bars import BarPair, paired_bars
from ratchet.components.pages.chart_parts import chart_card
from ratchet.components.pages.html import render
from ratchet.components.review.content import ErrorTypeCost, ErrorTypesFound, SliceErrors
from ratchet.components.review.sections.wording import OF_A_RUN, Terms
from ratchet.schemas.artifacts.evaluation import BASELINE, CANDIDATE

_WORDS = {
    "classification": "classification: wrong class",
    "localization": "localization: box fits badly",
    "both": "both: wrong class and bad box",
    "duplicate": "duplicate: found twice",
    "background": "background: nothing there",
    "missed": "missed: not found at all",
}
_MODELS = (BASELINE, CANDIDATE)


def errors_section(found: ErrorTypesFound, slices: Sequence[SliceErrors] = (), terms: Terms = OF_A_RUN) -> Markup:
    """What each type of error costs, and the errors of an image by what the image is.

    Args:
        found: errors by type.
        slices: mean errors of the images of each slice.
        terms: what the images are called.
    """
    return render(
        "review/templates/errors.html",
        found=found,
        charts=[chart_card(f"IoU {iou:.2f}", _costs(kinds, iou)) for iou, kinds in found.types.items()],
        models=[
            model for model in _MODELS if any(model in kind.count for kinds in found.types.values() for kind in kinds)
        ],
        attributes=[(name, list(rows)) for name, rows in groupby(slices, key=lambda each: each.attribute)],
        most=max((errors.total for each in slices for errors in each.errors.values()), default=0.0) or 1.0,
        terms=terms,
    )


def errors_gist(found: ErrorTypesFound) -> str:
    """What is inside, in a line: the type of error whose cost rose most, or costs most."""
    rises = [
        (kind.cost[CANDIDATE] - kind.cost.get(BASELINE, 0.0), kind, iou)
        for iou, kinds in found.types.items()
        for kind in kinds
    ]
    if not rises:
        return ""
    rise, kind, iou = max(rises, key=lambda each: each[0])
    verb = "costs more" if BASELINE in kind.cost else "costs"
    return (
        f"{_WORDS.get(kind.name, kind.name)}: {verb}, {rise:+.4f} AP at IoU {iou:.2f}"
        if rise > 0
        else "no type of error costs more"
    )


def _costs(kinds: Sequence[ErrorTypeCost], iou: float) -> Markup:
    rows = [
        BarPair(_WORDS.get(kind.name, kind.name), _rounded(kind.cost.get(BASELINE)), round(kind.cost[CANDIDATE], 4))
        for kind in kinds
    ]
    return paired_bars(rows, f"AP at IoU {iou:.2f} that this type of error costs")


def _rounded(cost: float | None) -> float | None:
    return None if cost is None else round(cost, 4)
