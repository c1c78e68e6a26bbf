"""Nothing of a delivery is read wrongly, skipped or left out without a word."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from ratchet.components.example_gen.dataset import Source, read_source
from ratchet.components.example_gen.layout.layouts import Reading
from ratchet.schemas.base.errors import DataError
from tests.builders import coco, coco_annotation, encode, picture, write_span
from tests.components.example_gen.deliveries import CAT_XYXY, DOG_XYXY, voc_xml, write_voc, write_yolo, yolo_line

CAT_XYWH, DOG_XYWH = [10, 5, 20, 30], [2, 4, 32, 24]


def read(directory: Path, **said: str) -> Source:
    return read_source(str(directory), reading=Reading(**said))  # type: ignore[arg-type]


def message_of(directory: Path, **said: str) -> str:
    with pytest.raises(DataError) as caught:
        read(directory, **said)
    return str(caught.value).replace(str(directory), "D")


def boxes(source: Source) -> dict[str, list[list[int]]]:
    return {
        record.file_name: [[round(side) for side in box] for box in record.truth.boxes_xywh_px.tolist()]
        for record in source.records
    }


BOTH = {"a.jpg": [CAT_XYWH], "sub/b.jpg": [DOG_XYWH]}


@pytest.mark.parametrize(
    "name",
    [
        *("images/._a.jpg", "labels/._a.txt", "images/.ipynb_checkpoints/a-checkpoint.jpg", "images/@eaDir/a.jpg"),
        *("__MACOSX/images/a.jpg", "labels/.DS_Store", "images/Thumbs.db", "images/a.jpg~", "labels/.x/c.txt"),
    ],
)
def test_what_other_programs_leave_behind_is_skipped_and_told(tmp_path: Path, name: str) -> None:
    span = write_yolo(tmp_path / "in")
    (span / name).parent.mkdir(parents=True, exist_ok=True)
    (span / name).write_bytes(encode(picture(seed=5)))
    source = read(span)
    assert boxes(source) == BOTH
    [told] = source.told
    assert told.startswith("skipped 1 hidden or foreign file: '")
    assert source.left_out == ()


def test_links_are_followed_and_told_where_they_lead_out(tmp_path: Path) -> None:
    store = write_yolo(tmp_path / "store")
    (tmp_path / "in").mkdir()
    for name in ("images", "labels"):
        (tmp_path / "in" / name).symlink_to(store / name)
    (tmp_path / "in" / "classes.txt").write_text("cat\ndog\n")
    source = read(tmp_path / "in")
    assert boxes(source) == BOTH
    assert source.told == (f"followed 2 symbolic links out of {tmp_path}/in: 'images', 'labels'",)


def test_a_link_that_leads_back_is_not_followed(tmp_path: Path) -> None:
    span = write_yolo(tmp_path / "in")
    (span / "images" / "back").symlink_to(span)
    assert boxes(read(span)) == BOTH
    assert read(span).told == ("did not follow 1 symbolic link to what holds it: 'images/back'",)


@pytest.mark.parametrize("write", [write_yolo, write_voc])
def test_a_labelled_picture_of_another_kind_is_an_error_and_a_bare_one_told(
    tmp_path: Path, write: Callable[[Path], Path]
) -> None:
    span = write(tmp_path / "in")
    [images] = [path for path in (span / "images", span / "JPEGImages") if path.exists()]
    (images / "bare.bmp").write_bytes(encode(picture(), "BMP"))
    assert any("1 picture neither JPEG nor PNG: " in told and "bare.bmp" in told for told in read(span).left_out)
    (images / "a.jpg").rename(images / "a.bmp")
    assert f"D/{images.name}/a.bmp is there, but only JPEG and PNG are read; convert it" in message_of(span)


@pytest.mark.parametrize(
    ("first", "second", "is_sound"),
    [
        ("cat\ndog\n", "names: [cat, dog]", True),
        ("cat\ndog\n", "names: [cat, dog, cow]", True),
        ("cat\ndog\n", "names: [dog, cat]", False),
        ("cat\ndog\n", "names: {0: cat, 1: cow}", False),
    ],
)
def test_lists_of_classes_have_to_agree(tmp_path: Path, first: str, second: str, is_sound: bool) -> None:
    span = write_yolo(tmp_path / "in", names=first)
    (span / "classes.txt").rename(span / "labels" / "sub" / "classes.txt")
    (span / "data.yaml").write_text(second)
    if is_sound:
        assert read(span).label_map.names[:2] == ("cat", "dog")
        return
    assert (
        "labels count by one of them; correct the other, or give the right one with `ratchet convert --classes FILE`"
        in message_of(span)
    )
    source = read_source(str(span), reading=Reading(class_names=("cat", "dog")))
    assert source.label_map.names == ("cat", "dog")


def test_the_number_of_names_has_to_be_nc(tmp_path: Path) -> None:
    span = write_yolo(tmp_path / "in")
    (span / "data.yaml").write_text("nc: 3\nnames: [cat, dog]\n")
    assert "D/data.yaml: nc is '3', but names has 2: ['cat', 'dog']; correct one of them" in message_of(span)


@pytest.mark.parametrize("twin", ["Cat", "cAT", "cat  ", "ca\u0301t"])
def test_classes_that_look_alike_are_refused(tmp_path: Path, twin: str) -> None:
    other = "c\u00e1t" if twin.startswith("ca\u0301") else "cat"
    span = write_yolo(tmp_path / "yolo", names=f"{other}\ndog\n")
    (span / "classes.txt").unlink()
    (span / "data.yaml").write_text(f"names: ['{other}', '{twin}']", encoding="utf-8")
    assert "differ only in case, spaces, hyphens or Unicode form" in message_of(span)
    categories = [{"id": 3, "name": other}, {"id": 7, "name": twin}]
    assert "differ only in case, spaces, hyphens or Unicode form" in message_of(
        write_span(tmp_path / "coco", coco(categories=categories))
    )


@pytest.mark.parametrize(
    ("extra", "told"),
    [
        ({"id": 0, "name": "background"}, "category 0 'background' was left out: it has no object and is a background"),
        ({"id": 9, "name": "_background_"}, "category 9 '_background_' was left out"),
        (
            {"id": 0, "name": "pets", "supercategory": "none"},
            "category 0 'pets' was left out: it has no object and is ",
        ),
        ({"id": 0, "name": "cow", "supercategory": "none"}, ""),
    ],
)
def test_what_is_no_class_is_left_out_of_coco(tmp_path: Path, extra: dict[str, object], told: str) -> None:
    categories = [{"id": 3, "name": "cat"}, {"id": 7, "name": "dog"}]
    above = "pets" if extra["name"] == "pets" else "animal"
    document = coco(categories=[extra, *({**each, "supercategory": above} for each in categories)])
    source = read(write_span(tmp_path / "in", document))
    assert source.label_map.names == (("cat", "dog") if told else ("cow", "cat", "dog"))
    assert [sentence[: len(told)] for sentence in source.told] == ([told] if told else [])


def test_a_project_called_like_its_only_class_is_no_class(tmp_path: Path) -> None:
    categories = [{"id": 0, "name": "cat", "supercategory": "none"}, {"id": 3, "name": "cat", "supercategory": "cat"}]
    document = coco(categories=categories, annotations=[coco_annotation(1, 1)])
    assert read(write_span(tmp_path / "in", document)).label_map.names == ("cat",)


def test_a_background_that_has_objects_is_a_class_and_told(tmp_path: Path) -> None:
    categories = [{"id": 0, "name": "background"}, {"id": 3, "name": "cat"}]
    annotations = [coco_annotation(1, 1, category_id=0), coco_annotation(2, 2)]
    source = read(write_span(tmp_path / "in", coco(categories=categories, annotations=annotations)))
    assert source.label_map.names == ("background", "cat")
    assert source.told == ("category 0 'background' has objects, so it was read as a class like others",)


KEYPOINTS = "0 .5 .5 .4 .4 .4 .4 .6 .6 .5 .5\n"  # a box with three keypoints in it, and a polygon of five corners


@pytest.mark.parametrize(
    ("yaml", "expected"),
    [
        ("names: [cat, dog]\nkpt_shape: [3, 2]", [19, 14, 26, 19]),
        ("names: [cat, dog]\ntask: segment", [26, 19, 13, 10]),
        ("names: [cat, dog]", None),
        ("names: [cat, dog]\ntask: pose", None),
    ],
)
def test_what_a_row_is_has_to_be_said_where_it_may_be_two_things(
    tmp_path: Path, yaml: str, expected: list[int] | None
) -> None:
    span = write_yolo(tmp_path / "in", KEYPOINTS)
    (span / "data.yaml").write_text(yaml)
    if expected is None:
        assert "the 11 columns of 1 rows are a polygon, or a box with 3 or 2 keypoints" in message_of(span)
    else:
        assert boxes(read(span))["a.jpg"] == [expected]


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        ("0 .5 .5 .4 .4 .4 .4 2 .6 .6 1\n", "11 columns of 1 rows"),
        ("0 .5 .5 .4 .4 .4 .4 2\n", "8 columns: these are 1 keypoints with visibility behind the box; add `kpt_shape"),
        ("0 .5 .5 .4 .4 .7\n", "6 columns: a box with an angle, or a detection with its score"),
        ("0;.5;.5;.4;.4\n", "columns are separated by spaces, not by ';'"),
    ],
)
def test_rows_that_are_no_labels_are_told_apart(tmp_path: Path, rows: str, told: str) -> None:
    assert told in message_of(write_yolo(tmp_path / "in", rows))


def test_polygons_that_are_no_boxes_with_keypoints_need_no_word(tmp_path: Path) -> None:
    span = write_yolo(tmp_path / "in", "0 .1 .1 .9 .1 .9 .9 .1 .9\n0 .2 .2 .4 .2 .4 .4 .2 .4\n")
    assert boxes(read(span))["a.jpg"] == [[6, 5, 51, 38], [13, 10, 13, 10]]


def test_a_row_has_to_be_as_long_as_kpt_shape_says(tmp_path: Path) -> None:
    span = write_yolo(tmp_path / "in", KEYPOINTS)
    (span / "data.yaml").write_text("names: [cat, dog]\nkpt_shape: [4, 2]")
    assert "line 1: 11 columns; by kpt_shape in data.yaml a row has 13" in message_of(span)


def test_a_renamed_voc_picture_is_refused(tmp_path: Path) -> None:
    span = write_voc(tmp_path / "in")
    (span / "JPEGImages" / "other.jpg").write_bytes(encode(picture(seed=3)))
    (span / "Annotations" / "a.xml").write_text(voc_xml("other.jpg", [("cat", CAT_XYXY)]))
    told = message_of(span)
    assert "D/Annotations/a.xml: filename is 'other.jpg', but D/JPEGImages/a.jpg is there as well" in told


@pytest.mark.parametrize("filename", ["C:\\pictures\\batch 7\\a.jpg", "/home/somebody/a.jpg", "../a.jpg", "A.JPG", "a"])
def test_of_a_path_in_voc_the_last_step_counts(tmp_path: Path, filename: str) -> None:
    span = write_voc(tmp_path / "in")
    (span / "Annotations" / "a.xml").write_text(voc_xml(filename, [("cat", CAT_XYXY)]))
    assert boxes(read(span)) == BOTH


@pytest.mark.parametrize("size", [(0, 0), ("", "")])
def test_a_size_that_voc_does_not_say_is_that_of_the_picture(tmp_path: Path, size: tuple[object, object]) -> None:
    span = write_voc(tmp_path / "in")
    (span / "Annotations" / "a.xml").write_text(voc_xml("a.jpg", [("cat", CAT_XYXY)], size))
    assert boxes(read(span)) == BOTH
    assert read(span).records[0].width_px == 64


@pytest.mark.parametrize(
    ("label", "image"),
    [("%C3%A9t%C3%A9%201", "été 1"), ("DSC_1", "dsc_1"), ("7f1c22ab-tank", "tank"), ("e\u0301", "\u00e9")],
)
def test_a_name_in_another_spelling_is_found_and_told(tmp_path: Path, label: str, image: str) -> None:
    span = write_yolo(tmp_path / "in")
    (span / "images" / "a.jpg").rename(span / "images" / f"{image}.jpg")
    (span / "labels" / "a.txt").rename(span / "labels" / f"{label}.txt")
    source = read(span)
    assert boxes(source) == {f"{image}.jpg": [CAT_XYWH], "sub/b.jpg": [DOG_XYWH]}
    assert [told.startswith("1 name found ") for told in source.told] == [True]


def test_a_name_that_may_be_two_pictures_is_not_guessed(tmp_path: Path) -> None:
    span = write_yolo(tmp_path / "in")
    (span / "images" / "a.jpg").rename(span / "images" / "A.jpg")
    (span / "images" / "A.jpg").with_name("a.JPG").write_bytes(encode(picture(seed=3)))
    os.rename(span / "labels" / "a.txt", span / "labels" / "%61.txt")
    assert "D/labels/%61.txt: it has boxes of " in message_of(span)


def splits(tmp_path: Path) -> Path:
    """A Roboflow export: train and valid, each with pictures and labels of its own."""
    for split, corners in (("train", CAT_XYXY), ("valid", DOG_XYXY)):
        for kind in ("images", "labels"):
            (tmp_path / "in" / split / kind).mkdir(parents=True)
        (tmp_path / "in" / split / "images" / "a.jpg").write_bytes(encode(picture()))
        (tmp_path / "in" / split / "labels" / "a.txt").write_text(yolo_line(0, corners))
    (tmp_path / "in" / "data.yaml").write_text("names: [cat]\ntrain: ../train/images\nval: ../valid/images\n")
    return tmp_path / "in"


def test_a_split_is_read_alone_or_all_are_and_that_is_told(tmp_path: Path) -> None:
    directory = splits(tmp_path)
    source = read(directory)
    assert boxes(source) == {"train/images/a.jpg": [CAT_XYWH], "valid/images/a.jpg": [DOG_XYWH]}
    assert source.told == (
        "pictures of all splits were read (train 1, val 1); --split (settings: data.reading.split) reads one",
    )
    for name in ("val", "valid"):
        assert boxes(read(directory, split=name)) == {"a.jpg": [DOG_XYWH]}
    assert message_of(directory, split="test") == "D: no split 'test' in it; it has train, val"


def test_one_split_of_an_export_finds_the_classes_above_it(tmp_path: Path) -> None:
    assert boxes(read(splits(tmp_path) / "valid")) == {"a.jpg": [DOG_XYWH]}


def test_pictures_in_no_split_of_data_yaml_are_left_out_and_told(tmp_path: Path) -> None:
    span = write_yolo(tmp_path / "in")
    (span / "data.yaml").write_text("names: [cat, dog]\ntrain: images/sub\n")
    source = read(span)
    assert list(boxes(source)) == ["sub/b.jpg"]
    assert source.left_out == ("1 pictures are in no split of data.yaml, such as 'images/a.jpg'",)


def test_two_readings_are_named_with_the_option_of_each(tmp_path: Path) -> None:
    span = write_span(tmp_path / "in")
    os.rename(span / "annotations.json", span / "first.json")
    (span / "second.json").write_bytes((span / "first.json").read_bytes())
    told = message_of(span)
    assert "COCO (first.json): --annotations first.json\n  COCO (second.json): --annotations second.json" in told
    assert len(read(span, annotations="second.json").records) == 2
    assert "nowhere.json: not in D; correct --annotations" in message_of(span, annotations="nowhere.json")


def test_pictures_of_a_coco_file_are_not_taken_from_another_directory(tmp_path: Path) -> None:
    span = write_span(tmp_path / "in")
    (span / "other").mkdir()
    os.rename(span / "images" / "2.jpg", span / "other" / "2.jpg")
    assert "file_name '2.jpg': no such picture, but D/other/2.jpg is there" in message_of(span)


def test_a_data_yaml_of_another_place_says_where_that_is(tmp_path: Path) -> None:
    span = write_yolo(tmp_path / "there")
    (span / "classes.txt").unlink()
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "data.yaml").write_text(f"path: {span}\ntrain: images\nnames: [cat, dog]\n")
    told = message_of(tmp_path / "in")
    assert told == (
        f"D/data.yaml: the data set that it describes is in {span}; give that directory, with `ratchet convert "
        "--classes D/data.yaml` if no list of classes is in it"
    )
    assert boxes(read_source(str(span), reading=Reading(class_names=("cat", "dog")))) == BOTH


def test_a_yaml_file_of_another_program_is_passed_over(tmp_path: Path) -> None:
    span = write_yolo(tmp_path / "in")
    (span / "values.yaml").write_text("a: {{ .Values.b }\n")
    assert boxes(read(span)) == BOTH
    (span / "values.yaml").rename(span / "data.yaml")
    assert "D/data.yaml: not valid YAML" in message_of(span)
