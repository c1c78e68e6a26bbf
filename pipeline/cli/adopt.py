"""`ratchet adopt`."""

from __future__ import annotations

import argparse
import datetime
from typing import Any

from ratchet.pipeline.cli.options import (
    add_command,
    local,
    needs,
    option,
    person_options,
    root_option,
    settings_options,
    show,
)
from ratchet.pipeline.terminal.extras import Extra
from ratchet.schemas.base.errors import RatchetError
from ratchet.schemas.base.visible import visible_line


def add_adopt_command(commands: Any) -> None:
    """Adds `adopt` to the commands."""
    add_command(
        commands,
        "adopt",
        _adopt,
        "serve a model that is in production elsewhere",
        "Takes a SavedModel that Ratchet did not train (TF Object Detection API, tf-models, TensorFlow Hub), measures "
        "it on the golden set, and serves it from a root that serves none yet, as the model to beat.",
        needs(Extra.PIPELINE),
        option("--model", type=local, required=True, metavar="DIR", help="the SavedModel"),
        option(
            "--labels",
            type=local,
            metavar="FILE",
            help="its classes: label_map.pbtxt, one name a line, a JSON list or COCO categories "
            "(default: what --pipeline-config names)",
        ),
        option("--golden", type=local, required=True, metavar="DIR", help="the golden set"),
        root_option(),
        *person_options(),
        option("--name", metavar="NAME", help="of the pipeline (default: the root's, or `detector`)"),
        option("--signature", metavar="NAME", help="the signature to call (default: serving_default)"),
        option(
            "--boxes",
            choices=("yxyx", "xyxy"),
            help="the order of a box's numbers (default: yxyx, as toolkits of TensorFlow have them)",
        ),
        option(
            "--first-class", type=int, metavar="N", help="number of the first class (default: as --labels says, or 1)"
        ),
        option(
            "--pipeline-config",
            type=local,
            metavar="FILE",
            help="how it was trained: pipeline.config, params.yaml or what else `ratchet explain` reads",
        ),
        *settings_options("settings by which the golden set is read and the root is named", "such as data.exif=apply"),
        option("--dry-run", action="store_true", help="try everything, and change nothing"),
        option("--report", type=local, metavar="DIR", help="write a page with pictures and JSON there"),
        examples=(
            'ratchet adopt --model exported --labels map.pbtxt --golden golden --by Ada --reason "it serves" --dry-run',
            'ratchet adopt --model m --pipeline-config m/pipeline.config --golden golden --by Ada --reason "it serves"',
        ),
    )


def _adopt(arguments: argparse.Namespace) -> int:
    from ratchet.components.adoption.answers import Order
    from ratchet.pipeline.adoption.adopt import adopt
    from ratchet.pipeline.adoption.request import AdoptRequest

    request = AdoptRequest(
        model=arguments.model,
        labels=arguments.labels,
        golden=arguments.golden,
        root=arguments.root,
        by=arguments.by,
        reason=arguments.reason,
        name=arguments.name,
        signature=arguments.signature,
        boxes=Order(arguments.boxes) if arguments.boxes else None,
        first_class=arguments.first_class,
        pipeline_config=arguments.pipeline_config,
        config=arguments.config,
        overrides=tuple(arguments.set),
    )
    if arguments.report is not None:
        from ratchet.pipeline.report.directory import check_report_directory

        check_report_directory(arguments.report)
    adopted = adopt(request, datetime.datetime.now(datetime.timezone.utc), arguments.dry_run)
    text, values = adopted.to_text(), adopted.to_json()
    if arguments.report is not None:
        from ratchet.pipeline.adoption.report import write_adoption

        try:
            page = write_adoption(adopted, arguments.report, arguments.given, values)
        except (OSError, RatchetError):  # the model is served all the same
            show(arguments, text, values)
            raise
        text = f"{text}\npage: {visible_line(str(page))}"
    show(arguments, text, values)
    return 0
