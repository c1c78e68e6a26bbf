"""How often two models disagree."""

from __future__ import annotations

import numpy as np
import pytest

from ratchet.components.shadow.figures import Objects, by_class, by_part, read_as, score_shift, usable_points
from ratchet.components.shadow.intervals import share_interval
from ratchet.components.shadow.pairs import Paired, pair_detections
from ratchet.schemas.artifacts.shadow import ReadAs
from ratchet.schemas.data.columns import DetectionColumns
from ratchet.schemas.data.records import Detections
from tests.builders import detections as build

NAMES = ("car", "bus", "bike")


def detections(*rows: tuple[float, int, float]) -> Detections:
    boxes = [[right, 0.0, 10.0, 10.0] for right, _, _ in rows]
    return build([*boxes], [label for _, label, _ in rows], [score for _, _, score in rows])


def scene() -> Paired:
    """Four images: agreed twice, a class confused, missed (faintly) and new; the last one without a detection."""
    served = [
        detections((0, 1, 0.9), (50, 2, 0.8)),
        detections((0, 1, 0.7)),
        detections((0, 3, 0.6)),
        detections(),
    ]
    candidate = [
        detections((1, 1, 0.8), (50, 1, 0.9)),
        detections((0, 1, 0.3), (100, 2, 0.95)),
        detections((0, 3, 0.7)),
        detections(),
    ]
    half = np.full(4, 0.5)
    return pair_detections(DetectionColumns.of(served), DetectionColumns.of(candidate), half, half, 4)


def test_every_object_is_counted_once_by_what_the_models_make_of_it() -> None:
    counted = Objects.of(scene()).in_images(np.ones(4, np.bool_))
    assert (counted.agreed, counted.other_class, counted.missed, counted.new) == (2, 1, 1, 1)
    assert (counted.missed_faint, counted.new_faint) == (1, 0)
    assert (counted.images, counted.images_apart) == (4, 2)
    assert (counted.share, counted.images_share) == (3 / 5, 2 / 4)


def test_cameras_are_counted_apart_and_add_up() -> None:
    objects = Objects.of(scene())
    parts = by_part(objects, ["north", "south", "north", "not known"])
    assert list(parts) == ["north", "not known", "south"]
    assert [(part.objects, part.apart) for part in parts.values()] == [(3, 1), (0, 0), (2, 2)]
    assert parts["not known"].share is None
    assert parts["not known"].interval is None


def test_a_class_is_that_of_the_served_model_and_of_what_is_new_the_candidates() -> None:
    classes = by_class(Objects.of(scene()), NAMES)
    assert {name: (each.agreed, each.other_class, each.missed, each.new) for name, each in classes.items()} == {
        "car": (1, 0, 1, 0),
        "bus": (0, 1, 0, 1),
        "bike": (1, 0, 0, 0),
    }
    assert classes["bus"].images == 2


def test_what_is_read_differently_names_both_classes() -> None:
    assert read_as(scene(), NAMES) == (ReadAs("bus", "car", 1),)


def test_scores_are_compared_where_the_models_agree() -> None:
    shift = score_shift(scene())
    assert shift.objects == 2
    assert shift.mean == pytest.approx(0.0)
    assert shift.median == pytest.approx(0.0)
    assert (shift.low, shift.high) == (pytest.approx(-0.08), pytest.approx(0.08))


def test_the_images_with_the_surest_disagreement_weigh_most() -> None:
    assert Objects.of(scene()).weight.tolist() == pytest.approx([0.9, 0.7 + 0.95, 0, 0])


def test_models_that_find_nothing_do_not_disagree() -> None:
    nothing = DetectionColumns.of([detections()] * 3)
    half = np.full(4, 0.5)
    paired = pair_detections(nothing, nothing, half, half, 3)
    counted = Objects.of(paired).in_images(np.ones(3, np.bool_))
    assert (counted.objects, counted.share, counted.images_share) == (0, None, 0.0)
    assert score_shift(paired).mean is None


def test_without_any_operating_point_the_usual_score_counts() -> None:
    assert usable_points(np.full(3, np.inf)).tolist() == [0.5] * 3


@pytest.mark.parametrize(("share", "spread", "images"), [(0.03, 0.5, 400), (0.1, 0.3, 120), (0.4, 1.0, 60)])
def test_the_interval_holds_the_true_share_as_often_as_it_says_although_objects_of_an_image_are_alike(
    share: float, spread: float, images: int
) -> None:
    """Images have a share of their own (beta-binomial): an interval of single objects would hold it far less often."""
    rng = np.random.default_rng(7)
    held = naive = 0
    tries = 600
    for _ in range(tries):
        of = rng.integers(0, 12, images)
        own = rng.beta(share / spread, (1 - share) / spread, images)
        hits = rng.binomial(of, own)
        low, high = share_interval(hits, of) or (0.0, 1.0)
        held += low <= share <= high
        reach = 1.96 * np.sqrt(max(hits.sum(), 1) * (1 - hits.sum() / of.sum())) / of.sum()
        naive += abs(hits.sum() / of.sum() - share) <= reach
    assert held / tries > 0.925
    assert naive / tries < 0.85


def test_the_interval_is_that_of_wilson_where_each_image_has_one_object() -> None:
    """Newcombe (Stat. Med. 17, 1998), table I: 15 of 148 is .0624 to .1605, with the normal quantile."""
    low, high = share_interval(np.repeat([1, 0], [15, 133]), np.ones(148)) or (0.0, 0.0)
    assert (low, high) == (pytest.approx(0.0624, abs=1e-3), pytest.approx(0.1605, abs=1e-3))


def test_the_interval_counts_as_many_objects_as_images_that_differ_so_would_say() -> None:
    """2, 0 and 1 of 2 objects in three images: 6 objects, which say as much as 3; t(2) = 4.302653."""
    low, high = share_interval(np.array([2, 0, 1]), np.array([2, 2, 2])) or (0.0, 0.0)
    assert (low, high) == (pytest.approx(0.036171, abs=1e-6), pytest.approx(0.963829, abs=1e-6))


def test_intervals_are_those_of_objects_and_of_images() -> None:
    counted = Objects.of(scene()).in_images(np.ones(4, np.bool_))
    apart, of = np.array([1, 2, 0, 0]), np.array([2, 2, 1, 0])
    assert counted.interval == share_interval(apart, of)
    assert counted.images_interval == share_interval(apart > 0, np.ones(4))


def test_a_share_of_nothing_has_an_interval_that_gets_narrower_with_more_images() -> None:
    few, many = (share_interval(np.zeros(images), np.full(images, 5)) for images in (10, 1000))
    assert few is not None
    assert many is not None
    assert few[0] == many[0] == 0.0
    assert few[1] > 0.25
    assert many[1] < 0.005


@pytest.mark.parametrize("of", [[], [3], [3, 0, 0]])
def test_a_single_image_with_objects_has_no_interval(of: list[int]) -> None:
    assert share_interval(np.zeros(len(of)), np.array(of)) is None
