"""What looks like a mistake of whoever gave the files, and changes no figure: warnings; pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ratchet.components.coco.entries import Entries
from ratchet.components.map_evaluator.detection_limits import written_limit, written_objects
from ratchet.components.map_evaluator.traces import is_dense
from ratchet.components.metrics.match_table import MatchTable
from ratchet.schemas.artifacts.decisions import Reason
from ratchet.schemas.artifacts.evaluation import BASELINE, CANDIDATE, DataSetEvaluation
from ratchet.schemas.base.checked_json import shown
from ratchet.schemas.base.formatting import many, score
from ratchet.schemas.data.columns import DetectionColumns, TruthColumns

_HIGH = 0.1  # a score that tools cut at for people to look at, not to measure; COCO's own are cut at .05 or lower
_ENOUGH = 20  # detections
_FEW_VALUES, _GLANCE = 11, 10_000  # scores of so few values among the first detections are rounded, or all alike


def repeated_ids(annotations: Entries) -> list[Reason]:
    """A warning where annotations share an id, by which pycocotools knows them; here each of them counts.

    Args:
        annotations: of the ground truth.
    """
    ids = [annotations[index].get("id") for index in range(len(annotations))]
    first: dict[Any, int] = {}
    repeats = [
        index for index, key in enumerate(ids) if type(key) in (int, str) and first.setdefault(key, index) != index
    ]
    if not repeats:
        return []
    index = repeats[0]
    key = ids[index]
    told = (
        f"{many(len(repeats), 'annotation')} of {len(ids)} with an id that an earlier one has, the first {shown(key)} "
        f"of annotations[{first[key]}] and annotations[{index}]; each counts as an object, so look for objects that "
        "stand in the file twice, and give each annotation its own id"
    )
    return [_warning("trust:annotation_ids", "annotations that each have their own id", told)]


def weak_baseline(scored: DataSetEvaluation, min_map: float | None) -> list[Reason]:
    """A warning of a baseline with an mAP that no candidate may have: whatever beats it shows nothing.

    Args:
        scored: the figures.
        min_map: the least that a candidate must have; None for no such rule.
    """
    found = scored.baseline.coco["AP"] if scored.baseline else -1.0
    if min_map is None or not 0 <= found < min_map:
        return []
    told = (
        f"{score(found)}: it measures next to nothing, and almost any candidate beats it; a wrong file, boxes in "
        "another form and classes in another order look like this"
    )
    return [_warning("trust:baseline", f"a baseline with an mAP of at least {min_map:g} (evaluator.min_map)", told)]


def cut_scores(found: Mapping[str, DetectionColumns]) -> list[Reason]:
    """A warning where detections end at a score as if cut there: AP counts those of low scores too, and is lower then.

    Whether two models were cut alike is asked elsewhere (`comparability.py`).

    Args:
        found: the detections, by model.
    """
    seen = []
    for model, each in found.items():
        if len(each.scores) >= _ENOUGH and _is_cut(each.scores):
            seen.append(f"the {model} has no score below {each.scores.min():.3f}")
    if not seen:
        return []
    told = (
        f"{' and '.join(seen)}, as if cut there: AP counts detections of low scores too, so it is less than that of "
        "all of them; write them with a threshold of .001 (conf=0.001, score_thr)"
    )
    return [_warning("trust:scores", f"detections down to scores below {_HIGH:g}", told)]


def _is_cut(scores: np.ndarray) -> bool:
    if scores.min() < _HIGH or scores.max() > 1:
        return False
    return len(np.unique(scores[:_GLANCE])) > _FEW_VALUES and is_dense(scores)


def written_limits(
    truth: TruthColumns, images: int, perfect: MatchTable, found: Mapping[str, DetectionColumns]
) -> list[Reason]:
    """What to say where all files were cut at so many detections of an image that objects are left without one.

    Args:
        truth: the objects.
        images: how many there are.
        perfect: matches of the ground truth fed back as detections.
        found: the detections, by model.
    """
    counts = {model: np.bincount(each.image, minlength=images) for model, each in found.items()}
    objects = np.bincount(truth.image[~truth.is_crowd], minlength=images)
    limit = written_limit(counts[CANDIDATE], objects)
    if limit is None or any(each.max(initial=0) > limit for each in counts.values()):
        return []  # one that has more is not cut, and the two are told apart by that
    return written_objects(perfect, limit, is_compared=BASELINE in found)


def same_detections(found: Mapping[str, DetectionColumns]) -> list[Reason]:
    """A warning where both models have the same detections, in any order: such a comparison always passes.

    Args:
        found: the detections, by model.
    """
    if BASELINE not in found or not _are_same(found[CANDIDATE], found[BASELINE]):
        return []
    told = (
        f"the same {many(len(found[CANDIDATE].scores), 'detection')} in both: a model compared with itself always "
        "passes; see that both options name the file that they should"
    )
    return [_warning("trust:same_detections", "a candidate and a baseline that are two models", told)]


def _are_same(one: DetectionColumns, other: DetectionColumns) -> bool:
    if len(one.scores) != len(other.scores):
        return False
    columns = [vars(one), vars(other)]
    if all(np.array_equal(columns[0][name], columns[1][name]) for name in columns[0]):
        return True
    if not np.array_equal(np.sort(one.scores), np.sort(other.scores)):  # cheaper than to sort all of it
        return False
    return np.array_equal(_sorted(one), _sorted(other))


def _sorted(found: DetectionColumns) -> np.ndarray:
    """[m, 7], rows in an order that does not depend on that of the file."""
    rows = np.column_stack([found.image, found.labels, found.scores, found.boxes_xywh_px])
    return rows[np.lexsort(rows.T)]


def _warning(rule: str, expected: str, actual: str) -> Reason:
    return Reason(rule, expected, actual, passed=True, warning=True)
