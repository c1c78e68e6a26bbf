"""A blind bench takes from an open one what would be the same again, and nothing else."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from ratchet.pipeline.bench.bench import keep
from ratchet.pipeline.bench.borrowed import attempts, borrow_baseline, borrowed
from ratchet.pipeline.bench.case_result import CaseResult
from ratchet.pipeline.bench.cases import Case, Split, plan, read_entries
from ratchet.schemas.base.errors import InputError
from tests.pipeline.bench.cases import planned

SHARED = {"truth": "t", "baseline": "b"}


def case_of(name: str, blind: bool) -> Case:
    cases = plan(read_entries(), Split.SCORE, 0, blind)
    return next(case for case in cases if [fault.name for fault in case.planted] == [name])


def has_run(directory: Path, case: Case) -> CaseResult:
    result = planned(case, {**SHARED, "golden": "g", "diagnosis": "d"})
    for place in (f"cases/{case.number}/bundle", f"material/{case.number}"):
        (directory / place).mkdir(parents=True)
        (directory / place / "file").write_text(case.title)
    keep(directory, result)
    return result


def test_a_fault_in_the_data_is_not_trained_again_for_a_blind_bench(tmp_path: Path) -> None:
    has_run(tmp_path / "open", case_of("loose", blind=False))
    blind = case_of("loose", blind=True)
    taken = borrowed(blind, tmp_path / "open", tmp_path / "blind", SHARED)
    assert taken is not None
    assert (taken.blind, taken.digests["case"]) == (True, blind.digest)
    for place in (f"cases/{blind.number}/bundle/file", f"material/{blind.number}/file"):
        assert (tmp_path / "blind" / place).read_text() == blind.title


def test_a_fault_that_a_blind_bench_plants_below_the_policy_is_no_run_of_the_open_one(tmp_path: Path) -> None:
    has_run(tmp_path / "open", case_of("mirrored", blind=False))
    assert borrowed(case_of("mirrored", blind=True), tmp_path / "open", tmp_path / "blind", SHARED) is None


def test_only_a_sound_run_of_the_same_case_from_the_same_baseline_is_taken(tmp_path: Path) -> None:
    open_case, blind = case_of("loose", blind=False), case_of("loose", blind=True)
    found = has_run(tmp_path / "open", open_case)
    keep(tmp_path / "open", replace(found, error="no space left"))
    assert borrowed(blind, tmp_path / "open", tmp_path / "blind", SHARED) is None
    keep(tmp_path / "open", replace(found, attempt=2))
    assert [each.attempt for each in attempts(tmp_path / "open", open_case)] == [1, 2]
    assert borrowed(blind, tmp_path / "open", tmp_path / "blind", SHARED) is not None
    assert borrowed(blind, tmp_path / "open", tmp_path / "blind", {**SHARED, "baseline": "other"}) is None
    assert borrowed(replace(blind, settings=("a.b=1",)), tmp_path / "open", tmp_path / "blind", SHARED) is None


def test_a_baseline_is_taken_once_and_what_is_there_stays(tmp_path: Path) -> None:
    for name, text in (("open", "theirs"), ("blind", "ours")):
        (tmp_path / name / "data").mkdir(parents=True)
        (tmp_path / name / "data" / "file").write_text(text)
    with pytest.raises(InputError, match="no baseline is there yet"):
        borrow_baseline(tmp_path / "open", tmp_path / "blind")
    (tmp_path / "open" / "baseline").mkdir()
    (tmp_path / "open" / "baseline" / "baseline.json").write_text("{}")
    borrow_baseline(tmp_path / "open", tmp_path / "blind")
    assert (tmp_path / "blind" / "baseline" / "baseline.json").read_text() == "{}"
    assert (tmp_path / "blind" / "data" / "file").read_text() == "ours"
