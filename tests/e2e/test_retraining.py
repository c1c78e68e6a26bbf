"""The promises, on real steps: pushed when it holds, blocked when it does not, never anything in between."""

from __future__ import annotations

import dataclasses
import html
import json
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from ratchet.components.registry.registry import Registry
from ratchet.components.registry.storage import DiskStorage
from ratchet.pipeline.past.result import result_text
from ratchet.schemas.artifacts.data_evidence import EVIDENCE_FORMAT
from ratchet.schemas.artifacts.decisions import Verdict
from ratchet.schemas.artifacts.evaluation import EVALUATION_FILE, EVALUATION_FORMAT
from ratchet.schemas.artifacts.overrides import OverrideKind
from ratchet.schemas.artifacts.run_result import RunResult
from ratchet.schemas.artifacts.training_record import (
    RECORD_FILE,
    STATISTICS_FILE,
    TRAINING_RECORD_FORMAT,
    TrainingRecord,
)
from ratchet.schemas.base.errors import ConfigError, InputError, StateError
from ratchet.schemas.base.files import LOCAL_FILES
from ratchet.schemas.base.model_digest import model_digest
from tests.e2e.conftest import REPOSITORY, Runs, command, in_a_month

pytestmark = pytest.mark.tensorflow
RECOMPUTE = Path(__file__).with_name("recompute.py")
SAMPLE = REPOSITORY / "build" / "sample"  # docs/review.md


def saved_model(runs: Runs, result: RunResult) -> Path:
    return runs.world.root / "serving" / "digits" / str(result.pushed_version)


def record(runs: Runs, result: RunResult) -> TrainingRecord:
    path = saved_model(runs, result) / RECORD_FILE
    return TRAINING_RECORD_FORMAT.read(path.read_text(), str(path))


def test_the_first_model_is_bootstrapped(runs: Runs) -> None:
    assert (runs.first.verdict, runs.first.exit_code) == (Verdict.BOOTSTRAPPED, 0)
    assert runs.first.baseline_map is None
    assert runs.first.delta is None
    assert runs.first.map is not None
    assert runs.first.map > 0.02


def test_a_good_span_is_pushed_because_map_rose(runs: Runs) -> None:
    good = runs.good
    assert (good.verdict, good.exit_code) == (Verdict.PUSHED, 0)
    assert good.baseline_map == pytest.approx(runs.first.map, abs=1e-6)
    assert good.delta is not None
    assert good.delta > 0
    assert good.delta_ci is not None
    assert good.delta_ci[0] <= good.delta <= good.delta_ci[1]


def test_loose_boxes_are_blocked_and_the_baseline_stays_served(runs: Runs) -> None:
    bad = runs.bad_labels
    assert (bad.verdict, bad.exit_code) == (Verdict.BLOCKED, 3)
    assert bad.reasons[0].rule == "map_drop"
    assert bad.observed[0] == "labels:size"  # the data gate had said why
    assert "the data gate had observed labels:size" in result_text(bad)
    assert bad.delta is not None
    assert bad.delta < 0
    assert bad.pushed_version is None
    assert runs.after_runs.model.version == runs.good.pushed_version
    assert runs.after_runs.versions == sorted([str(runs.first.pushed_version), str(runs.good.pushed_version)])


def test_the_page_of_the_block_is_left_for_whoever_wants_to_see_one(runs: Runs) -> None:
    SAMPLE.mkdir(parents=True, exist_ok=True)
    for page in Path(runs.bad_labels.report).parent.glob("*.html"):
        shutil.copy(page, SAMPLE)
    text = (SAMPLE / "review.html").read_text()
    assert "BLOCKED" in text
    assert str(runs.bad_labels.run_id) in text


def test_a_dark_span_is_rejected_before_training(runs: Runs) -> None:
    dark = runs.dark
    assert (dark.verdict, dark.exit_code) == (Verdict.DATA_REJECTED, 4)
    assert "drift:qa/brightness" in [reason.rule for reason in dark.reasons]
    assert dark.map is None
    assert "DetectorTrainer" not in dark.seconds
    assert "DATA_REJECTED" in Path(runs.dark_again.report).read_text()
    found = max((runs.world.root / "artifacts" / "DataGate" / "decision").iterdir(), key=lambda path: int(path.name))
    assert (found / "report.html").read_text().startswith("<!DOCTYPE html>")
    assert json.loads((found / "decision.json").read_text())["passed"] is False
    assert [
        entry.feature
        for entry in EVIDENCE_FORMAT.read((found / "evidence.json").read_text(), "evidence.json").comparisons
    ]
    assert (found / "Split-train" / "SchemaDiff.pb").stat().st_size > 0


def test_a_copy_of_a_golden_image_in_the_training_data_blocks(runs: Runs) -> None:
    leaked = runs.leaked
    assert (leaked.verdict, leaked.exit_code) == (Verdict.BLOCKED, 3)
    assert leaked.reasons[0].rule == "trust:leak"
    assert "leak" in leaked.observed  # the data gate saw it too, and only observed
    assert "is image 10000 of span 5" in leaked.reasons[0].actual
    assert leaked.pushed_version is None
    assert runs.after_runs.model.version == runs.good.pushed_version


def evaluation_directory(runs: Runs, result: RunResult) -> Path:
    directories = (runs.world.root / "artifacts" / "MapEvaluator" / "evaluation").iterdir()
    maps = {
        path: EVALUATION_FORMAT.read((path / EVALUATION_FILE).read_text(), EVALUATION_FILE).golden
        for path in directories
    }
    [found] = [path for path, golden in maps.items() if golden.candidate.coco["AP"] == result.map]
    return found


def test_both_models_are_measured_on_every_data_set_in_one_pass(runs: Runs) -> None:
    text = (evaluation_directory(runs, runs.good) / EVALUATION_FILE).read_text()
    data_sets = EVALUATION_FORMAT.read(text, EVALUATION_FILE).data_sets
    assert set(data_sets) == {"golden", "held_out", "earlier", "train_sample"}
    assert data_sets["golden"].candidate.coco["AP"] == runs.good.map
    assert data_sets["golden"].images == 60
    assert 40 < data_sets["held_out"].images < 800 - record(runs, runs.good).images
    assert 400 < data_sets["train_sample"].images < 600
    for data in data_sets.values():
        assert data.baseline is not None
        assert data.deltas is not None
        assert set(data.candidate.per_slice) >= {"object_size=small", "object_size=medium"}


def test_tfma_opens_the_evaluation_of_a_blocked_run(runs: Runs) -> None:
    import tensorflow_model_analysis as tfma

    directory = str(evaluation_directory(runs, runs.bad_labels))
    result = tfma.load_eval_result(directory, model_name="baseline")
    [overall] = [values for key, values in result.slicing_metrics if key == ()]
    assert overall[""][""]["AP"]["doubleValue"] == pytest.approx(runs.bad_labels.baseline_map)
    validation = tfma.load_validation_result(directory)
    assert not validation.validation_ok
    assert "map_drop" in str(validation)


def test_every_decision_on_the_golden_set_is_counted(runs: Runs) -> None:
    registry = Registry(DiskStorage(f"{runs.world.root}/registry", "none"))
    assert list(registry.records().golden_uses.values()) == [4]  # all but the span that was rejected before training


def test_a_crashed_step_is_named_with_the_way_on_and_nothing_is_served(runs: Runs) -> None:
    assert "OSError: disk full" in runs.crash
    assert "log.txt" in runs.crash
    assert "goes on from the failed step" in runs.crash


def test_the_same_command_resumed_the_crashed_run(runs: Runs) -> None:
    from tests.e2e.metadata import count_executions

    assert runs.good.run_id.endswith("-1")
    times = count_executions(runs.world.root / "metadata.sqlite")
    # Seven calls, six runs: what was done before the crash was not done again.
    assert times["DetectionExampleGen"] == times["StatisticsGen"] == times["DataGate"] == 6


def test_the_pushed_models_score_the_same_for_a_stranger_with_pycocotools(runs: Runs) -> None:
    pushed = (runs.first, runs.good)
    models = [str(saved_model(runs, result)) for result in pushed]
    command = [sys.executable, str(RECOMPUTE), str(runs.world.data / "golden"), *models]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=runs.world.directory)
    scores = [float(line) for line in done.stdout.splitlines()[-2:]]
    assert scores == [pytest.approx(result.map, abs=1e-6) for result in pushed]


def test_retraining_started_from_the_baseline_at_a_fraction_of_its_rate(runs: Runs) -> None:
    first, good = record(runs, runs.first), record(runs, runs.good)
    assert (first.mode, good.mode) == ("bootstrap", "retrain")
    assert good.baseline_digest == model_digest(str(saved_model(runs, runs.first)), LOCAL_FILES)
    assert good.learning_rate.peak == pytest.approx(0.3 * first.learning_rate.peak)
    assert good.augmentation_digest == first.augmentation_digest
    assert 0 < good.weight_distance < first.weight_distance
    # Warm, not from scratch: it starts below where the first training started.
    assert good.loss_curve[0][1] < 0.7 * first.loss_curve[0][1]
    assert (saved_model(runs, runs.good) / STATISTICS_FILE).stat().st_size > 0


@pytest.mark.parametrize("time", ["after_runs", "after_approval", "after_rollback"])
def test_tfx_resolver_registry_and_served_bytes_name_the_same_model(runs: Runs, time: str) -> None:
    serving = getattr(runs, time)
    assert model_digest(f"{serving.resolved}/Format-Serving", LOCAL_FILES) == serving.model.digest
    assert serving.versions[-1] == serving.model.version  # the highest number, which TensorFlow Serving serves
    path = runs.world.root / "serving" / "digits" / serving.model.version
    assert model_digest(str(path), LOCAL_FILES) == serving.model.digest


def test_an_approved_candidate_is_served_and_every_later_page_says_so(runs: Runs) -> None:
    assert (runs.approval.code, runs.approval.err) == (0, "")
    assert model_digest(f"{runs.bad_labels.model}/Format-Serving", LOCAL_FILES) == runs.after_approval.model.digest
    banner = "approved by Ada on"
    assert banner in Path(runs.dark_again.report).read_text()
    assert all(banner not in Path(result.report).read_text() for result in (runs.bad_labels, runs.leaked))


def test_a_rollback_serves_the_model_before_the_approved_one_again(runs: Runs) -> None:
    assert (runs.rollback.code, runs.rollback.err) == (0, "")
    assert runs.after_rollback.model.digest == runs.after_runs.model.digest
    assert runs.after_rollback.model.restores == runs.good.pushed_version
    kinds = [made.kind for made in Registry(DiskStorage(f"{runs.world.root}/registry", "none")).overrides()]
    assert kinds == [OverrideKind.APPROVED, OverrideKind.ROLLED_BACK]


def test_a_run_whose_evaluation_was_broken_is_not_approved_by_accident(runs: Runs) -> None:
    signed = ["--root", str(runs.world.root), "--by", "Ada", "--reason", "so what", "--expires", in_a_month()]
    refused = command("approve", runs.leaked.run_id, *signed)
    assert refused.code == 2
    assert "give --evaluation-broken" in refused.err


def test_the_page_of_a_blocked_run_has_what_the_run_left(runs: Runs) -> None:
    page = Path(runs.bad_labels.report).read_text()
    assert len(page) < 15e6
    for part in (
        "BLOCKED",
        "the new span is labelled in another way: loose boxes",
        f"ratchet approve {runs.bad_labels.run_id}",
        record(runs, runs.good).data[-1].digest,
        'href="tfma.html"',
        runs.good.run_id,  # in the history
        f"{runs.bad_labels.map:.4f}",
    ):
        assert part in page, part
    assert page.count('<figure class="shot"') >= 24
    assert 'href="data:image/jpeg;base64,' in page


def test_every_command_of_a_page_does_what_it_says_or_asks_for_what_is_left_to_fill_in(runs: Runs) -> None:
    page = Path(runs.bad_labels.report).read_text()
    shown = [html.unescape(text) for text in re.findall(r"<pre[^>]*><code>(ratchet .*?)</code></pre>", page, re.DOTALL)]
    given = {(words := shlex.split(text.replace("$USER", "Ada")))[1]: words[1:] for text in shown}
    assert {"approve", "rollback", "status", "history"} <= set(given)
    for name in ("approve", "rollback"):
        asked = command(*given[name])
        assert asked.code == 2
        assert "REPLACE" in asked.err
        assert "Traceback" not in asked.err
    assert command(*given["status"]).code == 0
    assert command(*(word for word in given["history"] if word != "--open")).code == 0


def test_the_tfma_report_lies_beside_the_page_and_follows_the_runs(runs: Runs) -> None:
    report = Path(runs.bad_labels.report).with_name("tfma.html")
    page = report.read_text()
    shown = command("review", runs.bad_labels.run_id, "--tfma", "--root", str(runs.world.root))
    assert shown.out.strip() == str(report)
    for part in ('href="review.html"', "BLOCKED", 'id="tfma-data"', "object_size:small", f"{runs.bad_labels.map:.4f}"):
        assert part in page, part
    assert f"version {runs.good.pushed_version}" in page  # in the time series
    assert "could not be read" not in page
    assert "Classes within slices" in page
    assert not Path(runs.dark.report).with_name("tfma.html").exists()  # no candidate was measured


def test_a_page_that_cannot_be_written_changes_no_verdict(runs: Runs) -> None:
    assert (runs.dark.verdict, runs.dark.exit_code) == (runs.dark_again.verdict, runs.dark_again.exit_code)
    assert Path(runs.dark.report).name == "report.html"
    assert "DataGate" in runs.dark.report
    assert not (runs.world.root / "runs" / runs.dark.run_id / "review.html").exists()


def test_status_and_history_tell_what_happened(runs: Runs) -> None:
    root = ["--root", str(runs.world.root)]
    status, history = command("status", *root), command("history", *root)
    assert (status.code, history.code) == (0, 0)
    assert "rolled back by Ada" in status.out
    for result in (runs.first, runs.good, runs.bad_labels, runs.dark, runs.leaked, runs.dark_again):
        assert result.run_id in history.out
    page = command("review", runs.bad_labels.run_id, *root)
    assert page.out.strip() == runs.bad_labels.report


def test_every_run_leaves_its_result_log_and_page(runs: Runs) -> None:
    causes = (
        (runs.first, "nothing_to_explain"),
        (runs.good, "nothing_to_explain"),
        (runs.bad_labels, "annotation:loose_boxes"),
        (runs.dark_again, "dataset_shift:lighting"),
    )
    for result, title in causes:
        directory = runs.world.root / "runs" / result.run_id
        written = json.loads((directory / "result.json").read_text())
        assert written["verdict"] == result.verdict.value
        cause = written["cause"]
        assert ":".join(filter(None, (cause["name"], cause["detail"]))) == title
        assert json.loads((directory / "diagnosis.json").read_text())["cause"] == cause
        assert (directory / "log.txt").exists()
        assert result.report == str(directory / "review.html")
        assert (directory / "review.html").stat().st_size > 10_000


def test_an_undeclared_change_of_augmentation_is_refused_before_anything_starts(runs: Runs) -> None:
    before = sorted((runs.world.root / "runs").iterdir())
    with pytest.raises(ConfigError, match="augmentation = 'flip-v1'"):
        runs.world.run(2, "augmentation=flip-v1")
    assert sorted((runs.world.root / "runs").iterdir()) == before


def test_bootstrapping_over_a_served_model_is_refused(runs: Runs) -> None:
    with pytest.raises(InputError, match="is served already"):
        runs.world.run(1, bootstrap=True)


def test_a_lost_registry_is_an_error_not_a_first_run(runs: Runs, tmp_path: Path) -> None:
    root = tmp_path / "root"
    shutil.copytree(runs.world.root / "serving", root / "serving")
    copy = dataclasses.replace(runs.world, directory=tmp_path)
    shutil.copytree(runs.world.data, tmp_path / "data")
    with pytest.raises(StateError, match="registry"):
        copy.run(1, bootstrap=True)
