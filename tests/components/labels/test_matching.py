# pyright: reportArgumentType=false
# (records and columns make arrays of lists themselves)
from __future__ import annotations

import numpy as np
import pytest

from ratchet.components.labels.matching import Matched
from ratchet.components.labels.matching import match_labels as match_sightings
from ratchet.components.labels.profile import Profile, relation, sightings_of, single_labels, undone
from ratchet.schemas.data.columns import DetectionColumns, TruthColumns
from ratchet.schemas.data.records import Detections, GroundTruth
from tests.components.labels.scenes import relabelled, scenes


def one_image(truth: GroundTruth, found: Detections) -> Profile:
    return Profile(("a.jpg",), np.array([[100.0, 100]]), TruthColumns.of([truth]), DetectionColumns.of([found]))


def match_labels(profile: Profile, golden: Matched | None = None) -> Matched:
    return match_sightings(profile, sightings_of(profile), golden=golden)


def test_undoing_how_boxes_are_drawn_gives_what_is_seen() -> None:
    random = np.random.default_rng(0)
    seen = np.hstack([random.random((9, 2)) * 50, random.uniform(5, 50, (9, 2))])
    drawn = np.array([0.3, -0.2, 0.4, -0.1])
    size = seen[:, 2:] * np.exp(drawn[2:])
    centre = seen[:, :2] + seen[:, 2:] / 2 + drawn[:2] * seen[:, 2:]
    labelled = np.hstack([centre - size / 2, size])
    np.testing.assert_allclose(relation(labelled, seen), np.tile(drawn, (9, 1)))
    np.testing.assert_allclose(undone(labelled, drawn), seen)


def test_of_detections_of_one_place_the_surest_says_the_class() -> None:
    found = Detections([[0, 0, 10, 10], [1, 0, 10, 10], [50, 50, 10, 10]], [1, 2, 1], [0.3, 0.8, 0.2])
    sightings = sightings_of(one_image(GroundTruth([], [], [], []), found))
    assert sightings.labels.tolist() == [2, 1]


def test_what_is_no_single_object_is_no_sighting_and_no_label() -> None:
    profile = one_image(
        GroundTruth([[0, 0, 0, 5], [5, 5, 5, 5], [50, 50, 5, 5]], [1, 1, 1], [0, 25, 25], [False, False, True]),
        Detections([[0, 0, 10, 0], [5, 5, 5, 5]], [1, 1], [0.9, 0.8]),
    )
    assert len(sightings_of(profile).labels) == 1
    assert len(single_labels(profile.truth).labels) == 1


def test_copies_of_a_label_are_told_from_neighbours_and_other_classes() -> None:
    boxes = [[0, 0, 20, 20], [0, 0, 20, 20.5], [0, 0, 20, 20], [5, 0, 20, 20]]
    labels = single_labels(TruthColumns.of([GroundTruth(boxes, [1, 1, 2, 1], [400] * 4, [False] * 4)]))
    assert labels.labels.tolist() == [1, 2, 1]
    assert labels.boxes_xywh_px[:, 0].tolist() == [0, 0, 5]


@pytest.mark.parametrize(
    "drawn", [(0.5, 0.5, 0, 0), (0, 0, 0.4, 0.4), (-0.25, 0.1, -0.3, 0.2), (0, 0, 0.75, 0.75), (0.7, -0.7, 0, 0)]
)
def test_labels_are_matched_however_they_are_drawn(drawn: tuple[float, ...]) -> None:
    golden = match_labels(scenes(seed=1))
    span = scenes(seed=2)
    boxes = span.truth.boxes_xywh_px
    size = boxes[:, 2:] * np.exp(drawn[2:])
    centre = boxes[:, :2] + boxes[:, 2:] / 2 + np.array(drawn[:2]) * boxes[:, 2:]
    matched = match_labels(relabelled(span, np.hstack([centre - size / 2, size])), golden=golden)
    np.testing.assert_allclose(matched.drawn, drawn, atol=0.03)
    assert matched.recall > 0.9


def test_a_sighting_belongs_to_one_label_only() -> None:
    profile = one_image(
        GroundTruth([[0, 0, 10, 10], [2, 0, 10, 10]], [1, 2], [100, 100], [False, False]),
        Detections([[0, 0, 10, 10]], [1], [0.9]),
    )
    assert match_labels(profile).sighting.tolist() == [0, -1]


def test_score_quantile_is_measured_on_the_golden_set_of_the_class() -> None:
    golden = match_labels(scenes(seed=1))
    own = golden.is_own
    assert golden.score_quantile[own].mean() == pytest.approx(0.5, abs=0.05)
    assert golden.score_quantile[~golden.has_label].mean() < 0.2


@pytest.mark.parametrize(
    ("sizes_px", "image", "words"),
    [
        (np.zeros((2, 2)), 0, r"sizes_px: expected shape \(1, 2\), one row per image, got \(2, 2\)"),
        (np.zeros((1, 2)), 3, r"truth.image: positions must be within 0..0, got 3"),
    ],
)
def test_columns_must_fit_the_images(sizes_px: np.ndarray, image: int, words: str) -> None:
    truth = TruthColumns(np.array([image]), np.ones((1, 4)), np.array([1]), np.ones(1), np.array([False]))
    with pytest.raises(ValueError, match=words):
        Profile(("a.jpg",), sizes_px, truth, DetectionColumns.of([]))
