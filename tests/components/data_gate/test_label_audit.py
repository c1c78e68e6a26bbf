from __future__ import annotations

import dataclasses
import re
import time
from typing import Any

import numpy as np
import pytest

from ratchet.components.data_gate.label_audit import audit_labels
from ratchet.components.labels.limits import LabelLimits
from ratchet.components.labels.profile import Profile
from ratchet.schemas.artifacts.decisions import Reason
from ratchet.schemas.data.columns import DetectionColumns, TruthColumns, rows_of
from tests.components.labels.scenes import NAMES, SIDE_PX, Detector, relabelled, scenes, some

GOLDEN = scenes(seed=1, images=200)
SPAN = scenes(seed=2)
WEAK = Detector(misses=0.4, confuses=0.4, jitter=0.12, errors=1.5)
RULES = [
    "enough", "familiar", "reading", "found", "offset", "size", "jitter", "classes", "noise", "missing"
]  # fmt: skip


def audit(span: Profile, golden: Profile = GOLDEN, limits: LabelLimits | None = None) -> dict[str, Reason]:
    reasons = audit_labels(span, golden, NAMES, limits or LabelLimits())
    return {reason.rule.removeprefix("labels:"): reason for reason in reasons}


def failed(reasons: dict[str, Reason]) -> list[str]:
    return [rule for rule, reason in reasons.items() if not reason.passed]


def leading_share(reason: Reason) -> float:
    return float(reason.actual.split("%")[0].split()[-1]) / 100


def resized(profile: Profile, factor: float) -> Profile:
    boxes = profile.truth.boxes_xywh_px
    size = boxes[:, 2:] * factor
    return relabelled(profile, clipped(np.hstack([boxes[:, :2] + (boxes[:, 2:] - size) / 2, size])))


def clipped(boxes: np.ndarray) -> np.ndarray:
    start, end = (np.clip(corner, 0, SIDE_PX) for corner in (boxes[:, :2], boxes[:, :2] + boxes[:, 2:]))
    return np.hstack([start, end - start])


def moved(profile: Profile, right: float, down: float) -> Profile:
    boxes = profile.truth.boxes_xywh_px.copy()
    boxes[:, :2] += boxes[:, 2:] * [right, down]
    return relabelled(profile, clipped(boxes))


def swapped(profile: Profile, first: int, second: int, share: float = 1.0) -> Profile:
    labels = profile.truth.labels.copy()
    hit = np.isin(labels, (first, second)) & some(profile, share)
    labels[hit] = first + second - labels[hit]
    return relabelled(profile, labels=labels)


def renamed_at_random(profile: Profile, share: float) -> Profile:
    labels, hit = profile.truth.labels.copy(), some(profile, share)
    labels[hit] = (labels[hit] - 1 + np.random.default_rng(0).integers(1, 5, hit.sum())) % 5 + 1
    return relabelled(profile, labels=labels)


def test_all_rules_are_named_and_kept_by_clean_labels() -> None:
    reasons = audit(SPAN)
    assert list(reasons) == RULES
    assert failed(reasons) == []
    assert not any(reason.images for reason in reasons.values())


@pytest.mark.parametrize("detector", [Detector(), WEAK], ids=["good", "weak"])
def test_a_model_of_any_strength_accuses_no_clean_span(detector: Detector) -> None:
    golden = scenes(seed=3, images=120, detector=detector)
    spans = [scenes(seed, images, detector) for seed in range(10, 18) for images in (40, 150)]
    assert [failed(audit(span, golden)) for span in spans] == [[]] * len(spans)


@pytest.mark.parametrize(
    ("factor", "words"),
    [(1.1, "larger"), (1.25, "larger"), (1.5, "larger"), (0.9, "smaller"), (0.75, "smaller")],
)
def test_loose_and_tight_boxes_are_named(factor: float, words: str) -> None:
    reasons = audit(resized(SPAN, factor))
    assert failed(reasons) == ["size"]
    assert leading_share(reasons["size"]) == pytest.approx(abs(factor - 1), abs=0.025)
    assert words in reasons["size"].actual
    assert 0 < len(reasons["size"].images) <= 12


def test_boxes_that_are_only_wider_are_called_wider() -> None:
    boxes = SPAN.truth.boxes_xywh_px * [1, 1, 1.2, 1]
    boxes[:, 0] -= 0.1 * SPAN.truth.boxes_xywh_px[:, 2]
    reasons = audit(relabelled(SPAN, boxes))
    assert failed(reasons) == ["size"]
    assert "wider and" in reasons["size"].actual


@pytest.mark.parametrize("fraction", [0.1, 0.25, 0.4])
def test_displaced_boxes_are_named_with_their_direction(fraction: float) -> None:
    reasons = audit(moved(SPAN, fraction, -fraction))
    assert failed(reasons) == ["offset"]
    assert "of their width to the right and" in reasons["offset"].actual
    assert reasons["offset"].actual.endswith("of their height up")


def of_other_images(profile: Profile, share: float) -> Profile:
    chosen = np.flatnonzero(np.random.default_rng(0).random(len(profile.file_names)) < share)
    images = np.arange(len(profile.file_names))
    images[chosen] = np.roll(chosen, 1)
    truth = dataclasses.replace(profile.truth, image=images[profile.truth.image])
    return dataclasses.replace(profile, truth=truth)


@pytest.mark.parametrize("share", [0.3, 1.0])
def test_labels_of_other_images_are_told_with_their_share(share: float) -> None:
    reasons = audit(of_other_images(SPAN, share))
    assert failed(reasons)[0] == "found"
    assert "fit nothing that it sees" in reasons["found"].actual
    assert "they may be the labels of other images" in reasons["found"].actual
    assert (reasons["found"].strength or 0) > 1
    assert len(reasons["found"].images) == 12
    if share == 1.0:
        assert {reason.cause for reason in reasons.values() if not reason.tested} == {"labels:found"}


def test_objects_that_the_model_does_not_see_at_all_are_held_against_it() -> None:
    blind = SPAN.found.image % 4 == 0
    found = DetectionColumns(*(column[~blind] for column in vars(SPAN.found).values()))
    reasons = audit(dataclasses.replace(SPAN, found=found))
    assert failed(reasons) == []
    assert reasons["found"].warning
    assert "it does not know these images, or there is no object" in reasons["found"].actual


@pytest.mark.parametrize("share", [0.4, 1.0])
def test_swapped_classes_are_named_and_are_no_noise(share: float) -> None:
    reasons = audit(swapped(SPAN, 3, 4, share))
    assert failed(reasons) == ["classes"]
    found = re.fullmatch(r"classes cat and dog are swapped in (\d+) % of their labels", reasons["classes"].actual)
    assert found
    assert int(found[1]) == pytest.approx(100 * share, abs=15)
    assert "of what looks like cat to the served model" in reasons["classes"].measure


def test_a_class_labelled_as_another_is_named_one_way() -> None:
    labels = np.where(SPAN.truth.labels == 3, 4, SPAN.truth.labels)
    reasons = audit(relabelled(SPAN, labels=labels))
    assert failed(reasons) == ["classes"]
    assert re.fullmatch(r"\d+ % of class cat are labelled dog", reasons["classes"].actual)


@pytest.mark.parametrize("share", [0.2, 0.4])
def test_random_classes_are_noise_of_about_their_share(share: float) -> None:
    reasons = audit(renamed_at_random(SPAN, share))
    assert failed(reasons) == ["noise"]
    assert 0.6 * share < leading_share(reasons["noise"]) < share + 0.05


def test_many_random_classes_are_no_system() -> None:
    span, golden = scenes(seed=4, images=600), scenes(seed=5, images=600)
    assert failed(audit(renamed_at_random(span, 0.4), golden)) == ["noise"]


def test_random_classes_are_seen_through_a_model_that_confuses_some_classes_itself() -> None:
    def confused(profile: Profile) -> Profile:
        found = profile.found
        half = np.random.default_rng(0).random(len(found.labels)) < 0.5
        labels = np.where(half, np.array([0, 2, 1, 4, 3, 5])[found.labels], found.labels)
        return dataclasses.replace(profile, found=dataclasses.replace(found, labels=labels))

    golden = confused(GOLDEN)
    assert failed(audit(confused(SPAN), golden)) == []
    assert failed(audit(confused(renamed_at_random(SPAN, 0.3)), golden)) == ["noise"]


@pytest.mark.parametrize("share", [0.2, 0.5])
def test_missing_labels_are_estimated(share: float) -> None:
    reasons = audit(relabelled(SPAN, keep=~some(SPAN, share)))
    assert failed(reasons) == ["missing"]
    assert 0.6 * share < leading_share(reasons["missing"]) < share + 0.05
    assert len(reasons["missing"].images) == 12


def test_images_that_lost_all_their_labels_are_told_apart() -> None:
    reasons = audit(relabelled(SPAN, keep=SPAN.truth.image % 3 > 0))
    assert failed(reasons) == ["missing"]
    assert "images without any label" in reasons["missing"].actual
    assert all(int(name[:4]) % 3 == 0 for name in reasons["missing"].images)


def four_in_one(profile: Profile) -> Profile:
    """Each four images beside each other as one, so that every image shows many objects."""

    def moved(columns: Any) -> Any:
        boxes = columns.boxes_xywh_px + SIDE_PX * np.eye(4)[:1] * (columns.image % 4)[:, None]
        return dataclasses.replace(columns, image=columns.image // 4, boxes_xywh_px=boxes)

    sizes = np.tile([4 * SIDE_PX, SIDE_PX], (len(profile.file_names) // 4, 1))
    return Profile(profile.file_names[::4], sizes, moved(profile.truth), moved(profile.found))


def test_a_few_images_that_lost_all_their_labels_are_no_doubt() -> None:
    span, golden = scenes(seed=8, images=128), four_in_one(scenes(seed=9, images=240))
    lost = four_in_one(relabelled(span, keep=span.truth.image // 4 % 4 > 0))
    reasons = {reason.rule: reason for reason in audit_labels(lost, golden, NAMES, LabelLimits())}
    assert [rule for rule, reason in reasons.items() if not reason.passed] == ["labels:missing"]
    assert "8 of 32 images have no label at all" in reasons["labels:missing"].actual


def test_images_without_objects_in_which_the_model_sees_none_lost_nothing() -> None:
    empty = SPAN.truth.image % 3 == 0
    seen = SPAN.found.image % 3 == 0
    found = rows_of(SPAN.found, ~seen)
    assert failed(audit(dataclasses.replace(relabelled(SPAN, keep=~empty), found=found))) == []


def test_a_class_that_nobody_labelled_is_named() -> None:
    reasons = audit(relabelled(SPAN, keep=SPAN.truth.labels != 2))
    assert failed(reasons) == ["missing"]
    assert "of class bee have no label" in reasons["missing"].actual
    assert "ant" not in reasons["missing"].actual


def test_objects_labelled_twice_are_not_held_against_the_labels_in_other_rules() -> None:
    rows = np.concatenate([np.arange(len(SPAN.truth.labels)), np.flatnonzero(some(SPAN, 0.3))])
    columns = [getattr(SPAN.truth, field.name)[rows] for field in dataclasses.fields(TruthColumns)]
    assert failed(audit(dataclasses.replace(SPAN, truth=TruthColumns(*columns)))) == []


def test_errors_of_the_model_on_new_clutter_are_no_missing_labels() -> None:
    cluttered = scenes(seed=5, detector=Detector(errors=4))
    assert failed(audit(cluttered)) == []


def test_a_model_that_finds_less_than_half_of_the_objects_warns_and_accuses_nobody() -> None:
    reasons = audit(scenes(seed=6, detector=Detector(misses=0.6, confuses=0.2, errors=1)))
    assert failed(reasons) == []
    assert reasons["found"].warning


@pytest.mark.parametrize(
    ("span", "words"),
    [
        (scenes(seed=7, images=6), "labelled objects here"),
        (relabelled(SPAN, keep=some(SPAN, 0)), "0 labelled objects here"),
    ],
    ids=["few", "unlabelled"],
)
def test_too_few_labels_are_not_tested(span: Profile, words: str) -> None:
    reasons = audit(span)
    assert list(reasons) == ["enough", "familiar", "found"]
    assert [rule for rule, reason in reasons.items() if not reason.tested] == ["enough", "found"]
    assert all(reason.passed and not reason.warning for reason in reasons.values())
    assert words in reasons["enough"].actual


def test_a_model_that_is_lost_in_the_span_tests_nothing_but_what_it_finds() -> None:
    reasons = audit(scenes(seed=8, detector=Detector(misses=0.85, errors=1)))
    assert failed(reasons) == []
    assert reasons["found"].warning
    untested = {rule for rule, reason in reasons.items() if not reason.tested}
    assert untested == {"offset", "size", "jitter", "classes", "noise", "missing"}


def test_a_golden_set_in_which_the_model_finds_nothing_tests_nothing() -> None:
    nothing = DetectionColumns(np.empty(0, np.int64), np.empty((0, 4)), np.empty(0, np.int64), np.empty(0))
    reasons = audit(SPAN, dataclasses.replace(GOLDEN, found=nothing))
    assert list(reasons) == ["enough", "familiar", "found"]
    assert "0 that it finds in the golden set" in reasons["enough"].actual


def test_labels_and_detections_are_taken_in_any_order() -> None:
    random = np.random.default_rng(0)
    shuffled = {
        name: type(columns)(*(value[order] for value in vars(columns).values()))
        for name, columns in (("truth", SPAN.truth), ("found", SPAN.found))
        for order in [random.permutation(len(columns.labels))]
    }
    assert audit(dataclasses.replace(SPAN, **shuffled)) == audit(SPAN)


def test_crowds_are_neither_labels_nor_places_where_labels_are_missing() -> None:
    truth = relabelled(SPAN, keep=SPAN.truth.image >= 75).truth
    crowds = np.arange(75)
    everything = TruthColumns(
        np.concatenate([truth.image, crowds]),
        np.concatenate([truth.boxes_xywh_px, np.tile([0.0, 0, SIDE_PX, SIDE_PX], (75, 1))]),
        np.concatenate([truth.labels, np.ones(75, np.int64)]),
        np.concatenate([truth.area_px2, np.full(75, SIDE_PX**2)]),
        np.concatenate([truth.is_crowd, np.ones(75, np.bool_)]),
    )
    assert failed(audit(dataclasses.replace(SPAN, truth=everything))) == []


def test_four_hundred_images_take_less_than_a_second() -> None:
    span, golden = scenes(seed=8, images=400), scenes(seed=9, images=400)
    start = time.process_time()
    audit(span, golden)
    assert time.process_time() - start < 1
