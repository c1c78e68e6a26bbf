"""What was decided before, what people decided against it, and where everything came from."""

from __future__ import annotations

import datetime

from ratchet.components.pages.line_chart import Axis, Marker, Series, line_chart
from ratchet.components.pages.tables import columns, scrolled, table
from ratchet.components.pages.text import safe
from ratchet.components.review.content import ReviewContent
from ratchet.components.review.sections.next_steps import command
from ratchet.components.review.sections.wording import NOTHING, ap, change, shortened
from ratchet.schemas.artifacts.decisions import Verdict
from ratchet.schemas.artifacts.evaluation import BASELINE, CANDIDATE
from ratchet.schemas.artifacts.history import RecordedDecision
from ratchet.schemas.artifacts.overrides import Override, OverrideKind
from ratchet.schemas.artifacts.training_record import TrainedData, TrainingRecord
from ratchet.schemas.base.differences import NO_DIFFERENCE, Clarity, clarity
from ratchet.schemas.base.formatting import minute, score

_MOST_RUNS = 200
_NAMES = {
    "examples": "new span",
    "golden": "golden set",
    "baseline": "baseline",
    "decision": "data gate's decision",
    "model": "candidate",
    "evaluation": "evaluation",
    "pushed_model": "push",
}


def override_banner(content: ReviewContent) -> str:
    """Says at the top of a page that the baseline is served by a person's decision; empty if it was pushed."""
    override = content.history.current
    if override is None:
        return ""
    today = datetime.datetime.fromisoformat(content.made_at).date()
    expired = override.expired(today)
    words = f"The baseline of this run, version {override.version}, {_words(override)}."
    if expired:
        words += " That approval has expired: roll back, or approve again, unless this run's candidate took its place."
    return f'<div class="banner {"reject" if expired else "warn"}"><p>{safe(words, 1200)}</p></div>'


def _words(override: Override) -> str:
    if override.kind is OverrideKind.ROLLED_BACK:
        restored = f" (the model of version {override.restored})" if override.restored else ""
        return f"is served since a rollback{restored} by {override.by} on {override.at[:10]}: {override.reason}"
    broken = ", although the evaluation was broken" if override.evaluation_broken else ""
    return (
        f"was blocked by run {override.run_id} and approved by {override.by} on {override.at[:10]} until "
        f"{override.expires}{broken}: {override.reason}"
    )


def past_section(content: ReviewContent) -> str:
    """mAP over all past runs, and everything that was decided; safe HTML."""
    runs = [*content.history.runs, *_this_run(content)]
    parts = [_chart(runs), _runs_table(runs)]
    if content.history.overrides:
        parts.append(f"<h3>Approvals and rollbacks</h3>{_overrides_table(content.history.overrides)}")
    return "".join(parts)


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


def _chart(runs: list[RecordedDecision]) -> str:
    if not runs:
        return "<p>No candidate was evaluated before.</p>"
    places = list(enumerate(runs, start=1))
    marks = [Marker(place, run.map, f"{run.run_id}: {run.verdict}, mAP {score(run.map)}") for place, run in places]
    series = [
        Series("served after the run", BASELINE, [(place, _served(run)) for place, run in places]),
        Series("candidate", CANDIDATE, [(place, run.map) for place, run in places], marks),
    ]
    chart = line_chart(series, Axis("run", whole=True), Axis("mAP"), "mAP on the golden set over all runs")
    return f'<div class="chart-card wide">{chart}</div>'


def _served(run: RecordedDecision) -> float | None:
    return run.map if Verdict(run.verdict).pushes else run.baseline_map


def _runs_table(runs: list[RecordedDecision]) -> str:
    if not runs:
        return ""
    goldens = list(dict.fromkeys(run.golden_digest for run in runs))
    rows = (
        f'<tr><th scope="row">{safe(run.run_id, 80)}</th><td>{safe(minute(run.decided_at))}</td>'
        f'<td class="number">{run.span}</td><td class="state {run.verdict.lower()}">{safe(run.verdict)}</td>'
        f'<td class="number">{ap(run.baseline_map)}</td><td class="number">{ap(run.map)}</td>'
        f'<td class="number">{change(None if run.baseline_map is None else run.map - run.baseline_map)}</td>'
        f"<td>{goldens.index(run.golden_digest) + 1}</td><td>{safe(_why(run))}</td></tr>"
        for run in reversed(runs[-_MOST_RUNS:])
    )
    titles = ("run", "decided (UTC)", "span", "verdict", "baseline", "candidate", "difference", "golden set", "why")
    note = "" if len(goldens) == 1 else '<p class="quiet">mAP on different golden sets cannot be compared.</p>'
    return scrolled("past runs", table(columns(titles), rows)) + note


def _why(run: RecordedDecision) -> str:
    """The first rule that decided against a candidate; of a push, whether there was a difference."""
    if run.reason is None:
        return NO_DIFFERENCE if clarity(run.delta_ci) is Clarity.NOISE else ""
    return shortened(run.reason)


def _overrides_table(overrides: tuple[Override, ...]) -> str:
    titles = ("when (UTC)", "what", "by", "reason", "version", "until")
    rows = (
        f"<tr><td>{safe(minute(entry.at))}</td>"
        f"<td>{safe(_kind(entry))}</td><td>{safe(entry.by, 80)}</td>"
        f"<td>{safe(entry.reason)}</td><td>{safe(entry.version)}</td><td>{safe(entry.expires or NOTHING)}</td></tr>"
        for entry in reversed(overrides)
    )
    return scrolled("approvals and rollbacks", table(columns(titles), rows))


def _kind(entry: Override) -> str:
    if entry.kind is OverrideKind.ROLLED_BACK:
        return f"rolled back to {entry.restored}"
    return f"approved {entry.run_id}" + (", evaluation broken" if entry.evaluation_broken else "")


def lineage_section(content: ReviewContent) -> str:
    """Spans, digests, code, ML Metadata ids; safe HTML."""
    candidate, baseline = content.candidate, content.baseline
    newest = candidate or baseline
    facts = [
        ("run id in ML Metadata", content.run_id),
        ("code", f"Ratchet {content.lineage.code}"),
        ("candidate trained with", f"Ratchet {candidate.ratchet_version}" if candidate else NOTHING),
        ("started from model", (candidate.baseline_digest or "no other model") if candidate else NOTHING),
        ("baseline", f"version {content.served}" if content.served else "none"),
        ("best served on this golden set", _best(content)),
        ("golden set's digest", content.lineage.golden.digest),
        ("span's digest", content.lineage.span.digest),
    ]
    rows = "".join(f'<tr><th scope="row">{name}</th><td><code>{safe(text)}</code></td></tr>' for name, text in facts)
    spans = (
        f"<tr><td class='number'>{data.span}</td><td class='number'>{data.version}</td>"
        f"<td class='number'>{data.images:,}</td><td>{_who(data, candidate, baseline)}</td>"
        f"<td><code>{safe(data.digest)}</code></td></tr>"
        for data in (newest.data if newest else ())
    )
    artifacts = (
        f"<tr><th scope='row'>{_NAMES[name]}</th><td class='number'>{number}</td><td><code>{safe(uri)}</code></td></tr>"
        for name, uri, number in content.lineage.artifacts
        if name in _NAMES
    )
    return (
        f"<table><tbody>{rows}</tbody></table><h3>Spans of the lineage</h3>"
        + scrolled("spans", table(columns(("span", "version", "training images", "trained into", "digest")), spans))
        + "<h3>Artifacts in ML Metadata</h3>"
        + scrolled("artifacts", table(columns(("artifact", "id", "URI")), artifacts))
        + (f"<h3>Started by</h3>{command(content.command)}" if content.command else "")
    )


def _best(content: ReviewContent) -> str:
    mark = content.evaluation and content.evaluation.high_water
    return f"version {mark.version}, mAP {score(mark.map)}" if mark else NOTHING


def _who(data: TrainedData, candidate: TrainingRecord | None, baseline: TrainingRecord | None) -> str:
    in_baseline = baseline is not None and data in baseline.data
    in_candidate = candidate is not None and data in candidate.data
    return " and ".join(name for name, inside in (("baseline", in_baseline), ("candidate", in_candidate)) if inside)
