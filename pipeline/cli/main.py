"""The `ratchet` command. Exit codes are a contract: docs/command-line.md."""

from __future__ import annotations

import argparse
import json
import os
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

from pipeline.cli.data import add_data_commands, add_json
from pipeline.cli.doctor import add_doctor_command
from pipeline.cli.options import add_root, local, local_name, with_root
from pipeline.cli.prune import add_prune
from pipeline.cli.review import add_review_commands
from pipeline.cli.serving import add_serving_commands
from pipeline.past.result import result_text
from pipeline.terminal.failures import INTERRUPTED, guarded
from pipeline.terminal.standard_streams import end_at_once, flush_output, output_lost, own_process, say
from schemas import __version__
from schemas.artifacts.run_result import RUN_RESULT_FORMAT
from schemas.base.errors import InputError

_LONGEST_PATH = 4096  # bytes with the one that ends it


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command.

    Args:
        argv: arguments without the program's name; those of the process if None.

    Returns:
        The exit code.
    """
    if argv is not None:
        return _guarded(list(argv))
    own_process()
    code = _guarded(sys.argv[1:])
    if code == INTERRUPTED:
        end_at_once(code)
    return code


def _guarded(given: Sequence[str]) -> int:
    return guarded(lambda: _command(given), as_json="--json" in given)


def _command(given: Sequence[str]) -> int:
    from pipeline.config.notify import without_urls

    try:
        arguments = _parser().parse_args(given)
    except OSError as error:  # it prints the help itself
        raise output_lost(error) from error
    arguments.given = shlex.join(["ratchet", *without_urls(given)])
    _check_paths(arguments)
    try:
        return arguments.command(arguments)
    except OSError as error:
        if error.filename is None and error.errno is not None:  # as of a full disk while a file is written
            error.filename = _written(arguments)
        raise


def _check_paths(arguments: argparse.Namespace) -> None:
    """The longest path of Linux and macOS; to make the directories of a longer one would exhaust Python's stack."""
    for name, path in vars(arguments).items():
        if isinstance(path, Path) and len(os.fsencode(path)) >= _LONGEST_PATH:
            raise InputError(
                f"--{name} {str(path)[:80]}...: longer than {_LONGEST_PATH - 1} bytes; give a shorter path"
            )


def _written(arguments: argparse.Namespace) -> Path | None:
    """The directory or file that a command writes to."""
    given = (getattr(arguments, name, None) for name in ("out", "log", "dir", "root"))
    return next(filter(None, given), None)


class _Parser(argparse.ArgumentParser):
    """Says what is wrong with the arguments as all errors are said."""

    def error(self, message: str) -> NoReturn:
        raise InputError(f"{message}; `{self.prog} --help` lists what it takes")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="ratchet", description="Retrains an object detector and serves it only when its mAP does not fall."
    )
    parser.add_argument("--version", action="version", version=f"ratchet {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_run(commands)
    _add_demo(commands)
    _add_evaluate(commands)
    add_review_commands(commands)
    add_serving_commands(commands)
    add_prune(commands)
    add_doctor_command(commands)
    add_data_commands(commands)
    return parser


def _add_run(commands: Any) -> None:
    parser = commands.add_parser("run", help="retrain once", description="One retraining run on this machine.")
    parser.add_argument(
        "--config", type=local_name, help="a YAML file, or one of ours by name (default: what the root remembers)"
    )
    parser.add_argument("--data", type=local, required=True, metavar="DIR", help="directory of the span-N directories")
    parser.add_argument("--golden", type=local, metavar="DIR", help="the golden set (default: DATA/golden)")
    parser.add_argument("--span", type=int, metavar="N", help="the span to train on (default: the newest)")
    add_root(parser)
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="a setting over the config's")
    parser.add_argument("--bootstrap", action="store_true", help="train and serve a first model")
    parser.add_argument(
        "--anew", action="store_true", help="begin a new run, although one of the same command was interrupted"
    )
    add_json(parser)
    parser.set_defaults(command=_run)


def _add_demo(commands: Any) -> None:
    parser = commands.add_parser(
        "demo",
        help="see a bootstrap, a push and a block on generated digits",
        description="Three runs on generated digit scenes: a first model, a good span, a badly labelled one.",
    )
    parser.add_argument("--dir", type=local, default=Path("ratchet-demo"), help="made anew (default: ./ratchet-demo)")
    add_json(parser)
    parser.set_defaults(command=_demo)


def _add_evaluate(commands: Any) -> None:
    parser = commands.add_parser(
        "evaluate",
        help="compare detections in COCO files",
        description="COCO mAP of one or two models from plain COCO files, the interval of the difference, a verdict.",
    )
    parser.add_argument("--gt", type=local, required=True, metavar="FILE", help="COCO annotations (ground truth)")
    parser.add_argument("--dt", type=local, required=True, metavar="FILE", help="COCO results of the candidate")
    parser.add_argument("--baseline-dt", type=local, metavar="FILE", help="COCO results of the baseline")
    parser.add_argument("--config", type=local_name, help="take the rules under `evaluator:` from this configuration")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="such as evaluator.margin=0.01")
    add_json(parser)
    parser.set_defaults(command=_evaluate)


def _run(arguments: argparse.Namespace) -> int:
    from pipeline.root.root_settings import configure_run
    from pipeline.run.local import run
    from pipeline.run.preflight import RunRequest
    from schemas.artifacts.run_result import RunResult

    def report(result: RunResult) -> None:
        say(result_text(result))
        if arguments.json:
            say(json.dumps(RUN_RESULT_FORMAT.values_of(result)))
        flush_output()

    configuration = configure_run(arguments.root, arguments.config, arguments.set)
    result = run(
        RunRequest(
            settings=configuration.settings,
            data=arguments.data,
            golden=arguments.golden or arguments.data / "golden",
            span=arguments.span,
            root=arguments.root,
            bootstrap=arguments.bootstrap,
            command=with_root(arguments.given, arguments.root),
            anew=arguments.anew,
            remembered=configuration.remembered,
        ),
        report,
    )
    return result.exit_code


def _evaluate(arguments: argparse.Namespace) -> int:
    from components.map_evaluator.evaluate_files import evaluate_files
    from pipeline.cli.evaluation_text import evaluation_json, evaluation_text
    from pipeline.config.pipeline_settings import load_config, load_settings
    from schemas.artifacts.run_result import EXIT_CODES

    settings = load_config(arguments.config, arguments.set) if arguments.config else load_settings({}, arguments.set)
    scored, decision = evaluate_files(arguments.gt, arguments.dt, arguments.baseline_dt, settings.evaluator)
    say(evaluation_text(scored, decision))
    if arguments.json:
        say(json.dumps(evaluation_json(scored, decision)))
    return EXIT_CODES[decision.verdict]


def _demo(arguments: argparse.Namespace) -> int:
    from pipeline.demo.scenario import run_demo

    demo = run_demo(arguments.dir)
    say(demo.to_text())
    if arguments.json:
        say(json.dumps(demo.to_json()))
    return 0 if demo.as_expected else 1
