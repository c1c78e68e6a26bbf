"""What a configuration may say about what old runs leave behind."""

from __future__ import annotations

from typing import Annotated, Optional

from pydantic import Field

from schemas.base.settings import settings


@settings
class RetentionSettings:
    """How much stays on the disk: docs/retention.md. What a later run reads and what is served stays in any case.

    Attributes:
        runs: of that many finished runs, the newest, everything is kept; None: of all.
        days: besides, of all runs that ended in that many days; an unfinished run that is older can no longer be
            resumed, unless it is the newest; None: there is no such age.
        versions: that many models besides the served one, the newest, stay for a rollback; None: all.
        pages: of that many runs, the newest, page and log are kept; None: of all. A result is never deleted.
    """

    runs: Annotated[Optional[int], Field(ge=1)] = 20
    days: Annotated[Optional[int], Field(ge=0)] = 7
    versions: Annotated[Optional[int], Field(ge=1)] = 10
    pages: Annotated[Optional[int], Field(ge=1)] = 200
