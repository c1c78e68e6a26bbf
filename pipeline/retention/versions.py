"""Which versions in the serving directory a rollback may still need; pure."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence

from components.registry.entries import ServedModel
from pipeline.config.pipeline_settings import RetentionSettings
from pipeline.retention.facts import RootFacts
from pipeline.retention.windows import DAY_S


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
        facts: the root; where nothing is served, no version may go.
        settings: how many models stay; a version that came into service in the days of the settings stays, too.
        now_s: the present, seconds since 1970.
    """
    served = facts.served
    if served is None or settings.versions is None or settings.days is None:
        return {}
    needed = {served.version, *(model.version for model in rollback_targets(facts, settings))}
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
    needed: set[str],
    settings: RetentionSettings,
) -> str:
    if not model.blessed:
        return "a rollback left it behind"
    same = [other.version for other in versions if other.digest == model.digest and other.version in needed]
    if same or model.digest == served.digest:
        return f"version {(same or [served.version])[0]} is the same model"
    return f"older than the {settings.versions} models that a rollback can go to"
