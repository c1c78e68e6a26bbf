"""The simulated gate: better candidates pass more often, and the page's tables are what was simulated."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from benchmarks.gate_simulation import RULES, Outcome, Plan, simulate
from benchmarks.operating_characteristic import BEGIN, END, write_chart, write_tables
from ratchet.schemas.artifacts.decisions import Verdict
from tests.nightly import often

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "operating-characteristic.md"
PLAN = Plan(
    population=4000, sizes=(40,), differences=(-0.12, -0.03, 0.0, 0.03), golden_sets=often(30, 200), resamples=100
)


@pytest.fixture(scope="module")
def outcomes() -> list[Outcome]:
    return simulate(PLAN, workers=2)


def test_the_true_difference_is_about_what_was_aimed_at(outcomes: list[Outcome]) -> None:
    assert [each.difference for each in outcomes] == pytest.approx(PLAN.differences, abs=0.01)


def test_the_better_a_candidate_the_more_often_it_is_pushed(outcomes: list[Outcome]) -> None:
    for rules in RULES:
        shares = [each.share(rules) for each in outcomes]
        assert shares == sorted(shares)


def test_with_margin_0_every_second_equal_candidate_passes_and_none_that_fell_far(outcomes: list[Outcome]) -> None:
    fell, _, equal, rose = (each.share("tolerance off") for each in outcomes)
    assert fell == 0
    assert 0.3 <= equal <= 0.7
    assert rose > equal


def test_what_is_stricter_never_pushes_more(outcomes: list[Outcome]) -> None:
    for each in outcomes:
        assert each.share("margin .02") >= each.share("margin .01") >= each.share("default rules")
        assert each.share("tolerance off") >= each.share("default rules") >= each.share("tolerance .01")
        assert sum(each.share("default rules", verdict) for verdict in Verdict) == pytest.approx(1)


def test_the_outcomes_do_not_depend_on_the_number_of_workers() -> None:
    small = Plan(population=1000, sizes=(20,), differences=(0.0,), golden_sets=6, resamples=100)
    assert simulate(small, workers=1) == simulate(small, workers=2)


def test_tables_and_picture_are_written_over_those_before(outcomes: list[Outcome], tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"before\n{BEGIN}\nstale\n{END}\nafter\n")
    for _ in range(2):
        write_tables(page, outcomes, tuple(RULES))
        write_chart(tmp_path / "page.png", outcomes, tuple(RULES))
    text = page.read_text()
    assert "stale" not in text
    assert text.startswith("before")
    assert text.endswith(f"{END}\nafter\n")
    assert len(re.findall(r"^\| [+-]0\.\d{3} \|", text, re.MULTILINE)) == len(outcomes)
    assert (tmp_path / "page.png").read_bytes().startswith(b"\x89PNG")


def test_the_page_has_the_three_sizes_and_what_it_says_of_them() -> None:
    rows: dict[str, list[list[float]]] = {}
    for line in PAGE.read_text().splitlines():
        if line.startswith("### "):
            rows[line.split()[1]] = []
        elif rows and re.match(r"\| [+-]0\.", line):
            rows[list(rows)[-1]].append([float(cell) for cell in line.strip("| ").split("|")])
    assert list(rows) == ["100", "500", "2,000"]
    for table in rows.values():
        differences, pushed = [row[0] for row in table], [row[1] for row in table]
        assert differences == pytest.approx([step / 100 for step in range(-5, 6)], abs=0.003)
        assert pushed == sorted(pushed)
        assert pushed[0] == 0
        assert 0.35 <= pushed[5] <= 0.65
