"""Which model is served: small pointer files.

    registry/served.json              the model that is served now: the next run's baseline; and a publication that has
                                      begun (publication.py)
    registry/versions/index.json      every model that was ever served
    registry/decisions/index.json     every decision, also those against a candidate
    registry/overrides.jsonl          every approval and rollback

The same files work under LocalDagRunner, Vertex and open-source Kubeflow, whose backend refuses TFX
resolvers.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
from contextlib import AbstractContextManager

from ratchet.components.registry.consistency import check_served, nothing_should_be_served
from ratchet.components.registry.entry_files import (
    Entry,
    Signed,
    entry_json,
    parse_pointer,
    parse_value,
    pointer_json,
    signed_values,
)
from ratchet.components.registry.entry_index import EntryIndex, place_in, read_index
from ratchet.components.registry.high_water import high_water_marks
from ratchet.components.registry.override_log import OVERRIDES_FILE, LoggedOverride, check_named, follow, read_log
from ratchet.components.registry.records import Records
from ratchet.components.registry.storage import ChangedError, Content, Storage, Token
from ratchet.schemas.artifacts.decisions import Verdict
from ratchet.schemas.artifacts.high_water import HighWaterMark
from ratchet.schemas.artifacts.history import History
from ratchet.schemas.artifacts.overrides import Override
from ratchet.schemas.artifacts.registry_entries import (
    POINTER_FILE,
    Intent,
    Pointer,
    RecordedDecision,
    ServedModel,
    is_version,
)
from ratchet.schemas.base.errors import InputError, StateError
from ratchet.schemas.base.signing import Signer
from ratchet.schemas.base.visible import visible_line

VERSIONS, DECISIONS = "versions", "decisions"
_KEPT_OUT = (Verdict.BLOCKED.value, Verdict.INCONCLUSIVE.value)  # a person may serve such a candidate
_LOOKS = 5  # at a registry that others change at the same time


class Registry:
    """The registry of one pipeline root.

    Args:
        storage: where it lies.
        signer: signs what is written, and checks what decides; None: nothing is signed.
    """

    def __init__(self, storage: Storage, signer: Signer | None = None) -> None:
        self.storage = storage
        self._signer = signer

    @property
    def serving_directory(self) -> str:
        """The directory TensorFlow Serving watches."""
        return self.storage.serving_directory

    def exclusive(self) -> AbstractContextManager[None]:
        """Keeps others from changing what is served."""
        return self.storage.exclusive()

    def served(self) -> ServedModel | None:
        """The model served now; None if none ever was.

        Raises:
            StateError: the registry, the log of overrides and the serving directory contradict each other, or the
                entry is not as it was signed.
        """
        for _ in range(_LOOKS - 1):
            content = self.storage.read(POINTER_FILE)
            try:
                return self._served(self._parsed(content))
            except StateError:
                # What lies in many files is not read in one moment: another process may have published meanwhile.
                now = self.storage.read(POINTER_FILE)
                if (now and now.token) == (content and content.token):
                    raise
        return self._served(self.pointer())

    def _served(self, pointer: Pointer) -> ServedModel | None:
        versions = self.versions()
        self._logged(versions)
        begun = pointer.pushing.model.version if pointer.pushing else None
        known = [other for other in versions if other.version != begun]
        on_disk = [version for version in self.versions_on_disk() if version != begun]
        if pointer.served is None:
            nothing_should_be_served(self.storage, on_disk, known)
        else:
            check_served(self.storage, pointer.served, on_disk, known)
            self.check_signature(pointer.served)
        return pointer.served

    def pointer(self) -> Pointer:
        """What the registry says is served, whether or not that is so.

        Raises:
            StateError: the file is torn.
        """
        return self._pointer()[0]

    def baseline(self, bootstrap: bool) -> ServedModel | None:
        """The model to retrain; None where a first one is to be made.

        Args:
            bootstrap: whether a first model is wanted.

        Raises:
            InputError: a first model is wanted where one is served, or none is served and no first one is wanted.
            StateError: see `served`.
        """
        served = self.served()
        if served is None and not bootstrap:
            raise InputError(
                f"no model is served yet, so there is no baseline to compare with: {self.ways_to_a_first_model()}"
            )
        if served is not None and bootstrap:
            raise InputError(f"version {served.version} is served already: leave --bootstrap out to retrain it")
        return served

    def ways_to_a_first_model(self) -> str:
        """What a person can do where no model is served, for the end of a sentence."""
        kept_out = [made for made in self.decisions() if made.baseline_digest is None and made.verdict in _KEPT_OUT]
        bootstrap = "give --bootstrap to train and serve a first one"
        if not kept_out:
            return bootstrap
        run_id = visible_line(kept_out[-1].run_id)
        return f"`ratchet approve {run_id}` serves the candidate that was {kept_out[-1].verdict}, or {bootstrap}"

    def versions(self) -> list[ServedModel]:
        """Every model that was ever served, by ascending version."""
        return sorted(map(self._placed, self._read_all(VERSIONS, ServedModel)), key=lambda model: int(model.version))

    def versions_on_disk(self) -> list[str]:
        """The versions that TensorFlow Serving sees, ascending; it serves the last."""
        return sorted((name for name in self.storage.served() if is_version(name)), key=int)

    def next_version(self, now_s: int) -> str:
        """A number above all that were ever served, whatever the clock says.

        Args:
            now_s: the present in seconds since 1970, which TFX's Pusher takes for its numbers.
        """
        taken = [*self.versions_on_disk(), *(model.version for model in self.versions())]
        return str(max([now_s, *(int(version) + 1 for version in taken)]))

    def record_version(self, model: ServedModel) -> ServedModel:
        """Records a model that was or is about to be served, or that it is no longer blessed; as it was written."""
        signed = self.signed(model)
        self.entries(VERSIONS).write(f"{model.version}.json", entry_json(signed, self.storage.root))
        return signed

    def entries(self, directory: str) -> EntryIndex:
        """The entries of VERSIONS or DECISIONS as they are written."""
        return EntryIndex(self.storage, directory)

    def read_entry(self, name: str) -> Content | None:
        """An entry as it is written, by directory and name, such as `versions/200.json`; None if there is none."""
        directory, _, own = name.partition("/")
        return self.entries(directory).read(own)

    def record_over(self, seen: Content | None, name: str, entry: Entry) -> Content:
        """Records an entry if it still is the one that was seen; the same once more changes nothing.

        Args:
            seen: of `read_entry`; None if there was none.
            name: of the entry, with its directory.
            entry: what it is to be.

        Raises:
            ChangedError: it is another one.
        """
        text = entry_json(self.signed(entry), self.storage.root)
        if seen is not None and seen.text == text:
            return seen
        directory, _, own = name.partition("/")
        return Content(text, self.entries(directory).write(own, text, seen.token if seen else Token.ABSENT))

    def swap(self, seen: Pointer, new: Pointer) -> None:
        """Makes the pointer another one, if it still is the one that was seen.

        Raises:
            ChangedError: it is not.
        """
        # Compared as a value, swapped by the token of just now: a file of an older format is the same pointer.
        there, token = self._pointer()
        if there != seen:
            raise ChangedError(POINTER_FILE)
        self.storage.write(POINTER_FILE, pointer_json(new, self.storage.root), token)

    def record_decision(self, key: str, decision: RecordedDecision) -> None:
        """Records a decision; the same key again replaces it, so that a repeated step counts once."""
        text = entry_json(self.signed(decision), self.storage.root)
        self.entries(DECISIONS).write(f"{key}.json", text)

    def decisions(self) -> list[RecordedDecision]:
        """Every decision, in the order in which they were made."""
        found = self._read_all(DECISIONS, RecordedDecision)
        return sorted(found, key=lambda decision: (decision.decided_at, decision.run_id))

    def records(self) -> Records:
        """All of it; each file is read once.

        Raises:
            StateError: an entry or a line of the log was changed, or is torn.
        """
        served, versions = self.pointer().served, self.versions()
        overrides = [logged.override for logged in self._logged(versions)[0]]
        return Records(self.storage.root, served, tuple(versions), tuple(self.decisions()), tuple(overrides))

    def history(self) -> History:
        """Everything that was decided, with places relative to the pipeline root; see `records`."""
        return self.records().history

    def high_water_marks(self) -> dict[str, HighWaterMark]:
        """The best served model of every golden set, by its digest; see `high_water_marks`.

        Raises:
            StateError: a line of the log was changed or cut away.
        """
        versions = self.versions()
        return high_water_marks(versions, [logged.override for logged in self._logged(versions)[0]])

    def overrides(self) -> list[Override]:
        """Every approval and rollback, in the order in which they were made.

        Raises:
            StateError: a line of the log was changed or cut away.
        """
        return [logged.override for logged in self.logged()]

    def current_override(self) -> Override | None:
        """The approval or rollback by which the served version is served; None if it was pushed, or nothing is.

        Raises:
            StateError: a line of the log was changed or cut away.
        """
        served = self.pointer().served
        return next((made for made in self.overrides() if served and made.version == served.version), None)

    def log(self, override: Override) -> LoggedOverride:
        """Adds an approval or rollback to the log; where its version is in the log already, that line stands.

        Raises:
            StateError: a line of the log was changed or cut away.
        """
        while True:
            logged, token = self._logged(self.versions())
            standing = next((made for made in logged if made.override.version == override.version), None)
            if standing:
                return standing
            new = follow(logged, override)
            # Written anew and whole, not appended: half a line after a power cut would look like a change.
            with contextlib.suppress(ChangedError):  # another process has added a line, which this one follows then
                self.storage.write(OVERRIDES_FILE, "".join(f"{made.line}\n" for made in [*logged, new]), token)
                return new

    def logged(self) -> list[LoggedOverride]:
        """The lines of the log.

        Raises:
            StateError: one was changed or cut away.
        """
        return self._logged(self.versions())[0]

    def _logged(self, versions: list[ServedModel]) -> tuple[list[LoggedOverride], str | Token]:
        """The log and its token; versions that were read before it, for a line is there before a version names it."""
        named = {model.version: model.override for model in versions if model.override}
        content, path = self.storage.read(OVERRIDES_FILE), self._path(OVERRIDES_FILE)
        logged = read_log(content.text if content else "", path)
        check_named(logged, named, path)
        return logged, content.token if content else Token.ABSENT

    def signed(self, entry: Signed) -> Signed:
        """An entry with its signature; as it is without a key."""
        if self._signer is None:
            return entry
        kind, _ = _kind(entry)
        entry = dataclasses.replace(entry, as_written=None)
        return dataclasses.replace(entry, signature=self._signer.sign(kind, signed_values(entry, self.storage.root)))

    def check_signature(self, entry: ServedModel | RecordedDecision | Intent) -> None:
        """Whether an entry is as it was signed; without a key, nothing is asked.

        Raises:
            StateError: it is unsigned or altered.
        """
        if self._signer is not None:
            kind, what = _kind(entry)
            values = signed_values(entry, self.storage.root)
            self._signer.check(kind, values, entry.signature, f"{self._path('')}: {what}")

    def _pointer(self) -> tuple[Pointer, str | Token]:
        content = self.storage.read(POINTER_FILE)
        return self._parsed(content), content.token if content else Token.ABSENT

    def _parsed(self, content: Content | None) -> Pointer:
        if content is None:
            return Pointer()
        pointer = parse_pointer(content.text, self._path(POINTER_FILE), self.storage.root)
        return dataclasses.replace(pointer, served=pointer.served and self._placed(pointer.served))

    def _read_all(self, directory: str, kind: type[Entry]) -> list[Entry]:
        index, root = self.entries(directory), self.storage.root
        files, text = index.parts()
        if not files:
            return list(_entries_of(text, index.path, kind, root))
        values = {**files, **({} if text is None else read_index(text, index.path))}
        return [parse_value(value, index.place_of(name), kind, root) for name, value in values.items()]

    def _placed(self, model: ServedModel) -> ServedModel:
        """With its path under this serving directory: a root that was copied must not look at the original's files."""
        return dataclasses.replace(model, path=f"{self.serving_directory}/{model.version}")

    def _path(self, name: str) -> str:
        return f"{self.storage.registry_directory}/{name}".rstrip("/")


@functools.lru_cache(maxsize=4)  # versions and decisions, before a change of them and after it
def _entries_of(text: str | None, path: str, kind: type[Entry], root: str) -> tuple[Entry, ...]:
    """What an index holds. A run asks a dozen times, and an index of thousands takes longer to parse than to read."""
    values = {} if text is None else read_index(text, path)
    return tuple(parse_value(value, place_in(path, name), kind, root) for name, value in values.items())


def _kind(entry: ServedModel | RecordedDecision | Intent) -> tuple[str, str]:
    """Which kind of record an entry is to its signature, and to a person."""
    if isinstance(entry, ServedModel):
        return "served", f"version {entry.version}"
    if isinstance(entry, RecordedDecision):
        return "decision", f"the decision on {entry.run_id}"
    return "publication", f"the publication of version {entry.model.version}"
