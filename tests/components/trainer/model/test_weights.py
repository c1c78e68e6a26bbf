"""A pushed model's weights come back, all of them, and its classes keep their scores when there are more."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ratchet.components.trainer.model.model_settings import ModelSettings
from ratchet.schemas.base.errors import ConfigError, StateError
from tests.components.trainer.small_model import excite, small_settings

pytestmark = pytest.mark.tensorflow

OLD = ("cat", "dog", "owl")
NEW = ("owl", "ant", "cat", "bee", "dog")
SETTINGS = dataclasses.replace(small_settings(), input_size=(64, 64))
PRIOR = 0.01  # the score that RetinaNet's head starts from


def build(num_classes: int, seed: int, settings: ModelSettings = SETTINGS, per_level: bool = False) -> Any:
    import tf_keras

    from ratchet.components.trainer.model.retinanet import RETINANET

    tf_keras.utils.set_random_seed(seed)
    task = RETINANET.build_task(settings, num_classes)
    task.task_config.model.head.share_level_convs = not per_level
    return RETINANET.build_model(task, settings)


def save(model: Any, directory: Path) -> str:
    import tensorflow as tf

    from ratchet.components.trainer.model.weights import ordered_weights

    module: Any = tf.Module()
    module.weights = ordered_weights(model)
    tf.saved_model.save(module, str(directory))
    return str(directory)


def values(model: Any) -> list[np.ndarray]:
    from ratchet.components.trainer.model.weights import ordered_weights

    return [weight.numpy() for weight in ordered_weights(model)]


def scores(model: Any) -> dict[str, np.ndarray]:
    """[rows, columns, anchors, classes] of each level for one image, the background first."""
    import tensorflow as tf

    image = np.random.default_rng(0).normal(0, 1, (1, 64, 64, 3)).astype(np.float32)
    found = model(tf.constant(image), image_shape=tf.constant([[64.0, 64.0]]), training=False)["cls_outputs"]
    anchors = SETTINGS.fixed_anchors.num_scales * len(SETTINGS.fixed_anchors.aspect_ratios)
    return {level: tf.sigmoid(x).numpy().reshape(*x.shape[1:3], anchors, -1) for level, x in found.items()}


@pytest.fixture(scope="module", params=[False, True], ids=["shared head", "head of each level"])
def per_level(request: pytest.FixtureRequest) -> bool:
    return request.param


@pytest.fixture(scope="module")
def pushed(per_level: bool, tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, str]:
    """A model of OLD and where it was saved, its backbone's batch norm frozen."""
    from ratchet.components.trainer.model.warm_start import norm_layers

    model = build(len(OLD), 1, per_level=per_level)
    excite(model, 1)
    for layer in norm_layers(model.backbone):
        layer.trainable = False  # changes the order of Keras' own list of weights
    return model, save(model, tmp_path_factory.mktemp("pushed"))


@pytest.fixture(scope="module")
def bigger(per_level: bool) -> Any:
    """A fresh model of NEW."""
    return build(len(NEW), 2, per_level=per_level)


def test_a_model_that_was_frozen_when_saved_is_restored_weight_by_weight(
    pushed: tuple[Any, str], per_level: bool
) -> None:
    from ratchet.components.trainer.model.retinanet import RETINANET
    from ratchet.components.trainer.model.weights import restore_weights

    other = build(len(OLD), 3, per_level=per_level)
    assert sum(not np.array_equal(a, b) for a, b in zip(values(other), values(pushed[0]))) > 10
    restore_weights(other, pushed[1], OLD, OLD, RETINANET)
    assert len(values(other)) == len(other.weights)
    for a, b in zip(values(other), values(pushed[0]), strict=True):
        np.testing.assert_array_equal(a, b)


def test_old_classes_keep_their_scores_at_their_new_places_and_new_ones_start_at_the_prior(
    pushed: tuple[Any, str], bigger: Any
) -> None:
    from ratchet.components.trainer.model.retinanet import RETINANET
    from ratchet.components.trainer.model.weights import restore_weights

    restore_weights(bigger, pushed[1], OLD, NEW, RETINANET)
    before, after = scores(pushed[0]), scores(bigger)
    assert set(before) == set(after) == {"3", "4"}
    for level, old in before.items():
        assert old.std() > 0.05  # there are scores to keep
        np.testing.assert_allclose(after[level][..., 0], old[..., 0], atol=1e-6)
        for i, name in enumerate(OLD):
            np.testing.assert_allclose(after[level][..., 1 + NEW.index(name)], old[..., 1 + i], atol=1e-6)
        for name in set(NEW) - set(OLD):
            np.testing.assert_allclose(after[level][..., 1 + NEW.index(name)], PRIOR, atol=1e-3)


def test_a_class_that_the_span_lost_is_refused_and_nothing_is_changed(pushed: tuple[Any, str], bigger: Any) -> None:
    from ratchet.components.trainer.model.retinanet import RETINANET
    from ratchet.components.trainer.model.weights import restore_weights

    before = values(bigger)
    with pytest.raises(ConfigError, match="classes: the served model knows 'dog', which the span does not"):
        restore_weights(bigger, pushed[1], OLD, ("ant", "bee", "cat", "cow", "owl"), RETINANET)
    for a, b in zip(values(bigger), before, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"fpn_filters": 48}, r"weight \d+ is \(.*32,?\) there and \(.*48,?\) here"),
        ({"head_convs": 2}, r"it has \d+ weights and the model to be trained \d+"),
    ],
)
def test_another_architecture_is_refused_and_nothing_is_changed(
    pushed: tuple[Any, str], per_level: bool, change: dict[str, Any], message: str
) -> None:
    from ratchet.components.trainer.model.retinanet import RETINANET
    from ratchet.components.trainer.model.weights import restore_weights

    model = build(len(NEW), 4, dataclasses.replace(SETTINGS, **change), per_level)
    before = values(model)
    with pytest.raises(StateError, match=message):
        restore_weights(model, pushed[1], OLD, NEW, RETINANET)
    for a, b in zip(values(model), before, strict=True):
        np.testing.assert_array_equal(a, b)


def test_weights_that_are_not_there_or_damaged_are_named(bigger: Any, pushed: tuple[Any, str], tmp_path: Path) -> None:
    from ratchet.components.trainer.model.retinanet import RETINANET
    from ratchet.components.trainer.model.weights import restore_weights

    with pytest.raises(StateError, match=r"nowhere: the served model's weights cannot be read"):
        restore_weights(bigger, str(tmp_path / "nowhere"), OLD, NEW, RETINANET)
    (tmp_path / "variables").mkdir()
    for file in (Path(pushed[1]) / "variables").iterdir():
        content = file.read_bytes()
        (tmp_path / "variables" / file.name).write_bytes(content if file.suffix == ".index" else content[:1000])
    with pytest.raises(StateError, match=r"the served model's weights cannot be read"):
        restore_weights(bigger, str(tmp_path), OLD, NEW, RETINANET)


def test_channels_are_those_of_one_anchor_after_the_other() -> None:
    from ratchet.components.trainer.model.weights import with_new_classes

    fresh = np.array([[-1, -2, -3, -4, -5, -6]])
    grown = with_new_classes(np.array([[10, 11, 20, 21]]), fresh, labels=[0, 2], groups=2)
    np.testing.assert_array_equal(grown, [[10, -2, 11, 20, -5, 21]])
    np.testing.assert_array_equal(fresh, [[-1, -2, -3, -4, -5, -6]])
