from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from ratchet.components.data_gate.drift import (
    effect_size,
    jensen_shannon,
    jensen_shannon_of_counts,
    jensen_shannon_of_hues,
    l_infinity,
    noise,
)
from ratchet.schemas.data import features
from ratchet.schemas.data.feature_sample import FeatureSample

RNG = np.random.default_rng(0)
VALUES = arrays(np.float64, st.integers(1, 40), elements=st.floats(-1e6, 1e6))


def sample(brightness: np.ndarray, labels: np.ndarray | None = None, per_image: int = 2) -> FeatureSample:
    images = len(brightness)
    labels = np.ones(images * per_image, np.int64) if labels is None else labels
    return FeatureSample(
        images={features.QA_BRIGHTNESS: brightness},
        objects={features.QA_BOX_LOG_AREA: np.repeat(brightness, per_image)},
        labels=labels,
        box_counts=np.full(images, per_image),
        embeddings=np.empty((images, 0)),
    )


@given(VALUES, VALUES)
def test_the_divergence_is_symmetric_and_within_0_and_1(one: np.ndarray, other: np.ndarray) -> None:
    distance = jensen_shannon(one, other)
    assert -1e-9 <= distance <= 1 + 1e-9
    assert distance == pytest.approx(jensen_shannon(other, one), abs=1e-9)
    assert jensen_shannon(one, one) == pytest.approx(0, abs=1e-9)


def test_counts_of_one_world_are_near_even_if_one_sample_has_a_rarer_maximum() -> None:
    usual, rarer = RNG.binomial(2, 0.12, 1500).astype(float), np.append(RNG.binomial(2, 0.12, 500), 3).astype(float)
    assert jensen_shannon(usual, rarer) > 0.15  # equal buckets from 0 to 2 and from 0 to 3 part the ones
    assert jensen_shannon_of_counts(usual, rarer) < 0.01
    assert jensen_shannon_of_counts(usual, usual + 3) == pytest.approx(1.0)


def test_the_largest_value_counts_whatever_rounds() -> None:
    low, high = -0.9, 0.08
    assert low + (high - low) < high
    assert jensen_shannon(np.array([low, low, high, high]), np.array([low, high, high, high])) == pytest.approx(
        0.0488, abs=1e-3
    )


def test_a_divergence_known_by_hand() -> None:
    # Two buckets of ten are filled on either side, one of them on both: p = (1/2, 1/2, 0), q = (0, 1/2, 1/2).
    one, other = np.array([0.0, 1.0]), np.array([1.0, 2.0])
    assert jensen_shannon(one, other) == pytest.approx(1.0)  # equal edges, but no bucket in common
    assert jensen_shannon(np.array([0.0, 0.0, 1.0, 1.0]), np.array([0.0, 1.0, 1.0, 1.0])) == pytest.approx(
        0.0488, abs=1e-3
    )


def test_nothing_to_compare_is_no_distance() -> None:
    assert jensen_shannon(np.empty(0), np.ones(3)) == 0
    assert l_infinity(np.empty(0, np.int64), np.ones(3, np.int64)) == 0
    assert effect_size(features.QA_SHARPNESS, np.empty(0), np.ones(3)) == 0


def test_chance_reaches_farther_in_smaller_samples() -> None:
    world = sample(RNG.normal(100, 10, 500))
    small, large = (noise(world, features.QA_BRIGHTNESS, 500, size) for size in (40, 400))
    assert 0.01 < large < small < 0.4


def test_two_samples_of_one_world_stay_below_its_noise() -> None:
    world = sample(RNG.normal(100, 10, 500))
    limit = noise(world, features.QA_BRIGHTNESS, 500, 80)
    reached = [jensen_shannon(RNG.normal(100, 10, 500), RNG.normal(100, 10, 80)) for _ in range(100)]
    assert np.mean(np.array(reached) > limit) <= 0.05


def test_noise_is_the_same_however_often_it_is_asked_for() -> None:
    world = sample(RNG.normal(100, 10, 500))
    assert noise(world, features.QA_BRIGHTNESS, 500, 80) == noise(world, features.QA_BRIGHTNESS, 500, 80)


def test_scenes_of_many_frames_vary_more_than_independent_images() -> None:
    scenes = np.repeat(RNG.normal(100, 10, 60), 8)  # eight frames of each scene look alike
    loose, frames = sample(RNG.permutation(scenes)), sample(scenes)
    assert noise(frames, features.QA_BRIGHTNESS, 400, 80) > 1.3 * noise(loose, features.QA_BRIGHTNESS, 400, 80)


def test_noise_of_boxes_counts_images_not_boxes() -> None:
    few = sample(RNG.normal(0, 1, 200), per_image=1)
    many = sample(few.images[features.QA_BRIGHTNESS], per_image=20)
    # Twenty boxes that are all alike tell no more than one.
    assert noise(many, features.QA_BOX_LOG_AREA, 200, 60) == pytest.approx(
        noise(few, features.QA_BOX_LOG_AREA, 200, 60), rel=0.35
    )


def test_boxes_that_differ_within_an_image_all_count() -> None:
    one = sample(RNG.normal(0, 1, 200), per_image=1)
    twenty = sample(RNG.normal(0, 1, 200), per_image=20)
    twenty.objects[features.QA_BOX_LOG_AREA][:] = RNG.normal(0, 1, 4000)
    lone, all_of_them = (noise(world, features.QA_BOX_LOG_AREA, 200, 60) for world in (one, twenty))
    assert all_of_them < 0.6 * lone


def test_noise_of_classes_is_that_of_their_shares() -> None:
    world = sample(np.zeros(300), RNG.integers(1, 4, 600))
    assert 0.02 < noise(world, features.BOX_CLASS, 300, 100) < 0.2


@pytest.mark.parametrize(
    ("feature", "other", "span", "expected"),
    [
        (features.QA_BRIGHTNESS, 100.0, 50.0, np.log(2)),  # a ratio
        (features.QA_NUM_BOXES, 3.0, 1.0, np.log(2)),
        (features.QA_SHARPNESS, 5.0, 4.0, 1.0),  # its own unit
        (features.QA_RED_CAST, 0.1, -0.1, 0.2),
    ],
)
def test_effect_size_is_in_the_unit_of_the_feature(feature: str, other: float, span: float, expected: float) -> None:
    assert effect_size(feature, np.full(20, other), np.full(30, span)) == pytest.approx(expected)


def test_half_of_the_images_moving_counts_half() -> None:
    other = np.full(100, 5.0)
    span = np.concatenate([np.full(50, 5.0), np.full(50, 7.0)])
    assert effect_size(features.QA_SHARPNESS, other, span) == pytest.approx(1.0, abs=0.03)


@pytest.mark.tensorflow
@pytest.mark.parametrize("shift", [0.0, 0.5, 3.0])
def test_the_divergence_is_the_one_that_tfdv_measures(shift: float) -> None:
    from ratchet.components.data_gate.comparing import statistics_of, validate
    from ratchet.schemas.base.files import LOCAL_FILES
    from ratchet.schemas.data.tfdv_schema import DEFAULT_SCHEMA_FILE, read_schema

    one, other = RNG.normal(10, 1, 400), RNG.normal(10 + shift, 1, 300)
    schema: Any = read_schema(str(DEFAULT_SCHEMA_FILE), LOCAL_FILES)
    found = validate(
        statistics_of({features.QA_BRIGHTNESS: other}), schema, statistics_of({features.QA_BRIGHTNESS: one}), None
    )
    [measured] = [each for each in found.measurements if each.feature == features.QA_BRIGHTNESS]
    assert jensen_shannon(one, other) == pytest.approx(measured.distance, abs=0.02)


HUES = (RNG.normal(0.0, 0.03, 300) % 1.0, RNG.normal(0.0, 0.03, 200) % 1.0)


@pytest.mark.parametrize("turn", [0.1, 0.25, 0.9])
def test_hues_are_as_far_apart_as_they_were_turned_wherever_the_circle_is_cut(turn: float) -> None:
    one, other = HUES
    assert effect_size(features.QA_HUE, one, one) == 0
    assert effect_size(features.QA_HUE, one, (other + turn) % 1.0) == pytest.approx(min(turn, 1 - turn), abs=0.01)
    assert jensen_shannon_of_hues(one, (other + turn) % 1.0) > 0.7
    assert jensen_shannon_of_hues(one, other) < 0.05


def test_images_without_a_hue_are_left_out() -> None:
    one, other = HUES
    grey = np.full(50, np.nan)
    assert effect_size(features.QA_HUE, np.append(one, grey), other) < 0.01
    assert effect_size(features.QA_HUE, grey, other) == 0
    mixed = FeatureSample(
        images={features.QA_HUE: np.append(one, grey)},
        objects={},
        labels=np.empty(0, np.int64),
        box_counts=np.zeros(350, np.int64),
        embeddings=np.empty((350, 0)),
    )
    assert 0 < noise(mixed, features.QA_HUE, 100, 100) < 0.5
