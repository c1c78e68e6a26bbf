"""Which model is served: small pointer files, replaced by atomic rename.

    registry/served.json              the model that is served now: the next run's baseline
    registry/versions/VERSION.json    every model that was ever served
    registry/decisions/KEY.json       every decision, also those against a candidate

The same files work under LocalDagRunner, Vertex and open-source Kubeflow, whose backend refuses TFX
resolvers.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
from collections import Counter
from dataclasses import dataclass
from typing import TypeVar

from schemas.errors import InputError, StateError
from schemas.files import WritableFiles
from schemas.trained_spans import TrainedSpan, TrainedSpans


@dataclass(frozen=True)
class ServedModel:
    """A model that was pushed.

    Attributes:
        version: name of its directory under the serving directory.
        path: its SavedModel.
        digest: `model_digest` of that directory.
        span: the span it was trained on.
        golden_digest: the golden set it was accepted on.
        map: its COCO mAP there.
        verdict: `PUSHED` or `BOOTSTRAPPED`.
        run_id: the run that made it.
        pushed_at: UTC time, ISO 8601.
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


Entry = TypeVar("Entry", ServedModel, RecordedDecision)


class Registry:
    """The registry of one pipeline root.

    Args:
        directory: where the pointer files are; made on the first write.
        serving_directory: the directory TensorFlow Serving watches.
        files: file functions.
    """

    def __init__(self, directory: str, serving_directory: str, files: WritableFiles) -> None:
        self._directory = directory
        self._serving_directory = serving_directory
        self._files = files

    def served(self) -> ServedModel | None:
        """The model served now; None if none ever was.

        Raises:
            StateError: the registry and the serving directory contradict each other.
        """
        path = f"{self._directory}/served.json"
        if not self._files.exists(path):
            versions = self._versions_on_disk()
            if versions:
                raise StateError(
                    f"{self._serving_directory}: version {versions[-1]} is served, but {path} is missing, so the "
                    "baseline is unknown; restore the registry, or serve a first model from a new pipeline root"
                )
            return None
        model = self._read(path, ServedModel)
        if not self._files.exists(f"{model.path}/saved_model.pb"):
            raise StateError(
                f"{path}: names {model.path} as the served model, but there is no SavedModel; restore that directory"
            )
        found = model_digest(model.path, self._files)
        if found != model.digest:
            raise StateError(
                f"{model.path}: content digest {found[:12]} is not the {model.digest[:12]} recorded when it was "
                "pushed; restore the pushed files"
            )
        return model

    def baseline(self, bootstrap: bool) -> ServedModel | None:
        """The model to retrain; None where a first one is to be made.

        Args:
            bootstrap: whether a first model is wanted.

        Raises:
            InputError: a first model is wanted where one is served, or none is served and no first one is wanted.
            StateError: see `served`.
        """
        served = self.served()
        if served is None and not bootstrap:
            raise InputError(
                "no model is served yet, so there is no baseline to compare with: "
                "give --bootstrap to train and serve a first one"
            )
        if served is not None and bootstrap:
            raise InputError(
                f"version {served.version} is served already: leave --bootstrap out to retrain it, or use a new --root"
            )
        return served

    def record(self, model: ServedModel) -> None:
        """Makes a pushed model the served one."""
        self._write(f"{self._directory}/versions/{model.version}.json", model)
        self._write(f"{self._directory}/served.json", model)

    def record_decision(self, key: str, decision: RecordedDecision) -> None:
        """Records a decision; the same key again replaces it, so that a repeated step counts once."""
        self._write(f"{self._directory}/decisions/{key}.json", decision)

    def golden_uses(self) -> dict[str, int]:
        """How many decisions each golden set has made, by its digest."""
        return dict(Counter(decision.golden_digest for decision in self.decisions()))

    def decisions(self) -> list[RecordedDecision]:
        """Every decision, in the order in which they were made."""
        directory = f"{self._directory}/decisions"
        names = self._files.listdir(directory) if self._files.exists(directory) else []
        found = [self._read(f"{directory}/{name}", RecordedDecision) for name in names if name.endswith(".json")]
        return sorted(found, key=lambda decision: (decision.decided_at, decision.run_id))

    def trained_spans(self) -> TrainedSpans:
        """The spans that candidates were trained on."""
        return TrainedSpans(
            tuple(
                TrainedSpan(made.span, made.span_version, made.data_digest, made.run_id, made.verdict)
                for made in self.decisions()
            )
        )

    def _versions_on_disk(self) -> list[str]:
        if not self._files.exists(self._serving_directory):
            return []
        return sorted(name for name in self._files.listdir(self._serving_directory) if name.strip("/").isdigit())

    def _read(self, path: str, kind: type[Entry]) -> Entry:
        try:
            with self._files.open(path, "r") as file:
                return kind(**json.loads(file.read()))
        except (ValueError, TypeError) as error:
            raise StateError(f"{path}: not a registry entry ({error}); restore it from a backup") from error

    def _write(self, path: str, entry: ServedModel | RecordedDecision) -> None:
        self._files.makedirs(os.path.dirname(path))
        temporary = f"{path}.writing"
        with self._files.open(temporary, "w") as file:
            file.write(json.dumps(dataclasses.asdict(entry), indent=1))
        self._files.rename(temporary, path, overwrite=True)


def model_digest(directory: str, files: WritableFiles) -> str:
    """Digest of a SavedModel: of every file's relative path and content."""
    digest = hashlib.sha256()
    paths = [f"{folder}/{name}" for folder, _, names in files.walk(directory) for name in names]
    for path in sorted(paths):
        content = hashlib.sha256()
        with files.open(path, "rb") as file:
            while chunk := file.read(1 << 20):
                content.update(chunk)
        digest.update(f"{os.path.relpath(path, directory)}\0{content.hexdigest()}\n".encode())
    return digest.hexdigest()
