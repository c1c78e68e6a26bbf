"""Can this evaluation be believed? Pure.

It is tried on detections of which the answer is known, on the golden set that it should have, and on the bytes of the
models from beginning to end.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ratchet.components.map_evaluator.detection_limits import highest_map
from ratchet.components.metrics.accumulator import Accumulator
from ratchet.components.metrics.average_precision import mean_average_precision
from ratchet.components.metrics.limits import MAX_DETECTIONS
from ratchet.components.metrics.match_table import MatchTable
from ratchet.components.metrics.matching import best_of_each_class, match
from ratchet.schemas.artifacts.decisions import GOLDEN_BUDGET, Reason
from ratchet.schemas.artifacts.evaluation import BASELINE, CANDIDATE
from ratchet.schemas.base.errors import StateError
from ratchet.schemas.base.formatting import listed, many, score
from ratchet.schemas.data.columns import DetectionColumns, TruthColumns, rows_of

_LISTED = 5
_NEARLY_SPENT = 0.8  # of the golden budget; with spans every night, some weeks are left to label another set
_ROUNDING = 1e-9
_ALIKE = 0.9  # of images labelled that much alike, places cannot be told apart


@dataclass(frozen=True)
class PermutedScores:
    """What remains of mAP on a sample of images when detections change places: a permutation test.

    Attributes:
        before: mAP of the model.
        after: mAP of the model, each image given the detections of another.
        alike: mAP of the ground truth itself when it changes places; near 1 if all images are labelled alike.
        images: in the sample.
    """

    before: float
    after: float
    alike: float
    images: int


def perfect_detections(truth: TruthColumns) -> tuple[TruthColumns, DetectionColumns]:
    """The ground truth fed back as detections, of which a sound evaluation must say 1.0.

    Args:
        truth: of several images.

    Returns:
        The objects that count, and one sure detection of each.
    """
    objects = rows_of(truth, ~truth.is_crowd)
    return objects, DetectionColumns(objects.image, objects.boxes_xywh_px, objects.labels, np.ones(len(objects.labels)))


def permuted_scores(
    image_ids: np.ndarray, truth: TruthColumns, detections: DetectionColumns, max_detections: int = MAX_DETECTIONS
) -> PermutedScores:
    """Gives every image the detections of the next one.

    Args:
        image_ids: [i] ascending.
        truth: their objects.
        detections: what a model found in them.
        max_detections: how many count of each image and class.
    """
    countable, perfect = perfect_detections(truth)
    rows = np.sort(best_of_each_class(perfect, max_detections)[0])  # how alike labels are is no matter of the limit
    countable, perfect = rows_of(countable, rows), rows_of(perfect, rows)
    return PermutedScores(
        before=_map(image_ids, truth, detections, max_detections),
        after=_map(image_ids, truth, _permuted(detections, len(image_ids)), max_detections),
        alike=_map(image_ids, countable, _permuted(perfect, len(image_ids)), max_detections),
        images=len(image_ids),
    )


def _permuted(found: DetectionColumns, images: int) -> DetectionColumns:
    return DetectionColumns((found.image + 1) % max(1, images), found.boxes_xywh_px, found.labels, found.scores)


def _map(image_ids: np.ndarray, truth: TruthColumns, detections: DetectionColumns, max_detections: int) -> float:
    matches = Accumulator.create()
    matches.add(match(image_ids, truth, detections, max_detections))
    return mean_average_precision(matches.table())


def known_answers(perfect: MatchTable, shuffled: Mapping[str, PermutedScores]) -> list[Reason]:
    """Whether detections with a known answer got it.

    Args:
        perfect: matches of `perfect_detections`.
        shuffled: `permuted_scores` of each model.
    """
    score, highest = mean_average_precision(perfect), highest_map(perfect)
    beyond = "" if highest == 1 else f", {highest:.6g} at {perfect.max_detections} detections an image and class"
    nothing = mean_average_precision(
        dataclasses.replace(perfect, detections=perfect.detections[:0], detection_image=perfect.detection_image[:0])
    )
    return [
        Reason(
            "trust:perfect_detections",
            f"the ground truth fed back as detections scores 1{beyond}",
            f"it scores {score:.6g}" + ("" if score >= highest - _ROUNDING else f"; {_not_found(perfect)}"),
            passed=score >= highest - _ROUNDING,
        ),
        Reason("trust:no_detections", "no detections at all score 0", f"they score {nothing:.6g}", passed=nothing == 0),
        *(_shuffled(model, scores) for model, scores in shuffled.items()),
    ]


def _not_found(perfect: MatchTable) -> str:
    missed = perfect.detection_image[perfect.detections["tp"] & np.uint64(1) == 0]
    ids = np.unique(perfect.image_ids[missed])
    if not ids.size:
        return "there is no ground truth" if not perfect.truth.size else "labelled areas contradict their boxes"
    where = listed(ids.tolist(), _LISTED)
    return f"{len(missed)} objects that no detector can find (boxes without area?) in images {where}"


def _shuffled(model: str, scores: PermutedScores) -> Reason:
    tested = scores.images > 1 and scores.before > 0 and scores.alike < _ALIKE
    shown = (
        f"mAP {score(scores.before)} with its own detections, {score(scores.after)} with those of other images "
        f"({many(scores.images, 'image')})"
    )
    return Reason(
        rule=f"trust:shuffled_detections:{model}",
        expected=f"the {model}'s mAP falls when its detections are given to other images",
        actual=shown if tested else f"{shown}: not tested",
        passed=not tested or scores.after < scores.before,
        tested=tested,
    )


def golden_digest(read: str, expected: str, recorded: str | None, accept_new: bool) -> Reason:
    """Whether the images that were evaluated are the golden set.

    Args:
        read: digest of what the models saw.
        expected: digest of the golden set that this run was given.
        recorded: digest of the one the baseline was accepted on; None without a baseline.
        accept_new: whether that one may differ.
    """
    known = recorded is None or accept_new or recorded == expected
    which = expected if known else f"{recorded}"
    return Reason(
        rule="trust:golden_digest",
        expected="the golden set of this run"
        + ("" if recorded is None or accept_new else ", which is the one recorded at the last push"),
        actual="it is the same" if known and read == expected else "it is another one",
        passed=known and read == expected,
        measure=f"digest {read[:12]}, expected {which[:12]}",
    )


def sound_areas(mended: str) -> list[Reason]:
    """A warning where areas of the golden set contradict their boxes, by which objects are small, medium or large."""
    if not mended:
        return []
    return [Reason("trust:areas", "areas of objects that fit their boxes", mended, passed=True, warning=True)]


def enough(images: int, objects: int, min_images: int, min_objects: int) -> Reason:
    """Whether the golden set is large enough to decide anything; classes that are too small are listed elsewhere."""
    return Reason(
        rule="trust:enough",
        expected=f"at least {min_images} golden images with {min_objects} objects in all",
        actual=f"{many(images, 'image')} with {many(objects, 'object')}",
        passed=images >= min_images and objects >= min_objects,
    )


def golden_budget(uses: int, budget: int) -> Reason:
    """Whether a golden set may decide once more: what is chosen so often on one set is fitted to it.

    Args:
        uses: decisions that it has made, whatever they were.
        budget: how many it may make; from a share of them on, a warning.
    """
    look = uses + 1
    spent, is_near = look > budget, look >= _NEARLY_SPENT * budget
    advice = (
        "renew the golden set, or raise the budget by its name" if spent else "renew the golden set before it is spent"
    )
    return Reason(
        rule=GOLDEN_BUDGET,
        expected=f"at most {budget} decisions with one golden set (evaluator.golden_budget)",
        actual=f"this is decision {look} of {budget}" + (f"; {advice}" if is_near else ""),
        passed=not spent,
        warning=is_near and not spent,
    )


def check_baseline(directory: str, found: str, recorded: str, version: str) -> None:
    """Whether this run's copy of the served model is still what BaselineReader copied.

    Args:
        directory: the copy.
        found: its digest now.
        recorded: the digest that the registry has of it.
        version: what it is served as.

    Raises:
        StateError: it is not.
    """
    if found != recorded:
        raise StateError(
            f"{BASELINE} ({directory}): its content digest is {found[:12]}, that of the served version {version} is "
            f"{recorded[:12] or 'not recorded'}, so nothing is blessed; put the files of that version there again, and "
            "give the same command"
        )


def check_unchanged(directory: str, before: str, after: str) -> None:
    """Whether the candidate is what it was before it was loaded.

    Args:
        directory: the candidate.
        before: its digest then.
        after: its digest when all was measured.

    Raises:
        StateError: it was altered.
    """
    if before != after:
        raise StateError(
            f"{CANDIDATE} ({directory}): its files changed while they were measured (content digest {before[:12]} "
            f"before, {after[:12]} after), so nothing is blessed; give the same command again, which measures what is "
            "there then"
        )
