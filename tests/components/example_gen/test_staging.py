"""Tests of `ratchet.components.example_gen.staging`: annotations as files for Beam's workers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ratchet.components.example_gen.dataset import SHARD_IMAGES, Shard
from ratchet.components.example_gen.staging import MOST_GROUPS, About, groups_of, read_about, read_group, stage
from ratchet.schemas.base.errors import StateError
from ratchet.schemas.base.files import LOCAL_FILES
from ratchet.schemas.data.exif import APPLY
from ratchet.schemas.data.records import GroundTruth, ImageRecord, LabelMap, record_to_json

LABEL_MAP = LabelMap(("cat", "café"), (3, 7))


def record(image_id: int) -> ImageRecord:
    boxes = np.random.default_rng(image_id).uniform(0, 1, (image_id % 3, 4)) / 3
    truth = GroundTruth(boxes, np.ones(len(boxes)), boxes[:, 2] * boxes[:, 3], np.zeros(len(boxes)))
    return ImageRecord(image_id, f"ä {image_id}.jpg", 640, 480, truth, {"camera": "north"})


def shard(first: int, images: int = SHARD_IMAGES, file: str = "") -> Shard:
    records = tuple(map(record, range(first, first + images)))
    if file:
        return Shard(records, (file,), tuple(range(0, 2 * images, 2)))
    return Shard(records, tuple(f"/data/{each.file_name}" for each in records))


def staged(directory: Path, *shards: Shard) -> Path:
    splits = {each.image_id: ("train", "eval")[each.image_id % 2] for own in shards for each in own.records}
    stage(str(directory), About(LABEL_MAP, APPLY, len(splits), 1), [shards], splits, LOCAL_FILES)
    return directory / "annotations-00000"


def read(directory: Path) -> list[tuple[Shard, list[str]]]:
    return list(read_group(str(directory), 0, LOCAL_FILES))


def test_workers_read_every_bit_of_what_was_staged(tmp_path: Path) -> None:
    shards = [shard(1, 5), shard(6, 2, "/data/a.tfrecord")]
    staged(tmp_path, *shards)
    found = read(tmp_path)
    for (own, splits), wanted in zip(found, shards, strict=True):
        assert (own.paths, own.positions) == (wanted.paths, wanted.positions)
        assert list(map(record_to_json, own.records)) == list(map(record_to_json, wanted.records))
        assert splits == [("train", "eval")[each.image_id % 2] for each in wanted.records]
    assert read_about(str(tmp_path), LOCAL_FILES) == About(LABEL_MAP, APPLY, 7, 1)


@pytest.mark.parametrize("count", [0, 1, 24, 25, 5 * 24, 30_000])
def test_every_shard_is_in_one_group_and_there_are_never_many_groups(count: int) -> None:
    shards = [shard(1, 2)] if count == 1 else [shard(1)] * count
    groups = groups_of(shards)
    assert sum(map(len, groups)) == count
    assert len(groups) <= MOST_GROUPS
    assert not groups or max(map(len, groups)) - min(map(len, groups)) <= 1
    assert len(groups) == {0: 0, 1: 1, 24: 1, 25: 2, 120: 5, 30_000: 1000}[count]


def test_a_small_data_set_keeps_its_order_and_a_large_one_is_dealt(tmp_path: Path) -> None:
    shards = [shard(1 + n, 1) for n in range(6)]
    assert groups_of(shards) == [shards]
    assert groups_of(shards, images=3) == [shards[0::2], shards[1::2]]
    assert groups_of(shards, most=1, images=3) == [shards]


def test_a_large_file_of_records_is_a_group_of_its_own() -> None:
    large = [shard(1, 30, "a"), shard(31, 30, "b")]
    assert groups_of(large, images=5) == [[large[0]], [large[1]]]


def test_what_is_cut_off_is_refused(tmp_path: Path) -> None:
    path = staged(tmp_path, shard(1, 5))
    whole = path.read_text()
    for content, said in ((whole[:-30], "cut off or damaged"), (whole.rpartition("\n[")[0] + "\n", "4 of 5 images")):
        path.write_text(content)
        with pytest.raises(StateError, match=rf"annotations-00000: {said}.*run the step again"):
            read(tmp_path)


@pytest.mark.parametrize("content", ['{"format": 2, "images": 5}\n', "[1]\n", "", "no JSON\n"])
def test_another_format_is_refused(tmp_path: Path, content: str) -> None:
    staged(tmp_path, shard(1, 5)).write_text(content)
    with pytest.raises(StateError, match=r"annotations-00000: not .*(same version|un the step again)"):
        read(tmp_path)
    (tmp_path / "about.json").write_text(content)
    with pytest.raises(StateError, match=r"about\.json: not "):
        read_about(str(tmp_path), LOCAL_FILES)
