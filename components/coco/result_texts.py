"""Detections in a directory of texts -> columns: YOLO's, Pascal VOC's and those of the mAP tool; pure.

- YOLO: a text an image, `class cx cy w h conf` in fractions of the image, as `yolo predict save_txt=True
  save_conf=True` and YOLOv5's and YOLOv7's `--save-txt --save-conf` write it. Classes are numbered from 0 in the order
  of the ground truth's category ids.
- VOC: a text a class, `comp4_det_test_CLASS.txt`, with `image_id score x1 y1 x2 y2`; corners count pixels from 1 and
  belong to the box, as the devkit (development kit of VOC2012, section 5.2.2), Darknet and Detectron2 write them.
- the mAP tool (github.com/Cartucho/mAP): a text an image, `class_name confidence left top right bottom` in pixels;
  corners are taken as they are, as those of labels in VOC's XML are.

Image files are named without their suffix. An image without a text has no detections, nor has a class.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from ratchet.components.coco.box_formats import CXCYWH, FRACTIONS, XYXY
from ratchet.components.coco.entries import LARGEST_PX, refuse
from ratchet.components.coco.image_keys import UNKNOWN, ImageKeys, Reading
from ratchet.components.coco.reading import CocoAnnotations, refuse_unlikely
from ratchet.components.coco.text_files import Line, lines_of, number_in, score_in
from ratchet.schemas.base.checked_json import shown
from ratchet.schemas.base.errors import DataError
from ratchet.schemas.data.columns import DetectionColumns

_VOC_NAME = re.compile(r"(?:comp[0-9]+_)?det_[^_]+_(?P<class_name>.+)\.txt")
_YOLO_ORDER = "class, center x, center y, width, height, confidence"
_VOC_ORDER = "image_id, score, x1, y1, x2, y2"
_TOOL_ORDER = "class_name, confidence, left, top, right, bottom"
_COLUMNS = 6
_LARGEST_FRACTION = 2.0  # of a center or side: a detector draws over the border
_LEAST_BOXES, _OUT, _OUT_SHARE = 10, 0.05, 0.2  # of boxes that stick out, as of those in wrong_format.py


_OTHER_TRUTH = "correct it, remove it, or give the matching ground truth"


class _Row(NamedTuple):
    label: int
    score: float
    numbers: tuple[float, ...]


class _Rows(NamedTuple):
    labels: np.ndarray  # [n] int64
    scores: np.ndarray  # [n] float64
    numbers: np.ndarray  # [n, 4] float64, as the texts have them


def read_result_texts(
    top: str, names: Sequence[str], truth: CocoAnnotations, images: ImageKeys, preferred: Reading | None = None
) -> DetectionColumns:
    """Reads a directory of result texts.

    Args:
        top: the directory.
        names: of the texts in it.
        truth: what the detections are of.
        images: its images.
        preferred: what names are where they can be ids as well as names of files; None for names of files.

    Returns:
        The detections in the order of the files' names and of their lines.

    Raises:
        DataError: a text cannot be read, breaks a rule, or speaks of an unknown image or class.
    """
    preferred = preferred or ("file-name" if any(truth.file_names) else "id")
    if all(map(_VOC_NAME.fullmatch, names)):
        return _read_voc(top, names, truth, images, preferred)
    stems = [name.removesuffix(".txt") for name in names]
    found = images.find(stems, None, top, preferred)
    refuse(top, names.__getitem__, found == UNKNOWN, lambda at: f"{images.unknown(stems[at])}; {_OTHER_TRUTH}")
    return _read_images(top, names, found, truth)


def _read_voc(
    top: str, names: Sequence[str], truth: CocoAnnotations, images: ImageKeys, preferred: Reading
) -> DetectionColumns:
    labels = [_label_of_file(f"{top}/{name}", name, truth) for name in names]
    lines = list(lines_of(top, names))
    place = _places(names, lines)
    of_lines = np.array([labels[line.file] for line in lines], np.int64)
    rows = _in_bulk(lines, of_lines) or _joined(
        _of_class(line, f"{top}/{place(at)}", labels[line.file]) for at, line in enumerate(lines)
    )
    rows = rows._replace(numbers=rows.numbers - np.array([1, 1, 0, 0]))
    number = {key: at for at, key in enumerate(dict.fromkeys(line.columns[0] for line in lines))}
    found = images.find(list(number), None, top, preferred)
    image = found[np.array([number[line.columns[0]] for line in lines], np.int64)]
    refuse(top, place, image == UNKNOWN, lambda at: f"{images.unknown(lines[at].columns[0])}; {_OTHER_TRUTH}")
    return _columns(rows, image, _of_corners(rows, truth.sizes_px[image], top, place))


def _read_images(top: str, names: Sequence[str], found: np.ndarray, truth: CocoAnnotations) -> DetectionColumns:
    """Texts an image, of which are those at positions `found`."""
    lines = list(lines_of(top, names))
    place, labels = _places(names, lines), {name: label for label, name in enumerate(truth.label_map.names, 1)}
    are_numbered = _are_numbered(lines, labels)
    parse, in_bulk = (_of_number, _numbered_in_bulk) if are_numbered else (_of_name, _named_in_bulk)
    rows = in_bulk(lines, labels) or _joined(parse(line, f"{top}/{place(at)}", labels) for at, line in enumerate(lines))
    image = found[np.array([line.file for line in lines], np.int64)]
    sizes_px = truth.sizes_px[image]
    if not are_numbered:
        return _columns(rows, image, _of_corners(rows, sizes_px, top, place))
    refuse(
        top,
        place,
        np.isnan(sizes_px).any(axis=1),
        lambda row: (
            f"image {shown(truth.ids[image[row]])} has no width and height in the ground truth, without which "
            "fractions are no boxes; add them there"
        ),
    )
    _refuse_other_order(rows, top)
    return _columns(rows, image, CXCYWH.of(FRACTIONS).boxes(rows.numbers, sizes_px))


def _places(names: Sequence[str], lines: Sequence[Line]) -> Callable[[int], str]:
    return lambda row: f"{names[lines[row].file]}: line {lines[row].number}"


def _columns(rows: _Rows, image: np.ndarray, boxes: np.ndarray) -> DetectionColumns:
    return DetectionColumns(image, boxes, rows.labels, rows.scores)


def _joined(rows: Iterable[_Row]) -> _Rows:
    """Lines that were read one by one, which alone says what is wrong with one."""
    found = list(rows)
    return _Rows(
        np.array([row.label for row in found], np.int64),
        np.array([row.score for row in found], np.float64),
        np.array([row.numbers for row in found], np.float64).reshape(-1, 4),
    )


def _in_bulk(lines: Sequence[Line], labels: np.ndarray, score: int = 1) -> _Rows | None:
    """Lines of numbers behind their first column, the score at some column; None where the slow way has to look."""
    if any(len(line.columns) != _COLUMNS for line in lines):
        return None
    try:
        values = np.array([float(text) for line in lines for text in line.columns[1:]], np.float64)
    except ValueError:
        return None
    numbers = values.reshape(-1, _COLUMNS - 1)
    if not np.all(np.abs(numbers) <= LARGEST_PX):  # NaN compares false
        return None
    return _Rows(labels, numbers[:, score - 1], np.delete(numbers, score - 1, axis=1))


def _numbered_in_bulk(lines: Sequence[Line], labels: Mapping[str, int]) -> _Rows | None:
    numbers = [line.columns[0] for line in lines]
    if not all(number.isascii() and len(number) < 10 for number in numbers):
        return None
    classes = np.array(list(map(int, numbers)), np.int64)
    rows = _in_bulk(lines, classes + 1, score=5)
    if rows is None or np.any(classes >= len(labels)):
        return None
    are_fractions = np.all(np.abs(rows.numbers) <= _LARGEST_FRACTION) and np.all(rows.numbers[:, 2:] >= 0)
    return rows if are_fractions and _are_shares(rows.scores) else None


def _named_in_bulk(lines: Sequence[Line], labels: Mapping[str, int]) -> _Rows | None:
    of_name = {name: _label(name, labels) for name in {line.columns[0] for line in lines}}
    known = [of_name[line.columns[0]] or 0 for line in lines]
    rows = _in_bulk(lines, np.array(known, np.int64))
    return rows if rows is not None and np.all(rows.labels > 0) and _are_shares(rows.scores) else None


def _are_shares(scores: np.ndarray) -> bool:
    return bool(np.all((scores >= 0) & (scores <= 1)))


def _are_numbered(lines: Sequence[Line], labels: Mapping[str, int]) -> bool:
    """Whether classes are numbers; names of digits stand beside pixels, of which nearly all are no fractions."""
    if not all(line.columns[0].isdigit() for line in lines):
        return False
    if not all(line.columns[0] in labels for line in lines):
        return True
    return not any(_is_pixels(text) for line in lines for text in line.columns[2:])


def _is_pixels(text: str) -> bool:
    try:
        return float(text) > _LARGEST_FRACTION
    except ValueError:
        return False


def _of_number(line: Line, where: str, labels: Mapping[str, int]) -> _Row:
    """A line of YOLO's."""
    columns = line.columns
    if len(columns) == _COLUMNS - 1:
        raise DataError(
            f"{where}: 5 columns, so that there is no confidence; write the texts again with save_conf=True "
            "(yolo predict save_txt=True save_conf=True; --save-conf of YOLOv5 and YOLOv7)"
        )
    if len(columns) != _COLUMNS:
        more = "; a polygon, an oriented box or the number of a track is not read" if len(columns) > _COLUMNS else ""
        raise DataError(f"{where}: {len(columns)} columns, expected {_COLUMNS}: {_YOLO_ORDER}{more}; write boxes alone")
    number = columns[0]
    if not (number.isascii() and number.isdigit() and len(number) < 10 and int(number) < len(labels)):
        raise DataError(
            f"{where}: class {shown(number)} must be an integer, 0..{len(labels) - 1}: the ground truth has "
            f"{len(labels)} classes, which count from 0 in the order of their category ids; give the ground truth that "
            "the model was trained for, or the ids at these places"
        )
    numbers = [number_in(text, f"column {column}", where) for column, text in enumerate(columns[1:5], 2)]
    if max(map(abs, numbers)) > _LARGEST_FRACTION or min(numbers[2:]) < 0:
        raise DataError(
            f"{where}: the box {' '.join(columns[1:5])} must be fractions of the image, its sides at least 0; the "
            f"columns are {_YOLO_ORDER}; write them so"
        )
    return _Row(int(number) + 1, score_in(columns[5], where, 6, _YOLO_ORDER), tuple(numbers))


def _of_class(line: Line, where: str, label: int) -> _Row:
    """A line of VOC's."""
    columns = line.columns
    if len(columns) != _COLUMNS:
        raise DataError(f"{where}: {len(columns)} columns, expected {_COLUMNS}: {_VOC_ORDER}; correct it")
    x1, y1, x2, y2 = (number_in(text, f"column {column}", where) for column, text in enumerate(columns[2:], 3))
    return _Row(label, number_in(columns[1], "score", where), (x1, y1, x2, y2))


def _of_name(line: Line, where: str, labels: Mapping[str, int]) -> _Row:
    """A line of the mAP tool's."""
    columns = line.columns
    if len(columns) < _COLUMNS:
        raise DataError(f"{where}: {len(columns)} columns, expected {_COLUMNS}: {_TOOL_ORDER}; correct it")
    label = _label(" ".join(columns[:-5]), labels)
    if label is None:
        raise DataError(f"{where}: {_unknown_class(' '.join(columns[:-5]), labels)}; the columns are {_TOOL_ORDER}")
    score = score_in(columns[-5], where, 2, _TOOL_ORDER)
    left, top, right, bottom = (number_in(text, f"column {at}", where) for at, text in enumerate(columns[-4:], 3))
    return _Row(label, score, (left, top, right, bottom))


def _label_of_file(path: str, name: str, truth: CocoAnnotations) -> int:
    found = _VOC_NAME.fullmatch(name)
    class_name = found["class_name"] if found else name
    labels = {each: label for label, each in enumerate(truth.label_map.names, 1)}
    label = _label(class_name, labels)
    if label is None:
        raise DataError(f"{path}: {_unknown_class(class_name, labels)}")
    return label


def _unknown_class(class_name: str, labels: Mapping[str, int]) -> str:
    return (
        f"class {shown(class_name)} is not among those of the ground truth, {shown(list(labels)[:7])}; correct the "
        "name, or give the matching ground truth"
    )


def _label(class_name: str, labels: Mapping[str, int]) -> int | None:
    """The label of a class, whose spaces tools that write texts replace or leave out."""
    alike = (class_name, class_name.replace("_", " "))
    found = next((labels[name] for name in alike if name in labels), None)
    if found is None:
        joined = [label for name, label in labels.items() if name.replace(" ", "") == class_name]
        found = joined[0] if len(joined) == 1 else None
    return found


def _of_corners(rows: _Rows, sizes_px: np.ndarray, top: str, place: Callable[[int], str]) -> np.ndarray:
    boxes = XYXY.boxes(rows.numbers, sizes_px)
    refuse(
        top,
        place,
        np.any(boxes[:, 2:] < 0, axis=1),
        lambda row: "the box ends before it begins; the last columns are x1, y1, x2, y2 in pixels; correct it",
    )
    refuse_unlikely(top, place, boxes, sizes_px, are_corners=True)
    return boxes


def _refuse_other_order(rows: _Rows, top: str) -> None:
    """Refuses `class conf cx cy w h`: fractions alone as well, but boxes that stick out as they are read."""
    moved = np.column_stack([rows.numbers[:, 1:], rows.scores])
    sticks_out = _sticks_out(rows.numbers)
    if len(sticks_out) < _LEAST_BOXES or np.mean(sticks_out) <= _OUT_SHARE or np.any(_sticks_out(moved)):
        return
    raise DataError(
        f"{top}: the columns look like class, confidence, center x, center y, width, height: as given "
        f"{np.sum(sticks_out)} of the {len(sticks_out)} boxes stick out of their image, in that order none does; write "
        f"{_YOLO_ORDER}"
    )


def _sticks_out(boxes_cxcywh: np.ndarray) -> np.ndarray:
    center, half = boxes_cxcywh[:, :2], boxes_cxcywh[:, 2:] / 2
    return np.any((center - half < -_OUT) | (center + half > 1 + _OUT), axis=1)
