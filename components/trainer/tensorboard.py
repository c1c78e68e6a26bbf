"""What TensorBoard shows of a training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from components.trainer.checkpoint_state import TrainingState
from schemas.artifacts.training_record import ValidationPoint

_TAGS = {"total_loss": "loss/total", "cls_loss": "loss/classes", "box_loss": "loss/boxes"}


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

    def losses(self, step: int, losses: Mapping[str, float], learning_rate: float) -> None:
        """The parts of the loss, by tf-models' names, and the rate."""
        self._scalars(step, {_TAGS[name]: value for name, value in losses.items()} | {"learning_rate": learning_rate})

    def speed(self, step: int, images_per_second: float) -> None:
        """Without validation."""
        self._scalars(step, {"images_per_second": images_per_second})

    def validation(self, point: ValidationPoint) -> None:
        """mAP on the held-out images."""
        old = {} if point.old is None else {"mAP/earlier spans": point.old}
        self._scalars(point.step, {"mAP/mixture": point.map, "mAP/new span": point.new} | old)

    def images(self, step: int, name: str, images: Sequence[np.ndarray]) -> None:
        """Pictures, each [height, width, 3] uint8, all of one size."""
        with self._writer.as_default():
            tf.summary.image(name, np.stack(images), step=step, max_outputs=len(images))
        self._writer.flush()

    def _scalars(self, step: int, values: Mapping[str, float]) -> None:
        with self._writer.as_default():
            for name, value in values.items():
                tf.summary.scalar(name, value, step=step)
        self._writer.flush()
