from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from ratchet.components.example_gen.dataset import read_source
from ratchet.schemas.base.errors import DataError
from ratchet.schemas.data.records import LabelMap
from tests.builders import encode, picture
from tests.components.example_gen.deliveries import DOG_XYXY, write_yolo, yolo_line


def message_of(directory: Path, **options: object) -> str:
    with pytest.raises(DataError) as caught:
        read_source(str(directory), **options)  # type: ignore[arg-type]
    return str(caught.value)


def test_fractions_become_pixels_and_class_zero_becomes_category_one(tmp_path: Path) -> None:
    source = read_source(str(write_yolo(tmp_path / "span-1")))
    assert (source.format, source.label_map) == ("yolo", LabelMap(("cat", "dog"), (1, 2)))
    assert [(record.image_id, record.file_name) for record in source.records] == [(1, "a.jpg"), (2, "sub/b.jpg")]
    boxes = [record.truth.boxes_xywh_px for record in source.records]
    np.testing.assert_allclose(boxes, [[[10, 5, 20, 30]], [[2, 4, 32, 24]]], rtol=1e-12)
    assert [record.truth.labels.tolist() for record in source.records] == [[1], [2]]
    assert [(record.width_px, record.height_px) for record in source.records] == [(64, 48)] * 2


def test_darknet_layout_has_its_text_files_beside_the_images(tmp_path: Path) -> None:
    span = write_yolo(tmp_path / "span-1")
    shutil.copytree(span / "labels", span / "images", dirs_exist_ok=True)
    shutil.rmtree(span / "labels")
    (span / "images").rename(span / "obj_train_data")
    (span / "classes.txt").rename(span / "obj.names")
    (span / "train.txt").write_text("data/obj_train_data/a.jpg\n")
    source = read_source(str(span))
    assert [record.truth.labels.tolist() for record in source.records] == [[1], [2]]
    assert source.shards[0].paths[0] == f"{span}/obj_train_data/a.jpg"


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("data.yaml", "train: ../train\nnc: 3\nnames: ['no', dog, 1]\n"),
        ("data.yaml", "names:\n  0: no\n  1: dog\n  2: 1\n"),
        ("obj.names", "no\ndog\n1\n"),
        ("labels/classes.txt", "no\ndog\n1\n"),
    ],
)
def test_class_names_come_from_any_of_the_lists(tmp_path: Path, name: str, content: str) -> None:
    span = write_yolo(tmp_path / "span-1")
    (span / "classes.txt").unlink()
    (span / name).write_text(content)
    assert read_source(str(span)).label_map == LabelMap(("no", "dog", "1"), (1, 2, 3))


def test_curated_classes_stand_for_a_list_that_is_not_there(tmp_path: Path) -> None:
    span = write_yolo(tmp_path / "span-1")
    (span / "classes.txt").unlink()
    assert read_source(str(span), class_names=("cat", "dog")).label_map.names == ("cat", "dog")
    assert "no data.yaml, obj.names or classes.txt in it; name the classes in one of them" in message_of(span)


def test_polygon_becomes_the_box_around_it(tmp_path: Path) -> None:
    span = write_yolo(tmp_path / "span-1", "1 0.5 0.25 0.75 0.5 0.25 0.5\n\n0 0 0 .5 0 .5 .5 0 .5\n")
    truth = read_source(str(span)).records[0].truth
    assert truth.boxes_xywh_px.tolist() == [[16, 12, 32, 12], [0, 0, 32, 24]]
    assert truth.labels.tolist() == [2, 1]


def test_image_without_text_file_has_no_objects(tmp_path: Path) -> None:
    span = write_yolo(tmp_path / "span-1")
    (span / "labels" / "a.txt").unlink()
    assert [len(record.truth.labels) for record in read_source(str(span)).records] == [0, 1]


@pytest.mark.parametrize(
    ("line", "part"),
    [
        ("0 .5 .5 .2 .2 .93", "6 columns: a box with an angle, or a detection with its score"),
        ("0 .5 .5 .2", "4 columns; a box has 5 (class, center x, center y, width, height), a polygon"),
        ("0 .1 .1 .2 .2 .3 .3 .4", "8 columns"),
        ("2 .5 .5 .2 .2", "class '2' must be an integer, 0..1, counted from 0; if classes are counted from 1 here"),
        ("-1 .5 .5 .2 .2", "class '-1' must be an integer"),
        ("cat .5 .5 .2 .2", "class 'cat' must be an integer"),
        ("0 .5 nan .2 .2", "column 3 'nan' must be a number"),
        ("0 .5 .5 1e99 .2", "column 4 1e+99 must be a finite number"),
        ("0,.5,.5,.2,.2", "columns are separated by spaces, not by ','; replace them"),
    ],
)
def test_bad_line_is_named(tmp_path: Path, line: str, part: str) -> None:
    span = write_yolo(tmp_path / "span-1", f"0 .5 .5 .2 .2\n{line}\n")
    message = message_of(span)
    assert message.startswith(f"{span}/labels/a.txt: line 2: ")
    assert part in message


def test_text_file_without_image_is_named(tmp_path: Path) -> None:
    span = write_yolo(tmp_path / "span-1")
    (span / "labels" / "sub" / "c.txt").write_text("0 .5 .5 .2 .2\n")
    assert message_of(span) == (
        f"{span}/labels/sub/c.txt: it has boxes of 'images/sub/c': no such file among the 1 pictures in "
        f"{span}/images/sub; deliver it"
    )


def test_text_without_boxes_and_without_image_is_told(tmp_path: Path) -> None:
    span = write_yolo(tmp_path / "span-1")
    (span / "labels" / "notes.txt").write_text("labelled by two persons\n")
    assert read_source(str(span)).left_out == ("'labels/notes.txt' has no boxes and no picture",)


def test_two_images_that_would_share_a_text_file_are_refused(tmp_path: Path) -> None:
    span = write_yolo(tmp_path / "span-1")
    (span / "images" / "a.png").write_bytes(encode(picture(), "PNG"))
    assert "'images/a.jpg' and 'images/a.png' would share 'a.txt'; rename one" in message_of(span)


@pytest.mark.parametrize(
    ("content", "part"),
    [
        (b"", "a.jpg: not a JPEG or PNG file, it is empty"),
        (b"GIF89a..", "its first bytes are b'GIF89a..'"),
        (b"\xff\xd8\xff\xe0\x00", "a.jpg: truncated or damaged in its header ("),
    ],
)
def test_image_without_a_readable_size_is_named(tmp_path: Path, content: bytes, part: str) -> None:
    span = write_yolo(tmp_path / "span-1")
    (span / "images" / "a.jpg").write_bytes(content)
    assert part in message_of(span)


def test_data_set_without_any_object_is_refused(tmp_path: Path) -> None:
    span = write_yolo(tmp_path / "span-1", "")
    (span / "labels" / "sub" / "b.txt").unlink()
    assert "2 images without one object; a data set needs at least one" in message_of(span)


@pytest.mark.parametrize(
    ("name", "content", "part"),
    [
        (
            "classes.txt",
            "cat\n\ndog\n",
            "line 2 is blank: whether it counts as a class is not said; remove it, or name",
        ),
        ("classes.txt", "cat\ncat\n", "class 'cat' is listed twice; rename one"),
        ("classes.txt", "", "no class names; list every class"),
        ("classes.txt", b"\xff\xfe\x00", "no UTF-8 text"),
        ("data.yaml", "names: [cat", "not valid YAML"),
        ("data.yaml", "names: cat", "names 'cat' must be a list of class names or a mapping of 0..K-1 to them"),
        ("data.yaml", "names: {1: cat, 2: dog}", "the keys of names are ['1', '2']; they must be 0..1"),
        ("data.yaml", "names: [cat, [dog]]", "must be a list of class names"),
        ("data.yaml", "[" * 50_000, "50000 brackets, allowed are 200: it is no list of class names"),
        ("data.yaml", "names: [" + "a," * 20_001, "20001 items, allowed are 20000"),
        ("data.yaml", "- " * 20_000, "nested more than 100 deep (line 1)"),
        ("data.yaml", "[a, b]", "names None must be a list"),
        ("data.yaml", "&a [*a]", "the alias *a stands inside of what it stands for (line 1)"),
    ],
)
def test_bad_class_list_is_named(tmp_path: Path, name: str, content: str | bytes, part: str) -> None:
    span = write_yolo(tmp_path / "span-1")
    (span / name).write_bytes(content.encode() if isinstance(content, str) else content)
    message = message_of(span)
    assert message.startswith(f"{span}/{name}: ")
    assert part in message


def test_pixels_in_place_of_fractions_are_recognised(tmp_path: Path) -> None:
    lines = "\n".join(f"0 {20 + n} {15 + n} {9 + n} {8 + n}" for n in range(5))
    bad = read_source(str(write_yolo(tmp_path / "span-1", lines))).bad_boxes
    assert (bad.count, bad.of, bad.images) == (5, 6, ("a.jpg",))
    assert bad.guessed_format == "pixels or [x, y, width, height] in pixels"
    assert bad.examples[0].startswith(
        "labels/a.txt: line 1 (image 1 'a.jpg'): box [20.0, 15.0, 9.0, 8.0] spans x 992.0.."
    )


def test_box_at_the_very_border_is_sound_in_spite_of_rounding(tmp_path: Path) -> None:
    span = write_yolo(tmp_path / "span-1", "0 0.500001 0.5 1.000001 1.0\n" + yolo_line(1, DOG_XYXY))
    assert read_source(str(span), strict=True).bad_boxes.count == 0
