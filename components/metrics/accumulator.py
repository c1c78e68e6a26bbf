"""Collects the matches of a data set part by part, in any order and on any number of machines.

On their way between machines they are packed column by column and compressed, a few bytes a detection: most bits of
`tp` and `ignored` are 0, and neighbours share image and label, so that even the fastest compression shrinks everything
but the scores.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from ratchet.components.metrics.average_precision import DetectionMetrics, detection_metrics
from ratchet.components.metrics.coco_rules import DETECTION_DTYPE, TRUTH_DTYPE
from ratchet.components.metrics.match_table import MatchTable, build_table, common_limit, join
from ratchet.components.metrics.matching import Matches

_LEVEL = 1
_Packed = dict[str, bytes]
_LIMIT = "max_detections"


@dataclass(eq=False)
class Accumulator:
    """The matches of a set of images; a plain value that can be pickled and sent elsewhere."""

    _parts: list[Matches] = field(default_factory=list, repr=False)

    @classmethod
    def create(cls) -> Accumulator:
        """An accumulator that holds no image."""
        return cls()

    @classmethod
    def merge(cls, accumulators: Iterable[Accumulator]) -> Accumulator:
        """Join accumulators over different images into a new one; the given ones stay as they are.

        Args:
            accumulators: any number of them, in any order.

        Returns:
            A new accumulator over all their images.
        """
        return cls([part for accumulator in accumulators for part in accumulator._parts])

    def add(self, matches: Matches) -> None:
        """Take in some images, also those without detections or without ground truth: misses and errors count.

        Args:
            matches: the result of `match`; kept, not copied, and never written to.
        """
        self._parts.append(matches)

    @property
    def nbytes(self) -> int:
        """What the matches take in memory."""
        return sum(
            values.nbytes for part in self._parts for values in vars(part).values() if isinstance(values, np.ndarray)
        )

    def table(self) -> MatchTable:
        """All matches, sorted; equal for equal images whatever the order of add and merge.

        Raises:
            ValueError: an image was added twice.
        """
        return build_table(self._joined())

    def finish(self, num_classes: int | None = None) -> DetectionMetrics:
        """The COCO metrics of all images added so far.

        Args:
            num_classes: K of the label map; without it, the classes are those that occur.

        Returns:
            The metrics; the accumulator can be used further.

        Raises:
            ValueError: an image was added twice, or the ground truth holds a label above num_classes.
        """
        return detection_metrics(self.table(), num_classes)

    def __getstate__(self) -> _Packed:
        return _pack(self._parts)

    def __setstate__(self, packed: _Packed) -> None:
        self._parts = [_unpack(packed)]

    def _joined(self) -> Matches:
        return self._parts[0] if len(self._parts) == 1 else join(self._parts)


def _pack(parts: Sequence[Matches]) -> _Packed:
    """The matches of several sets of images as one; never holds more than one column of them uncompressed."""
    starts = np.cumsum([0, *(len(part.image_ids) for part in parts)])
    packed = {
        name: zlib.compress(np.concatenate([np.empty(0, kind), *arrays]).data, _LEVEL)
        for name, kind, arrays in _columns(parts, starts)
    }
    return {**packed, _LIMIT: str(common_limit(parts)).encode()}


def _unpack(packed: _Packed) -> Matches:
    """The inverse of `_pack`."""
    return Matches(
        image_ids=_column(packed, "image_ids", np.dtype("<i8")),
        detections=_rows(packed, "detections", DETECTION_DTYPE),
        detection_image=_column(packed, "detection_image", np.dtype("<i4")),
        truth=_rows(packed, "truth", TRUTH_DTYPE),
        truth_image=_column(packed, "truth_image", np.dtype("<i4")),
        max_detections=int(packed[_LIMIT]),
    )


def _columns(parts: Sequence[Matches], starts: np.ndarray) -> Iterator[tuple[str, np.dtype, list[np.ndarray]]]:
    yield "image_ids", np.dtype("<i8"), [part.image_ids for part in parts]
    for name in ("detection_image", "truth_image"):
        shifted = [(getattr(part, name) + start).astype("<i4") for part, start in zip(parts, starts)]
        yield name, np.dtype("<i4"), shifted
    for owner, dtype in (("detections", DETECTION_DTYPE), ("truth", TRUTH_DTYPE)):
        for name in dtype.names or ():
            yield f"{owner}.{name}", dtype[name], [getattr(part, owner)[name] for part in parts]


def _column(packed: _Packed, name: str, kind: np.dtype) -> np.ndarray:
    return np.frombuffer(zlib.decompress(packed[name]), kind)


def _rows(packed: _Packed, owner: str, dtype: np.dtype) -> np.ndarray:
    columns = {name: _column(packed, f"{owner}.{name}", dtype[name]) for name in dtype.names or ()}
    rows = np.empty(len(columns["label"]), dtype)
    for name, values in columns.items():
        rows[name] = values
    return rows
