"""Results read without a Python object a number are what a JSON parser makes of them, or are left to one."""

from __future__ import annotations

import io
import json
import struct

import numpy as np
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ratchet.components.coco import plain_results
from ratchet.components.coco.decimals import decimals, integers
from ratchet.components.coco.plain_results import PlainResults, read_plain_results
from tests.nightly import often

ENTRY = '{"image_id": 7, "category_id": 1, "bbox": [1.5, 20, 3, 4], "score": 0.5}'


def read(text: str | bytes) -> PlainResults | None:
    return read_plain_results(io.BytesIO(text.encode() if isinstance(text, str) else text))


def assert_read(text: str | bytes) -> None:
    """It is read, and holds what a JSON parser finds."""
    found, entries = read(text), json.loads(text)
    assert found is not None
    assert found.image_ids.tolist() == [entry["image_id"] for entry in entries]
    assert found.category_ids.tolist() == [entry["category_id"] for entry in entries]
    assert found.boxes.tobytes() == np.array([entry["bbox"] for entry in entries], np.float64).tobytes()
    assert found.scores.tobytes() == np.array([entry["score"] for entry in entries], np.float64).tobytes()


def from_bits(bits: int) -> float:
    return struct.unpack("<d", bits.to_bytes(8, "little"))[0]


# What detectors write: rounded, single and double precision, and any other finite number.
NUMBERS = st.one_of(
    st.integers(-(10**17), 10**17),
    st.floats(allow_nan=False, allow_infinity=False),
    st.floats(0, 1, width=32),
    st.floats(-2000, 2000, width=32),
    st.floats(0, 1),
    st.floats(-2000, 2000).map(lambda value: round(value, 2)),
    st.decimals(-1000, 1000, places=19, allow_nan=False).map(float),
)
ENTRIES = st.lists(
    st.builds(
        lambda image, category, box, score: {"image_id": image, "category_id": category, "bbox": box, "score": score},
        st.integers(-(10**17), 10**17),
        st.integers(0, 10**6),
        st.lists(NUMBERS, min_size=4, max_size=4),
        NUMBERS,
    ),
    min_size=1,
    max_size=20,
)


@given(ENTRIES, st.sampled_from([40, 300, 1 << 20]), st.booleans())
@settings(max_examples=often(75, 3000))
def test_what_any_program_writes_is_read_to_the_last_bit(entries: list[dict], block: int, compact: bool) -> None:
    text = json.dumps(entries, separators=(",", ":") if compact else None)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(plain_results, "_BLOCK_BYTES", max(block, 2 * max(map(len, text.split("}"))) + 9))
        assert_read(text)


@pytest.mark.parametrize("block", range(170, 200))
def test_a_block_may_end_anywhere(monkeypatch: pytest.MonkeyPatch, block: int) -> None:
    monkeypatch.setattr(plain_results, "_BLOCK_BYTES", block)
    assert_read(f"[{', '.join([ENTRY] * 9)}] ")
    assert read(f"[{', '.join([ENTRY] * 9)}] 5") is None


NAMES = st.text(st.characters(codec="utf-8", exclude_characters='"\\', exclude_categories=["Cc", "Cs"]), max_size=9)


@given(
    ENTRIES, st.lists(NAMES, min_size=1, max_size=4), st.sampled_from(["image_id", "file_name", "both"]), st.booleans()
)
@settings(max_examples=often(75, 3000))
def test_names_of_images_are_read_as_they_are(entries: list[dict], names: list[str], which: str, small: bool) -> None:
    for place, entry in enumerate(entries):
        name = names[place % len(names)]
        entry |= {"image_id": name, "file_name": f"{name}}}/{{"} if which == "both" else {which: name}
    text = json.dumps(entries, ensure_ascii=False)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(plain_results, "_BLOCK_BYTES", 2 * len(text) // len(entries) + 400 if small else 1 << 20)
        found = read(text)
    if found is None:  # a brace in a name may look like the end of an entry
        assert any(brace in name for brace in "{}" for name in [*names, "}" if which == "both" else ""])
        return
    ids = [found.image_names[place] for place in found.image_ids] if found.image_names else found.image_ids.tolist()
    assert ids == [entry["image_id"] for entry in entries]
    if found.files is not None:
        assert [found.file_names[place] for place in found.files] == [entry["file_name"] for entry in entries]
    assert (found.files is not None) == (which != "image_id")
    assert found.scores.tobytes() == np.array([entry["score"] for entry in entries], np.float64).tobytes()


NAMED = ENTRY.replace("7", '"a"')


@pytest.mark.parametrize(
    "text",
    [
        f"[{NAMED}, {ENTRY}]",  # 7 is no name, and nothing but its quotes tells
        f"[{ENTRY}, {NAMED}]",
        f"[{NAMED}, {NAMED.replace('a', chr(92) + 'n')}]",
        f"[{NAMED}, {NAMED.replace('a', chr(9))}]",
        f"[{NAMED.replace('1,', chr(34) + 'x' + chr(34) + ',')}]",
        f"[{NAMED.replace('}', ', ' + chr(34) + 'name' + chr(34) + ': ' + chr(34) + 'x' + chr(34) + '}')}]",
        f"[{NAMED}, {NAMED.replace('a', 'b')}".encode() + b"]\xff",
        f"[{NAMED}]".encode().replace(b'"a"', b'"\xff"'),
    ],
)
def test_names_that_are_not_alike_are_left_to_the_parser(text: str | bytes) -> None:
    assert read(text) is None


@given(st.integers(0, 0x7FEFFFFFFFFFFFFF))
@settings(max_examples=often(500, 20000))
def test_every_number_is_read_as_python_reads_it(bits: int) -> None:
    spelled = repr(from_bits(bits))
    text = f'{{"before": {spelled}, '.encode()
    found = decimals(text.replace(b"e+", b"//").replace(b"e-", b"/-"), np.array([11]), np.array([11 + len(spelled)]))
    assert found is not None
    assert found[0].hex() == float(spelled).hex()


@given(st.integers(0, 2**63), st.integers(0, 22))
@settings(max_examples=often(500, 20000))
def test_quotients_that_could_be_rounded_twice_are_exact(mantissa: int, places: int) -> None:
    digits = str(mantissa).rjust(places + 1, "0")
    spelled = f"{digits[: len(digits) - places]}.{digits[len(digits) - places :]}" if places else digits
    found = decimals(f'{{"before": {spelled}'.encode(), np.array([11]), np.array([11 + len(spelled)]))
    assert found is not None
    assert found[0].hex() == float(spelled).hex()


def test_middles_between_two_numbers_are_rounded_as_python_rounds_them() -> None:
    # 2^53 + 1, 3, 5 lie in the middle of two; a digit later they do not.
    for spelled in (f"{2**53 + odd}.{rest}" for odd in range(1, 200, 2) for rest in ("0", "1", "5")):
        found = decimals(f'{{"before": {spelled}'.encode(), np.array([11]), np.array([11 + len(spelled)]))
        assert found is not None
        assert found[0].hex() == float(spelled).hex()


@pytest.mark.parametrize(
    "text",
    [
        f"[{ENTRY}]",
        f" [ {ENTRY} ] \n",
        f"[{ENTRY}, {ENTRY}]",
        f"[{ENTRY},{ENTRY},{ENTRY}]",
        f"[\n{ENTRY},\n{ENTRY}\n]\n",
        f"[{ENTRY}, {ENTRY.replace('0.5', '5e-05')}, {ENTRY.replace('0.5', '1E+0')}, {ENTRY.replace('20', '-2.5e3')}]",
        f"[{ENTRY.replace('0.5', '0')}, {ENTRY.replace('0.5', '-0.0')}]",
        f"[{ENTRY.replace('0.5', '0.5, ' + chr(34) + 'id' + chr(34) + ': 12')}]",
        '[{"score": 1, "bbox": [1, 2, 3, 4], "image_id": 3, "category_id": 4}]',
    ],
)
def test_entries_that_are_written_alike_are_read(text: str) -> None:
    assert_read(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "[",
        "{}",
        ENTRY,
        f"[{ENTRY}",
        f"[{ENTRY},]",
        f"[{ENTRY} {ENTRY}]",
        f"[{ENTRY}]]",
        f"[{ENTRY}, {ENTRY}}}]",
        f"[{ENTRY}, {ENTRY}, 5]",
        f"[{ENTRY}, {ENTRY}, 5",
        f"[{ENTRY}, {{}}]",
        f"[{ENTRY}, {ENTRY[:-1]}, {ENTRY[1:]}]",
        *(
            f"[{ENTRY}, {ENTRY.replace(old, new)}]"
            for old, new in (
                ("0.5", "null"),
                ("0.5", "true"),
                ("0.5", '"0.5"'),
                ("0.5", "NaN"),
                ("0.5", "00.5"),
                ("0.5", ".5"),
                ("0.5", "5."),
                ("0.5", "0.5.5"),
                ("0.5", "0..5"),
                ("0.5", "--5"),
                ("0.5", "5-"),
                ("0.5", "+5"),
                ("0.5", "1/5"),
                ("0.5", "1//5"),
                ("0.5", "1e"),
                ("0.5", "1e5.5"),
                ("0.5", "1e999"),
                ("0.5", "1 5"),
                ("0.5", ""),
                ("0.5", "0.5, 0.5"),
                ("20", "-"),
                ("20", "02"),
                ("20", "[20]"),
                ("4]", "4, 5]"),
                (", 3, 4]", ", 3]"),
                ("7", "7.0"),
                ("7", "7e0"),
                ("7", "12345678901234567890"),
                (": 7", "7: "),
                ('"bbox": [1.5', '"bbox": 1.5['),
                ("4]", "]4"),
                ("image_id", "im5age_id"),
                ("image_id", "image_ids"),
                ("score", "image_id"),
                ('"score"', '"score" '),
            )
        ),
        f"[{ENTRY.replace('score', 'image_id')}]",
        f"[{ENTRY.replace('0.5', '0.5, ' + chr(34) + 'score' + chr(34) + ': 1')}]",
        f"[{ENTRY.replace('0.5', 'true')}]",
        f"[{ENTRY.replace('0.5', '0.5, ' + chr(34) + 'name' + chr(34) + ': ' + chr(34) + '7' + chr(34))}]",
        f"[{ENTRY.replace('score', 'sc0re')}]",
        f"\v[{ENTRY}]",
        f"[{ENTRY},\f{ENTRY}]",
        f"[{ENTRY}]\v",
    ],
)
def test_whatever_is_written_otherwise_is_left_to_the_general_reader(text: str) -> None:
    assert read(text) is None


@given(st.binary(max_size=3), st.integers(0, 160), st.integers(0, 3))
@settings(max_examples=often(500, 20000))
def test_a_damaged_file_is_never_read_as_something_else(bytes_: bytes, place: int, dropped: int) -> None:
    whole = f"[{ENTRY}, {ENTRY}]".encode()
    text = whole[:place] + bytes_ + whole[place + dropped :]
    try:
        expected = orjson.loads(text)
    except orjson.JSONDecodeError:
        assert read(text) is None
        return
    if read(text) is not None:
        assert_read(text)
        assert [list(entry) for entry in expected] == [list(json.loads(ENTRY))] * len(expected)


@given(st.integers(-(10**18) + 1, 10**18 - 1))
def test_integers_are_read(value: int) -> None:
    text = f'{{"before": {value}'.encode()
    found = integers(text, np.array([11]), np.array([len(text)]))
    assert found is not None
    assert found.tolist() == [value]
