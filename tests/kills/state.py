"""What is true of a pipeline root, and what is wrong with it: the promises that every kind of death has to keep."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ratchet.components.registry.registry import Registry
from ratchet.components.registry.storage import STAGED, DiskStorage
from ratchet.schemas.base.files import LOCAL_FILES, WRITING
from ratchet.schemas.base.model_digest import model_digest
from tests.entry_file import entry_names
from tests.faults import in_child
from tests.kills.tiny import Given, Screen, Story, Tiny, give


@dataclass(frozen=True)
class State:
    """A root after a command.

    Attributes:
        served: version, digest and run of what the registry says is served.
        visible: digest of each version that TensorFlow Serving sees.
        decisions: run and verdict of each decision.
        begun: whether a publication is unfinished.
        blessed: digest of the model that TFX's own resolver takes.
        status: the object of `ratchet status --json`.
        files: what lies in registry, serving directory and `runs/`, below the root.
    """

    served: tuple[str, str, str] | None
    visible: dict[str, str]
    decisions: tuple[tuple[str, str], ...]
    begun: bool
    blessed: str
    status: dict[str, Any]
    files: tuple[str, ...]


def state_of(tiny: Tiny) -> State:
    """Looks at a root, in a child: nothing that it opens is inherited by the next one."""
    screen = Screen()
    outcome = in_child(lambda: screen.show(lambda: _look(tiny.root)), tiny.root)
    status = Given(False, None, screen.text()).result
    assert outcome.error is None, f"{outcome.kind}: {outcome.error}"
    return State(**outcome.value, status=status)


def _look(root: Path) -> dict[str, Any]:
    from tests.e2e.metadata import latest_blessed_model

    give(["status", "--root", str(root), "--json"])
    registry = registry_of(root)
    pointer = registry.pointer()
    return {
        "served": pointer.served and (pointer.served.version, pointer.served.digest, pointer.served.run_id),
        "visible": visible(root),
        "decisions": tuple((made.run_id, made.verdict) for made in registry.decisions()),
        "begun": pointer.pushing is not None,
        "blessed": model_digest(f"{latest_blessed_model(root / 'metadata.sqlite')}/Format-Serving", LOCAL_FILES),
        "files": tuple(_files(root)),
    }


def registry_of(root: Path) -> Registry:
    """The registry of a tiny world."""
    return Registry(DiskStorage(f"{root}/registry", f"{root}/serving/tiny"))


def visible(root: Path) -> dict[str, str]:
    """Digest of each version that TensorFlow Serving sees."""
    versions = registry_of(root).versions_on_disk()
    return {version: model_digest(f"{root}/serving/tiny/{version}", LOCAL_FILES) for version in versions}


def measured(tiny: Tiny) -> frozenset[str]:
    """Digest of each model that a blessing says was measured, asked in a child."""

    def ask() -> frozenset[str]:
        from ml_metadata.metadata_store.metadata_store import MetadataStore

        from ratchet.pipeline.root.ml_metadata import sqlite_at

        blessings = MetadataStore(sqlite_at(tiny.root)).get_artifacts_by_type("ModelBlessing")
        return frozenset(one.custom_properties["model_digest"].string_value for one in blessings)

    outcome = in_child(ask, tiny.root)
    assert outcome.error is None, f"{outcome.kind}: {outcome.error}"
    return outcome.value


def _files(root: Path) -> Iterator[str]:
    for directory in ("registry", "runs"):
        for path in sorted((root / directory).rglob("*")):
            if path.is_file() and path.name not in ("pruned.json", "index.json"):
                yield str(path.relative_to(root))
    for part in ("versions", "decisions"):
        yield from (f"registry/{part}/{name}" for name in entry_names(root, part))
    yield from (f"serving/tiny/{path.name}" for path in sorted((root / "serving" / "tiny").iterdir()))


@dataclass(frozen=True)
class Expected:
    """How a command ends when nothing dies.

    Attributes:
        story: the command.
        run_id: of its run.
        measured: digests of all models that were measured in this root.
        state: of the root afterwards.
    """

    story: Story
    run_id: str
    measured: frozenset[str]
    state: State


def wrong_in_between(tiny: Tiny, given: Given, expected: Expected) -> Iterator[str]:
    """What is wrong after a command that was killed or failed."""
    for version, digest in visible(tiny.root).items():
        if digest not in expected.measured:
            yield f"version {version} is visible and was never measured"
    yield from wrong_in_words(given)
    if not given.killed and given.code not in (1, 2, expected.story.exit_code):
        yield f"exit code {given.code} after a fault"
    if given.code in (1, 2) and "ratchet: " not in given.out:
        yield f"no word of what is wrong: {given.out[-200:]!r}"


def wrong_in_words(given: Given) -> Iterator[str]:
    """What no command may print."""
    for sign in ("Traceback", "a fault of Ratchet"):
        if sign in given.out:
            yield f"{sign!r} in the output: {given.out[-600:]!r}"


def wrong_at_the_end(tiny: Tiny, given: Given, expected: Expected) -> Iterator[str]:
    """What is wrong after the command that was to finish the run."""
    story, result = expected.story, given.result
    if given.killed or given.code != story.exit_code:
        yield f"the same command ended with {given.code}: {given.out[-600:]!r}"
        return
    yield from wrong_in_words(given)
    if (result.get("run_id"), result.get("verdict")) != (expected.run_id, story.verdict):
        yield f"the same command ended as {result.get('verdict')} of {result.get('run_id')}"
    state = state_of(tiny)
    yield from wrong_in_root(state, expected)
    if story.exit_code == 0 and (state.served is None or result.get("pushed_version") != state.served[0]):
        yield f"the result says version {result.get('pushed_version')}, served is {state.served}"


def wrong_in_root(state: State, expected: Expected) -> Iterator[str]:
    """Where they do not agree with each other, or with the expected."""
    wanted = expected.state
    assert wanted.served is not None
    if state.served is None or state.served[1:] != wanted.served[1:]:
        yield f"served is {state.served}, not {wanted.served}"
        return
    yield from contradictions(state)
    if sorted(state.visible.values()) != sorted(wanted.visible.values()):
        yield f"visible are {state.visible}, not those of {wanted.visible}"
    if sorted(state.decisions) != sorted(wanted.decisions):  # in the order of the clock, which may have been set back
        yield f"decisions {state.decisions}, not {wanted.decisions}"
    unexpected = set(_numbered(state)) ^ set(_numbered(wanted))
    if unexpected:
        yield f"files that should not be there or are missing: {sorted(unexpected)}"


def contradictions(state: State) -> Iterator[str]:
    """Where registry, served bytes, `ratchet status` and ML Metadata do not agree with each other."""
    if state.begun:
        yield "a publication is unfinished"
    if state.served is None:
        yield "nothing is served"
        return
    version, digest, _ = state.served
    if max(state.visible, key=int) != version or state.visible[version] != digest:
        yield f"TensorFlow Serving sees {state.visible}, the registry says {version}"
    if state.blessed != digest:
        yield f"ML Metadata's latest blessed model is {state.blessed[:12]}, served is {digest[:12]}"
    if state.status.get("problem") or (state.status.get("served") or {}).get("version") != version:
        yield f"status says {json.dumps(state.status)[:300]}"


def _numbered(state: State) -> Iterator[str]:
    """Files with versions by rank instead of time; without half-written ones, which `ratchet prune` removes."""
    rank = {version: f"VERSION-{place}" for place, version in enumerate(sorted(state.visible, key=int))}
    for name in state.files:
        head, _, tail = name.rpartition("/")
        stem, dot, suffix = tail.partition(".")
        if not name.endswith(WRITING):
            yield f"{head}/{rank.get(stem, stem)}{dot}{suffix}"


def is_clean(tiny: Tiny) -> bool:
    """Whether nothing that a dead process staged is left beside the served versions."""
    return not list(tiny.serving.glob(f"{STAGED}*"))
