"""Matches of some images in files of their own, for those of all images are more than should travel or be in memory.

Workers write what they have collected as soon as it is large, and only the names of the files go on. What is joined at
the end is the same to the bit, whatever images are in which shard, and whether there are shards at all.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import Protocol
from uuid import uuid4

import numpy as np

from ratchet.components.map_evaluator.matches import Collector, DataSetMatches
from ratchet.components.metrics.merging import write_joined
from ratchet.components.metrics.stored_arrays import ArraysWriter

# Bytes of matches: beyond, a worker writes what it has collected, and what it has at its end. Tests set them lower.
MOST_IN_MEMORY = 48 << 20
_MOST_THAT_TRAVELS = 4 << 20


class Places(Protocol):
    """A file system, of which files are written and read as files of this machine."""

    def write(self, path: str, save: Callable[[str], None]) -> None:
        """Lets a function write a file, given where, and puts it in its place when it is whole."""
        ...

    def here(self, paths: Sequence[str]) -> AbstractContextManager[list[str]]:
        """Where files are on this machine; what was mapped of them stays after the end of the context."""
        ...


@dataclass(frozen=True)
class Shards:
    """A directory for shards that every worker reaches.

    Attributes:
        directory: where; made when it is needed.
        places: how files get there.
    """

    directory: str
    places: Places

    def relieved(self, collector: Collector, most: int | None = None) -> Collector:
        """The collector, its matches in a shard if they are large.

        Args:
            collector: of some images.
            most: bytes that it may have; None for what may travel.
        """
        if collector.nbytes <= (_MOST_THAT_TRAVELS if most is None else most):
            return collector
        path = f"{self.directory}/{uuid4().hex}.npz"
        self.places.write(path, collector.images().save)
        return replace(collector.without_matches(), shards=[*collector.shards, path])

    def gathered(self, collectors: Sequence[Collector]) -> list[Collector]:
        """The same in one, in a shard if it has become large."""
        return [self.relieved(Collector.merge(collectors), MOST_IN_MEMORY)]


def save_collected(collector: Collector, path: str, places: Places) -> None:
    """Writes what was collected, in memory and in shards, as one file that `DataSetMatches.load` reads.

    Args:
        collector: of all images.
        path: where to.
        places: where shards are read, and the file is written.

    Raises:
        ValueError: an image was added twice.
    """
    if not collector.shards:
        places.write(path, collector.finish().save)
        return
    with places.here(collector.shards) as shards:
        parts = [*map(DataSetMatches.load, shards), collector.images()]
        places.write(path, lambda local: _write(local, parts, collector.of_all_images()))


def _write(path: str, parts: Sequence[DataSetMatches], of_all: DataSetMatches) -> None:
    names = list(dict.fromkeys(name for part in parts for name in part.tables))
    with ArraysWriter(path) as writer:
        for name in names:
            write_joined(writer, name, [part.tables[name] for part in parts if name in part.tables])
        order = np.argsort(np.concatenate([part.image_ids for part in parts if part.tables]))
        digests = np.concatenate([part.digests for part in parts])
        whole = replace(of_all, digests=digests[order] if len(digests) else digests)
        attributes = {}
        for name in of_all.attributes:
            values = np.concatenate([part.attributes[name] for part in parts])
            attributes[name] = values[order] if len(values) else values
        replace(whole, attributes=attributes).write_rest(writer, names)
