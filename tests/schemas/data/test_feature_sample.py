from __future__ import annotations

import numpy as np

from ratchet.schemas.data.feature_sample import FeatureSample


def sample(start: int, images: int, **more: np.ndarray) -> FeatureSample:
    """Image n has n % 3 boxes, of label n."""
    numbers = np.arange(start, start + images)
    owners = np.repeat(numbers, numbers % 3)
    return FeatureSample(
        images={"figure": numbers.astype(float), **more},
        objects={"size": owners.astype(float)},
        labels=owners,
        box_counts=numbers % 3,
        embeddings=np.repeat(numbers[:, None], 4, axis=1).astype(np.float32),
    )


def holds(found: FeatureSample, images: list[int]) -> None:
    """The boxes, figures and embeddings are those of these images."""
    assert found.images["figure"].tolist() == images
    assert found.box_counts.tolist() == [number % 3 for number in images]
    owners = [number for number in images for _ in range(number % 3)]
    assert found.labels.tolist() == found.objects["size"].tolist() == owners
    assert found.embeddings[:, 0].tolist() == images


def test_images_take_their_boxes_along() -> None:
    holds(sample(0, 10).rows(np.array([5, 2, 3])), [5, 2, 3])
    holds(sample(0, 10).rows(np.array([3, 6])), [3, 6])


def test_a_thinned_sample_is_spread_evenly() -> None:
    holds(sample(0, 11).thinned(3), [0, 5, 10])
    holds(sample(0, 4).thinned(9), [0, 1, 2, 3])


def test_joined_samples_keep_what_all_of_them_have() -> None:
    joined = FeatureSample.join([sample(0, 4), sample(10, 3, other=np.zeros(3))])
    holds(joined, [0, 1, 2, 3, 10, 11, 12])
    assert list(joined.images) == ["figure"]
