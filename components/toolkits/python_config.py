"""Configurations written in Python, as MMDetection dumps them: assignments of literals, read and never run."""

from __future__ import annotations

import ast
import operator
import re
import warnings
from collections.abc import Callable
from typing import Any

from ratchet.schemas.base.errors import InputError

_ASSIGNMENT = re.compile(r"^[A-Za-z_]\w*[ \t]*=[ \t]*\S", re.M)
_OTHER = re.compile(r"^[ \t]*(?:[\w.\-]+[ \t]*:(?:[ \t]|$)|[{<])", re.M)
_OPERATORS: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
}
_LARGEST = 1e12  # of a number that is computed with, so that no text of a configuration takes long
_LONGEST = 10_000  # of a list that is repeated or counted
_MAX_DEPTH = 100


def is_python(text: str) -> bool:
    """Whether a text is written as assignments, rather than as YAML or protobuf."""
    first = _ASSIGNMENT.search(text)
    other = _OTHER.search(text)
    return first is not None and (other is None or first.start() < other.start())


def parse_python_config(text: str, source: str) -> dict[str, Any]:
    """The values that a text assigns to names, in its order.

    Args:
        text: Python; `dict(...)`, lists, tuples, literals, names that were assigned before and simple arithmetic become
            values, whatever else stays the text that it was.
        source: where it comes from, for messages.

    Raises:
        InputError: it is no Python, with the line.

    >>> parse_python_config("a = 8 * 2\\nb = dict(c=[a, -1.5], d=f(a))", "file")
    {'a': 16, 'b': {'c': [16, -1.5], 'd': 'f(a)'}}
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the file's own backslashes
            module = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        line = getattr(error, "lineno", None)
        place = f"line {line}: " if line else ""
        reason = getattr(error, "msg", None) or str(error) or type(error).__name__
        raise InputError(f"{source}: {place}no Python that can be read ({reason}); copy the file again") from error
    reader = _Reader()
    for statement in module.body:
        if isinstance(statement, ast.Assign) and len(statement.targets) == 1:
            target = statement.targets[0]
            if isinstance(target, ast.Name):
                reader.names[target.id] = reader.value(statement.value, 0)
        elif isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name) and statement.value:
            reader.names[statement.target.id] = reader.value(statement.value, 0)
    return reader.names


class _Reader:
    def __init__(self) -> None:
        self.names: dict[str, Any] = {}

    def value(self, node: ast.expr, depth: int) -> Any:
        if depth > _MAX_DEPTH:
            return "..."
        try:
            return self._read(node, depth + 1)
        except (_NoValueError, ArithmeticError, TypeError, ValueError):
            return _source_of(node)

    def _read(self, node: ast.expr, depth: int) -> Any:
        match node:
            case ast.Constant(value=value):
                return value if isinstance(value, (str, int, float, bool, type(None))) else str(value)
            case ast.List(elts=elements) | ast.Tuple(elts=elements) | ast.Set(elts=elements):
                return [self.value(element, depth) for element in elements]
            case ast.Dict(keys=keys, values=values):
                return {self._key(key, depth): self.value(value, depth) for key, value in zip(keys, values)}
            case ast.Call(func=ast.Name(id="dict"), args=[], keywords=keywords):
                return self._words(keywords, depth)
            case ast.Call(func=ast.Name(id="dict"), args=[ast.Dict() as first], keywords=keywords):
                return {**self.value(first, depth), **self._words(keywords, depth)}
            case ast.Call(func=ast.Name(id="range"), args=arguments, keywords=[]):
                return self._range([self.value(argument, depth) for argument in arguments])
            case ast.Name(id=name) if name in self.names:
                return self.names[name]
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return -self.value(operand, depth)
            case ast.BinOp(left=left, op=operation, right=right) if type(operation) in _OPERATORS:
                values = self.value(left, depth), self.value(right, depth)
                if not all(type(each) in (int, float) and abs(each) <= _LARGEST for each in values):
                    raise _NoValueError
                return _OPERATORS[type(operation)](*values)
        raise _NoValueError

    def _words(self, keywords: list[ast.keyword], depth: int) -> dict[str, Any]:
        return {word.arg or "**": self.value(word.value, depth) for word in keywords}

    def _key(self, key: ast.expr | None, depth: int) -> str:
        return "**" if key is None else str(self.value(key, depth))

    @staticmethod
    def _range(arguments: list[Any]) -> list[int]:
        if not all(type(each) is int for each in arguments) or len(range(*arguments)) > _LONGEST:
            raise _NoValueError
        return list(range(*arguments))


class _NoValueError(Exception):
    """It is more than a value."""


def _source_of(node: ast.expr) -> str:
    try:
        return ast.unparse(node)
    except RecursionError:
        return "..."
