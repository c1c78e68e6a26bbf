from __future__ import annotations

import numpy as np
import pytest

from ratchet.components.coco.box_formats import (
    CXCYWH,
    CYCXHW,
    FRACTIONS,
    PERCENT,
    XYWH,
    XYWH_TAKEN_FOR_XYXY,
    XYXY,
    XYXY_SWAPPED,
    XYXY_TAKEN_FOR_XYWH,
    YXHW,
    YXYX,
    BoxFormat,
)

BOX = [10.0, 20.0, 30.0, 60.0]  # x, y, width, height
SIZE = np.array([[100.0, 200.0]])


@pytest.mark.parametrize(
    ("box_format", "numbers"),
    [
        (XYWH, [10, 20, 30, 60]),
        (XYXY, [10, 20, 40, 80]),
        (CXCYWH, [25, 50, 30, 60]),
        (YXHW, [20, 10, 60, 30]),
        (YXYX, [20, 10, 80, 40]),
        (CYCXHW, [50, 25, 60, 30]),
        (XYXY_SWAPPED, [40, 80, 10, 20]),
        (XYWH_TAKEN_FOR_XYXY, [10, 20, 20, 40]),
        (XYXY_TAKEN_FOR_XYWH, [10, 20, 50, 100]),
        (XYWH.of(FRACTIONS), [0.1, 0.1, 0.3, 0.3]),
        (XYXY.of(FRACTIONS), [0.1, 0.1, 0.4, 0.4]),
        (YXYX.of(FRACTIONS), [0.1, 0.1, 0.4, 0.4]),
        (CXCYWH.of(PERCENT), [25, 25, 30, 30]),
    ],
)
def test_every_format_gives_the_same_box(box_format: BoxFormat, numbers: list[float]) -> None:
    np.testing.assert_allclose(box_format.boxes(np.array([numbers], np.float64), SIZE), [BOX], rtol=1e-12)


@pytest.mark.parametrize(
    ("box_format", "expected", "words"),
    [
        (XYXY, XYWH, "[x1, y1, x2, y2]"),
        (XYXY.of(FRACTIONS), XYWH, "[x1, y1, x2, y2] as fractions of the image, 0..1"),
        (XYWH.of(FRACTIONS), XYWH, "fractions of the image, 0..1"),
        (XYWH, XYXY.of(FRACTIONS), "[x, y, width, height] in pixels"),
        (CXCYWH, CXCYWH.of(FRACTIONS), "pixels"),
    ],
)
def test_only_what_is_different_is_said(box_format: BoxFormat, expected: BoxFormat, words: str) -> None:
    assert box_format.beside(expected) == words
