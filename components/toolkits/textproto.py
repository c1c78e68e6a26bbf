"""Protobuf's text format, without the messages' definitions: https://protobuf.dev/reference/protobuf/textformat-spec.

A message becomes a dict of lists, because only the definition says which fields are repeated; every scalar stays the
text that it was, because only the definition says its type. Strings are decoded.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NoReturn, Union

from ratchet.schemas.base.errors import InputError
from ratchet.schemas.base.visible import visible_line

Message = dict[str, list[Union[str, "Message"]]]

MAX_DEPTH = 100  # protobuf's own limit
_SHOWN = 40
_TOKEN = re.compile(
    r"""(?P<space>[\s\ufeff]+|\#[^\n]*)
    |(?P<string>"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')
    |(?P<number>[-+]?\s*(?:0[xX][0-9a-fA-F]+|(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?[fF]?)(?![\w.]))
    |(?P<word>-?\s*[A-Za-z_][\w]*)
    |(?P<mark>[{}<>\[\]:,;./])""",
    re.VERBOSE | re.DOTALL,
)
_ESCAPE = re.compile(r"\\(?:([0-7]{1,3})|[xX]([0-9a-fA-F]{1,2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|(.))", re.DOTALL)
_LETTERS = {"n": "\n", "t": "\t", "r": "\r", "a": "\a", "b": "\b", "f": "\f", "v": "\v"}
_CLOSING = {"{": "}", "<": ">"}


@dataclass(frozen=True)
class _Token:
    kind: str  # `string`, `number`, `word`, `mark` or `end`
    text: str
    place: int


def parse_textproto(text: str, source: str) -> Message:
    """The tree of a message in protobuf's text format.

    Args:
        text: its text.
        source: where it comes from, for messages.

    Raises:
        InputError: it is not of that format, with the line.

    >>> parse_textproto('a { b: 4e-2 b: .5 } c: "x" \\'y\\'', "file")
    {'a': [{'b': ['4e-2', '.5']}], 'c': ['xy']}
    """
    return _Parser(text, source).message("", 0)


class _Parser:
    def __init__(self, text: str, source: str) -> None:
        self._text, self._source = text, source
        self._tokens = self._scan()
        self._now = next(self._tokens)

    def message(self, closing: str, depth: int) -> Message:
        fields: Message = {}
        while not self._is_at(closing):
            if self._now.kind == "end":
                self._wrong(f"the text ends where a {closing!r} is missing; copy the file again")
            name = self._field_name()
            fields.setdefault(name, []).extend(self._values(name, depth))
            if self._now.text in (",", ";"):
                self._next()
        self._next()
        return fields

    def _is_at(self, closing: str) -> bool:
        return self._now.kind == ("mark" if closing else "end") and self._now.text == closing

    def _field_name(self) -> str:
        if self._now.text == "[" and self._now.kind == "mark":  # an extension, or the type of an Any
            self._next()
            parts = []
            while not self._is_at("]"):
                if self._now.kind not in ("word", "number") and self._now.text not in (".", "/"):
                    self._wrong(f"{self._shown()} in the name of an extension; give a name such as [package.field]")
                parts.append(self._next().text)
            self._next()
            return f"[{''.join(parts)}]"
        if self._now.kind != "word" or self._now.text.startswith("-"):
            self._wrong(f"{self._shown()} stands where the name of a field is expected; correct the line")
        return self._next().text

    def _values(self, name: str, depth: int) -> list[str | Message]:
        if self._is_at(":"):
            self._next()
        elif self._now.kind != "mark" or self._now.text not in ("{", "<", "["):
            self._wrong(f"{self._shown()} stands where `:` or `{{` is expected; correct the line")
        if not self._is_at("["):
            return [self._value(name, depth)]
        self._next()
        values: list[str | Message] = []
        while not self._is_at("]"):
            values.append(self._value(name, depth))
            if self._is_at(","):
                self._next()
            elif not self._is_at("]"):
                self._wrong(f"{self._shown()} stands where `,` or `]` is expected; correct the line")
        self._next()
        return values

    def _value(self, name: str, depth: int) -> str | Message:
        if self._now.kind == "mark" and self._now.text in _CLOSING:
            if depth >= MAX_DEPTH:
                self._wrong(
                    f"`{visible_line(name[:_SHOWN])} {self._now.text}` is nested more than {MAX_DEPTH} messages deep, "
                    "and protobuf reads none deeper; close the messages before it, or copy the file again"
                )
            return self.message(_CLOSING[self._next().text], depth + 1)
        if self._now.kind == "string":
            parts = []
            while self._now.kind == "string":
                parts.append(self._decoded(self._next()))
            return b"".join(parts).decode("utf-8", "backslashreplace")
        if self._now.kind not in ("number", "word"):
            self._wrong(f"{self._shown()} stands where a value is expected; correct the line")
        return "".join(self._next().text.split())

    def _decoded(self, token: _Token) -> bytes:
        # Octal and hexadecimal escapes are bytes: several of them make a letter of UTF-8.
        parts, end = [], 1
        try:
            for escape in _ESCAPE.finditer(token.text, 1, len(token.text) - 1):
                parts += [_bytes(token.text[end : escape.start()]), _character(escape)]
                end = escape.end()
        except (ValueError, OverflowError):  # above the last character, or the last byte
            self._wrong("an escape in a string stands for no character; correct it", token.place)
        return b"".join([*parts, _bytes(token.text[end:-1])])

    def _next(self) -> _Token:
        token = self._now
        if token.kind != "end":
            self._now = next(self._tokens)
        return token

    def _scan(self) -> Iterator[_Token]:
        place = 0
        while place < len(self._text):
            found = _TOKEN.match(self._text, place)
            if not found or not found.lastgroup:
                what = "a string without its end" if self._text[place] in "\"'" else repr(self._text[place])
                self._wrong(f"{what} is not protobuf's text format; correct the line", place)
            if found.lastgroup != "space":
                yield _Token(found.lastgroup, found.group(), place)
            place = found.end()
        yield _Token("end", "", place)

    def _shown(self) -> str:
        return "the end of the file" if self._now.kind == "end" else f"`{visible_line(self._now.text[:_SHOWN])}`"

    def _wrong(self, what: str, place: int | None = None) -> NoReturn:
        line = self._text.count("\n", 0, self._now.place if place is None else place) + 1
        raise InputError(f"{self._source}: line {line}: {what}")


def _character(escape: re.Match[str]) -> bytes:
    octal, hexadecimal, short, long, letter = escape.groups()
    if letter is not None:
        return _bytes(_LETTERS.get(letter, letter))
    if octal or hexadecimal:
        return bytes([int(octal, 8) if octal else int(hexadecimal, 16)])
    return _bytes(chr(int(short or long, 16)))


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
