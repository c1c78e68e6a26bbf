# PYTHON_ARGCOMPLETE_OK
"""Runs a compiled pipeline by a schedule: never two at a time, and what was missed is not made up for.

    python -m ratchet.kubeflow.schedule create --pipeline pipeline.json --name nightly --cron "0 3 * * *" \
        --time-zone Europe/Prague --project my-project --location europe-west4
    python -m ratchet.kubeflow.schedule pause --target vertex --name nightly --project my-project --location R

`pause`, `resume`, `delete` and `list` are told the runner by `--target`. Exit codes as of submit. docs/scheduling.md
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import Any

from ratchet.components.services.rest import Send
from ratchet.kubeflow import kfp_api, vertex_api
from ratchet.kubeflow.commands import (
    add_pipeline_options,
    add_place_options,
    as_json,
    check_target,
    ended,
    kfp_place,
    kfp_start,
    send_of,
    show_calls,
    vertex_place,
    vertex_start,
)
from ratchet.kubeflow.compiled import Compiled, Target, read_compiled
from ratchet.kubeflow.cron import UTC, Timing, checked_cron, checked_time, checked_zone, in_zone, with_seconds
from ratchet.pipeline.cli.options import show
from ratchet.pipeline.terminal.arguments import Parser, add_common_options, without_command
from ratchet.schemas.base.errors import InputError

_PROG = "python -m ratchet.kubeflow.schedule"
_EXAMPLES = (
    f'{_PROG} create --pipeline pipeline.json --name nightly --cron "0 3 * * *" --time-zone Europe/Prague '
    "--project my-project --location europe-west4",
    f'{_PROG} create --pipeline pipeline.yaml --name nightly --cron "0 3 * * *" --host https://kubeflow.example.org',
    f"{_PROG} list --target kfp --host https://kubeflow.example.org",
)
_DONE = {"pause": "is paused", "resume": "goes on", "delete": "is deleted"}


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command; returns its exit code."""
    return ended(parser(), argv, lambda arguments: arguments.action(arguments))


def _create(arguments: argparse.Namespace) -> int:
    compiled = read_compiled(arguments.pipeline)
    check_target(compiled.target, arguments)
    send = send_of(compiled.target, arguments)
    name = (_on_kfp if compiled.target is Target.KFP else _on_vertex)(arguments, compiled, send)
    if not show_calls(arguments, send):
        text = f"schedule {name}{' is made, and paused' if arguments.paused else ' is made'}"
        show(arguments, text, {"schedule": name, "paused": arguments.paused})
    return 0


def _on_kfp(arguments: argparse.Namespace, compiled: Compiled, send: Send) -> str:
    zone, cluster = checked_zone(arguments.time_zone or UTC), checked_zone(arguments.cluster_time_zone or UTC)
    if zone != cluster:
        raise InputError(
            f"--time-zone {zone}: Kubeflow has no time zone per schedule, its controller has one, {cluster} as far as "
            "is known; set CRON_SCHEDULE_TIMEZONE of the deployment ml-pipeline-scheduledworkflow and say so with "
            "--cluster-time-zone, or give --cron in UTC"
        )
    timing = _timing(arguments, with_seconds(checked_cron(arguments.cron)))
    start = kfp_start(arguments, compiled, arguments.name)
    return kfp_api.create_recurring_run(kfp_place(arguments), start, timing, send)


def _on_vertex(arguments: argparse.Namespace, compiled: Compiled, send: Send) -> str:
    if arguments.cluster_time_zone:
        raise InputError("--cluster-time-zone: Vertex AI has no such thing; give --time-zone")
    if arguments.experiment:
        raise InputError("--experiment: a schedule of Vertex AI has none; `submit` shows single jobs in one")
    zone = checked_zone(arguments.time_zone) if arguments.time_zone else None
    timing = _timing(arguments, in_zone(checked_cron(arguments.cron), zone))
    start = vertex_start(arguments, compiled)
    return vertex_api.create_schedule(vertex_place(arguments), start, timing, arguments.name, send)


def _timing(arguments: argparse.Namespace, cron: str) -> Timing:
    start, end = checked_time("--start-time", arguments.start_time), checked_time("--end-time", arguments.end_time)
    if start and end and end <= start:
        raise InputError(f"--end-time {end}: is not after --start-time {start}")
    return Timing(cron, start, end, arguments.paused)


def _change(arguments: argparse.Namespace) -> int:
    target = Target(arguments.target)
    check_target(target, arguments)
    send = send_of(target, arguments)
    if target is Target.KFP:
        cluster = kfp_place(arguments)
        names = kfp_api.recurring_run_ids(cluster, arguments.name, send)
        for name in names:
            kfp_api.change_recurring_run(cluster, name, arguments.change, send)
    else:
        place = vertex_place(arguments)
        names = vertex_api.schedule_names(place, arguments.name, send)
        for name in names:
            vertex_api.change_schedule(place, name, arguments.change, send)
    if not show_calls(arguments, send):
        lines = [f"schedule {name} {_DONE[arguments.change]}" for name in names]
        show(arguments, "\n".join(lines), {"schedules": list(names), "change": arguments.change})
    return 0


def _list(arguments: argparse.Namespace) -> int:
    target = Target(arguments.target)
    check_target(target, arguments)
    send = send_of(target, arguments)
    if target is Target.KFP:
        found = [_of_kfp(run) for run in kfp_api.recurring_runs(kfp_place(arguments), send)]
    else:
        found = [_of_vertex(schedule) for schedule in vertex_api.schedules(vertex_place(arguments), send)]
    if not show_calls(arguments, send):
        show(arguments, as_json(found), {"schedules": found})
    return 0


def _of_kfp(run: dict[str, Any]) -> dict[str, Any]:
    trigger = run.get("trigger")
    cron = trigger.get("cron_schedule") if isinstance(trigger, dict) else None
    return {
        "name": run.get("display_name"),
        "id": run.get("recurring_run_id"),
        "cron": cron.get("cron") if isinstance(cron, dict) else None,
        "state": run.get("status"),
    }


def _of_vertex(schedule: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": schedule.get("displayName"),
        "id": schedule.get("name"),
        "cron": schedule.get("cron"),
        "state": schedule.get("state"),
        "next": schedule.get("nextRunTime"),
    }


def parser() -> Parser:
    """The parser of the command."""
    made = Parser(prog=_PROG, description="Runs a compiled pipeline by a schedule.", examples=_EXAMPLES)
    add_common_options(made)
    actions = made.add_subparsers(metavar="ACTION")
    made.set_defaults(action=without_command(made))
    create = actions.add_parser(
        "create", help="make a schedule", description="Makes a schedule.", examples=_EXAMPLES[:2]
    )
    add_pipeline_options(create)
    create.add_argument("--name", type=_name, required=True, help="of the schedule")
    create.add_argument("--cron", required=True, metavar="FIELDS", help="minute hour day month weekday")
    create.add_argument("--time-zone", metavar="ZONE", help="of the cron, such as Europe/Prague (default: UTC)")
    create.add_argument("--cluster-time-zone", metavar="ZONE", help="Kubeflow: that of its controller (default: UTC)")
    create.add_argument("--start-time", metavar="TIME", help="not before, such as 2027-01-15T03:00:00Z")
    create.add_argument("--end-time", metavar="TIME", help="not after")
    create.add_argument("--paused", action="store_true", help="waits for `resume`")
    add_place_options(create)
    add_common_options(create)
    create.set_defaults(action=_create, names_schedule=True)
    for change, what in (("pause", "stops it for now"), ("resume", "lets it go on"), ("delete", "removes it")):
        example = f"{_PROG} {change} --target vertex --name nightly --project my-project --location europe-west4"
        one = actions.add_parser(change, help=what, description=f"A schedule: {what}.", examples=(example,))
        one.add_argument("--name", type=_name, required=True, help="of the schedule, or its id")
        one.add_argument("--target", choices=[target.value for target in Target], required=True, help="the runner")
        add_place_options(one)
        add_common_options(one)
        one.set_defaults(action=_change, change=change, names_schedule=True)
    every = actions.add_parser(
        "list", help="the schedules there are", description="Prints them as JSON.", examples=_EXAMPLES[2:]
    )
    every.add_argument("--target", choices=[target.value for target in Target], required=True, help="the runner")
    add_place_options(every)
    add_common_options(every)
    every.set_defaults(action=_list)
    return made


def _name(text: str) -> str:
    """An empty one would mean every schedule that has none."""
    if not text.strip():
        raise argparse.ArgumentTypeError("is empty; give the schedule's name")
    return text


if __name__ == "__main__":
    sys.exit(main())
