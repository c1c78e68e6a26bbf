"""Approvals and rollbacks go through the same publication as a push; ML Metadata is told afterwards."""

from __future__ import annotations

import datetime
import logging
from dataclasses import dataclass
from pathlib import Path

from ratchet.components.detector.serving_check import check_serving
from ratchet.components.object_store.files import files_of
from ratchet.components.registry.publication import BaselineChangedError, Publication, publish, staged_model
from ratchet.components.registry.registry import Registry
from ratchet.components.registry.version_labels import Act, label_served
from ratchet.components.services.rest import Send, sender
from ratchet.components.services.tokens import google_default
from ratchet.components.vertex_registry.register import Vertex, told
from ratchet.components.vertex_registry.step import model_of
from ratchet.pipeline.root.places import Place, is_remote
from ratchet.pipeline.root.root_settings import remembered_settings
from ratchet.pipeline.serving.placeholders import is_placeholder
from ratchet.pipeline.terminal.extras import Extra, installed
from ratchet.schemas.artifacts.overrides import Override
from ratchet.schemas.base.errors import ConfigError, InputError, StateError
from ratchet.schemas.base.progress import LOGGER
from ratchet.schemas.base.visible import visible_line

_LONGEST = 500  # characters
_SHOWN = 60  # of a placeholder
_LONGEST_APPROVAL = datetime.timedelta(days=366)


def one_line(option: str, text: str) -> str:
    """A name or reason that can stand in a log.

    Args:
        option: where it was given, for errors.
        text: what was given.

    Returns:
        It, without blanks at the ends.

    Raises:
        InputError: it says nothing, is a placeholder that was left, is too long or has line breaks.
    """
    stripped = text.strip()
    if not stripped:
        raise InputError(f"{option} is empty: it stands in the log, so say it")
    if len(stripped) > _LONGEST:
        raise InputError(f"{option} has {len(stripped)} characters: at most {_LONGEST} fit the log; say it shorter")
    if is_placeholder(stripped):
        raise InputError(
            f"{option} '{visible_line(stripped[:_SHOWN])}': a placeholder, which was to be replaced; it stands in the "
            "log, so say it in your own words"
        )
    if not stripped.isprintable():
        raise InputError(f"{option} {stripped!r}: one line of plain text, without line breaks or control characters")
    return stripped


def last_day(text: str, today: datetime.date) -> str:
    """The last day of an approval.

    Args:
        text: what was given.
        today: the present day in UTC.

    Returns:
        It, as YYYY-MM-DD.

    Raises:
        InputError: it is no day, over, or more than a year ahead.
    """
    try:
        day = datetime.datetime.strptime(text.strip(), "%Y-%m-%d").date()
    except ValueError as error:
        raise InputError(f"--expires {text!r}: not a day; give it as YYYY-MM-DD, such as {today}") from error
    if day < today:
        raise InputError(f"--expires {day}: that day is over; today is {today} (UTC)")
    if day > today + _LONGEST_APPROVAL:
        raise InputError(f"--expires {day}: an approval lasts a year at most, until {today + _LONGEST_APPROVAL}")
    return day.isoformat()


@dataclass(frozen=True)
class ServingChange:
    """What an approval or rollback is going to do.

    Attributes:
        publication: the model, and the override by which it is served.
        probe: images that it must answer before it is served, as it was measured; None: it was served before.
    """

    publication: Publication
    probe: Place | None = None


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
    """Tells ML Metadata what was done; whether it listens changes nothing about what is served.

    That of a remote root is written by whoever holds the root's lease, so there the next run tells it.
    """
    if is_remote(root):
        return
    if not installed(Extra.PIPELINE):
        LOGGER.warning("ML Metadata was not told, for it is not installed here; the next run tells it")
        return
    from ratchet.pipeline.root.ml_metadata_sync import tell

    problem = tell(root, registry)
    if problem is not None:
        LOGGER.warning("ML Metadata could not be told (%s); the next run tells it", problem)


def tell_vertex(root: Path, registry: Registry, send: Send | None = None) -> None:
    """Makes Vertex AI follow what is served by now, where the root's configuration has a Model Registry there.

    Args:
        root: pipeline root.
        registry: of the root.
        send: sends; None: over the network.
    """
    try:
        settings = remembered_settings(root)
    except (ConfigError, StateError) as error:
        LOGGER.warning("whether Vertex AI is to be told is not known (%s)", error)
        return
    served = registry.pointer().served
    if settings is None or settings.vertex_registry.project is None or served is None:
        return
    vertex = Vertex(settings.vertex_registry, settings.name, send or sender(google_default()))
    # All of the traffic: who goes back or approves wants no canary of it.
    reason = told(vertex, model_of(served, registry.serving_directory), percent=100)
    LOGGER.log(logging.WARNING if reason.warning else logging.INFO, "%s", reason.sentence)


def move_labels(root: Path, registry: Registry, act: Act = Act.PERSON) -> None:
    """Lets TensorFlow Serving's version labels follow what is served by now, where the root's configuration names its
    model config.

    Args:
        root: pipeline root.
        registry: of the root.
        act: what was done.
    """
    try:
        settings = remembered_settings(root)
    except (ConfigError, StateError) as error:
        LOGGER.warning("whether version labels are to follow is not known (%s)", error)
        return
    if settings is None or settings.serving.model_config is None:
        return
    name = settings.serving.model_name or settings.name
    reason = label_served(settings.serving.model_config, name, registry, act)
    if reason.warning:
        LOGGER.warning("%s", reason.sentence)
    else:
        LOGGER.info("version labels of %s in %s: %s", name, visible_line(settings.serving.model_config), reason.actual)


def _check_answers(registry: Registry, staged: str, probe: Place | None) -> None:
    if probe is None:
        return
    if not probe.is_file():
        LOGGER.warning("%s: the run was evaluated without it, so whether the model loads was not tried", probe)
        return
    if not installed(Extra.PIPELINE):
        LOGGER.warning("whether the model loads was not tried: TensorFlow is not installed here; the run measured it")
        return
    reason = check_serving(f"{registry.serving_directory}/{staged}", str(probe), files_of(str(probe)))
    if not reason.passed:
        raise StateError(f"{reason.sentence}; it cannot be served: run on its span with --again")
