"""Where mAP changed: COCO's figures, classes and slices."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from markupsafe import Markup

from ratchet.components.pages.bars import interval_bar
from ratchet.components.pages.html import render
from ratchet.components.pages.numbers import change, score
from ratchet.components.review.sections.wording import interval
from ratchet.schemas.artifacts.evaluation import DataSetEvaluation, Delta, ModelScores, Support
from ratchet.schemas.base.formatting import many

_MOST_ROWS = 300
_NAMED = 3
_COCO = {
    "AP": "mAP, IoU .50 to .95",
    "AP50": "AP at IoU .50",
    "AP75": "AP at IoU .75",
    "APs": "AP of small objects",
    "APm": "AP of medium objects",
    "APl": "AP of large objects",
    "AR1": "recall, 1 detection an image",
    "AR10": "recall, 10 detections",
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

    @property
    def tone(self) -> str:
        """Whether its whole interval lies on one side."""
        ends = self.delta.interval if self.delta else None
        return "unclear" if ends is None or ends[0] <= 0 <= ends[1] else "worse" if ends[1] < 0 else "better"

    def cells(self, compared: bool) -> list[tuple[float | None, str]]:
        """What each column is sorted by, and its text."""
        value, low = (self.delta.value, self.delta.lo) if self.delta else (None, None)
        baseline = score(self.baseline) if self.baseline is not None else "not known"
        between = [(self.baseline, baseline)] if compared else []
        after = [(value, change(value)), (low, interval(self.delta))] if compared else []
        counts = [(count, f"{count:,}") for count in (self.support.objects, self.support.images)]
        return [*counts, *between, (self.candidate, score(self.candidate)), *after]

    def bar(self, reach: float) -> Markup:
        """Its difference as a picture; `reach` is the axis's end in all rows."""
        value, low, high = (self.delta.value, self.delta.lo, self.delta.hi) if self.delta else (None, None, None)
        return interval_bar(value, low, high, reach, f"difference of {self.name}")


def changes_section(golden: DataSetEvaluation, compared: bool = True, told: str = "") -> Markup:
    """Tables of classes, slices and COCO's figures on the golden set.

    Args:
        golden: the figures.
        compared: whether there are columns for a baseline.
        told: what failed here, in a sentence.
    """
    tables = [("class", "Classes", _rows(golden, "class")), ("slice", "Slices", _rows(golden, "slice"))]
    return render(
        "review/templates/changes.html",
        tables=[(kind, title, rows, _reach(rows)) for kind, title, rows in tables if rows],
        compared=compared,
        told=told,
        most=_MOST_ROWS,
        coco=_coco(golden),
        limit=golden.max_detections,
    )


def changes_gist(golden: DataSetEvaluation) -> str:
    """Which classes and slices moved, in a line."""
    if golden.baseline is None:
        return f"{many(len(golden.class_support), 'class')}"
    told = []
    for kind in ("class", "slice"):
        rows = _rows(golden, kind)
        for tone, verb in (("worse", "fell"), ("better", "rose")):
            moved = [row for row in rows if row.tone == tone]
            if moved:
                furthest = sorted(moved, key=lambda row: -abs(row.damage))[:_NAMED]
                named = ", ".join(f"{row.name} {change(row.damage)}" for row in furthest)
                told.append(f"{len(moved)} of {many(len(rows), kind)} {verb} ({named})")
    return "; ".join(told) or "no class and no slice moved beyond its interval"


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


def _reach(rows: list[_Row]) -> float:
    ends = [each for row in rows if row.delta for each in (row.delta.value, row.delta.lo, row.delta.hi)]
    return max((abs(end) for end in ends if end is not None), default=1.0)


def _coco(golden: DataSetEvaluation) -> list[tuple[str, str, float | None, float, float | None]]:
    """Name in words and in COCO's, both figures and their difference, of those that are defined."""
    of_both = golden.compared
    rows = []
    for name, after in of_both.candidate.coco.items():
        before = of_both.baseline.coco[name] if of_both.baseline else None
        if after < 0 and (before is None or before < 0):
            continue
        difference = None if before is None or min(before, after) < 0 else after - before
        rows.append((_figure(name), name, before, after, difference))
    return rows


def _figure(name: str) -> str:
    return _COCO.get(name) or f"recall, {name.removeprefix('AR')} detections"
