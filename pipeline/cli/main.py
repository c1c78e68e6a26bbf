"""The `ratchet` command. Exit codes are a contract: docs/command-line.md."""

from __future__ import annotations

import argparse
import os
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ratchet.pipeline.cli.adopt import add_adopt_command
from ratchet.pipeline.cli.bench import add_bench_commands
from ratchet.pipeline.cli.completion import VARIABLE, add_completion_command, complete
from ratchet.pipeline.cli.config import add_config_commands, propose_for_run
from ratchet.pipeline.cli.data import add_data_commands
from ratchet.pipeline.cli.explain import add_explain_command
from ratchet.pipeline.cli.loudness import in_its_words
from ratchet.pipeline.cli.metrics import Seen, metrics_option, with_metrics
from ratchet.pipeline.cli.options import (
    add_command,
    local,
    needs,
    option,
    root_option,
    settings_options,
    show,
    span_option,
    take_working_copy,
    without_urls,
)
from ratchet.pipeline.cli.rehearsal import detail_settings, rehearse_run, run_request
from ratchet.pipeline.cli.root import add_root_commands
from ratchet.pipeline.cli.watch import add_watch_command
from ratchet.pipeline.past.result import result_text
from ratchet.pipeline.terminal.arguments import Parser, add_common_options, wants_json, without_command
from ratchet.pipeline.terminal.extras import Extra, require
from ratchet.pipeline.terminal.failures import INTERRUPTED, guarded
from ratchet.pipeline.terminal.standard_streams import end_at_once, flush_output, note, output_lost, own_process
from ratchet.schemas.artifacts.run_result import RUN_RESULT_FORMAT
from ratchet.schemas.base.errors import InputError
from ratchet.schemas.base.termination import EXIT_CODE
from ratchet.schemas.base.visible import visible_line

if TYPE_CHECKING:
    from ratchet.components.map_evaluator.settings import EvaluatorSettings
    from ratchet.pipeline.report.report import Report

# ML Metadata's client would say of each connection to a server that it has it; read when its library is loaded.
_CLIENT_LOG_LEVEL, _WARNINGS = "GLOG_minloglevel", "1"
_LONGEST_PATH = 4096  # bytes with the one that ends it


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command.

    Args:
        argv: arguments without the program's name; those of the process if None.

    Returns:
        The exit code.
    """
    os.environ.setdefault(_CLIENT_LOG_LEVEL, _WARNINGS)
    if argv is not None:
        return _guarded(list(argv))
    own_process()
    given = sys.argv[1:]
    code = _guarded(given)
    # An evaluation leaves nothing to be done, and to give back a million objects takes as long as to match them.
    if code in (INTERRUPTED, EXIT_CODE) or _name(given) == "evaluate":
        end_at_once(code)
    return code


def offer() -> None:
    """Answers a shell that wants to complete a command line, and ends the process; nothing if none does."""
    if VARIABLE in os.environ:
        complete(_parser())


def _guarded(given: Sequence[str]) -> int:
    return guarded(lambda: _command(given), as_json=wants_json(given), goes_on=_name(given) in ("run", "watch"))


def _name(given: Sequence[str]) -> str | None:
    """The command; before it stand only options that take no value."""
    return next((word for word in given if not word.startswith("-")), None)


def _command(given: Sequence[str]) -> int:
    try:
        arguments = _parser().parse_args(given)
    except OSError as error:  # it prints the help itself
        raise output_lost(error) from error
    arguments.given = shlex.join(["ratchet", *without_urls(given)])
    with in_its_words(arguments):
        return _carry_out(arguments)


def _carry_out(arguments: argparse.Namespace) -> int:
    _check_paths(arguments)
    if arguments.needs:
        require(*arguments.needs)
    try:
        take_working_copy(arguments)
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
    given = (getattr(arguments, name, None) for name in ("out", "log", "dir", "report", "root"))
    return next(filter(None, given), None)


def _parser() -> Parser:
    parser = Parser(
        prog="ratchet",
        description="Retrains an object detector and serves it only when its mAP does not fall.",
        examples=(
            "ratchet demo                              # three runs on generated digits, in some minutes",
            "ratchet check --data spans                # is the newest span fit to be trained on?",
            "ratchet run --data spans --bootstrap      # the first model",
            "ratchet run --data spans                  # each later one, every night if need be",
            "ratchet status                            # what is served, and why",
        ),
    )
    add_common_options(parser)
    commands = parser.add_subparsers(metavar="COMMAND")
    parser.set_defaults(command=without_command(parser), needs=None, json=False, quiet=False, verbose=False)
    _add_run_commands(commands)
    add_adopt_command(commands)
    add_watch_command(commands)
    add_root_commands(commands)
    add_explain_command(commands)
    add_data_commands(commands)
    add_config_commands(commands)
    add_bench_commands(commands)
    add_completion_command(commands)
    return parser


def _add_run_commands(commands: Any) -> None:
    add_command(
        commands,
        "run",
        _run,
        "retrain once",
        "One retraining run on this machine.",
        needs(Extra.PIPELINE),
        option("--data", type=local, required=True, metavar="DIR", help="directory of the span-N directories"),
        option("--golden", type=local, metavar="DIR", help="the golden set (default: DATA/golden)"),
        span_option("the span to train on"),
        root_option(),
        *settings_options(),
        option("--bootstrap", action="store_true", help="train and serve a first model"),
        option("--anew", action="store_true", help="begin a new run, although one of the same command was interrupted"),
        option("--again", action="store_true", help="run although an earlier run has decided the same (NOTHING_NEW)"),
        option(
            "--only-new",
            action="store_true",
            help="where no span is delivered whole yet, end as NOTHING_NEW instead of with an error",
        ),
        metrics_option(),
        option("--dry-run", action="store_true", help="say what would be done, and write nothing"),
        examples=(
            "ratchet run --data spans --bootstrap           # the first model, with settings proposed from the data",
            "ratchet run --data spans                       # the newest span, with what the root remembers",
            "ratchet run --data spans --span 7 --dry-run    # what would be done? nothing is written",
            "ratchet run --data spans --only-new            # every night; all is well where nothing was delivered",
            "ratchet run --data spans --config mobile --bootstrap --root gs://bucket/ratchet",
            "ratchet run --data spans --set training.retrain.epochs=3 --json",
        ),
    )
    add_command(
        commands,
        "demo",
        _demo,
        "see a bootstrap, a push and a block on generated digits",
        "Three runs on generated digit scenes: a first model, a good span, a badly labelled one.",
        needs(Extra.PIPELINE),
        option("--dir", type=local, default=Path("ratchet-demo"), help="made anew (default: ./ratchet-demo)"),
        examples=("ratchet demo", "ratchet demo --dir elsewhere --quiet"),
    )
    add_command(
        commands,
        "evaluate",
        _evaluate,
        "compare detections in files",
        "COCO mAP of one or two models from files, the interval of the difference, a verdict. Detections are COCO "
        "results, a predictions.json of Ultralytics, outputs of torchvision as JSON, or a directory of such files or "
        "of YOLO or VOC result texts.",
        option("--gt", type=local, required=True, metavar="FILE", help="COCO annotations (ground truth)"),
        option(
            "--dt", type=local, required=True, metavar="PATH", help="detections of the candidate, file or directory"
        ),
        option("--baseline-dt", type=local, metavar="PATH", help="detections of the baseline"),
        option(
            "--dt-ids",
            choices=("id", "file-name"),
            help="what image ids of detections are where both could be: ids, or names of files without their suffix",
        ),
        option(
            "--report", type=local, metavar="DIR", help="write a page, a Markdown summary, JUnit XML and JSON there"
        ),
        option("--images", type=local, metavar="DIR", help="show the worst images of this directory on the page"),
        *settings_options("take the rules under `evaluator:` from this configuration", "such as evaluator.margin=0.01"),
        examples=(
            "ratchet evaluate --gt golden.json --dt new.json                          # COCO mAP",
            "ratchet evaluate --gt golden.json --dt new.json --baseline-dt old.json   # did it fall?",
            "ratchet evaluate --gt golden.json --dt new.json --baseline-dt old.json --report report --images images",
        ),
    )


def _run(arguments: argparse.Namespace) -> int:
    if arguments.dry_run:
        return rehearse_run(arguments)
    return with_metrics(arguments, lambda seen: _retrain(arguments, seen))


def _retrain(arguments: argparse.Namespace, seen: Seen) -> int:
    from ratchet.components.example_gen.spans import NotDeliveredError
    from ratchet.pipeline.root.root_settings import configure_run, has_settings
    from ratchet.pipeline.run.local import run
    from ratchet.pipeline.run.nothing_new import nothing_delivered
    from ratchet.schemas.artifacts.run_result import RunResult

    def report(result: RunResult) -> None:
        seen.verdict = result.verdict
        show(arguments, result_text(result), RUN_RESULT_FORMAT.values_of(result))
        flush_output()

    is_fresh = arguments.config is None and not has_settings(arguments.root)
    if is_fresh:
        try:
            propose_for_run(arguments)
        except NotDeliveredError as error:
            if not arguments.only_new:
                raise
            result = nothing_delivered(str(error), arguments.span)
            report(result)
            return result.exit_code
    configuration = configure_run(arguments.root, arguments.config, arguments.set)
    seen.marker = configuration.settings.data.marker
    if configuration.told and not is_fresh:
        note(f"ratchet: {visible_line(configuration.told)}")
    detail_settings(configuration.settings)
    return run(run_request(arguments, configuration), report).exit_code


def _evaluate(arguments: argparse.Namespace) -> int:
    from ratchet.components.map_evaluator.evaluate_files import evaluate_files
    from ratchet.pipeline.cli.evaluation_text import evaluation_json, evaluation_text
    from ratchet.schemas.artifacts.run_result import EXIT_CODES

    settings, report = _evaluator_settings(arguments), _report(arguments)
    evaluated = evaluate_files(arguments.gt, arguments.dt, arguments.baseline_dt, settings, arguments.dt_ids)
    scored, decision = evaluated.scored, evaluated.decision
    text, values = evaluation_text(scored, decision), evaluation_json(scored, decision)
    if report is not None:
        page = report.write(evaluated, arguments.gt, arguments.dt, arguments.baseline_dt, values)
        text = f"{text}\npage: {visible_line(str(page))}"
    show(arguments, text, values)
    return EXIT_CODES[decision.verdict]


def _report(arguments: argparse.Namespace) -> Report | None:
    if arguments.report is None:
        if arguments.images is not None:
            raise InputError("--images shows images in a report: give --report DIR too, or leave it out")
        return None
    from ratchet.pipeline.report.report import Report

    return Report.prepare(arguments.report, arguments.images, arguments.given)


def _evaluator_settings(arguments: argparse.Namespace) -> EvaluatorSettings:
    if not arguments.config and not arguments.set:
        from ratchet.components.map_evaluator.settings import EvaluatorSettings

        return EvaluatorSettings()  # what checks settings takes longer to import than many an evaluation
    from ratchet.pipeline.config.pipeline_settings import load_config, load_settings

    settings = load_config(arguments.config, arguments.set) if arguments.config else load_settings({}, arguments.set)
    return settings.evaluator


def _demo(arguments: argparse.Namespace) -> int:
    from ratchet.pipeline.demo.scenario import run_demo

    demo = run_demo(arguments.dir)
    show(arguments, demo.to_text(), demo.to_json())
    return 0 if demo.as_expected else 1
