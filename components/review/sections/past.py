"""What was decided before, what people decided against it, and where everything came from."""

from __future__ import annotations

import datetime
from dataclasses import dataclass

from markupsafe import Markup

from ratchet.components.pages.html import render
from ratchet.components.pages.line_chart import Axis, Marker, Series, line_chart
from ratchet.components.pages.numbers import score
from ratchet.components.review.content import ReviewContent
from ratchet.components.review.sections.wording import shortened
from ratchet.schemas.artifacts.decisions import Verdict
from ratchet.schemas.artifacts.evaluation import BASELINE, CANDIDATE
from ratchet.schemas.artifacts.history import RecordedDecision
from ratchet.schemas.artifacts.overrides import Override, OverrideKind
from ratchet.schemas.base.differences import NO_DIFFERENCE, Clarity, clarity
from ratchet.schemas.base.formatting import many

_MOST_RUNS = 200


@dataclass(frozen=True)
class Banner:
    """A person's decision that holds, and how urgent it is."""

    tone: str
    text: str


def override_banner(content: ReviewContent) -> Banner | None:
    """Says at the top of a page that the baseline is served by a person's decision; None if it was pushed."""
    override = content.history.current
    if override is None:
        return None
    today = datetime.datetime.fromisoformat(content.made_at).date()
    expired = override.expired(today)
    words = f"The baseline of this run, version {override.version}, {_words(override)}."
    if expired:
        words += " That approval has expired: roll back, or approve again, unless this run's candidate took its place."
    return Banner("reject" if expired else "warn", words)


def _words(override: Override) -> str:
    if override.kind is OverrideKind.ROLLED_BACK:
        restored = f" (the model of version {override.restored})" if override.restored else ""
        return f"is served since a rollback{restored} by {override.by} on {override.at[:10]}: {override.reason}"
    if override.kind is OverrideKind.ADOPTED:
        return f"was made elsewhere and adopted by {override.by} on {override.at[:10]}: {override.reason}"
    broken = ", although the evaluation was broken" if override.evaluation_broken else ""
    return (
        f"was blocked by run {override.run_id} and approved by {override.by} on {override.at[:10]} until "
        f"{override.expires}{broken}: {override.reason}"
    )


def past_section(content: ReviewContent) -> Markup:
    """mAP over all past runs, and everything that was decided."""
    runs = [*content.history.runs, *_this_run(content)]
    goldens = list(dict.fromkeys(run.golden_digest for run in runs))
    return render(
        "review/templates/past.html",
        chart=_chart(runs) if runs else None,
        runs=[_Run(run, goldens.index(run.golden_digest) + 1) for run in reversed(runs[-_MOST_RUNS:])],
        goldens=len(goldens),
        overrides=[(entry, _kind(entry)) for entry in reversed(content.history.overrides)],
    )


def past_gist(content: ReviewContent) -> str:
    """How many runs there were, in a line."""
    told = [many(len(content.history.runs), "earlier run")]
    if content.history.overrides:
        told.append(f"{many(len(content.history.overrides), 'approval')} and rollbacks")
    return ", ".join(told)


@dataclass(frozen=True)
class _Run:
    """A run, and which of the golden sets it was measured on."""

    decided: RecordedDecision
    golden: int

    @property
    def difference(self) -> float | None:
        """Of mAP."""
        before = self.decided.baseline_map
        return None if before is None else self.decided.map - before

    @property
    def why(self) -> str:
        """The first rule that decided against a candidate; of a push, whether there was a difference."""
        if self.decided.reason is None:
            return NO_DIFFERENCE if clarity(self.decided.delta_ci) is Clarity.NOISE else ""
        return shortened(self.decided.reason)


def _this_run(content: ReviewContent) -> list[RecordedDecision]:
    if content.evaluation is None or any(run.run_id == content.run_id for run in content.history.runs):
        return []
    evaluation, decision, span = content.evaluation, content.decision, content.lineage.span
    compared, deltas = evaluation.golden.compared, evaluation.golden.deltas
    failures = decision.failures if decision else ()
    return [
        RecordedDecision(
            run_id=content.run_id,
            span=span.span,
            span_version=span.version,
            data_digest=span.digest,
            golden_digest=evaluation.golden_digest,
            verdict=content.verdict.value,
            map=compared.candidate.coco["AP"],
            baseline_map=compared.baseline.coco["AP"] if compared.baseline else None,
            decided_at=content.made_at,
            model="",
            model_digest=evaluation.candidate_digest,
            baseline_version=content.served,
            baseline_digest=evaluation.baseline_digest,
            evaluation="",
            delta=deltas.overall.value if deltas else None,
            delta_ci=deltas.overall.interval if deltas else None,
            reason=failures[0].sentence if failures else None,
            evaluation_broken=bool(decision and decision.evaluation_broken),
        )
    ]


def _chart(runs: list[RecordedDecision]) -> Markup:
    places = list(enumerate(runs, start=1))
    marks = [Marker(place, run.map, f"{run.run_id}: {run.verdict}, mAP {score(run.map)}") for place, run in places]
    series = [
        Series("served after the run", BASELINE, [(place, _served(run)) for place, run in places]),
        Series("candidate", CANDIDATE, [(place, run.map) for place, run in places], marks),
    ]
    spans = Axis("span of the run", whole=True, names=tuple(str(run.span) for run in runs))
    return line_chart(series, spans, Axis("mAP"), "mAP on the golden set over all runs")


def _served(run: RecordedDecision) -> float | None:
    return run.map if Verdict(run.verdict).pushes else run.baseline_map


def _kind(entry: Override) -> str:
    if entry.kind is OverrideKind.ROLLED_BACK:
        return f"rolled back to {entry.restored}"
    if entry.kind is OverrideKind.ADOPTED:
        return "adopted"
    return f"approved {entry.run_id}" + (", evaluation broken" if entry.evaluation_broken else "")
