"""Which runs are kept whole, which can still be resumed, and which are old; pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pipeline.config.pipeline_settings import RetentionSettings
from pipeline.retention.facts import RunFacts

DAY_S = 24 * 60 * 60


@dataclass(frozen=True)
class Windows:
    """The runs of a root, each in one of three.

    Attributes:
        kept: finished, and recent enough to be kept whole.
        resumable: not finished, and the same command may go on with them.
        old: all others, those among them that nobody will resume any more.
    """

    kept: tuple[RunFacts, ...]
    resumable: tuple[RunFacts, ...]
    old: tuple[RunFacts, ...]


def windows(runs: Sequence[RunFacts], settings: RetentionSettings, now_s: float) -> Windows:
    """Divides the runs of a root.

    Args:
        runs: all of them.
        settings: how many are kept whole, and for how long.
        now_s: the present, seconds since 1970.
    """
    ordered = sorted(runs, key=lambda run: (run.at_s, run.run_id))
    finished = [run for run in ordered if run.finished]
    newest = {run.run_id for run in (finished[-settings.runs :] if settings.runs else finished)}
    kept = [run for run in finished if run.left is None and (run.run_id in newest or is_recent(run, settings, now_s))]
    unfinished = [run for run in ordered if not run.finished and run.left is None]
    resumable = [run for run in unfinished if is_recent(run, settings, now_s) or run is ordered[-1]]
    others = {run.run_id for run in (*kept, *resumable)}
    return Windows(tuple(kept), tuple(resumable), tuple(run for run in ordered if run.run_id not in others))


def is_recent(run: RunFacts, settings: RetentionSettings, now_s: float) -> bool:
    """Whether a run is younger than the days of the settings."""
    return settings.days is None or run.at_s >= now_s - settings.days * DAY_S


def without_evidence(runs: Sequence[RunFacts], settings: RetentionSettings) -> tuple[RunFacts, ...]:
    """The runs that are too old for their page and log to be kept, if only their number counts."""
    ordered = sorted(runs, key=lambda run: (run.at_s, run.run_id))
    return tuple(ordered[: -settings.pages]) if settings.pages else ()
