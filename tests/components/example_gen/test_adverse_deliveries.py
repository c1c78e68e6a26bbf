"""Deliveries as people's programs and hands leave them: read as they are painted, or refused with what is true."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, cast

import pytest

from ratchet.components.example_gen.dataset import Source, read_source
from ratchet.schemas.base.errors import DataError
from ratchet.schemas.base.files import LOCAL_FILES, Files
from tests.components.example_gen.exports.scenes import CLASSES, EMPTY, TRAIN, VAL, Scene
from tests.components.example_gen.exports.writers import (
    coco_document,
    corners,
    fractions,
    paint_all,
    polygon_text,
    voc_text,
    write_json,
    write_text,
    write_yolo_pair,
    yolo_text,
)
from tests.components.example_gen.test_tool_exports import boxes_of

SCENES = (*TRAIN, EMPTY)
YAML = "names: [bolt, nut]\n"


def yolo(directory: Path, text: Callable[[Scene], str] = yolo_text, yaml: str | None = YAML) -> Path:
    write_yolo_pair(directory / "images", directory / "labels", SCENES, text)
    if yaml is not None:
        write_text(directory / "data.yaml", yaml)
    return directory


def voc(directory: Path, edit: Callable[[str], str], encoding: str = "utf-8") -> Path:
    paint_all(directory / "JPEGImages", SCENES)
    (directory / "Annotations").mkdir()
    for scene in SCENES:
        text = edit(voc_text(scene, scene.jpg))
        (directory / "Annotations" / f"{scene.stem}.xml").write_bytes(text.encode(encoding))
    return directory


def coco(directory: Path, name: str = "annotations.json", scenes: Sequence[Scene] = SCENES) -> Path:
    names = paint_all(directory / "images", scenes)
    write_json(directory / name, coco_document(scenes, names))
    return directory


def assert_as_painted(source: Source, names: Sequence[str] = CLASSES) -> None:
    found = {Path(path).name: boxes for path, boxes in boxes_of(source).items()}
    assert found == {scene.jpg: sorted(scene.boxes) for scene in SCENES}
    assert sorted(source.label_map.names) == sorted(names)


def refused(directory: Path) -> str:
    with pytest.raises(DataError) as caught:
        read_source(str(directory))
    return str(caught.value)


def edited(change: Callable[[list[str]], Sequence[str]]) -> Callable[[Scene], str]:
    """YOLO's text with its columns changed."""
    return lambda scene: "".join(" ".join(change(line.split())) + "\n" for line in yolo_text(scene).splitlines())


# --- rows


def test_a_class_is_read_as_numpy_writes_it(tmp_path: Path) -> None:
    text = edited(lambda columns: [f"{float(columns[0]):.3e}", *columns[1:]])
    assert_as_painted(read_source(str(yolo(tmp_path, text))))


def test_texts_in_utf_16_are_read(tmp_path: Path) -> None:
    for path in (yolo(tmp_path) / "labels").iterdir():
        path.write_bytes(path.read_text().encode("utf-16"))
    assert_as_painted(read_source(str(tmp_path)))


def with_keypoints(scene: Scene, numbers: Sequence[float], count: int) -> str:
    lines = []
    for box in scene.boxes:
        box_of = fractions(scene, box)
        points = [number for _ in range(count) for number in [*box_of[:2], *numbers]]
        lines.append(" ".join(map(str, [CLASSES.index(box.name), *box_of, *points])) + "\n")
    return "".join(lines)


ROWS = {
    "commas": (edited(lambda columns: [f"{column}," for column in columns]), "separated by spaces, not by ','"),
    "decimal commas": (edited(lambda columns: [c.replace(".", ",") for c in columns]), "decimals have a point"),
    "names": (edited(lambda columns: [CLASSES[int(columns[0])], *columns[1:]]), "write its number, [01], for the name"),
    "counted from 1": (
        edited(lambda columns: [str(int(columns[0]) + 1), *columns[1:]]),
        "'2' must be an integer, 0..1, counted from 0; if classes are counted from 1 here",
    ),
    "a header": (lambda scene: "class x y w h\n" + yolo_text(scene), "a comment or a header"),
    "a tracker's": (edited(lambda columns: [*columns, "0.9", "1"]), "a tracker's boxes"),
    "visible keypoints": (lambda scene: with_keypoints(scene, [1.0], 4), "a polygon, or a box with 6 or 4 keypoints"),
}


@pytest.mark.parametrize("name", ROWS)
def test_rows_that_are_no_boxes_are_refused_with_what_they_are(name: str, tmp_path: Path) -> None:
    text, told = ROWS[name]
    assert re.search(told, refused(yolo(tmp_path, text)))


def test_keypoints_of_which_one_lies_outside_of_its_box_are_no_polygon(tmp_path: Path) -> None:
    yolo(tmp_path, lambda scene: with_keypoints(scene, [], 5))
    path = tmp_path / "labels" / "a.txt"
    path.write_text(" ".join([*path.read_text().split()[:-2], "0.99", "0.99"]))
    assert "a polygon, or a box with 5 keypoints" in refused(tmp_path)


def test_four_corners_are_an_oriented_box_although_they_could_be_two_keypoints(tmp_path: Path) -> None:
    scene = Scene("a", 100, 100, (TRAIN[0].boxes[0]._replace(x=40, y=40, width=20, height=20),))
    write_yolo_pair(tmp_path / "images", tmp_path / "labels", [scene], polygon_text)
    write_text(tmp_path / "data.yaml", YAML)
    assert boxes_of(read_source(str(tmp_path)))["images/a.jpg"] == list(scene.boxes)


def test_kpt_shape_beside_polygons_is_refused(tmp_path: Path) -> None:
    assert "remove kpt_shape" in refused(yolo(tmp_path, polygon_text, YAML + "kpt_shape: [2, 2]\n"))


# --- names and files


def test_texts_called_like_the_whole_name_of_the_picture_are_read(tmp_path: Path) -> None:
    for path in list((yolo(tmp_path) / "labels").iterdir()):
        path.rename(path.with_name(f"{path.stem}.jpg.txt"))
    assert_as_painted(read_source(str(tmp_path)))


@pytest.mark.parametrize(
    ("text", "picture"),
    [
        ("a.txt", "a.jpg.jpg"),
        ("a_1.txt", "a 1.jpg"),
        ("7.txt", "0007.jpg"),
        ("a (1).txt", "a.png"),
        ("a .txt", "a.jpg"),
    ],
)
def test_a_picture_called_almost_so_is_named(text: str, picture: str, tmp_path: Path) -> None:
    paint_all(tmp_path / "images", [TRAIN[0]], [picture])
    write_text(tmp_path / "labels" / text, yolo_text(TRAIN[0]))
    write_text(tmp_path / "data.yaml", YAML)
    assert f"but {tmp_path}/images/{picture} is there" in refused(tmp_path)


@pytest.mark.parametrize(("suffix", "told"), [(".webp", "only JPEG and PNG are read"), ("", "add its suffix")])
def test_where_no_picture_can_be_read_those_that_are_there_are_named(suffix: str, told: str, tmp_path: Path) -> None:
    for path in list((yolo(tmp_path) / "images").iterdir()):
        path.rename(path.with_name(path.stem + suffix))
    message = refused(tmp_path)
    assert f"{tmp_path}/images/a{suffix} is there" in message
    assert told in message


def test_pictures_without_text_are_told(tmp_path: Path) -> None:
    (yolo(tmp_path) / "labels" / "a.txt").unlink()
    told = "1 of 4 pictures have no text file and were read as pictures without objects, such as 'images/a.jpg'"
    assert told in read_source(str(tmp_path)).told


def test_a_split_without_a_single_text_is_left_out_and_told(tmp_path: Path) -> None:
    write_yolo_pair(tmp_path / "images" / "train", tmp_path / "labels" / "train", SCENES)
    paint_all(tmp_path / "images" / "test", VAL)
    write_text(tmp_path / "data.yaml", YAML)
    source = read_source(str(tmp_path))
    assert_as_painted(source)
    assert "2 pictures of test, none of which has a text file" in source.left_out


def test_pictures_that_are_there_twice_by_links_are_read_once(tmp_path: Path) -> None:
    yolo(tmp_path)
    (tmp_path / "train").mkdir()
    for name in ("images", "labels"):
        (tmp_path / "train" / name).symlink_to(f"../{name}")
    source = read_source(str(tmp_path))
    assert_as_painted(source)
    assert any("there twice by symbolic links" in sentence for sentence in source.told)


def test_a_link_to_nowhere_is_told(tmp_path: Path) -> None:
    (yolo(tmp_path) / "images" / "cam9").symlink_to("/nonexistent/cam9")
    assert any("to what is not there: 'images/cam9'" in sentence for sentence in read_source(str(tmp_path)).told)


class _Locked:
    """A file system with a directory that may not be read."""

    def __getattr__(self, name: str) -> Any:
        return getattr(LOCAL_FILES, name)

    def walk(self, top: str, topdown: bool = True) -> Iterator[Any]:
        yield from LOCAL_FILES.walk(top)
        raise PermissionError(13, "Permission denied", os.path.join(top, "labels", "sub"))


def test_a_directory_that_may_not_be_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"labels/sub: cannot be read: Permission denied; check its permissions"):
        read_source(str(yolo(tmp_path)), cast(Files, _Locked()))


# --- classes


def test_a_background_that_comes_first_without_objects_is_no_class(tmp_path: Path) -> None:
    text = edited(lambda columns: [str(int(columns[0]) + 1), *columns[1:]])
    source = read_source(str(yolo(tmp_path, text, "names: [background, bolt, nut]\n")))
    assert_as_painted(source)
    assert any("'background' was left out" in sentence for sentence in source.told)


@pytest.mark.parametrize("lines", ["0 bolt\n1 nut\n", "0: bolt\n1: nut\n", "1. bolt\n2. nut\n"])
def test_numbered_lines_of_a_class_list_are_refused(lines: str, tmp_path: Path) -> None:
    write_text(yolo(tmp_path, yaml=None) / "classes.txt", lines)
    assert "its lines are numbered" in refused(tmp_path)


def test_names_that_begin_with_numbers_are_names(tmp_path: Path) -> None:
    write_text(yolo(tmp_path, yaml=None) / "classes.txt", "1 euro\n2 euro\n")
    assert read_source(str(tmp_path)).label_map.names == ("1 euro", "2 euro")


def test_a_class_that_is_listed_twice_is_not_to_be_removed(tmp_path: Path) -> None:
    assert "rename one, so that the others keep their numbers" in refused(yolo(tmp_path, yaml="names: [nut, nut]\n"))


@pytest.mark.parametrize("twin", ["n\u200but", "\uff4e\uff55\uff54", "NUT"])
def test_classes_that_look_alike_are_refused(twin: str, tmp_path: Path) -> None:
    assert "differ only in" in refused(voc(tmp_path, lambda text: text.replace("<name>bolt", f"<name>{twin}")))


def test_classes_that_differ_in_hyphens_are_refused(tmp_path: Path) -> None:
    names = {"bolt": "hex_nut", "nut": "hex nut"}
    assert "hyphens" in refused(voc(tmp_path, lambda text: re.sub(r"bolt|nut", lambda m: names[m[0]], text)))


def test_a_data_yaml_with_nc_alone_is_named(tmp_path: Path) -> None:
    assert "data.yaml has no names" in refused(yolo(tmp_path, yaml="nc: 2\n"))


def test_a_list_of_classes_elsewhere_is_named_with_the_option(tmp_path: Path) -> None:
    write_text(yolo(tmp_path, yaml=None) / "cfg" / "sub" / "data.yaml", YAML)
    assert f"--classes {tmp_path}/cfg/sub/data.yaml" in refused(tmp_path)


def test_a_data_yaml_beside_deep_labels_counts(tmp_path: Path) -> None:
    yolo(tmp_path / "versions" / "1" / "x")
    assert_as_painted(read_source(str(tmp_path)))


# --- VOC


@pytest.mark.parametrize(
    "edit",
    [
        lambda text: re.sub(r"<(/?)(\w+)", lambda match: f"<{match[1]}{match[2].upper()}", text),
        lambda text: text.replace("object>", "Object>").replace("bndbox>", "BndBox>"),
        lambda text: text.replace("<annotation>", '<annotation xmlns="http://example.com/voc">'),
    ],
    ids=["upper case", "capitals", "a namespace"],
)
def test_tags_in_another_spelling_are_read(edit: Callable[[str], str], tmp_path: Path) -> None:
    assert_as_painted(read_source(str(voc(tmp_path, edit))))


def test_objects_inside_of_another_element_are_not_lost(tmp_path: Path) -> None:
    def wrap(text: str) -> str:
        return re.sub(r"(<object>.*</object>)", r"<objects>\1</objects>", text, flags=re.DOTALL)

    assert "1 <object> inside of other elements" in refused(voc(tmp_path, wrap))


def test_a_second_bndbox_is_not_lost(tmp_path: Path) -> None:
    message = refused(voc(tmp_path, lambda text: re.sub(r"(<bndbox>.*?</bndbox>)", r"\1\1", text)))
    assert "it has 2 bndbox; give each its own <object>" in message


def test_of_a_polygon_the_box_around_it_is_read(tmp_path: Path) -> None:
    paint_all(tmp_path / "JPEGImages", SCENES)
    for scene in SCENES:
        text = voc_text(scene, scene.jpg)
        for box in scene.boxes:
            points = "".join(
                f"<{'xy'[n % 2]}{n // 2 + 1}>{v}</{'xy'[n % 2]}{n // 2 + 1}>" for n, v in enumerate(corners(box))
            )
            text = re.sub(r"<bndbox>.*?</bndbox>", f"<polygon>{points}</polygon>", text, count=1)
        write_text(tmp_path / "Annotations" / f"{scene.stem}.xml", text)
    assert_as_painted(read_source(str(tmp_path)))


def test_an_encoding_that_parsers_of_xml_lack_is_read(tmp_path: Path) -> None:
    def declare(text: str) -> str:
        return '<?xml version="1.0" encoding="gbk"?>\n' + text.replace("<folder>", "<folder>图片")

    assert_as_painted(read_source(str(voc(tmp_path, declare, "gbk"))))


def test_an_encoding_other_than_declared_is_the_cause_that_is_told(tmp_path: Path) -> None:
    message = refused(voc(tmp_path, lambda text: text.replace("<name>nut", "<name>écrou"), "cp1252"))
    assert "it is no UTF-8; save it as UTF-8" in message


# --- COCO


def test_pictures_that_the_file_does_not_list_and_other_files_are_told(tmp_path: Path) -> None:
    paint_all(coco(tmp_path) / "images", VAL)
    write_json(tmp_path / "old.json", coco_document(TRAIN, [scene.jpg for scene in TRAIN]))
    source = read_source(str(tmp_path))
    assert_as_painted(source)
    assert source.left_out == (
        "2 pictures that the COCO file does not list, such as 'images/d.jpg' and 1 more",
        "1 COCO files that were not read, such as 'old.json'",
    )


def test_two_files_that_list_one_picture_are_named(tmp_path: Path) -> None:
    for name in ("instances_default.json", "instances_default (1).json"):
        coco(tmp_path, f"annotations/{name}")
    message = refused(tmp_path)
    assert "instances_default (1).json" in message
    assert "if they are copies, remove one; else read one of them with --annotations" in message


def test_a_file_in_utf_16_is_found(tmp_path: Path) -> None:
    path = coco(tmp_path, "labels.json") / "labels.json"
    path.write_bytes(path.read_text().encode("utf-16"))
    assert_as_painted(read_source(str(tmp_path)))


def test_a_grouping_that_is_its_own_supercategory_is_no_class(tmp_path: Path) -> None:
    names = paint_all(tmp_path / "images", SCENES)
    groups = [{"id": n, "name": name, "supercategory": "parts"} for n, name in enumerate((*CLASSES, "parts"), 1)]
    write_json(tmp_path / "annotations.json", coco_document(SCENES, names, categories=groups))
    assert_as_painted(read_source(str(tmp_path)))


@pytest.mark.parametrize("make", [os.mkfifo, Path.mkdir, Path.touch], ids=["a FIFO", "a directory", "empty"])
def test_a_file_that_cannot_be_read_is_waited_for_by_nobody_and_not_left_out(
    make: Callable[[Path], None], tmp_path: Path
) -> None:
    for split, scenes in (("train", TRAIN), ("val", VAL)):
        names = paint_all(tmp_path / split, scenes)
        write_json(tmp_path / "annotations" / f"instances_{split}.json", coco_document(scenes, names))
    path = tmp_path / "annotations" / "instances_val.json"
    path.unlink()
    make(path)
    if path.is_dir():  # which is no file that anybody meant
        assert "2 pictures that the COCO file does not list" in read_source(str(tmp_path)).left_out[0]
    else:
        assert "instances_val.json: " in refused(tmp_path)


def test_a_second_directory_of_texts_for_the_same_pictures_is_no_second_picture(tmp_path: Path) -> None:
    for split, scenes in (("a", TRAIN[:2]), ("b", SCENES[2:])):
        for scene in scenes:
            write_text(tmp_path / split / "labels" / f"{scene.stem}.txt", yolo_text(scene))
            paint_all(tmp_path / split, [scene])
    write_text(tmp_path / "data.yaml", YAML)
    (tmp_path / "labels").mkdir()
    write_text(tmp_path / "labels" / "a" / "a.txt", yolo_text(VAL[0]))
    assert "are labels of one picture; remove one" in refused(tmp_path)
