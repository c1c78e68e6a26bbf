"""Looks at a pipeline root before a pruning."""

from __future__ import annotations

import filecmp
import os
import re
from collections.abc import Iterator
from pathlib import Path

from ratchet.components.registry.references import best_version
from ratchet.pipeline.past.history import UNFINISHED, RunEntry, read_history
from ratchet.pipeline.past.run_record import read_left
from ratchet.pipeline.retention.facts import Found, GoldenFacts, RootFacts, RunFacts
from ratchet.pipeline.retention.protection import seconds
from ratchet.pipeline.root.roots import registry_at
from ratchet.schemas.artifacts.diagnosis import DIAGNOSIS_FILE
from ratchet.schemas.artifacts.registry_entries import ServedModel
from ratchet.schemas.artifacts.review import PAGE_STEPS, REVIEW_FILE
from ratchet.schemas.artifacts.training_record import read_training_record
from ratchet.schemas.base.artifact_places import places
from ratchet.schemas.base.errors import StateError
from ratchet.schemas.base.files import LOCAL_FILES, WRITING
from ratchet.schemas.data.dataset import GOLDEN_STEP
from ratchet.schemas.data.examples_artifact import ExamplesArtifact

SET_ASIDE = ".pruned-"
_MODEL = "Format-Serving"
_PROCESS = re.compile(r"\.(\d+)" + re.escape(WRITING) + "$")
# Where something unfinished may lie: written by `write_durably` and the registry, and by a change of what is served.
_HALF_WRITTEN = (f"*{WRITING}", f"registry/**/*{WRITING}", f"runs/*/*{WRITING}", "serving/*/unfinished-*")
_SET_ASIDE = (f"artifacts/*/*/{SET_ASIDE}*", f"artifacts/*/*/*/{SET_ASIDE}*", f"*/*/{SET_ASIDE}*")


def survey(root: Path) -> RootFacts:
    """What is in a pipeline root; nothing of it is changed.

    Args:
        root: its absolute path.

    Raises:
        StateError: its registry, or a note of an earlier pruning, makes no sense.
    """
    registry = registry_at(root)
    versions = registry.versions()
    served, decisions = registry.pointer().served, registry.decisions()
    models = {made.run_id: _own(root, made.model) for made in decisions}
    known = [model for model in versions if _files_of(root, model, models)]
    return RootFacts(
        runs=tuple(_run(root, entry) for entry in read_history(root, ()).runs),
        served=served,
        versions=tuple(versions),
        restorable=frozenset(model.version for model in known),
        on_disk={
            version: _relative(root, Path(registry.serving_directory, version))
            for version in registry.versions_on_disk()
        },
        models=models,
        lineage={model.version: _lineage(root, _files_of(root, model, models)) for model in known},
        examples=tuple(_below(root, "artifacts/*/examples/[0-9]*")),
        golden=tuple(_golden(root)),
        best=best_version(served, versions, decisions) if served else None,
        copies={**dict(_model_copies(root)), **dict(_page_copies(root))},
        checkpoints=tuple(_found(root, "artifacts/checkpoints/*")),
        working=tuple(_found(root, "artifacts/*/.system/*/*")),
        half_written=tuple(one for pattern in _HALF_WRITTEN for one in _found(root, pattern)),
        set_aside=tuple(path for pattern in _SET_ASIDE for path in _below(root, pattern)),
    )


def _run(root: Path, entry: RunEntry) -> RunFacts:
    directory = root / "runs" / entry.run_id
    there = [path for path in (directory / REVIEW_FILE, directory / DIAGNOSIS_FILE, entry.log) if path.is_file()]
    return RunFacts(
        run_id=entry.run_id,
        finished=entry.state != UNFINISHED,
        at_s=seconds(entry.at),
        left=read_left(root, entry.run_id),
        evidence=tuple(_relative(root, path) for path in there),
        report=_own(root, entry.result.report) if entry.result else None,
    )


def _files_of(root: Path, model: ServedModel, models: dict[str, str]) -> Path | None:
    """The SavedModel of a version: in the serving directory, or in the artifacts of its run."""
    archived = models.get(model.run_id)
    found = [Path(model.path), *([root / archived / _MODEL] if archived else [])]
    return next((path for path in found if (path / "saved_model.pb").is_file()), None)


def _lineage(root: Path, model: Path | None) -> tuple[str, ...] | None:
    try:
        record = read_training_record(str(model), LOCAL_FILES)
    except (StateError, OSError, ValueError):
        return None
    return tuple(_own(root, places(data.examples, f"{root}/artifacts")[0]) for data in record.data)


def _own(root: Path, uri: str) -> str:
    """An artifact's path relative to the root, also where the root was moved since that was written down."""
    if uri.startswith("artifacts/"):
        return uri
    return _relative(root, Path(places(uri, f"{root}/artifacts")[0]))


def _golden(root: Path) -> Iterator[GoldenFacts]:
    for path in _below(root, f"artifacts/{GOLDEN_STEP}/examples/[0-9]*"):
        try:
            info = ExamplesArtifact.open(f"{root}/{path}", LOCAL_FILES).info
        except (OSError, ValueError, StateError):
            continue  # not whole: nothing says that it is a golden set
        yield GoldenFacts(path, info.digest, int(path.rpartition("/")[2]))


def _model_copies(root: Path) -> Iterator[tuple[str, str]]:
    for path in _below(root, f"artifacts/BaselineReader/baseline/[0-9]*/{_MODEL}"):
        yield path, path.rpartition("/")[0]
    for path in _below(root, "artifacts/Pusher/pushed_model/[0-9]*/saved_model.pb"):
        artifact = path.rpartition("/")[0]
        yield artifact, artifact


def _page_copies(root: Path) -> Iterator[tuple[str, str]]:
    """Pages in the artifacts that are byte for byte those in `runs/`."""
    in_runs: dict[int, list[Path]] = {}
    for page in root.glob(f"runs/*/{REVIEW_FILE}"):
        in_runs.setdefault(page.stat().st_size, []).append(page)
    for step in PAGE_STEPS:
        for path in _below(root, f"artifacts/{step}/page/[0-9]*/{REVIEW_FILE}"):
            same_size = in_runs.get((root / path).stat().st_size, [])
            if any(filecmp.cmp(root / path, page, shallow=False) for page in same_size):
                artifact = path.rpartition("/")[0]
                yield artifact, artifact


def _found(root: Path, pattern: str) -> Iterator[Found]:
    for path in _below(root, pattern):
        yield Found(path, (root / path).lstat().st_mtime, _is_alive(path))


def _is_alive(path: str) -> bool:
    process = _PROCESS.search(path)
    return process is not None and os.path.exists(f"/proc/{process[1]}")


def _below(root: Path, pattern: str) -> list[str]:
    return sorted(_relative(root, path) for path in root.glob(pattern))


def _relative(root: Path, path: Path) -> str:
    return str(path.relative_to(root)) if path.is_relative_to(root) else str(path)
