"""The paired bootstrap: against pycocotools on really resampled data, known answers, and its promises."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from ratchet.components.metrics import bootstrap, large_classes, resampling, weighted_sums
from ratchet.components.metrics.accumulator import Accumulator
from ratchet.components.metrics.bootstrap import DeltaEstimate, Slice, paired_deltas
from ratchet.components.metrics.coco_rules import AREA_NAMES
from ratchet.components.metrics.independence import independent_units
from ratchet.components.metrics.match_table import MatchTable
from ratchet.components.metrics.resampling import class_draws
from ratchet.components.metrics.weighted_sums import narrowest
from ratchet.schemas.data.records import Detections, GroundTruth
from tests.components.metrics.oracle import Images, accumulated, data_sets, found, pycocotools_metrics, truth_of

BOX = (0, 0, 40, 40)


def noisy(images: Images, seed: int) -> Images:
    """The same images as seen by a worse model: boxes shifted by some pixels."""
    random = np.random.default_rng(seed)
    shifts = {i: random.integers(-3, 4, (len(images[i][1].labels), 4)) for i in images}
    return {
        i: (truth, Detections(seen.boxes_xywh_px + shifts[i], seen.labels, seen.scores))
        for i, (truth, seen) in images.items()
    }


def copies_of(images: Images, counts: np.ndarray) -> Images:
    """A data set that holds the images, by ascending id, so many times each."""
    repeated = [images[i] for i, count in zip(sorted(images), counts, strict=True) for _ in range(count)]
    return dict(enumerate(repeated))


def or_nan(value: float) -> float:
    """NaN for pycocotools' -1."""
    return math.nan if value == -1 else value


def paired_delta(candidate: Accumulator, baseline: Accumulator, resamples: int = 1000, seed: int = 0) -> DeltaEstimate:
    """The overall estimate."""
    return paired_deltas(candidate.table(), baseline.table(), resamples, seed).overall


def weighted_map(accumulator: Accumulator, weights: np.ndarray, area: str = "all") -> np.ndarray:
    """The mAP [b] of data sets made of copies of the images."""
    draws = list(class_draws([accumulator.table()], narrowest(weights), area))
    total = np.sum([np.zeros(weights.shape[1]), *(draw.ap[0] for draw in draws)], axis=0)
    classes = np.sum([np.zeros(weights.shape[1]), *(draw.num_truth > 0 for draw in draws)], axis=0)
    return np.divide(total, classes, out=np.full_like(total, np.nan), where=classes > 0)


def half_found(images: int = 40) -> tuple[Accumulator, Accumulator]:
    """One object per image, found perfectly in every other image by the candidate and never by the baseline."""
    truth = truth_of((1, *BOX))
    hits = {i: (truth, found((1, 0.9 - i / 1000, *BOX)) if i % 2 else found()) for i in range(images)}
    return accumulated(hits), accumulated({i: (truth, found()) for i in hits})


@pytest.mark.parametrize(("area", "name"), zip(AREA_NAMES, ["AP", "APs", "APm", "APl"]))
@given(images=data_sets(max_images=8))
@settings(max_examples=20)
def test_weights_of_one_give_the_map_itself(images: dict, area: str, name: str) -> None:
    accumulator = accumulated(images)

    value = weighted_map(accumulator, np.ones((len(images), 1), dtype=np.int32), area)

    np.testing.assert_allclose(value, [or_nan(accumulator.finish().coco[name])], rtol=0, atol=1e-12)


@pytest.mark.parametrize("hits", range(0, 101, 5))
def test_weights_reach_the_recall_points_that_finish_reaches(hits: int) -> None:
    images = {i: (truth_of((1, *BOX)), found((1, i / 100, *BOX)) if i < hits else found()) for i in range(100)}
    accumulator = accumulated(images)

    value = weighted_map(accumulator, np.ones((100, 1), dtype=np.int32))

    assert value.item() == pytest.approx(accumulator.finish().coco["AP"], abs=1e-12)


@pytest.mark.parametrize(("area", "name"), [("all", "AP"), ("medium", "APm")])
@given(images=data_sets(ties=False, min_images=1), seed=st.integers(0, 1000))
def test_weights_equal_pycocotools_on_really_resampled_images(images: dict, seed: int, area: str, name: str) -> None:
    counts = np.random.default_rng(seed).integers(0, 4, (len(images), 2)).astype(np.int32)

    value = weighted_map(accumulated(images), counts, area)

    expected = [or_nan(pycocotools_metrics(copies_of(images, column), 3).coco[name]) for column in counts.T]
    np.testing.assert_allclose(value, expected, rtol=0, atol=1e-9)


@given(images=data_sets(), seed=st.integers(0, 1000))
@settings(max_examples=20)
def test_a_model_against_itself_is_exactly_zero(images: dict, seed: int) -> None:
    accumulator = accumulated(images)
    assume(accumulator.finish().coco["AP"] >= 0)

    delta = paired_delta(accumulator, accumulated(images), resamples=20, seed=seed)

    assert delta.value == 0
    certain = (0.0, 0.0, 0.0) if delta.units >= 2 else (np.nan, np.nan, np.nan)  # a single image says nothing
    np.testing.assert_equal((delta.lo, delta.hi, delta.std_error), certain)


@given(images=data_sets(min_images=2), seed=st.integers(0, 1000))
@settings(max_examples=20)
def test_estimate_depends_on_the_seed_and_not_on_the_shards(images: dict, seed: int) -> None:
    new, old = accumulated(images), accumulated(noisy(images, seed))
    shards = [accumulated({i: images[i]}) for i in reversed(images)]

    once, again = paired_delta(new, old, 30, seed), paired_delta(Accumulator.merge(shards), old, 30, seed)

    np.testing.assert_array_equal(tuple(vars(once).values()), tuple(vars(again).values()))


def test_another_seed_draws_other_images() -> None:
    assert paired_delta(*half_found(), resamples=200, seed=1) != paired_delta(*half_found(), resamples=200, seed=2)


def test_standard_error_is_the_spread_of_real_resamples() -> None:
    random = np.random.default_rng(5)
    truth = truth_of((1, *BOX), (2, 100, 100, 50, 50))
    scores = iter(random.permutation(1000) / 1000)
    new = {
        i: (truth, found((1, next(scores), 0, 0, 40, 40 - i), (2, next(scores), 100, 100, 50, 50))) for i in range(6)
    }
    old = {
        i: (truth, found((1, next(scores), 0, 0, 40, 30), (2, next(scores), 100, 100, 30 + 3 * i, 50)))
        for i in range(6)
    }
    draws = np.random.default_rng(3)
    deltas = []
    for _ in range(20):
        counts = np.bincount(draws.integers(6, size=6), minlength=6)
        new_map, old_map = (pycocotools_metrics(copies_of(images, counts), 2).coco["AP"] for images in (new, old))
        deltas.append(new_map - old_map)

    delta = paired_delta(accumulated(new), accumulated(old), resamples=20, seed=3)

    value = pycocotools_metrics(new, 2).coco["AP"] - pycocotools_metrics(old, 2).coco["AP"]
    assert delta.value == pytest.approx(value, abs=1e-9)
    assert delta.units == pytest.approx(6)
    assert delta.std_error == pytest.approx(np.std(deltas) * math.sqrt(6 / 5), abs=1e-9)
    reach = 2.570582 * delta.std_error  # t with 5 degrees of freedom, from any table
    assert [delta.lo, delta.hi] == pytest.approx([value - reach, value + reach], abs=1e-6)


def test_spread_is_that_of_a_share_when_the_answer_is_known() -> None:
    # AP is the share of images whose object was found. Dropping the duplicates of a draw would give .063.
    delta = paired_delta(*half_found(40), resamples=4000, seed=0)

    assert delta.value == pytest.approx(0.5, abs=0.01)
    assert delta.std_error == pytest.approx(math.sqrt(0.5 * 0.5 / 40), rel=0.05)
    assert delta.hi - delta.lo == pytest.approx(2 * 1.96 * delta.std_error, rel=0.08)


def test_pairing_removes_what_both_models_share() -> None:
    truth, random = truth_of((1, *BOX)), np.random.default_rng(2)
    found_by_both = {i: random.random() < 0.5 for i in range(40)}
    old = {i: (truth, found((1, 0.9, *BOX)) if hit else found()) for i, hit in found_by_both.items()}
    new = {**old, 0: (truth, found((1, 0.8, *BOX)))}

    delta = paired_delta(accumulated(new), accumulated(old), resamples=500)

    assert delta.std_error < 0.5 * paired_delta(*half_found(40), resamples=500).std_error


def test_small_blocks_give_the_same_estimate(monkeypatch: pytest.MonkeyPatch) -> None:
    new, old, images = noisy_pair()
    slices = {"few": Slice("medium", np.arange(images) < 7)}
    whole = paired_deltas(new, old, resamples=50, seed=4, slices=slices)
    monkeypatch.setattr(resampling, "_BLOCK_BYTES", 4000)
    monkeypatch.setattr(bootstrap, "_CHUNK_DRAWS", 200)
    monkeypatch.setattr(bootstrap, "_WEIGHT_BYTES", 300)

    assert paired_deltas(new, old, resamples=50, seed=4, slices=slices) == whole


@pytest.mark.parametrize(("pieces", "rows"), [(3, 256), (7, 256), (7, 3), (64, 5)])
def test_a_class_in_pieces_has_the_same_draws_to_the_bit(
    monkeypatch: pytest.MonkeyPatch, pieces: int, rows: int
) -> None:
    new, old, images = noisy_pair()
    weights = narrowest(np.random.default_rng(3).poisson(1, (images, 70)))
    monkeypatch.setattr(weighted_sums, "_ROWS", rows)
    whole = {area: list(class_draws((new, old), weights, area)) for area in ("all", "small", "medium")}
    monkeypatch.setattr(resampling, "_LARGE_FROM", 1)
    monkeypatch.setattr(large_classes, "ROWS_AT_ONCE", pieces)
    monkeypatch.setattr(large_classes, "_DRAWS_AT_ONCE", 32)

    for area, expected in whole.items():
        found = list(class_draws((new, old), weights, area))
        assert [draw.label for draw in found] == [draw.label for draw in expected]
        for one, other in zip(found, expected):
            assert np.array_equal(one.num_truth, other.num_truth)
            assert one.ap.tobytes() == other.ap.tobytes()
    assert any(draw.ap.any() for draw in whole["all"])


@settings(max_examples=20)
@given(images=data_sets(min_images=1), seed=st.integers(0, 1000), pieces=st.integers(1, 9))
def test_any_class_in_pieces_has_the_same_draws_to_the_bit(images: dict, seed: int, pieces: int) -> None:
    table = accumulated(images).table()
    weights = narrowest(np.random.default_rng(seed).poisson(1, (len(images), 5)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(weighted_sums, "_ROWS", 2)
        whole = list(class_draws((table, table), weights))
        patch.setattr(resampling, "_LARGE_FROM", 1)
        patch.setattr(large_classes, "ROWS_AT_ONCE", pieces)
        found = list(class_draws((table, table), weights))

    assert [draw.ap.tobytes() for draw in found] == [draw.ap.tobytes() for draw in whole]


def test_few_rows_at_once_give_the_same_estimate(monkeypatch: pytest.MonkeyPatch) -> None:
    new, old, _ = noisy_pair()
    whole = paired_deltas(new, old, resamples=50, seed=4).overall
    monkeypatch.setattr(weighted_sums, "_ROWS", 3)
    few = paired_deltas(new, old, resamples=50, seed=4).overall

    assert dataclasses.astuple(few) == pytest.approx(dataclasses.astuple(whole), abs=1e-14)


@pytest.mark.parametrize("images", [{}, {1: (truth_of(), found((1, 0.9, *BOX)))}])
def test_without_ground_truth_the_estimate_is_nan(images: dict) -> None:
    delta = paired_delta(accumulated(images), accumulated(images), resamples=10)

    assert all(math.isnan(value) for value in (delta.value, delta.lo, delta.hi, delta.std_error))
    assert (delta.resamples, delta.undefined) == (10, 10)


def test_resamples_without_ground_truth_are_counted_and_left_out() -> None:
    images = {1: (truth_of((1, *BOX)), found((1, 0.9, *BOX))), 2: (truth_of(), found())}
    nothing = {i: (truth, found()) for i, (truth, _) in images.items()}

    delta = paired_delta(accumulated(images), accumulated(nothing), resamples=400, seed=0)

    assert delta.value == pytest.approx(1.0)
    assert 70 < delta.undefined < 130


def test_a_single_unit_tells_nothing_about_the_spread() -> None:
    images = {1: (truth_of((1, *BOX)), found((1, 0.9, *BOX))), 2: (truth_of(), found())}
    nothing = {i: (truth, found()) for i, (truth, _) in images.items()}

    delta = paired_delta(accumulated(images), accumulated(nothing), resamples=400, seed=0)

    assert delta.units == 1
    assert all(math.isnan(value) for value in (delta.lo, delta.hi, delta.std_error))


@pytest.mark.parametrize("count", [4, 9])
def test_equal_differences_of_all_units_prove_no_more_than_with_one_more_unit_without(count: int) -> None:
    images = {i: (truth_of((1, *BOX)), found((1, 0.9, *BOX))) for i in range(count)}
    nothing = {i: (truth, found()) for i, (truth, _) in images.items()}

    delta = paired_delta(accumulated(images), accumulated(nothing), resamples=50)

    assert delta.std_error == pytest.approx(1 / count)  # a t-test of so many ones and a zero has t = count
    assert delta.lo < 1
    assert delta.hi == 1  # AP goes no further


def test_a_class_of_a_single_unit_makes_the_mean_less_sure() -> None:
    # Class 1 is found by the candidate in every other image; class 2, in one image alone, by both.
    truths = {i: truth_of((1, *BOX), *([(2, 100, 0, 40, 40)] if i == 0 else [])) for i in range(20)}
    both = [(2, 0.9, 100, 0, 40, 40)]
    new = {
        i: (truth, found(*([(1, 0.8, *BOX)] if i % 2 else []), *(both if i == 0 else [])))
        for i, truth in truths.items()
    }
    old = {i: (truth, found(*(both if i == 0 else []))) for i, truth in truths.items()}
    tables = [accumulated(each).table() for each in (new, old)]

    delta = paired_deltas(*tables, resamples=200, seed=1).overall

    one, two = (draw.ap[0] - draw.ap[1] for draw in class_draws(tables, narrowest(drawn_copies(20, 200, seed=1))))
    has_two = drawn_copies(20, 200, seed=1)[0] > 0
    seen = np.var(np.where(has_two, (one + two) / 2, one))
    distance = one.mean() / 2  # of each class's difference from the mean of both; that of class 2 is 0
    unseen = 2 * np.mean(~has_two) * distance**2 / 2**2
    units = 1 / ((0.5 + 0.5 / 20) ** 2 + 19 * (0.5 / 20) ** 2)
    assert delta.units == pytest.approx(units)
    assert delta.std_error == pytest.approx(math.sqrt((seen + unseen) * units / (units - 1)))


def test_units_count_by_the_objects_that_they_hold() -> None:
    table = accumulated({i: (truth_of(*[(1, *BOX)] * (9 if i == 0 else 1)), found()) for i in range(10)}).table()

    assert independent_units(table).overall.effective == pytest.approx(18**2 / (81 + 9))
    pairs = independent_units(table, np.arange(10) // 2).overall
    assert (pairs.count, pairs.effective) == (5, pytest.approx(18**2 / (100 + 16)))


def test_every_class_counts_alike_in_the_units_of_the_whole() -> None:
    # Class 2 has a single object, which is worth as much as the eight of class 1.
    truths = {i: (truth_of((1, *BOX), *([(2, *BOX)] if i == 0 else [])), found()) for i in range(8)}
    units = independent_units(accumulated(truths).table())

    assert units.per_class[1].effective == pytest.approx(8)
    assert units.per_class[2].effective == 1
    assert units.overall.effective == pytest.approx(1 / ((0.5 + 1 / 16) ** 2 + 7 / 16**2))


@pytest.mark.parametrize(
    ("other", "message"),
    [
        ({1: (truth_of((1, *BOX)), found())}, r"different images: 1 ids are in only one of them, such as \[2\]"),
        ({i: (truth_of((2, *BOX)), found()) for i in (1, 2)}, "different ground truth"),
        ({1: (truth_of((1, *BOX), (1, *BOX)), found()), 2: (truth_of(), found())}, "different ground truth"),
    ],
)
def test_models_on_different_data_are_not_compared(other: dict, message: str) -> None:
    images = {i: (truth_of((1, *BOX)), found()) for i in (1, 2)}

    with pytest.raises(ValueError, match=message):
        paired_delta(accumulated(images), accumulated(other))


def test_at_least_one_resample_is_needed() -> None:
    with pytest.raises(ValueError, match="resamples = 0"):
        paired_delta(*half_found(), resamples=0)


def noisy_pair(images: int = 30) -> tuple[MatchTable, MatchTable, int]:
    """Two models, three classes, objects of all sizes and some crowds; and the number of images."""
    random = np.random.default_rng(8)
    data = {}
    for image_id in range(images):
        side = random.choice([20, 60, 200], 6)
        boxes = np.stack([np.arange(6) * 300, np.zeros(6), side, side], axis=1)
        labels = random.integers(1, 4, 6)
        truth = GroundTruth(boxes, labels, side**2 * 0.9, random.random(6) < 0.1)
        seen = np.repeat(np.arange(6), 3)
        shifted = boxes[seen] + random.normal(0, 0.08, (18, 4)) * side[seen, None]
        data[image_id] = (truth, Detections(shifted, labels[seen], random.random(18)))
    return accumulated(data).table(), accumulated(noisy(data, 1)).table(), images


def drawn_copies(count: int, resamples: int, seed: int) -> np.ndarray:
    """Copies [count, resamples] as numpy's generator draws them."""
    random = np.random.default_rng(seed)
    return np.stack([np.bincount(random.integers(count, size=count), minlength=count) for _ in range(resamples)], 1)
