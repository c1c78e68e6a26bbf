"""Makes Vertex AI's registry, and an endpoint, follow what is served; the same again changes nothing.

    version with the model's digest?   - no: upload it
    is it `default`?                   - no: move the alias
    deployed to the endpoint?          - no: deploy it with its share of the traffic; yes: give it that share

What goes wrong here undoes no push: it becomes a rule that passed with a warning.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ratchet.components.object_store.uri import is_gs
from ratchet.components.services.rest import Call, Send, ServiceError
from ratchet.components.vertex_registry import requests
from ratchet.components.vertex_registry.requests import DEFAULT, DIGEST_LABEL, ModelPlace, PushedModel
from ratchet.components.vertex_registry.settings import EndpointSettings, VertexRegistrySettings
from ratchet.schemas.artifacts.decisions import Reason
from ratchet.schemas.artifacts.publication import VERTEX_REGISTERED
from ratchet.schemas.base.errors import InputError, RatchetError
from ratchet.schemas.base.visible import visible_line

_PAUSE_S = 10.0
_OWN = "ratchet-"  # begins the names of deployments that are ours


@dataclass(frozen=True)
class Registered:
    """Where a model is in Vertex AI.

    Attributes:
        name: resource name of the version.
        percent: of the endpoint's traffic that it has; None without an endpoint.
    """

    name: str
    percent: int | None

    @property
    def text(self) -> str:
        """Both for a sentence."""
        share = "" if self.percent is None else f", with {self.percent} % of the endpoint's traffic"
        return f"{self.name} is{share}"


@dataclass(frozen=True)
class Vertex:
    """Vertex AI as a pipeline uses it.

    Attributes:
        settings: where and with what.
        pipeline: its name.
        send: sends.
        wait: lets seconds pass.
    """

    settings: VertexRegistrySettings
    pipeline: str
    send: Send
    wait: Callable[[float], None] = time.sleep

    @property
    def place(self) -> ModelPlace:
        """Where the model is."""
        return requests.place_of(self.settings, self.pipeline)


def told(vertex: Vertex, model: PushedModel, percent: int | None = None) -> Reason:
    """Registers a model; a rule that passed, with a warning where that did not go as it should.

    Args:
        vertex: where.
        model: what is served.
        percent: of the endpoint's traffic; None: as the settings have it.
    """
    expected = f"version {model.version} is {DEFAULT} of {vertex.place.name}"
    try:
        return Reason(VERTEX_REGISTERED, expected, register(vertex, model, percent).text, passed=True)
    except RatchetError as error:
        problem = str(error)
    except Exception as error:  # whatever a service answers, the model is served and the run must end
        problem = f"{type(error).__name__}: {error}"
    return Reason(VERTEX_REGISTERED, expected, visible_line(problem), passed=True, warning=True)


def register(vertex: Vertex, model: PushedModel, percent: int | None = None) -> Registered:
    """Uploads a model unless it is there, makes it the default, and deploys it where an endpoint is set; see `told`.

    Raises:
        InputError: it does not lie on Cloud Storage.
        ServiceError: Vertex AI did not do it; what was done before stays, and the same call goes on from there.
    """
    if not is_gs(model.uri):
        raise InputError(f"{model.uri}: Vertex AI reads models from gs:// alone; let the root lie there")
    place = vertex.place
    version = _find(vertex, model) or _uploaded(vertex, model)
    if DEFAULT not in version.aliases:
        vertex.send(requests.make_default(place, version.id))
    endpoint = vertex.settings.endpoint
    if endpoint is None:
        return Registered(f"{place.name}@{version.id}", None)
    share = _deployed(vertex, model, version.id, endpoint, endpoint.canary_percent if percent is None else percent)
    return Registered(f"{place.name}@{version.id}", share)


@dataclass(frozen=True)
class _Version:
    id: str
    aliases: tuple[str, ...]


def _find(vertex: Vertex, model: PushedModel) -> _Version | None:
    """The version with a model's digest; None if there is none, of a model that may not be there either."""
    page: str | None = None
    while True:
        try:
            answer = vertex.send(requests.list_versions(vertex.place, model, page))
        except ServiceError as error:
            if error.status == 404:
                return None
            raise
        for found in _mappings(answer.get("models")):
            if _mapping(found.get("labels")).get(DIGEST_LABEL) == model.label and found.get("versionId"):
                aliases = found.get("versionAliases")
                return _Version(str(found["versionId"]), tuple(aliases) if isinstance(aliases, list) else ())
        following = answer.get("nextPageToken")
        if not following or following == page:
            return None
        page = str(following)


def _uploaded(vertex: Vertex, model: PushedModel) -> _Version:
    is_first = not _is_there(vertex)
    response = _finished(vertex, requests.upload(vertex.place, model, vertex.settings, is_first))
    version = response.get("modelVersionId")
    if not isinstance(version, str) or not version:
        raise ServiceError(f"{vertex.place.name}: the upload ended, but did not say as which version")
    return _Version(version, (DEFAULT,) if is_first else ())


def _is_there(vertex: Vertex) -> bool:
    place = vertex.place
    assumed = {"name": place.name}
    try:
        vertex.send(Call("GET", place.url(place.name), None, assumed))
    except ServiceError as error:
        if error.status == 404:
            return False
        raise
    return True


def _deployed(vertex: Vertex, model: PushedModel, version_id: str, endpoint: EndpointSettings, percent: int) -> int:
    """Gives a model its share of an endpoint's traffic; the share that it has then."""
    place = vertex.place
    found = vertex.send(requests.get_endpoint(place, endpoint))
    deployments = _mappings(found.get("deployedModels"))
    split = {name: share for name, share in _mapping(found.get("trafficSplit")).items() if isinstance(share, int)}
    own = next((str(one.get("id")) for one in deployments if one.get("displayName") == model.deployed_name), None)
    if own is None:
        for one in deployments:
            if str(one.get("displayName", "")).startswith(_OWN) and not split.get(str(one.get("id"))):
                _finished(vertex, requests.undeploy(place, endpoint, str(one.get("id"))))
        traffic = requests.shifted(split, "0", percent)
        _finished(vertex, requests.deploy(place, model, version_id, endpoint, traffic))
        return traffic["0"]
    has = split.get(own, 0)
    # A share that a person has raised since is not taken back.
    if has >= percent:
        return has
    traffic = requests.shifted(split, own, percent)
    vertex.send(requests.split_traffic(place, endpoint, traffic))
    return traffic[own]


def _finished(vertex: Vertex, call: Call) -> Mapping[str, Any]:
    """What an operation came to."""
    operation, waited = vertex.send(call), 0.0
    while not operation.get("done"):
        name = operation.get("name")
        if not isinstance(name, str) or "/operations/" not in name:
            raise ServiceError(f"{call.method} {call.url}: the answer is no operation; this is not Vertex AI")
        if waited >= vertex.settings.limit_s:
            raise ServiceError(f"{name}: has not ended after {waited:.0f} s; look at it in the console")
        vertex.wait(_PAUSE_S)
        waited += _PAUSE_S
        operation = {"name": name, **vertex.send(requests.get_operation(vertex.place, name))}
    error = _mapping(operation.get("error"))
    if error:
        raise ServiceError(f"{operation.get('name')}: {visible_line(str(error.get('message') or error.get('code')))}")
    return _mapping(operation.get("response"))


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _mappings(value: Any) -> list[Mapping[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []
