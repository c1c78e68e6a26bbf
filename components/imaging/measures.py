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
    pixels = colours.reshape(-1, 3).T.astype(np.float32)
    rank = round(_WHITE_POINT * (pixels.shape[1] - 1))
    white = np.partition(pixels, rank, axis=1)[:, rank] + 1
    red, green, blue = pixels * (white.mean() / white)[:, None]
    # The plane of equal brightness, red along its first axis.
    along, across = red - (green + blue) / 2, np.float32(np.sqrt(3) / 2) * (green - blue)
    chroma2 = along**2 + across**2
    if np.partition(chroma2, rank)[rank] < _MIN_CHROMA**2:
        return float("nan")
    weights = chroma2 ** ((_CHROMA_POWER - 1) / 2)
    return float(np.arctan2(across @ weights, along @ weights) / (2 * np.pi) % 1.0)


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
    sums = np.sort(np.abs(bent, out=bent).reshape(-1, bent[0, 0].size).sum(axis=1, dtype=np.int32))
    # In whole numbers: a mean over both axes takes three times as long.
    return float(sums[int(_SMOOTH * len(sums))] / bent[0, 0].size * np.sqrt(np.pi / 2) / 6)


def _starts(side: int, tile: int) -> np.ndarray:
    return np.unique(np.linspace(0, side - tile, _TILES).round().astype(np.int64))


def look_of(grey: np.ndarray, counts: np.ndarray, deep: bool) -> Look:
    """Says whether there is anything in an image, and where.

    Args:
        grey: [h, w] uint8.
        counts: [256] pixels of each level.
        deep: whether the file has 16 bits a channel.
    """
    return Look(_blank(counts), deep, _content(grey))


def _blank(counts: np.ndarray) -> str:
    ranks = np.cumsum(counts) / max(1, counts.sum())
    low, high = np.searchsorted(ranks, (_BLANK_SHARE, 1 - _BLANK_SHARE))
    if high <= _BLACK_LEVEL:
        return BLACK
    if low >= _WHITE_LEVEL:
        return WHITE
    return FLAT if high - low <= _FLAT_LEVELS else ""


def _content(grey: np.ndarray) -> tuple[float, float, float, float]:
    """Borders that are even and of the level of the outermost row or column; the whole of a flat image is content."""
    height, width = grey.shape
    top, bottom = _borders(grey)
    left, right = _borders(grey.T)
    return (left / width, top / height, 1 - right / width, 1 - bottom / height)


def _borders(grey: np.ndarray) -> tuple[int, int]:
    """Rows without content at the start and at the end."""
    return _border(grey), _border(grey[::-1])


def _border(grey: np.ndarray) -> int:
    if int(grey[0].max()) - int(grey[0].min()) > _BORDER_LEVELS:  # as of nearly all images
        return 0
    lowest, highest = (end.accumulate(end.reduce(grey, axis=1)) for end in (np.minimum, np.maximum))
    spread = highest.astype(np.int16) - lowest
    filled = np.flatnonzero(spread > _BORDER_LEVELS)
    count = int(filled[0]) if len(filled) else 0
    ends = count >= _MIN_BORDER * len(grey) and spread[: count + _STEP_PX][-1] >= _STEP_LEVELS
    return count if ends else 0
