"""Pretrained weights give the features they gave where they came from."""

from __future__ import annotations

import dataclasses
import os
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from ratchet.components.trainer.policy import NewSpan, plan_training
from ratchet.components.trainer.settings import TrainerSettings, TrainingSettings
from ratchet.schemas.base.errors import ConfigError
from tests.builders import trained_data
from tests.components.trainer.small_model import excite, small_settings
from tests.components.trainer.spans import two_stage_settings
from tests.components.trainer.test_adopted import without_plan

pytestmark = pytest.mark.tensorflow

SETTINGS = dataclasses.replace(small_settings(), input_size=(64, 64))


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


def load(model: Any, path: Any, *modules: Any) -> None:
    from ratchet.components.trainer.model.warm_start import load_init_checkpoint

    load_init_checkpoint(model, TrainingSettings(init_checkpoint=str(path), init_modules=modules))


def load_backbone(backbone: Any, path: Any) -> None:
    load(SimpleNamespace(backbone=backbone, checkpoint_items={"backbone": backbone}), path, "backbone")


def test_folded_weights_give_the_features_of_the_model_they_come_from(keras: Any, tmp_path: Path) -> None:
    import tensorflow as tf
    from official.vision.ops import preprocess_ops

    file, source = folded_archive(keras, tmp_path / "weights.npz")
    backbone = tiny_mobilenet()
    load_backbone(backbone, file)
    pixels = np.random.default_rng(1).integers(0, 256, (1, 64, 64, 3), np.uint8)
    ours = backbone(preprocess_ops.normalize_image(tf.constant(pixels)), training=False)
    theirs = keras.Model(source.input, source.output)(pixels / np.float32(127.5) - 1, training=False)
    finest = ours[max(ours, key=int)].numpy()
    # Zero padding stands for another grey in the two scalings, so borders differ and the middle is equal.
    assert finest.shape == theirs.shape
    assert np.corrcoef(finest.ravel(), theirs.numpy().ravel())[0, 1] > 0.9


def test_weights_of_another_width_are_refused_with_the_first_shape_that_differs(keras: Any, tmp_path: Path) -> None:
    file, _ = folded_archive(keras, tmp_path / "weights.npz")
    with pytest.raises(ConfigError, match=r"weights\.npz.*convolution 0 is \(3, 3, 3, 8\) there and \(3, 3, 3, 16\)"):
        load_backbone(tiny_mobilenet(0.5), file)


@pytest.mark.parametrize(
    "name", ["missing.npz", "text.npz", "missing-checkpoint", "text-checkpoint", "empty-directory"]
)
def test_weights_that_cannot_be_read_are_named(tmp_path: Path, name: str) -> None:
    (tmp_path / "text.npz").write_text("no archive")
    (tmp_path / "text-checkpoint.index").write_text("no checkpoint")
    (tmp_path / "empty-directory").mkdir()
    with pytest.raises(ConfigError, match=name):
        load_backbone(tiny_mobilenet(), tmp_path / name)


def detector(seed: int, num_classes: int = 3, **changes: Any) -> Any:
    import tf_keras

    from ratchet.components.trainer.model.retinanet import RETINANET

    settings = dataclasses.replace(SETTINGS, **changes)
    tf_keras.utils.set_random_seed(seed)
    return RETINANET.build_model(RETINANET.build_task(settings, num_classes), settings)


def values(module: Any) -> list[np.ndarray]:
    return [weight.numpy() for weight in module.weights]


def equal(a: list[np.ndarray], b: list[np.ndarray]) -> bool:
    return len(a) == len(b) and all(np.array_equal(x, y) for x, y in zip(a, b))


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Path]:
    """A detector of 3 classes and the directory of its checkpoint, laid out as tf-models' trainer does it."""
    import tensorflow as tf
    import tf_keras

    directory = tmp_path_factory.mktemp("tf-models")
    model = detector(1)
    excite(model, 1)
    optimizer = tf_keras.optimizers.legacy.Adam(0.1)
    optimizer._create_all_weights(model.trainable_variables)
    items = {"model": model, "optimizer": optimizer, "global_step": tf.Variable(tf.constant(7, tf.int64))}
    whole = tf.train.Checkpoint(**items, **model.checkpoint_items)  # as official.core.base_trainer.Trainer
    tf.train.CheckpointManager(whole, str(directory), max_to_keep=1).save()
    return model, directory


@pytest.fixture(scope="module")
def built() -> tuple[Any, list[np.ndarray]]:
    model = detector(2)
    return model, values(model)


@pytest.fixture
def fresh(built: tuple[Any, list[np.ndarray]]) -> Any:
    """A detector of other weights than the checkpoint's."""
    model, weights = built
    model.set_weights(weights)
    return model


MODULES = ("backbone", "decoder", "head")


@pytest.mark.parametrize("wanted", [("backbone",), ("backbone", "decoder"), ("head",), MODULES])
def test_of_a_tf_models_checkpoint_only_the_wanted_parts_are_read(
    checkpoint: tuple[Any, Path], fresh: Any, wanted: tuple[str, ...]
) -> None:
    before = {name: values(getattr(fresh, name)) for name in MODULES}
    load(fresh, checkpoint[1], *wanted)
    for name in MODULES:
        expected = values(getattr(checkpoint[0], name)) if name in wanted else before[name]
        assert equal(values(getattr(fresh, name)), expected), name


def test_the_first_training_after_an_adoption_starts_from_the_checkpoint(checkpoint: tuple[Any, Path]) -> None:
    import tensorflow as tf

    from ratchet.components.trainer import job as module

    training = TrainingSettings(init_checkpoint=str(checkpoint[1]), init_modules=("backbone", "decoder"), batch_size=2)
    settings, adoption = TrainerSettings(model=SETTINGS, training=training), without_plan()
    plan = plan_training(settings, NewSpan(trained_data(), {"dog": 50, "cat": 50}), adoption)
    assert (plan.mode, plan.has_baseline, plan.freeze_batch_norm) == ("bootstrap", True, True)
    job = module.TrainingJob(settings, "/nowhere", None, adoption, None, "/nowhere")
    learner, _ = module._build(job, plan, tf.distribute.get_strategy())
    for name in ("backbone", "decoder"):
        # What is frozen stands behind the other weights, so that the order differs.
        read, there = (values(getattr(model, name)) for model in (learner.model, checkpoint[0]))
        assert sorted(map(np.ndarray.tobytes, read)) == sorted(map(np.ndarray.tobytes, there)), name


def test_a_checkpoint_of_a_backbone_alone_is_read_but_has_no_head(
    checkpoint: tuple[Any, Path], fresh: Any, tmp_path: Path
) -> None:
    import tensorflow as tf

    prefix = tf.train.Checkpoint(backbone=checkpoint[0].backbone).write(str(tmp_path / "classifier"))
    load(fresh, prefix, "backbone")
    assert equal(values(fresh.backbone), values(checkpoint[0].backbone))
    with pytest.raises(ConfigError, match=r"classifier'?: holds no head \(it holds backbone\); see .*init_modules"):
        load(fresh, prefix, "backbone", "head")


def test_a_head_of_other_classes_or_anchors_is_refused(checkpoint: tuple[Any, Path]) -> None:
    message = "its head knows 3 classes and 2 anchors a place, the model to be trained "
    with pytest.raises(ConfigError, match=message + r"5 and 2; leave 'head' out"):
        load(detector(3, num_classes=5), checkpoint[1], "backbone", "head")
    three = dataclasses.replace(SETTINGS.fixed_anchors, num_scales=3)
    with pytest.raises(ConfigError, match=message + r"3 and 3; leave 'head' out"):
        load(detector(3, anchors=three), checkpoint[1], "backbone", "head")


def test_a_checkpoint_of_another_architecture_is_refused(checkpoint: tuple[Any, Path]) -> None:
    backbone = dataclasses.replace(SETTINGS.backbone, options={"model_id": 10, "depth_multiplier": 0.5})
    with pytest.raises(ConfigError, match=r"no checkpoint of this model's backbone: (\d+) of \1 weights do not fit"):
        load(detector(3, backbone=backbone), checkpoint[1], "backbone")
    deeper = dataclasses.replace(SETTINGS.backbone, options={"model_id": 18, "depth_multiplier": 0.25})
    with pytest.raises(ConfigError, match=r"its backbone has \d+ weights and the model's \d+: it is of another arch"):
        load(detector(3, backbone=deeper), checkpoint[1], "backbone")


def test_a_head_of_more_layers_is_not_read_in_part(checkpoint: tuple[Any, Path], fresh: Any, tmp_path: Path) -> None:
    import tensorflow as tf

    deeper = detector(3, head_convs=2)
    with pytest.raises(ConfigError, match=r"its head has 24 weights and the model's \d+"):
        load(deeper, checkpoint[1], "head")
    prefix = tf.train.Checkpoint(**deeper.checkpoint_items).write(str(tmp_path / "deeper"))
    with pytest.raises(ConfigError, match=r"its head has \d+ weights and the model's 24"):
        load(fresh, prefix, "head")


def test_weights_that_do_not_fit_are_listed_with_both_shapes(
    checkpoint: tuple[Any, Path], caplog: pytest.LogCaptureFixture
) -> None:
    import logging

    wider = dataclasses.replace(SETTINGS, fpn_filters=48)
    with caplog.at_level(logging.INFO), pytest.raises(ConfigError) as caught:
        load(detector(3, fpn_filters=wider.fpn_filters), checkpoint[1], "backbone", "decoder")
    said = str(caught.value)
    counts = re.search(r"(\d+) of (\d+) weights do not fit: (decoder/\S+) is (\[.*?\]) there and (\[.*?\]) here", said)
    assert counts, said
    assert 0 < int(counts[1]) < int(counts[2])  # the backbone's fit
    assert ("32" in counts[4], "48" in counts[5]) == (True, True)
    listed = [record.getMessage() for record in caplog.records if " here" in record.getMessage()]
    assert len(listed) == int(counts[1])
    assert all(": decoder/" in line for line in listed)


def test_weights_below_model_alone_are_read(checkpoint: tuple[Any, Path], fresh: Any, tmp_path: Path) -> None:
    import tensorflow as tf

    prefix = tf.train.Checkpoint(model=checkpoint[0]).write(str(tmp_path / "all"))
    load(fresh, prefix, *MODULES)
    assert equal(values(fresh), values(checkpoint[0]))
    weights = tmp_path / "keras"
    checkpoint[0].save_weights(str(weights))
    fresh.set_weights([weight * 0 for weight in values(fresh)])
    load(fresh, weights, *MODULES)
    assert equal(values(fresh), values(checkpoint[0]))


def test_a_checkpoint_of_tf_models_own_trainer_is_read(fresh: Any, tmp_path: Path) -> None:
    """With exponential moving averages, which are an optimizer's."""
    import tensorflow as tf
    from official.core import base_trainer, config_definitions
    from official.modeling import optimization

    from ratchet.components.trainer.model.retinanet import RETINANET

    task = RETINANET.build_task(SETTINGS, 3)
    model = detector(5)
    rates = {"optimizer": {"type": "sgd"}, "learning_rate": {"type": "constant"}, "ema": {}}
    factory = optimization.OptimizerFactory(optimization.OptimizationConfig(rates))
    trainer = base_trainer.Trainer(
        config_definitions.ExperimentConfig(),
        task,
        model,
        factory.build_optimizer(factory.build_learning_rate()),
        train=False,
        evaluate=False,
    )
    tf.train.CheckpointManager(trainer.checkpoint, str(tmp_path), max_to_keep=2).save()
    load(fresh, tmp_path, *MODULES)
    assert equal(values(fresh), values(model))


def test_both_stages_of_a_faster_rcnn_are_read_each_by_its_name(fresh: Any, tmp_path: Path) -> None:
    import tensorflow as tf
    import tf_keras

    from ratchet.components.trainer.model.faster_rcnn import FASTER_RCNN

    settings = two_stage_settings().model

    def two_stages(seed: int, num_classes: int = 3) -> Any:
        tf_keras.utils.set_random_seed(seed)
        return FASTER_RCNN.build_model(FASTER_RCNN.build_task(settings, num_classes), settings)

    saved, other = two_stages(1), two_stages(2)
    whole = tf.train.Checkpoint(
        model=saved, global_step=tf.Variable(tf.constant(0, tf.int64)), **saved.checkpoint_items
    )
    prefix = whole.write(str(tmp_path / "two"))
    load(other, prefix, "backbone", "rpn_head")
    assert equal(values(other.rpn_head), values(saved.rpn_head))
    assert not equal(values(other.detection_head[0]), values(saved.detection_head[0]))
    load(other, prefix, "detection_head")
    assert equal(values(other.detection_head[0]), values(saved.detection_head[0]))
    below = tf.train.Checkpoint(model=saved).write(str(tmp_path / "below"))
    other = two_stages(4)
    load(other, below, "backbone", "decoder", "rpn_head", "detection_head")
    assert equal(values(other), values(saved))
    with pytest.raises(ConfigError, match=r"4 of \d+ weights do not fit: .*; leave the heads out of training"):
        load(two_stages(3, num_classes=5), prefix, "detection_head")
    with pytest.raises(ConfigError, match=r"'head' is no part of this model, which has backbone, decoder, detection_h"):
        load(other, prefix, "head")
    with pytest.raises(ConfigError, match=r"holds no head \(it holds backbone, decoder, rpn_head, detection_head\)"):
        load(fresh, prefix, "head")


def test_what_cannot_be_asked_for_is_refused(keras: Any, fresh: Any, tmp_path: Path) -> None:
    file, _ = folded_archive(keras, tmp_path / "weights.npz")
    with pytest.raises(ConfigError, match=r"init_modules = \['backbone', 'head'\]: .*npz can only hold a backbone"):
        load(fresh, file, "backbone", "head")
    with pytest.raises(ConfigError, match=r"init_modules = \[\]: name at least one"):
        load(fresh, file)
    no_decoder = SimpleNamespace(checkpoint_items={"backbone": fresh.backbone, "head": fresh.head})
    with pytest.raises(ConfigError, match=r"model.decoder = 'identity' has no weights"):
        load(no_decoder, tmp_path, "backbone", "decoder")
