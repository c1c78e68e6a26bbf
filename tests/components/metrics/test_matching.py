"""Matching: who hits what, what is ignored, and what is refused.

Every case that pycocotools can judge is also compared with it in test_average_precision.py.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ratchet.components.metrics import boxes as box_pairs
from ratchet.components.metrics.coco_rules import AREA_NAMES, unpack_bits
from ratchet.components.metrics.limits import MAX_DETECTIONS
from ratchet.components.metrics.matching import Matches, match
from ratchet.schemas.data.columns import DetectionColumns, TruthColumns
from ratchet.schemas.data.records import Detections, GroundTruth
from tests.components.metrics.oracle import Images, data_sets, found, matched, matched_one, truth_of


def tp_at_50(matches: Matches, area: str = "all") -> list[bool]:
    """Which detections hit at IoU .50, best score first."""
    return unpack_bits(matches.detections["tp"], AREA_NAMES.index(area))[:, 0].tolist()


def ignored_at_50(matches: Matches, area: str = "all") -> list[bool]:
    """Which detections are ignored at IoU .50, best score first."""
    return unpack_bits(matches.detections["ignored"], AREA_NAMES.index(area))[:, 0].tolist()


@pytest.mark.parametrize(("height", "hits"), [(4.99, 0), (5, 1), (7.5, 6), (9.5, 10)])
def test_a_detection_hits_up_to_its_iou_and_including_it(height: float, hits: int) -> None:
    matches = matched_one(truth_of((1, 0, 0, 10, 10)), found((1, 0.9, 0, 0, 10, height)))

    assert unpack_bits(matches.detections["tp"], 0).tolist() == [[True] * hits + [False] * (10 - hits)]


def test_the_second_detection_of_an_object_is_a_false_positive() -> None:
    matches = matched_one(truth_of((1, 0, 0, 10, 10)), found((1, 0.4, 0, 0, 10, 10), (1, 0.9, 0, 0, 10, 9)))

    assert matches.detections["score"].tolist() == [0.9, 0.4]
    assert tp_at_50(matches) == [True, False]
    # At IoU .95 the better-scored box no longer fits, and the object is free for the other.
    assert unpack_bits(matches.detections["tp"], 0)[:, 9].tolist() == [False, True]


def test_another_class_is_never_hit() -> None:
    assert tp_at_50(matched_one(truth_of((1, 0, 0, 10, 10)), found((2, 0.9, 0, 0, 10, 10)))) == [False]


def test_a_detection_takes_the_object_it_overlaps_most_and_leaves_the_other() -> None:
    truth = truth_of((1, 0, 0, 10, 10), (1, 0, 2, 10, 10))

    matches = matched_one(truth, found((1, 0.9, 0, 2, 10, 10), (1, 0.8, 0, 0, 10, 10)))

    assert unpack_bits(matches.detections["tp"], 0).tolist() == [[True] * 10, [True] * 10]


def test_of_equally_overlapped_objects_the_last_is_taken() -> None:
    # Both objects overlap the first detection by 2/3; the second one fits only the object at 0.
    truth = truth_of((1, 0, 0, 10, 10), (1, 4, 0, 10, 10))

    matches = matched_one(truth, found((1, 0.9, 2, 0, 10, 10), (1, 0.8, 0, 0, 10, 10)))

    assert tp_at_50(matches) == [True, True]


def test_a_crowd_takes_any_number_of_detections_and_counts_none() -> None:
    inside = [(1, 0.9, 5, 5, 10, 10), (1, 0.8, 20, 20, 10, 10), (1, 0.7, 5, 5, 10, 10)]

    matches = matched_one(truth_of((1, 0, 0, 100, 100), crowd=True), found(*inside, (1, 0.6, 500, 500, 10, 10)))

    assert ignored_at_50(matches) == [True, True, True, False]
    assert tp_at_50(matches) == [False] * 4
    assert matches.truth["valid"].tolist() == [0]


def test_an_object_that_counts_comes_before_a_crowd_that_overlaps_more() -> None:
    boxes = [[0.0, 0.0, 100.0, 100.0], [0.0, 0.0, 10.0, 10.0]]
    truth = GroundTruth(np.array(boxes), np.array([1, 1]), np.array([1e4, 100.0]), np.array([True, False]))

    matches = matched_one(truth, found((1, 0.9, 0, 0, 10, 9)))

    assert tp_at_50(matches) == [True]
    assert unpack_bits(matches.detections["ignored"], 0).tolist() == [[False] * 9 + [True]]


@pytest.mark.parametrize(
    ("side", "areas"),
    [(31, "all small"), (32, "all small medium"), (33, "all medium"), (96, "all medium large"), (97, "all large")],
)
def test_area_limits_belong_to_both_ranges(side: float, areas: str) -> None:
    matches = matched_one(truth_of((1, 0, 0, side, side)), found((1, 0.9, 0, 0, side, side)))

    assert [area for area in AREA_NAMES if tp_at_50(matches, area) == [True]] == areas.split()
    assert [a for a, name in enumerate(AREA_NAMES) if matches.truth["valid"][0] >> a & 1] == [
        AREA_NAMES.index(name) for name in areas.split()
    ]


def test_a_miss_counts_only_in_the_area_range_of_its_own_size() -> None:
    matches = matched_one(truth_of(), found((1, 0.9, 0, 0, 50, 50)))

    assert [ignored_at_50(matches, area) for area in AREA_NAMES] == [[False], [True], [False], [True]]


def test_only_the_best_hundred_of_each_class_count() -> None:
    scores = np.linspace(0, 1, 130)
    detections = found(*[(label, score, 0, 0, 1, 1) for score in scores for label in (2, 1)])

    matches = matched_one(truth_of(), detections)

    assert matches.detections["label"].tolist() == [1] * 100 + [2] * 100
    assert matches.detections["rank"].tolist() == [*range(MAX_DETECTIONS)] * 2
    assert matches.detections["score"].min() == scores[30]


def test_equal_scores_keep_the_order_given() -> None:
    matches = matched_one(truth_of((1, 0, 0, 10, 10)), found((1, 0.5, 0, 0, 10, 6), (1, 0.5, 0, 0, 10, 10)))

    assert unpack_bits(matches.detections["tp"], 0).sum(axis=1).tolist() == [3, 7]


def test_a_row_is_small() -> None:
    matches = matched_one(truth_of((1, 0, 0, 10, 10)), found((1, 0.5, 0, 0, 10, 10)))

    assert (matches.detections.nbytes, matches.truth.nbytes) == (28, 3)
    assert (matches.detection_image.nbytes, matches.truth_image.nbytes) == (4, 4)


@pytest.mark.parametrize(
    ("truth", "detections", "message"),
    [
        (truth_of(), found((1, np.nan, 0, 0, 1, 1)), r"detections\.scores\[0\] = nan is not finite"),
        (truth_of(), found((1, 0.5, 0, 0, 1, 1), (1, np.inf, 0, 0, 1, 1)), r"detections\.scores\[1\] = inf"),
        (truth_of(), found((1, 0.5, 0, 0, np.nan, 1)), r"detections\.boxes_xywh_px\[0\] = .*nan.* is not finite"),
        (truth_of((1, np.inf, 0, 1, 1)), found(), r"truth\.boxes_xywh_px\[0\] = .*inf"),
        (
            GroundTruth(np.ones((1, 4)), np.ones(1), np.array([np.inf]), np.zeros(1)),
            found(),
            r"truth\.area_px2\[0\] = inf",
        ),
        (truth_of((0, 0, 0, 1, 1)), found(), r"truth\.labels\[0\] = 0 is outside 1\.\.65535"),
        (truth_of(), found((70_000, 0.5, 0, 0, 1, 1)), r"detections\.labels\[0\] = 70000 is outside"),
    ],
)
def test_what_cannot_be_measured_is_refused(truth: GroundTruth, detections: Detections, message: str) -> None:
    other = (truth_of((1, 0, 0, 1, 1)), found((1, 0.5, 0, 0, 1, 1)))

    with pytest.raises(ValueError, match=r"image id 7: " + message):
        matched({12: other, 7: (truth, detections), 3: other})


@pytest.mark.parametrize("position", [-1, 2])
def test_a_position_without_an_image_id_is_refused(position: int) -> None:
    rows = DetectionColumns(np.array([position]), np.ones((1, 4)), np.ones(1, dtype=np.int64), np.ones(1))

    with pytest.raises(ValueError, match=f"detections.image holds position {position}, but there are 2 image ids"):
        match(np.array([4, 5]), TruthColumns.of([]), rows)


def rows_of_images(matches: Matches) -> dict:
    """The rows of every image as plain values."""
    return {
        image_id: (
            matches.detections[matches.detection_image == i].tolist(),
            matches.truth[matches.truth_image == i].tolist(),
        )
        for i, image_id in enumerate(matches.image_ids.tolist())
    }


def one_by_one(images: Images) -> dict:
    """The rows of every image, each matched in a call of its own."""
    return {
        image_id: rows
        for image_id, (truth, detections) in images.items()
        for rows in rows_of_images(matched_one(truth, detections, image_id)).values()
    }


@given(images=data_sets(max_images=25))
def test_images_in_one_call_do_not_see_each_other(images: dict) -> None:
    assert rows_of_images(matched(images)) == one_by_one(images)


@given(images=data_sets(max_images=6), seed=st.integers(0, 1000))
def test_rows_of_images_may_come_mixed(images: dict, seed: int) -> None:
    truth = TruthColumns.of([objects for objects, _ in images.values()])
    seen = DetectionColumns.of([detections for _, detections in images.values()])
    random = np.random.default_rng(seed)

    mixed = match(np.array(list(images), dtype=np.int64), mix(truth, random), mix(seen, random))

    assert rows_of_images(mixed) == one_by_one(images)


def mix(rows: Any, random: np.random.Generator) -> Any:
    """The rows in another order, those of one image in the same order as before."""
    image = random.permutation(rows.image)
    order = np.empty(len(image), dtype=np.int64)
    order[np.argsort(image, kind="stable")] = np.argsort(rows.image, kind="stable")
    return type(rows)(**{name: column[order] for name, column in vars(rows).items()})


def test_small_chunks_of_pairs_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(0)
    images = {}
    for image_id in range(20):
        boxes = np.hstack([np.ones((30, 1)), random.integers(0, 6, (30, 2)), np.full((30, 2), 10)])
        images[image_id] = (truth_of(*boxes[:9]), found(*np.insert(boxes[9:], 1, random.random(21), axis=1)))
    whole = rows_of_images(matched(images))
    monkeypatch.setattr(box_pairs, "_CHUNK_PAIRS", 20)

    assert rows_of_images(matched(images)) == whole


def test_no_images_at_all_can_be_matched() -> None:
    matches = matched({})

    columns = [column for column in vars(matches).values() if isinstance(column, np.ndarray)]
    assert [len(column) for column in columns] == [0] * 5


@given(images=data_sets())
def test_inputs_stay_as_they_are(images: dict) -> None:
    truth = TruthColumns.of([objects for objects, _ in images.values()])
    seen = DetectionColumns.of([detections for _, detections in images.values()])
    for array in (*vars(truth).values(), *vars(seen).values()):
        array.setflags(write=False)

    matches = match(np.array(list(images), dtype=np.int64), truth, seen)

    assert not (matches.detections["tp"] & matches.detections["ignored"]).any()
