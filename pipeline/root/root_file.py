"""Reading and writing `ratchet.json`."""

from __future__ import annotations

from pathlib import Path

from ratchet.pipeline.root.places import home_of
from ratchet.schemas.artifacts.root_file import ROOT_FILE, ROOT_FILE_FORMAT, RootFile
from ratchet.schemas.base.errors import StateError
from ratchet.schemas.base.files import read_regular, write_durably


def is_moved(root_file: RootFile, root: Path) -> bool:
    """Whether a root lies elsewhere than it did when it was last written: moved, or a copy."""
    return root_file.path not in ("", home_of(root))


def read_file(root: Path) -> RootFile | None:
    """Reads `ratchet.json`; None where there is none.

    Args:
        root: pipeline root, which need not be there.

    Raises:
        StateError: it is torn, cannot be read, or was written by a newer version.
    """
    path = root / ROOT_FILE
    try:
        return ROOT_FILE_FORMAT.read(read_regular(path), str(path))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise StateError(f"{path}: cannot be read ({error.strerror}); make it readable") from error
    except UnicodeDecodeError as error:
        raise StateError(f"{path}: is torn or no text ({error}); {ROOT_FILE_FORMAT.fix}") from error


def write_file(root: Path, root_file: RootFile) -> None:
    """Writes `ratchet.json` in one step.

    Args:
        root: it has to be there, and locked.
        root_file: what to write.

    Raises:
        OSError: it cannot be written.
    """
    write_durably(root / ROOT_FILE, ROOT_FILE_FORMAT.write(root_file) + "\n")
