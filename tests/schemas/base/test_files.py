"""A file that is read again is the old one or the new one, never half of one; a directory is there whole or not."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import cast

import pytest

from ratchet.schemas.base.errors import InputError
from ratchet.schemas.base.files import LOCAL_FILES, Files, files_for, whole_directory, write_durably


def test_a_file_is_replaced_as_a_whole(tmp_path: Path) -> None:
    file = tmp_path / "a.json"
    write_durably(file, "one")
    write_durably(str(file), b"two")
    assert file.read_text() == "two"
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_a_write_that_fails_leaves_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str) -> None:
    file = tmp_path / "a.json"
    write_durably(file, "one")

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, call, full)
    with pytest.raises(OSError, match="No space left"):
        write_durably(file, "two")
    assert file.read_text() == "one"
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]


def test_content_and_name_are_flushed_in_this_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []
    fsync, replace = os.fsync, os.replace

    def flushing(descriptor: int) -> None:
        done.append("directory" if os.path.isdir(f"/proc/self/fd/{descriptor}") else "content")
        fsync(descriptor)

    def renaming(source: str, target: object) -> None:
        done.append("rename")
        replace(source, target)  # pyright: ignore[reportArgumentType]

    monkeypatch.setattr(os, "fsync", flushing)
    monkeypatch.setattr(os, "replace", renaming)
    write_durably(tmp_path / "a.json", "one")
    assert done == ["content", "rename", "directory"]


def test_a_directory_is_there_when_all_of_it_is_written(tmp_path: Path) -> None:
    with whole_directory(str(tmp_path / "a" / "b")) as made:
        Path(made, "file").write_text("content")
        assert not (tmp_path / "a" / "b").exists()
    assert (tmp_path / "a" / "b" / "file").read_text() == "content"
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["b"]


def test_a_directory_that_could_not_be_written_is_not_there(tmp_path: Path) -> None:
    def write() -> None:
        with whole_directory(str(tmp_path / "b")) as made:
            Path(made, "file").write_text("content")
            raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(InputError, match=r"b: cannot be written \(.*No space left.*\); choose another directory"):
        write()
    assert list(tmp_path.iterdir()) == []


def test_what_a_directory_holds_already_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    with whole_directory(str(tmp_path / "b")) as made:
        Path(made, "file").write_text("content")
    again = whole_directory(str(tmp_path / "b"))
    with pytest.raises(InputError, match="b: exists and is not empty; remove it or choose another"):
        again.__enter__()
    assert (tmp_path / "b" / "file").read_text() == "content"


def test_only_what_is_on_this_machine_is_read_by_python_itself(tmp_path: Path) -> None:
    elsewhere = cast("Files", object())
    assert files_for(str(tmp_path), elsewhere) is LOCAL_FILES
    assert files_for(f"gs://bucket{tmp_path}", elsewhere) is elsewhere
