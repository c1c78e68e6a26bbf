"""Notifications where `ratchet run` sends them; TFX's runner is a fake that says what it is told to say."""

from __future__ import annotations

import json
import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import ratchet.pipeline.run
from ratchet.pipeline.cli.main import main
from ratchet.pipeline.config.pipeline_settings import load_settings
from ratchet.pipeline.run.preflight import RunRequest, read_request
from ratchet.schemas.artifacts.data_evidence import DATA_DECISION_FORMAT, DECISION_FILE
from ratchet.schemas.artifacts.decisions import DataDecision, Reason
from ratchet.schemas.artifacts.review import REJECTION_STEP, REVIEW_FILE
from ratchet.schemas.artifacts.run_files import key_of
from tests.builders import coco, coco_annotation, coco_image, write_span
from tests.pipeline.notify.webhook_server import WebhookServer, webhook_server


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    boxes = [coco_annotation(i, i, category_id=(3, 7)[i % 2]) for i in range(1, 31)]
    many = coco(images=[coco_image(i) for i in range(1, 31)], annotations=boxes)
    write_span(tmp_path / "data" / "span-1", many)
    write_span(tmp_path / "data" / "golden")
    return tmp_path / "data"


class RejectingRunner:
    """A runner whose data gate rejects the span, or whose first step crashes."""

    def __init__(self, directory: Path, crash: Exception | None = None) -> None:
        self._directory = directory
        self._crash = crash
        directory.mkdir()
        decision = DataDecision(False, (Reason("labels:size", "boxes alike", "25% larger"),))
        (directory / REVIEW_FILE).touch()
        (directory / DECISION_FILE).write_text(DATA_DECISION_FORMAT.write(decision))

    def check_first_model(self, settings: Any) -> None:
        pass

    def check_trainer_device(self, settings: Any) -> None:
        pass

    def compile_run(self, *_: Any) -> Any:
        return SimpleNamespace(steps=("DataGate",), behind_the_gate=frozenset(), if_rejected=frozenset())

    def execute(self, compiled: Any) -> None:
        if self._crash is not None:
            raise self._crash

    def results(self, compiled: Any, run_id: str) -> dict[str, Any]:
        outputs = {"decision": str(self._directory), "page": str(self._directory)}
        properties = {"decision": {"passed": 0}}
        done = self._crash is None
        step = SimpleNamespace(done=done, seconds=1.0, outputs=outputs, output_properties=properties)
        return {"DataGate": step, REJECTION_STEP: step}


def run(data: Path, server: WebhookServer, *arguments: str) -> int:
    root = str(data.parent / "root")
    settings = ("training.batch_size=2", f"notify.urls=[{json.dumps(server.url)}]")
    options = [part for setting in settings for part in ("--set", setting)]
    command = ["run", "--config", "digits", "--data", str(data), "--root", root, "--bootstrap", "--json"]
    return main([*command, *options, *arguments])


@pytest.mark.parametrize("answer", [200, 404, "close"])
def test_a_rejected_span_is_told_after_its_result_was_written_and_ends_as_ever(
    data: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], answer: Any
) -> None:
    monkeypatch.setattr(ratchet.pipeline.run, "runner", RejectingRunner(data.parent / "gate"), raising=False)
    seen: list[Any] = []
    with webhook_server(answer) as server:
        server.on_request = lambda: seen.extend(data.parent.glob("root/runs/*/result.json"))
        assert run(data, server) == 4
    assert seen
    assert f"{seen[0].parent}/{REVIEW_FILE}" in server.requests[0][2]["text"]
    assert json.loads(seen[0].read_text())["verdict"] == "DATA_REJECTED"
    text = server.requests[0][2]["text"]
    assert text.startswith("DATA_REJECTED digits span 1: labels:size: expected boxes alike; found 25% larger\n")
    assert f"ratchet review {seen[0].parent.name} --root {data.parent / 'root'}" in text
    captured = capfd.readouterr()
    assert json.loads(captured.out)["verdict"] == "DATA_REJECTED"
    assert captured.err.count("notify: 127.0.0.1 did not take the message") == (answer != 200)
    assert "secret" not in captured.err + captured.out
    remembered = (data.parent / "root" / "ratchet.json").read_text()
    assert json.loads(remembered)["name"] == "digits"
    assert "secret" not in remembered


def test_a_crash_is_told(data: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    runner = RejectingRunner(data.parent / "gate", crash=ValueError("no such op"))
    monkeypatch.setattr(ratchet.pipeline.run, "runner", runner, raising=False)
    with webhook_server() as server:
        assert run(data, server) == 1
    [(_, _, body)] = server.requests
    assert body["text"].startswith("CRASHED digits span 1: ValueError: no such op\n")
    assert "goes on from the failed step" in body["text"]
    assert "no such op" in capfd.readouterr().err


def test_a_root_that_contradicts_itself_is_told(data: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (data.parent / "root" / "serving" / "digits" / "17").mkdir(parents=True)
    with webhook_server() as server:
        assert run(data, server) == 2
    [(_, _, body)] = server.requests
    assert "not started" in body["text"]
    assert "version 17" in body["text"]
    assert "version 17" in capfd.readouterr().err


def test_bad_input_and_a_second_process_are_the_callers_own_affair(
    data: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with webhook_server() as server:
        assert run(data, server, "--span", "7") == 2
    assert server.requests == []


def test_a_bad_url_is_found_before_anything_is_written(data: Path, capfd: pytest.CaptureFixture[str]) -> None:
    root = str(data.parent / "root")
    command = ["run", "--config", "digits", "--data", str(data), "--root", root, "--bootstrap"]
    assert main([*command, "--set", "notify.urls=['https://user:sesame@example.org/']"]) == 2
    error = capfd.readouterr().err
    assert "notify.urls[0]: a webhook takes no user and password" in error
    assert "sesame" not in error
    assert not (data.parent / "root").exists()


def test_whom_a_run_tells_does_not_make_it_another_run(data: Path) -> None:
    def key(*overrides: str) -> str:
        settings = load_settings({}, ["training.batch_size=2", *overrides])
        return key_of(read_request(RunRequest(settings, data, data / "golden", 1, data.parent / "root", True)).parts)

    assert key() == key("notify.urls=['env:HOOK']") == key("notify.on=[PUSHED]")
    assert key() != key("training.seed=7")
    assert os.listdir(data.parent) == ["data"]
