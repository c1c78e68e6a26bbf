from __future__ import annotations

import json
from typing import Any

import pytest

from ratchet.components.example_gen.facts import ImageFacts, facts_of
from ratchet.components.imaging.measures import Look
from ratchet.schemas.data import facts as counted
from ratchet.schemas.data.facts import DataSetFacts
from ratchet.schemas.data.records import GroundTruth, ImageRecord, LabelMap

CLASSES = LabelMap(("cat", "dog"), (3, 7))
BOX = [10.0, 10.0, 20.0, 20.0]


def image(
    number: int, boxes: list[list[float]] | None = None, labels: list[int] | None = None, crowds: int = 0
) -> ImageRecord:
    boxes = [BOX] if boxes is None else boxes
    is_crowd = [int(place < crowds) for place in range(len(boxes))]
    truth = GroundTruth(boxes, labels or [1] * len(boxes), [400] * len(boxes), is_crowd)  # type: ignore[arg-type]
    return ImageRecord(number, f"{number}.jpg", 100, 50, truth)


def facts(records: list[ImageRecord], **looks: Look) -> DataSetFacts:
    images = {
        record.image_id: ImageFacts(looks.get(f"image_{record.image_id}", Look()), str(record.image_id))
        for record in records
    }
    return facts_of(records, CLASSES, images)


def test_sizes_classes_and_objects_are_counted() -> None:
    found = facts([image(1), image(2, [BOX, [50, 10, 40, 10]], [1, 2]), image(3, [])])
    assert (found.images, found.objects, found.most_objects, found.sizes) == (3, 3, 2, {"100x50": 3})
    assert [(each.name, each.objects, each.images) for each in found.classes] == [("cat", 2, 2), ("dog", 1, 1)]
    assert found.of(counted.WITHOUT_OBJECTS).images == ("3.jpg",)
    assert found.side_shares[0] == found.side_shares[100] == pytest.approx(0.2)
    assert (found.share_below(0.19), found.share_below(0.21)) == (0.0, 1.0)


def test_images_with_the_most_repeated_objects_are_named_first() -> None:
    found = facts([image(1), image(2, [BOX, BOX]), image(3, [BOX, BOX, BOX]), image(4, [BOX, BOX], [1, 2])])
    assert found.of(counted.REPEATED_OBJECTS).count == 3
    assert found.of(counted.REPEATED_OBJECTS).of == 8
    assert found.of(counted.REPEATED_OBJECTS).images == ("3.jpg", "2.jpg")
    assert found.of(counted.TWO_CLASSES).images == ("4.jpg",)


def test_repeated_objects_are_told_apart_by_whether_their_boxes_are_the_same() -> None:
    near = [BOX[0] + 0.5, *BOX[1:]]
    for boxes, told in (
        ([BOX, near], ""),
        ([BOX, BOX], "all of them with exactly the same box"),
        ([BOX, near, near], "1 of them with exactly the same box"),
    ):
        repeated = facts([image(1, boxes), image(2)]).of(counted.REPEATED_OBJECTS)
        assert (repeated.count, repeated.detail) == (len(boxes) - 1, told)


def test_crowds_of_each_class_are_counted() -> None:
    found = facts([image(1, [BOX, BOX, BOX], [1, 1, 2], crowds=1), image(2, [BOX], [2], crowds=1)])
    assert (found.of(counted.CROWDS).count, found.of(counted.CROWDS).of) == (2, 4)
    assert [(each.objects, each.crowds) for each in found.classes] == [(2, 1), (2, 1)]
    assert found.of(counted.REPEATED_OBJECTS).count == 0  # a crowd repeats nothing


def test_boxes_outside_of_what_the_picture_shows_are_found() -> None:
    letter_box = Look(content=(0.25, 0.0, 1.0, 1.0))
    found = facts([image(1), image(2, [[0, 0, 24, 20], [30, 0, 20, 20], [20, 0, 20, 20]])], image_2=letter_box)
    assert (found.of(counted.OUTSIDE_CONTENT).count, found.of(counted.OUTSIDE_CONTENT).images) == (1, ("2.jpg",))
    assert found.of(counted.BORDERS).count == 1


def test_images_that_show_nothing_are_told_by_kind() -> None:
    looks: dict[str, Any] = {"image_1": Look("black", deep=True), "image_3": Look("flat"), "image_4": Look("black")}
    found = facts([image(number) for number in range(1, 5)], **looks)
    assert found.of(counted.BLANK).detail == "2 nearly black, 1 flat"
    assert found.of(counted.DEEP).images == ("1.jpg",)


def test_files_that_are_equal_are_told_with_both_names() -> None:
    records = [image(1), image(2), image(3)]
    same = facts_of(
        records, CLASSES, {1: ImageFacts(Look(), "a"), 2: ImageFacts(Look(), "b"), 3: ImageFacts(Look(), "a")}
    )
    assert same.of(counted.SAME_FILES).count == 1
    assert same.of(counted.SAME_FILES).images == ("1.jpg", "3.jpg")


@pytest.mark.parametrize("in_order_of", ["ids", "names"])
def test_labelling_that_stopped_is_found_in_the_order_of_ids_and_of_names(in_order_of: str) -> None:
    place = {"ids": lambda number: number, "names": lambda number: (number * 37) % 101}[in_order_of]
    records = [
        ImageRecord(number, f"{place(number)}.jpg", 100, 50, image(1, [] if place(number) > 80 else [BOX]).truth)
        for number in range(1, 101)
    ]
    end = facts(records).of(counted.UNLABELLED_END)
    assert end.count == 20
    assert end.images[0] == "81.jpg"


def test_what_is_said_of_an_image_survives_json() -> None:
    for look in (Look(), Look("black", True, (0.0, 0.125, 1.0, 0.875))):
        said = ImageFacts(look, "12-34-ab")
        assert ImageFacts.from_json(json.loads(json.dumps(said.to_json()))) == said


def test_a_data_set_without_images_and_one_without_objects_are_counted() -> None:
    assert facts([]) == DataSetFacts()
    assert facts([image(1, []), image(2, [])]).side_shares == ()
