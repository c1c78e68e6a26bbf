"""What became of objects, what changed between two models, and how that is told."""

from __future__ import annotations

import numpy as np
import pytest

from ratchet.components.review.boxes import BoxedImage, Boxes
from ratchet.components.review.changes import (
    DRAWN_BETTER,
    DRAWN_WORSE,
    GONE,
    INVENTED,
    LOST,
    MISREAD,
    REGAINED,
    changes,
    changes_in_words,
    errors_in_words,
    seen_by,
)
from ratchet.components.review.pairing import BESIDE, CROWD, FITS, LOOSE, MISSED, READ_AS_OTHER, TIGHT, fates, pair_off
from ratchet.schemas.artifacts.evaluation import BASELINE, CANDIDATE
from ratchet.schemas.data.columns import DetectionColumns, TruthColumns
from ratchet.schemas.data.records import Detections, GroundTruth
from tests.builders import detections, ground_truth

NAMES = ("cat", "dog", "eel")
CAT, DOG, EEL = 1, 2, 3
HERE, THERE = [100, 100, 100, 100], [300, 100, 100, 100]
AWAY = [500, 300, 60, 60]


def boxes_of(truth: GroundTruth, **found: Detections) -> Boxes:
    """One image."""
    columns = {model: DetectionColumns.of([each]) for model, each in found.items()}
    return Boxes(NAMES, (BoxedImage(1, "a.jpg", (640, 480)),), TruthColumns.of([truth]), columns, 100)


def kinds(truth: GroundTruth, **found: Detections) -> list[tuple[str, str]]:
    """What changed, and of which class."""
    boxes = boxes_of(truth, **found)
    everything = dict.fromkeys(found, np.zeros(len(NAMES) + 1))
    return [(each.kind, NAMES[each.label - 1]) for each in changes(boxes, seen_by(boxes, everything))]


def words(truth: GroundTruth, found: Detections) -> str:
    boxes = boxes_of(truth, candidate=found)
    return errors_in_words(boxes, seen_by(boxes, {CANDIDATE: np.zeros(4)})[CANDIDATE], 0)


@pytest.mark.parametrize(
    ("found", "fate"),
    [
        (detections([HERE], [CAT]), FITS),
        (detections([[90, 90, 120, 120]], [CAT]), LOOSE),
        (detections([[110, 110, 80, 80]], [CAT]), TIGHT),
        (detections([[125, 100, 100, 100]], [CAT]), BESIDE),
        (detections([[160, 100, 100, 100]], [CAT]), BESIDE),  # an overlap of a quarter
        (detections([HERE], [DOG]), READ_AS_OTHER),
        (detections([[195, 100, 100, 100]], [CAT]), MISSED),
        (detections([]), MISSED),
    ],
)
def test_what_became_of_an_object(found: Detections, fate: int) -> None:
    truth, columns = TruthColumns.of([ground_truth([HERE], [CAT])]), DetectionColumns.of([found])
    assert fates(truth, columns, pair_off(truth, columns)).tolist() == [fate]


def test_a_crowd_is_neither_found_nor_missed_and_what_lies_in_it_is_not_false() -> None:
    truth = TruthColumns.of([ground_truth([HERE], [CAT], crowd=True)])
    found = DetectionColumns.of([detections([HERE, HERE], [CAT, DOG])])
    pairing = pair_off(truth, found)
    assert fates(truth, found, pairing).tolist() == [CROWD]
    assert pairing.false.tolist() == [False, True]


def test_only_a_detection_of_its_class_that_fits_finds_an_object() -> None:
    truth = TruthColumns.of([ground_truth([HERE, THERE, AWAY], [CAT, DOG, EEL])])
    found = DetectionColumns.of([detections([HERE, THERE, [530, 300, 60, 60]], [CAT, EEL, EEL], [0.9, 0.8, 0.7])])
    scores = pair_off(truth, found).scores(truth, found)
    assert scores[0] == 0.9
    assert np.isnan(scores[1:]).all()


@pytest.mark.parametrize(
    ("before", "after", "changed"),
    [
        (detections([HERE], [CAT]), detections([]), [(LOST, "cat")]),
        (detections([HERE], [CAT]), detections([HERE], [DOG]), [(MISREAD, "cat")]),
        (detections([HERE], [CAT]), detections([[90, 90, 120, 120]], [CAT]), [(DRAWN_WORSE, "cat")]),
        (detections([]), detections([HERE], [CAT]), [(REGAINED, "cat")]),
        (detections([HERE], [DOG]), detections([HERE], [CAT]), [(REGAINED, "cat")]),
        (detections([[90, 90, 120, 120]], [CAT]), detections([HERE], [CAT]), [(DRAWN_BETTER, "cat")]),
        (detections([[90, 90, 120, 120]], [CAT]), detections([[90, 90, 119, 120]], [CAT]), []),
        (detections([HERE], [CAT]), detections([HERE], [CAT]), []),
        (detections([]), detections([]), []),
        (detections([HERE], [CAT]), detections([HERE, AWAY], [CAT, EEL]), [(INVENTED, "eel")]),
        (detections([HERE, AWAY], [CAT, EEL]), detections([HERE], [CAT]), [(GONE, "eel")]),
        (detections([HERE, AWAY], [CAT, EEL]), detections([HERE, AWAY], [CAT, EEL]), []),
        (detections([AWAY], [EEL]), detections([AWAY], [DOG]), [(INVENTED, "dog"), (GONE, "eel")]),
    ],
)
def test_what_changed(before: Detections, after: Detections, changed: list[tuple[str, str]]) -> None:
    assert kinds(ground_truth([HERE], [CAT]), baseline=before, candidate=after) == changed


def test_without_a_baseline_all_that_is_wrong_counts() -> None:
    truth = ground_truth([HERE, THERE], [CAT, DOG])
    assert kinds(truth, candidate=detections([THERE, AWAY], [EEL, EEL])) == [
        (LOST, "cat"),
        (MISREAD, "dog"),
        (INVENTED, "eel"),
    ]


def test_errors_are_told_in_words() -> None:
    truth = ground_truth([HERE, THERE, [100, 300, 100, 100], [300, 300, 100, 100]], [CAT, DOG, CAT, CAT])
    found = detections([THERE, [90, 290, 120, 120], [310, 310, 80, 80], AWAY], [EEL, CAT, CAT, DOG])
    assert words(truth, found) == "1 missed; 1 read as eel; 1 box loose; 1 box tight; 1 false"
    assert words(truth, detections([])) == "4 missed"
    right = detections([HERE, THERE, [100, 300, 100, 100], [300, 300, 100, 100]], [CAT, DOG, CAT, CAT])
    assert words(truth, right) == "all found, none false"


def test_changes_are_counted_the_worst_first() -> None:
    assert changes_in_words([GONE, LOST, DRAWN_WORSE, LOST], compared=True) == (
        "2 lost; 1 drawn worse; 1 no longer invented"
    )
    assert changes_in_words([INVENTED, DRAWN_WORSE], compared=False) == "1 drawn badly; 1 false"


def test_what_is_not_sure_enough_changes_nothing() -> None:
    boxes = boxes_of(
        ground_truth([HERE], [CAT]),
        baseline=detections([HERE], [CAT], [0.9]),
        candidate=detections([HERE], [CAT], [0.3]),
    )
    points = {BASELINE: np.full(4, 0.5), CANDIDATE: np.full(4, 0.5)}
    assert [each.kind for each in changes(boxes, seen_by(boxes, points))] == [LOST]
