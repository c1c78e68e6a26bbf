"""The matches of all images in one place, sorted the way average precision needs them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import cached_property

import numpy as np

from ratchet.components.metrics.coco_rules import DETECTION_DTYPE, TRUTH_DTYPE
from ratchet.components.metrics.limits import MAX_DETECTIONS
from ratchet.components.metrics.matching import Matches
from ratchet.components.metrics.stored_arrays import pieces_of, room_for


@dataclass(frozen=True, eq=False)
class MatchTable:
    """The packed matches of a data set.

    Attributes:
        image_ids: [i] int64, ascending.
        detections: [m] of DETECTION_DTYPE by label, best score first; equal scores by image id, then rank.
        detection_image: [m] int32, position in image_ids.
        truth: [n] of TRUTH_DTYPE by label, then image id.
        truth_image: [n] int32, position in image_ids.
        max_detections: of each image and class the best so many detections are there.
    """

    image_ids: np.ndarray
    detections: np.ndarray
    detection_image: np.ndarray
    truth: np.ndarray
    truth_image: np.ndarray
    max_detections: int = MAX_DETECTIONS

    def detection_rows(self, label: int) -> slice:
        """The rows of `detections` that belong to one class."""
        return _rows_of(self._detection_ends, label)

    def truth_rows(self, label: int) -> slice:
        """The rows of `truth` that belong to one class."""
        return _rows_of(self._truth_ends, label)

    def labels(self) -> list[int]:
        """The labels that occur in detections or truth, ascending."""
        present = [np.flatnonzero(np.diff(ends, prepend=0)) for ends in (self._detection_ends, self._truth_ends)]
        return np.union1d(*present).tolist()

    @cached_property
    def _detection_ends(self) -> np.ndarray:
        return _ends(self.detections["label"])

    @cached_property
    def _truth_ends(self) -> np.ndarray:
        return _ends(self.truth["label"])

    def of_images(self, keep: np.ndarray) -> MatchTable:
        """The table of some of the images, as if only they had been added.

        Args:
            keep: [i] bool, by position in image_ids.

        Returns:
            A new table, its `image_ids` those kept.

        Raises:
            ValueError: `keep` is not one bool per image.
        """
        if keep.dtype != np.bool_ or keep.shape != self.image_ids.shape:
            raise ValueError(
                f"keep: expected {len(self.image_ids)} bools, one per image, got {keep.dtype} {keep.shape}"
            )
        position = np.cumsum(keep, dtype=np.int32) - np.int32(1)
        if keep.all():
            return self
        detections, detection_image = _chosen(self.detections, self.detection_image, lambda _, image: keep[image])
        truth, truth_image = _chosen(self.truth, self.truth_image, lambda _, image: keep[image])
        for image in (detection_image, truth_image):
            for piece in pieces_of(image):
                piece[:] = position[piece]
        return MatchTable(
            self.image_ids[keep], detections, detection_image, truth, truth_image, max_detections=self.max_detections
        )

    def of_labels(self, labels: Sequence[int]) -> MatchTable:
        """The table with the objects and detections of some classes alone; the images stay."""
        if set(self.labels()) <= set(labels):
            return self
        detections = _chosen(self.detections, self.detection_image, lambda rows, _: np.isin(rows["label"], labels))
        truth = _chosen(self.truth, self.truth_image, lambda rows, _: np.isin(rows["label"], labels))
        return MatchTable(self.image_ids, *detections, *truth, max_detections=self.max_detections)

    def of_detections(self, keep: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> MatchTable:
        """The table with some of the detections alone.

        Args:
            keep: given some rows of `detections` and `detection_image`, which of them to keep, bool.
        """
        detections, image = _chosen(self.detections, self.detection_image, keep)
        return replace(self, detections=detections, detection_image=image)


def _chosen(
    rows: np.ndarray, image: np.ndarray, keep: Callable[[np.ndarray, np.ndarray], np.ndarray]
) -> tuple[np.ndarray, np.ndarray]:
    """Some rows and their images, gone through piece by piece, for there may be more of them than memory holds."""
    pieces = list(zip(pieces_of(rows), pieces_of(image)))  # views
    if len(pieces) <= 1:
        kept = keep(rows, image)
        return rows[kept], image[kept]
    count = sum(int(np.count_nonzero(keep(*piece))) for piece in pieces)
    chosen, images = room_for(count, rows.dtype), room_for(count, image.dtype)
    done = 0
    for piece, of_piece in pieces:
        kept = keep(piece, of_piece)
        end = done + int(np.count_nonzero(kept))
        chosen[done:end], images[done:end] = piece[kept], of_piece[kept]
        done = end
    return chosen, images


def to_arrays(tables: Mapping[str, MatchTable]) -> dict[str, np.ndarray]:
    """Tables by name as arrays by name, for an .npz file."""
    return {
        f"table/{name}/{column.name}": np.asarray(getattr(table, column.name))
        for name, table in tables.items()
        for column in fields(MatchTable)
    }


def from_arrays(arrays: Mapping[str, np.ndarray], names: Iterable[str]) -> dict[str, MatchTable]:
    """The inverse of `to_arrays`, of some of the tables; also of files from before the limit could be set."""
    return {name: _from_arrays({c: arrays[f"table/{name}/{c}"] for c in _columns(arrays, name)}) for name in names}


def _columns(arrays: Mapping[str, np.ndarray], name: str) -> list[str]:
    return [column.name for column in fields(MatchTable) if f"table/{name}/{column.name}" in arrays]


def _from_arrays(columns: dict[str, np.ndarray]) -> MatchTable:
    limit = int(columns.pop("max_detections", MAX_DETECTIONS))
    detections = columns.pop("detections").astype(DETECTION_DTYPE, copy=False)  # ranks once were a byte
    return MatchTable(**columns, detections=detections, max_detections=limit)


def join(parts: Sequence[Matches]) -> Matches:
    """The matches of several sets of images as one, in the order given; ValueError if their limits differ."""
    starts = np.cumsum([0, *(len(part.image_ids) for part in parts)], dtype=np.int32)
    return Matches(
        image_ids=np.concatenate([np.empty(0, np.int64), *(part.image_ids for part in parts)]),
        detections=np.concatenate([np.empty(0, DETECTION_DTYPE), *(part.detections for part in parts)]),
        detection_image=_shifted([part.detection_image for part in parts], starts),
        truth=np.concatenate([np.empty(0, TRUTH_DTYPE), *(part.truth for part in parts)]),
        truth_image=_shifted([part.truth_image for part in parts], starts),
        max_detections=common_limit(parts),
    )


def common_limit(parts: Sequence[Matches] | Sequence[MatchTable]) -> int:
    """How many detections of each image and class count; ValueError if the parts were matched at different limits."""
    limits = sorted({part.max_detections for part in parts}) or [MAX_DETECTIONS]
    if len(limits) > 1:
        raise ValueError(f"matches at {limits} detections per image and class cannot be joined; match all at one limit")
    return limits[0]


def build_table(matches: Matches) -> MatchTable:
    """Sort matches; the result does not depend on the order of the images.

    Args:
        matches: of all images, those without detections or objects too.

    Returns:
        The sorted table.

    Raises:
        ValueError: an image occurs twice.
    """
    by_id = np.argsort(matches.image_ids, kind="stable")
    image_ids = matches.image_ids[by_id]
    refuse_repeated(image_ids)
    position = np.empty(len(by_id), dtype=np.int32)
    position[by_id] = np.arange(len(by_id), dtype=np.int32)
    image, truth_image = position[matches.detection_image], position[matches.truth_image]
    order = _best_first(matches.detections["label"], matches.detections["score"], image)
    truth_order = np.lexsort((matches.truth["valid"], truth_image, matches.truth["label"]))
    return MatchTable(
        image_ids=image_ids,
        detections=matches.detections[order],
        detection_image=image[order],
        truth=matches.truth[truth_order],
        truth_image=truth_image[truth_order],
        max_detections=matches.max_detections,
    )


def refuse_repeated(image_ids: np.ndarray) -> None:
    """ValueError if an image occurs twice among ascending ids."""
    twice = image_ids[1:][image_ids[1:] == image_ids[:-1]]
    if twice.size:
        raise ValueError(f"image id {twice[0]} was added twice; every image must be evaluated once")


def join_tables(tables: Sequence[MatchTable]) -> MatchTable:
    """The table of several sets of images, no image of which is in two.

    Raises:
        ValueError: one is.
    """
    return build_table(
        join(
            [
                Matches(t.image_ids, t.detections, t.detection_image, t.truth, t.truth_image, t.max_detections)
                for t in tables
            ]
        )
    )


def _best_first(label: np.ndarray, score: np.ndarray, image: np.ndarray) -> np.ndarray:
    # Rows stand by rank inside an image, so stable sorts, by image first, break ties as pycocotools does. Class by
    # class and in place, because ten million rows are kept in memory.
    if np.all(image[1:] >= image[:-1]):
        order = np.argsort(label, kind="stable")  # 16 bit: a radix sort
    else:
        order = np.argsort(image, kind="stable")
        order = order[np.argsort(label[order], kind="stable")]
    ends = np.cumsum(np.bincount(label, minlength=1))
    for start, end in zip(np.concatenate([[0], ends[:-1]]), ends, strict=True):
        if end > start:
            rows = order[start:end]
            rows[:] = rows[np.argsort(-score[rows], kind="stable")]
    return order


def _ends(labels: np.ndarray) -> np.ndarray:
    # Where the rows of each label end, up to the largest one.
    counts = np.zeros(int(labels[-1]) + 1 if len(labels) else 1, np.int64)
    for piece in pieces_of(labels):
        counts += np.bincount(piece, minlength=len(counts))
    return np.cumsum(counts)


def _rows_of(ends: np.ndarray, label: int) -> slice:
    last = len(ends) - 1
    return slice(int(ends[min(label - 1, last)]), int(ends[min(label, last)]))


def _shifted(images: list[np.ndarray], starts: np.ndarray) -> np.ndarray:
    joined = np.concatenate([np.empty(0, np.int32), *images])
    joined += np.repeat(starts[:-1], [len(part) for part in images])
    return joined
