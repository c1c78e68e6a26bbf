"""The directory of a report: nothing of anybody else's is touched, and its files are replaced together."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Mapping
from pathlib import Path

from ratchet.components.review.adoption_page import GENERATOR as ADOPT_GENERATOR
from ratchet.components.review.explain_page import GENERATOR as EXPLAIN_GENERATOR
from ratchet.components.review.files_page import GENERATOR
from ratchet.schemas.base.errors import InputError
from ratchet.schemas.base.files import WRITING, flush_directory

PAGE, SUMMARY, JUNIT, JSON = "index.html", "summary.md", "junit.xml", "evaluation.json"
EXPLANATION, ADOPTION = "explanation.json", "adoption.json"
FILES = (PAGE, SUMMARY, JUNIT, JSON)  # of `ratchet evaluate`
_OF_ANY = (*FILES, EXPLANATION, ADOPTION)
# What a command that was killed leaves; the page is the first to be there.
_UNFINISHED = re.compile(rf"({'|'.join(map(re.escape, _OF_ANY))})\.\d+{re.escape(WRITING)}")
_GENERATORS = (GENERATOR, EXPLAIN_GENERATOR, ADOPT_GENERATOR)
_MARKS = tuple(f'<meta name="generator" content="{name}">'.encode() for name in _GENERATORS)
_HEAD_BYTES = 4096  # of a page, in which its mark stands
_ANOTHER = "give a directory that is empty, or not there yet, or holds an earlier report"


def check_report_directory(directory: Path) -> None:
    """Makes sure that a report can be written there.

    Args:
        directory: where; made when the report is written.

    Raises:
        InputError: it is a file, or holds something else than a report, or cannot be written to.
        OSError: it cannot be looked into.
    """
    there = next(place for place in (directory, *directory.absolute().parents) if os.path.lexists(place))
    if there.is_dir() and not os.access(there, os.W_OK | os.X_OK):
        raise InputError(f"--report {directory}: {there} cannot be written to; give a directory that can")
    if there != directory:
        return
    if not directory.is_dir():
        raise InputError(f"--report {directory}: is no directory; {_ANOTHER}")
    names = sorted(os.listdir(directory))
    others = [name for name in names if name not in _OF_ANY and not _UNFINISHED.fullmatch(name)]
    if not others and any(name in _OF_ANY for name in names) and not _is_ours(directory / PAGE):
        others = [name for name in names if name in _OF_ANY]
    if others:
        raise InputError(f"--report {directory}: holds {others[0]}, which is of no report; {_ANOTHER}")


def _is_ours(page: Path) -> bool:
    try:
        with open(page, "rb") as file:
            head = file.read(_HEAD_BYTES)
            return any(mark in head for mark in _MARKS)
    except OSError:
        return False


def write_report_files(directory: Path, texts: Mapping[str, str]) -> None:
    """Writes the files of a report: all of them beside the old ones, which are replaced when that has succeeded.

    Args:
        directory: looked at by `check_report_directory` before the work; once more here, for that took a while.
        texts: by file name.

    Raises:
        InputError: it is a stranger's by now.
        OSError: one cannot be written, which it names; an earlier report is as it was, and no directory is left that
            was made for this one.
    """
    check_report_directory(directory)
    made = [each for each in (directory, *directory.parents) if not each.exists()]
    written = {name: directory / f"{name}.{os.getpid()}{WRITING}" for name in _OF_ANY if name in texts}
    try:
        directory.mkdir(parents=True, exist_ok=True)
        for name, path in written.items():
            _write(path, texts[name].encode("utf-8"), directory / name)
        for name, path in written.items():
            os.replace(path, directory / name)
        for name in set(_OF_ANY) - set(texts):  # of another kind of report
            (directory / name).unlink(missing_ok=True)
    except BaseException:
        _clear(directory)
        for each in made:
            with contextlib.suppress(OSError):
                each.rmdir()
        raise
    _clear(directory)
    flush_directory(directory)


def _clear(directory: Path) -> None:
    """Removes what this command and killed ones have left."""
    with contextlib.suppress(OSError):
        for left in directory.iterdir():
            if _UNFINISHED.fullmatch(left.name):
                with contextlib.suppress(OSError):
                    left.unlink()


def _write(path: Path, content: bytes, shown: Path) -> None:
    try:
        with open(path, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        error.filename = str(shown)
        raise
