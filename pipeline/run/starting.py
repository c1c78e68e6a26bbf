"""Between the lock and the first step: what was interrupted is completed, and the run is found again or begun."""

from __future__ import annotations

import datetime
import shutil
from dataclasses import dataclass
from pathlib import Path

from ratchet.components.object_store import objects
from ratchet.components.object_store.files import files_of
from ratchet.components.object_store.uri import is_gs
from ratchet.components.registry.registry import Registry
from ratchet.pipeline.past.golden_looks import known_golden_set, looks_at
from ratchet.pipeline.past.run_record import begin_run, unfinished_run, unreported_run
from ratchet.pipeline.root.metadata_store import store_of
from ratchet.pipeline.root.places import is_remote, named
from ratchet.pipeline.root.rebuild import read_root
from ratchet.pipeline.root.root_file import is_moved
from ratchet.pipeline.root.root_settings import record_root
from ratchet.pipeline.root.roots import registry_of, settled
from ratchet.pipeline.run.left_behind import left_behind
from ratchet.pipeline.run.nothing_new import DecidedBefore, decided_before
from ratchet.pipeline.run.preflight import Asked, RunRequest, check_new
from ratchet.pipeline.serving.change import tell_ml_metadata
from ratchet.schemas.artifacts.run_files import RunRecord, key_of
from ratchet.schemas.base.code_version import code_version
from ratchet.schemas.base.errors import StateError
from ratchet.schemas.base.formatting import many
from ratchet.schemas.base.model_digest import is_intact
from ratchet.schemas.base.progress import LOGGER


@dataclass(frozen=True)
class Started:
    """A run that is about to work.

    Attributes:
        run_id: its id.
        resumed: whether it goes on from where it was interrupted.
    """

    run_id: str
    resumed: bool


def start(request: RunRequest, asked: Asked) -> Started | DecidedBefore:
    """Finds the interrupted run of the same request, or begins a new one; in a root that is locked.

    Args:
        request: what to do.
        asked: of `read_request`.

    Returns:
        The run; or, where nothing is new, the one that has decided what is asked for.

    Raises:
        InputError: a new run could not start.
        StateError: the pipeline root contradicts itself.
    """
    registry = registry_of(request.root, request.settings.name)
    settled(registry)
    _take_store(request)
    check_ml_metadata(request.root)
    at_home(request.root)
    if request.remembered is not None:
        record_root(request.root, request.remembered)
    tell_ml_metadata(request.root, registry)
    ended = None if request.anew else unreported_run(request.root, asked.number, key_of(asked.parts))
    if ended is not None:
        return Started(ended, resumed=True)
    run_id = unfinished_run(request.root, asked.number, key_of(asked.parts))
    if run_id is not None and not request.anew:
        LOGGER.info("run %s was interrupted; this goes on with it", run_id)
        restore_baseline(request.root, registry, run_id)
        return Started(run_id, resumed=True)
    if run_id is None and not request.again:
        # Without a first model, too: what is left to a person then is said of the run that was to make it.
        baseline = registry.baseline(True) if request.bootstrap else registry.served()
        decided = decided_before(request.root, asked.parts, baseline, registry.decisions())
        if decided is not None:
            return decided
    if run_id is None:
        tell_left_behind(request, asked)
    return _begin(request, asked)


def _begin(request: RunRequest, asked: Asked) -> Started:
    served = check_new(request, asked)
    tell_budget(request, asked)
    record = RunRecord(
        span=asked.number,
        asked=asked.parts,
        baseline=(served.version, served.digest) if served else None,
        command=request.command,
        started_at=datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
        code=code_version(),
        span_version=asked.version,
    )
    return Started(begin_run(request.root, record), resumed=False)


def tell_left_behind(request: RunRequest, asked: Asked) -> None:
    """Says why what an unfinished run has trained so far is not gone on with, where a new run is begun instead."""
    why = None if request.anew else left_behind(request.root, asked.parts)
    if why is not None:
        LOGGER.warning("%s", why)


def tell_budget(request: RunRequest, asked: Asked) -> None:
    """Says before hours of training that its candidate cannot be pushed; a person may still want one to approve."""
    decisions = registry_of(request.root, request.settings.name).decisions()
    golden = known_golden_set(request.root, asked.parts["golden"], decisions)
    used, budget = looks_at(golden, decisions) if golden else 0, request.settings.evaluator.golden_budget
    if used >= budget:
        LOGGER.warning(
            "%s: has made %s, and evaluator.golden_budget is %d: this run's candidate can be approved, but "
            "not pushed; renew the golden set, or stop here and raise the budget, --set evaluator.golden_budget=N",
            *(request.golden, many(used, "decision"), budget),
        )


def _take_store(request: RunRequest) -> None:
    """SQLite is there by itself, and so needs nothing of what is slow to import."""
    wanted = request.settings.metadata.server
    if wanted is not None or store_of(request.root).server is not None:
        from ratchet.pipeline.root.claim import take_store

        take_store(request.root, wanted)


def at_home(root: Path) -> None:
    """Tells ML Metadata where its artifacts are, in a root that was moved or copied.

    Raises:
        StateError: it cannot be told.
    """
    if store_of(root).server is not None:
        _at_home_on_server(root)
        return
    there = read_root(root)
    if there is None or not is_moved(there, root) or not store_of(root).file.exists():
        return
    from ratchet.pipeline.root.ml_metadata import relocate

    LOGGER.info("this root was %s before: ML Metadata is told where its artifacts are now", there.path)
    relocate(root, there.path)


def _at_home_on_server(root: Path) -> None:
    """There the server says where it saw the root last."""
    from ratchet.pipeline.root.claim import move_on_server

    recorded = move_on_server(root)
    if recorded is not None:
        LOGGER.info("this root was %s before: ML Metadata was told where its artifacts are now", recorded)


def check_ml_metadata(root: Path) -> None:
    """Whether ML Metadata is there where artifacts are; with a new one TFX would count from the start, and overwrite.

    Raises:
        StateError: it is not.
    """
    store = store_of(root)
    if store.is_begun:
        if is_remote(root) or store.server is not None:
            from ratchet.pipeline.root.executions import count_on_where_behind

            count_on_where_behind(root)
    elif _has_artifacts(root):
        raise StateError(
            f"{named(root, store.file)}: ML Metadata is lost; restore the file from a backup, or "
            "`ratchet doctor --repair` begins a new one"
        )


def _has_artifacts(root: Path) -> bool:
    """Whether steps that a store of this kind has counted left anything; those of Kubeflow count for themselves."""
    if is_remote(root):
        from ratchet.pipeline.root.executions import highest_execution

        return highest_execution(root) > 0
    artifacts = root / "artifacts"
    return artifacts.is_dir() and any(artifacts.iterdir())


def restore_baseline(root: Path, registry: Registry, run_id: str) -> None:
    """Makes a resumed run's copy of the baseline whole again, should it have been damaged since.

    Raises:
        StateError: it cannot be.
    """
    from ratchet.pipeline.root.ml_metadata import connection_to, read_step, store_errors

    with store_errors(root):
        step = read_step(connection_to(root), store_of(root).run_name(run_id), "BaselineReader")
    if step is None or not step.done or not step.output_properties["baseline"].get("has_baseline"):
        return
    version, digest = (str(step.output_properties["baseline"][name]) for name in ("version", "digest"))
    copy = f"{step.outputs['baseline']}/Format-Serving"
    if is_intact(copy, digest, files_of(copy)):
        return
    if not registry.storage.holds(version, digest):
        raise StateError(
            f"{copy}: the run's copy of the baseline is damaged, and version {version} is no longer served from "
            f"{registry.serving_directory}; give the command with --anew, which begins a new run"
        )
    copy_model(f"{registry.serving_directory}/{version}", copy)


def copy_model(source: str, target: str) -> None:
    """Copies a served model in the place of a damaged copy."""
    if not is_gs(target):
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(source, target)
        return
    objects.delete_below(target)
    for one in objects.list_below(source):
        objects.copy(one.uri, f"{target}{one.uri[len(source) :]}")
