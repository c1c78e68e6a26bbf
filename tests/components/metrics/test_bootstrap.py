"""The paired bootstrap: against pycocotools on really resampled data, known answers, and its promises."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from components.metrics import bootstrap
from components.metrics.accumulator import Accumulator
from components.metrics.bootstrap import paired_delta, weighted_map
from schemas.records import Detections
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


def half_found(images: int = 40) -> tuple[Accumulator, Accumulator]:
    """One object per image, found perfectly in every other image by the candidate and never by the baseline."""
    truth = truth_of((1, *BOX))
    hits = {i: (truth, found((1, 0.9 - i / 1000, *BOX)) if i % 2 else found()) for i in range(images)}
    return accumulated(hits), accumulated({i: (truth, found()) for i in hits})


@given(images=data_sets())
@settings(max_examples=40, deadline=None, database=None)
def test_weights_of_one_give_the_map_itself(images: dict) -> None:
    accumulator = accumulated(images)

    value = weighted_map(accumulator.table(), np.ones((len(images), 1), dtype=np.int32))

    np.testing.assert_allclose(value, [or_nan(accumulator.finish().coco["AP"])], rtol=0, atol=1e-12)


@pytest.mark.parametrize("hits", range(0, 101, 5))
def test_weights_reach_the_recall_points_that_finish_reaches(hits: int) -> None:
    images = {i: (truth_of((1, *BOX)), found((1, i / 100, *BOX)) if i < hits else found()) for i in range(100)}
    accumulator = accumulated(images)

    value = weighted_map(accumulator.table(), np.ones((100, 1), dtype=np.int32))

    assert value.item() == pytest.approx(accumulator.finish().coco["AP"], abs=1e-12)


@given(images=data_sets(ties=False, min_images=1), seed=st.integers(0, 1000))
@settings(max_examples=25, deadline=None, database=None)
def test_weights_equal_pycocotools_on_really_resampled_images(images: dict, seed: int) -> None:
    counts = np.random.default_rng(seed).integers(0, 4, (len(images), 2)).astype(np.int32)

    value = weighted_map(accumulated(images).table(), counts)

    expected = [or_nan(pycocotools_metrics(copies_of(images, column), 3).coco["AP"]) for column in counts.T]
    np.testing.assert_allclose(value, expected, rtol=0, atol=1e-9)


@given(images=data_sets(), seed=st.integers(0, 1000))
@settings(max_examples=20, deadline=None, database=None)
def test_a_model_against_itself_is_exactly_zero(images: dict, seed: int) -> None:
    accumulator = accumulated(images)
    assume(accumulator.finish().coco["AP"] >= 0)

    delta = paired_delta(accumulator, accumulated(images), resamples=20, seed=seed)

    assert (delta.value, delta.lo, delta.hi, delta.std_error) == (0.0, 0.0, 0.0, 0.0)


@given(images=data_sets(min_images=2), seed=st.integers(0, 1000))
@settings(max_examples=20, deadline=None, database=None)
def test_estimate_depends_on_the_seed_and_not_on_the_shards(images: dict, seed: int) -> None:
    new, old = accumulated(images), accumulated(noisy(images, seed))
    shards = [accumulated({i: images[i]}) for i in reversed(images)]

    once, again = paired_delta(new, old, 30, seed), paired_delta(Accumulator.merge(shards), old, 30, seed)

    np.testing.assert_array_equal(tuple(vars(once).values()), tuple(vars(again).values()))


def test_another_seed_draws_other_images() -> None:
    assert paired_delta(*half_found(), resamples=200, seed=1) != paired_delta(*half_found(), resamples=200, seed=2)


def test_interval_is_the_percentiles_of_real_resamples() -> None:
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
    assert [delta.lo, delta.hi] == pytest.approx(np.percentile(deltas, [2.5, 97.5]).tolist(), abs=1e-9)
    assert delta.std_error == pytest.approx(np.std(deltas), abs=1e-9)


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


def test_small_chunks_give_the_same_estimate(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = paired_delta(*half_found(), resamples=50, seed=4)
    monkeypatch.setattr(bootstrap, "_CHUNK_CELLS", 300)

    assert paired_delta(*half_found(), resamples=50, seed=4) == whole


@pytest.mark.parametrize("images", [{}, {1: (truth_of(), found((1, 0.9, *BOX)))}])
def test_without_ground_truth_the_estimate_is_nan(images: dict) -> None:
    delta = paired_delta(accumulated(images), accumulated(images), resamples=10)

    assert all(math.isnan(value) for value in (delta.value, delta.lo, delta.hi, delta.std_error))
    assert (delta.resamples, delta.undefined) == (10, 10)


def test_resamples_without_ground_truth_are_counted_and_left_out() -> None:
    images = {1: (truth_of((1, *BOX)), found((1, 0.9, *BOX))), 2: (truth_of(), found())}
    nothing = {i: (truth, found()) for i, (truth, _) in images.items()}

    delta = paired_delta(accumulated(images), accumulated(nothing), resamples=400, seed=0)

    assert (delta.value, delta.lo, delta.hi) == pytest.approx((1.0, 1.0, 1.0))
    assert delta.std_error == pytest.approx(0.0, abs=1e-12)
    assert 70 < delta.undefined < 130


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
