"""What the registry's files hold; each is a value that goes to JSON and back unchanged."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, TypeVar

from schemas.errors import StateError
from schemas.files import Files

POINTER_FILE = "served.json"
APPROVED = "APPROVED"  # the verdict of a model that a person let into service


@dataclass(frozen=True)
class ServedModel:
    """A model that was once put into service.

    Attributes:
        version: name of its directory under the serving directory.
        path: its SavedModel.
        digest: `model_digest` of that directory.
        span: the span it was trained on.
        golden_digest: the golden set it was measured on.
        map: its COCO mAP there.
        verdict: `PUSHED`, `BOOTSTRAPPED` or `APPROVED`.
        run_id: the run that made it.
        pushed_at: UTC time, ISO 8601.
        blessed: False once it was left behind by a rollback.
        restores: of a rollback, the earlier version whose bytes these are.
        override: of an approval or rollback, sha256 of its line in the log.
    """

    version: str
    path: str
    digest: str
    span: int
    golden_digest: str
    map: float
    verdict: str
    run_id: str
    pushed_at: str
    blessed: bool = True
    restores: str | None = None
    override: str | None = None


@dataclass(frozen=True)
class RecordedDecision:
    """What the evaluator once decided.

    Attributes:
        run_id: the run it belongs to.
        span: the span the candidate was trained on.
        span_version: version of that span.
        data_digest: content digest of that span.
        golden_digest: the golden set that decided.
        verdict: of the run.
        map: the candidate's COCO mAP on that set, over the classes that the baseline knows too.
        baseline_map: the baseline's; None before the first model.
        decided_at: UTC time, ISO 8601.
        model: URI of the candidate's Model artifact.
        model_digest: `model_digest` of its SavedModel.
        baseline_version: the version it was compared with; None before the first model.
        baseline_digest: `model_digest` of that version.
        evaluation: URI of the ModelEvaluation artifact.
        delta: candidate minus baseline; None where it is undefined.
        delta_ci: its 95 % interval.
        reason: the first rule that decided against the candidate, in a sentence; None if none did.
        evaluation_broken: whether the evaluation itself could not be trusted.
    """

    run_id: str
    span: int
    span_version: int
    data_digest: str
    golden_digest: str
    verdict: str
    map: float
    baseline_map: float | None
    decided_at: str
    model: str
    model_digest: str
    baseline_version: str | None
    baseline_digest: str | None
    evaluation: str
    delta: float | None
    delta_ci: tuple[float, float] | None
    reason: str | None
    evaluation_broken: bool


Entry = TypeVar("Entry", ServedModel, RecordedDecision)


def read_entry(path: str, kind: type[Entry], files: Files) -> Entry:
    """Reads one file of the registry.

    Raises:
        StateError: it holds something else.
    """
    try:
        with files.open(path, "r") as file:
            values: dict[str, Any] = json.loads(file.read())
        # JSON knows lists only; the values here have tuples.
        fields: dict[str, Any] = {n: tuple(value) if isinstance(value, list) else value for n, value in values.items()}
        return kind(**fields)
    except (ValueError, TypeError, AttributeError) as error:
        raise StateError(f"{path}: not a registry entry ({error}); restore it from a backup") from error


def read_pointer(registry_directory: str, files: Files) -> ServedModel | None:
    """What the registry says is served; None if it says nothing."""
    path = f"{registry_directory}/{POINTER_FILE}"
    return read_entry(path, ServedModel, files) if files.exists(path) else None


def read_decisions(registry_directory: str, files: Files) -> list[RecordedDecision]:
    """Every decision, in the order in which they were made."""
    found = _read_all(f"{registry_directory}/decisions", RecordedDecision, files)
    return sorted(found, key=lambda decision: (decision.decided_at, decision.run_id))


def read_versions(registry_directory: str, files: Files) -> list[ServedModel]:
    """Every model that was ever put into service, by ascending version."""
    return sorted(_read_all(f"{registry_directory}/versions", ServedModel, files), key=lambda model: int(model.version))


def _read_all(directory: str, kind: type[Entry], files: Files) -> list[Entry]:
    names = files.listdir(directory) if files.exists(directory) else []
    return [read_entry(f"{directory}/{name}", kind, files) for name in sorted(names) if name.endswith(".json")]
