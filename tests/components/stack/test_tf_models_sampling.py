"""What a two-stage detector draws: at most a share with an object, the rest without, and nothing that is ignored."""

from __future__ import annotations

import numpy as np
import pytest

pytestmark = pytest.mark.tensorflow
DRAWS = [0.9, 0.1, 0.5, 0.3, 0.7, 0.2]


def test_the_least_draws_of_the_candidates_are_taken_and_no_more_than_asked_for() -> None:
    import tensorflow as tf

    from ratchet.components.stack.tf_models_sampling import sampled

    candidates = tf.constant([True, False, True, True, True, False])
    taken = [sampled(candidates, most, tf.constant(DRAWS)).numpy().nonzero()[0].tolist() for most in (0, 2, 9)]
    assert taken == [[], [2, 3], [0, 2, 3, 4]]


def test_positives_are_a_share_at_most_and_negatives_fill_up() -> None:
    import tensorflow as tf

    from ratchet.components.stack.tf_models_sampling import balanced

    draws = tf.constant([DRAWS] * 3)
    positive = tf.constant([[True] * 4 + [False] * 2, [True] + [False] * 5, [False] * 6])
    chosen = balanced(positive, tf.logical_not(positive), 4, 0.5, draws).numpy()
    assert chosen.tolist() == [
        [False, True, False, True, True, True],
        [True, True, False, True, False, True],
        [False, True, True, True, False, True],
    ]


def test_proposals_are_drawn_by_their_matches_alone_and_ignored_ones_only_fill_up() -> None:
    import tensorflow as tf

    from ratchet.components.stack.tf_models_sampling import SeededBoxSampler

    random = np.random.default_rng(0)
    positive = tf.constant(random.random((2, 40)) < 0.5)
    ignored = tf.constant(random.random((2, 40)) < 0.3)
    negative = tf.logical_not(positive)
    sampler = SeededBoxSampler(8, 0.25)
    tf.random.set_seed(1)
    first = sampler(positive, negative, ignored).numpy()
    tf.random.set_seed(2)
    assert np.array_equal(sampler(positive, negative, ignored), first)
    for row, chosen in enumerate(first):
        assert len(set(chosen.tolist())) == 8
        assert positive.numpy()[row, chosen].sum() == 2
        assert not ignored.numpy()[row, chosen].any()
    other = tf.tensor_scatter_nd_update(positive, [[0, 0]], [not positive.numpy()[0, 0]])
    assert not np.array_equal(sampler(other, tf.logical_not(other), ignored), first)
    few = sampler(positive[:, :5], negative[:, :5], tf.ones([2, 5], tf.bool)).numpy()
    assert sorted(few[0].tolist()) == [0, 1, 2, 3, 4]
