from __future__ import annotations

import re

import numpy as np
import pytest

from ratchet.components.labels.drawing import Drawn, beside_the_others, drawn_of
from ratchet.components.labels.jitter import added_jitter, jitter_reason
from ratchet.components.labels.judging import compared
from ratchet.components.labels.profile import Profile
from ratchet.schemas.artifacts.decisions import Reason
from ratchet.schemas.base.formatting import percent
from tests.components.labels.scenes import Detector, relabelled, scenes
from tests.nightly import often

GOLDEN = scenes(seed=1, images=120)
LIMIT = 0.05


def jittered(profile: Profile, sigma: float, seed: int = 0) -> Profile:
    boxes = profile.truth.boxes_xywh_px
    scatter = sigma * np.tile(boxes[:, 2:], 2) * np.random.default_rng(seed).normal(size=boxes.shape)
    return relabelled(profile, boxes + scatter)


def judged(span: Profile, golden: Profile = GOLDEN) -> Reason:
    return jitter_reason(*compared(span, golden, min_objects=30), LIMIT)


@pytest.mark.parametrize("sigma", [0.1, 0.15])
def test_jitter_is_found_and_told_with_its_size(sigma: float) -> None:
    reason = judged(jittered(scenes(seed=2, images=80), sigma))
    assert not reason.passed
    assert reason.strength is not None
    assert reason.strength * LIMIT == pytest.approx(sigma, rel=0.35)
    assert f"boxes scatter by {percent(reason.strength * LIMIT)} of their size" in reason.actual
    assert len(reason.images) == 12


@pytest.mark.parametrize("detector", [Detector(), Detector(misses=0.3, confuses=0.3, jitter=0.12, errors=1.5)])
def test_boxes_that_scatter_as_the_golden_sets_are_hardly_ever_accused(detector: Detector) -> None:
    golden = scenes(seed=3, images=100, detector=detector)
    draws = often(12, 400)
    accused = sum(not judged(scenes(100 + n, 60, detector), golden).passed for n in range(draws))
    assert accused <= draws / 200


@pytest.mark.parametrize("objects", [2, 3, 40, 41])
def test_golden_boxes_are_held_against_the_others_of_their_class(objects: int) -> None:
    random = np.random.default_rng(objects)
    relations, image = random.normal(size=(objects, 4)), np.arange(objects)
    golden = Drawn(relations, image, np.ones(objects, np.int64), 30.0)
    others = [np.median(np.delete(relations, place, axis=0), axis=0) for place in range(objects)]
    borrowed = np.median(relations, axis=0)
    expected = ((objects - 1) * np.stack(others) + 10 * borrowed) / (objects + 9)
    np.testing.assert_allclose(beside_the_others(golden), relations - expected)


@pytest.mark.parametrize("detector", [Detector(), Detector(misses=0.3, confuses=0.3, jitter=0.12, errors=1.5)])
def test_the_jitter_of_clean_labels_is_on_average_nearly_none(detector: Detector) -> None:
    added = []
    for draw in range(often(10, 100)):
        span, golden = (drawn_of(side) for side in compared(*_pair(draw, detector), min_objects=30))
        added += [excess.value for excess in added_jitter(span, golden)]
    assert abs(np.mean(added)) < detector.jitter / 6


def _pair(draw: int, detector: Detector) -> tuple[Profile, Profile]:
    return scenes(500 + 2 * draw, 80, detector), scenes(501 + 2 * draw, 80, detector)


def test_boxes_that_are_all_beside_alike_do_not_scatter() -> None:
    span = scenes(seed=2, images=80)
    beside = span.truth.boxes_xywh_px + np.hstack(
        [0.1 * span.truth.boxes_xywh_px[:, 2:], np.zeros((1, 2)).repeat(len(span.truth.labels), axis=0)]
    )
    assert judged(relabelled(span, beside)).passed


def test_the_jitter_that_a_span_would_show_falls_with_its_size() -> None:
    few, many = (judged(scenes(seed=4, images=images)) for images in (25, 200))
    shown = [float(re.findall(r"show ([\d.]+) %", reason.measure)[0]) for reason in (few, many)]
    assert shown[0] >= shown[1] >= 5
