"""What is exported is what is restored, and what is served."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest

from components.trainer.policy import AUGMENTATIONS
from components.trainer.settings import ModelSettings, TrainingSettings
from pipeline.config import load_config
from tests.builders import encode, picture

pytestmark = pytest.mark.tensorflow


@pytest.fixture(scope="module")
def settings() -> ModelSettings:
    return load_config("digits").model


def build(settings: ModelSettings, seed: int) -> Any:
    import tf_keras

    from components.trainer.experiment import build_model, build_task

    tf_keras.utils.set_random_seed(seed)
    return build_model(build_task(settings, TrainingSettings(), AUGMENTATIONS["none-v1"], 10, ["none"]), settings)


@pytest.fixture(scope="module")
def exported(settings: ModelSettings, tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, str]:
    from components.trainer.export import save_model
    from components.trainer.warm_start import norm_layers

    model = build(settings, 1)
    for layer in norm_layers(model.backbone):
        layer.trainable = False  # changes the order of Keras' own list of weights
    directory = str(tmp_path_factory.mktemp("model"))
    save_model(model, settings, directory)
    return model, directory


def test_a_model_that_was_frozen_when_saved_is_restored_weight_by_weight(
    settings: ModelSettings, exported: tuple[Any, str]
) -> None:
    from components.trainer.export import ordered_weights, restore_weights

    model, directory = exported
    other = build(settings, 2)
    before = [weight.numpy() for weight in ordered_weights(other)]
    restore_weights(other, directory)
    after = [weight.numpy() for weight in ordered_weights(other)]
    expected = [weight.numpy() for weight in ordered_weights(model)]
    assert len(after) == len(model.weights)
    assert sum(not np.array_equal(a, b) for a, b in zip(before, after)) > 10
    for a, b in zip(after, expected):
        np.testing.assert_array_equal(a, b)


def test_another_architecture_cannot_be_restored(exported: tuple[Any, str]) -> None:
    from components.trainer.export import restore_weights

    wider = build(load_config("digits", ["model.fpn_filters=48"]).model, 3)
    with pytest.raises((ValueError, AssertionError)):
        restore_weights(wider, exported[1])


def test_the_signature_takes_files_of_any_size_and_answers_in_their_pixels(exported: tuple[Any, str]) -> None:
    import tensorflow as tf

    signature = tf.saved_model.load(exported[1]).signatures["serving_default"]
    files = [encode(picture(320, 200)), encode(picture(64, 96), "PNG")]
    found = {key: value.numpy() for key, value in signature(image_bytes=tf.constant(files)).items()}
    assert found["detection_boxes"].shape == (2, 20, 4)
    assert found["detection_classes"].dtype == np.int32
    for boxes, (width, height) in zip(found["detection_boxes"], ((320, 200), (64, 96))):
        assert boxes.min() >= 0
        assert (boxes <= np.array([height, width, height, width])).all()


def test_a_batch_and_single_images_are_answered_alike(exported: tuple[Any, str]) -> None:
    import tensorflow as tf

    signature = tf.saved_model.load(exported[1]).signatures["serving_default"]
    files = [encode(picture(128, 128, seed)) for seed in (1, 2)]
    together = signature(image_bytes=tf.constant(files))["detection_scores"].numpy()
    alone = [signature(image_bytes=tf.constant([file]))["detection_scores"].numpy()[0] for file in files]
    np.testing.assert_allclose(together, alone, atol=1e-6)


def test_a_grey_image_is_served_as_a_colour_image(exported: tuple[Any, str]) -> None:
    import tensorflow as tf

    grey = io.BytesIO()
    picture(128, 128).convert("L").save(grey, "JPEG")
    signature = tf.saved_model.load(exported[1]).signatures["serving_default"]
    assert signature(image_bytes=tf.constant([grey.getvalue()]))["num_detections"].shape == (1,)


def test_the_two_halves_answer_exactly_as_the_whole(exported: tuple[Any, str]) -> None:
    import tensorflow as tf

    signatures = tf.saved_model.load(exported[1]).signatures
    files = tf.constant([encode(picture(320, 200, 1)), encode(picture(64, 96, 2), "PNG")])
    whole = signatures["serving_default"](image_bytes=files)
    halves = signatures["detect"](**signatures["preprocess"](image_bytes=files))
    for key, value in whole.items():
        np.testing.assert_array_equal(value.numpy(), halves[key].numpy())
