"""Which classes are taken for which others: a matrix of the candidate, and the most frequent pairs of both models."""

from __future__ import annotations

from collections.abc import Sequence

from ratchet.components.pages.tables import columns, scrolled, table
from ratchet.components.pages.text import safe
from ratchet.components.review.confusion import LEAST_IOU, NONE, Confusion, mixed_up, most_confused
from ratchet.schemas.artifacts.evaluation import BASELINE, CANDIDATE
from ratchet.schemas.base.formatting import and_more, many

_MOST_CLASSES = 12  # in the matrix; more would be too small to read
_MOST_PAIRS = 20
_SHADES = 5
_LONGEST_NAME = 40  # characters, where many names stand side by side


def confusion_section(found: Confusion) -> str:
    """The matrix and the pairs; safe HTML."""
    sampled = "" if found.images == found.of else f" Counted in a random {found.images:,} of {many(found.of, 'image')}."
    return (
        "<p>An object and a detection that is sure enough to be shown belong together from an overlap (IoU) of "
        f"{LEAST_IOU:.2f}; each has one partner, of its own class where there is one.{sampled}</p>"
        f"{_matrix(found)}{_pairs(found)}"
    )


def _matrix(found: Confusion) -> str:
    shown = most_confused(found, CANDIDATE, _MOST_CLASSES)
    if not shown:
        return "<p>The candidate takes no class for another.</p>"
    names = {label: found.names[label - 1] for label in shown}
    cut = len(found.names) - len(shown)
    which = f" The {len(shown)} classes that it mixes up most, of {len(found.names):,}." if cut > 0 else ""
    caption = (
        f"<caption>The candidate: objects of a class in its row, what they were found as in the column.{which} "
        "The darker, the larger a part of the row.</caption>"
    )
    heads = [*(safe(name, _LONGEST_NAME) for name in names.values()), "missed"]
    corner = '<th scope="col">labelled \\ found as</th>'
    rows = [_row(safe(name, 120), label, shown, found) for label, name in names.items()]
    rows.append(_row("<em>nothing labelled there</em>", NONE, shown, found))
    body = table(corner + columns(heads), rows, "confusion", caption)
    return scrolled("classes taken for others", body)


def _row(title: str, label: int, shown: Sequence[int], found: Confusion) -> str:
    counts = found.counts[CANDIDATE]
    total = max(1, sum(count for (of, _), count in counts.items() if of == label))
    cells = []
    for other in (*shown, NONE):
        count = counts.get((label, other), 0)
        if label == other == NONE:
            cells.append('<td class="number"></td>')
            continue
        shade = -(-_SHADES * count // total)
        kind = "right" if label == other else "wrong"
        cells.append(
            f'<td class="number {kind} shade-{shade}">{count:,}</td>' if count else '<td class="number">0</td>'
        )
    return f'<tr><th scope="row">{title}</th>{"".join(cells)}</tr>'


def _pairs(found: Confusion) -> str:
    pairs = mixed_up(found, CANDIDATE)
    if not pairs:
        return ""
    models = [model for model in (BASELINE, CANDIDATE) if model in found.counts]
    rows = (
        f'<tr><th scope="row">{safe(found.names[of - 1], 120)}</th><td>{safe(found.names[other - 1], 120)}</td>'
        + "".join(f'<td class="number">{found.counts[model].get((of, other), 0):,}</td>' for model in models)
        + "</tr>"
        for of, other in pairs[:_MOST_PAIRS]
    )
    body = table(columns(("labelled", "found as", *models)), rows)
    more = and_more(len(pairs) - _MOST_PAIRS)
    note = f'<p class="quiet">The {_MOST_PAIRS} most frequent{more}.</p>' if more else ""
    return f"<h3>Pairs of classes that the candidate mixes up</h3>{scrolled('pairs of classes', body)}{note}"
