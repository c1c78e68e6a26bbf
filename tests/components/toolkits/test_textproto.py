"""Protobuf's text format: what is written comes back, and whatever else is an error of ours with its line."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ratchet.components.toolkits.textproto import MAX_DEPTH, parse_textproto
from ratchet.schemas.base.errors import InputError

NAMES = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,8}", fullmatch=True)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
TREES = st.recursive(
    st.dictionaries(NAMES, st.lists(TEXTS, min_size=1, max_size=3), max_size=4),
    lambda trees: st.dictionaries(NAMES, st.lists(st.one_of(TEXTS, trees), min_size=1, max_size=3), max_size=4),
    max_leaves=12,
)


def write_textproto(tree: dict[str, list]) -> str:
    """Every scalar as a string."""
    return " ".join(
        f"{name}: {_quoted(value)}" if isinstance(value, str) else f"{name} {{ {write_textproto(value)} }}"
        for name, values in tree.items()
        for value in values
    )


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


@given(TREES)
def test_what_is_written_is_read_back(tree: dict[str, list]) -> None:
    assert parse_textproto(write_textproto(tree), "file") == tree


@given(st.one_of(st.text(max_size=60), st.text(st.sampled_from("ab{}<>[]:,;\"'\\#01.-+e/ \n"), max_size=40)))
def test_any_text_is_read_or_an_error_of_ours(text: str) -> None:
    try:
        tree = parse_textproto(text, "file")
    except InputError as error:
        told = str(error)
    else:
        told = "file: line "
        assert all(isinstance(values, list) for values in tree.values())
    assert told.startswith("file: line ")


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("a: 4e-2, b: .5f; c: inf d: -1.", {"a": ["4e-2"], "b": [".5f"], "c": ["inf"], "d": ["-1."]}),
        ("a <b: 1> a {}", {"a": [{"b": ["1"]}, {}]}),
        ("a: {b: X} # c: 1\n", {"a": [{"b": ["X"]}]}),
        ("a: [1, 2] a: 3 b: []", {"a": ["1", "2", "3"], "b": []}),
        ("a [{b: 1}, <>]", {"a": [{"b": ["1"]}, {}]}),
        ("a: 'x' \"y\"\n'z'", {"a": ["xyz"]}),
        (r"a: 'it\'s \"\n\x41\101\347\214\253\u00e9'", {"a": ["it's \"\nAA猫é"]}),
        ("a: '\\347' '\\214\\253'", {"a": ["猫"]}),
        ("[my.extension/v1]: true a: - 3", {"[my.extension/v1]": ["true"], "a": ["-3"]}),
        ("\ufeff", {}),
    ],
)
def test_every_spelling_of_the_format_is_read(text: str, tree: dict[str, list]) -> None:
    assert parse_textproto(text, "file") == tree


@pytest.mark.parametrize(
    ("text", "line", "what"),
    [
        ("a {\n b: 1\n", 3, "'}' is missing"),
        ("a {\n b: 1\n}\n}", 4, "name of a field"),
        ("\n\na: 'x\n'", 3, "string without its end"),
        ("a:\n}", 2, "a value is expected"),
        ("a: [1\n2]", 2, "`,` or `]`"),
        ("a 3", 1, "`:` or `{`"),
        ("a: \x00", 1, "not protobuf's text format"),
        (r"a: '\UFFFFFFFF'", 1, "stands for no character"),
        (r"a: '\777'", 1, "stands for no character"),
        ("a: 1x", 1, "not protobuf's text format"),
        ("[a{]: 1", 1, "name of an extension"),
        ("a {" * (MAX_DEPTH + 1), 1, f"`a {{` is nested more than {MAX_DEPTH} messages deep, and"),
        ("a {\n" * MAX_DEPTH + "b: [{}]", MAX_DEPTH + 1, "`b {` is nested more than"),
    ],
)
def test_a_damaged_text_is_refused_with_its_line(text: str, line: int, what: str) -> None:
    with pytest.raises(InputError) as error:
        parse_textproto(text, "pipeline.config")
    assert str(error.value).startswith(f"pipeline.config: line {line}: ")
    assert what in str(error.value)
