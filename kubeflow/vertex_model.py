# PYTHON_ARGCOMPLETE_OK
"""Makes Vertex AI's Model Registry follow what a root serves: after a registration that failed, or for the first time.

    python -m ratchet.kubeflow.vertex_model --root gs://bucket/ratchet --config my.yaml [--dry-run]

The same again changes nothing. Exit code 0; 1 when Vertex AI did not do it; 2 for what was given.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from ratchet.components.services.rest import Recorder, sender
from ratchet.components.services.tokens import google_default, token_file
from ratchet.kubeflow.commands import ended, show_calls
from ratchet.pipeline.cli.options import show
from ratchet.pipeline.config.presets import preset_names
from ratchet.pipeline.terminal.arguments import Parser, add_common_options
from ratchet.schemas.base.errors import InputError
from ratchet.schemas.base.files import reason_of

_PROG = "python -m ratchet.kubeflow.vertex_model"
_EXAMPLES = (
    f"{_PROG} --root gs://bucket/ratchet --config my.yaml --dry-run",
    f"{_PROG} --root gs://bucket/ratchet --config my.yaml --percent 100    # ends a canary",
)


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command; returns its exit code."""
    return ended(parser(), argv, _follow)


def _follow(arguments: argparse.Namespace) -> int:
    from ratchet.components.object_store.files import read_text
    from ratchet.components.vertex_registry.register import Vertex, register
    from ratchet.components.vertex_registry.step import model_of
    from ratchet.pipeline.config.pipeline_settings import load_config
    from ratchet.schemas.artifacts.registry_entries import POINTER_FILE, POINTER_FORMAT

    settings = load_config(arguments.config, arguments.set)
    if settings.vertex_registry.project is None:
        raise InputError(f"--config {arguments.config}: vertex_registry.project is not set, so nothing is registered")
    root = arguments.root.rstrip("/")
    file = f"{root}/registry/{POINTER_FILE}"
    try:
        served = POINTER_FORMAT.read(read_text(file), file).served
    except (OSError, ValueError) as error:
        raise InputError(
            f"--root {root}: {file} cannot be read ({reason_of(error)}); give the root of a run"
        ) from error
    if served is None:
        raise InputError(f"--root {root}: no model is served yet")
    if arguments.dry_run:
        send = Recorder()
    else:
        send = sender(token_file(arguments.token_file) if arguments.token_file else google_default())
    vertex = Vertex(settings.vertex_registry, settings.name, send)
    registered = register(vertex, model_of(served, f"{root}/serving/{settings.name}"), arguments.percent)
    if not show_calls(arguments, send):
        text = f"version {served.version}: {registered.text}"
        show(arguments, text, {"version": served.version, "registered": registered.text})
    return 0


def _percent(text: str) -> int:
    if not text.isdigit() or not 1 <= int(text) <= 100:
        raise argparse.ArgumentTypeError(f"{text!r}: a whole number from 1 to 100")
    return int(text)


def parser() -> Parser:
    """The parser of the command."""
    made = Parser(prog=_PROG, description="Registers what is served.", examples=_EXAMPLES)
    add = made.add_argument
    add("--root", required=True, help="pipeline root on gs://")
    add("--config", required=True, metavar="FILE", help=f"a YAML file, or one of ours by name: {preset_names()}")
    add("--set", action="append", default=[], metavar="KEY=VALUE", help="a setting over the config's")
    add(
        "--percent",
        type=_percent,
        metavar="N",
        help="of the endpoint's traffic (default: as configured); 100 ends a canary",
    )
    add("--token-file", metavar="FILE", help="a bearer token, instead of the environment's credentials")
    add("--dry-run", action="store_true", help="print the requests as JSON and send nothing; needs no credentials")
    add_common_options(made)
    return made


if __name__ == "__main__":
    sys.exit(main())
