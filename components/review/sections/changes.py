"""Where mAP changed: COCO's figures, classes, slices, each with the interval of its difference."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from components.pages.interval_bar import interval_bar
from components.pages.text import safe
from components.review.sections.figures import ap, change, interval
from schemas.artifacts.evaluation import COCO_NAMES, DataSetEvaluation, Delta, ModelScores, Support

_MOST_ROWS = 300
_COCO = {
    "AP": "mAP, IoU .50 to .95",
    "AP50": "AP at IoU .50",
    "AP75": "AP at IoU .75",
    "APs": "AP of small objects",
    "APm": "AP of medium objects",
    "APl": "AP of large objects",
    "AR1": "recall, 1 detection an image",
    "AR10": "recall, 10 detections",
    "AR100": "recall, 100 detections",
    "ARs": "recall of small objects",
    "ARm": "recall of medium objects",
    "ARl": "recall of large objects",
}


@dataclass(frozen=True)
class _Row:
    """A class or slice; APs are -1 where undefined, None for a model that does not know it."""

    name: str
    support: Support
    candidate: float
    baseline: float | None
    delta: Delta | None

    @property
    def damage(self) -> float:
        """What it is sorted by: the difference, those without one last."""
        return self.delta.value if self.delta and self.delta.value is not None else float("inf")


def changes_section(golden: DataSetEvaluation) -> str:
    """Tables of classes, slices and COCO's figures on the golden set; safe HTML."""
    parts = ["<h3>Classes</h3>", _table("class", _rows(golden, "class"))]
    slices = _rows(golden, "slice")
    if slices:
        parts += ["<h3>Slices</h3>", _table("slice", slices)]
    return "".join([*parts, "<h3>COCO's figures</h3>", _coco(golden)])


def _rows(golden: DataSetEvaluation, kind: str) -> list[_Row]:
    compared = golden.compared
    support: Mapping[str, Support] = getattr(golden, f"{kind}_support") | getattr(compared, f"{kind}_support")
    deltas: Mapping[str, Delta] = getattr(golden.deltas, f"per_{kind}") if golden.deltas else {}
    candidate = _of(golden.candidate, kind) | _of(compared.candidate, kind)
    baseline = _of(compared.baseline, kind) if compared.baseline else {}
    rows = [
        _Row(name, support[name], value, baseline.get(name), deltas.get(name))
        for name, value in candidate.items()
        if support[name].objects or kind == "class"
    ]
    return sorted(rows, key=lambda row: (row.damage, row.candidate, row.name))


def _of(scores: ModelScores, kind: str) -> dict[str, float]:
    return getattr(scores, f"per_{kind}")


def _table(kind: str, rows: list[_Row]) -> str:
    reach = max((abs(value) for row in rows for value in _ends(row.delta)), default=1.0)
    columns = (kind, "objects", "images", "baseline", "candidate", "difference", "95 % interval", "")
    head = "".join(
        f'<th scope="col" data-sort="{"text" if name == kind else "number"}">{name}</th>'
        if name
        else '<th scope="col"><span class="hidden">difference as a picture</span></th>'
        for name in columns
    )
    body = "".join(_row(row, reach) for row in rows[:_MOST_ROWS])
    more = (
        f'<p class="quiet">{len(rows) - _MOST_ROWS:,} more are in evaluation.json.</p>'
        if len(rows) > _MOST_ROWS
        else ""
    )
    caption = (
        "<caption>At first the largest fall is on top; press a column's title to sort by it. Red: the whole interval "
        "is below 0. Whether a fall is significant beyond its limit, all tests taken together, is for the rules to "
        "say.</caption>"
    )
    return (
        f'<div class="scroll" tabindex="0" role="region" aria-label="{kind} table"><table class="sortable">{caption}'
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>{more}"
    )


def _row(row: _Row, reach: float) -> str:
    delta = row.delta
    value = delta.value if delta else None
    low, high = (delta.lo, delta.hi) if delta else (None, None)
    bar = interval_bar(value, low, high, reach, f"difference of {row.name}")
    cells = (
        (row.support.objects, f"{row.support.objects:,}"),
        (row.support.images, f"{row.support.images:,}"),
        (row.baseline, ap(row.baseline) if row.baseline is not None else "not known"),
        (row.candidate, ap(row.candidate)),
        (value, change(value)),
        (low, interval(delta)),
    )
    numbers = "".join(
        f'<td class="number" data-value="{"" if key is None else repr(float(key))}">{text}</td>' for key, text in cells
    )
    return f'<tr class="{_kind(delta)}"><th scope="row">{safe(row.name, 120)}</th>{numbers}<td>{bar}</td></tr>'


def _kind(delta: Delta | None) -> str:
    if delta is None or delta.interval is None:
        return "unclear"
    return "worse" if delta.interval[1] < 0 else "better" if delta.interval[0] > 0 else "unclear"


def _ends(delta: Delta | None) -> list[float]:
    return [value for value in (delta.value, delta.lo, delta.hi) if value is not None] if delta else []


def _coco(golden: DataSetEvaluation) -> str:
    compared = golden.compared
    rows = []
    for name in COCO_NAMES:
        after = compared.candidate.coco[name]
        before = compared.baseline.coco[name] if compared.baseline else None
        if after < 0 and (before is None or before < 0):
            continue
        difference = None if before is None or min(before, after) < 0 else after - before
        rows.append(
            f'<tr><th scope="row">{_COCO[name]} <code class="quiet">{name}</code></th>'
            f'<td class="number">{ap(before)}</td><td class="number">{ap(after)}</td>'
            f'<td class="number">{change(difference)}</td></tr>'
        )
    head = "".join(f'<th scope="col">{name}</th>' for name in ("figure", "baseline", "candidate", "difference"))
    return (
        '<div class="scroll" tabindex="0" role="region" aria-label="COCO figures"><table>'
        f"<thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table></div>"
    )
