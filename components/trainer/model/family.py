"""What the Trainer has to know of a kind of detector of tf-models; each kind is a class of its own."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf

from ratchet.components.stack.keras2 import keras
from ratchet.components.trainer.model.model_settings import ModelSettings

MAX_OBJECTS = 500  # of an image; tf-models' default of 100 drops ground truth of crowded images
# A decoded tf.Example whose boxes and labels are the model's, and a seed of that image -> image and labels.
Parse = Callable[[dict[str, tf.Tensor], tf.Tensor], tuple[tf.Tensor, Any]]


@dataclass(frozen=True)
class ClassWeights:
    """A weight with a part for each class, the background first.

    Attributes:
        variable: [..., groups * classes * values].
        groups: how often all classes follow one another, such as once for each anchor of a place.
        values: numbers of each class, such as the four sides of its box.
    """

    variable: tf.Variable
    groups: int = 1
    values: int = 1


class Family(ABC):
    """A kind of detector: model, labels and losses are tf-models' own."""

    @abstractmethod
    def build_task(
        self, settings: ModelSettings, num_classes: int, sync_batch_norm: bool = False, norm_momentum: float = 0.9
    ) -> Any:
        """A task of tf-models: model and losses, no data.

        Its `train_step` gives `total_loss`, `cls_loss` and `box_loss` to metrics of these names.

        Args:
            settings: architecture, with `input_size` and `anchors` resolved.
            num_classes: K, without the background.
            sync_batch_norm: share batch-norm statistics among the devices of a strategy.
            norm_momentum: share of the batch-norm statistics that a step keeps.

        Raises:
            ConfigError: tf-models has no such backbone, or something is not resolved.
        """

    @abstractmethod
    def build_model(self, task: Any, settings: ModelSettings) -> keras.Model:
        """The task's model with all its weights in place."""

    @abstractmethod
    def parser(self, settings: ModelSettings) -> Parse:
        """What makes a training image, and the labels that the task wants, of a decoded tf.Example."""

    @abstractmethod
    def outputs(self, model: keras.Model, images: tf.Tensor, labels: Any) -> Any:
        """What the model gives in training, in the numbers that it computes with."""

    @abstractmethod
    def losses(self, task: Any, outputs: Any, labels: Any) -> Sequence[tf.Tensor]:
        """The loss without penalties on weights, and of that the parts of classes and boxes."""

    @abstractmethod
    def divisor(self, labels: Any) -> tf.Tensor:
        """What the loss of a batch is a mean over, on all devices together: objects or images."""

    @abstractmethod
    def detect(
        self, model: keras.Model, images: tf.Tensor, shapes: tf.Tensor, anchors: Mapping[str, tf.Tensor]
    ) -> tuple[Mapping[str, tf.Tensor], Mapping[str, tf.Tensor]]:
        """What a model finds.

        Args:
            model: built.
            images: [b, height, width, 3] normalised.
            shapes: [b, 2] height and width of each without its padding.
            anchors: of each level [b, rows, columns, anchors * 4].

        Returns:
            tf-models' detections (`detection_boxes` in px of the input, `detection_classes` from 1,
            `detection_scores`, `num_detections`), and the backbone's features by level.
        """

    @abstractmethod
    def heads(self, model: keras.Model) -> dict[str, keras.layers.Layer]:
        """What stands behind the decoder, by the names of tf-models' checkpoints."""

    @abstractmethod
    def class_weights(self, model: keras.Model) -> list[ClassWeights]:
        """The weights that grow with the classes."""

    @abstractmethod
    def boxes(self, labels: Mapping[str, Any]) -> list[np.ndarray]:
        """The boxes that each image of a batch is trained on, [n, 4] yxyx in px of the input.

        Args:
            labels: of a batch, as arrays.
        """

    def parts(self, model: Any) -> dict[str, keras.layers.Layer]:
        """Backbone, decoder and heads, by the names of tf-models' checkpoints."""
        parts = {"backbone": model.backbone, "decoder": model.decoder, **self.heads(model)}
        return {name: part for name, part in parts.items() if part is not None}  # `identity` is no decoder


def on_all_devices(value: tf.Tensor) -> tf.Tensor:
    """The sum of what all replicas hold."""
    replica: Any = tf.distribute.get_replica_context()
    if replica is None or replica.num_replicas_in_sync == 1:
        return value
    return replica.all_reduce(tf.distribute.ReduceOp.SUM, value)
