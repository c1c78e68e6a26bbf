"""Input size and anchors derived from the data where the settings say `auto`; pure."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass

import numpy as np

from ratchet.components.trainer.model.anchor_fit import Coverage, fit_anchors, measure
from ratchet.components.trainer.model.model_settings import AUTO, ModelSettings
from ratchet.schemas.base.errors import DataError

SMALL_PERCENTILE = 10  # of the boxes' short sides: a box of that size is to be seen
SMALL_STRIDES = 2  # of the finest level that it is to span; below, all of it falls into one place of the feature map
MIN_LONG_SIDE_PX = 256  # large boxes alone would ask for a few pixels, in which nothing is told apart
MAX_LONG_SIDE_PX = 1024
ENOUGH = 0.95  # of the scale: a whole row of coarsest places more is too much for the rest


@dataclass(frozen=True, eq=False)
class BoxShapes:
    """The sizes of a data set's images and boxes; boxes around crowds do not belong in it.

    Attributes:
        image_sizes_px: [m, 2] float64, height and width.
        box_sizes_px: [n, 2] float64, height and width in the original image.
        image_of_box: [n] int64, row of the box's image in `image_sizes_px`.

    Raises:
        ValueError: the arrays do not belong together.
        DataError: a size is not a positive number.
    """

    image_sizes_px: np.ndarray
    box_sizes_px: np.ndarray
    image_of_box: np.ndarray

    def __post_init__(self) -> None:
        images = _sizes("image", self.image_sizes_px)
        boxes = _sizes("box", self.box_sizes_px)
        rows = np.asarray(self.image_of_box, dtype=np.int64)
        if rows.shape != (len(boxes),):
            raise ValueError(f"image_of_box: expected shape ({len(boxes)},), got {rows.shape}")
        if len(rows) and not (rows.min() >= 0 and rows.max() < len(images)):
            raise ValueError(f"image_of_box: {rows.min()} to {rows.max()}, but there are {len(images)} images")
        object.__setattr__(self, "image_sizes_px", images)
        object.__setattr__(self, "box_sizes_px", boxes)
        object.__setattr__(self, "image_of_box", rows)

    def letterboxed_px(self, input_size_px: tuple[float, float]) -> np.ndarray:
        """The box sizes, [n, 2], when each image is resized into (height, width) with its aspect kept."""
        scales = (np.asarray(input_size_px) / self.image_sizes_px).min(axis=1)  # [m]
        return self.box_sizes_px * scales[self.image_of_box, None]


def resolve(model: ModelSettings, shapes: BoxShapes) -> ModelSettings:
    """Replaces every `auto`; settings without one come back as they are.

    A first model is given its input size and anchors by the spans it is trained on. A retraining has to keep
    those of its baseline, whose weights belong to them: it takes them from the training record.

    Args:
        model: the settings.
        shapes: of the images and boxes to train on.

    Raises:
        DataError: something is to be derived and there are no boxes.
    """
    wanted = [name for name in ("input_size", "anchors") if getattr(model, name) == AUTO]
    if wanted and not len(shapes.box_sizes_px):
        raise DataError(
            f"model.{wanted[0]} = 'auto': the training spans have no boxes to derive it from; "
            f"label their images, or set model.{wanted[0]} yourself"
        )
    if "input_size" in wanted:
        model = dataclasses.replace(model, input_size=fit_input_size(shapes, model.min_level, model.max_level))
    if "anchors" in wanted:
        anchors = fit_anchors(shapes.letterboxed_px(model.fixed_input_size), _levels(model))
        model = dataclasses.replace(model, anchors=anchors)
    return model


def coverage(model: ModelSettings, shapes: BoxShapes) -> Coverage:
    """How well the anchors of settings without `auto` fit the boxes, of which there is at least one."""
    return measure(model.fixed_anchors, shapes.letterboxed_px(model.fixed_input_size), _levels(model))


@dataclass(frozen=True)
class SizeLimits:
    """What an input size has to keep to.

    Attributes:
        small_strides: of the finest level that a small box is to span.
        min_long_side_px: of the input, where the typical image is as large.
        max_long_side_px: of it in any case.
    """

    small_strides: float = SMALL_STRIDES
    min_long_side_px: int = MIN_LONG_SIDE_PX
    max_long_side_px: int = MAX_LONG_SIDE_PX


USUAL_LIMITS = SizeLimits()


def fit_input_size(
    shapes: BoxShapes, min_level: int, max_level: int, limits: SizeLimits = USUAL_LIMITS
) -> tuple[int, int]:
    """Chooses height and width in px of the model's input.

    It has the shape of the typical image (median height, median width) and is as small as small boxes allow, since
    the time of a step grows with its area; it never enlarges the typical image, unless that is smaller than one
    place of the coarsest level.

    Args:
        shapes: of the images and of at least one box.
        min_level: finest feature level.
        max_level: coarsest feature level; both sides are multiples of its stride.
        limits: of the size.
    """
    height, width = (float(side) for side in np.median(shapes.image_sizes_px, axis=0))
    short_sides_px = shapes.letterboxed_px((height, width)).min(axis=1)  # [n]
    small_px = float(np.percentile(short_sides_px, SMALL_PERCENTILE))
    scale = max(limits.small_strides * 2**min_level / small_px, limits.min_long_side_px / max(height, width))
    return _multiples(height, width, min(scale, limits.max_long_side_px / max(height, width), 1.0), 2**max_level)


def _multiples(height: float, width: float, scale: float, stride: int) -> tuple[int, int]:
    """The smallest multiples of `stride` that hold an image at about `scale`, but not enlarged."""
    places = [side * scale / stride for side in (height, width)]
    rows, columns = ({max(math.floor(count), 1), max(math.ceil(count), 1)} for count in places)
    sizes = [(row * stride, column * stride) for row in rows for column in columns]
    achieved = {size: min(size[0] / height, size[1] / width) for size in sizes}
    allowed = [size for size in sizes if achieved[size] <= 1] or [min(sizes)]
    enough = ENOUGH * min(scale, max(achieved[size] for size in allowed))
    return min((size for size in allowed if achieved[size] >= enough), key=lambda size: (size[0] * size[1], size))


def _levels(model: ModelSettings) -> range:
    return range(model.min_level, model.max_level + 1)


def _sizes(name: str, values: np.ndarray) -> np.ndarray:
    sizes = np.asarray(values, dtype=np.float64)
    sizes = sizes.reshape(0, 2) if sizes.size == 0 else sizes
    if sizes.ndim != 2 or sizes.shape[1] != 2:
        raise ValueError(f"{name}_sizes_px: expected shape (n, 2), got {sizes.shape}")
    wrong = np.flatnonzero(~(np.isfinite(sizes) & (sizes > 0)).all(axis=1))
    if len(wrong):
        height, width = sizes[wrong[0]]
        raise DataError(
            f"{name} {wrong[0]} of the training spans: height {height:g} px, width {width:g} px; "
            "both must be more than 0 to derive model.input_size or model.anchors from it: correct it or leave it out"
        )
    return sizes
