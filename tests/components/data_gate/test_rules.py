from __future__ import annotations

from typing import Any

import pytest

from components.data_gate.rules import Anomaly, Baseline, Drift, decide
from components.data_gate.settings import DataGateSettings
from schemas.decisions import DataDecision
from tests.builders import dataset_info

GOLDEN = dataset_info(span=0, digest="golden", images={"train": 0, "eval": 50}, boxes={"train": 0, "eval": 120})
BASELINE = Baseline(class_names=("cat", "dog"), golden_digest="golden", images=600)
DRIFTED = Drift("qa/brightness", "jensen shannon divergence", 0.4, 0.1)


def judge(settings: dict[str, Any] | None = None, **parts: Any) -> DataDecision:
    whole = {"span": dataset_info(), "golden": GOLDEN, "baseline": BASELINE, "anomalies": (), "drifts": ()}
    return decide(**whole | parts, settings=DataGateSettings(**settings or {}))


def failed(decision: DataDecision) -> list[str]:
    return [reason.rule for reason in decision.failures]


def test_a_sound_span_passes_and_says_what_was_looked_at() -> None:
    decision = judge(drifts=[Drift("qa/brightness", "jensen shannon divergence", 0.02, 0.1)])
    assert decision.passed
    assert [reason.rule for reason in decision.reasons] == [
        "classes:golden_set",
        "schema",
        "golden_boxes",
        "classes:served_model",
        "golden_unchanged",
        "drift:qa/brightness",
    ]


def test_drift_past_its_threshold_stops_the_run() -> None:
    decision = judge(drifts=[DRIFTED])
    assert not decision.passed
    [reason] = decision.failures
    assert (reason.rule, reason.actual) == ("drift:qa/brightness", "0.400")
    assert "at most 0.1" in reason.expected


@pytest.mark.parametrize(
    "parts",
    [
        {"span": dataset_info(images={"train": 499, "eval": 1})},
        {"baseline": Baseline(("cat", "dog"), "golden", images=499)},
    ],
)
def test_too_few_images_are_reported_as_untested_not_as_drift(parts: dict[str, Any]) -> None:
    decision = judge(**parts, drifts=[DRIFTED])
    assert decision.passed
    assert "not tested" in decision.reasons[-1].actual


def test_a_schema_anomaly_stops_the_run_by_name() -> None:
    decision = judge(anomalies=[Anomaly("qa/contrast", "Out-of-range values")])
    assert failed(decision) == ["schema:qa/contrast"]
    assert decision.failures[0].actual == "Out-of-range values"


def test_other_classes_than_the_served_model_or_the_golden_set_stop_the_run() -> None:
    decision = judge(span=dataset_info(class_names=("cat", "dog", "fox")))
    assert failed(decision) == ["classes:golden_set", "classes:served_model"]


def test_a_changed_golden_set_must_be_accepted_explicitly() -> None:
    changed = dataset_info(span=0, digest="other", boxes={"train": 0, "eval": 5})
    assert failed(judge(golden=changed)) == ["golden_unchanged"]
    accepted = judge(golden=changed, settings={"accept_new_golden": True})
    assert accepted.passed
    assert any("(accepted)" in reason.actual for reason in accepted.reasons)


def test_a_golden_set_without_boxes_stops_the_run() -> None:
    empty = dataset_info(digest="golden", boxes={"train": 0, "eval": 0})
    assert failed(judge(golden=empty)) == ["golden_boxes"]


def test_a_first_run_is_judged_without_a_baseline() -> None:
    assert judge(baseline=None).passed


def test_observe_mode_records_a_failure_and_lets_pass() -> None:
    decision = judge(drifts=[DRIFTED], settings={"mode": "observe"})
    assert decision.passed
    assert failed(decision) == ["drift:qa/brightness"]
