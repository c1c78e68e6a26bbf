"""Approvals and rollbacks go through the same publication as a push; ML Metadata is told afterwards."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from pathlib import Path

from components.detector.serving_check import check_serving
from components.registry.publication import BaselineChangedError, Publication, publish, staged_model
from components.registry.registry import Registry
from schemas.artifacts.overrides import Override
from schemas.base.errors import InputError, StateError
from schemas.base.progress import LOGGER


@dataclass(frozen=True)
class ServingChange:
    """What an approval or rollback is going to do.

    Attributes:
        publication: the model, and the override by which it is served.
        probe: images that it must answer before it is served, as it was measured; None: it was served before.
    """

    publication: Publication
    probe: Path | None = None


def serve(registry: Registry, change: ServingChange, now: datetime.datetime) -> Override:
    """Does it.

    Args:
        registry: of the root.
        change: what is to be done.
        now: the present, UTC.

    Returns:
        The override as it was logged.

    Raises:
        InputError: what is served was changed by another process meanwhile.
        StateError: the model cannot be served; nothing was changed.
    """
    publication = change.publication
    try:
        with staged_model(registry, publication.source, publication.model.digest) as staged:
            _check_answers(registry, staged, change.probe)
            served = publish(registry, publication, staged, int(now.timestamp()))
    except BaselineChangedError as error:
        is_served = f"version {error.served.version}" if error.served else "no model"
        raise InputError(
            f"{is_served} is served since just now, put there by another command; look at `ratchet status`, then "
            "decide again"
        ) from error
    return next(made for made in registry.overrides() if made.version == served.version)


def told_before(done: Override) -> Override:
    """Says that a command was given before, and changes nothing."""
    LOGGER.warning("that was done at %s, by the same command; nothing was changed", done.at)
    return done


def tell_ml_metadata(root: Path, registry: Registry) -> None:
    """Tells ML Metadata what was done; whether it listens changes nothing about what is served."""
    from pipeline.root.ml_metadata_sync import tell

    problem = tell(root, registry)
    if problem is not None:
        LOGGER.warning("ML Metadata could not be told (%s); the next run tells it", problem)


def _check_answers(registry: Registry, staged: str, probe: Path | None) -> None:
    if probe is None:
        return
    if not probe.is_file():
        LOGGER.warning("%s: the run was evaluated without it, so whether the model loads was not tried", probe)
        return
    reason = check_serving(f"{registry.serving_directory}/{staged}", str(probe))
    if not reason.passed:
        raise StateError(f"{reason.sentence}; it cannot be served: run again on its span")
