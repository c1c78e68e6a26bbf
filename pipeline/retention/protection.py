"""Artifacts of old runs that stay, because what is served or a later run needs them; pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from components.registry.entries import ServedModel
from pipeline.config.pipeline_settings import RetentionSettings
from pipeline.retention.facts import RootFacts, RunArtifacts
from pipeline.retention.versions import rollback_targets
from pipeline.retention.windows import Windows

ArtifactsOf = Callable[[str], RunArtifacts]


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
