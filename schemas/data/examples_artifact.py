"""A data set as ExampleGen stores it.

`Split-NAME/` with TFRecord files, `dataset.json`, `fingerprints/NAME`, `looks/NAME.npz`. Which TFRecord files belong to
it, and how many images each holds, `dataset.json` says: what a broken try has left beside them is no part of it.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from ratchet.schemas.base.artifact_places import places
from ratchet.schemas.base.errors import StateError
from ratchet.schemas.base.files import Files
from ratchet.schemas.data.dataset import DATASET_FILE, DATASET_FORMAT, FINGERPRINTS, LOOKS, DataSetInfo
from ratchet.schemas.data.fingerprints import Fingerprints
from ratchet.schemas.data.looks import Looks
from ratchet.schemas.data.record_framing import count_records

# As Beam names them while it writes: such a directory is what a killed try has left.
_UNFINISHED = ("beam-temp-", ".")
_FIX = "it has changed since ExampleGen wrote it: restore it, or give the command with --anew"
_SHARD = re.compile(r"-\d+-of-(\d+)(?:\.gz)?$")


def split_directory(uri: str, split: str) -> str:
    """The directory with the TFRecord files of a split, by TFX's convention."""
    return f"{uri}/Split-{split}"


@dataclass(frozen=True)
class ExamplesArtifact:
    """A stored data set.

    Attributes:
        uri: its directory.
        info: its `dataset.json`.
        files: the file system.
    """

    uri: str
    info: DataSetInfo
    files: Files = field(repr=False, compare=False)

    @classmethod
    def open(cls, uri: str, files: Files) -> ExamplesArtifact:
        """Reads what it says of itself.

        Raises:
            Exception: the file system's own, if its `dataset.json` cannot be read.
            StateError: that is not whole.
        """
        path = f"{uri}/{DATASET_FILE}"
        with files.open(path) as file:
            return cls(uri, DATASET_FORMAT.read(file.read(), path), files)

    @classmethod
    def find(cls, recorded: str, digest: str, files: Files, artifacts: str | None) -> ExamplesArtifact | None:
        """A stored data set, wherever it is now.

        Args:
            recorded: the place of it that was written down.
            digest: its content digest.
            files: the file system.
            artifacts: the artifacts directory of the pipeline root, which may have been moved since; None: there is
                none.

        Returns:
            It, or None if it is gone or others have taken its place.
        """
        for place in places(recorded, artifacts):
            # Each file system has errors of its own.
            with contextlib.suppress(Exception):
                found = cls.open(place, files)
                if found.info.digest == digest:
                    return found
        return None

    def record_files(self, *splits: str) -> list[str]:
        """The TFRecord files of tf.Examples of some splits that are there, by split and then by name.

        Of the files in a split's directory those that `dataset.json` lists; where an older version wrote it, all but
        what Beam had not finished.
        """
        return [
            f"{split_directory(self.uri, split)}/{name}"
            for split in splits
            for name in self._names(split)
            if (name in self._listed(split) if self.info.record_files is not None else _is_finished(name))
        ]

    def files_to_read(self, *splits: str) -> list[str]:
        """The same for who reads all of them, so that a listed file that is gone is an error of the reader."""
        return list(self.images_of_files(*splits)) if self.info.record_files is not None else self.record_files(*splits)

    def strangers(self, split: str) -> list[str]:
        """Names of what lies in a split's directory and is no part of the data set."""
        known = {path.rpartition("/")[2] for path in self.record_files(split)}
        return [name for name in self._names(split) if name not in known]

    def check_counted(self, split: str, images: int, source: str) -> None:
        """Makes sure that what was counted by a reader of everything in a split's directory is the data set.

        Args:
            split: which.
            images: how many were counted.
            source: where that stands.

        Raises:
            StateError: it is another number; names the file that it hangs on, as far as that can be said.
        """
        wanted = self.info.images.get(split, 0)
        if images == wanted:
            return
        self.check_files(split)
        beside = self.strangers(split)
        place = split_directory(self.uri, split)
        fix = f"{place} holds what ExampleGen did not write: {', '.join(beside[:3])}; delete it" if beside else _FIX
        raise StateError(f"{source}: of {images} images, but {self._told} says {wanted}; {fix}, and run again")

    def images_of_files(self, *splits: str) -> dict[str, int]:
        """How many images each TFRecord file of some splits holds, by path; none where an older version wrote them."""
        return {
            f"{split_directory(self.uri, split)}/{name}": images
            for split in splits
            for name, images in sorted(self._listed(split).items())
        }

    def is_whole(self, split: str) -> bool:
        """Whether all TFRecord files of a split are there; of older data sets as many as their names say."""
        names = [path.rpartition("/")[2] for path in self.record_files(split)]
        if self.info.record_files is not None:
            return len(names) == len(self._listed(split))
        wanted = {int(match[1]) for name in names if (match := _SHARD.search(name))}
        return not self.info.images.get(split) or len(names) >= max(wanted, default=1)

    def check_read(self, split: str, images: int) -> None:
        """Makes sure that whoever went through all of a split found what ExampleGen wrote.

        Args:
            split: which.
            images: how many were found.

        Raises:
            StateError: it is another number; names the file, as far as that can be said.
        """
        wanted = self.info.images.get(split, 0)
        if images == wanted:
            return
        self.check_files(split)
        raise StateError(
            _differs(split_directory(self.uri, split), images, wanted, "its TFRecord files hold", self._told)
        )

    def check_files(self, *splits: str) -> None:
        """Counts the images of every TFRecord file; reads little, but asks an object store often.

        Raises:
            StateError: the first file that is not there, not whole, or does not hold what was written.
        """
        for path, wanted in self.images_of_files(*splits).items():
            if not self.files.exists(path):
                raise StateError(f"{path}: no such file, but {self._told} lists it with {wanted} images; {_FIX}")
            with self.files.open(path, "rb") as file:
                found = count_records(file)
            if found != wanted:
                raise StateError(_differs(path, found, wanted, "it holds", self._told))

    @property
    def _told(self) -> str:
        return f"{self.uri}/{DATASET_FILE}"

    def _listed(self, split: str) -> Mapping[str, int]:
        return (self.info.record_files or {}).get(split, {})

    def _names(self, split: str) -> list[str]:
        return sorted(str(path).rpartition("/")[2] for path in self.files.glob(f"{split_directory(self.uri, split)}/*"))

    def fingerprints(self, split: str) -> Fingerprints:
        """The perceptual hashes of a split's images; none of a split that the data set was not divided into."""
        if split not in self.info.images:
            return Fingerprints.join([])
        with self.files.open(f"{self.uri}/{FINGERPRINTS}/{split}") as file:
            return Fingerprints.parse(file.read().splitlines(), self.info.span)

    def looks(self, split: str) -> Looks | None:
        """How a split's images look; None where an older version stored the data set, or the file is gone."""
        path = f"{self.uri}/{LOOKS}/{split}.npz"
        if split not in self.info.images:
            return Looks.join([])
        if not self.files.exists(path):
            return None
        with self.files.open(path, "rb") as file:
            return Looks.from_bytes(file.read(), self.fingerprints(split), path)


def check_file_read(path: str, images: int, wanted: Mapping[str, int]) -> None:
    """Makes sure that whoever went through all of a TFRecord file found what ExampleGen wrote.

    Args:
        path: of the file.
        images: how many were found.
        wanted: `images_of_files`; of what is not in there nothing is known.

    Raises:
        StateError: it is another number.
    """
    if images != wanted.get(path, images):
        raise StateError(_differs(path, images, wanted[path], "it holds", DATASET_FILE))


def _differs(place: str, found: int, wanted: int, holds: str, told: str) -> str:
    return f"{place}: {holds} {found} images, but {told} says {wanted}; {_FIX}"


def _is_finished(name: str) -> bool:
    return not name.startswith(_UNFINISHED)
