"""Boxes that are drawn elsewhere or larger than the golden set's; pure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ratchet.components.labels.findings import Excess, Finding, difference, median_of, per_image, reason_of
from ratchet.components.labels.matching import Matched
from ratchet.components.labels.profile import relation
from ratchet.schemas.artifacts.decisions import Reason
from ratchet.schemas.base.formatting import percent

_CENTRE_TOLERANCE = 0.08  # a box given by its centre is displaced by half its size
_BORDER = 0.01  # of the image's side; boxes cut off there do not show how they are drawn
_BORROWED = 10  # objects of all classes that help to say how those of one class are drawn
_ALIKE = 0.03  # factors on width and height that differ less are called one
_VISIBLE = 0.005  # a difference that is put into words
_PER_RESIZING = 3.0  # of the limits, per |ln| of the factor between the sizes of what is seen


@dataclass(frozen=True, eq=False)
class Drawn:
    """How matched boxes that no border cuts off are drawn.

    Attributes:
        relations: [k, 4], see `relation`.
        image: [k] int64.
        looks_like: [k] int64, the class that the model sees.
        size_px: median size that the model sees, sqrt of width * height.
    """

    relations: np.ndarray
    image: np.ndarray
    looks_like: np.ndarray
    size_px: float


@dataclass(frozen=True, eq=False)
class DrawnOtherwise:
    """How the span's boxes are drawn, as it differs from the golden set's of the same classes.

    Attributes:
        differences: [4] medians.
        excesses: of their absolute values.
        oddness: [i, 4] of each image, mean absolute difference.
    """

    differences: np.ndarray
    excesses: list[Excess]
    oddness: np.ndarray


def drawn_otherwise(span: Matched, golden: Matched) -> DrawnOtherwise:
    """Compares class by class, because a model draws some classes tighter and spans differ in their mix."""
    ours, theirs = drawn_of(span), drawn_of(golden)
    beside, usual = beside_expected(ours, theirs), beside_expected(theirs, theirs)
    excesses = [
        difference(median_of(beside[:, column], ours.image), median_of(usual[:, column], theirs.image))
        for column in range(4)
    ]
    count = np.maximum(1, per_image(span.profile, ours.image))
    far = [per_image(span.profile, ours.image, column) / count for column in np.abs(beside).T]
    return DrawnOtherwise(
        np.array([excess.value for excess in excesses]),
        [Excess(abs(excess.value), excess.std_error, excess.images) for excess in excesses],
        np.stack(far, axis=1),
    )


def drawing_slack(span: Matched, golden: Matched, relative_recall: float, otherwise: float) -> float:
    """How much wider the limits on drawing are, 1 or more, because the model draws its own boxes less exactly.

    It does where it sees objects of another size, finds fewer, or sees images that look otherwise.

    Args:
        span: the new labels.
        golden: the trusted ones.
        relative_recall: 0..1, see `shortfall`.
        otherwise: 1 or more, see `Trust`.
    """
    resized = abs(float(np.log(drawn_of(span).size_px / drawn_of(golden).size_px)))
    return otherwise * (1 + _PER_RESIZING * resized) / relative_recall


def drawing_reasons(span: Matched, golden: Matched, offset: float, size: float) -> list[Reason]:
    """The rules `labels:offset` and `labels:size`.

    Args:
        span: the new labels.
        golden: the trusted ones.
        offset: accepted displacement, as a fraction of the size.
        size: accepted ln of the factor on width or height.
    """
    drawn = drawn_otherwise(span, golden)
    beside = f"boxes within {percent(offset)} of their size of where the golden set draws them"
    resized = f"boxes at most {percent(float(np.expm1(size)))} larger or smaller than the golden set's"
    return [
        reason_of("labels:offset", beside, _offset(drawn), offset, span.profile),
        reason_of("labels:size", resized, _size(drawn), size, span.profile),
    ]


def _offset(drawn: DrawnOtherwise) -> Finding:
    right, down = drawn.differences[:2]
    shifts = [
        f"{percent(abs(float(value)))} of their {side} {way}"
        for value, side, way in (
            (right, "width", "to the right" if right > 0 else "to the left"),
            (down, "height", "down" if down > 0 else "up"),
        )
        if abs(value) >= _VISIBLE
    ]
    words = f"boxes are displaced by {' and '.join(shifts)}" if shifts else "boxes are where the model sees the objects"
    if max(abs(right - 0.5), abs(down - 0.5)) <= _CENTRE_TOLERANCE:
        words += ", as if [center x, center y, width, height] had been taken for [x, y, width, height]"
    worst = max(drawn.excesses[:2], key=lambda excess: excess.value)
    return Finding(worst, words, drawn.oddness[:, :2].sum(axis=1))


def _size(drawn: DrawnOtherwise) -> Finding:
    width, height = np.expm1(drawn.differences[2:])
    if max(abs(width), abs(height)) < 2 * _VISIBLE:
        words = "boxes are drawn as large as in the golden set"
    elif abs(width - height) < _ALIKE:
        mean = float(np.expm1(drawn.differences[2:].mean()))
        words = f"boxes are drawn {percent(abs(mean))} {'larger' if mean > 0 else 'smaller'} than in the golden set"
    else:
        wide = f"{percent(abs(float(width)))} {'wider' if width > 0 else 'narrower'}"
        high = f"{percent(abs(float(height)))} {'taller' if height > 0 else 'shorter'}"
        words = f"boxes are drawn {wide} and {high} than in the golden set"
    worst = max(drawn.excesses[2:], key=lambda excess: excess.value)
    return Finding(worst, words, drawn.oddness[:, 2:].sum(axis=1))


def drawn_of(matched: Matched) -> Drawn:
    """How its labels are drawn around what the model sees."""
    labelled = matched.labels.boxes_xywh_px[matched.is_found]
    sighting = matched.sighting[matched.is_found]
    image = matched.labels.image[matched.is_found]
    seen = matched.sightings.boxes_xywh_px[sighting]
    whole = _is_whole(labelled, matched.profile.sizes_px[image]) & _is_whole(seen, matched.profile.sizes_px[image])
    if not whole.any():
        whole[:] = True
    return Drawn(
        relation(labelled[whole], seen[whole]),
        image[whole],
        matched.sightings.labels[sighting[whole]],
        float(np.median(np.sqrt(seen[whole, 2] * seen[whole, 3]))),
    )


def beside_expected(drawn: Drawn, golden: Drawn) -> np.ndarray:
    """[k, 4] relations beside those that the golden set has for the same classes."""
    return drawn.relations - _expected(drawn.looks_like, golden)


def beside_the_others(golden: Drawn) -> np.ndarray:
    """[k, 4] relations beside those of the others of their class: as far as those of another golden set would be."""
    expected = np.tile(np.median(golden.relations, axis=0), (len(golden.relations), 1))
    for label in np.unique(golden.looks_like):
        of_class = golden.looks_like == label
        others = np.count_nonzero(of_class) - 1
        if others:
            medians = np.stack([_median_of_others(column) for column in golden.relations[of_class].T], axis=1)
            expected[of_class] = (others * medians + _BORROWED * expected[of_class]) / (others + _BORROWED)
    return golden.relations - expected


def _median_of_others(values: np.ndarray) -> np.ndarray:
    # [n] the median without each, of at least two.
    order = np.argsort(values, kind="stable")
    rank = np.empty(len(values), np.int64)
    rank[order] = np.arange(len(values))
    ordered, last = values[order], len(values) - 1
    low, high = (last - 1) // 2, last // 2  # places of the middle among the others
    return (ordered[low + (rank <= low)] + ordered[high + (rank <= high)]) / 2


def _is_whole(boxes_xywh_px: np.ndarray, sizes_px: np.ndarray) -> np.ndarray:
    start, end = boxes_xywh_px[:, :2], boxes_xywh_px[:, :2] + boxes_xywh_px[:, 2:]
    return np.all((start > _BORDER * sizes_px) & (end < (1 - _BORDER) * sizes_px), axis=1)


def _expected(looks_like: np.ndarray, golden: Drawn) -> np.ndarray:
    # [k, 4] how the golden set draws what looks like each class; of a rare class closer to how it draws all.
    overall = np.median(golden.relations, axis=0)
    expected = np.tile(overall, (len(looks_like), 1))
    for label in np.unique(looks_like):
        of_class = golden.relations[golden.looks_like == label]
        if len(of_class):
            own = (len(of_class) * np.median(of_class, axis=0) + _BORROWED * overall) / (len(of_class) + _BORROWED)
            expected[looks_like == label] = own
    return expected
