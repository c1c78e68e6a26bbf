"""`lease.json` of a root: who retrains it just now, where no lock of a file system can say so."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from typing import Annotated

from pydantic import AfterValidator, Field

from ratchet.schemas.base.persisted import PersistedFormat

LEASE_FILE = "lease.json"


def _checked_time(text: str) -> str:
    if datetime.datetime.fromisoformat(text).tzinfo is None:
        raise ValueError("is a time without a time zone")
    return text


Time = Annotated[str, AfterValidator(_checked_time)]


@dataclass(frozen=True)
class Lease:
    """Who holds a root, and until when unless it is renewed.

    Attributes:
        holder: names the process or job; whoever gives the same name takes the lease again.
        host: its machine.
        command: what was given to start it.
        doing: what it does, for messages: `retraining`.
        since: when it took the lease first; UTC, ISO 8601.
        renewed: when it last said that it lives.
        valid_for_s: how long after that others have to stay away.
    """

    holder: str
    host: str
    command: str
    doing: str
    since: Time
    renewed: Time
    valid_for_s: Annotated[float, Field(gt=0, allow_inf_nan=False)]

    @property
    def ends(self) -> datetime.datetime:
        """When others may take it."""
        until = datetime.timedelta(seconds=min(self.valid_for_s, _LONGEST_S))
        return datetime.datetime.fromisoformat(self.renewed) + until

    def age_s(self, now: datetime.datetime) -> float:
        """How long it is held."""
        return (now - datetime.datetime.fromisoformat(self.since)).total_seconds()


_LONGEST_S = 366 * 86_400.0
LEASE_FORMAT = PersistedFormat(
    Lease, "a lease", 1, "delete it if no run is under way on this root; the next run writes it anew"
)
