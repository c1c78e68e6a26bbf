"""`ratchet convert --exif`: all or nothing, and boxes on the pixels that everybody sees who ignores EXIF."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ratchet.pipeline.cli.main import main
from tests.builders import coco_image, encode, picture, write_span
from tests.components.example_gen.oriented import FORMATS, write_oriented
from tests.components.imaging.oriented import decoded, red_xywh_px, stored

EVERY_FORMAT = pytest.mark.parametrize("form", FORMATS)


def run(source: Path, out: Path, *options: str) -> int:
    return main(["convert", "--from", str(source), "--out", str(out), *options])


@EVERY_FORMAT
@pytest.mark.parametrize(("exif", "drawn_on"), [("apply", "upright"), ("ignore", "stored")])
def test_written_boxes_lie_on_the_written_red_pixels(form: str, exif: str, drawn_on: str, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert run(write_oriented(form, tmp_path / "in", drawn_on=drawn_on), out, "--exif", exif) == 0
    written = json.loads((out / "annotations.json").read_text())
    boxes = {entry["image_id"]: entry["bbox"] for entry in written["annotations"]}
    assert len(written["images"]) == len(boxes) == 8
    for image in written["images"]:
        encoded = (out / "images" / image["file_name"]).read_bytes()
        assert boxes[image["id"]] == pytest.approx(red_xywh_px(encoded), abs=1e-4)
        assert (image["width"], image["height"]) == decoded(encoded).size
    assert run(out, tmp_path / "again", "--exif", "ignore") == 0
    assert (run(out, tmp_path / "third") == 0) is (exif == "apply")  # what was turned is upright for good


@EVERY_FORMAT
def test_refusing_names_them_and_writes_nothing(form: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(write_oriented(form, tmp_path / "in"), tmp_path / "out") == 2
    told = capsys.readouterr().err
    assert "7 of 8 images have an EXIF orientation other than 1, which TensorFlow does not apply: '2.jpg' (2), " in told
    assert "'6.jpg' (6) and 2 more" in told
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in"]


def test_every_one_is_counted_however_many_shards_there_are(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    images = [coco_image(number, width=64, height=96) for number in range(1, 151)]
    files = {f"{number}.jpg": stored(6) for number in range(1, 151)}
    files["70.jpg"] = b"no image"
    document = {
        "categories": [{"id": 1, "name": "cat"}],
        "images": images,
        "annotations": [{"id": 1, "image_id": 1, "category_id": 1, "bbox": [1, 1, 5, 5], "area": 25, "iscrowd": 0}],
    }
    assert run(write_span(tmp_path / "in", document, files), tmp_path / "out") == 2
    told = capsys.readouterr().err
    assert "149 of 150 images have an EXIF orientation" in told
    assert "149 annotated with the size of the stored pixels" in told
    assert "70.jpg (image 70): not a JPEG or PNG file" in told


def test_turned_images_are_counted_and_all_others_stay_byte_for_byte(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    span = write_oriented("coco", tmp_path / "in", (1, 6, 8))
    assert run(span, tmp_path / "out", "--exif", "apply", "--json") == 0
    told = capsys.readouterr()
    assert "3 images, 3 boxes, 2 classes (from coco, 2 images turned upright)" in told.err
    assert json.loads(told.out)["turned"] == 2
    same = [
        (span / "images" / n).read_bytes() == (tmp_path / "out/images" / n).read_bytes() for n in ("1.jpg", "2.jpg")
    ]
    assert same == [True, False]


def test_sizes_of_the_stored_pixels_contradict_applying(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    span = write_oriented("voc", tmp_path / "in", (6,), drawn_on="stored")
    assert run(span, tmp_path / "out", "--exif", "apply") == 2
    assert "the annotation says 64x96 px, the size of the stored pixels" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_another_word_is_no_choice(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.jpg").write_bytes(encode(picture()))
    assert run(tmp_path, tmp_path / "out", "--exif", "turn") == 2
    assert "choose from" in capsys.readouterr().err
