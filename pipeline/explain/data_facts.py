"""Plain facts about the data sets of two trainings, for signals that the data gate has none of; pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ratchet.components.data_gate.new_classes import NewClasses
from ratchet.components.imaging.copies import Copy, Originals, find_copies, near_copies
from ratchet.pipeline.explain.data_sets import ReadDataSet, image_sizes, objects_of_classes
from ratchet.pipeline.explain.labels_seen import Seen, share_made_by_model
from ratchet.schemas.data.looks import Looks
from ratchet.schemas.data.training_data import DataFacts, SetFacts, Share

_RARE = 0.1  # of the objects that a class would have at its rate before
_EXPECTED = 10.0  # objects of a class, from which on their absence is no chance
_SIZES = 3
_MOST_PAIRS = 2_000_000  # of images, of which all views are tried: of 1,000 and 400 it takes about ten seconds


@dataclass(frozen=True)
class Leaks:
    """Copies of golden images in the training data before and after; None where that cannot be told."""

    before: Sequence[Copy] | None
    after: Sequence[Copy] | None


def facts_of_sets(
    before: ReadDataSet | None,
    after: ReadDataSet | None,
    golden: ReadDataSet | None,
    leaks: Leaks,
    seen_after: Seen | None = None,
    seen_golden: Seen | None = None,
) -> DataFacts:
    """Counts whatever can be counted.

    Args:
        before: the training data before.
        after: the training data after.
        golden: the golden set.
        leaks: golden images in either.
        seen_after: what the model before finds in the training data after.
        seen_golden: the same in the golden set.
    """
    known: dict[str, ReadDataSet] = {
        name: data for name, data in (("before", before), ("after", after), ("golden", golden)) if data is not None
    }
    classes = NewClasses.of(after.class_names, before.class_names) if before and after else NewClasses((), (), ())
    return DataFacts(
        **{name: _set_facts(data) for name, data in known.items()},
        after_in_before=_shared(after, before),
        golden_in_before=_golden_in(golden, leaks.before),
        golden_in_after=_golden_in(golden, leaks.after),
        labels_by_model=share_made_by_model(seen_after) if seen_after else None,
        golden_labels_by_model=share_made_by_model(seen_golden) if seen_golden else None,
        boxes_an_image={name: _boxes_an_image(data, classes.known) for name, data in known.items()}
        if classes.known
        else {},
        new_classes=classes.new,
        gone_classes=classes.lost,
        lost_objects=_lost(before, after, classes.known) if before and after else {},
    )


def copies_in(data: ReadDataSet | None, golden: Originals | None) -> list[Copy] | None:
    """Images of a data set that are copies of golden ones; None where one of both has no images.

    Of many pairs those alone are found that are neither turned nor cropped, see `are_too_many`.
    """
    if data is None or golden is None or data.looks is None:
        return None
    if are_too_many(data, golden):
        return near_copies(data.looks, golden.looks)
    return find_copies(data.looks, golden)


def are_too_many(data: ReadDataSet | None, golden: Originals | None) -> bool:
    """Whether it would take minutes to try all views of all golden images."""
    images = len(data.looks) if data is not None and data.looks is not None else 0
    return golden is not None and images * len(golden.looks) > _MOST_PAIRS


def _set_facts(data: ReadDataSet) -> SetFacts:
    objects = objects_of_classes(data)
    sizes = list(image_sizes(data).items())[:_SIZES]
    return SetFacts(
        title=data.title,
        images=len(data.records),
        boxes=sum(objects.values()),
        bad_boxes=data.bad_boxes.count,
        objects=objects,
        sizes={f"{width}x{height}": count for (width, height), count in sizes},
        unreadable=len(data.unreadable),
        looked_at=len(data.looks) if data.looks else 0,
    )


def _shared(after: ReadDataSet | None, before: ReadDataSet | None) -> Share | None:
    if after is None or before is None or after.looks is None or before.looks is None:
        return None
    copies = near_copies(after.looks, before.looks)
    files = sum(copy.is_file for copy in copies)
    return Share(len(copies), len(after.looks), _names(after, after.looks, [copy.row for copy in copies]), files)


def _golden_in(golden: ReadDataSet | None, copies: Sequence[Copy] | None) -> Share | None:
    if copies is None or golden is None or golden.looks is None:
        return None
    certain = {copy.other: copy.is_file for copy in copies if copy.is_certain}
    rows = sorted(certain)
    return Share(len(rows), len(golden.looks), _names(golden, golden.looks, rows), sum(certain.values()))


def _names(data: ReadDataSet, looks: Looks, rows: Sequence[int]) -> tuple[str, ...]:
    names = {record.image_id: record.file_name for record in data.records}
    return tuple(names[image_id] for image_id in looks.prints.image_ids[np.array(rows, np.int64)].tolist())


def _boxes_an_image(data: ReadDataSet, names: Sequence[str]) -> float:
    objects = objects_of_classes(data)
    return sum(objects.get(name, 0) for name in names) / max(1, len(data.records))


def _lost(before: ReadDataSet, after: ReadDataSet, names: Sequence[str]) -> dict[str, tuple[int, float]]:
    there, here = objects_of_classes(before), objects_of_classes(after)
    images = len(after.records) / max(1, len(before.records))
    expected = {name: there[name] * images for name in names}
    return {
        name: (here[name], expected[name])
        for name in names
        if expected[name] >= _EXPECTED and here[name] < _RARE * expected[name]
    }
