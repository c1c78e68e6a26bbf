"""The training batches, in an order that is a pure function of the seed and the step.

tf-models' own readers mix sources by weighted sampling and shuffle with state that a checkpoint cannot hold, so that a
resumed training would see other images than an uninterrupted one. Here image number i of the training is known by i
alone: which source it comes from, where in which shuffled epoch it lies, and how it is augmented. Decoding, labels and
anchors are tf-models' own.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import tensorflow as tf
from official.vision.dataloaders.tf_example_decoder import TfExampleDecoder

from ratchet.components.trainer.images.augment import augment
from ratchet.components.trainer.images.augmentation import Augmentation
from ratchet.components.trainer.model.families import family_of
from ratchet.components.trainer.model.model_settings import ModelSettings

SHUFFLED_TOGETHER = 1024  # encoded images; two such blocks of each source are held in memory
_OPEN_FILES = 16


@dataclass(frozen=True)
class Span:
    """The training images of one span.

    Attributes:
        files: TFRecord files of tf.Examples with the keys of `ratchet.schemas.data.features`.
        images: how many they hold.
        labels: the model's label of each of the span's own labels 0..K; 0 is the background.
    """

    files: tuple[str, ...]
    images: int
    labels: tuple[int, ...]


@dataclass(frozen=True)
class Mixture:
    """What is trained on.

    Attributes:
        new: the new span.
        old: the earlier ones, each image of which counts alike.
        replay: share of the images that comes from `old`.
    """

    new: Span
    old: tuple[Span, ...]
    replay: float


@tf.autograph.experimental.do_not_convert
def training_batches(
    mixture: Mixture,
    model: ModelSettings,
    augmentation: Augmentation | None,
    batch_size: int,
    seed: int,
    start_step: int = 0,
    context: tf.distribute.InputContext | None = None,
) -> tf.data.Dataset:
    """Endless batches of (images [b, height, width, 3] float32, labels as the model's task of tf-models wants them).

    Args:
        mixture: the images.
        model: input size and anchors.
        augmentation: what happens to each; None: they come as they are in the files.
        batch_size: of all replicas together.
        seed: of order and augmentation.
        start_step: the first batch is the one of this step.
        context: which part of each batch is wanted; None for all of it.
    """
    start = start_step * batch_size
    part: Any = context or tf.distribute.InputContext()
    stream = _mixed(mixture, seed, start).enumerate(start)
    stream = stream.shard(part.num_input_pipelines, part.input_pipeline_id)
    parse = _Parse(mixture, model, augmentation, seed)
    images = stream.map(parse, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)
    batches = images.batch(part.get_per_replica_batch_size(batch_size), drop_remainder=True)
    options = tf.data.Options()
    options.experimental_distribute.auto_shard_policy = tf.data.experimental.AutoShardPolicy.OFF
    return batches.with_options(options).prefetch(tf.data.AUTOTUNE)


def _mixed(mixture: Mixture, seed: int, start: int) -> tf.data.Dataset:
    """(serialised tf.Example, number of its span) from image `start` on; the new span is number 0."""
    old_before = math.floor(start * mixture.replay)
    new = _shuffled([mixture.new], 0, seed, start - old_before)
    if not mixture.replay:
        return new
    old = _shuffled(mixture.old, 1, seed + 1, old_before)

    def is_old(i: tf.Tensor) -> tf.Tensor:
        share = tf.constant(mixture.replay, tf.float64)
        before, after = tf.cast(i, tf.float64) * share, tf.cast(i + 1, tf.float64) * share
        return tf.cast(tf.floor(after) > tf.floor(before), tf.int64)

    choice = tf.data.Dataset.range(start, tf.int64.max).map(is_old)
    return tf.data.Dataset.choose_from_datasets([new, old], choice)


def _shuffled(spans: Sequence[Span], first_number: int, seed: int, start: int) -> tf.data.Dataset:
    """The spans' images, epoch after epoch, each shuffled anew, from image `start` of this endless row on."""
    files = tf.constant([file for span in spans for file in span.files])
    numbers = tf.constant([first_number + i for i, span in enumerate(spans) for _ in span.files], tf.int64)
    images = sum(span.images for span in spans)

    def epoch(number: Any) -> tf.data.Dataset:
        order = _random_order(tf.size(files), seed, number, -1)
        shards = tf.data.Dataset.from_tensor_slices((tf.gather(files, order), tf.gather(numbers, order)))
        rows = shards.interleave(_records, cycle_length=_OPEN_FILES)

        def shuffle(index: Any, block: Any) -> Any:
            shuffled = _random_order(tf.shape(block[0])[0], seed, number, index)
            return tuple(tf.gather(part, shuffled) for part in block)

        return rows.batch(SHUFFLED_TOGETHER).enumerate().map(shuffle).prefetch(1).unbatch()

    done, within = divmod(start, images)
    later = tf.data.Dataset.range(done + 1, tf.int64.max).flat_map(epoch)
    return epoch(tf.constant(done, tf.int64)).skip(within).concatenate(later)


def _random_order(count: tf.Tensor, *seed: Any) -> tf.Tensor:
    """A permutation of 0..count-1 that the numbers of `seed` alone decide; tf.data's own shuffle has a hidden state."""
    key: Any = tf.constant([0, 0], tf.int64)
    for part in seed:
        key = tf.random.fold_in(key, tf.cast(part, tf.int64))
    return tf.argsort(tf.random.stateless_uniform(tf.reshape(count, [1]), key), stable=True)


def _records(file: Any, number: Any = None) -> tf.data.Dataset:
    return tf.data.TFRecordDataset(file).map(lambda serialized: (serialized, number))


class _Parse:
    """A serialised tf.Example -> image and labels of the task."""

    def __init__(self, mixture: Mixture, model: ModelSettings, augmentation: Augmentation | None, seed: int) -> None:
        spans = [mixture.new, *mixture.old]
        widest = max(len(span.labels) for span in spans)
        # Not int64: on that, tf.gather would not find a kernel on every device.
        self._labels = tf.constant([[*span.labels, *[0] * (widest - len(span.labels))] for span in spans], tf.int32)
        self._augmentation = augmentation
        self._size = model.fixed_input_size
        self._seed = seed
        self._decode = TfExampleDecoder().decode
        self._parse = family_of(model).parser(model)

    def __call__(self, index: tf.Tensor, row: tuple[tf.Tensor, tf.Tensor]) -> Any:
        serialized, number = row
        decoded = self._decode(serialized)
        labels = tf.gather_nd(self._labels, tf.stack(self._pairs(number, decoded["groundtruth_classes"]), axis=-1))
        seed = tf.stack([tf.constant(self._seed, tf.int64), index])
        image, boxes = decoded["image"], decoded["groundtruth_boxes"]
        if self._augmentation is not None:
            image, boxes = augment(image, boxes, seed, self._augmentation, self._size)
        decoded |= {"image": image, "groundtruth_boxes": boxes, "groundtruth_classes": tf.cast(labels, tf.int64)}
        return self._parse(decoded, seed)

    def _pairs(self, number: tf.Tensor, classes: tf.Tensor) -> list[tf.Tensor]:
        return [tf.fill(tf.shape(classes), number), tf.cast(classes, tf.int64)]
