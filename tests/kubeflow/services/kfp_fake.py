"""Kubeflow Pipelines' API v2beta1 on loopback, which takes only what the published one has.

Bodies are held against the models of kfp_server_api (generated from the API's swagger), specs against the protos.
"""

from __future__ import annotations

import contextlib
import datetime
import json
import re
import urllib.parse
from collections.abc import Iterator
from typing import Any

import kfp_server_api
from google.protobuf import json_format
from kfp.pipeline_spec import pipeline_spec_pb2

from tests.components.services.http_fake import Asked, RefusedError, Running, serving

API = "/apis/v2beta1"
_LISTED = {"experiments": "experiments", "runs": "runs", "recurringruns": "recurringRuns"}
_QUERY = {
    "experiments": {"page_token", "page_size", "sort_by", "filter", "namespace"},
    "runs": {"namespace", "experiment_id", "page_token", "page_size", "sort_by", "filter"},
    "recurringruns": {"page_token", "page_size", "sort_by", "namespace", "filter", "experiment_id"},
}
_PLAIN = {"str": str, "bool": bool, "int": int}


class Kubeflow:
    """What the server holds, by what is listed."""

    def __init__(self, page_size: int = 2) -> None:
        self.held: dict[str, list[dict[str, Any]]] = {what: [] for what in _LISTED}
        self._page_size = page_size

    def answer(self, asked: Asked) -> dict[str, Any]:
        parts = urllib.parse.urlsplit(asked.target)
        assert parts.path.startswith(f"{API}/"), asked.target
        if parts.path == f"{API}/healthz":
            return {"multi_user": False}
        what, _, rest = parts.path.removeprefix(f"{API}/").partition("/")
        assert what in _LISTED, asked.target
        query = dict(urllib.parse.parse_qsl(parts.query, strict_parsing=bool(parts.query)))
        if rest:
            assert not query
            return self._change(asked, what, rest)
        if asked.method == "GET":
            assert set(query) <= _QUERY[what], query
            return self._list(what, query)
        assert asked.method == "POST"
        assert not query
        return self._create(what, asked.body)

    def _list(self, what: str, query: dict[str, str]) -> dict[str, Any]:
        found = [one for one in self.held[what] if query.get("experiment_id") in (None, one.get("experiment_id"))]
        if "filter" in query:
            values = json.loads(query["filter"])
            for predicate in values["predicates"]:  # as the JSON of protos may be, and the SDK's is
                predicate.update({"string_value": predicate.pop("stringValue")} if "stringValue" in predicate else {})
                predicate["operation"] = "EQUALS" if predicate["operation"] == 1 else predicate["operation"]
            check(values, "V2beta1Filter")
            [predicate] = values["predicates"]
            assert (predicate["operation"], predicate["key"]) == ("EQUALS", "display_name")
            found = [one for one in found if one["display_name"] == predicate["string_value"]]
        start = int(query.get("page_token", 0))
        end = start + self._page_size
        more = {"next_page_token": str(end)} if end < len(found) else {}
        return {_LISTED[what]: found[start:end], "total_size": len(found), **more}

    def _create(self, what: str, body: Any) -> dict[str, Any]:
        kind = {"experiments": "V2beta1Experiment", "runs": "V2beta1Run", "recurringruns": "V2beta1RecurringRun"}[what]
        check(body, kind)
        assert body["display_name"]
        if what != "experiments":
            self._check_job(body)
        if what == "recurringruns":
            check_cron(body["trigger"]["cron_schedule"]["cron"])
            assert body["mode"] in (kfp_server_api.RecurringRunMode.ENABLE, kfp_server_api.RecurringRunMode.DISABLE)
            assert 1 <= int(body["max_concurrency"]) <= 10  # the server refuses others
        name = {"experiments": "experiment_id", "runs": "run_id", "recurringruns": "recurring_run_id"}[what]
        held = {**body, name: f"{what}-{len(self.held[what]) + 1}"}
        if what == "recurringruns":
            held["status"] = "ENABLED" if body["mode"] == "ENABLE" else "DISABLED"
        self.held[what].append(held)
        return held

    def _check_job(self, body: dict[str, Any]) -> None:
        ids = [one["experiment_id"] for one in self.held["experiments"]]
        assert body["experiment_id"] in ids
        spec = body["pipeline_spec"]
        spec = spec.get("pipeline_spec", spec)
        job: Any = pipeline_spec_pb2
        parsed = json_format.ParseDict(spec, job.PipelineSpec(), ignore_unknown_fields=False)
        declared = set(parsed.root.input_definitions.parameters)
        assert set(body["runtime_config"].get("parameters", {})) <= declared

    def _change(self, asked: Asked, what: str, rest: str) -> dict[str, Any]:
        match = re.fullmatch(r"([-\w]+)(:enable|:disable)?", rest)
        assert match, rest
        assert what == "recurringruns"
        found = [one for one in self.held[what] if one["recurring_run_id"] == match[1]]
        if not found:
            raise RefusedError(404, f"{match[1]} not found")
        assert asked.body is None
        if match[2]:
            assert asked.method == "POST"
            found[0]["status"] = "ENABLED" if match[2] == ":enable" else "DISABLED"
        else:
            assert asked.method == "DELETE"
            self.held[what].remove(found[0])
        return {}


@contextlib.contextmanager
def kubeflow() -> Iterator[tuple[Running, Kubeflow]]:
    """The server and what it holds."""
    held = Kubeflow()
    with serving(held.answer) as running:
        yield running, held
        assert running.broken == []


def check(value: Any, kind: str) -> None:
    """Whether a value is one of the API's, by the names and types that its generated client has."""
    if kind == "object":
        return
    if kind in _PLAIN:
        assert type(value) is _PLAIN[kind], (value, kind)
    elif kind == "datetime":
        assert datetime.datetime.fromisoformat(value.replace("Z", "+00:00")).tzinfo, value
    elif kind.startswith("list["):
        for one in value:
            check(one, kind[5:-1])
    elif kind.startswith("dict("):
        assert isinstance(value, dict)
    else:
        model = getattr(kfp_server_api, kind)
        if not hasattr(model, "openapi_types") or not model.openapi_types:  # an enumeration
            assert value in model.allowable_values, (value, kind)
            return
        names = {written: name for name, written in model.attribute_map.items()}
        unknown = set(value) - set(names)
        assert not unknown, (kind, unknown)
        for written, one in value.items():
            check(one, model.openapi_types[names[written]])


def check_cron(cron: str) -> None:
    """Six fields of numbers in their ranges, as the server's parser (robfig/cron 1.2) takes them."""
    fields = cron.split(" ")
    limits = ((0, 59), (0, 59), (0, 23), (1, 31), (1, 12), (0, 6))
    assert len(fields) == len(limits), cron
    for text, (low, high) in zip(fields, limits):
        numbers = [int(number) for part in text.split(",") for number in re.findall(r"[0-9]+", part.partition("/")[0])]
        assert all(low <= number <= high for number in numbers), (cron, text)
