"""Vertex AI's REST API v1 on loopback, which takes only what the published one has.

Paths come from the table in Google's own client (google/cloud/aiplatform_v1, `rest_base`), each request is parsed
strictly into its proto, and the marks in the API's reference (the docstrings of that client, whose descriptors lack
them) are obeyed: a field that is "Required." is there, one that is "Output only." is not.
"""

from __future__ import annotations

import contextlib
import importlib
import inspect
import re
import urllib.parse
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from google.cloud import aiplatform_v1
from google.protobuf import json_format

from tests.components.services.http_fake import Asked, RefusedError, Running, serving

_SERVICES = ("pipeline", "schedule", "metadata", "model", "endpoint")


@dataclass(frozen=True)
class Method:
    """One method of the API: its name, and how its request is written."""

    name: str
    verb: str
    path: re.Pattern[str]
    names: tuple[str, ...]
    body: str | None


def _methods() -> list[Method]:
    found = []
    for service in _SERVICES:
        module = importlib.import_module(f"google.cloud.aiplatform_v1.services.{service}_service.transports.rest_base")
        [transport] = [kind for name, kind in inspect.getmembers(module, inspect.isclass) if "RestTransport" in name]
        for name, kind in inspect.getmembers(transport, inspect.isclass):
            options = getattr(kind, "_get_http_options", None)
            if options and hasattr(aiplatform_v1, f"{name.removeprefix('_Base')}Request"):
                found += [_method(name.removeprefix("_Base"), option) for option in options()]
    return found


def _method(name: str, option: dict[str, str]) -> Method:
    names = re.findall(r"\{([\w.]+)=[^}]*\}", option["uri"])
    pattern = re.sub(r"\{[\w.]+=([^}]*)\}", lambda match: f"({match[1].replace('*', '[^/:]+')})", option["uri"])
    return Method(name, option["method"].upper(), re.compile(pattern), tuple(names), option.get("body"))


METHODS = _methods()


def request_of(asked: Asked) -> tuple[str, Any]:
    """The method's name and the request as a proto; AssertionError or ParseError for what the API does not have."""
    parts = urllib.parse.urlsplit(asked.target)
    path = urllib.parse.unquote(parts.path)
    for method in METHODS:
        match = method.path.fullmatch(path) if method.verb == asked.method else None
        if match:
            values: dict[str, Any] = {}
            if method.body == "*":
                values.update(asked.body or {})
            elif method.body:
                values[method.body] = asked.body
            else:
                assert asked.body is None, "a body where there is none"
            for name, value in urllib.parse.parse_qsl(parts.query):
                values[name] = value
            for name, value in zip(method.names, match.groups()):
                _set(values, name, value)
            kind = getattr(aiplatform_v1, f"{method.name}Request")
            request = json_format.ParseDict(values, kind.pb()(), ignore_unknown_fields=False)
            if method.verb != "PATCH":  # which says what it changes, and leaves the rest out
                check_marks(request, method.name)
            return method.name, request
    raise AssertionError(f"the API has no {asked.method} {path}")


def check_marks(message: Any, where: str) -> None:
    """Whether everything is there that is required, and nothing that only the service says."""
    present = {field.name: (field, value) for field, value in message.ListFields()}
    for name, mark in marks(message.DESCRIPTOR).items():
        if mark == "Required":
            assert name in present, f"{where}.{name} is required"
        elif name != "name":  # which is how an existing resource is told
            assert name not in present, f"{where}.{name} is the service's to say"
    for name, (field, value) in present.items():
        if field.message_type is None or not field.message_type.full_name.startswith("google.cloud.aiplatform"):
            continue
        if field.message_type.GetOptions().map_entry:
            continue
        for one in value if field.label == field.LABEL_REPEATED else [value]:
            check_marks(one, f"{where}.{name}")


def marks(descriptor: Any) -> dict[str, str]:
    """What the reference says of the fields of a message: `Required` or `Output only`, by name."""
    path = []
    while descriptor is not None:
        path.append(descriptor.name)
        descriptor = descriptor.containing_type
    kind: Any = importlib.import_module("google.cloud.aiplatform_v1.types")
    for name in reversed(path):
        kind = getattr(kind, name)
    # Every field has an entry of its own, so a mark is looked for only up to the next one.
    entries = re.split(r"\n(?=        \w+ \()", kind.__doc__ or "")
    found = [re.match(r"\s*(\w+) \([^\n]*(?:\n[^\n]*?)??\):\s+(Required|Output only)\.", entry) for entry in entries]
    return {match[1]: match[2] for match in found if match}


Answer = Callable[[Any], dict[str, Any]]


class VertexAI:
    """Jobs, schedules and experiments; other methods are given by whoever tests them."""

    def __init__(self, **answers: Answer) -> None:
        self.requests: list[tuple[str, Any]] = []
        self.jobs: dict[str, Any] = {}
        self.schedules: dict[str, dict[str, Any]] = {}
        self.experiments: dict[str, list[str]] = {}
        self.tries_until_context = 2
        self._answers = answers

    def answer(self, asked: Asked) -> dict[str, Any]:
        operation = re.fullmatch(r"/v1/(projects/.+/operations/\d+)", asked.target)
        if operation:
            assert asked.method == "GET"
            return self._answers["GetOperation"](operation[1])
        name, request = request_of(asked)
        self.requests.append((name, request))
        given = self._answers.get(name)
        return given(request) if given else getattr(self, f"_{name}")(request)

    def _CreatePipelineJob(self, request: Any) -> dict[str, Any]:
        assert re.fullmatch(r"[a-z][-a-z0-9]{0,127}", request.pipeline_job_id)
        name = f"{request.parent}/pipelineJobs/{request.pipeline_job_id}"
        if name in self.jobs:
            raise RefusedError(409, f"{name} already exists")
        self.jobs[name] = request.pipeline_job
        return {"name": name, "state": "PIPELINE_STATE_PENDING"}

    def _GetPipelineJob(self, request: Any) -> dict[str, Any]:
        if request.name not in self.jobs:
            raise RefusedError(404, "not found")
        self.tries_until_context -= 1
        if self.tries_until_context > 0:
            return {"name": request.name, "state": "PIPELINE_STATE_PENDING"}
        context = f"{request.name.partition('/pipelineJobs/')[0]}/metadataStores/default/contexts/run-1"
        return {"name": request.name, "jobDetail": {"pipelineRunContext": {"name": context}}}

    def _CreateSchedule(self, request: Any) -> dict[str, Any]:
        schedule = request.schedule
        assert schedule.cron, "the oneof time_specification has to be set"
        assert schedule.create_pipeline_job_request.parent == request.parent
        assert not schedule.create_pipeline_job_request.pipeline_job_id, "the service gives the jobs of a schedule ids"
        name = f"{request.parent}/schedules/{1000 + len(self.schedules)}"
        self.schedules[name] = {"name": name, "displayName": schedule.display_name, "cron": schedule.cron}
        self.schedules[name]["state"] = "ACTIVE"
        return self.schedules[name]

    def _ListSchedules(self, request: Any) -> dict[str, Any]:
        found = sorted(self.schedules.values(), key=lambda schedule: schedule["name"])
        if request.filter:
            match = re.fullmatch(r'display_name="(.*)"', request.filter)
            assert match
            found = [one for one in found if one["displayName"] == match[1]]
        start = int(request.page_token or 0)
        more = {"nextPageToken": str(start + 1)} if start + 1 < len(found) else {}
        return {"schedules": found[start : start + 1], **more}

    def _PauseSchedule(self, request: Any) -> dict[str, Any]:
        self._schedule(request.name)["state"] = "PAUSED"
        return {}

    def _ResumeSchedule(self, request: Any) -> dict[str, Any]:
        assert not request.catch_up
        self._schedule(request.name)["state"] = "ACTIVE"
        return {}

    def _DeleteSchedule(self, request: Any) -> dict[str, Any]:
        self._schedule(request.name)
        del self.schedules[request.name]
        return {"name": "operations/1", "done": True}

    def _CreateContext(self, request: Any) -> dict[str, Any]:
        name = f"{request.parent}/contexts/{request.context_id}"
        assert request.context.schema_title == "system.Experiment"
        if name in self.experiments:
            raise RefusedError(409, "already exists")
        self.experiments[name] = []
        return {"name": name}

    def _AddContextChildren(self, request: Any) -> dict[str, Any]:
        self.experiments[request.context] += request.child_contexts
        return {}

    def _schedule(self, name: str) -> dict[str, Any]:
        if name not in self.schedules:
            raise RefusedError(404, f"{name} not found")
        return self.schedules[name]


@contextlib.contextmanager
def vertex_ai(**answers: Answer) -> Iterator[tuple[Running, VertexAI]]:
    """The server and what it holds."""
    held = VertexAI(**answers)
    with serving(held.answer) as running:
        yield running, held
        assert running.broken == []


def _set(values: dict[str, Any], name: str, value: str) -> None:
    """`schedule.name` stands in a message of its own."""
    *parents, last = name.split(".")
    for parent in parents:
        values = values.setdefault(parent, {})
    values[last] = value
