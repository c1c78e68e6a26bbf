"""Mistakes with files that change no figure: told as warnings, in every output of `ratchet evaluate`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ratchet.components.map_evaluator.evaluate_files import EvaluatedFiles, evaluate_files
from ratchet.components.map_evaluator.settings import EvaluatorSettings
from ratchet.components.pages.file_words import FILE_WORDS
from ratchet.pipeline.cli.main import main
from ratchet.schemas.artifacts.decisions import Reason, Verdict
from tests.builders import coco, coco_annotation, coco_image

IMAGES = 40
Entry = dict[str, Any]


def write(path: Path, value: Any) -> Path:
    path.write_text(json.dumps(value))
    return path


@pytest.fixture
def truth(tmp_path: Path) -> Path:
    dice = np.random.default_rng(0)
    annotations = [
        coco_annotation(place, place % IMAGES + 1, bbox=[*dice.uniform(0, 20, 2), *dice.uniform(10, 28, 2)])
        for place in range(2 * IMAGES)
    ]
    for annotation in annotations:
        del annotation["area"]
    images = [coco_image(place + 1) for place in range(IMAGES)]
    return write(tmp_path / "g.json", coco(images=images, annotations=annotations))


def found(truth: Path, offset_px: float = 0.5) -> list[Entry]:
    """Every object, with scores that are none's copies."""
    objects = json.loads(truth.read_text())["annotations"]
    dice = np.random.default_rng(1)
    return [
        {
            "image_id": each["image_id"],
            "category_id": each["category_id"],
            "bbox": [each["bbox"][0] + offset_px * float(dice.uniform(0.5, 1)), *each["bbox"][1:]],
            "score": float(dice.uniform(0.3, 1)),
        }
        for each in objects
    ]


def evaluated(truth: Path, candidate: list[Entry], baseline: list[Entry] | None, **settings: Any) -> EvaluatedFiles:
    files = [
        write(truth.parent / f"{name}.json", entries)
        for name, entries in (("c", candidate), ("b", baseline))
        if entries is not None
    ]
    return evaluate_files(truth, files[0], files[1] if len(files) > 1 else None, EvaluatorSettings(**settings))


def doubts(result: EvaluatedFiles) -> dict[str, Reason]:
    return {reason.rule: reason for reason in result.decision.warnings}


def test_a_baseline_that_measures_next_to_nothing_is_a_warning(truth: Path) -> None:
    elsewhere = found(truth, offset_px=40)
    result = evaluated(truth, found(truth), elsewhere)
    assert result.decision.verdict is Verdict.PUSHED
    told = doubts(result)["trust:baseline"].sentence
    assert told.startswith(
        "trust:baseline: expected a baseline with an mAP of at least 0.01 (evaluator.min_map); found 0"
    )
    assert "a wrong file, boxes in another form and classes in another order look like this" in told
    assert "trust:baseline" not in doubts(evaluated(truth, found(truth), elsewhere, min_map=None))
    assert "trust:baseline" not in doubts(evaluated(truth, elsewhere, found(truth)))
    assert "trust:baseline" not in doubts(evaluated(truth, elsewhere, None))


def with_false_alarms(entries: list[Entry], count: int = 200) -> list[Entry]:
    """Ever more of ever lower scores, as detectors have."""
    scores = np.random.default_rng(2).exponential(0.1, count)
    alarms = [{**entries[place % len(entries)], "bbox": [60, 40, 3 + place, 3]} for place in range(count)]
    return entries + [alarm | {"score": float(min(score, 1))} for alarm, score in zip(alarms, scores)]


def cut(entries: list[Entry], least: float) -> list[Entry]:
    return [entry for entry in entries if entry["score"] >= least]


@pytest.mark.parametrize("least", [0.15, 0.25, 0.5])
def test_scores_that_end_as_if_cut_are_told_of_one_model_and_of_both(truth: Path, least: float) -> None:
    whole = with_false_alarms(found(truth))
    other = [entry | {"score": entry["score"] * 0.99} for entry in whole]
    assert "trust:scores" not in doubts(evaluated(truth, whole, other))
    alone = doubts(evaluated(truth, cut(whole, least), None))["trust:scores"]
    assert alone.actual.startswith(f"the candidate has no score below {least:.2f}"[:-1])
    both = doubts(evaluated(truth, cut(whole, least), cut(other, least)))["trust:scores"]
    assert "the candidate has no score below" in both.actual
    assert "the baseline has no score below" in both.actual


def test_scores_that_no_tool_cuts_at_or_that_say_nothing_are_no_cut(truth: Path) -> None:
    whole = with_false_alarms(found(truth))
    assert "trust:scores" not in doubts(evaluated(truth, cut(whole, 0.05), None))
    assert "trust:scores" not in doubts(evaluated(truth, [entry | {"score": 1.0} for entry in whole], None))
    assert "trust:scores" not in doubts(evaluated(truth, cut(whole, 0.5)[:15], None))
    assert "trust:scores" not in doubts(evaluated(truth, [], whole))


def test_the_same_detections_twice_are_a_warning(truth: Path) -> None:
    entries = found(truth)
    for other in (entries, entries[::-1]):
        result = evaluated(truth, entries, other)
        assert result.decision.verdict is Verdict.PUSHED
        assert "the same 80 detections in both" in doubts(result)["trust:same_detections"].actual


@pytest.mark.parametrize("change", [{"score": 0.31}, {"category_id": 7}, {"bbox": [1, 2, 30, 30]}, {"image_id": 9}])
def test_one_other_detection_makes_another_model(truth: Path, change: Entry) -> None:
    entries = found(truth)
    assert "trust:same_detections" not in doubts(evaluated(truth, entries, [entries[0] | change, *entries[1:]]))
    assert "trust:same_detections" not in doubts(evaluated(truth, entries, entries[1:]))
    assert "trust:same_detections" not in doubts(evaluated(truth, entries, None))


def test_annotations_that_share_an_id_are_a_warning_and_count(truth: Path) -> None:
    before = evaluated(truth, found(truth), None)
    assert "trust:annotation_ids" not in doubts(before)
    document = json.loads(truth.read_text())
    for place, key in ((5, 3), (9, 3), (11, 2)):
        document["annotations"][place]["id"] = key
    write(truth, document)
    after = evaluated(truth, found(truth), None)
    told = doubts(after)["trust:annotation_ids"].actual
    assert told.startswith(
        "3 annotations of 80 with an id that an earlier one has, the first 3 of annotations[3] and annotations[5]"
    )
    assert after.scored == before.scored


def test_annotations_without_ids_are_no_matter(truth: Path) -> None:
    document = json.loads(truth.read_text())
    for annotation, key in zip(document["annotations"], [None, None, [1], [1], 1.5, True, 1]):
        annotation["id"] = key
    for annotation in document["annotations"][7:]:
        del annotation["id"]
    write(truth, document)
    assert "trust:annotation_ids" not in doubts(evaluated(truth, found(truth), None))


def test_warnings_are_in_every_output(truth: Path, capsys: pytest.CaptureFixture[str]) -> None:
    entries = write(truth.parent / "c.json", found(truth))
    files = ["evaluate", "--gt", str(truth), "--dt", str(entries), "--baseline-dt", str(entries)]
    report = truth.parent / "report"
    assert main([*files, "--report", str(report)]) == 0
    assert "  warning: trust:same_detections: expected" in capsys.readouterr().out
    assert main([*files, "--json"]) == 0
    reasons = {reason["rule"]: reason for reason in json.loads(capsys.readouterr().out)["reasons"]}
    assert reasons["trust:same_detections"]["warning"]
    assert "same_detections" in (report / "summary.md").read_text()
    [page] = report.glob("*.html")
    assert FILE_WORDS["trust:same_detections"].title in page.read_text() or "trust:same_detections" in page.read_text()
    junit = (report / "junit.xml").read_text()
    assert '<skipped message="warning: trust:same_detections: expected' in junit
