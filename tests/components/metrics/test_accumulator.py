"""The accumulator: the same metrics to the bit, however the images were spread and in whatever order they came."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ratchet.components.metrics.accumulator import Accumulator
from ratchet.components.metrics.average_precision import DetectionMetrics
from ratchet.components.metrics.match_table import MatchTable
from ratchet.components.metrics.matching import Matches
from tests.components.metrics.oracle import Images, accumulated, data_sets, found, matched_one, truth_of


def one(image_id: int) -> Matches:
    """An image with one object that is found."""
    return matched_one(truth_of((1, 0, 0, 10, 10)), found((1, 0.9, 0, 0, 10, 10)), image_id)


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


def assert_equal_tables(actual: MatchTable, expected: MatchTable) -> None:
    """Compare every column."""
    for name, column in vars(expected).items():
        assert np.asarray(vars(actual)[name]).tobytes() == np.asarray(column).tobytes()


@given(images=data_sets(), seed=st.integers(0, 1000))
def test_sharding_and_order_do_not_matter(images: dict, seed: int) -> None:
    assert_equal_to_the_bit(sharded(images, seed).finish(3), accumulated(images).finish(3))
    assert_equal_to_the_bit(sharded(images, seed).finish(), accumulated(images).finish())
    assert_equal_tables(sharded(images, seed).table(), accumulated(images).table())


@given(images=data_sets(min_images=1), seed=st.integers(0, 1000))
def test_the_table_of_some_images_is_that_of_only_these_images(images: dict, seed: int) -> None:
    table = accumulated(images).table()
    keep = np.random.default_rng(seed).random(len(images)) < 0.6

    some = accumulated({i: images[i] for i in table.image_ids[keep].tolist()}).table()

    assert_equal_tables(table.of_images(keep), some)


@pytest.mark.parametrize("keep", [np.ones(2, dtype=bool), np.ones(1)])
def test_a_selection_must_have_one_bool_per_image(keep: np.ndarray) -> None:
    with pytest.raises(ValueError, match="expected 1 bools, one per image"):
        accumulated({3: (truth_of(), found())}).table().of_images(keep)


def test_the_largest_label_has_rows() -> None:
    largest = matched_one(truth_of((65535, 0, 0, 10, 10)), found((65535, 0.9, 0, 0, 10, 10)))
    accumulator = Accumulator.create()
    accumulator.add(largest)

    assert accumulator.finish().per_class_ap == {65535: pytest.approx(1.0)}


def test_a_pickle_holds_few_bytes_per_row_and_nothing_per_part() -> None:
    truth = truth_of(*[(1, 20 * i, 0, 10, 10) for i in range(7)])
    seen = found(*[(1 + i % 3, i / 75, 20 * i, 0, 10, 10) for i in range(75)])
    accumulator = Accumulator.create()
    for image_id in range(200):
        accumulator.add(matched_one(truth, seen, image_id))

    assert len(pickle.dumps(accumulator)) < 200 * (75 * 31 + 7 * 7 + 8) + 2000


def test_equal_scores_are_ranked_by_image_id() -> None:
    hit_first, miss_first = Accumulator.create(), Accumulator.create()
    for accumulator, hit_id, miss_id in ((hit_first, 1, 2), (miss_first, 2, 1)):
        accumulator.add(matched_one(truth_of(), found((1, 0.9, 0, 0, 10, 10)), miss_id))
        accumulator.add(one(hit_id))

    assert hit_first.finish().coco["AP"] == pytest.approx(1.0)
    assert miss_first.finish().coco["AP"] == pytest.approx(0.5)


def test_a_merge_leaves_its_parts_as_they_were() -> None:
    parts = [Accumulator.create(), Accumulator.create()]
    parts[0].add(one(1))
    parts[1].add(one(2))

    merged = Accumulator.merge(parts)
    merged.add(one(3))

    assert [merged.finish().num_images, *(part.finish().num_images for part in parts)] == [3, 1, 1]


def test_finish_can_be_followed_by_more_images() -> None:
    accumulator = Accumulator.create()
    accumulator.add(one(1))
    before = accumulator.finish()
    accumulator.add(one(2))

    assert (before.num_images, accumulator.finish().num_images) == (1, 2)


def test_an_image_that_is_added_twice_is_named() -> None:
    accumulator = Accumulator.create()
    accumulator.add(one(17))
    accumulator.add(one(17))

    with pytest.raises(ValueError, match="image id 17 was added twice"):
        accumulator.finish()


def test_shards_with_a_common_image_are_refused() -> None:
    first, second = Accumulator.create(), Accumulator.create()
    first.add(one(17))
    second.add(one(17))

    with pytest.raises(ValueError, match="image id 17 was added twice"):
        Accumulator.merge([first, second]).table()


def test_nothing_at_all_can_be_merged_and_finished() -> None:
    metrics = Accumulator.merge([]).finish()

    assert (metrics.num_images, metrics.per_class_ap, metrics.coco["AP"]) == (0, {}, -1.0)
