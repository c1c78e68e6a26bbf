"""Files with a format number: what is read, what is refused and how."""

from __future__ import annotations

import enum
import json
import math
import struct
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ratchet.schemas.base.errors import StateError
from ratchet.schemas.base.persisted import PersistedFormat, renamed


class Colour(str, enum.Enum):
    RED = "red"


@dataclass(frozen=True)
class Part:
    weight_kg: float


@dataclass(frozen=True)
class Thing:
    name: str
    count: int
    weight_kg: float | None
    is_new: bool
    parts: tuple[Part, ...]
    colour: Colour
    pair: tuple[float, float] | None = None
    extra: str = "none"


WHOLE: dict[str, Any] = {
    "name": "a",
    "count": 2,
    "weight_kg": 0.1,
    "is_new": True,
    "parts": [{"weight_kg": 1.5}],
    "colour": "red",
    "pair": [1.0, 2.0],
    "extra": "some",
}
THING = Thing("a", 2, 0.1, True, (Part(1.5),), Colour.RED, (1.0, 2.0), "some")
FORMAT = PersistedFormat(
    Thing,
    "a thing",
    3,
    "make it again",
    {0: renamed(title="name"), 2: lambda values: {**values, "count": values["count"] + 1}},
)


def read(**values: Any) -> Thing:
    return FORMAT.read(json.dumps({"format": 3, **WHOLE, **values}), "thing.json")


def test_what_is_written_is_read_as_it_was() -> None:
    assert FORMAT.read(FORMAT.write(THING), "thing.json") == THING
    assert json.loads(FORMAT.write(THING)) == {"format": 3, **WHOLE}


@given(st.binary(min_size=8, max_size=8).map(lambda data: struct.unpack("d", data)[0]))
def test_floats_are_exact(value: float) -> None:
    found = FORMAT.read(FORMAT.write(Thing("a", 2, value, True, (), Colour.RED)), "thing.json").weight_kg
    assert found == value or (math.isnan(value) and found is not None and math.isnan(found))


def test_a_key_that_a_later_version_added_is_left_alone() -> None:
    assert read(weather="fine", parts=[{"weight_kg": 1.5, "maker": "x"}]) == THING


def test_a_key_that_an_older_file_lacks_has_its_default() -> None:
    older = {key: value for key, value in WHOLE.items() if key not in ("extra", "pair")}
    found = FORMAT.read(json.dumps({"format": 3, **older}), "thing.json")
    assert (found.extra, found.pair) == ("none", None)


@pytest.mark.parametrize(
    ("older", "count"), [({"format": 2, "count": 1}, 2), ({"format": 1, "count": 1}, 2), ({"format": 3}, 2)]
)
def test_older_formats_are_migrated_step_by_step(older: dict[str, Any], count: int) -> None:
    assert FORMAT.read(json.dumps({**WHOLE, **older}), "thing.json").count == count


def test_a_file_without_a_number_is_of_format_0() -> None:
    unnumbered = {"title" if key == "name" else key: value for key, value in WHOLE.items()}
    assert FORMAT.read(json.dumps({**unnumbered, "count": 1}), "thing.json") == THING


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"count": "2"}, "count = '2': input should be a valid integer"),
        ({"count": 2.0}, "count = 2.0: input should be a valid integer"),
        ({"count": True}, "count = True: input should be a valid integer"),
        ({"weight_kg": "0.1"}, "weight_kg = '0.1': input should be a valid number"),
        ({"is_new": 1}, "is_new = 1: input should be a valid boolean"),
        ({"name": None}, "name = None: input should be a valid string"),
        ({"colour": "blue"}, "colour = 'blue': input should be 'red'"),
        ({"parts": [{}]}, "parts.0.weight_kg is missing"),
        ({"pair": [1.0]}, "pair.1 is missing"),
        ({"format": "3"}, "its format '3' is no format number"),
        ({"format": True}, "its format True is no format number"),
        ({"format": -1}, "its format -1 is no format number"),
        ({"format": 2, "count": "1"}, 'TypeError: can only concatenate str (not "int") to str'),
    ],
)
def test_a_value_of_another_type_is_refused_in_one_sentence(values: dict[str, Any], told: str) -> None:
    with pytest.raises(StateError) as caught:
        read(**values)
    assert str(caught.value) == f"thing.json: not a thing ({told}); make it again"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "is empty; make it again"),
        ("  \n", "is empty; make it again"),
        (
            '{"name": "a',
            "is torn or not JSON (Unterminated string starting at: line 1 column 10 (char 9)); make it again",
        ),
        ("[" * 100_000, "is torn or not JSON"),
        (b"\xff\xfe\x00", "is torn or not JSON"),
        ("[1, 2]", "not a thing ([1, 2]); make it again"),
        ('{"name": "\\ud800"}', "not a thing"),
    ],
)
def test_a_torn_file_is_refused_in_one_sentence(text: str | bytes, told: str) -> None:
    with pytest.raises(StateError) as caught:
        FORMAT.read(text, "thing.json")
    assert str(caught.value).startswith(f"thing.json: {told}")
    assert "\n" not in str(caught.value)


def test_a_newer_format_is_refused_and_names_the_way_out() -> None:
    with pytest.raises(StateError) as caught:
        read(format=4, count="whatever")
    assert str(caught.value) == (
        "thing.json: format 4 is newer than the 3 that this Ratchet reads; "
        "use the version that wrote it, or a newer one"
    )
