"""What Beam's workers say of the images, as files: a line of JSON an image, a file a group; pure.

Thumbnails are most of it (4 KB an image), and wait in a file of this machine until they are written in order.
"""

from __future__ import annotations

import base64
import json
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from ratchet.components.example_gen.facts import ImageFacts
from ratchet.components.example_gen.orientations import Oriented, refusal
from ratchet.components.imaging.orientation import UPRIGHT
from ratchet.schemas.base.checked_json import Problems
from ratchet.schemas.base.errors import StateError
from ratchet.schemas.base.files import Files


class ImageOutcome(NamedTuple):
    """What was found out of an image.

    Attributes:
        digest: `image_digest`.
        fingerprint: its line in the text format of fingerprints.
        facts: what its file says.
        is_turned: whether its EXIF orientation was not 1.
        row: of its thumbnail.
    """

    digest: bytes
    fingerprint: str
    facts: ImageFacts
    is_turned: bool
    row: int


def outcome_path(directory: str, group: int) -> str:
    """Where the worker that has done a group says so."""
    return f"{directory}/outcome-{group:05d}"


def end_line(images: int, written: Mapping[str, tuple[str, int]]) -> str:
    """The last line of a group: how many images it had, and of each split the file that was written and its images."""
    return json.dumps({"images": images, "written": written})


class Outcomes:
    """Gathers what was said of the images of a data set.

    Args:
        thumbnail_bytes: of each.

    Attributes:
        images: what was found out, by image id.
        record_files: of each split the files that were written, with the images of each.
    """

    def __init__(self, thumbnail_bytes: int) -> None:
        self.images: dict[int, ImageOutcome] = {}
        self.record_files: dict[str, dict[str, int]] = {}
        self._bytes = thumbnail_bytes
        self._thumbnails = tempfile.TemporaryFile()  # noqa: SIM115 (closed with this object)
        self._refused: list[tuple[int, Oriented]] = []
        self._problems: list[tuple[int, str]] = []

    def read(self, path: str, files: Files) -> None:
        """Adds a group.

        Raises:
            StateError: the file is not there, or not whole.
        """
        try:
            with files.open(path) as file:
                *lines, end = file.read().splitlines() or [""]
            said, lines = json.loads(end), [json.loads(line) for line in lines]
        except Exception as error:  # each file system has errors of its own
            raise StateError(
                f"{path}: no worker has said what became of these images ({type(error).__name__}: {error}); run the "
                "step again"
            ) from error
        if said.get("images") != len(lines):
            raise StateError(f"{path}: {len(lines)} images, where it says {said.get('images')}; run the step again")
        for split, (name, images) in said["written"].items():
            self.record_files.setdefault(split, {})[name] = images
        for line in lines:
            self._add(line)

    def _add(self, line: dict[str, Any]) -> None:
        image_id = line["image_id"]
        if "refused" in line:
            self._refused.append((image_id, Oriented(*line["refused"])))
        elif "problem" in line:
            self._problems.append((image_id, line["problem"]))
        else:
            row = len(self.images)
            self._thumbnails.write(base64.b64decode(line["thumbnail"]))
            self.images[image_id] = ImageOutcome(
                digest=bytes.fromhex(line["digest"]),
                fingerprint=line["fingerprint"],
                facts=ImageFacts.from_json(line["facts"]),
                is_turned=line.get("orientation", UPRIGHT) != UPRIGHT,
                row=row,
            )

    def raise_problems(self, source: str, images: int) -> None:
        """Tells of every image that is not what its annotation says, by ascending id.

        Args:
            source: the data set.
            images: how many it has.

        Raises:
            DataError: there are such images.
        """
        problems = Problems()
        if self._refused:
            problems.add(refusal([found for _, found in sorted(self._refused, key=_image_id)], source, images))
        for _, problem in sorted(self._problems, key=_image_id):
            problems.add(problem)
        problems.raise_if_any()

    def thumbnails(self, image_ids: Iterable[int]) -> Iterator[bytes]:
        """Those of some images, one after the other."""
        for image_id in image_ids:
            self._thumbnails.seek(self.images[image_id].row * self._bytes)
            yield self._thumbnails.read(self._bytes)


def _image_id(told: tuple[int, Any]) -> int:
    return told[0]
