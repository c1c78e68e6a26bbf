"""What a person decided against, back from, or before the pipeline: approvals, rollbacks and adoptions; pure.

They stand in `registry/overrides.jsonl`, one JSON object a line, in the order in which they were made, and in
ML Metadata.
"""

from __future__ import annotations

import datetime
import enum
from collections.abc import Mapping
from dataclasses import dataclass, field

from ratchet.schemas.base.persisted import PersistedFormat


class OverrideKind(str, enum.Enum):
    """What was done; the value is what the log and the pages say."""

    APPROVED = "APPROVED"
    ROLLED_BACK = "ROLLED_BACK"
    ADOPTED = "ADOPTED"


@dataclass(frozen=True)
class Override:
    """One act of a person.

    Attributes:
        kind: approval of a blocked candidate, rollback to an earlier model, or adoption of one made elsewhere.
        at: UTC time, ISO 8601.
        by: who did it.
        reason: why.
        run_id: the run that made the model that is served by it; of an adoption `adopt-DATE-TIME`, which is no run.
        version: the version that is served by it.
        previous_version: the version that was served before; None if none was.
        model_digest: of the model that is served by it.
        golden_digest: the golden set it was measured on.
        expires: the last day of the approval, ISO 8601. A rollback has that of the approval by which the restored model
            had come into service; None if it had needed none.
        evaluation_broken: whether that approval was given although the evaluation itself could not be trusted.
        restored: of a rollback, the earlier version whose bytes are served again; None for an approval.
        given: of an adoption, by option what it was made of: the digest of a model or file, or the value; else empty.
    """

    kind: OverrideKind
    at: str
    by: str
    reason: str
    run_id: str
    version: str
    previous_version: str | None
    model_digest: str
    golden_digest: str
    expires: str | None = None
    evaluation_broken: bool = False
    restored: str | None = None
    given: Mapping[str, str] = field(default_factory=dict)

    def expired(self, today: datetime.date) -> bool:
        """Whether an approval's last day is over.

        >>> made = Override(OverrideKind.APPROVED, "", "", "", "", "", "", "", "", expires="2030-01-31")
        >>> made.expired(datetime.date(2030, 1, 31)), made.expired(datetime.date(2030, 2, 1))
        (False, True)
        """
        return self.expires is not None and datetime.date.fromisoformat(self.expires) < today

    def to_text(self) -> str:
        """A few lines for a terminal."""
        if self.kind is OverrideKind.APPROVED:
            what = f"the blocked candidate of run {self.run_id} is served now, as version {self.version}"
        elif self.kind is OverrideKind.ADOPTED:
            what = f"a model that was made elsewhere is served now, as version {self.version}"
        else:
            what = f"the model of version {self.restored} is served again, as version {self.version}"
        lines = [f"{self.kind.value}  {what}", f"  by {self.by}: {self.reason}"]
        if self.expires:
            lines.append(f"  approved until {self.expires}; nothing is withdrawn by itself after that day")
        if self.evaluation_broken:
            lines.append("  it was never measured soundly: the evaluation itself had failed")
        if self.previous_version:
            lines.append(f"  it takes the place of version {self.previous_version}")
        return "\n".join(lines)


OVERRIDE_FORMAT = PersistedFormat(
    Override,
    "an approval or rollback",
    1,
    "approvals and rollbacks are only ever added to it; `ratchet doctor --repair` restores it from ML Metadata, which "
    "holds the same lines, if they are whole there; else restore it from a backup",
)
