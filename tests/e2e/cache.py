"""What takes minutes to make is made once for each state of the code, and copied for each session of tests."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import pickle
import shutil
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TypeVar

Made = TypeVar("Made")


def digest_of(root: Path, parts: Iterable[str], *facts: str) -> str:
    """Names a state of the code.

    Args:
        root: of the repository.
        parts: directories and files below it, whose names and bytes count; compiled Python does not.
        facts: what else counts.

    Raises:
        FileNotFoundError: a part is not there.
    """
    found = hashlib.sha256(repr(facts).encode())
    for part in parts:
        for file in _files(root / part):
            found.update(repr((str(file.relative_to(root)), hashlib.sha256(file.read_bytes()).hexdigest())).encode())
    return found.hexdigest()[:16]


def _files(part: Path) -> list[Path]:
    if not part.is_dir():
        return [part]
    return sorted(path for path in part.rglob("*") if path.is_file() and "__pycache__" not in path.parts)


@contextlib.contextmanager
def cached(home: Path, key: str, make: Callable[[Path], Made]) -> Iterator[Made]:
    """Lends a directory as `make` left it, and what `make` returned; a second session waits until it is given back.

    The directory is always `home/work`, because ML Metadata names files absolutely.

    Args:
        home: of everything that is kept: of one key, the last.
        key: names all that what is made depends on.
        make: fills an empty directory, and returns what can be pickled.
    """
    home.mkdir(parents=True, exist_ok=True)
    work, kept = home / "work", home / f"kept-{key}"
    with open(home / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        shutil.rmtree(work, ignore_errors=True)
        if not kept.exists():
            work.mkdir()
            _keep(work, make(work), kept)
        else:
            shutil.copytree(kept / "files", work, symlinks=True)
        yield pickle.loads((kept / "made.pickle").read_bytes())


def _keep(work: Path, made: object, kept: Path) -> None:
    """Replaces what was kept; under its name it is whole, or not there."""
    for old in kept.parent.glob("kept-*"):
        shutil.rmtree(old)
    staged = kept.with_name("staged")
    shutil.rmtree(staged, ignore_errors=True)
    shutil.copytree(work, staged / "files", symlinks=True)
    (staged / "made.pickle").write_bytes(pickle.dumps(made))
    staged.rename(kept)
