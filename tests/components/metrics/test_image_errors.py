from __future__ import annotations

import math
import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ratchet.components.metrics.coco_rules import DETECTION_DTYPE, TRUTH_DTYPE, unpack_bits
from ratchet.components.metrics.image_errors import image_errors, operating_points
from ratchet.components.metrics.match_table import MatchTable, build_table
from ratchet.components.metrics.matching import Matches
from ratchet.schemas.data.records import Detections
from tests.components.metrics.oracle import Images, data_sets, found, matched, truth_of

OBJECT = (1, 0, 0, 100, 100)
FAR = (500, 500, 10, 10)


def table_of(images: Images) -> MatchTable:
    return build_table(matched(images))


def shown(detections: Detections, thresholds: np.ndarray) -> Detections:
    """What is left of detections once those below their class's threshold are thrown away."""
    kept = detections.scores >= thresholds[detections.labels]
    return Detections(detections.boxes_xywh_px[kept], detections.labels[kept], detections.scores[kept])


def slow_f1(table: MatchTable, label: int, least: float) -> float:
    rows = table.detections[table.detection_rows(label)]
    hit, ignored = (unpack_bits(rows[name], 0)[:, 0] for name in ("tp", "ignored"))
    kept = rows["score"] >= least
    num_truth = sum(int(valid & 1) for valid in table.truth["valid"][table.truth_rows(label)])
    hits = sum(1 for row in range(len(rows)) if kept[row] and hit[row])
    false = sum(1 for row in range(len(rows)) if kept[row] and not hit[row] and not ignored[row])
    return 2 * hits / (2 * hits + false + (num_truth - hits))


def test_the_point_is_the_score_of_the_best_f1() -> None:
    hits = [(1, 0.9, *OBJECT[1:]), (1, 0.6, 300, 0, 100, 100)]
    noise = [(1, score, *FAR) for score in (0.7, 0.5, 0.4, 0.3)]

    points = operating_points(table_of({1: (truth_of(OBJECT, (1, 300, 0, 100, 100)), found(*hits, *noise))}), 1)

    assert points.tolist() == [math.inf, 0.6]


def test_equal_scores_are_shown_together_or_not_at_all() -> None:
    rows = [(1, 0.5, *OBJECT[1:]), *[(1, 0.5, *FAR)] * 9, (1, 0.4, 300, 0, 100, 100)]

    points = operating_points(table_of({1: (truth_of(OBJECT, (1, 300, 0, 100, 100)), found(*rows))}), 1)

    # .5 shows one hit and nine others: F1 2/12; with .4 two hits: 4/13.
    assert points[1] == 0.4


def test_of_equally_good_scores_the_highest_is_taken() -> None:
    # The first alone finds one of two objects, F1 2/3; all four find both beside two false alarms, 4/6.
    rows = [(1, 0.9, *OBJECT[1:]), (1, 0.8, *FAR), (1, 0.7, *FAR), (1, 0.6, 300, 0, 100, 100)]
    points = operating_points(table_of({1: (truth_of(OBJECT, (1, 300, 0, 100, 100)), found(*rows))}), 1)
    assert points[1] == 0.9


def test_a_class_without_objects_or_without_hits_shows_nothing() -> None:
    truth = truth_of(OBJECT, (3, 0, 0, 100, 100))
    points = operating_points(table_of({1: (truth, found((2, 0.9, *FAR), (3, 0.9, *FAR)))}), 4)
    assert points.tolist() == [math.inf] * 5


def test_a_crowd_asks_for_nothing_and_a_box_in_it_is_no_false_alarm() -> None:
    images = {
        1: (truth_of(OBJECT, crowd=True), found((1, 0.9, 5, 5, 10, 10), (1, 0.8, *FAR))),
        2: (truth_of(OBJECT), found((1, 0.85, *OBJECT[1:]))),
    }
    table = table_of(images)
    assert operating_points(table, 1)[1] == 0.85
    errors = image_errors(table, np.array([math.inf, 0.0]))
    assert errors.missed.tolist() == [0, 0]
    assert errors.false.tolist() == [1, 0]


def test_errors_are_averaged_over_the_thresholds() -> None:
    # An IoU of .75 hits at six of the ten thresholds.
    images = {7: (truth_of(OBJECT), found((1, 0.9, 0, 0, 100, 75))), 3: (truth_of(OBJECT), found())}

    errors = image_errors(table_of(images), np.array([math.inf, 0.5]))

    assert errors.missed == pytest.approx([1, 0.4])  # by image id: 3, 7
    assert errors.false == pytest.approx([0, 0.4])


def test_what_is_below_the_threshold_of_its_class_is_not_shown() -> None:
    truth = truth_of(OBJECT, (2, 300, 0, 100, 100))
    images = {1: (truth, found((1, 0.5, *OBJECT[1:]), (2, 0.5, 300, 0, 100, 100)))}
    errors = image_errors(table_of(images), np.array([math.inf, 0.5, 0.51]))
    assert (errors.missed.tolist(), errors.false.tolist()) == ([1], [0])


def test_a_label_without_a_threshold_is_named() -> None:
    table = table_of({1: (truth_of(OBJECT), found((3, 0.5, *FAR)))})
    with pytest.raises(ValueError, match=r"thresholds: 3, for labels 0\.\.2, but label 3 occurs"):
        image_errors(table, np.zeros(3))


@given(data_sets(min_images=1))
def test_no_other_score_gives_a_better_f1(images: Images) -> None:
    table = table_of(images)

    points = operating_points(table, 3)

    for label in (1, 2, 3):
        rows = table.detections[table.detection_rows(label)]
        has_truth = bool((table.truth["valid"][table.truth_rows(label)] & 1).any())
        if not has_truth or not unpack_bits(rows["tp"], 0)[:, 0].any():
            assert points[label] == math.inf
        else:
            all_f1 = {score: slow_f1(table, label, score) for score in rows["score"].tolist()}
            best = max(all_f1.values())
            assert points[label] == max(score for score, f1 in all_f1.items() if f1 >= best - 1e-12)


@given(data_sets(min_images=1), st.lists(st.sampled_from([0.0, 0.2, 0.5, 0.6, 1.0, math.inf]), min_size=4, max_size=4))
def test_errors_are_those_of_matching_anew_what_is_shown(images: Images, levels: list[float]) -> None:
    thresholds = np.array(levels)

    errors = image_errors(table_of(images), thresholds)

    for position, image_id in enumerate(sorted(images)):
        truth, detections = images[image_id]
        anew = matched({image_id: (truth, shown(detections, thresholds))})
        hit, ignored = (unpack_bits(anew.detections[name], 0) for name in ("tp", "ignored"))
        objects = sum(int(valid & 1) for valid in anew.truth["valid"])
        missed = [objects - sum(hit[:, t]) for t in range(10)]
        false = [sum(1 for row in range(len(hit)) if not hit[row, t] and not ignored[row, t]) for t in range(10)]
        assert errors.missed[position] == pytest.approx(sum(missed) / 10)
        assert errors.false[position] == pytest.approx(sum(false) / 10)


def test_a_hundred_thousand_images_take_seconds() -> None:
    random = np.random.default_rng(0)
    images, each = 100_000, 50
    detections = np.zeros(images * each, DETECTION_DTYPE)
    detections["label"] = random.integers(1, 11, len(detections))
    detections["score"] = random.random(len(detections))
    detections["tp"] = random.integers(0, 1 << 10, len(detections))
    truth = np.ones(images * 5, TRUTH_DTYPE)
    image = np.repeat(np.arange(images, dtype=np.int32), each)
    truth_image = np.repeat(np.arange(images, dtype=np.int32), 5)
    table = build_table(Matches(np.arange(images), detections, image, truth, truth_image))

    start = time.process_time()
    errors = image_errors(table, np.minimum(operating_points(table, 10), 0.5))
    assert time.process_time() - start < 10
    assert errors.false.shape == (images,)
