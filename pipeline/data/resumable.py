"""A directory that is written over hours: all of it or nothing, and what a kill left is gone on with."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, Any

from ratchet.schemas.base.errors import InputError, RatchetError
from ratchet.schemas.base.progress import LOGGER

_FORMAT = 1
_WHOLE, _ASKED, _DONE = "whole", "asked.json", "done.jsonl"


@dataclass(frozen=True)
class Begun:
    """A directory that is being written.

    Attributes:
        directory: what will be there as a whole.
        done: what was noted before the kill, oldest first.
        journal: takes what is noted now.
    """

    directory: str
    done: list[dict[str, Any]]
    journal: IO[str]

    def note(self, line: dict[str, Any]) -> None:
        """Notes what need not be done again."""
        self.journal.write(json.dumps(line) + "\n")


@contextlib.contextmanager
def resumable_directory(path: str, asked: str) -> Iterator[Begun]:
    """Makes a directory of this machine: all of it or nothing.

    It is written beside its place, under a hidden name. An error of ours takes that away; a kill, Ctrl-C or a full disk
    leaves it, and the same command goes on with it.

    Args:
        path: where; its parents are made, and it must not exist or be empty.
        asked: what is to be written, as a digest; what was begun for something else is thrown away.

    Raises:
        InputError: the directory holds something already, is being written by somebody else, or cannot be written.
    """
    if os.path.lexists(path) and not (os.path.isdir(path) and not os.listdir(path)):
        raise InputError(f"{path}: exists and is not empty; remove it or choose another directory")
    parent, name = os.path.split(os.path.abspath(path))
    # A sibling, because a rename is atomic only within one file system.
    scratch = os.path.join(parent, f".writing-{name}")
    try:
        os.makedirs(scratch, exist_ok=True)
        with open(os.path.join(scratch, "lock"), "w", encoding="utf-8") as lock:
            _lock(lock, path)
            begun = _begin(scratch, asked)
            try:
                yield begun
                os.rename(begun.directory, path)
            except RatchetError:
                shutil.rmtree(scratch)
                raise
            except KeyboardInterrupt:
                LOGGER.info("what is done so far is kept in %s, and the same command goes on with it", scratch)
                raise
            finally:
                begun.journal.close()
            shutil.rmtree(scratch)
    except OSError as error:
        raise InputError(
            f"{path}: cannot be written ({error}); make room or choose another directory; what is done so far is kept "
            f"in {scratch}, and the same command goes on with it"
        ) from error


def _lock(file: IO[str], path: str) -> None:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise InputError(f"{path}: another process is writing it; wait for it, or choose another directory") from error


def _begin(scratch: str, asked: str) -> Begun:
    whole, done = os.path.join(scratch, _WHOLE), os.path.join(scratch, _DONE)
    request = json.dumps({"format": _FORMAT, "asked": asked})
    if _text(os.path.join(scratch, _ASKED)) != request:
        shutil.rmtree(whole, ignore_errors=True)
        with contextlib.suppress(FileNotFoundError):
            os.unlink(done)
        with open(os.path.join(scratch, _ASKED), "w", encoding="utf-8") as file:
            file.write(request)
    os.makedirs(whole, exist_ok=True)
    lines = _lines(done)
    with open(done, "w", encoding="utf-8") as file:  # without a line that was cut off by the kill
        file.writelines(json.dumps(line) + "\n" for line in lines)
    return Begun(whole, lines, open(done, "a", encoding="utf-8", buffering=1))  # closed by whoever began


def _text(path: str) -> str:
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except (FileNotFoundError, UnicodeDecodeError):
        return ""


def _lines(path: str) -> list[dict[str, Any]]:
    found = []
    for line in _text(path).splitlines():
        try:
            value = json.loads(line)
        except ValueError:
            continue
        if isinstance(value, dict):
            found.append(value)
    return found
