"""Precision over recall, error types, and how the trainings went."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

from components.pages.chart_parts import Kind
from components.pages.line_chart import Axis, Mark, Series, line_chart
from components.pages.paired_bars import Row, paired_bars
from components.pages.text import safe
from components.review.content import OVERALL, ErrorTypeCost, ErrorTypesFound, PrecisionRecall
from schemas.artifacts.evaluation import BASELINE, CANDIDATE
from schemas.artifacts.training_record import TrainingRecord

_RECALL_STEP = 0.01
_RATE_POINTS = 120

_ERROR_WORDS = {
    "classification": "classification: wrong class",
    "localization": "localization: box fits badly",
    "both": "both: wrong class and bad box",
    "duplicate": "duplicate: found twice",
    "background": "background: nothing there",
    "missed": "missed: not found at all",
}
_MODELS: tuple[Literal["baseline", "candidate"], ...] = (BASELINE, CANDIDATE)


def precision_recall_section(curves: Sequence[PrecisionRecall]) -> str:
    """Curves over all classes, then of single classes; safe HTML."""
    overall = [curve for curve in curves if curve.name == OVERALL]
    classes = [curve for curve in curves if curve.name != OVERALL]
    grid = "".join(_precision_recall(curve, iou) for curve in overall for iou in _ious(curve))
    text = f'<div class="charts">{grid}</div>'
    if classes:
        iou = max(_ious(overall[0]), key=lambda iou: _fall(overall[0], iou))
        own = "".join(_precision_recall(curve, iou) for curve in classes)
        text += f"<h3>Classes, the largest fall first</h3><div class='charts small'>{own}</div>"
    return text


def _fall(overall: PrecisionRecall, iou: float) -> float:
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
    return _titled(f"{of}, IoU {iou:.2f}", line_chart(series, Axis("recall"), Axis("precision"), label))


def _titled(title: str, chart: str) -> str:
    return f'<div class="chart-card"><p class="chart-title">{safe(title, 80)}</p>{chart}</div>'


def errors_section(found: ErrorTypesFound) -> str:
    """What each type of error costs; safe HTML."""
    sampled = (
        "" if found.images == found.of else f" Counted in a random {found.images:,} of {found.of:,} golden images."
    )
    charts = "".join(_titled(f"IoU {iou:.2f}", _costs(kinds, iou)) for iou, kinds in found.types.items())
    tables = "".join(_counts(kinds, iou) for iou, kinds in found.types.items())
    return (
        "<p>How much AP would rise if one type of error were put right (TIDE, Bolya et al. 2020), where a box is right "
        "from IoU .50 and from IoU .75: boxes that are only drawn badly show at .75. The types overlap, so they do not "
        f'add up.{sampled}</p><div class="charts">{charts}</div><details><summary>How often each occurs, among '
        f"detections that are sure enough to count</summary>{tables}</details>"
    )


def _costs(kinds: Sequence[ErrorTypeCost], iou: float) -> str:
    rows = [
        Row(_ERROR_WORDS.get(kind.name, kind.name), _rounded(kind.cost.get(BASELINE)), round(kind.cost[CANDIDATE], 4))
        for kind in kinds
    ]
    return paired_bars(rows, f"AP at IoU {iou:.2f} that this type of error costs")


def _rounded(cost: float | None) -> float | None:
    return None if cost is None else round(cost, 4)


def _counts(kinds: Sequence[ErrorTypeCost], iou: float) -> str:
    models = [model for model in (BASELINE, CANDIDATE) if kinds and model in kinds[0].count]
    head = "".join(f'<th scope="col">{name}</th>' for name in (f"IoU {iou:.2f}", *models))
    body = "".join(
        f'<tr><th scope="row">{safe(kind.name)}</th>'
        + "".join(f'<td class="number">{kind.count[model]:,}</td>' for model in models)
        + "</tr>"
        for kind in kinds
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def training_charts(candidate: TrainingRecord, baseline: TrainingRecord | None) -> str:
    """Learning rate, loss and mAP of validation over the steps; safe HTML."""
    records = {CANDIDATE: candidate} | ({BASELINE: baseline} if baseline else {})
    order: list[Kind] = [name for name in _MODELS if name in records]
    steps = Axis("step", whole=True)
    rate = [Series(name, name, _rates(records[name])) for name in order]
    loss = [Series(name, name, records[name].loss_curve) for name in order]
    best = [Mark(candidate.best_step, "exported")] if candidate.best_step < candidate.steps else []
    charts = [
        _titled("learning rate", line_chart(rate, steps, Axis("learning rate"), "Learning rate over the steps", best)),
        _titled("training loss", line_chart(loss, steps, Axis("loss", log=True), "Training loss over the steps", best)),
        _titled("mAP on held-out training images", _validation(records, order, steps, best)),
        _of_spans(candidate, steps),
    ]
    return f'<div class="charts">{"".join(charts)}</div>'


def _validation(records: Mapping[str, TrainingRecord], order: list[Kind], steps: Axis, best: list[Mark]) -> str:
    series = [Series(name, name, [(point.step, point.map) for point in records[name].validation]) for name in order]
    return line_chart(series, steps, Axis("mAP"), "mAP on held-out training images over the steps", best)


def _of_spans(candidate: TrainingRecord, steps: Axis) -> str:
    """What is gained of the new span, and kept of the earlier ones, while training."""
    points = candidate.validation
    if not any(point.old is not None for point in points):
        return ""
    series = [
        Series("new span", "neutral", [(point.step, point.new) for point in points]),
        Series("earlier spans", "neutral", [(point.step, point.old) for point in points]),
    ]
    chart = line_chart(series, steps, Axis("mAP"), "mAP of the candidate on held-out images of new and earlier spans")
    return _titled("candidate on new and earlier spans", chart)


def _rates(record: TrainingRecord) -> list[tuple[float, float]]:
    every = max(1, record.planned_steps // _RATE_POINTS)
    places = [*range(0, max(1, record.steps), every), max(0, record.steps - 1)]
    return [(step, record.learning_rate.at(step, record.planned_steps)) for step in dict.fromkeys(places)]
