"""`ratchet log-sample`: keeps a share of the images that a served model saw, to measure skew against.

Each call writes one file of JSON lines: `{"digest": SHA256, "image": BASE64, "name": ..., "logged_at": ...}`, with
`"camera": ...` where it is given one. An image that the log has already, by its bytes, is not added again.
"""

from __future__ import annotations

import base64
import datetime
import hashlib
import json
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ratchet.components.requests.log_lines import camera_of, images_in
from ratchet.schemas.base.errors import DataError, InputError
from ratchet.schemas.base.files import LOCAL_FILES, reason_of, refuse_irregular
from ratchet.schemas.base.sampling import is_sampled

_OWN_LINE = re.compile(rb'\{"digest": "([0-9a-f]{64})", "image": "')  # spares decoding what is there
_SUFFIXES = (".jpg", ".jpeg", ".png")


@dataclass(frozen=True)
class Logged:
    """What a call did.

    Attributes:
        seen: images that it was given.
        kept: those that it added.
        already: those of the share that the log had before, or that were given twice.
        file: where it added them; None if there was nothing to add.
    """

    seen: int
    kept: int
    already: int
    file: Path | None


def log_sample(
    images: Sequence[Path], log: Path, fraction: float, camera: str | None = None, file_times: bool = False
) -> Logged:
    """Adds a share of images to a serving log.

    Args:
        images: image files, and directories of them.
        log: directory of the log; made if need be.
        fraction: share of the images to keep, 0..1; the same image is always kept or never.
        camera: that took the images; None: that is not logged.
        file_times: whether an image was logged when its file was last written to, instead of now.

    Raises:
        InputError: a path does not exist, the fraction is no share, the camera has no name, or the log cannot be
            written.
    """
    if not 0 < fraction <= 1:
        raise InputError(f"--fraction {fraction}: must be above 0 and at most 1")
    if camera is not None and not camera_of(camera):
        raise InputError("--camera is empty; give the camera's name, or leave it out")
    of_all = {"camera": camera_of(camera)} if camera is not None else {}
    now = datetime.datetime.now(datetime.timezone.utc)
    seen, already, lines = 0, 0, []
    logged = _digests_in(log)
    for path in _files(images):
        seen += 1
        content = _read(path)
        if not is_sampled(content, fraction):
            continue
        digest = hashlib.sha256(content).hexdigest()
        if digest in logged:
            already += 1
            continue
        logged.add(digest)
        entry = {"digest": digest, "image": base64.b64encode(content).decode()}
        at = _written_at(path) if file_times else now
        lines.append(json.dumps({**entry, "name": path.name, "logged_at": at.isoformat(), **of_all}) + "\n")
    file = _written(log, now, lines) if lines else None
    return Logged(seen, len(lines), already, file)


def _digests_in(log: Path) -> set[str]:
    """SHA-256 of every image that the JSON lines of a log hold; what is no logged request is left to its reader."""
    found: set[str] = set()
    try:
        for path in sorted(log.glob("*.jsonl")):
            refuse_irregular(path)
            with path.open("rb") as file:
                for line in file:
                    found.update(_digests_of(line))
    except OSError as error:
        raise InputError(f"--log {log}: cannot be read: {reason_of(error)}; give another directory") from error
    return found


def _digests_of(line: bytes) -> list[str]:
    own = _OWN_LINE.match(line)
    if own:
        return [own[1].decode()]
    try:
        return [hashlib.sha256(encoded).hexdigest() for encoded in images_in(line)]
    except DataError:
        return []


def _files(paths: Sequence[Path]) -> Iterator[Path]:
    for path in paths:
        if path.is_dir():
            yield from sorted(_below(path))
        elif os.path.lexists(path):
            yield path
        else:
            raise InputError(f"--images {path}: no such file or directory")


def _below(directory: Path) -> Iterator[Path]:
    try:
        for place, _, names in LOCAL_FILES.walk(str(directory)):
            yield from (Path(place, name) for name in names if name.lower().endswith(_SUFFIXES))
    except OSError as error:
        raise InputError(f"--images {error.filename}: cannot be read: {reason_of(error)}; see to it") from error


def _read(path: Path) -> bytes:
    try:
        refuse_irregular(path)
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"--images {path}: cannot be read: {reason_of(error)}; give image files") from error


def _written_at(path: Path) -> datetime.datetime:
    """When a file was last written to, in this machine's own time: the hour of the day is the one that people mean."""
    try:
        return datetime.datetime.fromtimestamp(path.stat().st_mtime).astimezone()
    except (OSError, ValueError, OverflowError) as error:
        raise InputError(f"--images {path}: its time cannot be read ({error}); leave --file-times out") from error


def _written(log: Path, now: datetime.datetime, lines: list[str]) -> Path:
    file = log / f"served-{now:%Y%m%dT%H%M%S%f}-{os.getpid()}.jsonl"  # names ascend with time
    try:
        log.mkdir(parents=True, exist_ok=True)
        writing = file.with_suffix(".writing")
        writing.write_text("".join(lines), encoding="utf-8")
        writing.rename(file)
    except OSError as error:
        raise InputError(f"--log {log}: cannot be written ({error.strerror}); give another directory") from error
    return file
