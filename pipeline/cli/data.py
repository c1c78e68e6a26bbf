"""The commands of `ratchet` that have to do with data alone."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from pipeline.cli.options import add_root, local, local_name
from pipeline.terminal.standard_streams import say, tell


def add_data_commands(commands: Any) -> None:
    """Adds `check`, `convert`, `digits`, `log-sample` and `schema` to the commands."""
    _add_check(commands)
    _add_convert(commands)
    _add_schema(commands)
    _add_log_sample(commands)
    _add_digits(commands)


def add_json(parser: argparse.ArgumentParser) -> None:
    """Adds the option that every command has."""
    parser.add_argument("--json", action="store_true", help="print one JSON object as the last line")


def _add_check(commands: Any) -> None:
    parser = commands.add_parser(
        "check",
        help="validate a span without training",
        description="All that the data gate checks: schema, drift, skew, labels, copies. Exit code 0, or 4 for REJECT.",
    )
    parser.add_argument(
        "--data", type=local, required=True, metavar="DIR", help="a data set, or its span-N directories"
    )
    parser.add_argument("--golden", type=local, metavar="DIR", help="the golden set (default: DATA/golden, if there)")
    parser.add_argument("--span", type=int, metavar="N", help="the span to check (default: the newest)")
    add_root(parser, "pipeline root, whose served model to compare with")
    parser.add_argument(
        "--config", type=local_name, help="a YAML file, or one of ours by name (default: what the root remembers)"
    )
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="a setting over the config's")
    parser.add_argument("--out", type=local, metavar="DIR", help="for page and evidence (default: ratchet-check/SPAN)")
    add_json(parser)
    parser.set_defaults(command=_check)


def _add_convert(commands: Any) -> None:
    parser = commands.add_parser(
        "convert",
        help="make a COCO span of COCO, Pascal VOC, YOLO or TFRecord data",
        description="Writes OUT/annotations.json and OUT/images/, the images byte for byte as they were.",
    )
    parser.add_argument("--from", dest="source", type=local, required=True, metavar="DIR", help="the data set")
    parser.add_argument("--out", type=local, required=True, metavar="DIR", help="the span directory to write")
    parser.add_argument(
        "--format", choices=("auto", "coco", "voc", "yolo", "tfrecord"), default="auto", help="default: what DIR holds"
    )
    parser.add_argument("--classes", type=local, metavar="FILE", help="class names, if the data set lists none")
    parser.add_argument(
        "--attribute",
        action="append",
        default=[],
        metavar="NAME=REGEX",
        help="an attribute of each image, found in its file name: camera='^(cam[0-9]+)_'",
    )
    parser.add_argument("--strict", action="store_true", help="a box outside its image is an error, not left out")
    add_json(parser)
    parser.set_defaults(command=_convert)


def _add_digits(commands: Any) -> None:
    parser = commands.add_parser(
        "digits", help="generate a span of digit scenes", description="Writes OUT/span-N, or OUT/golden."
    )
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--span", type=int, metavar="N", help="number of the span")
    where.add_argument("--golden", action="store_true", help="a golden set: digits that no span uses")
    parser.add_argument("--out", type=local, required=True, metavar="DIR", help="directory to write into")
    parser.add_argument("--images", type=int, default=300, help="number of scenes (default: 300)")
    parser.add_argument("--seed", type=int, default=0, help="of all that is random (default: 0)")
    parser.add_argument("--lighting", type=float, default=1.0, help="brightness factor; 0.33 is dark")
    parser.add_argument("--scale", type=float, default=1.0, help="size factor of the digits; 0.6 is far away")
    parser.add_argument("--clutter", type=float, default=1.0, help="amount of clutter; 0 is none")
    parser.add_argument(
        "--labels",
        default="ok",
        help="planted label fault: loose:0.25, shifted:0.25, swapped:3,8, missing:0.5 or random:0.4",
    )
    add_json(parser)
    parser.set_defaults(command=_digits)


def _add_schema(commands: Any) -> None:
    parser = commands.add_parser("schema", help="propose a schema for a data set", description="The curated schema.")
    actions = parser.add_subparsers(required=True, metavar="ACTION")
    infer = actions.add_parser(
        "infer",
        help="propose one",
        description="Proposes a TFDV schema for a data set: its classes, source fields, limits of drift and skew.",
    )
    infer.add_argument("--data", type=local, required=True, metavar="DIR", help="a data set, or its span-N directories")
    infer.add_argument("--span", type=int, metavar="N", help="the span to go by (default: the newest)")
    infer.add_argument(
        "--out", type=local, default=Path("schema.pbtxt"), metavar="FILE", help="default: ./schema.pbtxt"
    )
    add_json(infer)
    infer.set_defaults(command=_schema_infer)


def _add_log_sample(commands: Any) -> None:
    parser = commands.add_parser(
        "log-sample",
        help="keep a share of served images, to measure skew",
        description="Adds a share of the images that a served model saw to a log, for data_gate.serving_log.",
    )
    parser.add_argument(
        "--images", type=local, nargs="+", required=True, metavar="PATH", help="image files, or directories of them"
    )
    parser.add_argument("--log", type=local, required=True, metavar="DIR", help="directory of the log")
    parser.add_argument("--fraction", type=float, default=1.0, help="share of the images to keep (default: 1)")
    add_json(parser)
    parser.set_defaults(command=_log_sample)


def _check(arguments: argparse.Namespace) -> int:
    from pipeline.data.check import CheckRequest, check_data
    from pipeline.root.root_settings import configure_check
    from pipeline.root.roots import check_given_root

    check_given_root(arguments.root)
    golden = arguments.golden
    if golden is None and (arguments.data / "golden").is_dir():
        golden = arguments.data / "golden"
    result = check_data(
        CheckRequest(
            settings=configure_check(arguments.root, arguments.config, arguments.set),
            data=arguments.data,
            golden=golden,
            span=arguments.span,
            root=arguments.root,
            out=arguments.out,
        )
    )
    say(result.to_text())
    if arguments.json:
        say(json.dumps(result.to_json()))
    return result.exit_code


def _convert(arguments: argparse.Namespace) -> int:
    from pipeline.data.convert import ConvertRequest, bad_boxes_text, convert, parse_attributes
    from pipeline.terminal.console import progress_on

    with progress_on(sys.stderr):
        converted = convert(
            ConvertRequest(
                source=arguments.source,
                out=arguments.out,
                format=None if arguments.format == "auto" else arguments.format,
                classes=arguments.classes,
                attributes=parse_attributes(arguments.attribute),
                strict=arguments.strict,
            )
        )
    if converted.bad_boxes.count:
        tell(bad_boxes_text(converted.bad_boxes))
    say(converted.to_text())
    if arguments.json:
        say(json.dumps(converted.to_json()))
    return 0


def _digits(arguments: argparse.Namespace) -> int:
    from pipeline.demo.digits import DigitsOptions, write_digits

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
    say(str(directory))
    if arguments.json:
        say(json.dumps({"directory": str(directory), "images": arguments.images}))
    return 0


def _schema_infer(arguments: argparse.Namespace) -> int:
    from components.example_gen.dataset import read_source
    from pipeline.data.check import find_data
    from pipeline.data.schema_infer import write_schema

    source = read_source(find_data(arguments.data, arguments.span).directory)
    write_schema(source, arguments.out)
    classes = list(source.label_map.names)
    say(f"{arguments.out}: {len(classes)} classes, from {source.directory}; review it, then set data.schema to it")
    if arguments.json:
        say(json.dumps({"schema": str(arguments.out), "classes": classes}))
    return 0


def _log_sample(arguments: argparse.Namespace) -> int:
    from pipeline.data.log_sample import log_sample

    logged = log_sample(arguments.images, arguments.log, arguments.fraction)
    say(f"kept {logged.kept} of {logged.seen} images" + (f" in {logged.file}" if logged.file else ""))
    if arguments.json:
        file = str(logged.file) if logged.file else None
        say(json.dumps({"seen": logged.seen, "kept": logged.kept, "file": file}))
    return 0
