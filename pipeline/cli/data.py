"""The commands of `ratchet` that have to do with data alone."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import Any

from ratchet.components.example_gen.layout.layouts import FORMATS, Reading
from ratchet.pipeline.cli.options import (
    add_command,
    add_group,
    from_anywhere,
    local,
    local_name,
    needs,
    option,
    place,
    root_option,
    settings_options,
    show,
    span_option,
)
from ratchet.pipeline.cli.rehearsal import detail_settings
from ratchet.pipeline.root import DEFAULT_ROOT, ROOT_VARIABLE
from ratchet.pipeline.terminal.arguments import Parser
from ratchet.pipeline.terminal.extras import Extra
from ratchet.pipeline.terminal.standard_streams import note
from ratchet.schemas.base.visible import visible_line
from ratchet.schemas.data.exif import EXIF_CHOICES, IGNORE, REFUSE


def add_data_commands(commands: Any) -> None:
    """Adds `check`, `convert`, `new-span`, `schema`, `log-sample` and `digits` to the commands."""
    data = option("--data", type=local, required=True, metavar="DIR", help="a data set, or its span-N directories")
    add_command(
        commands,
        "check",
        _check,
        "validate a span without training",
        "All that the data gate checks: schema, drift, skew, labels, copies. Exit code 0, or 4 for REJECT.",
        needs(Extra.PIPELINE),
        data,
        option("--golden", type=local, metavar="DIR", help="the golden set (default: DATA/golden, if there)"),
        span_option("the span to check"),
        root_option("pipeline root, whose served model to compare with"),
        *settings_options(),
        option("--out", type=local, metavar="DIR", help="for page and evidence (default: ratchet-check/SPAN)"),
        examples=(
            "ratchet check --data spans                                # the newest span",
            "ratchet check --data spans --span 7 --golden spans/golden --out report",
            "ratchet check --data spans --set data_gate.mode=observe --json",
        ),
    )
    add_command(
        commands,
        "convert",
        _convert,
        "make a COCO span of a data set in any format",
        "Writes OUT/annotations.json and OUT/images/, the images byte for byte as they were unless they are turned.",
        option(
            "--from", dest="source", type=place, required=True, metavar="DIR", help="the data set, here or on gs://"
        ),
        option("--out", type=local, required=True, metavar="DIR", help="the span directory to write"),
        option(
            "--format",
            choices=("auto", *FORMATS),
            default="auto",
            help="default: what DIR holds",
        ),
        option(
            "--annotations",
            type=local_name,
            metavar="PATH",
            help="the COCO file, or the directory of .xml or .txt files, in DIR",
        ),
        option("--images", type=local_name, metavar="PATH", help="the directory of the pictures, in DIR"),
        option("--split", metavar="NAME", help="train, val or test, of a data set that has splits (default: all)"),
        option("--classes", type=local, metavar="FILE", help="class names in their order, over those of the data set"),
        option(
            "--attribute",
            action="append",
            default=[],
            metavar="NAME=REGEX",
            help="an attribute of each image, found in its file name: camera='^(cam[0-9]+)_'",
        ),
        option("--strict", action="store_true", help="a box outside its image is an error, not left out"),
        option(
            "--exif",
            choices=EXIF_CHOICES,
            default=REFUSE,
            help="images with an EXIF orientation: refuse (default); apply turns their pixels, if boxes were drawn on "
            "the upright picture, as most tools show it; ignore, if on the stored pixels",
        ),
        examples=(
            "ratchet convert --from yolo-dataset --out spans/span-1",
            "ratchet convert --from export --out spans/span-2 --split train --exif apply",
            "ratchet convert --from gs://bucket/export --out spans/span-3 --attribute 'camera=^(cam[0-9]+)_'",
        ),
    )
    add_command(
        commands,
        "new-span",
        _new_span,
        "ask whether a span has arrived on which no run has decided",
        "Listings only. Exit code 0 and the span if so, 3 if not.",
        option(
            "--root",
            type=place,
            default=os.environ.get(ROOT_VARIABLE) or DEFAULT_ROOT,
            metavar="DIR",
            help="pipeline root, here or gs:// (default: $RATCHET_ROOT, or ./ratchet-root)",
        ),
        option("--data", type=place, required=True, metavar="DIR", help="its span-N directories, here or gs://"),
        option("--marker", action="store_true", help="a span counts once the file _SUCCESS is in it"),
        examples=(
            "ratchet new-span --data spans && ratchet run --data spans",
            "ratchet new-span --root gs://bucket/ratchet --data gs://bucket/spans --marker --json",
        ),
    )
    inferring = ("ratchet schema infer --data spans --out schema.pbtxt",)
    add_command(
        add_group(commands, "schema", "propose a schema for a data set", "The curated schema.", inferring),
        "infer",
        _schema_infer,
        "propose one",
        "Proposes a TFDV schema for a data set: its classes, source fields, limits of drift and skew.",
        needs(Extra.PIPELINE),
        data,
        span_option("the span to go by"),
        option("--out", type=local, default=Path("schema.pbtxt"), metavar="FILE", help="default: ./schema.pbtxt"),
        examples=(*inferring, "ratchet schema infer --data spans --span 1"),
    )
    add_command(
        commands,
        "log-sample",
        _log_sample,
        "keep a share of served images, to measure skew",
        "Adds a share of the images that a served model saw to a log, for data_gate.serving_log and `ratchet shadow`.",
        option(
            "--images", type=local, nargs="+", required=True, metavar="PATH", help="image files, or directories of them"
        ),
        option("--log", type=local, required=True, metavar="DIR", help="directory of the log"),
        option("--fraction", type=float, default=1.0, help="share of the images to keep (default: 1)"),
        option("--camera", metavar="NAME", help="the camera that took them, by which `ratchet shadow` counts"),
        option("--file-times", action="store_true", help="they were logged when their files were written, not now"),
        examples=("ratchet log-sample --images served/2027-01-15 --log serving-log --fraction 0.1",),
    )
    add_command(
        commands,
        "digits",
        _digits,
        "generate a span of digit scenes",
        "Writes OUT/span-N, or OUT/golden.",
        needs(Extra.PIPELINE),
        _span_or_golden,
        option("--out", type=local, required=True, metavar="DIR", help="directory to write into"),
        option("--images", type=int, default=300, help="number of scenes (default: 300)"),
        option("--seed", type=int, default=0, help="of all that is random (default: 0)"),
        option("--lighting", type=float, default=1.0, help="brightness factor; 0.33 is dark"),
        option("--scale", type=float, default=1.0, help="size factor of the digits; 0.6 is far away"),
        option("--clutter", type=float, default=1.0, help="amount of clutter; 0 is none"),
        option(
            "--labels",
            default="ok",
            help="planted label fault: loose:0.25, shifted:0.25, swapped:3,8, missing:0.5 or random:0.4",
        ),
        examples=(
            "ratchet digits --span 1 --out spans",
            "ratchet digits --golden --out spans --images 200",
            "ratchet digits --span 4 --out spans --lighting 0.33 --labels swapped:3,8",
        ),
    )


def _span_or_golden(parser: Parser) -> None:
    where = parser.add_mutually_exclusive_group(required=True)
    parser.know(where.add_argument("--span", type=int, metavar="N", help="number of the span"))
    parser.know(where.add_argument("--golden", action="store_true", help="a golden set: digits that no span uses"))


def _check(arguments: argparse.Namespace) -> int:
    from ratchet.pipeline.data.check import CheckRequest, check_data
    from ratchet.pipeline.root.root_settings import configure_check
    from ratchet.pipeline.root.roots import check_given_root

    check_given_root(arguments.root)
    golden = arguments.golden
    if golden is None and (arguments.data / "golden").is_dir():
        golden = arguments.data / "golden"
    settings = configure_check(arguments.root, arguments.config, arguments.set)
    detail_settings(settings)
    result = check_data(
        CheckRequest(
            settings=settings,
            data=arguments.data,
            golden=golden,
            span=arguments.span,
            root=arguments.root,
            command=from_anywhere(arguments.given, arguments),
            out=arguments.out,
        )
    )
    show(arguments, result.to_text(), result.to_json())
    return result.exit_code


def _convert(arguments: argparse.Namespace) -> int:
    from ratchet.pipeline.data.check_text import remarkable_text
    from ratchet.pipeline.data.convert import ConvertRequest, bad_boxes_text, convert, parse_attributes
    from ratchet.pipeline.terminal.console import progress_on

    with progress_on(sys.stderr):
        converted = convert(
            ConvertRequest(
                source=arguments.source,
                out=arguments.out,
                reading=Reading(
                    form=None if arguments.format == "auto" else arguments.format,
                    annotations=arguments.annotations,
                    images=arguments.images,
                    split=arguments.split,
                ),
                classes=arguments.classes,
                attributes=parse_attributes(arguments.attribute),
                strict=arguments.strict,
                exif=arguments.exif,
            )
        )
    for sentence in (*converted.told, *converted.left_out):
        note(sentence)
    if converted.bad_boxes.count:
        note(bad_boxes_text(converted.bad_boxes))
    if converted.mended_areas:
        note(converted.mended_areas)
    if told := remarkable_text(converted.remarkable):
        note(told)
    show(arguments, converted.to_text(), converted.to_json())
    return 0


def _new_span(arguments: argparse.Namespace) -> int:
    from ratchet.pipeline.data.new_span import find_arrival

    found = find_arrival(arguments.root, arguments.data, arguments.marker)
    span = found.span
    if span is None:
        text = f"no span in {arguments.data}" + (" that has its _SUCCESS" if arguments.marker else "")
    else:
        name = f"span {span.number}" + (f" version {span.version}" if span.version > 1 else "")
        decided = f"; run {found.decided_by} has decided on it" if found.decided_by else " is new"
        text = f"{name}: {span.directory}{decided}"
    values = {"new": found.is_new, "span": span and span.number, "version": span and span.version}
    values |= {"directory": span and span.directory, "decided_by": found.decided_by}
    show(arguments, visible_line(text), values)
    return 0 if found.is_new else 3


def _digits(arguments: argparse.Namespace) -> int:
    from ratchet.pipeline.demo.digits import DigitsOptions, write_digits

    directory = arguments.out / ("golden" if arguments.golden else f"span-{arguments.span}")
    options = DigitsOptions(
        span=1 if arguments.golden else arguments.span,
        images=arguments.images,
        seed=arguments.seed,
        lighting=arguments.lighting,
        scale=arguments.scale,
        clutter=arguments.clutter,
        labels=arguments.labels,
        golden=arguments.golden,
    )
    write_digits(str(directory), options)
    show(arguments, str(directory), {"directory": str(directory), "images": arguments.images})
    return 0


def _schema_infer(arguments: argparse.Namespace) -> int:
    from ratchet.components.example_gen.dataset import read_source
    from ratchet.pipeline.data.check import find_data
    from ratchet.pipeline.data.schema_infer import write_schema

    # Classes and attributes alone: however the pixels lie, they are the same.
    source = read_source(find_data(arguments.data, arguments.span).directory, exif=IGNORE)
    write_schema(source, arguments.out)
    classes = list(source.label_map.names)
    text = f"{arguments.out}: {len(classes)} classes, from {source.directory}; review it, then set data.schema to it"
    show(arguments, text, {"schema": str(arguments.out), "classes": classes})
    return 0


def _log_sample(arguments: argparse.Namespace) -> int:
    from ratchet.pipeline.data.log_sample import log_sample

    logged = log_sample(arguments.images, arguments.log, arguments.fraction, arguments.camera, arguments.file_times)
    file = str(logged.file) if logged.file else None
    text = f"kept {logged.kept} of {logged.seen} images" + (f" in {file}" if file else "")
    text += f"; {logged.already} were there already" if logged.already else ""
    show(arguments, text, {"seen": logged.seen, "kept": logged.kept, "already": logged.already, "file": file})
    return 0
