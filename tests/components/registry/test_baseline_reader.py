"""What a run is told of the registry, on whatever runner it works."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ratchet.schemas.artifacts.history import HISTORY_FILE, HISTORY_FORMAT
from ratchet.schemas.artifacts.references import REFERENCES_FILE, REFERENCES_FORMAT
from tests.builders import recorded_decision
from tests.pipeline.roots import registry_in, serve

pytestmark = pytest.mark.tensorflow


def test_the_baseline_comes_with_looks_marks_and_history(tmp_path: Path) -> None:
    from tfx.types import standard_artifacts

    from ratchet.components.registry.executor import BaselineReaderExecutor

    best = serve(tmp_path, "100", "span-1-aa-1", 1, map=0.7, golden_digest="g")
    served = serve(tmp_path, "200", "span-2-bb-1", 2, map=0.6, golden_digest="g")
    pushed = {"run_id": "span-2-bb-1", "model_digest": served.digest, "baseline_version": "100", "verdict": "PUSHED"}
    decision = recorded_decision(golden_digest="g", **pushed, delta=0.001, delta_ci=(-0.01, 0.01))
    registry_in(tmp_path).record_decision("1", decision)
    baseline = standard_artifacts.Model()
    baseline.uri = str(tmp_path / "baseline")
    places = {"registry_directory": f"{tmp_path}/registry", "serving_directory": f"{tmp_path}/serving/digits"}
    BaselineReaderExecutor().Do({}, {"baseline": [baseline]}, {**places, "bootstrap": 0, "pushes_ago": 5})

    assert baseline.get_string_custom_property("digest") == served.digest
    assert json.loads(baseline.get_string_custom_property("golden_uses")) == {"g": 1}
    [mark] = json.loads(baseline.get_string_custom_property("high_water_marks")).values()
    assert (mark["version"], mark["map"], mark["digest"]) == ("100", 0.7, best.digest)
    history = tmp_path / "baseline" / HISTORY_FILE
    [reference] = REFERENCES_FORMAT.read((tmp_path / "baseline" / REFERENCES_FILE).read_text(), "").models
    assert (reference.name, reference.version, reference.digest, reference.path) == (
        "best",
        "100",
        best.digest,
        best.path,
    )
    assert len(HISTORY_FORMAT.read(history.read_text(), HISTORY_FILE).runs) == 1
