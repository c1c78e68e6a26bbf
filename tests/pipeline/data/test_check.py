"""What `ratchet check` says, and bad input before TensorFlow is started."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ratchet.pipeline.cli.main import main
from ratchet.pipeline.data.check import CheckResult, find_data
from ratchet.schemas.artifacts.decisions import DataDecision, Reason
from ratchet.schemas.base.errors import DataError
from tests.builders import coco, coco_annotation, write_span
from tests.pipeline.roots import serve

DARK = Reason("drift:qa/brightness", "as bright", "darker", images=tuple(f"{number}.jpg" for number in range(7)))
FLAT = Reason("drift:qa/contrast", "as rich", "flat", passed=True, warning=True, cause=DARK.rule)
FEW = Reason("drift:qa/num_boxes", "as many", "fewer", passed=True, warning=True)
UNKNOWN = Reason("labels:noise", "30 objects", "5 objects", passed=True, tested=False)
UNSEEN = Reason("labels:size", "30 objects", "5 objects", passed=True, tested=False)
FINE = Reason("schema", "no anomaly", "no anomaly", passed=True)
COMMAND = "ratchet check --data data --set data_gate.min_examples=9 --out page --json"


def result(
    *reasons: Reason,
    passed: bool = False,
    baseline: str | None = "17",
    command: str = COMMAND,
    span: int = 4,
    root: Path = Path("root"),
) -> CheckResult:
    decision = DataDecision(passed, reasons)
    return CheckResult(decision, "data/span-4", Path("out/report.html"), baseline, root, span, command)


def test_a_rejection_says_the_cause_then_what_follows_then_the_rest_and_one_next_command() -> None:
    rejected = result(DARK, FLAT, FEW, UNKNOWN, UNSEEN, FINE)
    assert rejected.exit_code == 4
    assert rejected.to_text().splitlines() == [
        "REJECT  data/span-4  (compared with served version 17)",
        "",
        "FAILED      Drift of brightness from the training data (drift:qa/brightness)",
        "found       darker",
        "expected    as bright",
        "images      0.jpg, 1.jpg, 2.jpg, 3.jpg and 3 more",
        "follows     drift:qa/contrast: flat",
        "",
        "warning     drift:qa/num_boxes: fewer",
        "not tested  labels:noise, labels:size: 5 objects; it takes 30 objects",
        "",
        "6 rules: 1 failed, 1 follows from another, 1 warning, 2 not tested, 1 passed",
        "",
        "Page: out/report.html",
        "Next, once it is corrected:",
        f"  {COMMAND}",
    ]


def test_what_a_warning_explains_stands_below_it() -> None:
    follows = Reason("labels:missing", "", "none", passed=True, warning=True, cause=FEW.rule)
    lines = result(FEW, follows, FINE, passed=True).to_text().splitlines()
    assert lines[2:4] == ["warning     drift:qa/num_boxes: fewer", "follows     labels:missing: none"]


def test_long_texts_are_wrapped_beside_their_label_and_what_a_terminal_obeys_is_escaped() -> None:
    lines = result(Reason("leak", "none", "word " * 60 + "\x1b[2J")).to_text().splitlines()
    found = lines[3 : lines.index("expected    none")]
    assert len(found) == 4
    assert max(map(len, found)) <= 100
    assert all(line.startswith(" " * 12) for line in found[1:])
    assert found[-1].endswith("\\x1b[2J")


RUN = "  ratchet run --data data --set data_gate.min_examples=9"


def test_what_passes_is_trained_on_with_the_options_that_were_given(tmp_path: Path) -> None:
    root = tmp_path / "root"
    serve(root, "17", "span-1-aa-1", 1)
    text = result(FEW, FINE, passed=True, baseline="17", root=root).to_text()
    assert text.endswith(f"\nNext:\n{RUN}")


def test_a_first_run_is_told_which_settings_it_will_take(tmp_path: Path) -> None:
    text = result(FEW, FINE, passed=True, baseline=None, root=tmp_path / "root").to_text()
    assert text.endswith(
        f"writes them to {tmp_path}/root/ratchet.yaml, since --config is not given:\n{RUN} --bootstrap"
    )
    (tmp_path / "root").mkdir()
    (tmp_path / "root" / "ratchet.yaml").write_text("name: cells")
    text = result(FEW, FINE, passed=True, baseline=None, root=tmp_path / "root").to_text()
    assert text.endswith(f"\nNext:\n{RUN} --bootstrap")


def test_a_data_set_of_its_own_is_no_span_to_train_on() -> None:
    assert "Next" not in result(FINE, passed=True, span=0).to_text()


def test_a_warning_lets_pass_and_a_missing_model_is_said() -> None:
    warned = result(FEW, FINE, passed=True, baseline=None)
    assert warned.exit_code == 0
    assert warned.to_text().startswith("WARN  data/span-4\n")
    assert "no served model in root:" in warned.to_text()


def test_json_has_the_keys_of_the_contract() -> None:
    value = json.loads(json.dumps(result(DARK, FLAT, UNKNOWN).to_json()))
    assert set(value) == {"verdict", "passed", "reasons", "directory", "baseline", "page", "counts", "facts"}
    assert (value["verdict"], value["passed"]) == ("REJECT", False)
    assert value["reasons"][0]["images"][0] == "0.jpg"
    assert [reason["cause"] for reason in value["reasons"]] == [None, DARK.rule, None]
    assert value["counts"] == {"failed": 1, "follows": 1, "warning": 0, "not tested": 1, "passed": 0}


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
