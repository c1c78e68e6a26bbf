"""`ratchet log-sample`: keeps a share of the images that a served model saw, to measure skew against.

Each call writes one file of JSON lines: `{"image": BASE64, "name": ..., "logged_at": ...}`.
"""

from __future__ import annotations

import base64
import datetime
import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from schemas.base.errors import InputError
from schemas.base.files import LOCAL_FILES, reason_of, refuse_irregular
from schemas.base.sampling import is_sampled

_SUFFIXES = (".jpg", ".jpeg", ".png")


@dataclass(frozen=True)
class Logged:
    """What a call did: how many images it saw and kept, and the file; None if it kept none."""

    seen: int
    kept: int
    file: Path | None


def log_sample(images: Sequence[Path], log: Path, fraction: float) -> Logged:
    """Adds a share of images to a serving log.

    Args:
        images: image files, and directories of them.
        log: directory of the log; made if need be.
        fraction: share of the images to keep, 0..1; the same image is always kept or never.

    Raises:
        InputError: a path does not exist, the fraction is no share, or the log cannot be written.
    """
    if not 0 < fraction <= 1:
        raise InputError(f"--fraction {fraction}: must be above 0 and at most 1")
    now = datetime.datetime.now(datetime.timezone.utc)
    seen, lines = 0, []
    for path in _files(images):
        seen += 1
        content = _read(path)
        if is_sampled(content, fraction):
            entry = {"image": base64.b64encode(content).decode(), "name": path.name, "logged_at": now.isoformat()}
            lines.append(json.dumps(entry) + "\n")
    if not lines:
        return Logged(seen, 0, None)
    return Logged(seen, len(lines), _written(log, now, lines))


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
