"""An exported bench: files that know nothing of Ratchet and give nothing away, and answers to them that are scored."""

from __future__ import annotations

import csv
import io
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from PIL import Image

from ratchet.pipeline.bench.answers import read_answers, read_key, score_answers, scored_json, scored_text
from ratchet.pipeline.bench.case_result import (
    CASE_RESULT_FORMAT,
    CASES_DIRECTORY,
    MATERIAL_DIRECTORY,
    CaseResult,
    Group,
    Split,
)
from ratchet.pipeline.bench.export import export_benches
from ratchet.pipeline.bench.leak_tree import listing_of
from ratchet.pipeline.bench.material import keep_material
from ratchet.pipeline.bench.shares import Share
from ratchet.schemas.artifacts.evaluation import BASELINE_FILE, CANDIDATE_FILE, GROUND_TRUTH_FILE
from ratchet.schemas.artifacts.training_record import RECORD_FILE, TRAINING_RECORD_FORMAT, ValidationPoint
from ratchet.schemas.base.errors import InputError, RatchetError, StateError
from tests.builders import coco, coco_annotation, coco_image, training_record
from tests.pipeline.bench.cases import case, outcome, planted

BOX = {"image_id": 1, "category_id": 1, "bbox": [1.0, 2.0, 3.0, 4.0], "score": 0.5}


def document(images: int, labels: int) -> dict[str, Any]:
    return coco(
        images=[
            coco_image(number, file_name=f"camera-7/{number}.jpg", annotator="one") for number in range(1, images + 1)
        ],
        annotations=[coco_annotation(number, 1 + number % images, note="planted") for number in range(1, labels + 1)],
    )


def data_set(directory: Path, images: int = 20, labels: int = 30, light: int = 200) -> Path:
    (directory / "images" / "camera-7").mkdir(parents=True)
    (directory / "annotations.json").write_text(json.dumps(document(images, labels)))
    rng = np.random.default_rng(light)
    for number in range(1, images + 1):
        pixels = rng.integers(0, light, (16, 16, 3), np.uint8)
        Image.fromarray(pixels).save(directory / "images" / "camera-7" / f"{number}.jpg")
    return directory


def run_of(bench: Path, result: CaseResult, **differs: Any) -> None:
    """What a bench keeps of a case."""
    (bench / CASES_DIRECTORY).mkdir(parents=True, exist_ok=True)
    (bench / CASES_DIRECTORY / result.file_name).write_text(CASE_RESULT_FORMAT.write(result))
    bundle = bench / CASES_DIRECTORY / result.number / "bundle"
    golden = bundle / "evaluation" / "golden"
    golden.mkdir(parents=True)
    (golden / GROUND_TRUTH_FILE).write_text(json.dumps(document(20, 30)))
    for name in (CANDIDATE_FILE, BASELINE_FILE):
        (golden / name).write_text(json.dumps([BOX] * differs.get("found", 5)))
    for name in ("candidate", "baseline"):
        record = training_record(
            loss_curve=((0, 1.5), (10, 0.5)),
            validation=(ValidationPoint(0, 0.4, 0.3, 0.5), ValidationPoint(12, 0.6, None, None)),
        )
        path = bundle / name / RECORD_FILE
        path.parent.mkdir(parents=True)
        path.write_text(TRAINING_RECORD_FORMAT.write(record))
    work = bench / "work" / result.number
    sets = {"baseline": data_set(work / "b"), "golden": data_set(work / "g")}
    sets["candidate"] = data_set(work / "c", labels=differs.get("labels", 30), light=differs.get("light", 200))
    keep_material(bench / MATERIAL_DIRECTORY / result.number, sets)


@pytest.fixture
def bench(tmp_path: Path) -> Path:
    directory = tmp_path / "bench"
    said = outcome("annotation:loose_boxes", "forgetting")
    run_of(directory, case(1, said=said, planted=(planted("annotation:loose_boxes"),)), labels=5)
    run_of(directory, case(2, Group.CONTROL, 0.0, said=outcome("nothing_to_explain")))
    run_of(directory, case(3, planted=(planted("dataset_shift"),), blind=True), light=20, found=90)
    run_of(directory, case(4, split=Split.CALIBRATION, planted=(planted("forgetting"),), seed=99))
    return directory


def key_of(out: Path) -> dict[str, Any]:
    return {each.case: each for each in read_key(out / "key.json").cases}


def case_with(out: Path, accepted: str) -> Path:
    [number] = [number for number, each in key_of(out).items() if each.accepted and accepted in each.accepted[0]]
    return out / "cases" / number


def test_a_case_is_files_that_know_nothing_of_ratchet(bench: Path, tmp_path: Path) -> None:
    done = export_benches([bench], tmp_path / "out")
    assert (done.cases, done.left_out) == (4, 0)
    directory = case_with(tmp_path / "out", "annotation:loose_boxes")
    names = {path.name for path in directory.iterdir()}
    sides = {
        f"{side}{end}"
        for side in ("baseline", "candidate")
        for end in (".yaml", "_log.csv", "_detections.json", "_labels.json")
    }
    assert names == {"golden.json", "images", *sides}
    assert len(list((directory / "images" / "candidate").iterdir())) == 12
    text = b"".join(path.read_bytes() for path in directory.rglob("*.*") if path.suffix != ".jpg").decode().lower()
    assert not re.search("ratchet|camera|annotator|planted|loose|source", text)


def test_labels_are_those_of_the_training_and_name_the_images_that_are_there(bench: Path, tmp_path: Path) -> None:
    export_benches([bench], tmp_path / "out")
    directory = case_with(tmp_path / "out", "annotation:loose_boxes")
    labels = json.loads((directory / "candidate_labels.json").read_text())
    assert len(labels["annotations"]) == 5
    assert len(json.loads((directory / "baseline_labels.json").read_text())["annotations"]) == 30
    known = {entry["file_name"] for entry in labels["images"]}
    assert {path.name for path in (directory / "images" / "candidate").iterdir()} < known
    with Image.open(next((directory / "images" / "candidate").iterdir())) as image:
        assert image.convert("RGB").size == (16, 16)


def test_configuration_and_log_can_be_read_as_what_they_are(bench: Path, tmp_path: Path) -> None:
    export_benches([bench], tmp_path / "out")
    directory = case_with(tmp_path / "out", "forgetting")
    settings = yaml.safe_load((directory / "candidate.yaml").read_text())
    assert settings["learning_rate"]["peak"] == training_record().learning_rate.peak
    rows = list(csv.DictReader(io.StringIO((directory / "candidate_log.csv").read_text())))
    assert [(row["step"], row["loss"], row["validation_map"]) for row in rows] == [
        ("0", "1.5", "0.4"),
        ("10", "0.5", ""),
        ("12", "", "0.6"),
    ]


def test_a_list_of_the_files_is_the_same_for_every_case(bench: Path, tmp_path: Path) -> None:
    done = export_benches([bench], tmp_path / "out")
    listings = [listing_of(tmp_path / "out" / "cases" / number) for number in key_of(tmp_path / "out")]
    assert all(listing == listings[0] for listing in listings)
    assert not done.leak.leaks


def shifted(document: dict[str, Any], boxes: float = 0.0, ids: int = 0) -> dict[str, Any]:
    """A data set whose boxes were edited, or that was exchanged for another one."""
    annotations = [
        {**box, "bbox": [box["bbox"][0] + boxes, *box["bbox"][1:]], "image_id": box["image_id"] + ids}
        for box in document["annotations"]
    ]
    images = [{**entry, "id": entry["id"] + ids} for entry in document["images"]]
    return {**document, "images": images, "annotations": annotations}


def test_neither_fractions_of_boxes_nor_ids_tell_what_was_edited_or_exchanged(tmp_path: Path) -> None:
    bench = tmp_path / "bench"
    run_of(bench, case(1, planted=(planted("annotation"),)))
    for side, moved in (("candidate", 2.3), ("baseline", 0.0)):
        clean = document(20, 30)
        clean["annotations"] = [{**box, "bbox": [10.0, 5.0, 20.0, 30.0]} for box in clean["annotations"]]
        labels = bench / MATERIAL_DIRECTORY / "001" / side / "annotations.json"
        labels.write_text(json.dumps(shifted(clean, boxes=moved)))
    golden = bench / CASES_DIRECTORY / "001" / "bundle" / "evaluation" / "golden"
    (golden / GROUND_TRUTH_FILE).write_text(json.dumps(shifted(document(20, 30), ids=400)))
    for name in (CANDIDATE_FILE, BASELINE_FILE):
        (golden / name).write_text(json.dumps([{**BOX, "image_id": 401}]))
    export_benches([bench], tmp_path / "out")
    directory = tmp_path / "out" / "cases" / "001"
    edited, before = (json.loads((directory / f"{side}_labels.json").read_text()) for side in ("candidate", "baseline"))
    moves = {new["bbox"][0] - old["bbox"][0] for new, old in zip(edited["annotations"], before["annotations"])}
    assert moves == {2.0}
    truth = json.loads((directory / "golden.json").read_text())
    assert [entry["id"] for entry in truth["images"]] == list(range(1, 21))
    assert {box["image_id"] for box in truth["annotations"]} <= set(range(1, 21))
    assert json.loads((directory / "candidate_detections.json").read_text())[0]["image_id"] == 1


def test_boxes_of_a_world_that_has_fractions_keep_them(tmp_path: Path) -> None:
    run_of(tmp_path / "bench", case(1))  # at 10.5
    export_benches([tmp_path / "bench"], tmp_path / "out")
    exported = json.loads((tmp_path / "out" / "cases" / "001" / "candidate_labels.json").read_text())
    assert {box["bbox"][0] for box in exported["annotations"]} == {10.5}


def test_numbers_say_nothing_and_are_the_same_every_time(bench: Path, tmp_path: Path) -> None:
    for name in ("one", "two"):
        export_benches([bench], tmp_path / name)
    assert key_of(tmp_path / "one") == key_of(tmp_path / "two")
    assert set(key_of(tmp_path / "one")) == {"001", "002", "003", "004"}


def test_only_the_answers_of_calibration_are_handed_out(bench: Path, tmp_path: Path) -> None:
    export_benches([bench], tmp_path / "out")
    given = read_key(tmp_path / "out" / "cases" / "calibration.json").cases
    assert [each.accepted for each in given] == [(("forgetting",),)]
    readme = (tmp_path / "out" / "cases" / "README.md").read_text()
    assert "those that are asked for are `annotation:loose_boxes`." in readme
    assert "Answer each case from its own directory alone." in readme
    blind = next(number for number, each in key_of(tmp_path / "out").items() if each.blind)
    assert f"cases, {blind}, the configuration" in readme


def test_an_export_of_calibration_cases_alone_says_that_nothing_of_it_is_scored(tmp_path: Path) -> None:
    run_of(tmp_path / "bench", case(4, split=Split.CALIBRATION, planted=(planted("forgetting"),)))
    done = export_benches([tmp_path / "bench"], tmp_path / "out")
    assert "all are calibration cases, whose answers are in cases/calibration.json" in done.to_text(tmp_path / "out")
    assert "none is asked for here" in (tmp_path / "out" / "cases" / "README.md").read_text()


def test_the_products_own_answers_are_scored_as_anybody_elses(bench: Path, tmp_path: Path) -> None:
    export_benches([bench], tmp_path / "out")
    files = [tmp_path / "out" / f"answers-{mode}.json" for mode in ("observing", "enforcing")]
    scored = score_answers(read_key(tmp_path / "out" / "key.json"), files)
    assert [each.title for each in scored] == ["score", "score, blind"]
    assert [each.rows[0].scores.first for each in scored] == [Share(1, 1), Share(0, 1)]
    assert scored[0].rows[0].scores.detail == Share(1, 1)
    assert scored[0].counts == {"fault": 1, "harmless": 1}
    assert "1 of 1" in scored_text(scored)
    assert scored_json(scored)["score"]["rows"][str(files[0])]["first"]["hits"] == 1


def test_cases_without_an_answer_count_as_unknown_and_are_told(bench: Path, tmp_path: Path) -> None:
    export_benches([bench], tmp_path / "out")
    mine = tmp_path / "mine.json"
    mine.write_text("[]")
    scored = score_answers(read_key(tmp_path / "out" / "key.json"), [mine])
    assert scored[0].rows[0].scores.first == Share(0, 1)
    assert len(scored[0].unanswered[str(mine)]) == 2
    assert 'no answer to 2 cases, which count as "unknown"' in scored_text(scored)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is not JSON .*; write a list such as"),
        ("{}", r"\{\} is no list of answers; write"),
        ('["001"]', "answer 1: '001' names no case; write"),
        ('[{"ranking": ["annotation"]}]', "answer 1: .* names no case"),
        ('[{"case": 1, "ranking": ["annotation"]}]', 'answer 1: case = 1: must be a text, "001" and not 1'),
        ('[{"case": "900", "ranking": ["annotation"]}]', "case 900: is not in the key; cases are 001 to 004"),
        ('[{"case": "001"}]', "case 001: ranking is missing: must be a list of causes"),
        ('[{"case": "001", "ranking": []}]', r"case 001: ranking is \[\]: must be a list"),
        ('[{"case": "001", "ranking": "annotation"}]', "case 001: ranking is 'annotation': must be a list"),
        ('[{"case": "001", "ranking": [1]}]', "case 001: ranking is .*: must be a list"),
        ('[{"case": "001", "ranking": ["labels"]}]', "case 001: 'labels' is no cause; causes are overfitting, "),
        (
            '[{"case": "001", "ranking": ["unknown"]}, {"case": "001", "ranking": ["unknown"]}]',
            "case 001: is answered twice; leave one",
        ),
    ],
)
def test_a_malformed_answer_is_refused_with_its_case_and_what_to_write(
    bench: Path, tmp_path: Path, text: str, message: str
) -> None:
    export_benches([bench], tmp_path / "out")
    mine = tmp_path / "mine.json"
    mine.write_text(text)
    with pytest.raises(InputError, match=message) as caught:
        read_answers(mine, read_key(tmp_path / "out" / "key.json").cases)
    assert str(caught.value).startswith(str(mine))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("ranking", [["unknown"], ["nothing_to_explain"], ["annotation:anything", "forgetting"]])
def test_every_cause_and_any_detail_is_an_answer(bench: Path, tmp_path: Path, ranking: list[str]) -> None:
    export_benches([bench], tmp_path / "out")
    mine = tmp_path / "mine.json"
    mine.write_text(json.dumps([{"case": "002", "ranking": ranking, "confidence": 0.3}]))
    assert read_answers(mine, read_key(tmp_path / "out" / "key.json").cases) == {"002": tuple(ranking)}


def test_a_missing_or_foreign_key_is_refused(tmp_path: Path) -> None:
    with pytest.raises(
        InputError, match=r"key\.json: cannot be read \(No such file or directory\); give the key\.json"
    ):
        read_key(tmp_path / "key.json")
    (tmp_path / "key.json").write_text("[]")
    with pytest.raises(StateError, match="not the key of an exported bench"):
        read_key(tmp_path / "key.json")


def test_cases_that_failed_or_kept_nothing_are_left_out(bench: Path, tmp_path: Path) -> None:
    (bench / CASES_DIRECTORY / "005-1.json").write_text(CASE_RESULT_FORMAT.write(case(5)))
    run_of(bench, case(6, error="the training failed"))
    done = export_benches([bench], tmp_path / "out")
    assert (done.cases, done.left_out) == (4, 2)
    assert "4 cases in" in done.to_text(tmp_path / "out")
    assert "2 cases left out, without files to be judged by" in done.to_text(tmp_path / "out")


def test_an_export_is_whole_or_not_there_and_overwrites_nothing(bench: Path, tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine").write_text("")
    with pytest.raises(InputError, match="exists and is not empty"):
        export_benches([bench], tmp_path / "full")
    (bench / CASES_DIRECTORY / "001" / "bundle" / "candidate" / RECORD_FILE).write_text("torn")
    with pytest.raises(RatchetError):
        export_benches([bench], tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_bench_of_which_nothing_can_be_exported_is_refused(tmp_path: Path) -> None:
    (tmp_path / CASES_DIRECTORY).mkdir()
    (tmp_path / CASES_DIRECTORY / "001-1.json").write_text(CASE_RESULT_FORMAT.write(case(1)))
    with pytest.raises(InputError, match="no case has what others would judge it by; run the bench again"):
        export_benches([tmp_path], tmp_path / "out")


def test_what_is_not_in_coco_form_is_not_kept(tmp_path: Path) -> None:
    (tmp_path / "voc").mkdir()
    keep_material(tmp_path / "kept", {"baseline": tmp_path / "voc", "candidate": data_set(tmp_path / "c")})
    assert [path.name for path in (tmp_path / "kept").iterdir()] == ["candidate"]
    assert len(list((tmp_path / "kept" / "candidate" / "images").rglob("*.jpg"))) == 12
