"""What training images and their boxes are like, measured on batches as the step takes them; pure.

Nothing is asked of the augmentation itself: what lies in the batches is what was trained on, whatever the policy says.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image

from ratchet.schemas.artifacts.training_dynamics import BatchFigures

SIDE = 16  # of the thumbnails that are compared with a source and its mirror: details may be a pixel or two apart
_FINE = 4 * SIDE
_WINDOWS = (1.0, 0.92, 0.84, 0.76, 0.68)  # shares of the source's width and height that an image may show
_SAME = 0.25  # px; two anchors decode to one box
_PADDING = 1e-6  # of a normalised pixel; no pixel of 8 bits has just the mean that is subtracted


@dataclass(frozen=True)
class Batch:
    """A batch of the Trainer's in plain numbers.

    Attributes:
        pixels: [b, height, width, 3] float32, 0..1.
        content: [b, height, width] bool; false where the image was padded.
        boxes: for each image [n, 4], ymin, xmin, ymax, xmax in px.
    """

    pixels: np.ndarray
    content: np.ndarray
    boxes: Sequence[np.ndarray]


@dataclass
class FigureSums:
    """Sums over images and boxes, from which BatchFigures follow; plain numbers, for a checkpoint."""

    images: int = 0
    brightness: float = 0.0
    contrast: float = 0.0
    log_area: float = 0.0
    log_aspect: float = 0.0
    boxes: int = 0
    mirrored: int = 0

    def add(self, batch: Batch, mirrored: int = 0) -> None:
        """More images, some of which are mirrored."""
        for pixels, content, boxes in zip(batch.pixels, batch.content, batch.boxes):
            shown = pixels[content] if content.any() else pixels
            heights, widths = np.maximum(boxes[:, 2:] - boxes[:, :2], _SAME).T
            self.images += 1
            self.brightness += float(shown.mean(dtype=np.float64))
            self.contrast += float(shown.std(dtype=np.float64))
            self.boxes += len(boxes)
            self.log_area += float(np.log(heights * widths / content.size).sum())
            self.log_aspect += float(np.log(widths / heights).sum())
        self.mirrored += mirrored

    @property
    def figures(self) -> BatchFigures | None:
        """Means; None without an image."""
        if not self.images:
            return None
        return BatchFigures(
            images=self.images,
            brightness=self.brightness / self.images,
            contrast=self.contrast / self.images,
            log_area=self.log_area / self.boxes if self.boxes else None,
            log_aspect=self.log_aspect / self.boxes if self.boxes else None,
            boxes=self.boxes / self.images,
            mirrored=self.mirrored / self.images,
        )


def batch_of(
    images: np.ndarray, boxes: Sequence[np.ndarray], mean: Sequence[float], deviation: Sequence[float]
) -> Batch:
    """What a batch shows.

    Args:
        images: [b, height, width, 3] float32, normalised; 0 where they are padded.
        boxes: of each image [n, 4] yxyx, in px.
        mean: of the normalisation, by channel, 0..1.
        deviation: of it.
    """
    content = np.any(np.abs(images) > _PADDING, axis=-1)
    pixels = images * np.asarray(deviation, np.float32) + np.asarray(mean, np.float32)
    return Batch(np.clip(pixels, 0, 1), content, boxes)


def boxes_of(labels: Mapping[str, Any]) -> list[np.ndarray]:
    """The boxes that the anchors of each image are to find: every object that is trained on, and no other.

    Args:
        labels: `anchor_boxes` and `box_targets` by level ([b, h, w, 4 anchors]), and `box_weights` [b, all anchors],
            which is 1 where an anchor has an object.
    """
    levels = sorted(labels["anchor_boxes"], key=int)
    has_object = np.asarray(labels["box_weights"]) > 0
    anchors, targets = (
        np.concatenate([np.reshape(labels[key][level], (len(has_object), -1, 4)) for level in levels], axis=1)
        for key in ("anchor_boxes", "box_targets")
    )
    return [_distinct(_decoded(anchors[i][used], targets[i][used])) for i, used in enumerate(has_object)]


def objects_of(labels: Mapping[str, Any]) -> list[np.ndarray]:
    """The boxes of the objects of each image, where the labels of a task hold them.

    Args:
        labels: `gt_boxes` [b, n, 4] yxyx in px, -1 where there are no more.
    """
    return [boxes[(boxes >= 0).all(axis=1)].astype(np.float64) for boxes in np.asarray(labels["gt_boxes"])]


def _decoded(anchors: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """The inverse of how Faster R-CNN (Ren et al. 2015, arXiv:1506.01497, eq. 2) writes a box relative to an anchor."""
    sizes = (anchors[:, 2:] - anchors[:, :2]).astype(np.float64)
    centers = anchors[:, :2] + sizes / 2 + targets[:, :2] * sizes
    half = np.exp(targets[:, 2:]) * sizes / 2
    return np.concatenate([centers - half, centers + half], axis=1)


def _distinct(boxes: np.ndarray) -> np.ndarray:
    """Each box once, though the ways from its anchors differ in the last digits."""
    rounded = np.unique(np.round(boxes, 1), axis=0)
    differences = np.abs(rounded[:, None] - rounded[None]).max(-1)
    return rounded[~np.tril(differences < _SAME, -1).any(1)]


def mirrored(batch: Batch, source: Batch) -> int:
    """How many images of a batch are rather the mirror of their source than like it, cropped, scaled and lit or not."""
    return sum(
        _is_mirrored(*(_thumbnail(one.pixels[i], one.content[i]) for one in (batch, source)))
        for i in range(len(batch.pixels))
    )


def _is_mirrored(image: np.ndarray, source: np.ndarray) -> bool:
    """Of two thumbnails; that of an image in negative is as like its source, only negatively."""
    whole = _MEANS[0]
    shown = _normed((whole @ image @ whole.T)[None])[0]
    mirror = shown.reshape(SIDE, SIDE)[:, ::-1].ravel()
    windows = _windows(source)
    return bool(np.abs(windows @ mirror).max() > np.abs(windows @ shown).max())


def _windows(source: np.ndarray) -> np.ndarray:
    """[windows, pixels] parts of an image that another may show, of several sizes and at several places."""
    count = len(_MEANS)
    means = _MEANS.reshape(-1, _FINE)
    parts = (means @ source @ means.T).reshape(count, SIDE, count, SIDE)
    return _normed(parts.swapaxes(1, 2).reshape(-1, SIDE, SIDE))


def _means() -> np.ndarray:
    """[spans, SIDE, _FINE] means over SIDE equal pieces of parts of a row; the first part is all of it."""
    spans = [
        (start, share * _FINE)
        for share in _WINDOWS
        for start in ((0.0,) if share == 1 else np.linspace(0, (1 - share) * _FINE, 4))
    ]
    pixel = np.arange(_FINE)
    made = []
    for start, length in spans:
        edges = start + length * np.arange(SIDE + 1) / SIDE
        covered = np.minimum(edges[1:, None], pixel + 1) - np.maximum(edges[:-1, None], pixel)
        made.append(np.maximum(covered, 0) * SIDE / length)
    return np.stack(made)


_MEANS = _means()


def _normed(thumbnails: np.ndarray) -> np.ndarray:
    """[n, pixels] of mean 0 and length 1; 0 where there is nothing to be seen."""
    flat = thumbnails.reshape(len(thumbnails), -1).astype(np.float64)
    flat = flat - flat.mean(1, keepdims=True)
    return flat / np.maximum(np.linalg.norm(flat, axis=1, keepdims=True), 1e-9)


def _thumbnail(pixels: np.ndarray, content: np.ndarray) -> np.ndarray:
    """[_FINE, _FINE] grey of what is not padding."""
    rows, columns = np.flatnonzero(content.any(1)), np.flatnonzero(content.any(0))
    if len(rows):
        pixels = pixels[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    grey = Image.fromarray(pixels.mean(-1).astype(np.float32), mode="F")
    return np.asarray(grey.resize((_FINE, _FINE), Image.Resampling.BOX), np.float64)
