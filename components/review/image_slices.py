"""Groups of images by attributes of the data set and by what is in them, and their errors; pure."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence

import numpy as np

from ratchet.components.metrics.coco_rules import AREA_NAMES
from ratchet.components.metrics.image_errors import ImageErrors
from ratchet.components.metrics.match_table import MatchTable
from ratchet.components.review.content import ModelErrors, SliceErrors

_MOST_VALUES = 12  # of an attribute; more are no groups, but names
_PARTS = 3  # that numbers are cut into
_COUNTS = ((0, "none"), (1, "1"), (2, "2 to 4"), (5, "5 to 9"), (10, "10 to 29"), (30, "30 and more"))


def values_of_images(attributes: Mapping[str, np.ndarray], table: MatchTable) -> dict[str, np.ndarray]:
    """By name of an attribute, [i] str, the value of each image, empty for none; numbers in three ranges.

    Attributes that have one value alone, or too many that are no numbers, are left out.

    Args:
        attributes: of the data set, [i] str by name.
        table: the objects of the images.
    """
    groups = {name: _grouped(values) for name, values in attributes.items()}
    groups |= {"objects in the image": _counts(table), "most objects are": _sizes(table)}
    return {name: values for name, values in groups.items() if values is not None and len(set(values.tolist())) > 1}


def slice_errors(values: Mapping[str, np.ndarray], errors: Mapping[str, ImageErrors]) -> tuple[SliceErrors, ...]:
    """Mean errors of each model in the images of each value.

    Args:
        values: [i] str by attribute, as `values_of_images` gives them.
        errors: of each image, by model.
    """
    return tuple(
        SliceErrors(
            name, value, int(np.count_nonzero(rows)), {model: _mean(each, rows) for model, each in errors.items()}
        )
        for name, of_images in values.items()
        for value in _in_order(of_images)
        for rows in [of_images == value]
    )


def names_of_slices(values: Mapping[str, np.ndarray], place: int) -> tuple[str, ...]:
    """The slices that an image is in: `camera: north`."""
    return tuple(f"{name}: {of_images[place]}" for name, of_images in values.items() if of_images[place])


def _mean(errors: ImageErrors, rows: np.ndarray) -> ModelErrors:
    return ModelErrors(float(errors.missed[rows].mean()), float(errors.false[rows].mean()))


def _in_order(values: np.ndarray) -> Sequence[str]:
    """The values from small to large, as far as they are numbers, ranges or sizes; others by name."""
    known = {words: place for place, words in enumerate([words for _, words in _COUNTS] + list(AREA_NAMES))}

    def key(value: str) -> tuple[float, bool, str]:
        try:
            return known.get(value) or float(value.split()[-1]), value.startswith("above"), value
        except ValueError:
            return 0.0, False, value

    return sorted(set(values.tolist()) - {""}, key=key)


def _grouped(values: np.ndarray) -> np.ndarray | None:
    """Few values as they are, many numbers in ranges of equally many images."""
    if len(set(values.tolist())) <= _MOST_VALUES:
        return values
    numbers = np.full(len(values), np.nan)
    for place, value in enumerate(values.tolist()):
        try:
            numbers[place] = float(value or "nan")
        except ValueError:
            return None
    finite = numbers[np.isfinite(numbers)]
    if not finite.size:
        return None
    edges = np.unique(np.quantile(finite, np.arange(1, _PARTS) / _PARTS))
    between = [f"{low:.4g} to {high:.4g}" for low, high in itertools.pairwise(edges)]
    words = [f"up to {edges[0]:.4g}", *between, f"above {edges[-1]:.4g}"]
    return np.where(np.isfinite(numbers), np.array(words)[np.searchsorted(edges, numbers)], "")


def _counts(table: MatchTable) -> np.ndarray:
    counts = np.bincount(table.truth_image, table.truth["valid"] & 1, len(table.image_ids))
    starts = [start for start, _ in _COUNTS]
    return np.array([words for _, words in _COUNTS])[np.searchsorted(starts, counts, side="right") - 1]


def _sizes(table: MatchTable) -> np.ndarray:
    """Which of COCO's sizes most objects of an image have, the smaller one of equally many."""
    areas = range(1, len(AREA_NAMES))
    shares = [np.bincount(table.truth_image, table.truth["valid"] >> area & 1, len(table.image_ids)) for area in areas]
    most = np.array(AREA_NAMES[1:])[np.argmax(shares, axis=0)]
    return np.where(np.max(shares, axis=0) > 0, most, "")
