"""Annotations on their way to Beam's workers: as files, because a pipeline's graph must stay small; pure.

A runner keeps the graph in memory and sends it about as one message (Dataflow takes 10 MB). So the graph holds numbers
of groups of images, in a number that does not grow with the data set beyond `MOST_GROUPS`, and a worker reads the
annotations of its group from `annotations-NUMBER`:

    {"format": 1, "images": 1536}
    {"images": 64, "file": ""}
    ["train", "/data/span-2/images/1.jpg", {"image_id": 1, ...}]
    ...

A shard of a TFRecord file has that file's path as `file`, and positions in it in the place of the images' paths.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from ratchet.components.example_gen.dataset import SHARD_IMAGES, Shard
from ratchet.schemas.base.errors import StateError
from ratchet.schemas.base.files import Files
from ratchet.schemas.data.exif import Exif
from ratchet.schemas.data.records import LabelMap, record_of, record_to_json

STAGING = "staging"  # directory below the data set that is written; gone when that is whole
MOST_GROUPS = 1000
_GROUP_IMAGES = 24 * SHARD_IMAGES  # or more, where there would be more groups than that
_FORMAT = 1
_ABOUT = "about.json"


@dataclass(frozen=True)
class About:
    """What a worker has to know of the whole data set.

    Attributes:
        label_map: its classes.
        exif: what is done about images whose EXIF orientation is not 1.
        images: how many there are.
        groups: how many these were dealt to.
    """

    label_map: LabelMap
    exif: Exif
    images: int
    groups: int


def groups_of(shards: Sequence[Shard], most: int = MOST_GROUPS, images: int = _GROUP_IMAGES) -> list[list[Shard]]:
    """Deals shards to groups like cards, so that no group is one end of the data set.

    Args:
        shards: in order.
        most: groups that there may be.
        images: that a group has at least, as long as shards are small enough.

    Returns:
        The groups, none of them empty; with a single one the order is as it was.
    """
    count = sum(len(shard.records) for shard in shards)
    groups = max(1, min(-(-count // images), most, len(shards)))
    return [list(shards[number::groups]) for number in range(groups)] if shards else []


def stage(
    directory: str, about: About, groups: Sequence[Sequence[Shard]], splits: Mapping[int, str], files: Files
) -> None:
    """Writes everything that workers need.

    Args:
        directory: where to, which is there.
        about: the data set.
        groups: its images.
        splits: of each image by its id.
        files: the file system.
    """
    names, ids = about.label_map.names, about.label_map.category_ids
    value = {"format": _FORMAT, "names": names, "category_ids": ids, "exif": about.exif}
    with files.open(f"{directory}/{_ABOUT}", "w") as file:
        file.write(json.dumps({**value, "images": about.images, "groups": about.groups}))
    for number, shards in enumerate(groups):
        with files.open(_path(directory, number), "w") as file:
            for line in _lines(shards, splits):
                file.write(line + "\n")


def _lines(shards: Sequence[Shard], splits: Mapping[int, str]) -> Iterator[str]:
    yield json.dumps({"format": _FORMAT, "images": sum(len(shard.records) for shard in shards)})
    for shard in shards:
        yield json.dumps({"images": len(shard.records), "file": shard.paths[0] if shard.positions else ""})
        for record, place in zip(shard.records, shard.positions or shard.paths):
            head = json.dumps([splits[record.image_id], place])
            yield f"{head[:-1]}, {record_to_json(record).decode('ascii')}]"


def read_about(directory: str, files: Files) -> About:
    """What `stage` wrote of the whole data set.

    Raises:
        StateError: it is not that.
    """
    path = f"{directory}/{_ABOUT}"
    with files.open(path) as file:
        value = _value(file.read(), path)
    label_map = LabelMap(tuple(value["names"]), tuple(value["category_ids"]))
    return About(label_map, value["exif"], value["images"], value["groups"])


def read_group(directory: str, number: int, files: Files) -> Iterator[tuple[Shard, list[str]]]:
    """The shards of a group one by one, each with the split of every image.

    Raises:
        StateError: the file is not what `stage` wrote, or not all of it.
    """
    path, images = _path(directory, number), 0
    with files.open(path) as file:
        lines = iter(file)
        wanted = _value(next(lines, ""), path)["images"]
        for line in lines:
            try:
                head = json.loads(line)
                rows = [json.loads(row) for row in islice(lines, head["images"])]
            except ValueError as error:
                raise StateError(f"{path}: cut off or damaged ({error}); run the step again") from error
            images += len(rows)
            yield _shard(head["file"], rows), [split for split, _, _ in rows]
    if images != wanted:
        raise StateError(f"{path}: {images} of {wanted} images; run the step again")


def _shard(file: str, rows: Sequence[Any]) -> Shard:
    records, places = tuple(record_of(record) for _, _, record in rows), tuple(place for _, place, _ in rows)
    return Shard(records, (file,), places) if file else Shard(records, places)


def _path(directory: str, number: int) -> str:
    return f"{directory}/annotations-{number:05d}"


def _value(text: str, path: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except ValueError as error:
        raise StateError(f"{path}: not what ExampleGen hands to its workers ({error}); run the step again") from error
    if not isinstance(value, dict) or value.get("format") != _FORMAT:
        raise StateError(
            f"{path}: not of the format {_FORMAT} that ExampleGen hands to its workers: do all of them run the same "
            "version of Ratchet? Run the step again"
        )
    return value
