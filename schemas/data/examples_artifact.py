"""A data set as ExampleGen stores it.

`Split-NAME/` with TFRecord files, `dataset.json`, `fingerprints/NAME`, `looks/NAME.npz`.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field

from ratchet.schemas.base.artifact_places import places
from ratchet.schemas.base.files import Files
from ratchet.schemas.data.dataset import DATASET_FILE, DATASET_FORMAT, FINGERPRINTS, LOOKS, DataSetInfo
from ratchet.schemas.data.fingerprints import Fingerprints
from ratchet.schemas.data.looks import Looks


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
        """The TFRecord files of tf.Examples of some splits, in the order of the splits and then of their names."""
        found = (self.files.glob(f"{split_directory(self.uri, split)}/*") for split in splits)
        return [path for paths in found for path in sorted(map(str, paths))]

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
