"""The comparison of readers judges rightly, and gives every reader the paths that a user would give."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks.readers import foreign, ours
from benchmarks.readers.cases import cases, painted_red
from benchmarks.readers.deliveries import Box, Delivery, exports
from benchmarks.readers.judging import Outcome, judge
from tests.components.example_gen.exports.scenes import EMPTY, TRAIN, Scene, TrueBox, paint
from tests.components.example_gen.exports.writers import write_text, write_yolo_pair

NUT: Box = ("nut", 10, 8, 20, 16)
TRUTH: dict[str, list[Box]] = {"images/a.jpg": [NUT], "images/g.jpg": []}


def delivery(**fields: Any) -> Delivery:
    known = {"group": "exports", "name": "nuts", "directory": "/data", "form": "yolo", "truth": TRUTH}
    return Delivery(**{**known, "classes": ("bolt", "nut"), **fields})


def answer(
    pictures: dict[str, list[Box]], found: bool = True, words: tuple[str, ...] = (), **fields: Any
) -> dict[str, Any]:
    read = {path: {"boxes": boxes, "found": found} for path, boxes in pictures.items()}
    return {"pictures": read, "classes": ["bolt", "nut"], "words": list(words), **fields}


RIGHT = {f"/data/{path}": boxes for path, boxes in TRUTH.items()}


@pytest.mark.parametrize(
    ("read", "outcome"),
    [
        (answer(RIGHT), Outcome.RIGHT),
        (answer({**RIGHT, "/data/images/a.jpg": [("nut", 9, 7, 20, 16)]}), Outcome.RIGHT),  # VOC counts from 1
        (answer({**RIGHT, "/data/images/a.jpg": [("nut", 8, 8, 20, 16)]}), Outcome.WRONG),
        (answer({**RIGHT, "/data/images/a.jpg": [("bolt", 10, 8, 20, 16)]}), Outcome.WRONG),
        (answer({**RIGHT, "/data/images/a.jpg": [NUT, NUT]}), Outcome.WRONG),
        (answer({**RIGHT, "/data/images/a.jpg": []}), Outcome.WRONG),
        (answer({"/data/images/g.jpg": []}), Outcome.WRONG),
        (answer({"/data/images/a.jpg": [NUT]}), Outcome.BESIDE),  # the picture without objects is left out
        (answer(RIGHT, classes=["parts", "bolt", "nut"]), Outcome.BESIDE),
        (answer(RIGHT, found=False), Outcome.BESIDE),
        (answer({**RIGHT, "/data/images/h.jpg": []}), Outcome.BESIDE),
        (answer({**RIGHT, "/data/images/.trash/a-copy.jpg": []}), Outcome.WRONG),
        (answer({"train/a": [NUT], "train/g": []}), Outcome.RIGHT),  # a name without directory and suffix
        ({"error": "ValueError: no", "words": []}, Outcome.REFUSED),
        ({"no_reader": True, "words": []}, Outcome.NO_READER),
    ],
)
def test_what_was_read_is_judged_by_its_boxes_pictures_and_classes(read: dict[str, Any], outcome: Outcome) -> None:
    assert judge(delivery(), read).outcome is outcome


def test_a_contradiction_is_right_only_with_a_word_of_it() -> None:
    contradiction = delivery(word="twice")
    assert judge(contradiction, answer(RIGHT)).outcome is Outcome.WRONG
    assert judge(contradiction, answer(RIGHT, words=("1 object is there twice",))).outcome is Outcome.RIGHT
    assert judge(contradiction, answer(RIGHT, words=("done",))).outcome is Outcome.WRONG


def test_a_reader_that_turns_pictures_is_judged_by_the_turned_ones() -> None:
    turned = delivery(truth={"a.jpg": [NUT]}, upright={"a.jpg": ((48, 64), [("nut", 24, 10, 16, 20)])})
    read = answer({"/data/a.jpg": [("nut", 24, 10, 16, 20)]})
    assert judge(turned, read).outcome is Outcome.WRONG
    read["pictures"]["/data/a.jpg"]["size"] = [48, 64]
    assert judge(turned, read).outcome is Outcome.RIGHT


def test_every_export_has_the_paths_that_lead_to_its_boxes(tmp_path: Path) -> None:
    for each in exports(tmp_path):
        if each.form not in ("coco", "voc", "yolo"):
            continue
        assert each.parts, each.name
        for part in each.parts:
            assert Path(part.images).is_dir(), each.name
            assert Path(part.annotations).exists(), each.name
        if each.form == "yolo":
            assert Path(each.data_file).is_file()
            assert set(each.classes) == {"bolt", "nut"}, each.name
        folders = {str((Path(each.directory) / path).parent) for path in each.truth}
        assert all(any(folder.startswith(part.images) for part in each.parts) for folder in folders), each.name


def test_our_own_readers_answer_as_the_others_do(tmp_path: Path) -> None:
    known = {each.name: each for each in exports(tmp_path / "exports") if each.name in ("roboflow-coco", "via-coco")}
    for name, each in known.items():
        assert judge(each, ours.answer(each, tmp_path / name)).outcome is Outcome.RIGHT
    refused = ours.answer(delivery(directory=str(tmp_path / "none")), tmp_path / "out")
    assert judge(known["via-coco"], refused).outcome is Outcome.REFUSED


def test_a_case_has_the_boxes_that_its_pictures_show(tmp_path: Path) -> None:
    nuts = [Scene(each.stem, each.width, each.height, each.boxes) for each in (*TRAIN[:1], EMPTY)]
    case = tmp_path / "cases" / "bare-yolo"
    write_yolo_pair(case / "input" / "images", case / "input" / "labels", nuts)
    paint(case / "input" / "images" / ".trash" / "a.jpg", nuts[0])
    write_text(case / "input" / "data.yaml", "names: [bolt, nut]\n")
    write_text(case / "case.md", "# bare-yolo\n")
    write_text(tmp_path / "cases" / "eval-of-files" / "case.md", "# eval-of-files\n")
    (found,) = cases(tmp_path / "cases", tmp_path / "copies")
    assert (found.name, found.form, found.classes) == ("bare-yolo", "yolo", ("bolt", "nut"))
    assert sorted(found.truth) == ["images/a.jpg", "images/g.jpg"]
    assert [len(boxes) for boxes in found.truth.values()] == [1, 0]
    assert judge(found, ours.answer(found, tmp_path / "out")).outcome is Outcome.RIGHT


def test_red_is_found_where_it_is_painted(tmp_path: Path) -> None:
    from PIL import Image

    paint(tmp_path / "two.png", Scene("two", 64, 48, (TrueBox("nut", 2, 3, 10, 9), TrueBox("nut", 30, 20, 12, 11))))
    assert painted_red(Image.open(tmp_path / "two.png")) == [("", 2, 3, 10, 9), ("", 30, 20, 12, 11)]


def test_a_library_that_raises_has_refused_and_one_that_warns_is_heard() -> None:
    import logging
    import warnings

    def raises(_: foreign.Delivery) -> foreign.Read:
        raise ValueError("no such row") from KeyError("row")

    def warns(_: foreign.Delivery) -> foreign.Read:
        logging.getLogger("reader").warning("a row is there twice")
        warnings.warn("old", DeprecationWarning, stacklevel=1)
        return {}, ["nut"]

    assert foreign.answer(raises, {})["error"] == "ValueError: no such row: KeyError: 'row'"
    assert foreign.answer(warns, {}) == {"pictures": {}, "classes": ["nut"], "words": ["a row is there twice"]}
    assert foreign.answer(foreign.pycocotools, {"form": "yolo"})["no_reader"]


def test_pycocotools_reads_what_it_is_given(tmp_path: Path) -> None:
    pytest.importorskip("pycocotools")
    known = next(each for each in exports(tmp_path / "exports") if each.name == "via-coco")
    path, out = tmp_path / "known.json", tmp_path / "answers.json"
    path.write_text(json.dumps([known.to_json()]), encoding="utf-8")
    foreign.main("pycocotools", str(path), str(out))
    document = json.loads(out.read_text(encoding="utf-8"))
    assert document["package"]["megabytes"] > 0
    assert judge(known, document["answers"]["via-coco"]).outcome is Outcome.RIGHT
