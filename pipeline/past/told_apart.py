"""What the golden set of a pipeline root can tell apart, from the newest decision that compared two models on it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ratchet.components.registry.registry import Registry
from ratchet.pipeline.root.places import place, read_place
from ratchet.schemas.artifacts.evaluation import EVALUATION_FILE, EVALUATION_FORMAT
from ratchet.schemas.artifacts.registry_entries import RecordedDecision
from ratchet.schemas.base.differences import detectable, minimum_detectable
from ratchet.schemas.base.errors import RatchetError
from ratchet.schemas.base.formatting import many


@dataclass(frozen=True)
class ToldApart:
    """How fine a golden set measures.

    Attributes:
        difference: the minimum detectable difference of mAP.
        images: of the golden set; None where the evaluation is no longer there.
        golden_digest: which golden set.
        run_id: the run whose two models it was measured with.
    """

    difference: float
    images: int | None
    golden_digest: str
    run_id: str

    @property
    def sentence(self) -> str:
        """The same for a person."""
        of = f"the {many(self.images, 'image')} of " if self.images else ""
        golden = f"{of}golden set {self.golden_digest[:12]}"
        return f"differences of mAP below {detectable(self.difference)} cannot be told reliably with {golden}"


def told_apart(registry: Registry, decisions: Sequence[RecordedDecision] | None = None) -> ToldApart | None:
    """What the present golden set can tell apart.

    Args:
        registry: of the pipeline root.
        decisions: of it, where they are known already.

    Returns:
        None where no decision on the newest golden set has a sound comparison with an interval, or where the decisions
        cannot be read: this says nothing that anything depends on.
    """
    try:
        made = registry.decisions() if decisions is None else decisions
    except (OSError, RatchetError):
        return None
    on_newest = [decision for decision in made if decision.golden_digest == made[-1].golden_digest]
    for decision in reversed(on_newest):
        smallest = None if decision.evaluation_broken else minimum_detectable(decision.delta_ci)
        if smallest is not None:
            return ToldApart(smallest, _images(decision), decision.golden_digest, decision.run_id)
    return None


def _images(decision: RecordedDecision) -> int | None:
    file = place(decision.evaluation, EVALUATION_FILE)
    try:
        return EVALUATION_FORMAT.read(read_place(file), str(file)).golden.images
    except (OSError, ValueError, RatchetError):
        return None
