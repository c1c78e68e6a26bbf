"""Precision over recall and F1 over the score: of all classes and of those that changed most, all on equal axes."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from ratchet.components.pages.chart_parts import chart_card
from ratchet.components.pages.html import render
from ratchet.components.pages.line_chart import Axis, Marker, Series, line_chart
from ratchet.components.review.content import OVERALL, ClassCurves, Curves
from ratchet.schemas.artifacts.evaluation import BASELINE, CANDIDATE

_CHARTED = 8  # classes; the table has all
_MOST_ROWS = 300
_RECALL_STEP = 0.01
_SHARE = (0.0, 1.0)
_F1_IOU = 0.5
_MODELS = (BASELINE, CANDIDATE)


def curves_section(curves: Curves, compared: bool = True) -> Markup:
    """Charts over all classes, then of single classes, and every class's operating point.

    Args:
        curves: of both models.
        compared: whether there is a baseline.
    """
    overall = [curve for curve in curves.classes if curve.name == OVERALL][:1]
    classes = curves.classes[len(overall) :]
    own_iou = max(_ious(overall), key=lambda iou: _fall(overall[0], iou)) if overall else 0.0
    return render(
        "review/templates/curves.html",
        overall=[_f1(curves, each) for each in overall]
        + [_recall(each, iou) for each in overall for iou in _ious(overall)],
        classes=[(each.name, [_f1(curves, each), _recall(each, own_iou)]) for each in classes[:_CHARTED]],
        own_iou=own_iou,
        charted=min(_CHARTED, len(classes)),
        count=len(classes),
        compared=compared,
        models=[model for model in _MODELS if overall and model in overall[0].f1],
        points=[
            (each.name, {model: point for (model, iou), point in each.points.items() if iou == _F1_IOU})
            for each in classes[:_MOST_ROWS]
        ],
        more=max(len(classes) - _MOST_ROWS, 0),
    )


def curves_gist(curves: Curves) -> str:
    """What is inside, in a line: the best mean F1 of each model."""
    best = {model: point for (model, _), point in curves.classes[0].points.items()} if curves.classes else {}
    told = [f"{model} {best[model].f1:.2f}" for model in _MODELS if model in best]
    return f"best mean F1: {', '.join(told)}" if told else ""


def _ious(overall: Sequence[ClassCurves]) -> list[float]:
    return sorted({iou for curve in overall for _, iou in curve.precision})


def _fall(overall: ClassCurves, iou: float) -> float:
    """How much lower the candidate's curve lies: where the two differ is worth showing for each class."""
    sums = [sum(overall.precision.get((model, iou), ())) for model in _MODELS]
    return sums[0] - sums[1]


def _recall(curve: ClassCurves, iou: float) -> Markup:
    """Precision over recall; at IoU .5 with the operating point of a class."""
    series = [
        Series(
            model,
            model,
            [(place * _RECALL_STEP, value) for place, value in enumerate(points)],
            _at(curve, (model, iou), "recall", "precision") if curve.name != OVERALL else (),
        )
        for model in _MODELS
        if (points := curve.precision.get((model, iou))) is not None
    ]
    label = f"Precision over recall, {_named(curve)}, IoU {iou:.2f}"
    chart = line_chart(series, Axis("recall", ends=_SHARE), Axis("precision", ends=_SHARE), label)
    return chart if curve.name != OVERALL else chart_card(f"Precision over recall, IoU {iou:.2f}", chart)


def _f1(curves: Curves, curve: ClassCurves) -> Markup:
    """F1 over the score, IoU .5, with the operating point."""
    series = [
        Series(model, model, list(zip(curves.scores, curve.f1[model])), _at(curve, (model, _F1_IOU), "score", "f1"))
        for model in _MODELS
        if model in curve.f1
    ]
    label = f"F1 over the score, {_named(curve)}, IoU 0.50"
    ends = (curves.scores[0], curves.scores[-1])
    chart = line_chart(series, Axis("score (confidence)", ends=ends), Axis("F1", ends=_SHARE), label)
    return chart if curve.name != OVERALL else chart_card("F1 over the score, IoU 0.50", chart)


def _named(curve: ClassCurves) -> str:
    return "all classes, mean" if curve.name == OVERALL else curve.name


def _at(curve: ClassCurves, of: tuple[str, float], x: str, y: str) -> list[Marker]:
    """Where detections begin to count."""
    point = curve.points.get(of)
    if point is None:
        return []
    words = f"{of[0]}, from a score of {point.score:.2f}: precision {point.precision:.2f}, recall {point.recall:.2f}"
    return [Marker(getattr(point, x), getattr(point, y), f"{words}, F1 {point.f1:.2f}")]
