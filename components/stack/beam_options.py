"""Beam's options before anything runs: which there are, and whether a runner's workers will have this package."""

from __future__ import annotations

import difflib
import os
from argparse import Namespace
from collections.abc import Sequence
from typing import Any, NoReturn

from apache_beam.options import pipeline_options as beam_options

from ratchet.components.object_store.uri import is_uri
from ratchet.components.stack.beam_pools import host_and_port
from ratchet.schemas.base.errors import ConfigError
from ratchet.schemas.base.visible import visible_line

_CLUSTERS = ("dataflowrunner", "testdataflowrunner", "flinkrunner", "sparkrunner", "portablerunner")
_LOCAL_MASTERS = ("[local]", "[auto]", "local", "local[4]")
_BROUGHT = ("setup_file", "sdk_container_image", "extra_packages", "requirements_file", "prebuild_sdk_container_engine")
_ENVIRONMENTS = ("DOCKER", "PROCESS", "LOOPBACK", "EXTERNAL")
_HELP = "docs/beam.md"


class _Parser(beam_options._BeamArgumentParser):
    """Beam's parser, whose mistakes are errors of ours instead of the end of the process."""

    def __init__(self, **arguments: Any) -> None:
        super().__init__(add_help=False, **arguments)  # Beam's --help would end the process, as if all were well

    def error(self, message: str) -> NoReturn:
        raise ConfigError(f"beam.args: {visible_line(message)}: {_HELP}")


def check_args(args: Sequence[str], unchecked: Sequence[str] = (), here: bool = True) -> None:
    """Whether Beam takes these options, and the workers that they ask for can be had.

    Args:
        args: Beam's options.
        unchecked: some of them, which the runner's job server knows and Beam does not.
        here: whether the steps run on this machine, so that files must be on it.

    Raises:
        ConfigError: one is unknown or has an impossible value, the runner is unknown, or its workers would not have
            this package.
    """
    given = [arg for arg in args if arg not in unchecked]
    options = _known(given)
    runner = _runner(options.runner)
    if runner in _CLUSTERS and _needs_package(options):
        raise ConfigError(
            f"beam.args: --runner={options.runner}: its workers run in a container without this package; give "
            f"beam.setup_file or beam.sdk_container_image: {_HELP}"
        )
    _check_addresses(options)
    if here and options.setup_file and not is_uri(options.setup_file) and not os.path.isfile(options.setup_file):
        raise ConfigError(f"beam.setup_file = {visible_line(options.setup_file)}: no such file: {_HELP}")


def options_of(args: Sequence[str]) -> Namespace:
    """Beam's own options of a list, by name; what Beam does not know is left out."""
    return _parser().parse_known_args(list(args))[0]


def _known(given: Sequence[str]) -> Namespace:
    parser = _parser()
    options, unknown = parser.parse_known_args(list(given))
    if unknown:
        first = unknown[0]
        names = sorted(parser._option_string_actions)
        close = difflib.get_close_matches(first.partition("=")[0], names, n=1)
        hint = f"; did you mean {close[0]}?" if close else ""
        if " " in first.partition("=")[0] or not first.startswith("--"):
            hint = "; option and value are one text with `=` between, or two texts."
        raise ConfigError(
            f"beam.args: {visible_line(first)} is no option of Beam{hint or '.'} "
            f"One that only a runner's job server knows belongs in beam.job_server_args: {_HELP}"
        )
    return options


def _parser() -> _Parser:
    parser = _Parser(allow_abbrev=False)
    for cls in {str(cls): cls for cls in beam_options.PipelineOptions.__subclasses__()}.values():
        cls._add_argparse_args(parser)
    return parser


def _runner(name: str | None) -> str:
    """The runner's name as Beam compares it; one of another module is its whole path."""
    if name is None:
        return "directrunner"
    names = beam_options.StandardOptions.KNOWN_RUNNER_NAMES
    known = [of.lower() for of in names]
    for spelling in (name.lower(), f"{name.lower()}runner"):
        if spelling in known:
            return spelling
    if "." in name:
        return name
    close = difflib.get_close_matches(name, [*names, *(of.removesuffix("Runner") for of in names)], n=1)
    hint = f"did you mean {close[0]}?" if close else f"known: {', '.join(names)}"
    raise ConfigError(f"beam.args: --runner={visible_line(name)}: Beam has no such runner; {hint}")


def _check_addresses(options: Namespace) -> None:
    """Beam says what is wrong with these in a traceback of gRPC's, once a step runs, or never."""
    kind = options.environment_type
    if kind is not None and kind not in _ENVIRONMENTS and not str(kind).startswith("beam:env:"):
        close = difflib.get_close_matches(kind.upper(), _ENVIRONMENTS, n=1)
        hint = f"did you mean {close[0]}?" if close else f"known: {', '.join(_ENVIRONMENTS)}"
        raise ConfigError(f"beam.args: --environment_type={visible_line(kind)}: Beam has no such environment; {hint}")
    if options.job_endpoint and options.job_endpoint != "embed" and host_and_port(options.job_endpoint) is None:
        raise ConfigError(
            f"beam.args: --job_endpoint={visible_line(options.job_endpoint)}: no HOST:PORT; give both: {_HELP}"
        )
    if kind == "EXTERNAL" and host_and_port(pool_address(options)) is None:
        raise ConfigError(
            f"beam.args: --environment_type=EXTERNAL: --environment_config={visible_line(pool_address(options))} is no "
            f"HOST:PORT of a worker pool; give both: {_HELP}"
        )


def pool_address(options: Namespace) -> str:
    """Where the worker pool of `--environment_type=EXTERNAL` listens, as it was given; empty: nowhere."""
    named = [of.partition("=")[2] for of in options.environment_options or [] if of.startswith("external_service_")]
    return options.environment_config or (named[0] if named else "")


def _needs_package(options: Namespace) -> bool:
    if any(getattr(options, name, None) for name in _BROUGHT):
        return False
    if _runner(options.runner) in ("flinkrunner", "sparkrunner") and options.environment_type is None:
        master = options.flink_master if _runner(options.runner) == "flinkrunner" else options.spark_master_url
        return master not in _LOCAL_MASTERS  # there Beam runs the workers in this process
    if "dataflow" in _runner(options.runner):
        return True
    in_container = options.environment_type in (None, "DOCKER")
    return in_container and not (options.environment_config or options.environment_options)
