"""Detections as tools write them -> columns: COCO results and their kin; pure.

Format: https://cocodataset.org/#format-results. Besides the plain list the same list is read from an object that has it
under `annotations` or `predictions`, and so are the tensors of torchvision (`per_image.py`), directories of texts
(`result_texts.py`) and of such files (`result_shards.py`). Which image and category are meant is said in
`image_keys.py` and `category_ids.py`.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from os import PathLike

import numpy as np

from ratchet.components.coco.entries import LARGEST_PX, Entries
from ratchet.components.coco.image_keys import UNKNOWN, ImageKeys, Key, Reading
from ratchet.components.coco.listed_results import read_listed_results
from ratchet.components.coco.plain_results import PlainResults, read_plain_results
from ratchet.components.coco.reading import CocoAnnotations, nearest, positions
from ratchet.components.coco.result_documents import OTHER_FILE, columns_of, read_document
from ratchet.components.coco.result_shards import read_result_shards
from ratchet.components.coco.result_texts import read_result_texts
from ratchet.components.coco.text_files import JSON, result_files
from ratchet.components.coco.wrong_format import find_wrong_format
from ratchet.schemas.base.files import refuse_irregular
from ratchet.schemas.data.columns import DetectionColumns
from ratchet.schemas.data.records import LabelMap


def read_results(
    path: str | PathLike[str], truth: CocoAnnotations, preferred: Reading | None = None
) -> DetectionColumns:
    """Reads a results file of any tool; an empty list is one, and an empty object.

    Args:
        path: of the file, or of a directory of result texts or of such files.
        truth: what the detections are of.
        preferred: what image ids are where they can be ids as well as names of files.

    Returns:
        The detections in the order of the file.

    Raises:
        DataError: the file cannot be read, breaks a rule, speaks of unknown images or categories, can be read in two
            ways, or its boxes seem to be in another format than COCO's.
    """
    images = ImageKeys(truth.ids, truth.file_names)
    if os.path.isdir(path):
        top, names = result_files(str(path))
        read = read_result_shards if names[0].endswith(JSON) else read_result_texts
        return read(top, names, truth, images, preferred)
    found = _read_plainly(path, truth, images, preferred)
    return columns_of(read_document(path, truth), truth, images, preferred) if found is None else found


def results_of(entries: Entries, label_map: LabelMap, image_ids: np.ndarray) -> DetectionColumns:
    """The detections of a results file whose image ids are those of the ground truth.

    Args:
        entries: of the file.
        label_map: the known categories.
        image_ids: [i] int64, the known images, ascending.

    Raises:
        DataError: an entry breaks a rule, or speaks of an unknown image or category.
    """
    scores = entries.numbers("score")
    image = positions(entries, "image_id", image_ids, "images", OTHER_FILE)
    known = np.array(label_map.category_ids, np.int64)
    labels = positions(entries, "category_id", known, "categories", OTHER_FILE) + 1
    return DetectionColumns(image, entries.boxes("bbox"), labels, scores)


def _read_plainly(
    path: str | PathLike[str], truth: CocoAnnotations, images: ImageKeys, preferred: Reading | None
) -> DetectionColumns | None:
    """The ways that keep columns alone; None where the general one has to look, which alone says what is wrong."""
    try:
        refuse_irregular(path)
        with open(path, "rb") as file:
            read = read_plain_results(file)
            if read is None:
                file.seek(0)
                read = read_listed_results(file)
    except (OSError, ValueError):
        return None
    if read is None or not np.all(np.abs(read.boxes) <= LARGEST_PX):
        return None
    category_ids = np.array(truth.label_map.category_ids, np.int64)
    categories = nearest(read.category_ids, category_ids)
    if not np.array_equal(category_ids[categories], read.category_ids):
        return None
    keys, of_row = _distinct(read, truth)
    # All entries of one image name one file, or the general reader looks at them one by one.
    files = _file_of_each(read.files, of_row, len(keys)) if read.files is not None else None
    if read.files is not None and files is None:
        return None
    names = None if files is None else [read.file_names[place] for place in files.tolist()]
    places = images.find(keys, names, str(path), preferred)
    image = places[of_row]
    if np.any(places == UNKNOWN) or np.any(read.boxes[:, 2:] < 0):
        return None
    if find_wrong_format(read.boxes, truth.sizes_px[image]) is not None:
        return None
    return DetectionColumns(image, read.boxes, categories + 1, read.scores)


def _distinct(read: PlainResults, truth: CocoAnnotations) -> tuple[Sequence[Key], np.ndarray]:
    """The image ids that occur, and [n] int64 which of them each entry has."""
    if read.image_names:
        return read.image_names, read.image_ids
    place = nearest(read.image_ids, truth.image_ids)
    if not np.array_equal(truth.image_ids[place], read.image_ids):
        keys, of_row = np.unique(read.image_ids, return_inverse=True)
        return keys.tolist(), of_row
    used = np.bincount(place, minlength=len(truth.image_ids)) > 0  # without sorting
    return truth.image_ids[used].tolist(), (np.cumsum(used) - 1)[place]


def _file_of_each(files: np.ndarray, of_row: np.ndarray, count: int) -> np.ndarray | None:
    """[count] int64, the file of each image; None if an image has several."""
    file = np.zeros(count, np.int64)
    file[of_row] = files
    return file if np.array_equal(file[of_row], files) else None
