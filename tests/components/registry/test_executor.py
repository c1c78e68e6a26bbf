"""What the two ends of the registry write, with artifacts made by hand."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest

from components.registry.registry import RecordedDecision, Registry
from schemas.dataset import DATASET_FILE
from schemas.decisions import Decision, Reason, Verdict
from schemas.errors import StateError
from schemas.evaluation import EVALUATION_FILE, DataSetEvaluation, Delta, Deltas, Evaluation, ModelScores
from schemas.files import LOCAL_FILES
from schemas.model_digest import model_digest
from tests.builders import dataset_info

pytestmark = pytest.mark.tensorflow

FELL = Reason("map_drop", "at least .5", ".4")
LEAK = Reason("trust:leak", "none", "2 leaked")


class Run:
    """The artifacts of one run, and the registry of its root."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.registry = Registry(f"{root}/registry", f"{root}/serving", LOCAL_FILES)
        self.candidate = self._model(root / "model" / "Format-Serving")

    def record(self, decision: Decision, pushed: str | None = None, baseline: bool = True) -> RecordedDecision:
        """Runs the recorder; `pushed` is the version that the Pusher says it made."""
        from tfx.types import standard_artifacts

        from components.registry.executor import DecisionRecorderExecutor

        artifacts: dict[str, Any] = {
            "evaluation": standard_artifacts.ModelEvaluation(),
            "examples": standard_artifacts.Examples(),
            "model": standard_artifacts.Model(),
            "baseline": standard_artifacts.Model(),
            "pushed_model": standard_artifacts.PushedModel(),
        }
        for name, artifact in artifacts.items():
            artifact.uri = str(self.root / name)
            Path(artifact.uri).mkdir(exist_ok=True)
        (self.root / "evaluation" / EVALUATION_FILE).write_text(evaluation(decision, baseline).to_json())
        (self.root / "examples" / DATASET_FILE).write_text(json.dumps(dataclasses.asdict(dataset_info())))
        artifacts["baseline"].set_int_custom_property("has_baseline", int(baseline))
        if baseline:
            artifacts["baseline"].set_string_custom_property("version", "17")
            artifacts["baseline"].set_string_custom_property("digest", "baseline digest")
        artifacts["pushed_model"].set_int_custom_property("pushed", int(pushed is not None))
        if pushed:
            artifacts["pushed_model"].set_string_custom_property("pushed_version", pushed)
            artifacts["pushed_model"].set_string_custom_property("pushed_destination", f"{self.root}/serving/{pushed}")
        places = {"registry_directory": f"{self.root}/registry", "serving_directory": f"{self.root}/serving"}
        DecisionRecorderExecutor().Do({name: [artifact] for name, artifact in artifacts.items()}, {}, places)
        [recorded] = self.registry.decisions()
        return recorded

    def push(self, version: str, weights: str = "weights") -> None:
        self._model(self.root / "serving" / version, weights)

    def _model(self, directory: Path, weights: str = "weights") -> Path:
        directory.mkdir(parents=True)
        (directory / "saved_model.pb").write_text(weights)
        return directory


def evaluation(decision: Decision, baseline: bool) -> Evaluation:
    scores = ModelScores({"AP": 0.4}, {})
    deltas = Deltas(Delta(-0.1, -0.15, -0.05, 0.02), {}, {}) if baseline else None
    golden = DataSetEvaluation(9, scores, ModelScores({"AP": 0.5}, {}) if baseline else None, deltas, {}, {})
    return Evaluation(decision, {"golden": golden}, "golden digest")


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return Run(tmp_path)


def test_a_blocked_decision_names_candidate_baseline_and_reason(run: Run) -> None:
    found = run.record(Decision(Verdict.BLOCKED, (dataclasses.replace(LEAK, passed=True), FELL, LEAK)))
    assert found.model == str(run.root / "model")
    assert found.model_digest == model_digest(str(run.candidate), LOCAL_FILES)
    assert (found.baseline_version, found.baseline_digest) == ("17", "baseline digest")
    assert found.evaluation == str(run.root / "evaluation")
    assert (found.delta, found.delta_ci) == (-0.1, (-0.15, -0.05))
    assert found.reason == "map_drop: expected at least .5; found .4"
    assert found.evaluation_broken
    assert run.registry.served() is None


def test_a_fall_alone_is_no_broken_evaluation(run: Run) -> None:
    assert not run.record(Decision(Verdict.BLOCKED, (FELL,))).evaluation_broken


def test_a_first_model_was_compared_with_nothing_and_is_served(run: Run) -> None:
    run.push("20")
    found = run.record(Decision(Verdict.BOOTSTRAPPED, ()), pushed="20", baseline=False)
    assert (found.baseline_version, found.baseline_digest, found.delta, found.reason) == (None, None, None, None)
    served = run.registry.served()
    assert served is not None
    assert (served.version, served.digest, served.verdict) == ("20", found.model_digest, "BOOTSTRAPPED")


def test_a_push_of_other_bytes_than_were_measured_is_not_recorded(run: Run) -> None:
    run.push("20", "half of the weigh")
    with pytest.raises(StateError, match=r"serving/20: content digest .* of the pushed model .*ratchet rollback"):
        run.record(Decision(Verdict.PUSHED, ()), pushed="20")
    assert run.registry.pointer() is None


def test_a_push_below_a_higher_version_is_not_recorded_for_it_is_not_served(run: Run) -> None:
    run.push("20")
    run.push("100")
    with pytest.raises(StateError, match=r"serves version 100, the highest number, and not version 20"):
        run.record(Decision(Verdict.PUSHED, ()), pushed="20")
    assert run.registry.pointer() is None
