"""The fixed numbers of COCO's box evaluation, and the bits in which the matches are kept.

The 4 area ranges x 10 IoU thresholds of COCO are 40 independent matchings of the same boxes. Each is one bit of a
uint64, bit `area * 10 + threshold`, so that one bit operation settles all 40.
"""

from __future__ import annotations

import numpy as np

# pycocotools, cocoeval.py, Params.setDetParams. linspace, as there: arange would move some thresholds by one ulp.
IOU_THRESHOLDS = np.linspace(0.5, 0.95, 10)
RECALL_POINTS = np.linspace(0.0, 1.0, 101)
AREA_NAMES = ("all", "small", "medium", "large")
AREA_RANGES_PX2 = np.array([[0.0, 1e5**2], [0.0, 32.0**2], [32.0**2, 96.0**2], [96.0**2, 1e5**2]])

DETECTION_DTYPE = np.dtype([("label", "<u2"), ("rank", "<u2"), ("score", "<f8"), ("tp", "<u8"), ("ignored", "<u8")])
TRUTH_DTYPE = np.dtype([("label", "<u2"), ("valid", "u1")])

_AREAS, _THRESHOLDS = len(AREA_RANGES_PX2), len(IOU_THRESHOLDS)
_AREA_BITS = (1 << _THRESHOLDS) - 1
ALL_BITS = np.uint64((1 << _AREAS * _THRESHOLDS) - 1)
# FITS[k]: the k lowest thresholds, in every area range. IN_AREAS[v]: all thresholds of the area ranges in v.
FITS = np.array(
    [sum(((1 << k) - 1) << area * _THRESHOLDS for area in range(_AREAS)) for k in range(_THRESHOLDS + 1)], np.uint64
)
IN_AREAS = np.array(
    [sum(_AREA_BITS << area * _THRESHOLDS for area in range(_AREAS) if v >> area & 1) for v in range(1 << _AREAS)],
    np.uint64,
)


def areas_holding(area_px2: np.ndarray) -> np.ndarray:
    """In which area ranges a size lies; both ends belong to a range.

    Args:
        area_px2: [n] float64.

    Returns:
        [n] uint8, bit a for range a of AREA_NAMES.

    >>> areas_holding(np.array([100.0, 1024.0]))
    array([3, 7], dtype=uint8)
    """
    held = np.zeros(len(area_px2), dtype=np.uint8)
    for area, (low, high) in enumerate(AREA_RANGES_PX2):
        held |= ((area_px2 >= low) & (area_px2 <= high)).astype(np.uint8) << np.uint8(area)
    return held


def area_bits(bits: np.ndarray, area: int) -> np.ndarray:
    """The `tp` or `ignored` bits of one area range, still packed.

    Args:
        bits: [m] uint64.
        area: index into AREA_NAMES.

    Returns:
        [m] uint16, bit t for IoU threshold t.
    """
    return (bits >> np.uint64(area * _THRESHOLDS) & np.uint64(_AREA_BITS)).astype(np.uint16)


def unpack_bits(bits: np.ndarray, area: int) -> np.ndarray:
    """The `tp` or `ignored` bits of one area range as booleans.

    Args:
        bits: [m] uint64.
        area: index into AREA_NAMES.

    Returns:
        [m, 10] bool, one column per IoU threshold.
    """
    return (area_bits(bits, area)[:, None] >> np.arange(_THRESHOLDS, dtype=np.uint16) & 1).astype(np.bool_)


def unpack_areas(valid: np.ndarray) -> np.ndarray:
    """The area ranges in which objects count as booleans.

    Args:
        valid: [n] uint8.

    Returns:
        [n, 4] bool, one column per area range.
    """
    return (valid[:, None] >> np.arange(_AREAS, dtype=np.uint8) & 1).astype(np.bool_)


def ignored_until(ignored: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """How many detections are ignored up to and including some of them.

    Args:
        ignored: [m] uint16, bits of one area range in order of score.
        rows: [h] int64, ascending.

    Returns:
        [10, h] int64, or [1, h] where every threshold ignores the same ones.
    """
    # Nearly all detections are ignored at every threshold or at none, for their size; those get one running total.
    everywhere = np.cumsum(ignored == _AREA_BITS, dtype=np.int64)[rows]
    partly = np.flatnonzero((ignored != 0) & (ignored != _AREA_BITS))
    if not partly.size:
        return everywhere[None]
    totals = np.zeros((_THRESHOLDS, len(partly) + 1), dtype=np.int64)
    np.cumsum(unpack_bits(ignored[partly], 0).T, axis=1, out=totals[:, 1:])
    return everywhere + totals[:, np.searchsorted(partly, rows, side="right")]
