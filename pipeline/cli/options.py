"""How a command and its options are declared: what several commands have, and the type of what names a place."""

from __future__ import annotations

import argparse
import json
import os
import re
import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ratchet.components.object_store.uri import check_supported
from ratchet.pipeline.config.presets import preset_names
from ratchet.pipeline.root import DEFAULT_ROOT, ROOT_VARIABLE
from ratchet.pipeline.root.places import uri_of
from ratchet.pipeline.terminal.arguments import Parser, add_common_options, without_command
from ratchet.pipeline.terminal.colour import painted
from ratchet.pipeline.terminal.extras import Extra, require
from ratchet.pipeline.terminal.program import program
from ratchet.pipeline.terminal.standard_streams import call, detail, flush_output, note, say
from ratchet.schemas.base.errors import InputError

Option = Callable[[Parser], Any]
Action = Callable[[argparse.Namespace], int]

_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:/")  # gs://, file:/: a path of this machine never begins so
_URLS = re.compile(r"^((?:--\w+=)?\s*notify\.urls\s*=).*", re.DOTALL)
_NOTIFY = re.compile(r"^((?:--\w+=)?\s*notify\s*=).*", re.DOTALL)


def add_command(
    commands: Any,
    name: str,
    action: Action,
    help: str,
    description: str,
    *options: Option,
    examples: Sequence[str],
) -> None:
    """Adds a command, which has the options of all commands besides its own.

    Args:
        commands: what `add_subparsers` gave.
        name: what is typed.
        action: carries it out; gives the exit code.
        help: its line in the list of commands.
        description: what its own help begins with.
        options: its options, in the order of its help.
        examples: what its help ends with: commands that can be given so.
    """
    parser = commands.add_parser(name, help=help, description=description, examples=examples)
    parser.set_defaults(command=action, needs=None)
    for add in (*options, add_common_options):
        add(parser)


def add_group(commands: Any, name: str, help: str, description: str, examples: Sequence[str]) -> Any:
    """Adds a command that has commands of its own; what `add_subparsers` gives.

    Args:
        commands: what `add_subparsers` gave.
        name: what is typed.
        help: its line in the list of commands.
        description: what its own help begins with.
        examples: what its help ends with.
    """
    group = commands.add_parser(name, help=help, description=description, examples=examples)
    group.set_defaults(command=without_command(group), needs=None)
    add_common_options(group)
    return group.add_subparsers(metavar="ACTION")


def option(*names: str, **settings: Any) -> Option:
    """An option with the settings that argparse gives it."""
    return lambda parser: parser.add_argument(*names, **settings)


def root_option(what: str = "pipeline root") -> Option:
    """`--root`, whose default the environment gives.

    Args:
        what: its help.
    """
    return option(
        "--root",
        type=root_place,
        # A text and not a Path, so that argparse checks it as if it had been given.
        default=os.environ.get(ROOT_VARIABLE) or DEFAULT_ROOT,
        metavar="DIR",
        help=f"{what}, a directory or gs://BUCKET/PATH (default: ${ROOT_VARIABLE}, or ./{DEFAULT_ROOT} without it)",
    )


def span_option(what: str) -> Option:
    """`--span`: a number, or the day that a span is called after.

    Args:
        what: its help.
    """
    return option("--span", type=_span, metavar="N", help=f"{what}, as 7 or 2026-11-28 (default: the newest)")


def _span(text: str) -> int:
    from ratchet.components.example_gen.span_names import span_number

    try:
        return span_number(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"invalid value {text!r}: {error}") from error


def needs(extra: Extra) -> Option:
    """Declares that a command works with more than the light install."""
    return lambda parser: parser.set_defaults(needs=(extra, f"`{parser.prog}`"))


def settings_options(
    config: str = "a YAML file, or one of ours by name (default: what the root remembers)",
    setting: str = "a setting over the config's",
) -> tuple[Option, Option]:
    """`--config` and `--set`.

    Args:
        config: help of the first; what ours are called is said behind it.
        setting: help of the second.
    """
    return (
        option("--config", type=local_name, metavar="FILE", help=f"{config}; ours: {preset_names()}"),
        option("--set", action="append", default=[], metavar="KEY=VALUE", help=setting),
    )


def person_options() -> tuple[Option, Option]:
    """`--by` and `--reason`, of a person who answers for something."""
    return (
        option("--by", required=True, metavar="NAME", help="who does it"),
        option("--reason", required=True, metavar="TEXT", help="why, in one line"),
    )


def show(arguments: argparse.Namespace, text: str, values: Any, as_is: bool = False) -> None:
    """Prints what a command came to.

    Args:
        arguments: of the command.
        text: for a person.
        values: what `--json` prints instead; the text goes to standard error then.
        as_is: whether directories keep their own names; see `call`.

    Raises:
        OutputError: standard output cannot be written.
    """
    if not getattr(arguments, "json", False):
        say(text, as_is, None if as_is else painted)
        return
    say(json.dumps(values), as_is)
    flush_output()
    note(text)


def without_urls(arguments: Sequence[str]) -> list[str]:
    """Arguments of a command, to be shown or kept, without what `--set notify.urls=...` may hold.

    >>> without_urls(["run", "--set", "notify.urls=[https://hooks.example.org/secret]", "--set", "notify.on=[PUSHED]"])
    ['run', '--set', 'notify.urls=[env:HIDDEN]', '--set', 'notify.on=[PUSHED]']
    >>> without_urls(["--set=notify={urls: [https://hooks.example.org/secret]}"])
    ['--set=notify={urls: [env:HIDDEN]}']
    """
    return [_NOTIFY.sub(r"\1{urls: [env:HIDDEN]}", _URLS.sub(r"\1[env:HIDDEN]", argument)) for argument in arguments]


def from_anywhere(given: str, arguments: argparse.Namespace) -> str:
    """A command that means the same in every directory and shell: with the program's path, whole paths and the root.

    Args:
        given: the command as it was typed, without secrets.
        arguments: what was parsed of it.
    """
    paths = {name for name, value in vars(arguments).items() if isinstance(value, Path)}
    words = [*program(), *shlex.split(given)[1:]]
    for place, word in enumerate(words):
        option, equals, value = word.partition("=") if word.startswith("--") else (words[place - 1], "", word)
        name = option.lstrip("-").replace("-", "_")
        is_path = option.startswith("--") and not _URI.match(value)
        if is_path and (name in paths or (name == "config" and Path(value).is_file())) and (equals or value == word):
            words[place] = f"{option}={os.path.abspath(value)}" if equals else os.path.abspath(value)
    named = any(word == "--root" or word.startswith("--root=") for word in words)
    root = uri_of(arguments.root)
    return shlex.join(words if named else [*words, "--root", root if _URI.match(root) else os.path.abspath(root)])


@dataclass(frozen=True)
class RemoteRoot:
    """A root in an object store, as it was given.

    Attributes:
        uri: without a slash at its end.
    """

    uri: str

    def __str__(self) -> str:
        return self.uri


def root_place(text: str) -> Path | RemoteRoot:
    """The type of `--root`, which may lie in Google Cloud Storage.

    Raises:
        argparse.ArgumentTypeError: it is empty, or a URI of another kind.
    """
    if not _URI.match(text):
        return local(text)
    source = f" (from {ROOT_VARIABLE})" if text == os.environ.get(ROOT_VARIABLE) else ""
    try:
        check_supported(text, f"--root{source}")
    except InputError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
    return RemoteRoot(text.rstrip("/"))


def take_working_copy(arguments: argparse.Namespace) -> None:
    """Puts the working copy of a remote root in its place; the command knows no other then.

    Args:
        arguments: of the command.

    Raises:
        InputError: what object stores need is not installed.
        StateError: the object store cannot be read.
    """
    root = getattr(arguments, "root", None)
    if not isinstance(root, RemoteRoot):
        return
    require(Extra.GCS, f"--root {root}")
    from ratchet.pipeline.root.working_copy import WorkingCopy

    copy = WorkingCopy.of(root.uri)
    detail(f"working copy of {root.uri}: {copy.directory}")
    call(str(copy.directory), root.uri)
    copy.refresh()
    arguments.root = copy.directory


def local_name(text: str) -> str:
    """The type of an option that takes a path of this machine or a name.

    Raises:
        argparse.ArgumentTypeError: it is empty or a URI, which `Path` would take for a directory called `gs:`.
    """
    if not text:
        raise argparse.ArgumentTypeError("is empty; give a path")
    if _URI.match(text):
        source = f" (from {ROOT_VARIABLE})" if text == os.environ.get(ROOT_VARIABLE) else ""
        raise argparse.ArgumentTypeError(
            f"{text}{source} is a URI, and this command works on directories of this machine: give a path; "
            "for object stores see docs/kubeflow.md"
        )
    return text


def place(text: str) -> str:
    """The type of an option that takes a path of this machine or a gs:// URI, and reads both.

    Raises:
        argparse.ArgumentTypeError: it is empty, or a URI of another kind.
    """
    if not _URI.match(text):
        return local_name(text)
    try:
        check_supported(text, "what this command reads")
    except InputError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
    return text.rstrip("/")


def local(text: str) -> Path:
    """The type of an option that takes a path of this machine.

    Raises:
        argparse.ArgumentTypeError: see `local_name`.
    """
    return Path(local_name(text))
