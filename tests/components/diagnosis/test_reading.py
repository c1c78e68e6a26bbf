"""The records of a run as they lie on disk: all of them read, and none of them able to make a diagnosis raise."""

from __future__ import annotations

from pathlib import Path
from typing import IO, Any

import numpy as np
import pytest

from ratchet.components.diagnosis.bundle import Bundle
from ratchet.components.diagnosis.reading import RunPlaces, diagnosis_at, read_bundle
from ratchet.schemas.artifacts.decisions import Verdict
from ratchet.schemas.artifacts.diagnosis import UNKNOWN, DiagnosisState
from ratchet.schemas.artifacts.evaluation import GOLDEN, MATCHES_FILE
from ratchet.schemas.artifacts.golden_boxes import BOXES_FILE
from ratchet.schemas.artifacts.training_record import RECORD_FILE
from ratchet.schemas.base.errors import StateError
from ratchet.schemas.base.files import LOCAL_FILES
from tests.components.diagnosis.bundles import bundle, golden_boxes
from tests.components.diagnosis.written import write_coco, write_run


@pytest.fixture
def places(tmp_path: Path) -> RunPlaces:
    """A clean retraining, written as its steps write it."""
    return write_run(bundle(), tmp_path)


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


def opened_in_a_read(places: RunPlaces, monkeypatch: pytest.MonkeyPatch) -> tuple[Bundle, set[str]]:
    """What was read, and the names of the files that were opened for it."""
    opened, real = set(), LOCAL_FILES.open

    def noted(path: str, mode: str = "r") -> IO[Any]:
        opened.add(Path(path).name)
        return real(path, mode)

    monkeypatch.setattr(LOCAL_FILES, "open", noted)
    return read_bundle(places, LOCAL_FILES), opened


def test_beside_a_sample_of_boxes_no_file_that_grows_with_the_golden_set_is_opened(
    places: RunPlaces, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_coco(golden_boxes(), Path(str(places.evaluation)) / GOLDEN)
    _, opened = opened_in_a_read(places, monkeypatch)
    assert opened == {BOXES_FILE, "decision.json", "evidence.json", "evaluation.json", Path(RECORD_FILE).name}


def test_of_an_older_evaluation_no_more_images_are_taken(places: RunPlaces, monkeypatch: pytest.MonkeyPatch) -> None:
    directory = Path(str(places.evaluation)) / GOLDEN
    write_coco(golden_boxes(images=40), directory)
    (directory / BOXES_FILE).unlink()
    monkeypatch.setattr("ratchet.components.diagnosis.golden_boxes.MOST_IMAGES", 10)
    found, opened = opened_in_a_read(places, monkeypatch)
    assert found.golden is not None
    assert (len(found.golden.image_ids), found.golden.of) == (10, 40)
    assert all(len(of.labels) == 30 for of in found.golden.found.values())
    assert MATCHES_FILE in opened
