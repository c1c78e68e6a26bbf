"""What `ratchet explain` prints: ten lines for a person, one object for a program; pure."""

from __future__ import annotations

import dataclasses
from typing import Any

from ratchet.components.diagnosis.plans.answer import fell, logged_fall, missing_file
from ratchet.components.diagnosis.plans.pair import PlanPair
from ratchet.pipeline.explain.answer import answer_of, first_suspect, is_suspect, title_of
from ratchet.pipeline.explain.explain import Explained
from ratchet.schemas.artifacts.diagnosis import CauseFinding, CauseState
from ratchet.schemas.base.differences import Clarity, detectable
from ratchet.schemas.base.formatting import difference, interval, listed, many, score
from ratchet.schemas.base.visible import visible_line

_FACTS = 3
_NAMED = 6


def explained_text(explained: Explained) -> str:
    """Ten lines or so."""
    told = answer_of(explained)
    lines = [fall_line(explained), told.head, f"  {told.sentence}", *(f"  + {fact}" for fact in told.facts[:_FACTS])]
    lines += _groups(explained.diagnosis.findings, told.cause)
    lines += [f"{told.action_head}: {told.action}"] if told.action else []
    lines += [f"surer with: {surer}" for surer in [surer_with(explained)] if surer]
    lines += [f"note: {note}" for note in explained.notes]
    return "\n".join(visible_line(line) for line in lines)


def fall_line(explained: Explained) -> str:
    """What fell and by how much, and whether it is more than noise."""
    evaluation, pair = explained.bundle.evaluation, explained.bundle.plans
    if evaluation is None:
        return _of_logs(pair)
    golden = evaluation.golden.compared
    delta = explained.bundle.delta
    before = golden.baseline.coco["AP"] if golden.baseline else None
    told = f"mAP {score(before)} -> {score(golden.candidate.coco['AP'])}"
    if evaluation.decision.evaluation_broken:
        return f"{told} on {many(golden.images, 'image')}: figures that say nothing, for the evaluation is flawed"
    if delta is None or delta.value is None or delta.interval is None:
        return f"{told} on {many(golden.images, 'image')}, too few to say how sure that is"
    moved = f"{difference(delta.value)}, 95 % interval {interval(delta.interval)}"
    if delta.clarity is Clarity.CLEAR:
        way = "fell" if delta.value < 0 else "rose"
        return f"mAP {way}: {told.removeprefix('mAP ')} ({moved}) on {many(golden.images, 'image')}: more than noise"
    least = (
        f"; differences below {detectable(delta.minimum_detectable)} cannot be told" if delta.minimum_detectable else ""
    )
    return f"{told} ({moved}) on {many(golden.images, 'image')}: within the noise{least}"


def _of_logs(pair: PlanPair | None) -> str:
    fall = logged_fall(pair) if pair else None
    if fall is None:
        return "whether mAP fell is not shown: no result files, and no logs of both trainings on the same images"
    way = "fell" if fell(fall) else "did not fall"
    return f"mAP {way} by the logs: {score(fall[0])} -> {score(fall[1])} on validation images, of unknown noise"


def _groups(findings: tuple[CauseFinding, ...], named: str) -> list[str]:
    """What else was suspected, what was ruled out, and what could not be tested."""
    others = [each for each in findings if each.cause != named]
    suspects = [each for each in others if is_suspect(each) or each.state is CauseState.SUPPORTED]
    refuted = [each for each in others if each.state is CauseState.REFUTED]
    untested = [each for each in others if each.state is CauseState.NOT_TESTABLE]
    lines = [("suspected too", suspects), ("ruled out", refuted), ("not tested", untested)]
    return [f"{head}: {_listed(group)}" for head, group in lines if group]


def _listed(findings: list[CauseFinding]) -> str:
    titles = dict.fromkeys(
        title_of(each.cause, each.detail if is_suspect(each) or each.state is CauseState.SUPPORTED else "")
        for each in findings
    )
    return listed(list(titles), _NAMED)


def surer_with(explained: Explained) -> str:
    """The file that would make the answer surer, and how it is made with the toolkit that was used."""
    pair = explained.bundle.plans
    if pair is None:
        return ""
    missing = missing_file(explained.bundle, pair).removeprefix("To settle it give ").rstrip(".")
    made = made_by(pair.toolkit) if "--gt" in missing else ""
    return f"{missing}; {made}" if made else missing


_EXPORTED = "run each exported model on the golden images and write COCO results: image_id, category_id, bbox, score"
_MADE_BY = {
    "Ultralytics": "`yolo val model=best.pt data=data.yaml save_json=True` writes predictions.json",
    "MMDetection": (
        "`python tools/test.py CONFIG CHECKPOINT --cfg-options test_evaluator.outfile_prefix=dt` writes dt.bbox.json"
    ),
    "TF Object Detection API": _EXPORTED,
    "tf-models": _EXPORTED,
    "Ratchet": "a run's evaluation/golden holds candidate_detections.json and baseline_detections.json",
}


def made_by(toolkit: str) -> str:
    """How result files are made with a toolkit; empty where none is known."""
    return _MADE_BY.get(toolkit, "")


def explained_json(explained: Explained) -> dict[str, Any]:
    """The object that `--json` prints."""
    diagnosis, bundle = explained.diagnosis, explained.bundle
    delta = bundle.delta
    golden = bundle.evaluation.golden.compared if bundle.evaluation else None
    changes = bundle.plans.changes if bundle.plans else None
    suspect = first_suspect(explained)
    fall = logged_fall(bundle.plans) if bundle.plans and bundle.evaluation is None else None
    return {
        "cause": dataclasses.asdict(diagnosis.cause),
        "findings": [dataclasses.asdict(finding) for finding in diagnosis.findings],
        "first_suspect": suspect.title if suspect else None,
        "suspects": [each.title for each in diagnosis.findings if is_suspect(each)],
        "not_tested": [each.title for each in diagnosis.findings if each.state is CauseState.NOT_TESTABLE],
        "map": golden
        and {
            "before": golden.baseline.coco["AP"] if golden.baseline else None,
            "after": golden.candidate.coco["AP"],
            "difference": delta and delta.value,
            "interval": delta and delta.interval,
        },
        "logged_map": fall and {"before": fall[0], "after": fall[1]},
        "changes": None if changes is None else [dataclasses.asdict(each) for each in changes.changes],
        "other_settings": None if changes is None else [dataclasses.asdict(each) for each in changes.others],
        "surer_with": surer_with(explained),
        "notes": list(explained.notes),
    }
