"""What a candidate learned is read off its golden detections beside the baseline's, and no more than it learned."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from ratchet.components.diagnosis.learned import LOG_HEIGHT, LOG_WIDTH, OFFSET_X, OFFSET_Y, Habit, habit_of, match_both
from ratchet.components.labels.findings import Estimate
from ratchet.schemas.artifacts.evaluation import BASELINE, CANDIDATE
from ratchet.schemas.artifacts.golden_boxes import GoldenBoxes
from ratchet.schemas.data.columns import rows_of
from tests.components.diagnosis.golden_scenes import exchanged, golden_scenes, moved, resized
from tests.components.labels.scenes import Detector

EXACTLY = Detector(misses=0, confuses=0, errors=0)


def learned(golden: GoldenBoxes) -> Habit:
    matched = match_both(golden)
    assert matched is not None
    habit = habit_of(golden, matched)
    assert habit is not None
    return habit


def is_about(estimate: Estimate, value: float) -> bool:
    return abs(estimate.value - value) <= 3 * estimate.std_error


@pytest.mark.parametrize("seed", range(5))
def test_a_candidate_that_sees_as_the_baseline_learned_nothing(seed: int) -> None:
    habit = learned(golden_scenes(seed=seed))
    assert all(is_about(each, 0) for each in habit.drawn)
    assert all(is_about(each, 0) for each in (habit.place_jitter, habit.size_jitter, habit.duplicates))
    assert not [each for each in habit.confusions if each.share.value > 4 * each.share.std_error]


@pytest.mark.parametrize(("width", "height"), [(1.25, 1.25), (0.85, 0.85), (1.1, 0.95)])
def test_boxes_of_another_size_are_told_by_both_sides(width: float, height: float) -> None:
    drawn = learned(golden_scenes(resized(width, height))).drawn
    assert is_about(drawn[LOG_WIDTH], np.log(width))
    assert is_about(drawn[LOG_HEIGHT], np.log(height))
    assert drawn[LOG_WIDTH].std_error < 0.01
    assert is_about(drawn[OFFSET_X], 0)


@pytest.mark.parametrize(("right", "down"), [(0.1, -0.05), (0.4, 0.0)])
def test_boxes_elsewhere_are_told_however_far_they_are(right: float, down: float) -> None:
    drawn = learned(golden_scenes(moved(right, down))).drawn
    assert is_about(drawn[OFFSET_X], right)
    assert is_about(drawn[OFFSET_Y], down)
    assert is_about(drawn[LOG_WIDTH], 0)


def test_boxes_that_scatter_more_are_told_by_how_much() -> None:
    habit = learned(golden_scenes(candidate=Detector(jitter=0.1)))  # the baseline's own is .05
    assert is_about(habit.place_jitter, np.sqrt(0.1**2 - 0.05**2))
    assert is_about(habit.size_jitter, np.sqrt(0.1**2 - 0.05**2))
    assert habit.place_jitter.value > 3 * habit.place_jitter.std_error


def test_classes_that_are_exchanged_are_named_both_ways_before_all_others() -> None:
    habit = learned(golden_scenes(exchanged(1, 2, share=0.5)))
    assert {(each.truth, each.named) for each in habit.confusions[:2]} == {(1, 2), (2, 1)}
    assert all(each.share.value > 5 * each.share.std_error for each in habit.confusions[:2])
    assert habit.named_right.value < -0.1


def test_objects_that_are_no_longer_found_lower_the_recall_at_the_same_precision() -> None:
    habit = learned(golden_scenes(candidate=Detector(misses=0.25)))
    assert habit.recall.value < -0.1
    assert habit.recall.value < -5 * habit.recall.std_error
    assert habit.lost_images


def test_scores_that_fell_are_told_in_odds() -> None:
    golden = golden_scenes(candidate=EXACTLY)
    found = golden.found[BASELINE]
    odds = np.clip(found.scores, 0.05, 0.95) / (1 - np.clip(found.scores, 0.05, 0.95)) / 2
    golden = dataclasses.replace(
        golden, found={BASELINE: found, CANDIDATE: dataclasses.replace(found, scores=odds / (1 + odds))}
    )
    assert learned(golden).score.value == pytest.approx(-np.log(2), abs=0.01)


def test_objects_that_are_found_twice_are_counted() -> None:
    golden = golden_scenes()
    found = golden.found[CANDIDATE]
    twice = rows_of(found, np.repeat(np.arange(len(found.scores)), 2))
    habit = learned(dataclasses.replace(golden, found={**golden.found, CANDIDATE: twice}))
    assert habit.duplicates.value > 0.5


def test_the_images_that_show_it_come_first() -> None:
    golden = golden_scenes()
    found = golden.found[CANDIDATE]
    odd = found.image == 7
    boxes = np.where(odd[:, None], resized(1.3)(found).boxes_xywh_px, found.boxes_xywh_px)
    shown = dataclasses.replace(
        golden, found={**golden.found, CANDIDATE: dataclasses.replace(found, boxes_xywh_px=boxes)}
    )
    assert learned(shown).images[0] == golden.file_names[7]


def test_without_a_baseline_or_objects_nothing_is_said() -> None:
    golden = golden_scenes()
    assert match_both(dataclasses.replace(golden, found={CANDIDATE: golden.found[CANDIDATE]})) is None
    few = golden.of_images(golden.image_ids <= 2)
    matched = match_both(few)
    assert matched is not None
    assert habit_of(few, matched) is None
