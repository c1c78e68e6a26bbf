"""Pictures for TensorBoard."""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np
import tensorflow as tf
from official.vision.ops import preprocess_ops
from PIL import Image, ImageDraw

from components.trainer.served.serving import Serving
from components.trainer.validation import HeldOutImage

SHOWN = 4
SIDE_PX = 384
MIN_SCORE = 0.3
_TRUTH, _FOUND = (40, 180, 70), (220, 50, 40)


def draw_batch(images: tf.Tensor) -> list[np.ndarray]:
    """The first images of a training batch as the model gets them, augmentation and all.

    Args:
        images: [b, height, width, 3] float32, normalised.
    """
    pixels = images[:SHOWN].numpy() * preprocess_ops.STDDEV_NORM + preprocess_ops.MEAN_NORM
    return list((np.clip(pixels, 0, 1) * 255).round().astype(np.uint8))


def draw_validation(serving: Serving, images: Sequence[HeldOutImage]) -> list[np.ndarray]:
    """The first held-out images with their labels in green and what the model finds in red, [side, side, 3] uint8."""
    shown = images[:SHOWN]
    found = serving.serve(tf.constant([image.encoded for image in shown]))
    boxes, scores = found["detection_boxes"].numpy(), found["detection_scores"].numpy()
    return [_draw(image, boxes[i][scores[i] >= MIN_SCORE]) for i, image in enumerate(shown)]


def _draw(image: HeldOutImage, boxes_yxyx_px: np.ndarray) -> np.ndarray:
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
