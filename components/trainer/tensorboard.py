"""What TensorBoard shows of a training."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf
from official.vision.ops import preprocess_ops
from PIL import Image, ImageDraw
from tensorboard.plugins.image.metadata import create_summary_metadata

from ratchet.components.trainer.loop import TrainingState
from ratchet.components.trainer.serving import Serving
from ratchet.components.trainer.validation import ValidationImage
from ratchet.schemas.artifacts.training_record import ValidationPoint

_TAGS = {
    "total_loss": "loss/total",
    "cls_loss": "loss/classes",
    "box_loss": "loss/boxes",
    "gradient_norm": "gradient_norm",
    "learning_rate": "learning_rate",
}
SHOWN = 4
SIDE_PX = 384
MIN_SCORE = 0.3
_TRUTH, _FOUND = (40, 180, 70), (220, 50, 40)


class TrainingLog:
    """Writes an event file; open it with `tensorboard --logdir DIRECTORY`.

    Args:
        directory: where; None writes nothing.
        resumed: what an earlier attempt has seen, if any; it is written again, so that the curves are whole.
    """

    def __init__(self, directory: str | None, resumed: TrainingState) -> None:
        self._writer: Any = tf.summary.create_file_writer(directory) if directory else tf.summary.create_noop_writer()
        for step, loss in resumed.curve:
            self._scalars(step, {_TAGS["total_loss"]: loss})
        for point in resumed.validation:
            self.validation(point)

    def step(self, step: int, figures: Mapping[str, float]) -> None:
        """The parts of the loss, by tf-models' names, the gradients' norm and the rate."""
        self._scalars(step, {_TAGS[name]: value for name, value in figures.items()})

    def speed(self, step: int, images_per_second: float) -> None:
        """Without validation."""
        self._scalars(step, {"images_per_second": images_per_second})

    def validation(self, point: ValidationPoint) -> None:
        """mAP on the validation images."""
        parts = {"mAP/new span": point.new, "mAP/earlier spans": point.old}
        known = {name: value for name, value in parts.items() if value is not None}
        self._scalars(point.step, {"mAP/mixture": point.map} | known)

    def images(self, step: int, name: str, images: Sequence[np.ndarray]) -> None:
        """Pictures, each [height, width, 3] uint8, all of one size."""
        height, width = images[0].shape[:2]

        # Not `tf.summary.image`, whose compression takes seven times as long to make them a tenth smaller.
        def shown() -> tf.Tensor:
            pictures = [tf.io.encode_png(image, compression=1) for image in images]
            return tf.stack([tf.constant(str(width)), tf.constant(str(height)), *pictures])

        with self._writer.as_default():
            tf.summary.write(name, shown, step=step, metadata=create_summary_metadata(None, None))
        self._writer.flush()

    def _scalars(self, step: int, values: Mapping[str, float]) -> None:
        with self._writer.as_default():
            for name, value in values.items():
                tf.summary.scalar(name, value, step=step)
        self._writer.flush()


def draw_batch(images: tf.Tensor) -> list[np.ndarray]:
    """The first images of a training batch as the model gets them, augmentation and all.

    Args:
        images: [b, height, width, 3] float32, normalised.
    """
    pixels = images[:SHOWN].numpy() * preprocess_ops.STDDEV_NORM + preprocess_ops.MEAN_NORM
    return list((np.clip(pixels, 0, 1) * 255).round().astype(np.uint8))


def draw_validation(serving: Serving, images: Sequence[ValidationImage]) -> list[np.ndarray]:
    """The first validation images with their labels in green and what the model finds in red, [side, side, 3] uint8."""
    shown = images[:SHOWN]
    found = serving.serve(tf.constant([image.encoded for image in shown]))
    boxes, scores = found["detection_boxes"].numpy(), found["detection_scores"].numpy()
    return [_draw(image, boxes[i][scores[i] >= MIN_SCORE]) for i, image in enumerate(shown)]


def _draw(image: ValidationImage, boxes_yxyx_px: np.ndarray) -> np.ndarray:
    picture = Image.open(io.BytesIO(image.encoded)).convert("RGB")
    scale = SIDE_PX / max(picture.size)
    picture = picture.resize((max(1, round(picture.width * scale)), max(1, round(picture.height * scale))))
    canvas = Image.new("RGB", (SIDE_PX, SIDE_PX))
    canvas.paste(picture)
    draw = ImageDraw.Draw(canvas)
    for x, y, width, height in image.truth.boxes_xywh_px * scale:
        draw.rectangle((x, y, x + width, y + height), outline=_TRUTH, width=2)
    for ymin, xmin, ymax, xmax in boxes_yxyx_px * scale:
        draw.rectangle((xmin, ymin, xmax, ymax), outline=_FOUND)
    return np.asarray(canvas)
