"""What an image's pixels say of colour, noise and what is in the picture at all; on small arrays, nothing is decoded.

Constants were chosen on photographs of blood cells and of playing cards, four spans each.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

BLACK, WHITE, FLAT = "black", "white", "flat"
_WHITE_POINT = 0.99  # of each channel; what is brightest is taken for white, so that a colour cast is no other hue
_CHROMA_POWER = 3  # the most coloured things decide: with 1 and 2 the natural spans differ by more than half of .1
_MIN_CHROMA = 16.0  # of 255, at its 99th percentile: below it an image is grey, and its hue is that of its noise
_TILE_PX, _TILES = 16, 12  # 12 x 12 tiles of 16 px, evenly over the image
_SMOOTH = 0.05  # of the tiles; noise is in all of them, texture is not
_BLACK_LEVEL, _WHITE_LEVEL, _FLAT_LEVELS = 16, 245, 6
_BLANK_SHARE = 0.01  # of the pixels that may lie beyond these levels
_BORDER_LEVELS = 10  # grey levels that a border without content may vary by: JPEG rings a little
_MIN_BORDER = 0.02  # of the side
_STEP_LEVELS, _STEP_PX = 30, 3  # what a border ends with; a gradient has no such end


@dataclass(frozen=True)
class Look:
    """What is in a picture at all.

    Attributes:
        blank: `black`, `white` or `flat` for an image that shows nothing; empty for all others.
        deep: whether it has 16 bits a channel, of which TensorFlow keeps the upper 8.
        content: left, top, right, bottom of what is not an even border, 0..1 of the sides.
    """

    blank: str = ""
    deep: bool = False
    content: tuple[float, float, float, float] = (0.0, 0.0, 1.0, 1.0)

    @property
    def has_borders(self) -> bool:
        """Whether there is a border without content, as of a letter box."""
        return self.content != (0.0, 0.0, 1.0, 1.0)


def hue(colours: np.ndarray) -> float:
    """The hue of the most coloured things of an image.

    Args:
        colours: [h, w, 3] uint8, red, green and blue.

    Returns:
        0..1 of the circle, 0 is red, 1/3 green; NaN for a grey image. The same under light of another colour.

    >>> round(hue(np.array([[[255, 255, 255], [0, 200, 0]]], np.uint8)), 2)
    0.33
    """
    pixels = colours.reshape(-1, 3).astype(np.float32)
    white = np.quantile(pixels, _WHITE_POINT, axis=0) + 1
    red, green, blue = (pixels * (white.mean() / white)).T
    # The plane of equal brightness, red along its first axis; Preucil's hue circle without the corners.
    across = (red - (green + blue) / 2) + 1j * (np.sqrt(3) / 2 * (green - blue))
    chroma = np.abs(across)
    if np.quantile(chroma, 1 - _BLANK_SHARE) < _MIN_CHROMA:
        return float("nan")
    return float(np.angle((across * chroma ** (_CHROMA_POWER - 1)).sum()) / (2 * np.pi) % 1.0)


def noise(grey: np.ndarray) -> float:
    """The noise of single pixels, where an image is smoothest.

    J. Immerkaer, Fast noise variance estimation, Computer Vision and Image Understanding 64 (1996), in tiles: the whole
    image would take texture for noise, the smoothest tiles show noise alone.

    Args:
        grey: [h, w] uint8.

    Returns:
        Standard deviation in grey levels; 0 for an image of less than 3 px.
    """
    height, width = grey.shape
    if min(height, width) < 3:
        return 0.0
    tile = (min(_TILE_PX, height), min(_TILE_PX, width))
    rows, columns = (_starts(side, part) for side, part in zip(grey.shape, tile))
    windows = np.lib.stride_tricks.sliding_window_view(grey, tile)[rows[:, None], columns].astype(np.int16)
    bent = windows[..., :-2] - 2 * windows[..., 1:-1] + windows[..., 2:]
    bent = bent[..., :-2, :] - 2 * bent[..., 1:-1, :] + bent[..., 2:, :]
    spread = np.abs(bent).mean(axis=(-2, -1)) * (np.sqrt(np.pi / 2) / 6)
    return float(np.quantile(spread, _SMOOTH))


def _starts(side: int, tile: int) -> np.ndarray:
    return np.unique(np.linspace(0, side - tile, _TILES).round().astype(np.int64))


def look_of(grey: np.ndarray, deep: bool) -> Look:
    """Says whether there is anything in an image, and where.

    Args:
        grey: [h, w] uint8.
        deep: whether the file has 16 bits a channel.
    """
    return Look(_blank(grey), deep, _content(grey))


def _blank(grey: np.ndarray) -> str:
    ranks = np.cumsum(np.bincount(grey.ravel(), minlength=256)) / grey.size
    low, high = np.searchsorted(ranks, (_BLANK_SHARE, 1 - _BLANK_SHARE))
    if high <= _BLACK_LEVEL:
        return BLACK
    if low >= _WHITE_LEVEL:
        return WHITE
    return FLAT if high - low <= _FLAT_LEVELS else ""


def _content(grey: np.ndarray) -> tuple[float, float, float, float]:
    """Borders that are even and of the level of the outermost row or column; the whole of a flat image is content."""
    (top, bottom), (left, right) = (_borders(grey.min(axis), grey.max(axis)) for axis in (1, 0))
    height, width = grey.shape
    return (left / width, top / height, 1 - right / width, 1 - bottom / height)


def _borders(low: np.ndarray, high: np.ndarray) -> tuple[int, int]:
    """Lines without content at the start and at the end, of the least [n] and largest [n] level of each line."""
    lines = []
    for lowest, highest in ((low, high), (low[::-1], high[::-1])):
        spread = np.maximum.accumulate(highest).astype(np.int16) - np.minimum.accumulate(lowest)
        filled = np.flatnonzero(spread > _BORDER_LEVELS)
        count = int(filled[0]) if len(filled) else 0
        ends = count >= _MIN_BORDER * len(low) and spread[: count + _STEP_PX][-1] >= _STEP_LEVELS
        lines.append(count if ends else 0)
    return lines[0], lines[1]
