"""Earlier served models that a candidate is held against, as BaselineReader found them: `references.json`."""

from __future__ import annotations

from dataclasses import dataclass

from ratchet.schemas.base.persisted import PersistedFormat

REFERENCES_FILE = "references.json"  # beside the baseline's model
BEST, EARLIER = "best", "earlier"


@dataclass(frozen=True)
class Reference:
    """A model that was served before the baseline.

    Attributes:
        name: `best` or `earlier`.
        version: of it in the serving directory.
        path: its SavedModel.
        digest: `model_digest` of that.
        pushes_ago: how many pushes lie between it and the baseline.
    """

    name: str
    version: str
    path: str
    digest: str
    pushes_ago: int


@dataclass(frozen=True)
class References:
    """Those of one run; each model once, and none that is the baseline itself."""

    models: tuple[Reference, ...] = ()


REFERENCES_FORMAT = PersistedFormat(References, "the references of a run", 1, "give the command with --anew")
