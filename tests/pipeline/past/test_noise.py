"""A difference whose interval contains 0 is told as none, wherever a result is told."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from ratchet.pipeline.notify.message import notice_of_result
from ratchet.pipeline.past.history import history_text, read_history
from ratchet.pipeline.past.result import result_text
from ratchet.schemas.artifacts.decisions import Reason, Verdict
from ratchet.schemas.artifacts.diagnosis import Cause, DiagnosisState
from ratchet.schemas.artifacts.run_result import RunResult
from tests.pipeline.notify.notices import result
from tests.pipeline.roots import add_run

# As it was written before the words of the rule said it, and as it is now.
OLD = Reason("map_drop", "candidate mAP at least the baseline's 0.1462", "0.1460 (-0.0002)")
NEW = Reason("map_drop", OLD.expected, "0.1460, no measurable difference: -0.0002 [-0.0083, +0.0084]")
DOG = Reason("class_drop:dog", "no significant fall of AP by more than 0.05", "0.6 -> 0.3")
SUM = Reason("class_and_slice_drops", "no significant fall", "1 fell")
PASSED = Reason("min_map", "at least 0.01", "0.1", passed=True)
NONE = "no measurable difference: -0.0002 [-0.0083, +0.0084]"


def of(*reasons: Reason, **fields: Any) -> RunResult:
    small = {"map": 0.1460, "baseline_map": 0.1462, "delta": -0.0002, "delta_ci": (-0.0083, 0.0084)}
    return result(reasons=reasons, observations=(), **small | fields)


@pytest.mark.parametrize("drop", [OLD, NEW])
def test_a_block_within_the_noise_says_so_first(drop: Reason) -> None:
    said = of(drop, PASSED).first_reason
    assert said == f"{NONE}; map_drop: expected candidate mAP at least the baseline's 0.1462"


def test_an_inconclusive_run_within_the_noise_says_so_first() -> None:
    wide = Reason("map_interval", "a drop of more than 0.03 outside", "[-0.0500, +0.0600]")
    said = of(wide, verdict=Verdict.INCONCLUSIVE, delta=0.01, delta_ci=(-0.05, 0.06)).first_reason
    assert said.startswith("no measurable difference: +0.0100 [-0.0500, +0.0600]; map_interval: ")


def test_a_push_within_the_noise_is_no_rise() -> None:
    pushed = of(PASSED, verdict=Verdict.PUSHED, delta=0.0002)
    assert pushed.first_reason == "no measurable difference: +0.0002 [-0.0083, +0.0084]; every rule passed"


@pytest.mark.parametrize("drop", [OLD, NEW])
def test_a_class_that_fell_significantly_is_told_before_a_difference_that_is_none(drop: Reason) -> None:
    said = of(drop, SUM, DOG)
    assert said.first_reason == DOG.sentence
    assert not said.blocked_by_noise
    assert "what helps where the golden set cannot tell" not in result_text(said)
    assert "also: map_drop" in result_text(said)
    assert "also: class_drop:dog" not in result_text(said)


@pytest.mark.parametrize(
    "ends", [(-0.0004, -0.0001), None], ids=["the interval leaves 0 out", "without an interval nothing is claimed"]
)
def test_another_difference_keeps_its_words(ends: tuple[float, float] | None) -> None:
    told = of(OLD, delta_ci=ends)
    assert told.first_reason == OLD.sentence
    text = result_text(told)
    assert "no measurable" not in text
    assert "what helps" not in text


def test_the_end_of_a_run_says_what_helps_and_what_the_golden_set_can_tell() -> None:
    text = result_text(of(NEW))
    assert f"  {NONE}; map_drop" in text
    assert "difference -0.0002, 95 % interval [-0.0083, +0.0084] (no measurable difference)" in text
    assert "differences of mAP below 0.012 cannot be told reliably with this golden set" in text
    assert "more data, more steps, more golden images, or a stated margin" in text
    assert "fell" not in text


def test_where_a_cause_is_named_all_the_same_its_action_is_the_advice() -> None:
    named = Cause("annotation", "", 0.9, DiagnosisState.NAMED, "Boxes are larger.", (), "Draw them as before.")
    text = result_text(dataclasses.replace(of(NEW), cause=named))
    assert "next: Draw them as before." in text
    assert "what helps" not in text


def test_history_and_notifications_say_it_too(tmp_path: Any) -> None:
    small: Any = {"reasons": (OLD,), "delta": -0.0002, "delta_ci": (-0.0083, 0.0084)}
    add_run(tmp_path, "span-2-aa-1", Verdict.BLOCKED, 2, **small)
    assert f"{NONE}; map_drop" in history_text(read_history(tmp_path, ()), None)
    notice = notice_of_result(of(NEW), "digits", tmp_path)
    assert notice.title.startswith(f"BLOCKED digits span 3: {NONE}")
    assert "95 % interval [-0.0083, +0.0084] (no measurable difference)" in notice.to_text()
