"""YOLO text files -> annotations; what a line may be is in `yolo_rows`, where the files may be in `layout`.

Formats: https://docs.ultralytics.com/datasets/detect and its neighbours (`images/` and `labels/`), and darknet's
`obj_train_data/` with text files beside the images. A polygon, and an oriented box of four corners, becomes the
upright box around it.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

from ratchet.components.coco.groupings import BACKGROUNDS
from ratchet.components.example_gen.class_lists import label_map_of
from ratchet.components.example_gen.file_names import check_file_name, read_file, read_files, to_text
from ratchet.components.example_gen.image_headers import orientations_of, read_headers
from ratchet.components.example_gen.labelled import YOLO_LINE, Labelled, LabelledBox, LabelledImage
from ratchet.components.example_gen.layout.choosing import (
    is_wanted,
    pictures_told,
    refuse_unknown_split,
    splits_told,
)
from ratchet.components.example_gen.layout.class_files import (
    ClassList,
    agreed,
    class_files,
    is_class_list,
    list_above,
)
from ratchet.components.example_gen.layout.data_yaml import DataYaml, read_data_yamls
from ratchet.components.example_gen.layout.layouts import Layout, Part, Reading
from ratchet.components.example_gen.layout.missing import missing_picture
from ratchet.components.example_gen.layout.pictures import Names
from ratchet.components.example_gen.layout.split_names import split_of_directory
from ratchet.components.example_gen.layout.tree import Tree
from ratchet.components.example_gen.layout.yolo_layouts import looks_like_rows
from ratchet.components.example_gen.yolo_rows import Row, boxes_of_rows, read_row
from ratchet.schemas.base.checked_json import Problems, shown
from ratchet.schemas.base.errors import DataError
from ratchet.schemas.base.formatting import and_more
from ratchet.schemas.base.progress import Progress
from ratchet.schemas.data.records import LabelMap


class _Picture(NamedTuple):
    """A picture and its label file, below the delivery; None: no file, so no object."""

    name: str
    labels: str | None
    split: str


def read_yolo(tree: Tree, layout: Layout, reading: Reading, class_names: tuple[str, ...] | None = None) -> Labelled:
    """Reads the label files and the headers of the images; image ids follow the file names.

    Args:
        tree: the delivery.
        layout: where its texts and pictures are.
        reading: what the user says of it.
        class_names: the curated list of classes, in label order, for a delivery that lists none.

    Returns:
        The annotations; category id k is class k - 1 of the files. An image without a text file has no objects.

    Raises:
        DataError: a line is none of YOLO's, a class is unknown, a text file has no image, an image no size, or there
            is no list of classes, or two that contradict each other.
    """
    yamls = read_data_yamls(tree, [part.annotations for part in layout.parts])
    label_map = _classes(tree, yamls, reading, class_names)
    pictures, told, left_out = _chosen(tree, layout, yamls, reading)
    lines = _read_rows(tree, pictures, label_map.names)
    rows = [row for found in lines for row in found]
    if not rows:
        raise DataError(
            f"{tree.directory}: {len(pictures)} images without one object; a data set needs at least one{_held(tree)}"
        )
    boxes = iter(boxes_of_rows(rows, *_kind_of_rows(yamls)))
    label_map, first = _without_background(label_map, rows, told)
    problems = Problems()
    headers = read_headers([tree.path(picture.name) for picture in pictures], tree.files, problems)
    problems.raise_if_any()
    top = _common_top(layout)
    cut = len(top) + 1 if top else 0
    images = [
        LabelledImage(n, picture.name[cut:], *header.size_px, {})
        for n, (picture, header) in enumerate(zip(pictures, headers), 1)
    ]
    labelled = [
        LabelledBox(position, row.number + 1 - first, next(boxes), f"{row.where[len(tree.directory) + 1 :]} (")
        for position, found in enumerate(lines)
        for row in found
    ]
    read = Labelled.of(label_map, images, labelled, YOLO_LINE, tree.path(top))
    return replace(read, orientations=orientations_of(headers)).telling(told, left_out)


def _classes(tree: Tree, yamls: Sequence[DataYaml], reading: Reading, class_names: tuple[str, ...] | None) -> LabelMap:
    if reading.class_names is not None:
        return label_map_of(reading.class_names, "--classes")
    lists = [ClassList(tree.path(each.name), each.class_names) for each in yamls if each.class_names is not None]
    found = agreed([*lists, *class_files(tree)]) or list_above(tree.directory, tree.files)
    if found is not None:
        return label_map_of(found.names, found.path)
    if class_names is None:
        raise DataError(f"{tree.directory}: {_no_classes(tree, yamls)}")
    return label_map_of(class_names, "the schema's classes")


def _no_classes(tree: Tree, yamls: Sequence[DataYaml]) -> str:
    """What is there instead of a list of classes, and what to do."""
    command = "`ratchet convert --classes"
    if yamls:
        return f"{yamls[0].name} has no names; add `names: [...]`, or give a file with the names with {command}`"
    likely = [name for name in tree.ending(".yaml", ".yml", ".names") if os.path.basename(name) not in _NO_LISTS]
    if likely:
        return (
            f"no list of classes where it belongs, but {shown(likely[0])} is there; if it has the names, give it with "
            f"{command} {shlex.quote(tree.path(likely[0]))}`"
        )
    return (
        f"no data.yaml, obj.names or classes.txt in it; name the classes in one of them, or give a file with {command}`"
    )


_NO_LISTS = ("args.yaml", "hyp.yaml", "opt.yaml")  # of a training


def _without_background(label_map: LabelMap, rows: Sequence[Row], told: list[str]) -> tuple[LabelMap, int]:
    """The classes without a background that comes first and has no object; and how many classes were left out."""
    first, *others = label_map.names
    if first.lower() not in BACKGROUNDS or not others or any(row.number == 0 for row in rows):
        return label_map, 0
    told.append(f"class 0 {shown(first)} was left out: it has no object and is a background")
    return label_map_of(others, "the list of classes"), 1


def _kind_of_rows(yamls: Sequence[DataYaml]) -> tuple[int, str]:
    kinds = {(each.keypoints, each.task) for each in yamls if each.keypoints or each.task}
    if len(kinds) > 1:
        names = ", ".join(each.name for each in yamls)
        raise DataError(f"{names}: they differ in kpt_shape or task, so what a row is is not said; keep one of them")
    return kinds.pop() if kinds else (0, "")


def _chosen(
    tree: Tree, layout: Layout, yamls: Sequence[DataYaml], reading: Reading
) -> tuple[list[_Picture], list[str], list[str]]:
    """The pictures to read, sorted by name; what to tell; and what is left out."""
    told = [sentence for each in yamls for sentence in each.told]
    left_out = _outside(tree, layout)
    found = [picture for part in layout.parts for picture in _paired(tree, part, told, left_out)]
    listed: dict[str, list[str]] = {}
    for each in yamls:
        for split, names in each.splits.items():
            for name in names:
                listed.setdefault(name, []).append(split)
    if listed:
        outside = [picture.name for picture in found if picture.name not in listed]
        if outside:
            more = f"such as {shown(outside[0])}{and_more(len(outside) - 1)}"
            left_out.append(f"{len(outside)} pictures are in no split of {yamls[0].name}, {more}")
        found = [picture for picture in found if picture.name in listed]
    found = _labelled_parts(_once(_one_each(found, tree), tree, told), listed, left_out)
    told += _bare(found)
    splits = {picture.name: listed.get(picture.name, [picture.split]) for picture in found}
    refuse_unknown_split(reading.split, [split for each in splits.values() for split in each], tree.directory)
    told += splits_told([split for each in splits.values() for split in each], reading.split)
    chosen = [picture for picture in found if any(is_wanted(split, reading.split) for split in splits[picture.name])]
    for picture in chosen:
        check_file_name(picture.name, tree.directory)
    return sorted(chosen), told, left_out


def _one_each(found: list[_Picture], tree: Tree) -> list[_Picture]:
    """Each picture once, with its text, where two directories of texts share those of pictures."""
    kept: dict[str, _Picture] = {}
    for picture in found:
        other = kept.setdefault(picture.name, picture)
        if other.labels is None:
            kept[picture.name] = picture
        elif picture.labels not in (None, other.labels):
            raise DataError(
                f"{tree.path(other.labels)} and {tree.path(picture.labels or '')} are labels of one picture; remove one"
            )
    return list(kept.values())


def _once(found: list[_Picture], tree: Tree, told: list[str]) -> list[_Picture]:
    """Without pictures that are there a second time, through a symbolic link inside of the delivery."""
    if not tree.doubled:
        return found
    kept: dict[tuple[str, str], _Picture] = {}
    for picture in found:
        place = (tree.path(picture.name), tree.path(picture.labels) if picture.labels else "")
        kept.setdefault((os.path.realpath(place[0]), os.path.realpath(place[1])), picture)
    if len(kept) < len(found):
        told.append(f"{len(found) - len(kept)} pictures are there twice by symbolic links, and were read once")
    return list(kept.values())


def _labelled_parts(found: list[_Picture], listed: dict[str, list[str]], left_out: list[str]) -> list[_Picture]:
    """Without splits of which no picture has a text file: those of a test that was never labelled."""
    labels: dict[str, list[bool]] = {}
    for picture in found:
        for split in listed.get(picture.name, [picture.split]):
            labels.setdefault(split, []).append(picture.labels is not None)
    bare = {split for split, has in labels.items() if split and not any(has)}
    if not bare or len(bare) == len(labels):
        return found
    kept = [picture for picture in found if not bare.issuperset(listed.get(picture.name, [picture.split]))]
    left_out += [f"{len(labels[split])} pictures of {split}, none of which has a text file" for split in sorted(bare)]
    return kept


def _bare(found: list[_Picture]) -> list[str]:
    """Pictures without a text file, which are read as pictures without objects."""
    bare = [picture.name for picture in found if picture.labels is None]
    if not bare:
        return []
    more = f"such as {shown(bare[0])}{and_more(len(bare) - 1)}"
    return [f"{len(bare)} of {len(found)} pictures have no text file and were read as pictures without objects, {more}"]


def _outside(tree: Tree, layout: Layout) -> list[str]:
    """What lies in no part of the layout, and pictures of kinds that are not read."""
    tops = [f"{part.images[0]}/" if part.images[0] else "" for part in layout.parts]
    outside = [name for name in tree.pictures if not name.startswith(tuple(tops))]
    return pictures_told((outside, "outside of its directories"), (tree.other_pictures, "neither JPEG nor PNG"))


def _paired(tree: Tree, part: Part, told: list[str], left_out: list[str]) -> list[_Picture]:
    """The pictures of a part, each with its label file."""
    images, labels = part.images[0], part.annotations
    stems: dict[str, str] = {}
    problems = Problems()
    for name in _below(tree.pictures, images):
        stem = os.path.splitext(_relative(name, images))[0]
        if stem in stems:
            problems.add(
                f"{tree.path(labels)}: {shown(stems[stem])} and {shown(name)} would share {shown(stem + '.txt')}; "
                "rename one"
            )
        stems[stem] = name
    problems.raise_if_any()
    texts = {
        _relative(name, labels)[: -len(".txt")]: name
        for name in _below(tree.ending(".txt"), labels)
        if not is_class_list(name)
    }
    owners = {stem: stem for stem in texts if stem in stems}
    left = Names(stem for stem in stems if stem not in owners)
    for stem, name in texts.items():
        if stem in owners:
            continue
        owner = left.find(stem) or _whole_name(stem, stems)
        if owner is None:
            _explain_alone(tree, name, os.path.join(images, stem), problems, left_out)
        elif owner in owners:
            problems.add(
                f"{tree.path(name)} and {tree.path(texts[owners[owner]])} are labels of one picture; remove one"
            )
        else:
            owners[owner] = stem
    problems.raise_if_any()
    told += left.told()
    return [
        _Picture(name, texts[owners[stem]] if stem in owners else None, part.split or split_of_directory(name))
        for stem, name in stems.items()
    ]


def _whole_name(stem: str, stems: dict[str, str]) -> str | None:
    """The stem of the picture `a.jpg` for a text that is called `a.jpg.txt`."""
    owner = os.path.splitext(stem)[0]
    return owner if owner in stems and stems[owner].endswith(f"/{stem}") else None


def _explain_alone(tree: Tree, name: str, picture: str, problems: Problems, left_out: list[str]) -> None:
    """A text without picture: an error if it holds boxes, else a note of somebody."""
    if looks_like_rows(read_file(tree.path(name), tree.files)):
        problems.add(f"{tree.path(name)}: it has boxes of {missing_picture(picture, tree, picture)}")
    else:
        left_out.append(f"{shown(name)} has no boxes and no picture")


def _read_rows(tree: Tree, pictures: Sequence[_Picture], names: Sequence[str]) -> list[list[Row]]:
    problems = Problems()
    rows: list[list[Row]] = []
    contents = read_files([tree.path(picture.labels) for picture in pictures if picture.labels is not None], tree.files)
    progress = Progress("reading labels", len(pictures), only_if_long=True)
    for number, picture in enumerate(pictures, 1):
        progress.update(number)
        found: list[Row] = []
        rows.append(found)
        if picture.labels is None:
            continue
        path, content = tree.path(picture.labels), next(contents)
        try:
            if isinstance(content, DataError):
                raise content
            for line_number, line in enumerate(to_text(content, path).splitlines(), 1):
                if line.strip():
                    found.append(read_row(line, f"{path}: line {line_number}", len(names), names))
        except DataError as error:
            problems.add(str(error))
    problems.raise_if_any()
    return rows


def _held(tree: Tree) -> str:
    return f" (it holds {len(tree.ending('.txt'))} text files)"


def _common_top(layout: Layout) -> str:
    tops = [part.images[0] for part in layout.parts]
    return os.path.commonpath(tops) if all(tops) else ""


def _below(names: Sequence[str], directory: str) -> list[str]:
    return [name for name in names if not directory or name.startswith(f"{directory}/")]


def _relative(name: str, directory: str) -> str:
    return name[len(directory) :].lstrip("/")
