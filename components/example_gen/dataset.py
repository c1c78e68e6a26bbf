"""A span directory -> its records and digest, every image seen once and none kept."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Literal

from components.example_gen.coco import parse_annotations
from components.example_gen.images import check_image
from schemas.checked_json import Problems
from schemas.dataset import dataset_digest, image_digest
from schemas.errors import ConfigError, DataError
from schemas.files import LOCAL_FILES, Files
from schemas.records import ImageRecord, LabelMap

ANNOTATIONS = "annotations.json"
IMAGES = "images"

_THREADS = 4
_SPAN = re.compile(r"span-([0-9]+)")
_LISTED_SPANS = 10


@dataclass(frozen=True)
class DataSet:
    """A span or golden set that was read and found sound.

    Attributes:
        label_map: its classes.
        records: its images, ascending by image id.
        digest: sha256 (hex) of all annotations and all image files, whatever the order they came in.
        directory: where it was read.
    """

    label_map: LabelMap
    records: tuple[ImageRecord, ...]
    digest: str
    directory: str


def read_dataset(
    directory: str, files: Files = LOCAL_FILES, on_progress: Callable[[int, int], None] | None = None
) -> DataSet:
    """Reads `annotations.json` and checks and hashes every image that it names under `images/`.

    Other files under `images/` are left alone: they are not part of the data set.

    Args:
        directory: a span directory or the golden set.
        files: the file system.
        on_progress: called with (images done, images in all) after each image.

    Returns:
        The data set, without its pixels.

    Raises:
        DataError: something is missing, contradicts itself or cannot be decoded.
    """
    _check_layout(directory, files)
    source = os.path.join(directory, ANNOTATIONS)
    label_map, records = parse_annotations(_read(source, files, source), source)
    image_digests = _check_images(records, os.path.join(directory, IMAGES), files, on_progress)
    return DataSet(label_map, tuple(records), dataset_digest(label_map, image_digests), directory)


def find_span(data_dir: str, span: int | None, files: Files = LOCAL_FILES) -> tuple[int, str]:
    """Finds a delivery by its number.

    Args:
        data_dir: holds the directories `span-N`.
        span: N; None for the newest, that is the largest.
        files: the file system.

    Returns:
        N and the path of `span-N`.

    Raises:
        DataError: there is no such span, or two directories claim the number.
    """
    if not files.isdir(data_dir):
        raise DataError(f"{data_dir}: no such directory; give the directory that holds the span-N directories")
    spans = _spans(data_dir, files)
    if not spans:
        hint = "this is itself a span: give its parent" if files.exists(os.path.join(data_dir, ANNOTATIONS)) else ""
        raise DataError(f"{data_dir}: no span-N directory in it; {hint or 'name the deliveries span-1, span-2, ...'}")
    number = max(spans) if span is None else span
    names = spans.get(number, [])
    if len(names) != 1:
        wrong = f"{' and '.join(names)} are the same span: rename one" if names else f"no span-{number}"
        raise DataError(f"{data_dir}: {wrong}; it holds {_listed(spans)}")
    return number, os.path.join(data_dir, names[0])


def split_of(key: int | str, eval_fraction: float) -> Literal["train", "eval"]:
    """Says in which part of a span an image belongs, from its name alone: the same in every run and process.

    Args:
        key: the image's file name (or id).
        eval_fraction: expected share of the evaluation part, 0..1; raising it only moves images into it.

    Returns:
        `train` or `eval`.

    Raises:
        ConfigError: the fraction is outside 0..1.
    """
    if not 0 <= eval_fraction <= 1:
        raise ConfigError(f"eval_fraction {eval_fraction} must be within 0..1")
    place = int.from_bytes(hashlib.sha256(str(key).encode()).digest()[:6], "big") / 2**48
    return "eval" if place < eval_fraction else "train"


def _check_layout(directory: str, files: Files) -> None:
    if not files.isdir(directory):
        parent = os.path.dirname(directory.rstrip("/")) or "."
        spans = _spans(parent, files) if files.isdir(parent) else {}
        hint = f"{parent} holds {_listed(spans)}" if spans else "correct the path"
        raise DataError(f"{directory}: no such directory; {hint}")
    if not files.exists(os.path.join(directory, ANNOTATIONS)):
        spans = _spans(directory, files)
        hint = f"it holds {_listed(spans)}: give one of them" if spans else "put the COCO annotation file there"
        raise DataError(f"{directory}: no {ANNOTATIONS} in it; {hint}")
    if not files.isdir(os.path.join(directory, IMAGES)):
        raise DataError(f"{directory}: no directory {IMAGES}/ in it, beside {ANNOTATIONS}; put the image files there")


def _spans(directory: str, files: Files) -> dict[int, list[str]]:
    spans: dict[int, list[str]] = {}
    for entry in sorted(files.listdir(directory)):
        name = entry.rstrip("/")  # object stores list directories with a slash
        match = _SPAN.fullmatch(name)
        if match and files.isdir(os.path.join(directory, name)):
            spans.setdefault(int(match[1]), []).append(name)
    return spans


def _listed(spans: dict[int, list[str]]) -> str:
    names = [name for number in sorted(spans) for name in spans[number]]
    if len(names) > _LISTED_SPANS:
        return f"{len(names)} spans, {names[0]} to {names[-1]}"
    return ", ".join(names)


def _read(path: str, files: Files, where: str) -> bytes:
    try:
        with files.open(path, "rb") as file:
            return file.read()
    except Exception as error:  # TFX's fileio raises TensorFlow's own errors, which have no base class but this
        if not files.exists(path):
            raise DataError(f"{where}: no such file; deliver it or remove the image from {ANNOTATIONS}") from error
        raise DataError(f"{where}: cannot be read ({error}); check what it is and its permissions") from error


def _check_images(
    records: list[ImageRecord], directory: str, files: Files, on_progress: Callable[[int, int], None] | None
) -> dict[int, bytes]:
    def check(record: ImageRecord) -> tuple[int, bytes] | DataError:
        path = os.path.join(directory, record.file_name)
        try:
            encoded = _read(path, files, f"{path} (image {record.image_id})")
            check_image(encoded, record, path)
        except DataError as error:
            return error
        return record.image_id, image_digest(record, encoded)

    problems = Problems()
    digests: dict[int, bytes] = {}
    pool = ThreadPoolExecutor(_THREADS)
    try:
        for done, outcome in enumerate(pool.map(check, records), 1):
            if isinstance(outcome, DataError):
                problems.add(str(outcome))
            else:
                digests[outcome[0]] = outcome[1]
            if on_progress:
                on_progress(done, len(records))
    finally:
        pool.shutdown(cancel_futures=True)  # an interrupted reading ends now, not after the last image
    problems.raise_if_any()
    return digests
