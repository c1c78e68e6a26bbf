# PYTHON_ARGCOMPLETE_OK
"""Runs a compiled pipeline once, on Kubeflow Pipelines (.yaml) or Vertex AI Pipelines (.json).

    python -m ratchet.kubeflow.submit --pipeline pipeline.json --project my-project --location europe-west4 \
        --service-account trainer@my-project.iam.gserviceaccount.com --parameter span=7
    python -m ratchet.kubeflow.submit --pipeline pipeline.yaml --host https://kubeflow.example.org \
        --pipeline-root gs://bucket/ratchet/artifacts --parameter span=7

Exit code 0; 1 when the service did not take it; 2 for what was given. docs/scheduling.md
"""

from __future__ import annotations

import argparse
import datetime
import re
import sys
from collections.abc import Sequence

from ratchet.components.services.rest import Send
from ratchet.kubeflow import kfp_api, vertex_api
from ratchet.kubeflow.commands import (
    add_pipeline_options,
    add_place_options,
    check_target,
    ended,
    kfp_place,
    kfp_start,
    send_of,
    show_calls,
    vertex_place,
    vertex_start,
)
from ratchet.kubeflow.compiled import Compiled, Target, read_compiled
from ratchet.pipeline.cli.options import show
from ratchet.pipeline.terminal.arguments import Parser, add_common_options

_PROG = "python -m ratchet.kubeflow.submit"
_EXAMPLES = (
    f"{_PROG} --pipeline pipeline.json --project my-project --location europe-west4 --parameter span=7",
    f"{_PROG} --pipeline pipeline.yaml --host https://kubeflow.example.org --parameter span=7 --dry-run",
)


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command; returns its exit code."""
    return ended(parser(), argv, _submit)


def _submit(arguments: argparse.Namespace) -> int:
    compiled = read_compiled(arguments.pipeline)
    check_target(compiled.target, arguments)
    send = send_of(compiled.target, arguments)
    kind = "run" if compiled.target is Target.KFP else "job"
    name, page = (_to_kfp if compiled.target is Target.KFP else _to_vertex)(arguments, compiled, send)
    if not show_calls(arguments, send):
        show(arguments, f"{kind} {name}: {page}", {kind: name, "page": page})
    return 0


def _to_kfp(arguments: argparse.Namespace, compiled: Compiled, send: Send) -> tuple[str, str]:
    place = kfp_place(arguments)
    start = kfp_start(arguments, compiled, arguments.name or f"{compiled.name} {_now():%Y-%m-%d %H:%M:%S}")
    run_id = kfp_api.create_run(place, start, send)
    return run_id, kfp_api.run_page(place, run_id)


def _to_vertex(arguments: argparse.Namespace, compiled: Compiled, send: Send) -> tuple[str, str]:
    place = vertex_place(arguments)
    job_id = arguments.job_id or default_job_id(compiled.name)
    name = vertex_api.create_job(place, vertex_start(arguments, compiled), job_id, send)
    if arguments.experiment:
        vertex_api.add_to_experiment(place, name, arguments.experiment, send)
    return name, vertex_api.job_page(place, name)


def default_job_id(name: str) -> str:
    """The id of a job that was given none: the pipeline and the moment."""
    return f"{job_id_part(name)}-{_now():%Y%m%d%H%M%S}"


def job_id_part(name: str) -> str:
    """A pipeline's name as it may stand in the id of a job.

    >>> job_id_part("Digits 2")
    'digits-2'
    """
    return re.sub(r"[^-0-9a-z]+", "-", name.lower()).strip("-") or "pipeline"


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.timezone.utc)


def parser() -> Parser:
    """The parser of the command."""
    made = Parser(prog=_PROG, description="Runs a compiled pipeline once.", examples=_EXAMPLES)
    add_pipeline_options(made)
    made.add_argument("--name", help="Kubeflow: name of the run (default: the pipeline and the moment)")
    made.add_argument("--job-id", metavar="ID", help="Vertex AI (default: the pipeline and the moment)")
    add_place_options(made)
    add_common_options(made)
    return made


if __name__ == "__main__":
    sys.exit(main())
