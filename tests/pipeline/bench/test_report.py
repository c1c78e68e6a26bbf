"""The report: its figures are those that were scored, and it says what was reached and what was not."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from ratchet.pipeline.bench.case_result import CASE_RESULT_FORMAT, CASES_DIRECTORY, CaseResult, GateSaid, Group, Split
from ratchet.pipeline.bench.goals import Goal, Reached, goals
from ratchet.pipeline.bench.matrix import matrix
from ratchet.pipeline.bench.report import block_markdown, report_of, to_json, to_markdown, to_text
from ratchet.pipeline.bench.report_files import read_benches, write_report
from ratchet.pipeline.bench.shares import Share
from ratchet.pipeline.bench.tables import answers, tables
from ratchet.schemas.artifacts.decisions import DataVerdict
from ratchet.schemas.base.errors import InputError, StateError
from tests.pipeline.bench.cases import bench, case, outcome, planted


def kept(directory: Path, cases: list[CaseResult]) -> Path:
    (directory / CASES_DIRECTORY).mkdir(parents=True)
    for each in cases:
        (directory / CASES_DIRECTORY / each.file_name).write_text(CASE_RESULT_FORMAT.write(each))
    return directory


def goal(cases: list[CaseResult], name: str) -> Goal:
    return next(each for each in goals(tables(cases)[0]) if each.name == name)


def rule(cases: list[CaseResult], name: str) -> Goal:
    return next(each for each in report_of(cases).rules if each.name == name)


def right(n: int, start: int = 0) -> list[CaseResult]:
    return [case(start + number, said=outcome("annotation")) for number in range(1, n + 1)]


def test_observing_and_enforcing_and_blind_cases_have_tables_of_their_own() -> None:
    blind = case(3, blind=True, said=outcome("annotation"))
    both = [case(1, observing=outcome("annotation"), enforcing=outcome("unknown")), case(2), blind]
    found = {table.title: str(table.product.first) for table in tables(both)}
    assert found == {
        "Observing": "1 of 2: 50 % [9, 91]",
        "Observing, blind": "1 of 1: 100 % [21, 100]",
        "Enforcing": "0 of 2: 0 % [0, 66]",
        "Enforcing, blind": "1 of 1: 100 % [21, 100]",
    }


def test_calibration_cases_are_not_judged_where_there_are_others() -> None:
    calibration = [replace(each, split=Split.CALIBRATION) for each in right(5, start=10)]
    assert tables([*calibration, case(1)])[0].product.first.n == 1
    assert tables(calibration)[0].product.first.n == 5


def test_the_last_attempt_counts_and_the_others_are_counted() -> None:
    attempts = [case(1, said=outcome("annotation"), attempt=2), case(1, attempt=1)]
    report = report_of(attempts)
    assert report.tables[0].product.first.hits == 1
    assert "2 attempts at 1 case" in rule(attempts, "attempts").found


@pytest.mark.parametrize(("n", "pushed", "reached"), [(59, 0, "too few cases"), (60, 0, "reached"), (60, 1, "missed")])
def test_no_regression_is_pushed_only_of_sixty(n: int, pushed: int, reached: str) -> None:
    cases = [case(number, said=outcome("annotation", pushed=number <= pushed)) for number in range(1, n + 1)]
    assert goal(cases, "regressions pushed").reached.value == reached


def test_a_goal_of_few_cases_is_not_called_reached_and_one_missed_is_called_missed() -> None:
    assert goal(right(19), "right cause first").reached is Reached.TOO_FEW
    assert goal(right(20), "right cause first").reached is Reached.YES
    assert goal([*right(2), case(3), case(4)], "right cause first").reached is Reached.NO
    assert goal(right(20), 'strangers "unknown"').reached is Reached.TOO_FEW


def test_no_goal_is_called_reached_on_cases_that_thresholds_were_looked_at() -> None:
    cases = [replace(each, split=Split.CALIBRATION) for each in right(20)]
    assert goal(cases, "right cause first").reached is Reached.IN_SAMPLE
    assert Reached.YES not in {each.reached for each in goals(tables(cases)[0])}


def test_a_gate_that_pushes_nothing_is_told() -> None:
    assert goal(right(3), "regressions pushed").found.endswith("pushed at all: 0/3 0 %")
    assert "pushed at all: 0 of 3: 0 %" in to_text(report_of(right(3)))


def test_the_diagnosis_is_held_against_the_best_comparator_whichever_that_is() -> None:
    cases = [
        case(number, said=outcome("annotation"), gate=GateSaid(DataVerdict.REJECT, "labels:size", ("labels:size",)))
        for number in range(1, 21)
    ]
    found = goal(cases, "ahead of the best trivial comparator")
    assert (found.reached, found.found[:9]) == (Reached.NO, "+0 points")
    mixed = [
        *right(10),
        *[case(n, planted=(planted("forgetting"),), said=outcome("forgetting")) for n in range(11, 19)],
    ]
    assert goal(mixed, "ahead of the best trivial comparator").reached is Reached.YES


def test_controls_away_from_their_baseline_and_shared_seeds_break_the_rules() -> None:
    cases = [case(1, Group.CONTROL, 0.02), case(2, Group.CONTROL, 0.0)]
    assert rule(cases, "controls at their baseline").reached is Reached.NO
    assert "away: 001" in rule(cases, "controls at their baseline").found
    name = "cases that are scored beside those of calibration"
    assert "flatters" in rule(cases, name).found
    assert rule([*cases, case(3, split=Split.CALIBRATION)], name).reached is Reached.NO
    assert rule([*cases, case(3, split=Split.CALIBRATION, seed=9)], name).reached is Reached.YES


def test_failed_cases_are_told_and_count_for_nothing() -> None:
    cases = [*right(3), case(4, error="the training failed", observing=None, enforcing=None, truth=None)]
    assert rule(cases, "failed cases").found == "1: 004"
    assert tables(cases)[0].product.first.n == 3
    assert "failed: the training failed" in to_markdown(report_of(cases))


def test_the_matrix_has_every_judged_case_once() -> None:
    cases = bench(4)
    found = matrix(cases, answers(cases, "observing"))
    assert sum(map(sum, found.counts)) == len(cases)
    row = found.planted.index("annotation")
    own = [each for each in cases if each.planted and each.planted[0].accepted == ("annotation",)]
    named = [each for each in own if each.observing and each.observing.cause.name == "annotation"]
    assert found.counts[row][found.named.index("annotation")] <= len(named)
    assert found.accepted[row] == {"annotation"}


def test_a_matrix_tells_what_cost_nothing_from_what_was_planned_as_harmless() -> None:
    cases = [case(1, truth=0.0), case(2, Group.CONTROL, 0.0), case(3, Group.DECOY, 0.0), case(4, Group.STRANGER)]
    found = matrix(cases, answers(cases, "observing"))
    assert found.planted == ("stranger", "control", "decoy", "cost less than .01")
    assert {counts[found.named.index("unknown")] for counts in found.counts} == {1}


def test_text_markdown_and_json_say_the_same_figures() -> None:
    report = report_of([*bench(1, Split.CALIBRATION, start=100), *bench(2)])
    first = report.tables[0].product.first
    assert first.short in to_text(report)
    assert str(first) in to_markdown(report)
    assert str(first) in block_markdown(report, "ratchet bench")
    assert to_json(report)["tables"][0]["rows"][0]["first"]["hits"] == first.hits
    assert max(map(len, to_text(report).splitlines())) < 180


@pytest.mark.parametrize("cases", [[case(1, Group.CONTROL, 0.0)], [case(1)], [case(1, error="no", truth=None)]])
def test_a_report_of_one_case_of_any_kind_can_be_made(cases: list[CaseResult]) -> None:
    report = report_of(cases)
    assert "no case" in to_text(report)
    assert json.loads(json.dumps(to_json(report)))["cases"] == 1


def test_a_report_is_written_with_a_picture_of_each_table(tmp_path: Path) -> None:
    report = write_report([kept(tmp_path / "bench", bench(2)[:9])], tmp_path / "out")
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert names == {"report.md", "report.json", *(f"{table.file_name}.png" for table in report.tables)}
    assert (tmp_path / "out" / "observing.png").read_bytes().startswith(b"\x89PNG")


def test_a_picture_can_be_drawn_of_next_to_nothing(tmp_path: Path) -> None:
    write_report([kept(tmp_path / "bench", [case(1, error="no", truth=None)])], tmp_path)
    assert (tmp_path / "observing.png").exists()


def test_several_benches_are_one_and_their_numbers_stay_apart(tmp_path: Path) -> None:
    benches = [kept(tmp_path / name, right(2)) for name in ("digits", "cards")]
    assert [each.number for each in read_benches(benches)] == ["digits/001", "digits/002", "cards/001", "cards/002"]
    assert [each.number for each in read_benches(benches[:1])] == ["001", "002"]
    with pytest.raises(InputError, match="two directories are called digits"):
        read_benches([benches[0], tmp_path / "cards" / ".." / "digits"])


def test_a_directory_without_a_case_is_refused(tmp_path: Path) -> None:
    for directory in (tmp_path, tmp_path / "missing"):
        with pytest.raises(StateError, match=r"give (another|the) directory"):
            read_benches([directory])


def test_verdicts_count_every_run_once_whatever_its_split() -> None:
    cases = [
        case(1, digests={"candidate": "a"}),
        case(2, digests={"candidate": "a"}, blind=True),
        case(3, digests={"candidate": "b"}, split=Split.CALIBRATION),
        case(4),
    ]
    assert {table.verdicts.regressions_pushed for table in tables(cases)} == {Share(0, 3)}
