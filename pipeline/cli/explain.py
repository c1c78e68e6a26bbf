"""`ratchet explain`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from ratchet.pipeline.cli.options import add_command, local, option, show
from ratchet.schemas.base.visible import visible_line

_DESCRIPTION = (
    "Says why mAP fell between two trainings of any toolkit, from whatever there is of them: configurations, logs, "
    "detections, data. Every file may be left out; what that leaves untested is said."
)
_SET = ("GT", "BEFORE", "AFTER")


def add_explain_command(commands: Any) -> None:
    """Adds `explain`."""
    add_command(
        commands,
        "explain",
        _explain,
        "say why mAP fell, of any two models",
        _DESCRIPTION,
        option("--gt", type=local, metavar="PATH", help="the golden set: COCO file, or a directory in any layout"),
        option(
            "--before", type=local, metavar="PATH", help="what the model before finds there: COCO results, or texts"
        ),
        option("--after", type=local, metavar="PATH", help="what the model after finds there"),
        option(
            "--config-before",
            type=local,
            metavar="FILE",
            help="how the model before was trained: pipeline.config, params.yaml, args.yaml, a dumped config of "
            "MMDetection, a training record of Ratchet",
        ),
        option("--config-after", type=local, metavar="FILE", help="how the model after was trained"),
        option(
            "--logs-before",
            type=local,
            metavar="PATH",
            help="log of the training before: TensorBoard events, results.csv, JSON lines",
        ),
        option("--logs-after", type=local, metavar="PATH", help="log of the training after"),
        option(
            "--train-before",
            type=local,
            nargs="+",
            default=[],
            metavar="DATA",
            help="what the model before was trained on, in any layout; of several data sets the last one last",
        ),
        option("--train-after", type=local, metavar="DATA", help="what the model after was trained on"),
        option(
            "--before-on-train",
            type=local,
            metavar="PATH",
            help="what the model before finds in the images of --train-after, to audit their labels by",
        ),
        option(
            "--on-train",
            type=local,
            nargs=3,
            metavar=_SET,
            help="both models on images of --train-after, all or some of them: labels and detections",
        ),
        option(
            "--on-new",
            type=local,
            nargs=3,
            metavar=_SET,
            help="both models on images like the new ones that neither was trained on",
        ),
        option("--on-earlier", type=local, nargs=3, metavar=_SET, help="the same on images like the earlier ones"),
        option(
            "--dt-ids",
            choices=("id", "file-name"),
            help="what image ids of detections are where both could be: ids, or names of files without their suffix",
        ),
        option("--images", type=local, metavar="DIR", help="the golden images"),
        option("--report", type=local, metavar="DIR", help="write a page and JSON there"),
        examples=(
            "ratchet explain --config-before old/args.yaml --config-after new/args.yaml",
            "ratchet explain --gt golden.json --before old.json --after new.json --report report",
            "ratchet explain --gt golden.json --before old.json --after new.json "
            "--train-before spans/span-1 --train-after spans/span-2",
        ),
    )


def _explain(arguments: argparse.Namespace) -> int:
    from ratchet.pipeline.explain.explain import explain
    from ratchet.pipeline.explain.request import ExplainRequest
    from ratchet.pipeline.explain.text import explained_json, explained_text
    from ratchet.pipeline.terminal.console import progress_on

    request = ExplainRequest(
        truth=arguments.gt,
        before=arguments.before,
        after=arguments.after,
        config_before=arguments.config_before,
        config_after=arguments.config_after,
        logs_before=arguments.logs_before,
        logs_after=arguments.logs_after,
        train_before=tuple(arguments.train_before),
        train_after=arguments.train_after,
        before_on_train=arguments.before_on_train,
        images=arguments.images,
        trained=_measured(arguments.on_train),
        new=_measured(arguments.on_new),
        earlier=_measured(arguments.on_earlier),
        dt_ids=arguments.dt_ids,
    )
    request.check()
    if arguments.report is not None:
        from ratchet.pipeline.report.directory import check_report_directory

        check_report_directory(arguments.report)
    with progress_on(sys.stderr):
        explained = explain(request)
    text, values = explained_text(explained), explained_json(explained)
    if arguments.report is not None:
        from ratchet.pipeline.explain.report import write_explanation

        try:
            page = write_explanation(explained, arguments.report, arguments.given, values)
        except OSError:  # of a full disk: the answer is there all the same
            show(arguments, text, values)
            raise
        text = f"{text}\npage: {visible_line(str(page))}"
    show(arguments, text, values)
    return 0


def _measured(paths: list[Path] | None) -> Any:
    from ratchet.pipeline.explain.request import MeasuredSet

    return MeasuredSet(*paths) if paths else None
