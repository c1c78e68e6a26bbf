"""Compiles the pipeline for Vertex AI Pipelines or Kubeflow Pipelines.

    python -m ratchet.kubeflow.compile --target vertex --root gs://bucket/ratchet --data gs://bucket/spans \
        --golden gs://bucket/golden --image gcr.io/project/ratchet:0.1.0 --out pipeline.json

The steps are those of a local run. A scheduled run trains on the newest span there is when it starts.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ratchet.pipeline.config.pipeline_settings import PipelineSettings, load_config
from ratchet.pipeline.terminal.console import output_to
from ratchet.pipeline.terminal.extras import Extra, require
from ratchet.schemas.base.errors import ConfigError, RatchetError

# Where the image has to hold a checkout of this project: docs/kubeflow.md.
IMAGE_DIRECTORY = "/ratchet"
SUFFIXES = {"vertex": ".json", "kfp": ".yaml"}


@dataclass(frozen=True)
class CompileRequest:
    """What to compile.

    Attributes:
        settings: the configuration.
        target: `vertex` (PipelineJob as JSON) or `kfp` (PipelineSpec as YAML, schema 2.1.0).
        root: pipeline root, a path every container can reach, such as gs://.
        data: directory of the `span-N` directories.
        golden: the golden set.
        image: container image with this project in it.
        bootstrap: whether runs may train a first model.
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
        ConfigError: the file's ending is not the target's.
    """
    suffix = SUFFIXES[request.target]
    if out.suffix != suffix:
        raise ConfigError(f"--out {out}: a file for {request.target} ends in {suffix}")
    with output_to(Path(os.devnull)):  # the libraries' start-up noise
        from tfx.orchestration.kubeflow.v2 import kubeflow_v2_dag_runner as tfx_runner

        from ratchet.pipeline.pipeline import Locations, create_pipeline

        schema_file = request.settings.data.schema or f"{IMAGE_DIRECTORY}/schemas/detection.pbtxt"
        locations = Locations.under(request.root, request.data, request.golden, request.settings.name, schema_file)
        config = tfx_runner.KubeflowV2DagRunnerConfig(
            default_image=request.image, display_name=request.settings.name, use_pipeline_spec_2_1=True
        )
        out.parent.mkdir(parents=True, exist_ok=True)
        runner = tfx_runner.KubeflowV2DagRunner(config, output_dir=str(out.parent), output_filename=out.name)
        runner.run(create_pipeline(request.settings, locations, span=None, bootstrap=request.bootstrap))


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command; returns its exit code."""
    arguments = _parser().parse_args(argv)
    try:
        require(Extra.KUBEFLOW, "`python -m ratchet.kubeflow.compile`")
        request = CompileRequest(
            settings=load_config(arguments.config, arguments.set),
            target=arguments.target,
            root=arguments.root.rstrip("/"),
            data=arguments.data.rstrip("/"),
            golden=arguments.golden.rstrip("/"),
            image=arguments.image,
            bootstrap=arguments.bootstrap,
        )
        compile_pipeline(request, arguments.out)
    except RatchetError as error:
        print(f"ratchet.kubeflow.compile: {error}", file=sys.stderr)
        return 2
    print(arguments.out)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m ratchet.kubeflow.compile", description="Compiles the pipeline.")
    parser.add_argument("--target", choices=sorted(SUFFIXES), required=True)
    parser.add_argument("--config", default="digits", help="a YAML file, or the name of one that comes along")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="a setting over the config's")
    parser.add_argument("--root", required=True, help="pipeline root, such as gs://bucket/ratchet")
    parser.add_argument("--data", required=True, help="directory of the span-N directories")
    parser.add_argument("--golden", required=True, help="the golden set")
    parser.add_argument("--image", required=True, help="container image with this project in /ratchet")
    parser.add_argument("--bootstrap", action="store_true", help="let runs train a first model")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="a .json for vertex, a .yaml for kfp")
    return parser


if __name__ == "__main__":
    sys.exit(main())
