"""What is known of the runs of a root without looking at each of them: `runs/index.json`.

It is made from the directories of the runs, and made anew where it is gone: nothing else is derived from it.
"""

from __future__ import annotations

from dataclasses import dataclass

from ratchet.schemas.artifacts.run_result import RunResult
from ratchet.schemas.base.persisted import PersistedFormat

RUN_INDEX_FILE = "index.json"
UNFINISHED, UNREADABLE, FINISHED = "unfinished", "unreadable", "finished"


@dataclass(frozen=True)
class KnownRun:
    """One directory under `runs/`, in short.

    Attributes:
        run_id: its name.
        at: when the run ended, or was last heard of; UTC, ISO 8601.
        state: FINISHED; UNFINISHED without a result; UNREADABLE with one that makes no sense.
        trouble: see `RunEntry`.
        result: of a finished run, with those reasons alone that spoke against it, and places as they were written.
        page: whether its page lies beside its log.
        tfma: whether its TFMA report does.
        other_page: of a run whose page lies elsewhere in the root, its path relative to `runs/`.
        asked: digest of what the run was asked for, but for its settings; None where that is not known.
        golden: of the golden set that it was asked for.
        baseline: digest of the model that was served when it began.
        abandoned: whether nothing can go on with it.
        left: see `read_left`.
        evidence: its page, diagnosis and log, as far as they are there; paths relative to the root.
    """

    run_id: str
    at: str
    state: str
    trouble: str = ""
    result: RunResult | None = None
    page: bool = False
    tfma: bool = False
    other_page: str | None = None
    asked: str | None = None
    golden: str | None = None
    baseline: str | None = None
    abandoned: bool = False
    left: tuple[str, ...] | None = None
    evidence: tuple[str, ...] = ()

    @property
    def is_closed(self) -> bool:
        """Whether nothing in its directory changes any more, but by a pruning."""
        return self.state == FINISHED or (self.state == UNFINISHED and self.left is not None)


@dataclass(frozen=True)
class RunIndex:
    """All runs."""

    runs: tuple[KnownRun, ...] = ()


RUN_INDEX_FORMAT = PersistedFormat(RunIndex, "an index of runs", 1, "delete it, the next run makes it anew")
