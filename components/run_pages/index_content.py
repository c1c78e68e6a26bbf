"""What the index of runs shows, as plain values; every string of it is hostile."""

from __future__ import annotations

from dataclasses import dataclass

from ratchet.schemas.base.differences import Interval


@dataclass(frozen=True)
class Act:
    """What a person did about a run's model.

    Attributes:
        at: UTC time, ISO 8601.
        what: in words, with who did it: `approved by moss until 2030-02-28`.
        reason: why.
    """

    at: str
    what: str
    reason: str


@dataclass(frozen=True)
class IndexRow:
    """One run.

    Attributes:
        run_id: its name.
        at: when it ended or was last heard of; UTC, ISO 8601.
        verdict: how it ended, or the state of one that did not.
        why: what decided, in words.
        span: number of its span; None where that is not known.
        map: mAP of the candidate; None if there is none.
        delta: candidate minus baseline.
        interval: 95 % interval of the difference.
        golden: number of the golden set, counted from 1 in the order of their use; None where that is not known.
        version: of the candidate in service; None if a run did not bring it there.
        cause: name of the cause, for the filter; empty where nothing was to be explained.
        cause_words: the cause in words.
        page: address of its page from the index; None if there is none.
        acts: what people did about it.
    """

    run_id: str
    at: str
    verdict: str
    why: str
    span: int | None = None
    map: float | None = None
    delta: float | None = None
    interval: Interval | None = None
    golden: int | None = None
    version: str | None = None
    cause: str = ""
    cause_words: str = ""
    page: str | None = None
    acts: tuple[Act, ...] = ()

    @property
    def tone(self) -> str:
        """Its CSS class."""
        return self.verdict.lower() if self.verdict.isupper() else "warn"


@dataclass(frozen=True)
class CameToServe:
    """A model that came into service.

    Attributes:
        at: UTC time, ISO 8601.
        version: its number.
        map: on the golden set that accepted it.
        golden: number of that set.
        how: `PUSHED`, `BOOTSTRAPPED`, `APPROVED`, `ROLLED_BACK` or `ADOPTED`.
    """

    at: str
    version: str
    map: float
    golden: int
    how: str


@dataclass(frozen=True)
class IndexContent:
    """Everything in the index.

    Attributes:
        pipeline: name of the pipeline.
        root: pipeline root, for commands.
        made_at: UTC time, ISO 8601.
        rows: the newest runs, newest first.
        served: the models that came into service, oldest first.
        serving: the one that is served now; None if none is.
        serving_words: how it came into service, in words.
        goldens: digests of the golden sets, in the order of their use.
        problem: what of the registry cannot be read; empty otherwise.
        notes: what is known beside it, such as how often the golden set may still be asked; sentences.
        runs: how many there are; 0 where all of them are rows.
    """

    pipeline: str
    root: str
    made_at: str
    rows: tuple[IndexRow, ...]
    served: tuple[CameToServe, ...] = ()
    serving: CameToServe | None = None
    serving_words: str = ""
    goldens: tuple[str, ...] = ()
    problem: str = ""
    notes: tuple[str, ...] = ()
    runs: int = 0

    @property
    def count(self) -> int:
        """How many runs there are."""
        return max(self.runs, len(self.rows))
