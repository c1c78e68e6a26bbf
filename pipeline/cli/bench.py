"""`ratchet bench`."""

from __future__ import annotations

import argparse
import dataclasses
from pathlib import Path
from typing import Any

from ratchet.pipeline.cli.options import Option, add_command, local, local_name, needs, option, show
from ratchet.pipeline.config.presets import preset_names
from ratchet.pipeline.terminal.arguments import Parser, add_common_options
from ratchet.pipeline.terminal.extras import Extra


def add_bench_commands(commands: Any) -> None:
    """Adds `bench` with its actions; without one, it runs."""
    bench = commands.add_parser(
        "bench",
        help="plant regressions, and count how often their cause is named",
        description="Plants known faults, runs the pipeline on each, and says how often the diagnosis is right.",
        examples=(
            "ratchet bench --split calibration --jobs 4",
            "ratchet bench --dir my-bench --data spans --config mobile --cases 1,5",
            "ratchet bench report --dir my-bench",
        ),
    )
    _add_run(bench)
    actions = bench.add_subparsers(metavar="ACTION")
    benches = option("--dir", dest="benches", type=local, nargs="+", metavar="DIR", help="of benches, one or several")
    add_command(
        actions,
        "report",
        _report,
        "tables and pictures of what was run",
        "Counts right answers, beside trivial comparators; writes report.md, report.json and pictures.",
        needs(Extra.PIPELINE),
        benches,
        option("--out", type=local, metavar="DIR", help="for them (default: the first bench)"),
        option("--no-charts", action="store_true", help="no pictures, which need matplotlib"),
        examples=("ratchet bench report --dir my-bench", "ratchet bench report --dir bench-a bench-b --out tables"),
    )
    add_command(
        actions,
        "export",
        _export,
        "cases as files that know nothing of Ratchet",
        "Writes each case as configurations, logs, COCO files and images, and the right answers apart.",
        needs(Extra.PIPELINE),
        option("out", type=local, metavar="DIR", help="directory to make"),
        benches,
        examples=("ratchet bench export exported --dir my-bench",),
    )
    add_command(
        actions,
        "score",
        _score,
        "score anybody's answers to an export",
        "Says how often answers are right: the diagnosis's own, or those of anybody else.",
        option("answers", type=local, nargs="+", metavar="ANSWERS.json", help="files of answers, one column each"),
        option("--key", type=local, metavar="FILE", help="the export's key (default: key.json beside the answers)"),
        examples=("ratchet bench score exported/answers.json --key exported/key.json",),
    )


def _add_run(parser: Parser) -> None:
    for add in _run_options():
        add(parser)
    needs(Extra.PIPELINE)(parser)
    parser.set_defaults(command=_run)


def _run_options() -> tuple[Option, ...]:
    return (
        option("--dir", type=local, default=Path("ratchet-bench"), help="of the bench (default: ./ratchet-bench)"),
        option("--faults", type=local, metavar="FILE", help="YAML of what is planted (default: ours)"),
        option("--split", choices=("calibration", "score"), default="score", help="which strengths (default: score)"),
        option("--seed", type=int, default=0, help="another one gives other spans (default: 0)"),
        option("--blind", action="store_true", help="nothing is declared; changes are below the policy"),
        option("--cases", metavar="N,N", default="", help="only the cases of these numbers, and their controls"),
        option(
            "--only", nargs="+", default=[], metavar="NAME", help="only cases with these faults, and their controls"
        ),
        option("--data", type=local, metavar="DIR", help="span-N directories (default: generated digits)"),
        option("--golden", type=local, metavar="DIR", help="the golden set (default: DATA/golden)"),
        option("--truth", type=local, metavar="DIR", help="images of no span and of no golden set, 1,000 or more"),
        option("--root", type=local, metavar="DIR", help="pipeline root whose served model the cases start from"),
        option(
            "--config",
            type=local_name,
            default="digits",
            metavar="FILE",
            help=f"of the baseline that is trained (default: digits); ours: {preset_names()}",
        ),
        option("--images", type=int, metavar="N", help="of each case's span (default: 400)"),
        option("--like", type=local, metavar="DIR", help="a bench to take data, baseline and equal runs from"),
        option("--jobs", type=int, default=2, metavar="N", help="processes that run cases (default: 2)"),
        option("--again-diagnosis", action="store_true", help="train nothing: diagnose again what was kept"),
        add_common_options,
    )


def _run(arguments: argparse.Namespace) -> int:
    from ratchet.pipeline.bench.bench import BenchRequest, run_bench
    from ratchet.pipeline.bench.case_result import CASE_RESULT_FORMAT, Split
    from ratchet.pipeline.bench.cases import FAULTS_FILE
    from ratchet.pipeline.bench.chart import can_draw
    from ratchet.pipeline.bench.report import to_text
    from ratchet.pipeline.bench.report_files import write_report

    results = run_bench(
        BenchRequest(
            directory=arguments.dir,
            faults=arguments.faults or FAULTS_FILE,
            split=Split(arguments.split),
            seed=arguments.seed,
            blind=arguments.blind,
            numbers=_numbers(arguments.cases),
            only=tuple(arguments.only),
            config=arguments.config,
            root=arguments.root,
            data=arguments.data,
            golden=arguments.golden,
            truth=arguments.truth,
            images=arguments.images,
            again=arguments.again_diagnosis,
            like=arguments.like,
            jobs=arguments.jobs,
        )
    )
    failed = [result for result in results if result.error]
    report = write_report([arguments.dir], arguments.dir, charts=can_draw())
    text = f"{to_text(report)}\n\n{len(results)} cases in {arguments.dir / 'cases'}, {len(failed)} of them failed"
    text += f"; {arguments.dir / 'report.md'} has all of it"
    show(arguments, text, {"cases": [CASE_RESULT_FORMAT.values_of(result) for result in results]})
    return 1 if failed else 0


def _report(arguments: argparse.Namespace) -> int:
    from ratchet.pipeline.bench.report import to_json, to_text
    from ratchet.pipeline.bench.report_files import write_report

    benches = arguments.benches or [arguments.dir]
    out = arguments.out or benches[0]
    report = write_report(benches, out, charts=not arguments.no_charts)
    show(arguments, f"{to_text(report)}\n\n{out / 'report.md'}", to_json(report))
    return 0


def _export(arguments: argparse.Namespace) -> int:
    from ratchet.pipeline.bench.export import export_benches

    done = export_benches(arguments.benches or [arguments.dir], arguments.out)
    values = {"cases": done.cases, "left_out": done.left_out, "leak": dataclasses.asdict(done.leak)}
    show(arguments, done.to_text(arguments.out), values)
    return 0


def _score(arguments: argparse.Namespace) -> int:
    from ratchet.pipeline.bench.answers import KEY_FILE, read_key, score_answers, scored_json, scored_text

    key = read_key(arguments.key or arguments.answers[0].parent / KEY_FILE)
    scored = score_answers(key, arguments.answers)
    show(arguments, scored_text(scored), scored_json(scored))
    return 0


def _numbers(text: str) -> tuple[int, ...]:
    from ratchet.schemas.base.errors import ConfigError

    try:
        return tuple(int(number) for number in text.split(",") if number.strip())
    except ValueError as error:
        raise ConfigError(f"--cases {text}: give numbers such as 1,5,9") from error
