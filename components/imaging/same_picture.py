"""Whether two thumbnails show one photograph, or two frames of one scene. Pure.

Re-encoding, another size and another light change a picture everywhere and alike; what moved in front of a fixed camera
changes it in places. So one is lit like the other first (a smooth curve of grey levels and a slope of light across the
picture, fitted without regard to what moved), and what is left is looked at in small windows: how much of what a window
shows is another thing in the other picture, against the noise of the whole.

Labels say what to expect. Where the boxes of both lie alike, the picture is the same unless it clearly is not; where
they lie elsewhere, only pixels that leave no doubt make it a copy.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np

from ratchet.components.imaging.views import Window, cropped, cropped_boxes
from ratchet.schemas.data.looks import SIDE

# Set on pictures of blood cells, playing cards and drawn circuit boards (re-encoded at quality 30, resized, .5 to 1.4
# times the light, other gammas, casts, slopes of light, noise of sigma 10, cropped by up to 10 % at each side) and on
# drawn frames of fixed cameras before such pictures (objects of 3-20 % of the width, moved by .5 % or more, noise of
# sigma 1-10).
_DIFFERENT = 0.6  # a window that shows something else
_MOST_DIFFERENT = 0.1  # share of such windows, where the labels are the same
_MOST_DIFFERENT_IN_BOXES = 0.3
_OTHERWISE_LABELLED = 0.15  # of any window
_OTHERWISE_LABELLED_IN_BOXES = 0.05  # what moved may look like what was behind it
_LEVELS = 2.5  # grey levels, 0..255, that rounding, encoding and light move a thumbnail by
_CAREFUL_LEVELS = 1.5  # where the labels speak against a copy
_CROPPED_MOST = 0.02  # share of the windows of a crop that may show something else: fine texture suffers
_CROPPED_MOST_ALIKE = 0.06  # where the labels are the same
_CROPPED_LIKENESS = 0.88
# Correlation, blurred. Of crops beside their nearest window .65-1, of other photographs up to .56 (blood cells) and .87
# (cards, of one table).
_ROUGHLY = 0.6
# The same in boxes, lit alike. Of copies .76-1 (blood cells, cards), of other noise under .1.
_ALIKE_IN_BOXES = 0.6
_CROPPED_ELSEWHERE = 0.3  # of what a window beside the boxes shows
_BACKGROUND = 0.03  # share of the windows beside boxes that have to tell a crop from the whole
_LEAST_SCALE, _SCALE_ERROR = 0.03, 0.05  # or the sizes of the boxes do: ln of a side
_MET = 0.02  # of a side: boxes with centres so near are of one object
_LEAST_SHARE, _OUTSIDE = 0.45, 0.02  # of what may be a crop
_WHOLE = 0.012  # of a side, under a pixel of a thumbnail: nothing was cut off
_WINDOW, _CROPPED_WINDOW = 5, 7  # px of a thumbnail
_GAIN = (0.6, 1.6)  # of a window beside that of the whole picture: colours that another light reaches otherwise
_CLIPPED, _CLIP_SHARE = 235.0, 0.25  # brighter than the first is partly cut off at 255
_SAME_EDGE, _ROUGH_IOU = 0.0025, 0.5  # rounded to whole pixels, a label is the same


def is_same_picture(shown: np.ndarray, other: np.ndarray, shown_boxes: np.ndarray, other_boxes: np.ndarray) -> bool:
    """Whether two thumbnails that lie upon each other are of one photograph.

    Args:
        shown: [64, 64] float, in the view in which it is most like the other.
        other: [64, 64].
        shown_boxes: [n, 4] in units of the sides, in that view.
        other_boxes: [m, 4].
    """
    if not len(shown_boxes) and not len(other_boxes):
        return False  # frames of an empty scene cannot be told apart, and nothing that is scored has leaked
    alike = agreement(shown_boxes, other_boxes)
    inside = _covers(shown_boxes) | _covers(other_boxes)
    if alike.is_same:
        is_other = difference(shown, other, _WINDOW, _LEVELS) > _DIFFERENT
        return is_other.mean() <= _MOST_DIFFERENT and is_other[inside].mean() <= _MOST_DIFFERENT_IN_BOXES
    differs = difference(shown, other, _WINDOW, _CAREFUL_LEVELS)
    in_boxes = float(differs[inside].max(initial=0.0))
    return in_boxes <= _OTHERWISE_LABELLED_IN_BOXES and float(differs.max()) <= _OTHERWISE_LABELLED


def is_crop(
    whole: np.ndarray, window: Window, other: np.ndarray, whole_boxes: np.ndarray, other_boxes: np.ndarray
) -> bool:
    """Whether a thumbnail is of a part of the photograph that another one shows whole.

    In front of an empty scene an object that moved can be had by a crop, too. So the scene has to say that it was
    cropped, or the objects have to be larger by just as much.

    Args:
        whole: [64, 64] float, turned as the other is.
        window: what the other shows of it, of `aligned`.
        other: [64, 64].
        whole_boxes: [n, 4] in units of the sides, turned.
        other_boxes: [m, 4].
    """
    if not _is_plausible(window):
        return False
    shown, (boxes, _) = cropped(whole, window), cropped_boxes(whole_boxes, window)
    differs = _blurred_difference(shown, other)
    beside = ~(_covers(whole_boxes) | _covers(other_boxes))
    uncropped = ((_blurred_difference(whole, other) > _CROPPED_ELSEWHERE) & beside).mean()
    scene_says = uncropped > max(_BACKGROUND, 2 * ((differs > _CROPPED_ELSEWHERE) & beside).mean())
    if max(abs(window.left), abs(1 - window.right), abs(window.top), abs(1 - window.bottom)) <= _WHOLE:
        return is_same_picture(shown, other, boxes if scene_says else whole_boxes, other_boxes)
    if likeness(shown, other) < _CROPPED_LIKENESS:
        return False
    inside = _covers(boxes) | _covers(other_boxes)
    is_alike = bool(len(boxes) and len(other_boxes)) and agreement(boxes, other_boxes).is_rough
    if (differs > _DIFFERENT).mean() > (_CROPPED_MOST_ALIKE if is_alike else _CROPPED_MOST):
        return False
    if inside.any() and (differs > _DIFFERENT)[inside].mean() > _MOST_DIFFERENT_IN_BOXES:
        return False
    return bool(scene_says) or (is_alike and _is_larger(whole_boxes, other_boxes, window))


def _is_plausible(window: Window) -> bool:
    is_inside = min(window.left, window.top) >= -_OUTSIDE and max(window.right, window.bottom) <= 1 + _OUTSIDE
    return is_inside and window.left < window.right and window.top < window.bottom and window.share >= _LEAST_SHARE


def _is_larger(boxes_xywh: np.ndarray, others_xywh: np.ndarray, window: Window) -> bool:
    """Whether boxes of a crop are larger than those of the whole by as much as its window is smaller."""
    shown, rows = cropped_boxes(boxes_xywh, window)
    if not len(shown) or not len(others_xywh):
        return False
    centres, others = (boxes[:, :2] + boxes[:, 2:] / 2 for boxes in (shown, others_xywh))
    distance = np.abs(centres[:, None] - others[None]).max(axis=2)
    nearest = distance.argmin(axis=1)
    is_met = distance.min(axis=1) <= _MET
    if not is_met.any():
        return False
    sizes, met = others_xywh[nearest[is_met], 2:], boxes_xywh[rows][is_met]
    as_crop, as_whole = (
        float(np.abs(np.median(np.log(sizes / np.maximum(before[:, 2:], 1e-6)), axis=0)).max())
        for before in (shown[is_met], met)
    )
    return as_crop <= _SCALE_ERROR and as_whole >= max(_LEAST_SCALE, 2.5 * as_crop)


@dataclass(frozen=True)
class Agreement:
    """How the boxes of two pictures lie: upon each other, or roughly so; neither: elsewhere."""

    is_same: bool
    is_rough: bool


def agreement(boxes_xywh: np.ndarray, others_xywh: np.ndarray) -> Agreement:
    """Compares the boxes of two pictures, [n, 4] and [m, 4]."""
    if not len(boxes_xywh) or not len(others_xywh):
        is_empty = not len(boxes_xywh) and not len(others_xywh)
        return Agreement(is_empty, is_empty)
    low = np.maximum(boxes_xywh[:, None, :2], others_xywh[None, :, :2])
    ends = boxes_xywh[:, :2] + boxes_xywh[:, 2:], others_xywh[:, :2] + others_xywh[:, 2:]
    high = np.minimum(ends[0][:, None], ends[1][None])
    common = np.prod(np.clip(high - low, 0, None), axis=2)
    areas = np.prod(boxes_xywh[:, 2:], axis=1)[:, None] + np.prod(others_xywh[:, 2:], axis=1)[None]
    iou = common / np.maximum(areas - common, 1e-12)
    best = np.concatenate([iou.max(axis=1), iou.max(axis=0)])
    edges = [np.concatenate([boxes[:, :2], end], axis=1) for boxes, end in zip((boxes_xywh, others_xywh), ends)]
    apart = np.abs(edges[0][:, None] - edges[1][None]).max(axis=2)
    furthest = max(float(apart.min(axis=1).max()), float(apart.min(axis=0).max()))
    return Agreement(furthest <= _SAME_EDGE, float(np.mean(best >= _ROUGH_IOU)) >= 0.5)


def difference(shown: np.ndarray, other: np.ndarray, side: int, levels: float) -> np.ndarray:
    """How much of what each window shows is another thing in the other picture, [64, 64]: 0 nothing, about 2 all of it.

    Args:
        shown: [64, 64] grey levels.
        other: [64, 64].
        side: of the windows, px.
        levels: grey levels that say nothing.
    """
    lit = _lit_like(shown, other)
    brightest = _mean(np.clip(lit - _CLIPPED, 0, None), side)
    lit = np.clip(lit, 0, 255)
    noise = _spread(other - lit)
    shown_mean, other_mean = _mean(lit, side), _mean(other, side)
    shown_var = np.clip(_mean(lit * lit, side) - shown_mean**2, 0, None)
    other_var = np.clip(_mean(other * other, side) - other_mean**2, 0, None)
    common = _mean(lit * other, side) - shown_mean * other_mean
    gain = np.clip(common / (shown_var + 1e-6), *_GAIN)
    left = np.clip(other_var - 2 * gain * common + gain * gain * shown_var, 0, None)
    return left / ((shown_var + other_var) / 2 + (2 * noise + levels + _CLIP_SHARE * brightest) ** 2)


def roughly_alike(shown: np.ndarray, other: np.ndarray) -> bool:
    """Whether two thumbnails may be of one picture at all: a cheap look, that a crop beside its place passes too."""
    flat = [_without_slope(_blurred(each, 2.0)).ravel() for each in (shown, other)]
    length = float(np.linalg.norm(flat[0]) * np.linalg.norm(flat[1]))
    return float(flat[0] @ flat[1]) >= _ROUGHLY * length


def _without_slope(values: np.ndarray) -> np.ndarray:
    """What a plane of light does not explain of values [64, 64]."""
    flat = values - values.mean()
    across, down = flat.sum(axis=0) @ _RAMP, flat.sum(axis=1) @ _RAMP
    return flat - (across * _RAMP + (down * _RAMP)[:, None]) / (SIDE * float(_RAMP @ _RAMP))


def alike_in_boxes(shown: np.ndarray, other: np.ndarray, boxes_xywh: np.ndarray) -> bool:
    """Whether what boxes cover, [n, 4] that lie alike in two thumbnails, may be the same: no two objects by chance."""
    inside = _covers(boxes_xywh)
    pair = [_blurred(each, 1.0)[inside] for each in (_lit_like(shown, other), other)]
    return float(np.mean(_standard(pair[0]) * _standard(pair[1]))) >= _ALIKE_IN_BOXES


def may_be_cropped(whole: np.ndarray, other: np.ndarray, whole_boxes: np.ndarray, other_boxes: np.ndarray) -> bool:
    """Whether it is worth looking for a crop: the scene does not lie as in the whole, or objects have other sizes."""
    beside = ~(_covers(whole_boxes) | _covers(other_boxes))
    if ((_blurred_difference(whole, other) > _CROPPED_ELSEWHERE) & beside).mean() > _BACKGROUND:
        return True
    if not len(whole_boxes) or not len(other_boxes):
        return False
    sizes = [np.median(boxes[:, 2:], axis=0) for boxes in (whole_boxes, other_boxes)]
    return bool(np.abs(np.log(np.maximum(sizes[1], 1e-6) / np.maximum(sizes[0], 1e-6))).max() >= _LEAST_SCALE)


def _blurred_difference(shown: np.ndarray, other: np.ndarray) -> np.ndarray:
    return difference(_blurred(shown, 1.0), _blurred(other, 1.0), _CROPPED_WINDOW, _LEVELS)


def likeness(shown: np.ndarray, other: np.ndarray) -> float:
    """The correlation of two blurred thumbnails, -1..1."""
    return float(np.mean(_standard(_blurred(shown, 1.0)) * _standard(_blurred(other, 1.0))))


def aligned(thumbnail: np.ndarray, crop: np.ndarray, window: Window) -> Window:
    """The part of a picture that a crop of it shows, by Gauss and Newton from a guess.

    Args:
        thumbnail: [64, 64] of the whole picture, turned as the crop is.
        crop: [64, 64].
        window: the guess, within about 5 % of the sides.
    """
    sides = np.array([window.left, window.right, window.top, window.bottom])
    for sigma, steps in ((2.0, 5), (1.0, 4)):
        wanted = _standard(_blurred(crop, sigma))
        for _ in range(steps):
            found = _standard(_blurred(cropped(thumbnail, Window(*sides)), sigma))
            step = _newton(thumbnail, sides, found, wanted, sigma)
            sides = sides + step
            if np.abs(step).max() < 3e-4:
                break
    return Window(*(float(side) for side in np.clip(sides, -0.05, 1.05)))


def _newton(
    thumbnail: np.ndarray, sides: np.ndarray, found: np.ndarray, wanted: np.ndarray, sigma: float
) -> np.ndarray:
    slopes = []
    for place in range(4):
        moved = sides + np.eye(4)[place] * 0.004
        slopes.append((_standard(_blurred(cropped(thumbnail, Window(*moved)), sigma)) - found).ravel() / 0.004)
    slope, rest = np.stack(slopes, axis=1), (wanted - found).ravel()
    weight = np.minimum(1.0, (2 * np.median(np.abs(rest)) + 0.05) / (np.abs(rest) + 1e-9))  # what moved has no say
    weighed = slope * weight[:, None]
    return np.clip(np.linalg.solve(slope.T @ weighed + 1e-3 * np.eye(4), weighed.T @ rest), -0.03, 0.03)


def _lit_like(shown: np.ndarray, other: np.ndarray) -> np.ndarray:
    """The first picture in the light of the second, by Cauchy-weighted least squares."""
    level = (shown - shown.mean()) / 64
    terms = np.stack([np.ones_like(level), level, level * level, *_SLOPES, *(level * slope for slope in _SLOPES)], -1)
    target = other[::2, ::2].ravel()
    is_exposed = (target > 3) & (target < 250)
    if np.count_nonzero(is_exposed) < 100:
        return shown
    some, target = terms[::2, ::2].reshape(-1, terms.shape[-1])[is_exposed], target[is_exposed]
    # Where nothing says otherwise, as in an empty scene, the light is the same.
    prior = np.array([0.0, 64, 0, 0, 0, 0, 0])
    pull = np.diag([1e-6, 2, 8, 2, 2, 8, 8]) * len(target) * 0.002
    weight, fit = np.ones(len(target)), prior
    for _ in range(8):
        weighed = some * weight[:, None]
        fit = np.linalg.solve(weighed.T @ some + pull, weighed.T @ target + pull @ prior)
        rest = target - some @ fit
        weight = 1 / (1 + (rest / (2 * (1.48 * np.median(np.abs(rest)) + 0.7))) ** 2) ** 2
    return terms @ fit


_RAMP = (np.arange(SIDE) - (SIDE - 1) / 2) / (SIDE / 2)
_SLOPES = tuple(np.meshgrid(_RAMP, _RAMP))


def _covers(boxes_xywh: np.ndarray) -> np.ndarray:
    """Which pixels [64, 64] of a thumbnail boxes and their borders cover."""
    mask = np.zeros((SIDE, SIDE), bool)
    low = np.clip(np.floor(boxes_xywh[:, :2] * SIDE).astype(int) - 1, 0, None)
    high = np.ceil((boxes_xywh[:, :2] + boxes_xywh[:, 2:]) * SIDE).astype(int) + 1
    for (left, top), (right, bottom) in zip(low.tolist(), high.tolist()):
        mask[top:bottom, left:right] = True
    return mask


def _spread(values: np.ndarray) -> float:
    """A standard deviation that what moved has no say in."""
    return 1.48 * float(np.median(np.abs(values - np.median(values))))


def _standard(values: np.ndarray) -> np.ndarray:
    centred = values - values.mean()
    return centred / (centred.std() + 1e-6)


def _mean(values: np.ndarray, side: int) -> np.ndarray:
    """The mean of the window around each pixel; edges repeat."""
    matrix = _window_means(side)
    return matrix @ values @ matrix.T


def _blurred(values: np.ndarray, sigma: float) -> np.ndarray:
    matrix = _gaussian(sigma)
    return matrix @ values @ matrix.T


@functools.lru_cache(None)
def _window_means(side: int) -> np.ndarray:
    matrix = np.zeros((SIDE, SIDE))
    for offset in range(-(side // 2), side // 2 + 1):
        np.add.at(matrix, (np.arange(SIDE), np.clip(np.arange(SIDE) + offset, 0, SIDE - 1)), 1 / side)
    return matrix


@functools.lru_cache(None)
def _gaussian(sigma: float) -> np.ndarray:
    matrix = np.exp(-0.5 * ((np.arange(SIDE)[:, None] - np.arange(SIDE)) / sigma) ** 2)
    return matrix / matrix.sum(axis=1, keepdims=True)
