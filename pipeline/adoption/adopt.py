"""A detector that is in production already becomes the root's first served model: measured, wrapped and published.

Nobody can pass by the gate so: a root that serves a model refuses, unless that is what was adopted and its files are
lost. What was adopted before a power cut is served, or not, as of any publication; the same command again says which.
"""

from __future__ import annotations

import contextlib
import datetime
import json
import os
from collections.abc import Iterator
from pathlib import Path

from ratchet.components.adoption.places import saved_model_in
from ratchet.components.registry.publication import Publication
from ratchet.components.registry.registry import Registry
from ratchet.components.stack.environment import prepare as prepare_tensorflow
from ratchet.components.toolkits.read_plan import read_plan
from ratchet.pipeline.adoption.adopted import Adopted
from ratchet.pipeline.adoption.before import Before, given_of, look_before
from ratchet.pipeline.adoption.prepared import Prepared, prepare
from ratchet.pipeline.adoption.request import AdoptRequest
from ratchet.pipeline.adoption.room import check_room
from ratchet.pipeline.adoption.scratch import remove_left, scratch_directory
from ratchet.pipeline.adoption.settings import adoption_settings
from ratchet.pipeline.past.shown import show_runs
from ratchet.pipeline.root.holding import check_free, hold_root
from ratchet.pipeline.root.metadata_store import store_of
from ratchet.pipeline.root.places import uri_of
from ratchet.pipeline.root.rebuild import model_difference, settings_of
from ratchet.pipeline.root.root_settings import Configuration, Remembered, has_only_name, record_root
from ratchet.pipeline.root.roots import check_settled, registry_of, settled
from ratchet.pipeline.serving.change import (
    ServingChange,
    move_labels,
    one_line,
    serve,
    tell_ml_metadata,
    tell_vertex,
    told_before,
)
from ratchet.pipeline.terminal.console import output_to, own_stderr, progress_on
from ratchet.pipeline.terminal.failures import is_crash, tracebacks_to
from ratchet.schemas.artifacts.adoption import ADOPTED
from ratchet.schemas.artifacts.overrides import Override, OverrideKind
from ratchet.schemas.artifacts.registry_entries import ServedModel
from ratchet.schemas.base.errors import InputError
from ratchet.schemas.base.files import reason_of

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
    _check_place(request.root)
    _settle(registry, dry_run)
    remove_left()
    plan = read_plan(request.pipeline_config) if request.pipeline_config is not None else None
    given = given_of(request, plan)
    before = look_before(request, given, registry, configuration.settings)
    if before.done is not None:
        if not dry_run:
            _tell(request.root, registry)  # a kill may have come before that
            _move(request.root, registry)
        return Adopted(told_before(before.done), None, uri_of(request.root), dry_run)
    if request.root.is_dir():
        check_free(request.root, "working in it")
    check_room(request.root, saved_model_in(str(request.model)))
    with _working() as scratch:
        prepared = prepare(request, configuration.settings, plan, now, scratch)
        override = Override(
            kind=OverrideKind.ADOPTED,
            at=now.isoformat(timespec="seconds"),
            by=by,
            reason=reason,
            run_id=f"{ADOPT}-{now:%Y%m%d-%H%M%S}",
            version="",
            previous_version=before.lost and before.lost.version,
            model_digest=prepared.digest,
            golden_digest=prepared.measured.golden_digest,
            given=given,
        )
        remembered = _remembered(configuration, prepared)
        if not dry_run:
            override = _serve(request.root, registry, remembered, prepared, override, before, now)
    return Adopted(override, prepared, uri_of(request.root), dry_run, _reading(request))


def _reading(request: AdoptRequest) -> tuple[str, ...]:
    """The options of the golden set, as `ratchet run` has them too."""
    config = ("--config", request.config) if request.config is not None else ()
    overrides = (part for override in request.overrides for part in ("--set", override))
    return ("--golden", str(request.golden), *config, *overrides)


def _check_place(root: Path) -> None:
    """Whether a model could be published there, before minutes go by.

    Raises:
        InputError: it cannot be made or written.
    """
    there = next(place for place in (root, *root.absolute().parents) if os.path.lexists(place))
    if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
        what = "is no directory" if not there.is_dir() else "cannot be written to"
        raise InputError(f"--root {uri_of(root)}: {there} {what}; give a directory that can be made and written")


def _settle(registry: Registry, dry_run: bool) -> None:
    if dry_run:
        check_settled(registry)
    else:
        settled(registry)


@contextlib.contextmanager
def _working() -> Iterator[Path]:
    """A scratch directory; what libraries print goes to a log in it, of which an error's traceback is kept."""
    with contextlib.ExitStack() as stack:
        stack.enter_context(progress_on(stack.enter_context(own_stderr())))
        scratch = stack.enter_context(scratch_directory())
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
    before: Before,
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
            over = before.lost and (before.lost.version, before.lost.digest)
            publication = Publication(model, prepared.directory, over, override, before.left_behind)
            override = serve(registry, ServingChange(publication), now)
            _tell(root, registry)
    except OSError as error:
        if is_crash(error) or error.filename is None or not str(error.filename).startswith(str(root)):
            raise  # a full disk says what to do itself
        raise InputError(
            f"--root {uri_of(root)}: cannot be written ({error.filename}: {reason_of(error)}); make it writable"
        ) from error
    _move(root, registry)
    return override


def _tell(root: Path, registry: Registry) -> None:
    """What others show of it; done again, it is the same."""
    if store_of(root).is_begun:
        tell_ml_metadata(root, registry)
    show_runs(root, pages=False)


def _move(root: Path, registry: Registry) -> None:
    """Lets Vertex AI and TensorFlow Serving's labels follow what is served, where the configuration names them."""
    tell_vertex(root, registry)
    move_labels(root, registry)
