"""A run without --config goes on as the one before; TFX's runner is a fake whose data gate rejects the span."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import ratchet.pipeline.run
from ratchet.pipeline.cli.main import main
from ratchet.schemas.artifacts.root_file import ROOT_FILE_FORMAT
from tests.builders import coco, coco_annotation, coco_image, write_span
from tests.pipeline.notify.test_in_a_run import RejectingRunner


def test_a_run_without_a_config_takes_the_roots(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    boxes = [coco_annotation(i, i, category_id=3 if i % 2 else 7) for i in range(1, 31)]
    document = coco(images=[coco_image(i) for i in range(1, 31)], annotations=boxes)
    write_span(tmp_path / "data" / "span-1", document)
    write_span(tmp_path / "data" / "golden")
    config = tmp_path / "cells.yaml"
    config.write_text("name: cells\ntraining: {batch_size: 2}\n")
    monkeypatch.setattr(ratchet.pipeline.run, "runner", RejectingRunner(tmp_path / "gate"), raising=False)
    monkeypatch.setenv("RATCHET_ROOT", str(tmp_path / "root"))
    command = ["run", "--data", str(tmp_path / "data"), "--bootstrap"]
    assert main([*command, "--config", "nowhere"]) == 2
    assert not (tmp_path / "root").exists()
    assert main([*command, "--config", str(config), "--set", "training.seed=5"]) == 4
    file = tmp_path / "root" / "ratchet.json"
    written = json.loads(file.read_text())
    assert (written["format"], written["name"], written["config"]) == (ROOT_FILE_FORMAT.number, "cells", str(config))
    assert written["settings"]["training"] == {"batch_size": 2}
    config.unlink()
    before = file.stat().st_mtime_ns
    assert main(command) == 4
    assert file.stat().st_mtime_ns == before
    assert len(list((tmp_path / "root" / "runs").glob("span-*"))) == 2


def test_a_run_that_was_killed_before_it_was_reported_is_reported_by_the_same_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    boxes = [coco_annotation(i, i, category_id=3 if i % 2 else 7) for i in range(1, 31)]
    document = coco(images=[coco_image(i) for i in range(1, 31)], annotations=boxes)
    write_span(tmp_path / "data" / "span-1", document)
    write_span(tmp_path / "data" / "golden")
    monkeypatch.setattr(ratchet.pipeline.run, "runner", RejectingRunner(tmp_path / "gate"), raising=False)
    root = tmp_path / "root"
    command = ["run", "--data", str(tmp_path / "data"), "--root", str(root), "--bootstrap", "--config", "digits"]
    assert main([*command, "--set", "training.batch_size=2"]) == 4
    [run] = (root / "runs").glob("span-*")
    assert not (run / "unreported").exists()
    (run / "unreported").touch()  # as if it had been killed between its result and the last line
    capfd.readouterr()
    assert main([*command, "--set", "training.batch_size=2"]) == 4
    assert run.name in capfd.readouterr().out
    assert [path.name for path in (root / "runs").glob("span-*")] == [run.name]
    assert not (run / "unreported").exists()
    assert main([*command, "--set", "training.batch_size=2"]) == 0  # it was said: there is nothing new
    assert len(list((root / "runs").glob("span-*"))) == 1
    assert main([*command, "--set", "training.batch_size=2", "--again"]) == 4
    assert len(list((root / "runs").glob("span-*"))) == 2
