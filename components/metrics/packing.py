"""Matches on their way between machines: column by column and compressed, a few bytes a detection.

Most bits of `tp` and `ignored` are 0, and neighbours share image and label, so that even the fastest compression
shrinks everything but the scores.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence

import numpy as np

from components.metrics.coco_rules import DETECTION_DTYPE, TRUTH_DTYPE
from components.metrics.matching import Matches

_LEVEL = 1
Packed = dict[str, bytes]


def pack(parts: Sequence[Matches]) -> Packed:
    """The matches of several sets of images as one; never holds more than one column of them uncompressed."""
    starts = np.cumsum([0, *(len(part.image_ids) for part in parts)])
    return {
        name: zlib.compress(np.concatenate([np.empty(0, kind), *arrays]).data, _LEVEL)
        for name, kind, arrays in _columns(parts, starts)
    }


def unpack(packed: Packed) -> Matches:
    """The inverse of `pack`."""
    return Matches(
        image_ids=_column(packed, "image_ids", np.dtype("<i8")),
        detections=_rows(packed, "detections", DETECTION_DTYPE),
        detection_image=_column(packed, "detection_image", np.dtype("<i4")),
        truth=_rows(packed, "truth", TRUTH_DTYPE),
        truth_image=_column(packed, "truth_image", np.dtype("<i4")),
    )


def _columns(parts: Sequence[Matches], starts: np.ndarray) -> Iterator[tuple[str, np.dtype, list[np.ndarray]]]:
    yield "image_ids", np.dtype("<i8"), [part.image_ids for part in parts]
    for name in ("detection_image", "truth_image"):
        moved = [(getattr(part, name) + start).astype("<i4") for part, start in zip(parts, starts)]
        yield name, np.dtype("<i4"), moved
    for owner, dtype in (("detections", DETECTION_DTYPE), ("truth", TRUTH_DTYPE)):
        for name in dtype.names or ():
            yield f"{owner}.{name}", dtype[name], [getattr(part, owner)[name] for part in parts]


def _column(packed: Packed, name: str, kind: np.dtype) -> np.ndarray:
    return np.frombuffer(zlib.decompress(packed[name]), kind)


def _rows(packed: Packed, owner: str, dtype: np.dtype) -> np.ndarray:
    columns = {name: _column(packed, f"{owner}.{name}", dtype[name]) for name in dtype.names or ()}
    rows = np.empty(len(columns["label"]), dtype)
    for name, values in columns.items():
        rows[name] = values
    return rows
