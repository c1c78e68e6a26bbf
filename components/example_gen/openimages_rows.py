"""The rows of Open Images, as columns."""

from __future__ import annotations

import os
from array import array
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from ratchet.components.coco.box_formats import FRACTIONS, XYXY
from ratchet.components.example_gen.class_lists import check_class_name
from ratchet.components.example_gen.csv_rows import csv_rows
from ratchet.components.example_gen.file_names import check_file_name, read_number
from ratchet.components.example_gen.image_headers import orientations_of, read_headers
from ratchet.components.example_gen.labelled import TFRECORD_BBOX, BoxField, Labelled, LabelledImage, sizes_of
from ratchet.components.example_gen.layout.layouts import Layout, Part
from ratchet.components.example_gen.layout.missing import missing_picture
from ratchet.components.example_gen.layout.openimages_layouts import NEEDED, SIDES, columns_of
from ratchet.components.example_gen.layout.pictures import Names
from ratchet.components.example_gen.layout.tree import Tree
from ratchet.components.example_gen.read_images import common_top
from ratchet.schemas.base.checked_json import Problems, shown
from ratchet.schemas.base.errors import DataError
from ratchet.schemas.base.formatting import many
from ratchet.schemas.data.columns import TruthColumns
from ratchet.schemas.data.records import LabelMap

ROW = BoxField("box", "XMin, YMin, XMax, YMax as fractions of the image", XYXY.of(FRACTIONS), TFRECORD_BBOX.mistaken)


@dataclass
class Boxes:
    """Rows, as columns: 61 bytes each, however many there are."""

    tree: Tree
    positions: dict[str, int] = field(default_factory=dict)  # of each used picture, in the order of the rows
    splits: dict[str, str] = field(default_factory=dict)
    classes: dict[str, str] = field(default_factory=dict)  # each with the place of its first row
    numbers: array = field(default_factory=lambda: array("d"))
    image: array = field(default_factory=lambda: array("q"))
    label: array = field(default_factory=lambda: array("q"))
    line: array = field(default_factory=lambda: array("q"))
    crowd: bytearray = field(default_factory=bytearray)
    parts: list[tuple[int, str]] = field(default_factory=list)  # rows before each file, its name
    missing: dict[str, int] = field(default_factory=dict)
    first_missing: str = ""
    commas: int = 0
    problems: Problems = field(default_factory=Problems)
    finders: list[_Pictures] = field(default_factory=list)

    @property
    def used(self) -> list[str]:
        """The pictures that have rows, in the order of these."""
        return list(self.positions)

    def read(self, part: Part) -> None:
        """Adds the rows of a file."""
        path = self.tree.path(part.annotations)
        finder = _Pictures(self.tree, part)
        self.finders.append(finder)
        self.parts.append((len(self.line), part.annotations))
        label_of = {name: label for label, name in enumerate(self.classes)}
        columns: dict[str, int] | None = None
        for line, row in csv_rows(path, self.tree.files):
            if columns is None:
                columns = columns_of(row)
                if columns is None:
                    raise DataError(f"{path}: line {line}: its columns are not {', '.join(NEEDED)}; export it again")
                continue
            try:
                self._add(row, columns, f"{path}: line {line}", line, part, finder, label_of)
            except DataError as error:
                self.problems.add(str(error))

    def _add(
        self,
        row: Sequence[str],
        columns: Mapping[str, int],
        where: str,
        line: int,
        part: Part,
        finder: _Pictures,
        label_of: dict[str, int],
    ) -> None:
        if len(row) <= max(columns[name] for name in NEEDED):
            raise DataError(f"{where}: {len(row)} columns, fewer than the header has; copy the file again")
        asked = row[columns["ImageID"]].strip()
        picture = finder.find(asked, where)
        if picture is None:
            self.missing[part.annotations] = self.missing.get(part.annotations, 0) + 1
            self.first_missing = self.first_missing or asked
            return
        _refuse_score(row, columns, where)
        numbers = [self._number(row[columns[side]].strip(), side, where) for side in SIDES]
        crowd = _is_group(row, columns, where)
        name = row[columns["LabelName"]].strip()
        if name not in label_of:
            check_class_name(name, where)
            label_of[name] = len(label_of)
            self.classes[name] = f"{part.annotations}: line {line} ({shown(name)}"
        position = self.positions.setdefault(picture, len(self.positions))
        self.splits.setdefault(picture, part.split)
        self.numbers.extend(numbers)
        self.image.append(position)
        self.label.append(label_of[name])
        self.line.append(line)
        self.crowd.append(crowd)

    def _number(self, text: str, side: str, where: str) -> float:
        if text.count(",") == 1 and "." not in text:
            self.commas += 1
            text = text.replace(",", ".")
        return read_number(text, side, where)

    def check(self) -> None:
        """DataError if a row was broken, or none has a picture."""
        self.problems.raise_if_any()
        if not self.line:
            names = ", ".join(name for _, name in self.parts)
            if not self.missing:
                raise DataError(f"{self.tree.directory}: no box in {names}; a data set needs at least one")
            wrong = missing_picture(self.first_missing, self.tree, None)
            raise DataError(f"{self.tree.directory}: no row of {names} has a picture; the first: {wrong}")

    def told(self) -> list[str]:
        """What was read otherwise than it stands there."""
        told = [sentence for finder in self.finders for sentence in finder.told()]
        if self.commas:
            told.append(f"{self.commas:,} numbers have a decimal comma, which was read as a point")
        return told

    def left_out(self) -> list[str]:
        """The rows without a picture."""
        return [
            f"{many(count, 'row')} of {name}, whose pictures are not there, such as {shown(self.first_missing)}"
            for name, count in self.missing.items()
        ]


def labelled_rows(read: Boxes, layout: Layout, label_map: LabelMap, label_of: np.ndarray) -> Labelled:
    """The annotations of rows."""
    tree, pictures = read.tree, read.used
    order = sorted(range(len(pictures)), key=pictures.__getitem__)
    rank = np.empty(len(order), np.int64)
    rank[order] = np.arange(len(order))
    ordered = [pictures[place] for place in order]
    top = common_top(layout, ordered)
    cut = len(top) + 1 if top else 0
    problems = Problems()
    headers = read_headers([tree.path(name) for name in ordered], tree.files, problems)
    problems.raise_if_any()
    images = [
        LabelledImage(n, name[cut:], *header.size_px, {}) for n, (name, header) in enumerate(zip(ordered, headers), 1)
    ]
    given = np.frombuffer(read.numbers, np.float64).reshape(-1, 4).copy()
    image = rank[np.frombuffer(read.image, np.int64)]
    label_index = np.frombuffer(read.label, np.int64)
    boxes = ROW.format.boxes(given, sizes_of(images)[image])
    starts, files = zip(*read.parts)
    labels = list(read.classes)

    def place(index: int) -> str:
        name, owner = files[bisect_right(starts, index) - 1], images[image[index]]
        of_class = shown(labels[label_index[index]])
        return f"{name}: line {read.line[index]} ({of_class}, image {owner.id} {shown(owner.file_name)})"

    objects = TruthColumns(
        image=image,
        boxes_xywh_px=boxes,
        labels=label_of[label_index],
        area_px2=boxes[:, 2] * boxes[:, 3],
        is_crowd=np.frombuffer(bytes(read.crowd), np.bool_),
    )
    orientations = orientations_of(headers)
    return Labelled(label_map, images, given, objects, ROW, place, tree.path(top), orientations=orientations)


class _Pictures:
    """Finds the picture of an ImageID: by its path or by its name alone, with or without suffix."""

    def __init__(self, tree: Tree, part: Part) -> None:
        places = set(part.images)
        inside = [name for name in tree.pictures if os.path.dirname(name) in places or part.images == ("",)]
        self._of_key: dict[str, str | None] = {}
        for picture in inside or tree.pictures:
            for key in _keys(picture):
                self._of_key[key] = picture if self._of_key.get(key, picture) == picture else None
        self._names = Names(self._of_key)
        self._asked: dict[str, str | None] = {}

    def find(self, asked: str, where: str) -> str | None:
        """The picture; None if there is none. DataError where two may be meant, and for a name that leads elsewhere."""
        if asked not in self._asked:
            key = self._names.find(asked) if asked else None
            if key is not None and self._of_key[key] is None:
                raise DataError(
                    f"{where}: {shown(asked)} may be any of two pictures of that name; give its path as ImageID"
                )
            picture = None if key is None else self._of_key[key]
            self._asked[asked] = None if picture is None else check_file_name(picture, where, "ImageID")
        return self._asked[asked]

    def told(self) -> tuple[str, ...]:
        """Which names were found in another spelling."""
        return self._names.told()


def _keys(picture: str) -> Iterator[str]:
    """What a picture may be called: the ends of its path, each with and without suffix."""
    steps = picture.split("/")
    for start in range(len(steps)):
        name = "/".join(steps[start:])
        yield name
        yield os.path.splitext(name)[0]


def _refuse_score(row: Sequence[str], columns: Mapping[str, int], where: str) -> None:
    place = columns.get("Confidence")
    text = row[place].strip() if place is not None and place < len(row) else ""
    if text not in ("", "1", "1.0") and read_number(text.replace(",", "."), "Confidence", where) != 1:
        raise DataError(
            f"{where}: Confidence {shown(text)}: these are detections with a score, not labels; give labels"
        )


def _is_group(row: Sequence[str], columns: Mapping[str, int], where: str) -> bool:
    place = columns.get("IsGroupOf")
    text = row[place].strip().lower() if place is not None and place < len(row) else ""
    if text not in ("", "0", "1", "-1", "true", "false", "0.0", "1.0"):
        raise DataError(f"{where}: IsGroupOf {shown(text)} must be 0, 1, or -1 for unknown; correct it")
    return text in ("1", "1.0", "true")
