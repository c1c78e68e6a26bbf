"""What was read once is not read again, unless its files have changed."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from ratchet.components.example_gen.dataset import Source, encoded_images, read_source
from ratchet.components.example_gen.read_once import ReadOnce
from ratchet.schemas.base.files import LOCAL_FILES, Files
from tests.builders import coco, coco_annotation, coco_image, encode, picture, to_bytes, write_span
from tests.components.example_gen.deliveries import WRITERS
from tests.components.example_gen.object_store import bucket


def names(source: Source) -> list[str]:
    return [record.file_name for record in source.records]


@pytest.mark.parametrize("form", WRITERS)
def test_a_data_set_that_is_as_it_was_is_not_read_again(tmp_path: Path, form: str) -> None:
    span = WRITERS[form](tmp_path / "span-1")
    first = read_source(str(span))
    assert read_source(str(span)) is first
    assert read_source(str(span), strict=True) is not first
    assert read_source(str(span), class_names=("dog", "cat")) is not first


def test_under_another_name_its_paths_are_told_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_span(tmp_path / "span-1")
    monkeypatch.chdir(tmp_path)
    near, far = read_source("span-1/"), read_source(str(tmp_path / "span-1"))
    assert far.records is near.records
    assert (near.directory, far.directory) == ("span-1/", str(tmp_path / "span-1"))
    assert near.shards[0].paths[0] == "span-1/images/1.jpg"
    assert far.shards[0].paths[0] == f"{tmp_path}/span-1/images/1.jpg"
    assert all(isinstance(content, bytes) for shard in far.shards for _, content in encoded_images(shard))


CHANGES: dict[str, tuple[str, Callable[[Path], object]]] = {
    "annotations written again": (
        "coco",
        lambda span: (span / "annotations.json").write_bytes(
            to_bytes(coco(images=[coco_image(1), coco_image(2)], annotations=[coco_annotation()]))
        ),
    ),
    "an XML file more": (
        "voc",
        lambda span: (span / "Annotations" / "sub" / "c.xml").write_text(
            (span / "Annotations" / "sub" / "b.xml").read_text().replace("b.jpg", "c.jpg")
        ),
    ),
    "a label file written again": (
        "yolo",
        lambda span: (span / "labels" / "sub" / "b.txt").write_text("0 .5 .5 .2 .2"),
    ),
    "an image more": ("yolo", lambda span: (span / "images" / "sub" / "c.jpg").write_bytes(encode(picture(seed=3)))),
    "a list of classes more": ("yolo", lambda span: (span / "data.yaml").write_text("names: [cat, dog, cow]")),
    "a record file written again": (
        "tfrecord",
        lambda span: os.truncate(span / "a.tfrecord", (span / "a.tfrecord").stat().st_size),
    ),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_data_set_that_changed_is_read_again(tmp_path: Path, change: str) -> None:
    form, make = CHANGES[change]
    span = WRITERS[form](tmp_path / "span-1")
    if form == "voc":
        (span / "JPEGImages" / "sub" / "c.jpg").write_bytes(encode(picture(seed=3)))
    first = read_source(str(span))
    make(span)
    assert read_source(str(span)) is not first


def test_a_change_behind_a_link_is_seen(tmp_path: Path) -> None:
    elsewhere = write_span(tmp_path / "elsewhere")
    (tmp_path / "span-1").mkdir()
    for name in ("annotations.json", "images"):
        (tmp_path / "span-1" / name).symlink_to(elsewhere / name)
    read_source(str(tmp_path / "span-1"))
    (elsewhere / "annotations.json").write_bytes(to_bytes(coco(images=[coco_image(n) for n in (7, 1, 2)])))
    (elsewhere / "images" / "7.jpg").write_bytes(encode(picture()))
    assert names(read_source(str(tmp_path / "span-1"))) == ["1.jpg", "2.jpg", "7.jpg"]


def test_an_object_store_is_read_every_time() -> None:
    store = bucket()
    first = read_source("gs://b/span-2", store)
    assert read_source("gs://b/span-2", store) is not first


def test_a_file_that_changes_while_it_is_read_is_read_again(tmp_path: Path) -> None:
    path, readings = tmp_path / "a", []
    path.write_text("one")

    def read(files: Files) -> str:
        with files.open(path) as file:
            readings.append(file.read())
        path.write_text("two, " * len(readings))
        return readings[-1]

    once: ReadOnce[str] = ReadOnce(1)
    assert [once.get("a", LOCAL_FILES, read) for _ in range(2)] == ["one", "two, "]


def test_only_the_last_few_readings_are_remembered() -> None:
    once: ReadOnce[str] = ReadOnce(2)
    read: list[str] = []
    for key in ("a", "b", "a", "c", "a", "b"):
        once.get(key, LOCAL_FILES, lambda files, key=key: read.append(key) or key)
    assert read == ["a", "b", "c", "b"]
