"""`ratchet.json`: what is written is read again, and what was not written whole is never taken for it."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest

from ratchet.pipeline.config.pipeline_settings import load_settings
from ratchet.pipeline.root.root_file import is_moved, read_file, write_file
from ratchet.schemas.artifacts.root_file import ROOT_FILE, ROOT_FILE_FORMAT, RootFile
from ratchet.schemas.base.errors import StateError


def root_file(root: Path, **fields: Any) -> RootFile:
    whole: dict[str, Any] = {
        "name": "digits",
        "settings": {"name": "digits", "model": {"input_size": [64, 64]}},
        "config": "digits",
        "path": str(root.resolve()),
    }
    return RootFile(**whole | fields)


def edit(root: Path, **changes: Any) -> None:
    values = json.loads((root / ROOT_FILE).read_text())
    (root / ROOT_FILE).write_text(json.dumps(values | changes))


def test_what_was_written_is_read(tmp_path: Path) -> None:
    written = root_file(tmp_path, left_out=("notify.urls[0]",))
    write_file(tmp_path, written)
    assert read_file(tmp_path) == written
    assert json.loads((tmp_path / ROOT_FILE).read_text())["format"] == ROOT_FILE_FORMAT.number
    assert [file.name for file in tmp_path.iterdir()] == [ROOT_FILE]


def test_a_root_without_one_says_nothing(tmp_path: Path) -> None:
    assert read_file(tmp_path) is None
    assert read_file(tmp_path / "nowhere") is None


def test_keys_of_later_versions_are_left_alone_and_missing_ones_have_defaults(tmp_path: Path) -> None:
    write_file(tmp_path, root_file(tmp_path))
    edit(tmp_path, retention={"runs": 7})
    assert read_file(tmp_path) == root_file(tmp_path)
    (tmp_path / ROOT_FILE).write_text('{"format": 1, "name": "digits", "settings": {}}')
    assert read_file(tmp_path) == root_file(tmp_path, settings={}, config="", path="")


def test_settings_that_an_older_version_remembered_have_their_new_names(tmp_path: Path) -> None:
    old = {
        "evaluator": {"duplicate_bits": 8, "margin": 0.0},
        "data_gate": {"duplicate_bits": 9, "noticeable": {"qa/contrast": 0.3}, "labels": {"misread": 0.1}},
    }
    write_file(tmp_path, root_file(tmp_path, settings=old))
    edit(tmp_path, format=1)
    found = read_file(tmp_path)
    assert found is not None
    assert found.settings == {
        "evaluator": {"margin": 0.0},
        "data_gate": {"minimum_effect": {"qa/contrast": 0.3}, "labels": {"box_format": 0.1}},
        "data": {"copies": {"max_hamming_distance": 9}},
    }
    load_settings(found.settings, ())


def test_the_two_limits_of_copies_are_one_and_the_wider_one_stays(tmp_path: Path) -> None:
    old = {"data": {"group_by": "camera"}, "evaluator": {"max_hamming_distance": 20}, "data_gate": {"mode": "observe"}}
    write_file(tmp_path, root_file(tmp_path, settings=old))
    edit(tmp_path, format=2)
    found = read_file(tmp_path)
    assert found is not None
    assert found.settings == {
        "data": {"group_by": "camera", "copies": {"max_hamming_distance": 20}},
        "evaluator": {},
        "data_gate": {"mode": "observe"},
    }
    load_settings(found.settings, ())


def test_a_later_format_asks_for_an_upgrade(tmp_path: Path) -> None:
    write_file(tmp_path, root_file(tmp_path))
    edit(tmp_path, format=9, name=None)
    with pytest.raises(StateError, match=r"ratchet\.json: format 9 is newer .*use the version that wrote it"):
        read_file(tmp_path)


@pytest.mark.parametrize("kept", [0, 1, 40, 150])
def test_a_torn_file_names_what_mends_it(tmp_path: Path, kept: int) -> None:
    write_file(tmp_path, root_file(tmp_path))
    path = tmp_path / ROOT_FILE
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(StateError, match=r"ratchet\.json: (is empty|is torn or not JSON).*`ratchet doctor --repair`"):
        read_file(tmp_path)


@pytest.mark.parametrize(
    ("changes", "part"),
    [
        ({"format": None}, "its format None"),
        ({"format": True}, "its format True"),
        ({"format": "1"}, "its format '1'"),
        ({"name": None}, "name = None"),
        ({"name": "../up"}, "name = '../up'"),
        ({"settings": []}, "settings = []"),
        ({"path": 7}, "path = 7"),
        ({"artifacts": "../elsewhere"}, "artifacts = '../elsewhere'"),
        ({"artifacts": "/elsewhere"}, "artifacts = '/elsewhere'"),
        ({"left_out": "notify"}, "left_out = 'notify'"),
    ],
)
def test_values_that_no_version_writes_are_damage(tmp_path: Path, changes: dict[str, Any], part: str) -> None:
    write_file(tmp_path, root_file(tmp_path))
    edit(tmp_path, **changes)
    with pytest.raises(StateError) as error:
        read_file(tmp_path)
    assert f"not the file of a pipeline root ({part}" in str(error.value)


def test_bytes_that_are_no_text_are_damage(tmp_path: Path) -> None:
    (tmp_path / ROOT_FILE).write_bytes(b"\xff\xfe\x00")
    with pytest.raises(StateError, match="doctor"):
        read_file(tmp_path)


def test_nesting_without_end_is_damage(tmp_path: Path) -> None:
    (tmp_path / ROOT_FILE).write_text('{"a":' * 100_000)
    with pytest.raises(StateError, match="doctor"):
        read_file(tmp_path)


def test_a_root_that_was_moved_is_told_from_one_that_was_not(tmp_path: Path) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    old.mkdir()
    (tmp_path / "link").symlink_to(old)
    made = root_file(old)
    assert not is_moved(made, old)
    assert not is_moved(made, tmp_path / "link")
    assert not is_moved(made, old / ".." / "old")
    old.rename(new)
    assert is_moved(made, new)
    assert not is_moved(dataclasses.replace(made, path=str(new)), new)
    assert not is_moved(dataclasses.replace(made, path=""), new)
