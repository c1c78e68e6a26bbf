"""Whether an adopted model fits onto the disks that it is written to, before minutes of measuring go by."""

from __future__ import annotations

import tempfile
from pathlib import Path

from ratchet.pipeline.root.places import is_remote, uri_of
from ratchet.pipeline.root.room import disk_of, free_bytes
from ratchet.schemas.base.errors import InputError
from ratchet.schemas.base.files import LOCAL_FILES
from ratchet.schemas.base.formatting import size
from ratchet.schemas.base.model_digest import model_size
from ratchet.schemas.base.visible import visible_line

_MORE = 1.1  # what is served is the model and the signatures around it
_BESIDE_BYTES = 4_000_000  # the graphs of these signatures, logs and the root's files


def check_room(root: Path, model: str) -> None:
    """Whether there is room for a copy of a model that is made, and for the one that is served.

    Args:
        root: pipeline root, which need not be there.
        model: the SavedModel.

    Raises:
        InputError: there is not.
    """
    needed = round(model_size(model, LOCAL_FILES) * _MORE) + _BESIDE_BYTES
    scratch, there = Path(tempfile.gettempdir()), disk_of(root)
    is_one = not is_remote(root) and there.stat().st_dev == scratch.stat().st_dev
    places = {f"--root {uri_of(root)}": (root, needed * (2 if is_one else 1))}
    if not is_one:
        places[f"{scratch} (TMPDIR)"] = (scratch, needed)
    for name, (place, wanted) in places.items():
        free = free_bytes(place)
        if free is not None and free < wanted:
            raise InputError(
                f"{visible_line(name)}: {size(free)} are free, and {visible_line(model)} needs about {size(wanted)} "
                "there; free some, or name a directory with more room"
            )
