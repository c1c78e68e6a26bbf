"""Which classes are taken for which others: a matrix of each model, their difference, and the most frequent pairs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from ratchet.components.pages.html import render
from ratchet.components.review.confusion import NONE, Confusion, mixed_up, most_confused
from ratchet.components.review.sections.wording import OF_A_RUN, Terms
from ratchet.schemas.artifacts.evaluation import BASELINE, CANDIDATE
from ratchet.schemas.base.formatting import minus

_MOST_CLASSES = 12  # in the matrix; more would be too small to read
_MOST_PAIRS = 20
_SHADES = 5


@dataclass(frozen=True)
class _Cell:
    """A count; its tone is good, bad or nothing, its shade 0 to 5."""

    text: str
    tone: str = ""
    shade: int = 0


@dataclass(frozen=True)
class _Matrix:
    """Rows of what is labelled by columns of what it was found as."""

    title: str
    rows: Sequence[tuple[str, Sequence[_Cell]]]


def confusion_section(found: Confusion, terms: Terms = OF_A_RUN) -> Markup:
    """The matrices and the pairs.

    Args:
        found: the counts.
        terms: what the images are called.
    """
    shown = most_confused(found, _MOST_CLASSES)
    models = [model for model in (BASELINE, CANDIDATE) if model in found.counts]
    matrices = [_Matrix(model, _rows(found, shown, _counts(found.counts[model]))) for model in models]
    if len(models) > 1:
        matrices.append(_Matrix(minus("candidate - baseline"), _rows(found, shown, _differences(found))))
    pairs = sorted({pair for model in models for pair in mixed_up(found, model)}, key=_weight(found))
    return render(
        "review/templates/confusion.html",
        found=found,
        terms=terms,
        models=models,
        names=[found.names[label - 1] for label in shown],
        matrices=matrices if shown else [],
        left_out=len(found.names) - len(shown),
        pairs=[
            (found.names[of - 1], found.names[other - 1], [found.counts[model].get((of, other), 0) for model in models])
            for of, other in pairs[:_MOST_PAIRS]
        ],
        more=max(len(pairs) - _MOST_PAIRS, 0),
    )


def confusion_gist(found: Confusion) -> str:
    """What is inside, in a line: the pair that is mixed up most."""
    pairs = mixed_up(found, CANDIDATE)
    if not pairs:
        return "the candidate takes no class for another"
    of, other = pairs[0]
    before = found.counts[BASELINE].get(pairs[0], 0) if BASELINE in found.counts else None
    count = f"{found.counts[CANDIDATE][pairs[0]]:,} times"
    return f"{found.names[of - 1]} read as {found.names[other - 1]} {count}" + (
        f", before {before:,}" if before is not None else ""
    )


def _weight(found: Confusion) -> Callable[[tuple[int, int]], tuple[int, int, tuple[int, int]]]:
    """The candidate's most frequent first, then the baseline's."""
    return lambda pair: (
        -found.counts[CANDIDATE].get(pair, 0),
        -found.counts.get(BASELINE, {}).get(pair, 0),
        pair,
    )


def _rows(
    found: Confusion, shown: Sequence[int], cells: Callable[[int, Sequence[int]], Sequence[_Cell]]
) -> list[tuple[str, Sequence[_Cell]]]:
    columns = [*shown, NONE]
    names = {label: found.names[label - 1] for label in shown} | {NONE: "nothing labelled there"}
    return [(names[label], cells(label, columns)) for label in columns]


def _counts(counts: Mapping[tuple[int, int], int]) -> Callable[[int, Sequence[int]], list[_Cell]]:
    """Counts of a row, the darker the larger a part of the row."""
    totals: dict[int, int] = {}
    for (of, _), count in counts.items():
        totals[of] = totals.get(of, 0) + count

    def row(label: int, columns: Sequence[int]) -> list[_Cell]:
        cells = []
        for other in columns:
            count = counts.get((label, other), 0)
            tone = "good" if label == other else "bad"
            shade = -(-_SHADES * count // max(totals.get(label, 0), 1))
            cells.append(_Cell("" if label == other == NONE else f"{count:,}", tone if count else "", shade))
        return cells

    return row


def _differences(found: Confusion) -> Callable[[int, Sequence[int]], list[_Cell]]:
    """What changed in a row; more on the diagonal is good, more beside it bad."""
    before, after = found.counts[BASELINE], found.counts[CANDIDATE]
    largest = max((abs(after.get(pair, 0) - before.get(pair, 0)) for pair in {*before, *after}), default=0)

    def row(label: int, columns: Sequence[int]) -> list[_Cell]:
        cells = []
        for other in columns:
            change = after.get((label, other), 0) - before.get((label, other), 0)
            tone = "good" if (change > 0) == (label == other) else "bad"
            text = "" if label == other == NONE else minus(f"{change:+,}") if change else "0"
            cells.append(_Cell(text, tone if change else "", -(-_SHADES * abs(change) // max(largest, 1))))
        return cells

    return row
