"""Which image comes when is known from the seed and the step alone."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from ratchet.components.trainer.images.augmentation import AUGMENTATIONS
from ratchet.schemas.base.files import LOCAL_FILES
from ratchet.schemas.data.dataset import TRAIN_SPLIT
from ratchet.schemas.data.examples_artifact import ExamplesArtifact
from tests.components.trainer.spans import settings

if TYPE_CHECKING:
    from ratchet.components.trainer.images.batches import Mixture, Span

pytestmark = pytest.mark.tensorflow
DIGITS = tuple("0123456789")
BATCH = 8


@pytest.fixture(scope="module")
def new(second_span: str) -> Span:
    from ratchet.components.trainer.images.examples import span_of

    return span_of(ExamplesArtifact.open(second_span, LOCAL_FILES), TRAIN_SPLIT, DIGITS)


@pytest.fixture(scope="module")
def old(first_span: str) -> Span:
    from ratchet.components.trainer.images.examples import span_of

    return span_of(ExamplesArtifact.open(first_span, LOCAL_FILES), TRAIN_SPLIT, DIGITS)


def mixture(new: Span, old: tuple[Span, ...] = (), replay: float = 0.0) -> Mixture:
    from ratchet.components.trainer.images.batches import Mixture

    return Mixture(new, old, replay)


def order(images: Mixture, count: int, seed: int = 0, start: int = 0) -> list[bytes]:
    """The serialised examples of the stream, as they come."""
    from ratchet.components.trainer.images.batches import _mixed

    return [serialized for serialized, _ in _mixed(images, seed, start).take(count).as_numpy_iterator()]


def batches(images: Mixture, count: int, policy: Any = "none-v1", start: int = 0, context: Any = None) -> list[Any]:
    from ratchet.components.trainer.images.batches import training_batches

    stream = training_batches(images, settings().model, AUGMENTATIONS[policy], BATCH, 0, start, context)
    return list(stream.take(count).as_numpy_iterator())


def test_each_epoch_holds_each_image_once_in_an_order_of_its_own(new: Span) -> None:
    stream = order(mixture(new), 3 * new.images)
    epochs = [stream[i * new.images : (i + 1) * new.images] for i in range(3)]
    assert all(len(set(epoch)) == new.images for epoch in epochs)
    assert len({tuple(epoch) for epoch in epochs}) == 3
    assert order(mixture(new), 20) == stream[:20]
    assert order(mixture(new), 20, seed=1) != stream[:20]


@pytest.mark.parametrize("replay", [0.0, 0.5, 0.3])
@pytest.mark.parametrize("start", [1, 8, 100, 333])
def test_a_stream_begun_later_goes_on_where_the_first_would_be(new: Span, old: Span, replay: float, start: int) -> None:
    both = mixture(new, (old,), replay)
    assert order(both, 30, start=start) == order(both, start + 30)[start:]


@pytest.mark.parametrize(("replay", "of_batch"), [(0.5, {4}), (0.25, {2}), (0.3, {2, 3})])
def test_every_batch_holds_the_share_of_earlier_images(new: Span, old: Span, replay: float, of_batch: set[int]) -> None:
    earlier = set(order(mixture(old), old.images))
    stream = order(mixture(new, (old,), replay), 50 * BATCH)
    counts = [sum(image in earlier for image in stream[i : i + BATCH]) for i in range(0, len(stream), BATCH)]
    assert set(counts) <= of_batch
    assert sum(counts) == int(50 * BATCH * replay)


def test_several_earlier_spans_count_by_their_images(new: Span, old: Span) -> None:
    stream = order(mixture(new, (old, new), 0.5), 4 * (old.images + new.images))
    counts = Counter(stream)
    earlier = set(order(mixture(old), old.images))
    assert {counts[image] for image in earlier} == {2}


def test_blocks_smaller_than_the_span_are_shuffled_each_for_itself(new: Span, monkeypatch: pytest.MonkeyPatch) -> None:
    from ratchet.components.trainer.images import batches as module

    monkeypatch.setattr(module, "SHUFFLED_TOGETHER", 10)
    stream = order(mixture(new), 2 * new.images)
    assert len(set(stream[: new.images])) == new.images
    assert stream[: new.images] != stream[new.images :]
    assert order(mixture(new), 10, start=13) == stream[13:23]


def test_a_batch_is_what_the_task_wants(new: Span) -> None:
    [(images, labels)] = batches(mixture(new), 1)
    assert images.shape == (BATCH, 64, 64, 3)
    assert images.dtype == np.float32
    assert labels["cls_targets"]["3"].shape == (BATCH, 8, 8, 2)
    found = set(np.unique(labels["cls_targets"]["3"]).tolist())
    assert found <= {-1, *range(11)}
    assert len(found) > 5


def test_labels_are_renumbered_span_by_span(new: Span, old: Span) -> None:
    """The earlier span counts its classes the other way round."""
    reversed_labels = replace(old, labels=(0, *range(10, 0, -1)))
    turned = batches(mixture(new, (reversed_labels,), 0.5), 3)
    straight = batches(mixture(new, (old,), 0.5), 3)
    for (_, one), (_, other) in zip(straight, turned):
        classes, others = one["cls_targets"]["3"], other["cls_targets"]["3"]
        for place, (a, b) in enumerate(zip(classes, others)):
            expected = np.where(a > 0, 11 - a, a) if place % 2 else a  # at a half, every second image is an earlier one
            np.testing.assert_array_equal(b, expected)


def test_augmentation_too_goes_on_where_it_would_be(new: Span) -> None:
    whole = batches(mixture(new), 6, "flip-scale-v1")
    later = batches(mixture(new), 2, "flip-scale-v1", start=4)
    for (images, labels), (again, labels_again) in zip(whole[4:], later):
        np.testing.assert_array_equal(images, again)
        np.testing.assert_array_equal(labels["cls_targets"]["3"], labels_again["cls_targets"]["3"])
    assert not np.array_equal(whole[0][0], batches(mixture(new), 1)[0][0])


def test_two_workers_share_the_batches_that_one_would_have(new: Span, old: Span) -> None:
    import tensorflow as tf

    both = mixture(new, (old,), 0.5)
    parts = [
        batches(both, 3, context=tf.distribute.InputContext(2, worker, num_replicas_in_sync=2)) for worker in (0, 1)
    ]
    for whole, first, second in zip(batches(both, 3), *parts):
        np.testing.assert_array_equal(whole[0][0::2], first[0])
        np.testing.assert_array_equal(whole[0][1::2], second[0])
