"""Label files of other toolkits, and what may be wrong with them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ratchet.components.adoption.labels import Labels, labels_of, read_labels
from ratchet.schemas.base.errors import InputError

PBTXT = """
# made by hand
item {
  name: "/m/01g317"
  id: 1
  display_name: "person"
}
item: < id: 3, name: '/m/0199g' display_name: 'bicycle' >
item { id: 90 name: "/m/012xff" display_name: "toothbrush" }
"""


def written(directory: Path, content: str | bytes) -> Path:
    file = directory / "labels"
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    return file


def test_a_label_map_of_the_object_detection_api_may_have_gaps(tmp_path: Path) -> None:
    labels = read_labels(written(tmp_path, PBTXT))
    assert labels.ids == (1, 3, 90)
    assert labels.names == ("person", "bicycle", "toothbrush")
    assert labels.other_names == ("/m/01g317", "/m/0199g", "/m/012xff")


def test_those_names_are_taken_that_the_data_set_has(tmp_path: Path) -> None:
    labels = read_labels(written(tmp_path, PBTXT))
    assert labels.named_as(["person"]).names[0] == "person"
    assert labels.named_as(["/m/0199g"]).names[1] == "/m/0199g"


@pytest.mark.parametrize("second", ["name: 'lorry'", "name: 'n1' display_name: 'lorry'"])
def test_second_names_that_are_missing_or_not_distinct_are_none(second: str, tmp_path: Path) -> None:
    labels = read_labels(
        written(tmp_path, f"item {{ id: 1 name: 'n1' display_name: 'car' }} item {{ id: 2 {second} }}")
    )
    assert (labels.names, labels.other_names) == (("car", "lorry"), ())
    assert labels.named_as(["n1"]) == labels


def test_a_text_file_counts_its_lines_from_1(tmp_path: Path) -> None:
    labels = read_labels(written(tmp_path, "car\r\nlorry\r\n\r\n"))
    assert (labels.ids, labels.names) == ((1, 2), ("car", "lorry"))


def test_a_background_in_the_first_line_is_class_0_and_left_out(tmp_path: Path) -> None:
    labels = read_labels(written(tmp_path, "background\ncar\nlorry\n"))
    assert (labels.ids, labels.names) == ((1, 2), ("car", "lorry"))


def test_gaps_of_tensorflow_lite_lists_stay_gaps(tmp_path: Path) -> None:
    labels = read_labels(written(tmp_path, "???\nperson\n???\nbicycle\n"))
    assert (labels.ids, labels.names) == ((1, 3), ("person", "bicycle"))


@pytest.mark.parametrize(
    "document",
    [
        {"categories": [{"id": 7, "name": "lorry"}, {"id": 2, "name": "car", "supercategory": "x"}], "images": []},
        [{"id": 7, "name": "lorry"}, {"id": 2, "name": "car"}],
    ],
)
def test_coco_categories_keep_their_ids(tmp_path: Path, document: object) -> None:
    labels = read_labels(written(tmp_path, json.dumps(document)))
    assert (labels.ids, labels.names) == ((2, 7), ("car", "lorry"))


def test_a_json_list_of_names_is_counted_from_1(tmp_path: Path) -> None:
    assert read_labels(written(tmp_path, '["car", "lorry"]')).ids == (1, 2)


def test_numbers_can_be_moved_placed_and_turned() -> None:
    labels = Labels("f", (1, 3, 9), ("a", "b", "c"))
    assert labels.counted_from(0).ids == (0, 2, 8)
    assert labels.placed(1).ids == (1, 2, 3)
    assert labels.turned(1).names == ("b", "c", "a")
    assert labels.turned(-1).names == ("c", "a", "b")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "the file is empty"),
        (" \n\t\n", "the file is empty"),
        (b"\x89PNG\r\n\x1a\n\0\0\0", "is no text in UTF-8"),
        (b"car\0lorry", "zero bytes"),
        ("car\n\nlorry\n", "line 2 is blank"),
        ("0 car\n1 lorry\n", "its lines begin with numbers"),
        ("car\ncar\n", "name 'car' is there 2 times"),
        ("c\x1bar\n", "printable text"),
        ("[]", "names no class"),
        ('["car", 3]', "expected a JSON object, got a string"),
        ('["car", ', "broken JSON at line 1"),
        ("[" * 100_000, "broken JSON"),
        ('{"names": ["car"]}', "but no categories"),
        ('{"categories": 3}', "must be a list"),
        ('{"categories": [{"id": 1, "name": "a"}, {"id": 1, "name": "b"}]}', "id 1 is there 2 times"),
        ('{"categories": [{"id": 1.5, "name": "a"}]}', "must be an integer"),
        ('{"categories": [], "categories": []}', "keep one of them"),
        ("item { id: 1 name: 'a' } item { id: 1 name: 'b' }", "id 1 is there 2 times"),
        ("item { name: 'a' }", "item 1: id '' must be an integer"),
        ("item { id: -3 name: 'a' }", "must be an integer"),
        ("item { id: 99999999999999999999 name: 'a' }", "must be an integer"),
        ("item { id: 2 }", "must be a line of printable text"),
        ("item { id: 1 name: 'a'", "the text ends where a '}' is missing"),
        ("item {" * 1000, "labels"),
    ],
)
def test_what_is_no_label_file_is_refused_in_one_line(tmp_path: Path, content: str | bytes, said: str) -> None:
    with pytest.raises(InputError) as refused:
        read_labels(written(tmp_path, content))
    assert said in str(refused.value)
    assert "labels" in str(refused.value)
    assert "\n" not in str(refused.value)


def test_what_cannot_be_opened_is_refused(tmp_path: Path) -> None:
    (tmp_path / "nowhere").symlink_to(tmp_path / "gone")
    for name in ("missing", ".", "nowhere"):
        with pytest.raises(InputError, match="cannot be read"):
            read_labels(tmp_path / name)


def test_a_file_in_utf_16_is_read(tmp_path: Path) -> None:
    assert read_labels(written(tmp_path, "car\nlorry".encode("utf-16"))).names == ("car", "lorry")


def test_a_huge_file_is_refused_without_being_read_whole(tmp_path: Path) -> None:
    file = tmp_path / "labels"
    with open(file, "wb") as opened:
        opened.truncate(1 << 32)
    with pytest.raises(InputError, match="larger than 10 MB"):
        read_labels(file)


def test_too_many_classes_are_refused() -> None:
    with pytest.raises(InputError, match="at most 65535"):
        labels_of([f"class {number}" for number in range(70_000)], "f")
