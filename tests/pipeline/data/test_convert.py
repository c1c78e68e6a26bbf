from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ratchet.components.example_gen.dataset import encoded_images, read_source
from ratchet.pipeline.cli.main import main
from ratchet.schemas.data.dataset import image_digest
from tests.builders import coco, coco_annotation, coco_image, encode, picture, write_span
from tests.components.example_gen.deliveries import WRITERS, two_records, write_tfrecords, write_voc, write_yolo


def run(source: Path, out: Path, *arguments: str) -> int:
    return main(["convert", "--from", str(source), "--out", str(out), *arguments])


def error_of(capsys: pytest.CaptureFixture[str], source: Path, out: Path, *arguments: str) -> str:
    assert run(source, out, *arguments) == 2
    assert not out.exists() or not any(out.iterdir())
    return capsys.readouterr().err


@pytest.mark.parametrize("form", WRITERS)
def test_every_format_becomes_a_coco_span_that_reads_the_same(tmp_path: Path, form: str) -> None:
    source = read_source(str(WRITERS[form](tmp_path / "in")))
    assert run(tmp_path / "in", tmp_path / "out" / "span-1") == 0
    converted = read_source(str(tmp_path / "out" / "span-1"), strict=True)
    assert converted.format == "coco"
    assert converted.label_map == source.label_map
    digests = [
        [image_digest(record, content) for shard in each.shards for record, content in encoded_images(shard)]  # type: ignore[arg-type]
        for each in (source, converted)
    ]
    assert digests[0] == digests[1]
    assert sorted(os.listdir(tmp_path / "out")) == ["span-1"]


def test_images_are_written_byte_for_byte_with_their_subdirectories(tmp_path: Path) -> None:
    assert run(write_voc(tmp_path / "in"), tmp_path / "out") == 0
    assert (tmp_path / "out" / "images" / "sub" / "b.jpg").read_bytes() == encode(picture(seed=2))


def test_ids_crowds_areas_and_attributes_survive(tmp_path: Path) -> None:
    document = coco(
        images=[coco_image(700, camera="north"), coco_image(5)],
        annotations=[coco_annotation(9, 700, iscrowd=1, area=1.25), coco_annotation(4, 5, category_id=7)],
    )
    assert run(write_span(tmp_path / "in", document), tmp_path / "out") == 0
    written = json.loads((tmp_path / "out" / "annotations.json").read_text())
    assert [(image["id"], image.get("camera")) for image in written["images"]] == [(5, None), (700, "north")]
    assert [category["id"] for category in written["categories"]] == [3, 7]
    [_, crowd] = written["annotations"]
    assert (crowd["id"], crowd["iscrowd"], crowd["area"], crowd["bbox"]) == (2, 1, 1.25, [10.5, 5.25, 20, 30])


def test_what_was_written_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_yolo(tmp_path / "in")
    assert run(tmp_path / "in", tmp_path / "out", "--json") == 0
    told = capsys.readouterr()
    assert f"{tmp_path}/out: 2 images, 2 boxes, 2 classes (from yolo)\n" in told.err
    assert json.loads(told.out) == {
        "directory": f"{tmp_path}/out",
        "format": "yolo",
        "classes": ["cat", "dog"],
        "images": 2,
        "boxes": 2,
        "turned": 0,
        "bad_boxes": {"count": 0, "of": 2, "reading": None, "images": [], "examples": []},
        "told": [],
        "left_out": [],
        "facts": {
            "images": "2, all of 64x48 px",
            "objects": "2; 1.0 an image, at most 1",
            "classes": "cat 1 (50 %) in 1 image, dog 1 (50 %) in 1 image",
            "their sides": "41 % of the image's longer side in the middle, nine of ten 39 % to 43 %",
        },
    }
    assert "converting 2/2" in told.err


def test_bad_boxes_are_left_out_and_told_with_the_format_that_they_fit(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = [("cat", (30 + n, 35, 10 + n, 5)) for n in range(4)]
    source = write_voc(tmp_path / "in", [bad, [("dog", (2, 4, 34, 28))]])
    assert run(source, tmp_path / "out", "--json") == 0
    told = capsys.readouterr()
    assert (
        "4 of 5 boxes left out, they are no boxes of their images; they would be sound as "
        "[x, y, width, height] or [center x, center y, width, height] or [x2, y2, x1, y1]:\n"
        "  Annotations/a.xml: object[0] ('cat', image 1 'a.jpg'): bndbox [30.0, 35.0, 10.0, 5.0] has width -20.0"
    ) in told.err
    assert json.loads(told.out)["bad_boxes"]["count"] == 4
    assert len(json.loads((tmp_path / "out" / "annotations.json").read_text())["annotations"]) == 1
    assert "has width -20.0" in error_of(capsys, source, tmp_path / "strict", "--strict")


def test_data_set_without_a_sound_box_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = write_voc(tmp_path / "in", [[("cat", (5, 5, 5, 5))], []])
    assert "1 of 1 boxes left out" in error_of(capsys, source, tmp_path / "out")


def test_attribute_is_the_first_group_or_the_whole_match(tmp_path: Path) -> None:
    document = coco(images=[coco_image(1, file_name="cam1_a.jpg"), coco_image(2, file_name="d/cam22_b.jpg")])
    source = write_span(tmp_path / "in", document)
    assert run(source, tmp_path / "out", "--attribute", "camera=(cam[0-9]+)_", "--attribute", "what=[ab](?=[.])") == 0
    images = json.loads((tmp_path / "out" / "annotations.json").read_text())["images"]
    assert [(image["camera"], image["what"]) for image in images] == [("cam1", "a"), ("cam22", "b")]


@pytest.mark.parametrize(
    ("attribute", "part"),
    [
        ("camera=^x(.)", "image 1 'a.jpg': camera=^x(.) finds nothing in its file name; correct the pattern"),
        ("camera=a|(x)", "camera=a|(x) finds nothing"),
        ("camera", "--attribute 'camera': give NAME=REGEX"),
        ("a b=x", "give NAME=REGEX"),
        ("camera=(", "--attribute camera: '(' is no regular expression: missing )"),
        ("width=.", "--attribute width: COCO defines that key itself; choose another name"),
    ],
)
def test_attribute_that_cannot_be_found_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], attribute: str, part: str
) -> None:
    assert part in error_of(capsys, write_voc(tmp_path / "in"), tmp_path / "out", "--attribute", attribute)


def test_class_file_stands_for_a_list_that_the_data_set_lacks(tmp_path: Path) -> None:
    (tmp_path / "names.txt").write_text("dog\ncow\ncat\n")
    assert run(write_voc(tmp_path / "in"), tmp_path / "out", "--classes", str(tmp_path / "names.txt")) == 0
    assert read_source(str(tmp_path / "out")).label_map.names == ("dog", "cow", "cat")


def test_format_can_be_chosen_where_there_are_two(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_yolo(write_voc(tmp_path / "in"))
    assert "it can be read in 2 ways" in error_of(capsys, tmp_path / "in", tmp_path / "out")
    assert run(tmp_path / "in", tmp_path / "out", "--format", "yolo") == 0


def broken_image(source: Path) -> None:
    (source / "JPEGImages" / "a.jpg").write_bytes(encode(picture(seed=1))[:300])


def other_size(source: Path) -> None:
    (source / "JPEGImages" / "a.jpg").write_bytes(encode(picture(10, 10)))


@pytest.mark.parametrize(
    ("damage", "part"), [(broken_image, "truncated"), (other_size, "10x10 px, the annotation says")]
)
def test_broken_image_is_named_and_nothing_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], damage: Any, part: str
) -> None:
    source = write_voc(tmp_path / "in")
    damage(source)
    error = error_of(capsys, source, tmp_path / "out")
    assert f"{source}/JPEGImages/a.jpg (image 1): " in error
    assert part in error
    assert os.listdir(tmp_path) == ["in"]


def test_broken_image_in_a_tfrecord_is_named_by_file_and_record(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_tfrecords(tmp_path / "in", two_records({"image/encoded": [b"\xff\xd8\xff\xe0 no image"]}))
    assert f"{tmp_path}/in/a.tfrecord, record 0 (image 1): truncated" in error_of(
        capsys, tmp_path / "in", tmp_path / "out"
    )


def test_directory_that_holds_something_is_left_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("x")
    assert run(write_voc(tmp_path / "in"), tmp_path / "out") == 2
    assert f"{tmp_path}/out: exists and is not empty; remove it or choose another" in capsys.readouterr().err
    assert os.listdir(tmp_path / "out") == ["mine.txt"]
    (tmp_path / "out" / "mine.txt").unlink()
    assert run(tmp_path / "in", tmp_path / "out") == 0


def test_name_that_is_file_and_directory_at_once_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    records = two_records({"image/filename": [b"x.jpg"]})
    records[1]["image/filename"] = [b"x.jpg/b.jpg"]
    write_tfrecords(tmp_path / "in", records)
    assert "cannot be written" in error_of(capsys, tmp_path / "in", tmp_path / "out")


def test_converting_needs_no_tensorflow(tmp_path: Path) -> None:
    write_voc(tmp_path / "in")
    code = (
        "import sys; from ratchet.pipeline.cli.main import main\n"
        f"assert main(['convert', '--from', {str(tmp_path / 'in')!r}, '--out', {str(tmp_path / 'out')!r}]) == 0\n"
        "assert not {'tensorflow', 'tfx', 'apache_beam'} & set(sys.modules)"
    )
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
