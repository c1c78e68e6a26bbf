"""COCO files of a delivery: their images need names, sizes and pictures, their annotations ids."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from ratchet.components.coco.entries import LARGEST_PX, Entries
from ratchet.components.coco.numeric_ids import with_numeric_ids
from ratchet.components.coco.reading import Demands, annotations_of, load_document
from ratchet.components.example_gen.class_lists import refuse_twins
from ratchet.components.example_gen.file_names import check_file_name, read_file
from ratchet.components.example_gen.labelled import COCO_BBOX, Labelled, LabelledImage
from ratchet.components.example_gen.layout.choosing import splits_told
from ratchet.components.example_gen.layout.coco_layouts import IMAGES, coco_files
from ratchet.components.example_gen.layout.layouts import Layout, Part, Reading
from ratchet.components.example_gen.layout.merged import merged
from ratchet.components.example_gen.layout.missing import missing_picture
from ratchet.components.example_gen.layout.pictures import Names, best_base
from ratchet.components.example_gen.layout.tree import Tree
from ratchet.components.imaging.quality import MAX_SIDE_PX, check_size
from ratchet.schemas.base.checked_json import shown
from ratchet.schemas.base.errors import DataError
from ratchet.schemas.base.formatting import and_more

_Find = Callable[[Entries, list[str]], list[str]]  # the pictures of images[], given their names


def read_coco(tree: Tree, layout: Layout, reading: Reading, class_names: tuple[str, ...] | None = None) -> Labelled:
    """Reads the COCO files of a layout; the class names are those of the files.

    Raises:
        DataError: a file breaks a rule, a picture is missing, or the files contradict each other.
    """
    parts = [_read_part(tree, part, reading.without_pictures) for part in layout.parts]
    splits = [part.split for part, read in zip(layout.parts, parts) for _ in read.images]
    read = merged(parts, tree.directory, [tree.path(part.annotations) for part in layout.parts])
    left_out = [] if reading.without_pictures or reading.split else _left_out(tree, layout, read)
    return read.telling(splits_told(splits, reading.split), left_out)


def _left_out(tree: Tree, layout: Layout, read: Labelled) -> list[str]:
    """Pictures that no file lists, and COCO files that were not read."""
    used = {os.path.join(read.directory, image.file_name) for image in read.images}
    known = {part.annotations for part in layout.parts}
    bare = [name for name in tree.pictures if tree.path(name) not in used]
    others = [name for name in coco_files(tree, known) if name not in known]
    told = []
    for names, what in ((bare, "pictures that the COCO file does not list"), (others, "COCO files that were not read")):
        if names:
            told.append(f"{len(names)} {what}, such as {shown(names[0])}{and_more(len(names) - 1)}")
    return told


def _read_part(tree: Tree, part: Part, may_miss: bool) -> Labelled:
    source = tree.path(part.annotations)
    content = read_file(source, tree.files)
    finder = _Finder(tree, part, may_miss)
    labelled = parse_annotations(content, source, "", finder.find)
    return finder.placed(labelled)


def parse_annotations(
    content: bytes, source: str, images_directory: str = IMAGES, find: _Find | None = None
) -> Labelled:
    """Reads the annotation file of a delivery.

    Args:
        content: of the file.
        source: its path, for messages.
        images_directory: holds the images.
        find: gives the picture of each image; None: their names are not looked for.

    Returns:
        The label map (labels 1..K in the order of ascending category id), images by ascending id, boxes in the order of
        the file; their numbers are exactly the file's.

    Raises:
        DataError: the file breaks a rule; names entry, ids, value, what is allowed and the fix.
    """
    names: dict[str, str] = {}

    def sizes(images: Entries) -> np.ndarray:
        asked = images.texts("file_name")
        found = _checked(images, asked) if find is None else find(images, asked)
        images.refuse_repeated("file_name", found)
        names.update(zip(asked, found))
        return _sizes(images)

    document, numbered = with_numeric_ids(load_document(content, source))
    read = annotations_of(document, source, Demands(0, True, sizes, _check_annotations))
    refuse_twins(read.label_map.names, f"{source}: categories")
    sides = read.sizes_px.astype(np.int64).tolist()
    images = [
        LabelledImage(image_id, names[name], width, height, attributes)
        for image_id, name, (width, height), attributes in zip(
            read.image_ids.tolist(), read.file_names, sides, read.attributes
        )
    ]
    boxes = read.objects.boxes_xywh_px
    told = [*numbered, *read.told, *(["ids of images are strings; they were numbered"] if read.text_ids else [])]
    return Labelled(
        *(read.label_map, images, boxes, read.objects, COCO_BBOX, read.entries.place, images_directory),
        mended_areas=read.mended_areas,
        told=tuple(told),
    )


class _Finder:
    """Finds the pictures of one COCO file."""

    def __init__(self, tree: Tree, part: Part, may_miss: bool) -> None:
        self._tree, self._part, self._may_miss = tree, part, may_miss
        self._names = Names(tree.pictures)
        self._base = ""

    def find(self, images: Entries, asked: list[str]) -> list[str]:
        """The picture of each name, below the delivery."""
        base = best_base(asked, self._tree.pictures, self._part.images)
        self._base = base.directory
        paths = [base.of(name) for name in asked]
        found = [None if path is None else self._names.find(path) for path in paths]
        if self._may_miss:
            found = [name or path for name, path in zip(found, paths)]
        missing = np.array([name is None for name in found])
        images.refuse(missing, lambda index: f"file_name {missing_picture(asked[index], self._tree, paths[index])}")
        return _checked(images, [name for name in found if name is not None])

    def placed(self, labelled: Labelled) -> Labelled:
        """The same with names below the directory of the pictures."""
        names = [image.file_name for image in labelled.images]
        below = self._base if all(name.startswith(f"{self._base}/") for name in names) else ""
        cut = len(below) + 1 if below else 0
        images = [image._replace(file_name=image.file_name[cut:]) for image in labelled.images]
        told = (*labelled.told, *self._names.told())
        return replace(labelled, images=images, directory=self._tree.path(below), told=told)


def _checked(images: Entries, names: list[str]) -> list[str]:
    images.check_each(names, check_file_name)
    return names


def _sizes(images: Entries) -> np.ndarray:
    sides = [images.integers(side, 1, MAX_SIDE_PX) for side in ("width", "height")]
    sizes = np.stack(sides, axis=1)
    images.check_each(sizes.tolist(), lambda size, where: check_size(size[0], size[1], where))
    return sizes


def _check_annotations(annotations: Entries) -> None:
    if not len(annotations):
        raise DataError(
            f"{annotations.source}: annotations is empty: not one object is labelled; a data set needs at least one"
        )
    annotations.refuse_repeated("id", annotations.integers("id", 0).tolist())
    annotations.numbers("area", unsaid=0.0, largest=LARGEST_PX)
