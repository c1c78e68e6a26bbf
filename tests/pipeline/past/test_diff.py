"""Two runs of a root are read, as far as they are still there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ratchet.components.map_evaluator.matches import Collector
from ratchet.pipeline.past.diff import page_name, read_diff
from ratchet.schemas.artifacts.decisions import Decision, Verdict
from ratchet.schemas.artifacts.diagnosis import DIAGNOSIS_FILE, DIAGNOSIS_FORMAT
from ratchet.schemas.artifacts.evaluation import (
    CANDIDATE,
    EVALUATION_FILE,
    EVALUATION_FORMAT,
    GOLDEN,
    MATCHES_FILE,
    DataSetEvaluation,
    Evaluation,
    ModelScores,
    Support,
)
from ratchet.schemas.artifacts.run_files import REQUEST_FILE, RUN_RECORD_FORMAT, RunRecord
from ratchet.schemas.artifacts.training_record import RECORD_FILE, TRAINING_RECORD_FORMAT
from ratchet.schemas.base.errors import InputError
from ratchet.schemas.data.columns import DetectionColumns
from ratchet.schemas.data.dataset import DATASET_FILE, DATASET_FORMAT
from ratchet.schemas.data.records import GroundTruth, ImageRecord
from tests.builders import dataset_info, recorded_decision, training_record
from tests.components.review.content import diagnosis
from tests.pipeline.roots import add_run, add_unfinished, registry_in

IMAGES = 40
OLD, NEW, REJECTED = "span-1-aa-1", "span-2-bb-1", "span-3-cc-1"
"""The first run finds every object, the second none of the first class."""


def _matches(file: Path, found: tuple[int, ...]) -> None:
    """Of a model that finds the objects of these labels in every image, and nothing else."""
    collector = Collector()
    for number in range(IMAGES):
        boxes = np.array([[10.0, 10.0, 50.0, 40.0], [70.0, 20.0, 30.0, 30.0]])
        truth = GroundTruth(boxes, np.array([1, 2]), boxes[:, 2] * boxes[:, 3], np.zeros(2, np.bool_))
        record = ImageRecord(number + 1, f"{number}.jpg", 128, 96, truth)
        rows = [label - 1 for label in found]
        seen = DetectionColumns(
            image=np.zeros(len(rows), np.int64),
            boxes_xywh_px=boxes[rows],
            labels=np.array(found, np.int64),
            scores=np.full(len(rows), 0.9),
        )
        collector.add([record], [b"image"], {CANDIDATE: seen})
    file.parent.mkdir(parents=True)
    collector.finish().save(str(file))


def add_measured(root: Path, run_id: str, number: int, verdict: Verdict, found: tuple[int, ...], **fields: Any) -> None:
    """A run with all that it left."""
    add_run(root, run_id, verdict, number, span=number)
    evaluation, model = (root / "artifacts" / name / str(number) for name in ("evaluation", "model"))
    _matches(evaluation / GOLDEN / MATCHES_FILE, found)
    support = {"cat": Support(IMAGES, IMAGES), "dog": Support(IMAGES, IMAGES)}
    scores = ModelScores({"AP": len(found) / 2}, {})
    measured = DataSetEvaluation(IMAGES, scores, None, None, support, {})
    made = Evaluation(Decision(verdict, ()), {GOLDEN: measured}, "golden")
    (evaluation / EVALUATION_FILE).write_text(EVALUATION_FORMAT.write(made))
    record = training_record(span=number, class_names=("cat", "dog"), steps=100 * number)
    (model / "Format-Serving" / RECORD_FILE).parent.mkdir(parents=True)
    (model / "Format-Serving" / RECORD_FILE).write_text(TRAINING_RECORD_FORMAT.write(record))
    decision = recorded_decision(
        **{"run_id": run_id, "evaluation": str(evaluation), "model": str(model), "golden_digest": "golden"} | fields
    )
    registry_in(root).record_decision(run_id, decision)
    (root / "runs" / run_id / DIAGNOSIS_FILE).write_text(DIAGNOSIS_FORMAT.write(diagnosis()))
    asked = RunRecord(number, {"settings": {"batch": 16 * number, "same": 1}}, None, "", "2030-01-01", "", 1)
    (root / "runs" / run_id / REQUEST_FILE).write_text(RUN_RECORD_FORMAT.write(asked))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    add_measured(tmp_path, OLD, 1, Verdict.PUSHED, (1, 2))
    add_measured(tmp_path, NEW, 2, Verdict.BLOCKED, (2,))
    return tmp_path


def test_the_second_candidate_is_held_against_the_first_image_by_image(root: Path) -> None:
    diff = read_diff(root, "span-1", "span-2")
    assert diff.why_not == ""
    assert diff.delta is not None
    assert diff.delta.value == pytest.approx(-0.5)
    assert diff.delta.hi is not None
    assert diff.delta.hi < -0.4
    first = diff.moved()[0]
    assert (first.name, first.first, first.second) == ("cat", pytest.approx(1.0), pytest.approx(0.0))
    assert next(pair for pair in diff.records if pair.name == "steps taken")[1:] == ("100", "200")
    assert [tuple(pair) for pair in diff.settings()] == [("batch", "16", "32")]
    other = read_diff(root, "span-2", "span-1")
    assert other.delta is not None
    assert other.delta.value == pytest.approx(0.5)


def test_candidates_on_different_golden_sets_are_not_compared(root: Path) -> None:
    add_measured(root, "span-4-dd-1", 4, Verdict.BLOCKED, (2,), golden_digest="another")
    diff = read_diff(root, OLD, "span-4")
    assert diff.delta is None
    assert "different golden sets" in diff.why_not


def test_a_run_that_trained_nothing_has_its_data_and_rules(root: Path) -> None:
    nothing = dict.fromkeys(("map", "baseline_map", "delta", "delta_ci", "model"))
    add_run(root, REJECTED, Verdict.DATA_REJECTED, 3, **nothing)
    for number, version, source in (("9", 1, "early"), ("10", 1, "late"), ("11", 2, "another version")):
        directory = root / "artifacts" / "DetectionExampleGen" / "examples" / number
        directory.mkdir(parents=True)
        info = dataset_info(span=3, version=version, source=source)
        (directory / DATASET_FILE).write_text(DATASET_FORMAT.write(info))
    asked = RunRecord(3, {}, None, "", "2030-01-01", "", 1)
    (root / "runs" / REJECTED / REQUEST_FILE).write_text(RUN_RECORD_FORMAT.write(asked))
    diff = read_diff(root, OLD, REJECTED)
    assert diff.second.data is not None
    assert diff.second.data.source == "late"
    assert f"Run {REJECTED} measured no candidate" in diff.why_not
    assert [pair.name for pair in diff.rules()]


@pytest.mark.parametrize("name", ["evaluation/2/evaluation.json", "model/2/Format-Serving/" + RECORD_FILE])
@pytest.mark.parametrize("content", [None, "", "{", "[]", "\0\xff"])
def test_what_was_pruned_or_spoilt_is_told_and_the_rest_is_shown(root: Path, name: str, content: str | None) -> None:
    file = root / "artifacts" / name
    if content is None:
        file.unlink()
    else:
        file.write_bytes(content.encode("latin-1"))
    diff = read_diff(root, OLD, NEW)
    assert len(diff.second.missing) == 1
    assert NEW in diff.second.missing[0]
    assert diff.overview()[0] == ("verdict", "PUSHED", "BLOCKED")
    if "evaluation" in name:
        assert "is gone" in diff.why_not


@pytest.mark.parametrize("content", [b"", b"PK", b"PK\x03\x04torn", b"\0" * 100])
def test_matches_that_cannot_be_read_are_told(root: Path, content: bytes) -> None:
    (root / "artifacts" / "evaluation" / "2" / GOLDEN / MATCHES_FILE).write_bytes(content)
    diff = read_diff(root, OLD, NEW)
    assert "cannot be compared" in diff.why_not
    assert diff.records


def test_one_run_or_one_that_has_not_ended_is_no_pair(root: Path) -> None:
    with pytest.raises(InputError, match="both are run span-1-aa-1; name two runs"):
        read_diff(root, "span-1", OLD)
    add_unfinished(root, "span-5-ee-1", 5)
    with pytest.raises(InputError, match=r"span-5-ee-1: unfinished, so there is nothing to compare"):
        read_diff(root, OLD, "span-5")
    with pytest.raises(InputError, match="no such run"):
        read_diff(root, OLD, "span-9")


def test_the_name_of_a_page_is_one_that_a_file_may_have(root: Path) -> None:
    assert page_name(read_diff(root, OLD, NEW)) == f"diff-{OLD}-{NEW}.html"
