from __future__ import annotations

import copy
import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ratchet.components.example_gen.box_check import find_bad_boxes
from ratchet.components.example_gen.coco import parse_annotations
from ratchet.components.example_gen.dataset import to_records
from ratchet.schemas.base.errors import DataError
from ratchet.schemas.data.records import ImageRecord, LabelMap, record_from_json, record_to_json
from tests.builders import coco, coco_annotation, coco_image, to_bytes

SOURCE = "span-3/annotations.json"


def parse(text: bytes, source: str) -> tuple[LabelMap, list[ImageRecord]]:
    """Reads a file as that of a golden set."""
    labelled = parse_annotations(text, source)
    is_bad, _ = find_bad_boxes(labelled, source, strict=True)
    return labelled.label_map, sorted(to_records(labelled, is_bad), key=lambda record: record.image_id)


def message_of(document: Any) -> str:
    text = document if isinstance(document, bytes) else to_bytes(document)
    with pytest.raises(DataError) as caught:
        parse(text, SOURCE)
    return str(caught.value)


def message_of_box(box: Any, **fields: Any) -> str:
    return message_of(coco(annotations=[coco_annotation(230, 2, bbox=box, **fields)]))


def assert_tells(message: str, *parts: str) -> None:
    assert message.startswith(SOURCE)
    assert [part for part in parts if part not in message] == []


def test_labels_follow_ascending_category_id() -> None:
    categories = [{"id": 7, "name": "dog"}, {"id": 0, "name": "bird"}, {"id": 3, "name": "cat"}]
    label_map, records = parse(to_bytes(coco(categories=categories)), SOURCE)
    assert label_map == LabelMap(names=("bird", "cat", "dog"), category_ids=(0, 3, 7))
    assert [record.truth.labels.tolist() for record in records] == [[2], [3]]


def test_records_are_sorted_by_image_id_and_carry_the_exact_annotation() -> None:
    box = [0.1, 1 / 3, 2.7, 1e-3]
    document = coco(
        images=[coco_image(30), coco_image(4, file_name="cam/a b.png", width=10, height=20)],
        annotations=[
            coco_annotation(9, 4, bbox=box, area=0.3, iscrowd=1),
            coco_annotation(2, 4, category_id=7, bbox=[1, 2, 3, 4], area=12),
        ],
    )
    first, second = parse(to_bytes(document), SOURCE)[1]
    assert (first.image_id, first.file_name, first.width_px, first.height_px) == (4, "cam/a b.png", 10, 20)
    assert first.truth.boxes_xywh_px.tolist() == [box, [1, 2, 3, 4]]
    assert first.truth.labels.tolist() == [1, 2]
    assert first.truth.area_px2.tolist() == [0.3, 12]
    assert first.truth.is_crowd.tolist() == [True, False]
    assert second.image_id == 30
    assert second.truth.boxes_xywh_px.shape == (0, 4)


def test_missing_area_is_the_area_of_the_box_and_missing_iscrowd_is_no() -> None:
    annotation = {"id": 1, "image_id": 1, "category_id": 3, "bbox": [1, 1, 2.5, 4], "segmentation": "ignored"}
    truth = parse(to_bytes(coco(annotations=[annotation])), SOURCE)[1][0].truth
    assert truth.area_px2.tolist() == [10.0]
    assert truth.is_crowd.tolist() == [False]


def test_box_up_to_a_pixel_over_is_kept_as_annotated() -> None:
    box = [-1.0, -0.5, 66.0, 49.5]
    truth = parse(to_bytes(coco(annotations=[coco_annotation(bbox=box)])), SOURCE)[1][0].truth
    assert truth.boxes_xywh_px.tolist() == [box]


def test_byte_order_mark_and_utf16_are_read() -> None:
    text = json.dumps(coco(images=[coco_image(1, file_name="kö.jpg"), coco_image(2)]), ensure_ascii=False)
    for encoding in ("utf-8-sig", "utf-16"):
        assert parse(text.encode(encoding), SOURCE)[1][0].file_name == "kö.jpg"


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        (b'{"images": [],\n "annotations": [}', ("broken JSON", "line 2, column 18")),
        (b"", ("broken JSON", "the file is empty")),
        (to_bytes(coco())[:-40], ("broken JSON", "line 1")),
        (b"\xff\xd8\xff\xe0 a picture", ("broken JSON", "export or copy the file again")),
        (b"[" * 100_000, ("broken JSON", "recursion")),
        (b"[" + b"9" * 5_000 + b"]", ("broken JSON", "4300")),
        (b"[{}]", ("expected a JSON object, got a list", "COCO results file")),
        (b"null", ("expected a JSON object, got null",)),
        (b'{"images": [], "info": {}}', ("missing categories, annotations", "has categories, images, annotations")),
        (to_bytes(coco(images={"1": {}})), ("images must be a list, got an object",)),
        (to_bytes(coco(annotations=None)), ("annotations must be a list, got null",)),
    ],
)
def test_file_that_is_no_coco_file_is_named_with_the_place(text: bytes, parts: tuple[str, ...]) -> None:
    assert_tells(message_of(text), *parts)


@pytest.mark.parametrize(
    ("categories", "parts"),
    [
        ([], ("categories has 0 entries, allowed are 1..65535",)),
        (["cat"], ("categories[0]: expected a JSON object, got a string",)),
        ([{"id": 3}], ("categories[0] (id 3): name is missing",)),
        ([{"id": "x3", "name": "cat"}], ("categories[0] (id 'x3'): id 'x3' must be an integer",)),
        ([{"id": 3, "name": " "}], ("categories[0] (id 3): name ' ' must be a non-empty string",)),
        ([{"id": 3, "name": "\ud800"}], (r"name '\ud800' must be a non-empty string of valid Unicode",)),
        (
            [{"id": 3, "name": "cat"}, {"id": 3, "name": "dog"}],
            ("categories[1] (id 3): duplicate id 3", "categories[0]"),
        ),
        ([{"id": 3, "name": "cat"}, {"id": 4, "name": "cat"}], ("categories[1] (id 4): duplicate name 'cat'",)),
    ],
)
def test_bad_category_is_named(categories: list[Any], parts: tuple[str, ...]) -> None:
    assert_tells(message_of(coco(categories=categories)), *parts)


@pytest.mark.parametrize(
    ("image", "parts"),
    [
        ({"id": True}, ("images[1] (id True '2.jpg'): id True must be an integer or a string",)),
        ({"id": 2.5}, ("images[1] (id 2.5 '2.jpg'): id 2.5 must be an integer",)),
        ({"id": 1}, ("images[1] (id 1 '2.jpg'): duplicate id 1, already that of images[0]",)),
        ({"file_name": "1.jpg"}, ("images[1] (id 2 '1.jpg'): duplicate file_name '1.jpg', already that of images[0]",)),
        ({"file_name": 5}, ("images[1] (id 2): file_name 5 must be a non-empty string",)),
        ({"width": 0}, ("images[1] (id 2 '2.jpg'): width 0 must be an integer, 1..65535",)),
        ({"height": -3}, ("height -3 must be an integer, 1..65535",)),
        ({"height": 65_536}, ("height 65536 must be an integer, 1..65535",)),
        ({"width": "64"}, ("width '64' must be an integer",)),
        ({"camera": "\ud800"}, (r"images[1] (id 2 '2.jpg'): 'camera' '\ud800' is no valid Unicode",)),
        ({"\udfff": "north"}, (r"'\udfff' 'north' is no valid Unicode",)),
        ({"width": 60_000, "height": 50_000}, ("60000x50000 is 3000000000 pixels, allowed are 100000000",)),
    ],
)
def test_bad_image_is_named(image: dict[str, Any], parts: tuple[str, ...]) -> None:
    assert_tells(message_of(coco(images=[coco_image(1), coco_image(2) | image])), *parts)


@pytest.mark.parametrize(
    "name",
    [
        "/etc/passwd",
        "../2.jpg",
        "a/../2.jpg",
        "a\\2.jpg",
        "a\0.jpg",
        "a//b.jpg",
        "./2.jpg",
        "a\n.jpg",
        "gs://b/c",
        "\u202egpj.exe",
        "x" * 252 + ".jpg",
    ],
)
def test_file_name_that_leads_out_of_the_images_is_refused(name: str) -> None:
    message = message_of(coco(images=[coco_image(1), coco_image(2, file_name=name)]))
    shown = repr(name) if len(name) < 80 else "'xxx"
    assert_tells(message, f"images[1] (id 2 {shown[:20]}", f"file_name {shown}", "plain path below images/")


@pytest.mark.parametrize(
    "name", ["a b.jpg", "Bild\u202f1.jpg", "\u6f22\u5b57/\U0001f469\u200d\U0001f680.png", "..a.jpg", "x" * 251 + ".jpg"]
)
def test_unusual_file_name_below_the_images_is_kept(name: str) -> None:
    document = coco(images=[coco_image(1), coco_image(2, file_name=name)])
    assert parse(to_bytes(document), SOURCE)[1][1].file_name == name


def test_missing_key_is_named() -> None:
    image = {"id": 2, "file_name": "2.jpg", "width": 64}
    assert_tells(message_of(coco(images=[coco_image(1), image])), "images[1] (id 2 '2.jpg'): height is missing")


def test_span_without_images_is_refused() -> None:
    assert_tells(message_of(coco(images=[], annotations=[])), "images is empty", "deliver at least one")


def test_data_set_without_any_annotation_is_refused() -> None:
    assert_tells(message_of(coco(annotations=[])), "annotations is empty", "at least one")


@pytest.mark.parametrize(
    ("fields", "parts"),
    [
        ({"id": "a230"}, ("annotations[0] (id 'a230', image 2 '2.jpg'): id 'a230' must be an integer",)),
        (
            {"image_id": 99},
            ("annotations[0] (id 230, image 99): image_id 99 is not among the 2 images, whose", "drop the annotation"),
        ),
        ({"image_id": "x"}, ("annotations[0] (id 230, image 'x'): image_id 'x' ",)),
        (
            {"category_id": 4},
            ("(id 230, image 2 '2.jpg'): category_id 4 is not among the 2 categories, whose ids are [3, 7]",),
        ),
        ({"category_id": None}, ("category_id None must be an integer",)),
        ({"area": -1}, ("(id 230, image 2 '2.jpg'): area -1 must be at least 0 px^2",)),
        ({"area": None}, ("area None must be a finite number",)),
        ({"iscrowd": 2}, ("iscrowd 2 must be 0 or 1",)),
        ({"iscrowd": [0]}, ("iscrowd [0] must be 0 or 1",)),
    ],
)
def test_bad_annotation_is_named_with_id_and_image(fields: dict[str, Any], parts: tuple[str, ...]) -> None:
    assert_tells(message_of(coco(annotations=[coco_annotation(230, 2) | fields])), *parts)


def test_duplicate_annotation_id_is_refused() -> None:
    message = message_of(coco(annotations=[coco_annotation(5, 1), coco_annotation(5, 2)]))
    assert_tells(message, "annotations[1] (id 5, image 2 '2.jpg'): duplicate id 5, already that of annotations[0]")


@pytest.mark.parametrize(
    ("box", "part"),
    [
        ("1,2,3,4", "bbox '1,2,3,4' must be a list of 4 numbers"),
        ([1, 2, 3], "bbox [1, 2, 3] must be a list of 4 numbers: x, y, width, height in pixels"),
        ([1, "2", 3, 4], "bbox[1] '2' must be a finite number"),
        ([1, 2, True, 4], "bbox[2] True must be a finite number"),
        ([1, 2, float("nan"), 4], "bbox[2] nan must be a finite number"),
        ([1, 2, 3, float("inf")], "bbox[3] inf must be a finite number"),
        ([1, 2, 3, 10**400], "bbox[3] 1000000"),
        ([1, 2, 0, 4], "has width 0.0; it must be at least 0.001 px"),
        ([1, 2, 3, -4], "bbox [1.0, 2.0, 3.0, -4.0] has height -4.0"),
        (
            [50, 2, 15.1, 4],
            "spans x 50.0..65.1, y 2.0..6.0, outside the image of 64x48 px (up to 1.0 px over is allowed)",
        ),
        ([-1.1, 2, 5, 4], "spans x -1.1..3.9"),
        ([1, 45, 5, 5], "y 45.0..50.0, outside the image"),
        ([64.2, 2, 0.5, 4], "outside the image"),
        ([-0.9, 2, 0.5, 4], "outside the image"),
    ],
)
def test_bad_box_is_named_with_its_numbers(box: Any, part: str) -> None:
    assert_tells(message_of_box(box), "annotations[0] (id 230, image 2 '2.jpg'): bbox", part)


def test_corners_in_place_of_width_and_height_are_recognised() -> None:
    assert_tells(message_of_box([30, 20, 60, 40]), "looks like x1, y1, x2, y2 where COCO has x, y, width, height")


@pytest.mark.parametrize("box", [[5, 5, 62, 40], [40, 5, 30, 40], [30, 20, 600, 400]])
def test_other_boxes_outside_are_not_taken_for_corners(box: list[float]) -> None:
    assert "x1, y1" not in message_of_box(box)


def test_fractions_in_place_of_pixels_are_recognised() -> None:
    assert_tells(message_of_box([0.1, 0.2, 0.5, 0.5]), "[0.1, 0.2, 0.5, 0.5]", "as if they were fractions")


def test_many_problems_are_told_as_the_first_three_and_a_count() -> None:
    bad = [coco_annotation(number, 1, bbox=[1, 1, -number, 1]) for number in range(1, 16)]
    lines = message_of(coco(annotations=[coco_annotation(99, 2), *bad])).splitlines()
    assert len(lines) == 4
    assert lines[0].startswith(f"{SOURCE}: annotations[1] (id 1, image 1 '1.jpg')")
    assert lines[2].startswith("  annotations[3] (id 3,")
    assert lines[3] == "  and 12 more"


def test_bad_image_is_not_echoed_by_its_annotations() -> None:
    message = message_of(coco(images=[coco_image(1), coco_image(2, width=0)]))
    assert "annotations" not in message.removeprefix(SOURCE)
    assert "\n" not in message


def test_huge_value_does_not_flood_the_message() -> None:
    assert len(message_of(coco(images=[coco_image(1, file_name="../" + "x" * 10_000)]))) < 500


def test_record_survives_json_to_the_last_bit() -> None:
    box = [0.1, 1 / 3, np.nextafter(2.0, 3.0), 2**-9 + 2**-50]
    for record in parse(to_bytes(coco(annotations=[coco_annotation(bbox=box)])), SOURCE)[1]:
        copied = record_from_json(record_to_json(record))
        assert copied.truth.boxes_xywh_px.tobytes() == record.truth.boxes_xywh_px.tobytes()
        assert record_to_json(copied) == record_to_json(record)


JUNK = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 3),
    st.integers(),
    st.floats(),
    st.text(max_size=4),
    st.sampled_from([10**400, "\ud800", "../x", [], {}, [[1]], [1, 2, 3, 4], {"id": 1}, "1.jpg", 1e308, 1e-320]).map(
        copy.deepcopy  # a later mutation may go into it
    ),
)


def places_of(value: Any) -> list[tuple[Any, Any]]:
    """Every (container, key) inside a JSON value."""
    items: Any = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [place for key, part in items for place in ((value, key), *places_of(part))]


@given(st.data())
def test_mutated_file_is_read_or_refused_with_a_data_error(data: st.DataObject) -> None:
    document: Any = copy.deepcopy(
        coco(annotations=[coco_annotation(1, 1), coco_annotation(2, 2, segmentation=[[1, 2]])])
    )
    for _ in range(data.draw(st.integers(1, 3))):
        places = places_of(document)
        container, key = places[data.draw(st.integers(0, len(places) - 1))] if places else (document, "images")
        if data.draw(st.booleans()):
            del container[key]
        else:
            container[key] = data.draw(JUNK)
    try:
        label_map, records = parse(to_bytes(document), SOURCE)
    except DataError as error:
        assert str(error).startswith(SOURCE)  # noqa: PT017 - both outcomes are right
    else:
        for record in records:
            x, y, width, height = record.truth.boxes_xywh_px.T
            assert np.all((width > 0) & (height > 0) & (x + width > 0) & (x < record.width_px) & (y < record.height_px))
            assert set(record.truth.labels.tolist()) <= set(range(1, len(label_map.names) + 1))
            assert record_from_json(record_to_json(record)).file_name == record.file_name


def test_areas_that_contradict_their_boxes_are_those_of_the_boxes_and_told() -> None:
    boxes = [[0, 0, 10 + n, 20] for n in range(8)]
    annotations = [coco_annotation(1 + n, 1, bbox=box, area=n % 2 and 150 + n) for n, box in enumerate(boxes)]
    read = parse_annotations(to_bytes(coco(annotations=annotations)), SOURCE)
    assert read.objects.area_px2.tolist() == [200, 151, 240, 153, 280, 155, 320, 157]
    assert read.mended_areas.startswith(
        "4 of 8 objects have an area that contradicts their box, whose own is used instead: "
        "annotations[0] (id 1, image 1 '1.jpg') has area 0 in a box of 200 px^2"
    )
