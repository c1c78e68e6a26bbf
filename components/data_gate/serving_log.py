"""Reads logged requests: the images that the served model really sees.

A log is a directory, on any file system, of
- `*.jsonl`: lines of JSON, see `log_lines`;
- `*.tfrecord*`: tf.Examples with `image/encoded`, or the PredictionLogs that TensorFlow Serving itself logs.

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

import numpy as np
import tensorflow as tf
from google.protobuf.message import DecodeError
from tfx.dsl.io import fileio

from ratchet.components.data_gate.log_lines import images_in, line_number, lines_from_the_end
from ratchet.components.imaging.quality import image_features, image_quality
from ratchet.schemas.base.errors import ConfigError, DataError
from ratchet.schemas.base.files import reason_of, refuse_irregular
from ratchet.schemas.base.progress import Progress
from ratchet.schemas.data import features
from ratchet.schemas.data.feature_sample import FeatureSample

_MOST_UNREADABLE = 0.1  # share of logged images; clients do send broken ones
_TORN = "truncated record"  # what TensorFlow says of a file that ends within a record
_OWN_NAME = re.compile(r"served-(\d{8}T\d{12})-\d+\.jsonl")


def read_serving_log(directory: str, limit: int) -> FeatureSample:
    """Measures the newest logged images, each once however often it was asked about.

    Args:
        directory: the log.
        limit: images to look at, at most.

    Returns:
        Their figures; nothing is labelled in a log.

    Raises:
        ConfigError: there is no such directory, or no log in it.
        DataError: a record file is damaged, or more than a tenth of the images cannot be read.
    """
    if not fileio.isdir(directory):
        raise ConfigError(f"data_gate.serving_log = {directory!r}: no such directory; give that of the logged requests")
    rows: list[dict[str, float]] = []
    unreadable: list[str] = []
    known: set[bytes] = set()
    progress = Progress("reading logged requests", limit)
    for place, encoded in _newest_images(directory, limit):
        if isinstance(encoded, DataError):
            unreadable.append(f"{place}: {encoded}")
            continue
        digest = hashlib.sha256(encoded).digest()
        if digest in known:
            continue
        known.add(digest)
        try:
            rows.append(image_features(image_quality(encoded, "the logged image")))
        except DataError as error:
            unreadable.append(f"{place}: {error}")
        progress.update(len(rows))
        if len(rows) == limit:
            break
    if len(unreadable) > _MOST_UNREADABLE * (len(rows) + len(unreadable)):
        raise DataError(
            f"data_gate.serving_log = {directory!r}: {len(unreadable)} of {len(rows) + len(unreadable)} images cannot "
            f"be decoded, the first: {unreadable[0]}"
        )
    if not rows:
        raise ConfigError(f"data_gate.serving_log = {directory!r}: no logged image in it; see `ratchet log-sample`")
    return FeatureSample(
        images={key: np.array([row[key] for row in rows]) for key in rows[0]},
        objects={},
        labels=np.empty(0, np.int64),
        box_counts=np.zeros(len(rows), np.int64),
        embeddings=np.empty((len(rows), 0), np.float32),
    )


@dataclass(frozen=True)
class _Line:
    """A line of a file, which is counted only for a message: the file is read from its end."""

    path: str
    offset: int

    def __str__(self) -> str:
        with fileio.open(self.path, "rb") as file:
            return f"{self.path}, line {line_number(file, self.offset)}"


def _newest_images(directory: str, most: int) -> Iterator[tuple[_Line | str, bytes | DataError]]:
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


def _of_json_lines(path: str) -> Iterator[tuple[_Line, bytes | DataError]]:
    with fileio.open(path, "rb") as file:
        for offset, line, may_be_torn in lines_from_the_end(file):
            try:
                found: list[bytes | DataError] = [*reversed(images_in(line))]
            except DataError as error:
                if may_be_torn:
                    continue
                found = [error]
            for encoded in found:
                yield _Line(path, offset), encoded


def _of_records(path: str, most: int) -> Iterator[tuple[str, bytes | DataError]]:
    """The newest distinct images of a file that can be read from its beginning only: first which they are."""
    newest: dict[bytes, int] = {}  # by digest, the last record that holds it; the newest last
    for number, encoded in _forward(path):
        digest = hashlib.sha256(encoded).digest()
        newest.pop(digest, None)
        newest[digest] = number
    wanted = dict(list(newest.items())[-most:])
    for number, encoded in _forward(path):
        if wanted.get(hashlib.sha256(encoded).digest()) == number:
            yield f"{path}, record {number}", encoded


def _forward(path: str) -> Iterator[tuple[int, bytes]]:
    """Every image with the number of its record; a last record that is being written is left out."""
    compression = "GZIP" if path.endswith(".gz") else ""
    number = 0
    try:
        for number, serialized in enumerate(tf.data.TFRecordDataset(path, compression).as_numpy_iterator()):
            for encoded in _images_of(serialized):
                yield number, encoded
    except (tf.errors.DataLossError, DecodeError) as error:
        if _TORN in str(error):
            return
        raise DataError(f"{path}, after record {number}: damaged ({str(error).splitlines()[0]}); remove it") from error


def _images_of(serialized: Any) -> list[bytes]:
    example = tf.train.Example.FromString(serialized)
    encoded = example.features.feature.get(features.IMAGE_ENCODED)
    if encoded is not None:
        return list(encoded.bytes_list.value)
    from tensorflow_serving.apis import prediction_log_pb2  # only for logs of that form

    request = prediction_log_pb2.PredictionLog.FromString(serialized).predict_log.request
    return [value for tensor in request.inputs.values() for value in tensor.string_val]
