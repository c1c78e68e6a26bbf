"""Results of any shape are read some entries at a time, and are what a JSON parser makes of the whole file."""

from __future__ import annotations

import io
import json
import tracemalloc
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from ratchet.components.coco import listed_results
from ratchet.components.coco.entries import LARGEST_PX
from ratchet.components.coco.listed_results import read_listed_results
from ratchet.components.coco.plain_results import PlainResults
from tests.components.coco.test_plain_results import ENTRIES

ENTRY = {"image_id": 7, "category_id": 1, "bbox": [1.5, 20, 3, 4], "score": 0.5}
MASKS = st.sampled_from(
    [
        {},
        {"segmentation": {"size": [3, 4], "counts": "},{"}},
        {"segmentation": [{"a": 1}, {"b": 2}]},
        {"parts": [{"x": [{}, {}]}, {"y": "}, {"}], "note": "]"},
        {"note": '\\"},{\\"'},
    ]
)


def read(text: str) -> PlainResults | None:
    return read_listed_results(io.BytesIO(text.encode()))


@given(ENTRIES, st.lists(MASKS, min_size=1, max_size=4), st.integers(1, 400), st.sampled_from([None, 1]), st.booleans())
@settings(max_examples=30, deadline=None)
def test_blocks_make_no_difference(
    entries: list[dict[str, Any]], masks: list[dict[str, Any]], block: int, indent: int | None, named: bool
) -> None:
    assume(all(abs(number) <= LARGEST_PX for entry in entries for number in entry["bbox"]))
    entries = [{**entry, **masks[place % len(masks)]} for place, entry in enumerate(entries)]
    if named:
        entries = [{**entry, "image_id": f"{entry['image_id']}", "file_name": f"{{{place % 3}"} for place, entry in
                   enumerate(entries)]  # fmt: skip
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(listed_results, "_BLOCK_BYTES", block)
        found = read(json.dumps(entries, indent=indent))

    assert found is not None
    ids = [found.image_names[place] for place in found.image_ids] if named else found.image_ids.tolist()
    assert ids == [entry["image_id"] for entry in entries]
    assert found.category_ids.tolist() == [entry["category_id"] for entry in entries]
    assert found.boxes.tobytes() == np.array([entry["bbox"] for entry in entries], np.float64).tobytes()
    assert found.scores.tobytes() == np.array([entry["score"] for entry in entries], np.float64).tobytes()
    assert (found.files is not None) == named
    if found.files is not None:
        assert [found.file_names[place] for place in found.files] == [entry["file_name"] for entry in entries]


@pytest.mark.parametrize(
    "entries",
    [
        [],
        [ENTRY, {**ENTRY, "image_id": "7"}],
        [ENTRY, {**ENTRY, "file_name": "a.jpg"}],
        [ENTRY, {**ENTRY, "score": "0.5"}],
        [ENTRY, {**ENTRY, "bbox": [1, 2, 3]}],
        [ENTRY, {**ENTRY, "image_id": 10**30}],
        [ENTRY, {**ENTRY, "category_id": "1"}],
        [ENTRY, 5],
        {"annotations": [ENTRY]},
    ],
)
@pytest.mark.parametrize("block", [1, 1 << 20])
def test_what_is_odd_is_left_to_the_general_reader(
    monkeypatch: pytest.MonkeyPatch, entries: list[Any] | dict[str, Any], block: int
) -> None:
    monkeypatch.setattr(listed_results, "_BLOCK_BYTES", block)
    assert read(json.dumps(entries)) is None


@pytest.mark.parametrize("text", ["", "[", "[{}", "[]]", "[{}]}", '[{"image_id": 1, "image_id": 1}]', "[NaN]"])
def test_what_is_no_list_is_left_to_the_general_reader(text: str) -> None:
    assert read(text) is None
    assert read(text.replace("{}", json.dumps(ENTRY))) is None


@pytest.mark.parametrize("block", [1, 90, 1 << 20])
def test_a_key_that_is_there_twice_is_left_to_the_general_reader(monkeypatch: pytest.MonkeyPatch, block: int) -> None:
    monkeypatch.setattr(listed_results, "_BLOCK_BYTES", block)
    entry = json.dumps(ENTRY)
    assert read(f"[{entry}, {entry.replace('{', '{' + chr(34) + 'score' + chr(34) + ': 1, ')}, {entry}]") is None


def peak_of(entries: int) -> int:
    text = json.dumps([{**ENTRY, "segmentation": {"size": [640, 480], "counts": "x" * 100}}] * entries).encode()
    file = io.BytesIO(text)
    tracemalloc.start()
    found = read_listed_results(file)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert found is not None
    assert len(found.scores) == entries
    return peak


def test_memory_grows_by_little_more_than_the_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listed_results, "_BLOCK_BYTES", 1 << 16)
    few, many = peak_of(2_000), peak_of(10_000)

    # 56 bytes are the columns of a detection, which are there twice while they are joined; as objects they take 1,000.
    assert (many - few) / 8_000 < 2 * 56 + 20
