"""Directories of JSON results become the columns of the same results in one file, or one error that says why not."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from ratchet.components.coco.image_keys import Reading
from ratchet.components.coco.reading import CocoAnnotations, read_truth
from ratchet.components.coco.results import read_results
from ratchet.components.map_evaluator.evaluate_files import evaluate_files
from ratchet.components.map_evaluator.settings import EvaluatorSettings
from ratchet.pipeline.report.report import Report
from ratchet.schemas.base.errors import DataError
from ratchet.schemas.data.columns import DetectionColumns
from tests.builders import coco, coco_annotation, coco_image

BOX, CORNERS = [10.5, 5.25, 20.0, 30.0], [10.5, 5.25, 30.5, 35.25]
NAMES = ("cat", "dog", "bird")


def truth_of(path: Path, *names: str) -> CocoAnnotations:
    """Images of these names with ids from 7 on, and categories 3, 5 and 9."""
    images = [coco_image(7 + place, file_name=name) for place, name in enumerate(names or ("a.jpg", "b.jpg"))]
    categories = [{"id": number, "name": name} for number, name in zip((3, 5, 9), NAMES)]
    annotations = [coco_annotation(place, image["id"], bbox=BOX) for place, image in enumerate(images, 1)]
    (path / "g.json").write_text(json.dumps(coco(images=images, categories=categories, annotations=annotations)))
    return read_truth(path / "g.json")


def entry(image_id: Any, category_id: int = 3, **fields: Any) -> dict[str, Any]:
    return {"image_id": image_id, "category_id": category_id, "bbox": BOX, "score": 0.5} | fields


def write(path: Path, documents: Mapping[str, Any]) -> Path:
    directory = path / "dt"
    for name, document in documents.items():
        (directory / name).parent.mkdir(parents=True, exist_ok=True)
        (directory / name).write_text(document if isinstance(document, str) else json.dumps(document))
    return directory


def read(
    path: Path, documents: Mapping[str, Any], truth: CocoAnnotations | None = None, preferred: Reading | None = None
) -> DetectionColumns:
    return read_results(write(path, documents), truth or truth_of(path), preferred)


def rows(found: DetectionColumns) -> list[tuple[int, int, float, list[float]]]:
    return list(zip(found.image.tolist(), found.labels.tolist(), found.scores.tolist(), found.boxes_xywh_px.tolist()))


def refusal(path: Path, documents: Mapping[str, Any], truth: CocoAnnotations | None = None) -> str:
    with pytest.raises(DataError) as caught:
        read(path, documents, truth)
    assert str(caught.value).startswith(str(path / "dt"))
    return str(caught.value).removeprefix(str(path / "dt")).lstrip("/: ")


def test_files_of_parts_are_read_in_the_order_of_their_names(tmp_path: Path) -> None:
    documents = {
        "rank1.json": [entry(8, score=0.1)],
        "rank0.json": [entry(7, 9, score=0.9)],
        "rank2.json": [],
        "sub/rank3.json": {"annotations": [entry(7, 5, score=0.2)]},
    }
    assert rows(read(tmp_path, documents)) == [(0, 3, 0.9, BOX), (1, 1, 0.1, BOX), (0, 2, 0.2, BOX)]


def test_a_file_an_image_is_of_the_image_that_it_is_named_after(tmp_path: Path) -> None:
    of_image = {"boxes": [CORNERS], "labels": [5], "scores": [0.5]}
    assert rows(read(tmp_path, {"b.json": of_image})) == [(1, 2, 0.5, BOX)]
    assert rows(read(tmp_path, {"b.json": of_image | {"image_id": 7}})) == [(0, 2, 0.5, BOX)]


def test_labels_beside_bboxes_count_from_0_as_mmdetection_writes_them(tmp_path: Path) -> None:
    of_image = {"labels": [2, 0], "scores": [0.5, 0.25], "bboxes": [CORNERS, CORNERS]}
    found = read(tmp_path, {"preds/a.json": of_image, "preds/b.json": {"labels": [], "scores": [], "bboxes": []}})
    assert rows(found) == [(0, 3, 0.5, BOX), (0, 1, 0.25, BOX)]
    assert "a.json: labels[0] 3 must be an integer, 0..2" in refusal(
        tmp_path, {"preds/a.json": of_image | {"labels": [3, 0]}}
    )


def test_names_of_files_are_names_of_images_before_they_are_ids(tmp_path: Path) -> None:
    truth = truth_of(tmp_path, "8.jpg", "7.jpg")
    documents = {"7.json": {"boxes": [CORNERS], "labels": [5], "scores": [0.5]}}
    assert read(tmp_path, documents, truth).image.tolist() == [1]
    assert read(tmp_path, documents, truth, "id").image.tolist() == [0]


def test_one_class_of_an_image_in_two_files_is_refused(tmp_path: Path) -> None:
    told = refusal(tmp_path, {"old.json": [entry(7), entry(8, 5)], "new.json": [entry(8), entry(8, 5)]})
    assert told.startswith("'new.json' and 'old.json' both hold detections of class 'dog' in image 8")
    assert len(read(tmp_path, {"old.json": [entry(7)], "new.json": [entry(7, 5)]}).scores) == 2


@pytest.mark.parametrize(
    ("document", "told"),
    [
        ([entry(7), entry(99)], "z.json: detections[1] (image 99): image_id 99 is not among the 2 images"),
        ([entry(7, 4)], "z.json: detections[0] (image 7 'a.jpg'): category_id 4 is not among the 3 categories"),
        ({"images": [], "annotations": []}, "z.json: expected a JSON list of detections, got an object"),
        ("{", "z.json: broken JSON"),
        ([entry(7, score=None)], "z.json: detections[0] (image 7 'a.jpg'): score None must be a finite number"),
    ],
)
def test_what_is_wrong_is_named_with_its_file(tmp_path: Path, document: Any, told: str) -> None:
    assert refusal(tmp_path, {"a.json": [entry(8)], "z.json": document}).startswith(told)


def test_texts_beside_json_files_are_two_readings(tmp_path: Path) -> None:
    told = refusal(tmp_path, {"predictions.json": [entry(7)], "labels/a.txt": "0 .5 .5 .1 .1 .9\n"})
    directory = tmp_path / "dt"
    assert f"give {directory}/labels for the texts, or {directory}/predictions.json for a JSON file" in told
    assert len(read_results(directory / "labels", truth_of(tmp_path)).scores) == 1


def test_what_systems_leave_behind_is_passed_over(tmp_path: Path) -> None:
    documents = {"a.json": [entry(7)], "._a.json": "\0", ".ipynb_checkpoints/a.json": "x", "@eaDir/a.json": "x"}
    assert len(read(tmp_path, documents).scores) == 1


def test_an_evaluation_of_a_directory_is_that_of_one_file_and_its_page_has_its_digest(tmp_path: Path) -> None:
    truth_of(tmp_path)
    entries = [entry(7, score=0.9), entry(8, score=0.8, bbox=[1.0, 1.0, 5.0, 5.0])]
    (tmp_path / "d.json").write_text(json.dumps(entries))
    directory = write(tmp_path, {"0.json": entries[:1], "1.json": entries[1:]})
    gt, settings = tmp_path / "g.json", EvaluatorSettings()
    evaluated = evaluate_files(gt, directory, directory, settings)
    assert (
        evaluated.scored.candidate.coco == evaluate_files(gt, tmp_path / "d.json", None, settings).scored.candidate.coco
    )
    page = Report.prepare(tmp_path / "report", None, "ratchet evaluate").write(evaluated, gt, directory, directory, {})
    assert "2 detections" in page.read_text()
