from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from ratchet.components.imaging.drawing import Layer, detections_layer, draw_boxes, labels_layer
from tests.builders import encode

GREY = Image.new("RGB", (100, 50), (128, 128, 128))
BOX = np.array([[20.0, 10.0, 40.0, 30.0]])
GREEN, MAGENTA = (0, 160, 96), (224, 32, 176)


def drawn(*layers: Layer, image: bytes | None = None, side: int = 300) -> Image.Image:
    return Image.open(io.BytesIO(draw_boxes(encode(GREY, "PNG") if image is None else image, layers, side)))


def near(image: Image.Image, colour: tuple[int, int, int]) -> np.ndarray:
    """[h, w] where a pixel has about this colour; JPEG smears colours of thin lines."""
    return np.all(np.abs(np.asarray(image).astype(int) - np.array(colour)) < 70, axis=-1)


def test_the_thumbnail_is_a_jpeg_with_the_longest_side_asked_for() -> None:
    assert [drawn(side=side).size for side in (300, 60)] == [(300, 150), (60, 30)]
    assert drawn().format == "JPEG"


def test_a_box_is_drawn_where_it_is_in_the_scaled_image() -> None:
    rows, columns = np.nonzero(near(drawn(labels_layer(BOX)), GREEN))
    np.testing.assert_allclose([columns.min(), rows.min(), columns.max(), rows.max()], [60, 30, 180, 120], atol=2)


def test_a_large_jpeg_that_is_decoded_smaller_keeps_its_boxes_in_place() -> None:
    large = encode(GREY.resize((2000, 1000)))
    rows, columns = np.nonzero(near(drawn(labels_layer(BOX * 20), image=large), GREEN))
    np.testing.assert_allclose([columns.min(), rows.min(), columns.max(), rows.max()], [60, 30, 180, 120], atol=2)


def test_detections_are_dashed_and_labels_are_not() -> None:
    solid, dashed = drawn(labels_layer(BOX)), drawn(detections_layer(BOX))
    assert near(solid, GREEN)[31, 65:175].mean() > 0.95
    assert 0.3 < near(dashed, MAGENTA)[31, 65:175].mean() < 0.9


def test_names_of_coinciding_boxes_stand_apart() -> None:
    white = near(drawn(labels_layer(BOX, ["cat"]), detections_layer(BOX, ["dog"])), (255, 255, 255))
    assert white[14:29].sum() > 50
    assert white[122:140].sum() > 50


@pytest.mark.parametrize(
    "box",
    [
        [60.0, 40.0, -40.0, -30.0],
        [-1e9, -1e9, 2e9, 2e9],
        [np.nan, 0, 1, 1],
        [0, 0, np.inf, 1],
        [500.0, 500.0, 5.0, 5.0],
        [5.0, 5.0, 0.0, 0.0],
    ],
)
def test_boxes_that_cannot_be_boxes_are_drawn_as_far_as_they_can(box: list[float]) -> None:
    for layer in (labels_layer, detections_layer):
        assert drawn(layer(np.array([box]), ["a\nname \u202e" * 50])).size == (300, 150)


@pytest.mark.parametrize(
    ("form", "mode"), [("PNG", "RGBA"), ("PNG", "P"), ("PNG", "L"), ("PNG", "1"), ("JPEG", "CMYK"), ("JPEG", "L")]
)
def test_every_kind_of_image_is_shown_with_coloured_boxes(form: str, mode: str) -> None:
    assert near(drawn(labels_layer(BOX), image=encode(GREY.convert(mode), form)), GREEN).sum() > 200


def test_16_bits_a_pixel_keep_their_brightness() -> None:
    deep = Image.fromarray(np.full((50, 100), 0x4080, np.uint16))
    assert abs(int(np.asarray(drawn(image=encode(deep, "PNG")))[75, 150, 0]) - 0x40) <= 2


def test_arrays_that_do_not_fit_together_are_named() -> None:
    with pytest.raises(ValueError, match=r"expected shape \(n, 4\), got \(3,\)"):
        labels_layer(np.zeros(3))
    with pytest.raises(ValueError, match="none or one for each of 1 boxes, got 2"):
        labels_layer(BOX, ["a", "b"])


def test_no_boxes_of_any_shape_are_no_boxes() -> None:
    assert labels_layer(np.array([])).boxes_xywh_px.shape == (0, 4)
