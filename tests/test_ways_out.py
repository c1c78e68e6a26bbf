"""No message proposes to leave a lineage as a way to mend it."""

from __future__ import annotations

import ast
import re

import pytest

from tests.test_architecture import ROOT, offending

LEAVING = re.compile(
    r"\b(give|use|with|start|make|take|try|choose|want) (a |an )?(new|another|other|different|fresh|empty) "
    r"(pipeline )?(--)?root\b|start (a new|with a new|over|from scratch)|--bootstrap (again|anew)"
)


def texts(source: str) -> list[str]:
    """Every text in a module, those of several lines as one, what is filled in as {}."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.JoinedStr):
            found.append("".join(str(part.value) if isinstance(part, ast.Constant) else "{}" for part in node.values))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            found.append(node.value)
    return found


def leaving(source: str) -> list[str]:
    return [text for text in texts(source) if LEAVING.search(" ".join(text.split()).lower())]


def test_no_message_proposes_to_leave_a_lineage() -> None:
    assert offending(lambda _, source: leaving(source)) == {}


@pytest.mark.parametrize("page", ["README.md", *(f"docs/{file.name}" for file in sorted((ROOT / "docs").glob("*.md")))])
def test_no_page_does(page: str) -> None:
    text = " ".join((ROOT / page).read_text(encoding="utf-8").split()).lower()
    assert [match.group() for match in LEAVING.finditer(text)] == []


@pytest.mark.parametrize(
    "sentence",
    [
        "start a new pipeline root with --bootstrap",
        "start with a new --root: no version is whole",
        "wait for it, or give another --root",
        "leave --bootstrap out, or use a new --root",
        "remove it and give --bootstrap again",
    ],
)
def test_the_guard_can_fail(sentence: str) -> None:
    half = len(sentence) // 2
    assert leaving(f"raise E(f'{{path}}: '\n f{sentence[:half]!r}\n {sentence[half:]!r})")
