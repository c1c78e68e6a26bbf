"""Copies are found in every view; frames of one scene are none."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image, ImageOps

from ratchet.components.imaging.copies import find_repeats, near_copies, same_files
from ratchet.components.imaging.same_picture import is_same_picture
from ratchet.components.imaging.views import Window, cropped_boxes, turned_boxes
from ratchet.schemas.data.fingerprints import Fingerprints, line_of
from ratchet.schemas.data.looks import Looks
from tests.components.imaging.scenes import (
    Shown,
    copies_in,
    encoded_again,
    frames,
    looks_of,
    photograph,
    scene,
    with_objects,
)

PHOTOGRAPHS = [photograph(seed) for seed in range(6)]
Change = Callable[[Shown], Shown]


def turned(turn: int) -> Change:
    def change(shown: Shown) -> Shown:
        image = ImageOps.mirror(shown[0]) if turn & 4 else shown[0]
        return image.rotate(90 * (turn & 3), expand=True), turned_boxes(shown[1], turn)

    return change


def cropped(left: float, right: float, top: float, bottom: float) -> Change:
    def change(shown: Shown) -> Shown:
        width, height = shown[0].size
        places = (round(left * width), round(top * height), round((1 - right) * width), round((1 - bottom) * height))
        window = Window(left, 1 - right, top, 1 - bottom)
        return shown[0].crop(places), cropped_boxes(shown[1], window)[0]

    return change


def resized(share: float) -> Change:
    return lambda shown: (shown[0].resize([round(share * side) for side in shown[0].size]), shown[1])  # type: ignore[arg-type]


def lit(gain: float, gamma: float) -> Change:
    def change(shown: Shown) -> Shown:
        pixels = np.clip((np.asarray(shown[0], np.float64) / 255) ** gamma * gain, 0, 1)
        return Image.fromarray((255 * pixels).astype(np.uint8)), shown[1]

    return change


def both(*changes: Change) -> Change:
    def change(shown: Shown) -> Shown:
        for each in changes:
            shown = each(shown)
        return shown

    return change


CHANGES: dict[str, Change] = {
    **{f"turn {turn}": turned(turn) for turn in range(8)},
    "5 % of each side": cropped(0.05, 0.05, 0.05, 0.05),
    "10 % of each side": cropped(0.1, 0.1, 0.1, 0.1),
    "5 % in all": cropped(0.025, 0.025, 0.025, 0.025),
    "off-centre": cropped(0.09, 0.01, 0.03, 0.07),
    "one side": cropped(0.1, 0, 0, 0),
    "quality 40": lambda shown: (encoded_again(shown[0], 40), shown[1]),
    "half the size": resized(0.5),
    "darker": lit(0.6, 1),
    "another gamma": lit(1, 0.75),
    "mirrored and cropped": both(turned(4), cropped(0.06, 0.06, 0.06, 0.06)),
    "turned, cropped, darker": both(turned(1), cropped(0.1, 0, 0.05, 0), lit(0.75, 1)),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_copy_is_found_whatever_was_done_to_it(change: Change) -> None:
    found = copies_in(looks_of([change(shown) for shown in PHOTOGRAPHS]), looks_of(PHOTOGRAPHS))
    assert [(copy.row, copy.other) for copy in found] == [(row, row) for row in range(len(PHOTOGRAPHS))]


def test_what_was_done_to_a_copy_is_told() -> None:
    changed = [turned(0), turned(4), turned(6), turned(1), cropped(0.1, 0.1, 0.1, 0.1)]
    copies = looks_of([change(shown) for change, shown in zip(changed, PHOTOGRAPHS)])
    told = [copy.how for copy in copies_in(copies, looks_of(PHOTOGRAPHS))]
    assert told[:4] == ["", "mirrored", "upside down", "turned by 90 degrees"]
    assert told[4] in ("cropped to 63 %", "cropped to 64 %", "cropped to 65 %")


def test_other_photographs_are_no_copies() -> None:
    assert copies_in(looks_of([photograph(seed) for seed in range(10, 40)]), looks_of(PHOTOGRAPHS)) == []


@pytest.mark.parametrize("width", [0.03, 0.05, 0.2])
@pytest.mark.parametrize("objects", [1, 3, 5])
def test_distinct_frames_of_a_fixed_camera_are_no_copies(objects: int, width: float) -> None:
    shown = frames(3, 12, objects, width)
    assert copies_in(looks_of(shown[6:]), looks_of(shown[:6])) == []


@pytest.mark.parametrize("move", [0.01, 0.02])
def test_nor_are_frames_in_which_little_moved_a_little(move: float) -> None:
    shown = frames(5, 8, 2, 0.06, move)
    assert copies_in(looks_of(shown[4:]), looks_of(shown[:4])) == []
    assert find_repeats(looks_of(shown)) == []


@pytest.mark.parametrize("change", [turned(0), turned(4), cropped(0.05, 0.05, 0.05, 0.05)])
def test_a_copy_of_a_frame_is_found_among_the_frames_of_its_scene(change: Change) -> None:
    shown = frames(4, 8, 3, 0.08)
    copied = [(encoded_again(image, 70), boxes) for image, boxes in map(change, shown[:5])]
    found = copies_in(looks_of(copied), looks_of(shown))
    assert [(copy.row, copy.other) for copy in found] == [(row, row) for row in range(5)]


def test_a_scene_in_which_nothing_moved_is_the_same_picture_unless_it_is_empty() -> None:
    parked, empty = frames(6, 2, 3, 0.1, 0.0), frames(6, 2, 0, 0.1)
    assert len(copies_in(looks_of(parked[1:]), looks_of(parked[:1]))) == 1
    assert copies_in(looks_of(empty[1:]), looks_of(empty[:1])) == []


def test_an_object_before_an_empty_wall_is_not_moved_by_a_crop() -> None:
    wall = Image.new("RGB", (320, 240), (120, 130, 140))
    placed = [with_objects(wall, np.array([[x, 0.4, 0.08, 0.08]]), 1) for x in (0.3, 0.32, 0.36, 0.5)]
    assert copies_in(looks_of(placed[1:]), looks_of(placed[:1])) == []


def test_a_copy_with_other_labels_is_a_copy() -> None:
    relabelled = [(encoded_again(image, 90), boxes[:1] + 0.01) for image, boxes in PHOTOGRAPHS]
    assert len(copies_in(looks_of(relabelled), looks_of(PHOTOGRAPHS))) == len(PHOTOGRAPHS)


def test_repeats_within_a_span_name_the_earlier_one() -> None:
    again = [*PHOTOGRAPHS, (encoded_again(PHOTOGRAPHS[2][0], 60), PHOTOGRAPHS[2][1])]
    assert [(copy.row, copy.other) for copy in find_repeats(looks_of(again))] == [(6, 2)]


def test_near_copies_are_those_of_the_picture_as_it_is() -> None:
    copies = [(encoded_again(image, 60), boxes) for image, boxes in PHOTOGRAPHS[:2]] + [turned(4)(PHOTOGRAPHS[3])]
    assert [(c.row, c.other) for c in near_copies(looks_of(copies), looks_of(PHOTOGRAPHS))] == [(0, 0), (1, 1)]
    shown = frames(7, 6, 2, 0.05)
    assert near_copies(looks_of(shown[3:]), looks_of(shown[:3])) == []


def test_the_same_file_is_a_copy_of_the_first_one_and_an_unknown_one_of_nothing() -> None:
    bits = np.zeros(256, bool)
    a, b, none = (line_of(1, bits, bytes([digit]) * 24) for digit in (7, 8, 0))
    prints = Fingerprints.parse([a, b, a, none, none, a], 1)
    found = same_files(prints, prints, earlier_only=True)
    assert [(copy.row, copy.other, copy.is_file) for copy in found] == [(2, 0, True), (5, 0, True)]
    assert [(copy.row, copy.other) for copy in same_files(Fingerprints.parse([b, a], 2), prints)] == [(0, 1), (1, 0)]


def test_nothing_has_no_copies() -> None:
    nothing = Looks.join([])
    assert copies_in(nothing, looks_of(PHOTOGRAPHS[:1])) == copies_in(looks_of(PHOTOGRAPHS[:1]), nothing) == []
    assert find_repeats(nothing) == near_copies(nothing, nothing) == []


def test_other_pictures_with_objects_in_the_same_places_are_no_copies() -> None:
    random = np.random.default_rng(5)
    boxes = np.array([[0.1, 0.2, 0.3, 0.4], [0.55, 0.3, 0.3, 0.4]])
    noise = [Image.fromarray(random.integers(0, 256, (48, 64, 3), np.uint8)) for _ in range(12)]
    shown = [(image, boxes) for image in noise]
    assert copies_in(looks_of(shown[:6]), looks_of(shown[6:])) == []


def test_an_empty_scene_of_another_photograph_is_no_copy() -> None:
    bare = [(scene(seed), np.empty((0, 4))) for seed in (20, 21)]
    assert copies_in(looks_of(bare[:1]), looks_of(bare[1:])) == []


def test_two_thumbnails_without_a_box_are_not_told_to_be_one_picture() -> None:
    thumbnail, nothing = np.tile(np.arange(64.0), (64, 1)), np.empty((0, 4))
    assert not is_same_picture(thumbnail, thumbnail, nothing, nothing)
    box = np.array([[0.3, 0.3, 0.2, 0.2]])
    assert is_same_picture(thumbnail, thumbnail, box, box)
