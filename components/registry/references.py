"""Which earlier models a candidate is held against, besides the one that is served; pure.

Measured on the golden set, every served model looks a little better than it is: it was chosen for that. So the best by
that figure is mostly the newest, also where nothing has become better for months. What is best beyond doubt is the
*earliest* model that the golden set cannot tell from the best: it was chosen the fewest times, and as long as nothing
really gets better it stays the same, so small falls cannot add up unseen.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ratchet.schemas.artifacts.references import BEST, EARLIER, Reference
from ratchet.schemas.artifacts.registry_entries import APPROVED, RecordedDecision, ServedModel

_ONE_SIDED_95 = 1.645  # standard errors
_WIDTH_95 = 2 * 1.96  # of a 95 % interval, in standard errors


@dataclass(frozen=True)
class Ancestor:
    """A model on the way to the served one.

    Attributes:
        model: its entry.
        gain: measured mAP of the served model minus its own, as the golden sets of the pushes between them showed it.
        variance: of that figure.
    """

    model: ServedModel
    gain: float = 0.0
    variance: float = 0.0


def choose_references(
    served: ServedModel, versions: Sequence[ServedModel], decisions: Sequence[RecordedDecision], pushes_ago: int
) -> tuple[Reference, ...]:
    """Chooses the references of a run.

    Args:
        served: the baseline.
        versions: every model that was ever served, by ascending version.
        decisions: every decision.
        pushes_ago: how far back the model lies that is called EARLIER.

    Returns:
        BEST, then EARLIER; a model that is both only as BEST, and none that is the baseline.
    """
    line = line_of(served, versions, decisions)
    places = {BEST: _best(line)}
    if pushes_ago < len(line):
        places[EARLIER] = pushes_ago
    chosen: dict[str, Reference] = {}
    newest = {model.digest: model for model in versions}  # of several with the same bytes, what a pruning leaves
    for name, place in places.items():
        digest = line[place].model.digest
        if digest != served.digest:
            model = newest[digest]
            chosen.setdefault(digest, Reference(name, model.version, model.path, digest, place))
    return tuple(chosen.values())


def best_version(
    served: ServedModel, versions: Sequence[ServedModel], decisions: Sequence[RecordedDecision]
) -> str | None:
    """The version that BEST is; None where that is the served model itself."""
    found = choose_references(served, versions, decisions, len(versions))
    return found[0].version if found else None


def line_of(
    served: ServedModel, versions: Sequence[ServedModel], decisions: Sequence[RecordedDecision]
) -> list[Ancestor]:
    """The served model and those that it came from by pushes, the newest first.

    A rollback leads back to the version that it restored. The line ends at a first model and at one that a person
    approved: that was to replace what was before, although it measured worse.
    """
    by_version = {model.version: model for model in versions}
    made = {(decision.run_id, decision.model_digest): decision for decision in decisions}
    line = [Ancestor(_restored(served, by_version))]
    seen = {served.version, line[0].model.version}
    while True:
        last = line[-1]
        decision = made.get((last.model.run_id, last.model.digest))
        before = by_version.get(decision.baseline_version or "") if decision else None
        if last.model.verdict == APPROVED or not decision or not before:
            return line
        before = _restored(before, by_version)
        if decision.delta is None or decision.delta_ci is None or before.version in seen:
            return line
        std_error = (decision.delta_ci[1] - decision.delta_ci[0]) / _WIDTH_95
        line.append(Ancestor(before, last.gain + decision.delta, last.variance + std_error**2))
        seen.add(before.version)


def _restored(model: ServedModel, by_version: Mapping[str, ServedModel]) -> ServedModel:
    """The entry that a model was first served by: after a rollback, its bytes have a new version."""
    seen: set[str] = set()
    while model.restores is not None and model.version not in seen:
        seen.add(model.version)
        model = by_version.get(model.restores, model)
    return model


def _best(line: Sequence[Ancestor]) -> int:
    """Place of the earliest model that cannot be told from the one that measured best."""
    top = min(range(len(line)), key=lambda place: line[place].gain)
    for place in range(len(line) - 1, top, -1):
        behind = line[place].gain - line[top].gain
        if behind <= _ONE_SIDED_95 * math.sqrt(line[place].variance - line[top].variance):
            return place
    return top
