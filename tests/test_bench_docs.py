"""The figures of a bench in README and docs are what was run, and stand where the marks are."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.bench_docs import BEGIN, main
from benchmarks.measured_docs import END, write_between
from ratchet.pipeline.bench.case_result import CASE_RESULT_FORMAT, CASES_DIRECTORY
from ratchet.pipeline.bench.report import report_of
from ratchet.schemas.base.errors import InputError
from tests.pipeline.bench.cases import bench

ROOT = Path(__file__).resolve().parent.parent
PAGES = ("README.md", "docs/bench.md")


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    (tmp_path / "docs").mkdir()
    for page in PAGES:
        (tmp_path / page).write_text(f"before\n{BEGIN}\nstale\n{END}\nafter\n")
    return tmp_path


def test_figures_and_picture_are_written_over_those_before(tree: Path) -> None:
    cases = bench(2)[:9]
    (tree / "run" / CASES_DIRECTORY).mkdir(parents=True)
    for each in cases:
        (tree / "run" / CASES_DIRECTORY / each.file_name).write_text(CASE_RESULT_FORMAT.write(each))
    for _ in range(2):
        assert main([str(tree / "run"), "--command", "ratchet bench --seed 4", "--tree", str(tree)]) == 0
    first = str(report_of(cases).tables[0].product.first)
    for page in PAGES:
        text = (tree / page).read_text()
        assert (text.startswith(f"before\n{BEGIN}\n"), text.endswith(f"{END}\nafter\n")) == (True, True)
        assert "stale" not in text
        assert first in text
        assert "`ratchet bench --seed 4`; code: 1.0, source 0123456789ab" in text
    assert (tree / "docs" / "bench.png").read_bytes().startswith(b"\x89PNG")


def test_a_page_without_the_marks_is_left_alone(tree: Path) -> None:
    page = tree / "page.md"
    page.write_text("nothing")
    with pytest.raises(InputError, match="are not there; put them where the figures belong"):
        write_between(page, BEGIN, "figures")
    assert page.read_text() == "nothing"


def test_a_directory_that_is_no_bench_is_told_in_a_line(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tree), "--command", "ratchet bench", "--tree", str(tree)]) == 2
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.parametrize("page", PAGES)
def test_our_own_pages_have_the_marks(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    assert text.index(BEGIN) < text.index(END)
