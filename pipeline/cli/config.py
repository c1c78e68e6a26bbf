"""`ratchet config propose`, and the proposal that a run without a configuration makes."""

from __future__ import annotations

import argparse
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ratchet.pipeline.cli.options import add_command, add_group, local, needs, option, show, span_option
from ratchet.pipeline.root import OWN_SETTINGS_FILE
from ratchet.pipeline.terminal.extras import Extra
from ratchet.pipeline.terminal.standard_streams import note
from ratchet.schemas.base.errors import InputError
from ratchet.schemas.base.visible import visible_line

if TYPE_CHECKING:
    from ratchet.pipeline.config.proposal.proposal import Proposal


def add_config_commands(commands: Any) -> None:
    """Adds `config` to the commands."""
    proposing = ("ratchet config propose --data spans --out detector.yaml",)
    add_command(
        add_group(
            commands, "config", "propose a configuration for a data set", "The configuration of a pipeline.", proposing
        ),
        "propose",
        _propose,
        "propose one",
        "Writes a configuration that fits a data set and this machine: input size, anchors, batch, steps, each with "
        "the figure that it came from. A run of a new root without --config does the same.",
        needs(Extra.PIPELINE),
        option("--data", type=local, required=True, metavar="DIR", help="a data set, or its span-N directories"),
        span_option("the span to go by"),
        option("--set", action="append", default=[], metavar="KEY=VALUE", help="a setting that is to stand in it"),
        option(
            "--out",
            type=local,
            default=Path(OWN_SETTINGS_FILE),
            metavar="FILE",
            help=f"default: ./{OWN_SETTINGS_FILE}; ROOT/{OWN_SETTINGS_FILE} is taken without --config",
        ),
        examples=(*proposing, "ratchet config propose --data spans --span 1 --set 'model.input_size=[512, 512]'"),
    )


def _propose(arguments: argparse.Namespace) -> int:
    from ratchet.pipeline.config.proposal.yaml_text import to_yaml
    from ratchet.pipeline.data.config_propose import propose_for, write_proposal

    proposal = propose_for(arguments.data, arguments.span, arguments.set)
    write_proposal(to_yaml(proposal), arguments.out)
    lines = [f"{arguments.out}: {proposal.summary}", *map(_doubt, proposal.doubts)]
    lines.append(f"Look at it, change what you know better, then: {_run_with(arguments)}")
    values = {"config": str(arguments.out), "settings": proposal.values, "doubts": list(proposal.doubts)}
    show(arguments, "\n".join(map(visible_line, lines)), values)
    return 0


def _run_with(arguments: argparse.Namespace) -> str:
    """The command that trains with what was proposed; capitals stand for what a person has to fill in."""
    from ratchet.components.example_gen.span_names import parse_span
    from ratchet.components.example_gen.spans import spans_in
    from ratchet.schemas.base.files import LOCAL_FILES

    data, span = arguments.data, arguments.span
    if span is None and not spans_in(str(data), LOCAL_FILES):  # a data set of its own
        key = parse_span(data.resolve().name)
        data, span = (data.parent, key[0]) if key else (Path("DIRECTORY-OF-SPAN-1"), None)
    given = ["ratchet", "run", "--config", str(arguments.out), "--data", str(data)]
    given += [] if span is None else ["--span", str(span)]
    given += [] if (data / "golden").is_dir() else ["--golden", "GOLDEN-SET"]
    return shlex.join([*given, "--bootstrap"])


def propose_for_run(arguments: argparse.Namespace) -> None:
    """Gives a root without any settings its own, by the data that its first model is to be trained on; says so.

    Args:
        arguments: of `ratchet run` without `--config`.

    Raises:
        InputError: data or settings cannot be used, or no first model is asked for; in the latter case the settings
            are there, so that they can be looked at.
        StateError: they cannot be written.
    """
    from ratchet.pipeline.config.proposal.yaml_text import to_yaml
    from ratchet.pipeline.root.own_settings import write_own_settings
    from ratchet.pipeline.root.places import uri_of
    from ratchet.pipeline.root.rebuild import has_lineage
    from ratchet.pipeline.root.roots import near_roots

    proposal = proposal_for_run(arguments)
    file = write_own_settings(arguments.root, to_yaml(proposal))
    tell_proposal(proposal, f"written to {file}", arguments)
    if not arguments.bootstrap and not has_lineage(arguments.root):
        raise InputError(
            f"no model is served from {uri_of(arguments.root)} yet, so there is no baseline to compare with: look at "
            f"{file}, then give the same command with --bootstrap, which trains and serves a first one{near_roots()}"
        )


def proposal_for_run(arguments: argparse.Namespace) -> Proposal:
    """What such a run proposes; nothing is written."""
    from ratchet.pipeline.data.config_propose import propose_for_root
    from ratchet.pipeline.root.rebuild import read_root

    golden, there = arguments.golden or arguments.data / "golden", read_root(arguments.root)
    is_named = there is None or any(given.partition("=")[0].strip() == "name" for given in arguments.set)
    named = [] if is_named or there is None else [f"name={there.name}"]  # as after an adoption
    return propose_for_root(arguments.data, golden, arguments.span, [*arguments.set, *named])


def tell_proposal(proposal: Proposal, where: str, arguments: argparse.Namespace) -> None:
    """Says what is proposed.

    Args:
        proposal: of `proposal_for_run`.
        where: what is done with it: `written to FILE`.
        arguments: of the command.
    """
    note(visible_line(f"ratchet: no --config: settings are proposed from {arguments.data}, and {where}"))
    for line in (proposal.summary, *map(_doubt, proposal.doubts)):
        note(f"  {visible_line(line)}")
    note("  The file says where each value comes from. Runs of this root take it: edit it to change them.")


def _doubt(doubt: str) -> str:
    return f"note: {doubt}"
