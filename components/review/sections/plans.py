"""Two trainings of any toolkit: what differs between their configurations, and their curves."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from markupsafe import Markup

from ratchet.components.pages.chart_parts import Kind, chart_card
from ratchet.components.pages.html import render
from ratchet.components.pages.line_chart import Axis, Series, line_chart
from ratchet.components.review.explain_content import AFTER, BEFORE, ExplainContent
from ratchet.schemas.base.formatting import listed, many
from ratchet.schemas.data.training_plan import Point, TrainingCurves, TrainingPlan

_KINDS: dict[str, Kind] = {BEFORE: "baseline", AFTER: "candidate"}


def plans_section(content: ExplainContent) -> Markup:
    """What differs, the toolkits and both curves."""
    return render("review/templates/plans.html", plans=content.plans, changes=content.changes, curves=curves(content))


def plans_gist(content: ExplainContent) -> str:
    """Which settings differ, in a line."""
    if not content.changes:
        return ""
    names = [change.name for change in content.changes]
    return f"{many(len(names), 'setting')} differ: {listed(names, 4)}"


def curves(content: ExplainContent) -> Markup:
    """Learning rate, loss and mAP, as far as configurations and logs have them."""
    units = {each.unit for each in content.curves.values()}
    steps = Axis(units.pop() if len(units) == 1 else "step or epoch", whole=True)
    charts = [
        chart_card(
            "learning rate as planned",
            _drawn(_rates(content), Axis("share of the training"), Axis("rate"), "Learning rate as planned"),
        ),
        _logged(content, "learning rate as logged", lambda log: log.rate, steps, Axis("rate")),
        _logged(content, "training loss", lambda log: log.loss, steps, Axis("loss", log=True)),
        _logged(content, "loss on validation images", lambda log: log.validation_loss, steps, Axis("loss", log=True)),
        _logged(content, "mAP on validation images", lambda log: log.map, steps, Axis("mAP")),
    ]
    if not any(plan.rate for plan in content.plans.values()):
        charts = charts[1:]
    return Markup().join(charts)


def _rates(content: ExplainContent) -> list[Series]:
    return [Series(name, _KINDS[name], _points(plan)) for name, plan in content.plans.items() if plan.rate]


def _points(plan: TrainingPlan) -> Sequence[Point]:
    return plan.rate.points if plan.rate else ()


def _logged(
    content: ExplainContent, title: str, curve: Callable[[TrainingCurves], Sequence[Point]], x: Axis, y: Axis
) -> Markup:
    series = [Series(name, _KINDS[name], curve(log)) for name, log in content.curves.items() if curve(log)]
    return chart_card(title, _drawn(series, x, y, title.capitalize())) if series else Markup()


def _drawn(series: Sequence[Series], x: Axis, y: Axis, label: str) -> Markup:
    return line_chart(series, x, y, label)
