"""What is collected does not depend on order or sharding, and survives the way through a file."""

from __future__ import annotations

import pickle
import random
from pathlib import Path

import numpy as np
import pytest

from ratchet.components.map_evaluator.matches import PERFECT, Collector, DataSetMatches
from ratchet.schemas.base.errors import StateError
from ratchet.schemas.data.columns import DetectionColumns, TruthColumns
from ratchet.schemas.data.dataset import image_digest
from ratchet.schemas.data.records import Detections, GroundTruth, ImageRecord
from tests.builders import ground_truth

FILE = b"pixels"


def image(image_id: int) -> tuple[ImageRecord, Detections]:
    generator = np.random.default_rng(image_id)
    count = int(generator.integers(0, 5))
    boxes = generator.uniform(1, 60, (count, 4))
    labels = generator.integers(1, 4, count)
    truth = GroundTruth(boxes, labels, boxes[:, 2] * boxes[:, 3], np.zeros(count, bool))
    record = ImageRecord(image_id, f"{image_id}.png", 128, 128, truth, {"camera": "ab"[image_id % 2]})
    found = Detections(boxes + generator.normal(0, 2, boxes.shape), labels, generator.uniform(0, 1, count))
    return record, found


def collected(image_ids: list[int], batch: int, share: float = 1.0) -> list[Collector]:
    parts = []
    for start in range(0, len(image_ids), batch):
        images = [image(image_id) for image_id in image_ids[start : start + batch]]
        collector = Collector(("camera", "weather"), share)
        found = DetectionColumns.of([detections for _, detections in images])
        collector.add([record for record, _ in images], [FILE] * len(images), {"candidate": found})
        parts.append(collector)
    return parts


def assert_equal(one: DataSetMatches, other: DataSetMatches) -> None:
    assert one.tables.keys() == other.tables.keys() == {"candidate", PERFECT}
    for name, table in one.tables.items():
        for field, values in vars(table).items():
            assert np.array_equal(values, getattr(other.tables[name], field)), (name, field)
    assert np.array_equal(one.digests, other.digests)
    assert one.attributes.keys() == other.attributes.keys()
    assert all(np.array_equal(values, other.attributes[name]) for name, values in one.attributes.items())
    assert one.shuffled == other.shuffled
    assert one.errors == other.errors


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("share", [1.0, 0.5])
def test_order_batches_and_merges_do_not_matter(seed: int, share: float) -> None:
    whole = Collector.merge(collected(list(range(30)), 30, share)).finish()
    ids = list(range(30))
    shuffler = random.Random(seed)
    shuffler.shuffle(ids)
    parts = [pickle.loads(pickle.dumps(part)) for part in collected(ids, 1 + seed, share)]
    shuffler.shuffle(parts)
    middle = len(parts) // 2
    merged = Collector.merge([Collector.merge(parts[:middle]), Collector.merge(parts[middle:])])
    assert_equal(merged.finish(), whole)


def test_a_merge_leaves_its_parts_as_they_were() -> None:
    parts = collected(list(range(10)), 5)
    before = pickle.loads(pickle.dumps(parts[0])).finish()
    Collector.merge(parts)
    assert_equal(parts[0].finish(), before)


def test_digests_and_attributes_stand_by_image_id() -> None:
    measured = Collector.merge(collected([5, 2, 9], 2)).finish()
    assert measured.image_ids.tolist() == [2, 5, 9]
    assert [bytes(digest) for digest in measured.digests] == [image_digest(image(i)[0], FILE) for i in (2, 5, 9)]
    assert measured.attributes["camera"].tolist() == ["a", "b", "b"]
    assert measured.attributes["weather"].tolist() == ["", "", ""]


def test_a_file_holds_it_all(tmp_path: Path) -> None:
    parts = [*collected(list(range(12)), 4), Collector(("camera", "weather"), errors=["model x: broken"])]
    measured = Collector.merge(parts).finish()
    measured.save(str(tmp_path / "m.npz"))
    read = DataSetMatches.load(str(tmp_path / "m.npz"))
    assert_equal(read, measured)
    with pytest.raises(StateError, match="model x: broken"):
        read.raise_errors()


def test_a_file_from_before_the_limit_could_be_set_is_read(tmp_path: Path) -> None:
    """Its ranks are bytes, and it does not say how many detections counted: a hundred."""
    measured = Collector.merge(collected(list(range(12)), 4)).finish()
    measured.save(str(tmp_path / "new.npz"))
    with np.load(tmp_path / "new.npz") as arrays:
        old = {name: values for name, values in arrays.items() if not name.endswith("/max_detections")}
    kinds = [("label", "<u2"), ("rank", "u1"), ("score", "<f8"), ("tp", "<u8"), ("ignored", "<u8")]
    for name in [name for name in old if name.endswith("/detections")]:
        old[name] = old[name].astype(kinds)
    np.savez(tmp_path / "old.npz", **old)
    assert_equal(DataSetMatches.load(str(tmp_path / "old.npz")), measured)


def test_the_limit_of_detections_travels_with_the_matches(tmp_path: Path) -> None:
    boxes = np.tile(np.arange(250.0)[:, None] + 1, (1, 4))
    found = DetectionColumns.of([Detections(boxes, np.ones(250, np.int64), boxes[:, 0] / 300)])
    truth = TruthColumns.of([ground_truth(boxes)])
    collector = Collector(max_detections=200)
    collector.add_columns(np.array([5]), truth, {"candidate": found})
    measured = Collector.merge([pickle.loads(pickle.dumps(collector))]).finish()
    measured.save(str(tmp_path / "m.npz"))
    for table in (measured.tables["candidate"], DataSetMatches.load(str(tmp_path / "m.npz")).tables["candidate"]):
        assert (len(table.detections), table.max_detections) == (200, 200)
        assert table.of_labels([1]).of_images(np.array([True])).max_detections == 200


def test_an_image_that_comes_twice_is_refused() -> None:
    with pytest.raises(ValueError, match="image id 1 was added twice"):
        Collector.merge(collected([1, 2, 1], 1)).finish()


def test_what_travels_is_small() -> None:
    """Far less than the 32 bytes of a detection in memory, for two models."""
    boxes = np.random.default_rng(0).uniform(1, 90, (100, 4))
    truth = ground_truth(boxes[:7])
    records = [ImageRecord(i, f"{i}.png", 128, 128, truth) for i in range(64)]
    found = DetectionColumns.of([Detections(boxes, np.arange(100) % 9 + 1, boxes[:, 0])] * 64)
    collector = Collector(sample_share=0.0)
    collector.add(records, [FILE] * 64, {"candidate": found, "baseline": found})
    assert len(pickle.dumps(collector)) / 64 < 2 * 100 * 12
