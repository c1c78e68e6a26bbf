"""`metadata.json`: which database of a server keeps a root's ML Metadata, and as whose; a root with SQLite has none.

It takes the place of `metadata.sqlite`. Several roots may share one database; the root's own id tells them apart.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated

from ratchet.schemas.base.persisted import Checked, PersistedFormat

METADATA_FILE = "metadata.json"
_OWNER = re.compile(r"[0-9a-f]{12}")


def _checked_owner(owner: str) -> str:
    if not _OWNER.fullmatch(owner):
        raise ValueError("is no id of a root")
    return owner


@dataclass(frozen=True)
class MetadataFile:
    """What stands in it.

    Attributes:
        url: of the database, without a password.
        owner: the root's own id in that database.
    """

    url: str
    owner: Annotated[str, Checked(_checked_owner)]


METADATA_FILE_FORMAT = PersistedFormat(
    MetadataFile,
    "where a root keeps its ML Metadata",
    1,
    "restore it from a backup, or `ratchet doctor --repair` begins a new store",
)
