from __future__ import annotations

import copy
import dataclasses
import hashlib
import hmac
import json
import logging
import os
import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ratchet.schemas.base.errors import ConfigError, StateError
from ratchet.schemas.base.signing import Signer

FIRST = "3f1c9a7e5b2d8064f7a1c3e5b9d20846ab57cd90e1f23344"
SECOND = "Zk3vQ8sLm2Xw9RtYb6HjN4pUc7EaDf1G"
RECORD = {"version": "1795679999", "digest": "sha256:ab", "map": 0.1 + 0.2, "baseline": None, "passed": True}

LEAVES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
NAMES = st.text(max_size=8)
VALUES = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=4), max_leaves=8
)
RECORDS = st.dictionaries(NAMES, VALUES, max_size=6)


def signer(directory: Path, *keys: str) -> Signer:
    path = directory / "keys"
    path.write_text("".join(f"{key}\n" for key in keys))
    found = Signer.from_environment({"RATCHET_SIGNING_KEY_FILE": str(path)})
    assert found is not None
    return found


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Signer:
    return signer(tmp_path_factory.mktemp("keys"), FIRST)


def accepted(by: Signer, values: Any, signature: str | None, kind: str = "served") -> bool:
    try:
        by.check(kind, values, signature, "served.json")
    except StateError:
        return False
    return True


def changes(value: Any) -> Iterator[Any]:
    """Everything that differs from the value in one place."""
    yield [value]
    if isinstance(value, dict):
        yield {**value, "more" + "".join(value): 1}
        for key, inner in value.items():
            rest = {other: kept for other, kept in value.items() if other != key}
            yield rest
            yield {**rest, key + "x" + "".join(value): inner}
            yield from ({**value, key: changed} for changed in changes(inner))
    elif isinstance(value, list):
        yield [*value, None]
        for at, inner in enumerate(value):
            yield value[:at] + value[at + 1 :]
            yield from ([*value[:at], changed, *value[at + 1 :]] for changed in changes(inner))
    else:
        yield from (other for other in (None, False, 0, 0.0, "", str(value)) if repr(other) != repr(value))


@given(RECORDS)
def test_a_record_keeps_its_signature_through_json_in_any_order_of_keys(ours: Signer, values: dict[str, Any]) -> None:
    signature = ours.sign("served", values)
    again = json.loads(json.dumps(dict(reversed(values.items())), indent=2, ensure_ascii=False))
    ours.check("served", again, signature, "served.json")


@given(RECORDS)
def test_any_single_change_of_a_value_or_key_is_refused(ours: Signer, values: dict[str, Any]) -> None:
    signature = ours.sign("served", values)
    assert not any(accepted(ours, changed, signature) for changed in changes(values))


@given(RECORDS, RECORDS)
def test_two_records_share_a_signature_only_if_they_are_the_same_json(
    ours: Signer, one: dict[str, Any], other: dict[str, Any]
) -> None:
    same = json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)
    assert accepted(ours, other, ours.sign("served", one)) == same


@given(RECORDS, st.sampled_from(["decision", "blessing", "serve", "servedx"]))
def test_a_signature_of_one_kind_is_none_of_another(ours: Signer, values: dict[str, Any], kind: str) -> None:
    assert not accepted(ours, values, ours.sign("served", values), kind)


@given(st.integers(0, 79), st.sampled_from("0123456789abcdefABCDEFg"))
def test_any_change_of_the_signature_is_refused(ours: Signer, at: int, digit: str) -> None:
    signature = ours.sign("served", RECORD)
    changed = signature[:at] + digit + signature[at + 1 :]
    assert accepted(ours, RECORD, changed) == (changed == signature)


def test_keys_that_are_numbers_are_signed_as_the_text_they_become(ours: Signer) -> None:
    values = {"classes": {10: 0.5, 9: 0.25}}
    ours.check("served", json.loads(json.dumps(values)), ours.sign("served", values), "served.json")


def test_the_signature_is_hmac_sha256_over_kind_and_canonical_json(ours: Signer) -> None:
    message = b'ratchet-signature-1\0served\0{"a":0.1,"b":[1,"\\u00e9"]}'
    expected = hmac.new(FIRST.encode(), message, hashlib.sha256).hexdigest()
    assert ours.sign("served", {"b": [1, "é"], "a": 0.1})[16:] == expected


@pytest.mark.parametrize("kind", ["", "served\0{}", "Served", "served.json"])
def test_a_kind_that_could_run_into_the_values_is_refused(ours: Signer, kind: str) -> None:
    with pytest.raises(ValueError, match="kind"):
        ours.sign(kind, {})


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_what_json_cannot_hold_is_not_signed_and_counts_as_altered(ours: Signer, number: float) -> None:
    with pytest.raises(ValueError, match="JSON"):
        ours.sign("served", {"map": number})
    with pytest.raises(StateError, match="altered"):
        ours.check("served", {"map": number}, ours.sign("served", {"map": 0.5}), "served.json")


def test_unsigned_altered_and_signed_by_another_key_are_told_apart(ours: Signer, tmp_path: Path) -> None:
    theirs = signer(tmp_path, SECOND)
    signature = theirs.sign("served", RECORD)
    with pytest.raises(StateError, match=r"^root/served\.json: unsigned"):
        ours.check("served", RECORD, None, "root/served.json")
    with pytest.raises(StateError, match=rf"^root/served\.json: signed by another key, {signature[:16]}.*add a line"):
        ours.check("served", RECORD, signature, "root/served.json")
    with pytest.raises(StateError, match=r"^root/served\.json: altered after it was signed"):
        theirs.check("served", {**RECORD, "version": "1"}, signature, "root/served.json")
    with pytest.raises(StateError, match=r"^root/served\.json: altered after it was signed.*its signature is none"):
        ours.check("served", RECORD, "yes", "root/served.json")


def test_another_keys_mac_under_our_keys_name_is_refused(ours: Signer, tmp_path: Path) -> None:
    forged = ours.sign("served", RECORD)[:16] + signer(tmp_path, SECOND).sign("served", RECORD)[16:]
    assert not accepted(ours, RECORD, forged)


def test_after_a_rotation_the_new_key_signs_and_the_old_one_is_still_accepted(ours: Signer, tmp_path: Path) -> None:
    old, both = ours.sign("served", RECORD), signer(tmp_path, SECOND, FIRST)
    new = both.sign("served", RECORD)
    both.check("served", RECORD, old, "served.json")
    both.check("served", RECORD, new, "served.json")
    assert (both.is_current(new), both.is_current(old), both.is_current(None)) == (True, False, False)
    assert not accepted(ours, RECORD, new)
    assert not accepted(signer(tmp_path, SECOND), RECORD, old)


def test_without_a_key_there_is_no_signer() -> None:
    assert Signer.from_environment({}) is None


def test_the_keys_text_in_the_environment_is_refused_instead_of_ignored() -> None:
    with pytest.raises(ConfigError, match="RATCHET_SIGNING_KEY: keys are not read") as caught:
        Signer.from_environment({"RATCHET_SIGNING_KEY": FIRST})
    assert FIRST not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("", "has no key"),
        ("\n \n", "has no key"),
        (FIRST[:31], r"line 1: a key of 31 characters is too short, at least 32"),
        (f"{FIRST}\n\n{SECOND[:20]}\n", r"line 3: a key of 20 characters is too short"),
        ("a" * 64, r"line 1: a key this regular is easy to guess \(0 bits"),
        ("changeme" * 8, r"line 1: a key this regular is easy to guess \(22 bits"),
        ("# the key of Ada, made in January 2026", "no comments"),
        ("é" * 40, "printable ASCII"),
        ("\x00" * 70_000, "more than 65536 bytes"),
    ],
)
def test_an_unusable_key_is_refused_without_showing_it(tmp_path: Path, content: str, problem: str) -> None:
    path = tmp_path / "keys"
    path.write_text(content)
    with pytest.raises(ConfigError, match=problem) as caught:
        Signer.from_environment({"RATCHET_SIGNING_KEY_FILE": str(path)})
    assert str(caught.value).startswith("RATCHET_SIGNING_KEY_FILE: ")
    assert not any(line.strip() in str(caught.value) for line in content.splitlines() if line.strip())


@pytest.mark.parametrize("path", ["", "missing/keys", "keys\0"])
def test_a_file_that_cannot_be_read_is_named(path: str) -> None:
    with pytest.raises(ConfigError, match="cannot be read as a file of keys") as caught:
        Signer.from_environment({"RATCHET_SIGNING_KEY_FILE": path})
    assert repr(path) in str(caught.value)


def test_a_directory_is_no_file_of_keys(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=f"'{tmp_path}': cannot be read as a file of keys"):
        Signer.from_environment({"RATCHET_SIGNING_KEY_FILE": str(tmp_path)})


@pytest.mark.parametrize("key", [FIRST, "Zk3vQ8sLm2/w9RtYb6HjN4pUc7EaDf1GZk3v+A=="])
def test_a_key_given_in_place_of_the_files_name_is_not_shown(key: str) -> None:
    with pytest.raises(ConfigError, match=f"a value of {len(key)} characters") as caught:
        Signer.from_environment({"RATCHET_SIGNING_KEY_FILE": key})
    assert key not in str(caught.value)
    assert caught.value.__context__ is None


def test_random_keys_of_the_documented_form_are_usable(tmp_path: Path) -> None:
    for _ in range(200):
        signer(tmp_path, os.urandom(32).hex(), os.urandom(16).hex())


def test_neither_repr_nor_log_nor_attributes_show_a_key(ours: Signer, caplog: pytest.LogCaptureFixture) -> None:
    logging.getLogger("test").warning("%s %r %s", ours, ours, [vars(key) for key in ours.keys])
    shown = caplog.text + str(vars(ours))
    assert ours.keys[0].id in shown
    assert FIRST not in shown
    assert FIRST.encode().hex() not in shown


@pytest.mark.parametrize("leak", [pickle.dumps, copy.deepcopy, dataclasses.asdict])
def test_a_signer_is_not_written_anywhere(ours: Signer, leak: Any) -> None:
    with pytest.raises(TypeError, match="pickle"):
        leak(ours)
