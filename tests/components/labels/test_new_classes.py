"""The label audit where the served model knows fewer classes than the data set."""

from __future__ import annotations

import dataclasses
import re

import numpy as np
import pytest

from ratchet.components.data_gate.label_audit import audit_labels
from ratchet.components.labels.limits import LabelLimits
from ratchet.components.labels.profile import Profile, in_label_map
from ratchet.schemas.artifacts.decisions import Reason
from ratchet.schemas.data.columns import DetectionColumns, TruthColumns
from tests.components.labels.scenes import NAMES, Detector, relabelled, scenes, some

KNOWN = ("cat", "ant", "bee")  # in an order of its own; it takes dogs for cats and some elks for bees
NUMBERS = np.array([0, 2, 3, 1, 0, 0])
TAKEN_FOR = np.array([0, 1, 2, 3, 3, 2])  # in the label map of NAMES


def with_mix(profile: Profile, shares: tuple[float, ...], seed: int = 0) -> Profile:
    """The same scenes with other shares of the classes, and a model that sees each object as it did before."""
    random = np.random.default_rng(seed)
    truth, found = profile.truth, profile.found
    labels = random.choice(len(NAMES), len(truth.labels), p=shares) + 1
    own = own_label(profile)
    kept = np.where(own >= 0, found.labels == truth.labels[own], False)
    seen_as = np.where(kept, labels[own], found.labels)
    return dataclasses.replace(
        profile, truth=dataclasses.replace(truth, labels=labels), found=dataclasses.replace(found, labels=seen_as)
    )


def own_label(profile: Profile) -> np.ndarray:
    """[m] the label whose centre a detection has about; -1 for none."""
    truth, found = profile.truth, profile.found
    centres = [boxes[:, :2] + boxes[:, 2:] / 2 for boxes in (truth.boxes_xywh_px, found.boxes_xywh_px)]
    far = np.abs(centres[1][:, None] - centres[0][None]).max(axis=2)
    far[found.image[:, None] != truth.image[None]] = np.inf
    return np.where(far.min(axis=1) < 12, far.argmin(axis=1), -1)


def half_blind(profile: Profile, seed: int = 0) -> Profile:
    """What a model of the classes KNOWN sees: new classes as old ones, or not at all."""
    found = profile.found
    is_new = found.labels > len(KNOWN)
    keep = ~is_new | (np.random.default_rng(seed).random(len(found.labels)) < 0.7)
    columns = {name: values[keep] for name, values in vars(found).items()}
    return dataclasses.replace(profile, found=DetectionColumns(**columns | {"labels": TAKEN_FOR[columns["labels"]]}))


def audit(span: Profile, golden: Profile) -> dict[str, Reason]:
    span, golden = (in_label_map(each, NUMBERS) for each in (span, golden))
    reasons = audit_labels(span, golden, KNOWN, LabelLimits())
    return {reason.rule.removeprefix("labels:"): reason for reason in reasons}


def failed(reasons: dict[str, Reason]) -> list[str]:
    return [rule for rule, reason in reasons.items() if not reason.passed]


GOLDEN = half_blind(with_mix(scenes(seed=1, images=200), (0.3, 0.3, 0.3, 0.05, 0.05)))
SPAN = half_blind(with_mix(scenes(seed=2, images=200), (0.15, 0.15, 0.2, 0.3, 0.2)), seed=1)


@pytest.mark.parametrize("shares", [(0.15, 0.15, 0.2, 0.3, 0.2), (0.3, 0.3, 0.4, 0.0, 0.0), (0.1, 0.1, 0.1, 0.6, 0.1)])
def test_objects_of_new_classes_are_no_faults_however_many(shares: tuple[float, ...]) -> None:
    for seed in range(10, 15):
        reasons = audit(half_blind(with_mix(scenes(seed, 150), shares, seed), seed), GOLDEN)
        assert len(reasons) == 10
        assert failed(reasons) == []
        assert not any(reasons[rule].warning for rule in ("classes", "noise", "missing", "found"))


def test_without_the_difference_they_would_be() -> None:
    """The data above shows something: labels of new classes held against this model accuse them."""
    everything = audit_labels(SPAN, GOLDEN, NAMES, LabelLimits())
    assert {reason.rule for reason in everything if not reason.passed} >= {"labels:classes"}


def test_faults_in_the_old_classes_are_still_found() -> None:
    swapped = relabelled(SPAN, labels=np.array([0, 2, 1, 3, 4, 5])[SPAN.truth.labels])
    assert failed(audit(swapped, GOLDEN)) == ["classes"]
    words = audit(swapped, GOLDEN)["classes"].actual
    assert re.fullmatch(r"classes ant and bee are swapped in \d+ % of their labels", words)
    old = SPAN.truth.labels <= len(KNOWN)
    assert failed(audit(relabelled(SPAN, keep=~(old & some(SPAN, 0.5, seed=9))), GOLDEN)) == ["missing"]
    size = SPAN.truth.boxes_xywh_px[:, 2:]
    moved = np.hstack([SPAN.truth.boxes_xywh_px[:, :2] + [0.2, 0] * size, size])
    assert "offset" in failed(audit(relabelled(SPAN, boxes=moved), GOLDEN))


def test_random_labels_among_the_old_classes_are_noise() -> None:
    labels, hit = SPAN.truth.labels.copy(), some(SPAN, 0.4, seed=9) & (SPAN.truth.labels <= len(KNOWN))
    labels[hit] = (labels[hit] - 1 + np.random.default_rng(0).integers(1, 3, hit.sum())) % 3 + 1
    assert failed(audit(relabelled(SPAN, labels=labels), GOLDEN)) == ["noise"]


@pytest.mark.parametrize("displaced", [0.3, 0.5])
def test_new_classes_drawn_in_another_way_do_not_speak_for_the_old_ones(displaced: float) -> None:
    span, golden = (
        new_displaced(half_blind(with_mix(scenes(seed, images=300), (0.1, 0.1, 0.1, 0.4, 0.3), seed)), displaced)
        for seed in (5, 6)
    )
    assert failed(audit(span, GOLDEN)) == []
    reasons = audit(span, golden)
    assert failed(reasons) == []
    assert "finds 9" in reasons["found"].actual


def new_displaced(profile: Profile, by: float) -> Profile:
    boxes, new = profile.truth.boxes_xywh_px.copy(), profile.truth.labels > len(KNOWN)
    boxes[new, :2] = np.maximum(0, boxes[new, :2] - by * boxes[new, 2:])
    return relabelled(profile, boxes=boxes)


def test_the_order_of_the_label_map_changes_nothing() -> None:
    span, golden = scenes(seed=3), scenes(seed=4, images=200)
    order = np.array([3, 1, 5, 2, 4])
    names = tuple(NAMES[label - 1] for label in order)
    numbers = np.append(0, np.argsort(order) + 1)
    turned, turned_golden = (in_label_map(each, numbers) for each in (span, golden))
    renamed = audit_labels(turned, turned_golden, names, LabelLimits())
    assert renamed == audit_labels(span, golden, NAMES, LabelLimits())


def test_unknown_classes_stay_apart_when_labels_are_counted_twice() -> None:
    box = [[10.0, 10, 20, 20]]
    columns = TruthColumns(
        np.zeros(2, int), np.repeat(box, 2, 0), np.array([4, 5]), np.full(2, 400.0), np.zeros(2, bool)
    )
    profile = dataclasses.replace(SPAN, truth=columns)
    assert len(set(in_label_map(profile, NUMBERS).truth.labels.tolist())) == 2
    assert (in_label_map(profile, NUMBERS).truth.labels < 0).all()


def test_a_weak_model_of_fewer_classes_accuses_nobody() -> None:
    weak = Detector(misses=0.4, confuses=0.3, jitter=0.12, errors=1.5)
    golden = half_blind(with_mix(scenes(1, 150, weak), (0.3, 0.3, 0.3, 0.05, 0.05)))
    for seed in range(30, 36):
        span = half_blind(with_mix(scenes(seed, 100, weak), (0.1, 0.2, 0.2, 0.3, 0.2), seed), seed)
        assert failed(audit(span, golden)) == []
