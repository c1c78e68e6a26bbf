"""A rollback or approval is followed by Vertex AI, where the root's configuration has a Model Registry there."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest

from ratchet.components.registry.registry import Registry
from ratchet.components.registry.storages import storage_of
from ratchet.components.services.rest import Call, Recorder, ServiceError
from ratchet.pipeline.root.root_file import write_file
from ratchet.pipeline.serving.change import tell_vertex
from ratchet.schemas.artifacts.registry_entries import POINTER_FORMAT, Pointer, ServedModel
from ratchet.schemas.artifacts.root_file import RootFile
from tests.gcs.fixtures import Bucket

VERTEX = {
    "project": "my-project",
    "location": "europe-west4",
    "container": {"image": "serving:1"},
    "endpoint": {"id": "77", "canary_percent": 10},
}
MODEL = ServedModel("8", "serving/digits/8", "a" * 64, 1, "golden", 0.5, "PUSHED", "run-a", "2030-01-01T00:00:00", True)


def root_of(directory: Path, gcs: Bucket, vertex: dict[str, Any] | None) -> Registry:
    settings = {"vertex_registry": vertex} if vertex else {}
    write_file(directory, RootFile("digits", settings))
    registry = Registry(storage_of(gcs.uri("root/registry"), gcs.uri("root/serving/digits")))
    from ratchet.components.object_store.files import write_text

    write_text(gcs.uri("root/registry/served.json"), POINTER_FORMAT.write(Pointer(MODEL)))
    return registry


def test_the_model_that_is_served_now_becomes_the_default_with_all_of_the_traffic(
    tmp_path: Path, gcs: Bucket, caplog: pytest.LogCaptureFixture
) -> None:
    record = Recorder()
    with caplog.at_level(logging.INFO, logger="ratchet"):
        tell_vertex(tmp_path, root_of(tmp_path, gcs, VERTEX), record)
    bodies = {call.url.rpartition(":")[2]: call.body for call in record.calls if call.body}
    assert bodies["upload"] is not None
    assert bodies["upload"]["model"]["artifactUri"] == gcs.uri("root/serving/digits/8")
    assert bodies["mergeVersionAliases"] == {"versionAliases": ["default"]}
    assert bodies["deployModel"] is not None
    assert bodies["deployModel"]["trafficSplit"] == {"0": 100}


def test_nothing_is_asked_of_vertex_where_it_is_not_configured(tmp_path: Path, gcs: Bucket) -> None:
    record = Recorder()
    tell_vertex(tmp_path, root_of(tmp_path, gcs, None), record)
    assert record.calls == []


@pytest.mark.parametrize("wrong", [{**VERTEX, "location": 7}, {"project": "p"}])
def test_settings_of_another_version_are_told(
    tmp_path: Path, gcs: Bucket, wrong: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    record = Recorder()
    tell_vertex(tmp_path, root_of(tmp_path, gcs, wrong), record)
    assert record.calls == []
    assert "whether Vertex AI is to be told is not known" in caplog.text


def test_what_vertex_refuses_is_told_and_the_rollback_stands(
    tmp_path: Path, gcs: Bucket, caplog: pytest.LogCaptureFixture
) -> None:
    def refusing(call: Call) -> dict[str, Any]:
        raise ServiceError(f"{call.method} {call.url}: 403 no; whoever asks lacks a role", 403)

    tell_vertex(tmp_path, root_of(tmp_path, gcs, VERTEX), refusing)
    assert "vertex:registered: expected version 8 is default" in caplog.text
    assert "403 no" in caplog.text
