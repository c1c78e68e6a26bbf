"""Two trainings of any toolkit: what differs between their configurations, and their curves; safe HTML."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ratchet.components.pages.chart_parts import Kind, chart_card
from ratchet.components.pages.line_chart import Axis, Series, line_chart
from ratchet.components.pages.tables import columns, table
from ratchet.components.pages.text import safe
from ratchet.components.review.explain_content import AFTER, BEFORE, ExplainContent
from ratchet.components.toolkits.plan_change import PlanChange
from ratchet.schemas.base.formatting import number
from ratchet.schemas.data.training_plan import Point, TrainingCurves, TrainingPlan

_KINDS: dict[str, Kind] = {BEFORE: "baseline", AFTER: "candidate"}
_NONE = "<p>Give both configurations (--config-before, --config-after) to see what differs.</p>"


def plans_section(content: ExplainContent) -> str:
    """What differs, the toolkits and both curves."""
    files = "".join(
        f"<li>{name}: {safe(plan.toolkit)}, <code>{safe(plan.source, 300)}</code></li>"
        for name, plan in content.plans.items()
    )
    listed = f'<ul class="facts">{files}</ul>' if files else ""
    return f"{listed}{changes_table(content.changes)}{curves(content)}"


def changes_table(changes: Sequence[PlanChange] | None) -> str:
    """The settings that differ."""
    if changes is None:
        return _NONE
    if not changes:
        return "<p>The configurations say the same.</p>"
    rows = (
        f'<tr><th scope="row">{safe(change.name, 200)}</th><td data-of="before">{safe(change.before, 200)}</td>'
        f'<td data-of="after">{safe(change.after, 200)}</td>'
        f'<td class="number" data-of="ratio">{number(change.ratio) if change.ratio is not None else ""}</td></tr>'
        for change in changes
    )
    return table(columns(("setting", "before", "after", "ratio")), rows, "stack")


def curves(content: ExplainContent) -> str:
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
    drawn = "".join(charts)
    return f'<div class="charts">{drawn}</div>' if drawn else ""


def _rates(content: ExplainContent) -> list[Series]:
    return [Series(name, _KINDS[name], _points(plan)) for name, plan in content.plans.items() if plan.rate]


def _points(plan: TrainingPlan) -> Sequence[Point]:
    return plan.rate.points if plan.rate else ()


def _logged(
    content: ExplainContent, title: str, curve: Callable[[TrainingCurves], Sequence[Point]], x: Axis, y: Axis
) -> str:
    series = [Series(name, _KINDS[name], curve(log)) for name, log in content.curves.items() if curve(log)]
    return chart_card(title, _drawn(series, x, y, title.capitalize())) if series else ""


def _drawn(series: Sequence[Series], x: Axis, y: Axis, label: str) -> str:
    return line_chart(series, x, y, label)
