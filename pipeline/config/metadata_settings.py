"""Where a local run keeps its ML Metadata: docs/metadata-store.md."""

from __future__ import annotations

from typing import Annotated, Optional

from pydantic import AfterValidator

from ratchet.components.stack.mlmd_server import Server
from ratchet.schemas.base.settings import settings


def _checked(url: str) -> str:
    return Server.parse(url).url


@settings
class MetadataSettings:
    """Where a local run keeps its ML Metadata; Kubeflow and Vertex AI bring their own: docs/metadata-store.md.

    Attributes:
        url: database of a server that several runners may share, `postgresql://USER@HOST:PORT/DATABASE` or
            `mysql://USER@HOST:PORT/DATABASE` (MariaDB, too). Its password is that of the environment variable
            `RATCHET_METADATA_PASSWORD`, or of the file that `RATCHET_METADATA_PASSWORD_FILE` names. A root keeps the
            store that its first run had; None: SQLite, `metadata.sqlite` in the root.
    """

    url: Annotated[Optional[str], AfterValidator(lambda url: url and _checked(url))] = None

    @property
    def server(self) -> Optional[Server]:
        """The server; None: SQLite."""
        return Server.parse(self.url) if self.url else None
