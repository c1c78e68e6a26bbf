"""What stays: recent runs, versions that a rollback may need, and the artifacts that these need; pure."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from ratchet.pipeline.config.pipeline_settings import RetentionSettings
from ratchet.pipeline.retention.facts import RootFacts, RunArtifacts, RunFacts
from ratchet.schemas.artifacts.registry_entries import ServedModel

DAY_S = 24 * 60 * 60
ArtifactsOf = Callable[[str], RunArtifacts]


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


def rollback_targets(facts: RootFacts, settings: RetentionSettings) -> tuple[ServedModel, ...]:
    """The versions that a rollback can go to, the newest of each model, ascending.

    Args:
        facts: the root.
        settings: how many models stay.
    """
    newest: dict[str, ServedModel] = {}
    for model in reversed(facts.versions):
        is_other = facts.served is None or model.digest != facts.served.digest
        if model.blessed and is_other and model.version in facts.restorable:
            newest.setdefault(model.digest, model)
    return tuple(reversed(list(newest.values())[: settings.versions]))


def dispensable(facts: RootFacts, settings: RetentionSettings, now_s: float) -> Mapping[str, str]:
    """The versions whose files may go, each with the reason.

    Args:
        facts: the root; where nothing is served, or it cannot be told what has a label, no version may go.
        settings: how many models stay; a version that came into service in the days of the settings stays, too.
        now_s: the present, seconds since 1970.
    """
    served = facts.served
    if served is None or settings.versions is None or settings.days is None or facts.labelled is None:
        return {}
    targets = (model.version for model in rollback_targets(facts, settings))
    needed = {served.version, facts.best, *facts.labelled, *targets}
    old = now_s - settings.days * DAY_S
    reasons: dict[str, str] = {}
    for model in facts.versions:
        if model.version not in needed and seconds(model.pushed_at) < old and int(model.version) < int(served.version):
            reasons[model.version] = _why(model, served, facts.versions, needed, settings)
    return reasons


def seconds(moment: str) -> float:
    """Seconds since 1970 of a moment in ISO 8601; one without a zone is in UTC.

    >>> seconds("1970-01-01T00:01:00+00:00")
    60.0
    """
    parsed = datetime.datetime.fromisoformat(moment)
    return (parsed if parsed.tzinfo else parsed.replace(tzinfo=datetime.timezone.utc)).timestamp()


def _why(
    model: ServedModel,
    served: ServedModel,
    versions: Sequence[ServedModel],
    needed: set[str | None],
    settings: RetentionSettings,
) -> str:
    if not model.blessed:
        return "a rollback left it behind"
    same = [other.version for other in versions if other.digest == model.digest and other.version in needed]
    if same or model.digest == served.digest:
        return f"version {(same or [served.version])[0]} is the same model"
    return f"older than the {settings.versions} models that a rollback can go to"


def protected_artifacts(
    facts: RootFacts, settings: RetentionSettings, parts: Windows, artifacts_of: ArtifactsOf
) -> dict[str, str]:
    """The artifacts that stay, whatever their age, each with the reason; of several reasons the first counts.

    Args:
        facts: the root.
        settings: how many models stay.
        parts: its runs.
        artifacts_of: what ML Metadata knows of a run; asked for those that are kept or can be resumed.
    """
    protected: dict[str, str] = {}
    for path, reason in (
        *_of_models(facts, settings),
        *_of_golden_set(facts),
        *_of_runs(parts, artifacts_of),
        *_only_pages(parts),
    ):
        protected.setdefault(path, reason)
    return protected


def _of_models(facts: RootFacts, settings: RetentionSettings) -> Iterator[tuple[str, str]]:
    """The archived models, which a lost serving directory is restored from, and what they were trained on."""
    for model, name in _needed(facts, settings):
        archived = facts.models.get(model.run_id)
        if archived:
            yield archived, f"the archived model of version {model.version}, which {name}"
        lineage = facts.lineage.get(model.version)
        if lineage is None:
            yield from _all_examples(facts, f"the training record of version {model.version} cannot be read")
            continue
        for path in lineage:
            yield path, f"version {model.version}, which {name}, was trained on it: replay reads it"


def _needed(facts: RootFacts, settings: RetentionSettings) -> Iterator[tuple[ServedModel, str]]:
    if facts.served:
        yield facts.served, "is served"
    for model in rollback_targets(facts, settings):
        yield model, "can be rolled back to"


def _all_examples(facts: RootFacts, reason: str) -> Iterator[tuple[str, str]]:
    """Where it is not known which examples will be replayed, all of them stay."""
    for path in facts.examples:
        yield path, f"{reason}, so it is unknown whether replay reads it"


def _of_golden_set(facts: RootFacts) -> Iterator[tuple[str, str]]:
    if facts.served is None:
        return
    digest = facts.served.golden_digest
    same = [golden for golden in facts.golden if golden.digest == digest]
    if same:
        yield max(same, key=lambda one: one.number).path, "the golden set that the served model was accepted on"


def _of_runs(parts: Windows, artifacts_of: ArtifactsOf) -> Iterator[tuple[str, str]]:
    for runs, reason in ((parts.kept, "is kept and uses it, too"), (parts.resumable, "can still be resumed")):
        for run in runs:
            for path in artifacts_of(run.run_id).artifacts:
                yield path, f"run {run.run_id} {reason}"


def _only_pages(parts: Windows) -> Iterator[tuple[str, str]]:
    for run in parts.old:
        if run.report and not any(name.endswith(".html") for name in run.evidence):
            yield run.report.rpartition("/")[0], f"the only page of run {run.run_id}"
