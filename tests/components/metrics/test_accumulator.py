"""The accumulator: the same metrics to the bit, however the images were spread and in whatever order they came."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.metrics.accumulator import Accumulator
from components.metrics.average_precision import DetectionMetrics
from components.metrics.matching import match_image
from tests.components.metrics.oracle import Images, accumulated, data_sets, found, truth_of

ONE = match_image(truth_of((1, 0, 0, 10, 10)), found((1, 0.9, 0, 0, 10, 10)))


def sharded(images: Images, seed: int) -> Accumulator:
    """Accumulate in shuffled order, in shards that travel as pickles, some of them merged before the rest."""
    random = np.random.default_rng(seed)
    ids = random.permutation(list(images)).tolist()
    cuts = sorted(random.integers(0, len(ids) + 1, 3).tolist())
    shards = [accumulated({i: images[i] for i in part}) for part in np.split(np.array(ids, dtype=int), cuts)]
    travelled = [pickle.loads(pickle.dumps(shard)) for shard in shards]
    early = Accumulator.merge(travelled[1:3])
    return Accumulator.merge([travelled[3], pickle.loads(pickle.dumps(early)), travelled[0]])


def assert_equal_to_the_bit(actual: DetectionMetrics, expected: DetectionMetrics) -> None:
    """Compare everything that finish gives."""
    assert actual.coco == expected.coco
    assert actual.per_class_ap == expected.per_class_ap
    assert actual.num_truth == expected.num_truth
    assert actual.num_images == expected.num_images
    assert actual.precision.tobytes() == expected.precision.tobytes()
    assert actual.recall.tobytes() == expected.recall.tobytes()


@given(images=data_sets(), seed=st.integers(0, 1000))
@settings(max_examples=40, deadline=None, database=None)
def test_sharding_and_order_do_not_matter(images: dict, seed: int) -> None:
    assert_equal_to_the_bit(sharded(images, seed).finish(3), accumulated(images).finish(3))
    assert_equal_to_the_bit(sharded(images, seed).finish(), accumulated(images).finish())


def test_equal_scores_are_ranked_by_image_id() -> None:
    miss = match_image(truth_of(), found((1, 0.9, 0, 0, 10, 10)))
    hit_first, miss_first = Accumulator.create(), Accumulator.create()
    for accumulator, hit_id, miss_id in ((hit_first, 1, 2), (miss_first, 2, 1)):
        accumulator.add(miss_id, miss)
        accumulator.add(hit_id, ONE)

    assert hit_first.finish().coco["AP"] == pytest.approx(1.0)
    assert miss_first.finish().coco["AP"] == pytest.approx(0.5)


def test_a_merge_leaves_its_parts_as_they_were() -> None:
    parts = [Accumulator.create(), Accumulator.create()]
    parts[0].add(1, ONE)
    parts[1].add(2, ONE)

    merged = Accumulator.merge(parts)
    merged.add(3, ONE)

    assert [merged.finish().num_images, *(part.finish().num_images for part in parts)] == [3, 1, 1]


def test_finish_can_be_followed_by_more_images() -> None:
    accumulator = Accumulator.create()
    accumulator.add(1, ONE)
    before = accumulator.finish()
    accumulator.add(2, ONE)

    assert (before.num_images, accumulator.finish().num_images) == (1, 2)


def test_an_image_that_is_added_twice_is_named() -> None:
    accumulator = Accumulator.create()
    accumulator.add(17, ONE)

    with pytest.raises(ValueError, match="image id 17 was added twice"):
        accumulator.add(17, ONE)


def test_shards_with_a_common_image_are_refused() -> None:
    first, second = Accumulator.create(), Accumulator.create()
    first.add(17, ONE)
    second.add(17, ONE)

    with pytest.raises(ValueError, match="image id 17 was added twice"):
        Accumulator.merge([first, second])


def test_nothing_at_all_can_be_merged_and_finished() -> None:
    metrics = Accumulator.merge([]).finish()

    assert (metrics.num_images, metrics.per_class_ap, metrics.coco["AP"]) == (0, {}, -1.0)
