"""`--metrics FILE`, read as Prometheus reads it."""

from __future__ import annotations

import datetime
import os
from pathlib import Path

import pytest

import ratchet.pipeline.run
from ratchet.pipeline.cli.main import main
from ratchet.pipeline.past.exposition import Gauge, Sample, exposition
from ratchet.pipeline.past.metrics import CommandEnd, check_metrics_file, metrics_text, write_metrics
from ratchet.pipeline.root.root_file import write_file
from ratchet.schemas.artifacts.decisions import DEFAULT_GOLDEN_BUDGET, Verdict
from ratchet.schemas.artifacts.root_file import RootFile
from ratchet.schemas.artifacts.run_files import ABANDONED_FILE
from ratchet.schemas.base.errors import InputError
from tests.builders import coco, coco_annotation, coco_image, recorded_decision, write_span
from tests.pipeline.roots import add_run, add_unfinished, registry_in, serve
from tests.pipeline.run.test_nothing_new import CountingRunner

parser = pytest.importorskip("prometheus_client.parser")

NOW = datetime.datetime(2030, 1, 9, 12, tzinfo=datetime.timezone.utc)
Values = dict[tuple[str, tuple[tuple[str, str], ...]], float]


def read(text: str) -> Values:
    """The samples of a text by name and labels, without the label of the root; Prometheus' own reader is strict."""
    found: Values = {}
    for family in parser.text_string_to_metric_families(text):
        assert (family.type, bool(family.documentation)) == ("gauge", True), family.name
        for sample in family.samples:
            labels = tuple(sorted((name, value) for name, value in sample.labels.items() if name != "root"))
            assert (sample.name, labels) not in found
            assert "root" in sample.labels
            found[sample.name, labels] = sample.value
    return found


def of(values: Values, name: str, **labels: str) -> float | None:
    return values.get((name, tuple(sorted(labels.items()))))


def hot(values: Values, name: str, **labels: str) -> str | None:
    """The verdict that is 1; all the others have to be there with 0."""
    by_verdict = {each.value: of(values, name, verdict=each.value, **labels) for each in Verdict}
    assert set(by_verdict.values()) <= {0.0, 1.0}
    return next((verdict for verdict, value in by_verdict.items() if value == 1.0), None)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A root with a first model, a push and a block, which has looked at its golden set three times."""
    made = tmp_path / "root"
    add_run(made, "span-1-aa-1", Verdict.BOOTSTRAPPED, 1, map=0.5)
    serve(made, "100", "span-1-aa-1", 1)
    add_run(made, "span-2-bb-1", Verdict.PUSHED, 2, map=0.61, pushed_version="200")
    serve(made, "200", "span-2-bb-1", 2, map=0.61)
    add_run(made, "span-3-cc-1", Verdict.BLOCKED, 3, map=0.42, seconds={"DataGate": 10.5, "DetectorTrainer": 100.0})
    for name in ("one", "two", "three"):
        registry_in(made).record_decision(name, recorded_decision(run_id=name))
    return made


def test_the_figures_of_a_root_are_those_of_its_status(root: Path) -> None:
    values = read(metrics_text(root, CommandEnd("run", 3, Verdict.BLOCKED, new=1, unfinished=2), NOW))
    assert hot(values, "ratchet_last_run_verdict") == "BLOCKED"
    assert of(values, "ratchet_last_run_timestamp_seconds") == NOW.timestamp() - 6 * 86400
    assert of(values, "ratchet_last_run_seconds") == 110.5
    assert of(values, "ratchet_last_run_finished") == 1.0
    assert of(values, "ratchet_candidate_map") == 0.42
    assert of(values, "ratchet_served_model_map") == 0.61
    assert of(values, "ratchet_served_model_since_timestamp_seconds") == NOW.timestamp() - 7 * 86400
    assert of(values, "ratchet_served_model_info", version="200", run_id="span-2-bb-1") == 1.0
    assert of(values, "ratchet_golden_looks_used") == 3.0
    assert of(values, "ratchet_golden_looks_left") == DEFAULT_GOLDEN_BUDGET - 3
    assert of(values, "ratchet_spans_waiting", state="new") == 1.0
    assert of(values, "ratchet_spans_waiting", state="unfinished") == 2.0
    assert of(values, "ratchet_command_exit_code", command="run") == 3.0
    assert of(values, "ratchet_command_timestamp_seconds", command="run") == NOW.timestamp()
    assert hot(values, "ratchet_command_verdict", command="run") == "BLOCKED"
    assert of(values, "ratchet_root_contradictory") == 0.0


@pytest.mark.parametrize(("budget", "left"), [(4, 1.0), (3, 0.0), (2, 0.0)])
def test_a_golden_set_that_was_asked_too_often_has_no_look_left(root: Path, budget: int, left: float) -> None:
    write_file(root, RootFile("digits", {"evaluator": {"golden_budget": budget}}))
    values = read(metrics_text(root, CommandEnd("status"), NOW))
    assert of(values, "ratchet_golden_looks_left") == left


def test_a_night_without_news_leaves_the_verdict_of_the_last_run(root: Path) -> None:
    values = read(metrics_text(root, CommandEnd("run", 0, Verdict.NOTHING_NEW), NOW))
    assert hot(values, "ratchet_command_verdict", command="run") == "NOTHING_NEW"
    assert hot(values, "ratchet_last_run_verdict") == "BLOCKED"
    assert of(values, "ratchet_spans_waiting", state="new") is None  # nobody looked


def test_a_run_that_crashed_is_told_beside_the_verdict_of_the_one_before(root: Path) -> None:
    add_unfinished(root, "span-4-dd-1", 4)
    values = read(metrics_text(root, CommandEnd("run", 1), NOW))
    assert of(values, "ratchet_last_run_finished") == 0.0
    assert hot(values, "ratchet_last_run_verdict") == "BLOCKED"
    assert hot(values, "ratchet_command_verdict", command="run") is None
    assert of(values, "ratchet_command_exit_code", command="run") == 1.0


def test_a_run_that_was_abandoned_has_decided_nothing(root: Path) -> None:
    (root / "runs" / "span-3-cc-1" / ABANDONED_FILE).touch()
    values = read(metrics_text(root, CommandEnd("status"), NOW))
    assert hot(values, "ratchet_last_run_verdict") == "PUSHED"
    assert of(values, "ratchet_candidate_map") == 0.61


def test_what_is_not_known_is_left_out(tmp_path: Path) -> None:
    values = read(metrics_text(tmp_path / "nowhere", CommandEnd("run", 2), NOW))
    assert {name for name, _ in values} == {
        "ratchet_command_exit_code",
        "ratchet_command_timestamp_seconds",
        "ratchet_command_verdict",
    }


def test_a_contradictory_root_is_told(root: Path) -> None:
    (root / "serving" / "digits" / "200" / "saved_model.pb").write_text("another")
    values = read(metrics_text(root, CommandEnd("status", 2), NOW))
    assert of(values, "ratchet_root_contradictory") == 1.0
    assert of(values, "ratchet_served_model_map") is None


@pytest.mark.parametrize("text", ['a"b', "a\\b", "a\nb", "a\\nb", "{}=,", "ж 图", "\udcff", ""])
def test_labels_and_help_may_hold_anything(text: str) -> None:
    written = exposition([Gauge("g", text or "x", [Sample(1.5, {"label": text})])], {"root": text})
    [family] = parser.text_string_to_metric_families(written)
    [sample] = family.samples
    expected = text.replace("\udcff", "\\udcff")
    assert sample.labels == {"root": expected, "label": expected}
    assert sample.value == 1.5
    written.encode()


@pytest.mark.parametrize("value", [0.0, 1893456000.0, 1893456000.25, 0.1, 1e-9, 123456789012.0])
def test_values_keep_all_their_digits(value: float) -> None:
    [family] = parser.text_string_to_metric_families(exposition([Gauge("g", "x", [Sample(value, {})])], {}))
    assert family.samples[0].value == value


def test_the_file_is_replaced_in_one_step_and_is_readable_for_others(root: Path, tmp_path: Path) -> None:
    file = tmp_path / "ratchet.prom"
    write_metrics(file, root, CommandEnd("run"), NOW)
    before = file.stat().st_ino
    write_metrics(file, root, CommandEnd("run", 3), NOW)
    assert file.stat().st_ino != before
    assert [path.name for path in tmp_path.glob("*.prom*")] == ["ratchet.prom"]
    assert file.stat().st_mode & 0o044 == 0o044 & ~os.umask(os.umask(0))
    assert of(read(file.read_text()), "ratchet_command_exit_code", command="run") == 3.0


def test_a_file_that_cannot_be_written_is_refused_before_the_work(tmp_path: Path) -> None:
    for file in (tmp_path, tmp_path / "nowhere" / "ratchet.prom"):
        with pytest.raises(InputError, match=f"--metrics {file}"):
            check_metrics_file(file)


def test_a_pipe_or_a_device_is_not_replaced_by_a_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("pipe")
    for name in ("pipe", "link"):
        with pytest.raises(InputError, match=rf"--metrics .*/{name}: is a device or a pipe.*give a file"):
            check_metrics_file(tmp_path / name)


def test_through_a_link_the_file_behind_it_is_written(root: Path, tmp_path: Path) -> None:
    (tmp_path / "behind").mkdir()
    link = tmp_path / "ratchet.prom"
    link.symlink_to("behind/real.prom")
    check_metrics_file(link)
    write_metrics(link, root, CommandEnd("run", 3), NOW)
    assert link.is_symlink()
    written = read((tmp_path / "behind" / "real.prom").read_text())
    assert of(written, "ratchet_command_exit_code", command="run") == 3.0


def test_one_that_cannot_be_written_any_more_changes_no_exit_code(
    root: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write_metrics(tmp_path / "gone" / "ratchet.prom", root, CommandEnd("run"), NOW)
    assert "cannot be written" in caplog.text


def test_status_writes_it(root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "status.prom"
    assert main(["status", "--root", str(root), "--metrics", str(file)]) == 0
    capsys.readouterr()
    values = read(file.read_text())
    assert of(values, "ratchet_command_exit_code", command="status") == 0.0
    assert of(values, "ratchet_served_model_map") == 0.61


def test_run_writes_it_whatever_comes_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(ratchet.pipeline.run, "runner", CountingRunner(tmp_path / "gate"), raising=False)
    file, data = tmp_path / "run.prom", tmp_path / "data"
    write_span(data / "golden")
    options = ["--config", "digits", "--root", str(tmp_path / "root"), "--metrics", str(file), "--data", str(data)]
    command = ["run", *options, "--bootstrap", "--set", "training.batch_size=2"]

    def written(*more: str) -> Values:
        code = main([*command, *more])
        values = read(file.read_text())
        assert of(values, "ratchet_command_exit_code", command="run") == code
        return values

    assert hot(written(), "ratchet_command_verdict", command="run") is None  # exit code 2: nothing is delivered
    assert hot(written("--only-new"), "ratchet_command_verdict", command="run") == "NOTHING_NEW"
    boxes = [coco_annotation(i, i, category_id=(3, 7)[i % 2]) for i in range(1, 31)]
    write_span(data / "span-1", coco(images=[coco_image(i) for i in range(1, 31)], annotations=boxes))
    values = written()
    assert hot(values, "ratchet_last_run_verdict") == "DATA_REJECTED"
    assert of(values, "ratchet_spans_waiting", state="new") == 0.0
    write_span(data / "span-2")
    (data / "span-2" / "SHA256SUMS").write_text("")
    values = written()
    assert hot(values, "ratchet_command_verdict", command="run") == "NOTHING_NEW"
    assert of(values, "ratchet_spans_waiting", state="unfinished") == 1.0
    capsys.readouterr()
