"""A key twice in an object is found, by the slow parser itself and behind a fast one."""

from __future__ import annotations

import json
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ratchet.schemas.base.checked_json import load_json
from ratchet.schemas.base.errors import DataError
from ratchet.schemas.base.json_keys import may_repeat_keys

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(':"\\ab ', max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(':"\\ab ', max_size=3), inner, max_size=3),
    max_leaves=12,
)
TWICE = [
    '{"a": 1, "a": 2}',
    '{"a":1,"a":1}',
    '{"a": 1, "\\u0061": 2}',
    '[[{"b": [{"a": 1, "c": {}, "a": {}}]}]]',
    '{"a" : 1, "a"\n\t: 2}',
    '{"a": {"x": 1}, "b": {"x": 1, "x": 2}}',
    '{"": 1, "": 2}',
]


@pytest.mark.parametrize("text", TWICE)
def test_a_key_twice_is_an_error_with_its_name_and_its_object(text: str) -> None:
    with pytest.raises(
        DataError, match=r"^gt\.json: the key '\w*' is there twice in the object \{.*\}; keep one of them$"
    ):
        load_json(text.encode(), "gt.json")


def test_a_large_object_is_cut() -> None:
    box = {f"key{number}": ["long text" * 20] * 9 for number in range(9)}
    text = json.dumps({f"part{number}": [box] * 9 for number in range(8)})[:-1] + ', "part0": 1}'
    with pytest.raises(DataError) as caught:
        load_json(text.encode(), "d.json")
    assert str(caught.value).startswith("d.json: the key 'part0' is there twice in the object {'part0': 1, ")
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize("text", TWICE)
def test_a_key_that_a_fast_parser_dropped_is_noticed(text: str) -> None:
    assert may_repeat_keys(text.encode(), orjson.loads(text))


@given(VALUES, st.sampled_from([None, 1]), st.sampled_from([(",", ":"), (", ", " : ")]))
def test_without_a_repeated_key_only_colons_in_strings_raise_doubt(
    document: Any, indent: int | None, separators: tuple[str, str]
) -> None:
    text = json.dumps(document, indent=indent, separators=separators)
    assert load_json(text.encode(), "x") == document
    plain = ":" not in "".join(_strings(document))
    assert not (plain and may_repeat_keys(text.encode(), orjson.loads(text)))


@given(st.dictionaries(st.text(max_size=3), VALUES, min_size=1, max_size=4), st.data())
def test_a_repeated_key_is_always_noticed(document: dict[str, Any], data: st.DataObject) -> None:
    key = data.draw(st.sampled_from(sorted(document)))
    text = json.dumps(document)[:-1] + f", {json.dumps(key)}: 0}}"
    assert may_repeat_keys(text.encode(), orjson.loads(text))
    with pytest.raises(DataError, match="is there twice"):
        load_json(text.encode(), "x")


def _strings(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [*value, *(text for inner in value.values() for text in _strings(inner))]
    if isinstance(value, list):
        return [text for inner in value for text in _strings(inner)]
    return [value] if isinstance(value, str) else []
