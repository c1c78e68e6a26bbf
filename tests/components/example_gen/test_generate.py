"""The Beam pass that reads, checks, measures and converts."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ratchet.components.example_gen.dataset import read_source
from ratchet.schemas.base.errors import DataError
from ratchet.schemas.data import features
from ratchet.schemas.data.dataset import DATASET_FILE, DATASET_FORMAT, SPLITS, DataSetInfo, dataset_digest, image_digest
from ratchet.schemas.data.records import record_from_json
from tests.builders import coco, coco_annotation, coco_image, encode, picture, write_span
from tests.components.example_gen.deliveries import (
    CAT_XYXY,
    DOG_XYXY,
    write_images,
    write_tfrecords,
    write_voc,
    write_yolo,
)

pytestmark = pytest.mark.tensorflow


def generate(directory: Path, out: Path, **options: Any) -> DataSetInfo:
    import apache_beam as beam

    from ratchet.components.example_gen.generate import GenRequest
    from ratchet.components.example_gen.generate import generate as run

    whole = {"span": 3, "version": 2, "strict": False, "group_by": None, "class_names": None}
    whole |= {"eval_fraction": 0.3, "held_out_fraction": 0.2}
    [info] = run([(GenRequest(directory=str(directory), **whole | options), str(out))], beam.Pipeline())
    return info


def examples(out: Path, split: str) -> list[Any]:
    import tensorflow as tf

    files = sorted(str(path) for path in (out / f"Split-{split}").iterdir())
    records = tf.data.TFRecordDataset(files).as_numpy_iterator()
    return [tf.train.Example.FromString(record).features.feature for record in records]


def many(directory: Path, count: int = 90, **of_image: Callable[[int], Any]) -> Path:
    images = [coco_image(i, **{key: make(i) for key, make in of_image.items()}) for i in range(1, count + 1)]
    return write_span(directory, coco(images=images, annotations=[coco_annotation(i, i) for i in range(1, count + 1)]))


def test_every_image_is_in_one_split_with_its_bytes_untouched(tmp_path: Path) -> None:
    span = many(tmp_path / "span")
    info = generate(span, tmp_path / "out")
    written = {split: examples(tmp_path / "out", split) for split in SPLITS}
    assert {split: len(part) for split, part in written.items()} == info.images
    assert sum(info.images.values()) == 90
    assert 10 < info.images["eval"] < 45
    assert 5 < info.images["held_out"] < 30
    for feature in (feature for part in written.values() for feature in part):
        record = record_from_json(feature[features.RECORD].bytes_list.value[0])
        content = (span / "images" / record.file_name).read_bytes()
        assert feature[features.IMAGE_ENCODED].bytes_list.value[0] == content
    assert DATASET_FORMAT.read((tmp_path / "out" / DATASET_FILE).read_text(), DATASET_FILE) == info
    assert (info.span, info.version, info.source_format) == (3, 2, "coco")


def test_the_digest_is_that_of_the_records_and_files(tmp_path: Path) -> None:
    span = many(tmp_path / "span", 70)  # more than one shard
    source = read_source(str(span))
    digests = {
        record.image_id: image_digest(record, (span / "images" / record.file_name).read_bytes())
        for record in source.records
    }
    assert generate(span, tmp_path / "out").digest == dataset_digest(source.label_map, digests)


def test_broken_images_are_all_named_in_one_error(tmp_path: Path) -> None:
    span = many(tmp_path / "span", 10)
    whole = encode(picture(seed=7))
    (span / "images" / "7.jpg").write_bytes(whole[: len(whole) // 2])
    (span / "images" / "9.jpg").write_bytes(b"text")
    (span / "images" / "2.jpg").write_bytes(b"")
    with pytest.raises(DataError) as caught:
        generate(span, tmp_path / "out")
    lines = str(caught.value).splitlines()
    assert [line.split("/")[-1].split(":")[0].strip() for line in lines] == [
        "2.jpg (image 2)",
        "7.jpg (image 7)",
        "9.jpg (image 9)",
    ]
    assert "it is empty" in lines[0]
    assert "truncated" in lines[1]
    assert "not a JPEG or PNG" in lines[2]


def test_frames_of_one_recording_never_straddle_the_splits(tmp_path: Path) -> None:
    generate(many(tmp_path / "span", recording=lambda i: f"r{i // 6}"), tmp_path / "out", group_by="recording")
    seen = {
        split: {feature["source/recording"].bytes_list.value[0] for feature in examples(tmp_path / "out", split)}
        for split in SPLITS
    }
    assert all(seen.values())
    assert len(set.union(*seen.values())) == sum(map(len, seen.values()))


def test_boxes_that_cannot_be_are_left_out_of_a_span_and_stop_a_golden_set(tmp_path: Path) -> None:
    annotations = [coco_annotation(1, 1), coco_annotation(2, 2, bbox=[60, 40, 30, 30]), coco_annotation(3, 2)]
    span = write_span(tmp_path / "span", coco(annotations=annotations))
    info = generate(span, tmp_path / "out", eval_fraction=0.0, held_out_fraction=0.0)
    assert (info.bad_boxes.count, info.bad_boxes.of, info.boxes["train"]) == (1, 3, 2)
    assert "annotations[1]" in info.bad_boxes.examples[0]
    with pytest.raises(DataError, match=r"annotations\[1\]"):
        generate(span, tmp_path / "golden", strict=True, eval_fraction=1.0, held_out_fraction=0.0)


def write_coco(directory: Path) -> Path:
    boxes = [[x1, y1, x2 - x1, y2 - y1] for x1, y1, x2, y2 in (CAT_XYXY, DOG_XYXY)]
    document = coco(
        images=[coco_image(1, file_name="a.jpg"), coco_image(2, file_name="sub/b.jpg")],
        annotations=[coco_annotation(1, 1, bbox=boxes[0]), coco_annotation(2, 2, bbox=boxes[1], category_id=7)],
    )
    write_span(directory, document, {})
    (directory / "images").rmdir()
    write_images(directory / "images")
    return directory


@pytest.mark.parametrize("write", [write_coco, write_voc, write_yolo, write_tfrecords])
def test_all_formats_give_the_same_examples(tmp_path: Path, write: Callable[[Path], Path]) -> None:
    info = generate(write(tmp_path / "span"), tmp_path / "out", eval_fraction=0.0, held_out_fraction=0.0)
    assert info.class_names == ("cat", "dog")
    found = {}
    for feature in examples(tmp_path / "out", "train"):
        record = record_from_json(feature[features.RECORD].bytes_list.value[0])
        name = feature[features.BOX_CLASS].bytes_list.value[0].decode()
        encoded = feature[features.IMAGE_ENCODED].bytes_list.value[0]
        found[name] = (record.truth.boxes_xywh_px.round(3).tolist(), hashlib.sha256(encoded).hexdigest())
    assert found["cat"][0] == [[10, 5, 20, 30]]
    assert found["dog"][0] == [[2, 4, 32, 24]]
    assert found["cat"][1] != found["dog"][1]


def test_images_come_in_order_and_few_are_in_memory_at_once() -> None:
    from concurrent.futures import ThreadPoolExecutor

    from ratchet.components.example_gen.converting import _in_order

    taken = 0

    def items() -> Iterator[int]:
        nonlocal taken
        for number in range(1, 1001):
            taken = number
            yield number

    with ThreadPoolExecutor(2) as pool:
        most = max(taken - image for image in _in_order(pool, lambda image: image, items()))
        assert most < 30
        assert list(_in_order(pool, lambda image: -image, iter(range(100)))) == [-image for image in range(100)]
