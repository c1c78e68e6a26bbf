"""Every export of every tool is read, whole and split by split, as the boxes that are painted into its pictures."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from ratchet.components.example_gen.dataset import Source, read_source
from ratchet.components.example_gen.layout.layouts import Reading
from tests.components.example_gen.exports.registry import EXPORTS
from tests.components.example_gen.exports.scenes import CLASSES, TrueBox, Truth

CASES = [
    pytest.param(name, split, id=f"{name}-{split or 'whole'}")
    for name, export in EXPORTS.items()
    for split in sorted({"", *(split for _, split in export.splits)})
]


def boxes_of(source: Source) -> Truth:
    """The boxes by picture, below the delivery; of pictures in records, by their name."""
    names = source.label_map.names
    found: Truth = {}
    for shard in source.shards:
        paths = [record.file_name for record in shard.records] if shard.positions else shard.paths
        for record, path in zip(shard.records, paths):
            boxes = zip(record.truth.labels, record.truth.boxes_xywh_px.tolist())
            rounded = [TrueBox(names[label - 1], *(_whole(number) for number in box)) for label, box in boxes]
            found[os.path.relpath(path, source.directory) if not shard.positions else path] = sorted(rounded)
    return found


def _whole(number: float) -> Any:
    """Tools write six decimals of a fraction."""
    return round(number) if abs(round(number) - number) < 0.01 else number


@pytest.mark.parametrize(("name", "split"), CASES)
def test_an_export_is_read_as_it_is_painted(name: str, split: str, tmp_path: Path) -> None:
    export, directory = EXPORTS[name], tmp_path / "delivery"
    truth = {
        path: boxes for path, boxes in export.build(directory).items() if not split or export.split_of(path) == split
    }
    if export.form == "tfrecord":
        truth = {os.path.basename(path): boxes for path, boxes in truth.items()}
    names = CLASSES if export.unnamed_classes else None
    source = read_source(str(directory), class_names=names, reading=Reading(split=split or None))
    assert {os.path.basename(p) if export.form == "tfrecord" else p: b for p, b in boxes_of(source).items()} == truth
    assert sorted(source.label_map.names) == list(CLASSES)
    assert source.format == export.form
    assert source.bad_boxes.count == 0
