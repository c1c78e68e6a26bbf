"""Vertex AI's Model Registry and an endpoint, behind the fake of the published API."""

from __future__ import annotations

from typing import Any

from google.protobuf import json_format

from tests.components.services.http_fake import RefusedError

PARENT = "projects/my-project/locations/europe-west4"
MODEL = f"{PARENT}/models/digits"
ENDPOINT = f"{PARENT}/endpoints/77"


class Models:
    """What the service holds: versions of one model, and one endpoint."""

    def __init__(self) -> None:
        self.versions: list[dict[str, Any]] = []
        self.deployed: dict[str, Any] = {}
        self.traffic: dict[str, int] = {}
        self.operations: dict[str, list[Any]] = {}
        self.broken: str | None = None  # what an upload ends with instead

    @property
    def default(self) -> str:
        [version] = [one["versionId"] for one in self.versions if "default" in one["versionAliases"]]
        return version

    def answers(self) -> dict[str, Any]:
        names = ("ListModelVersions", "GetModel", "UploadModel", "MergeVersionAliases", "GetEndpoint", "DeployModel")
        return {name: getattr(self, name) for name in (*names, "UndeployModel", "UpdateEndpoint", "GetOperation")}

    def ListModelVersions(self, request: Any) -> dict[str, Any]:
        self.GetModel(request)
        key, value = request.filter.removeprefix("labels.").split("=")
        found = [one for one in self.versions if one["labels"].get(key) == value.strip('"')]
        return {"models": found} if found else {}

    def GetModel(self, request: Any) -> dict[str, Any]:
        assert request.name == MODEL
        if not self.versions:
            raise RefusedError(404, f"{MODEL} not found")
        return {"name": MODEL}

    def UploadModel(self, request: Any) -> dict[str, Any]:
        assert request.parent == PARENT
        if self.versions:
            assert (request.parent_model, request.model_id) == (MODEL, "")
        else:
            assert (request.parent_model, request.model_id) == ("", "digits")
        model = request.model
        assert model.artifact_uri.startswith("gs://")
        assert model.container_spec.image_uri
        assert not model.version_aliases
        if self.broken:
            return self._operation({"error": {"code": 9, "message": self.broken}})
        version = {
            **json_format.MessageToDict(model),
            "versionId": str(len(self.versions) + 1),
            "versionAliases": ["default"] if not self.versions else [],
        }
        self.versions.append(version)
        return self._operation({"response": {"model": MODEL, "modelVersionId": version["versionId"]}})

    def MergeVersionAliases(self, request: Any) -> dict[str, Any]:
        name, _, version = request.name.partition("@")
        assert (name, list(request.version_aliases)) == (MODEL, ["default"])
        assert version in [one["versionId"] for one in self.versions]
        for one in self.versions:
            one["versionAliases"] = ["default"] if one["versionId"] == version else []
        return {"name": MODEL}

    def GetEndpoint(self, request: Any) -> dict[str, Any]:
        assert request.name == ENDPOINT
        listed = [{"id": key, "displayName": one["displayName"]} for key, one in self.deployed.items()]
        return {"name": ENDPOINT, "deployedModels": listed, "trafficSplit": self.traffic}

    def DeployModel(self, request: Any) -> dict[str, Any]:
        assert request.endpoint == ENDPOINT
        new = str(100 + len(self.deployed) + len(self.operations))
        self.deployed[new] = json_format.MessageToDict(request.deployed_model)
        self._split({new if key == "0" else key: share for key, share in request.traffic_split.items()})
        return self._operation({"response": {"deployedModel": {"id": new}}})

    def UndeployModel(self, request: Any) -> dict[str, Any]:
        assert not self.traffic.get(request.deployed_model_id)
        del self.deployed[request.deployed_model_id]
        return self._operation({"response": {}})

    def UpdateEndpoint(self, request: Any) -> dict[str, Any]:
        assert list(request.update_mask.paths) == ["traffic_split"]
        self._split(dict(request.endpoint.traffic_split))
        return {"name": ENDPOINT}

    def GetOperation(self, name: str) -> dict[str, Any]:
        steps = self.operations[name]
        return steps.pop(0) if len(steps) > 1 else steps[0]

    def _split(self, traffic: dict[str, int]) -> None:
        assert sum(traffic.values()) == 100
        assert set(traffic) <= set(self.deployed)
        self.traffic = traffic

    def _operation(self, ends_as: dict[str, Any]) -> dict[str, Any]:
        """One that takes a while."""
        name = f"{MODEL}/operations/{len(self.operations) + 1}"
        self.operations[name] = [{"name": name}, {"name": name, "done": True, **ends_as}]
        return {"name": name}
