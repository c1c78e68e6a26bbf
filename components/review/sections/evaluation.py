"""Where mAP changed: COCO's figures, classes, slices, types of errors, precision and recall, latency and size."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from ratchet.components.pages.bars import BarPair, interval_bar, paired_bars
from ratchet.components.pages.chart_parts import chart_card
from ratchet.components.pages.line_chart import Axis, Series, line_chart
from ratchet.components.pages.tables import columns, scrolled, table
from ratchet.components.pages.text import safe
from ratchet.components.review.content import OVERALL, ErrorTypeCost, ErrorTypesFound, PrecisionRecall
from ratchet.components.review.sections.wording import NOTHING, OF_A_RUN, Terms, ap, change, interval
from ratchet.schemas.artifacts.evaluation import (
    BASELINE,
    CANDIDATE,
    DataSetEvaluation,
    Delta,
    ModelScores,
    Serving,
    ServingFigures,
    Support,
)
from ratchet.schemas.base.formatting import many, megabytes, number

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
    "ARs": "recall of small objects",
    "ARm": "recall of medium objects",
    "ARl": "recall of large objects",
}


_RECALL_STEP = 0.01
_ERROR_WORDS = {
    "classification": "classification: wrong class",
    "localization": "localization: box fits badly",
    "both": "both: wrong class and bad box",
    "duplicate": "duplicate: found twice",
    "background": "background: nothing there",
    "missed": "missed: not found at all",
}
_MODELS: tuple[Literal["baseline", "candidate"], ...] = (BASELINE, CANDIDATE)


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


def changes_section(golden: DataSetEvaluation, compared: bool = True) -> str:
    """Tables of classes, slices and COCO's figures on the golden set; safe HTML.

    Args:
        golden: the figures.
        compared: whether there are columns for a baseline.
    """
    parts = ["<h3>Classes</h3>", _table("class", _rows(golden, "class"), compared)]
    slices = _rows(golden, "slice")
    if slices:
        parts += ["<h3>Slices</h3>", _table("slice", slices, compared)]
    return "".join([*parts, "<h3>COCO's figures</h3>", _coco(golden, compared)])


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


_FALLS = (
    "At first the largest fall is on top; press a column's title to sort by it. Red: the whole interval is below 0. "
    "Whether a fall is significant beyond its limit, all tests taken together, is for the rules to say."
)
_LOWEST = "At first the lowest AP is on top; press a column's title to sort by it."


def _table(kind: str, rows: list[_Row], compared: bool) -> str:
    reach = max((abs(value) for row in rows for value in _ends(row.delta)), default=1.0)
    columns = (kind, "objects", "images", "candidate")
    if compared:
        columns = (kind, "objects", "images", "baseline", "candidate", "difference", "95 % interval", "")
    head = "".join(
        f'<th scope="col" data-sort="{"text" if name == kind else "number"}">{name}</th>'
        if name
        else '<th scope="col"><span class="hidden">difference as a picture</span></th>'
        for name in columns
    )
    more = (
        f'<p class="quiet">{len(rows) - _MOST_ROWS:,} more are in evaluation.json.</p>'
        if len(rows) > _MOST_ROWS
        else ""
    )
    caption = f"<caption>{_FALLS if compared else _LOWEST}</caption>"
    body = (_row(row, reach, compared) for row in rows[:_MOST_ROWS])
    return scrolled(f"{kind} table", table(head, body, "sortable", caption)) + more


def _row(row: _Row, reach: float, compared: bool) -> str:
    delta = row.delta
    value = delta.value if delta else None
    low, high = (delta.lo, delta.hi) if delta else (None, None)
    support = [(row.support.objects, f"{row.support.objects:,}"), (row.support.images, f"{row.support.images:,}")]
    candidate, picture = (row.candidate, ap(row.candidate)), ""
    cells = [*support, candidate]
    if compared:
        baseline = (row.baseline, ap(row.baseline) if row.baseline is not None else "not known")
        cells = [*support, baseline, candidate, (value, change(value)), (low, interval(delta))]
        picture = f"<td>{interval_bar(value, low, high, reach, f'difference of {row.name}')}</td>"
    numbers = "".join(
        f'<td class="number" data-value="{"" if key is None else repr(float(key))}">{text}</td>' for key, text in cells
    )
    return f'<tr class="{_kind(delta)}"><th scope="row">{safe(row.name, 120)}</th>{numbers}{picture}</tr>'


def _kind(delta: Delta | None) -> str:
    if delta is None or delta.interval is None:
        return "unclear"
    return "worse" if delta.interval[1] < 0 else "better" if delta.interval[0] > 0 else "unclear"


def _ends(delta: Delta | None) -> list[float]:
    return [value for value in (delta.value, delta.lo, delta.hi) if value is not None] if delta else []


def _coco(golden: DataSetEvaluation, compared: bool) -> str:
    of_both = golden.compared
    rows = []
    for name, after in of_both.candidate.coco.items():
        before = of_both.baseline.coco[name] if of_both.baseline else None
        if after < 0 and (before is None or before < 0):
            continue
        difference = None if before is None or min(before, after) < 0 else after - before
        cells = (ap(before), ap(after), change(difference)) if compared else (ap(after),)
        rows.append(
            f'<tr><th scope="row">{_figure(name)} <code class="quiet">{name}</code></th>'
            + "".join(f'<td class="number">{cell}</td>' for cell in cells)
            + "</tr>"
        )
    limit = f'<p class="quiet">The best {golden.max_detections} detections of each image and class count.</p>'
    titles = ("figure", "baseline", "candidate", "difference") if compared else ("figure", "candidate")
    return limit + scrolled("COCO figures", table(columns(titles), rows))


def _figure(name: str) -> str:
    return _COCO.get(name) or f"recall, {name.removeprefix('AR')} detections"


def precision_recall_section(curves: Sequence[PrecisionRecall], compared: bool = True) -> str:
    """Curves over all classes, then of single classes; safe HTML."""
    overall = [curve for curve in curves if curve.name == OVERALL]
    classes = [curve for curve in curves if curve.name != OVERALL]
    grid = "".join(_precision_recall(curve, iou) for curve in overall for iou in _ious(curve))
    text = f'<div class="charts">{grid}</div>'
    if classes:
        iou = max(_ious(overall[0]), key=lambda iou: _fall_of_curve(overall[0], iou))
        own = "".join(_precision_recall(curve, iou) for curve in classes)
        first = "the largest fall" if compared else "the lowest AP"
        text += f"<h3>Classes, {first} first</h3><div class='charts small'>{own}</div>"
    return text


def _fall_of_curve(overall: PrecisionRecall, iou: float) -> float:
    """How much lower the candidate's curve lies: where the two differ is worth showing for each class."""
    sums = [sum(overall.curves.get((model, iou), ())) for model in (BASELINE, CANDIDATE)]
    return sums[0] - sums[1]


def _ious(curve: PrecisionRecall) -> list[float]:
    return sorted({iou for _, iou in curve.curves})


def _precision_recall(curve: PrecisionRecall, iou: float) -> str:
    series = [
        Series(model, model, [(place * _RECALL_STEP, value) for place, value in enumerate(points)])
        for model in _MODELS
        if (points := curve.curves.get((model, iou))) is not None
    ]
    of = "all classes, mean" if curve.name == OVERALL else curve.name
    label = f"Precision over recall, {of}, IoU {iou:.2f}"
    return chart_card(f"{of}, IoU {iou:.2f}", line_chart(series, Axis("recall"), Axis("precision"), label))


def errors_section(found: ErrorTypesFound, terms: Terms = OF_A_RUN) -> str:
    """What each type of error costs; safe HTML."""
    sampled = (
        "" if found.images == found.of else f" Counted in a random {found.images:,} of {many(found.of, terms.image)}."
    )
    charts = "".join(chart_card(f"IoU {iou:.2f}", _costs(kinds, iou)) for iou, kinds in found.types.items())
    tables = "".join(_counts(kinds, iou) for iou, kinds in found.types.items())
    return (
        "<p>How much AP would rise if one type of error were put right (TIDE, Bolya et al. 2020), where a box is right "
        "from IoU .50 and from IoU .75: boxes that are only drawn badly show at .75. The types overlap, so they do not "
        f'add up.{sampled}</p><div class="charts">{charts}</div><details><summary>How often each occurs, among '
        f"detections that are sure enough to count</summary>{tables}</details>"
    )


def _costs(kinds: Sequence[ErrorTypeCost], iou: float) -> str:
    rows = [
        BarPair(
            _ERROR_WORDS.get(kind.name, kind.name), _rounded(kind.cost.get(BASELINE)), round(kind.cost[CANDIDATE], 4)
        )
        for kind in kinds
    ]
    return paired_bars(rows, f"AP at IoU {iou:.2f} that this type of error costs")


def _rounded(cost: float | None) -> float | None:
    return None if cost is None else round(cost, 4)


def _counts(kinds: Sequence[ErrorTypeCost], iou: float) -> str:
    models = [model for model in (BASELINE, CANDIDATE) if kinds and model in kinds[0].count]
    rows = (
        f'<tr><th scope="row">{safe(kind.name)}</th>'
        + "".join(f'<td class="number">{kind.count[model]:,}</td>' for model in models)
        + "</tr>"
        for kind in kinds
    )
    return table(columns((f"IoU {iou:.2f}", *models)), rows)


def serving_section(serving: Serving) -> str:
    """A table of latency and size of both models; safe HTML."""
    rows = (
        _cost_row("a single image, median", _latency, serving, serving.latency_ratio),
        _cost_row("files of the model", _size, serving, serving.size_ratio),
    )
    head = "<td></td>" + columns(("baseline", "candidate", "ratio"))
    caption = (
        "<caption>Both models in one process of the machine that evaluated them, one after the other image by image. "
        "Limits are evaluator.max_latency_ms, max_latency_ratio and max_size_ratio; none is set by default.</caption>"
    )
    return scrolled("Latency and size", table(head, rows, caption=caption))


def _cost_row(name: str, shown: Callable[[ServingFigures], str], serving: Serving, ratio: float | None) -> str:
    before = shown(serving.baseline) if serving.baseline else NOTHING
    cells = (before, shown(serving.candidate), NOTHING if ratio is None else f"{ratio:.2f} x")
    numbers = "".join(f'<td class="number">{cell}</td>' for cell in cells)
    return f'<tr><th scope="row">{name}</th>{numbers}</tr>'


def _latency(figures: ServingFigures) -> str:
    return f"{number(figures.latency_ms)} ms"


def _size(figures: ServingFigures) -> str:
    return megabytes(figures.size_bytes)
