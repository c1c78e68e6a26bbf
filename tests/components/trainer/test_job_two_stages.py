"""A first training of a Faster R-CNN and a retraining of it, as the pipeline calls them, and what they export."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ratchet.components.trainer.settings import TrainerSettings
from ratchet.schemas.artifacts.training_record import BASELINE_DIRECTORY, LABELS_FILE
from ratchet.schemas.base.errors import ConfigError
from ratchet.schemas.data.dataset import EVAL_SPLIT
from tests.components.trainer.spans import settings, two_stage_settings, weights_of
from tests.components.trainer.test_job import DIGITS, World

pytestmark = pytest.mark.tensorflow


@pytest.fixture(scope="module")
def world(first_span: str, second_span: str, tmp_path_factory: pytest.TempPathFactory) -> World:
    made = World(tmp_path_factory.mktemp("root"), two_stage_settings)
    made.train("first", first_span, None)
    made.train("second", second_span, "first", "training.validation.patience=1", "model.max_detections=5")
    return made


def test_records_say_what_was_trained(world: World) -> None:
    first, second = world.record("first"), world.record("second")
    assert (first.mode, second.mode) == ("bootstrap", "retrain")
    assert {first.model["family"], second.model["family"]} == {"faster_rcnn"}
    assert first.loss_curve[-1][1] < first.loss_curve[0][1]
    for record in (first, second):
        assert record.dynamics is not None
        assert set(record.dynamics.losses) == {"total_loss", "cls_loss", "box_loss"}
        assert set(record.dynamics.parts) == {"backbone", "decoder", "rpn_head", "detection_head"}
        assert record.dynamics.batches is not None
        assert record.dynamics.batches.boxes > 1
    assert 0 < second.weight_distance < first.weight_distance


def test_a_retraining_starts_from_the_weights_of_the_first(world: World) -> None:
    first, second = weights_of(world.root / "first"), weights_of(world.root / "second")
    assert [weight.shape for weight in first] == [weight.shape for weight in second]
    moved = np.sqrt(sum(np.square(a - b).sum() for a, b in zip(first, second)))
    assert 0 < moved < 0.5 * np.sqrt(sum(np.square(a).sum() for a in first))


def test_the_baseline_beside_it_has_the_new_post_processing(world: World, second_span: str) -> None:
    record = world.record("second")
    assert [change.name for change in record.post_processing] == ["max_detections"]
    assert record.baseline_for_comparison
    served, compared = (best_scores(world.root / place, second_span) for place in ("first", BASELINE_DIRECTORY))
    assert (served.shape[1], compared.shape[1]) == (20, 5)
    np.testing.assert_allclose(served[:, :5], compared, atol=1e-5)


def images_of(examples: str) -> list[bytes]:
    from ratchet.components.detector.served import read_images

    files = sorted(map(str, Path(examples, f"Split-{EVAL_SPLIT}").iterdir()))
    return [encoded for _, encoded in next(read_images(files, 8))]


def best_scores(model: Path, examples: str) -> np.ndarray:
    import tensorflow as tf

    signatures: Any = tf.saved_model.load(str(model)).signatures
    return signatures["image_bytes"](image_bytes=tf.constant(images_of(examples)))["detection_scores"].numpy()


def test_it_is_served_like_any_detector(world: World, second_span: str) -> None:
    import tensorflow as tf

    signatures: Any = tf.saved_model.load(str(world.root / "second")).signatures
    assert set(signatures) == {"serving_default", "image_bytes", "tf_example", "preprocess", "detect", "embed", "look"}
    encoded = images_of(second_span)
    found = signatures["image_bytes"](image_bytes=tf.constant(encoded))
    assert found["detection_boxes"].shape == (len(encoded), 5, 4)
    counts = found["num_detections"].numpy()
    assert counts.max() > 0
    names = np.array(["", *json.loads((world.root / "second" / LABELS_FILE).read_text())])
    for i, count in enumerate(counts):
        boxes = found["detection_boxes"][i].numpy()
        assert (boxes[:count, 2:] > boxes[:count, :2]).all()
        assert not boxes[count:].any()
        labels = found["detection_classes"][i].numpy()
        assert ((labels[:count] >= 1) & (labels[:count] <= len(DIGITS))).all()
        assert found["detection_class_names"][i].numpy().astype(str).tolist() == names[labels].tolist()
    prepared = signatures["preprocess"](image_bytes=tf.constant(encoded))
    looked, embedded = signatures["look"](**prepared), signatures["embed"](images=prepared["images"])
    np.testing.assert_allclose(looked["embedding"], embedded["embedding"], rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(looked["detection_scores"], found["detection_scores"], atol=1e-5)
    assert signatures["image_bytes"](image_bytes=tf.constant([], tf.string))["num_detections"].shape == (0,)


def test_a_lineage_keeps_its_kind_of_detector(world: World, second_span: str) -> None:
    def other(*overrides: str) -> TrainerSettings:
        return settings(*overrides)

    with pytest.raises(ConfigError, match=r"model\.family = retinanet: the served model was built with faster_rcnn"):
        World(world.root, other).train("third", second_span, "first")
