from __future__ import annotations

import datetime
import json
from typing import Any

import pytest

from ratchet.pipeline.past.result import result_text
from ratchet.schemas.artifacts.decisions import Reason, Verdict
from ratchet.schemas.artifacts.diagnosis import DiagnosisState
from ratchet.schemas.artifacts.run_result import RESULT_FILE, RUN_RESULT_FORMAT, RunResult
from tests.builders import cause

DROP = Reason("map_drop", "candidate mAP at least the baseline's 0.5000", "0.4000 (-0.1000)")
DRIFT = Reason("drift:qa/brightness", "at most 0.1", "0.4")
PASSED = Reason("min_map", "at least 0.01", "0.4", passed=True)


def result(verdict: Verdict, *reasons: Reason, observations: tuple[Reason, ...] = (), **fields: Any) -> RunResult:
    whole: dict[str, Any] = {
        "map": 0.4,
        "baseline_map": 0.5,
        "delta": -0.1,
        "delta_ci": (-0.12, -0.08),
        "model": "m",
        "pushed_version": None,
        "report": "review.html",
        "run_id": "span-2-x-1",
        "span": 2,
        "seconds": {"A": 1.0},
    }
    observed = tuple(reason.rule for reason in observations)
    return RunResult(verdict=verdict, reasons=reasons + observations, observed=observed, **whole | fields)


@pytest.mark.parametrize(
    ("verdict", "code"),
    [
        (Verdict.PUSHED, 0),
        (Verdict.BOOTSTRAPPED, 0),
        (Verdict.BLOCKED, 3),
        (Verdict.INCONCLUSIVE, 3),
        (Verdict.DATA_REJECTED, 4),
    ],
)
def test_exit_codes_are_the_contract(verdict: Verdict, code: int) -> None:
    assert result(verdict).exit_code == code


def test_json_has_the_keys_of_the_contract() -> None:
    value = json.loads(json.dumps(RUN_RESULT_FORMAT.values_of(result(Verdict.BLOCKED, DROP))))
    assert set(value) == {
        *("verdict", "reasons", "cause", "map", "baseline_map", "delta", "delta_ci"),
        *("model", "pushed_version", "report", "run_id", "span", "seconds", "ended_at", "observed"),
    }
    assert value["verdict"] == "BLOCKED"
    assert value["delta_ci"] == [-0.12, -0.08]
    assert value["reasons"][0]["rule"] == "map_drop"


def test_the_text_tells_the_cause_three_sentences_of_evidence_and_what_to_do() -> None:
    lines = result_text(result(Verdict.BLOCKED, DROP, cause=cause())).splitlines()
    place = next(number for number, line in enumerate(lines) if "very likely cause: " in line)
    assert lines[place + 1 : place + 5] == [
        "    boxes are 25% larger",
        "    the candidate draws them 24% larger",
        "    76% comes back",
        "  next: Draw the span's boxes as the golden set's are drawn.",
    ]
    assert "a fourth" not in "\n".join(lines)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"probability": 0.73}, "  likely cause: the new span is labelled in another way: loose boxes: "),
        ({"name": "unknown", "state": DiagnosisState.UNKNOWN}, "  cause unknown: "),
        ({"name": "unknown", "state": DiagnosisState.FAILED}, "  cause not known: "),
    ],
)
def test_how_sure_a_diagnosis_is_is_told_in_words(fields: dict[str, Any], words: str) -> None:
    assert words in result_text(result(Verdict.BLOCKED, DROP, cause=cause(**fields)))


@pytest.mark.parametrize("told", [None, cause(state=DiagnosisState.NOTHING)])
def test_without_a_fall_or_a_diagnosis_the_text_speaks_of_no_cause(told: Any) -> None:
    assert "cause" not in result_text(result(Verdict.BLOCKED, DROP, cause=told))


def test_a_cause_cannot_move_the_cursor() -> None:
    hostile = cause(sentence="a\x1b[2Jb\r\nc", evidence=("\x1b]0;owned\x07",), action="\x1b[1A")
    assert "\x1b" not in result_text(result(Verdict.BLOCKED, DROP, cause=hostile))


@pytest.mark.parametrize("observed", [(), (DRIFT,), (DRIFT, DROP)])
def test_what_decided_and_what_was_observed_come_back_apart(observed: tuple[Reason, ...]) -> None:
    made = RUN_RESULT_FORMAT.read(
        RUN_RESULT_FORMAT.write(result(Verdict.BLOCKED, DROP, PASSED, observations=observed)), RESULT_FILE
    )
    assert (made.deciding, made.observations) == ((DROP, PASSED), observed)


def test_the_end_of_a_run_is_a_time_in_utc_to_the_second() -> None:
    before = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0)
    ended = datetime.datetime.fromisoformat(result(Verdict.PUSHED).ended_at)
    assert ended.utcoffset() == datetime.timedelta(0)
    assert before <= ended <= datetime.datetime.now(datetime.timezone.utc)
    assert ended.microsecond == 0


def test_a_person_reads_verdict_reason_figures_and_what_is_served() -> None:
    text = result_text(result(Verdict.BLOCKED, DROP, DRIFT))
    assert text.splitlines()[0] == "BLOCKED  (span 2, run span-2-x-1)"
    assert "map_drop: expected candidate mAP at least the baseline's 0.5000; found 0.4000 (-0.1000)" in text
    assert "mAP 0.4000, baseline 0.5000" in text
    assert "-0.1000, 95 % interval [-0.1200, -0.0800]" in text
    assert "what is served stays" in text


def test_a_first_model_that_is_blocked_leaves_nothing_in_service() -> None:
    text = result_text(result(Verdict.BLOCKED, DROP, baseline_map=None, delta=None, delta_ci=None))
    assert "what is served" not in text
    assert "\n  the candidate is not served\n" in text


def test_a_push_with_another_post_processing_says_how_it_compares_with_what_was_served() -> None:
    compared = Reason(
        "map_drop_as_served", "at least 0.4000", "0.5000 (+0.1000); of it by post-processing", passed=True
    )
    text = result_text(result(Verdict.PUSHED, compared))
    assert "\n  beside the baseline as it is served: 0.5000 (+0.1000); of it by post-processing\n" in text


def test_a_baseline_of_zero_is_a_figure_too() -> None:
    assert "baseline 0.0000" in result_text(result(Verdict.PUSHED, baseline_map=0.0))


def test_a_push_says_what_the_data_gate_only_observed() -> None:
    assert result(Verdict.PUSHED, PASSED).first_reason == "every rule passed"
    pushed = result(Verdict.PUSHED, PASSED, observations=(DRIFT,))
    assert pushed.first_reason.startswith("the evaluator's rules passed; observed drift:")


def test_what_the_data_gate_could_not_test_has_not_passed() -> None:
    untested = Reason("labels:noise", "30 objects", "5 objects", passed=True, tested=False)
    pushed = result(Verdict.PUSHED, PASSED, observations=(untested,))
    assert pushed.first_reason == "no rule failed; 1 rule not tested"
    text = result_text(pushed)
    assert "  not tested: labels:noise\n" in text
    assert "warning" not in text


def test_what_the_data_gate_had_observed_stands_below_what_blocked() -> None:
    warning = Reason("drift:qa/num_boxes", "at most 0.1", "0.2", passed=True, warning=True)
    blocked = result(Verdict.BLOCKED, DROP, observations=(DRIFT, warning))
    assert blocked.first_reason.startswith("map_drop")
    text = result_text(blocked)
    assert "the data gate had observed drift:qa/brightness: expected at most 0.1; found 0.4" in text
    assert "warning: drift:qa/num_boxes" in text
    assert [reason["rule"] for reason in RUN_RESULT_FORMAT.values_of(blocked)["reasons"]] == [
        "map_drop",
        "drift:qa/brightness",
        "drift:qa/num_boxes",
    ]
