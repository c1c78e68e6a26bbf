"""F1 over the score and operating points, against counting by hand."""

from __future__ import annotations

import numpy as np
import pytest

from ratchet.components.metrics.image_errors import operating_points
from ratchet.components.review.class_curves import class_curves
from ratchet.components.review.content import OVERALL
from ratchet.schemas.artifacts.evaluation import BASELINE, CANDIDATE
from ratchet.schemas.data.columns import DetectionColumns
from ratchet.schemas.data.records import Detections
from tests.builders import detections, ground_truth
from tests.components.review.golden import NAMES, image, table_of
from tests.components.review.test_error_analysis import evaluated

BOX, OTHER_BOX, AWAY = [100, 100, 80, 80], [300, 200, 80, 80], [500, 400, 50, 50]


def curves(*found: Detections, scale: float = 1.0):
    records = [image(number, ground_truth([BOX, OTHER_BOX], [1, 2])) for number in range(1, len(found) + 1)]
    tables = {model: table_of(records, DetectionColumns.of(list(found))) for model in (BASELINE, CANDIDATE)}
    points = {model: operating_points(table, len(NAMES)) for model, table in tables.items()}
    return class_curves(tables, points, evaluated(("cat", "dog")), NAMES)


def test_f1_is_that_of_the_detections_from_a_score_on() -> None:
    one = detections([BOX, AWAY], [1, 1], [0.9, 0.6])
    two = detections([BOX, AWAY], [1, 1], [0.4, 0.3])
    found = curves(one, two)
    [cat] = [each for each in found.classes if each.name == "cat"]
    assert found.scores[0] == 0
    assert found.scores[-1] == 1
    # From .5 on: one of two cats, one false detection.
    assert cat.f1[CANDIDATE][50] == pytest.approx(2 * 1 / (2 + 2))
    assert cat.f1[CANDIDATE][35] == pytest.approx(2 * 2 / (3 + 2))
    assert cat.f1[CANDIDATE][0] == pytest.approx(2 * 2 / (4 + 2), abs=1e-4)
    assert cat.f1[CANDIDATE][95] == 0
    point = cat.points[CANDIDATE, 0.5]
    assert (point.score, point.recall, point.precision) == (0.4, 1.0, pytest.approx(2 / 3))
    assert point.f1 == pytest.approx(max(cat.f1[CANDIDATE]), abs=1e-4)


def test_a_loose_box_is_right_at_the_lower_overlap_alone() -> None:
    found = curves(detections([[90, 90, 100, 100]], [1], [0.9]))
    [cat] = [each for each in found.classes if each.name == "cat"]
    assert (cat.points[CANDIDATE, 0.5].recall, cat.points[CANDIDATE, 0.75].recall) == (1.0, 0.0)


def test_all_classes_are_one_mean_and_its_best_score() -> None:
    found = curves(detections([BOX, OTHER_BOX], [1, 2], [0.8, 0.6]))
    overall = found.classes[0]
    assert overall.name == OVERALL
    assert overall.f1[BASELINE][70] == pytest.approx(0.5)
    best = overall.points[BASELINE, 0.5]
    assert (best.f1, best.recall) == (1.0, 1.0)
    assert best.score <= 0.6


def test_scores_beyond_0_to_1_have_their_own_axis() -> None:
    found = curves(detections([BOX, OTHER_BOX], [1, 2], [-3.0, 7.0]))
    assert (found.scores[0], found.scores[-1]) == (-3.0, 7.0)
    assert np.all(np.diff(found.scores) > 0)
