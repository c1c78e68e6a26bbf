"""`ratchet bench report`, `export` and `score`, on a bench that was made up."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ratchet.pipeline.bench.case_result import CASE_RESULT_FORMAT, CASES_DIRECTORY
from ratchet.pipeline.cli.main import main
from tests.pipeline.bench.cases import bench
from tests.pipeline.bench.test_export import bench as exportable  # noqa: F401


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    (tmp_path / "run" / CASES_DIRECTORY).mkdir(parents=True)
    for each in bench(2)[:20]:
        (tmp_path / "run" / CASES_DIRECTORY / each.file_name).write_text(CASE_RESULT_FORMAT.write(each))
    return tmp_path / "run"


@pytest.mark.parametrize("order", ["action first", "directory first"])
def test_a_report_is_shown_and_written_into_the_bench(
    directory: Path, capsys: pytest.CaptureFixture[str], order: str
) -> None:
    place = ["--dir", str(directory)]
    words = ["report", *place] if order == "action first" else [*place, "report"]
    assert main(["bench", *words, "--no-charts", "--json"]) == 0
    told = capsys.readouterr()
    assert "Regressions pushed: " in told.err
    assert json.loads(told.out)["cases"] == 20
    assert {path.name for path in directory.iterdir()} == {CASES_DIRECTORY, "report.md", "report.json"}


def test_what_is_exported_is_scored(exportable: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:  # noqa: F811
    out = tmp_path / "handed-out"
    assert main(["bench", "export", str(out), "--dir", str(exportable)]) == 0
    assert "hand out" in capsys.readouterr().out
    assert main(["bench", "score", str(out / "answers-observing.json"), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["score"]["cases"] == {"fault": 1, "harmless": 1}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["report", "--dir", "nowhere"], "nowhere: cannot be read (No such file or directory); give the directory of"),
        (["export", "out", "--dir", "nowhere"], "nowhere: cannot be read"),
        (["score", "mine.json"], "key.json: cannot be read (No such file or directory); give the key.json that"),
    ],
)
def test_what_is_not_there_is_told_in_a_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], words: list[str], message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["bench", *words]) == 2
    said = capsys.readouterr().err
    assert message in said
    assert said.count("\n") == 1
