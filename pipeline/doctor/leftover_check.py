"""Files that were being written when their writer died."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from pipeline.doctor.finding import Finding, Severity
from pipeline.doctor.patient import Patient
from schemas.base.files import WRITING

_WRITER = re.compile(rf"\.(\d+){re.escape(WRITING)}")


def check_leftovers(patient: Patient) -> list[Finding]:
    """Whether any file is half written; those of processes that still write are left alone."""
    return [_look(path) for path in _half_written(patient.root)]


def _half_written(root: Path) -> Iterator[Path]:
    for directory, directories, files in os.walk(root):
        yield from (Path(directory, name) for name in sorted(directories + files) if name.endswith(WRITING))
        directories[:] = [name for name in directories if not name.endswith(WRITING)]


def _look(path: Path) -> Finding:
    writer = _WRITER.search(path.name)
    if writer is not None and _is_alive(int(writer.group(1))):
        what, fix = f"process {writer.group(1)} is writing it", "nothing"
        return Finding("half-written", str(path), what, fix, Severity.NOTE)
    fix = "removes it; what it was to replace is whole"
    return Finding("half-written", str(path), "half written by a process that died", fix, repair=partial(_remove, path))


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return process != os.getpid()  # the number was somebody else's


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
