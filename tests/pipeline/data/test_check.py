"""What `ratchet check` says, and bad input before TensorFlow is started."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pipeline.cli.main import main
from pipeline.data.check import CheckResult, find_data
from schemas.artifacts.decisions import DataDecision, Reason
from schemas.base.errors import DataError
from tests.builders import coco, coco_annotation, write_span

DARK = Reason("drift:qa/brightness", "at most 0.1", "darker", images=tuple(f"{number}.jpg" for number in range(7)))
FEW = Reason("drift:qa/num_boxes", "at most 0.1", "fewer", passed=True, warning=True)
FINE = Reason("schema", "no anomaly", "no anomaly", passed=True)


def result(*reasons: Reason, passed: bool = False, baseline: str | None = "17") -> CheckResult:
    return CheckResult(DataDecision(passed, reasons), "data/span-4", Path("out/report.html"), baseline, Path("root"))


def test_a_rejection_says_what_failed_where_to_look_and_what_to_open() -> None:
    rejected = result(DARK, FEW, FINE)
    assert rejected.exit_code == 4
    assert rejected.to_text().splitlines() == [
        "REJECT  data/span-4  (compared with served version 17)",
        "  x drift:qa/brightness: darker",
        "      expected at most 0.1",
        "      see 0.jpg, 1.jpg, 2.jpg, 3.jpg and 3 more",
        "  ! drift:qa/num_boxes: fewer",
        "      expected at most 0.1",
        "    1 of 3 rules passed",
        "Page: out/report.html",
    ]


def test_a_warning_lets_pass_and_a_missing_model_is_said() -> None:
    warned = result(FEW, FINE, passed=True, baseline=None)
    assert warned.exit_code == 0
    assert warned.to_text().startswith("WARN  data/span-4\n")
    assert "no served model in root:" in warned.to_text()


def test_json_has_the_keys_of_the_contract() -> None:
    value = json.loads(json.dumps(result(DARK).to_json()))
    assert set(value) == {"verdict", "passed", "reasons", "directory", "baseline", "page"}
    assert (value["verdict"], value["passed"]) == ("REJECT", False)
    assert value["reasons"][0]["images"][0] == "0.jpg"


def test_a_data_set_of_its_own_and_a_directory_of_spans_are_told_apart(tmp_path: Path) -> None:
    write_span(tmp_path / "span-2")
    write_span(tmp_path / "span-3-version-2")
    assert find_data(tmp_path, None) == (3, 2, str(tmp_path / "span-3-version-2"))
    assert find_data(tmp_path, 2) == (2, 1, str(tmp_path / "span-2"))
    assert find_data(tmp_path / "span-2", None) == (0, 1, str(tmp_path / "span-2"))
    with pytest.raises(DataError, match="no span-7"):
        find_data(tmp_path, 7)


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["--data", "nowhere"], "nowhere"),
        (["--data", "span-1", "--golden", "nowhere"], "nowhere"),
        (["--data", "span-1", "--golden", "bad"], "bad/annotations.json"),
        (["--data", "span-1", "--set", "data_gate.mod=observe"], "did you mean 'mode'"),
        (["--data", "span-1", "--set", "data.schema=nowhere.pbtxt"], "nowhere.pbtxt"),
    ],
)
def test_bad_input_is_one_error_and_nothing_is_written(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    word: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    write_span(tmp_path / "span-1")
    write_span(tmp_path / "bad", coco(annotations=[coco_annotation(1, 1, bbox=[60, 40, 30, 30])]))
    assert main(["check", *arguments, "--out", "out"]) == 2
    captured = capsys.readouterr()
    assert captured.err.count("ratchet: ") == 1
    assert word in captured.err
    assert not (tmp_path / "out").exists()
