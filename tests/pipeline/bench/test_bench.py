"""A bench goes on where it was stopped, keeps every attempt, and runs again only what has changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ratchet.pipeline.bench import bench
from ratchet.pipeline.bench.baseline import Baseline
from ratchet.pipeline.bench.bench import BenchRequest, chosen_cases, diagnosed_again, run_bench, run_cases
from ratchet.pipeline.bench.bundle_files import diagnosis_digest
from ratchet.pipeline.bench.case_result import CaseResult, read_cases
from ratchet.pipeline.bench.cases import FAULTS_FILE, Case, Split, plan, read_entries
from ratchet.pipeline.bench.run_case import Workplace
from ratchet.pipeline.bench.sources import BenchData
from ratchet.pipeline.bench.workers import one_by_one
from ratchet.schemas.base.errors import ConfigError, InputError, StateError
from tests.pipeline.bench.cases import planned

DIGESTS = {"truth": "t", "golden": "g", "baseline": "b"}


class Killed(BaseException):
    """As by a signal."""


class FakeRunner:
    """Stands for what runs a case; counts what it was asked for."""

    def __init__(self, place: Workplace, killed_at: int | None = None, error: str = "") -> None:
        self.place, self.killed_at, self.error = place, killed_at, error
        self.ran: list[tuple[str, int]] = []

    def __call__(self, case: Case, attempt: int) -> CaseResult:
        if len(self.ran) == self.killed_at:
            raise Killed
        self.ran.append((case.number, attempt))
        self.place.bundle(case).mkdir(parents=True, exist_ok=True)
        return planned(case, {**DIGESTS, "diagnosis": diagnosis_digest()}, attempt, error=self.error)


@pytest.fixture
def place(tmp_path: Path) -> Workplace:
    def never(*_: Any) -> Any:
        raise AssertionError("the cases of these tests measure nothing")

    (tmp_path / "cases").mkdir()
    data = BenchData("digits", tmp_path, tmp_path, never, never, None)
    return Workplace(tmp_path, tmp_path / "work", data, Baseline(tmp_path, tmp_path, "b", 2), never, never, DIGESTS)


def some_cases(count: int = 4) -> list[Case]:
    return list(plan(read_entries(), Split.SCORE, 0, blind=False))[:count]


def quiet(text: str) -> None:
    assert text


def ran(cases: Sequence[Case], place: Workplace, **how: Any) -> list[tuple[str, int]]:
    runner = FakeRunner(place, **how)
    run_cases(cases, place, one_by_one(runner), quiet)
    return runner.ran


def test_a_bench_that_was_killed_goes_on_with_the_case_that_it_was_at(place: Workplace) -> None:
    with pytest.raises(Killed):
        ran(some_cases(), place, killed_at=2)
    assert ran(some_cases(), place) == [("003", 1), ("004", 1)]
    assert ran(some_cases(), place) == []


def test_the_results_of_all_cases_come_back_whether_they_ran_now_or_before(place: Workplace) -> None:
    ran(some_cases(2), place)
    results = run_cases(some_cases(), place, one_by_one(FakeRunner(place)), quiet)
    assert [result.number for result in results] == ["001", "002", "003", "004"]


def test_a_case_that_failed_is_tried_again_and_both_attempts_are_kept(place: Workplace) -> None:
    ran(some_cases(1), place, error="DataGate: no")
    assert ran(some_cases(1), place) == [("001", 2)]
    assert [(each.attempt, each.error) for each in read_cases(place.directory)] == [(1, "DataGate: no"), (2, "")]


def test_a_case_of_which_something_else_is_planted_now_runs_again(place: Workplace) -> None:
    [case] = some_cases(1)
    ran([case], place)
    assert ran([replace(case, settings=("a.b=1",))], place) == [("001", 2)]


def test_a_case_with_another_baseline_runs_again(place: Workplace) -> None:
    ran(some_cases(1), place)
    assert ran(some_cases(1), replace(place, digests={**DIGESTS, "baseline": "other"})) == [("001", 2)]


def test_a_case_is_diagnosed_anew_and_not_trained_where_only_the_diagnosis_changed(
    place: Workplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran(some_cases(2), place)
    asked: list[Path] = []

    def recorded(result: CaseResult, bundle: Path) -> CaseResult:
        asked.append(bundle)
        return replace(result, digests={**result.digests, "diagnosis": "newer"})

    monkeypatch.setattr(bench, "diagnosis_digest", lambda: "newer")
    monkeypatch.setattr(bench, "with_records", recorded)
    assert ran(some_cases(2), place) == []
    assert asked == [place.bundle(case) for case in some_cases(2)]
    assert [(each.number, each.attempt) for each in read_cases(place.directory)] == [
        *(("001", 1), ("001", 2)),
        *(("002", 1), ("002", 2)),
    ]
    ran(some_cases(2), place)
    assert len(asked) == 2


def test_a_diagnosis_is_made_again_only_of_what_has_run(place: Workplace) -> None:
    ran(some_cases(2), place)
    assert [result.number for result in diagnosed_again(place.directory, some_cases())] == ["001", "002"]
    with pytest.raises(InputError, match="no case of these has run there yet"):
        diagnosed_again(place.directory, some_cases()[2:])


def test_the_controls_of_chosen_cases_come_along() -> None:
    cases = plan(read_entries(), Split.SCORE, 0, blind=False)
    [control, chosen] = chosen_cases(cases, [20], ())
    assert chosen.number == "020"
    assert (control.planted, control.seed) == ((), chosen.seed)
    names = {fault.name for case in chosen_cases(cases, (), ["loose"]) for fault in case.planted}
    assert names == {"loose", "rate", "leak"}  # pairs are named by both


@pytest.mark.parametrize(
    ("numbers", "only", "said"),
    [([99], [], "--cases 99: there is no such case; there are 1 to 48"), ([], ["loos"], "--only loos: nothing")],
)
def test_a_case_that_is_not_there_is_named(numbers: list[int], only: list[str], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        chosen_cases(plan(read_entries(), Split.SCORE, 0, blind=False), numbers, only)


@pytest.mark.parametrize(
    ("data", "root", "said"),
    [
        (Path("data"), None, "--data: needs --root, .* and --truth"),
        (None, Path("root"), "--root: needs --data"),
        (Path("data"), Path("root"), "--data: needs --root, .* and --truth"),
    ],
)
def test_data_of_a_user_needs_root_and_truth(tmp_path: Path, data: Path | None, root: Path | None, said: str) -> None:
    with pytest.raises(InputError, match=said):
        run_bench(BenchRequest(tmp_path / "bench", FAULTS_FILE, data=data, root=root))


def test_what_is_planted_is_written_down_before_anything_runs(tmp_path: Path) -> None:
    with pytest.raises(InputError):
        run_bench(BenchRequest(tmp_path / "bench", FAULTS_FILE, data=tmp_path))
    assert '"accepted": [\n' in (tmp_path / "bench" / "plan.json").read_text()


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"golden": Path("golden")}, "--golden: needs --data"),
        ({"truth": Path("truth")}, "--truth: needs --data"),
        ({"seed": -1}, "--seed -1: must be 0 or more"),
        ({"images": 0}, "--images 0: must be 1 or more"),
        ({"jobs": 0}, "--jobs 0: must be 1 or more"),
    ],
)
def test_what_cannot_work_is_refused_before_anything_is_made(tmp_path: Path, asked: dict[str, Any], said: str) -> None:
    with pytest.raises((InputError, ConfigError), match=said):
        run_bench(BenchRequest(tmp_path / "bench", FAULTS_FILE, **asked))
    assert not (tmp_path / "bench").exists()


def test_a_damaged_bundle_is_named_with_what_to_do(place: Workplace, monkeypatch: pytest.MonkeyPatch) -> None:
    cases = some_cases(1)
    ran(cases, place)

    def damaged(*_: Any) -> Any:
        raise FileNotFoundError(2, "No such file or directory", "decision.json")

    monkeypatch.setattr(bench, "with_records", damaged)
    monkeypatch.setattr(bench, "diagnosis_digest", lambda: "another")
    with pytest.raises(StateError, match=f"cases/{cases[0].number}/bundle: cannot be diagnosed again.*decision.json"):
        diagnosed_again(place.directory, cases)


def test_a_setting_that_no_run_could_have_is_refused_before_a_baseline_is_trained(tmp_path: Path) -> None:
    faults = tmp_path / "faults.yaml"
    faults.write_text("odd: {settings: ['training.nonsense={strength}'], accepted: [pipeline]}")
    with pytest.raises(ConfigError, match=r"faults.yaml: odd 1: .*nonsense"):
        run_bench(BenchRequest(tmp_path / "bench", faults))
    assert not (tmp_path / "bench").exists()
