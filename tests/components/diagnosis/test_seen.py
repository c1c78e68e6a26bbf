"""A cause is not named by a figure that is far beyond all that the diagnosis was tried on."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest

from benchmarks.seen_signals import main, seen_in
from ratchet.components.diagnosis.answer import answer, ranked
from ratchet.components.diagnosis.diagnose import diagnose
from ratchet.components.diagnosis.learning_rate import examine_too_high
from ratchet.components.diagnosis.seen import SEEN_FORMAT, SeenSignals, seen_signals
from ratchet.components.diagnosis.weighing import weighed
from ratchet.pipeline.bench.case_result import CASE_RESULT_FORMAT, CASES_DIRECTORY, CaseResult, Group, Split
from ratchet.schemas.artifacts.diagnosis import (
    ANNOTATION,
    RATE_TOO_HIGH,
    UNKNOWN,
    CauseFinding,
    CauseState,
    DiagnosisState,
    Role,
    Signal,
)
from ratchet.schemas.base.errors import InputError
from tests.components.diagnosis.bundles import BOOTSTRAP_PEAK, bundle, dynamics, retrained

TRIED = SeenSignals(40, {f"{RATE_TOO_HIGH}/rate_ratio": (1.0, 20.0)})


def rate(value: float, supports: bool | None = True, threshold: float = 1.5, name: str = "rate_ratio") -> CauseFinding:
    """A cause that is supported, beside a figure of its rate."""
    figure = Signal(name, Role.SUSPECT, value, threshold, "ratio", supports, f"The rate was {value:g} times the usual.")
    others = [Signal(each, Role.SYMPTOM, 1.0, 0.5, "share", True, "It dips.") for each in ("dip", "moved")]
    blank = CauseFinding(RATE_TOO_HIGH, "peak", CauseState.OPEN, 0.0, "The rate was too high.", "Lower the rate.")
    return weighed(blank, [figure, *others])


@pytest.mark.parametrize("value", [20.0, 30.0, 100.0, 186.0])
def test_a_figure_within_ten_times_what_was_seen_is_believed(value: float) -> None:
    assert TRIED.beyond(rate(value)) == ""


@pytest.mark.parametrize("value", [187.0, 1e6, 1e300])
def test_a_figure_farther_away_is_told_with_its_range(value: float) -> None:
    assert TRIED.beyond(rate(value)) == (
        f"rate_ratio = {value:.3g} (ratio; 1 to 20 in the 40 cases that it was tried on)"
    )


@pytest.mark.parametrize(
    "finding", [rate(1e6, supports=False), rate(1e6, supports=None), rate(1e6, name="never_measured")]
)
def test_only_what_speaks_for_the_cause_and_has_a_range_is_asked(finding: CauseFinding) -> None:
    assert TRIED.beyond(finding) == ""


def test_a_range_is_widened_on_either_side_of_the_threshold_by_itself() -> None:
    seen = SeenSignals(9, {f"{RATE_TOO_HIGH}/rate_ratio": (-0.5, 2.0)})
    assert not seen.beyond(rate(-1.9, threshold=0.1))
    assert "rate_ratio = -6 " in seen.beyond(rate(-6.0, threshold=0.1))
    assert not seen.beyond(rate(-1e6, threshold=-1.0))  # nothing was seen on that side of it


def test_the_answer_is_unknown_and_the_finding_stays() -> None:
    case, finding = bundle(deltas={"golden": -0.1}), rate(1e6)
    cause = answer(case, [finding], TRIED)
    assert (cause.name, cause.state) == (UNKNOWN, DiagnosisState.UNKNOWN)
    assert "rate_ratio = 1e+06 (ratio; 1 to 20 in the 40 cases that it was tried on)" in cause.sentence
    assert cause.evidence[0] == "The rate was too high."
    assert cause.action == "See whether that figure is right; if it is: Lower the rate."
    assert answer(case, [rate(100.0)], TRIED).name == RATE_TOO_HIGH


def test_a_second_cause_beyond_what_was_seen_is_not_named_beside_the_first() -> None:
    sure = [Signal(str(place), Role.SUSPECT, 1.0, 0.5, "share", True, "It is so.") for place in range(5)]
    first = weighed(CauseFinding(ANNOTATION, "", CauseState.OPEN, 0.0, "Boxes are loose.", "Draw them anew."), sure)
    case = bundle(deltas={"golden": -0.1})
    told = [answer(case, ranked([first, rate(value)]), TRIED).evidence for value in (100.0, 1e6)]
    assert ["At work as well: The rate was too high." in evidence for evidence in told] == [True, False]


@pytest.mark.parametrize(("times", "name"), [(30, RATE_TOO_HIGH), (100, RATE_TOO_HIGH), (1e6, UNKNOWN)])
def test_with_the_ranges_of_this_version_high_rates_are_named_and_absurd_ones_are_not(times: float, name: str) -> None:
    peak = times * 0.1 * BOOTSTRAP_PEAK
    case = bundle(
        deltas={"golden": -0.2, "held_out": -0.2, "earlier": -0.2},
        candidate=retrained(
            peak=peak,
            new=(0.731, 0.084, 0.3, 0.5, 0.5),
            old=(0.731, 0.09, 0.3, 0.5, 0.5),
            dynamics=dynamics(peak_rate=peak, distance=0.633, norm_shift=1.03, rise=1.93, last=0.223),
        ),
    )
    found = diagnose(case)
    assert found.cause.name == name
    assert examine_too_high(case)[0] in found.findings


def test_the_ranges_of_this_version_are_there() -> None:
    assert seen_signals().cases >= 20
    assert all(lowest <= highest for lowest, highest in seen_signals().ranges.values())


def result(number: str, signals: dict[str, float | None], **fields: object) -> CaseResult:
    """A case of which only its signals matter."""
    plain = CaseResult(number, 1, Group.FAULT, Split.CALIBRATION, "digits", 1, False, (), {}, "1.0", signals=signals)
    return dataclasses.replace(plain, **fields)  # pyright: ignore[reportArgumentType] - a few of its fields


CASES = [
    result("001", {"annotation:loose_boxes/learned": 0.2, "pipeline/ran_on": None}),
    result("002", {"annotation:tight_boxes/learned": -0.3, "pipeline/ran_on": 2.0}),
    result("003", {"annotation/learned": 9.0}, split=Split.SCORE),
    result("004", {"annotation/learned": 9.0}, error="it died"),
    result("005", {"annotation/learned": float("inf")}),
]


def test_ranges_are_those_of_calibration_cases_without_the_detail() -> None:
    seen = seen_in(CASES)
    assert seen == SeenSignals(3, {"annotation/learned": (-0.3, 0.2), "pipeline/ran_on": (2.0, 2.0)})


def test_scored_cases_alone_give_no_ranges() -> None:
    with pytest.raises(InputError, match="no calibration case"):
        seen_in(CASES[2:4])


def test_the_file_is_written_from_benches(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "bench" / CASES_DIRECTORY).mkdir(parents=True)
    for case in CASES[:2]:
        (tmp_path / "bench" / CASES_DIRECTORY / case.file_name).write_text(CASE_RESULT_FORMAT.write(case))
    out = tmp_path / "seen.json"
    assert main([str(tmp_path / "bench"), "--out", str(out)]) == 0
    assert SEEN_FORMAT.read(out.read_text(), "seen.json") == seen_in(CASES[:2])
    assert json.loads(out.read_text())["format"] == 1
    assert main([str(tmp_path), "--out", str(out)]) == 2
    assert "no bench case is there" in capsys.readouterr().err
