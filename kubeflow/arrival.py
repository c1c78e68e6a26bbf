"""A new span has arrived: an event of Cloud Storage starts the compiled pipeline on it, once.

    from ratchet.kubeflow.arrival import handler
    on_arrival = handler()        # the entry point of a Cloud Function; settings come from its environment

An event says that an object was finalised. It is of a span if it is `_SUCCESS`, or, where no marker is used,
`annotations.json`, right below `span-N` in the data's directory; a span that lists its files has to have them by then.
Events come at least once, and in any order: the name of a run is made of pipeline, span and upload, so that the second
event finds the first one's run, and a span that was decided is left alone. On Vertex AI the service sees to it (one job
an id); on Kubeflow Pipelines, which lets names be equal, the run is looked for first.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ratchet.components.example_gen.manifests import BAG, SUMS
from ratchet.components.example_gen.span_names import parse_span
from ratchet.components.example_gen.spans import FoundSpan, lack_in
from ratchet.components.object_store.files import OBJECT_FILES
from ratchet.components.object_store.uri import check_supported, split
from ratchet.components.services.rest import Send, check_base, sender
from ratchet.components.services.tokens import google_default, google_identity, nobody, pod_token, token_file
from ratchet.kubeflow import kfp_api, vertex_api
from ratchet.kubeflow.compiled import Compiled, Target, parameter_values, pipeline_root, read_compiled
from ratchet.kubeflow.submit import job_id_part
from ratchet.pipeline.data.new_span import MARKER, decided_by
from ratchet.schemas.base.errors import DataError, InputError
from ratchet.schemas.base.progress import LOGGER

_ANNOTATIONS = "annotations.json"
_TRIGGER = "let the trigger be google.cloud.storage.object.v1.finalized"
_LONGEST_STEM = 70  # characters of a job's id, of 128
# Settings of the entry point, by what they set.
_NEEDED = ("RATCHET_PIPELINE", "RATCHET_ROOT", "RATCHET_DATA")


@dataclass(frozen=True)
class Trigger:
    """What is started when a span arrives, and where.

    Attributes:
        compiled: the pipeline.
        root: pipeline root, gs://, where decisions are.
        data: gs:// directory of the span directories.
        awaited: the file with which a span has arrived, such as `_SUCCESS`.
        place: the runner.
        service_account: whom the run works as; None: the runner's default.
        run_root: pipeline root as the runner is told; None: what the compiled file names.
    """

    compiled: Compiled
    root: str
    data: str
    awaited: str
    place: kfp_api.Place | vertex_api.Place
    service_account: str | None = None
    run_root: str | None = None


@dataclass(frozen=True)
class Outcome:
    """What came of an event.

    Attributes:
        started: id or resource name of the run; None: none was started.
        why: in a sentence.
    """

    started: str | None
    why: str


def arrived(event: Mapping[str, Any], trigger: Trigger, send: Send) -> Outcome:
    """Starts a run for an event, unless there is one, or the span is none or decided.

    Args:
        event: the data of a storage event: `bucket`, `name`, `generation`.
        trigger: what is started and where.
        send: sends.

    Raises:
        InputError: the event is none of Cloud Storage, or the pipeline has no parameter `span`.
        ServiceError: the runner did not take it; whoever delivers events delivers it again.
    """
    try:
        span = span_of(event, trigger.data, trigger.awaited)
    except DataError as error:  # a name that is no day: to be told of it again mends nothing
        return Outcome(None, str(error))
    if span is None:
        return Outcome(None, f"{event.get('name')}: no {trigger.awaited} of a span in {trigger.data}")
    number, version, _ = span
    decided = decided_by(trigger.root, number, version)
    if decided:
        return Outcome(None, f"span {number}: run {decided} has decided on it")
    lack = lack_in(span, OBJECT_FILES, digests=False)
    if lack:
        return Outcome(None, f"span {number} is not whole yet: {lack}; upload {trigger.awaited} last")
    name = run_name(trigger.compiled.name, number, version, str(event.get("generation", "")))
    if isinstance(trigger.place, vertex_api.Place):
        return _start_on_vertex(trigger, trigger.place, number, name, send)
    return _start_on_kfp(trigger, trigger.place, number, name, send)


def span_of(event: Mapping[str, Any], data: str, awaited: str) -> FoundSpan | None:
    """The span whose arrival an event tells; None if it tells of something else.

    Args:
        event: see `arrived`.
        data: gs:// directory of the span directories.
        awaited: see `Trigger`.

    Raises:
        InputError: it is no event of Cloud Storage.
        DataError: the span is called after a day that there is not.
    """
    bucket, name = event.get("bucket"), event.get("name")
    if not isinstance(bucket, str) or not isinstance(name, str):
        raise InputError(
            "the event names no bucket and object: let the trigger be google.cloud.storage.object.v1.finalized"
        )
    own_bucket, prefix = split(data)
    directory, _, file = name.rpartition("/")
    above, _, span = directory.rpartition("/")
    if (bucket, above, file) != (own_bucket, prefix, awaited):
        return None
    key = parse_span(span)
    return FoundSpan(*key, f"{data.rstrip('/')}/{span}") if key else None


def run_name(pipeline: str, number: int, version: int, generation: str = "") -> str:
    """The name of the run on a span: the same for the same delivery, another where it was delivered anew.

    >>> run_name("digits", 7, 1)
    'digits-span-7'
    >>> run_name("digits", 7, 2, "1700000000000001")
    'digits-span-7-version-2-2ca9bda2'

    Args:
        pipeline: its name.
        number: of the span.
        version: of the span.
        generation: of the object that the event is about, which is another after another upload.
    """
    stem = job_id_part(pipeline)[:_LONGEST_STEM]
    of_version = f"-version-{version}" if version > 1 else ""
    upload = f"-{hashlib.sha256(generation.encode()).hexdigest()[:8]}" if generation else ""
    return f"{stem}-span-{number}{of_version}{upload}"


def handler(environment: Mapping[str, str] | None = None, send: Send | None = None) -> Callable[[Any], str]:
    """The entry point of a Cloud Function, or of anything that is handed CloudEvents: it says what came of an event.

    The environment gives RATCHET_PIPELINE (the compiled file), RATCHET_ROOT, RATCHET_DATA, RATCHET_MARKER (`no`:
    annotations.json is waited for; or the name of a list of files), RATCHET_SERVICE_ACCOUNT; for Vertex AI
    RATCHET_PROJECT and RATCHET_LOCATION; for Kubeflow RATCHET_HOST, RATCHET_NAMESPACE, RATCHET_EXPERIMENT,
    RATCHET_PIPELINE_ROOT and RATCHET_IAP_CLIENT_ID.

    Args:
        environment: None: that of the process.
        send: sends; None: over the network, as whoever the function runs as.

    Raises:
        InputError: a setting is missing or impossible; a function that cannot work does not start.
    """
    given = os.environ if environment is None else environment
    trigger = trigger_of(given)
    through = send or sender(_headers(trigger, given))

    def on_event(event: Any) -> str:
        outcome = arrived(_data(event), trigger, through)
        LOGGER.info("%s", outcome.why)
        return outcome.why

    return on_event


def trigger_of(given: Mapping[str, str]) -> Trigger:
    """What the settings of `handler` say.

    Raises:
        InputError: one is missing or impossible.
    """
    for name in _NEEDED:
        if not given.get(name):
            raise InputError(f"{name} is not set: docs/scheduling.md lists what the entry point needs")
    root, data = given["RATCHET_ROOT"].rstrip("/"), given["RATCHET_DATA"].rstrip("/")
    check_supported(root, "RATCHET_ROOT")
    check_supported(data, "RATCHET_DATA")
    compiled = read_compiled(Path(given["RATCHET_PIPELINE"]))
    run_root = pipeline_root(compiled, given.get("RATCHET_PIPELINE_ROOT"))
    parameter_values(compiled, ["span=1"])  # a pipeline without it could not be told which span
    marker = given.get("RATCHET_MARKER", "yes")
    awaited = {"yes": MARKER, "no": _ANNOTATIONS, SUMS: SUMS, BAG: BAG}.get(marker)
    if awaited is None:
        raise InputError(f"RATCHET_MARKER is {marker!r}; give yes, no, {SUMS} or {BAG}, whichever is uploaded last")
    account = given.get("RATCHET_SERVICE_ACCOUNT")
    return Trigger(compiled, root, data, awaited, _place(compiled, given), account, run_root)


def _place(compiled: Compiled, given: Mapping[str, str]) -> kfp_api.Place | vertex_api.Place:
    if compiled.target is Target.KFP:
        host = check_base("RATCHET_HOST", given.get("RATCHET_HOST", ""))
        return kfp_api.Place(host, given.get("RATCHET_NAMESPACE"), given.get("RATCHET_EXPERIMENT", "Default"))
    project, location = given.get("RATCHET_PROJECT", ""), given.get("RATCHET_LOCATION", "")
    if not project or not location:
        raise InputError("RATCHET_PROJECT and RATCHET_LOCATION are needed for Vertex AI")
    endpoint = given.get("RATCHET_ENDPOINT") or vertex_api.default_endpoint(location)
    return vertex_api.Place(check_base("RATCHET_ENDPOINT", endpoint), project, location)


def _start_on_vertex(trigger: Trigger, place: vertex_api.Place, number: int, name: str, send: Send) -> Outcome:
    start = vertex_api.Start(
        compiled=trigger.compiled,
        display_name=name,
        parameters=parameter_values(trigger.compiled, [f"span={number}"]),
        root=pipeline_root(trigger.compiled, trigger.run_root),
        service_account=trigger.service_account,
        network=None,
        encryption_key=None,
        labels={"ratchet-span": str(number)},
        failure_policy="fast",
    )
    try:
        job = vertex_api.create_job(place, start, name, send)
    except vertex_api.JobExistsError as error:
        return Outcome(None, f"span {number}: job {error.name} is there already")
    return Outcome(job, f"span {number}: job {job} is started")


def _start_on_kfp(trigger: Trigger, place: kfp_api.Place, number: int, name: str, send: Send) -> Outcome:
    there = kfp_api.find_run(place, name, send)
    if there is not None:
        return Outcome(None, f"span {number}: run {there} is there already")
    parameters = parameter_values(trigger.compiled, [f"span={number}"])
    root = pipeline_root(trigger.compiled, trigger.run_root)
    start = kfp_api.Start(trigger.compiled, name, parameters, root, trigger.service_account)
    made = kfp_api.create_run(place, start, send)
    return Outcome(made, f"span {number}: run {made} is started")


def _headers(trigger: Trigger, given: Mapping[str, str]) -> Callable[[], Mapping[str, str]]:
    if trigger.compiled.target is Target.VERTEX:
        return google_default()
    if given.get("RATCHET_IAP_CLIENT_ID"):
        return google_identity(given["RATCHET_IAP_CLIENT_ID"])
    token = pod_token()
    return token_file(token) if token else nobody


def _data(event: Any) -> Mapping[str, Any]:
    """The data of an event: a CloudEvent's `data`, or the mapping itself."""
    data = getattr(event, "data", event)
    if not isinstance(data, Mapping):
        raise InputError(f"the event holds no data: {_TRIGGER}")
    return data
