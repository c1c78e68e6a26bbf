"""Calls of Vertex AI's API, v1: pipeline jobs, schedules and experiments, as values.

What google-cloud-aiplatform would send, in the JSON form of the same protos (google/cloud/aiplatform/v1/
pipeline_job.proto, schedule.proto). Its SDK takes 13 seconds to import, looks at the bucket before it submits and waits
two minutes where it cannot, and brings defaults of a process; here a request is what was given.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ratchet.components.services.rest import Call, Send, ServiceError, with_query
from ratchet.kubeflow.compiled import Compiled
from ratchet.kubeflow.cron import Timing
from ratchet.schemas.base.errors import InputError
from ratchet.schemas.base.visible import visible_line

_JOB_ID = re.compile(r"[a-z][-a-z0-9]{0,127}", re.ASCII)
_LABEL = re.compile(r"[a-z0-9_-]{0,63}", re.ASCII)
_MOST_LABELS = 64
_LAST_STATES = ("PIPELINE_STATE_SUCCEEDED", "PIPELINE_STATE_FAILED", "PIPELINE_STATE_CANCELLED")
_FIX = (
    "whoever asks needs roles/aiplatform.user in the project and roles/iam.serviceAccountUser on the service account "
    "that the run works as"
)
POLICIES = {"fast": "PIPELINE_FAILURE_POLICY_FAIL_FAST", "slow": "PIPELINE_FAILURE_POLICY_FAIL_SLOW"}


@dataclass(frozen=True)
class Place:
    """Where jobs are.

    Attributes:
        endpoint: address of the API, without what is at its end.
        project: id or number.
        location: a region, such as europe-west4.
    """

    endpoint: str
    project: str
    location: str

    @property
    def parent(self) -> str:
        """The resource that jobs and schedules are below."""
        return f"projects/{self.project}/locations/{self.location}"

    @property
    def url(self) -> str:
        """The address of that resource."""
        return f"{self.endpoint}/v1/{self.parent}"


@dataclass(frozen=True)
class Start:
    """How a pipeline is started.

    Attributes:
        compiled: the pipeline.
        display_name: of the job.
        parameters: what it is told.
        root: pipeline root.
        service_account: whom the run works as; None: the project's default.
        network: full name of a VPC network to be peered with; None: none.
        encryption_key: full name of a Cloud KMS key; None: Google's own.
        labels: over those of the file.
        failure_policy: `fast`: nothing new starts once a task has failed; `slow`: what does not depend on it does.
    """

    compiled: Compiled
    display_name: str
    parameters: Mapping[str, Any]
    root: str
    service_account: str | None
    network: str | None
    encryption_key: str | None
    labels: Mapping[str, str]
    failure_policy: str


def default_endpoint(location: str) -> str:
    """Where Vertex AI is reached in a region."""
    return f"https://{location}-aiplatform.googleapis.com"


def pipeline_job(start: Start) -> dict[str, Any]:
    """The PipelineJob, in proto's JSON.

    Raises:
        InputError: a label is none.
    """
    optional = {
        "serviceAccount": start.service_account,
        "network": start.network,
        "encryptionSpec": {"kmsKeyName": start.encryption_key} if start.encryption_key else None,
    }
    return {
        "displayName": start.display_name,
        "labels": checked_labels({**start.compiled.labels, **start.labels}),
        "pipelineSpec": dict(start.compiled.spec),
        "runtimeConfig": {
            "gcsOutputDirectory": start.root,
            "parameterValues": dict(start.parameters),
            "failurePolicy": POLICIES[start.failure_policy],
        },
        **{name: value for name, value in optional.items() if value is not None},
    }


def create_job(place: Place, start: Start, job_id: str, send: Send) -> str:
    """Starts a job; its resource name. A job with that id that is there already is the one."""
    name = f"{place.parent}/pipelineJobs/{checked_job_id(job_id)}"
    url = with_query(f"{place.url}/pipelineJobs", pipelineJobId=job_id)
    try:
        made = send(Call("POST", url, pipeline_job(start), {"name": name}, _FIX))
    except ServiceError as error:
        if error.status == 409:
            raise JobExistsError(name) from error
        raise
    return _name(made, place)


class JobExistsError(ServiceError):
    """A job with that id is there, whatever became of it.

    Attributes:
        name: its resource name.
    """

    def __init__(self, name: str) -> None:
        super().__init__(f"{name}: is there already; give another --job-id for another run", 409)
        self.name = name


def create_schedule(place: Place, start: Start, timing: Timing, name: str, send: Send) -> str:
    """Makes a schedule: one job at a time, none waits, what was missed is not made up for; its resource name.

    Raises:
        InputError: one of that name is there: two would be two jobs at a time.
    """
    found = schedules(place, send, name, {})
    if found:
        raise InputError(
            f"--name {visible_line(name)}: {_name(found[0], place)} has that name; delete it first, or give another "
            "name"
        )
    optional = {"startTime": timing.start_time, "endTime": timing.end_time}
    body = {
        "displayName": name,
        "cron": timing.cron,
        "maxConcurrentRunCount": "1",  # an int64, which is a text in JSON
        "allowQueueing": False,
        "createPipelineJobRequest": {"parent": place.parent, "pipelineJob": pipeline_job(start)},
        **{key: value for key, value in optional.items() if value is not None},
    }
    assumed = {"name": f"{place.parent}/schedules/SCHEDULE_ID"}
    made = _name(send(Call("POST", f"{place.url}/schedules", body, assumed, _FIX)), place)
    if timing.is_paused:
        change_schedule(place, made, "pause", send)
    return made


def schedules(
    place: Place, send: Send, name: str | None = None, assumed: Mapping[str, Any] | None = None
) -> list[dict[str, Any]]:
    """The schedules of a place.

    Args:
        place: where they are.
        send: sends.
        name: only those of that display name.
        assumed: what a dry run takes to be there; None: one.
    """
    one = {"name": f"{place.parent}/schedules/SCHEDULE_ID", "displayName": name or "NAME"}
    there = {"schedules": [one]} if assumed is None else assumed
    found = list(_pages(place, send, there, f'display_name="{_quoted(name)}"' if name else None))
    return [schedule for schedule in found if name in (None, schedule.get("displayName"))]


def schedule_names(place: Place, name: str, send: Send) -> list[str]:
    """The resource names of the schedules that have a display name, or an id.

    Raises:
        InputError: there is none.
    """
    if name.startswith("projects/"):
        return [name]
    if name.isdigit():
        return [f"{place.parent}/schedules/{name}"]
    found = schedules(place, send, name)
    if not found:
        raise InputError(
            f"--name {visible_line(name)}: {place.parent} has no such schedule; `python -m ratchet.kubeflow.schedule "
            "list` shows those there are"
        )
    return [_name(schedule, place) for schedule in found]


def change_schedule(place: Place, name: str, change: str, send: Send) -> None:
    """Pauses, resumes or deletes a schedule.

    Args:
        place: where it is.
        name: its resource name.
        change: `pause`, `resume` or `delete`.
        send: sends.
    """
    url = f"{place.endpoint}/v1/{name}"
    if change == "delete":
        send(Call("DELETE", url, None, {}, _FIX))
    else:
        send(Call("POST", f"{url}:{change}", {"catchUp": False} if change == "resume" else {}, {}, _FIX))


def add_to_experiment(
    place: Place, job: str, experiment: str, send: Send, wait: Callable[[float], None] = time.sleep, tries: int = 60
) -> None:
    """Shows a job's run in an experiment, which is made if it is not there, as the SDK's `submit(experiment=)` does.

    Args:
        place: where both are.
        job: resource name.
        experiment: its name.
        send: sends.
        wait: lets seconds pass: the run's own context is made once the job has begun.
        tries: how often the job is asked for it, a second apart.

    Raises:
        ServiceError: the context did not come in time, or a call was refused. The job runs in any case.
    """
    context = f"{place.parent}/metadataStores/default/contexts/{experiment}"
    _make_experiment(place, experiment, send)
    run = _run_context(place, job, send, wait, tries)
    body = {"childContexts": [run]}
    send(Call("POST", f"{place.endpoint}/v1/{context}:addContextChildren", body, {}, _FIX))


def checked_job_id(job_id: str) -> str:
    """The id of a job.

    Raises:
        InputError: Vertex AI would not take it.
    """
    if not _JOB_ID.fullmatch(job_id):
        raise InputError(
            f"--job-id {visible_line(job_id)!r}: a small letter, then small letters, digits and hyphens, at most 128"
        )
    return job_id


def checked_labels(labels: Mapping[str, str]) -> dict[str, str]:
    """Labels of a job.

    Raises:
        InputError: Vertex AI would not take them.
    """
    for key, value in labels.items():
        if not key or not _LABEL.fullmatch(key) or not _LABEL.fullmatch(value) or not key[0].isalpha():
            raise InputError(
                f"--label {visible_line(key)}={visible_line(value)}: small letters, digits, - and _, at most 63 each, "
                "and the key begins with a letter"
            )
    if len(labels) > _MOST_LABELS:
        raise InputError(f"--label: {len(labels)} labels with those of the file; at most {_MOST_LABELS}")
    return dict(labels)


def job_page(place: Place, name: str) -> str:
    """Where the console shows a job."""
    job = name.rpartition("/")[2]
    return (
        f"https://console.cloud.google.com/vertex-ai/locations/{place.location}/pipelines/runs/{job}"
        f"?project={place.project}"
    )


def _make_experiment(place: Place, experiment: str, send: Send) -> None:
    url = with_query(f"{place.url}/metadataStores/default/contexts", contextId=experiment)
    body = {
        "displayName": experiment,
        "schemaTitle": "system.Experiment",
        "schemaVersion": "0.0.1",
        "metadata": {"experiment_deleted": False},
    }
    try:
        send(Call("POST", url, body, {}, _FIX))
    except ServiceError as error:
        if error.status != 409:  # it is there
            raise


def _run_context(place: Place, job: str, send: Send, wait: Callable[[float], None], tries: int) -> str:
    assumed = {"jobDetail": {"pipelineRunContext": {"name": "PIPELINE_RUN_CONTEXT"}}}
    for _ in range(tries):
        found = send(Call("GET", f"{place.endpoint}/v1/{job}", None, assumed, _FIX))
        detail = found.get("jobDetail")
        context = detail.get("pipelineRunContext") if isinstance(detail, dict) else None
        if isinstance(context, dict) and isinstance(context.get("name"), str):
            return context["name"]
        if found.get("state") in _LAST_STATES:
            break
        wait(1.0)
    raise ServiceError(f"{job}: runs, but its place in the metadata did not come, so it is in no experiment")


def _pages(place: Place, send: Send, assumed: Mapping[str, Any], filter: str | None) -> Iterator[dict[str, Any]]:
    token: str | None = None
    while True:
        url = with_query(f"{place.url}/schedules", pageSize="100", pageToken=token, filter=filter)
        answer = send(Call("GET", url, None, assumed, _FIX))
        yield from (found for found in answer.get("schedules") or [] if isinstance(found, dict))
        following = answer.get("nextPageToken")
        if not following or following == token:
            return
        token = str(following)


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')


def _name(answer: Mapping[str, Any], place: Place) -> str:
    name = answer.get("name")
    if not isinstance(name, str) or not name.startswith("projects/"):
        raise ServiceError(f"{place.endpoint}: the answer has no resource name; this is not Vertex AI")
    return name
