"""Undoing what was learned gives back what it cost, and undoing what was not gives back nothing."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from ratchet.components.diagnosis.bundle import GoldenBoxes
from ratchet.components.diagnosis.learned import match_both
from ratchet.components.diagnosis.rescoring import OFFSET, SIZE, Rescoring, Share, Undo, undo_confusions, undo_drawing
from ratchet.components.metrics.average_precision import mean_average_precision
from ratchet.components.metrics.match_table import build_table
from ratchet.components.metrics.matching import match
from ratchet.schemas.artifacts.evaluation import BASELINE, CANDIDATE
from tests.components.diagnosis.golden_scenes import Habit, exchanged, golden_scenes, moved, resized
from tests.components.labels.scenes import Detector


def rescoring(golden: GoldenBoxes, labels: tuple[int, ...] | None = None) -> Rescoring:
    matched = match_both(golden)
    assert matched is not None
    return Rescoring(golden, matched, labels)


def score(golden: GoldenBoxes, model: str) -> float:
    return mean_average_precision(build_table(match(golden.image_ids, golden.truth, golden.found[model])))


def given_back(habit: Habit, undo: Undo) -> tuple[Share, float]:
    """The share as measured, and that of the same detections before they had the habit."""
    golden, clean = golden_scenes(habit), golden_scenes()
    share = rescoring(golden).share(undo)
    assert share is not None
    candidate, baseline = score(golden, CANDIDATE), score(golden, BASELINE)
    return share, (score(clean, CANDIDATE) - candidate) / (baseline - candidate)


@pytest.mark.parametrize(
    ("habit", "undo"),
    [
        (resized(1.25), undo_drawing(SIZE)),
        (resized(0.85), undo_drawing(SIZE)),
        (moved(0.15, 0.0), undo_drawing(OFFSET)),
        (exchanged(1, 2), undo_confusions),
    ],
)
def test_what_was_learned_gives_back_what_it_cost(habit: Habit, undo: Undo) -> None:
    share, truth = given_back(habit, undo)
    assert share.value == pytest.approx(truth, abs=max(0.1, 2 * share.std_error))
    assert share.value > 5 * share.std_error
    assert 0 < share.std_error < 0.2


@pytest.mark.parametrize("undo", [undo_drawing(SIZE), undo_drawing(OFFSET), undo_confusions])
def test_what_was_not_learned_gives_back_nothing(undo: Undo) -> None:
    share = rescoring(golden_scenes(candidate=Detector(misses=0.3))).share(undo)
    assert share is not None
    assert abs(share.value) < 0.05


def test_one_habit_is_not_given_back_by_undoing_another() -> None:
    share, _ = given_back(resized(1.25), undo_drawing(OFFSET))
    assert abs(share.value) < 0.05


def test_a_share_is_scored_on_other_images_than_it_was_measured_on() -> None:
    golden = golden_scenes(resized(1.2))
    odd = golden.image_ids % 2 == 1
    found = golden.found[CANDIDATE]
    boxes = np.where(odd[found.image, None], found.boxes_xywh_px, resized(1 / 1.2)(found).boxes_xywh_px)
    # Half of the images have the habit: measured on the other half there is nothing to undo.
    half = dataclasses.replace(
        golden, found={**golden.found, CANDIDATE: dataclasses.replace(found, boxes_xywh_px=boxes)}
    )
    whole, halved = rescoring(golden).share(undo_drawing(SIZE)), rescoring(half).share(undo_drawing(SIZE))
    assert whole is not None
    assert halved is not None
    assert whole.value > 0.5
    assert halved.value < 0.1


def test_a_difference_that_is_none_has_no_share() -> None:
    golden = golden_scenes()
    same = dataclasses.replace(golden, found=dict.fromkeys((BASELINE, CANDIDATE), golden.found[BASELINE]))
    assert rescoring(same).share(undo_drawing(SIZE)) is None


def test_few_images_have_no_share() -> None:
    golden = golden_scenes(resized(1.3), images=20)
    assert rescoring(golden).share(undo_drawing(SIZE)) is None


def test_only_the_classes_that_are_compared_count() -> None:
    golden = golden_scenes(exchanged(1, 2))
    of_two, of_others = (rescoring(golden, labels).share(undo_confusions) for labels in ((1, 2), (3, 4, 5)))
    assert of_two is not None
    assert of_two.value > 0.8
    assert of_others is None or abs(of_others.value) < 0.05
