"""How the Pusher ended: `publication.json` in the PushedModel artifact."""

from __future__ import annotations

from dataclasses import dataclass

from ratchet.schemas.artifacts.decisions import Decision, Reason, Verdict
from ratchet.schemas.base.persisted import PersistedFormat

PUBLICATION_FILE = "publication.json"
REGISTRATION_STEP = "VertexRegistry"

# Rules by which a candidate that the evaluator accepted is blocked at the door.
BASELINE_CHANGED = "baseline_changed"
CANDIDATE_CHANGED = "candidate_changed"
EVALUATION_CHANGED = "evaluation_changed"
# What is looked at once a model is in service: it undoes nothing, and is told.
SERVING_AVAILABLE = "serving:available"
SERVING_LABELS = "serving:labels"
VERTEX_REGISTERED = "vertex:registered"
AFTER_PUSH = (SERVING_AVAILABLE, SERVING_LABELS, VERTEX_REGISTERED)


@dataclass(frozen=True)
class PublicationResult:
    """What came of a candidate.

    Attributes:
        version: the version that it is served as; None if it is not.
        reasons: what was looked at before it was put into service; one that failed kept it out.
        told: what was seen once it was in service: rules of AFTER_PUSH, which passed, with a warning where a person
            should look.
    """

    version: str | None = None
    reasons: tuple[Reason, ...] = ()
    told: tuple[Reason, ...] = ()

    def final(self, decision: Decision) -> Decision:
        """The evaluator's decision, and BLOCKED where the door stayed shut after its yes."""
        refused = any(not reason.passed for reason in self.reasons)
        return Decision(
            Verdict.BLOCKED if refused else decision.verdict,
            (*decision.reasons, *self.reasons, *self.told),
        )


PUBLICATION_FORMAT = PersistedFormat(PublicationResult, "what the Pusher wrote", 1, "give the command with --anew")
