"""A schedule is stopped from inside of a run: what the exit handler calls after too many failures in a row."""

from __future__ import annotations

from dataclasses import dataclass

from ratchet.components.services.rest import Send, check_base, sender
from ratchet.components.services.tokens import google_default, nobody, pod_token, token_file
from ratchet.kubeflow import kfp_api, vertex_api
from ratchet.schemas.base.errors import InputError


@dataclass(frozen=True)
class ScheduleRef:
    """A schedule.

    Attributes:
        target: `kfp` or `vertex`.
        host_or_location: the API's address for `kfp`, inside of a cluster http://ml-pipeline.kubeflow:8888; the region
            for `vertex`.
        project: for `vertex`; for `kfp` the namespace of a cluster with several users, or empty.
        name: its display name or id.
        experiment: for `kfp`, where it is.
    """

    target: str
    host_or_location: str
    project: str
    name: str
    experiment: str = "Default"


def pause(schedule: ScheduleRef, send: Send | None = None) -> list[str]:
    """Pauses a schedule; the ids of those that have its name. Who asks is the pod, by the environment's mechanisms.

    Args:
        schedule: which.
        send: sends; None: over the network.

    Raises:
        InputError: there is no such schedule.
        ServiceError: it could not be paused.
    """
    if schedule.target == "vertex":
        place = vertex_place(schedule.host_or_location, schedule.project)
        send = send or sender(google_default())
        names = vertex_api.schedule_names(place, schedule.name, send)
        for name in names:
            vertex_api.change_schedule(place, name, "pause", send)
        return names
    if schedule.target != "kfp":
        raise InputError(f"{schedule.target!r}: no runner of schedules; kfp or vertex")
    host = check_base("host", schedule.host_or_location)
    cluster = kfp_api.Place(host, schedule.project or None, schedule.experiment)
    token = pod_token()
    send = send or sender(token_file(token) if token else nobody)
    names = kfp_api.recurring_run_ids(cluster, schedule.name, send)
    for name in names:
        kfp_api.change_recurring_run(cluster, name, "pause", send)
    return names


def vertex_place(location: str, project: str) -> vertex_api.Place:
    """A region of Vertex AI; a location that is an address is its own endpoint, and ends in `/REGION`."""
    if "://" not in location:
        return vertex_api.Place(vertex_api.default_endpoint(location), project, location)
    endpoint, _, region = location.rpartition("/")
    return vertex_api.Place(check_base("location", endpoint), project, region)
