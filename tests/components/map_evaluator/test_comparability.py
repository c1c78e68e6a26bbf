"""Detections that were not written down alike: what that hides is not pushed, and real models are not refused."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
import pytest

from ratchet.components.map_evaluator.blessing import decide
from ratchet.components.map_evaluator.comparability import RULE, comparable
from ratchet.components.map_evaluator.file_traces import file_traces
from ratchet.components.map_evaluator.matches import Collector
from ratchet.components.map_evaluator.scoring import score
from ratchet.components.map_evaluator.settings import EvaluatorSettings
from ratchet.schemas.artifacts.decisions import Reason, Verdict
from ratchet.schemas.data.columns import DetectionColumns, TruthColumns, rows_of

SETTINGS = EvaluatorSettings(resamples=100)
NAMES = ("cat", "dog")
Written = Callable[[DetectionColumns], DetectionColumns]
CALIBRATIONS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "as it is": lambda scores: scores,
    "squared": lambda scores: scores**2,
    "root": lambda scores: scores**0.5,
    "upper half": lambda scores: 0.5 + scores / 2,
    "never sure": lambda scores: scores * 0.6,
    "sharp": lambda scores: 1 / (1 + np.exp(-2 * np.log(scores / (1 - scores)) - 1)),
}


def world(random: np.random.Generator, images: int, objects: float) -> TruthColumns:
    image = np.repeat(np.arange(images), random.poisson(objects, images))
    boxes = np.hstack([random.uniform(0, 400, (len(image), 2)), random.uniform(20, 120, (len(image), 2))])
    labels = random.integers(1, 3, len(image))
    return TruthColumns(image, boxes, labels, boxes[:, 2] * boxes[:, 3], np.zeros(len(image), np.bool_))


def found_by(
    random: np.random.Generator,
    truth: TruthColumns,
    quality: float,
    false_alarms: float = 2,
    calibration: str = "as it is",
    threshold: float = 0.001,
) -> DetectionColumns:
    """What a model finds: misses, misplaced boxes, wrong classes, and so many false alarms an image."""
    objects, images = len(truth.image), int(truth.image.max()) + 1
    strength = random.beta(1 + 4 * quality, 1 + 6 * (1 - quality), objects)
    seen = random.random(objects) < 0.35 + 0.65 * strength
    spread = (0.03 + 0.15 * (1 - quality)) * np.tile(truth.boxes_xywh_px[:, 2:], 2)
    boxes = truth.boxes_xywh_px + random.normal(0, 1, (objects, 4)) * spread
    confused = random.random(objects) < 0.02 + 0.15 * (1 - quality)
    labels = np.where(confused, random.integers(1, 3, objects), truth.labels)
    scores = np.clip(strength + random.normal(0, 0.1, objects), 0.001, 0.999)
    more = int(random.poisson(false_alarms * images))
    nothing = np.hstack([random.uniform(0, 400, (more, 2)), random.uniform(20, 120, (more, 2))])
    columns = DetectionColumns(
        image=np.concatenate([truth.image[seen], random.integers(0, images, more)]),
        boxes_xywh_px=np.vstack([boxes[seen], nothing]).clip(1),
        labels=np.concatenate([labels[seen], random.integers(1, 3, more)]),
        scores=CALIBRATIONS[calibration](
            np.concatenate([scores[seen], random.beta(0.6, 4 + 3 * quality, more).clip(1e-6)])
        ),
    )
    return rows_of(columns, columns.scores >= threshold)


def judged(
    truth: TruthColumns, candidate: DetectionColumns, baseline: DetectionColumns, of_files: bool = True
) -> tuple[Verdict, Reason]:
    """The verdict on the detections as they are, and what is said of how they were written."""
    ids = np.arange(int(truth.image.max()) + 1) + 1
    found = {"candidate": candidate, "baseline": baseline}
    collector = Collector()
    collector.add_columns(ids, truth, found)
    matches = collector.finish()
    decision = decide(score(matches, NAMES, SETTINGS), [], SETTINGS)
    written = file_traces(ids, truth, found, SETTINGS.max_detections) if of_files else None
    [reason] = comparable(matches, decision, NAMES, SETTINGS, written=written)
    assert reason.rule == RULE
    return decision.verdict, reason


def cut(least: float) -> Written:
    return lambda found: rows_of(found, found.scores >= least)


def first_images(images: int) -> Written:
    return lambda found: rows_of(found, found.image < images)


def best_of_image(most: int) -> Written:
    def written(found: DetectionColumns) -> DetectionColumns:
        order = np.lexsort((-found.scores, found.image))
        image = found.image[order]
        return rows_of(found, order[np.arange(len(image)) - np.searchsorted(image, image) < most])

    return written


def with_scores(change: Callable[[np.ndarray], np.ndarray]) -> Written:
    return lambda found: dataclasses.replace(found, scores=change(found.scores))


def twice(found: DetectionColumns) -> DetectionColumns:
    return rows_of(found, np.repeat(np.arange(len(found.scores)), 2))


WAYS: list[tuple[Written, str]] = [
    (cut(0.5), "the baseline has no score below 0.5"),
    (first_images(50), "the baseline has no detection at all in"),
    (best_of_image(1), "the baseline never has more than 1 detections in an image"),
    (with_scores(np.ones_like), "every score of the baseline is 1"),
    (twice, "detections of the baseline are written twice"),
    (lambda found: with_scores(lambda scores: scores * 100)(cut(0.5)(found)), "scores of the baseline end at 50"),
    (lambda found: with_scores(lambda scores: np.log(scores / (1 - scores)))(cut(0.5)(found)), "end at 0.0"),
]


@pytest.mark.parametrize(("written", "seen"), WAYS)
def test_a_baseline_that_lost_by_how_it_was_written_is_not_replaced(written: Written, seen: str) -> None:
    random = np.random.default_rng(3)
    truth = world(random, images=100, objects=5)
    candidate, baseline = found_by(random, truth, 0.7), found_by(random, truth, 0.75)
    assert judged(truth, candidate, baseline)[0] is Verdict.BLOCKED

    verdict, reason = judged(truth, candidate, written(baseline))

    assert verdict is Verdict.PUSHED
    assert not reason.passed
    assert seen in reason.actual
    assert "as written the candidate's mAP is" in reason.actual
    assert "treated alike" in reason.actual
    assert reason.actual.endswith(": write both files in the same way")


def test_models_of_a_run_are_no_files_to_be_written_otherwise() -> None:
    random = np.random.default_rng(3)
    truth = world(random, images=100, objects=5)
    candidate, baseline = found_by(random, truth, 0.7), found_by(random, truth, 0.75)
    _, reason = judged(truth, candidate, best_of_image(1)(baseline), of_files=False)
    assert reason.actual.endswith(
        ": give the candidate the served model's limits: as many detections, from the same score on"
    )


@pytest.mark.parametrize(("written", "seen"), [(cut(2.0), "no detection at all"), (cut(0.93), "too little to compare")])
def test_a_baseline_of_which_nearly_nothing_is_left_is_not_replaced(written: Written, seen: str) -> None:
    random = np.random.default_rng(3)
    truth = world(random, images=100, objects=5)
    candidate, baseline = found_by(random, truth, 0.7), found_by(random, truth, 0.75)

    verdict, reason = judged(truth, candidate, written(baseline))

    assert verdict is Verdict.PUSHED
    assert not reason.passed
    assert seen in reason.actual


def test_boxes_rounded_to_whole_pixels_are_seen() -> None:
    """Small objects, so that half a pixel decides: the better baseline loses by rounding alone."""
    random = np.random.default_rng(1)
    truth = world(random, images=60, objects=5)
    truth = dataclasses.replace(truth, boxes_xywh_px=truth.boxes_xywh_px / [1, 1, 12, 12])
    exact = DetectionColumns(truth.image, truth.boxes_xywh_px, truth.labels, random.random(len(truth.image)))
    near = dataclasses.replace(exact, boxes_xywh_px=exact.boxes_xywh_px + np.array([0.2, 0.2, 0, 0]))
    rounded = dataclasses.replace(exact, boxes_xywh_px=np.round(exact.boxes_xywh_px))

    verdict, reason = judged(truth, near, rounded)

    assert verdict is Verdict.PUSHED
    assert not reason.passed
    assert "100 % of the boxes of the baseline are whole pixels" in reason.actual


def test_a_candidate_that_lost_by_how_it_was_written_is_told_so() -> None:
    random = np.random.default_rng(3)
    truth = world(random, images=100, objects=5)
    candidate, baseline = found_by(random, truth, 0.75), found_by(random, truth, 0.7)

    verdict, reason = judged(truth, cut(0.5)(candidate), baseline)

    assert verdict is Verdict.BLOCKED
    assert (reason.passed, reason.warning) == (True, True)
    assert "the candidate has no score below 0.5" in reason.actual


def test_a_cut_baseline_that_loses_anyway_is_replaced_with_a_warning() -> None:
    random = np.random.default_rng(4)
    truth = world(random, images=100, objects=5)
    candidate, baseline = found_by(random, truth, 0.9), found_by(random, truth, 0.5)

    verdict, reason = judged(truth, candidate, cut(0.5)(baseline))

    assert verdict is Verdict.PUSHED
    assert (reason.passed, reason.warning) == (True, True)


def test_tenfold_detections_and_scores_of_another_scale_are_warned_of() -> None:
    random = np.random.default_rng(5)
    truth = world(random, images=100, objects=1)
    candidate = found_by(random, truth, 0.9, false_alarms=40)
    baseline = with_scores(lambda scores: scores * 100)(found_by(random, truth, 0.5, false_alarms=0.1))

    _, reason = judged(truth, candidate, baseline)

    assert (reason.passed, reason.warning) == (True, True)
    assert "the baseline has 0.758 detections an image, the candidate 39.3" in reason.actual
    assert "the scores of the baseline are" in reason.actual


def test_the_same_file_bears_no_trace() -> None:
    random = np.random.default_rng(6)
    truth = world(random, images=30, objects=3)
    found = cut(0.5)(found_by(random, truth, 0.7))
    _, reason = judged(truth, found, found)
    assert (reason.passed, reason.warning) == (True, False)


@pytest.mark.parametrize("seed", range(5))
def test_whole_files_of_two_models_are_never_refused(seed: int) -> None:
    """Good and bad ones, calibrated otherwise, with few and many false alarms, on 12 images as on 100."""
    random = np.random.default_rng(seed)
    for images in (12, 40, 100):
        truth = world(random, images, random.choice([1, 3, 8]))
        threshold = random.choice([0.001, 0.05])
        candidate, baseline = (
            found_by(random, truth, quality, alarms, calibration, threshold)
            for quality, alarms, calibration in zip(
                random.uniform(0.2, 0.95, 2), random.choice([0.2, 2, 10], 2), random.choice(list(CALIBRATIONS), 2)
            )
        )
        _, reason = judged(truth, candidate, baseline)
        assert reason.passed, reason.actual
