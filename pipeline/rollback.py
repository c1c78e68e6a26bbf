"""An earlier model is served again, under a new number: TensorFlow Serving serves the highest."""

from __future__ import annotations

import dataclasses
import datetime
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from components.registry.entries import ServedModel
from components.registry.registry import Registry
from pipeline.lock import locked
from pipeline.overrides_mlmd import OverrideStore
from pipeline.person import one_line
from pipeline.roots import check_root, registry_at
from pipeline.serving_change import ServingChange, carry_out
from pipeline.serving_versions import interrupted_version, next_version
from schemas.errors import InputError, StateError
from schemas.files import LOCAL_FILES
from schemas.model_digest import model_digest
from schemas.overrides import Override, OverrideKind

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

    Args:
        request: which, and on whose responsibility.
        now: the present, UTC.

    Returns:
        The rollback as it was logged.

    Raises:
        InputError: there is no such version, or it may not be served again; nothing was changed.
        StateError: the pipeline root is in use, or the version's bytes are not what they were.
    """
    root = check_root(request.root)
    with locked(root):
        return carry_out(plan_rollback(request, now))


def plan_rollback(request: RollbackRequest, now: datetime.datetime) -> ServingChange:
    """Checks whether a version may be served again, and says what is to be done; see `rollback`."""
    by, reason = one_line("--by", request.by), one_line("--reason", request.reason)
    root = check_root(request.root)
    registry = registry_at(root)
    overrides, versions = registry.overrides(), registry.versions()
    target = _target(registry, versions, request.to)
    store = OverrideStore(root)
    run = store.run(target.run_id)
    begun = interrupted_version(registry, target.digest, besides=target.version)
    version = begun or next_version(registry, int(now.timestamp()))
    approval = next((made for made in overrides if made.version == target.version), None)
    moment = now.isoformat(timespec="seconds")
    return ServingChange(
        override=Override(
            kind=OverrideKind.ROLLED_BACK,
            at=moment,
            by=by,
            reason=reason,
            run_id=target.run_id,
            version=version,
            previous_version=_seen_by_serving(registry, begun),
            model_digest=target.digest,
            golden_digest=target.golden_digest,
            expires=approval.expires if approval else None,
            evaluation_broken=approval.evaluation_broken if approval else False,
            restored=target.version,
        ),
        model=dataclasses.replace(
            target,
            version=version,
            path=f"{registry.serving_directory}/{version}",
            pushed_at=moment,
            restores=target.version,
        ),
        source=Path(target.path),
        link=True,
        in_place=begun is not None,
        left_behind=_left_behind(versions, target, version),
        run=run,
        registry=registry,
        store=store,
    )


def _target(registry: Registry, versions: Sequence[ServedModel], to: str | None) -> ServedModel:
    """The version to serve again: known, never left behind, whole, and not served already."""
    pointer = registry.pointer()
    possible = _possible(versions, pointer)
    target = _named(versions, to, possible) if to else _newest_before(registry, pointer, versions, possible)
    if not Path(target.path, "saved_model.pb").is_file():
        raise StateError(f"{target.path}: the files of version {target.version} are gone{possible}")
    found = model_digest(target.path, LOCAL_FILES)
    if found != target.digest:
        raise StateError(
            f"{target.path}: content digest {found[:12]} is not the {target.digest[:12]} recorded for version "
            f"{target.version}, so these are not the bytes of that model{possible}"
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
    # A rollback that was killed left a contradiction too; that one is completed.
    if contradiction and not (target and interrupted_version(registry, target.digest, besides=target.version)):
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


def _possible(versions: Sequence[ServedModel], pointer: ServedModel | None) -> str:
    there = [
        model
        for model in versions
        if model.blessed
        and Path(model.path, "saved_model.pb").is_file()
        and not (pointer and model.digest == pointer.digest)
    ]
    if not there:
        return ". There is no version to go back to"
    shown = [f"{model.version} (span {model.span}, mAP {model.map:.4f}, {model.verdict})" for model in there[-_LISTED:]]
    return f". Versions to go back to: {', '.join(reversed(shown))}"


def _seen_by_serving(registry: Registry, begun: str | None) -> str | None:
    """What TensorFlow Serving had served before: in a contradiction, not what the registry says."""
    on_disk = [version for version in registry.versions_on_disk() if version != begun]
    pointer = registry.pointer()
    return on_disk[-1] if on_disk else pointer and pointer.version


def _left_behind(versions: Sequence[ServedModel], target: ServedModel, version: str) -> tuple[ServedModel, ...]:
    later = [model for model in versions if int(target.version) < int(model.version) < int(version)]
    return tuple(model for model in later if model.blessed and model.digest != target.digest)
