"""What a two-stage detector draws at random in training, as a function of a seed.

tf-models draws from TensorFlow's stateful generators, so that a training that was killed and resumed would draw
otherwise than one that was not. Here the seed of an image decides which anchors of it are looked at, and the proposals
themselves decide which of them are: nothing that changes from step to step as they do needs a state of its own.
"""

from __future__ import annotations

from typing import Any

import tensorflow as tf
from official.vision.ops import anchor

from ratchet.components.stack.keras2 import keras


def sampled(candidates: tf.Tensor, most: Any, draws: tf.Tensor) -> tf.Tensor:
    """At most so many of the candidates of each row.

    Args:
        candidates: [..., n] bool.
        most: [...] int32, or one number.
        draws: [..., n] float 0..1; the least are taken.

    Returns:
        [..., n] bool.
    """
    order = tf.argsort(tf.where(candidates, draws, 2.0), stable=True)
    rank = tf.argsort(order, stable=True)
    return candidates & (rank < tf.expand_dims(most, -1))


def balanced(positive: tf.Tensor, negative: tf.Tensor, count: int, share: float, draws: tf.Tensor) -> tf.Tensor:
    """At most a share of `count` positives, and as many negatives as are missing then.

    Args:
        positive: [..., n] bool.
        negative: [..., n] bool.
        count: how many are wanted.
        share: of positives, at most.
        draws: [..., n] float 0..1.

    Returns:
        [..., n] bool.
    """
    chosen = sampled(positive, int(count * share), draws)
    left = count - tf.reduce_sum(tf.cast(chosen, tf.int32), axis=-1)
    return chosen | sampled(negative, left, draws)


class SeededAnchorLabeler(anchor.RpnAnchorLabeler):
    """tf-models' labels of anchors for the region proposal network, drawn by a seed.

    Args:
        seed: [2] of the image.
        count: anchors that are looked at.
    """

    def __init__(self, seed: tf.Tensor, count: int) -> None:
        super().__init__(rpn_batch_size_per_im=count)
        self._seed = seed

    def _get_rpn_samples(self, match_results: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """1, 0 and -1 of anchors that are positive, negative, and not looked at; and the first two by themselves."""
        positive, negative = match_results > -1, tf.equal(match_results, -1)
        draws = tf.random.stateless_uniform(tf.shape(match_results), self._seed)
        chosen = balanced(positive, negative, self._rpn_batch_size_per_im, self._rpn_fg_fraction, draws)
        labels = tf.where(chosen, tf.where(positive, 1, 0), -1)
        return labels, tf.where(chosen & positive, 2, 0), tf.where(chosen & negative, 1, 0)


class SeededBoxSampler(keras.layers.Layer):
    """tf-models' choice among proposals, drawn by how they match the objects.

    Args:
        count: proposals that an image is trained with.
        share: of those with an object, at most.
    """

    def __init__(self, count: int, share: float) -> None:
        super().__init__()
        self._count = count
        self._share = share

    def call(self, positive: tf.Tensor, negative: tf.Tensor, ignored: tf.Tensor) -> tf.Tensor:
        """The indices [b, count] of those that are chosen; where there are too few, others fill up.

        Args:
            positive: [b, n] bool, with an object.
            negative: [b, n] bool, without.
            ignored: [b, n] bool, neither.
        """
        draws = tf.random.stateless_uniform(tf.shape(positive), _seed(positive, negative))
        allowed, there = tf.logical_not(ignored), int(positive.shape[-1] or 0)
        chosen = balanced(positive & allowed, negative & allowed, self._count, self._share, draws)
        return tf.math.top_k(tf.cast(chosen, tf.int32), k=min(self._count, there)).indices


def draw_by_matches(sampler: Any, count: int, share: float) -> None:
    """Has a `ROISampler` of tf-models choose with a `SeededBoxSampler`.

    Args:
        sampler: of a built model.
        count: see there.
        share: see there.
    """
    sampler._sampler = SeededBoxSampler(count, share)


def _seed(*masks: tf.Tensor) -> tf.Tensor:
    """Two numbers that change with every bit of two masks [b, n]."""
    sums = []
    for mask in masks:
        places = tf.reshape(tf.range(1, tf.size(mask) + 1), tf.shape(mask))
        sums.append(tf.reduce_sum(tf.where(mask, places * places, 0)))  # overflows, which does no harm
    return tf.stack(sums)
