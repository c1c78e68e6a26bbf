"""Where a delivered image lies, for a link to it."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

_BELOW = ("", "images")  # of a data set's directory: where image files lie


def original_of(source: str, file_name: str) -> str:
    """The address of an image's own file; empty where it is not found, or not on this machine.

    Args:
        source: directory of its data set.
        file_name: in the data set.
    """
    name = PurePosixPath(file_name)
    if name.is_absolute() or ".." in name.parts or not Path(source).is_absolute():
        return ""
    try:
        found = next((path for path in (Path(source, below, name) for below in _BELOW) if path.is_file()), None)
    except (OSError, ValueError):  # a name that no file can have
        return ""
    return found.as_uri() if found else ""
