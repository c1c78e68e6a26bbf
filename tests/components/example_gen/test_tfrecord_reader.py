from __future__ import annotations

import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ratchet.components.example_gen.dataset import Source, encoded_images, read_source
from ratchet.schemas.base.errors import DataError
from ratchet.schemas.data.records import LabelMap
from tests.builders import HEIGHT_PX, WIDTH_PX, encode, picture
from tests.components.example_gen.deliveries import (
    CAT_XYXY,
    example,
    framed,
    masked_crc,
    od_features,
    two_records,
    write_tfrecords,
)

LABEL_MAP = """
# made by hand
item {
  id: 1
  name: '/m/cat'
  display_name: "cat"
  keypoints { id: 7 label: "nose" }
}
item: { name: "bird", id: 5 }
item {
  name: 'k\\303\\266ter' id: 2 display_name: 'dog'
}
"""


def message_of(directory: Path, **options: object) -> str:
    with pytest.raises(DataError) as caught:
        read_source(str(directory), **options)  # type: ignore[arg-type]
    return str(caught.value)


def with_first(tmp_path: Path, **fields: Any) -> Path:
    keys = {f"image/{key.replace('__', '/')}": value for key, value in fields.items()}
    return write_tfrecords(tmp_path / "span-1", two_records(keys))


def labels_of(source: Source) -> list[list[int]]:
    return [record.truth.labels.tolist() for record in source.records]


def test_fractions_become_pixels_and_numbers_and_names_become_classes(tmp_path: Path) -> None:
    source = read_source(str(write_tfrecords(tmp_path / "span-1")))
    assert (source.format, source.label_map) == ("tfrecord", LabelMap(("cat", "dog"), (1, 2)))
    assert [record.file_name for record in source.records] == ["a.jpg", "sub/b.jpg"]
    boxes = [record.truth.boxes_xywh_px for record in source.records]
    np.testing.assert_allclose(boxes, [[[10, 5, 20, 30]], [[2, 4, 32, 24]]], atol=1e-5)
    assert (labels_of(source), source.shards[0].positions) == ([[1], [2]], (0, 1))
    assert source.shards[0].names[1] == f"{tmp_path}/span-1/a.tfrecord, record 1"


@pytest.mark.parametrize(
    "names",
    [
        ("a.tfrecords", "b.record"),
        ("a.tfrecord.gz", "b.record-00000-of-00001"),
        ("x.record-00000-of-00002", "x.record-00001-of-00002"),
        ("data_tfrecord-00000-of-00002.gz", "data_tfrecord-00001-of-00002.gz"),
    ],
)
def test_files_of_every_usual_name_are_read_one_shard_each(tmp_path: Path, names: tuple[str, str]) -> None:
    for name, record in zip(names, two_records()):
        write_tfrecords(tmp_path, [record], name)
    source = read_source(str(tmp_path))
    assert [shard.paths for shard in source.shards] == [(f"{tmp_path}/{name}",) for name in names]
    images = [content for shard in source.shards for _, content in encoded_images(shard)]
    assert images == [encode(picture(seed=1)), encode(picture(seed=2))]


def test_missing_file_of_a_numbered_set_is_named(tmp_path: Path) -> None:
    write_tfrecords(tmp_path, name="x.record-00001-of-00003")
    assert f"{tmp_path}: of the 3 files x...-of-00003 number 00000 is missing and 1 more;" in message_of(tmp_path)


def test_label_map_gives_ids_and_display_names(tmp_path: Path) -> None:
    span = write_tfrecords(tmp_path / "span-1")
    (span / "label_map.pbtxt").write_text(LABEL_MAP)
    source = read_source(str(span))
    assert source.label_map == LabelMap(("cat", "dog", "bird"), (1, 2, 5))
    named = two_records({"image/object/class/text": [b"/m/cat"]})
    named[1]["image/object/class/text"] = ["köter".encode()]
    write_tfrecords(span, named)
    assert labels_of(read_source(str(span))) == labels_of(source) == [[1], [2]]


def test_label_map_names_numbers_without_texts(tmp_path: Path) -> None:
    span = with_first(tmp_path, object__class__text=None)
    assert "class/label without class/text, and no label map; put a label_map.pbtxt into" in message_of(span)
    (span / "pets.pbtxt").write_text(LABEL_MAP)
    assert labels_of(read_source(str(span))) == [[1], [2]]


def test_texts_alone_become_sorted_classes_or_the_curated_ones(tmp_path: Path) -> None:
    records = two_records({"image/object/class/label": None})
    records[1]["image/object/class/label"] = []
    span = write_tfrecords(tmp_path / "span-1", records)
    assert read_source(str(span)).label_map == LabelMap(("cat", "dog"), (1, 2))
    source = read_source(str(span), class_names=("dog", "cow", "cat"))
    assert (source.label_map, labels_of(source)) == (LabelMap(("dog", "cow", "cat"), (1, 2, 3)), [[3], [1]])
    assert "object[0]: class 'cat' is not in the schema's classes, which has ['dog', 'cow']" in message_of(
        span, class_names=("dog", "cow")
    )


@pytest.mark.parametrize(
    ("fields", "part"),
    [
        ({"object__class__label": [2]}, "class/label 2 goes with class/text 'dog' here, and elsewhere with 'cat'"),
        ({"object__class__text": [b"dog"]}, "class/label 2 goes with class/text 'dog' here, and elsewhere with 1"),
        ({"object__class__label": [-1]}, "class/label -1 must be an integer, 0..9223372036854775807"),
    ],
)
def test_class_with_two_names_or_numbers_is_refused(tmp_path: Path, fields: dict[str, Any], part: str) -> None:
    assert part in message_of(with_first(tmp_path, **fields))


@pytest.mark.parametrize(
    ("fields", "part"),
    [
        ({"object__class__label": [9]}, "class/label 9 of 'cat' is not as in label_map.pbtxt, whose classes have the"),
        ({"object__class__text": [b"cow"]}, "class 'cow' is not in label_map.pbtxt, which has ['cat'"),
        ({"object__class__label": [5], "object__class__text": None}, ""),
        ({"object__class__label": [9], "object__class__text": None}, "class/label 9 is not as in label_map.pbtxt"),
    ],
)
def test_class_that_is_not_as_in_the_label_map_is_refused(tmp_path: Path, fields: dict[str, Any], part: str) -> None:
    span = with_first(tmp_path, **fields)
    (span / "label_map.pbtxt").write_text(LABEL_MAP)
    if part:
        assert part in message_of(span)
    else:
        assert labels_of(read_source(str(span))) == [[3], [2]]


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("", "no item in it"),
        ("item { id: 1 name: 'cat'", 'no label map: 1:20 : Expected "}"'),
        ("}", "no label map: 1:1 : "),
        ("item { id: 1 }", "item 1: class name '' must be a non-empty string"),
        ("item { name: 'cat' }", "id must be an integer, 0..9223372036854775807"),
        ("item { id: -1 name: 'cat' }", "id must be an integer"),
        ("item { id: 1.5 name: 'cat' }", "Couldn't parse integer: 1.5"),
        ("item { id: 1 id: 2 name: 'cat' }", 'should not have multiple "id" fields'),
        ("item { id: 1 name: 'a' } item { id: 1 name: 'b' }", "two items have the id 1; give each its own"),
        ("item { id: 1 name: 'a' } item { id: 2 name: 'a' }", "two items have the name 'a'"),
        ("item {\n id: 1 name: 'a\n' }", "no label map: 2:14 : "),
        (r"item { id: 1 name: '\377' }", "'utf-8' codec can't decode byte 0xff"),
        ("item {" + " a {" * 100_000, "no label map: maximum recursion depth"),
    ],
)
def test_bad_label_map_is_named(tmp_path: Path, text: str, part: str) -> None:
    span = write_tfrecords(tmp_path / "span-1")
    (span / "label_map.pbtxt").write_text(text)
    message = message_of(span)
    assert message.startswith(f"{span}/label_map.pbtxt: ")
    assert part in message


def test_integer_source_ids_are_image_ids(tmp_path: Path) -> None:
    records = two_records({"image/source_id": [b"397133"]})
    records[1]["image/source_id"] = [b"000000000042"]
    source = read_source(str(write_tfrecords(tmp_path / "span-1", records)))
    assert [(record.image_id, record.file_name) for record in source.records] == [(42, "sub/b.jpg"), (397133, "a.jpg")]
    assert [record.file_name for record in source.shards[0].records] == ["a.jpg", "sub/b.jpg"]
    images = {record.file_name: content for record, content in encoded_images(source.shards[0])}
    assert images == {"a.jpg": encode(picture(seed=1)), "sub/b.jpg": encode(picture(seed=2))}


@pytest.mark.parametrize(
    ("name", "source_id", "expected"),
    [
        ([b"../../etc/passwd"], [b"s1"], "s1.jpg"),
        ([b"/a.jpg"], [b"x/y"], "x/y.jpg"),
        ([b"sub/b.jpg"], [b"../s"], "0.jpg"),
        ([b""], [b""], "0.jpg"),
        ([b"\xff\xfe"], [b"\xff"], "0.jpg"),
        ([b"a", b"b"], [7], "7.jpg"),
        (None, None, "0.jpg"),
    ],
)
def test_image_without_a_name_of_its_own_is_called_after_its_source_id_or_place(
    tmp_path: Path, name: list[Any] | None, source_id: list[Any] | None, expected: str
) -> None:
    source = read_source(str(with_first(tmp_path, filename=name, source_id=source_id)))
    assert expected in {record.file_name for record in source.records}


def test_png_is_called_png(tmp_path: Path) -> None:
    span = with_first(tmp_path, filename=None, source_id=None, encoded=[encode(picture(), "PNG")])
    assert "0.png" in {record.file_name for record in read_source(str(span)).records}


def test_scalars_that_the_api_does_not_define_are_attributes(tmp_path: Path) -> None:
    span = with_first(
        tmp_path, camera=["nörd".encode()], hour=[17], gains=[1, 2], gain=[0.5], id=[4], key__sha256=[b"x"], note=[]
    )
    assert dict(read_source(str(span)).records[0].attributes) == {"camera": "nörd", "hour": "17"}


def test_size_that_is_not_given_is_that_of_the_image(tmp_path: Path) -> None:
    source = read_source(str(with_first(tmp_path, height=None, width=None)))
    assert (source.records[0].width_px, source.records[0].height_px) == (WIDTH_PX, HEIGHT_PX)


def test_area_and_crowd_are_taken_over_and_group_of_stands_for_crowd(tmp_path: Path) -> None:
    truth = read_source(str(with_first(tmp_path, object__area=[7.5], object__is_crowd=[1]))).records[0].truth
    assert (truth.area_px2.tolist(), truth.is_crowd.tolist()) == ([7.5], [True])
    grouped = write_tfrecords(
        tmp_path / "b", two_records({"image/object/group_of": [1], "image/object/difficult": [1]})
    )
    assert read_source(str(grouped)).records[0].truth.is_crowd.tolist() == [True]


@pytest.mark.parametrize(
    ("fields", "part"),
    [
        ({"encoded": None}, "no image/encoded; write the image's file into the record"),
        ({"encoded": [b""]}, "no image/encoded"),
        ({"encoded": [1]}, "image/encoded is a list of int, expected is one of bytes"),
        ({"encoded": [b"a", b"b"]}, "image/encoded has 2 values, expected 1"),
        ({"height": [0]}, "height 0 must be an integer, 1..65535"),
        ({"width": [2**40]}, "width 1099511627776 must be"),
        ({"width": [65_000], "height": [65_000]}, "is 4225000000 pixels, allowed are 100000000"),
        ({"object__bbox__xmin": []}, "image/object/bbox/ymin has 1 values, expected 0"),
        ({"object__bbox__xmax": [0.1, 0.2]}, "image/object/bbox/xmax has 2 values, expected 1"),
        ({"object__bbox__ymin": [float("nan")]}, "object[0]: ymin nan must be a finite number"),
        ({"object__bbox__ymin": [1]}, "image/object/bbox/ymin is a list of int, expected is one of float"),
        ({"object__class__label": [1, 1]}, "image/object/class/label has 2 values, expected 1"),
        ({"object__class__label": None, "object__class__text": None}, "object[0]: neither class/label nor class/text"),
        ({"object__class__text": [b"\xff"]}, "object[0]: class/text b'\\xff' is no UTF-8 text"),
        ({"object__class__text": [b" "]}, "object[0]: class name ' ' must be a non-empty string"),
        ({"object__area": [-1.0]}, "object[0]: area -1.0 must be at least 0"),
        ({"object__is_crowd": [2]}, "object[0]: is_crowd or group_of 2 must be 0 or 1"),
        ({"camera": [b"\xff"]}, "image/camera b'\\xff' is no UTF-8 text"),
    ],
)
def test_bad_record_is_named_with_file_and_index(tmp_path: Path, fields: dict[str, Any], part: str) -> None:
    message = message_of(with_first(tmp_path, **fields))
    assert message.startswith(f"{tmp_path}/span-1/a.tfrecord: record 0")
    assert part in message


GOOD = framed(example(two_records()[0]))


@pytest.mark.parametrize(
    ("content", "part"),
    [
        (GOOD[:5], "record 0: truncated: 5 of its first 12 bytes; copy the file again"),
        (GOOD + GOOD[:100], f"record 1: truncated: 88 of {len(GOOD) - 16} bytes"),
        (GOOD[:-1], "record 0: truncated"),
        (GOOD[:50] + b"?" + GOOD[51:], "record 0: damaged: its content has another checksum"),
        (b"\x01" + GOOD[1:], "record 0: damaged: its length has another checksum (or no TFRecord file, or gzipped"),
        (
            (2**60).to_bytes(8, "little") + masked_crc((2**60).to_bytes(8, "little")),
            "record 0: 1152921504606846976 bytes long, allowed are 268435456",
        ),
        (framed(b"junk"), "record 0: no tf.train.Example ("),
        (framed(b"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"), "no tf.train.Example (Error parsing message"),
        (framed(b"\x0a\x7f"), "no tf.train.Example"),
        (framed(b""), "record 0: no image/encoded"),
    ],
)
def test_damaged_file_is_named_with_the_record(tmp_path: Path, content: bytes, part: str) -> None:
    (tmp_path / "a.tfrecord").write_bytes(content)
    message = message_of(tmp_path)
    assert message.startswith(f"{tmp_path}/a.tfrecord: ")
    assert part in message


def test_damaged_gzip_file_is_named(tmp_path: Path) -> None:
    write_tfrecords(tmp_path, name="a.tfrecord.gz")
    whole = (tmp_path / "a.tfrecord.gz").read_bytes()
    for content in (whole[:-20], GOOD, whole[:100] + b"?" + whole[101:], b""):
        (tmp_path / "a.tfrecord.gz").write_bytes(content)
        message = message_of(tmp_path)
        assert "a.tfrecord.gz: " in message or "0 records without one object" in message


def test_feature_that_is_there_twice_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.tfrecord").write_bytes(framed(example(two_records()[0]) + example({"image/width": [64]})))
    assert "record 0: the feature 'image/width' is there twice" in message_of(tmp_path)


def test_file_that_changed_since_gives_errors_for_the_rest(tmp_path: Path) -> None:
    [shard] = read_source(str(write_tfrecords(tmp_path))).shards
    (tmp_path / "a.tfrecord").write_bytes(GOOD)
    (_, first), (record, second) = encoded_images(shard)
    assert (first, record.file_name) == (encode(picture(seed=1)), "sub/b.jpg")
    assert "record 1 is gone: the file changed while it was read" in str(second)


def test_no_more_than_an_image_is_in_memory(tmp_path: Path) -> None:
    size = 1_000_000
    records = [
        od_features(f"{n}.jpg", "cat", 1, CAT_XYXY, **{"image/encoded": [encode(picture()) + bytes(size)]})
        for n in range(30)
    ]
    write_tfrecords(tmp_path, records)
    del records
    tracemalloc.start()
    [shard] = read_source(str(tmp_path)).shards
    assert sum(len(content) > size for _, content in encoded_images(shard) if isinstance(content, bytes)) == 30
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8 * size


@pytest.mark.tensorflow
def test_what_tensorflow_wrote_is_read_alike(tmp_path: Path) -> None:
    import tensorflow as tf

    from ratchet.components.example_gen.tfrecords import parse_example, read_records
    from ratchet.schemas.base.files import LOCAL_FILES

    values = {"b": [b"", b"x\0y"], "f": [0.1, -3e38, 0.0], "i": [0, -1, 2**63 - 1, -(2**63)]}
    kinds = {"b": "bytes", "f": "float", "i": "int"}
    features = {
        "b": tf.train.Feature(bytes_list=tf.train.BytesList(value=values["b"])),
        "f": tf.train.Feature(float_list=tf.train.FloatList(value=values["f"])),
        "i": tf.train.Feature(int64_list=tf.train.Int64List(value=values["i"])),
        "empty": tf.train.Feature(float_list=tf.train.FloatList()),
        "none": tf.train.Feature(),
    }
    data = tf.train.Example(features=tf.train.Features(feature=features)).SerializeToString()
    with tf.io.TFRecordWriter(str(tmp_path / "a.tfrecord")) as writer:
        writer.write(data)
    with tf.io.TFRecordWriter(str(tmp_path / "a.tfrecord.gz"), "GZIP") as writer:
        writer.write(data)
    for name in ("a.tfrecord", "a.tfrecord.gz"):
        [record] = read_records(str(tmp_path / name), LOCAL_FILES)
        parsed = parse_example(record, "here")
        for key, kind in kinds.items():
            assert parsed[key].kind == kind
            np.testing.assert_array_equal(
                np.array(parsed[key].values), np.float32(values[key]) if kind == "float" else np.array(values[key])
            )
        assert (parsed["empty"].values, parsed["none"].values) == ([], [])
