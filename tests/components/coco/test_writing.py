"""What is written is COCO as every other tool reads it."""

from __future__ import annotations

import io
import json
from dataclasses import replace

from ratchet.components.coco.reading import Demands, read_annotations
from ratchet.components.coco.writing import image_lines, join_ground_truth
from ratchet.schemas.data.records import LabelMap
from tests.builders import ground_truth, record

LABEL_MAP = LabelMap(("cat", "dog"), (3, 7))


def written(description: str | None = None) -> str:
    truth = ground_truth([[0.1, 1 / 3, 2.5, 4], [1, 2, 3, 4]], [2, 1])
    records = [
        replace(record(), image_id=9, file_name="ä/9.jpg", truth=truth, attributes={"camera": "nörd"}),
        replace(record(), image_id=4, truth=ground_truth([[5, 6, 7, 8]], crowd=True)),
    ]
    out = io.StringIO()
    join_ground_truth(image_lines(records, {}, LABEL_MAP.category_ids), LABEL_MAP, out, description)
    return out.getvalue()


def test_annotations_are_numbered_from_one_and_name_the_data_sets_own_ids() -> None:
    document = json.loads(written())
    assert document["categories"] == [{"id": 3, "name": "cat"}, {"id": 7, "name": "dog"}]
    assert [(each["id"], each["image_id"], each["category_id"]) for each in document["annotations"]] == [
        (1, 9, 7),
        (2, 9, 3),
        (3, 4, 3),
    ]
    assert document["images"][0] | {"width": 0, "height": 0} == {
        "id": 9,
        "file_name": "ä/9.jpg",
        "width": 0,
        "height": 0,
        "camera": "nörd",
    }


def test_what_was_written_is_read_again_to_the_last_bit() -> None:
    read = read_annotations(written("two images").encode(), "gt.json", Demands())
    assert read.label_map == LABEL_MAP
    assert read.image_ids.tolist() == [4, 9]
    assert read.attributes == ({}, {"camera": "nörd"})
    assert read.objects.image.tolist() == [1, 1, 0]
    assert read.objects.boxes_xywh_px.tolist() == [[0.1, 1 / 3, 2.5, 4], [1, 2, 3, 4], [5, 6, 7, 8]]
    assert read.objects.is_crowd.tolist() == [False, False, True]


def test_a_description_tells_where_the_file_comes_from() -> None:
    assert json.loads(written("two images"))["info"] == {"description": "two images"}
    assert "info" not in json.loads(written())
