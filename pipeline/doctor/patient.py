"""A pipeline root that may be damaged: each of its files is read by itself, and a torn one hides no other."""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ratchet.components.registry.entry_files import Entry, parse_value
from ratchet.components.registry.entry_index import EntryIndex, Value
from ratchet.components.registry.override_log import OVERRIDES_FILE, LoggedOverride, check_named, read_log
from ratchet.components.registry.registry import DECISIONS, VERSIONS, Registry
from ratchet.components.registry.storage import Storage
from ratchet.pipeline.doctor.aside import keep_text
from ratchet.pipeline.doctor.remembered import RememberedStorage
from ratchet.pipeline.root.places import Place, is_remote, is_there, place, tree_of, uri_of
from ratchet.pipeline.root.roots import registry_of, serving_name, which_root
from ratchet.schemas.artifacts.evaluation import EVALUATION_FILE, EVALUATION_FORMAT, Evaluation
from ratchet.schemas.artifacts.registry_entries import (
    ENTRY_INDEX_FORMAT,
    POINTER_FILE,
    SERVED_MODEL_FORMAT,
    Pointer,
    RecordedDecision,
    ServedModel,
)
from ratchet.schemas.artifacts.root_file import ROOT_FILE, ROOT_FILE_FORMAT
from ratchet.schemas.artifacts.run_result import RESULT_FILE
from ratchet.schemas.base.errors import InputError, StateError
from ratchet.schemas.base.files import read_regular
from ratchet.schemas.base.persisted import PersistedFormat
from ratchet.schemas.base.signing import Signer

_ENTRIES = (VERSIONS, DECISIONS)
_PARTS = ("registry", "serving", "runs", "artifacts", "metadata.sqlite", "metadata.json", ROOT_FILE)


@dataclass(frozen=True)
class Patient:
    """A root, and how its parts are read.

    Attributes:
        root: absolute; of a remote one, its working copy.
        tree: where registry, served models and artifacts lie; what is in it was listed once.
        registry: writes entries as they are. What is made anew is not signed: a person answers for it.
        signing: signs what it writes, if there is a key.
        signer: of the environment; None without a key.
        now: the present, UTC.
        storage: of both registries; what a look asks of it is asked once.
    """

    root: Path
    tree: Place
    registry: Registry
    signing: Registry
    signer: Signer | None
    now: datetime.datetime
    storage: RememberedStorage

    def pointer(self) -> Pointer | None:
        """What the registry says is served; None if its file is torn."""
        try:
            return self.registry.pointer()
        except StateError:
            return None

    @property
    def served(self) -> ServedModel | None:
        """The model that the registry says is served; None if it says none, or its file is torn."""
        pointer = self.pointer()
        return pointer.served if pointer else None

    @property
    def begun(self) -> str | None:
        """The version that is being put into service; None if none is, or that is not known."""
        pointer = self.pointer()
        return pointer.pushing.model.version if pointer and pointer.pushing else None

    def versions(self) -> dict[str, ServedModel]:
        """The entries of versions that can be read, by version, ascending; without one that is being published."""
        begun = self.begun
        found = [model for name, model in self._readable(VERSIONS, ServedModel) if name == f"{model.version}.json"]
        placed = [dataclasses.replace(one, path=f"{self.registry.serving_directory}/{one.version}") for one in found]
        return {one.version: one for one in sorted(placed, key=lambda one: int(one.version)) if one.version != begun}

    def decisions(self) -> list[RecordedDecision]:
        """The decisions that can be read, in the order in which they were made."""
        found = [decision for _, decision in self._readable(DECISIONS, RecordedDecision)]
        return sorted(found, key=lambda decision: (decision.decided_at, decision.run_id))

    def decision_on(self, run_id: str) -> RecordedDecision | None:
        """The last decision on a run; None if none can be read."""
        return next((one for one in reversed(self.decisions()) if one.run_id == run_id), None)

    def pushed_by(self, run_id: str) -> ServedModel | None:
        """The version that a run put into service itself, by its entry."""
        return next((one for one in self.versions().values() if one.run_id == run_id and one.restores is None), None)

    def keyed_decisions(self) -> list[tuple[str, RecordedDecision]]:
        """The same with the names of their files, without `.json`."""
        return [(name.removesuffix(".json"), made) for name, made in self._readable(DECISIONS, RecordedDecision)]

    def torn(self, directory: str) -> dict[str, str]:
        """The names without `.json` of what cannot be read in VERSIONS or DECISIONS, and why not."""
        torn: dict[str, str] = {}
        kind: type[Any] = RecordedDecision if directory == DECISIONS else ServedModel
        for name, value in self._entries(directory, kind):
            if isinstance(value, ServedModel) and name != f"{value.version}.json":
                value = f"it speaks of version {value.version}"
            if isinstance(value, str):
                torn[name.removesuffix(".json")] = value
        return torn

    def set_aside(self, directory: str, name: str) -> None:
        """Takes an entry out of VERSIONS or DECISIONS without losing it: it is kept in a file of its own."""
        self.keep_entry(directory, name)
        self.registry.entries(directory).remove(name)

    def keep_entry(self, directory: str, name: str) -> None:
        """Leaves an entry that is about to be replaced in a file of its own; nothing to do where there is none."""
        there = self.registry.entries(directory).read(name)
        if there is not None:
            keep_text(self.tree / "registry" / directory / name, there.text, "torn")

    def log(self) -> list[LoggedOverride] | None:
        """The log of overrides; None if it was changed."""
        try:
            content = self.registry.storage.read(OVERRIDES_FILE)
            logged = read_log(content.text if content else "", OVERRIDES_FILE)
            check_named(logged, self.named_overrides(), OVERRIDES_FILE)
        except StateError:
            return None
        return logged

    def named_overrides(self) -> dict[str, str]:
        """The digest of the line of the log by which a version is served, by version."""
        return {model.version: model.override for model in self.versions().values() if model.override}

    def on_disk(self) -> list[str]:
        """The versions that TensorFlow Serving sees, ascending; without one that is being published."""
        return [version for version in self.registry.versions_on_disk() if version != self.begun]

    def runs(self) -> list[Path]:
        """The directories of runs."""
        directory = self.root / "runs"
        return sorted(path for path in directory.iterdir() if path.is_dir()) if directory.is_dir() else []

    def result(self, run_id: str) -> dict[str, Any] | None:
        """`result.json` of a run; None where there is none, or a torn one."""
        values = read_object(self.root / "runs" / run_id / RESULT_FILE)
        return values if values and "verdict" in values else None

    def told_version(self, run_id: str) -> str | None:
        """The version that a run pushed, by its result."""
        version = (self.result(run_id) or {}).get("pushed_version")
        return version if isinstance(version, str) else None

    def is_trusted(self, entry: ServedModel | RecordedDecision) -> bool:
        """Whether its signature is right; without a key, nothing is asked."""
        try:
            self.signing.check_signature(entry)
        except StateError:
            return False
        return True

    def may_change(self, entry: ServedModel) -> bool:
        """Whether another one can be written in its place that is believed as much."""
        return entry.signature is None or (self.signer is not None and self.is_trusted(entry))

    def _readable(self, directory: str, kind: type[Entry]) -> list[tuple[str, Entry]]:
        return [(name, value) for name, value in self._entries(directory, kind) if isinstance(value, kind)]

    def _entries(self, directory: str, kind: type[Entry]) -> list[tuple[str, Entry | str]]:
        """Each entry, or what is wrong with it; of a torn index none, which `check_indexes` mends first."""
        try:
            found = self.registry.entries(directory).all()
        except StateError:
            return []
        return [(name, _parsed(value, kind, self.registry.storage.root)) for name, value in found.items()]


def _parsed(value: Value, kind: type[Entry], root: str) -> Entry | str:
    try:
        return parse_value(value, "it", kind, root)
    except StateError as error:
        return str(error).removeprefix("it: ").partition("; `ratchet")[0]


def admit(root: Path, now: datetime.datetime) -> Patient:
    """Opens a root, however damaged.

    Args:
        root: pipeline root.
        now: the present, UTC.

    Raises:
        InputError: it is no pipeline root.
        StateError: a newer version of Ratchet wrote it, and could be misunderstood.
    """
    if not is_there(root) or not (is_remote(root) or any((root / name).exists() for name in _PARTS)):
        raise InputError(f"--root {uri_of(root)}: no pipeline root; {which_root()}")
    root = root.resolve()
    storage = RememberedStorage(registry_of(root, _name(root)).storage)
    _refuse_newer(root, storage)
    signer = Signer.from_environment()
    return Patient(root, tree_of(root), Registry(storage), Registry(storage, signer), signer, now, storage)


def read_object(path: Path) -> dict[str, Any] | None:
    """The JSON object of a file; None if it holds none, or cannot be read."""
    try:
        return _object(read_regular(path))
    except (OSError, ValueError):
        return None


def evaluation_behind(made: RecordedDecision) -> Evaluation | None:
    """What a decision was made from; None if it is gone or cannot be read."""
    file = place(made.evaluation, EVALUATION_FILE)
    try:
        return EVALUATION_FORMAT.read(file.read_bytes(), str(file))
    except (OSError, ValueError, StateError):
        return None


def here(tree: Place, uri: str) -> Place:
    """Where an artifact of a root is now, however its place was written down."""
    if not os.path.isabs(uri) and "://" not in uri:
        return tree / "artifacts" / uri
    _, found, below = uri.rpartition("/artifacts/")
    return tree / "artifacts" / below if found else place(uri)


def _name(root: Path) -> str:
    try:
        return serving_name(root)
    except StateError:  # nothing tells it
        return "detector"


def _refuse_newer(root: Path, storage: Storage) -> None:
    pointer = storage.read(POINTER_FILE)
    forms: dict[str, tuple[PersistedFormat[Any], Mapping[str, Any] | None]] = {
        str(root / ROOT_FILE): (ROOT_FILE_FORMAT, read_object(root / ROOT_FILE)),
        f"{root}/registry/{POINTER_FILE}": (SERVED_MODEL_FORMAT, _object(pointer.text) if pointer else None),
    }
    for directory in _ENTRIES:
        index = EntryIndex(storage, directory)
        content = storage.read(index.name)
        forms[f"{root}/registry/{index.name}"] = ENTRY_INDEX_FORMAT, _object(content.text) if content else None
        with contextlib.suppress(StateError):  # torn, or newer, which is told of by name
            entries = index.all().items()
            found = {f"{root}/registry/{directory}/{name}": value for name, value in entries if isinstance(value, dict)}
            forms |= {path: (SERVED_MODEL_FORMAT, value) for path, value in found.items()}
    for path, (form, there) in forms.items():
        if there is not None and form.is_newer(there):
            raise StateError(
                f"{path}: written by a newer Ratchet (format {there['format']}, this one knows {form.number}); upgrade "
                "Ratchet: this one would take for damage what it does not know"
            )


def _object(text: str) -> dict[str, Any] | None:
    try:
        values = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return values if isinstance(values, dict) else None
