"""A root that only Kubeflow or Vertex write to: no ML Metadata, no log, no ratchet.json; and an install without gs://."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Callable
from pathlib import Path

import pytest

pytest.importorskip("ml_metadata")

from ratchet.components.object_store import objects
from ratchet.pipeline.cli.main import main
from tests.pipeline.doctor.lifelike import lifelike_root
from tests.pipeline.remote.conftest import Twins
from tests.pipeline.remote.test_serving import EXPIRES, SIGNED, served

Make = Callable[[Path], Twins]


@pytest.fixture
def both(tmp_path: Path, twins: Make) -> Twins:
    world = lifelike_root(tmp_path / "root")
    for name in ("ratchet.json", "metadata.sqlite"):
        (world.root / name).unlink()
    made = twins(world.root)
    for one in objects.list_below(f"{made.uri}/artifacts"):  # PROJECT/JOB/TASK/KEY/..., as their launcher names them
        step, key, number, rest = one.name.split("/", 3)
        new = f"{made.uri}/artifacts/123/job-{number}/{step}_{number}/{key}/{rest}"
        objects.copy(one.uri, new)
        objects.delete(one.uri)
    for file in objects.list_below(f"{made.uri}/registry/decisions"):
        read = objects.read(file.uri)
        assert read is not None
        text = read.data.decode()
        for number in "123":
            for step, key in (("MapEvaluator", "evaluation"), ("DetectorTrainer", "model")):
                text = text.replace(
                    f'"artifacts/{step}/{key}/{number}"', f'"artifacts/123/job-{number}/{step}_{number}/{key}"'
                )
        objects.write(file.uri, text.encode())
    return made


def test_every_command_works_without_what_jobs_keep_elsewhere(both: Twins, caplog: pytest.LogCaptureFixture) -> None:
    assert both.of(both.uri, "status")[0] == 0
    assert "version 200" in both.of(both.uri, "status")[1]
    assert [word in both.of(both.uri, "history")[1] for word in ("first", "good", "bad")] == [True] * 3
    code, out, _ = both.of(both.uri, "doctor")
    assert code == 0, out
    assert "ML Metadata is lost" not in out
    assert both.of(both.uri, "approve", "bad", *SIGNED, "--expires", EXPIRES)[0] == 0
    assert served(both.uri) == "bad"
    assert both.of(both.uri, "rollback", *SIGNED)[0] == 0
    assert served(both.uri) == "good"
    assert both.of(both.uri, "doctor", "--repair")[0] == 0
    assert "could not be told" not in caplog.text
    assert objects.read(f"{both.uri}/metadata.sqlite") is None


def test_a_light_install_names_the_extra(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    installed = importlib.metadata.distribution

    def without(name: str) -> importlib.metadata.Distribution:
        if name == "google-cloud-storage":
            raise importlib.metadata.PackageNotFoundError(name)
        return installed(name)

    monkeypatch.setattr(importlib.metadata, "distribution", without)
    assert main(["status", "--root", "gs://bucket/root"]) == 2
    error = capsys.readouterr().err
    assert "pip install 'ratchet-detector[gcs]'" in error
    assert error.count("\n") == 1
