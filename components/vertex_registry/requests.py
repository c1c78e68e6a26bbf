"""Calls of Vertex AI's model and endpoint services, v1, as values; pure.

google/cloud/aiplatform/v1/model_service.proto and endpoint_service.proto, in the JSON form of those protos.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ratchet.components.services.rest import Call, with_query
from ratchet.components.vertex_registry.settings import EndpointSettings, VertexRegistrySettings

DEFAULT = "default"  # the alias by which everybody asks for a model without naming a version
DIGEST_LABEL = "ratchet_digest"
_LABEL_LENGTH = 63
_FIX = (
    "whoever asks needs roles/aiplatform.user in the project, and Vertex AI's service agent "
    "roles/storage.objectViewer on the bucket"
)


@dataclass(frozen=True)
class PushedModel:
    """What is to be registered.

    Attributes:
        version: its name in the serving directory.
        digest: `model_digest` of its files.
        uri: of its directory.
        span: that it was trained on.
        map: its COCO mAP on the golden set.
        run_id: that made it.
    """

    version: str
    digest: str
    uri: str
    span: int
    map: float
    run_id: str

    @property
    def label(self) -> str:
        """The digest as a label's value, of which 63 characters fit."""
        return self.digest[:_LABEL_LENGTH]

    @property
    def deployed_name(self) -> str:
        """What a deployment of it is called."""
        return f"ratchet-{self.digest[:12]}"


@dataclass(frozen=True)
class ModelPlace:
    """A model in the registry.

    Attributes:
        api: address, without what is at its end.
        parent: `projects/P/locations/L`.
        model_id: below it.
    """

    api: str
    parent: str
    model_id: str

    @property
    def name(self) -> str:
        """Its resource name."""
        return f"{self.parent}/models/{self.model_id}"

    def url(self, resource: str) -> str:
        """The address of a resource."""
        return f"{self.api}/v1/{resource}"


def place_of(settings: VertexRegistrySettings, pipeline: str) -> ModelPlace:
    """Where a pipeline's model is."""
    api = settings.api_endpoint or f"https://{settings.location}-aiplatform.googleapis.com"
    parent = f"projects/{settings.project}/locations/{settings.location}"
    return ModelPlace(api.rstrip("/"), parent, settings.model_id or pipeline)


def list_versions(place: ModelPlace, model: PushedModel, page: str | None = None) -> Call:
    """Asks for the versions that carry a model's digest."""
    filter = f'labels.{DIGEST_LABEL}="{model.label}"'
    url = with_query(f"{place.url(place.name)}:listVersions", filter=filter, pageSize="100", pageToken=page)
    return Call("GET", url, None, {}, _FIX)


def upload(place: ModelPlace, model: PushedModel, settings: VertexRegistrySettings, is_first: bool) -> Call:
    """Uploads a version: of a new model, or of the one that is there.

    Args:
        place: where the model is, or is to be.
        model: what is uploaded.
        settings: what serves it.
        is_first: whether the model is not there yet.
    """
    body: dict[str, Any] = {
        "model": {
            "displayName": place.model_id,
            "artifactUri": model.uri,
            "containerSpec": _container(settings),
            "labels": {**settings.labels, DIGEST_LABEL: model.label},
            "versionDescription": f"Ratchet version {model.version}, span {model.span}, mAP {model.map:.4f}, run "
            f"{model.run_id}",
        }
    }
    if settings.encryption_key:
        body["model"]["encryptionSpec"] = {"kmsKeyName": settings.encryption_key}
    if settings.service_account:
        body["serviceAccount"] = settings.service_account
    # The first version is the default of itself, as the API has it; a later one only by `make_default`.
    body |= {"modelId": place.model_id} if is_first else {"parentModel": place.name}
    assumed = _done({"model": place.name, "modelVersionId": "VERSION_ID"})
    return Call("POST", f"{place.url(place.parent)}/models:upload", body, assumed, _FIX)


def make_default(place: ModelPlace, version_id: str) -> Call:
    """Moves the alias `default` to a version, from whichever has it."""
    url = f"{place.url(place.name)}@{version_id}:mergeVersionAliases"
    return Call("POST", url, {"versionAliases": [DEFAULT]}, {}, _FIX)


def get_endpoint(place: ModelPlace, endpoint: EndpointSettings) -> Call:
    """Asks what is deployed to an endpoint, and how its traffic is split."""
    return Call("GET", place.url(endpoint_name(place, endpoint)), None, {}, _FIX)


def deploy(
    place: ModelPlace, model: PushedModel, version_id: str, endpoint: EndpointSettings, traffic: Mapping[str, int]
) -> Call:
    """Deploys a version.

    Args:
        place: of the model.
        model: what is deployed.
        version_id: of it in the registry.
        endpoint: where and on what.
        traffic: percent by deployed model, of the new one by "0".
    """
    machine: dict[str, Any] = {"machineType": endpoint.machine_type}
    if endpoint.accelerator_type:
        machine |= {"acceleratorType": endpoint.accelerator_type, "acceleratorCount": endpoint.accelerator_count}
    deployed = {
        "model": f"{place.name}@{version_id}",
        "displayName": model.deployed_name,
        "dedicatedResources": {
            "machineSpec": machine,
            "minReplicaCount": endpoint.min_replicas,
            "maxReplicaCount": endpoint.max_replicas,
        },
    }
    if endpoint.service_account:
        deployed["serviceAccount"] = endpoint.service_account
    body = {"deployedModel": deployed, "trafficSplit": dict(traffic)}
    url = f"{place.url(endpoint_name(place, endpoint))}:deployModel"
    return Call("POST", url, body, _done({"deployedModel": {"id": "DEPLOYED_MODEL_ID"}}), _FIX)


def split_traffic(place: ModelPlace, endpoint: EndpointSettings, traffic: Mapping[str, int]) -> Call:
    """Splits an endpoint's traffic anew."""
    name = endpoint_name(place, endpoint)
    body = {"name": name, "trafficSplit": dict(traffic)}
    return Call("PATCH", with_query(place.url(name), updateMask="trafficSplit"), body, {}, _FIX)


def undeploy(place: ModelPlace, endpoint: EndpointSettings, deployed_id: str) -> Call:
    """Takes what has no traffic off an endpoint, where it costs as much as what has."""
    url = f"{place.url(endpoint_name(place, endpoint))}:undeployModel"
    return Call("POST", url, {"deployedModelId": deployed_id}, _done({}), _FIX)


def get_operation(place: ModelPlace, name: str) -> Call:
    """Asks how far an operation is."""
    return Call("GET", place.url(name), None, _done({}), _FIX)


def endpoint_name(place: ModelPlace, endpoint: EndpointSettings) -> str:
    """The resource name of an endpoint."""
    return f"{place.parent}/endpoints/{endpoint.id}"


def shifted(split: Mapping[str, int], to: str, percent: int) -> dict[str, int]:
    """Traffic of which one has a share, and the others what they had, of the rest; adds up to 100.

    >>> shifted({"1": 100}, "0", 10), shifted({"1": 90, "2": 10}, "0", 10), shifted({}, "0", 10)
    ({'1': 90, '0': 10}, {'1': 81, '2': 9, '0': 10}, {'0': 100})
    >>> shifted({"1": 100}, "0", 100)
    {'0': 100}
    """
    others = {name: share for name, share in split.items() if name != to and share > 0}
    if not others or percent == 100:
        return {to: 100}
    rest, whole = 100 - percent, sum(others.values())
    kept = {name: share * rest // whole for name, share in others.items()}
    # What rounding left over goes to those that lost most by it.
    lost = sorted(others, key=lambda name: (-(others[name] * rest % whole), name))
    for name in lost[: rest - sum(kept.values())]:
        kept[name] += 1
    return {**{name: share for name, share in kept.items() if share}, to: percent}


def _container(settings: VertexRegistrySettings) -> dict[str, Any]:
    container = settings.container
    optional = {
        "args": list(container.args) or None,
        "ports": [{"containerPort": container.port}] if container.port else None,
        "predictRoute": container.predict_route,
        "healthRoute": container.health_route,
    }
    return {"imageUri": container.image, **{key: value for key, value in optional.items() if value is not None}}


def _done(response: Mapping[str, Any]) -> dict[str, Any]:
    return {"name": "OPERATION", "done": True, "response": dict(response)}
