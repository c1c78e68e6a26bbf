"""The one way in which a model comes into service: a push, an approval, a rollback. This module owns the order.

     stage      serving/NAME/unfinished-...   copied, flushed, the digest compared      nothing has happened
     (accept)   the staged directory is loaded and answers, where that is asked for
    --------------------------------------------------------------------------------------------------------
  1  claim      served.json: {served: OLD, pushing: NEW}    only over what NEW was compared with
  2  publish    unfinished-... renamed to VERSION           TensorFlow Serving sees it, whole
  3  record     overrides.jsonl, versions/, decisions/
  4  point      served.json: {served: NEW, pushing: -}

Before the claim nothing has happened, so whoever dies leaves a staged copy that the next command removes. From the
claim on `pushing` holds all that is needed: `settle`, which every command calls first, does what is missing of 2 to 4,
each of which may be done twice. Only if the bytes are nowhere any more, it takes the claim back.

Who has seen another served model than the one there now loses the claim, and nothing of it was ever visible.

Where there is a lock, one process at a time does this. Where there is none (gs://), several may settle the same
publication at once: each of 2 to 4 looks before it writes, and writes only over what it has seen, so that the slowest
of them finds everything done and changes nothing that came later.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

from ratchet.components.registry.registry import DECISIONS, VERSIONS, Registry
from ratchet.components.registry.storage import ChangedError
from ratchet.schemas.artifacts.overrides import Override
from ratchet.schemas.artifacts.registry_entries import POINTER_FILE, Intent, Pointer, RecordedDecision, ServedModel
from ratchet.schemas.base.errors import StateError

_TRIES = 8  # more than one is needed only beside somebody who changes the same


@dataclass(frozen=True)
class Publication:
    """A model that is to be served. Its version is chosen at the claim.

    Attributes:
        model: its entry.
        source: a SavedModel with its bytes.
        over: version and digest of what is served now, as far as whoever asks for this knows; None: nothing is.
        override: the approval or rollback by which it is to be served; None for a push.
        left_behind: versions that are no longer blessed then.
        decision: on the run whose candidate is pushed; None for an approval or rollback.
    """

    model: ServedModel
    source: str
    over: tuple[str, str] | None
    override: Override | None = None
    left_behind: tuple[str, ...] = ()
    decision: RecordedDecision | None = None


@dataclass(frozen=True)
class Settled:
    """A publication that another process had begun.

    Attributes:
        intent: what it was.
        completed: False if it was taken back.
    """

    intent: Intent
    completed: bool

    def to_text(self) -> str:
        """What was done about it, in a sentence."""
        model = self.intent.model
        if self.completed:
            return f"{model.words}, whose publication was interrupted, is served now"
        return (
            f"the publication of {model.words} was interrupted and its files are gone; "
            "it was taken back, and what was served before is served"
        )


class BaselineChangedError(Exception):
    """Another model is served than the one that a publication was to replace.

    Attributes:
        served: what is served now.
    """

    def __init__(self, served: ServedModel | None) -> None:
        super().__init__(served and served.version)
        self.served = served


def publish(registry: Registry, publication: Publication, staged: str, now_s: int) -> ServedModel:
    """Serves a staged model.

    Args:
        registry: of the root.
        publication: what and over what.
        staged: its name in the serving directory, of `Storage.stage`.
        now_s: the present in seconds since 1970.

    Returns:
        Its entry.

    Raises:
        BaselineChangedError: another model is served than `publication.over`; nothing was changed.
        StateError: the registry contradicts what is served; nothing was changed.
    """
    with registry.exclusive():
        for _ in range(_TRIES):
            settle(registry)
            seen = registry.pointer()
            if seen.pushing is not None:
                continue  # another process has begun just now
            if seen.served_as != publication.over:
                raise BaselineChangedError(seen.served)
            intent = _intent(publication, staged, registry.next_version(now_s), registry.serving_directory)
            if _claim(registry, seen, intent):
                settle(registry)
                return _published(registry, intent)
    raise _busy(registry)


@contextlib.contextmanager
def staged_model(registry: Registry, source: str, digest: str) -> Iterator[str]:
    """Stages a model for as long as it takes to publish it; its name in the serving directory.

    Args:
        registry: of the root.
        source: a SavedModel.
        digest: what it must have.

    Raises:
        StateError: it has another digest; nothing was changed.
    """
    name = registry.storage.stage(source, digest)
    try:
        yield name
    finally:
        # On a disk that fails it stays, until the next command finds that this process is gone.
        with contextlib.suppress(OSError, StateError):
            pushing = registry.pointer().pushing
            if name in registry.storage.served() and not (pushing and pushing.staged == name):
                registry.storage.remove(name)


def settle(registry: Registry, wait_s: float | None = None) -> Settled | None:
    """Completes a publication that has begun, or takes it back if its bytes are gone; removes what the dead had staged.

    Args:
        registry: of the root.
        wait_s: how long to wait for a process that publishes just now; None: as long as that may take.

    Returns:
        What was found; None if there was nothing to do.

    Raises:
        BusyError: another process publishes.
        StateError: the registry cannot be read; nothing was changed.
    """
    if registry.pointer().pushing is None and not registry.storage.orphans():
        return None  # without the lock: almost always
    with registry.exclusive() if wait_s is None else registry.storage.exclusive(wait_s):
        settled = _settle_pushing(registry)
        for staged in registry.storage.orphans():
            registry.storage.remove(staged)
        return settled


def decision_key(decision: RecordedDecision) -> str:
    """The name of a decision: that of its evaluation, so that a step that is repeated decides once."""
    return hashlib.sha256(decision.evaluation.rpartition("/artifacts/")[2].encode()).hexdigest()[:16]


def _intent(publication: Publication, staged: str, version: str, serving_directory: str) -> Intent:
    model = dataclasses.replace(publication.model, version=version, path=f"{serving_directory}/{version}")
    override = publication.override and dataclasses.replace(publication.override, version=version)
    return Intent(model, staged, publication.source, override, publication.left_behind, publication.decision)


def _claim(registry: Registry, seen: Pointer, intent: Intent) -> bool:
    """Whether the publication is this one's now."""
    try:
        registry.swap(seen, Pointer(seen.served, registry.signed(intent)))
    except ChangedError:
        # Maybe by this very claim, whose answer was lost, and which another process has completed since.
        pushing = registry.pointer().pushing
        return (pushing is not None and pushing.staged == intent.staged) or _entry_of(registry, intent) is not None
    return True


def _settle_pushing(registry: Registry) -> Settled | None:
    for _ in range(_TRIES):
        pointer = registry.pointer()
        if pointer.pushing is None:
            return None
        with contextlib.suppress(ChangedError):  # another process settles it as well: look how far it is
            return _settled(registry, pointer, pointer.pushing)
    raise _busy(registry)


def _settled(registry: Registry, pointer: Pointer, intent: Intent) -> Settled:
    registry.check_signature(intent)
    completed = _place(registry, intent)
    registry.swap(pointer, Pointer(_record(registry, intent) if completed else pointer.served))
    if not completed:
        _clear(registry, intent.model.version)
    if intent.staged in registry.storage.served():  # of a publication that was taken back, or completed from its source
        registry.storage.remove(intent.staged)
    return Settled(intent, completed)


def _place(registry: Registry, intent: Intent) -> bool:
    """Puts the version into the serving directory, from wherever its bytes are whole; whether they are anywhere."""
    storage, version, digest = registry.storage, intent.model.version, intent.model.digest
    for _ in range(_TRIES):
        there = version in storage.served()  # before the look at the bytes: one that appears later is whole
        # Also after the renaming: what was staged may have been altered since it was looked at.
        if storage.holds(version, digest):
            return True
        # Another process that settles this may be faster, and takes away what it has published.
        with contextlib.suppress(FileNotFoundError, ChangedError):
            if there:
                storage.set_aside(version)
            staged = intent.staged if storage.holds(intent.staged, digest) else _staged_again(registry, intent)
            if staged is None:
                break
            storage.publish(staged, version)
    return storage.holds(version, digest)


def _clear(registry: Registry, version: str) -> None:
    """Takes away what there is of a version whose publication was taken back."""
    if version in registry.storage.served():
        registry.storage.set_aside(version)
    else:
        registry.storage.remove(version)


def _staged_again(registry: Registry, intent: Intent) -> str | None:
    try:
        return registry.storage.stage(intent.source, intent.model.digest)
    except (StateError, FileNotFoundError, NotADirectoryError):  # gone, or damaged
        return None


def _record(registry: Registry, intent: Intent) -> ServedModel:
    """Everything that is known of the version afterwards; its entry as it was written.

    Raises:
        ChangedError: another process has settled this publication, or is about to.
    """
    model = intent.model
    own = f"{VERSIONS}/{model.version}.json"
    decided = f"{DECISIONS}/{decision_key(intent.decision)}.json" if intent.decision else None
    names = {version: f"{VERSIONS}/{version}.json" for version in (model.version, *intent.left_behind)}
    seen = {name: registry.read_entry(name) for name in [*names.values(), *([decided] if decided else [])]}
    # After the look at what will be written over: once the publication is settled, what comes later is not ours.
    if registry.pointer().pushing != intent:
        raise ChangedError(POINTER_FILE)
    # First: what a power cut made of its entry is replaced.
    written = registry.record_over(seen[own], own, model) if intent.override else seen[own]
    if intent.override is not None:
        model = dataclasses.replace(model, override=registry.log(intent.override).digest)
    for other in registry.versions() if intent.left_behind else ():
        if other.version in intent.left_behind and other.blessed:
            name = names[other.version]
            registry.record_over(seen[name], name, dataclasses.replace(other, blessed=False))
    if intent.decision is not None and decided:
        registry.record_over(seen[decided], decided, intent.decision)
    registry.record_over(written, own, model)
    return registry.signed(model)


def _entry_of(registry: Registry, intent: Intent) -> ServedModel | None:
    """What the publication was recorded as; None if it was not."""
    own = (intent.model.version, intent.model.digest, intent.model.run_id)
    return next((model for model in registry.versions() if (model.version, model.digest, model.run_id) == own), None)


def _published(registry: Registry, intent: Intent) -> ServedModel:
    served = registry.pointer().served
    if served is not None and served.version == intent.model.version:
        return served
    found = _entry_of(registry, intent)  # another process has published over it since
    if found is None:
        raise StateError(
            f"{intent.source}: the files of the model changed while it was put into service; nothing was changed. "
            "Restore them, or run with --again"
        )
    return found


def _busy(registry: Registry) -> StateError:
    return StateError(
        f"{registry.storage.registry_directory}/{POINTER_FILE}: other processes change what is served again and again; "
        "run the same again when they are done"
    )
