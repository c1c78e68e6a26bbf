"""What `ratchet run` asks for, and `ratchet run --dry-run`."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from ratchet.pipeline.cli.config import proposal_for_run, tell_proposal
from ratchet.pipeline.cli.options import from_anywhere, show
from ratchet.pipeline.past.result import result_text
from ratchet.pipeline.root import OWN_SETTINGS_FILE
from ratchet.pipeline.terminal.standard_streams import detail, note
from ratchet.pipeline.terminal.verbosity import Verbosity, verbosity
from ratchet.schemas.artifacts.run_result import RUN_RESULT_FORMAT
from ratchet.schemas.base.errors import InputError
from ratchet.schemas.base.visible import visible_line

if TYPE_CHECKING:
    from ratchet.pipeline.config.pipeline_settings import PipelineSettings
    from ratchet.pipeline.root.root_settings import Configuration
    from ratchet.pipeline.run.dry_run import PlannedRun
    from ratchet.pipeline.run.preflight import RunRequest


def run_request(arguments: argparse.Namespace, configuration: Configuration) -> RunRequest:
    """What a run is asked for.

    Args:
        arguments: of `ratchet run`.
        configuration: its settings.
    """
    from ratchet.pipeline.run.preflight import RunRequest

    return RunRequest(
        settings=configuration.settings,
        data=arguments.data,
        golden=arguments.golden or arguments.data / "golden",
        span=arguments.span,
        root=arguments.root,
        bootstrap=arguments.bootstrap,
        command=from_anywhere(arguments.given, arguments),
        anew=arguments.anew,
        again=arguments.again,
        only_new=arguments.only_new,
        remembered=configuration.remembered,
    )


def rehearse_run(arguments: argparse.Namespace) -> int:
    """Says what a run would do.

    Args:
        arguments: of `ratchet run`.

    Raises:
        InputError: the run would be refused, or would end once it had written the settings that it proposes.
        StateError: the pipeline root is in use or contradicts itself.
    """
    from ratchet.components.example_gen.spans import NotDeliveredError
    from ratchet.pipeline.run.dry_run import NOTHING
    from ratchet.pipeline.run.nothing_new import nothing_delivered
    from ratchet.pipeline.terminal.console import progress_on

    with progress_on(sys.stderr):
        try:
            planned = _planned(arguments)
        except NotDeliveredError as error:
            if not arguments.only_new:
                raise
            result = nothing_delivered(str(error), arguments.span)
            values = {"dry_run": True, "would": NOTHING, "verdict": result.verdict.value}
            values["result"] = RUN_RESULT_FORMAT.values_of(result)
            show(arguments, f"Nothing was written. {result_text(result)}", values)
            return 0
    show(arguments, planned.to_text(), planned.to_json())
    return 0


def _planned(arguments: argparse.Namespace) -> PlannedRun:
    from ratchet.pipeline.root.root_settings import configure_run, has_settings
    from ratchet.pipeline.run.dry_run import plan_run

    if arguments.config is None and not has_settings(arguments.root):
        configuration, proposed = _proposed(arguments)
    else:
        configuration, proposed = configure_run(arguments.root, arguments.config, arguments.set), None
        if configuration.told:
            note(f"ratchet: {visible_line(configuration.told)}")
    return plan_run(run_request(arguments, configuration), proposed)


def _proposed(arguments: argparse.Namespace) -> tuple[Configuration, str]:
    from ratchet.pipeline.config.pipeline_settings import load_settings
    from ratchet.pipeline.root.places import named, uri_of
    from ratchet.pipeline.root.rebuild import has_lineage
    from ratchet.pipeline.root.root_settings import Configuration, Remembered

    proposal = proposal_for_run(arguments)
    file = named(arguments.root, arguments.root / OWN_SETTINGS_FILE)
    tell_proposal(proposal, f"would be written to {file}", arguments)
    if not arguments.bootstrap and not has_lineage(arguments.root):
        raise InputError(
            f"no model is served from {uri_of(arguments.root)} yet: without --bootstrap the command would write "
            f"{file}, and end there; give --bootstrap to train and serve a first one"
        )
    settings = load_settings(proposal.values, arguments.set, file)
    return Configuration(settings, Remembered(proposal.values, file)), file


def detail_settings(settings: PipelineSettings) -> None:
    """With `--verbose`, says which settings are not at their defaults.

    Args:
        settings: in force.
    """
    if verbosity() < Verbosity.VERBOSE:
        return
    import json

    from ratchet.pipeline.run.dry_run import changed_settings

    for path, value in changed_settings(settings).items():
        detail(f"setting {path} = {visible_line(json.dumps(value))}")
