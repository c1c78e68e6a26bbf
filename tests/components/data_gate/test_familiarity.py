from __future__ import annotations

import numpy as np

from ratchet.components.data_gate.familiarity import familiarity

RNG = np.random.default_rng(0)
AXES = RNG.normal(size=(8, 40))


def images(count: int, shift: float = 0.0) -> np.ndarray:
    """Embeddings [count, 40] of a world with eight hidden causes."""
    causes = RNG.normal(size=(count, 8))
    causes[:, 0] += shift
    return 20 + causes @ AXES + 0.1 * RNG.normal(size=(count, 40))


def test_images_of_the_same_world_are_as_likely_familiar_as_not() -> None:
    of_new = familiarity(images(400), images(400))
    assert 0.4 < of_new.mean() < 0.6
    assert (of_new < 0.05).mean() < 0.1


def test_images_of_another_world_are_strange_one_by_one() -> None:
    mixed = np.concatenate([images(30), images(30, shift=12)])
    of_each = familiarity(images(400), mixed)
    assert (of_each[30:] < 0.01).all()
    assert of_each[:30].mean() > 0.3


def test_either_of_two_worlds_that_were_trained_on_is_familiar() -> None:
    day_and_night = np.concatenate([images(200), images(200, shift=12)])
    for shift in (0, 12):
        assert familiarity(day_and_night, images(100, shift)).mean() > 0.3


def test_the_next_scene_is_familiar_though_frames_of_a_scene_repeat_each_other() -> None:
    scenes = np.repeat(images(50), 8, axis=0) + 0.05 * RNG.normal(size=(400, 40))
    assert (familiarity(scenes, images(100)) < 0.05).mean() < 0.3


def test_nothing_is_said_beside_few_images_or_without_embeddings() -> None:
    assert familiarity(images(10), images(5)).tolist() == [1.0] * 5
    assert familiarity(np.zeros((50, 0)), np.zeros((5, 0))).tolist() == [1.0] * 5
