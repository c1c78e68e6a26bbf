"""Which model is served: small pointer files, replaced by atomic rename.

    registry/served.json              the model that is served now: the next run's baseline
    registry/versions/VERSION.json    every model that was ever served
    registry/decisions/KEY.json       every decision, also those against a candidate
    registry/overrides.jsonl          every approval and rollback

The same files work under LocalDagRunner, Vertex and open-source Kubeflow, whose backend refuses TFX
resolvers.
"""

from __future__ import annotations

import dataclasses
import json
import os
from collections import Counter

from components.registry.contradictions import check_served, nothing_should_be_served
from components.registry.entries import (
    POINTER_FILE,
    RecordedDecision,
    ServedModel,
    read_decisions,
    read_pointer,
    read_versions,
)
from components.registry.override_log import OVERRIDES_FILE, LoggedOverride, check_named, follow, read_log
from schemas.errors import InputError
from schemas.files import WritableFiles
from schemas.model_digest import model_digest
from schemas.overrides import Override
from schemas.trained_spans import TrainedSpan, TrainedSpans

__all__ = ["RecordedDecision", "Registry", "ServedModel", "model_digest"]


class Registry:
    """The registry of one pipeline root.

    Args:
        directory: where the pointer files are; made on the first write.
        serving_directory: the directory TensorFlow Serving watches.
        files: file functions.
    """

    def __init__(self, directory: str, serving_directory: str, files: WritableFiles) -> None:
        self.serving_directory = serving_directory
        self._directory = directory
        self._files = files

    def served(self, unfinished: str | None = None) -> ServedModel | None:
        """The model served now; None if none ever was.

        Args:
            unfinished: a version that is being served just now, and that the registry need not know yet.

        Raises:
            StateError: the registry, the log of overrides and the serving directory contradict each other.
        """
        self.overrides()
        model = self.pointer()
        known = [other for other in self.versions() if other.version != unfinished]
        on_disk = [version for version in self.versions_on_disk() if version != unfinished]
        if model is None:
            nothing_should_be_served(self._pointer_file, self.serving_directory, on_disk, known, self._files)
        else:
            check_served(model, self.serving_directory, on_disk, known, self._files)
        return model

    def pointer(self) -> ServedModel | None:
        """What the registry says is served, whether or not that is so; None if it says nothing.

        Raises:
            StateError: the entry is torn.
        """
        model = read_pointer(self._directory, self._files)
        return model and self._placed(model)

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

    def versions(self) -> list[ServedModel]:
        """Every model that was ever served, by ascending version."""
        return [self._placed(model) for model in read_versions(self._directory, self._files)]

    def versions_on_disk(self) -> list[str]:
        """The versions that TensorFlow Serving sees, ascending; it serves the last."""
        if not self._files.exists(self.serving_directory):
            return []
        names = [str(name).strip("/") for name in self._files.listdir(self.serving_directory)]
        return sorted((name for name in names if name.isascii() and name.isdigit()), key=int)

    def record(self, model: ServedModel) -> None:
        """Makes a pushed model the served one."""
        self.record_version(model)
        self.point_to(model)

    def record_version(self, model: ServedModel) -> None:
        """Records a model that was or is about to be served, or that it is no longer blessed."""
        self._write(f"{self._directory}/versions/{model.version}.json", _json(model))

    def point_to(self, model: ServedModel) -> None:
        """Makes a recorded model the served one."""
        self._write(self._pointer_file, _json(model))

    def record_decision(self, key: str, decision: RecordedDecision) -> None:
        """Records a decision; the same key again replaces it, so that a repeated step counts once."""
        self._write(f"{self._directory}/decisions/{key}.json", _json(decision))

    def golden_uses(self) -> dict[str, int]:
        """How many decisions each golden set has made, by its digest."""
        return dict(Counter(decision.golden_digest for decision in self.decisions()))

    def decisions(self) -> list[RecordedDecision]:
        """Every decision, in the order in which they were made."""
        return read_decisions(self._directory, self._files)

    def trained_spans(self) -> TrainedSpans:
        """The spans that candidates were trained on."""
        return TrainedSpans(
            tuple(
                TrainedSpan(made.span, made.span_version, made.data_digest, made.run_id, made.verdict)
                for made in self.decisions()
            )
        )

    def overrides(self) -> list[Override]:
        """Every approval and rollback, in the order in which they were made.

        Raises:
            StateError: a line of the log was changed or cut away.
        """
        return [logged.override for logged in self._logged()]

    def current_override(self) -> Override | None:
        """The approval or rollback by which the served version is served; None if it was pushed, or nothing is.

        Raises:
            StateError: a line of the log was changed or cut away.
        """
        served = self.pointer()
        return next((made for made in self.overrides() if served and made.version == served.version), None)

    def log(self, override: Override) -> LoggedOverride:
        """Adds an approval or rollback to the log; where its version is in the log already, that line stands.

        Raises:
            StateError: a line of the log was changed or cut away.
        """
        logged = self._logged()
        standing = next((made for made in logged if made.override.version == override.version), None)
        if standing:
            return standing
        new = follow(logged, override)
        # Written anew and renamed, not appended: half a line after a power cut would look like a change.
        self._write(self._log_file, "".join(f"{made.line}\n" for made in [*logged, new]))
        return new

    @property
    def _pointer_file(self) -> str:
        return f"{self._directory}/{POINTER_FILE}"

    @property
    def _log_file(self) -> str:
        return f"{self._directory}/{OVERRIDES_FILE}"

    def _logged(self) -> list[LoggedOverride]:
        text = ""
        if self._files.exists(self._log_file):
            with self._files.open(self._log_file, "r") as file:
                text = file.read()
        logged = read_log(text, self._log_file)
        named = {model.version: model.override for model in self.versions() if model.override}
        check_named(logged, named, self._log_file)
        return logged

    def _placed(self, model: ServedModel) -> ServedModel:
        """With its path under this serving directory: a root that was copied must not look at the original's files."""
        return dataclasses.replace(model, path=f"{self.serving_directory}/{model.version}")

    def _write(self, path: str, text: str) -> None:
        self._files.makedirs(os.path.dirname(path))
        temporary = f"{path}.writing"
        with self._files.open(temporary, "w") as file:
            file.write(text)
        self._files.rename(temporary, path, overwrite=True)


def _json(entry: ServedModel | RecordedDecision) -> str:
    return json.dumps(dataclasses.asdict(entry), indent=1)
