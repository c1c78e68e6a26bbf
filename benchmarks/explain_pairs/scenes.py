"""Small drawn pictures: a few coloured shapes of four classes on textured backgrounds."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

CLASSES = ("disc", "square", "triangle", "ring")
WIDTH, HEIGHT = 128, 96
_SIDES = (13, 34)  # px, of an object
_APART = 3  # px between objects
_TRIES = 30
_GRAIN = 6.0  # standard deviation of pixel noise
_QUALITY = 90
_COLOURS = ((214, 70, 60), (64, 110, 214), (235, 190, 60), (90, 180, 90), (170, 90, 190), (240, 240, 235))


@dataclass(frozen=True)
class Look:
    """How a camera sees its world.

    Attributes:
        light: factor on all pixel values.
        blur: radius in px.
        cast: factors on red, green and blue.
        weights: how frequent each class is.
        objects: fewest and most in an image.
        ground: mean colour of backgrounds.
    """

    light: float = 1.0
    blur: float = 0.0
    cast: tuple[float, float, float] = (1.0, 1.0, 1.0)
    weights: tuple[float, ...] = (1.0, 1.0, 1.0, 1.0)
    objects: tuple[int, int] = (2, 5)
    ground: tuple[float, float, float] = (120.0, 118.0, 112.0)


@dataclass(frozen=True, eq=False)
class Scene:
    """A picture with its labels.

    Attributes:
        name: file name.
        jpeg: the encoded picture.
        boxes_xywh_px: [n, 4] float64.
        labels: [n] int64, from 1 on.
    """

    name: str
    jpeg: bytes
    boxes_xywh_px: np.ndarray
    labels: np.ndarray


@lru_cache(64)
def drawn(name: str, count: int, seed: int, look: Look = Look()) -> tuple[Scene, ...]:
    """Draws pictures `NAME-0001.jpg`, ...

    Args:
        name: beginning of the file names.
        count: how many.
        seed: of all of them.
        look: of the camera.
    """
    rng = np.random.default_rng([seed, count])
    return tuple(_scene(f"{name}-{number:04d}.jpg", rng, look) for number in range(1, count + 1))


def relabelled(scenes: Sequence[Scene], keep: Sequence[int] | None = None, wider: float = 1.0) -> tuple[Scene, ...]:
    """The same pictures with other labels.

    Args:
        scenes: the pictures.
        keep: classes whose objects are labelled; None: all.
        wider: factor on width and height of each box, about its centre.
    """
    return tuple(_relabelled(scene, keep, wider) for scene in scenes)


def _relabelled(scene: Scene, keep: Sequence[int] | None, wider: float) -> Scene:
    rows = np.ones(len(scene.labels), np.bool_) if keep is None else np.isin(scene.labels, keep)
    return replace(scene, boxes_xywh_px=scaled(scene.boxes_xywh_px[rows], wider), labels=scene.labels[rows])


def scaled(boxes_xywh_px: np.ndarray, factor: float) -> np.ndarray:
    """Boxes of another size about their centres, cut off at the edges of the picture."""
    if factor == 1.0:
        return boxes_xywh_px
    centre, half = boxes_xywh_px[:, :2] + boxes_xywh_px[:, 2:] / 2, boxes_xywh_px[:, 2:] * factor / 2
    first = np.clip(centre - half, 0, [WIDTH, HEIGHT])
    return np.hstack([first, np.clip(centre + half, 0, [WIDTH, HEIGHT]) - first])


def _scene(name: str, rng: np.random.Generator, look: Look) -> Scene:
    picture = Image.fromarray(_background(rng, look))
    pen = ImageDraw.Draw(picture)
    weights = np.array(look.weights) / sum(look.weights)
    boxes: list[tuple[int, int, int, int]] = []
    labels: list[int] = []
    for _ in range(int(rng.integers(look.objects[0], look.objects[1] + 1))):
        box = _free_place(rng, boxes)
        if box is not None:
            boxes.append(box)
            labels.append(int(rng.choice(len(CLASSES), p=weights)) + 1)
            _draw(pen, box, labels[-1], _COLOURS[int(rng.integers(len(_COLOURS)))])
    if look.blur:
        picture = picture.filter(ImageFilter.GaussianBlur(look.blur))
    pixels = np.asarray(picture, np.float64) * look.light * np.array(look.cast) + rng.normal(
        0, _GRAIN, (HEIGHT, WIDTH, 1)
    )
    return Scene(name, _encoded(pixels), np.array(boxes, np.float64).reshape(-1, 4), np.array(labels, np.int64))


def _encoded(pixels: np.ndarray) -> bytes:
    written = io.BytesIO()
    Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8)).save(written, "JPEG", quality=_QUALITY)
    return written.getvalue()


def _background(rng: np.random.Generator, look: Look) -> np.ndarray:
    coarse = rng.normal(0, 28, (6, 8, 1)) + rng.normal(0, 10, (6, 8, 3)) + np.array(look.ground) + rng.normal(0, 12)
    small = Image.fromarray(np.clip(coarse, 0, 255).astype(np.uint8))
    return np.asarray(small.resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC))


def _free_place(
    rng: np.random.Generator, taken: Sequence[tuple[int, int, int, int]]
) -> tuple[int, int, int, int] | None:
    for _ in range(_TRIES):
        width = int(rng.integers(*_SIDES))
        height = int(np.clip(width * rng.uniform(0.75, 1.33), *_SIDES))
        left, top = int(rng.integers(0, WIDTH - width)), int(rng.integers(0, HEIGHT - height))
        if all(
            left > x + w + _APART or x > left + width + _APART or top > y + h + _APART or y > top + height + _APART
            for x, y, w, h in taken
        ):
            return left, top, width, height
    return None


def _draw(pen: ImageDraw.ImageDraw, box: tuple[int, int, int, int], label: int, colour: tuple[int, int, int]) -> None:
    left, top, width, height = box
    right, bottom = left + width - 1, top + height - 1
    edge = tuple(channel // 3 for channel in colour)
    match CLASSES[label - 1]:
        case "disc":
            pen.ellipse((left, top, right, bottom), fill=colour, outline=edge)
        case "square":
            pen.rectangle((left, top, right, bottom), fill=colour, outline=edge)
        case "triangle":
            pen.polygon(((left, bottom), (right, bottom), ((left + right) // 2, top)), fill=colour, outline=edge)
        case _:
            pen.ellipse((left, top, right, bottom), outline=colour, width=max(3, width // 6))
