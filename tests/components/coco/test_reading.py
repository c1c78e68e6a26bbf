from __future__ import annotations

import copy
import json
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ratchet.components.coco.entries import Entries
from ratchet.components.coco.reading import CocoAnnotations, read_truth
from ratchet.components.coco.results import read_results
from ratchet.schemas.base.errors import DataError
from ratchet.schemas.data.columns import DetectionColumns
from ratchet.schemas.data.records import LabelMap
from tests.builders import coco, coco_annotation, coco_image


def detection(image_id: Any = 1, **fields: Any) -> dict[str, Any]:
    return {"image_id": image_id, "category_id": 3, "bbox": [10.5, 5.25, 20.0, 30.0], "score": 0.5} | fields


def write(path: Path, document: Any) -> Path:
    path.write_bytes(document if isinstance(document, bytes) else json.dumps(document).encode())
    return path


def truth_of(path: Path, document: Any) -> CocoAnnotations:
    return read_truth(write(path / "g.json", document))


def detections_of(path: Path, document: Any, truth: Any = None) -> DetectionColumns:
    return read_results(write(path / "d.json", document), truth_of(path, coco() if truth is None else truth))


def assert_truth_error(path: Path, document: Any, *parts: str) -> None:
    with pytest.raises(DataError) as caught:
        truth_of(path, document)
    assert_tells(str(caught.value), str(path / "g.json"), *parts)


def assert_detections_error(path: Path, document: Any, *parts: str) -> None:
    with pytest.raises(DataError) as caught:
        detections_of(path, document)
    assert_tells(str(caught.value), str(path / "d.json"), *parts)


def assert_tells(message: str, start: str, *parts: str) -> None:
    assert message.startswith(start)
    assert [part for part in parts if part not in message] == []


def without(entry: dict[str, Any], *keys: str) -> dict[str, Any]:
    return {key: value for key, value in entry.items() if key not in keys}


def test_ground_truth_becomes_columns(tmp_path: Path) -> None:
    document = coco(
        images=[coco_image(30, width=64, height=48), coco_image(0, width=10, height=20)],
        annotations=[
            coco_annotation(1, 30, category_id=7, bbox=[1, 2, 3, 4], area=11),
            coco_annotation(2, 0, bbox=[0.1, 1 / 3, 2.5, 4], iscrowd=1),
            coco_annotation(3, 30, bbox=[5, 6, 0, 8], area=1e10),
        ],
    )
    truth = truth_of(tmp_path, document)
    assert truth.image_ids.tolist() == [0, 30]
    assert truth.sizes_px.tolist() == [[10, 20], [64, 48]]
    assert truth.label_map == LabelMap(("cat", "dog"), (3, 7))
    assert truth.objects.image.tolist() == [1, 0, 1]
    assert truth.objects.labels.tolist() == [2, 1, 1]
    assert truth.objects.boxes_xywh_px.tolist() == [[1, 2, 3, 4], [0.1, 1 / 3, 2.5, 4], [5, 6, 0, 8]]
    assert truth.objects.area_px2.tolist() == [11, 600, 1e10]
    assert truth.objects.is_crowd.tolist() == [False, True, False]
    kinds = [array.dtype.kind for array in vars(truth.objects).values()]
    assert kinds == ["i", "f", "i", "f", "b"]


def test_detections_become_columns_in_the_order_of_the_file(tmp_path: Path) -> None:
    rows = [detection(2, score=-3), detection(1, category_id=7, bbox=[0, 0, 0, 1]), detection(2, score=1e300)]
    found = detections_of(tmp_path, rows)
    assert found.image.tolist() == [1, 0, 1]
    assert found.labels.tolist() == [1, 2, 1]
    assert found.scores.tolist() == [-3, 0.5, 1e300]
    assert found.boxes_xywh_px.tolist() == [[10.5, 5.25, 20, 30], [0, 0, 0, 1], [10.5, 5.25, 20, 30]]


def test_no_detections_and_no_objects_are_files_too(tmp_path: Path) -> None:
    found = detections_of(tmp_path, [], coco(annotations=[]))
    assert [array.shape for array in vars(found).values()] == [(0,), (0, 4), (0,), (0,)]
    truth = truth_of(tmp_path, coco(annotations=[])).objects
    assert [array.shape for array in vars(truth).values()] == [(0,), (0, 4), (0,), (0,), (0,)]


def test_what_pycocotools_does_not_need_may_miss(tmp_path: Path) -> None:
    images = [{"id": 1}, {"id": 2, "width": 0, "height": None}, {"id": 3, "width": 7.0, "height": 0}]
    annotations = [
        without(coco_annotation(0, 1, bbox=[1, 1, 2.5, 4]), "id", "area", "iscrowd"),
        coco_annotation(0, 1, iscrowd=False),
        coco_annotation(0, 2, id="x", iscrowd=True, area=0, ignore=1, segmentation={}),
    ]
    truth = truth_of(tmp_path, coco(images=images, annotations=annotations))
    assert np.array_equal(truth.sizes_px, [[np.nan, np.nan], [np.nan, np.nan], [7, np.nan]], equal_nan=True)
    assert truth.objects.area_px2.tolist() == [10, 600, 0]
    assert truth.objects.is_crowd.tolist() == [False, False, True]  # `ignore` alone does nothing


def test_ids_may_be_negative_and_huge(tmp_path: Path) -> None:
    document = coco(images=[coco_image(2**63 - 1), coco_image(-5)], annotations=[coco_annotation(1, 2**63 - 1)])
    truth = truth_of(tmp_path, document)
    assert truth.image_ids.tolist() == [-5, 2**63 - 1]
    assert truth.objects.image.tolist() == [1]


def test_further_plain_fields_of_images_are_attributes(tmp_path: Path) -> None:
    images = [
        coco_image(9, camera="north", night=True, date_captured="x", license=1, exif={"iso": 1}, tags=[1]),
        coco_image(4, camera="süd", hour=7, gain=0.5, license=2),
        coco_image(5, camera=None),
    ]
    attributes = truth_of(tmp_path, coco(images=images, annotations=[])).attributes
    assert attributes == ({"camera": "süd", "hour": "7"}, {}, {"camera": "north", "night": "True"})


def test_byte_order_mark_utf16_and_nan_in_unused_fields_are_read(tmp_path: Path) -> None:
    text = json.dumps(coco(info={"speed": float("nan")}, images=[coco_image(1, camera="ö"), coco_image(2)]))
    for encoding in ("utf-8", "utf-8-sig", "utf-16"):
        assert truth_of(tmp_path, text.encode(encoding)).attributes == ({"camera": "ö"}, {})


@pytest.mark.parametrize(
    ("content", "parts"),
    [
        (b"", ("the file is empty",)),
        (b" \n", ("the file is empty",)),
        (b'[\n  {"image_id": 1,]', ("broken JSON at line 2, column 18", "export or copy the file again")),
        (b'["\xff\xfe"]', ("broken JSON", "utf-8")),
        (b"[" * 100_000, ("broken JSON",)),
        (b"[" + b"1" * 5000 + b"]", ("d.json",)),
        (b"7", ("expected a JSON list of detections, got a number", '"bbox": [x, y, width, height]')),
        (b"null", ("got null",)),
        (b"NaN", ("got a number",)),
        (b'{"results": []}', ("got an object; give a COCO results file",)),
        (b'{"annotations": []}', ("looks like a ground truth file",)),
    ],
)
def test_a_file_that_is_no_list_of_detections_is_refused(tmp_path: Path, content: bytes, parts: tuple) -> None:
    assert_detections_error(tmp_path, content, *parts)


def test_a_file_that_is_no_ground_truth_is_refused(tmp_path: Path) -> None:
    assert_truth_error(tmp_path, [detection()], "got a list", "a COCO results file", "give a COCO annotation file")
    assert_truth_error(tmp_path, without(coco(), "images"), "missing images; a COCO annotation file has")
    assert_truth_error(tmp_path, coco(annotations={"1": 2}), "annotations must be a list, got an object")
    assert_truth_error(tmp_path, coco(images=[]), "images is empty; list every image, and deliver at least one")
    assert_truth_error(tmp_path, b'{"images": [}', "line 1, column 13")


def test_a_path_without_a_file_is_refused(tmp_path: Path) -> None:
    for path, reason in ((tmp_path / "no.json", "No such file"), (tmp_path, "Is a directory"), ("a\0b", "null byte")):
        with pytest.raises(DataError) as caught:
            read_truth(path)
        assert_tells(str(caught.value), str(path), "cannot be read: ", reason, "give the path of a COCO JSON file")


@pytest.mark.parametrize(
    ("entry", "parts"),
    [
        (5, ("detections[1]: expected a JSON object, got a number",)),
        (None, ("detections[1]: expected a JSON object, got null",)),
        ([1, 2], ("detections[1]: expected a JSON object, got a list",)),
        (without(detection(), "bbox"), ("detections[1] (image 1 '1.jpg'): bbox is missing; add it",)),
        (without(detection(), "score"), ("score is missing",)),
        (without(detection(), "image_id"), ("detections[1]: image_id is missing",)),
        (without(detection(), "category_id"), ("category_id is missing",)),
        (detection(True), ("image_id True must be an integer", "or a string; correct it")),
        (detection(" "), ("image_id ' ' must be a non-empty string",)),
        (detection("3"), ("image_id '3' is not among the 2 images", "whose files ['1.jpg', '2.jpg']")),
        (detection(1.5), ("image_id 1.5 must be an integer",)),
        (detection(1e18), ("image_id 1e+18 is a rounded number", "beyond 19 digits, as a string")),
        (detection([1]), ("image_id [1] must be an integer",)),
        (detection(2**70), ("is a rounded number",)),
        (detection(10**400), ("must be an integer",)),
        (detection(2**63), ("image_id 9223372036854775808 is not among the 2 images",)),
        (detection(category_id=1.5), ("category_id 1.5 must be an integer",)),
        (detection(category_id="cat"), ("category_id 'cat' must be an integer",)),
        (detection(category_id=None), ("category_id None must be an integer",)),
        (detection(bbox=None), ("bbox None must be a list of 4 numbers: x, y, width, height",)),
        (detection(bbox=[]), ("bbox [] must be a list of 4",)),
        (detection(bbox=[1, 2, 3]), ("bbox [1, 2, 3] must be a list of 4",)),
        (detection(bbox={"0": 1}), ("must be a list of 4",)),
        (detection(bbox="abcd"), ("bbox 'abcd' must be a list of 4",)),
        (detection(bbox=[1, 2, [3], 4]), ("bbox[2] [3] must be a finite number",)),
        (detection(bbox=[1, 2, "3", 4]), ("bbox[2] '3' must be a finite number",)),
        (detection(bbox=[1, True, 3, 4]), ("bbox[1] True must be",)),
        (detection(bbox=[1, 2, 3, None]), ("bbox[3] None must be",)),
        (detection(bbox=[1, 2, 3, float("nan")]), ("bbox[3] nan must be",)),
        (detection(bbox=[1, 2, 3, 1e10]), ("bbox[3] 10000000000.0 must be a finite number within +-1e+09",)),
        (detection(bbox=[1, 2, 10**400, 3]), ("bbox[2]", "must be a finite number")),
        (detection(bbox=[10, 20, -3, 4]), ("bbox [10, 20, -3, 4] has a negative", "[x, y, width, height] in pixels")),
        (detection(score=None), ("score None must be a finite number; correct it",)),
        (detection(score="0.5"), ("score '0.5' must be",)),
        (detection(score=False), ("score False must be",)),
        (detection(score=float("inf")), ("score inf must be",)),
        (detection(score=float("nan")), ("detections[1] (image 1 '1.jpg'): score nan must be",)),
        (detection(77), ("image_id 77 is not among the 2 images", "whose ids are [1, 2]; correct it or give")),
        (detection(category_id=4), ("category_id 4 is not among the 2 categories", "[3, 7]")),
    ],
)
def test_a_bad_detection_is_named(tmp_path: Path, entry: Any, parts: tuple) -> None:
    assert_detections_error(tmp_path, [detection(), entry], "detections[1]", *parts)


def test_entries_of_the_same_fault_are_counted(tmp_path: Path) -> None:
    unknown = [detection(), *(detection(5) for _ in range(20))]
    assert_detections_error(tmp_path, unknown, "detections[1] (image 5): image_id 5", "and 19 more of the 21 entries")
    wrong = [detection(), *(detection(score="1") for _ in range(20))]
    assert_detections_error(tmp_path, wrong, "detections[1]", "detections[3]", "and 17 more")


@pytest.mark.parametrize(
    ("fields", "parts"),
    [
        ({"image_id": 8}, ("image_id 8 is not among the 2 images",)),
        ({"category_id": 8}, ("category_id 8 is not among the 2 categories",)),
        ({"area": -1}, ("area -1 must be at least 0 px^2; correct it or leave it out",)),
        ({"area": None}, ("area None must be a finite number",)),
        ({"area": float("nan")}, ("area nan must be a finite number",)),
        ({"iscrowd": 2}, ("iscrowd 2 must be 0 or 1",)),
        ({"iscrowd": "0"}, ("iscrowd '0' must be 0 or 1",)),
        ({"iscrowd": []}, ("iscrowd [] must be 0 or 1",)),
        ({"bbox": [3, 4, 5, -0.5]}, ("bbox [3, 4, 5, -0.5] has a negative width or height",)),
        ({"bbox": None}, ("bbox None must be a list",)),
    ],
)
def test_a_bad_annotation_is_named(tmp_path: Path, fields: dict[str, Any], parts: tuple) -> None:
    annotations = [coco_annotation(1, 1), coco_annotation(55, 2) | fields]
    assert_truth_error(tmp_path, coco(annotations=annotations), "annotations[1] (id 55, image ", *parts)


@pytest.mark.parametrize(
    ("image", "parts"),
    [
        (coco_image(1), ("images[2] (id 1 '1.jpg'): duplicate id 1, already that of images[0]", "its own id")),
        ({"file_name": "a"}, ("images[2]: id is missing",)),
        (coco_image(3) | {"id": "3"}, ("id '3' must be an integer",)),
        (coco_image(3, width="64"), ("images[2] (id 3 '3.jpg'): width '64' must be a finite number",)),
        (coco_image(3, height=-1), ("height -1 must be at least 0; correct it or leave it out",)),
        (coco_image(3, width=True), ("width True must be",)),
        (coco_image(3, camera="\ud800"), ("images[2] (id 3 '3.jpg'): 'camera' '\\ud800' is no valid Unicode",)),
        ("3.jpg", ("images[2]: expected a JSON object, got a string",)),
    ],
)
def test_a_bad_image_is_named(tmp_path: Path, image: Any, parts: tuple) -> None:
    assert_truth_error(tmp_path, coco(images=[coco_image(1), coco_image(2), image]), "images[2]", *parts)


@pytest.mark.parametrize(
    ("categories", "parts"),
    [
        ([], ("categories has 0 entries, allowed are 1..65535",)),
        ([{"id": i, "name": str(i)} for i in range(65_536)], ("categories has 65536 entries",)),
        ([{"id": 3, "name": "cat"}, {"id": 3, "name": "dog"}], ("categories[1] (id 3): duplicate id 3",)),
        ([{"id": 3, "name": "cat"}, {"id": 7, "name": "cat"}], ("categories[1] (id 7): duplicate name 'cat'",)),
        ([{"id": 3, "name": " "}], ("categories[0] (id 3): name ' ' must be a non-empty string",)),
        ([{"id": 3}], ("categories[0] (id 3): name is missing",)),
        ([{"id": "x", "name": "a"}], ("categories[0] (id 'x'): id 'x' must be an integer",)),
        ([{"id": 3, "name": "a"}, {"id": "03", "name": "b"}], ("categories[1] (id '03'): duplicate id 3",)),
        ([7], ("categories[0]: expected a JSON object",)),
    ],
)
def test_bad_categories_are_named(tmp_path: Path, categories: list, parts: tuple) -> None:
    assert_truth_error(tmp_path, coco(categories=categories), *parts)


def test_labels_follow_ascending_category_id(tmp_path: Path) -> None:
    categories = [{"id": 7, "name": "dog"}, {"id": 0, "name": "bird"}, {"id": 3, "name": "cat"}]
    truth = truth_of(tmp_path, coco(categories=categories))
    assert truth.label_map == LabelMap(("bird", "cat", "dog"), (0, 3, 7))
    assert truth.objects.labels.tolist() == [2, 3]


def test_corners_given_as_sides_are_refused_in_both_files(tmp_path: Path) -> None:
    corners = [[30, 20 + i, 50, 40 + i / 2] for i in range(12)]
    message = ("look like [x1, y1, x2, y2]", "12 of the 12 boxes stick out of their image", "64x48 px; convert the")
    annotations = [coco_annotation(i, 2, bbox=box) for i, box in enumerate(corners)]
    assert_truth_error(
        tmp_path, coco(annotations=annotations), *message, "annotations[0] (id 0, image 2 '2.jpg'): bbox [30.0,"
    )
    rows = [detection(2, bbox=box) for box in corners]
    assert_detections_error(tmp_path, rows, *message, "detections[0] (image 2 '2.jpg'): bbox [30.0, 20.0, 50.0, 40.0]")


def test_the_order_is_not_doubted_where_a_size_is_unknown(tmp_path: Path) -> None:
    rows = [detection(2, bbox=[30, 20, 50, 40])] * 12
    found = detections_of(tmp_path, rows, coco(images=[coco_image(1), coco_image(2, width=0)]))
    assert len(found.scores) == 12


def test_an_explanation_that_finds_nothing_is_an_error_still() -> None:
    entries = Entries([{"id": 1}], "images", "g.json")
    with pytest.raises(DataError, match=r"g\.json: images cannot be read, and no entry of it is to blame"):
        entries._explain([1], lambda value, where: None)


numbers = st.one_of(st.integers(-(10**6), 10**6), st.floats(-1e6, 1e6))
sides = st.one_of(st.integers(0, 10**6), st.floats(0, 1e6))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.tuples(st.sampled_from([1, 2]), st.sampled_from([3, 7]), numbers, numbers, sides, sides, numbers),
        max_size=9,  # so that the order of the boxes is not doubted
    )
)
def test_what_was_written_is_read(tmp_path: Path, rows: list[tuple]) -> None:
    document = [detection(i, category_id=c, bbox=box, score=score) for i, c, *box, score in rows]
    found = detections_of(tmp_path, document)
    assert found.image.tolist() == [row[0] - 1 for row in rows]
    assert found.labels.tolist() == [1 if row[1] == 3 else 2 for row in rows]
    assert found.boxes_xywh_px.tolist() == [list(row[2:6]) for row in rows]
    assert found.scores.tolist() == [row[6] for row in rows]


ODD: list[Any] = [
    *(None, True, "", "1", -1, 0, 1, 2, 3, 7, 2**31, 2**63, -(2**63), 2**64, 10**400, 1e-320, 1e308, -0.0, 0.5),
    *(float("nan"), float("inf"), [], [[]], [1, 2, 3, 4], [1, 2], {}, {"id": 1}, "\ud800", "a\0b"),
]


def mutated(document: Any, dice: random.Random) -> Any:
    """The document with one value somewhere in it replaced, removed or doubled."""
    document = copy.deepcopy(document)
    places = list(_places(document))
    parent, key = dice.choice(places)
    how = dice.randrange(4)
    if how == 0:
        del parent[key]
    elif how == 1 and isinstance(parent, list):
        parent.append(parent[key])
    else:
        parent[key] = copy.deepcopy(dice.choice(ODD))
    return document


def _places(node: Any) -> Any:
    for key in list(node) if isinstance(node, dict) else range(len(node)):
        yield node, key
        if isinstance(node[key], (dict, list)):
            yield from _places(node[key])


def damaged(document: Any, dice: random.Random) -> bytes:
    """The document as a file, after up to three mutations and now and then with a wrong byte."""
    for _ in range(dice.randint(1, 3)):
        document = mutated(document, dice) if document else document
    content = bytearray(json.dumps(document).encode())
    if dice.random() < 0.2:
        content[dice.randrange(len(content))] = dice.randrange(256)
    return bytes(content)


def test_damaged_files_are_read_or_refused(tmp_path: Path) -> None:
    dice = random.Random(0)
    truth = coco(images=[coco_image(1, camera="a"), coco_image(2)])
    read = truth_of(tmp_path, truth)
    rows = [detection(1), detection(2, category_id=7)]
    messages = []
    for _ in range(150):
        for read_it, document in ((read_truth, truth), (lambda path: read_results(path, read), rows)):
            path = write(tmp_path / "damaged.json", damaged(document, dice))
            try:
                read_it(path)
            except DataError as error:
                messages.append(str(error))
    assert 150 < len(messages) < 300
    assert all(message.startswith(str(path)) for message in messages)
    assert "\n".join(messages).encode()  # they can be printed
    assert not any("no entry of it is to blame" in message for message in messages)
