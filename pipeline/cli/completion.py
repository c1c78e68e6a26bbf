"""What a shell offers when Tab is pressed, by argcomplete; nothing that takes long is imported for it."""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from ratchet.pipeline.cli.options import RemoteRoot, add_command, option, root_place, show
from ratchet.pipeline.config.presets import CONFIG_DIRECTORY, presets
from ratchet.pipeline.terminal.arguments import Parser
from ratchet.schemas.base.errors import InputError

VARIABLE = "_ARGCOMPLETE"  # what shells set when they ask
SHELLS = ("bash", "zsh", "fish")
SETTING_NAMES_FILE = CONFIG_DIRECTORY / "setting_names.txt"
_FILES = ("FILE", "PATH", "DATA", "ANSWERS.json")


def add_completion_command(commands: Any) -> None:
    """Adds `completion` to the commands."""
    add_command(
        commands,
        "completion",
        _completion,
        "what makes a shell complete commands, options and names",
        "Prints what a shell has to read for Tab to complete commands, options, names of configurations and settings, "
        "ids of runs and versions.",
        option("shell", choices=SHELLS, metavar="SHELL", help=f"one of {', '.join(SHELLS)}"),
        examples=(
            'eval "$(ratchet completion bash)"         # in ~/.bashrc',
            'eval "$(ratchet completion zsh)"          # in ~/.zshrc, below compinit',
            "ratchet completion fish | source          # in ~/.config/fish/config.fish",
        ),
    )


def complete(parser: Parser) -> None:
    """Answers a shell that asks what could stand at the cursor, and ends the process; nothing if none asks.

    Args:
        parser: of the program.
    """
    if VARIABLE not in os.environ:
        return
    import argcomplete
    from argcomplete.completers import DirectoriesCompleter, FilesCompleter, SuppressCompleter

    for command in all_parsers(parser):
        for action in command.known:
            by_name = _by_name(action)
            if by_name is not None:
                vars(action)["completer"] = by_name
            elif action.metavar == "DIR":
                vars(action)["completer"] = DirectoriesCompleter()
            elif action.metavar in _FILES or action.nargs == 3:
                vars(action)["completer"] = FilesCompleter()
    argcomplete.autocomplete(parser, always_complete_options="long", default_completer=SuppressCompleter())


def all_parsers(parser: Parser) -> Iterator[Parser]:
    """A parser and those of its commands."""
    yield parser
    for below in parser.commands.choices.values() if parser.commands is not None else ():
        yield from all_parsers(below)


def _by_name(action: argparse.Action) -> Callable[..., list[str]] | None:
    if "--config" in action.option_strings:
        return _configs
    if "--set" in action.option_strings:
        return _settings
    if "--to" in action.option_strings:
        return _versions
    return _runs if action.dest == "run" else None


def _configs(prefix: str, **_: Any) -> list[str]:
    """Ours, and YAML files."""
    from argcomplete.completers import FilesCompleter

    return [*presets(), *FilesCompleter(("yaml", "yml"))(prefix)]


def _settings(**_: Any) -> list[str]:
    return [f"{name}=" for name in setting_names()]


def setting_names() -> list[str]:
    """All settings as `--set` names them; from a file, for the classes take longer to import than Tab may take."""
    return SETTING_NAMES_FILE.read_text(encoding="utf-8").split()


def _runs(parsed_args: argparse.Namespace, **_: Any) -> list[str]:
    return _names(parsed_args, "runs", "")


def _versions(parsed_args: argparse.Namespace, **_: Any) -> list[str]:
    """Of the index of versions, and those that an earlier version of Ratchet left in files of their own."""
    root = _root(parsed_args)
    try:
        entries = json.loads((root / "registry/versions/index.json").read_bytes())["entries"] if root else {}
    except (OSError, ValueError, LookupError, TypeError):
        entries = {}
    names = {*_names(parsed_args, "registry/versions", ".json"), *(name.removesuffix(".json") for name in entries)}
    return sorted(names - {"index"})


def _names(parsed_args: argparse.Namespace, below: str, suffix: str) -> list[str]:
    """Names in a directory of the root; of a remote one as far as they were fetched, for Tab asks no network."""
    root = _root(parsed_args)
    try:
        names = os.listdir(root / below) if root else []
    except OSError:
        return []
    return [name.removesuffix(suffix) for name in names if name.endswith(suffix) and not name.startswith(".")]


def _root(parsed_args: argparse.Namespace) -> Path | None:
    root = getattr(parsed_args, "root", None)
    try:
        root = root_place(root) if isinstance(root, str) else root
    except (argparse.ArgumentTypeError, InputError):
        return None
    if isinstance(root, RemoteRoot):
        from ratchet.pipeline.root.working_copy import directory_of

        return directory_of(root.uri)
    return root


def _completion(arguments: argparse.Namespace) -> int:
    from argcomplete.shell_integration import shellcode

    code = shellcode(["ratchet"], shell=arguments.shell)
    show(arguments, code, {"shell": arguments.shell, "code": code}, as_is=True)
    return 0
