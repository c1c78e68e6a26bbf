"""`ratchet promote`: a person moves TensorFlow Serving's label `stable` to the model that is served as `canary`."""

from __future__ import annotations

import dataclasses
import datetime
from dataclasses import dataclass
from pathlib import Path

from ratchet.components.registry.model_config import CANARY, STABLE, read_labels
from ratchet.components.registry.registry import Registry
from ratchet.components.registry.storage import Token
from ratchet.components.registry.version_labels import Act, label_served, read_config
from ratchet.pipeline.root.root_settings import remembered_settings
from ratchet.pipeline.root.roots import check_root, registry_at, settled
from ratchet.pipeline.serving.change import one_line
from ratchet.schemas.artifacts.promotions import PROMOTION_FORMAT, PROMOTIONS_FILE, Promotion, promotion_line
from ratchet.schemas.artifacts.registry_entries import ServedModel
from ratchet.schemas.base.errors import InputError, StateError
from ratchet.schemas.base.progress import LOGGER


@dataclass(frozen=True)
class PromoteRequest:
    """What a person asks for.

    Attributes:
        root: pipeline root.
        by: who promotes.
        reason: why.
    """

    root: Path
    by: str
    reason: str


def promote(request: PromoteRequest, now: datetime.datetime, dry_run: bool = False) -> Promotion:
    """Moves `stable` to what is served.

    Args:
        request: on whose responsibility.
        now: the present, UTC.
        dry_run: only says what would be done.

    Returns:
        The promotion as it was logged.

    Raises:
        InputError: there is no canary to be promoted.
        StateError: the model config cannot be written.
    """
    root = check_root(request.root)
    registry = registry_at(root)
    settled(registry)
    with registry.exclusive():
        made, model, is_new = _planned(request, root, registry, now)
        if dry_run or not is_new:
            return made
        made = _logged(registry, made)
        told = label_served(made.model_config, model, registry, Act.PROMOTION)
    if told.warning:
        raise StateError(f"{told.sentence}; then promote again")
    return made


def promotions(registry: Registry) -> list[Promotion]:
    """All that there were, the oldest first."""
    content, path = registry.storage.read(PROMOTIONS_FILE), f"{registry.storage.registry_directory}/{PROMOTIONS_FILE}"
    lines = content.text.splitlines() if content else []
    return [PROMOTION_FORMAT.read(line, f"{path}, line {number}") for number, line in enumerate(lines, start=1)]


def _planned(
    request: PromoteRequest, root: Path, registry: Registry, now: datetime.datetime
) -> tuple[Promotion, str, bool]:
    """What is to be done, the name of the model in the config, and whether it was not done before."""
    by, reason = one_line("--by", request.by), one_line("--reason", request.reason)
    settings = remembered_settings(root)
    file = settings and settings.serving.model_config
    if settings is None or file is None:
        raise InputError(
            "the root's settings have no serving.model_config, so there are no labels to move: write it into "
            "ROOT/ratchet.yaml, or the file that the next `ratchet run` is given with --config; of --set no root "
            "remembers it (docs/shadow.md)"
        )
    served = registry.served()
    if served is None:
        raise InputError("no model is served, so there is nothing to promote")
    model = settings.serving.model_name or settings.name
    labels = read_labels(read_config(file), file, model).labels
    if STABLE not in labels or CANARY not in labels:
        used = ", ".join(labels) or "none"
        raise InputError(
            f"{file}: to promote, the model {model} needs the labels stable and canary there; it has {used}"
        )
    if labels[STABLE] == int(served.version):
        return _done(registry, served, file, (by, reason)), model, False
    if labels[CANARY] != int(served.version):
        raise InputError(
            f"{file}: canary is version {labels[CANARY]}, and version {served.version} is served: correct the file, or "
            "wait for the next push, which does"
        )
    at = now.isoformat(timespec="seconds")
    return Promotion(at, by, reason, served.version, str(labels[STABLE]), file, served.run_id), model, True


def _done(registry: Registry, served: ServedModel, file: str, asked: tuple[str, str]) -> Promotion:
    """The promotion that this very command had made before."""
    last = promotions(registry)[-1:]
    if not last or (last[0].version, last[0].by, last[0].reason) != (served.version, *asked):
        raise InputError(f"{file}: stable is version {served.version} already, which is served: there is no canary")
    LOGGER.warning("that was done at %s, by the same command; nothing was changed", last[0].at)
    return last[0]


def _logged(registry: Registry, made: Promotion) -> Promotion:
    """The line of a promotion: that of the same command, if it was killed before it moved the label, or a new one.

    Written anew and whole, as the log of approvals is.
    """
    last = promotions(registry)[-1:]
    if last and dataclasses.replace(last[0], at=made.at) == made:
        return last[0]
    content = registry.storage.read(PROMOTIONS_FILE)
    token = content.token if content else Token.ABSENT
    registry.storage.write(PROMOTIONS_FILE, f"{content.text if content else ''}{promotion_line(made)}", token)
    return made
