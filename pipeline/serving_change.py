"""Putting a model into service by hand, in steps of which each may be the last before a power cut.

Until the last step, either nothing is served that was not served before, or the highest version in the serving
directory is not the one that the registry names, which every run refuses. Each step may be done again, so repeating
the command completes it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from components.registry.entries import ServedModel
from components.registry.registry import Registry
from pipeline.overrides_mlmd import EvaluatedRun, OverrideStore
from pipeline.serving_versions import publish, stage
from schemas.overrides import Override


@dataclass(frozen=True)
class ServingChange:
    """What an approval or rollback is going to do.

    Attributes:
        override: what is logged.
        model: the registry's entry of the version that is to be served.
        source: the SavedModel with its bytes.
        link: whether the new version may share the source's files.
        in_place: whether the version is on disk already, put there by the same command before it was killed.
        left_behind: the versions that are no longer blessed.
        run: the run that made the model.
        registry: of the root.
        store: of the root.
    """

    override: Override
    model: ServedModel
    source: Path
    link: bool
    in_place: bool
    left_behind: tuple[ServedModel, ...]
    run: EvaluatedRun
    registry: Registry
    store: OverrideStore

    def steps(self) -> tuple[Callable[[], None], ...]:
        """The steps in their order."""
        place = [] if self.in_place else [self._stage, self._publish]
        return (*place, self._log, self._tell_ml_metadata, self._unbless, self._record_version, self._point)

    def _stage(self) -> None:
        stage(self.source, self.model.digest, Path(self.registry.serving_directory), self.model.version, self.link)

    def _publish(self) -> None:
        publish(Path(self.registry.serving_directory), self.model.version)

    def _log(self) -> None:
        self.registry.log(self.override)

    def _tell_ml_metadata(self) -> None:
        self.store.record(self.registry.log(self.override), self.run)

    def _unbless(self) -> None:
        for model in self.left_behind:
            self.registry.record_version(dataclasses.replace(model, blessed=False))

    def _record_version(self) -> None:
        self.registry.record_version(self._named())

    def _point(self) -> None:
        self.registry.point_to(self._named())

    def _named(self) -> ServedModel:
        return dataclasses.replace(self.model, override=self.registry.log(self.override).digest)


def carry_out(change: ServingChange) -> Override:
    """Does it.

    Returns:
        The override as it stands in the log: of a command that is repeated, what the first one had logged.
    """
    for step in change.steps():
        step()
    return change.registry.log(change.override).override
