"""Whatever a data set is, its labels are judged or left untested, never a traceback."""

from __future__ import annotations

import dataclasses
import itertools
import warnings
from collections.abc import Callable

import numpy as np
import pytest

from ratchet.components.data_gate.label_audit import audit_labels
from ratchet.components.labels.limits import LabelLimits
from ratchet.components.labels.profile import Profile
from ratchet.schemas.artifacts.decisions import Reason
from ratchet.schemas.data.columns import rows_of
from tests.components.labels.scenes import NAMES, SIDE_PX, relabelled, scenes

SPAN, GOLDEN = scenes(seed=31, images=10), scenes(seed=32, images=10)
LIMITS = (
    LabelLimits(),
    LabelLimits(min_objects=1, box_format=1, offset=1, size=1, classes=1, noise=1, missing=1, found=1),
    LabelLimits(min_objects=1, box_format=0, offset=0, size=0, classes=0, noise=0, missing=0, found=0),
)


def with_boxes(profile: Profile, change: Callable[[np.ndarray], np.ndarray]) -> Profile:
    truth = dataclasses.replace(profile.truth, boxes_xywh_px=change(profile.truth.boxes_xywh_px.copy()))
    return dataclasses.replace(profile, truth=truth)


def with_labels(profile: Profile, change: Callable[[np.ndarray], np.ndarray]) -> Profile:
    return dataclasses.replace(profile, truth=dataclasses.replace(profile.truth, labels=change(profile.truth.labels)))


def seen(profile: Profile, keep: Callable[[Profile], np.ndarray]) -> Profile:
    return dataclasses.replace(profile, found=rows_of(profile.found, keep(profile)))


def sized(boxes: np.ndarray, side: float) -> np.ndarray:
    boxes[:, 2:] = side
    return boxes


def cornered(boxes: np.ndarray) -> np.ndarray:
    return np.hstack([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]])


def wrong_at_random(labels: np.ndarray) -> np.ndarray:
    return (labels - 1 + np.random.default_rng(0).integers(1, len(NAMES), len(labels))) % len(NAMES) + 1


def seen_as_two(profile: Profile) -> Profile:
    # What is labelled 1 is seen as 2, and the other way round.
    found = dataclasses.replace(profile.found, labels=2 - profile.found.labels % 2)
    return dataclasses.replace(profile, found=dataclasses.replace(found, labels=3 - found.labels))


def one_place(profile: Profile) -> Profile:
    found = dataclasses.replace(profile.found, boxes_xywh_px=np.full_like(profile.found.boxes_xywh_px, 10.0))
    return dataclasses.replace(with_boxes(profile, lambda boxes: np.full_like(boxes, 10.0)), found=found)


FAULTS: dict[str, Callable[[Profile], Profile]] = {
    "as it is": lambda profile: profile,
    "no labels": lambda profile: relabelled(profile, keep=np.zeros(len(profile.truth.labels), np.bool_)),
    "one label": lambda profile: relabelled(profile, keep=np.arange(len(profile.truth.labels)) == 3),
    "no detections": lambda profile: seen(profile, lambda each: np.zeros(len(each.found.scores), np.bool_)),
    "one detection": lambda profile: seen(profile, lambda each: np.arange(len(each.found.scores)) == 0),
    "no scores": lambda profile: dataclasses.replace(
        profile, found=dataclasses.replace(profile.found, scores=np.zeros(len(profile.found.scores)))
    ),
    "one class": lambda profile: with_labels(profile, np.ones_like),
    "every class wrong": lambda profile: with_labels(profile, lambda labels: labels % len(NAMES) + 1),
    "every class wrong at random": lambda profile: with_labels(profile, wrong_at_random),
    "two classes, both wrong": lambda profile: with_labels(seen_as_two(profile), lambda labels: 2 - labels % 2),
    "no known class": lambda profile: with_labels(profile, lambda labels: -labels),
    "corners": lambda profile: with_boxes(
        profile, lambda boxes: np.hstack([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]])
    ),
    "no area": lambda profile: with_boxes(profile, lambda boxes: sized(boxes, 0.0)),
    "hardly an area": lambda profile: with_boxes(profile, lambda boxes: sized(boxes, 1e-3)),
    "the whole image": lambda profile: with_boxes(
        profile, lambda boxes: np.tile([0.0, 0, SIDE_PX, SIDE_PX], (len(boxes), 1))
    ),
    "at the origin": lambda profile: with_boxes(profile, lambda boxes: boxes * [0, 0, 1, 1]),
    "beyond the image": lambda profile: with_boxes(profile, lambda boxes: boxes * 1e6),
    "fractions": lambda profile: with_boxes(profile, lambda boxes: boxes / SIDE_PX),
    "left of the image": lambda profile: with_boxes(profile, lambda boxes: boxes - [SIDE_PX, SIDE_PX, 0, 0]),
    "one place": one_place,
    "crowds": lambda profile: dataclasses.replace(
        profile, truth=dataclasses.replace(profile.truth, is_crowd=np.ones(len(profile.truth.labels), np.bool_))
    ),
}


def judged(span: Profile, golden: Profile, limits: LabelLimits, names: tuple[str, ...] = NAMES) -> list[Reason]:
    with warnings.catch_warnings(), np.errstate(all="raise", under="ignore"):
        warnings.simplefilter("error")
        return audit_labels(span, golden, names, limits)


def assert_decided(span: Profile, golden: Profile, limits: LabelLimits, names: tuple[str, ...] = NAMES) -> None:
    reasons = judged(span, golden, limits, names)
    assert reasons[0].rule == "labels:enough"
    for reason in reasons:
        assert reason.tested or (reason.passed and not reason.warning), reason
        assert reason.strength is None or 0 <= reason.strength < np.inf, reason
        assert "nan" not in reason.actual, reason


# Those of the golden set that the model sees, or contradicts, otherwise.
GOLDEN_FAULTS = [name for name in FAULTS if name.startswith(("no ", "one ", "every ", "two ", "corners"))]


@pytest.mark.parametrize("fault", FAULTS)
def test_any_span_beside_any_golden_set_is_decided(fault: str) -> None:
    for other in GOLDEN_FAULTS:
        assert_decided(FAULTS[fault](SPAN), FAULTS[other](GOLDEN), LabelLimits(min_objects=1))


@pytest.mark.parametrize("limits", LIMITS, ids=["usual", "loose", "strict"])
@pytest.mark.parametrize("fault", FAULTS)
def test_any_span_is_decided_whatever_the_limits(fault: str, limits: LabelLimits) -> None:
    for golden in (GOLDEN, FAULTS["every class wrong"](GOLDEN), FAULTS["every class wrong at random"](GOLDEN)):
        assert_decided(FAULTS[fault](SPAN), golden, limits)


def test_a_single_image_and_a_model_of_one_class_are_decided() -> None:
    def of_one_class(profile: Profile) -> Profile:
        return dataclasses.replace(
            with_labels(profile, np.ones_like),
            found=dataclasses.replace(profile.found, labels=np.ones_like(profile.found.labels)),
        )

    one = [of_one_class(scenes(seed, images=1)) for seed in (1, 2)]
    for (span, golden), limits in itertools.product((one, one[::-1]), LIMITS):
        assert_decided(span, golden, limits, ("ant",))
