"""Several annotation files of one delivery as one; pure."""

from __future__ import annotations

import os
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ratchet.components.example_gen.labelled import Labelled, LabelledImage
from ratchet.schemas.base.checked_json import shown
from ratchet.schemas.base.errors import DataError
from ratchet.schemas.data.columns import TruthColumns


def merged(parts: Sequence[Labelled], top: str, sources: Sequence[str] = ()) -> Labelled:
    """Joins the annotations of several files, whose images may be in different directories.

    Args:
        parts: at least one, of the same format.
        top: the delivery.
        sources: what each part was read from, for messages.

    Returns:
        Images are named below the directory that holds all of them; their ids stay if no two are equal, and are
        counted anew otherwise.

    Raises:
        DataError: the files have different classes, or a picture in common.
    """
    first, *others = parts
    if not others:
        return first
    for other in others:
        if other.label_map != first.label_map:
            raise DataError(
                f"{top}: its files have different classes: {shown(_classes(first))} and {shown(_classes(other))}; give "
                "all the same categories, or read one with --split (settings: data.reading.split)"
            )
    places = [part.directory[len(top) :].strip("/") for part in parts]
    common = os.path.commonpath(places) if all(places) else ""
    images = [
        image._replace(file_name=os.path.join(place[len(common) :].strip("/"), image.file_name))
        for part, place in zip(parts, places)
        for image in part.images
    ]
    _refuse_common(parts, images, sources)
    told = [sentence for part in parts for sentence in part.told]
    if len({image.id for image in images}) < len(images):
        images = [image._replace(id=number) for number, image in enumerate(images, 1)]
        told.append(f"the ids of images of {len(parts)} files overlap; they were numbered anew")
    ends = np.cumsum([len(part.objects.labels) for part in parts]).tolist()

    def place(index: int) -> str:
        part = bisect_right(ends, index)
        return parts[part].place(index - (ends[part - 1] if part else 0))

    return replace(
        first,
        images=images,
        given=np.concatenate([part.given for part in parts]),
        objects=_joined([part.objects for part in parts], [len(part.images) for part in parts]),
        place=place,
        directory=os.path.join(top, common) if common else top,
        mended_areas="; ".join(filter(None, (part.mended_areas for part in parts))),
        told=tuple(dict.fromkeys(told)),
        left_out=tuple(dict.fromkeys(sentence for part in parts for sentence in part.left_out)),
    )


def _refuse_common(parts: Sequence[Labelled], images: Sequence[LabelledImage], sources: Sequence[str]) -> None:
    """DataError where two files list one picture: as copies of each other do, and a file of all splits beside them."""
    owners: dict[str, int] = {}
    owner = (number for number, part in enumerate(parts) for _ in part.images)
    for number, image in zip(owner, images):
        other = owners.setdefault(image.file_name, number)
        if other != number and sources:
            raise DataError(
                f"{sources[number]} and {sources[other]} both list {shown(image.file_name)}: if they are copies, "
                "remove one; else read one of them with --annotations"
            )


def _classes(labelled: Labelled) -> dict[int, str]:
    return dict(zip(labelled.label_map.category_ids, labelled.label_map.names))


def _joined(columns: Sequence[TruthColumns], images: Sequence[int]) -> TruthColumns:
    starts = np.cumsum([0, *images])
    return TruthColumns(
        image=np.concatenate([each.image + start for each, start in zip(columns, starts)]),
        boxes_xywh_px=np.concatenate([each.boxes_xywh_px for each in columns]),
        labels=np.concatenate([each.labels for each in columns]),
        area_px2=np.concatenate([each.area_px2 for each in columns]),
        is_crowd=np.concatenate([each.is_crowd for each in columns]),
    )
