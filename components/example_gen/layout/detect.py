"""Which layout a delivery has; where it may be more than one, or none, what to do."""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable
from dataclasses import replace

from ratchet.components.example_gen.layout.choosing import refuse_unknown_split
from ratchet.components.example_gen.layout.coco_layouts import find_coco, given_coco
from ratchet.components.example_gen.layout.cvat_layouts import find_cvat, given_cvat, is_cvat
from ratchet.components.example_gen.layout.data_yaml import set_elsewhere
from ratchet.components.example_gen.layout.foreign import foreign_files
from ratchet.components.example_gen.layout.huggingface_layouts import (
    find_huggingface,
    given_huggingface,
    has_boxes,
)
from ratchet.components.example_gen.layout.layouts import FORMATS, Layout, Part, Reading
from ratchet.components.example_gen.layout.openimages_layouts import (
    find_openimages,
    given_openimages,
    is_openimages,
)
from ratchet.components.example_gen.layout.split_names import same_split
from ratchet.components.example_gen.layout.tfrecord_layouts import find_tfrecord
from ratchet.components.example_gen.layout.tree import Tree
from ratchet.components.example_gen.layout.voc_layouts import find_voc, given_voc
from ratchet.components.example_gen.layout.yolo_layouts import find_yolo, given_yolo
from ratchet.schemas.base.errors import DataError
from ratchet.schemas.base.formatting import and_more

_FINDERS: dict[str, Callable[[Tree], list[Layout]]] = {
    "coco": find_coco,
    "voc": find_voc,
    "yolo": find_yolo,
    "tfrecord": find_tfrecord,
    "openimages": find_openimages,
    "huggingface": find_huggingface,
    "cvat": find_cvat,
}
_GIVEN: dict[str, Callable[[Tree, Reading], Layout]] = {
    "coco": given_coco,
    "voc": given_voc,
    "yolo": given_yolo,
    "openimages": given_openimages,
    "huggingface": given_huggingface,
    "cvat": given_cvat,
}
_KINDS = (
    "COCO (*.json), Pascal VOC (*.xml), YOLO (*.txt beside pictures or in labels/), *.tfrecord, Open Images (*.csv), "
    "Hugging Face imagefolder (metadata.jsonl), CVAT (annotations.xml)"
)


def layouts_of(tree: Tree, form: str | None = None) -> list[Layout]:
    """All ways to read a delivery, or those of one format."""
    return [layout for each in FORMATS if each in _FINDERS and form in (None, each) for layout in _FINDERS[each](tree)]


def layout_of(tree: Tree, reading: Reading) -> Layout:
    """The way to read a delivery.

    Args:
        tree: the delivery.
        reading: what the user says of it.

    Raises:
        DataError: it can be read in no way, or in more than one; names what is there, and the command of each way.
    """
    form = reading.form or _form_given(tree, reading)
    if form in _GIVEN and (reading.annotations is not None or reading.images is not None):
        return _GIVEN[form](tree, _inside(tree, reading))
    found = layouts_of(tree, form)
    if len(found) == 1:
        return _of_split(found[0], reading, tree)
    if not found:
        raise DataError(_nothing(tree, form))
    ways = "\n  ".join(f"{layout.name} ({layout.mark}): {_command(layout, found)}" for layout in found[:_WAYS])
    raise DataError(
        f"{tree.directory}: it can be read in {len(found)} ways; say which to `ratchet convert`, or with the like of "
        f"data.reading.format in the settings:\n  {ways}"
        f"{and_more(len(found) - _WAYS)}"
    )


_WAYS = 5


def _form_given(tree: Tree, reading: Reading) -> str | None:
    """The format of the annotations that a user names."""
    if reading.annotations is None:
        return None
    if reading.annotations.lower().endswith(".json"):
        return "coco"
    place = _below(tree, reading.annotations)
    if place in tree:
        form = next((form for form, is_one in _BY_CONTENT.items() if is_one(tree, place)), None)
        if form is not None:
            return form
    if not place or place in tree.directories:
        names = [name for name in tree.names if not place or name.startswith(f"{place}/")]
        counts = {form: sum(name.lower().endswith(end) for name in names) for form, end in _ENDS.items()}
        best = max(counts, key=counts.__getitem__)
        if counts[best]:
            return best
    raise DataError(
        f"{reading.annotations}: no COCO file, and no directory with .xml or .txt files in {tree.directory}; correct "
        "--annotations"
    )


_BY_CONTENT = {"openimages": is_openimages, "huggingface": has_boxes, "cvat": is_cvat}
_ENDS = {"voc": ".xml", "yolo": ".txt"}


def _inside(tree: Tree, reading: Reading) -> Reading:
    annotations = reading.annotations and _below(tree, reading.annotations)
    if annotations is not None and annotations not in tree and annotations not in tree.directories:
        raise DataError(f"{reading.annotations}: not in {tree.directory}; correct --annotations")
    images = reading.images if reading.images is None else _below(tree, reading.images)
    if images is not None and images not in tree.directories:
        raise DataError(f"{reading.images}: no directory with files in {tree.directory}; correct --images")
    return replace(reading, annotations=annotations, images=images)


def _below(tree: Tree, path: str) -> str:
    """A path below the delivery; it may be given with the delivery's own before it."""
    head = f"{tree.directory}/"
    inside = path[len(head) :] if path.startswith(head) else path
    steps = [step for step in inside.split("/") if step not in ("", ".")]
    return "" if f"{path.rstrip('/')}/" == head else "/".join(steps)


def _of_split(layout: Layout, reading: Reading, tree: Tree) -> Layout:
    """Without the parts of other splits, where a part is one."""
    if reading.split is None or any(not part.split for part in layout.parts):
        return layout
    refuse_unknown_split(reading.split, [part.split for part in layout.parts], tree.directory)
    kept: list[Part] = [part for part in layout.parts if part.split == same_split(reading.split or "")]
    return replace(layout, parts=tuple(kept))


def _command(layout: Layout, found: list[Layout]) -> str:
    if sum(other.form == layout.form for other in found) == 1:
        return f"--format {layout.form}"
    return f"--annotations {shlex.quote(layout.parts[0].annotations)}"


def _nothing(tree: Tree, form: str | None) -> str:
    elsewhere = set_elsewhere(tree)
    if elsewhere is not None and os.path.realpath(elsewhere[1]) != os.path.realpath(tree.directory):
        yaml, directory = map(shlex.quote, elsewhere)
        return (
            f"{yaml}: the data set that it describes is in {directory}; give that directory, with "
            f"`ratchet convert --classes {yaml}` if no list of classes is in it"
        )
    kinds: dict[str, int] = {}
    for name in tree.names:
        end = f"*.{name.rsplit('.', 1)[1].lower()}" if "." in name.rsplit("/", 1)[-1] else name.rsplit("/", 1)[-1]
        kinds[end] = kinds.get(end, 0) + 1
    held = ", ".join(f"{count} {end}" for end, count in sorted(kinds.items(), key=lambda item: -item[1])[:6])
    foreign = [each.told(tree) for each in foreign_files(tree)[:_WAYS]]
    if foreign:
        return "\n  ".join(foreign)
    wanted = f"no {form} annotations" if form else f"no annotations that Ratchet reads: {_KINDS}"
    return f"{tree.directory}: {wanted}; it holds {held or 'no files'}"
