"""Detections of every tool that docs/evaluation.md lists become the same columns, or one error that says what to do."""

from __future__ import annotations

import json
import pickle
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ratchet.components.coco import results
from ratchet.components.coco.image_keys import Reading
from ratchet.components.coco.reading import CocoAnnotations, read_truth
from ratchet.components.coco.results import read_results
from ratchet.schemas.base.errors import DataError
from ratchet.schemas.data.columns import DetectionColumns
from tests.builders import coco, coco_annotation, coco_image

BOX = [10.5, 5.25, 20.0, 30.0]
CORNERS = [10.5, 5.25, 30.5, 35.25]


def truth_of(path: Path, **parts: Any) -> CocoAnnotations:
    (path / "g.json").write_text(json.dumps(coco(**parts)))
    return read_truth(path / "g.json")


def named_truth(path: Path, *names: str, first_id: int = 1, **parts: Any) -> CocoAnnotations:
    images = [coco_image(first_id + place, file_name=name) for place, name in enumerate(names)]
    return truth_of(path, images=images, annotations=[], **parts)


def read(
    path: Path, document: Any, truth: CocoAnnotations | None = None, preferred: Reading | None = None
) -> DetectionColumns:
    file = path / "d.json"
    file.write_bytes(document if isinstance(document, bytes) else json.dumps(document).encode())
    return read_results(file, truth or truth_of(path), preferred)


def refusal(path: Path, document: Any, truth: CocoAnnotations | None = None) -> str:
    with pytest.raises(DataError) as caught:
        read(path, document, truth)
    message = str(caught.value)
    assert message.startswith(f"{path / 'd.json'}: ")
    return message.removeprefix(f"{path / 'd.json'}: ")


def entry(image_id: Any, **fields: Any) -> dict[str, Any]:
    return {"image_id": image_id, "category_id": 3, "bbox": BOX, "score": 0.5} | fields


def of_image(*scores: float, **fields: Any) -> dict[str, Any]:
    count = len(scores)
    return {"boxes": [CORNERS] * count, "labels": [3] * count, "scores": list(scores)} | fields


@pytest.fixture(params=["in bulk", "some at a time", "one by one"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """The ways of reading a plain list."""
    if request.param != "in bulk":
        monkeypatch.setattr(results, "read_plain_results", lambda file: None)
    if request.param == "one by one":
        monkeypatch.setattr(results, "read_listed_results", lambda file: None)
    return request.param


def test_newer_ultralytics_says_the_file(tmp_path: Path, way: str) -> None:
    truth = named_truth(tmp_path, "0.jpg", "1.jpg", "2.jpg", "park_3.jpg")
    rows = [entry(1, file_name="1.jpg"), entry(2, file_name="2.jpg"), entry(1, file_name="1.jpg")]
    assert read(tmp_path, rows, truth).image.tolist() == [1, 2, 1]
    rows = [entry("park_3", file_name="park_3.jpg")] * 2
    assert read(tmp_path, rows, truth).image.tolist() == [3, 3]
    rows = [entry("park_3", file_name="park_3.jpg"), entry(1, file_name="1.jpg")]
    assert read(tmp_path, rows, truth).image.tolist() == [3, 1]


def test_files_of_one_number_are_told_apart_by_their_names(tmp_path: Path, way: str) -> None:
    truth = named_truth(tmp_path, "0.jpg", "a/1.jpg", "b/1.png")
    rows = [entry(1, file_name="1.png"), entry(1, file_name="1.jpg")]
    assert read(tmp_path, rows, truth).image.tolist() == [2, 1]
    assert "1 is image 1 '0.jpg' by id, image 2 'a/1.jpg' or image 3 'b/1.png' by name" in refusal(
        tmp_path, [entry(1)], truth
    )


def test_older_ultralytics_says_the_stem(tmp_path: Path, way: str) -> None:
    truth = named_truth(tmp_path, "a/park_1.jpg", "b/park_2.jpg", "b/000003.jpg", first_id=7)
    found = read(tmp_path, [entry("park_2"), entry("park_1", category_id=7)], truth)
    assert (found.image.tolist(), found.labels.tolist()) == ([1, 0], [1, 2])
    assert found.boxes_xywh_px.tolist() == [BOX, BOX]
    assert read(tmp_path, [entry(3), entry(3)], truth).image.tolist() == [2, 2]
    assert read(tmp_path, [entry("park_1"), entry(3)], truth).image.tolist() == [0, 2]
    assert "'park_9' is not among the 3 images, whose ids are [7, 8, 9], and" in refusal(
        tmp_path, [entry("park_9")], truth
    )


def test_a_number_that_is_an_id_and_another_file_is_refused(tmp_path: Path, way: str) -> None:
    truth = named_truth(tmp_path, "0.jpg", "1.jpg", "2.jpg")
    rows = [entry(1), entry(2)]
    assert "1 is image 1 '0.jpg' by id, image 2 '1.jpg' by name" in refusal(tmp_path, rows, truth)
    assert read(tmp_path, rows, truth, "id").image.tolist() == [0, 1]
    assert read(tmp_path, rows, truth, "file-name").image.tolist() == [1, 2]


def test_strings_of_digits_are_ids_where_no_file_is_called_so(tmp_path: Path, way: str) -> None:
    assert read(tmp_path, [entry("000000000001"), entry("000000000002")]).image.tolist() == [0, 1]
    truth = named_truth(tmp_path, "x.jpg", "0002.jpg", "0003.jpg")
    assert read(tmp_path, [entry("0001"), entry("0003")], truth).image.tolist() == [0, 2]
    assert "'0002' is image 2 '0002.jpg' by id" not in refusal(
        tmp_path, [entry("0002"), entry("0003")], named_truth(tmp_path, "0003.jpg", "0002.jpg", "z.jpg")
    )


def test_a_ground_truth_may_have_strings_for_ids(tmp_path: Path, way: str) -> None:
    images = [coco_image(1) | {"id": key, "file_name": f"{key}.jpg"} for key in ("b", "000010", "a")]
    annotations = [coco_annotation(1) | {"image_id": key} for key in ("a", "b", "000010")]
    truth = truth_of(tmp_path, images=images, annotations=annotations)
    assert truth.ids == ("000010", "a", "b")  # ascending, as pycocotools takes them
    assert truth.image_ids.tolist() == [0, 1, 2]
    assert truth.file_names == ("000010.jpg", "a.jpg", "b.jpg")
    assert truth.objects.image.tolist() == [1, 2, 0]
    assert read(tmp_path, [entry("b"), entry("000010")], truth).image.tolist() == [2, 0]
    assert read(tmp_path, [entry(10)], truth).image.tolist() == [0]
    assert refusal(tmp_path, [entry("c")], truth).startswith("detections[0] (image 'c'): image_id 'c' is not among")


@pytest.mark.parametrize(
    ("ids", "image_id", "part"),
    [
        (("a", 2), "a", "images[1] (id 2 '1.jpg'): id 2 must be a string like that of images[0]"),
        ((2, "a"), 2, "images[1] (id 'a' '1.jpg'): id 'a' must be an integer"),
        (("a", "a"), "a", "duplicate id 'a'"),
        (("a", " "), "a", "id ' ' must be a non-empty string"),
        (("a", "b"), "c", "image_id 'c' is not among the 2 images, whose ids are ['a', 'b']; add the image"),
        (("1", "02"), 3, "image_id 3 is not among the 2 images, whose ids are ['02', '1']"),
        (("01", "001"), 1, "image_id 1 is not among the 2 images"),  # it could be both
    ],
)
def test_ids_of_a_ground_truth_are_all_alike(tmp_path: Path, ids: tuple, image_id: Any, part: str) -> None:
    images = [coco_image(1) | {"id": key} for key in ids]
    with pytest.raises(DataError) as caught:
        truth_of(tmp_path, images=images, annotations=[coco_annotation(1) | {"image_id": image_id}])
    assert part in str(caught.value)


_UUID = 0x550E8400E29B41D4A716446655440000


@pytest.mark.parametrize(
    ("of_truth", "of_annotations", "of_results"),
    [
        (str, str, int),
        (str, int, str),
        (int, str, "{:012d}".format),
        ("{:012d}".format, int, int),
        ("{:012d}".format, "{:012d}".format, "{:012d}".format),
        (float, int, float),
        (int, float, int),
        (int, " {}".format, "{}.0".format),
        (lambda number: 2**63 + number, lambda number: 2**63 + number, lambda number: str(2**63 + number)),
        (lambda number: str(2**63 + number), lambda number: str(2**63 + number), lambda number: 2**63 + number),
        *[(lambda number: f"{_UUID + number:x}",) * 3, (lambda number: f"cam{number}/7",) * 3],
    ],
)
def test_ids_may_be_written_in_any_form_that_means_one_image(
    tmp_path: Path, of_truth: Any, of_annotations: Any, of_results: Any
) -> None:
    images = [coco_image(1, file_name=f"f{number}.jpg") | {"id": of_truth(number)} for number in range(7, 19)]
    annotations = [coco_annotation(place) | {"image_id": of_annotations(place)} for place in (18, 7)]
    truth = truth_of(tmp_path, images=images, annotations=annotations)
    named = [truth.file_names[place] for place in truth.objects.image]
    assert named == ["f18.jpg", "f7.jpg"]
    found = read(tmp_path, [entry(of_results(number)) for number in (12, 9)], truth)
    assert [truth.file_names[place] for place in found.image] == ["f12.jpg", "f9.jpg"]


def test_category_ids_may_be_written_as_text_or_with_a_point(tmp_path: Path) -> None:
    found = read(tmp_path, [entry(1, category_id="003"), entry(1, category_id=7.0), entry(1, category_id=3)])
    assert found.labels.tolist() == [1, 2, 1]


CATEGORIES = [{"id": number, "name": f"c{number}"} for number in (1, 2, 3)]


@pytest.mark.parametrize(
    ("categories", "found", "parts"),
    [
        ((1, 2, 3), (0, 2), ("ids are 0..2, those of the ground truth 1..3", "count the classes from 0", "add 1")),
        ((0, 1, 2), (1, 3), ("ids are 1..3, those of the ground truth 0..2", "from 1, as Ultralytics", "subtract 1")),
        ((3, 5, 9), (0, 2), ("count the classes from 0", "give each the id at that place")),
        ((3, 5, 9), (1, 2), ("count the classes from 1", "give each the id at that place")),
        ((1,), (0,), ("ids are 0..0, those of the ground truth 1..1", "add 1")),
    ],
)
def test_classes_counted_from_another_number_are_told(
    tmp_path: Path, categories: tuple, found: tuple, parts: tuple
) -> None:
    listed = [{"id": number, "name": str(number)} for number in categories]
    truth = truth_of(tmp_path, categories=listed, annotations=[])
    message = refusal(tmp_path, [entry(1, category_id=number) for number in found], truth)
    assert [part for part in (*parts, "docs/evaluation.md") if part not in message] == []


@pytest.mark.parametrize(("categories", "found"), [((1, 2, 3), (0, 7)), ((3, 5), (4, 6)), ((2, 3), (0, 1))])
def test_other_unknown_categories_are_named_as_such(tmp_path: Path, categories: tuple, found: tuple) -> None:
    listed = [{"id": number, "name": str(number)} for number in categories]
    truth = truth_of(tmp_path, categories=listed, annotations=[])
    message = refusal(tmp_path, [entry(1, category_id=number) for number in found], truth)
    is_counted = found == (0, 1)  # the places of both
    assert ("count the classes" in message) == is_counted
    assert is_counted or "is not among the" in message


@pytest.mark.parametrize("key", ["annotations", "predictions"])
def test_a_list_may_lie_in_an_object(tmp_path: Path, key: str) -> None:
    found = read(tmp_path, {"info": {}, key: [entry(2), entry(1, category_id=7)]})
    assert (found.image.tolist(), found.labels.tolist()) == ([1, 0], [1, 2])
    assert f"{key}[0] (image 9): image_id 9 is not" in refusal(tmp_path, {key: [entry(9)]})


def test_predictions_may_be_none(tmp_path: Path) -> None:
    assert len(read(tmp_path, {"predictions": []}).scores) == 0
    assert len(read(tmp_path, {}).scores) == 0  # of torchvision, where nothing was found
    assert len(read(tmp_path, {"predictions": {}}).scores) == 0


def test_an_object_with_tables_of_its_own_is_read_by_names(tmp_path: Path) -> None:
    document = {
        "images": [{"id": 1, "file_name": "2.jpg"}, {"id": 2, "file_name": "1.jpg"}],
        "categories": [{"id": 0, "name": "dog"}, {"id": 7, "name": "cat"}, {"id": 9, "name": "auk"}],
        "annotations": [entry(1, category_id=0), entry(2, category_id=7)],
    }
    found = read(tmp_path, document)
    assert (found.image.tolist(), found.labels.tolist()) == ([1, 0], [2, 1])
    document["annotations"].append(entry(2, category_id=9))
    assert "its category 9 is 'auk', and the ground truth has none of that name, but ['cat', 'dog']" in refusal(
        tmp_path, document
    )


@pytest.mark.parametrize("tables", [{"images": [], "categories": []}, {"images": [{"id": 1}], "categories": "x"}])
def test_tables_that_do_not_name_all_count_for_nothing(tmp_path: Path, tables: dict[str, Any]) -> None:
    found = read(tmp_path, {**tables, "annotations": [entry(2), entry(1, category_id=7)]})
    assert (found.image.tolist(), found.labels.tolist()) == ([1, 0], [1, 2])


@pytest.mark.parametrize(
    "document",
    [
        {"2": of_image(0.5, 0.25), "1": of_image(1)},
        [of_image(0.5, 0.25, image_id=2), of_image(1, image_id=1)],
        [of_image(0.5, 0.25, image_id="2.jpg"), of_image(1, image_id="1.jpg")],
        {"predictions": {"2": of_image(0.5, 0.25), "1": of_image(1)}},
        {"predictions": [of_image(0.5, 0.25, image_id=2), of_image(image_id=2), of_image(1, image_id=1)]},
    ],
)
def test_tensors_image_by_image_are_corners(tmp_path: Path, document: Any) -> None:
    found = read(tmp_path, document)
    assert found.image.tolist() == [1, 1, 0]
    assert found.labels.tolist() == [1, 1, 1]
    assert found.scores.tolist() == [0.5, 0.25, 1]
    assert found.boxes_xywh_px.tolist() == [BOX] * 3


def test_images_without_detections_are_read(tmp_path: Path) -> None:
    found = read(tmp_path, {"1": of_image(), "2": of_image()})
    assert [array.shape for array in vars(found).values()] == [(0,), (0, 4), (0,), (0,)]


@pytest.mark.parametrize(
    ("fields", "part"),
    [
        (
            {"boxes": [CORNERS, [30, 5, 10, 35]]},
            "detection 1: box [30, 5, 10, 35] ends before it begins; boxes are [x1,",
        ),
        ({"boxes": [CORNERS, [10, 35, 30, 5]]}, "detection 1: box [10, 35, 30, 5] ends before it begins"),
        ({"boxes": [CORNERS]}, "{'boxes': 1, 'labels': 2, 'scores': 2} are not equally many"),
        ({"boxes": "tensor([])"}, "boxes 'tensor([])' must be a list; write tensors with .tolist()"),
        ({"labels": None}, "labels None must be a list"),
        ({"labels": [3, "cat"]}, "detection 1: label 'cat' must be an integer, the id of a category"),
        ({"labels": [3, 3.0]}, "label 3.0 must be an integer"),
        ({"labels": [3, True]}, "label True must be an integer"),
        ({"labels": [3, 4]}, "detection 1: label 4 is not among the 2 categories, whose ids are [3, 7]"),
        ({"scores": [0.5, None]}, "score None must be a finite number"),
        ({"scores": [0.5, float("nan")]}, "score nan must be a finite number"),
        ({"boxes": [CORNERS, [1, 2, 3]]}, "box [1, 2, 3] must be a list of 4 numbers"),
        ({"boxes": [CORNERS, [1, 2, 3, "4"]]}, "detection 1: box '4' must be a finite number"),
        ({"boxes": [CORNERS, [1, 2, 3, 1e10]]}, "box 10000000000.0 must be a finite number within"),
    ],
)
def test_bad_tensors_are_named(tmp_path: Path, fields: dict[str, Any], part: str) -> None:
    message = refusal(tmp_path, {"1": of_image(), "2": of_image(0.5, 0.25, **fields)})
    assert message.startswith("image '2': ")
    assert part in message
    listed = [of_image(image_id=1), of_image(0.5, 0.25, image_id=2, **fields)]
    assert refusal(tmp_path, listed).startswith("detections[1] (image 2 '2.jpg'): ") or part in message


def test_tensors_have_to_say_their_image(tmp_path: Path) -> None:
    assert "detections[0]: image_id is missing; add it" in refusal(tmp_path, [of_image(0.5)])
    assert "image_id 'x' is not among the 2 images" in refusal(tmp_path, {"1": of_image(), "x": of_image(0.5)})
    assert "image '2': expected a JSON object, got null" in refusal(tmp_path, {"1": of_image(0.5), "2": None})


def test_corners_in_another_unit_or_order_are_recognised(tmp_path: Path) -> None:
    fractions = [[0.1, 0.2, 0.3 + i / 100, 0.6] for i in range(12)]
    document = {"1": of_image(*[0.5] * 12, boxes=fractions)}
    message = refusal(tmp_path, document)
    assert "look like fractions of the image, 0..1, where boxes are [x1, y1, x2, y2] in pixels" in message
    assert "image '1': detection 0: bbox [0.1, 0.2, 0.3, 0.6]" in message
    swapped = [[20, 30 + i / 4, 45, 60] for i in range(12)]  # of an image of 64 x 48
    assert "look like [y1, x1, y2, x2], where boxes are [x1," in refusal(
        tmp_path, {"1": of_image(*[0.5] * 12, boxes=swapped)}
    )


def test_files_of_torch_save_are_not_opened(tmp_path: Path) -> None:
    (tmp_path / "new.pt").touch()
    with zipfile.ZipFile(tmp_path / "new.pt", "w") as archive:
        archive.writestr("archive/data.pkl", pickle.dumps({}))
    old = pickle.dumps({"boxes": []}, protocol=2)
    for content in ((tmp_path / "new.pt").read_bytes(), old, pickle.dumps({}, protocol=4)):
        message = refusal(tmp_path, content)
        assert message.startswith("is a pickle or zip archive, as torch.save writes it, and is not opened")
        assert "\n" not in message


def test_a_million_numbers_are_still_exact(tmp_path: Path, way: str) -> None:
    dice = np.random.default_rng(0)
    boxes, scores = np.round(dice.uniform(0, 60, (500, 4)), 3), np.round(dice.uniform(0, 1, 500), 5)
    rows = [
        entry(f"cam/{place % 7}", file_name=f"{place % 7}.jpg", bbox=box, score=score)
        for place, (box, score) in enumerate(zip(boxes.tolist(), scores.tolist()))
    ]
    truth = named_truth(tmp_path, *(f"cam/{place}.jpg" for place in range(7)))
    found = read(tmp_path, rows, truth)
    assert found.image.tolist() == [place % 7 for place in range(500)]
    assert found.boxes_xywh_px.tobytes() == boxes.tobytes()
    assert found.scores.tobytes() == scores.tobytes()
