"""Were the detections of the two models written down alike? If not, is the verdict that way's doing? Pure.

A file cut at a score of .5 has a lower mAP than the same file whole, and a model that is compared with it wins for
nothing. So where detections bear traces of how they were written, both models are treated alike and judged again.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Sequence

import numpy as np

from ratchet.components.map_evaluator.blessing import decide
from ratchet.components.map_evaluator.matches import DataSetMatches
from ratchet.components.map_evaluator.scoring import score
from ratchet.components.map_evaluator.settings import EvaluatorSettings
from ratchet.components.map_evaluator.traces import Trace, traces
from ratchet.components.metrics.match_table import MatchTable
from ratchet.schemas.artifacts.decisions import Decision, Reason
from ratchet.schemas.artifacts.evaluation import BASELINE, CANDIDATE, DataSetEvaluation
from ratchet.schemas.base import formatting
from ratchet.schemas.base.formatting import difference

RULE = "trust:comparable"
MATTERS = 0.005  # of mAP: a difference that moves by less is no matter of how detections were written

_SAME_MODELS = "give the candidate the served model's limits: as many detections, from the same score on"


def comparable(
    matches: DataSetMatches,
    decision: Decision,
    class_names: Sequence[str],
    settings: EvaluatorSettings,
    known: Collection[str] | None = None,
    written: Sequence[Trace] | None = None,
) -> list[Reason]:
    """Whether two models can be compared by these detections.

    Args:
        matches: of both models; nothing is said of one.
        decision: what would be decided from them.
        class_names: of the labels 1..K.
        settings: the rules.
        known: the classes that the baseline knows; None for all.
        written: for detections from files, the traces that only these show; None for models of this pipeline.
    """
    if BASELINE not in matches.tables:
        return []
    tables = {model: matches.tables[model] for model in (CANDIDATE, BASELINE)}
    labels = [label for label, name in enumerate(class_names, start=1) if known is None or name in known]
    shared = {model: table.of_labels(labels) for model, table in tables.items()}
    found = [*(written or ()), *traces(shared, files=written is not None)]
    if not found:
        return [_reason("no trace that they were not", passed=True)]
    sure = [trace for trace in found if trace.sure]
    used = [trace for trace in sure or found if trace.alike is not None]
    before = score(dataclasses.replace(matches, tables=tables), class_names, settings, known)
    after = score(_alike(matches, tables, used), class_names, settings, known) if used else before
    pushes, pushes_alike = (decide(each, [], settings).verdict.pushes for each in (before, after))
    of_baseline = [trace for trace in sure if trace.model == BASELINE]
    is_hopeless = any(trace.alike is None for trace in of_baseline)  # nothing is left to judge by
    blocks = decision.verdict.pushes and bool(of_baseline) and (is_hopeless or not pushes_alike)
    moved = abs(_difference(after) - _difference(before)) >= MATTERS
    shown = [trace for trace in found if pushes != pushes_alike or trace.alike is None or (trace.sure and moved)]
    if not shown:
        return [_reason("no trace that matters", passed=True)]
    told = "; ".join(trace.seen for trace in shown)
    fix = "write both files in the same way" if written is not None else _SAME_MODELS
    figures = f"{_told(before, after)}: {fix}" if any(trace in used for trace in shown) else ""
    return [_reason(told + figures, passed=not blocks)]


def _reason(actual: str, passed: bool) -> Reason:
    plain = actual.startswith("no trace")
    return Reason(RULE, "detections of both models that were written down alike", actual, passed, passed and not plain)


def _alike(matches: DataSetMatches, tables: dict[str, MatchTable], used: Sequence[Trace]) -> DataSetMatches:
    whole = tables[CANDIDATE].image_ids
    for trace in used:
        if trace.alike is not None:
            tables = trace.alike(tables)
    kept = np.isin(whole, tables[CANDIDATE].image_ids)
    attributes = {name: values[kept] for name, values in matches.attributes.items()}
    return dataclasses.replace(matches, tables=tables, attributes=attributes)


def _difference(scored: DataSetEvaluation) -> float:
    compared = scored.compared
    if compared.baseline is None:
        return 0.0
    return compared.candidate.coco["AP"] - compared.baseline.coco["AP"]


def _told(before: DataSetEvaluation, after: DataSetEvaluation) -> str:
    as_written, alike = (
        f"{formatting.score(each.compared.candidate.coco['AP'])} against "
        f"{formatting.score(each.compared.baseline.coco['AP'])} ({difference(_difference(each))})"
        for each in (before, after)
        if each.compared.baseline is not None
    )
    return f"; as written the candidate's mAP is {as_written}, treated alike {alike}"
