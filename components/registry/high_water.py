"""Finds the best model that was served on a golden set; pure."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from ratchet.schemas.artifacts.high_water import HighWaterMark
from ratchet.schemas.artifacts.overrides import Override, OverrideKind
from ratchet.schemas.artifacts.registry_entries import ServedModel

_ACTS = {OverrideKind.APPROVED: "approval", OverrideKind.ROLLED_BACK: "rollback", OverrideKind.ADOPTED: "adoption"}


def high_water_marks(versions: Sequence[ServedModel], overrides: Sequence[Override]) -> dict[str, HighWaterMark]:
    """The best served model of every golden set, by its digest.

    Left out is what a rollback took back, for it was found to be bad whatever its figure, and what was approved though
    its evaluation was broken, for its figure says nothing. A candidate is measured over all classes of its golden set,
    which is another one when classes come along; so figures on one golden set are always over the same classes.

    Args:
        versions: every model that was ever served, by ascending version.
        overrides: every approval and rollback.
    """
    by = {made.version: made for made in overrides}
    sound = [model for model in versions if not (model.version in by and by[model.version].evaluation_broken)]
    marks = {}
    for golden in dict.fromkeys(model.golden_digest for model in sound if model.blessed):
        best = max((one for one in sound if one.blessed and one.golden_digest == golden), key=lambda model: model.map)
        marks[golden] = _mark(best, [model for model in versions if model.golden_digest == golden], by)
    return marks


def _mark(best: ServedModel, others: Sequence[ServedModel], by: dict[str, Override]) -> HighWaterMark:
    row = [best, *(one for one in others if one.blessed and int(one.version) > int(best.version))]
    steps = [(before.map - after.map, after) for before, after in itertools.pairwise(row)]
    fall, worse = max(steps, key=lambda step: step[0], default=(0.0, best))
    better = [one for one in others if not one.blessed and one.map > best.map]
    return HighWaterMark(
        version=best.version,
        map=best.map,
        digest=best.digest,
        golden_digest=best.golden_digest,
        lowered_by=_how(worse, by.get(worse.version)) if fall > 0 else None,
        taken_back=max(better, key=lambda model: model.map).version if better else None,
    )


def _how(model: ServedModel, override: Override | None) -> str:
    if override is None:
        return f"the push of version {model.version}, within the margin"
    what = _ACTS[override.kind]
    return f"the {what} of {override.by} on {override.at[:10]}"
