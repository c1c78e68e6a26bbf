"""Reads logged requests: the images that the served model really sees.

A log is a directory, on any file system, of
- `*.jsonl`: lines of `{"image": BASE64}`, as `ratchet log-sample` writes them, or bodies of TensorFlow Serving's REST
  predict requests, `{"instances": [{"b64": BASE64}]}` or `{"inputs": ...}` alike;
- `*.tfrecord*`: tf.Examples with `image/encoded`, or the PredictionLogs that TensorFlow Serving itself logs.
"""

# pyright: reportAttributeAccessIssue=false
# (protobuf's classes are made when their module is imported)

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import tensorflow as tf
from google.protobuf.message import DecodeError
from tfx.dsl.io import fileio

from components.imaging.quality import image_features, image_quality
from schemas.base.errors import ConfigError, DataError
from schemas.base.files import reason_of, refuse_irregular
from schemas.base.json_keys import unique_keys
from schemas.base.progress import Progress
from schemas.data import features
from schemas.data.feature_sample import FeatureSample

_MOST_UNREADABLE = 0.1  # share of logged images; clients do send broken ones


def read_serving_log(directory: str, limit: int) -> FeatureSample:
    """Measures the newest logged images.

    Args:
        directory: the log.
        limit: images to look at, at most.

    Returns:
        Their figures; nothing is labelled in a log.

    Raises:
        ConfigError: there is no such directory, or no log in it.
        DataError: a log is of none of the known forms, or more than a tenth of its images cannot be decoded.
    """
    if not fileio.isdir(directory):
        raise ConfigError(f"data_gate.serving_log = {directory!r}: no such directory; give that of the logged requests")
    rows: list[dict[str, float]] = []
    unreadable: list[str] = []
    progress = Progress("reading logged requests", limit)
    for place, encoded in _newest_images(directory):
        try:
            rows.append(image_features(image_quality(encoded, place)))
        except DataError as error:
            unreadable.append(str(error))
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


def _newest_images(directory: str) -> Iterator[tuple[str, bytes]]:
    """The place of each image for messages, and its file; names of log files are taken to ascend with time."""
    for name in sorted(map(str, fileio.listdir(directory)), reverse=True):
        path = f"{directory}/{name}"
        if name.endswith(".jsonl"):
            yield from _of_json_lines(_regular(path))
        elif ".tfrecord" in name:
            yield from _of_records(_regular(path))


def _regular(path: str) -> str:
    try:
        refuse_irregular(path)
    except OSError as error:
        raise DataError(f"{path}: {reason_of(error)}; remove it from the log") from error
    return path


def _of_json_lines(path: str) -> Iterator[tuple[str, bytes]]:
    # Bytes, because what is no UTF-8 is then an error of its line.
    with fileio.open(path, "rb") as file:
        for number, line in enumerate(file, 1):
            where = f"{path}, line {number}"
            try:
                for text in _images_in(json.loads(line, object_pairs_hook=unique_keys)):
                    yield where, base64.b64decode(text, validate=True)
            except (ValueError, TypeError, KeyError, AttributeError, RecursionError, binascii.Error) as error:
                raise DataError(
                    f'{where}: not a logged request ({error}); expected {{"image": BASE64}} or a predict request of '
                    "TensorFlow Serving"
                ) from error


def _images_in(entry: Any) -> list[str]:
    if "image" in entry:
        return [entry["image"]]
    given = entry["instances"] if "instances" in entry else entry["inputs"]
    instances = given if isinstance(given, list) else [given]
    found = [instance.get("image_bytes", instance) for instance in instances]
    flat = [each for value in found for each in (value if isinstance(value, list) else [value])]
    return [each["b64"] for each in flat]


def _of_records(path: str) -> Iterator[tuple[str, bytes]]:
    compression = "GZIP" if path.endswith(".gz") else ""
    number = 0
    try:
        for number, serialized in enumerate(tf.data.TFRecordDataset(path, compression).as_numpy_iterator()):
            for encoded in _images_of(serialized):
                yield f"{path}, record {number}", encoded
    except (tf.errors.DataLossError, DecodeError) as error:
        raise DataError(f"{path}, after record {number}: damaged ({str(error).splitlines()[0]}); remove it") from error


def _images_of(serialized: Any) -> list[bytes]:
    example = tf.train.Example.FromString(serialized)
    encoded = example.features.feature.get(features.IMAGE_ENCODED)
    if encoded is not None:
        return list(encoded.bytes_list.value)
    from tensorflow_serving.apis import prediction_log_pb2  # only for logs of that form

    request = prediction_log_pb2.PredictionLog.FromString(serialized).predict_log.request
    return [value for tensor in request.inputs.values() for value in tensor.string_val]
