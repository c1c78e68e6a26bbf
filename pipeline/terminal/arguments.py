"""The parser of all our commands: examples below the help, what was probably meant, and what every command takes."""

from __future__ import annotations

import argparse
import math
import re
import sys
from collections.abc import Callable, Sequence
from typing import IO, Any, NoReturn

from ratchet import __version__
from ratchet.pipeline.terminal.colour import is_coloured, painted_help
from ratchet.pipeline.terminal.standard_streams import tell
from ratchet.pipeline.terminal.verbosity import Verbosity
from ratchet.schemas.base.closest import closest
from ratchet.schemas.base.errors import InputError
from ratchet.schemas.base.visible import visible_line

_NUMBER = re.compile(r"-\d|-\.\d")  # a negative one is a value


class Parser(argparse.ArgumentParser):
    """Says what is wrong with arguments as all errors are said, in one line with what was probably meant.

    Args:
        examples: commands that can be given as they stand, each with `  # what for` behind it if need be.
        settings: of argparse.
    """

    def __init__(self, *, examples: Sequence[str] = (), **settings: Any) -> None:
        self.examples = tuple(examples)
        self.known: list[argparse.Action] = []
        self.commands: Any = None
        super().__init__(**settings)
        self.add_argument("--version", action="version", version=f"ratchet {__version__}", help="print it and end")

    def add_argument(self, *names: Any, **settings: Any) -> argparse.Action:
        """See the base class."""
        return self.know(super().add_argument(*names, **settings))

    def know(self, action: argparse.Action) -> argparse.Action:
        """Notes an argument that was added to a group of this parser."""
        self.known.append(action)
        return action

    def add_subparsers(self, **settings: Any) -> Any:
        """See the base class; without a command the help is printed, and that is an error."""
        self.commands = super().add_subparsers(**settings)
        return self.commands

    def option(self, name: str) -> argparse.Action | None:
        """The option that is called so, or may be shortened so."""
        of_name = {flag: action for action in self.known for flag in action.option_strings}
        if name in of_name:
            return of_name[name]
        return next((action for flag, action in of_name.items() if name[:2] == "--" and flag.startswith(name)), None)

    def parse_args(self, args: Any = None, namespace: Any = None) -> Any:
        """See the base class.

        Raises:
            InputError: they are not what the command takes.
        """
        given = list(sys.argv[1:] if args is None else args)
        try:
            return super().parse_args(given, namespace)
        except InputError as error:
            meant = what_was_meant(self, given)
            raise (InputError(meant) if meant else error) from None

    def format_help(self) -> str:
        """See the base class; the examples stand below."""
        lines = "".join(f"  {example}\n" for example in self.examples)
        return super().format_help() + (f"\nexamples:\n{lines}" if lines else "")

    def print_help(self, file: IO[str] | None = None) -> None:
        """See the base class; in colour on a terminal."""
        stream = file or sys.stdout
        text = self.format_help()
        stream.write(painted_help(text) if is_coloured(stream) else text)

    def error(self, message: str) -> NoReturn:
        """See the base class.

        Raises:
            InputError: always.
        """
        raise InputError(f"{message}; `{self.prog} --help` lists what it takes")


def without_command(parser: Parser) -> Callable[[argparse.Namespace], int]:
    """What a program or group of commands does that was given none: its help on standard error, and exit code 2.

    Args:
        parser: of the program or group.
    """

    def ask(_: argparse.Namespace) -> int:
        tell(parser.format_help())
        raise InputError(f"no command was given; one of {', '.join(parser.commands.choices)}")

    return ask


def add_common_options(parser: Parser) -> None:
    """`--json`, `--quiet` and `--verbose`, of every command.

    They have no default, so that those of a command do not take away what stands before it; see `verbosity_of`.
    """
    unset = argparse.SUPPRESS
    parser.add_argument(
        "--json", action="store_true", default=unset, help="print one JSON object, and all else to standard error"
    )
    loudness = parser.add_mutually_exclusive_group()
    flag: dict[str, Any] = {"action": "store_true", "default": unset}
    parser.know(loudness.add_argument("-q", "--quiet", **flag, help="neither progress nor notes"))
    parser.know(loudness.add_argument("-v", "--verbose", **flag, help="say more of what is done"))


def verbosity_of(arguments: argparse.Namespace) -> Verbosity:
    """What was asked for."""
    if getattr(arguments, "quiet", False):
        return Verbosity.QUIET
    return Verbosity.VERBOSE if getattr(arguments, "verbose", False) else Verbosity.NORMAL


def wants_json(given: Sequence[str]) -> bool:
    """Whether arguments that may be wrong ask for JSON; also where the option is shortened.

    >>> wants_json(["status", "--js"]), wants_json(["bench", "--jobs", "2"]), wants_json(["x", "--", "--json"])
    (True, False, False)
    """
    options = given[: given.index("--")] if "--" in given else given
    return any(len(word) > len("--j") and "--json".startswith(word) for word in options)


def what_was_meant(parser: Parser, given: Sequence[str]) -> str | None:
    """An error for the first word that nobody knows, with the closest that is known; None where all are known.

    Args:
        parser: of the program.
        given: arguments that it has refused.
    """
    values = 0.0  # that the last option may still take
    option: argparse.Action | None = None
    for word in given:
        if word == "--":
            return None
        name, equals, value = word.partition("=")
        if word[:1] == "-" and len(word) > 1 and " " not in name and not _NUMBER.match(word):
            option = parser.option(name) or (parser.option(name[:2]) if name[:2] != "--" else None)
            if option is None:
                return _no_option(parser, name)
            values = 0 if equals else _values(option)
            told = equals and _no_choice(parser, option, value)
        elif values:
            values -= 1
            told = option and _no_choice(parser, option, word)
        elif parser.commands is not None:
            if word not in parser.commands.choices:
                return _no_command(parser, word)
            parser, told = parser.commands.choices[word], None
        else:
            told = None
        if told:
            return told
    return None


def _values(option: argparse.Action) -> float:
    if isinstance(option.nargs, int):
        return option.nargs
    return {None: 1, "?": 1}.get(option.nargs, math.inf)


def _no_command(parser: Parser, word: str) -> str:
    meant = closest(word, parser.commands.choices)
    listed = f"; `{parser.prog} --help` lists them"
    return f"`{parser.prog}` has no command '{visible_line(word)}'{meant or listed}"


def _no_option(parser: Parser, name: str) -> str:
    flags = [flag for action in parser.known for flag in action.option_strings if flag.startswith("--")]
    below = parser.commands.choices.items() if parser.commands is not None else ()
    owner = next((command for command, one in below if one.option(name)), None)
    shown = visible_line(name)
    if owner is not None:
        return f"`{parser.prog}` has no option {shown} of its own; give it behind the command, as {owner} {shown}"
    meant = closest(name, flags)
    return f"`{parser.prog}` has no option {shown}{meant or f'; `{parser.prog} --help` lists what it takes'}"


def _no_choice(parser: Parser, option: argparse.Action, value: str) -> str | None:
    if option.choices is None or value in option.choices:
        return None
    meant = closest(value, option.choices)
    named = ", ".join(map(str, option.choices))
    flag = option.option_strings[-1] if option.option_strings else option.metavar
    return f"argument {flag}: invalid choice: '{visible_line(value)}'; choose from {named}{meant}"
