"""Files of every format that was ever written are read, and what is written is of the newest one."""

from __future__ import annotations

import json
import warnings
from typing import Any

import pytest

from ratchet.schemas.base.errors import StateError
from tests.formats.kinds import KINDS, golden_files, golden_text

EVERY_KIND = pytest.mark.parametrize("kind", sorted(KINDS))


def current(kind: str) -> str:
    return golden_text(kind, KINDS[kind].form.number)


def with_key_in_every_object(values: Any) -> Any:
    if isinstance(values, list):
        return [with_key_in_every_object(value) for value in values]
    if isinstance(values, dict):
        return {**{key: with_key_in_every_object(value) for key, value in values.items()}, "later": {"a": [1]}}
    return values


def test_every_kind_of_file_has_a_golden_of_its_newest_format() -> None:
    found = [(kind, int(name.partition("-")[0])) for kind, name in golden_files()]
    newest = {kind: max(number for other, number in found if other == kind) for kind in KINDS}
    assert newest == {kind: KINDS[kind].form.number for kind in KINDS}


@pytest.mark.parametrize(("kind", "name"), golden_files())
def test_files_of_every_format_hold_the_same_value(kind: str, name: str) -> None:
    assert KINDS[kind].read(golden_text(kind, name)) == KINDS[kind].read(current(kind))


@EVERY_KIND
def test_what_is_written_is_the_golden_of_the_newest_format_byte_for_byte(kind: str) -> None:
    """Whoever changes what stands in a file gives it a new format, or a golden file where only a key came along."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # pydantic warns of a value of another type than its field's
        assert KINDS[kind].write(KINDS[kind].read(current(kind))) == current(kind)


@EVERY_KIND
def test_keys_that_a_later_version_added_are_left_alone(kind: str) -> None:
    values = json.loads(current(kind))
    later = with_key_in_every_object(values)
    with_names = ("training_record", "root_file", "run_request", "data_pictures", "evaluation", "dataset", "step")
    with_names += (
        "golden_sets",
        "registry_index",
        "run_index",
        "adoption",
        "overrides",
        "overrides_with_adoption",
        "history",
    )
    if kind in with_names or kind.startswith("run_result"):
        later = {**values, "later": {"a": [1]}}  # objects below are the user's own names
    assert KINDS[kind].read(json.dumps(later)) == KINDS[kind].read(current(kind))


@EVERY_KIND
def test_a_newer_format_is_refused_with_one_sentence(kind: str) -> None:
    newer = json.dumps({**json.loads(current(kind)), "format": 99})
    with pytest.raises(StateError, match=r"^file\.json(, line 1)?: format 99 is newer than the \d .*; use .*$"):
        KINDS[kind].read(newer)


@EVERY_KIND
@pytest.mark.parametrize("text", ["{", "[]", "7", "null", '"text"', '{"format": true}', '{"format": -1}'])
def test_torn_and_odd_files_are_refused_with_one_sentence(kind: str, text: str) -> None:
    with pytest.raises(StateError) as caught:
        KINDS[kind].read(text)
    assert str(caught.value).startswith("file.json")
    assert KINDS[kind].form.fix in str(caught.value)
    assert "\n" not in str(caught.value)


@EVERY_KIND
def test_a_value_of_another_type_is_refused_under_its_name(kind: str) -> None:
    values = json.loads(current(kind))
    for name, value in values.items():
        odd = {"odd": 1} if isinstance(value, (str, int, float, list, bool)) or value is None else "odd"
        if name in ("format", *KINDS[kind].form.derived, "previous"):
            continue
        with pytest.raises(StateError, match=rf"\({name}"):
            KINDS[kind].read(json.dumps({**values, name: odd}))


def test_a_root_that_remembers_a_setting_by_its_old_name_goes_on_with_the_new_one() -> None:
    settings = KINDS["root_file"].read(golden_text("root_file", 1)).settings
    assert settings["data_gate"] == {"mode": "observe"}
    assert settings["data"] == {"copies": {"max_hamming_distance": 8}}


def test_that_a_version_may_serve_again_is_never_assumed() -> None:
    values = json.loads(golden_text("version", 2))
    del values["blessed"]
    with pytest.raises(StateError, match="blessed is missing"):
        KINDS["version"].read(json.dumps(values))


@pytest.mark.parametrize("text", ["NaN", "Infinity", "-Infinity"])
def test_a_recorded_map_is_a_finite_number(text: str) -> None:
    values = golden_text("version", 2).replace('"map": ', f'"map": {text}, "was": ', 1)
    with pytest.raises(StateError, match=r"map = .*finite number"):
        KINDS["version"].read(values)


def test_an_evaluation_without_the_golden_set_is_refused() -> None:
    values = json.loads(golden_text("evaluation", 2))
    values["data_sets"]["other"] = values["data_sets"].pop("golden")
    with pytest.raises(StateError, match="golden set, which decides, is missing"):
        KINDS["evaluation"].read(json.dumps(values))
