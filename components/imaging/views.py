"""Views of a picture: its turns and mirrors, and its crops; of thumbnails, boxes and hashes. Pure.

Everything is in units of the picture's sides, 0..1, since a thumbnail is a picture squeezed into a square.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ratchet.schemas.base.formatting import percent
from ratchet.schemas.data.looks import SIDE

TURNS = 8  # 0..3 quarters counter-clockwise; + 4: mirrored before
_MIRROR = 4
HASH_SIDE = 16  # 256 bits: 64 do not tell two pictures of one scene from a copy
LOW_SIDE = 8  # the bits of the lowest frequencies bear a crop of a few percent
# What a suspicion is looked for in. A crop that lies between two of these is nearer than 5 % of a side to one of them.
_PARTS = ((0.0, 1.0), (0.05, 0.95), (0.1, 0.9), (0.0, 0.9), (0.1, 1.0))


@dataclass(frozen=True)
class Window:
    """A part of a picture: left, right, top and bottom border, 0..1."""

    left: float = 0.0
    right: float = 1.0
    top: float = 0.0
    bottom: float = 1.0

    @property
    def share(self) -> float:
        """Of the picture's area."""
        return (self.right - self.left) * (self.bottom - self.top)


WHOLE = Window()
WINDOWS = tuple(Window(*across, *down) for across in _PARTS for down in _PARTS)  # the first is WHOLE


@dataclass(frozen=True)
class View:
    """How a picture is shown: turned, and then cropped."""

    turn: int = 0
    window: Window = WHOLE

    @property
    def is_whole(self) -> bool:
        """Whether nothing was cut off."""
        return self.window == WHOLE

    def __str__(self) -> str:
        """In words; empty for the picture as it is."""
        quarters, parts = self.turn % _MIRROR, ["mirrored"] if self.turn >= _MIRROR else []
        if self.turn == _MIRROR + 2:
            parts, quarters = ["upside down"], 0
        parts += [f"turned by {90 * quarters} degrees"] if quarters else []
        parts += [] if self.is_whole else [f"cropped to {percent(self.window.share)}"]
        return ", ".join(parts)


def turned(thumbnails: np.ndarray, turn: int) -> np.ndarray:
    """Thumbnails [..., h, w] in one of the TURNS."""
    mirrored = thumbnails[..., ::-1] if turn >= _MIRROR else thumbnails
    return np.rot90(mirrored, turn % _MIRROR, axes=(-2, -1))


def turned_boxes(boxes_xywh: np.ndarray, turn: int) -> np.ndarray:
    """Boxes [n, 4], 0..1, in one of the TURNS."""
    x, y, width, height = boxes_xywh.T
    if turn >= _MIRROR:
        x = 1 - x - width
    for _ in range(turn % _MIRROR):
        x, y, width, height = y, 1 - x - width, height, width
    return np.stack([x, y, width, height], axis=1)


def cropped_boxes(boxes_xywh: np.ndarray, window: Window, least_share: float = 0.3) -> tuple[np.ndarray, np.ndarray]:
    """The boxes [m, 4] of a crop, cut at its borders, and the rows [m] of those that they are of.

    Args:
        boxes_xywh: [n, 4] of the whole picture.
        window: the crop.
        least_share: of a box's area; of which less is left, it is left out.
    """
    scale = np.array([window.right - window.left, window.bottom - window.top])
    low = (boxes_xywh[:, :2] - [window.left, window.top]) / scale
    high = low + boxes_xywh[:, 2:] / scale
    area = np.prod(high - low, axis=1)
    low, high = np.clip(low, 0, 1), np.clip(high, 0, 1)
    is_left = np.prod(high - low, axis=1) > least_share * area
    return np.concatenate([low, high - low], axis=1)[is_left], np.flatnonzero(is_left)


def cropped(thumbnail: np.ndarray, window: Window) -> np.ndarray:
    """A thumbnail [64, 64] of a crop, interpolated with Catmull-Rom's cubic."""
    return _taps(window.top, window.bottom) @ thumbnail @ _taps(window.left, window.right).T


def hash_bits(thumbnails: np.ndarray) -> np.ndarray:
    """The perceptual hash [..., 256] bool of thumbnails [..., 64, 64]: which DCT coefficients exceed their median.

    That of the library imagehash (`phash` with hash_size 16).
    """
    basis = _cosines()
    return _above_median(basis @ thumbnails.astype(np.float64) @ basis.T).reshape(*thumbnails.shape[:-2], -1)


def low_bits(hashes: np.ndarray) -> np.ndarray:
    """The bits [n, 64] of the lowest frequencies of packed hashes [n, 32]."""
    bits = np.unpackbits(hashes, axis=1).reshape(-1, HASH_SIDE, HASH_SIDE)
    return bits[:, :LOW_SIDE, :LOW_SIDE].reshape(-1, LOW_SIDE * LOW_SIDE).astype(bool)


def bits_of_views(thumbnails: np.ndarray, windows: Sequence[Window] = WINDOWS) -> np.ndarray:
    """The hash [n, 8, windows, 16, 16] bool of turns and windows of thumbnails [n, 64, 64]; low frequencies first."""
    down = np.stack([_cosines() @ _taps(window.top, window.bottom) for window in windows])  # [windows, 16, 64]
    across = np.stack([_cosines() @ _taps(window.left, window.right) for window in windows])
    found = []
    for turn in range(TURNS):
        shown = turned(thumbnails, turn).astype(np.float64)[:, None]
        found.append(_above_median(down @ shown @ across.transpose(0, 2, 1)))
    return np.stack(found, axis=1)


def _above_median(coefficients: np.ndarray) -> np.ndarray:
    flat = coefficients.reshape(*coefficients.shape[:-2], -1)
    middle = flat.shape[-1] // 2  # of an even number of coefficients; np.median takes several times as long
    parted = np.partition(flat, (middle - 1, middle), axis=-1)
    median = (parted[..., middle - 1 : middle] + parted[..., middle : middle + 1]) / 2
    return (flat > median).reshape(coefficients.shape)


@functools.lru_cache(None)
def _cosines() -> np.ndarray:
    """The first 16 rows [16, 64] of the discrete cosine transform of 64 values."""
    return 2 * np.cos(np.pi * np.arange(HASH_SIDE)[:, None] * (2 * np.arange(SIDE) + 1) / (2 * SIDE))


@functools.lru_cache(256)
def _taps(low: float, high: float) -> np.ndarray:
    """The matrix [64, 64] that takes the part low..high of a side to the whole of it."""
    if (low, high) == (0.0, 1.0):
        return np.eye(SIDE)
    place = (low + (high - low) * (np.arange(SIDE) + 0.5) / SIDE) * SIDE - 0.5
    first = np.floor(place).astype(int)
    f = place - first
    weights = (
        -0.5 * f + f * f - 0.5 * f**3,
        1 - 2.5 * f * f + 1.5 * f**3,
        0.5 * f + 2 * f * f - 1.5 * f**3,
        0.5 * f**3 - 0.5 * f * f,
    )
    columns = [np.clip(first + offset, 0, SIDE - 1) for offset in range(-1, 3)]
    places = (np.arange(SIDE) * SIDE + np.stack(columns)).ravel()
    return np.bincount(places, np.stack(weights).ravel(), SIDE * SIDE).reshape(SIDE, SIDE)
