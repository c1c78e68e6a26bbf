# PYTHON_ARGCOMPLETE_OK
"""Compiles the pipeline for Vertex AI Pipelines or Kubeflow Pipelines.

    python -m ratchet.kubeflow.compile --target vertex --root gs://bucket/ratchet --data gs://bucket/spans \
        --golden gs://bucket/golden --image gcr.io/project/ratchet:0.1.0 --out pipeline.json

The steps are those of a local run, between one that looks first and one that tells how it ended.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ratchet.components.object_store.uri import check_supported, is_uri
from ratchet.kubeflow.commands import ended
from ratchet.kubeflow.step.names import LAST_STEP
from ratchet.pipeline.cli.options import show
from ratchet.pipeline.config.presets import preset_names
from ratchet.pipeline.terminal.arguments import Parser, add_common_options
from ratchet.pipeline.terminal.console import output_to
from ratchet.pipeline.terminal.extras import Extra, require
from ratchet.pipeline.terminal.standard_streams import note
from ratchet.schemas.base.errors import ConfigError, InputError
from ratchet.schemas.base.visible import visible_line

if TYPE_CHECKING:
    from ratchet.pipeline.config.pipeline_settings import PipelineSettings

# Where the image has to hold a checkout of this project: docs/kubeflow.md.
IMAGE_DIRECTORY = "/ratchet"
_PROG = "python -m ratchet.kubeflow.compile"
_EXAMPLES = (
    f"{_PROG} --target vertex --config my.yaml --root gs://bucket/ratchet --data gs://bucket/spans "
    "--golden gs://bucket/golden --image gcr.io/project/ratchet:0.1.0 --out pipeline.json",
    f"{_PROG} --target kfp --config mobile --root gs://bucket/ratchet --data gs://bucket/spans "
    "--golden gs://bucket/golden --image gcr.io/project/ratchet:0.1.0 --out pipeline.yaml --bootstrap",
)
SUFFIXES = {"vertex": ".json", "kfp": ".yaml"}


@dataclass(frozen=True)
class CompileRequest:
    """What to compile.

    Attributes:
        settings: the configuration.
        target: `vertex` (PipelineJob as JSON) or `kfp` (PipelineSpec as YAML, schema 2.1.0).
        root: pipeline root, a path every container can reach, such as gs://.
        data: directory of the `span-N` directories, where whoever starts a run does not say.
        golden: the golden set, likewise.
        image: container image with this project in it.
        bootstrap: whether runs train a first model, likewise.
    """

    settings: PipelineSettings
    target: str
    root: str
    data: str
    golden: str
    image: str
    bootstrap: bool = False


def compile_pipeline(request: CompileRequest, out: Path) -> None:
    """Writes the compiled pipeline.

    Args:
        request: what to compile.
        out: the file; its ending must be the target's.

    Raises:
        ConfigError: the file's ending is not the target's, or a setting names a step that there is not.
    """
    suffix = SUFFIXES[request.target]
    if out.suffix != suffix:
        raise ConfigError(f"--out {out}: a file for {request.target} ends in {suffix}")
    _check_secrets(request.settings)
    _check_trainer(request.settings.training.run_fn, request.image)
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"--out {out}: cannot be written ({error.strerror}); name a file that can") from error
    if request.settings.metadata.url is not None:
        note(
            "metadata.url is without effect in a job: Kubeflow and Vertex AI keep ML Metadata in stores of their own "
            "(docs/metadata-store.md)"
        )
    note("starting TFX, which takes a while")
    from ratchet.kubeflow.job import JobPlan, complete_job
    from ratchet.kubeflow.parameters import job_parameters

    with output_to(Path(os.devnull)):  # the libraries' start-up noise
        from ratchet.components.stack.beam_options import check_args
        from ratchet.kubeflow.graph import compiled, create_graph

        check_args(request.settings.beam.beam_args, request.settings.beam.job_server_args, here=False)
        schema_file = request.settings.data.schema or f"{IMAGE_DIRECTORY}/schemas/detection.pbtxt"
        graph = create_graph(request.settings, request.root, schema_file)
        made = compiled(graph, request.settings.name, request.image)
    parameters = job_parameters(
        request.data, request.golden, request.bootstrap, request.settings.data_gate.accept_new_golden
    )
    job = complete_job(made, JobPlan(request.root, parameters, request.settings.kubeflow, LAST_STEP))
    try:
        out.write_text(_text(job, request), encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"--out {out}: cannot be written ({error.strerror}); name a file that can") from error


def _check_trainer(run_fn: str | None, image: str) -> None:
    """A trainer of the user's own has to be in the image; whether it is there at all can be seen here."""
    if run_fn is None:
        return
    from ratchet.components.trainer.own.code import find_code

    code = find_code(run_fn)
    note(
        f"training.run_fn = {run_fn!r} has to be in the image {image}, where Python finds it (COPY the code, ENV "
        f"PYTHONPATH); here it is {code.file}, digest {code.digest[:12]} (docs/own-trainer.md)"
    )


def _check_secrets(settings: PipelineSettings) -> None:
    """A job is a file that many can read, in a bucket and on consoles."""
    from ratchet.pipeline.root.root_settings import without_secrets
    from ratchet.schemas.base.settings import to_json

    _, secrets = without_secrets(json.loads(to_json(settings)))
    if secrets:
        raise ConfigError(
            f"{secrets[0]}: would stand in the compiled job for everybody to read; write env:NAME in the configuration "
            "and give the containers that variable (docs/kubeflow.md)"
        )


def _text(job: Mapping[str, Any], request: CompileRequest) -> str:
    """Vertex AI takes a PipelineJob, Kubeflow Pipelines a PipelineSpec and what is for Kubernetes."""
    if request.target == "vertex":
        return json.dumps(job, sort_keys=True)
    import yaml

    from ratchet.kubeflow.job import platform_spec

    platform = platform_spec(job, request.settings.kubeflow)
    return yaml.safe_dump_all([job["pipelineSpec"], *([platform] if platform else [])], sort_keys=True)


def check_places(places: Mapping[str, str]) -> None:
    """Whether every container can reach what a job is told of.

    Args:
        places: URIs by option.

    Raises:
        InputError: one is not on Google Cloud Storage.
    """
    for option, place in places.items():
        if not is_uri(place):
            raise InputError(
                f"{option} {visible_line(place)}: each step runs in a container of its own, which does not see the "
                f"directories of another machine; give a bucket, {option} gs://BUCKET/PATH (docs/kubeflow.md)"
            )
        check_supported(place, option)


def _places_in(settings: PipelineSettings) -> dict[str, str]:
    """The places that settings name, by setting."""
    named = {
        "data.schema": settings.data.schema,
        "data_gate.serving_log": settings.data_gate.serving_log,
        "training.init_checkpoint": settings.training.init_checkpoint,
        "evaluator.shadow.log": settings.evaluator.shadow and settings.evaluator.shadow.log,
    }
    return {setting: place for setting, place in named.items() if place is not None}


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command; returns its exit code."""
    return ended(parser(), argv, _compile)


def _compile(arguments: argparse.Namespace) -> int:
    from ratchet.pipeline.config.pipeline_settings import load_config

    require(Extra.KUBEFLOW, f"`{_PROG}`")
    settings = load_config(_config(arguments.config), arguments.set)
    check_places({"--root": arguments.root, "--data": arguments.data, "--golden": arguments.golden})
    check_places(_places_in(settings))
    if not arguments.image.strip():
        raise InputError("--image: is empty; give the container image of the steps")
    request = CompileRequest(
        settings=settings,
        target=arguments.target,
        root=arguments.root.rstrip("/"),
        data=arguments.data.rstrip("/"),
        golden=arguments.golden.rstrip("/"),
        image=arguments.image,
        bootstrap=arguments.bootstrap,
    )
    compile_pipeline(request, arguments.out)
    if arguments.target == "kfp":
        note(
            f"artifacts go to {request.root}/artifacts; Kubeflow's own default is minio://, which TensorFlow cannot "
            "open: start runs with `python -m ratchet.kubeflow.submit`, or give that as pipeline_root"
        )
    show(arguments, str(arguments.out), {"pipeline": str(arguments.out), "target": arguments.target})
    return 0


def _config(given: str | None) -> str:
    """A job has no root to remember settings in, and those of the demo are no default for anybody's images."""
    if given is None:
        raise InputError(
            f"--config is missing; give a YAML file, or one of ours: {preset_names()}; "
            "`ratchet config propose --data DIR` writes one that fits a data set"
        )
    return given


def parser() -> Parser:
    """The parser of the command."""
    made = Parser(prog=_PROG, description="Compiles the pipeline.", examples=_EXAMPLES)
    add = made.add_argument
    add("--target", choices=sorted(SUFFIXES), required=True, help="the runner")
    add(
        "--config",
        metavar="FILE",
        help=f"a YAML file, such as `ratchet config propose` writes, or one of ours by name: {preset_names()}",
    )
    add("--set", action="append", default=[], metavar="KEY=VALUE", help="a setting over the config's")
    add("--root", required=True, metavar="URI", help="pipeline root, such as gs://bucket/ratchet")
    add("--data", required=True, metavar="URI", help="directory of the span-N directories")
    add("--golden", required=True, metavar="URI", help="the golden set")
    add("--image", required=True, metavar="NAME", help="container image with this project in /ratchet")
    add("--bootstrap", action="store_true", help="let runs train a first model")
    add("--out", type=Path, required=True, metavar="FILE", help="a .json for vertex, a .yaml for kfp")
    add_common_options(made)
    return made


if __name__ == "__main__":
    sys.exit(main())
