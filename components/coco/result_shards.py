"""A directory of JSON files of detections, a part of the data set or an image each, read as one; pure.

Detectors that run on several machines write one file a machine, and some write one an image. All of them are read in
one way, as if they were one file, in which a file name may stand for the image (`per_image.py`).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from ratchet.components.coco.image_keys import ImageKeys, Reading
from ratchet.components.coco.reading import CocoAnnotations
from ratchet.components.coco.result_documents import columns_of, read_document
from ratchet.components.coco.result_rows import ResultRows
from ratchet.components.coco.text_files import JSON
from ratchet.schemas.base.checked_json import shown
from ratchet.schemas.base.errors import DataError
from ratchet.schemas.data.columns import DetectionColumns


def read_result_shards(
    top: str, names: Sequence[str], truth: CocoAnnotations, images: ImageKeys, preferred: Reading | None = None
) -> DetectionColumns:
    """Reads the files.

    Args:
        top: the directory.
        names: of the JSON files in it, at least one.
        truth: what the detections are of.
        images: its images.
        preferred: what image ids are where they can be ids as well as names of files.

    Returns:
        The detections in the order of the files' names and of their entries.

    Raises:
        DataError: a file cannot be read or is none of detections, or two of them hold detections of one class in one
            image, as files of two models do.
    """
    parts = [read_document(os.path.join(top, name), truth, name.removesuffix(JSON)) for name in names]
    file = np.repeat(np.arange(len(parts)), [len(part.keys) for part in parts])
    found = columns_of(_joined(top, names, parts, file), truth, images, preferred)
    _refuse_two_files(top, names, file, found, truth)
    return found


def _joined(top: str, names: Sequence[str], parts: Sequence[ResultRows], file: np.ndarray) -> ResultRows:
    filled = [part for part in parts if len(part.keys)] or parts[:1]
    first = np.cumsum([0, *(len(part.keys) for part in parts)])
    file_names = [name for part in filled for name in part.file_names or ()]
    return replace(
        filled[0],
        keys=[key for part in filled for key in part.keys],
        file_names=file_names if all(part.file_names is not None for part in filled) else None,
        category_ids=np.concatenate([part.category_ids for part in filled]),
        boxes_xywh_px=np.concatenate([part.boxes_xywh_px for part in filled]),
        scores=np.concatenate([part.scores for part in filled]),
        source=top,
        place=_places(names, parts, file, first),
        are_corners=all(part.are_corners for part in filled),
        names_of_files=all(part.names_of_files for part in filled),
    )


def _places(
    names: Sequence[str], parts: Sequence[ResultRows], file: np.ndarray, first: np.ndarray
) -> Callable[[int], str]:
    return lambda row: f"{names[file[row]]}: {parts[file[row]].place(row - int(first[file[row]]))}"


def _refuse_two_files(
    top: str, names: Sequence[str], file: np.ndarray, found: DetectionColumns, truth: CocoAnnotations
) -> None:
    cells = found.image * (len(truth.label_map.names) + 1) + found.labels
    order = np.lexsort((file, cells))
    cells, file = cells[order], file[order]
    twice = np.flatnonzero((cells[1:] == cells[:-1]) & (file[1:] != file[:-1]))
    if not twice.size:
        return
    row = int(order[twice[0]])
    one, other = names[file[twice[0]]], names[file[twice[0] + 1]]
    raise DataError(
        f"{top}: {shown(one)} and {shown(other)} both hold detections of class "
        f"{shown(truth.label_map.names[found.labels[row] - 1])} in image {shown(truth.ids[found.image[row]])}, as "
        "files of two models or copies of one do; leave the files of one model there, or give one file"
    )
