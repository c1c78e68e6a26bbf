"""What can be taken along from a page, read by the tools that it is for."""

from __future__ import annotations

import contextlib
import csv
import dataclasses
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import expect
from pycocotools.coco import COCO

from ratchet.components.coco.reading import read_truth
from ratchet.components.review.content import ReviewContent, SuspectBox, SuspectImage
from ratchet.components.review.exports.links import downloads, exports_links
from ratchet.components.review.exports.markdown import run_markdown
from ratchet.components.review.exports.originals import original_of
from ratchet.components.review.exports.relabel import relabel_coco
from ratchet.components.review.exports.suspects import (
    GOLDEN,
    MOST_IMAGES,
    SPAN,
    doubts,
    of_gallery,
    of_pictures,
    suspect_images,
)
from ratchet.components.review.exports.worst_images import COLUMNS, worst_images_csv
from ratchet.components.review.page import review_page
from ratchet.schemas.artifacts.data_evidence import Picture, PictureLayer, View
from ratchet.schemas.artifacts.decisions import DataDecision, Reason
from ratchet.schemas.artifacts.diagnosis import EVALUATION_SET, CauseState
from ratchet.schemas.data.records import GroundTruth, ImageRecord
from tests.builders import dataset_info
from tests.components.browsing import Opener
from tests.components.review.content import (
    RUN,
    analysis,
    bootstrapped,
    content,
    diagnosis,
    finding,
    gallery_image,
    rejected,
)

ATTACK = '"\'></code></details><script>document.title="owned"</script><img src=x onerror="document.title=\'owned\'">'
SIZES = Reason("labels:size", "at most 5%", "24%", images=("a.jpg", "b.jpg"))


def suspect(name: str = "a.jpg", **fields: Any) -> SuspectImage:
    boxes = (SuspectBox((10.25, 20.5, 30.0, 40.0), "cat"), SuspectBox((1.0, 2.0, 3.0, 4.0), "dog", True, "missed"))
    return dataclasses.replace(SuspectImage(name, (640, 480), boxes, ("labels too wide",), "file:///d/a.jpg"), **fields)


def with_suspects(**fields: Any) -> ReviewContent:
    return content(suspects={SPAN: (suspect(),), GOLDEN: (suspect("g.jpg", boxes=()),)}, **fields)


def record(name: str, boxes: list[list[float]], labels: list[int]) -> ImageRecord:
    sides = np.array(boxes, np.float64).reshape(-1, 4)
    truth = GroundTruth(sides, np.array(labels, np.int64), np.ones(len(labels)), np.zeros(len(labels), np.bool_))
    return ImageRecord(image_id=7, file_name=name, width_px=640, height_px=480, truth=truth, attributes={})


def test_the_coco_file_is_read_by_our_own_reader_and_by_pycocotools(tmp_path: Path) -> None:
    info = dataset_info(class_names=("cat", "dog"), category_ids=(17, 3))
    file = tmp_path / "relabel.json"
    file.write_bytes(relabel_coco([suspect(), suspect("empty.jpg", boxes=())], info, RUN))
    ours = read_truth(file)
    assert ours.file_names == ("a.jpg", "empty.jpg")
    assert (ours.label_map.names, ours.label_map.category_ids) == (("dog", "cat"), (3, 17))
    assert ours.objects.boxes_xywh_px.tolist() == [[10.25, 20.5, 30.0, 40.0], [1.0, 2.0, 3.0, 4.0]]
    assert ours.objects.is_crowd.tolist() == [False, True]
    with contextlib.redirect_stdout(io.StringIO()):
        theirs = COCO(str(file))
    assert [theirs.cats[entry["category_id"]]["name"] for entry in theirs.loadAnns(theirs.getAnnIds(1))] == [
        "cat",
        "dog",
    ]
    assert theirs.getAnnIds(2) == []
    images = json.loads(file.read_bytes())["images"]
    assert (images[0]["doubt"], images[0]["original"]) == ("labels too wide", "file:///d/a.jpg")
    assert [entry.get("doubt") for entry in json.loads(file.read_bytes())["annotations"]] == [None, "missed"]


def test_doubted_are_findings_about_labels_what_the_diagnosis_shows_and_images_that_got_worse() -> None:
    data = DataDecision(
        True,
        (
            SIZES,
            Reason("part:labels:noise", "a", "b", images=("b.jpg",), passed=True, warning=True),
            Reason("labels:offset", "a", "b", images=("passed.jpg",), passed=True),
            Reason("drift:qa/brightness", "a", "b", images=("dark.jpg",)),
        ),
    )
    findings = (
        finding(images=("c.jpg",)),
        finding(CauseState.REFUTED, images=("refuted.jpg",)),
        finding(cause=EVALUATION_SET, detail="", sentence="golden labels are wrong", images=("000001.jpg", "g.jpg")),
    )
    found = doubts(data, diagnosis(findings=findings), analysis())
    assert list(found[SPAN]) == ["a.jpg", "b.jpg", "c.jpg"]
    assert len(found[SPAN]["b.jpg"]) == 2  # of two findings
    assert found[GOLDEN]["g.jpg"] == ("golden labels are wrong",)
    assert found[GOLDEN]["000001.jpg"][1].startswith("the candidate got worse here: ")
    assert "000003.jpg" in found[GOLDEN]


def test_no_more_images_are_doubted_than_a_person_can_look_at() -> None:
    many = Reason("labels:size", "a", "b", images=tuple(f"{number}.jpg" for number in range(MOST_IMAGES + 9)))
    assert len(doubts(DataDecision(True, (many,)), diagnosis(findings=()), None)[SPAN]) == MOST_IMAGES


def test_every_label_of_a_doubted_image_is_kept_and_objects_that_the_candidate_misses_are_marked() -> None:
    lost = next(box for layer in gallery_image().layers if layer.name == "truth" for box in layer.boxes if box.lost)
    x, y, width, height = lost.xywh_px
    names = ("cat", "dog")
    boxes = [[x + 0.004, y, width, height], [1.0, 1.0, 5.0, 5.0]]
    shown = gallery_image()
    image_record = record(shown.file_name, boxes, [names.index(lost.text) + 1, 1])
    found = suspect_images(
        {shown.file_name: ("why",), "gone.jpg": ("why",)},
        {shown.file_name: image_record},
        names,
        of_gallery(analysis(gallery=(shown,))),
        lambda name: f"file:///{name}",
    )
    [image] = found
    assert image.boxes[0].xywh_px == tuple(boxes[0])
    assert [bool(box.why) for box in image.boxes] == [True, False]
    assert image.original == f"file:///{shown.file_name}"


def test_labels_that_the_data_gate_shows_as_wrong_are_marked_and_sound_ones_are_not() -> None:
    def picture(layer: str, *boxes: tuple[float, float, float, float]) -> Picture:
        sound = PictureLayer("detections", ((1.0, 1.0, 5.0, 5.0),))
        return Picture("a.jpg", "", (View(b"", (640, 480), "", (PictureLayer(layer, boxes), sound)),))

    pictures = {
        "part:labels:classes": (picture("labels", (10.1, 20.0, 30.0, 40.0)),),
        "labels:duplicates": (picture("given", (50.0, 60.0, 7.0, 8.0)),),
        "labels:size": (picture("labels", (100.0, 100.0, 9.0, 9.0)),),  # shows all labels, not the wrong ones
    }
    boxes = [[10.14, 20.0, 30.0, 40.0], [50.0, 60.0, 7.0, 8.0], [100.0, 100.0, 9.0, 9.0], [1.0, 1.0, 5.0, 5.0]]
    shown = {"a.jpg": record("a.jpg", boxes, [1, 1, 1, 1])}
    [image] = suspect_images({"a.jpg": ("why",)}, shown, ("cat",), of_pictures(pictures))
    assert [box.why for box in image.boxes] == [
        "the served model sees another class",
        "labels an object that has a label already",
        "",
        "",
    ]


def test_the_csv_has_a_line_an_image_with_its_errors() -> None:
    rows = list(csv.DictReader(io.StringIO(worst_images_csv(analysis()), newline="")))
    assert tuple(rows[0]) == COLUMNS
    assert [row["file_name"] for row in rows] == [image.file_name for image in analysis().gallery]
    assert float(rows[0]["candidate_missed"]) == pytest.approx(gallery_image().errors["candidate"].missed)
    assert float(rows[0]["errors_more"]) == pytest.approx(gallery_image().worse)


@pytest.mark.parametrize(
    "name", ["=HYPERLINK(1)", "+1", "-1", "@SUM(1)", "\t=1", "\r=1", "  =1", 'a",=1\n"=2', "b\u202e"]
)
def test_no_cell_of_the_csv_begins_as_a_formula_and_none_breaks_out(name: str) -> None:
    image = gallery_image(file_name=name, change=name, slices=(name,))
    text = worst_images_csv(analysis(gallery=(image,)))
    head, row = list(csv.reader(io.StringIO(text, newline="")))
    assert len(row) == len(head)
    cells = [cell for title, cell in zip(head, row) if not title.startswith(("errors", "candidate", "baseline"))]
    assert not any(cell.lstrip().startswith(("=", "+", "-", "@")) for cell in cells)
    assert "\u202e" not in text
    assert text.count("\r\n") == 2


def test_the_markdown_says_verdict_cause_figures_and_what_to_do() -> None:
    text = run_markdown(content())
    assert text.startswith("## BLOCKED: span 2 of pets\n")
    assert "**Very likely cause: the new span is labelled in another way: loose boxes.**" in text
    assert "| mAP | 0.7000 | 0.5000 | \u22120.2000 | \u22120.2200 to \u22120.1800 |" in text
    assert text.index("| `dog` |") < text.index("| `cat` |")  # the largest fall first
    assert "- `000000.jpg`: " in text
    assert f"Run `{RUN}`" in text


@pytest.mark.parametrize("shown", [rejected(), bootstrapped(), with_suspects()], ids=["rejected", "first", "doubted"])
def test_every_verdict_can_be_taken_along(shown: ReviewContent) -> None:
    assert run_markdown(shown).startswith(f"## {shown.verdict.value}")
    assert "Copy as Markdown" in exports_links(shown)


def test_attack_strings_stay_text_in_markdown() -> None:
    text = run_markdown(content(pipeline=f"{ATTACK} @team #1 | [a](http://x)", root=ATTACK))
    assert "<script" not in text.replace("`", "")[: text.index("Run")]
    assert "@team" not in text
    assert "[a](" not in text.partition("\n")[0]


def test_only_what_there_is_can_be_downloaded() -> None:
    assert [file.file_name for file in downloads(rejected())] == []
    assert [file.file_name for file in downloads(content())] == ["worst_images.csv"]
    assert [file.file_name for file in downloads(with_suspects())] == [
        "worst_images.csv",
        "relabel_span.json",
        "relabel_golden.json",
    ]


def test_files_are_saved_from_the_page_under_its_policy_and_the_markdown_is_copied(
    open_page: Opener, tmp_path: Path
) -> None:
    shown = with_suspects()
    opened = open_page(review_page(shown))
    opened.page.evaluate("document.querySelector('#take-along details').open = true")
    for file in downloads(shown):
        with opened.page.expect_download() as waiting:
            opened.page.locator(f'a[download="{file.file_name}"]').click()
        assert waiting.value.suggested_filename == file.file_name
        saved = tmp_path / file.file_name
        waiting.value.save_as(saved)
        assert saved.read_bytes() == file.content
    opened.page.get_by_role("button", name="Copy as Markdown").click()
    expect(opened.page.locator("#take-along button.copy")).to_have_text("Copied")
    assert opened.page.evaluate("navigator.clipboard.readText()").strip() == run_markdown(shown).strip()
    assert opened.faults() == []


def test_without_script_the_markdown_can_be_read_and_attack_strings_stay_text(open_page: Opener) -> None:
    hostile = with_suspects(pipeline=ATTACK)
    hostile = dataclasses.replace(hostile, suspects={SPAN: (suspect(ATTACK, original=f"file:///{ATTACK}"),)})
    opened = open_page(review_page(hostile), scripts=False)
    opened.page.locator("#take-along > details > summary").click()
    opened.page.locator("#markdown > summary").click()
    expect(opened.page.locator("#markdown code")).to_contain_text("## BLOCKED")
    expect(opened.page.locator("#take-along button")).to_be_hidden()
    assert opened.page.locator("#take-along img").count() == 0
    assert [*opened.errors, *opened.requests] == []


def test_an_original_is_linked_where_it_lies_and_nothing_outside_of_its_data_set(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "a b#.jpg").touch()
    (tmp_path / "flat.jpg").touch()
    (tmp_path.parent / "outside.jpg").touch()
    assert original_of(str(tmp_path), "a b#.jpg") == (tmp_path / "images" / "a b#.jpg").as_uri()
    assert original_of(str(tmp_path), "flat.jpg") == (tmp_path / "flat.jpg").as_uri()
    for name in ("../outside.jpg", str(tmp_path.parent / "outside.jpg"), "gone.jpg", "\0", "x" * 5000):
        assert original_of(str(tmp_path), name) == ""
    assert original_of("gs://bucket/span-1", "flat.jpg") == ""
