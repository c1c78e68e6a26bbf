"""A fault in a part of a span is found there, and a span without one has no faulty part."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from ratchet.components.data_gate.label_audit import audit_labels
from ratchet.components.data_gate.parts import Asked, Part, faults_in_parts, parts_of
from ratchet.components.labels.limits import LabelLimits
from ratchet.components.labels.profile import Profile
from ratchet.schemas.artifacts.decisions import Reason
from tests.components.labels.scenes import NAMES, relabelled, scenes

IMAGES = 240
NO_LOOKS = np.empty((IMAGES, 0))
GOLDEN = scenes(100, 200)
CAMERAS = [{"camera": "north" if place % 4 == 0 else "south"} for place in range(IMAGES)]
OF_NORTH = np.arange(IMAGES) % 4 == 0


def asked(span: Profile) -> Asked:
    return lambda images, alternatives: audit_labels(span.of_images(images), GOLDEN, NAMES, LabelLimits())


def found(span: Profile, parts: Sequence[Part]) -> list[Reason]:
    whole = audit_labels(span, GOLDEN, NAMES, LabelLimits())
    return [reason for reason in faults_in_parts(whole, parts, asked(span)) if reason not in whole]


def swapped(span: Profile, images: np.ndarray) -> Profile:
    labels = span.truth.labels.copy()
    of_part = images[span.truth.image]
    labels[of_part & (labels == 1)], labels[of_part & (span.truth.labels == 2)] = 2, 1
    return relabelled(span, labels=labels)


def displaced(span: Profile, images: np.ndarray, share: float) -> Profile:
    boxes = span.truth.boxes_xywh_px.copy()
    of_part = images[span.truth.image]
    boxes[of_part, 0] += share * boxes[of_part, 2]
    return relabelled(span, boxes=boxes)


def test_boxes_that_one_camera_has_displaced_are_named_with_the_camera() -> None:
    span = displaced(scenes(1, IMAGES), OF_NORTH, 0.2)
    parts = parts_of(span.file_names, CAMERAS, NO_LOOKS)
    [reason] = [reason for reason in found(span, parts) if reason.rule == "part:labels:offset"]
    assert "camera = north (60 of the 240 images looked at): boxes are displaced by" in reason.actual
    assert set(reason.images) <= {span.file_names[place] for place in np.flatnonzero(OF_NORTH)}


def test_classes_that_were_swapped_on_the_last_day_alone_are_said_to_be_without_an_attribute() -> None:
    last = np.arange(IMAGES) >= IMAGES * 3 // 4
    span = swapped(scenes(2, IMAGES), last)
    parts = parts_of(span.file_names, [{}] * IMAGES, NO_LOOKS)
    [reason] = found(span, parts)
    assert reason.rule == "labels:classes"
    assert reason.actual.endswith("(only in the images from 0180.jpg to 0239.jpg)")


def test_images_that_look_alike_are_a_part_whatever_their_names() -> None:
    looks = np.random.default_rng(0).normal(size=(IMAGES, 12)) + 6 * OF_NORTH[:, None]
    parts = parts_of([f"{place:04}.jpg" for place in range(IMAGES)], [{}] * IMAGES, looks)
    span = displaced(scenes(3, IMAGES), OF_NORTH, 0.2)
    assert any(np.array_equal(part.images, OF_NORTH) for part in parts)
    assert "images that look alike" in {r.rule: r.actual for r in found(span, parts)}["part:labels:offset"]


@pytest.mark.parametrize("seed", range(4, 10))
def test_a_clean_span_has_no_faulty_part(seed: int) -> None:
    span = scenes(seed, IMAGES)
    looks = np.random.default_rng(seed).normal(size=(IMAGES, 8))
    assert not found(span, parts_of(span.file_names, CAMERAS, looks))


def test_what_the_whole_span_breaks_is_not_said_of_a_part_again() -> None:
    span = displaced(scenes(1, IMAGES), np.ones(IMAGES, np.bool_), 0.2)
    assert not found(span, parts_of(span.file_names, CAMERAS, NO_LOOKS))


def test_names_of_single_images_and_values_of_nearly_all_are_no_parts() -> None:
    names = [f"{place:04}.jpg" for place in range(IMAGES)]
    attributes = [{"id": str(place), "site": "a" if place > 5 else "b", "annotator": "x"} for place in range(IMAGES)]
    titles = [part.title for part in parts_of(names, attributes, NO_LOOKS)]
    assert titles == [f"the images from {60 * run:04}.jpg to {60 * run + 59:04}.jpg" for run in range(4)]


def test_every_part_is_told_among_how_many_it_is_asked() -> None:
    parts = parts_of([f"{place:04}.jpg" for place in range(IMAGES)], CAMERAS, NO_LOOKS)
    counts = []
    faults_in_parts([], parts, lambda images, alternatives: counts.append(alternatives) or [])
    assert counts == [6] * 6


def test_of_several_parts_the_one_that_breaks_the_rule_most_is_named() -> None:
    whole = [Reason("labels:size", "", "", passed=True)]
    strengths = iter([1.5, 3.0])
    parts = parts_of([f"{place:04}.jpg" for place in range(IMAGES)], CAMERAS, NO_LOOKS)[:2]
    found = faults_in_parts(whole, parts, lambda *_: [Reason("labels:size", "", "so", strength=next(strengths))])
    reason = found[-1]
    assert reason.rule == "part:labels:size"
    assert "camera = south" in reason.actual


@pytest.mark.parametrize(("rest", "only"), [(0.9, False), (0.2, True)])
def test_what_the_rest_is_only_too_small_to_show_is_not_said_to_be_in_a_part_alone(rest: float, only: bool) -> None:
    parts = [Part("the first", np.arange(40) < 20)]
    of_part = Reason("labels:missing", "", "so", strength=1.2)

    def ask(images: np.ndarray, alternatives: int) -> list[Reason]:
        return [of_part if images[0] else Reason("labels:missing", "", "so", passed=True, strength=rest)]

    [told] = faults_in_parts([of_part], parts, ask)
    assert ("only in the first" in told.actual) == only
