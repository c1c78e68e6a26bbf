"""Draws scenes: real handwritten digits on smooth noise, between bars and blobs that are no digits.

The digits are scikit-learn's `load_digits`: 1797 samples of 8x8 pixels, from the UCI data set "Optical
Recognition of Handwritten Digits" (https://doi.org/10.24432/C50P49).
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable
from functools import cache
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageDraw

from ratchet.pipeline.demo.label_faults import Labelled

SIDE_PX = 128
_DIGIT_HEIGHT_PX = (20.0, 45.0)
_ASPECT = (0.64, 0.70)  # width / height
_MAX_DIGITS = 5
_MAX_OVERLAP = 0.1  # of a digit's box, by another one or by clutter
_PLACING_ATTEMPTS = 30
_GOLDEN_EVERY = 5  # every fifth sample of a class is kept for the golden set
_CLUTTER_PIECES = 5.0
# Of a piece: kind, x, y, angle, length, breadth, light, red, green, blue; lowest and highest.
_CLUTTER_RANGES = ((0, 0, 0, 0, 14, 2, 80, 0.7, 0.7, 0.7), (1, SIDE_PX, SIDE_PX, math.pi, 50, 6, 220, 1, 1, 1))
_TEXTURE_CELLS = 40
_OVERSAMPLING = 2  # for smooth edges of the clutter


class Look(NamedTuple):
    """Factors on the pixel values, on the size of everything and on the amount of clutter; 1 = normal."""

    lighting: float = 1.0
    scale: float = 1.0
    clutter: float = 1.0


Samples = tuple[list[Image.Image], list[int]]  # grey images, and the digit of each


class Scene(NamedTuple):
    """A picture, RGB 128x128, and the digits in it."""

    image: Image.Image
    objects: list[Labelled]


def draw_scene(
    stream: Callable[[str], np.random.Generator], look: Look, golden: bool, half: int | None = None
) -> Scene:
    """Draws one scene of 1-5 digits.

    Args:
        stream: gives an independent random stream for each use, so that more clutter does not move the digits.
        look: the knobs.
        golden: which of two disjoint sets of samples the digits come from.
        half: which half of that set; None: all of it.

    Returns:
        The scene; a box is as tight as the drawn digit's cell, whole pixels, inside the image.
    """
    glyphs, objects = _place_digits(stream("digits"), look, digit_samples(golden, half))
    rng = stream("background")
    canvas = _make_background(rng, look.scale)
    _draw_clutter(canvas, stream("clutter"), [labelled.box_xywh_px for labelled in objects], look)
    pixels = np.array(canvas, np.float32)  # [128, 128, 3], 0..255
    for glyph, labelled in zip(glyphs, objects, strict=True):
        x, y, width, height = (int(value) for value in labelled.box_xywh_px)
        ink = (rng.uniform(150, 245) * rng.uniform(0.8, 1.0, 3)).astype(np.float32)
        cell = pixels[y : y + height, x : x + width]
        cell += glyph[..., None] * (ink - cell)
    pixels += 2.5 * rng.standard_normal((SIDE_PX, SIDE_PX, 1), np.float32)
    pixels *= look.lighting
    return Scene(Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8)), objects)


def _place_digits(rng: np.random.Generator, look: Look, samples: Samples) -> tuple[list[np.ndarray], list[Labelled]]:
    """Opacities of 1-5 digits, each [height, width] of its box, and the digits with their boxes."""
    images, digits = samples
    glyphs: list[np.ndarray] = []
    objects: list[Labelled] = []
    wanted = rng.integers(1, _MAX_DIGITS + 1)
    for _ in range(_PLACING_ATTEMPTS):
        sample = rng.integers(len(images))
        height = look.scale * rng.uniform(*_DIGIT_HEIGHT_PX)
        width, height = round(height * rng.uniform(*_ASPECT)), round(height)
        x, y = rng.integers(SIDE_PX - width + 1), rng.integers(SIDE_PX - height + 1)
        box = (float(x), float(y), float(width), float(height))
        others = [other.box_xywh_px for other in objects]
        if all(max(_overlap(box, other), _overlap(other, box)) <= _MAX_OVERLAP for other in others):
            glyphs.append(_enlarge(images[sample], width, height))
            objects.append(Labelled(digits[sample], box))
        if len(objects) == wanted:
            break
    return glyphs, objects


def _overlap(first: tuple[float, ...], second: tuple[float, ...]) -> float:
    """The intersection of two xywh boxes as a share of the second, 0..1."""
    width = min(first[0] + first[2], second[0] + second[2]) - max(first[0], second[0])
    height = min(first[1] + first[3], second[1] + second[3]) - max(first[1], second[1])
    return max(0.0, width) * max(0.0, height) / (second[2] * second[3])


def _enlarge(sample: Image.Image, width: int, height: int) -> np.ndarray:
    """Smooth strokes, [height, width], 0..1."""
    large = np.asarray(sample.resize((width, height), Image.Resampling.BICUBIC))
    return np.clip((large - 0.2) / 0.55, 0, 1)


def _make_background(rng: np.random.Generator, scale: float) -> Image.Image:
    """Smooth, dark, coloured noise, RGB [128, 128]."""
    size = round(_TEXTURE_CELLS / scale)
    texture = np.full((size, size, 3), rng.uniform(30, 65), np.float32)
    texture += rng.normal(0, 6, (size, size, 1))
    for cells, strength in ((3, 16), (10, 8)):
        grid = 128 + strength * rng.standard_normal((round(cells / scale), round(cells / scale), 3))
        smooth = Image.fromarray(np.clip(grid, 0, 255).astype(np.uint8)).resize((size, size), Image.Resampling.BICUBIC)
        texture += np.asarray(smooth, np.float32) - 128
    return Image.fromarray(np.clip(texture, 4, 250).astype(np.uint8)).resize(
        (SIDE_PX, SIDE_PX), Image.Resampling.BICUBIC
    )


def _draw_clutter(canvas: Image.Image, rng: np.random.Generator, boxes: list[tuple[float, ...]], look: Look) -> None:
    """Draws unlabelled bars and blobs onto the canvas, away from the digits' boxes."""
    for _ in range(round(look.clutter * rng.uniform(0.5, 1.5) * _CLUTTER_PIECES)):
        kind, x, y, angle, length, breadth, light, *tint = rng.uniform(*_CLUTTER_RANGES).tolist()
        length, breadth = look.scale * length, look.scale * breadth
        is_bar = kind < 0.6
        dx, dy = (math.cos(angle), math.sin(angle)) if is_bar else (0.5, breadth / length + 0.3)
        dx, dy = dx * length / 2, dy * length / 2
        margin = [math.ceil(abs(side) + breadth / 2) for side in (dx, dy)]
        corner = (int(x) - margin[0], int(y) - margin[1])
        if any(_overlap((*corner, 2 * margin[0], 2 * margin[1]), box) > _MAX_OVERLAP for box in boxes):
            continue  # a digit that nobody can read would be a wrong label
        stencil = Image.new("L", (2 * _OVERSAMPLING * margin[0], 2 * _OVERSAMPLING * margin[1]))
        ends = [_OVERSAMPLING * end for end in (margin[0] - dx, margin[1] - dy, margin[0] + dx, margin[1] + dy)]
        if is_bar:
            ImageDraw.Draw(stencil).line(ends, 255, round(_OVERSAMPLING * breadth))
        else:
            ImageDraw.Draw(stencil).ellipse(ends, 255)
        red, green, blue = (int(light * part) for part in tint)
        canvas.paste((red, green, blue), corner, stencil.reduce(_OVERSAMPLING))


@cache
def digit_samples(golden: bool, half: int | None = None) -> Samples:
    """The handwritten samples.

    Args:
        golden: which of two disjoint sets, split once by index: a fifth of each class, or the rest.
        half: which half of that set, 0 or 1, where two sets of scenes must share no sample; None: all of it.

    Returns:
        Grey images (mode F, values 0..1) 6-8 pixels wide and 8 high, and the digit of each.
    """
    from sklearn.datasets import load_digits  # a second to import: only for who generates

    pixels, targets = (np.asarray(part) for part in load_digits(return_X_y=True))
    seen: Counter[int] = Counter()
    images, digits = [], []
    for sample, digit in zip(pixels.reshape(-1, 8, 8), targets.tolist(), strict=True):
        if (seen[digit] % _GOLDEN_EVERY == 0) == golden:
            images.append(Image.fromarray(_without_margin(sample / 16).astype(np.float32)))
            digits.append(digit)
        seen[digit] += 1
    part = slice(None) if half is None else slice(half, None, 2)
    return images[part], digits[part]


def _without_margin(sample: np.ndarray) -> np.ndarray:
    """Drops empty columns at the sides but keeps 6, which most digits fill: a 1 must stay thin."""
    inked = np.flatnonzero(sample.max(axis=0) > 0.2)
    inner = sample[:, inked[0] : inked[-1] + 1]
    missing = max(0, 6 - inner.shape[1])
    return np.pad(inner, ((0, 0), (missing // 2, missing - missing // 2)))
