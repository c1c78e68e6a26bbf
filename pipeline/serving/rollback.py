"""An earlier model is served again, under a new number: TensorFlow Serving serves the highest."""

from __future__ import annotations

import dataclasses
import datetime
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ratchet.components.registry.consistency import copies_of
from ratchet.components.registry.publication import Publication
from ratchet.components.registry.registry import Registry
from ratchet.pipeline.past.shown import show_runs
from ratchet.pipeline.root.places import uri_of
from ratchet.pipeline.root.roots import check_root, registry_at, settled
from ratchet.pipeline.serving.change import (
    ServingChange,
    move_labels,
    one_line,
    serve,
    tell_ml_metadata,
    tell_vertex,
    told_before,
)
from ratchet.pipeline.serving.rehearsal import Rehearsed, rehearsed
from ratchet.schemas.artifacts.overrides import Override, OverrideKind
from ratchet.schemas.artifacts.registry_entries import ServedModel
from ratchet.schemas.base.errors import InputError, StateError
from ratchet.schemas.base.formatting import score

_LISTED = 10


@dataclass(frozen=True)
class RollbackRequest:
    """What a person asks for.

    Attributes:
        root: pipeline root.
        by: who goes back.
        reason: why.
        to: the version to serve again; None for the newest before the served one that was never left behind.
    """

    root: Path
    by: str
    reason: str
    to: str | None = None


def rollback(request: RollbackRequest, now: datetime.datetime) -> Override:
    """Serves an earlier model again; also where registry and serving directory contradict each other.

    It needs the registry and the bytes, nothing else. Given again, it says what the first time had done.

    Args:
        request: which, and on whose responsibility.
        now: the present, UTC.

    Returns:
        The rollback as it was logged.

    Raises:
        InputError: there is no such version, or it may not be served again; nothing was changed.
        StateError: the version's bytes are not what they were; nothing was changed.
    """
    root = check_root(request.root)
    registry = registry_at(root)
    found, done = settled(registry), _done(request, registry)
    if found is not None and done is None and request.to is None:
        raise InputError(
            f"{found.to_text()}, so this command went no step back from there; look at `ratchet status`, and give it "
            "again, or with --to VERSION"
        )
    made = told_before(done) if done else serve(registry, plan_rollback(request, registry, now), now)
    tell_ml_metadata(root, registry)
    tell_vertex(root, registry)
    move_labels(root, registry)
    show_runs(root, pages=False)
    return made


def rehearse_rollback(request: RollbackRequest, now: datetime.datetime) -> Rehearsed:
    """What `rollback` would do; it raises what that would, and changes nothing."""
    registry = registry_at(check_root(request.root))
    done = None if registry.pointer().pushing else _done(request, registry)
    return rehearsed(registry, done, lambda: plan_rollback(request, registry, now), now)


def plan_rollback(request: RollbackRequest, registry: Registry, now: datetime.datetime) -> ServingChange:
    """Checks whether a version may be served again, and says what is to be done; see `rollback`."""
    by, reason = one_line("--by", request.by), one_line("--reason", request.reason)
    overrides, versions, pointer = registry.overrides(), registry.versions(), registry.pointer()
    if not versions:
        raise InputError(f"--root {uri_of(request.root)}: no model was ever served from it")
    target = _target(registry, versions, request.to)
    registry.check_signature(target)
    approval = next((made for made in overrides if made.version == target.version), None)
    moment = now.isoformat(timespec="seconds")
    override = Override(
        kind=OverrideKind.ROLLED_BACK,
        at=moment,
        by=by,
        reason=reason,
        run_id=target.run_id,
        version="",
        previous_version=_seen_by_serving(registry),
        model_digest=target.digest,
        golden_digest=target.golden_digest,
        expires=approval.expires if approval else None,
        evaluation_broken=approval.evaluation_broken if approval else False,
        restored=target.version,
    )
    model = dataclasses.replace(target, pushed_at=moment, restores=target.version)
    over, left = pointer.served_as, _left_behind(versions, target)
    return ServingChange(Publication(model, target.path, over, override, left))


def _done(request: RollbackRequest, registry: Registry) -> Override | None:
    """The rollback that this very command had made before, if its model is served: twice goes no further back."""
    current = registry.current_override()
    if current is None or current.kind is not OverrideKind.ROLLED_BACK or _contradiction(registry):
        return None
    same = (current.by, current.reason) == (request.by.strip(), request.reason.strip())
    return current if same and request.to in (None, current.restored, current.version) else None


def _target(registry: Registry, versions: Sequence[ServedModel], to: str | None) -> ServedModel:
    """The version to serve again: known, never left behind, whole, and not served already."""
    pointer = registry.pointer().served
    possible = _possible(registry, versions, pointer)
    target = _named(versions, to, possible) if to else _newest_before(registry, pointer, versions, possible)
    if not registry.storage.holds(target.version, target.digest):
        raise StateError(
            f"{target.path}: these are not the bytes of version {target.version} (content digest "
            f"{target.digest[:12]}), or none at all; `ratchet doctor --repair` restores them from {copies_of(target)}, "
            f"as far as that is whole{possible}"
        )
    if pointer and target.digest == pointer.digest and not _contradiction(registry):
        raise InputError(f"--to {target.version}: that model is served now, as version {pointer.version}{possible}")
    return target


def _named(versions: Sequence[ServedModel], to: str, possible: str) -> ServedModel:
    target = next((model for model in versions if model.version == to), None)
    if target is None:
        raise InputError(f"--to {to}: the registry knows no such version{possible}")
    if not target.blessed:
        raise InputError(f"--to {to}: a rollback left that version behind, so it is not served again{possible}")
    return target


def _newest_before(
    registry: Registry, pointer: ServedModel | None, versions: Sequence[ServedModel], possible: str
) -> ServedModel:
    """The default: one step back from what is served, for which that has to be known."""
    if pointer is None:
        raise InputError(f"the registry does not say what is served: give --to VERSION{possible}")
    earlier = [model for model in versions if int(model.version) < int(pointer.version)]
    target = next((one for one in reversed(earlier) if one.blessed and one.digest != pointer.digest), None)
    contradiction = _contradiction(registry)
    if contradiction:
        raise contradiction
    if target is None:
        raise InputError(
            f"version {pointer.version} is served, and no blessed version with another model came before it; "
            f"there is nothing to go back to"
        )
    return target


def _contradiction(registry: Registry) -> StateError | None:
    try:
        registry.served()
    except StateError as error:
        return error
    return None


def _possible(registry: Registry, versions: Sequence[ServedModel], pointer: ServedModel | None) -> str:
    on_disk = set(registry.versions_on_disk())
    there = [
        model
        for model in versions
        if model.blessed and model.version in on_disk and not (pointer and model.digest == pointer.digest)
    ]
    if not there:
        return ". There is no version to go back to"
    shown = [
        f"{model.version} (span {model.span}, mAP {score(model.map)}, {model.verdict})" for model in there[-_LISTED:]
    ]
    return f". Versions to go back to: {', '.join(reversed(shown))}"


def _seen_by_serving(registry: Registry) -> str | None:
    """What TensorFlow Serving had served before: in a contradiction, not what the registry says."""
    on_disk, pointer = registry.versions_on_disk(), registry.pointer().served
    return on_disk[-1] if on_disk else pointer and pointer.version


def _left_behind(versions: Sequence[ServedModel], target: ServedModel) -> tuple[str, ...]:
    later = [model for model in versions if int(target.version) < int(model.version)]
    return tuple(model.version for model in later if model.blessed and model.digest != target.digest)
