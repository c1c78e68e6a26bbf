"""What `ratchet evaluate` prints: one JSON object, or tables for a terminal."""

from __future__ import annotations

import dataclasses
from typing import Any

from ratchet.pipeline.past.result import NOISE_ADVICE
from ratchet.pipeline.terminal.plain_text import cut, table
from ratchet.schemas.artifacts.decisions import Decision, Verdict
from ratchet.schemas.artifacts.evaluation import COCO_LIMIT, DataSetEvaluation, Delta, ModelScores
from ratchet.schemas.base.differences import Clarity, detectable, measured
from ratchet.schemas.base.formatting import and_more, difference, interval, many, score
from ratchet.schemas.base.visible import visible_line

_SHOWN_CLASSES = 20
_ABOUT_MAP = ({"map_drop"}, {"map_interval"}, {"map_drop", "map_interval"})  # nothing but the difference failed
_SHOWN_NAME = 32  # characters
_MEANING = {
    Verdict.PUSHED: "the candidate may replace the baseline",
    Verdict.BLOCKED: "the candidate may not be served",
    Verdict.INCONCLUSIVE: "the data cannot tell whether the candidate is as good as the baseline",
    Verdict.BOOTSTRAPPED: "no baseline was given; the candidate could be a first model",
}


def evaluation_json(scored: DataSetEvaluation, decision: Decision) -> dict[str, Any]:
    """The object that `--json` prints; null where a figure or a difference is undefined."""
    deltas = scored.deltas
    return {
        **_scores(scored.candidate),
        "baseline": _scores(scored.baseline) if scored.baseline else None,
        "delta": deltas
        and {
            "AP": _delta(deltas.overall),
            "per_class": {name: _delta(deltas.per_class.get(name)) for name in scored.candidate.per_class},
            "per_slice": {name: _delta(deltas.per_slice.get(name)) for name in scored.candidate.per_slice},
        },
        "images": scored.images,
        "max_detections": scored.max_detections,
        "verdict": decision.verdict.value,
        "reasons": [dataclasses.asdict(reason) for reason in decision.explaining],
    }


def evaluation_text(scored: DataSetEvaluation, decision: Decision) -> str:
    """Tables of the COCO figures, classes and slices, then the verdict with its reasons."""
    lines = _coco_table(scored)
    lines += ["", *_part_table("class", scored.candidate.per_class, scored, "per_class")]
    if scored.candidate.per_slice:
        lines += ["", *_part_table("slice", scored.candidate.per_slice, scored, "per_slice")]
    lines += ["", f"{decision.verdict.value}: {_MEANING[decision.verdict]}"]
    lines += [] if decision.evaluation_broken else _told_apart(scored)
    lines += [f"  {visible_line(reason.sentence)}" for reason in decision.failures]
    lines += [f"  warning: {visible_line(reason.sentence)}" for reason in decision.warnings]
    if {reason.rule for reason in decision.failures} in _ABOUT_MAP and _is_noise(scored):
        lines.append(f"  {NOISE_ADVICE}")
    return "\n".join(lines)


def _is_noise(scored: DataSetEvaluation) -> bool:
    return scored.deltas is not None and scored.deltas.overall.clarity is Clarity.NOISE


def _told_apart(scored: DataSetEvaluation) -> list[str]:
    """Whether mAP differs, and how small a difference these images show."""
    overall = scored.deltas and scored.deltas.overall
    if not overall:
        return []
    lines = [f"  {measured(overall.value, overall.interval)}"] if _is_noise(scored) else []
    if overall.minimum_detectable is not None:
        smallest, images = detectable(overall.minimum_detectable), many(scored.images, "image")
        lines.append(f"  differences of mAP below {smallest} cannot be told reliably with these {images}")
    return lines


def _scores(scores: ModelScores) -> dict[str, Any]:
    return {"coco": _known(scores.coco), "per_class": _known(scores.per_class), "per_slice": _known(scores.per_slice)}


def _known(figures: dict[str, float]) -> dict[str, float | None]:
    return {name: value if value >= 0 else None for name, value in figures.items()}


def _delta(delta: Delta | None) -> dict[str, float | None]:
    """A difference; all of it null for a class without an object, of which there is none."""
    return {name: getattr(delta, name, None) for name in ("value", "lo", "hi", "minimum_detectable")}


def _coco_table(scored: DataSetEvaluation) -> list[str]:
    baseline = scored.baseline
    rows: list[tuple[str, ...]] = [("", "candidate", "baseline", "change", "") if baseline else ("", "candidate")]
    for name, value in scored.candidate.coco.items():
        ends = interval(scored.deltas.overall.interval, "") if name == "AP" and scored.deltas else ""
        compared = _compared(value, baseline.coco[name], ends) if baseline else ()
        rows.append((name, score(value), *compared))
    lines = table(rows, " rrr")
    return lines if scored.max_detections == COCO_LIMIT else [*lines, _limit(scored.max_detections)]


def _limit(max_detections: int) -> str:
    return f"of each image and class the best {max_detections} detections count; COCO takes {COCO_LIMIT}"


def _part_table(title: str, aps: dict[str, float], scored: DataSetEvaluation, group: str) -> list[str]:
    support = scored.class_support if group == "per_class" else scored.slice_support
    deltas: dict[str, Delta] = getattr(scored.deltas, group) if scored.deltas else {}
    others: dict[str, float] = getattr(scored.baseline, group) if scored.baseline else {}
    names = sorted(aps, key=lambda name: _damage(deltas.get(name))) if deltas else list(aps)
    rows: list[tuple[str, ...]] = [(title, "objects", "AP", *(("baseline", "change", "") if others else ()))]
    for name in names[:_SHOWN_CLASSES]:
        ends = interval(deltas[name].interval, "") if name in deltas else ""
        compared = _compared(aps[name], others[name], ends) if others else ()
        rows.append((_name(name), str(support[name].objects), score(aps[name]), *compared))
    more = and_more(len(names) - _SHOWN_CLASSES)
    return [*table(rows, " rrrr"), *([f"...{more}; --json has all"] if more else [])]


def _compared(value: float, other: float, ends: str) -> tuple[str, str, str]:
    change = None if min(value, other) < 0 else value - other
    return score(other), difference(change), ends


def _name(name: str) -> str:
    return cut(visible_line(name), _SHOWN_NAME)


def _damage(delta: Delta | None) -> float:
    return delta.value if delta and delta.value is not None else float("inf")
