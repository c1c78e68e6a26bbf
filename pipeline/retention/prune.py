"""Deletes what a plan names, in an order in which a kill at any moment loses nothing that the plan keeps.

    1. `runs/ID/pruned.json` of each old run: its artifacts may be gone from now on, so nobody resumes it
    2. each removal is renamed aside (`.pruned-NAME`, beside what it was), and deleted
    3. ML Metadata: these artifacts are DELETED
    4. `runs/ID/pruned.json`: what is left

After a kill the next pruning deletes what was renamed, and finds the rest in `pruned.json` again.
"""

from __future__ import annotations

import dataclasses
import datetime
import os
import shutil
import stat
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

from ratchet.components.object_store import objects
from ratchet.pipeline.config.pipeline_settings import RetentionSettings
from ratchet.pipeline.past.run_index import forget
from ratchet.pipeline.past.run_record import write_left
from ratchet.pipeline.past.shown import show_runs
from ratchet.pipeline.retention.facts import RunArtifacts
from ratchet.pipeline.retention.plan import Kept, Kind, Plan, Removal, plan
from ratchet.pipeline.retention.survey import SET_ASIDE, survey
from ratchet.pipeline.root.executions import highest_execution
from ratchet.pipeline.root.holding import check_free, hold_root, with_ml_metadata, written_back
from ratchet.pipeline.root.metadata_store import store_of
from ratchet.pipeline.root.object_path import ObjectPath
from ratchet.pipeline.root.places import Place, is_remote, tree_of, uri_of
from ratchet.pipeline.root.roots import check_settled, registry_at, settled, which_root
from ratchet.pipeline.terminal.plain_text import table
from ratchet.schemas.base.errors import InputError, RatchetError
from ratchet.schemas.base.formatting import and_more, size
from ratchet.schemas.base.progress import LOGGER

_SHOWN = 5  # of the failures, and of the reasons for which something stays


class ArtifactStore(Protocol):
    """What a pruning needs of ML Metadata."""

    def of_run(self, run_id: str) -> RunArtifacts:
        """What is known of a run."""
        ...

    def mark_deleted(self, paths: list[str]) -> None:
        """Notes that artifacts are gone."""
        ...


@dataclasses.dataclass(frozen=True)
class Pruned:
    """What a pruning deleted, or would delete.

    Attributes:
        removals: with their sizes.
        kept: what stays although it is old.
        failures: what could not be deleted, a sentence each.
        dry_run: whether nothing was changed.
    """

    removals: tuple[Removal, ...] = ()
    kept: tuple[Kept, ...] = ()
    failures: tuple[str, ...] = ()
    dry_run: bool = False

    @property
    def size_bytes(self) -> int:
        """Room of all removals together."""
        return sum(removal.size_bytes for removal in self.removals)

    def to_text(self) -> str:
        """A table of what was deleted, and what stays and why."""
        sizes = [(kind.value, [one.size_bytes for one in self.removals if one.kind is kind]) for kind in Kind]
        sizes = [
            *((name, given) for name, given in sizes if given),
            ("in all", [one.size_bytes for one in self.removals]),
        ]
        head = ("would go" if self.dry_run else "deleted", "number", "room")
        rows = [head, *((name, str(len(given)), size(sum(given))) for name, given in sizes)]
        lines = table(rows, " rr") if self.removals else ["Nothing to prune."]
        return "\n".join([*lines, *self._kept_lines(), *_first(self.failures, "")])

    def to_json(self) -> dict[str, Any]:
        """The contract of `ratchet prune --json`."""
        return {
            "dry_run": self.dry_run,
            "removed": [
                {"kind": one.kind.name.lower(), "path": one.path, "reason": one.reason, "bytes": one.size_bytes}
                for one in self.removals
            ],
            "kept": [dataclasses.asdict(one) for one in self.kept],
            "bytes": self.size_bytes,
            "failures": list(self.failures),
        }

    def _kept_lines(self) -> list[str]:
        if not self.kept:
            return []
        reasons = Counter(one.reason for one in self.kept).most_common()
        lines = table([(str(number), reason) for reason, number in reasons], "r")
        head = f"{len(self.kept)} artifacts of old runs stay:"
        return [head, *(f"  {line}" for line in _first(lines, " reasons: --json"))]


def prune(root: Path, settings: RetentionSettings, now: datetime.datetime, dry_run: bool = False) -> Pruned:
    """Deletes what is old in a pipeline root.

    Args:
        root: pipeline root.
        settings: what stays.
        now: the present, UTC.
        dry_run: only say what would be deleted.

    Raises:
        InputError: there is no such root.
        StateError: it is in use, or contradicts itself.
    """
    if not (root / "runs").is_dir():
        raise InputError(
            f"--root {uri_of(root)}: not a pipeline root, or no run of it ever began (no {uri_of(root)}/runs); "
            f"{which_root()}"
        )
    root = root.resolve()
    if dry_run:
        check_free(root, "working in it")
        check_settled(registry_at(root))
        with_ml_metadata(root)
        return _prune(root, settings, now, dry_run)
    with hold_root(root, "retraining"):
        settled(registry_at(root))  # it may need what looks like a leftover
        pruned = _prune(root, settings, now, dry_run)
        show_runs(root)
        return pruned


def _first(lines: Sequence[str], of: str) -> list[str]:
    more = and_more(len(lines) - _SHOWN).strip()
    return [*lines[:_SHOWN], *([f"{more}{of}"] if more else [])]


def apply_retention(root: Path, settings: RetentionSettings, now: datetime.datetime) -> Pruned:
    """Deletes what is old at the end of a run, whose process has the root to itself; an error is logged, not raised.

    Args:
        root: pipeline root.
        settings: what stays.
        now: the present, UTC.
    """
    try:
        done = _prune(root.resolve(), settings, now, dry_run=False)
    except (RatchetError, OSError) as error:
        LOGGER.warning("old runs could not be pruned (%s); `ratchet prune` does it later", error)
        return Pruned(failures=(str(error),))
    for failure in done.failures:
        LOGGER.warning("%s", failure)
    return done


def carry_out(root: Path, made: Plan, store: ArtifactStore, now: datetime.datetime) -> tuple[str, ...]:
    """Does what a plan says.

    Args:
        root: absolute path of the pipeline root.
        made: the plan.
        store: its ML Metadata.
        now: the present, UTC.

    Returns:
        What could not be deleted, a sentence each.
    """
    forget(root, {*made.changed, *(one.path.split("/")[1] for one in made.removals if one.path.startswith("runs/"))})
    for run_id, paths in made.changed.items():
        write_left(root, run_id, paths, now)
    written_back(root)
    failed = dict(_delete_all(root, made))
    gone = [one.artifact for one in made.removals if one.artifact and one.path not in failed]
    store.mark_deleted(gone)
    for run_id, paths in made.changed.items():
        write_left(root, run_id, [path for path in paths if path not in gone], now)
    return tuple(failed.values())


def _prune(root: Path, settings: RetentionSettings, now: datetime.datetime, dry_run: bool) -> Pruned:
    store, tree = _store(root), tree_of(root)
    made = plan(survey(root, tree), settings, now.timestamp(), store.of_run)
    measured = tuple(dataclasses.replace(one, size_bytes=_size_bytes(tree / one.path)) for one in made.removals)
    failures = () if dry_run else carry_out(root, made, store, now)
    return Pruned(measured, made.kept, failures, dry_run)


class _NoStore:
    """Of a root whose jobs keep ML Metadata elsewhere: what their runs left is not known, so none of it goes."""

    def of_run(self, run_id: str) -> RunArtifacts:
        return RunArtifacts(0.0, ())

    def mark_deleted(self, paths: list[str]) -> None:
        pass


def _store(root: Path) -> ArtifactStore:
    from ratchet.pipeline.retention.artifacts import RunArtifactStore

    if is_remote(root) and not store_of(root).file.exists() and not highest_execution(root):
        LOGGER.warning(
            "%s: has no ML Metadata, as its jobs keep theirs elsewhere, so which artifacts are whose is not known, and "
            "none of them goes; docs/retention.md says which of them may age by a rule of the bucket",
            uri_of(root),
        )
        return _NoStore()
    return RunArtifactStore(root)


def _delete_all(root: Path, made: Plan) -> Iterator[tuple[str, str]]:
    for removal in made.removals:
        place = tree_of(root) / removal.path
        try:
            if isinstance(place, Path) or removal.path.startswith("runs/"):
                _delete(root / removal.path)  # of a working copy, it is deleted there when that is written back
            else:
                _delete_objects(str(place))
        except OSError as error:
            yield removal.path, f"{place}: cannot be deleted ({error.strerror}); make it writable"


def _delete_objects(uri: str) -> None:
    """A model's own file first: TensorFlow Serving never sees half a version."""
    for one in objects.list_below(uri):
        if one.uri.endswith("/saved_model.pb"):
            objects.delete(one.uri)
    objects.delete_below(uri)
    objects.delete(uri)


def _delete(path: Path) -> None:
    """Renamed first: nobody ever sees half of it under its own name."""
    aside = path if path.name.startswith(SET_ASIDE) else path.with_name(f"{SET_ASIDE}{path.name}")
    if aside != path:
        if not os.path.lexists(path):
            if os.path.lexists(aside):  # a pruning that was killed had come so far
                _erase(aside)
            return
        if os.path.lexists(aside):
            _erase(aside)
        os.rename(path, aside)
    _erase(aside)


def _erase(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _size_bytes(path: Place) -> int:
    """Room on the disk; a file that has another name, too, gives none back."""
    if isinstance(path, ObjectPath):
        return path.size_bytes()
    files = [path] if not path.is_dir() or path.is_symlink() else [path, *path.rglob("*")]
    stats = [file.lstat() for file in files if os.path.lexists(file)]
    return sum(one.st_blocks * 512 for one in stats if one.st_nlink == 1 or stat.S_ISDIR(one.st_mode))
