"""Calls of Kubeflow Pipelines' API, v2beta1: what `kfp.Client` sends, as values.

Departure from kfp.Client: nothing is left to its defaults (an experiment named by the environment, the server's
pipeline root, caching on), and a token is never sent where a redirect leads.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ratchet.components.services.rest import Call, Send, ServiceError, with_query
from ratchet.kubeflow.compiled import Compiled
from ratchet.kubeflow.cron import Timing
from ratchet.schemas.base.errors import InputError
from ratchet.schemas.base.visible import visible_line

Values = dict[str, Any]
_API = "/apis/v2beta1"
_PAGE = "100"
_FIX = (
    "whoever asks needs the role kubeflow-edit in that namespace; outside of the cluster give a token with --token-file"
)


@dataclass(frozen=True)
class Place:
    """Where runs are.

    Attributes:
        host: address of the API, without what is at its end.
        namespace: of Kubernetes, where a cluster has several users; None: it has one.
        experiment: name of the experiment.
    """

    host: str
    namespace: str | None
    experiment: str


@dataclass(frozen=True)
class Start:
    """How a pipeline is started.

    Attributes:
        compiled: the pipeline.
        name: of the run or recurring run.
        parameters: what it is told.
        root: pipeline root.
        service_account: of Kubernetes; None: the cluster's default.
    """

    compiled: Compiled
    name: str
    parameters: Mapping[str, Any]
    root: str
    service_account: str | None


def experiment_id(place: Place, send: Send) -> str:
    """The id of the experiment, which is made if it is not there."""
    found = _experiment(place, send, {})
    if found is not None:
        return found
    body = {"display_name": place.experiment, **_if_given(namespace=place.namespace)}
    assumed = {"experiment_id": "EXPERIMENT_ID"}
    made = send(Call("POST", f"{place.host}{_API}/experiments", body, assumed, _FIX))
    return _text(made, "experiment_id", place)


def create_run(place: Place, start: Start, send: Send) -> str:
    """Starts a run; its id."""
    body = {"display_name": start.name, "experiment_id": experiment_id(place, send), **_job(start)}
    call = Call("POST", f"{place.host}{_API}/runs", body, {"run_id": "RUN_ID"}, _FIX)
    return _text(send(call), "run_id", place)


def find_run(place: Place, name: str, send: Send) -> str | None:
    """The id of a run of that name in the experiment that did not fail; None if there is none."""
    where = _experiment(place, send, {})
    if where is None:
        return None
    for run in _listed(place.host, "runs", send, {}, experiment_id=where, filter=_named(name)):
        if run.get("display_name") == name and run.get("state") not in ("FAILED", "CANCELED"):
            return _text(run, "run_id", place)
    return None


def create_recurring_run(place: Place, start: Start, timing: Timing, send: Send) -> str:
    """Makes a recurring run: one at a time, and what was missed is not made up for; its id.

    Raises:
        InputError: one of that name is there: two would be two at a time.
    """
    where = experiment_id(place, send)
    listed = _listed(place.host, "recurringruns", send, {}, experiment_id=where, filter=_named(start.name))
    if any(run.get("display_name") == start.name for run in listed):
        raise InputError(
            f"--name {visible_line(start.name)}: experiment {visible_line(place.experiment)} has a recurring run of "
            "that name; delete it first, or give another name"
        )
    trigger = {"cron": timing.cron, **_if_given(start_time=timing.start_time, end_time=timing.end_time)}
    body = {
        "display_name": start.name,
        "experiment_id": where,
        **_job(start),
        "trigger": {"cron_schedule": trigger},
        "mode": "DISABLE" if timing.is_paused else "ENABLE",
        "max_concurrency": "1",  # an int64, which is a text in JSON
        "no_catchup": True,
    }
    assumed = {"recurring_run_id": "RECURRING_RUN_ID"}
    made = send(Call("POST", f"{place.host}{_API}/recurringruns", body, assumed, _FIX))
    return _text(made, "recurring_run_id", place)


def recurring_runs(place: Place, send: Send, name: str = "NAME") -> list[dict[str, Any]]:
    """The recurring runs of the experiment.

    Args:
        place: where they are.
        send: sends.
        name: of the one that a dry run assumes to be there.
    """
    experiment = {"display_name": place.experiment, "experiment_id": "EXPERIMENT_ID"}
    where = _experiment(place, send, {"experiments": [experiment]})
    if where is None:
        return []
    run = {"display_name": name, "recurring_run_id": "RECURRING_RUN_ID"}
    return list(_listed(place.host, "recurringruns", send, {"recurringRuns": [run]}, experiment_id=where))


def recurring_run_ids(place: Place, name: str, send: Send) -> list[str]:
    """The ids of the recurring runs that have a name or an id.

    Raises:
        InputError: there is none.
    """
    runs = recurring_runs(place, send, name)
    found = [run for run in runs if name in (run.get("display_name"), run.get("recurring_run_id"))]
    if not found:
        names = ", ".join(sorted(visible_line(str(run.get("display_name"))) for run in runs)) or "none"
        raise InputError(
            f"--name {visible_line(name)}: experiment {visible_line(place.experiment)} has no such recurring run; it "
            f"has {names}"
        )
    return [_text(run, "recurring_run_id", place) for run in found]


def change_recurring_run(place: Place, identifier: str, change: str, send: Send) -> None:
    """Pauses, resumes or deletes a recurring run.

    Args:
        place: where it is.
        identifier: its id.
        change: `pause`, `resume` or `delete`.
        send: sends.
    """
    url = f"{place.host}{_API}/recurringruns/{identifier}"
    verb = {"pause": ":disable", "resume": ":enable"}.get(change)
    send(Call("POST", url + verb, None, {}, _FIX) if verb else Call("DELETE", url, None, {}, _FIX))


def run_page(place: Place, run_id: str) -> str:
    """Where the console shows a run."""
    return f"{place.host}/#/runs/details/{run_id}"


def _job(start: Start) -> dict[str, Any]:
    spec = dict(start.compiled.spec)
    platform = start.compiled.platform
    return {
        "pipeline_spec": {"pipeline_spec": spec, "platform_spec": dict(platform)} if platform else spec,
        "runtime_config": {"parameters": dict(start.parameters), "pipeline_root": start.root},
        **_if_given(service_account=start.service_account),
    }


def _experiment(place: Place, send: Send, assumed: Mapping[str, Any]) -> str | None:
    """The id of the experiment, if it is there."""
    listed = _listed(
        place.host, "experiments", send, assumed, filter=_named(place.experiment), namespace=place.namespace
    )
    found = next((one for one in listed if one.get("display_name") == place.experiment), None)
    return _text(found, "experiment_id", place) if found else None


def _named(name: str) -> str:
    predicate = {"operation": "EQUALS", "key": "display_name", "string_value": name}
    return json.dumps({"predicates": [predicate]})


def _listed(host: str, what: str, send: Send, assumed: Mapping[str, Any], **query: str | None) -> Iterator[Values]:
    """Whatever a listing has, page after page."""
    token: str | None = None
    while True:
        url = with_query(f"{host}{_API}/{what}", page_token=token, page_size=_PAGE, **query)
        answer = send(Call("GET", url, None, assumed, _FIX))
        # The API's own names are not written alike.
        for found in answer.get({"recurringruns": "recurringRuns"}.get(what, what)) or []:
            if isinstance(found, dict):
                yield found
        following = answer.get("next_page_token")
        if not following or following == token:
            return
        token = str(following)


def _if_given(**values: str | None) -> dict[str, str]:
    return {name: value for name, value in values.items() if value is not None}


def _text(answer: Mapping[str, Any], key: str, place: Place) -> str:
    value = answer.get(key)
    if not isinstance(value, str) or not value:
        raise ServiceError(f"{place.host}: the answer has no {key}; this is not Kubeflow Pipelines 2, or one before it")
    return value
