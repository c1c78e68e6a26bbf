"""The records of a run as they lie on disk: all of them read, and none of them able to make a diagnosis raise."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from components.diagnosis.reading import RunPlaces, diagnosis_at, read_bundle
from schemas.artifacts.data_evidence import DATA_DECISION_FORMAT, EVIDENCE_FORMAT
from schemas.artifacts.decisions import Verdict
from schemas.artifacts.diagnosis import DIAGNOSIS_FORMAT, UNKNOWN, DiagnosisState
from schemas.artifacts.evaluation import EVALUATION_FORMAT
from schemas.artifacts.golden_boxes import BOXES_FILE
from schemas.artifacts.training_record import RECORD_FILE, TRAINING_RECORD_FORMAT
from schemas.base.errors import StateError
from schemas.base.files import LOCAL_FILES
from tests.components.diagnosis.bundles import bundle

NAMES = ("decision", "candidate", "baseline", "evaluation")


@pytest.fixture
def places(tmp_path: Path) -> RunPlaces:
    """A clean retraining, written as its steps write it."""
    made = bundle()
    assert made.candidate is not None
    assert made.baseline is not None
    assert made.evaluation is not None
    assert made.golden is not None
    texts = {
        "decision/decision.json": DATA_DECISION_FORMAT.write(made.data),
        "decision/evidence.json": EVIDENCE_FORMAT.write(made.evidence),
        f"candidate/{RECORD_FILE}": TRAINING_RECORD_FORMAT.write(made.candidate),
        f"baseline/{RECORD_FILE}": TRAINING_RECORD_FORMAT.write(made.baseline),
        "evaluation/evaluation.json": EVALUATION_FORMAT.write(made.evaluation),
    }
    for name, text in texts.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    boxes = tmp_path / "evaluation" / "golden" / BOXES_FILE
    boxes.parent.mkdir()
    boxes.write_bytes(made.golden.to_bytes())
    return RunPlaces(*(str(tmp_path / name) for name in NAMES))


def test_a_bundle_holds_what_the_steps_wrote(places: RunPlaces) -> None:
    found, made = read_bundle(places, LOCAL_FILES), bundle()
    assert (found.verdict, found.data, found.evidence) == (made.verdict, made.data, made.evidence)
    assert (found.candidate, found.baseline, found.evaluation) == (made.candidate, made.baseline, made.evaluation)
    assert found.golden is not None
    assert made.golden is not None
    assert found.golden.file_names == made.golden.file_names
    np.testing.assert_array_equal(found.golden.truth.boxes_xywh_px, made.golden.truth.boxes_xywh_px)


def test_of_a_rejected_span_there_is_what_the_data_gate_wrote(places: RunPlaces) -> None:
    found = read_bundle(RunPlaces(places.decision, baseline=places.baseline), LOCAL_FILES)
    assert found.verdict is Verdict.DATA_REJECTED
    assert (found.candidate, found.evaluation, found.golden) == (None, None, None)
    assert found.baseline == bundle().baseline


def test_a_first_model_has_no_baseline(places: RunPlaces) -> None:
    found = read_bundle(RunPlaces(places.decision, places.candidate, None, places.evaluation), LOCAL_FILES)
    assert found.baseline is None
    assert found.candidate == bundle().candidate


def test_a_missing_record_is_an_error_of_the_reader_and_a_failed_diagnosis(places: RunPlaces) -> None:
    (Path(str(places.candidate)) / RECORD_FILE).unlink()
    with pytest.raises(StateError, match="training record"):
        read_bundle(places, LOCAL_FILES)
    cause = diagnosis_at(places, LOCAL_FILES).cause
    assert (cause.name, cause.state) == (UNKNOWN, DiagnosisState.FAILED)
    assert "training record" in cause.sentence


@pytest.mark.parametrize("name", ["decision.json", "evidence.json", "evaluation.json", BOXES_FILE, "record"])
def test_a_torn_file_is_a_failed_diagnosis_that_names_it(places: RunPlaces, name: str) -> None:
    name = Path(RECORD_FILE).name if name == "record" else name
    [path, *_] = sorted(Path(places.decision).parent.rglob(name))
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    found = diagnosis_at(places, LOCAL_FILES)
    assert found.cause.state is DiagnosisState.FAILED
    assert name in found.cause.sentence


ODD: tuple[Any, ...] = (None, 0, -1, 1e308, float("nan"), "", "x" * 1000, [], {}, True, [[]], -0.5)


def mutated(values: Any, chance: random.Random) -> Any:
    """The values with one of them, somewhere, replaced, taken out or repeated."""
    if isinstance(values, dict) and values:
        name = chance.choice(sorted(values))
        if chance.random() < 0.2:
            return {key: value for key, value in values.items() if key != name}
        return {**values, name: mutated(values[name], chance)}
    if isinstance(values, list) and values:
        place = chance.randrange(len(values))
        if chance.random() < 0.2:
            return values[:place] + values[place + 1 :] if chance.random() < 0.5 else values * 2
        return [*values[:place], mutated(values[place], chance), *values[place + 1 :]]
    return chance.choice(ODD)


def test_a_thousand_mutated_records_end_in_a_diagnosis_that_can_be_written(places: RunPlaces) -> None:
    chance, files = random.Random(0), sorted(Path(places.decision).parent.rglob("*.json"))
    texts = {path: path.read_text() for path in files}
    states = set()
    for _ in range(1000):
        path = chance.choice(files)
        path.write_text(json.dumps(mutated(json.loads(texts[path]), chance)))
        found = diagnosis_at(places, LOCAL_FILES)
        path.write_text(texts[path])
        states.add(found.cause.state)
        assert DIAGNOSIS_FORMAT.read(DIAGNOSIS_FORMAT.write(found), "diagnosis.json") == found
    assert DiagnosisState.FAILED in states
    assert len(states) > 1
