from __future__ import annotations

import imagehash
import numpy as np
import pytest
from PIL import Image

from ratchet.components.imaging.views import (
    TURNS,
    WHOLE,
    WINDOWS,
    View,
    Window,
    bits_of_views,
    cropped,
    cropped_boxes,
    hash_bits,
    low_bits,
    turned,
    turned_boxes,
)

RNG = np.random.default_rng(0)
THUMBNAILS = np.asarray(Image.fromarray(RNG.integers(0, 256, (12, 12), np.uint8)).resize((64, 64)))[None]


def test_the_hash_is_that_of_the_library() -> None:
    expected = imagehash.phash(Image.fromarray(THUMBNAILS[0]), hash_size=16).hash.ravel()
    assert np.array_equal(hash_bits(THUMBNAILS)[0], expected)


@pytest.mark.parametrize("turn", range(TURNS))
def test_boxes_turn_as_pictures_do(turn: int) -> None:
    picture = np.zeros((64, 64))
    picture[8:16, 16:48] = 1  # rows, columns
    ys, xs = np.nonzero(turned(picture, turn))
    box = turned_boxes(np.array([[16, 8, 32, 8]]) / 64, turn)[0] * 64
    assert box.tolist() == [xs.min(), ys.min(), xs.max() + 1 - xs.min(), ys.max() + 1 - ys.min()]


def test_a_crop_cuts_boxes_at_its_borders_and_leaves_out_what_is_gone() -> None:
    boxes = np.array([[0.4, 0.4, 0.2, 0.2], [0.0, 0.4, 0.2, 0.2], [0.0, 0.0, 0.1, 0.1]])
    kept, rows = cropped_boxes(boxes, Window(0.1, 0.9, 0.0, 1.0))
    assert rows.tolist() == [0, 1]
    np.testing.assert_allclose(kept, [[0.375, 0.4, 0.25, 0.2], [0.0, 0.4, 0.125, 0.2]])


def test_a_crop_of_a_slope_is_the_part_of_the_slope() -> None:
    slope = np.tile(np.arange(64.0), (64, 1))
    inner = cropped(slope, Window(0.25, 0.75, 0.0, 1.0))[0]
    np.testing.assert_allclose(inner, 15.75 + np.arange(64) / 2, atol=1e-9)
    assert np.array_equal(cropped(slope, WHOLE), slope)


def test_the_hashes_of_views_begin_with_the_picture_itself_and_are_those_of_the_turned() -> None:
    views = bits_of_views(THUMBNAILS)
    assert views.shape == (1, TURNS, len(WINDOWS), 16, 16)
    assert np.array_equal(views[0, 0, 0].ravel(), hash_bits(THUMBNAILS)[0])
    mirrored = hash_bits(turned(THUMBNAILS, 4))
    assert np.array_equal(views[0, 4, 0].ravel(), mirrored[0])
    packed = np.packbits(mirrored, axis=1)
    assert np.array_equal(views[0, 4, 0, :8, :8].ravel(), low_bits(packed)[0])


@pytest.mark.parametrize(
    ("view", "words"),
    [
        (View(), ""),
        (View(4), "mirrored"),
        (View(6), "upside down"),
        (View(3), "turned by 270 degrees"),
        (View(5, Window(0.1, 0.9, 0.1, 0.9)), "mirrored, turned by 90 degrees, cropped to 64 %"),
    ],
)
def test_a_view_is_told_in_words(view: View, words: str) -> None:
    assert str(view) == words
