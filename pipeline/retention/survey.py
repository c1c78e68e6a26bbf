"""Looks at a pipeline root before a pruning."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ratchet.components.object_store.files import files_of
from ratchet.components.pages.trail import without_trail
from ratchet.components.registry.references import best_version
from ratchet.components.registry.version_labels import labelled_versions
from ratchet.pipeline.past.run_index import KnownRuns, known_runs
from ratchet.pipeline.past.run_record import read_left
from ratchet.pipeline.retention.facts import Found, GoldenFacts, RootFacts, RunFacts
from ratchet.pipeline.retention.protection import seconds
from ratchet.pipeline.root.object_path import ObjectPath
from ratchet.pipeline.root.places import Place, place
from ratchet.pipeline.root.root_settings import remembered_settings
from ratchet.pipeline.root.roots import registry_at
from ratchet.schemas.artifacts.origin import record_of
from ratchet.schemas.artifacts.registry_entries import ServedModel
from ratchet.schemas.artifacts.review import PAGE_FILES, PAGE_STEPS, REVIEW_FILE
from ratchet.schemas.artifacts.run_index import UNFINISHED, KnownRun
from ratchet.schemas.base.artifact_places import places
from ratchet.schemas.base.errors import ConfigError, StateError
from ratchet.schemas.base.files import WRITING
from ratchet.schemas.data.dataset import GOLDEN_STEP
from ratchet.schemas.data.examples_artifact import ExamplesArtifact

SET_ASIDE = ".pruned-"
_LINKS_BYTES = 4096  # links to other pages are shorter
_MODEL = "Format-Serving"
_PROCESS = re.compile(r"\.(\d+)" + re.escape(WRITING) + "$")
# Where something unfinished may lie: written by `write_durably` and the registry, and by a change of what is served.
_HALF_WRITTEN = (
    f"*{WRITING}",
    f"registry/**/*{WRITING}",
    f"runs/*{WRITING}",
    "serving/*/unfinished-*",
)
_SET_ASIDE = (
    f"artifacts/*/{SET_ASIDE}*",
    f"artifacts/*/*/{SET_ASIDE}*",
    f"artifacts/*/*/*/{SET_ASIDE}*",
    f"serving/*/{SET_ASIDE}*",
)
_OF_A_STEP = re.compile(r"artifacts/[^/]+/[^/]+/[0-9]+")  # as the local runner names them


def survey(root: Path, tree: Place) -> RootFacts:
    """What is in a pipeline root; nothing of it is changed.

    Args:
        root: its absolute path; of a remote one, its working copy.
        tree: of `tree_of`.

    Raises:
        StateError: its registry, or a note of an earlier pruning, makes no sense.
    """
    registry = registry_at(root)
    versions = registry.versions()
    served, decisions = registry.pointer().served, registry.decisions()
    models = {made.run_id: _own(tree, made.model) for made in decisions}
    there = _There(frozenset(registry.versions_on_disk()), frozenset(_below(tree, "artifacts/*/*/[0-9]*")))
    files = {model.version: _files_of(tree, model, models, there) for model in versions}
    known = [model for model in versions if files[model.version]]
    runs = known_runs(root)
    looked_at = sorted(runs.looked_at)
    unfinished = (*_HALF_WRITTEN, *(f"runs/{name}/*{WRITING}" for name in looked_at))
    aside = (*_SET_ASIDE, *(f"runs/{name}/{SET_ASIDE}*" for name in looked_at))
    return RootFacts(
        runs=tuple(_run(root, tree, run, run.run_id in runs.looked_at) for run in runs.runs),
        served=served,
        versions=tuple(versions),
        restorable=frozenset(model.version for model in known),
        on_disk={
            version: _relative(tree, place(f"{registry.serving_directory}/{version}", tree=tree))
            for version in registry.versions_on_disk()
        },
        models=models,
        lineage={model.version: _lineage(tree, files[model.version]) for model in known},
        examples=tuple(_below(tree, "artifacts/*/examples/[0-9]*")),
        golden=tuple(_golden(tree)),
        best=best_version(served, versions, decisions) if served else None,
        copies={**dict(_model_copies(tree)), **dict(_page_copies(tree, runs))},
        checkpoints=tuple(_found(tree, "artifacts/checkpoints/*")),
        working=tuple(_found(tree, "artifacts/*/.system/*/*")),
        half_written=tuple(one for pattern in unfinished for one in _found(tree, pattern)),
        set_aside=tuple(path for pattern in aside for path in _below(tree, pattern)),
        labelled=_labelled(root),
    )


def _labelled(root: Path) -> frozenset[str] | None:
    """The versions that TensorFlow Serving's model config names, where the root's settings name that."""
    try:
        settings = remembered_settings(root)
    except (ConfigError, StateError):  # settings of another version: without them it is as if there were none
        return frozenset()
    if settings is None or settings.serving.model_config is None:
        return frozenset()
    return labelled_versions(settings.serving.model_config, settings.serving.model_name or settings.name)


def _run(root: Path, tree: Place, run: KnownRun, is_looked_at: bool) -> RunFacts:
    return RunFacts(
        run_id=run.run_id,
        finished=run.state != UNFINISHED,
        at_s=seconds(run.at),
        left=read_left(root, run.run_id) if is_looked_at else run.left,
        evidence=run.evidence,
        report=_own(tree, run.result.report) if run.result else None,
    )


@dataclass(frozen=True)
class _There:
    """What was listed, so that a model that is long gone costs no look: versions, and artifacts of the local runner."""

    versions: frozenset[str]
    artifacts: frozenset[str]

    def may_be(self, artifact: str) -> bool:
        return artifact in self.artifacts or _OF_A_STEP.fullmatch(artifact) is None


def _files_of(tree: Place, model: ServedModel, models: dict[str, str], there: _There) -> Place | None:
    """The SavedModel of a version: in the serving directory, or in the artifacts of its run."""
    archived = models.get(model.run_id)
    found = [place(model.path, tree=tree)] if model.version in there.versions else []
    found += [tree / archived / _MODEL] if archived and there.may_be(archived) else []
    return next((path for path in found if (path / "saved_model.pb").is_file()), None)


def _lineage(tree: Place, model: Place | None) -> tuple[str, ...] | None:
    try:
        record = record_of(str(model), files_of(str(model)))
    except (StateError, OSError, ValueError):
        return None
    spans = record.data if record else ()  # an adopted model was trained on none that is here
    return tuple(_own(tree, places(data.examples, f"{tree}/artifacts")[0]) for data in spans)


def _own(tree: Place, uri: str) -> str:
    """An artifact's path relative to the root, also where the root was moved since that was written down."""
    if uri.startswith("artifacts/"):
        return uri
    return _relative(tree, place(places(uri, f"{tree}/artifacts")[0], tree=tree))


def _golden(tree: Place) -> Iterator[GoldenFacts]:
    for path in _below(tree, f"artifacts/{GOLDEN_STEP}/examples/[0-9]*"):
        try:
            info = ExamplesArtifact.open(f"{tree}/{path}", files_of(str(tree))).info
        except (OSError, ValueError, StateError):
            continue  # not whole: nothing says that it is a golden set
        yield GoldenFacts(path, info.digest, int(path.rpartition("/")[2]))


def _model_copies(tree: Place) -> Iterator[tuple[str, str]]:
    for path in _below(tree, f"artifacts/BaselineReader/baseline/[0-9]*/{_MODEL}"):
        yield path, path.rpartition("/")[0]
    for path in _below(tree, "artifacts/Pusher/pushed_model/[0-9]*/saved_model.pb"):
        artifact = path.rpartition("/")[0]
        yield artifact, artifact


def _page_copies(tree: Place, runs: KnownRuns) -> Iterator[tuple[str, str]]:
    """Pages in the artifacts that are byte for byte those in `runs/`, but for the links that those have since."""
    made = [path for step in PAGE_STEPS for path in _below(tree, f"artifacts/{step}/page/[0-9]*/{REVIEW_FILE}")]
    newest = [
        tree / "runs" / run.run_id / REVIEW_FILE for run in runs.runs if run.page and run.run_id in runs.looked_at
    ]
    older = [tree / "runs" / run.run_id / REVIEW_FILE for run in runs.runs if run.page]
    for path in made:
        if _is_kept(tree / path, newest) or _is_kept(tree / path, older):
            artifact = path.rpartition("/")[0]
            yield artifact, artifact


def _is_kept(made: Place, pages: Sequence[Place]) -> bool:
    """Whether it is one of some pages in `runs/`; those of about its length are read."""
    length = _length(made)
    far = [(abs(_length(page) - length), page) for page in pages if page.is_file()]
    near = sorted((each for each in far if each[0] <= _LINKS_BYTES), key=lambda each: each[0])
    return any(_are_kept(made, page) for _, page in near)


def _are_kept(made: Place, kept: Place) -> bool:
    """Whether all that a step wrote lies beside the log, too."""
    pairs = [(made.parent / name, kept.parent / name) for name in PAGE_FILES]
    written = [(ours, theirs) for ours, theirs in pairs if ours.is_file()]
    return all(theirs.is_file() and _is_same(ours, theirs) for ours, theirs in written)


def _length(file: Place) -> int:
    return file.size_bytes() if isinstance(file, ObjectPath) else file.stat().st_size


def _is_same(file: Place, other: Place) -> bool:
    """The checksum of the service tells of objects, and what was read where one of them has got other links."""
    if isinstance(file, ObjectPath) and isinstance(other, ObjectPath):
        ours, theirs = file.info(), other.info()
        if ours is not None and theirs is not None and bool(ours.crc32c) and ours.crc32c == theirs.crc32c:
            return True
    return without_trail(file.read_bytes()) == without_trail(other.read_bytes())


def _found(tree: Place, pattern: str) -> Iterator[Found]:
    for path in _below(tree, pattern):
        file = tree / path
        modified_s = file.modified_s() if isinstance(file, ObjectPath) else file.lstat().st_mtime
        yield Found(path, modified_s, _is_alive(path))


def _is_alive(path: str) -> bool:
    process = _PROCESS.search(path)
    return process is not None and os.path.exists(f"/proc/{process[1]}")


def _below(tree: Place, pattern: str) -> list[str]:
    return sorted(_relative(tree, path) for path in tree.glob(pattern))


def _relative(tree: Place, path: Place) -> str:
    return str(path.relative_to(str(tree))) if path.is_relative_to(str(tree)) else str(path)
