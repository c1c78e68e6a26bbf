"""A proposal as a YAML file that a person edits: a comment above every value says where it came from."""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Iterator
from typing import Any

from ratchet.pipeline.config.proposal.proposal import Entry, Proposal
from ratchet.schemas.base.visible import visible_line

_WIDTH = 110
_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_.-]*")
_WORDS = frozenset(
    ("true", "false", "yes", "no", "on", "off", "null", "y", "n")
)  # that YAML 1.1 takes for something else


def to_yaml(proposal: Proposal) -> str:
    """The whole file.

    Args:
        proposal: what stands in it.
    """
    lines = [line for sentence in proposal.head for line in _comment(sentence, "")]
    for doubt in proposal.doubts:
        lines += _comment(f"Note: {doubt}.", "")
    return "\n".join([*lines, *_body(proposal.entries)]) + "\n"


def _body(entries: tuple[Entry, ...]) -> Iterator[str]:
    groups: list[str] = []
    for entry in entries:
        *wanted, name = entry.key.split(".")
        common = next(
            (i for i, pair in enumerate(zip(groups, wanted)) if pair[0] != pair[1]), min(len(groups), len(wanted))
        )
        if not wanted or common == 0:
            yield ""
        for depth in range(common, len(wanted)):
            yield f"{'  ' * depth}{wanted[depth]}:"
        groups = wanted
        indent = "  " * len(wanted)
        yield from _comment(entry.note, indent)
        yield f"{indent}{name}: {value_text(entry.value)}"


def _comment(text: str, indent: str) -> list[str]:
    """Names of others stand in it: no line break of theirs may begin a line of the file."""
    start = f"{indent}# "
    return textwrap.wrap(
        visible_line(text),
        _WIDTH,
        initial_indent=start,
        subsequent_indent=start,
        break_long_words=False,
        break_on_hyphens=False,
    )


def value_text(value: Any) -> str:
    """One value in YAML's flow style, read back by PyYAML as it was.

    >>> value_text([384, 640]), value_text({"type": "resnet", "options": {"depth_multiplier": 0.25}}), value_text(2e-05)
    ('[384, 640]', '{type: resnet, options: {depth_multiplier: 0.25}}', '0.00002')
    """
    if isinstance(value, dict):
        return "{" + ", ".join(f"{value_text(name)}: {value_text(item)}" for name, item in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(map(value_text, value)) + "]"
    if isinstance(value, float):
        return _float_text(value)
    if isinstance(value, str) and _PLAIN.fullmatch(value) and value.lower() not in _WORDS:
        return value
    return json.dumps(value)


def _float_text(value: float) -> str:
    """Without an exponent: PyYAML takes 1e-05 for a text."""
    text = repr(value)
    return text if "e" not in text else f"{value:.12f}".rstrip("0")
