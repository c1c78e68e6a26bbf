from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from ratchet.components.example_gen.dataset import read_source
from ratchet.schemas.base.errors import DataError
from ratchet.schemas.data.records import LabelMap
from tests.components.example_gen.deliveries import CAT_XYXY, DOG_XYXY, voc_xml, write_voc

BOMB = """<?xml version="1.0"?><!DOCTYPE a [<!ENTITY x "ha"><!ENTITY y "&x;&x;&x;&x;&x;&x;&x;&x;&x;&x;">]>"""


def message_of(directory: Path, **options: object) -> str:
    with pytest.raises(DataError) as caught:
        read_source(str(directory), **options)  # type: ignore[arg-type]
    return str(caught.value)


def with_first(tmp_path: Path, content: str | bytes) -> Path:
    span = write_voc(tmp_path / "span-1")
    (span / "Annotations" / "a.xml").write_bytes(content.encode() if isinstance(content, str) else content)
    return span


def test_corners_become_boxes_and_names_become_sorted_classes(tmp_path: Path) -> None:
    source = read_source(str(write_voc(tmp_path / "span-1")))
    assert (source.format, source.label_map) == ("voc", LabelMap(("cat", "dog"), (1, 2)))
    assert [(record.image_id, record.file_name) for record in source.records] == [(1, "a.jpg"), (2, "sub/b.jpg")]
    assert [record.truth.boxes_xywh_px.tolist() for record in source.records] == [[[10, 5, 20, 30]], [[2, 4, 32, 24]]]
    assert [record.truth.labels.tolist() for record in source.records] == [[1], [2]]
    assert source.records[0].truth.area_px2.tolist() == [600]
    assert source.shards[0].paths[1] == f"{tmp_path}/span-1/JPEGImages/sub/b.jpg"


def test_difficult_objects_are_objects_like_others(tmp_path: Path) -> None:
    assert "<difficult>1" in voc_xml("a.jpg", [("cat", CAT_XYXY)])
    source = read_source(str(write_voc(tmp_path / "span-1")))
    assert not source.records[0].truth.is_crowd.any()


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("classes.txt", "dog\nbird\ncat\n\n"),
        ("labels.txt", "\ufeffdog\r\nbird\r\ncat\r\n"),
        (
            "labelmap.txt",
            "# label:color_rgb:parts:actions\nbackground:0,0,0::\ndog:128,0,0::\nbird:::\ncat:1,2,3:head,tail:run\n",
        ),
    ],
)
def test_class_list_of_the_directory_gives_the_order(tmp_path: Path, name: str, content: str) -> None:
    span = write_voc(tmp_path / "span-1")
    (span / name).write_text(content)
    source = read_source(str(span), class_names=("other",))
    assert source.label_map == LabelMap(("dog", "bird", "cat"), (1, 2, 3))
    assert [record.truth.labels.tolist() for record in source.records] == [[3], [1]]


def test_curated_classes_stand_for_a_list_that_is_not_there(tmp_path: Path) -> None:
    span = write_voc(tmp_path / "span-1")
    assert read_source(str(span), class_names=("dog", "cow", "cat")).label_map.names == ("dog", "cow", "cat")


def test_name_that_is_in_no_list_is_named_with_file_object_and_what_is_allowed(tmp_path: Path) -> None:
    message = message_of(write_voc(tmp_path / "span-1"), class_names=("cat", "cow"))
    assert "Annotations/sub/b.xml: object[0] ('dog'): class 'dog' is not in" in message
    assert "which has ['cat', 'cow']" in message


def test_image_without_objects_is_kept_and_one_without_xml_is_not(tmp_path: Path) -> None:
    span = write_voc(tmp_path / "span-1", [[], [("dog", DOG_XYXY)]])
    (span / "JPEGImages" / "c.jpg").write_bytes(b"junk")
    assert [len(record.truth.labels) for record in read_source(str(span)).records] == [0, 1]


@pytest.mark.parametrize("suffix", ["jpg", "JPEG", "png"])
def test_image_is_found_by_the_name_of_the_xml_file_when_filename_is_wrong_or_missing(
    tmp_path: Path, suffix: str
) -> None:
    for number, filename in enumerate((None, "a", "elsewhere.bmp")):
        span = write_voc(tmp_path / str(number))
        (span / "JPEGImages" / "a.jpg").rename(span / "JPEGImages" / f"a.{suffix}")
        (span / "Annotations" / "a.xml").write_text(voc_xml(filename, [("cat", CAT_XYXY)]))
        assert read_source(str(span)).records[0].file_name == f"a.{suffix}"


def test_filename_counts_where_no_image_is_called_like_the_xml_file(tmp_path: Path) -> None:
    span = write_voc(tmp_path / "span-1")
    (span / "JPEGImages" / "a.jpg").rename(span / "JPEGImages" / "other.jpg")
    (span / "Annotations" / "a.xml").write_text(voc_xml("other.jpg", [("cat", CAT_XYXY)]))
    assert [record.file_name for record in read_source(str(span)).records] == ["other.jpg", "sub/b.jpg"]


@pytest.mark.parametrize(
    ("content", "part"),
    [
        ("<annotation><size>", "broken XML: no element found: line 1, column 18; export or copy the file again"),
        ("", "broken XML: no element found"),
        (b"\x89PNG\r\n", "broken XML: not well-formed"),
        ('<?xml version="1.0" encoding="klingon"?><annotation/>', "broken XML: unknown encoding"),
        ("<html/>", "its root is <html>, that of a VOC file is <annotation>"),
        (BOMB + "<annotation>&y;</annotation>", "it has a <!DOCTYPE>, which can make a small file endless; remove it"),
        ((BOMB + "<annotation>&y;</annotation>").encode("utf-16"), "it has a <!DOCTYPE>"),
        ('<!DOCTYPE a SYSTEM "file:///etc/passwd"><annotation/>', "it has a <!DOCTYPE>"),
        ("<annotation>" * 100_000, "broken XML: no element found"),
        (voc_xml("a.jpg", [], ("64.5", 48)), "size/width '64.5' must be an integer; correct it or leave size out"),
        (voc_xml("a.jpg", [], (64, 0)), "height 0 must be an integer, 1..65535"),
        (voc_xml("a.jpg", [], (60_000, 60_000)), "is 3600000000 pixels, allowed are 100000000"),
        ("<annotation><size><width>64</width></size></annotation>", "size/height '' must be an integer"),
        (voc_xml("a.jpg", [(" ", CAT_XYXY)]), "object[0]: class name '' must be a non-empty string"),
        (voc_xml("a.jpg", [("cat", (1, "nan", 3, 4))]), "object[0] 'cat': ymin 'nan' must be a number; correct it"),
        (voc_xml("a.jpg", [("cat", (1, "1_0", 3, 4))]), "ymin '1_0' must be a number"),
        (voc_xml("a.jpg", [("cat", (1, "1e999", 3, 4))]), "ymin inf must be a finite number within +-1e+09"),
        (voc_xml("a.jpg", [("cat", CAT_XYXY)]).replace("bndbox", "box"), "object[0] 'cat': bndbox is missing"),
        (
            voc_xml("a.jpg", [("cat", CAT_XYXY)]).replace("bndbox", "polygon"),
            "no bndbox, and its polygon has no points",
        ),
    ],
)
def test_bad_file_is_named_with_what_is_wrong(tmp_path: Path, content: str | bytes, part: str) -> None:
    message = message_of(with_first(tmp_path, content))
    assert message.startswith(f"{tmp_path}/span-1/Annotations/a.xml: ")
    assert part in message


def test_missing_image_is_named(tmp_path: Path) -> None:
    span = write_voc(tmp_path / "span-1")
    (span / "JPEGImages" / "a.jpg").unlink()
    assert message_of(span) == (
        f"{span}/Annotations/a.xml: its image 'a.jpg': no such file among the 1 pictures in {span}/JPEGImages; "
        "deliver it"
    )


def no_images(span: Path) -> None:
    shutil.rmtree(span / "JPEGImages")


def second_xml(span: Path) -> None:
    (span / "Annotations" / "z.xml").write_text(voc_xml("a.jpg", [("cat", CAT_XYXY)]))


def no_objects(span: Path) -> None:
    (span / "Annotations" / "a.xml").write_text(voc_xml("a.jpg", []))
    (span / "Annotations" / "sub" / "b.xml").unlink()


@pytest.mark.parametrize(
    ("change", "part"),
    [
        (no_images, "a.xml: its image 'a.jpg': no such file among the 0 pictures in "),
        (second_xml, "z.xml: its image 'JPEGImages/a.jpg' already has "),
        (no_objects, "1 XML files without one object; a data set needs at least one"),
    ],
)
def test_contradiction_between_files_is_told(tmp_path: Path, change: Callable[[Path], None], part: str) -> None:
    span = write_voc(tmp_path / "span-1")
    change(span)
    assert part in message_of(span)


def test_box_without_area_is_left_out_of_a_span_and_refused_in_a_golden_set(tmp_path: Path) -> None:
    span = write_voc(tmp_path / "span-1", [[("cat", (5, 6, 5, 6)), ("cat", CAT_XYXY)], [("dog", DOG_XYXY)]])
    source = read_source(str(span))
    told = (
        "Annotations/a.xml: object[0] ('cat', image 1 'a.jpg'): bndbox [5.0, 6.0, 5.0, 6.0] has width 0.0; it must be "
        "at least 0.001 px (a bndbox is xmin, ymin, xmax, ymax); correct or remove the annotation"
    )
    assert (source.bad_boxes.count, source.bad_boxes.of, source.bad_boxes.examples) == (1, 3, (told,))
    assert source.records[0].truth.boxes_xywh_px.tolist() == [[10, 5, 20, 30]]
    assert message_of(span, strict=True) == f"{span}: {told}"
