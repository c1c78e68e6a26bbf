from __future__ import annotations

import numpy as np
import pytest

from components.data_gate.labels.classes import Judged, confusions, label_noise
from components.data_gate.labels.findings import share_of, shortfall

PARTNER = np.array([0, 2, 1, 4, 3, 6, 5])  # the classes that the model takes for each other


def judged(count: int, confused: float, wrong: float = 0.0, classes: int = 6, seed: int = 0) -> Judged:
    """One object an image; the model takes some for their partner, and some are labelled at random."""
    random = np.random.default_rng(seed)
    looks_like = random.integers(1, classes + 1, count)
    labelled = np.where(random.random(count) < confused, PARTNER[looks_like], looks_like)
    hit = random.random(count) < wrong
    labelled[hit] = (labelled[hit] - 1 + random.integers(1, classes, hit.sum())) % classes + 1
    return Judged(np.arange(count), looks_like, labelled, np.ones(count))


def test_a_model_that_takes_classes_for_each_other_still_sees_labels_that_cannot_be() -> None:
    span, golden = judged(150, 0.5, wrong=0.25, seed=1), judged(200, 0.5, seed=2)
    excess = label_noise(span, golden, classes=6, relative_recall=1)
    assert excess.value == pytest.approx(0.25, abs=0.08)
    assert excess.p_value < 1e-6
    agreement = shortfall(share_of(~span.is_other, span.image), share_of(~golden.is_other, golden.image), 1)
    assert agreement.p_value > 0.001  # what agrees says much less


def test_confusions_seen_once_let_new_ones_be_expected() -> None:
    spread = [judged(120, 0, wrong=0.15, seed=seed) for seed in range(40)]
    excesses = [label_noise(one, other, classes=6, relative_recall=1) for one, other in zip(spread[::2], spread[1::2])]
    assert not any(excess.breaks(0.1) for excess in excesses)


def test_with_two_classes_agreement_says_it_all() -> None:
    span, golden = judged(200, 0.3, classes=2, seed=1), judged(200, 0.05, classes=2, seed=2)
    assert label_noise(span, golden, classes=2, relative_recall=1).value == pytest.approx(0.25, abs=0.08)


def test_a_confusion_that_the_golden_set_has_as_well_is_none() -> None:
    assert confusions(judged(300, 0.5, seed=1), judged(300, 0.5, seed=2)) == []


def test_a_confusion_is_told_with_its_shares() -> None:
    found = confusions(judged(300, 0.5, seed=1), judged(300, 0.0, seed=2))
    assert {(each.looks_like, each.labelled) for each in found} == set(enumerate(PARTNER[1:].tolist(), 1))
    assert all(each.golden_share == 0 and each.share == pytest.approx(0.5, abs=0.2) for each in found)
