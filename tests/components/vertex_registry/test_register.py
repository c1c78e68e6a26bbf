"""Vertex AI's Model Registry and endpoint follow what is served, against the published API on loopback."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from ratchet.components.services.rest import Recorder, sender
from ratchet.components.vertex_registry.register import Vertex, register, told
from ratchet.components.vertex_registry.requests import PushedModel, shifted
from ratchet.components.vertex_registry.settings import VertexRegistrySettings
from ratchet.components.vertex_registry.step import with_registration
from ratchet.kubeflow.vertex_model import main as vertex_model
from ratchet.pipeline.config.pipeline_settings import load_settings
from ratchet.schemas.artifacts.decisions import State
from ratchet.schemas.artifacts.publication import VERTEX_REGISTERED, PublicationResult
from ratchet.schemas.artifacts.registry_entries import POINTER_FORMAT, Pointer, ServedModel
from ratchet.schemas.base.errors import ConfigError
from ratchet.schemas.base.settings import from_json, to_json
from tests.components.services.http_fake import RefusedError, Running

if TYPE_CHECKING:
    from tests.components.vertex_registry.models_fake import Models

service = pytest.mark.tensorflow  # Google's client takes many seconds to import
A = PushedModel("1700000001", "a" * 64, "gs://bucket/root/serving/digits/1700000001", 1, 0.5, "run-a")
B = PushedModel("1700000002", "b" * 64, "gs://bucket/root/serving/digits/1700000002", 2, 0.6, "run-b")
C = PushedModel("1700000003", "c" * 64, "gs://bucket/root/serving/digits/1700000003", 3, 0.7, "run-c")
VERTEX = {"project": "my-project", "location": "europe-west4", "container": {"image": "serving:1"}}


@pytest.fixture
def served() -> Iterator[tuple[Running, Models]]:
    from tests.components.vertex_registry.models_fake import Models
    from tests.kubeflow.services.vertex_fake import vertex_ai

    models = Models()
    with vertex_ai(**models.answers()) as (running, _):
        yield running, models


def at(running: Running, **more: Any) -> Vertex:
    values = {**VERTEX, "api_endpoint": running.url, **more}
    settings = load_settings({"vertex_registry": values}, ()).vertex_registry
    return Vertex(settings, "digits", sender(dict), wait=lambda seconds: None)


def calls(running: Running) -> list[str]:
    return [f"{asked.method} {asked.target.partition('?')[0].rpartition('/')[2]}" for asked in running.asked]


@service
def test_each_pushed_model_is_a_version_and_the_newest_is_the_default(served: tuple[Running, Models]) -> None:
    running, models = served
    given = {"image": "serving:1", "args": ["--x"], "port": 8501, "predict_route": "/p", "health_route": "/h"}
    vertex = at(running, container=given, labels={"team": "vision"}, service_account="sa@p", encryption_key="key")
    assert register(vertex, A).name.endswith("/models/digits@1")
    assert register(vertex, B).name.endswith("/models/digits@2")
    assert models.default == "2"
    second = models.versions[1]
    assert second["artifactUri"] == B.uri
    assert second["labels"] == {"team": "vision", "ratchet_digest": "b" * 63}
    assert second["containerSpec"] == {
        "imageUri": "serving:1",
        "args": ["--x"],
        "ports": [{"containerPort": 8501}],
        "predictRoute": "/p",
        "healthRoute": "/h",
    }
    assert second["versionDescription"] == "Ratchet version 1700000002, span 2, mAP 0.6000, run run-b"
    assert second["encryptionSpec"] == {"kmsKeyName": "key"}


@service
def test_the_same_again_finds_its_version_and_changes_nothing(served: tuple[Running, Models]) -> None:
    running, models = served
    vertex = at(running, endpoint={"id": "77"})
    register(vertex, A)
    register(vertex, B)
    before = (len(models.versions), models.traffic, list(models.deployed))
    running.asked.clear()
    register(vertex, B)
    assert (len(models.versions), models.traffic, list(models.deployed)) == before
    assert {asked.method for asked in running.asked} == {"GET"}


@service
def test_a_rollback_moves_the_alias_back_and_uploads_nothing(served: tuple[Running, Models]) -> None:
    running, models = served
    for model in (A, B):
        register(at(running), model)
    # A rollback serves the same bytes under a new number.
    register(
        at(running), dataclasses.replace(A, version="1700000009", uri="gs://bucket/root/serving/digits/1700000009")
    )
    assert (models.default, len(models.versions)) == ("1", 2)


@service
def test_a_canary_gets_its_share_and_a_rollback_all_of_it(served: tuple[Running, Models]) -> None:
    running, models = served
    vertex = at(running, endpoint={"id": "77", "canary_percent": 10, "accelerator_type": "NVIDIA_TESLA_T4"})
    assert register(vertex, A).percent == 100  # alone
    assert register(vertex, B).percent == 10
    names = {key: one["displayName"] for key, one in models.deployed.items()}
    assert {names[key]: share for key, share in models.traffic.items()} == {
        "ratchet-aaaaaaaaaaaa": 90,
        "ratchet-bbbbbbbbbbbb": 10,
    }
    deployed = next(one for one in models.deployed.values() if one["displayName"] == "ratchet-bbbbbbbbbbbb")
    assert deployed["model"].endswith("/models/digits@2")
    machine = {"machineType": "n1-standard-4", "acceleratorType": "NVIDIA_TESLA_T4", "acceleratorCount": 1}
    assert deployed["dedicatedResources"] == {"machineSpec": machine, "minReplicaCount": 1, "maxReplicaCount": 1}
    assert register(vertex, A, percent=100).percent == 100
    assert {names[key]: share for key, share in models.traffic.items()} == {"ratchet-aaaaaaaaaaaa": 100}
    register(vertex, C)
    left = sorted(one["displayName"] for one in models.deployed.values())
    assert left == ["ratchet-aaaaaaaaaaaa", "ratchet-cccccccccccc"]  # what had no traffic costs nothing any more


@service
def test_deployments_of_others_are_left_alone(served: tuple[Running, Models]) -> None:
    running, models = served
    models.deployed["5"], models.deployed["6"] = {"displayName": "theirs"}, {"displayName": "idle"}
    models.traffic = {"5": 100}
    register(at(running, endpoint={"id": "77", "canary_percent": 20}), A)
    assert {"5", "6"} <= set(models.deployed)
    assert models.traffic["5"] == 80


@service
@pytest.mark.parametrize("wrong", ["refused", "broken", "endless", "place"])
def test_what_fails_is_told_and_undoes_nothing(served: tuple[Running, Models], wrong: str) -> None:
    running, models = served
    vertex, model, said = at(running), A, ""
    if wrong == "refused":
        running.fail["POST"], said = RefusedError(403, "no"), "403 no; whoever asks needs roles/aiplatform.user"
    elif wrong == "broken":
        models.broken = said = "the bucket cannot be read"
    elif wrong == "endless":
        vertex, said = at(running, limit_s=0), "has not ended after 0 s"
    else:
        model, said = dataclasses.replace(A, uri="local/serving/1"), "Vertex AI reads models from gs:// alone"
    reason = told(vertex, model)
    assert (reason.rule, reason.state, reason.passed) == (VERTEX_REGISTERED, State.WARNING, True)
    assert said in reason.actual


@service
def test_an_interrupted_registration_goes_on_where_it_was(served: tuple[Running, Models]) -> None:
    running, models = served
    register(at(running), A)
    register(at(running), B)
    models.versions[0]["versionAliases"], models.versions[1]["versionAliases"] = ["default"], []  # killed before it
    running.asked.clear()
    register(at(running), B)
    assert models.default == "2"
    assert calls(running) == ["GET digits:listVersions", "POST digits@2:mergeVersionAliases"]


def served_model() -> ServedModel:
    return ServedModel(
        "7", "serving/digits/7", "a" * 64, 1, "golden", 0.5, "PUSHED", "run-a", "2030-01-01T00:00:00", True
    )


def root_with(directory: Path, version: str | None) -> str:
    (directory / "registry").mkdir(exist_ok=True)
    served = dataclasses.replace(served_model(), version=version) if version else None
    (directory / "registry" / "served.json").write_text(POINTER_FORMAT.write(Pointer(served)))
    return f"{directory}/registry"


def never(call: Any) -> dict[str, Any]:
    raise AssertionError(call)


def test_nothing_is_registered_that_was_not_pushed_or_is_not_served(tmp_path: Path) -> None:
    vertex = Vertex(load_settings({"vertex_registry": VERTEX}, ()).vertex_registry, "digits", never)
    blocked = PublicationResult(None)
    assert with_registration(blocked, vertex, root_with(tmp_path, "7"), "gs://b/serving") == blocked
    [reason] = with_registration(PublicationResult("7"), vertex, root_with(tmp_path, "8"), "gs://b/serving").told
    assert reason.actual == "version 8 is served by now, so it was left alone"
    (tmp_path / "registry" / "served.json").write_text("{")
    [reason] = with_registration(PublicationResult("7"), vertex, f"{tmp_path}/registry", "gs://b/serving").told
    assert reason.state is State.WARNING


def test_what_the_pusher_said_is_handed_on(tmp_path: Path) -> None:
    record = Recorder()
    vertex = Vertex(load_settings({"vertex_registry": VERTEX}, ()).vertex_registry, "digits", record)
    pushed = PublicationResult("7", (), ())
    result = with_registration(pushed, vertex, root_with(tmp_path, "7"), "gs://bucket/serving")
    assert (result.version, result.reasons) == ("7", ())
    assert [reason.rule for reason in result.told] == [VERTEX_REGISTERED]
    assert any(call.url.endswith("/models:upload") for call in record.calls)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"project": "p"}, "needs vertex_registry.location"),
        ({"project": "p", "location": "l"}, "container.image"),
        ({**VERTEX, "endpoint": {}}, "id: is required"),
        ({**VERTEX, "endpoint": {"id": "1", "canary_percent": 0}}, "canary_percent"),
        ({**VERTEX, "endpoint": {"id": "1", "min_replicas": 3}}, "max_replicas = 1: is below"),
        ({**VERTEX, "labels": {"Team": "x"}}, "labels"),
        ({**VERTEX, "projekt": "p"}, "unknown key 'vertex_registry.projekt'"),
    ],
)
def test_settings_that_cannot_work_are_refused(values: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError) as error:
        load_settings({"vertex_registry": values}, ())
    assert said in str(error.value)


def test_it_is_off_unless_a_project_is_set() -> None:
    assert load_settings({}, ()).vertex_registry.project is None
    settings = load_settings({"vertex_registry": {**VERTEX, "endpoint": {"id": "1"}}}, ()).vertex_registry
    assert from_json(VertexRegistrySettings, to_json(settings)) == settings


@pytest.mark.parametrize("split", [{"1": 34, "2": 33, "3": 33}, {"1": 1, "2": 99}, {"1": 50, "0": 50}, {"9": 100}])
@pytest.mark.parametrize("percent", [1, 10, 33, 50, 99, 100])
def test_traffic_adds_up_to_100_whatever_it_was(split: dict[str, int], percent: int) -> None:
    traffic = shifted(split, "0", percent)
    assert sum(traffic.values()) == 100
    assert traffic["0"] == percent
    assert all(share > 0 for share in traffic.values())


@service
def test_the_command_mends_what_failed_and_its_dry_run_sends_nothing(
    served: tuple[Running, Models], tmp_path: Path, capsys: pytest.CaptureFixture[str], gcs: Any
) -> None:
    from ratchet.components.object_store.files import write_text

    running, models = served
    token = tmp_path / "token"
    token.write_text("secret-1")
    config = tmp_path / "config.yaml"
    config.write_text(json.dumps({"name": "digits", "vertex_registry": {**VERTEX, "api_endpoint": running.url}}))
    model = dataclasses.replace(served_model(), version="7", path="serving/digits/7")
    write_text(gcs.uri("root/registry/served.json"), POINTER_FORMAT.write(Pointer(model)))
    given = ["--root", gcs.uri("root"), "--config", str(config), "--token-file", str(token)]
    assert vertex_model([*given, "--dry-run"]) == 0
    assert running.asked == []
    printed = json.loads(capsys.readouterr().out)
    assert [one["url"].rpartition("/")[2].partition("?")[0] for one in printed] == [
        *("digits:listVersions", "digits", "models:upload", "digits@VERSION_ID:mergeVersionAliases")
    ]
    assert vertex_model(given) == 0
    assert models.versions[0]["artifactUri"] == gcs.uri("root/serving/digits/7")
    assert vertex_model(["--root", gcs.uri("nowhere"), "--config", str(config)]) == 2
    assert vertex_model(["--root", gcs.uri("root"), "--config", "digits"]) == 2
    assert "vertex_registry.project is not set" in capsys.readouterr().err
