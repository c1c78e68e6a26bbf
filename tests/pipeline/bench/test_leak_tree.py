"""Names, sizes and counts of a case's files must not tell what was planted, and a tree finds it if they do."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ratchet.pipeline.bench.case_result import CaseResult, Group, Split
from ratchet.pipeline.bench.leak_tree import leak_test, leak_tree, listing_of
from ratchet.schemas.artifacts.diagnosis import CAUSES
from tests.pipeline.bench.cases import case, planted


def faults(n: int, split: Split, start: int = 0) -> list[CaseResult]:
    causes = [CAUSES[number % len(CAUSES)] for number in range(n)]
    return [
        case(start + number, split=split, planted=(planted(cause),)) for number, cause in enumerate(causes, start=1)
    ]


def bench() -> list[CaseResult]:
    return [*faults(54, Split.CALIBRATION), *faults(54, Split.SCORE, start=54)]


def test_figures_that_have_nothing_to_do_with_the_fault_are_at_chance() -> None:
    found = []
    for seed in range(20):
        rng = np.random.default_rng(seed)
        found.append(
            leak_test(bench(), {each.number: {"bytes/jpg/mean": rng.normal(), "files": 9.0} for each in bench()})
        )
    assert {(each.n, each.chance) for each in found} == {(54, 6 / 54)}
    assert sum(each.leaks for each in found) <= 2  # of 20 one is to be expected


def test_a_size_that_gives_the_fault_away_is_found() -> None:
    rng = np.random.default_rng(5)
    listings = {
        each.number: {"bytes/json/mean": 100.0 * CAUSES.index(each.planted[0].accepted[0]) + rng.normal()}
        for each in bench()
    }
    found = leak_test(bench(), listings)
    assert found.leaks
    assert found.right == 54


def test_without_calibration_no_case_is_asked_of_a_tree_that_has_seen_it() -> None:
    cases = faults(18, Split.SCORE)
    listings = {each.number: {"name/all": float(number)} for number, each in enumerate(cases)}
    rng = np.random.default_rng(1)
    for each, value in zip(cases, rng.permutation(18).tolist()):
        listings[each.number] = {"name/all": float(value)}
    assert not leak_test(cases, listings).leaks


def test_only_faults_that_cost_are_asked() -> None:
    cases = [*faults(9, Split.SCORE), case(20, Group.CONTROL, 0.0), case(21, truth=0.0)]
    assert leak_test(cases, {each.number: {"a": 1.0} for each in cases}).n == 9


def test_no_case_and_no_listing_are_no_leak() -> None:
    assert not leak_test([], {}).leaks
    assert leak_test(bench(), {}).n == 0
    assert leak_tree(bench(), {}, "tree").draws == ({},)


def test_calibration_cases_alone_are_asked_nothing() -> None:
    cases = faults(54, Split.CALIBRATION)
    found = leak_test(cases, {each.number: {"a": float(place)} for place, each in enumerate(cases)})
    assert (found.n, found.leaks) == (0, False)


def test_a_listing_tells_names_sizes_and_counts(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    for name, size in (("images/a.jpg", 10), ("images/b.jpg", 30), ("annotations.json", 7)):
        (tmp_path / name).write_bytes(b"x" * size)
    first = listing_of(tmp_path)
    assert (first["count/files"], first["count/directories"], first["count/jpg"]) == (3, 1, 2)
    assert (first["bytes/jpg/mean"], first["bytes/jpg/least"], first["bytes/json/mean"]) == (20, 10, 7)
    (tmp_path / "images" / "b.jpg").rename(tmp_path / "images" / "c.jpg")
    second = listing_of(tmp_path)
    assert {key for key in first if first[key] != second[key]} == {"name/all"}
