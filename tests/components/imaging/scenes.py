"""Photographs, their copies, and frames of a fixed camera, drawn from a seed."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image, ImageFilter

from ratchet.components.imaging.copies import Copy, Originals, find_copies
from ratchet.components.imaging.quality import image_quality
from ratchet.schemas.data.fingerprints import Fingerprints, line_of
from ratchet.schemas.data.looks import Looks

SIZE = (320, 240)
Shown = tuple[Image.Image, np.ndarray]  # a picture, and its boxes [n, 4] in units of its sides


def scene(seed: int) -> Image.Image:
    """A background of blots and lines, large and small, as photographs have them."""
    rng = np.random.default_rng(seed)
    pixels = np.zeros((SIZE[1], SIZE[0], 3))
    for cells, strength in ((4, 60), (10, 40), (40, 20)):
        coarse = rng.normal(0, strength, (cells, cells, 3)).astype(np.float32)
        layers = [Image.fromarray(coarse[:, :, band]).resize(SIZE, Image.Resampling.BICUBIC) for band in range(3)]
        pixels += np.stack([np.asarray(layer) for layer in layers], axis=-1)
    return Image.fromarray(np.clip(pixels + 120, 0, 255).astype(np.uint8))


def with_objects(background: Image.Image, places: np.ndarray, seed: int) -> Shown:
    """Objects at places [n, 4] (x, y, width, height, 0..1), each with a look of its own."""
    image = background.copy()
    rng = np.random.default_rng(seed)
    boxes = []
    for x, y, width, height in places * [*SIZE, *SIZE]:
        size = max(2, round(width)), max(2, round(height))
        colours = rng.integers(0, 256, (2, 2, 3), np.uint8)
        image.paste(Image.fromarray(colours).resize(size, Image.Resampling.NEAREST), (round(x), round(y)))
        boxes.append([round(x) / SIZE[0], round(y) / SIZE[1], size[0] / SIZE[0], size[1] / SIZE[1]])
    return image, np.array(boxes).reshape(-1, 4)


def photograph(seed: int, objects: int = 3) -> Shown:
    """A scene of its own with some objects."""
    rng = np.random.default_rng(1000 + seed)
    places = np.concatenate([rng.uniform(0, 0.8, (objects, 2)), rng.uniform(0.06, 0.18, (objects, 2))], axis=1)
    return with_objects(scene(seed), places, seed)


def frames(seed: int, count: int, objects: int, width: float, move: float | None = None) -> list[Shown]:
    """Frames of a fixed camera: objects that move, sensor noise, light that flickers.

    Args:
        seed: of the scene and all that is random.
        count: how many.
        objects: in each.
        width: of an object, as a share of the picture's.
        move: how far each moves from frame to frame, as a share of the width; None: anywhere.
    """
    rng = np.random.default_rng([seed, objects, count])
    background = scene(seed).filter(ImageFilter.GaussianBlur(1))
    places = np.concatenate([rng.uniform(0.1, 0.7, (objects, 2)), np.full((objects, 2), width)], axis=1)
    made = []
    for number in range(count):
        places = places.copy()
        if move is None:
            places[:, :2] = rng.uniform(0, 1 - width - 0.01, (objects, 2))
        else:
            places[:, 0] = places[:, 0] + (move if number else 0)
        image, boxes = with_objects(background, places, seed)
        pixels = np.asarray(image, np.float64) * rng.uniform(0.93, 1.07)
        noisy = Image.fromarray(np.clip(pixels + rng.normal(0, 4, pixels.shape), 0, 255).astype(np.uint8))
        made.append((encoded_again(noisy, 92), boxes))
    return made


def encoded_again(image: Image.Image, quality: int) -> Image.Image:
    """As it comes out of a JPEG."""
    return Image.open(io.BytesIO(jpeg(image, quality)))


def jpeg(image: Image.Image, quality: int = 90) -> bytes:
    """A file of an image."""
    buffer = io.BytesIO()
    image.convert("RGB").save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()


def looks_of(shown: list[Shown], span: int = 1, first_id: int = 1) -> Looks:
    """As ExampleGen stores them, without digests."""
    qualities = [image_quality(jpeg(image, 95), "test") for image, _ in shown]
    lines = [line_of(first_id + row, quality.hash_bits) for row, quality in enumerate(qualities)]
    return Looks(
        prints=Fingerprints.parse(lines, span),
        thumbnails=np.array([quality.thumbnail for quality in qualities], np.uint8).reshape(-1, 64, 64),
        box_counts=np.array([len(boxes) for _, boxes in shown], np.int64),
        boxes_xywh=np.concatenate([np.empty((0, 4)), *(boxes for _, boxes in shown)]).astype(np.float32),
    )


def copies_in(images: Looks, originals: Looks) -> list[Copy]:
    """What `find_copies` finds of originals that are looked for once."""
    return find_copies(images, Originals(originals))
