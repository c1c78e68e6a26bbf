from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ratchet.components.example_gen.dataset import source_of
from ratchet.components.example_gen.huggingface import read_huggingface
from ratchet.components.example_gen.labelled import Labelled
from ratchet.components.example_gen.layout.huggingface_layouts import find_huggingface, given_huggingface
from ratchet.components.example_gen.layout.layouts import Reading
from ratchet.components.example_gen.layout.tree import list_tree
from ratchet.schemas.base.errors import DataError
from ratchet.schemas.base.files import LOCAL_FILES
from tests.components.example_gen.exports.huggingface import README, columns, entries, lines
from tests.components.example_gen.exports.reading import boxes_read, of_split
from tests.components.example_gen.exports.registry import EXPORTS
from tests.components.example_gen.exports.scenes import CLASSES, EMPTY, TRAIN, Truth, paint, truth_of
from tests.components.example_gen.object_store import ObjectStore

NAMES = [scene.jpg for scene in TRAIN]
ALL = Reading()
TRUTH: Truth = truth_of({scene.jpg: scene for scene in TRAIN})


def read(directory: Path, reading: Reading = ALL, class_names: tuple[str, ...] | None = None) -> Labelled:
    tree = list_tree(str(directory), LOCAL_FILES)
    [layout] = find_huggingface(tree)
    return read_huggingface(tree, layout, reading, class_names)


def delivery(tmp_path: Path, text: str, readme: str | None = README.format(key="categories")) -> Path:
    """The pictures of TRAIN and one without objects beside a metadata.jsonl."""
    for scene in (*TRAIN, EMPTY):
        paint(tmp_path / scene.jpg, scene)
    (tmp_path / "metadata.jsonl").write_text(text, encoding="utf-8")
    if readme is not None:
        (tmp_path / "README.md").write_text(readme)
    return tmp_path


def line(objects: Any, **fields: Any) -> str:
    """The line of the picture a."""
    return json.dumps({"file_name": "a.jpg", "objects": objects, **fields}) + "\n"


def message_of(directory: Path, reading: Reading = ALL) -> str:
    with pytest.raises(DataError) as caught:
        read(directory, reading)
    return str(caught.value)


@pytest.mark.parametrize("name", [name for name, export in EXPORTS.items() if export.form == "huggingface"])
def test_boxes_read_are_those_painted(name: str, tmp_path: Path) -> None:
    export, directory = EXPORTS[name], tmp_path / "delivery"
    truth = export.build(directory)
    names = CLASSES if export.unnamed_classes else None
    labelled = read(directory, class_names=names)
    assert boxes_read(labelled, str(directory)) == truth
    for split in {split for _, split in export.splits}:
        assert boxes_read(read(directory, Reading(split=split)), str(directory)) == of_split(truth, export, split)


@pytest.mark.parametrize("key", ["categories", "category", "label", "labels", "category_id", "class"])
@pytest.mark.parametrize("named", [True, False])
def test_classes_stand_under_any_of_their_keys_as_names_or_numbers(tmp_path: Path, key: str, named: bool) -> None:
    text = lines(TRAIN, NAMES, lambda scene: columns(scene, key, named))
    labelled = read(delivery(tmp_path, text, README.format(key=key)))
    assert boxes_read(labelled, str(tmp_path)) == TRUTH
    assert labelled.label_map.names == CLASSES


def test_of_numbers_and_names_the_names_are_taken(tmp_path: Path) -> None:
    text = lines(TRAIN, NAMES, lambda scene: columns(scene, "category") | columns(scene, "class_name", True))
    assert boxes_read(read(delivery(tmp_path, text, None)), str(tmp_path)) == TRUTH


def test_boxes_may_be_fields_of_the_image_itself(tmp_path: Path) -> None:
    rows = [{"image": scene.jpg, **columns(scene, "labels", True)} for scene in TRAIN]
    text = "".join(json.dumps(row) + "\n" for row in rows)
    assert boxes_read(read(delivery(tmp_path, text, None)), str(tmp_path)) == TRUTH


def test_names_of_numbers_come_from_dataset_infos(tmp_path: Path) -> None:
    names = {"names": list(CLASSES), "_type": "ClassLabel", "num_classes": 2}
    objects = {"feature": {"categories": names, "bbox": {"feature": {"_type": "Value"}}}, "_type": "Sequence"}
    infos = {"default": {"features": {"image": {"_type": "Image"}, "objects": objects}}}
    directory = delivery(tmp_path, lines(TRAIN, NAMES), None)
    (directory / "dataset_infos.json").write_text(json.dumps(infos))
    assert boxes_read(read(directory), str(tmp_path)) == TRUTH


def test_classes_that_a_user_gives_win_over_all_others(tmp_path: Path) -> None:
    directory = delivery(tmp_path, lines(TRAIN, NAMES))
    labelled = read(directory, Reading(class_names=("screw", "ring")), ("x", "y"))
    assert labelled.label_map.names == ("screw", "ring")
    assert boxes_read(labelled, str(tmp_path))["a.jpg"] == [("ring", 10, 8, 20, 16)]


def test_numbers_without_names_are_refused_with_the_option_that_names_them(tmp_path: Path) -> None:
    told = message_of(delivery(tmp_path, lines(TRAIN, NAMES), None))
    assert "categories are numbers, 0..1, and neither README.md nor dataset_infos.json names them" in told
    assert "--classes FILE" in told


def test_names_that_contradict_each_other_are_refused(tmp_path: Path) -> None:
    directory = delivery(tmp_path, lines(TRAIN, NAMES))
    names = {"names": ["nut", "bolt"], "_type": "ClassLabel"}
    (directory / "dataset_infos.json").write_text(json.dumps({"a": {"features": {"categories": names}}}))
    assert "categories is one of ['bolt', 'nut'], but" in message_of(directory)
    assert read(directory, Reading(class_names=CLASSES)).label_map.names == CLASSES


def test_a_number_beyond_the_names_is_refused(tmp_path: Path) -> None:
    told = message_of(delivery(tmp_path, line({"bbox": [[1, 2, 3, 4]], "categories": [2]})))
    assert "metadata.jsonl: line 1: objects.bbox[0] (2): categories 2 must be 0..1" in told


def test_areas_crowds_sizes_and_attributes_are_read(tmp_path: Path) -> None:
    objects = {"bbox": [[10, 8, 20, 16]], "categories": ["nut"], "area": [300.5], "iscrowd": [1]}
    labelled = read(delivery(tmp_path, line(objects, width=64, height=48, camera="north", image_id=5), None))
    assert labelled.objects.area_px2.tolist() == [300.5]
    assert labelled.objects.is_crowd.tolist() == [True]
    assert labelled.images == [(1, "a.jpg", 64, 48, {"camera": "north"})]
    assert labelled.place(0) == "metadata.jsonl: line 1: objects.bbox[0] ('nut', image 1 'a.jpg')"


@pytest.mark.parametrize("objects", [None, [], {}, {"bbox": [], "categories": []}, {"bbox": None, "categories": None}])
def test_an_image_may_have_no_objects(tmp_path: Path, objects: Any) -> None:
    text = lines(TRAIN[1:], NAMES[1:]) + line(objects)
    assert boxes_read(read(delivery(tmp_path, text)), str(tmp_path))["a.jpg"] == []


def test_pictures_that_no_line_names_are_left_out_and_counted(tmp_path: Path) -> None:
    labelled = read(delivery(tmp_path, lines(TRAIN, NAMES)))
    assert boxes_read(labelled, str(tmp_path)) == TRUTH
    assert labelled.left_out == ("1 picture not in metadata.jsonl: 'g.jpg'",)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('{"file_name": "a.jpg", "objects": {"bbox"', "metadata.jsonl: line 1: broken JSON"),
        (line({"bbox": [[1, 2, 3, 4]], "categories": ["nut"]}) + "[1]\n", "line 2: expected a JSON object, got a list"),
        (line({"bbox": [[1, 2, 3, 4]]}), "line 1: boxes without classes: none of categories"),
        (line({"bbox": [[1, 2, 3]], "label": ["nut"]}), "bbox[0]: bbox [1, 2, 3] must be a list of four numbers"),
        (line({"bbox": [[1, 2, 3, "4"]], "label": ["nut"]}), "bbox[0]: bbox '4' must be a finite number"),
        (line({"bbox": [[1, 2, 3, 4]], "label": ["nut", "nut"]}), "label must be a list of 1 entries like bbox, got 2"),
        (line({"bbox": [[1, 2, 3, 4]], "label": "nut"}), "label must be a list of 1 entries like bbox, got a string"),
        (line({"bbox": [[1, 2, 3, 4]], "label": [-1]}), "label -1 must be the name or the number of a class"),
        (line({"bbox": [[1, 2, 3, 4]], "label": [" "]}), "class name ' ' must be a non-empty string"),
        (line({"bbox": [[1, 2, 3, 4]], "label": [True]}), "label True must be the name or the number"),
        (line({"bbox": [[1, 2, 3, 4]], "label": ["nut"], "area": [-2]}), "area -2 must be at least 0"),
        (line({"bbox": [[1, 2, 3, 4]], "label": ["nut"], "iscrowd": [7]}), "iscrowd 7 must be 0 or 1"),
        (line({"bbox": [[1, 2, 3, 4], [1, 2, 3, 4]], "label": ["nut", 1]}), "some classes are numbers and others"),
        (line([{"label": "nut", "area": 3}]) + '{"bbox": 1}', "no bbox among ['area', 'label']"),
        (line({"bbox": [[1, 2, 3, 4]], "label": ["nut"]}, file_name="z.jpg"), "file_name 'z.jpg': no such file"),
        (line({"bbox": [[1, 2, 3, 4]], "label": ["nut"]}, file_name="../a.jpg"), "file_name '../a.jpg'"),
        (line({"bbox": [[1, 2, 3, 4]], "label": ["nut"]}, file_name=7), "file_name 7 must be the name of a picture"),
        (line({"bbox": [[1, 2, 3, 4]], "label": ["nut"]}) * 2, "a.jpg: annotated twice"),
        (line({"bbox": [], "label": []}), "1 images without one object"),
        (line({"bbox": [[1, 2, 3, 4]], "label": ["nut"]}, width=0, height=5), "width 0 must be an integer, 1..65535"),
        (line({"bbox": [[1, 2, 3, 4]], "label": ["nut"]}, note="\ud800"), "is no valid Unicode"),
        (line(7) + '{"bbox": 1}', "objects must hold lists of bbox and of categories, got a number"),
        (line([7]) + '{"bbox": 1}', "objects[0] must be an object with a bbox, got a number"),
    ],
)
def test_a_broken_line_is_refused_with_its_place(tmp_path: Path, text: str, told: str) -> None:
    assert told in message_of(delivery(tmp_path, text))


def test_corners_are_named_by_the_box_check(tmp_path: Path) -> None:
    def corners(scene: Any) -> Any:
        return {
            "bbox": [[box.x, box.y, box.right, box.bottom] for box in scene.boxes],
            "label": ["nut"] * len(scene.boxes),
        }

    rows = []
    for number in range(6):
        paint(tmp_path / f"{number}.jpg", TRAIN[1])
        rows.append({"file_name": f"{number}.jpg", "objects": corners(TRAIN[1])})
    (tmp_path / "metadata.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    labelled = read(tmp_path)
    with pytest.raises(DataError, match="6 of 12 boxes make sense as"):
        source_of(labelled, str(tmp_path), "huggingface", str(tmp_path), strict=True)


@pytest.mark.parametrize(
    "text",
    ["", '{"file_name": "a.jpg", "label": 3}\n', "[]", '{"text": "bbox"}', '{"file_name": "a.jpg", "text": "a cat"}'],
)
def test_metadata_without_boxes_are_no_data_set(tmp_path: Path, text: str) -> None:
    assert find_huggingface(list_tree(str(delivery(tmp_path, text)), LOCAL_FILES)) == []


def test_the_user_can_name_the_file_and_the_pictures(tmp_path: Path) -> None:
    directory = delivery(tmp_path / "pictures", lines(TRAIN, NAMES, entries))
    (directory / "metadata.jsonl").rename(tmp_path / "boxes.jsonl")
    tree = list_tree(str(tmp_path), LOCAL_FILES)
    layout = given_huggingface(tree, Reading(annotations="boxes.jsonl", images="pictures"))
    labelled = read_huggingface(tree, layout, ALL, None)
    assert boxes_read(labelled, str(tmp_path)) == {f"pictures/{name}": boxes for name, boxes in TRUTH.items()}


def test_broken_json_in_a_column_is_refused_with_its_line(tmp_path: Path) -> None:
    directory = delivery(tmp_path, "")
    (directory / "metadata.jsonl").unlink()
    (directory / "metadata.csv").write_text('file_name,objects\na.jpg,"{""bbox"": [[1, 2, 3, 4]], \'label\': []}"\n')
    assert "metadata.csv: line 2: objects: broken JSON" in message_of(directory)


def test_line_separators_inside_strings_end_no_line(tmp_path: Path) -> None:
    text = lines(TRAIN, NAMES, entries).replace('"file_name"', '"note": "a\u2028b\u0085", "file_name"')
    labelled = read(delivery(tmp_path, text))
    assert boxes_read(labelled, str(tmp_path)) == TRUTH


def test_a_delivery_on_an_object_store_is_read(tmp_path: Path) -> None:
    directory = delivery(tmp_path, lines(TRAIN, NAMES))
    store = ObjectStore({f"gs://b/d/{path.name}": path.read_bytes() for path in directory.iterdir()})
    tree = list_tree("gs://b/d", store)
    [layout] = find_huggingface(tree)
    assert boxes_read(read_huggingface(tree, layout, ALL, None), "gs://b/d") == TRUTH
