from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ratchet.components.example_gen.labelled import Labelled
from ratchet.components.example_gen.layout.layouts import Reading
from ratchet.components.example_gen.layout.openimages_layouts import find_openimages, given_openimages
from ratchet.components.example_gen.layout.tree import list_tree
from ratchet.components.example_gen.openimages import read_openimages
from ratchet.schemas.base.errors import DataError
from ratchet.schemas.base.files import LOCAL_FILES
from tests.components.example_gen.exports.openimages import CLASS_LIST, HEADER, MIDS, rows, text_of
from tests.components.example_gen.exports.reading import boxes_read, of_split
from tests.components.example_gen.exports.registry import EXPORTS
from tests.components.example_gen.exports.roboflow import csv_of_boxes
from tests.components.example_gen.exports.scenes import EMPTY, TRAIN, Truth, paint, truth_of
from tests.components.example_gen.object_store import ObjectStore

NAMES = [scene.stem for scene in TRAIN]
NUT = MIDS["nut"]
ALL = Reading()


def read(directory: Path, reading: Reading = ALL, class_names: tuple[str, ...] | None = None) -> Labelled:
    tree = list_tree(str(directory), LOCAL_FILES)
    [layout] = find_openimages(tree)
    return read_openimages(tree, layout, reading, class_names)


def delivery(tmp_path: Path, text: str, file: str = "boxes.csv", classes: str | None = CLASS_LIST) -> Path:
    """The pictures of TRAIN and one without objects beside a CSV file."""
    for scene in (*TRAIN, EMPTY):
        paint(tmp_path / "images" / scene.jpg, scene)
    (tmp_path / file).write_text(text, encoding="utf-8")
    if classes is not None:
        (tmp_path / "class-descriptions-boxable.csv").write_text(classes)
    return tmp_path


def truth() -> Truth:
    return truth_of({f"images/{scene.jpg}": scene for scene in TRAIN})


def row(**fields: object) -> str:
    """A row of the picture a."""
    whole = {"ImageID": "a", "Source": "x", "LabelName": NUT, "Confidence": 1, "XMin": 0.1, "XMax": 0.5, "YMin": 0.2}
    whole |= {"YMax": 0.6, "IsOccluded": 0, "IsTruncated": 0, "IsGroupOf": 0, "IsDepiction": 0, "IsInside": 0} | fields
    return ",".join(map(str, whole.values()))


def message_of(tmp_path: Path, *lines: str, **options: object) -> str:
    directory = delivery(tmp_path, "\n".join([HEADER, *lines, ""]), **options)  # type: ignore[arg-type]
    with pytest.raises(DataError) as caught:
        read(directory)
    return str(caught.value)


@pytest.mark.parametrize("name", [name for name, export in EXPORTS.items() if export.form == "openimages"])
def test_boxes_read_are_those_painted(name: str, tmp_path: Path) -> None:
    export, directory = EXPORTS[name], tmp_path / "delivery"
    truth = export.build(directory)
    labelled = read(directory)
    assert boxes_read(labelled, str(directory)) == truth
    assert set(labelled.label_map.names) == {"bolt", "nut"}
    for split in {split for _, split in export.splits}:
        assert boxes_read(read(directory, Reading(split=split)), str(directory)) == of_split(truth, export, split)


def test_all_splits_are_read_unless_one_is_asked_for_and_it_is_told(tmp_path: Path) -> None:
    EXPORTS["openimages-own"].build(tmp_path / "delivery")
    assert any("all splits were read" in sentence for sentence in read(tmp_path / "delivery").told)
    with pytest.raises(DataError, match="no split 'night'"):
        read(tmp_path / "delivery", Reading(split="night"))


@pytest.mark.parametrize(("delimiter", "point"), [(",", "."), (";", "."), (";", ","), ("\t", "."), ("\t", ",")])
def test_delimiters_and_decimal_commas_are_understood(tmp_path: Path, delimiter: str, point: str) -> None:
    lines = [HEADER, *rows(TRAIN, NAMES)]
    text = "\r\n".join(line.replace(",", delimiter).replace(".", point) for line in lines)
    labelled = read(delivery(tmp_path, "\ufeff" + text))
    assert boxes_read(labelled, str(tmp_path)) == truth()
    assert any("decimal comma" in sentence for sentence in labelled.told) == (point == ",")


def test_quoted_decimal_commas_are_understood(tmp_path: Path) -> None:
    sides = ",".join(f'"{side}"' for side in ("0,15625", "0,46875", "0,1666667", "0,5"))
    labelled = read(delivery(tmp_path, "\n".join([HEADER, f"a.jpg,,nut,,{sides},,,,,"]), classes=None))
    assert boxes_read(labelled, str(tmp_path)) == {"images/a.jpg": [("nut", 10, 8, 20, 16)]}


def test_a_group_is_a_crowd_and_depictions_are_objects(tmp_path: Path) -> None:
    lines = [row(IsGroupOf=flag, IsDepiction=1) for flag in (1, 0, -1, "")]
    labelled = read(delivery(tmp_path, "\n".join([HEADER, *lines])))
    assert labelled.objects.is_crowd.tolist() == [True, False, False, False]


def test_rows_without_picture_and_pictures_without_row_are_counted_and_named(tmp_path: Path) -> None:
    text = text_of(TRAIN, NAMES) + "\n".join(row(ImageID=f"f{number}") for number in range(3)) + "\n"
    labelled = read(delivery(tmp_path, text))
    assert boxes_read(labelled, str(tmp_path)) == truth()
    assert "3 rows of boxes.csv, whose pictures are not there, such as 'f0'" in labelled.left_out
    assert "1 picture not in boxes.csv: 'images/g.jpg'" in labelled.left_out


def test_classes_are_those_found_in_the_order_of_the_descriptions(tmp_path: Path) -> None:
    classes = f"LabelName,DisplayName\n/m/0aaaa,Aardvark\n{NUT},nut\n{MIDS['bolt']},bolt\n"
    directory = delivery(tmp_path, text_of(TRAIN, NAMES), classes=classes)
    assert read(directory).label_map.names == ("nut", "bolt")
    assert read(directory, class_names=("washer", "bolt", "nut")).label_map.names == ("washer", "bolt", "nut")
    assert read(directory, Reading(class_names=("bolt", "nut")), ("x",)).label_map.names == ("bolt", "nut")
    with pytest.raises(DataError, match=r"class 'nut' is not in --classes, which has \['bolt'\]"):
        read(directory, Reading(class_names=("bolt",)))


def test_identifiers_without_descriptions_are_the_names_and_it_is_told(tmp_path: Path) -> None:
    labelled = read(delivery(tmp_path, text_of(TRAIN, NAMES), classes=None))
    assert set(labelled.label_map.names) == set(MIDS.values())
    assert any("identifiers" in sentence for sentence in labelled.told)


def test_rows_are_placed_by_their_line(tmp_path: Path) -> None:
    labelled = read(delivery(tmp_path, text_of(TRAIN, NAMES)))
    assert labelled.place(1) == f"boxes.csv: line 3 ({MIDS['bolt']!r}, image 2 'b.jpg')"


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (row(XMin="nan"), "line 2: XMin 'nan' must be a number"),
        (row(YMax=""), "line 2: YMax '' must be a number"),
        (row(Confidence=0.7), "line 2: Confidence '0.7': these are detections with a score"),
        (row(IsGroupOf=7), "line 2: IsGroupOf '7' must be 0, 1"),
        (row(LabelName=""), "line 2: class name '' must be"),
        (row(LabelName="/m/0zzzz"), "line 2 ('/m/0zzzz'): LabelName '/m/0zzzz' is not in the class descriptions"),
        ("a,x", "line 2: 2 columns, fewer than the header has"),
        (row(ImageID="zzz"), "no row of boxes.csv has a picture; the first: 'zzz'"),
        ("", "no box in boxes.csv"),
        ('a,"' + "x" * 100, "line 2: 2 columns"),
    ],
)
def test_a_broken_row_is_refused_with_its_line(tmp_path: Path, line: str, told: str) -> None:
    assert told in message_of(tmp_path, line)


def test_boxes_in_pixels_are_named_as_such_by_the_box_check(tmp_path: Path) -> None:
    from ratchet.components.example_gen.dataset import source_of

    lines = [row(ImageID=name, XMin=4, XMax=30, YMin=5, YMax=n) for name in NAMES for n in (30, 35, 40)]
    labelled = read(delivery(tmp_path, "\n".join([HEADER, *lines])))
    with pytest.raises(DataError, match=r"9 of 9 boxes make sense as .*pixels"):
        source_of(labelled, str(tmp_path), "openimages", str(tmp_path), strict=True)


def test_two_pictures_of_one_name_are_not_guessed(tmp_path: Path) -> None:
    directory = delivery(tmp_path, "\n".join([HEADER, row()]))
    paint(directory / "other" / "a.jpg", TRAIN[0])
    with pytest.raises(DataError, match="'a' may be any of two pictures"):
        read(directory)
    (directory / "boxes.csv").write_text("\n".join([HEADER, row(ImageID="other/a.jpg")]))
    assert list(boxes_read(read(directory), str(directory))) == ["other/a.jpg"]


def test_files_that_are_no_splits_are_two_ways_to_read(tmp_path: Path) -> None:
    directory = delivery(tmp_path, text_of(TRAIN, NAMES), "first.csv")
    (directory / "second.csv").write_text(text_of(TRAIN[:1], NAMES))
    tree = list_tree(str(directory), LOCAL_FILES)
    assert [layout.mark for layout in find_openimages(tree)] == ["first.csv", "second.csv"]
    layout = given_openimages(tree, Reading(annotations="second.csv", images="images"))
    assert list(boxes_read(read_openimages(tree, layout, Reading(), None), str(directory))) == ["images/a.jpg"]


@pytest.mark.parametrize("text", ["", "\n", "a,b,c\n1,2,3\n", "\0\0\0", '"unclosed', HEADER.replace("XMin", "X")])
def test_other_csv_files_are_none_of_open_images(tmp_path: Path, text: str) -> None:
    assert find_openimages(list_tree(str(delivery(tmp_path, text)), LOCAL_FILES)) == []


def test_detection_csv_of_another_kind_is_none(tmp_path: Path) -> None:
    csv_of_boxes(tmp_path / "delivery")
    assert find_openimages(list_tree(str(tmp_path / "delivery"), LOCAL_FILES)) == []


def test_a_file_that_ends_amid_a_character_is_refused(tmp_path: Path) -> None:
    directory = delivery(tmp_path, text_of(TRAIN, NAMES))
    path = directory / "boxes.csv"
    path.write_bytes(path.read_bytes() + "é".encode()[:1])
    with pytest.raises(DataError, match=r"boxes\.csv: no UTF-8 text"):
        read(directory)


def test_a_delivery_on_an_object_store_is_read(tmp_path: Path) -> None:
    directory = delivery(tmp_path, text_of(TRAIN, NAMES))
    store = ObjectStore(
        {
            f"gs://b/d/{path.relative_to(directory)}": path.read_bytes()
            for path in directory.rglob("*")
            if path.is_file()
        }
    )
    tree = list_tree("gs://b/d", store)
    [layout] = find_openimages(tree)
    labelled = read_openimages(tree, layout, Reading(), None)
    assert labelled.directory == "gs://b/d/images"
    assert boxes_read(labelled, "gs://b/d") == truth()
    assert store.open_now == 0


def test_many_rows_are_kept_in_columns(tmp_path: Path) -> None:
    line = row() + "\n"
    labelled = read(delivery(tmp_path, HEADER + "\n" + line * 20_000))
    assert labelled.given.shape == (20_000, 4)
    assert np.unique(labelled.objects.boxes_xywh_px, axis=0).round(6).tolist() == [[6.4, 9.6, 25.6, 19.2]]


def test_the_last_line_may_lack_its_end(tmp_path: Path) -> None:
    labelled = read(delivery(tmp_path, text_of(TRAIN, NAMES).rstrip("\n")))
    assert boxes_read(labelled, str(tmp_path)) == truth()


def test_box_file_is_recognised_with_old_line_ends(tmp_path: Path) -> None:
    directory = delivery(tmp_path, "")
    text = text_of(TRAIN, NAMES).replace("\n", "\r")
    (directory / "boxes.csv").write_bytes(text.encode())
    assert boxes_read(read(directory), str(directory)) == truth()
