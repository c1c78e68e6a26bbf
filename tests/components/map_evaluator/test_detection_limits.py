"""Golden images with more objects than detections count, or than a model can give."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from ratchet.components.map_evaluator.detection_limits import counted_objects, given_objects, highest_map, written_limit
from ratchet.components.map_evaluator.sanity_checks import perfect_detections
from ratchet.components.metrics.accumulator import Accumulator
from ratchet.components.metrics.average_precision import detection_metrics
from ratchet.components.metrics.match_table import MatchTable
from ratchet.components.metrics.matching import match
from ratchet.schemas.data.columns import TruthColumns
from ratchet.schemas.data.records import GroundTruth

NAMES = ("pig", "cow")


def table_of(*images: Sequence[int], limit: int = 100) -> MatchTable:
    """Perfect detections of images that hold so many objects of each class; ids from 1."""
    truth = TruthColumns.of([image_of(counts) for counts in images])
    matches = Accumulator.create()
    matches.add(match(np.arange(1, len(images) + 1), *perfect_detections(truth), limit))
    return matches.table()


def image_of(counts: Sequence[int]) -> GroundTruth:
    labels = np.repeat(np.arange(1, len(counts) + 1), counts)
    boxes = np.stack([np.arange(len(labels)) * 10.0, *np.zeros((1, len(labels))), *np.full((2, len(labels)), 9.0)], 1)
    return GroundTruth(boxes, labels, boxes[:, 2] * boxes[:, 3], np.zeros(len(labels), np.bool_))


def test_images_within_the_limit_pass_without_a_word() -> None:
    reason = counted_objects(table_of([100, 100], [3, 0]), NAMES)
    assert (reason.passed, reason.warning) == (True, False)


def test_crowded_images_block_and_say_how_many_the_worst_and_the_setting() -> None:
    reason = counted_objects(table_of([160, 0], [101, 5], [4, 4]), NAMES)
    assert not reason.passed
    assert reason.actual == (
        "2 of 3 images hold more, image 1 160 of pig; 61 of 274 objects are beyond the limit; 23 % of those of pig; "
        "set evaluator.max_detections to 200 or more"
    )


def test_the_same_images_pass_at_a_limit_that_fits() -> None:
    reason = counted_objects(table_of([160, 0], [101, 5], [4, 4], limit=200), NAMES)
    assert (reason.passed, reason.warning) == (True, False)


@pytest.mark.parametrize(("crowd", "blocks"), [(101, False), (103, False), (120, True)])
def test_a_single_crowded_image_of_many_only_warns_until_a_fall_could_be_hidden(crowd: int, blocks: bool) -> None:
    images = [[crowd, 0], *[[2, 10]] * 100]
    reason = counted_objects(table_of(*images), NAMES)
    assert (reason.passed, reason.warning) == (not blocks, not blocks)
    assert "1 of 101 images hold more" in reason.actual


def test_classes_that_hide_little_each_block_by_their_mean() -> None:
    """1 of 151 of each class is under the 2 % of a class, but over the .005 of mAP."""
    assert not counted_objects(table_of([101, 101], [50, 50]), NAMES).passed


def test_a_model_gives_so_many_detections_of_all_classes_together() -> None:
    [reason] = given_objects(table_of([60, 60]), {"candidate": 100})
    assert reason.rule == "trust:max_detections:candidate"
    assert not reason.passed
    assert reason.actual == (
        "1 of 1 images hold more, image 1 120 of all classes; 20 of 120 objects are beyond the limit; "
        "set model.max_detections to 200 or more"
    )


def test_whoever_trains_by_code_of_their_own_is_not_sent_to_a_setting_that_does_nothing() -> None:
    [reason] = given_objects(table_of([60, 60]), {"candidate": 100}, "my_package.train:run")
    assert reason.actual.endswith("; let what my_package.train:run exports give 200 or more")


def test_a_baseline_that_gives_less_does_not_block_the_candidate_that_replaces_it() -> None:
    candidate, baseline = given_objects(table_of([60, 60]), {"candidate": 200, "baseline": 100})
    assert (candidate.passed, candidate.warning) == (True, False)
    assert (baseline.passed, baseline.warning) == (True, True)


def test_a_baseline_with_the_candidates_limit_is_not_told_twice() -> None:
    reasons = given_objects(table_of([60, 60]), {"candidate": 100, "baseline": 100})
    assert [reason.rule for reason in reasons] == ["trust:max_detections:candidate"]


@pytest.mark.parametrize("counts", [[[160]], [[101, 7], [3, 250]], [[5, 5]], [[0, 0]]])
def test_the_highest_map_is_what_perfect_detections_reach(counts: list[list[int]]) -> None:
    table = table_of(*counts)
    expected = detection_metrics(table).coco["AP"]
    assert highest_map(table) == pytest.approx(1.0 if expected < 0 else expected, abs=1e-12)


@pytest.mark.parametrize(
    ("detections", "objects", "limit"),
    [
        ([100, 100, 7], [160, 130, 9], 100),  # a number that a person sets
        ([100, 99, 7], [160, 130, 9], None),
        ([37, 30], [40, 20], None),  # a weak model
        ([37] * 10 + [3], [50] * 10 + [3], 37),  # in many images it is no chance
        ([37] * 8 + [36, 35, 3], [50] * 10 + [3], None),
        ([100, 100], [90, 100], None),  # no object is left without one
        ([0, 0], [3, 4], None),
    ],
)
def test_a_limit_of_a_file_is_seen_where_images_hold_more(
    detections: list[int], objects: list[int], limit: int | None
) -> None:
    assert written_limit(np.array(detections), np.array(objects)) == limit
