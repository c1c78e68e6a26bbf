"""What a page shows of two files of detections, as plain values; every string of it is hostile."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ratchet.components.review.content import ErrorAnalysis
from ratchet.schemas.artifacts.evaluation import Evaluation


@dataclass(frozen=True)
class ComparedFile:
    """A file that was read.

    Attributes:
        role: what it is.
        path: as it was given.
        size_bytes: its size.
        sha256: of its bytes.
        holds: what is in it, in words.
    """

    role: str
    path: str
    size_bytes: int
    sha256: str
    holds: str

    @property
    def name(self) -> str:
        """Without its directory."""
        return self.path.rstrip("/").rpartition("/")[2]


@dataclass(frozen=True)
class FilesContent:
    """Everything on the page.

    Attributes:
        evaluation: figures and decision; what stands as the golden set are the images of the ground truth.
        analysis: of errors; its gallery has a picture where that could be read.
        files: ground truth, candidate and baseline, by role.
        pictures: the directory that was named; None where pictures are not wanted.
        unseen: why an image has no picture, by file name, of those that were looked for.
        command: that was given.
        code: version of Ratchet.
        made_at: UTC time, ISO 8601.
    """

    evaluation: Evaluation
    analysis: ErrorAnalysis
    files: Mapping[str, ComparedFile]
    pictures: str | None
    unseen: Mapping[str, str]
    command: str
    code: str
    made_at: str
