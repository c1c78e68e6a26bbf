from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pytest

from ratchet.components.data_gate.label_audit import LabelAudit
from ratchet.components.labels.limits import LabelLimits
from ratchet.components.labels.profile import Profile
from ratchet.schemas.artifacts.data_evidence import LabelEvidence, LabelMeasure
from tests.components.labels.scenes import NAMES, SIDE_PX, Detector, relabelled, scenes, some
from tests.nightly import often

GOLDEN = scenes(seed=1, images=200)
SPAN = scenes(seed=2)
WEAK = Detector(misses=0.4, confuses=0.4, jitter=0.12, errors=1.5)
SURE = 3.0  # standard errors


def evidence(span: Profile, golden: Profile = GOLDEN) -> LabelEvidence:
    return LabelAudit.of(span, golden, NAMES, LabelLimits()).evidence()


def measures(span: Profile, golden: Profile = GOLDEN) -> dict[str, LabelMeasure]:
    return {measure.name: measure for measure in evidence(span, golden).measures}


def is_told(measure: LabelMeasure) -> bool:
    return abs(measure.value) > max(measure.limit, SURE * measure.std_error)


def wider(profile: Profile, width: float, height: float, keep: np.ndarray | None = None) -> Profile:
    boxes = profile.truth.boxes_xywh_px
    size = boxes[:, 2:] * [width, height]
    drawn = np.hstack([boxes[:, :2] + (boxes[:, 2:] - size) / 2, size])
    return relabelled(profile, _inside(drawn if keep is None else np.where(keep[:, None], drawn, boxes)))


def moved(profile: Profile, right: float, down: float) -> Profile:
    boxes = profile.truth.boxes_xywh_px.copy()
    boxes[:, :2] += boxes[:, 2:] * [right, down]
    return relabelled(profile, _inside(boxes))


def _inside(boxes: np.ndarray) -> np.ndarray:
    start, end = (np.clip(corner, 0, SIDE_PX) for corner in (boxes[:, :2], boxes[:, :2] + boxes[:, 2:]))
    return np.hstack([start, end - start])


def scattered(profile: Profile, sigma: float) -> Profile:
    boxes = profile.truth.boxes_xywh_px
    return relabelled(
        profile, boxes + sigma * np.tile(boxes[:, 2:], 2) * np.random.default_rng(0).normal(size=boxes.shape)
    )


def named(profile: Profile, one: int, other: int, share: float) -> Profile:
    labels = profile.truth.labels.copy()
    labels[(labels == one) & some(profile, share)] = other
    return relabelled(profile, labels=labels)


def renamed_at_random(profile: Profile, share: float) -> Profile:
    labels, hit = profile.truth.labels.copy(), some(profile, share)
    labels[hit] = (labels[hit] - 1 + np.random.default_rng(0).integers(1, 5, hit.sum())) % 5 + 1
    return relabelled(profile, labels=labels)


def of_other_images(profile: Profile, share: float) -> Profile:
    chosen = np.flatnonzero(np.random.default_rng(0).random(len(profile.file_names)) < share)
    images = np.arange(len(profile.file_names))
    images[chosen] = np.roll(chosen, 1)
    truth = profile.truth
    return Profile(
        profile.file_names,
        profile.sizes_px,
        type(truth)(images[truth.image], truth.boxes_xywh_px, truth.labels, truth.area_px2, truth.is_crowd),
        profile.found,
    )


class Planted(NamedTuple):
    name: str
    value: float
    plant: Callable[[Profile], Profile]


PLANTED = (
    Planted("log_width", np.log(1.25), lambda span: wider(span, 1.25, 1.0)),
    Planted("log_height", np.log(0.8), lambda span: wider(span, 1.0, 0.8)),
    Planted("log_width", np.log(1.1), lambda span: wider(span, 1.1, 1.1)),
    Planted("offset_x", -0.25, lambda span: moved(span, -0.25, 0.0)),
    Planted("offset_y", 0.1, lambda span: moved(span, 0.0, 0.1)),
    Planted("jitter", 0.12, lambda span: scattered(span, 0.12)),
    Planted("swapped:cat>dog", 0.4, lambda span: named(span, 3, 4, 0.4)),
    Planted("swapped:dog>cat", 0.95, lambda span: named(span, 4, 3, 1.0)),
    Planted("noise", 0.3, lambda span: renamed_at_random(span, 0.3)),
    Planted("missing", 0.3, lambda span: relabelled(span, keep=~some(span, 0.3))),
    Planted("missing:bee", 0.8, lambda span: relabelled(span, keep=(span.truth.labels != 2) | ~some(span, 0.8))),
    Planted("found", 0.3, lambda span: of_other_images(span, 0.3)),
    Planted(
        "reading:read as [y, x, height, width]",
        0.25,
        lambda span: relabelled(
            span,
            np.where(some(span, 0.25)[:, None], span.truth.boxes_xywh_px[:, [1, 0, 3, 2]], span.truth.boxes_xywh_px),
        ),
    ),
)


@pytest.mark.parametrize("planted", PLANTED, ids=[f"{each.name} {each.value:.2f}" for each in PLANTED])
def test_a_planted_fault_is_measured_with_its_sign_and_size(planted: Planted) -> None:
    measure = measures(planted.plant(SPAN))[planted.name]
    assert is_told(measure)
    assert abs(measure.value - planted.value) <= SURE * measure.std_error
    assert measure.rule.startswith("labels:")


@pytest.mark.parametrize("detector", [Detector(), WEAK], ids=["good", "weak"])
@pytest.mark.parametrize("images", [16, 40, 150])
def test_clean_labels_hardly_ever_leave_three_standard_errors(images: int, detector: Detector) -> None:
    beyond, asked, told = 0, 0, 0
    for draw in range(often(6, 60)):
        span, golden = scenes(2 * draw + 100, images, detector), scenes(2 * draw + 101, 120, detector)
        found = measures(span, golden).values()
        asked += len(found)
        beyond += sum(abs(measure.value) > SURE * measure.std_error for measure in found)
        told += sum(is_told(measure) for measure in found)
    assert beyond <= 0.01 * asked
    assert told <= 0.002 * asked


def test_a_fault_of_one_class_is_told_of_that_class() -> None:
    loose = measures(wider(SPAN, 1.3, 1.3, SPAN.truth.labels == 3))["log_width"]
    assert loose.by_class["cat"] == pytest.approx(np.log(1.3), abs=0.04)
    assert all(abs(value) < 0.06 for name, value in loose.by_class.items() if name != "cat")


def test_images_that_lost_all_their_labels_are_counted_where_that_is_sure() -> None:
    emptied = measures(relabelled(SPAN, keep=SPAN.truth.image % 2 > 0))["emptied"]
    assert is_told(emptied)
    assert emptied.value < 0.5 + SURE * emptied.std_error


def test_few_objects_are_measured_and_say_how_little_they_are_worth() -> None:
    few = evidence(wider(scenes(seed=7, images=6), 1.25, 1.25))
    assert few.objects < LabelLimits().min_objects
    size = {measure.name: measure for measure in few.measures}["log_width"]
    many = measures(wider(SPAN, 1.25, 1.25))["log_width"]
    assert size.value == pytest.approx(np.log(1.25), abs=SURE * size.std_error)
    assert size.std_error > 2 * many.std_error
    assert few.judged == 1.0


def test_of_hardly_an_object_nothing_is_said() -> None:
    none = evidence(relabelled(SPAN, keep=np.zeros(len(SPAN.truth.labels), np.bool_)))
    assert none.measures == ()
    assert (none.objects, none.span_recall) == (0, 0.0)


def test_where_most_boxes_mean_something_else_only_that_is_measured() -> None:
    given = evidence(relabelled(SPAN, SPAN.truth.boxes_xywh_px[:, [1, 0, 3, 2]]))
    assert [measure.name for measure in given.measures] == ["reading:read as [y, x, height, width]"]


def test_beside_a_golden_set_of_random_boxes_nothing_is_judged() -> None:
    boxes = GOLDEN.truth.boxes_xywh_px.copy()
    boxes[:, :2] = np.random.default_rng(5).random((len(boxes), 2)) * (SIDE_PX - boxes[:, 2:])
    beside = evidence(SPAN, relabelled(GOLDEN, boxes))
    assert beside.judged == 0.0
    assert beside.golden_recall < beside.span_recall / 4


def test_labels_of_a_span_in_which_the_model_is_lost_are_measured_but_not_judged() -> None:
    lost = evidence(scenes(seed=8, detector=Detector(misses=0.85, errors=1)))
    assert lost.judged == 0.0
    assert "log_width" in {measure.name for measure in lost.measures}
    assert lost.span_recall < lost.golden_recall / 3
