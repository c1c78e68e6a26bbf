from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageEnhance

from ratchet.components.imaging.fine_detail import Detail, detail_of
from ratchet.components.imaging.views import Window, cropped_boxes
from tests.components.imaging.scenes import SIZE, Shown, copies_in, encoded_again, looks_of

CARD = np.array([[0.3, 0.25, 0.4, 0.5]])


def on_a_carpet(grain: int) -> Shown:
    """A white card on a carpet, that is alike in the large wherever one stands on it."""
    texture = np.random.default_rng(grain).normal(0, 30, (60, 80)).astype(np.float32)
    pixels = np.asarray(Image.fromarray(texture).resize(SIZE, Image.Resampling.BICUBIC)) + 120.0
    left, top, width, height = (round(share * side) for share, side in zip(CARD[0], [*SIZE, *SIZE]))
    pixels[top : top + height, left : left + width] = 240
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8)).convert("RGB"), CARD


def cut(shown: Shown, share: float) -> Shown:
    image, boxes = shown
    window = Window(share, 1 - share, share, 1 - share)
    left, top = round(share * image.width), round(share * image.height)
    return image.crop((left, top, image.width - left, image.height - top)), cropped_boxes(boxes, window)[0]


def thumbnail(shown: Shown) -> np.ndarray:
    return looks_of([shown]).thumbnails[0].astype(np.float64)


@pytest.mark.parametrize("share", [0.05, 0.08, 0.1])
def test_another_photograph_from_nearer_is_no_crop_of_the_first(share: float) -> None:
    golden = looks_of([on_a_carpet(1)])
    assert copies_in(looks_of([cut(on_a_carpet(2), share)]), golden) == []
    (copy,) = copies_in(looks_of([cut(on_a_carpet(1), share)]), golden)
    assert copy.is_certain


def test_detail_tells_two_photographs_from_one_that_was_encoded_again_and_darkened() -> None:
    image, boxes = on_a_carpet(1)
    dark = encoded_again(ImageEnhance.Brightness(image).enhance(0.6), 40)
    assert detail_of(thumbnail((image, boxes)), thumbnail((dark, boxes))) is Detail.SAME
    assert detail_of(thumbnail((image, boxes)), thumbnail(on_a_carpet(2))) is Detail.OTHER


def test_what_has_no_detail_says_nothing() -> None:
    flat = np.full((64, 64), 120.0)
    assert detail_of(flat, flat + 5) is Detail.UNCLEAR


def test_a_crop_of_other_detail_is_none_and_one_of_unclear_detail_is_uncertain(monkeypatch: pytest.MonkeyPatch) -> None:
    golden, crop = looks_of([on_a_carpet(1)]), looks_of([cut(on_a_carpet(1), 0.08)])
    found = {}
    for detail in Detail:
        monkeypatch.setattr("ratchet.components.imaging.copies.detail_of", lambda *_, detail=detail: detail)
        found[detail] = [copy.is_certain for copy in copies_in(crop, golden)]
    assert found == {Detail.SAME: [True], Detail.UNCLEAR: [False], Detail.OTHER: []}
