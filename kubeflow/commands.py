"""What `submit` and `schedule` have in common: options, where calls go, who asks, how a command ends."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from ratchet.components.services.rest import Recorder, Send, check_base, sender
from ratchet.components.services.tokens import Headers, google_default, google_identity, nobody, pod_token, token_file
from ratchet.kubeflow import kfp_api, vertex_api
from ratchet.kubeflow.compiled import Compiled, Target, parameter_values, pipeline_root
from ratchet.pipeline.cli.completion import complete
from ratchet.pipeline.cli.loudness import in_its_words
from ratchet.pipeline.cli.options import show
from ratchet.pipeline.terminal.arguments import Parser, wants_json
from ratchet.pipeline.terminal.failures import guarded
from ratchet.pipeline.terminal.standard_streams import own_process
from ratchet.schemas.base.errors import InputError
from ratchet.schemas.base.visible import visible_line

_IN_CLUSTER = "http://ml-pipeline.kubeflow.svc.cluster.local:8888"
# Ends of hosts that know people by their access token of Google Cloud: AI Platform Pipelines.
_INVERSE_PROXY = (".pipelines.googleusercontent.com", ".notebooks.googleusercontent.com")
_OF_VERTEX = {
    "project": "--project",
    "location": "--location",
    "endpoint": "--endpoint",
    "network": "--network",
    "encryption_spec_key_name": "--encryption-spec-key-name",
    "label": "--label",
    "failure_policy": "--failure-policy",
    "job_id": "--job-id",
}
_OF_KFP = {"host": "--host", "namespace": "--namespace", "iap_client_id": "--iap-client-id", "name": "--name"}


def ended(parser: Parser, argv: Sequence[str] | None, work: Callable[[argparse.Namespace], int]) -> int:
    """Does the work of a command; its exit code: 2 for what was given, 1 for what a service did not do.

    Args:
        parser: of the command, whose program is `python -m MODULE`.
        argv: arguments without the program's name; those of the process if None.
        work: gives the exit code where nothing is wrong.
    """
    if argv is None:
        complete(parser)
        own_process()
    given = list(sys.argv[1:] if argv is None else argv)

    def action() -> int:
        arguments = parser.parse_args(given)
        with in_its_words(arguments):
            return work(arguments)

    return guarded(action, wants_json(given), prog=parser.prog.rpartition(" ")[2])


def add_pipeline_options(parser: argparse.ArgumentParser) -> None:
    """Options of what starts a pipeline, now or by a schedule."""
    add = parser.add_argument
    add("--pipeline", type=Path, required=True, metavar="FILE", help=".json for Vertex AI, .yaml for Kubeflow")
    add("--parameter", action="append", default=[], metavar="NAME=VALUE", help="such as span=7; span=0 is the newest")
    add("--pipeline-root", metavar="URI", help="gs:// (default: what the file names)")
    add("--service-account", metavar="NAME", help="whom the run works as")
    add("--network", metavar="NAME", help="Vertex AI: projects/NUMBER/global/networks/NAME, to be peered with")
    add("--encryption-spec-key-name", metavar="KEY", help="Vertex AI: a key of Cloud KMS (CMEK)")
    add("--label", action="append", default=[], metavar="KEY=VALUE", help="Vertex AI: a label of the job")
    add("--failure-policy", choices=sorted(vertex_api.POLICIES), help="Vertex AI: default fast")


def add_place_options(parser: argparse.ArgumentParser) -> None:
    """Options of where a service is and who asks it."""
    add = parser.add_argument
    add("--project", default=os.environ.get("GOOGLE_CLOUD_PROJECT"), help="Vertex AI (default: $GOOGLE_CLOUD_PROJECT)")
    add("--location", metavar="REGION", help="Vertex AI: a region, such as europe-west4")
    add("--endpoint", metavar="URL", help="Vertex AI: another address of its API, as of a private endpoint")
    add(
        "--host",
        default=os.environ.get("KF_PIPELINES_ENDPOINT"),
        metavar="URL",
        help=f"Kubeflow: address of its API (default: $KF_PIPELINES_ENDPOINT, or {_IN_CLUSTER})",
    )
    add("--namespace", metavar="NAME", help="Kubeflow: of a cluster with several users")
    add("--experiment", metavar="NAME", help="Kubeflow: default Default; Vertex AI: shown in it (submit)")
    add("--token-file", metavar="FILE", help="a bearer token, instead of the environment's credentials")
    add("--iap-client-id", metavar="ID", help="Kubeflow: of the Identity-Aware Proxy before it")
    add("--dry-run", action="store_true", help="print the requests as JSON and send nothing; needs no credentials")


def check_target(target: Target, arguments: argparse.Namespace) -> None:
    """Whether only options of the target were given.

    Raises:
        InputError: one is the other's.
    """
    others, own = (_OF_VERTEX, "Kubeflow Pipelines") if target is Target.KFP else (_OF_KFP, "Vertex AI")
    ignored = ("project", "host") + (("name",) if arguments.__dict__.get("names_schedule") else ())
    for name, option in others.items():
        if name not in ignored and getattr(arguments, name, None):
            raise InputError(f"{option}: {own} has no such thing; leave it out")


def kfp_place(arguments: argparse.Namespace) -> kfp_api.Place:
    """Where Kubeflow is."""
    host = check_base("--host", arguments.host or _IN_CLUSTER)
    return kfp_api.Place(host, arguments.namespace, arguments.experiment or "Default")


def vertex_place(arguments: argparse.Namespace) -> vertex_api.Place:
    """Where Vertex AI is.

    Raises:
        InputError: project or region are missing, or could not stand in an address.
    """
    for option, value in (("--project", arguments.project), ("--location", arguments.location)):
        if not value:
            raise InputError(f"{option} is needed for Vertex AI")
        if not value.isascii() or not all(character.isalnum() or character in "-.:" for character in value):
            raise InputError(f"{option} {visible_line(value)!r}: letters, digits and hyphens")
    endpoint = check_base("--endpoint", arguments.endpoint or vertex_api.default_endpoint(arguments.location))
    return vertex_api.Place(endpoint, arguments.project, arguments.location)


def kfp_start(arguments: argparse.Namespace, compiled: Compiled, name: str) -> kfp_api.Start:
    """How a pipeline is started on Kubeflow."""
    return kfp_api.Start(
        compiled,
        name,
        parameter_values(compiled, arguments.parameter),
        pipeline_root(compiled, arguments.pipeline_root),
        arguments.service_account,
    )


def vertex_start(arguments: argparse.Namespace, compiled: Compiled) -> vertex_api.Start:
    """How a pipeline is started on Vertex AI."""
    return vertex_api.Start(
        compiled,
        compiled.display_name,
        parameter_values(compiled, arguments.parameter),
        pipeline_root(compiled, arguments.pipeline_root),
        arguments.service_account,
        arguments.network,
        arguments.encryption_spec_key_name,
        _labels(arguments.label),
        arguments.failure_policy or "fast",
    )


def send_of(target: Target, arguments: argparse.Namespace) -> Send:
    """What carries calls out, or only records them."""
    return Recorder() if arguments.dry_run else sender(_headers(target, arguments))


def show_calls(arguments: argparse.Namespace, send: Send) -> bool:
    """Prints what a dry run would have sent; whether it was one."""
    if not isinstance(send, Recorder):
        return False
    calls = send.to_json()
    show(arguments, as_json(calls), {"dry_run": True, "requests": calls})
    return True


def _headers(target: Target, arguments: argparse.Namespace) -> Headers:
    if arguments.token_file:
        return token_file(arguments.token_file)
    if target is Target.VERTEX:
        return google_default()
    if arguments.iap_client_id:
        return google_identity(arguments.iap_client_id)
    if (arguments.host or "").rstrip("/").endswith(_INVERSE_PROXY):
        return google_default()
    token = pod_token()
    return token_file(token) if token else nobody


def _labels(given: list[str]) -> dict[str, str]:
    labels: dict[str, str] = {}
    for text in given:
        key, equals, value = text.partition("=")
        if not equals:
            raise InputError(f"--label {visible_line(text)}: expected KEY=VALUE")
        labels[key] = value
    return labels


def as_json(values: Any) -> str:
    """JSON for a person, one key a line."""
    return json.dumps(values, indent=1)
