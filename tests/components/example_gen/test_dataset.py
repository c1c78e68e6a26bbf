from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ratchet.components.example_gen.dataset import SHARD_IMAGES, Source, encoded_images, read_source
from ratchet.components.example_gen.layout.layouts import Reading
from ratchet.schemas.base.errors import DataError
from ratchet.schemas.base.files import LOCAL_FILES, Files
from ratchet.schemas.data.dataset import dataset_digest, image_digest
from tests.builders import coco, coco_annotation, coco_image, encode, picture, to_bytes, write_span
from tests.components.example_gen.deliveries import WRITERS, write_voc, write_yolo
from tests.components.example_gen.object_store import ObjectStore, bucket


def message_of(directory: Path | str) -> str:
    with pytest.raises(DataError) as caught:
        read_source(str(directory))
    return str(caught.value)


def contents(source: Source, files: Files = LOCAL_FILES) -> dict[str, bytes | DataError]:
    return {record.file_name: content for shard in source.shards for record, content in encoded_images(shard, files)}


def in_memory(directory: Path, top: str) -> ObjectStore:
    paths = [path for path in sorted(directory.rglob("*")) if path.is_file()]
    return ObjectStore({f"{top}/{path.relative_to(directory)}": path.read_bytes() for path in paths})


@pytest.mark.parametrize("form", WRITERS)
def test_every_format_gives_the_same_kind_of_source(tmp_path: Path, form: str) -> None:
    span = WRITERS[form](tmp_path / "span-1")
    source = read_source(str(span))
    assert (source.format, source.directory, source.label_map.names) == (form, str(span), ("cat", "dog"))
    assert [record.truth.labels.tolist() for record in source.records] == [[1], [2]]
    assert [record.image_id for record in source.records] == [1, 2]
    assert (source.bad_boxes.count, source.bad_boxes.of) == (0, 2)
    assert list(contents(source).values()) == [encode(picture(seed=1)), encode(picture(seed=2))]


@pytest.mark.parametrize("form", WRITERS)
def test_object_store_is_read_like_a_disk(tmp_path: Path, form: str) -> None:
    local = read_source(str(WRITERS[form](tmp_path / "span-1")))
    store = in_memory(tmp_path / "span-1", "gs://b/span-1")
    remote = read_source("gs://b/span-1", store)
    assert contents(remote, store) == contents(local)
    assert [record.truth.boxes_xywh_px.tolist() for record in remote.records] == [
        record.truth.boxes_xywh_px.tolist() for record in local.records
    ]
    assert store.open_now == 0


def test_images_in_subdirectories_are_found_and_unlisted_files_ignored(tmp_path: Path) -> None:
    document = coco(images=[coco_image(1, file_name="cam 1/ä.jpg"), coco_image(2)])
    images = {"cam 1/ä.jpg": encode(picture()), "2.jpg": encode(picture(seed=2)), "Thumbs.db": b"junk"}
    source = read_source(str(write_span(tmp_path / "a", document, images)))
    assert set(contents(source)) == {"cam 1/ä.jpg", "2.jpg"}


def test_records_are_ascending_by_image_id_and_shards_hold_them_in_parts(tmp_path: Path) -> None:
    numbers = list(range(150, 0, -1))
    span = write_span(tmp_path / "a", coco(images=[coco_image(n) for n in numbers]), {})
    source = read_source(str(span), reading=Reading(without_pictures=True))
    assert [record.image_id for record in source.records] == sorted(numbers)
    assert [len(shard.records) for shard in source.shards] == [SHARD_IMAGES, SHARD_IMAGES, 150 - 2 * SHARD_IMAGES]
    assert [record for shard in source.shards for record in shard.records] == list(source.records)
    assert source.shards[0].names[1] == f"{tmp_path}/a/images/2.jpg"


def test_images_are_read_when_they_are_asked_for_and_not_before(tmp_path: Path) -> None:
    store = bucket(images=40)
    [shard] = read_source("gs://b/span-2", store).shards
    for opened, _ in enumerate(encoded_images(shard, store), 1):
        assert (store.open_now, store.opened) == (0, opened + 1)  # the annotations were the first
    assert opened == 40


def test_image_that_vanishes_is_given_as_an_error_and_the_others_are_read() -> None:
    store = bucket()
    source = read_source("gs://b/span-2", store)
    del store.files["gs://b/span-2/images/1.jpg"]
    first, second = contents(source, store).values()
    assert str(first) == "gs://b/span-2/images/1.jpg (image 1): no such file; deliver it"
    assert second == encode(picture(seed=2))


def test_image_that_cannot_be_opened_is_given_as_an_error(tmp_path: Path) -> None:
    span = write_span(tmp_path / "span-1", images={"1.jpg": encode(picture())})
    (span / "images" / "2.jpg").mkdir()
    source = read_source(str(span), reading=Reading(without_pictures=True))
    assert f"{span}/images/2.jpg (image 2): cannot be read: Is a directory" in str(contents(source)["2.jpg"])


def test_two_formats_in_one_directory_are_refused_unless_one_is_chosen(tmp_path: Path) -> None:
    span = write_yolo(tmp_path / "span-1")
    write_voc(span)
    assert message_of(span) == (
        f"{span}: it can be read in 2 ways; say which to `ratchet convert`, or with the like of data.reading.format in "
        "the settings:\n  Pascal VOC (Annotations/): --format voc\n"
        "  YOLO (labels/): --format yolo"
    )
    forms = [read_source(str(span), reading=Reading(form=form)).format for form in ("voc", "yolo")]
    assert forms == ["voc", "yolo"]


def test_bad_boxes_of_a_span_are_left_out_and_counted(tmp_path: Path) -> None:
    bad = [coco_annotation(number, 1 + number % 3 // 2, bbox=[10, 5, -number, 10]) for number in range(3, 33)]
    source = read_source(str(write_span(tmp_path / "a", coco(annotations=[coco_annotation(1, 1), *bad]))))
    assert [record.truth.boxes_xywh_px.tolist() for record in source.records] == [[[10.5, 5.25, 20, 30]], []]
    assert (source.bad_boxes.count, source.bad_boxes.of, len(source.bad_boxes.examples)) == (30, 31, 20)
    assert source.bad_boxes.images == ("1.jpg", "2.jpg")
    assert source.bad_boxes.examples[0] == (
        "annotations[1] (id 3, image 1 '1.jpg'): bbox [10.0, 5.0, -3.0, 10.0] has width -3.0; it must be at least "
        "0.001 px (a bbox is x, y, width, height); correct or remove the annotation"
    )


def test_span_whose_boxes_are_all_bad_is_read(tmp_path: Path) -> None:
    span = write_span(tmp_path / "a", coco(annotations=[coco_annotation(1, 1, bbox=[10, 5, 0, 10])]))
    assert (read_source(str(span)).bad_boxes.count, read_source(str(span)).bad_boxes.of) == (1, 1)
    with pytest.raises(DataError, match="has width 0"):
        read_source(str(span), strict=True)


@pytest.mark.parametrize(
    "fields", [{"bbox": [1, 2, "3", 4]}, {"bbox": [1, 2, float("nan"), 4]}, {"category_id": 9}, {"image_id": 9}]
)
def test_structural_faults_are_errors_in_spans_too(tmp_path: Path, fields: dict[str, Any]) -> None:
    assert "annotations[0]" in message_of(write_span(tmp_path / "a", coco(annotations=[coco_annotation() | fields])))


def digest_of(directory: Path, document: dict[str, Any], images: dict[str, bytes] | None = None) -> str:
    source = read_source(str(write_span(directory, document, images)))
    found = ((record, content) for shard in source.shards for record, content in encoded_images(shard))
    return dataset_digest(
        source.label_map,
        {record.image_id: image_digest(record, content) for record, content in found},  # type: ignore[arg-type]
    )


def test_digest_does_not_depend_on_order_or_place(tmp_path: Path) -> None:
    annotations = [
        coco_annotation(1, 1),
        coco_annotation(2, 1, category_id=7, bbox=[1, 2, 3, 4]),
        coco_annotation(3, 2),
    ]
    document = coco(annotations=annotations)
    turned = {key: [dict(reversed(entry.items())) for entry in reversed(part)] for key, part in document.items()}
    turned = dict(reversed(turned.items())) | {"info": {"year": 2024}}
    assert digest_of(tmp_path / "a", document) == digest_of(tmp_path / "elsewhere" / "b", turned)


@pytest.mark.parametrize(
    "change",
    [
        {"annotations": [coco_annotation(1, 1, category_id=7), coco_annotation(2, 2, category_id=7)]},
        {"annotations": [coco_annotation(1, 1, bbox=[10.500000000000002, 5.25, 20, 30]), coco_annotation(2, 2)]},
        {"annotations": [coco_annotation(1, 1)]},
        {"annotations": [coco_annotation(1, 2), coco_annotation(2, 1, category_id=7)]},
        {"annotations": [coco_annotation(1, 1, area=400), coco_annotation(2, 2, category_id=7)]},
        {"annotations": [coco_annotation(1, 1, iscrowd=1), coco_annotation(2, 2, category_id=7)]},
        {"categories": [{"id": 3, "name": "dog"}, {"id": 7, "name": "cat"}]},
        {"images": [coco_image(1), coco_image(2), coco_image(3)]},
    ],
)
def test_digest_changes_with_any_annotation(tmp_path: Path, change: dict[str, Any]) -> None:
    assert digest_of(tmp_path / "a", coco()) != digest_of(tmp_path / "b", coco(**change))


def test_digest_changes_with_a_byte_of_an_image(tmp_path: Path) -> None:
    images = {"1.jpg": encode(picture(seed=1)), "2.jpg": encode(picture(seed=2))}
    other = images | {"2.jpg": encode(picture(seed=2), comment=b"x")}
    swapped = {"1.jpg": images["2.jpg"], "2.jpg": images["1.jpg"]}
    digests = [digest_of(tmp_path / str(i), coco(), files) for i, files in enumerate((images, other, swapped))]
    assert len(set(digests)) == 3


def test_missing_directory_is_named_with_the_spans_beside_it(tmp_path: Path) -> None:
    write_span(tmp_path / "span-1")
    write_span(tmp_path / "span-12")
    assert message_of(tmp_path / "span-3") == (
        f"{tmp_path}/span-3: no such directory; {tmp_path} holds span-1, span-12"
    )
    assert message_of(tmp_path / "no" / "where") == f"{tmp_path}/no/where: no such directory; correct the path"
    write_span(tmp_path / "golden")
    assert message_of(tmp_path / "goldn").endswith(f"no such directory; {tmp_path} holds span-1, span-12, golden")


def test_parent_of_the_spans_is_recognised(tmp_path: Path) -> None:
    for number in (10, 9):
        write_span(tmp_path / f"span-{number}")
    assert message_of(tmp_path) == (f"{tmp_path}: it holds span-9, span-10: give one of them")


def test_missing_annotations_and_missing_images_are_told_apart(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    assert "; it holds no files" in message_of(tmp_path / "a")
    (tmp_path / "a" / "annotations.json").write_bytes(to_bytes(coco()))
    assert "file_name '1.jpg': no such file among the 0 pictures in" in message_of(tmp_path / "a")


def test_broken_annotations_are_named_with_their_path(tmp_path: Path) -> None:
    span = write_span(tmp_path / "span-1")
    (span / "annotations.json").write_text("{")
    assert message_of(span).startswith(f"{span}/annotations.json: broken JSON at line 1, column 2")


def test_reading_needs_neither_tensorflow_nor_tfx() -> None:
    heavy = {"tensorflow", "tfx", "apache_beam"}
    code = f"import sys, ratchet.components.example_gen.dataset; print({heavy} & set(sys.modules) or set())"
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_local_files_see_the_disk(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"x")
    assert (LOCAL_FILES.exists(str(tmp_path / "a")), LOCAL_FILES.isdir(str(tmp_path / "a"))) == (True, False)
    assert LOCAL_FILES.listdir(str(tmp_path)) == ["a"]
    assert list(LOCAL_FILES.walk(str(tmp_path))) == [(str(tmp_path), [], ["a"])]
    with LOCAL_FILES.open(str(tmp_path / "a"), "rb") as file:
        assert file.read() == b"x"
