from __future__ import annotations

import colorsys
import math

import numpy as np
import pytest
from PIL import Image

from ratchet.components.imaging.measures import Look, hue, noise
from ratchet.components.imaging.measures import look_of as look_of_levels
from ratchet.components.imaging.quality import image_quality
from tests.builders import encode, picture
from tests.components.imaging.altered_files import files_by_kind

RNG = np.random.default_rng(4)


def photograph(turn: float = 0.0, gains: tuple[float, float, float] = (1.0, 1.0, 1.0)) -> np.ndarray:
    """Red and orange things on a grey ground with something white, every hue turned, in light of a colour."""
    rng = np.random.default_rng(0)
    pixels = np.repeat(rng.uniform(80, 150, (48, 64, 1)), 3, axis=2)
    for place in range(0, 40, 8):
        colour = colorsys.hsv_to_rgb((rng.uniform(0.95, 1.08) + turn) % 1, 0.8, 0.7)
        pixels[place : place + 6, place : place + 12] = np.array(colour) * 255
    pixels[40:48, :20] = 230
    return np.clip(pixels * np.array(gains), 0, 255).astype(np.uint8)


def look_of(grey: np.ndarray) -> Look:
    return look_of_levels(grey, np.bincount(grey.ravel(), minlength=256), deep=False)


def apart(one: float, other: float) -> float:
    return abs((one - other + 0.5) % 1 - 0.5)


@pytest.mark.parametrize("turn", [0.1, 0.25, 0.5, 0.9])
def test_the_hue_turns_with_the_colours(turn: float) -> None:
    assert apart(hue(photograph(turn)), hue(photograph()) + turn) < 0.02


@pytest.mark.parametrize("gains", [(1.1, 1.0, 1.0), (1.0, 1.0, 0.7), (0.8, 1.0, 0.9)])
def test_light_of_another_colour_is_no_other_hue(gains: tuple[float, float, float]) -> None:
    assert apart(hue(photograph(gains=gains)), hue(photograph())) < 0.01


def test_a_grey_image_has_no_hue_however_its_file_stores_it() -> None:
    grey = np.repeat(RNG.integers(0, 256, (48, 64, 1), np.uint8), 3, axis=2)
    assert math.isnan(hue(grey))
    assert math.isnan(hue(np.clip(grey + RNG.integers(-3, 4, grey.shape), 0, 255).astype(np.uint8)))
    for kind in ("jpeg grey", "png L", "png 1", "png 16 bit grey"):
        assert math.isnan(image_quality(files_by_kind()[kind], "a.png").hue)


def test_jpeg_and_png_of_one_picture_have_one_hue() -> None:
    image = Image.fromarray(photograph()).resize((1300, 900))
    png, jpeg, small = (encode(image, "PNG"), encode(image, quality=90), encode(image.resize((390, 270)), quality=90))
    hues = [image_quality(content, "a").hue for content in (png, jpeg, small)]
    assert max(apart(each, hues[0]) for each in hues) < 0.01


@pytest.mark.parametrize("sigma", [5.0, 10.0, 20.0])
def test_noise_is_the_deviation_of_single_pixels(sigma: float) -> None:
    ramp = np.add.outer(np.arange(60), np.arange(80)) + 50.0
    noisy = np.clip(ramp + RNG.normal(0, sigma, ramp.shape), 0, 255).astype(np.uint8)
    # That of the smoothest tiles, 16 px wide, is less by what chance makes of 196 pixels.
    assert 0.8 * sigma < noise(noisy) < 1.02 * sigma
    assert noise(ramp.astype(np.uint8)) == 0


def test_texture_in_most_of_an_image_is_no_noise() -> None:
    pixels = RNG.integers(0, 256, (256, 256)).astype(np.uint8)
    pixels[:90, :90] = 128
    assert noise(pixels) == 0
    assert noise(np.zeros((2, 50), np.uint8)) == 0


@pytest.mark.parametrize(("level", "word"), [(3, "black"), (252, "white"), (120, "flat")])
def test_an_image_that_shows_nothing_says_what_it_is(level: int, word: str) -> None:
    blank = np.full((60, 80), level, np.uint8)
    blank[3, 4] = 130  # a dead pixel
    assert look_of(blank).blank == word
    assert look_of(np.asarray(picture().convert("L"))).blank == ""


def test_a_night_scene_with_lights_is_not_blank() -> None:
    night = RNG.integers(0, 12, (100, 100)).astype(np.uint8)
    night[40:52, 40:52] = 200
    assert look_of(night).blank == ""


def test_content_ends_where_even_borders_begin() -> None:
    letter_box = np.zeros((100, 200), np.uint8)
    letter_box[20:70, 50:190] = RNG.integers(60, 200, (50, 140))
    look = look_of(letter_box)
    assert look.content == (0.25, 0.2, 0.95, 0.7)
    assert look.has_borders
    assert not look_of(letter_box[20:70, 50:190]).has_borders
    assert not look_of(np.zeros((50, 50), np.uint8)).has_borders


def test_a_gradient_is_no_border() -> None:
    assert not look_of(np.tile(np.arange(0, 250, dtype=np.uint8), (50, 1))).has_borders


def test_sixteen_bits_are_told() -> None:
    assert image_quality(files_by_kind()["png 16 bit grey"], "a.png").look.deep
    assert image_quality(files_by_kind()["png 16 bit colours"], "a.png").look.deep
    assert not image_quality(encode(picture(), "PNG"), "a.png").look.deep
