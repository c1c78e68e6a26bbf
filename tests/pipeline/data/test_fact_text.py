from __future__ import annotations

from pathlib import Path

from ratchet.pipeline.data.check_text import facts_text, remarkable_text
from ratchet.pipeline.data.convert import ConvertRequest, convert
from ratchet.schemas.artifacts.decisions import Reason
from ratchet.schemas.data import facts as counted
from ratchet.schemas.data.facts import ClassFact, DataSetFacts
from tests.builders import coco, coco_annotation, coco_image, write_span


def test_facts_are_a_table_of_the_terminal() -> None:
    classes = tuple(ClassFact(f"a class of many words {number}", 1, 1) for number in range(8))
    lines = facts_text(DataSetFacts(images=8, objects=8, sizes={"64x48": 8}, most_objects=1, classes=classes))
    assert lines[:4] == ["", "What is in it:", "  images   8, all of 64x48 px", "  objects  8; 1.0 an image, at most 1"]
    assert lines[4].startswith("  classes  a class of many words 0 1 (12 %) in 1 image, ")
    assert {line[:11] for line in lines[5:]} == {" " * 11}
    assert max(map(len, lines)) <= 100
    assert facts_text(DataSetFacts()) == []


def test_only_what_a_person_should_look_at_is_remarkable() -> None:
    found = Reason("labels:duplicates", "few", "485 of 1,914 objects", images=("a.jpg", "b\x1b.jpg"))
    text = remarkable_text([Reason("facts:blank", "few", "none", passed=True), found])
    assert text == "Objects are labelled twice: 485 of 1,914 objects; see a.jpg, b\\x1b.jpg"


def test_convert_tells_of_a_single_object_that_is_labelled_twice(tmp_path: Path) -> None:
    images = [coco_image(number) for number in range(1, 201)]
    boxes = [coco_annotation(number, number) for number in range(1, 201)]
    source = write_span(tmp_path / "in", coco(annotations=[*boxes, coco_annotation(201, 7)], images=images))
    assert remarkable_text(convert(ConvertRequest(source, tmp_path / "out")).remarkable).startswith(
        "Objects are labelled twice: 1 of 201 objects (0.5 %) are labelled twice: all of them with exactly the same box"
    )


def test_convert_counts_what_it_writes(tmp_path: Path) -> None:
    twice = [coco_annotation(1, 1), coco_annotation(2, 1, bbox=[11.5, 6.25, 20.0, 30.0]), coco_annotation(3, 2)]
    source = write_span(tmp_path / "in", coco(annotations=twice, images=[coco_image(1), coco_image(2)]))
    converted = convert(ConvertRequest(source, tmp_path / "out"))
    assert converted.facts.of(counted.REPEATED_OBJECTS).count == 1
    assert [reason.rule for reason in converted.remarkable if not reason.passed] == ["labels:duplicates"]
    assert converted.to_json()["facts"]["objects labelled twice"] == "1 of 3 (33 %)"
