"""Pretrained weights give the features they gave where they came from."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from schemas.errors import ConfigError

pytestmark = pytest.mark.tensorflow


@pytest.fixture(scope="module")
def keras() -> Any:
    os.environ["TF_USE_LEGACY_KERAS"] = "1"
    import tf_keras

    return tf_keras


def tiny_mobilenet(width: float = 0.25) -> Any:
    import tensorflow as tf
    import tf_keras
    from official.vision.modeling.backbones.mobilenet import MobileNet

    @tf.autograph.experimental.do_not_convert
    def build() -> Any:
        shape = tf_keras.layers.InputSpec(shape=[None, 64, 64, 3])
        return MobileNet("MobileNetV1", width, input_specs=shape, norm_epsilon=1e-3)

    return build()


def folded_archive(keras: Any, file: Path) -> tuple[Path, Any]:
    """Keras' own MobileNet of random weights as an archive of plain convolutions, and that model."""
    source = keras.applications.MobileNet(input_shape=(64, 64, 3), alpha=0.25, include_top=False, weights=None)
    random = np.random.default_rng(0)
    arrays: dict[str, np.ndarray] = {}
    names = [layer for layer in source.layers if layer.weights]
    for layer, norm in zip(names[::2], names[1::2]):
        [kernel] = layer.get_weights()
        bias = random.normal(0, 0.1, norm.beta.shape).astype(np.float32)
        fan_in = kernel.shape[0] * kernel.shape[1] * (1 if "dw" in layer.name else kernel.shape[2])
        kernel = random.normal(0, (2 / fan_in) ** 0.5, kernel.shape).astype(np.float32)
        layer.set_weights([kernel])
        norm.set_weights([np.ones_like(bias), bias, np.zeros_like(bias), np.full_like(bias, 1 - norm.epsilon)])
        arrays |= {f"{layer.name}/kernel": kernel, f"{layer.name}/bias": bias}
    np.savez(file, **arrays)  # pyright: ignore[reportArgumentType]
    return file, source


def test_folded_weights_give_the_features_of_the_model_they_come_from(keras: Any, tmp_path: Path) -> None:
    import tensorflow as tf
    from official.vision.ops import preprocess_ops

    from components.trainer.warm_start import load_backbone

    file, source = folded_archive(keras, tmp_path / "weights.npz")
    backbone = tiny_mobilenet()
    load_backbone(backbone, str(file))
    pixels = np.random.default_rng(1).integers(0, 256, (1, 64, 64, 3), np.uint8)
    ours = backbone(preprocess_ops.normalize_image(tf.constant(pixels)), training=False)
    theirs = keras.Model(source.input, source.output)(pixels / np.float32(127.5) - 1, training=False)
    finest = ours[max(ours, key=int)].numpy()
    # Zero padding stands for another grey in the two scalings, so borders differ and the middle is equal.
    assert finest.shape == theirs.shape
    assert np.corrcoef(finest.ravel(), theirs.numpy().ravel())[0, 1] > 0.9


def test_weights_of_another_width_are_refused_with_the_first_shape_that_differs(keras: Any, tmp_path: Path) -> None:
    from components.trainer.warm_start import load_backbone

    file, _ = folded_archive(keras, tmp_path / "weights.npz")
    with pytest.raises(ConfigError, match=r"weights\.npz.*convolution 0 is \(3, 3, 3, 8\) there and \(3, 3, 3, 16\)"):
        load_backbone(tiny_mobilenet(0.5), str(file))


@pytest.mark.parametrize("name", ["missing.npz", "text.npz", "missing-checkpoint"])
def test_weights_that_cannot_be_read_are_named(tmp_path: Path, name: str) -> None:
    from components.trainer.warm_start import load_backbone

    (tmp_path / "text.npz").write_text("no archive")
    with pytest.raises(ConfigError, match=name):
        load_backbone(tiny_mobilenet(), str(tmp_path / name))


def test_a_checkpoint_of_a_backbone_is_read_back(tmp_path: Path, keras: Any) -> None:
    import tensorflow as tf

    from components.trainer.warm_start import load_backbone

    first, second = tiny_mobilenet(), tiny_mobilenet()
    prefix = tf.train.Checkpoint(backbone=first).write(str(tmp_path / "ckpt"))
    load_backbone(second, prefix)
    for a, b in zip(first.weights, second.weights):
        np.testing.assert_array_equal(a.numpy(), b.numpy())
