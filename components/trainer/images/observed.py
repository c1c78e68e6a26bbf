"""The first training batches looked at on their way to the step, beside the same images as they come from the files."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import tensorflow as tf
from official.vision.ops import preprocess_ops

from ratchet.components.trainer.images.figures import Batch, batch_of, mirrored
from ratchet.components.trainer.loop import TrainingState
from ratchet.components.trainer.model.family import Family

IMAGES = 64  # at least as many are looked at, unless the training ends before


def observed(
    coming: Iterator[Any],
    sources: Callable[[], Iterator[Any]],
    state: TrainingState,
    strategy: tf.distribute.Strategy,
    batch_size: int,
    family: Family,
) -> Iterator[Any]:
    """The training batches, unchanged; the figures of the first are added up in the state, and saved with it.

    Of several workers, each looks at its own share.

    Args:
        coming: batches of the steps from `state.step` on.
        sources: gives the same batches without augmentation.
        state: of the training.
        strategy: whose batches they are.
        batch_size: of all replicas together.
        family: of the model, whose labels the batches have.
    """
    left = range(state.step, math.ceil(IMAGES / batch_size))
    if left:
        plain = sources()
        for _ in left:
            batch = next(coming)
            for augmented, source in zip(*(_batches(those, strategy, family) for those in (batch, next(plain)))):
                state.batches.add(source)
                state.augmented.add(augmented, mirrored(augmented, source))
            yield batch
        del plain  # and with it what it reads ahead
    yield from coming


def _batches(batch: Any, strategy: tf.distribute.Strategy, family: Family) -> list[Batch]:
    """One for each replica of this process."""
    replicas = range(len(strategy.experimental_local_results(batch[0])))
    own = [_arrays(batch, lambda value, i=i: strategy.experimental_local_results(value)[i]) for i in replicas]
    return [
        batch_of(images, family.boxes(labels), preprocess_ops.MEAN_NORM, preprocess_ops.STDDEV_NORM)
        for images, labels in own
    ]


def _arrays(batch: Any, of_replica: Callable[[Any], tf.Tensor]) -> Any:
    return tf.nest.map_structure(lambda value: of_replica(value).numpy(), batch)
