"""Reads logged requests: the images that the served model really sees.

A log is a directory, on any file system, of
- `*.jsonl`: lines of JSON, see `log_lines`;
- `*.tfrecord*`: tf.Examples with `image/encoded`, and `camera` and `logged_at` where they have them, or the
  PredictionLogs that TensorFlow Serving itself logs.

Servers append, so that the newest requests stand at the end of a file. `ratchet log-sample` names its files by their
time; the age of other ones is when they were last written to.
"""

# pyright: reportAttributeAccessIssue=false
# (protobuf's classes are made when their module is imported)

from __future__ import annotations

import datetime
import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import tensorflow as tf
from google.protobuf.message import DecodeError
from tfx.dsl.io import fileio

from ratchet.components.imaging.quality import ImageQuality, image_quality
from ratchet.components.requests.log_lines import (
    LoggedImage,
    camera_of,
    line_number,
    lines_from_the_end,
    logged_in,
    time_of,
)
from ratchet.schemas.base.errors import ConfigError, DataError
from ratchet.schemas.base.files import reason_of, refuse_irregular
from ratchet.schemas.base.progress import Progress
from ratchet.schemas.data import features

_MOST_UNREADABLE = 0.1  # share of logged images; clients do send broken ones
_TORN = "truncated record"  # what TensorFlow says of a file that ends within a record
_OWN_NAME = re.compile(r"served-(\d{8}T\d{12})-\d+\.jsonl")


class RequestLog:
    """The newest logged images, each once however often it was asked about; what is no image is passed over.

    Args:
        directory: the log.
        limit: images to look at, at most.
        named: who names the directory, for messages: a setting or an option.

    Raises:
        ConfigError: there is no such directory.

    Attributes:
        unreadable: what was passed over so far, in words.
    """

    def __init__(self, directory: str, limit: int, named: str) -> None:
        self._directory, self._limit = directory, limit
        self._named = f"{named} = {directory!r}"
        self.unreadable: list[str] = []
        if not fileio.isdir(directory):
            raise ConfigError(f"{self._named}: no such directory; give that of the logged requests")

    def __iter__(self) -> Iterator[tuple[LoggedImage, ImageQuality]]:
        """The images, and what was measured of each.

        Raises:
            ConfigError: there is no logged image.
            DataError: a record file is damaged, or more than a tenth of the images cannot be read.
        """
        self.unreadable, known = [], set[bytes]()
        progress, read = Progress("reading logged requests", self._limit), 0
        for place, logged in _newest_images(self._directory, self._limit):
            if isinstance(logged, DataError):
                self.unreadable.append(f"{place}: {logged}")
                continue
            digest = hashlib.sha256(logged.encoded).digest()
            if digest in known:
                continue
            known.add(digest)
            try:
                quality = image_quality(logged.encoded, "the logged image")
            except DataError as error:
                self.unreadable.append(f"{place}: {error}")
                continue
            yield logged, quality
            read += 1
            progress.update(read)
            if read == self._limit:
                break
        self._check(read)

    def _check(self, read: int) -> None:
        count = len(self.unreadable)
        if count > _MOST_UNREADABLE * (read + count):
            raise DataError(
                f"{self._named}: {count} of {read + count} images cannot be decoded, the first: {self.unreadable[0]}"
            )
        if not read:
            raise ConfigError(f"{self._named}: no logged image in it; see `ratchet log-sample`")


@dataclass(frozen=True)
class _Line:
    """A line of a file, which is counted only for a message: the file is read from its end."""

    path: str
    offset: int

    def __str__(self) -> str:
        with fileio.open(self.path, "rb") as file:
            return f"{self.path}, line {line_number(file, self.offset)}"


def _newest_images(directory: str, most: int) -> Iterator[tuple[_Line | str, LoggedImage | DataError]]:
    """The place of each image for messages, and its file or what is wrong with its entry; the newest first."""
    names = [name for name in map(str, fileio.listdir(directory)) if name.endswith(".jsonl") or ".tfrecord" in name]
    for name in sorted(names, key=lambda name: (_time(directory, name), _natural(name)), reverse=True):
        path = _regular(f"{directory}/{name}")
        yield from _of_json_lines(path) if name.endswith(".jsonl") else _of_records(path, most)


def _time(directory: str, name: str) -> float:
    """When a log was last written to, in seconds of the epoch."""
    own = _OWN_NAME.fullmatch(name)
    if own:
        moment = datetime.datetime.strptime(own[1], "%Y%m%dT%H%M%S%f")
        return moment.replace(tzinfo=datetime.timezone.utc).timestamp()
    return tf.io.gfile.stat(f"{directory}/{name}").mtime_nsec / 1e9


def _natural(name: str) -> list[tuple[int, str]]:
    """`served-9` before `served-10`, for files that were written at one time."""
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", name)]


def _regular(path: str) -> str:
    try:
        refuse_irregular(path)
    except OSError as error:
        raise DataError(f"{path}: {reason_of(error)}; remove it from the log") from error
    return path


def _of_json_lines(path: str) -> Iterator[tuple[_Line, LoggedImage | DataError]]:
    with fileio.open(path, "rb") as file:
        for offset, line, may_be_torn in lines_from_the_end(file):
            try:
                found: list[LoggedImage | DataError] = [*reversed(logged_in(line))]
            except DataError as error:
                if may_be_torn:
                    continue
                found = [error]
            for logged in found:
                yield _Line(path, offset), logged


def _of_records(path: str, most: int) -> Iterator[tuple[str, LoggedImage]]:
    """The newest distinct images of a file that can be read from its beginning only: first which they are."""
    newest: dict[bytes, int] = {}  # by digest, the last record that holds it; the newest last
    for number, logged in _forward(path):
        digest = hashlib.sha256(logged.encoded).digest()
        newest.pop(digest, None)
        newest[digest] = number
    wanted = dict(list(newest.items())[-most:])
    for number, logged in _forward(path):
        if wanted.get(hashlib.sha256(logged.encoded).digest()) == number:
            yield f"{path}, record {number}", logged


def _forward(path: str) -> Iterator[tuple[int, LoggedImage]]:
    """Every image with the number of its record; a last record that is being written is left out."""
    compression = "GZIP" if path.endswith(".gz") else ""
    number = 0
    try:
        for number, serialized in enumerate(tf.data.TFRecordDataset(path, compression).as_numpy_iterator()):
            for logged in _images_of(serialized):
                yield number, logged
    except (tf.errors.DataLossError, DecodeError) as error:
        if _TORN in str(error):
            return
        raise DataError(f"{path}, after record {number}: damaged ({str(error).splitlines()[0]}); remove it") from error


def _images_of(serialized: Any) -> list[LoggedImage]:
    example = tf.train.Example.FromString(serialized)
    encoded = example.features.feature.get(features.IMAGE_ENCODED)
    if encoded is not None:
        camera = camera_of(_text(example, "camera") or _text(example, f"{features.SOURCE_PREFIX}camera"))
        at = time_of(_text(example, "logged_at"))
        return [LoggedImage(value, camera, at) for value in encoded.bytes_list.value]
    from tensorflow_serving.apis import prediction_log_pb2  # only for logs of that form

    request = prediction_log_pb2.PredictionLog.FromString(serialized).predict_log.request
    return [LoggedImage(value) for tensor in request.inputs.values() for value in tensor.string_val]


def _text(example: Any, name: str) -> str | None:
    found = example.features.feature.get(name)
    values = found.bytes_list.value if found is not None else ()
    return values[0].decode(errors="replace") if values else None
