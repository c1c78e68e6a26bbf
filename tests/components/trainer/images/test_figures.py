"""What is measured on batches: light, boxes, and whether an image is the mirror of its source."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

import numpy as np
import pytest

from ratchet.components.trainer.images.figures import Batch, FigureSums, batch_of, boxes_of, mirrored

SIDE = 64
BOX = np.array([[8.0, 16.0, 24.0, 48.0]])  # 16 high, 32 wide


def scenes(count: int, seed: int = 0) -> np.ndarray:
    """Grey pictures of a few bright rectangles, no two alike."""
    random = np.random.default_rng(seed)
    pixels = np.full((count, SIDE, SIDE, 3), 0.2, np.float32)
    for picture in pixels:
        for _ in range(3):
            top, left = random.integers(0, 48, 2)
            picture[top : top + random.integers(4, 16), left : left + random.integers(4, 16)] = random.uniform(0.4, 1)
    return pixels


def batch(pixels: np.ndarray, boxes: np.ndarray = BOX) -> Batch:
    return Batch(pixels, np.ones(pixels.shape[:3], bool), [boxes] * len(pixels))


def zoomed(pixels: np.ndarray, left: int, top: int, side: int) -> np.ndarray:
    """A square of each picture, enlarged to the whole."""
    places = (np.arange(SIDE) * side / SIDE).astype(int)
    return pixels[:, top + places][:, :, left + places]


def test_figures_are_means_over_images_and_boxes() -> None:
    sums = FigureSums()
    sums.add(batch(np.full((2, SIDE, SIDE, 3), 0.25, np.float32)), mirrored=1)
    half = np.zeros((2, SIDE, SIDE, 3), np.float32)
    half[:, : SIDE // 2] = 1
    sums.add(batch(half, np.concatenate([BOX, [[0, 0, SIDE, SIDE]]])))
    figures = sums.figures
    assert figures is not None
    assert (figures.images, figures.boxes, figures.mirrored) == (4, 1.5, 0.25)
    assert figures.brightness == pytest.approx((0.25 + 0.5) / 2)
    assert figures.contrast == pytest.approx(0.25)
    assert figures.log_area == pytest.approx(4 * np.log(1 / 8) / 6)
    assert figures.log_aspect == pytest.approx(4 * np.log(2) / 6)
    assert FigureSums(**json.loads(json.dumps(asdict(sums)))) == sums


def test_without_images_there_are_none_and_without_boxes_no_sizes() -> None:
    assert FigureSums().figures is None
    sums = FigureSums()
    sums.add(batch(scenes(2), np.empty((0, 4))))
    figures = sums.figures
    assert figures is not None
    assert (figures.boxes, figures.log_area, figures.log_aspect) == (0, None, None)


@pytest.mark.parametrize("lit", [1.0, 0.3, -1.0])
@pytest.mark.parametrize("window", [(0, 0, 64), (0, 12, 52), (9, 5, 52), (12, 12, 48)])
def test_a_mirrored_image_is_told_whatever_its_scale_and_light(window: tuple[int, int, int], lit: float) -> None:
    sources = scenes(20)
    shown = zoomed(sources, *window) * lit + (lit < 0)
    assert mirrored(batch(shown), batch(sources)) == 0
    assert mirrored(batch(shown[:, :, ::-1]), batch(sources)) == 20


def test_an_image_that_was_made_smaller_is_compared_without_its_padding() -> None:
    sources = scenes(10)
    small = sources[:, ::2, ::2]
    padded, content = np.zeros_like(sources), np.zeros(sources.shape[:3], bool)
    padded[:, : SIDE // 2, : SIDE // 2], content[:, : SIDE // 2, : SIDE // 2] = small[:, :, ::-1], True
    shown = Batch(padded, content, [BOX] * 10)
    assert mirrored(shown, batch(sources)) == 10
    sums = FigureSums()
    sums.add(shown)
    figures = sums.figures
    assert figures is not None
    assert figures.brightness == pytest.approx(small.mean())


def test_an_image_of_nothing_and_one_that_is_its_own_mirror_are_not_mirrored() -> None:
    same = np.concatenate([np.full((1, SIDE, SIDE, 3), 0.5, np.float32), scenes(1)])
    same[1] = same[1] + same[1][:, ::-1]
    assert mirrored(batch(same), batch(same)) == 0


def targets(anchors: np.ndarray, objects: np.ndarray) -> np.ndarray:
    """Objects relative to anchors, both as ymin, xmin, ymax, xmax."""
    sizes, object_sizes = (boxes[:, 2:] - boxes[:, :2] for boxes in (anchors, objects))
    moved = (objects[:, :2] + object_sizes / 2 - anchors[:, :2] - sizes / 2) / sizes
    return np.concatenate([moved, np.log(object_sizes / sizes)], axis=1).astype(np.float32)


def test_boxes_are_those_of_the_anchors_that_have_an_object_each_once() -> None:
    anchors = np.array([[0, 0, 16, 16], [0, 0, 32, 32], [8, 8, 40, 40], [0, 0, 64, 64]], np.float32)
    objects = np.array([[2.3, 3.1, 20.7, 40.2], [2.3, 3.1, 20.7, 40.2], [9, 9, 30, 31], [0, 0, 1, 1]])
    labels: dict[str, Any] = {
        "anchor_boxes": {"3": anchors[:2].reshape(1, 1, 2, 4), "4": anchors[2:].reshape(1, 1, 1, 8)},
        "box_targets": {
            "3": targets(anchors[:2], objects[:2]).reshape(1, 1, 2, 4),
            "4": targets(anchors[2:], objects[2:]).reshape(1, 1, 1, 8),
        },
        "box_weights": np.array([[1.0, 1.0, 1.0, 0.0]]),
    }
    [found] = boxes_of(labels)
    np.testing.assert_allclose(found, [[2.3, 3.1, 20.7, 40.2], [9, 9, 30, 31]], atol=0.05)
    none = batch_of(
        np.zeros((1, 4, 4, 3)), boxes_of(labels | {"box_weights": np.zeros((1, 4))}), (0.5,) * 3, (0.25,) * 3
    )
    assert [len(boxes) for boxes in none.boxes] == [0]
    assert not none.content.any()
    assert none.pixels[0, 0, 0].tolist() == [0.5, 0.5, 0.5]
