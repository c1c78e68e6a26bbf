"""Where everything of a run came from."""

from __future__ import annotations

from markupsafe import Markup

from ratchet.components.pages.html import render
from ratchet.components.pages.numbers import NOTHING, score
from ratchet.components.review.content import ReviewContent
from ratchet.schemas.artifacts.adoption import Adoption
from ratchet.schemas.artifacts.training_record import TrainedData, TrainingRecord

_NAMES = {
    "examples": "new span",
    "golden": "golden set",
    "baseline": "baseline",
    "decision": "data gate's decision",
    "model": "candidate",
    "evaluation": "evaluation",
    "pushed_model": "push",
}


def lineage_section(content: ReviewContent) -> Markup:
    """Spans, digests, code, ML Metadata ids."""
    candidate, baseline = content.candidate, content.baseline
    newest = candidate or baseline
    facts = [
        ("run id in ML Metadata", content.run_id),
        ("code", f"Ratchet {content.lineage.code}"),
        ("candidate trained with", f"Ratchet {candidate.ratchet_version}" if candidate else NOTHING),
        ("candidate trained on", _device(candidate)),
        ("started from model", (candidate.baseline_digest or "no other model") if candidate else NOTHING),
        ("baseline", f"version {content.served}" if content.served else "none"),
        *_adopted(content.adoption),
        ("best served on this golden set", _best(content)),
        ("golden set's digest", content.lineage.golden.digest),
        ("span's digest", content.lineage.span.digest),
    ]
    return render(
        "review/templates/lineage.html",
        facts=facts,
        spans=[(data, _who(data, candidate, baseline)) for data in (newest.data if newest else ())],
        artifacts=[(_NAMES[name], uri, number) for name, uri, number in content.lineage.artifacts if name in _NAMES],
        command=content.command,
    )


def _adopted(adoption: Adoption | None) -> list[tuple[str, str]]:
    if adoption is None:
        return []
    return [
        ("baseline adopted", f"by {adoption.by} on {adoption.at[:10]}: {adoption.reason}"),
        ("baseline made from", f"{adoption.source} (digest {adoption.source_digest[:12]})"),
    ]


def _device(record: TrainingRecord | None) -> str:
    if record is None or record.dynamics is None:
        return NOTHING
    ran_on = record.dynamics.environment
    return f"{record.devices} x {ran_on.device}, TensorFlow {ran_on.libraries.get('tensorflow', NOTHING)}"


def _best(content: ReviewContent) -> str:
    mark = content.evaluation and content.evaluation.high_water
    return f"version {mark.version}, mAP {score(mark.map)}" if mark else NOTHING


def _who(data: TrainedData, candidate: TrainingRecord | None, baseline: TrainingRecord | None) -> str:
    in_baseline = baseline is not None and data in baseline.data
    in_candidate = candidate is not None and data in candidate.data
    return " and ".join(name for name, inside in (("baseline", in_baseline), ("candidate", in_candidate)) if inside)
