"""A detector that is in production already becomes the root's first served model: measured, wrapped and published.

Nobody can pass by the gate so: a root that serves a model refuses. What was adopted before a power cut is served, or is
not, as of any publication; the same command again says which.
"""

from __future__ import annotations

import contextlib
import datetime
import json
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from ratchet.components.adoption.places import saved_model_in
from ratchet.components.object_store.files import files_of
from ratchet.components.registry.publication import Publication
from ratchet.components.registry.registry import Registry
from ratchet.components.stack.environment import prepare as prepare_tensorflow
from ratchet.components.toolkits.read_plan import read_plan
from ratchet.pipeline.adoption.adopted import Adopted
from ratchet.pipeline.adoption.prepared import Prepared, prepare
from ratchet.pipeline.adoption.request import AdoptRequest
from ratchet.pipeline.adoption.settings import adoption_settings
from ratchet.pipeline.past.shown import show_runs
from ratchet.pipeline.root.holding import check_free, hold_root
from ratchet.pipeline.root.metadata_store import store_of
from ratchet.pipeline.root.places import uri_of
from ratchet.pipeline.root.rebuild import model_difference, settings_of
from ratchet.pipeline.root.root_settings import Configuration, Remembered, has_only_name, record_root
from ratchet.pipeline.root.roots import check_settled, registry_of, settled
from ratchet.pipeline.serving.change import ServingChange, one_line, serve, tell_ml_metadata, tell_vertex, told_before
from ratchet.pipeline.terminal.console import output_to, own_stderr, progress_on
from ratchet.pipeline.terminal.failures import tracebacks_to
from ratchet.schemas.artifacts.adoption import ADOPTED, read_adoption
from ratchet.schemas.artifacts.overrides import Override, OverrideKind
from ratchet.schemas.artifacts.registry_entries import ServedModel
from ratchet.schemas.base.errors import InputError
from ratchet.schemas.base.files import LOCAL_FILES, reason_of
from ratchet.schemas.base.formatting import score
from ratchet.schemas.base.model_digest import model_digest

ADOPT = "adopt"  # what ids begin with that stand where a run would


def adopt(request: AdoptRequest, now: datetime.datetime, dry_run: bool = False) -> Adopted:
    """Serves a model that is in production elsewhere; given again, it says what the first time had done.

    Args:
        request: which, and on whose responsibility.
        now: the present, UTC.
        dry_run: whether everything is tried, and nothing is changed.

    Returns:
        What was found out about it, and the adoption as it was logged.

    Raises:
        InputError: it cannot be adopted, or not so; nothing was changed.
        StateError: the root contradicts itself, or the wrapped model answers otherwise; nothing was changed.
    """
    by, reason = one_line("--by", request.by), one_line("--reason", request.reason)
    configuration = adoption_settings(request.root, request.name, request.config, request.overrides)
    registry = registry_of(request.root, configuration.settings.name)
    done = _done(request, registry, dry_run)
    if done is not None:
        return Adopted(told_before(done), None, uri_of(request.root), dry_run)
    _check_root(request.root)
    plan = read_plan(request.pipeline_config) if request.pipeline_config is not None else None
    with _working() as scratch:
        prepared = prepare(request, configuration.settings, plan, now, scratch)
        override = Override(
            kind=OverrideKind.ADOPTED,
            at=now.isoformat(timespec="seconds"),
            by=by,
            reason=reason,
            run_id=f"{ADOPT}-{now:%Y%m%d-%H%M%S}",
            version="",
            previous_version=None,
            model_digest=prepared.digest,
            golden_digest=prepared.measured.golden_digest,
        )
        remembered = _remembered(configuration, prepared)
        if not dry_run:
            override = _serve(request.root, registry, remembered, prepared, override, now)
    return Adopted(override, prepared, uri_of(request.root), dry_run)


def _check_root(root: Path) -> None:
    """Whether a model could be published there, before minutes go by.

    Raises:
        BusyError: another process works in it.
        InputError: it cannot be made or written.
    """
    if root.is_dir():
        check_free(root, "working in it")
    there = next(place for place in (root, *root.absolute().parents) if os.path.lexists(place))
    if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
        what = "is no directory" if not there.is_dir() else "cannot be written to"
        raise InputError(f"--root {uri_of(root)}: {there} {what}; give a directory that can be made and written")


def _done(request: AdoptRequest, registry: Registry, dry_run: bool) -> Override | None:
    """The adoption that this very command had made before, if its model is served.

    Raises:
        InputError: another model is served.
    """
    if dry_run:
        check_settled(registry)
    else:
        settled(registry)
    served = registry.served()
    if served is None:
        return None
    current = registry.current_override()
    if current is None or current.kind is not OverrideKind.ADOPTED:
        raise _serves(request.root, f"version {served.version}, mAP {score(served.map)}")
    same = (current.by, current.reason) == (request.by.strip(), request.reason.strip())
    if not same or not _is_of(served, saved_model_in(str(request.model))):
        raise _serves(
            request.root,
            f"version {served.version}, mAP {score(served.map)}, which {current.by} adopted on {current.at[:10]}",
        )
    return current


def _is_of(served: ServedModel, source: str) -> bool:
    """Whether a served model is this SavedModel, wrapped or as it is."""
    digest, record = model_digest(source, LOCAL_FILES), read_adoption(served.path, files_of(served.path))
    return digest in (served.digest, record.source_digest if record else served.digest)


def _serves(root: Path, what: str) -> InputError:
    return InputError(
        f"--root {uri_of(root)}: serves a model already, {what}: to adopt another one would pass by the gate; give "
        "--root another directory for this one, or `ratchet run` to have what is served beaten"
    )


@contextlib.contextmanager
def _working() -> Iterator[Path]:
    """A scratch directory; what libraries print goes to a log in it, of which an error's traceback is kept."""
    with contextlib.ExitStack() as stack:
        stack.enter_context(progress_on(stack.enter_context(own_stderr())))
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="ratchet-adopt-")))
        log = scratch / "log.txt"
        stack.enter_context(output_to(log))
        stack.enter_context(tracebacks_to(log))
        prepare_tensorflow()
        yield scratch


def _remembered(configuration: Configuration, prepared: Prepared) -> Remembered:
    """What the root is to keep: of a model that Ratchet trained, its own settings, for training goes on from it.

    Raises:
        InputError: a configuration was given, and is of another model.
    """
    given, record = configuration.remembered, prepared.record
    if record is None:
        return given
    if not has_only_name(given):
        difference = model_difference(given.settings.get("model", {}), record.model, prepared.found.source)
        if difference is not None:
            raise InputError(
                f"{given.config}: {difference.key} = {json.dumps(difference.wanted)}, but {prepared.found.source} has "
                f"{json.dumps(difference.there)}, and retraining starts from its weights; correct it, or leave the "
                "configuration out to go on with the model's own"
            )
        return given
    return Remembered(*settings_of(configuration.settings.name, record))


def _serve(
    root: Path,
    registry: Registry,
    remembered: Remembered,
    prepared: Prepared,
    override: Override,
    now: datetime.datetime,
) -> Override:
    """Writes what the root is, then publishes: killed in between, the same command goes on from there."""
    model = ServedModel(
        version="",
        path="",
        digest=prepared.digest,
        span=0,
        golden_digest=override.golden_digest,
        map=prepared.measured.map,
        verdict=ADOPTED,
        run_id=override.run_id,
        pushed_at=override.at,
        blessed=True,
    )
    try:
        root.mkdir(parents=True, exist_ok=True)
        with hold_root(root, "adopting a model"):
            record_root(root, remembered)
            (root / "runs").mkdir(exist_ok=True)
            # It answers in a fresh process as it was measured; what is staged has the same bytes, or is refused.
            change = ServingChange(Publication(model, prepared.directory, None, override))
            override = serve(registry, change, now)
            if store_of(root).is_begun:
                tell_ml_metadata(root, registry)
            show_runs(root, pages=False)
    except OSError as error:
        if error.filename is None or not str(error.filename).startswith(str(root)):
            raise
        raise InputError(
            f"--root {uri_of(root)}: cannot be written ({error.filename}: {reason_of(error)}); make it writable"
        ) from error
    tell_vertex(root, registry)
    return override
