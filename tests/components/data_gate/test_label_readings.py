"""Boxes that fit only if their numbers are read otherwise are told as that, with how they would fit."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
import pytest

from ratchet.components.labels.profile import Profile
from tests.components.data_gate.test_label_audit import (
    GOLDEN,
    SPAN,
    audit,
    failed,
    leading_share,
    moved,
    renamed_at_random,
)
from tests.components.labels.scenes import SIDE_PX, Detector, relabelled, scenes, some


def centred(boxes: np.ndarray) -> np.ndarray:
    return np.hstack([boxes[:, :2] + boxes[:, 2:] / 2, boxes[:, 2:]])


@pytest.mark.parametrize(
    ("share", "written", "name"),
    [
        (0.25, lambda b: b[:, [1, 0, 3, 2]], "[y, x, height, width]"),
        (0.25, centred, "[center x, center y, width, height]"),
    ],
)
def test_some_boxes_in_another_order_are_named_and_the_others_are_tested(
    share: float, written: Callable[[np.ndarray], np.ndarray], name: str
) -> None:
    hit = some(SPAN, share)
    boxes = np.where(hit[:, None], written(SPAN.truth.boxes_xywh_px), SPAN.truth.boxes_xywh_px)
    reasons = audit(relabelled(SPAN, boxes))
    assert failed(reasons)[0] == "reading"
    assert f"only if read as {name}" in reasons["reading"].actual
    assert 0.7 * share < leading_share(reasons["reading"]) < share + 0.05
    assert all(reason.tested for reason in reasons.values())
    noisy = audit(renamed_at_random(relabelled(SPAN, boxes), 0.4))
    assert "noise" in failed(noisy)


def test_most_boxes_in_another_order_leave_nothing_to_test_and_nothing_counts_as_passed() -> None:
    reasons = audit(relabelled(SPAN, SPAN.truth.boxes_xywh_px[:, [1, 0, 3, 2]]))
    assert failed(reasons) == ["reading"]
    assert "only if read as [y, x, height, width]; convert them to [x, y, width, height]" in reasons["reading"].actual
    assert (reasons["reading"].strength or 0) > 10
    untested = {rule for rule, reason in reasons.items() if not reason.tested}
    assert untested == {"found", "offset", "size", "jitter", "classes", "noise", "missing"}
    assert {reasons[rule].cause for rule in untested} == {"labels:reading"}


@pytest.mark.parametrize("detector", [Detector(), Detector(misses=0.3, confuses=0.2, jitter=0.12, errors=1)])
@pytest.mark.parametrize("fraction", [0.15, 0.2, 0.3])
def test_displaced_boxes_are_no_reading_whatever_some_of_them_overlap(fraction: float, detector: Detector) -> None:
    span, golden = scenes(seed=21, detector=detector), scenes(seed=22, images=200, detector=detector)
    assert failed(audit(moved(span, fraction, fraction), golden))[0] == "offset"


@pytest.mark.parametrize(
    ("factors", "size"),
    [((0.5, 0.5), "100x100"), ((0.8, 0.8), "160x160"), ((0.9, 0.9), "180x180"), ((0.6, 0.8), "120x160")],
)
def test_boxes_of_a_smaller_image_are_told_with_its_size(factors: tuple[float, float], size: str) -> None:
    reasons = audit(relabelled(SPAN, SPAN.truth.boxes_xywh_px * np.tile(factors, 2)))
    assert failed(reasons) == ["reading"]
    assert "taken for boxes drawn on an image of about " in reasons["reading"].actual
    told = np.array([int(side) for side in reasons["reading"].actual.split("about ")[1].split(" px")[0].split("x")])
    np.testing.assert_allclose(told, [int(side) for side in size.split("x")], atol=2)
    assert "multiply them by " in reasons["reading"].actual


def test_boxes_on_images_that_were_all_brought_to_one_size_are_told_with_it() -> None:
    def stretched(profile: Profile) -> Profile:
        factors = np.random.default_rng(5).choice([1.0, 1.5, 2.5], (len(profile.file_names), 2))
        truth, found = (
            dataclasses.replace(side, boxes_xywh_px=side.boxes_xywh_px * np.tile(factors[side.image], 2))
            for side in (profile.truth, profile.found)
        )
        return dataclasses.replace(profile, sizes_px=profile.sizes_px * factors, truth=truth, found=found)

    span = stretched(SPAN)
    on_one_size = dataclasses.replace(span.truth, boxes_xywh_px=SPAN.truth.boxes_xywh_px * 0.8)
    reasons = audit(dataclasses.replace(span, truth=on_one_size), stretched(GOLDEN))
    assert failed(reasons) == ["reading"]
    assert "images that were all resized to about 160x160 px" in reasons["reading"].actual


def test_a_part_of_the_boxes_of_a_smaller_image_is_found() -> None:
    boxes = SPAN.truth.boxes_xywh_px * np.where(some(SPAN, 0.3), 0.5, 1.0)[:, None]
    reasons = audit(relabelled(SPAN, boxes))
    assert failed(reasons)[0] == "reading"
    assert "100x100 px" in reasons["reading"].actual


@pytest.mark.parametrize(
    ("turned", "words"),
    [
        (lambda x, y, w, h: (SIDE_PX - x - w, y, w, h), "mirrored left to right"),
        (lambda x, y, w, h: (x, SIDE_PX - y - h, w, h), "mirrored top to bottom"),
        (lambda x, y, w, h: (SIDE_PX - x - w, SIDE_PX - y - h, w, h), "turned by 180 degrees"),
        (lambda x, y, w, h: (y, SIDE_PX - x - w, h, w), "before it was turned by 90 degrees clockwise"),
        (lambda x, y, w, h: (SIDE_PX - y - h, x, h, w), "before it was turned by 90 degrees anticlockwise"),
    ],
)
@pytest.mark.parametrize("share", [0.25, 1.0])
def test_boxes_of_a_mirrored_or_turned_picture_are_named(
    share: float, turned: Callable[..., tuple[np.ndarray, ...]], words: str
) -> None:
    boxes = np.where(
        some(SPAN, share)[:, None],
        np.stack(turned(*SPAN.truth.boxes_xywh_px.T), axis=1),
        SPAN.truth.boxes_xywh_px,
    )
    reasons = audit(relabelled(SPAN, boxes))
    assert failed(reasons)[0] == "reading"
    assert f"boxes of the picture {words}" in reasons["reading"].actual


def test_centres_of_all_boxes_are_a_displacement_by_half_their_size() -> None:
    reasons = audit(relabelled(SPAN, centred(SPAN.truth.boxes_xywh_px)))
    assert failed(reasons)[0] == "offset"  # and some missing: boxes that left the image
    assert "to the right and" in reasons["offset"].actual
    assert "as if [center x, center y, width, height] had been taken for" in reasons["offset"].actual


def test_what_is_left_of_corners_is_recognised() -> None:
    boxes = SPAN.truth.boxes_xywh_px
    reasons = audit(relabelled(SPAN, np.hstack([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]])))
    assert failed(reasons) == ["reading"]
    assert "[x1, y1, x2, y2]" in reasons["reading"].actual
