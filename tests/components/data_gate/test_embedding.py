from __future__ import annotations

import numpy as np
import pytest

from ratchet.components.data_gate.embeddings import embedding_distance, outliers

RNG = np.random.default_rng(0)
AXES = RNG.normal(size=(8, 40))


def images(count: int, shift: float = 0.0, spread: float = 1.0) -> np.ndarray:
    """Embeddings [count, 40] of a world with eight hidden causes."""
    causes = spread * RNG.normal(size=(count, 8))
    causes[:, 0] += shift
    return 20 + causes @ AXES + 0.1 * RNG.normal(size=(count, 40))


def test_samples_of_one_world_are_within_its_noise() -> None:
    training = images(300)
    measured = [embedding_distance(training, images(80)) for _ in range(20)]
    assert sum(each.distance > each.noise for each in measured) <= 1


def test_a_shift_of_one_hidden_cause_is_beyond_the_noise() -> None:
    measured = embedding_distance(images(300), images(80, shift=2.0))
    assert measured.distance > 3 * measured.noise
    assert measured.span_scores.mean() > measured.training_scores.mean()


def test_a_narrower_world_is_another_one() -> None:
    measured = embedding_distance(images(300), images(80, spread=0.3))
    assert measured.distance > 2 * measured.noise


def test_noise_is_larger_where_neighbours_are_alike() -> None:
    loose = images(320)
    scenes = np.repeat(images(40), 8, axis=0) + 0.05 * RNG.normal(size=(320, 40))
    assert embedding_distance(scenes, images(60)).noise > 2 * embedding_distance(loose, images(60)).noise


def test_dead_features_and_equal_images_are_no_numbers_problem() -> None:
    training = np.hstack([images(60), np.zeros((60, 3))])
    assert np.isfinite(embedding_distance(training, training[:30]).distance)
    same = np.ones((50, 5))
    assert embedding_distance(same, same[:20]).distance == 0


def test_the_strangest_images_come_first() -> None:
    span = images(50)
    span[17] += 30
    span[3] += 60
    assert outliers(images(200), span, 2) == [3, 17]


def test_effect_size_is_relative_to_the_mean_embedding() -> None:
    training = images(200)
    assert embedding_distance(training, 1.1 * training).effect_size == pytest.approx(0.1)
    assert embedding_distance(training, images(150)).effect_size < 0.03
