"""What a pruning deletes and why, and what it leaves and why; pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from enum import Enum

from ratchet.pipeline.config.pipeline_settings import RetentionSettings
from ratchet.pipeline.retention.facts import Found, RootFacts, RunArtifacts, RunFacts
from ratchet.pipeline.retention.protection import (
    ArtifactsOf,
    Windows,
    dispensable,
    protected_artifacts,
    windows,
    without_evidence,
)

LEFTOVER_S = 60 * 60  # something half-written that nobody has touched for an hour


class Kind(str, Enum):
    """What is deleted, in the words of the table."""

    ARTIFACTS = "artifacts of old runs"
    COPIES = "copies that steps have made"
    VERSIONS = "versions that no rollback goes to"
    CHECKPOINTS = "states of trainings that nobody goes on with"
    EVIDENCE = "pages and logs of old runs"
    LEFTOVERS = "leftovers"


@dataclass(frozen=True)
class Removal:
    """One file or directory to delete.

    Attributes:
        kind: what it is.
        path: relative to the root.
        reason: why it may go.
        artifact: path of the artifact that is gone with it, which ML Metadata is told; None if none is.
        size_bytes: its room on the disk, where it was measured.
    """

    kind: Kind
    path: str
    reason: str
    artifact: str | None = None
    size_bytes: int = 0


@dataclass(frozen=True)
class Kept:
    """Something that is old enough, and stays."""

    path: str
    reason: str


@dataclass(frozen=True)
class Plan:
    """What a pruning does.

    Attributes:
        removals: what goes.
        kept: what could go by its age, and does not.
        changed: the artifacts of the old runs that lose some, or were looked at for the first time.
    """

    removals: tuple[Removal, ...]
    kept: tuple[Kept, ...]
    changed: Mapping[str, tuple[str, ...]]


def plan(facts: RootFacts, settings: RetentionSettings, now_s: float, artifacts_of: ArtifactsOf) -> Plan:
    """Plans a pruning.

    Args:
        facts: the root.
        settings: what is kept.
        now_s: the present, seconds since 1970.
        artifacts_of: what ML Metadata knows of a run; asked only for runs that are kept, that can be resumed, or that
            are old and were never looked at.
    """
    parts = windows(facts.runs, settings, now_s)
    going = dispensable(facts, settings, now_s)
    resumable = {run.run_id: artifacts_of(run.run_id) for run in parts.resumable}
    old = {run.run_id: _artifacts(run, artifacts_of) for run in parts.old if run.left != ()}
    protected = protected_artifacts(facts, settings, parts, artifacts_of) if any(old.values()) else {}
    kept = [Kept(path, protected[path]) for paths in old.values() for path in paths if path in protected]
    of_old_runs = _old_artifacts(old, protected)
    needed = {path for known in resumable.values() for path in known.artifacts}
    removals = [
        *of_old_runs.values(),
        *_copies(facts, needed | set(of_old_runs)),
        *(Removal(Kind.VERSIONS, path, going[version]) for version, path in facts.on_disk.items() if version in going),
        *_unfinished(facts, resumable, now_s),
        *_evidence(facts, settings, parts),
    ]
    new = {run.run_id for run in parts.old if run.left is None}
    changed = {run_id: of for run_id, of in old.items() if run_id in new or any(path not in protected for path in of)}
    return Plan(tuple(removals), tuple(kept), changed)


def _artifacts(run: RunFacts, artifacts_of: ArtifactsOf) -> tuple[str, ...]:
    return artifacts_of(run.run_id).artifacts if run.left is None else run.left


def _old_artifacts(old: Mapping[str, Sequence[str]], protected: Mapping[str, str]) -> dict[str, Removal]:
    """By path: several old runs may have used the same golden set."""
    removals: dict[str, Removal] = {}
    for run_id, artifacts in old.items():
        for path in artifacts:
            if path not in protected:
                removals.setdefault(path, Removal(Kind.ARTIFACTS, path, f"of run {run_id}", artifact=path))
    return removals


def _copies(facts: RootFacts, besides: Set[str]) -> Iterator[Removal]:
    """A run that has ended needs no baseline of its own; what it pushed is in service, and its page in `runs/`."""
    for path, artifact in facts.copies.items():
        if artifact not in besides:
            yield Removal(Kind.COPIES, path, "its run has ended", artifact=artifact if path == artifact else None)


def _unfinished(facts: RootFacts, resumable: Mapping[str, RunArtifacts], now_s: float) -> Iterator[Removal]:
    """What belongs to no run by name: it stays if it is at least as young as the oldest run that can be resumed."""
    started = [known.started_s for known in resumable.values() if known.started_s is not None]
    since = min(started, default=float("inf"))
    reason = "no unfinished run is as old" if started else "no run is unfinished"
    for kind, found in ((Kind.CHECKPOINTS, facts.checkpoints), (Kind.LEFTOVERS, facts.working)):
        yield from (Removal(kind, one.path, reason) for one in found if one.modified_s < since)
    yield from (
        Removal(Kind.LEFTOVERS, one.path, "half-written an hour ago or more")
        for one in facts.half_written
        if _is_left_over(one, now_s)
    )
    yield from (Removal(Kind.LEFTOVERS, path, "set aside by a pruning") for path in facts.set_aside)


def _is_left_over(found: Found, now_s: float) -> bool:
    return not found.in_use and found.modified_s < now_s - LEFTOVER_S


def _evidence(facts: RootFacts, settings: RetentionSettings, parts: Windows) -> Iterator[Removal]:
    old = {run.run_id for run in parts.old}
    for run in without_evidence(facts.runs, settings):
        if run.run_id in old:
            reason = f"older than the {settings.pages} runs whose page and log are kept"
            yield from (Removal(Kind.EVIDENCE, path, reason) for path in run.evidence)
