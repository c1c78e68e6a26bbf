from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from ratchet.components.map_evaluator import sanity_checks
from ratchet.components.map_evaluator.sanity_checks import PermutedScores
from ratchet.components.metrics.accumulator import Accumulator
from ratchet.components.metrics.match_table import MatchTable
from ratchet.components.metrics.matching import match
from ratchet.schemas.artifacts.decisions import Reason
from ratchet.schemas.base.errors import StateError
from ratchet.schemas.data.columns import DetectionColumns, TruthColumns
from tests.builders import detections, ground_truth


def truth_of(*images: Sequence[tuple[float, float, float, float]], crowd: bool = False) -> TruthColumns:
    return TruthColumns.of([ground_truth(boxes, crowd=crowd) for boxes in images])


def perfect_table(truth: TruthColumns, images: int) -> MatchTable:
    matches = Accumulator.create()
    matches.add(match(np.arange(images), *sanity_checks.perfect_detections(truth)))
    return matches.table()


def answers(truth: TruthColumns, images: int, **shuffled: PermutedScores) -> dict[str, Reason]:
    return {reason.rule: reason for reason in sanity_checks.known_answers(perfect_table(truth, images), shuffled)}


def test_sound_ground_truth_gets_the_known_answers() -> None:
    found = answers(
        truth_of([(0, 0, 10, 10), (0, 0, 10, 10)], [], [(5, 5, 40, 20)]), 3, candidate=PermutedScores(0.5, 0.01, 0.0, 3)
    )
    assert [reason.passed for reason in found.values()] == [True, True, True]
    assert found["trust:perfect_detections"].actual == "it scores 1"


def test_perfect_detections_are_all_fed_back_and_what_the_limit_drops_is_expected() -> None:
    boxes = [(float(i), 0.0, 1.0, 1.0) for i in range(150)]
    reason = answers(truth_of(boxes), 1)["trust:perfect_detections"]
    assert reason.passed
    assert reason.actual == "it scores 0.663366"  # 67 of 101 recall points are at or below 100 of 150
    assert "0.663366 at 100 detections an image and class" in reason.expected


def test_a_loss_beyond_what_the_limit_drops_is_no_sound_evaluation() -> None:
    boxes = [(float(i), 0.0, 1.0, 1.0) for i in range(150)]
    assert not answers(truth_of([(0, 0, 0, 4), *boxes]), 1)["trust:perfect_detections"].passed


def test_crowds_are_not_asked_for() -> None:
    kept, found = sanity_checks.perfect_detections(truth_of([(0, 0, 10, 10)], crowd=True))
    assert len(kept.labels) == len(found.labels) == 0


def test_an_object_that_cannot_be_found_is_named() -> None:
    reason = answers(truth_of([(0, 0, 10, 10)], [(5, 5, 0, 4)]), 2)["trust:perfect_detections"]
    assert not reason.passed
    assert "1 objects" in reason.actual
    assert "images 1" in reason.actual


def test_no_ground_truth_at_all_is_no_evaluation() -> None:
    found = answers(truth_of([], []), 2)
    assert not found["trust:perfect_detections"].passed
    assert "no ground truth" in found["trust:perfect_detections"].actual
    assert not found["trust:no_detections"].passed


def test_a_model_that_looks_at_the_images_falls_when_shuffled() -> None:
    truth = truth_of([(0, 0, 10, 10)], [(50, 50, 10, 10)], [(90, 0, 10, 10)])
    found = DetectionColumns.of([detections([box]) for box in truth.boxes_xywh_px])
    fall = sanity_checks.permuted_scores(np.arange(3), truth, found)
    assert (fall.before, fall.after) == (pytest.approx(1.0), 0.0)


def test_a_model_that_always_says_the_same_is_found_out() -> None:
    truth = truth_of([(0, 0, 10, 10)], [(50, 50, 10, 10)], [(0, 0, 10, 10)])
    found = DetectionColumns.of([detections([[0, 0, 10, 10]])] * 3)
    fall = sanity_checks.permuted_scores(np.arange(3), truth, found)
    assert fall.before == fall.after > 0
    reason = answers(truth, 3, candidate=fall)["trust:shuffled_detections:candidate"]
    assert not reason.passed
    assert reason.tested
    assert "candidate" in reason.expected


def test_copies_of_one_image_say_nothing_about_places() -> None:
    truth = truth_of(*[[(0, 0, 10, 10), (40, 40, 20, 20)]] * 4)
    found = DetectionColumns.of([detections([[0, 0, 10, 10]])] * 4)
    fall = sanity_checks.permuted_scores(np.arange(4), truth, found)
    assert (fall.before, fall.alike) == (fall.after, pytest.approx(1.0))
    assert answers(truth, 4, candidate=fall)["trust:shuffled_detections:candidate"].passed


@pytest.mark.parametrize(
    "fall",
    [
        PermutedScores(0.5, 0.5, 0.0, 1),
        PermutedScores(0.0, 0.0, 0.0, 9),
        PermutedScores(-1.0, -1.0, 0.0, 9),
        PermutedScores(0.5, 0.5, 0.95, 9),
    ],
)
def test_what_cannot_fall_is_not_tested(fall: PermutedScores) -> None:
    reason = answers(truth_of([(0, 0, 10, 10)]), 1, candidate=fall)["trust:shuffled_detections:candidate"]
    assert reason.passed
    assert "not tested" in reason.actual
    assert not reason.tested


@pytest.mark.parametrize(
    ("read", "expected", "recorded", "accept_new", "passed"),
    [
        ("a", "a", None, False, True),
        ("a", "a", "a", False, True),
        ("b", "a", "a", False, False),  # what the models saw is not what was delivered
        ("b", "a", "a", True, False),
        ("a", "a", "c", False, False),  # the golden set was exchanged
        ("a", "a", "c", True, True),
        ("c", "a", "c", False, False),
    ],
)
def test_the_golden_set_is_the_recorded_one(
    read: str, expected: str, recorded: str | None, accept_new: bool, passed: bool
) -> None:
    assert sanity_checks.golden_digest(read, expected, recorded, accept_new).passed is passed


@pytest.mark.parametrize(("images", "objects", "passed"), [(10, 20, True), (9, 20, False), (10, 19, False)])
def test_a_golden_set_must_be_large_enough(images: int, objects: int, passed: bool) -> None:
    assert sanity_checks.enough(images, objects, 10, 20).passed is passed


@pytest.mark.parametrize(
    ("uses", "passed", "warning"), [(38, True, False), (39, True, True), (49, True, True), (50, False, False)]
)
def test_a_golden_set_warns_from_four_fifths_of_its_budget_on_and_blocks_beyond_it(
    uses: int, passed: bool, warning: bool
) -> None:
    reason = sanity_checks.golden_budget(uses, 50)
    assert (reason.passed, reason.warning) == (passed, warning)
    assert f"this is decision {uses + 1} of 50" in reason.actual
    assert ("renew the golden set" in reason.actual) is not (passed and not warning)
    assert "evaluator.golden_budget" in reason.expected


def test_a_baseline_with_the_bytes_that_were_recorded_is_compared_with() -> None:
    sanity_checks.check_baseline("b", "a digest", "a digest", "100")


@pytest.mark.parametrize(("recorded", "said"), [("another", "another"), ("", "not recorded")])
def test_a_baseline_with_other_bytes_is_not_compared_with(recorded: str, said: str) -> None:
    with pytest.raises(StateError, match=rf"baseline \(b\): .*a digest, .* served version 100 is {said}, .*nothing is"):
        sanity_checks.check_baseline("b", "a digest", recorded, "100")


def test_a_candidate_that_stayed_as_it_was_is_blessed_for_what_it_is() -> None:
    sanity_checks.check_unchanged("c", "a digest", "a digest")


def test_a_candidate_that_changed_while_it_was_measured_is_not_blessed() -> None:
    with pytest.raises(StateError, match=r"candidate \(c\): .*files changed.*before before, after after.*nothing is"):
        sanity_checks.check_unchanged("c", "before", "after")
