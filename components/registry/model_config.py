"""Version labels in TensorFlow Serving's model config, changed in its text: comments and order stay as they are; pure.

The file is a ModelServerConfig (tensorflow_serving/config/model_server_config.proto) in protobuf's text format:

    model_config_list {
      config {
        name: "detector"
        base_path: "/models/detector"
        model_version_policy { specific { versions: 7 versions: 8 } }
        version_labels { key: "stable" value: 7 }
        version_labels { key: "canary" value: 8 }
      }
    }

A label that is in use can only go to a version that is loaded. So a version that loses its label stays in `specific`
until the next change: the server loads the new one, moves the label when it reads the file again, and drops the old one
after that (tensorflow.org/tfx/serving/serving_config, "Assigning string labels to model versions").
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from ratchet.components.toolkits.textproto import parse_textproto
from ratchet.schemas.base.errors import InputError
from ratchet.schemas.base.visible import visible_line

STABLE, CANARY = "stable", "canary"
_TOKEN = re.compile(
    r"""(?P<space>[\s\ufeff]+|\#[^\n]*)|(?P<string>"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')"""
    r"""|(?P<mark>[{}<>\[\]:,;])|(?P<word>[^\s{}<>\[\]:,;#"']+)""",
    re.VERBOSE | re.DOTALL,
)
_OPENING = {"{": "}", "<": ">"}
_INTEGER = re.compile(r"(?P<hex>0[xX][0-9a-fA-F]{1,64})|(?P<octal>0[0-7]{0,64})|(?P<decimal>[1-9][0-9]{0,18})")
_BASES = {"hex": 16, "octal": 8, "decimal": 10}
_LARGEST = (1 << 63) - 1  # of an int64


@dataclass(frozen=True)
class VersionLabels:
    """The labels of a model.

    Attributes:
        labels: version by label, in the order of the file; empty where it uses none.
        specific: the versions of a `specific` policy; None where the policy is another one.
        newest: how many of the newest versions the server serves; None where it is not by number.
    """

    labels: dict[str, int] = field(default_factory=dict)
    specific: tuple[int, ...] | None = None
    newest: int | None = 1


def read_labels(text: str, source: str, model: str) -> VersionLabels:
    """The labels that a model config gives a model.

    Args:
        text: of the file.
        source: the file, for messages.
        model: its name.

    Raises:
        InputError: the text is no model config, or knows no such model.
    """
    return _Found.of(text, source, model).labels


def with_labels(text: str, source: str, model: str, wanted: Mapping[str, int]) -> str:
    """A model config with other versions behind labels that it uses, and the versions that are to be loaded for them.

    Args:
        text: of the file.
        source: the file, for messages.
        model: its name.
        wanted: version by label; labels that the file does not use for the model are left out of it.

    Returns:
        The text; the very same where every label is as wanted.

    Raises:
        InputError: the text is no model config, or knows no such model.
    """
    found = _Found.of(text, source, model)
    before = found.labels.labels
    moved = {label: version for label, version in wanted.items() if label in before and before[label] != version}
    if not moved:
        return text
    edits = [(*found.values[label], str(version)) for label, version in moved.items()]
    if found.labels.specific is not None:
        if not found.versions:
            raise InputError(
                f"{source}: specific of {visible_line(model)!r} names no versions; add `versions: "
                f"{max(moved.values())}`, or take model_version_policy out"
            )
        kept = sorted({*before.values(), *moved.values()})
        edits += _versions_edits(text, found.versions, found.labels.specific, kept)
    for start, end, new in sorted(edits, reverse=True):
        text = f"{text[:start]}{new}{text[end:]}"
    return text


_Span = tuple[int, int]


def _versions_edits(
    text: str, spans: Sequence[_Span], there: Sequence[int], wanted: Sequence[int]
) -> Iterator[tuple[int, int, str]]:
    """Puts what is new over what is no longer wanted; the rest is removed, or follows the last one."""
    gone = [span for span, version in zip(spans, there) if version not in wanted]
    new = [str(version) for version in wanted if version not in there]
    for span, version in zip(gone, new):
        yield *span, version
    for start, end in gone[len(new) :]:
        yield *_statement(text, start, end), ""
    more = new[len(gone) :]
    if more:
        start, end = spans[-1]
        separator, place = _after(text, start, end)
        yield place, place, "".join(separator + version for version in more)


def _after(text: str, start: int, end: int) -> tuple[str, int]:
    """What stands before a further version, and where: behind a comma in a list, else behind the name of the field, on
    a line of its own, behind a comment, where the last one has a line of its own."""
    head = re.search(r"versions\s*:\s*$", text[:start])
    if head is None:
        return ", ", end
    indent = re.search(r"\n[ \t]*$", text[: head.start()])
    rest = re.match(r"[ \t]*[,;]?[ \t]*(?:#[^\n]*)?(?=\n)", text[end:])
    if indent is None or rest is None:
        return f" {head[0]}", end
    return f"{indent[0]}{head[0]}", end + rest.end()


def _statement(text: str, start: int, end: int) -> _Span:
    """The whole of `versions: 7` with the space before it, or of `7,` in a list."""
    head = re.search(r"\s*versions\s*:\s*$", text[:start])
    if head is not None:
        tail = re.match(r"\s*[,;]", text[end:])
        return head.start(), end + (tail.end() if tail else 0)
    tail = re.match(r"\s*,\s*", text[end:])
    if tail is not None:
        return start, end + tail.end()
    before = re.search(r",\s*$", text[:start])
    return (before.start() if before else start), end


@dataclass(frozen=True)
class _Found:
    """Where in the text the numbers stand."""

    labels: VersionLabels
    values: Mapping[str, _Span]
    versions: Sequence[_Span]

    @classmethod
    def of(cls, text: str, source: str, model: str) -> _Found:
        parse_textproto(text, source)  # names the line of what is no text format; below it is known to be one
        fields = _Reader(text).message("")
        configs = [
            config
            for listed in _messages(fields, "model_config_list")
            for config in _messages(listed, "config")
            if _string(text, config, "name") == model
        ]
        if not configs:
            raise InputError(
                f"{source}: names no model {visible_line(model)!r} in model_config_list; see serving.model_name"
            )
        entries = [entry for config in configs for entry in _messages(config, "version_labels")]
        values = {}
        for entry in entries:
            label, [*spans] = _string(text, entry, "key"), _scalars(entry, "value")
            if label is None or not spans:
                raise InputError(
                    f"{source}: a version_labels of {visible_line(model)!r} has no key or no value; add it"
                )
            values[label] = spans[-1]
        policies = [policy for config in configs for policy in _messages(config, "model_version_policy")]
        specific = [each for policy in policies for each in _messages(policy, "specific")]
        versions = [span for each in specific for span in _scalars(each, "versions")]
        number = {span: _number(text, span, source) for span in (*values.values(), *versions)}
        labels = VersionLabels(
            {label: number[span] for label, span in values.items()},
            tuple(number[span] for span in versions) if specific else None,
            _newest(text, policies, source),
        )
        return cls(labels, values, versions)


def _newest(text: str, policies: Sequence[_Fields], source: str) -> int | None:
    if any(_messages(policy, "all") or _messages(policy, "specific") for policy in policies):
        return None
    latest = [
        span for policy in policies for each in _messages(policy, "latest") for span in _scalars(each, "num_versions")
    ]
    return _number(text, latest[-1], source) if latest else 1


def _number(text: str, span: _Span, source: str) -> int:
    word = text[slice(*span)]
    found = _INTEGER.fullmatch(word)
    number = int(word, _BASES[found.lastgroup or ""]) if found else -1
    if not 0 <= number <= _LARGEST:
        line = text.count("\n", 0, span[0]) + 1
        raise InputError(
            f"{source}, line {line}: {visible_line(word[:40])!r} is no version; give a whole number, at most {_LARGEST}"
        )
    return number


class _Fields(list[tuple[str, "list[_Fields | _Span]"]]):
    """The fields of a message in the order of the text, each with its values: messages, and spans of scalars."""


def _messages(fields: _Fields, name: str) -> list[_Fields]:
    return [value for own, values in fields for value in values if own == name and isinstance(value, _Fields)]


def _scalars(fields: _Fields, name: str) -> list[_Span]:
    return [value for own, values in fields for value in values if own == name and not isinstance(value, _Fields)]


def _string(text: str, fields: _Fields, name: str) -> str | None:
    """The last value of a field, decoded; None where it has none."""
    spans = _scalars(fields, name)
    if not spans:
        return None
    [value] = parse_textproto(f"a: {text[slice(*spans[-1])]}", "")["a"]
    return str(value)


class _Reader:
    """Reads where everything stands in a text that is known to be sound."""

    def __init__(self, text: str) -> None:
        found = (match for match in _TOKEN.finditer(text) if match.lastgroup != "space")
        self._tokens = [(match.lastgroup, match[0], match.start(), match.end()) for match in found]
        self._place = 0

    def message(self, closing: str) -> _Fields:
        fields = _Fields()
        while self._text() != closing:
            name = self._name()
            if self._text() == ":":
                self._place += 1
            fields.append((name, self._values()))
            if self._text() in (",", ";"):
                self._place += 1
        self._place += 1
        return fields

    def _text(self) -> str:
        return self._tokens[self._place][1] if self._place < len(self._tokens) else ""

    def _name(self) -> str:
        """Of a field; an extension's stands in brackets."""
        name = self._text()
        self._place += 1
        if name == "[":
            while self._text() != "]":
                self._place += 1
            self._place += 1
        return name

    def _values(self) -> list[_Fields | _Span]:
        if self._text() != "[":
            return [self._value()]
        self._place += 1
        values: list[_Fields | _Span] = []
        while self._text() != "]":
            values.append(self._value())
            if self._text() == ",":
                self._place += 1
        self._place += 1
        return values

    def _value(self) -> _Fields | _Span:
        if self._text() in _OPENING:
            closing = _OPENING[self._text()]
            self._place += 1
            return self.message(closing)
        kind, word, start, end = self._tokens[self._place]
        self._place += 1
        if word in ("-", "+"):  # it may stand apart from its number
            end = self._tokens[self._place][3]
            self._place += 1
        while kind == "string" and self._place < len(self._tokens) and self._tokens[self._place][0] == "string":
            end = self._tokens[self._place][3]  # strings beside each other are one
            self._place += 1
        return start, end
