from __future__ import annotations

import numpy as np
import pytest

from ratchet.components.labels.classes import Judged, confusions
from ratchet.components.labels.findings import SIGNIFICANCE, Excess, share_of, shortfall
from ratchet.components.labels.noise import Seen, label_noise
from ratchet.components.labels.systematic import likeliest_pair
from tests.nightly import often

PARTNER = np.array([0, 2, 1, 4, 3, 6, 5])  # the classes that the model takes for each other


def judged(count: int, confused: float, wrong: float = 0.0, classes: int = 6, seed: int = 0) -> Judged:
    """One object an image; the model takes some for their partner, and some are labelled at random."""
    random = np.random.default_rng(seed)
    looks_like = random.integers(1, classes + 1, count)
    labelled = np.where(random.random(count) < confused, PARTNER[looks_like], looks_like)
    hit = random.random(count) < wrong
    labelled[hit] = (labelled[hit] - 1 + random.integers(1, classes, hit.sum())) % classes + 1
    return Judged(np.arange(count), looks_like, labelled, np.ones(count))


def seen(judged: Judged) -> Seen:
    return Seen(judged.image, judged.looks_like, judged.labelled, judged.score_quantile)


def noise(span: Judged, golden: Judged, classes: int = 6, relative_recall: float = 1.0) -> Excess:
    return label_noise(seen(span), seen(golden), classes, relative_recall)


def test_a_model_that_takes_classes_for_each_other_still_sees_labels_that_cannot_be() -> None:
    span, golden = judged(150, 0.5, wrong=0.25, seed=1), judged(200, 0.5, seed=2)
    excess = noise(span, golden)
    assert excess.value == pytest.approx(0.25, abs=0.08)
    assert excess.p_value < 1e-6
    agreement = shortfall(share_of(~span.is_other, span.image), share_of(~golden.is_other, golden.image), 1)
    assert agreement.p_value > 0.001  # what agrees says much less


@pytest.mark.parametrize("wrong", [0.0, 0.1, 0.2, 0.4])
def test_the_share_of_noise_is_estimated_without_bias_and_with_its_error(wrong: float) -> None:
    golden = judged(400, 0.2, seed=2)
    found = [noise(judged(150, 0.2, wrong, seed=seed), golden) for seed in range(100, 160)]
    values = [each.value for each in found]
    assert np.mean(values) == pytest.approx(wrong, abs=0.02)
    if wrong:  # of none the error is told as if there were a little
        assert np.mean([each.std_error for each in found]) == pytest.approx(np.std(values), rel=0.4)


@pytest.mark.parametrize(("count", "confused"), [(60, 0.3), (150, 0.1), (300, 0.5)])
def test_clean_labels_are_hardly_ever_called_noise(count: int, confused: float) -> None:
    draws = often(100, 2000)
    pairs = [(judged(count, confused, seed=2 * n), judged(150, confused, seed=2 * n + 1)) for n in range(draws)]
    broken = sum(noise(span, golden).breaks(0.1) for span, golden in pairs)
    assert broken <= draws / 200


def test_noise_as_strong_as_the_span_is_said_to_show_is_found_four_times_in_five() -> None:
    golden = judged(200, 0.3, seed=1)
    shown = noise(judged(100, 0.3, seed=2), golden).smallest_found(0.1)
    found = [noise(judged(100, 0.3, shown, seed=seed), golden).breaks(0.1) for seed in range(10, 110)]
    assert 0.65 <= np.mean(found) <= 0.97


def test_confusions_seen_once_let_new_ones_be_expected() -> None:
    spread = [judged(120, 0, wrong=0.15, seed=seed) for seed in range(40)]
    assert not any(noise(one, other).breaks(0.1) for one, other in zip(spread[::2], spread[1::2]))


def test_with_two_classes_agreement_says_it_all() -> None:
    span, golden = judged(200, 0.3, classes=2, seed=1), judged(200, 0.05, classes=2, seed=2)
    assert noise(span, golden, classes=2).value == pytest.approx(0.28, abs=0.08)


def test_where_the_model_finds_less_it_is_believed_less() -> None:
    span, golden = judged(150, 0.2, wrong=0.2, seed=1), judged(200, 0.2, seed=2)
    assert noise(span, golden).breaks(0.1)
    assert not noise(span, golden, relative_recall=0.8).breaks(0.1)


def test_a_confusion_that_the_golden_set_has_as_well_is_none() -> None:
    assert confusions(judged(300, 0.5, seed=1), judged(300, 0.5, seed=2), 6) == []


def test_a_confusion_is_told_with_its_shares() -> None:
    found = confusions(judged(300, 0.5, seed=1), judged(300, 0.0, seed=2), 6)
    assert {(each.looks_like, each.labelled) for each in found} == set(enumerate(PARTNER[1:].tolist(), 1))
    assert all(each.golden_share == 0 and each.share == pytest.approx(0.5, abs=0.2) for each in found)


def test_a_pair_has_to_stand_out_more_the_more_sets_are_asked() -> None:
    span = counted({1: 19, 2: 35, 3: 35, 4: 35, 5: 35, 6: 35}, as_second=6)
    golden = counted(dict.fromkeys(range(1, 7), 37), as_second=0)
    [found] = confusions(span, golden, 6)
    assert (found.looks_like, found.labelled) == (1, 2)
    assert found.p_value == pytest.approx(0.00084, rel=0.01)
    assert confusions(span, golden, 6, SIGNIFICANCE / 10) == []


def counted(images: dict[int, int], as_second: int) -> Judged:
    """So many images of each class, of which some of the first are labelled as the second."""
    looks_like = np.repeat(list(images), list(images.values()))
    labelled = looks_like.copy()
    labelled[:as_second] = 2
    return Judged(np.arange(len(labelled)), looks_like, labelled, np.ones(len(labelled)))


def weakly_seen(count: int, agrees: float, seed: int, wrong: float = 0.0, swapped: float = 0.0) -> Judged:
    """A model that takes any class for any other; labels wrong at random, or classes 1 and 2 taken for each other."""
    random = np.random.default_rng(seed)
    truth = random.integers(1, 7, count)
    hit = random.random(count) >= agrees
    looks_like = np.where(hit, (truth - 1 + random.integers(1, 6, count)) % 6 + 1, truth)
    is_noise = random.random(count) < wrong
    labelled = np.where(is_noise, (truth - 1 + random.integers(1, 6, count)) % 6 + 1, truth)
    is_swapped = (random.random(count) < swapped) & (truth <= 2)
    labelled = np.where(is_swapped, 3 - truth, labelled)
    return Judged(np.arange(count), looks_like, labelled, np.ones(count))


PAIRS = [(one, other) for one in range(1, 7) for other in range(1, 7) if one != other]


@pytest.mark.parametrize("seed", range(5))
def test_through_a_weak_model_a_swap_is_told_from_noise(seed: int) -> None:
    golden = seen(weakly_seen(250, 0.6, seed=seed + 100))
    swap, noise_alone, clean = (
        seen(weakly_seen(250, 0.6, seed, **how)) for how in ({"swapped": 0.9}, {"wrong": 0.4}, {})
    )
    assert set(likeliest_pair(swap, golden, 6, PAIRS)) == {(1, 2), (2, 1)}
    assert likeliest_pair(noise_alone, golden, 6, PAIRS) == []
    assert likeliest_pair(clean, golden, 6, PAIRS) == []
