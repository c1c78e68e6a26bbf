"""The step on small artifacts: what it writes, what ML Metadata is told, and that it never fails."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ratchet.components.diagnosis.reading import RunPlaces
from ratchet.schemas.artifacts.diagnosis import DIAGNOSIS_FORMAT, Diagnosis, DiagnosisState
from tests.components.diagnosis.test_reading import places

pytestmark = pytest.mark.tensorflow
__all__ = ["places"]


def artifacts_of(places: RunPlaces, trained: bool = True) -> dict[str, list[Any]]:
    from tfx.types import standard_artifacts

    def made(kind: Any, uri: str) -> list[Any]:
        artifact = kind()
        artifact.uri = uri
        return [artifact]

    for name in ("candidate", "baseline"):  # where TFX looks for a model in its artifact
        model = Path(str(getattr(places, name)))
        if not (model / "Format-Serving").exists():
            (model / "Format-Serving").symlink_to(model, target_is_directory=True)
    found = {
        "decision": made(standard_artifacts.ExampleAnomalies, places.decision),
        "baseline": made(standard_artifacts.Model, str(places.baseline)),
    }
    found["baseline"][0].set_int_custom_property("has_baseline", 1)
    if trained:
        found["model"] = made(standard_artifacts.Model, str(places.candidate))
        found["evaluation"] = made(standard_artifacts.ModelEvaluation, str(places.evaluation))
    return found


def done(artifacts: dict[str, list[Any]], directory: Path) -> tuple[Diagnosis, Any]:
    from tfx.types.experimental import simple_artifacts

    from ratchet.components.diagnosis.executor import Executor

    output = simple_artifacts.File()
    output.uri = str(directory / "diagnosis")
    Executor().Do(artifacts, {"diagnosis": [output]}, {})
    text = (directory / "diagnosis" / "diagnosis.json").read_text()
    return DIAGNOSIS_FORMAT.read(text, "diagnosis.json"), output


def test_the_artifact_holds_the_diagnosis_and_its_properties_the_answer(places: RunPlaces, tmp_path: Path) -> None:
    made, output = done(artifacts_of(places), tmp_path)
    assert made.cause.state is DiagnosisState.NOTHING
    assert made.findings
    assert output.get_string_custom_property("cause") == made.cause.title
    assert output.get_float_custom_property("probability") == pytest.approx(made.cause.probability)
    assert output.get_string_custom_property("state") == "nothing"


def test_a_rejected_span_needs_neither_model_nor_evaluation(places: RunPlaces, tmp_path: Path) -> None:
    made, _ = done(artifacts_of(places, trained=False), tmp_path)
    assert made.cause.state is not DiagnosisState.FAILED


def test_the_step_ends_well_where_its_inputs_are_gone(places: RunPlaces, tmp_path: Path) -> None:
    artifacts = artifacts_of(places)
    artifacts["evaluation"][0].uri = str(tmp_path / "gone")
    made, output = done(artifacts, tmp_path)
    assert made.cause.state is DiagnosisState.FAILED
    assert "gone" in made.cause.sentence
    assert output.get_string_custom_property("state") == "failed"
    assert output.get_string_custom_property("cause") == "unknown"


def test_a_page_is_written_where_the_diagnosis_cannot_be_read(tmp_path: Path) -> None:
    from tfx.types.experimental import simple_artifacts

    from ratchet.components.review.executor import _diagnosis, _Run

    artifact = simple_artifacts.File()
    artifact.uri = str(tmp_path)
    (tmp_path / "diagnosis.json").write_text("{")
    found = _diagnosis(_Run({"diagnosis": [artifact]}))
    assert found.cause.state is DiagnosisState.FAILED
    assert "diagnosis.json" in found.cause.sentence
