"""Upsets: files that are lost, torn, read-only, moved or changed between two commands."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

from ratchet.components.registry.publication import settle
from tests.kills.children import accept_all, run_story
from tests.kills.matrix import Prepared
from tests.kills.state import contradictions, registry_of, state_of, visible, wrong_at_the_end, wrong_in_words
from tests.kills.tiny import PUSH
from tests.kills.upset import expect, upset

_NOBODY = 65534


def _named_then_mended(prepared: Prepared, path: Path, damage: Callable[[Path], None], name: str) -> Iterator[str]:
    """A damaged file is named in a line, nothing is changed; once it is back, the same command finishes."""
    tiny = prepared.tiny
    kept = tiny.directory / "kept"
    shutil.copy2(path, kept)
    damage(path)
    given = run_story(tiny, PUSH)
    print(f"    {given.code}: {[line for line in given.out.splitlines() if line.startswith('ratchet: ')]}")
    yield from wrong_in_words(given)
    if given.code != 2 or name not in given.out:
        yield f"ended with {given.code}: {given.out[-400:]!r}"
    os.replace(kept, path)
    settle(registry_of(tiny.root))
    yield from wrong_at_the_end(tiny, run_story(tiny, PUSH), prepared.expected["push"])


def _cut(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


@upset
def ml_metadata_lost(prepared: Prepared) -> Iterator[str]:
    prepared.tiny.restore("push")
    yield from _named_then_mended(prepared, prepared.tiny.root / "metadata.sqlite", Path.unlink, "metadata.sqlite")


@upset
def ml_metadata_truncated(prepared: Prepared) -> Iterator[str]:
    prepared.tiny.restore("push")
    yield from _named_then_mended(prepared, prepared.tiny.root / "metadata.sqlite", _cut, "metadata.sqlite")


@upset
def ml_metadata_empty(prepared: Prepared) -> Iterator[str]:
    prepared.tiny.restore("push")
    damage = lambda path: os.truncate(path, 0)  # noqa: E731
    yield from _named_then_mended(prepared, prepared.tiny.root / "metadata.sqlite", damage, "metadata.sqlite")


@upset
def ml_metadata_read_only(prepared: Prepared) -> Iterator[str]:
    tiny = prepared.tiny
    tiny.restore("push")
    database = tiny.root / "metadata.sqlite"
    os.chmod(database, 0o444)
    before = accept_all
    if os.geteuid() == 0:  # who may do everything: the command is given by somebody who may not
        for path in (tiny.root, *tiny.root.rglob("*")):
            os.chown(path, _NOBODY, _NOBODY)
        os.chown(database, 0, 0)
        for path in (*tiny.directory.parents, tiny.directory):
            os.chmod(path, path.stat().st_mode | 0o555) if path.stat().st_uid == 0 else None

        def before() -> None:
            accept_all()
            os.setgid(_NOBODY)
            os.setuid(_NOBODY)

    given = run_story(tiny, PUSH, before=before)
    print(f"    {given.code}: {[line for line in given.out.splitlines() if line.startswith('ratchet: ')]}")
    yield from wrong_in_words(given)
    if given.code not in (1, 2) or "metadata.sqlite" not in given.out:
        yield f"ended with {given.code}: {given.out[-400:]!r}"
    os.chmod(database, 0o644)
    yield from wrong_at_the_end(tiny, run_story(tiny, PUSH), prepared.expected["push"])


@upset
def pointer_torn(prepared: Prepared) -> Iterator[str]:
    prepared.tiny.restore("push")
    yield from _named_then_mended(prepared, prepared.tiny.root / "registry" / "served.json", _cut, "served.json")


@upset
def root_moved(prepared: Prepared) -> Iterator[str]:
    tiny = prepared.tiny
    tiny.restore("push")
    moved = tiny.directory / "moved"
    shutil.rmtree(moved, ignore_errors=True)
    os.rename(tiny.root, moved)
    given = run_story(tiny, PUSH, root=moved)
    yield from expect(given, 0, "PUSHED", prepared.expected["push"].run_id)
    if tiny.root.exists():
        yield f"something was written where the root was: {sorted(tiny.root.rglob('*'))[:5]}"
        shutil.rmtree(tiny.root)
    os.rename(moved, tiny.root)
    yield from wrong_in_words(given)
    if sorted(visible(tiny.root).values()) != sorted(prepared.expected["push"].state.visible.values()):
        yield f"visible are {visible(tiny.root)}"


@upset
def data_touched(prepared: Prepared) -> Iterator[str]:
    tiny = prepared.tiny
    tiny.restore("push")
    for path in tiny.data.rglob("*"):
        os.utime(path)
    yield from wrong_at_the_end(tiny, run_story(tiny, PUSH), prepared.expected["push"])


@upset
def data_changed(prepared: Prepared) -> Iterator[str]:
    tiny = prepared.tiny
    tiny.restore("push")
    path = tiny.data / "span-2" / "annotations.json"
    kept = path.read_text()
    values = json.loads(kept)
    values["annotations"] = values["annotations"][:-1]
    path.write_text(json.dumps(values))
    given = run_story(tiny, PUSH)
    path.write_text(kept)
    yield from expect(given, 0, "PUSHED")
    if given.result.get("run_id") == prepared.expected["push"].run_id:
        yield "other data are the same run"
    yield from contradictions(state_of(tiny))


@upset
def serving_check_for_real(prepared: Prepared) -> Iterator[str]:
    tiny = prepared.tiny
    tiny.restore("push")
    yield from wrong_at_the_end(tiny, run_story(tiny, PUSH, before=lambda: None), prepared.expected["push"])
