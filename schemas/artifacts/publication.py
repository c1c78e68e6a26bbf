"""How the Pusher ended: `publication.json` in the PushedModel artifact."""

from __future__ import annotations

import json
from dataclasses import dataclass

from schemas.artifacts.decisions import Decision, Reason, Verdict
from schemas.base.errors import StateError

PUBLICATION_FILE = "publication.json"
FORMAT = 1

# Rules by which a candidate that the evaluator accepted is blocked at the door.
BASELINE_CHANGED = "baseline_changed"
CANDIDATE_CHANGED = "candidate_changed"
EVALUATION_CHANGED = "evaluation_changed"


@dataclass(frozen=True)
class PublicationResult:
    """What came of a candidate.

    Attributes:
        version: the version that it is served as; None if it is not.
        reasons: what was looked at before it was put into service; one that failed kept it out.
    """

    version: str | None = None
    reasons: tuple[Reason, ...] = ()

    def final(self, decision: Decision) -> Decision:
        """The evaluator's decision, and BLOCKED where the door stayed shut after its yes."""
        refused = any(not reason.passed for reason in self.reasons)
        return Decision(
            Verdict.BLOCKED if refused else decision.verdict,
            (*decision.reasons, *self.reasons),
        )

    def to_json(self) -> str:
        """JSON text."""
        reasons = [reason.to_json() for reason in self.reasons]
        return json.dumps({"format": FORMAT, "version": self.version, "reasons": reasons}, indent=1)

    @classmethod
    def from_json(cls, text: str, source: str) -> PublicationResult:
        """The inverse of `to_json`.

        Args:
            text: what `to_json` wrote.
            source: what to call it in messages.

        Raises:
            StateError: it is torn, or of a later format.
        """
        try:
            values = json.loads(text)
            if values["format"] <= FORMAT:
                return cls(values["version"], tuple(Reason.from_json(reason) for reason in values["reasons"]))
        except (ValueError, TypeError, LookupError) as error:
            raise StateError(f"{source}: not what the Pusher wrote ({error}); give the command with --anew") from error
        raise StateError(f"{source}: format {values['format']} is newer than the {FORMAT} that this Ratchet reads")
