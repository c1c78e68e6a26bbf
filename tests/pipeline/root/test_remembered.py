"""A run without --config goes on as the one before; TFX's runner is a fake whose data gate rejects the span."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import ratchet.pipeline.run
from ratchet.pipeline.cli.main import main
from ratchet.pipeline.root.root_settings import configure_run, record_root
from ratchet.schemas.artifacts.root_file import ROOT_FILE_FORMAT
from ratchet.schemas.base.errors import ConfigError
from tests.builders import coco, coco_annotation, coco_image, write_span
from tests.pipeline.notify.test_in_a_run import RejectingRunner
from tests.pipeline.roots import serve


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


def test_a_model_config_that_later_commands_will_not_know_of_is_told(tmp_path: Path) -> None:
    config = tmp_path / "cells.yaml"
    given = ["serving.model_config=/etc/models.config"]
    config.write_text("name: cells\n")
    told = configure_run(tmp_path / "root", str(config), given).told
    assert "serving.model_config of --set is not remembered: approve, rollback, promote and prune" in told
    assert f"write it into {tmp_path}/root/ratchet.yaml, or the file of --config" in told
    config.write_text("name: cells\nserving: {model_config: /etc/models.config}\n")
    assert configure_run(tmp_path / "root", str(config), given).told == ""
    assert configure_run(tmp_path / "root", str(config), []).told == ""


def test_another_experiment_in_a_root_that_has_a_model_is_told_whose_the_other_one_is(tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    record_root(root, configure_run(root, "digits", []).remembered)
    serve(root, "100", "span-1-aa-1", 1)
    with pytest.raises(ConfigError, match=rf"retinanet_mobile_coco.*; what is not of --set is the model of {root}: "):
        configure_run(root, None, ["model.experiment=retinanet_mobile_coco"])


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
