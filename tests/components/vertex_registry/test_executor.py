"""The step: it hands on what the Pusher wrote, adds what came of the registration, and succeeds in any case."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from ratchet.components.vertex_registry.settings import VertexRegistrySettings
from ratchet.pipeline.config.pipeline_settings import load_settings
from ratchet.schemas.artifacts.decisions import State
from ratchet.schemas.artifacts.publication import PUBLICATION_FORMAT, PublicationResult
from ratchet.schemas.base.settings import to_json
from tests.components.vertex_registry.test_register import VERTEX, root_with

pytestmark = pytest.mark.tensorflow


def ended(
    directory: Path, pushed: PublicationResult, settings: VertexRegistrySettings, served: str
) -> PublicationResult:
    from tfx.types import standard_artifacts
    from tfx.types.experimental import simple_artifacts

    from ratchet.components.vertex_registry.executor import Executor

    source: Any = standard_artifacts.PushedModel()
    source.uri = str(directory / "pushed")
    output: Any = simple_artifacts.File()
    output.uri = str(directory / "out" / "registration")
    Path(source.uri).mkdir()
    (directory / "pushed" / "publication.json").write_text(PUBLICATION_FORMAT.write(pushed))
    properties = {
        "settings": to_json(settings),
        "pipeline": "digits",
        "registry_directory": root_with(directory, served),
        "serving_directory": "gs://bucket/root/serving/digits",
    }
    Executor().Do({"pushed_model": [source]}, {"registration": [output]}, properties)
    return PUBLICATION_FORMAT.read(Path(output.uri, "publication.json").read_bytes(), "publication.json")


@pytest.fixture
def settings() -> VertexRegistrySettings:
    return load_settings({"vertex_registry": VERTEX}, ()).vertex_registry


def test_nobody_to_ask_as_is_told(tmp_path: Path, settings: VertexRegistrySettings, monkeypatch: Any) -> None:
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "nowhere.json"))
    result = ended(tmp_path, PublicationResult("7"), settings, "7")
    assert result.version == "7"
    [told] = result.told
    assert told.state is State.WARNING
    assert "no credentials of Google Cloud" in told.actual


def test_what_was_not_pushed_is_handed_on_as_it_was(tmp_path: Path, settings: VertexRegistrySettings) -> None:
    assert ended(tmp_path, PublicationResult(None), settings, "7") == PublicationResult(None)


def test_what_is_no_longer_served_is_left_alone(tmp_path: Path, settings: VertexRegistrySettings) -> None:
    result = ended(tmp_path, PublicationResult("7"), dataclasses.replace(settings), "8")
    assert "left alone" in result.told[0].actual
