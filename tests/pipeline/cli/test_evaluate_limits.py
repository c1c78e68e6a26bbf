"""`ratchet evaluate` on crowded images: what is not counted is not passed over."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ratchet.pipeline.cli.main import main
from ratchet.schemas.data.columns import DetectionColumns, TruthColumns, rows_of
from tests.components.map_evaluator.test_comparability import found_by, world

OBJECTS, LOST = 160, 60


@pytest.fixture
def crowded(tmp_path: Path) -> list[str]:
    """12 images of 160 objects: the baseline finds all, the candidate loses 60 in each."""
    annotations: list[dict[str, Any]] = []
    for image in range(1, 13):
        for place in range(OBJECTS):
            box = [place % 16 * 40, place // 16 * 40, 30, 30]
            annotations.append(
                {"id": len(annotations) + 1, "image_id": image, "category_id": 1, "bbox": box, "area": 900}
            )
    found = [{**each, "score": 1 - each["id"] / 10_000} for each in annotations]
    lost = [each for place, each in enumerate(found) if place % OBJECTS < OBJECTS - LOST]
    images = [{"id": image, "width": 640, "height": 400} for image in range(1, 13)]
    truth = {"images": images, "categories": [{"id": 1, "name": "pig"}], "annotations": annotations}
    for name, value in (("gt", truth), ("dt", lost), ("base", found)):
        (tmp_path / f"{name}.json").write_text(json.dumps(value), encoding="utf-8")
    return ["--gt", f"{tmp_path}/gt.json", "--dt", f"{tmp_path}/dt.json", "--baseline-dt", f"{tmp_path}/base.json"]


def test_a_loss_beyond_what_counts_is_not_pushed(crowded: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", *crowded]) == 3
    out = capsys.readouterr().out
    assert "BLOCKED" in out
    assert "12 of 12 images hold more, image 1 160 of pig; 720 of 1920 objects are beyond the limit" in out
    assert "set evaluator.max_detections to 200 or more" in out


def test_at_a_limit_that_fits_the_loss_is_measured(crowded: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", *crowded, "--set", "evaluator.max_detections=1000", "--json"]) == 3
    out = json.loads(capsys.readouterr().out)
    assert (out["max_detections"], out["verdict"]) == (1000, "BLOCKED")
    assert out["delta"]["AP"]["value"] == pytest.approx(-0.376, abs=0.001)
    assert out["baseline"]["coco"]["AR1000"] == 1
    assert "AR100" not in out["coco"]
    assert all(not reason["rule"].startswith("trust:max_detections") for reason in out["reasons"])


def two_classes_of(arguments: list[str], most: int | None = None) -> None:
    """Every other object is a cow, and files have at most so many detections of an image."""
    for path in arguments[1::2]:
        document = json.loads(Path(path).read_text())
        entries = document["annotations"] if isinstance(document, dict) else document
        for place, each in enumerate(entries):
            each["category_id"] = 1 + place % 2
        if isinstance(document, dict):
            document["categories"].append({"id": 2, "name": "cow"})
        elif most is not None:
            by_image = [[each for each in entries if each["image_id"] == image] for image in range(1, 13)]
            document = [each for of_image in by_image for each in of_image[:most]]
        Path(path).write_text(json.dumps(document))


def test_what_both_files_were_cut_at_hides_a_loss(crowded: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    two_classes_of(crowded, most=100)  # 80 of each class: none is beyond what counts
    assert main(["evaluate", *crowded]) == 3
    out = capsys.readouterr().out
    assert "trust:max_detections:files: expected at most 100 objects in an image, for no more detections of one" in out
    assert (
        "12 of 12 images hold more, image 1 160 of all classes; 720 of 1920 objects are beyond the limit; write" in out
    )
    assert main(["evaluate", *crowded[:4], "--json"]) == 0  # alone it is a warning
    reasons = {reason["rule"]: reason["warning"] for reason in json.loads(capsys.readouterr().out)["reasons"]}
    assert reasons["trust:max_detections:files"]


def test_where_one_file_has_more_it_is_no_limit_of_both(crowded: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    two_classes_of(crowded)  # the candidate has 100 in each image by its loss
    main(["evaluate", *crowded])
    assert "trust:max_detections:files" not in capsys.readouterr().out


def test_the_text_names_the_limit(crowded: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    main(["evaluate", *crowded, "--set", "evaluator.max_detections=300"])
    out = capsys.readouterr().out
    assert "AR300" in out
    assert "of each image and class the best 300 detections count; COCO takes 100" in out


def test_a_baseline_cut_at_a_score_is_not_replaced_by_a_worse_candidate(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    random = np.random.default_rng(3)
    truth = world(random, images=100, objects=5)
    candidate, baseline = found_by(random, truth, 0.7), found_by(random, truth, 0.75)
    whole = [
        *("--gt", write_truth(tmp_path / "gt.json", truth, 100)),
        *("--dt", write_results(tmp_path / "dt.json", candidate)),
    ]
    uncut = write_results(tmp_path / "uncut.json", baseline)
    cut = write_results(tmp_path / "cut.json", rows_of(baseline, baseline.scores >= 0.5))

    assert main(["evaluate", *whole, "--baseline-dt", uncut, "--json"]) == 3
    assert all(reason["rule"] != "trust:comparable" for reason in last(capsys)["reasons"])
    assert main(["evaluate", *whole, "--baseline-dt", cut, "--json"]) == 3
    result = last(capsys)
    assert [reason["rule"] for reason in result["reasons"] if not reason["passed"]] == ["trust:comparable"]
    assert result["delta"]["AP"]["value"] > 0


def last(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    return json.loads(capsys.readouterr().out)


def write_truth(path: Path, truth: TruthColumns, images: int) -> str:
    rows = zip(truth.image.tolist(), truth.labels.tolist(), truth.boxes_xywh_px.tolist(), strict=True)
    annotations = [
        {"id": place, "image_id": image + 1, "category_id": label, "bbox": box}
        for place, (image, label, box) in enumerate(rows, start=1)
    ]
    categories = [{"id": 1, "name": "cat"}, {"id": 2, "name": "dog"}]
    entries = [{"id": image, "width": 600, "height": 600} for image in range(1, images + 1)]
    path.write_text(json.dumps({"images": entries, "categories": categories, "annotations": annotations}))
    return str(path)


def write_results(path: Path, found: DetectionColumns) -> str:
    columns = (found.image, found.labels, found.boxes_xywh_px, found.scores)
    rows = zip(*(column.tolist() for column in columns), strict=True)
    keys = ("image_id", "category_id", "bbox", "score")
    results = [dict(zip(keys, (image + 1, label, box, score), strict=True)) for image, label, box, score in rows]
    path.write_text(json.dumps(results))
    return str(path)


def test_areas_that_are_fractions_are_replaced_and_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    random = np.random.default_rng(3)
    truth = world(random, images=20, objects=5)
    dt = write_results(tmp_path / "dt.json", found_by(random, truth, 0.7))
    gt = write_truth(tmp_path / "gt.json", truth, 20)
    assert main(["evaluate", "--gt", gt, "--dt", dt, "--json"]) == 0
    expected = last(capsys)
    document = json.loads(Path(gt).read_text())
    for annotation in document["annotations"]:
        annotation["area"] = annotation["bbox"][2] * annotation["bbox"][3] / 600**2
    Path(gt).write_text(json.dumps(document))

    assert main(["evaluate", "--gt", gt, "--dt", dt, "--json"]) == 0

    result = last(capsys)
    assert result["coco"] == expected["coco"]
    [reason] = [reason for reason in result["reasons"] if reason["rule"] == "trust:areas"]
    objects = len(document["annotations"])
    assert f"{objects} of {objects} objects have an area that contradicts their box" in reason["actual"]
    assert all(reason["rule"] != "trust:areas" for reason in expected["reasons"])
