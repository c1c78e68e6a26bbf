"""The shapes of images and boxes that the input size and the anchors are derived from; pure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from schemas.base.errors import DataError


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
