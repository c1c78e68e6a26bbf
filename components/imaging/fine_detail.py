"""Whether the fine detail of two thumbnails agrees: what tells a crop from another photograph of its scene. Pure.

Two photographs of one card on one carpet are alike in the large, and a crop of one can be laid upon the other; grain,
print and shadows are not there twice.
"""

from __future__ import annotations

import enum
import functools

import numpy as np

from ratchet.schemas.data.looks import SIDE

_FINE, _COARSE = 1.0, 4.0  # px, the Gaussians between which detail lies
_BLOCK = 8  # px
_FAINT = 1.5  # grey levels: a block with less detail says nothing
_LEAST_BLOCKS = 8
# Set on crops of blood cells, in any turn, at half the size, darker, at quality 40 (medians from .96, worst from .82),
# and on other photographs that were aligned like crops (two pairs of playing cards: median up to .70, worst to -.18).
_WORST = 0.1  # share of the blocks: print on glossy paper, noise
_SURE, _SURE_OF_WORST = 0.85, 0.5
_POSSIBLE, _POSSIBLE_OF_WORST = 0.75, 0.1


class Detail(enum.Enum):
    """What fine detail says of two pictures."""

    SAME = "one photograph"
    UNCLEAR = "one photograph, or two of one scene"
    OTHER = "two photographs"


def detail_of(shown: np.ndarray, other: np.ndarray) -> Detail:
    """Compares thumbnails that lie upon each other, block by block, whatever the light.

    Args:
        shown: [64, 64] grey levels.
        other: [64, 64].
    """
    agreement = _agreement(shown, other)
    if len(agreement) < _LEAST_BLOCKS:
        return Detail.UNCLEAR
    middle, worst = float(np.median(agreement)), float(np.quantile(agreement, _WORST))
    if middle >= _SURE and worst >= _SURE_OF_WORST:
        return Detail.SAME
    return Detail.UNCLEAR if middle >= _POSSIBLE and worst >= _POSSIBLE_OF_WORST else Detail.OTHER


def _agreement(shown: np.ndarray, other: np.ndarray) -> np.ndarray:
    """The correlation [blocks] of the detail of each block that has any, -1..1."""
    ours, theirs = _blocks(_detail(shown)), _blocks(_detail(other))
    power, other_power = (ours**2).mean(axis=1), (theirs**2).mean(axis=1)
    speaks = np.maximum(power, other_power) > _FAINT**2
    prior = _FAINT**2 / 4
    return ((ours * theirs).mean(axis=1) / np.sqrt((power + prior) * (other_power + prior)))[speaks]


def _blocks(values: np.ndarray) -> np.ndarray:
    """[64, 64] -> [blocks, pixels], each of mean 0."""
    count = SIDE // _BLOCK
    blocks = values.reshape(count, _BLOCK, count, _BLOCK).swapaxes(1, 2).reshape(count * count, -1)
    return blocks - blocks.mean(axis=1, keepdims=True)


def _detail(values: np.ndarray) -> np.ndarray:
    fine, coarse = _gaussian(_FINE), _gaussian(_COARSE)
    return fine @ values @ fine.T - coarse @ values @ coarse.T


@functools.lru_cache(None)
def _gaussian(sigma: float) -> np.ndarray:
    matrix = np.exp(-0.5 * ((np.arange(SIDE)[:, None] - np.arange(SIDE)) / sigma) ** 2)
    return matrix / matrix.sum(axis=1, keepdims=True)
