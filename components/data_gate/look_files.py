"""What travels between the data gate and the Beam workers that look for it, as files in one directory; pure.

`N/wanted.json` says what is wanted of data set N. A worker that has gone through TFRecord file F of it leaves
`N/F.json`, and in `N/F.examples` the tf.Examples that are wanted, one after the other; of BATCH images that the model
was shown, `N/batch-B.npz`. Nothing of this outlasts the step, so that all of it is of one version.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from ratchet.components.detector.detections import Seen
from ratchet.schemas.base.errors import StateError
from ratchet.schemas.base.files import Files
from ratchet.schemas.data.columns import DetectionColumns


class Place(NamedTuple):
    """Where a wanted tf.Example of a data set lies.

    Attributes:
        file_name: of its image.
        file: number of its TFRecord file.
        start: of its bytes in `F.examples`.
        length: how many there are.
        is_chosen: whether it is of the sample.
    """

    file_name: str
    file: int
    start: int
    length: int
    is_chosen: bool


@dataclass(frozen=True)
class Wanted:
    """What is wanted of a data set.

    Attributes:
        title: of the progress.
        images_of_files: how many images each TFRecord file holds, by path; None where that is not known.
        share: of the images that is taken.
        image_ids: of images that are kept.
        file_names: of more such images.
        named: ids of images of which the file name alone is kept.
    """

    title: str
    images_of_files: Mapping[str, int | None]
    share: float
    image_ids: frozenset[int]
    file_names: frozenset[str]
    named: frozenset[int]

    @property
    def files(self) -> tuple[str, ...]:
        """The TFRecord files, by number."""
        return tuple(self.images_of_files)


@dataclass(frozen=True)
class FileSeen:
    """What a worker found in a TFRecord file.

    Attributes:
        images: how many it holds.
        places: of what is wanted, in the order in which it was read.
        names: file names of the images that are only named, by image id.
        error: why it could not be read, or None.
    """

    images: int = 0
    places: Sequence[Place] = ()
    names: Mapping[int, str] = field(default_factory=dict)
    error: str | None = None


class LookDirectory:
    """The files of one data set.

    Args:
        directory: where they are.
        files: the file system.
    """

    def __init__(self, directory: str, files: Files) -> None:
        self._directory = directory
        self._files = files

    def examples(self, file: int) -> str:
        """Path of the tf.Examples that are wanted of a TFRecord file."""
        return f"{self._directory}/{file:05}.examples"

    def write_wanted(self, wanted: Wanted) -> None:
        """For all workers."""
        value = vars(wanted) | {name: sorted(getattr(wanted, name)) for name in ("image_ids", "file_names", "named")}
        self._write("wanted.json", json.dumps(value).encode())

    def wanted(self) -> Wanted:
        """What `write_wanted` wrote."""
        value = json.loads(self._read("wanted.json"))
        sets = {name: frozenset(value[name]) for name in ("image_ids", "file_names", "named")}
        return Wanted(**(value | sets))

    def write_file(self, file: int, seen: FileSeen) -> None:
        """By the worker that went through a TFRecord file."""
        value = vars(seen) | {"names": list(seen.names.items())}
        self._write(f"{file:05}.json", json.dumps(value).encode())

    def file(self, file: int) -> FileSeen:
        """What `write_file` wrote.

        Raises:
            StateError: what the worker could not read.
        """
        value = json.loads(self._read(f"{file:05}.json"))
        places, names = [Place(*each) for each in value["places"]], dict(value["names"])
        seen = FileSeen(**(value | {"places": places, "names": names}))
        if seen.error is not None:
            raise StateError(seen.error)
        return seen

    def write_batch(self, batch: int, seen: Seen | str) -> None:
        """By the worker that showed images to the model; a text says why it could not."""
        content = io.BytesIO()
        if isinstance(seen, str):
            np.savez(content, error=np.array(seen))
        else:
            np.savez(content, embeddings=seen.embeddings, **vars(seen.found))
        self._write(_batch_file(batch), content.getvalue())

    def batch(self, batch: int) -> Seen:
        """What `write_batch` wrote.

        Raises:
            StateError: what the model could not be shown.
        """
        arrays: dict[str, Any] = dict(np.load(io.BytesIO(self._read(_batch_file(batch))), allow_pickle=False))
        if "error" in arrays:
            raise StateError(str(arrays["error"]))
        return Seen(arrays.pop("embeddings"), DetectionColumns(**arrays))

    def stored(self, places: Iterable[Place]) -> Iterator[bytes]:
        """The tf.Examples at some places; of places one after the other each file is opened once."""
        opened, file = None, -1
        try:
            for place in places:
                if opened is None or place.file != file:
                    if opened is not None:
                        opened.close()
                    opened, file = self._files.open(self.examples(place.file), "rb"), place.file
                opened.seek(place.start)
                yield opened.read(place.length)
        finally:
            if opened is not None:
                opened.close()

    def _read(self, name: str) -> bytes:
        path = f"{self._directory}/{name}"
        if not self._files.exists(path):
            raise StateError(f"{path}: a Beam worker has not written it, or not where all see it; run the step again")
        with self._files.open(path, "rb") as file:
            return file.read()

    def _write(self, name: str, content: bytes) -> None:
        with self._files.open(f"{self._directory}/{name}", "wb") as file:
            file.write(content)


def batches(places: Iterable[Place], size: int) -> Iterator[tuple[int, list[Place]]]:
    """The images of the sample in the order of their file names, so many at once, each with its number.

    >>> places = [Place("b", 0, 0, 1, True), Place("c", 0, 1, 1, False), Place("a", 1, 0, 1, True)]
    >>> [(number, [place.file_name for place in batch]) for number, batch in batches(places, 1)]
    [(0, ['a']), (1, ['b'])]
    """
    chosen = sorted(place for place in places if place.is_chosen)
    for number, start in enumerate(range(0, len(chosen), size)):
        yield number, chosen[start : start + size]


def _batch_file(batch: int) -> str:
    return f"batch-{batch:05}.npz"
