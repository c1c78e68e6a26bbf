"""`ratchet explain`: an answer from whatever there is, on a terminal, as JSON and as a page; and clear refusals."""

from __future__ import annotations

import errno
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from ratchet.pipeline.cli.main import main
from ratchet.pipeline.explain.words import in_other_words
from tests.components.review.test_page import text_of
from tests.pipeline.explain.two_models import TwoModels, two_models
from tests.test_architecture import HEAVY, ROOT


@pytest.fixture
def files(tmp_path: Path) -> TwoModels:
    return two_models(tmp_path)


def test_two_configurations_give_a_suspect_and_no_cause(files: TwoModels, capsys: pytest.CaptureFixture[str]) -> None:
    assert files.explain(*files.configs()) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("whether mAP fell is not shown")
    assert lines[1] == "cause not settled; first suspect, by the configurations alone: learning rate too high (peak)"
    assert "2.5 times the 0.04 of the training before" in lines[2]
    assert any(line.startswith("ruled out: ") and "augmentation" in line for line in lines)
    assert any(
        line.startswith("if it is that: ") and line.endswith("learning_rate_base: 0.1 -> 0.04") for line in lines
    )
    assert any(line.startswith("surer with: --gt, --before and --after") for line in lines)
    assert len(lines) <= 10


def test_result_files_alone_say_how_far_it_fell(files: TwoModels, capsys: pytest.CaptureFixture[str]) -> None:
    assert files.explain(*files.results()) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("mAP fell: ")
    assert lines[0].endswith("on 60 images: more than noise")
    assert lines[1] == "cause unknown"
    assert "surer with: --config-before and --config-after, the files that both were trained by" in lines


def test_json_is_alone_on_stdout_and_says_the_same(files: TwoModels, capsys: pytest.CaptureFixture[str]) -> None:
    assert files.explain(*files.configs(), *files.results(), "--json") == 0
    told = capsys.readouterr()
    values = json.loads(told.out)
    assert values["cause"]["state"] == "unknown"
    assert values["first_suspect"] == "learning_rate_too_high:peak"
    assert values["map"]["difference"] == pytest.approx(values["map"]["after"] - values["map"]["before"])
    low, high = values["map"]["interval"]
    assert low < values["map"]["difference"] < high < 0
    [peak] = [each for each in values["changes"] if each["attribute"] == "rate.peak"]
    assert peak["ratio"] == pytest.approx(2.5)
    assert told.err.startswith("mAP fell: ")


def test_the_page_shows_what_the_terminal_says(files: TwoModels, capsys: pytest.CaptureFixture[str]) -> None:
    assert files.explain(*files.configs(), *files.results(), "--report", str(files.report)) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1] == f"page: {files.report / 'index.html'}"
    assert {path.name for path in files.report.iterdir()} == {"index.html", "explanation.json"}
    page = text_of((files.report / "index.html").read_text(encoding="utf-8"))
    assert "first suspect, by the configurations alone: learning rate too high (peak)" in page
    assert "The peak learning rate was 0.1, 2.5 times the 0.04 of the training before" in page
    assert "learning_rate_base" in page
    assert "Where mAP changed" in page
    values = json.loads((files.report / "explanation.json").read_text(encoding="utf-8"))
    assert values["first_suspect"] == "learning_rate_too_high:peak"


def test_a_page_without_result_files_has_what_there_is(files: TwoModels) -> None:
    assert files.explain(*files.configs(), "--report", str(files.report)) == 0
    page = (files.report / "index.html").read_text(encoding="utf-8")
    assert "learning rate as planned" in page
    assert "Where mAP changed" not in page


def test_a_report_takes_the_place_of_one_of_another_command(files: TwoModels) -> None:
    gt, before, after = files.results()[1::2]
    evaluated = ["evaluate", "--gt", gt, "--baseline-dt", before, "--dt", after, "--report", str(files.report)]
    assert main(evaluated) == 3
    assert files.explain(*files.configs(), "--report", str(files.report)) == 0
    assert {path.name for path in files.report.iterdir()} == {"index.html", "explanation.json"}
    assert main(evaluated) == 3
    assert "explanation.json" not in {path.name for path in files.report.iterdir()}


def test_a_directory_of_somebody_else_is_left_alone(files: TwoModels, capsys: pytest.CaptureFixture[str]) -> None:
    files.report.mkdir()
    (files.report / "thesis.txt").write_text("all of it", encoding="utf-8")
    assert files.explain(*files.configs(), "--report", str(files.report)) == 2
    assert "holds thesis.txt" in capsys.readouterr().err
    assert [path.name for path in files.report.iterdir()] == ["thesis.txt"]


def test_both_sides_alike_is_a_flawed_evaluation(files: TwoModels, capsys: pytest.CaptureFixture[str]) -> None:
    gt, before, _ = files.results()[1::2]
    assert files.explain("--gt", gt, "--before", before, "--after", before) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "the evaluation is flawed" in lines[0]
    assert "a flawed evaluation" in lines[1]
    assert "compared with itself" in lines[2]


def test_labels_as_results_are_a_flawed_evaluation(files: TwoModels, capsys: pytest.CaptureFixture[str]) -> None:
    labels = json.loads((files.directory / "gt.json").read_text(encoding="utf-8"))["annotations"]
    fake = [{**{key: box[key] for key in ("image_id", "category_id", "bbox")}, "score": 0.9} for box in labels]
    (files.directory / "fake.json").write_text(json.dumps(fake), encoding="utf-8")
    gt, before, _ = files.results()[1::2]
    assert files.explain("--gt", gt, "--before", before, "--after", files.path("fake.json"), "--json") == 0
    values = json.loads(capsys.readouterr().out)
    assert values["cause"]["name"] == "evaluation_set"
    assert "to the last digit" in values["cause"]["sentence"]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ([], "nothing to explain by: give --config-before"),
        (["--images", "."], "nothing to explain by"),
        (["--before", "before.json", "--after", "after.json"], "measured on what? Give --gt"),
        (["--gt", "gt.json", "--after", "after.json"], "give --before, too"),
        (["--gt", "gt.json", "--before", "none.json", "--after", "after.json"], "--before none.json: there is no such"),
        (["--before-on-train", "before.json"], "Give --train-after"),
        (["--config-before", "gt.json"], "gt.json"),
        (["--logs-after", "before.config"], "before.config"),
        (["--train-before", "before.config"], "before.config"),
    ],
)
def test_what_does_not_belong_together_is_one_error(
    files: TwoModels,
    arguments: list[str],
    told: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(files.directory)
    assert files.explain(*arguments) == 2
    error = capsys.readouterr().err
    assert error.startswith("ratchet: ")
    assert told in error
    assert len(error.splitlines()) == 1


def test_words_of_a_run_become_words_of_two_trainings() -> None:
    told = in_other_words("The candidate learned 80% of what changed in the span's labels, the served model did not.")
    assert told == "The model after learned 80% of what changed in the new data's labels, the model before did not."
    assert in_other_words("Let it go (data_gate.mode: enforce -> observe).") == "Let it go."


def test_names_of_rules_are_not_told() -> None:
    told = in_other_words("Correct the export (trust:dummy_other_images:candidate), then run again.")
    assert told == "Correct the export, then measure both models again."
    assert in_other_words("trust:dummy_labels:baseline: the boxes are labels.") == "The boxes are labels."


def test_results_without_a_box_and_sets_that_are_not_looked_at_are_told(
    files: TwoModels, capsys: pytest.CaptureFixture[str]
) -> None:
    Path(files.path("after.json")).write_text("[]", encoding="utf-8")
    assert files.explain(*files.results()) == 0
    assert "note: --after: holds no detection at all" in capsys.readouterr().out
    assert files.explain("--on-new", *map(files.path, ("gt.json", "before.json", "before.json"))) == 0
    assert "note: --on-new: not looked at without --gt" in capsys.readouterr().out


def test_the_page_has_no_candidate_and_no_baseline(files: TwoModels) -> None:
    assert files.explain(*files.configs(), *files.results(), "--report", str(files.report)) == 0
    page = (files.report / "index.html").read_text(encoding="utf-8")
    shown = re.sub(r"<(style|script|code)\b.*?</\1>", "", page, flags=re.DOTALL)
    assert not re.findall(r">[^<]*\b(?:candidate|baseline)\b[^<]*<", shown, re.IGNORECASE)
    assert "the model after makes more errors than the model before" in shown


def test_the_answer_is_told_where_its_page_cannot_be_written(
    files: TwoModels, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "index.html")

    monkeypatch.setattr("ratchet.pipeline.explain.report.write_report_files", full)
    assert files.explain(*files.configs(), "--report", str(files.report)) != 0
    told = capsys.readouterr()
    assert "first suspect" in told.out
    assert "No space left" in told.err


def test_nothing_heavy_is_imported(files: TwoModels) -> None:
    code = (
        "import sys; from ratchet.pipeline.cli.main import main; code = main(sys.argv[1:]); "
        f"print('HEAVY', sorted(set(sys.modules) & {HEAVY!r})); sys.exit(code)"
    )
    given = [*files.configs(), *files.results(), "--report", str(files.report)]
    done = subprocess.run(
        [sys.executable, "-c", code, "explain", *given], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert done.stdout.splitlines()[-1] == "HEAVY []"


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("relabel the golden set and the earlier spans so, too", "relabel the golden set and the earlier data so, too"),
        (
            "Take them out of the span or the golden set (with data_gate.accept_new_golden=true for one run); then",
            "Take them out of the new data or the golden set; then",
        ),
        (
            "Label more golden images (150 -> 600 tell it), with data_gate.accept_new_golden=true for one run.",
            "Label more golden images (150 -> 600 tell it).",
        ),
    ],
)
def test_settings_of_this_product_are_left_out(said: str, told: str) -> None:
    assert in_other_words(said) == told
