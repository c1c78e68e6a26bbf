"""Every subset of a pair's files: explained without a failure, and no cause without the file that would test it."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from benchmarks.explain_pairs.asked import (
    CONFIGS,
    DATA,
    GOLDEN,
    LOGS,
    NEEDS,
    RESULTS,
    cause_of,
    groups_of,
    only,
)
from ratchet.pipeline.explain.explain import explain
from ratchet.pipeline.explain.request import ExplainRequest
from ratchet.pipeline.explain.text import explained_json, explained_text
from ratchet.schemas.artifacts.diagnosis import Diagnosis, DiagnosisState
from ratchet.schemas.base.errors import InputError

# What has to be there for a cause to be tested, one of several; every part of one.
_TESTED_BY: dict[str, tuple[frozenset[str], ...]] = {
    "learning_rate_too_high": (frozenset({CONFIGS}), frozenset({LOGS})),
    "learning_rate_too_low": (frozenset({CONFIGS}), frozenset({LOGS})),
    "augmentation": (frozenset({CONFIGS}),),
    "pipeline": (frozenset({CONFIGS}),),
    "overfitting": (frozenset({CONFIGS}), frozenset({DATA})),
    "forgetting": (frozenset({DATA}),),
    "dataset_shift": (frozenset({DATA}),),
    "annotation": (frozenset({DATA}),),
    "evaluation_set": (frozenset({CONFIGS}), frozenset({LOGS}), frozenset({RESULTS}), frozenset({GOLDEN, DATA})),
}


def subsets(groups: tuple[str, ...]) -> Iterator[frozenset[str]]:
    """All but the empty one, the larger ones first."""
    for size in range(len(groups), 0, -1):
        yield from map(frozenset, itertools.combinations(groups, size))


def is_whole(groups: frozenset[str]) -> bool:
    """Whether every group has what it belongs to, and there is anything to compare."""
    return all(NEEDS.get(group, group) in groups for group in groups) and bool(groups & {CONFIGS, LOGS, RESULTS, DATA})


def faults_of_every_subset(request: ExplainRequest) -> Iterator[str]:
    """What is wrong with the answers to parts of a request.

    Args:
        request: with everything.
    """
    for groups in subsets(groups_of(request)):
        fault = fault_of(only(request, groups), groups)
        if fault:
            yield f"{', '.join(sorted(groups))}: {fault}"


def fault_of(request: ExplainRequest, groups: frozenset[str]) -> str:
    """What is wrong with one answer; empty where nothing is."""
    try:
        explained = explain(request)
    except InputError as error:
        return f"refused: {error}" if is_whole(groups) else ""
    explained_text(explained)
    explained_json(explained)
    return fault_of_answer(explained.diagnosis, groups)


def fault_of_answer(diagnosis: Diagnosis, groups: frozenset[str]) -> str:
    """Whether a diagnosis failed, or names what these files cannot test; empty where neither."""
    cause = diagnosis.cause
    if cause.state is DiagnosisState.FAILED:
        return f"failed: {cause.sentence}"
    if cause.state is not DiagnosisState.NAMED:
        return ""
    if not any(needed <= groups for needed in _TESTED_BY[cause.name]):
        return f"names {cause_of(diagnosis)}, which nothing here tests"
    if cause.name != "evaluation_set" and not groups & {RESULTS, LOGS}:
        return f"names {cause_of(diagnosis)}, and nothing here says that mAP fell"
    return ""
