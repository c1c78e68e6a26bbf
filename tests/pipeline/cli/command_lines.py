"""Every parser of ours, and the commands that their examples show."""

from __future__ import annotations

import re
import shlex

from ratchet.kubeflow import compile, schedule, submit, vertex_model
from ratchet.pipeline.cli.completion import all_parsers
from ratchet.pipeline.cli.main import _parser
from ratchet.pipeline.terminal.arguments import Parser

PROGRAMS = [_parser, compile.parser, schedule.parser, submit.parser, vertex_model.parser]
PARSERS = [parser for program in PROGRAMS for parser in all_parsers(program())]
BY_PROG = {parser.prog: parser for parser in PARSERS}


def is_group(parser: Parser) -> bool:
    """Whether it does nothing without a command."""
    return parser.commands is not None and not parser.prog.endswith(" bench")


def shown(example: str) -> list[list[str]]:
    """The commands of ours in an example, as a shell takes them apart.

    >>> shown('eval "$(ratchet completion bash)"   # in a file')
    [['ratchet', 'completion', 'bash']]
    >>> shown("ratchet new-span --data d && ratchet run --data 'my data'")
    [['ratchet', 'new-span', '--data', 'd'], ['ratchet', 'run', '--data', 'my data']]
    """
    inside = re.search(r"\$\((.*?)\)", example)
    lexer = shlex.shlex(inside[1] if inside else example, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    commands: list[list[str]] = [[]]
    for word in lexer:
        if word in ("&&", "|"):
            commands.append([])
        else:
            commands[-1].append(word)
    return [command for command in commands if command[0] in ("ratchet", "python")]


def split_program(command: list[str]) -> tuple[Parser, list[str]]:
    """The parser of the program that a command starts, and its arguments."""
    length = 1 if command[0] == "ratchet" else 3
    return BY_PROG[" ".join(command[:length])], command[length:]
