"""Which images the models are measured on, as a file: Beam's workers read it, so that its graph does not grow; pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ratchet.components.map_evaluator.held_out import ChosenImages
from ratchet.schemas.base.errors import StateError
from ratchet.schemas.base.files import Files

PART_FILE = "part.json"  # gone when the matches are there
_FORMAT = 1


@dataclass(frozen=True)
class DataPart:
    """Images to measure the models on.

    Attributes:
        name: of the data set.
        files: TFRecords of tf.Examples, which are spread over the workers.
        images: how many they hold.
        share: share of them that is used, a fixed random sample.
        class_names: their own label map, where it is not that of the evaluation; None: it is.
        chosen: what is taken of each file; None: every image as it is.
        images_of_files: how many images each file holds, by path; of what is not in there nothing is known.
    """

    name: str
    files: tuple[str, ...]
    images: int
    share: float = 1.0
    class_names: tuple[str, ...] | None = None
    chosen: Mapping[str, ChosenImages] | None = None
    images_of_files: Mapping[str, int] = field(default_factory=dict)


def write_part(part: DataPart, path: str, files: Files) -> None:
    """Writes it; what is taken of several files alike is written once."""
    with files.open(path, "w") as file:
        file.write(json.dumps(_to_json(part)))


def read_part(path: str, files: Files) -> DataPart:
    """What `write_part` wrote.

    Raises:
        StateError: it is not that.
    """
    with files.open(path) as file:
        try:
            value = json.loads(file.read())
        except ValueError as error:
            raise StateError(f"{path}: cut off or damaged ({error}); run the step again") from error
    if not isinstance(value, dict) or value.get("format") != _FORMAT:
        raise StateError(
            f"{path}: not of the format {_FORMAT} that the evaluator hands to its workers: do all of them run the same "
            "version of Ratchet? Run the step again"
        )
    return _from_json(value)


def _to_json(part: DataPart) -> dict[str, Any]:
    number = {path: place for place, path in enumerate(part.files)}
    sets: dict[int, dict[str, Any]] = {}
    for path, chosen in (part.chosen or {}).items():
        value = {"image_ids": list(chosen.image_ids.items()), "labels": chosen.labels, "files": []}
        sets.setdefault(id(chosen), value)["files"].append(number[path])
    return {
        "format": _FORMAT,
        "name": part.name,
        "files": part.files,
        "images": part.images,
        "share": part.share,
        "class_names": part.class_names,
        "chosen": None if part.chosen is None else list(sets.values()),
        "images_of_files": [[number[path], images] for path, images in part.images_of_files.items() if path in number],
    }


def _from_json(value: Mapping[str, Any]) -> DataPart:
    files, names = tuple(value["files"]), value["class_names"]
    chosen: dict[str, ChosenImages] = {}
    for each in value["chosen"] or ():
        own = ChosenImages(dict(map(tuple, each["image_ids"])), tuple(each["labels"]))
        chosen |= {files[number]: own for number in each["files"]}
    return DataPart(
        name=value["name"],
        files=files,
        images=value["images"],
        share=value["share"],
        class_names=None if names is None else tuple(names),
        chosen=None if value["chosen"] is None else chosen,
        images_of_files={files[number]: images for number, images in value["images_of_files"]},
    )
