from __future__ import annotations

import errno
import os
import resource
from collections.abc import Iterator
from pathlib import Path

import pytest

from ratchet.components.review.files_page import GENERATOR
from ratchet.pipeline.report.directory import FILES, PAGE, SUMMARY, check_report_directory, write_report_files
from ratchet.schemas.base.errors import InputError

MARKED = f'<!DOCTYPE html><meta name="generator" content="{GENERATOR}">'


def texts(word: str = "new") -> dict[str, str]:
    return {name: (MARKED if name == PAGE else "") + word for name in FILES}


def there(directory: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in directory.iterdir()}


def there_in(directory: Path) -> list[str]:
    return [str(path.relative_to(directory)) for path in directory.rglob("*")]


def test_a_directory_is_made_with_its_parents_and_then_replaced(tmp_path: Path) -> None:
    directory = tmp_path / "a" / "b"
    for word in ("old", "new"):
        check_report_directory(directory)
        write_report_files(directory, texts(word))
        assert there(directory) == texts(word)


def test_an_empty_directory_and_what_a_killed_command_left_are_no_obstacle(tmp_path: Path) -> None:
    (tmp_path / f"{PAGE}.4711.writing").write_text("half")
    check_report_directory(tmp_path)
    write_report_files(tmp_path, texts())
    assert there(tmp_path) == texts()


@pytest.mark.parametrize(
    ("names", "told"),
    [
        (["notes.txt"], "holds notes.txt, which is of no report"),
        ([PAGE], "holds index.html, which is of no report"),
        ([SUMMARY], "holds summary.md, which is of no report"),
        ([f"{PAGE}.writing"], "holds index.html.writing"),
    ],
)
def test_what_is_of_somebody_else_is_refused_and_left_alone(tmp_path: Path, names: list[str], told: str) -> None:
    for name in names:
        (tmp_path / name).write_text("mine")
    with pytest.raises(InputError, match=told):
        check_report_directory(tmp_path)
    assert there(tmp_path) == dict.fromkeys(names, "mine")


def test_a_stranger_beside_a_report_is_refused(tmp_path: Path) -> None:
    write_report_files(tmp_path, texts())
    (tmp_path / "thesis.tex").write_text("mine")
    with pytest.raises(InputError, match=r"holds thesis\.tex"):
        check_report_directory(tmp_path)


def test_what_somebody_puts_there_while_the_report_is_made_is_left_alone(tmp_path: Path) -> None:
    check_report_directory(tmp_path)
    (tmp_path / PAGE).write_text("mine")
    with pytest.raises(InputError, match=r"holds index\.html, which is of no report"):
        write_report_files(tmp_path, texts())
    assert there(tmp_path) == {PAGE: "mine"}


@pytest.mark.parametrize("name", ["", "a/b"])
def test_where_nothing_can_be_written_is_told_before_the_work(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path) != tmp_path)  # the tests may be root
    with pytest.raises(InputError, match="cannot be written to; give a directory that can"):
        check_report_directory(tmp_path / name)


def test_a_file_and_a_link_to_nothing_are_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    for name in ("file", "link"):
        with pytest.raises(InputError, match=f"--report .*{name}: is no directory"):
            check_report_directory(tmp_path / name)


@pytest.fixture
def small_files() -> Iterator[None]:
    """No file may grow beyond 4 kB, which ends a write as a full disk does."""
    import signal

    before, handler = resource.getrlimit(resource.RLIMIT_FSIZE), signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)
    signal.signal(signal.SIGXFSZ, handler)


def test_where_a_file_cannot_be_written_the_old_report_stays_whole(tmp_path: Path, small_files: None) -> None:
    write_report_files(tmp_path, texts("old"))
    with pytest.raises(OSError, match=os.strerror(errno.EFBIG)) as caught:
        write_report_files(tmp_path, texts() | {SUMMARY: "x" * 5000})
    assert caught.value.filename == str(tmp_path / SUMMARY)
    assert there(tmp_path) == texts("old")


def test_where_a_file_cannot_be_written_no_directory_is_left_that_was_not_there(
    tmp_path: Path, small_files: None
) -> None:
    for directory in (tmp_path / "a" / "b", tmp_path / "there"):
        (tmp_path / "there").mkdir(exist_ok=True)
        with pytest.raises(OSError, match=os.strerror(errno.EFBIG)):
            write_report_files(directory, texts() | {SUMMARY: "x" * 5000})
        assert there_in(tmp_path) == ["there"]


def test_a_directory_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    with pytest.raises(OSError, match="file") as caught:
        write_report_files(tmp_path / "file" / "report", texts())
    assert caught.value.filename == str(tmp_path / "file" / "report")
    assert there(tmp_path) == {"file": "mine"}
