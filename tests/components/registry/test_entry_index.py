"""All entries of a directory lie in one file: read at one cost for ever, written by several, and never half."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest

from ratchet.components.object_store import objects
from ratchet.components.registry import registry as registry_module
from ratchet.components.registry.entry_files import entry_json
from ratchet.components.registry.entry_index import EntryIndex, index_text, read_index, salvaged
from ratchet.components.registry.registry import DECISIONS, VERSIONS, Registry
from ratchet.components.registry.storage import ChangedError, DiskStorage, Token
from ratchet.schemas.artifacts.registry_entries import RECORDED_DECISION_FORMAT, SERVED_MODEL_FORMAT
from ratchet.schemas.base.errors import StateError
from tests.builders import recorded_decision
from tests.components.registry.gcs_world import GcsWorld
from tests.components.registry.test_object_storage import once_before
from tests.entry_file import entry_file, entry_names, in_files
from tests.faults import KILL, in_child
from tests.gcs.fixtures import Bucket
from tests.operations import operations
from tests.pipeline.roots import registry_in, serve


def decisions(count: int, **fields: Any) -> dict[str, Any]:
    """The entries of so many decisions, each with a golden set of its own."""
    made = {}
    for number in range(count):
        decision = recorded_decision(
            run_id=f"span-{number}-0123abcd-1",
            golden_digest=f"golden set {number}",
            evaluation=f"artifacts/MapEvaluator/evaluation/{number}",
            decided_at=f"2026-01-01T00:00:{number % 60:02}+00:00",
            **fields,
        )
        made[f"{number:016x}.json"] = json.loads(RECORDED_DECISION_FORMAT.write(decision))
    return made


def root_with(directory: Path, count: int) -> Registry:
    """A root that serves one model, with a history of so many decisions."""
    serve(directory, "100", "span-1-aa-1", 1, golden_digest="g")
    index = directory / "registry" / DECISIONS / "index.json"
    index.parent.mkdir()
    index.write_text(index_text(decisions(count)))
    return registry_in(directory)


def work(registry: Registry) -> None:
    """What BaselineReader and Pusher ask a registry."""
    registry.baseline(bootstrap=False)
    records = registry.records()
    assert len(records.history.runs) == len(records.golden_uses)
    registry.record_decision("new", recorded_decision(evaluation="artifacts/MapEvaluator/evaluation/new"))


def test_reading_and_writing_cost_as_many_file_operations_after_three_thousand_decisions(tmp_path: Path) -> None:
    counts = {}
    for count in (1, 100, 3000):
        registry = root_with(tmp_path / str(count), count)
        with operations() as asked:
            work(registry)
        counts[count] = dict(asked)
    assert counts[1] == counts[100] == counts[3000]
    assert sum(counts[1].values()) < 80


def test_an_index_is_parsed_once_and_again_when_it_has_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    parsed: list[str] = []
    whole = registry_module.parse_value

    def counting(value: Any, path: str, *of: Any) -> Any:
        parsed.append(path.rpartition(" ")[2])
        return whole(value, path, *of)

    monkeypatch.setattr(registry_module, "parse_value", counting)
    registry = root_with(tmp_path, 3)
    first = registry.decisions()
    assert registry_in(tmp_path).decisions() == first
    assert len(parsed) == len(first) == 3
    registry.record_decision("new", recorded_decision(evaluation="artifacts/MapEvaluator/evaluation/new"))
    assert len(registry.decisions()) == 4
    assert len(parsed) == 3 + 4
    first.clear()
    assert len(registry.decisions()) == 4


def test_on_gs_reading_and_writing_cost_as_many_requests_after_a_thousand_decisions(gcs: Bucket) -> None:
    counts = {}
    for count in (1, 1000):
        world = GcsWorld(gcs.uri(f"root{count}")).begin()
        made = index_text(decisions(count)).encode()
        objects.write(f"{world.root}/registry/{DECISIONS}/index.json", made)
        gcs.forget()
        work(world.registry)
        counts[count] = sorted(request.kind for request in gcs.requests)
    assert counts[1] == counts[1000]
    assert len(counts[1]) < 40


def test_entries_of_an_earlier_version_are_read_and_taken_into_the_index_by_the_next_write(tmp_path: Path) -> None:
    registry = root_with(tmp_path, 3)
    before = registry.decisions()
    in_files(tmp_path)
    assert not (tmp_path / "registry" / DECISIONS / "index.json").exists()
    assert registry.decisions() == before
    assert [model.version for model in registry.versions()] == ["100"]
    registry.record_decision("new", recorded_decision())
    assert [path.name for path in (tmp_path / "registry" / DECISIONS).iterdir()] == ["index.json"]
    assert len(entry_names(tmp_path, DECISIONS)) == 4
    assert [made for made in registry.decisions() if made in before] == before


def test_a_file_that_a_kill_left_beside_the_index_does_not_count(tmp_path: Path) -> None:
    registry = root_with(tmp_path, 1)
    [made] = registry.decisions()
    old = dataclasses.replace(made, verdict="PUSHED")
    left = tmp_path / "registry" / DECISIONS / f"{0:016x}.json"
    left.write_text(entry_json(old, str(tmp_path)))
    assert registry.decisions() == [made]
    registry.record_decision("new", recorded_decision())
    assert not left.exists()
    assert made in registry.decisions()


def test_killed_at_any_point_of_the_first_write_an_old_root_has_what_it_had(tmp_path: Path) -> None:
    def world() -> Registry:
        registry = root_with(tmp_path / "root", 2)
        in_files(tmp_path / "root")
        return registry

    registry = world()
    before = registry.decisions()
    new = recorded_decision(evaluation="artifacts/MapEvaluator/evaluation/new")
    points = len(in_child(lambda: registry.record_decision("new", new), tmp_path / "root").points)
    assert points > 3
    for point in range(points):
        root = tmp_path / f"root-{point}"
        registry = root_with(root, 2)
        in_files(root)
        assert in_child(lambda registry=registry: registry.record_decision("new", new), root, point, KILL).killed
        assert [made for made in registry.decisions() if made.evaluation != f"{root}/{new.evaluation}"] == [
            dataclasses.replace(
                made,
                model=made.model.replace(f"{tmp_path}/root/", f"{root}/"),
                evaluation=made.evaluation.replace(f"{tmp_path}/root/", f"{root}/"),
            )
            for made in before
        ]
        registry.record_decision("new", new)
        assert len(entry_names(root, DECISIONS)) == 3


def test_a_torn_entry_of_an_earlier_version_stays_where_it_is_and_is_named(tmp_path: Path) -> None:
    registry = root_with(tmp_path, 1)
    torn = tmp_path / "registry" / DECISIONS / "torn.json"
    torn.write_text("{")
    registry.record_decision("new", recorded_decision())
    assert torn.read_text() == "{"
    with pytest.raises(StateError, match=r"decisions/index\.json, torn\.json: is torn or not JSON .*doctor --repair"):
        registry.decisions()


@pytest.mark.parametrize("text", ["", "{", "[]", '{"format": 3}', '{"format": 3, "entries": []}', "\x00", "[" * 9999])
def test_a_torn_index_is_named_with_what_mends_it_and_is_never_written_over(tmp_path: Path, text: str) -> None:
    registry = root_with(tmp_path, 1)
    index = tmp_path / "registry" / DECISIONS / "index.json"
    index.write_text(text)
    for action in (registry.decisions, lambda: registry.record_decision("new", recorded_decision())):
        with pytest.raises(StateError, match=r"decisions/index\.json: .*doctor --repair"):
            action()
    assert index.read_text() == text


def test_an_index_of_a_newer_version_is_refused_and_an_earlier_version_refuses_this_one(tmp_path: Path) -> None:
    registry = root_with(tmp_path, 1)
    text = (tmp_path / "registry" / DECISIONS / "index.json").read_text()
    for form in (SERVED_MODEL_FORMAT, RECORDED_DECISION_FORMAT):  # it reads every file of these directories
        with pytest.raises(StateError, match="format 3 is newer than the 2 that this Ratchet reads"):
            form.read(text, "index.json")
    (tmp_path / "registry" / DECISIONS / "index.json").write_text(text.replace('"format": 3', '"format": 4'))
    with pytest.raises(StateError, match="format 4 is newer than the 3"):
        registry.decisions()


def test_an_entry_is_written_over_what_was_seen_or_not_at_all(tmp_path: Path) -> None:
    index = EntryIndex(DiskStorage(f"{tmp_path}/registry", f"{tmp_path}/serving"), VERSIONS)
    one = index.write("1.json", '{"a": 1}', Token.ABSENT)
    index.write("2.json", '{"b": 1}')
    two = index.write("1.json", '{"a": 2}', one)
    for token in (one, Token.ABSENT):
        with pytest.raises(ChangedError):
            index.write("1.json", '{"a": 3}', token)
    seen = index.read("1.json")
    assert seen is not None
    assert (json.loads(seen.text), seen.token) == ({"a": 2}, two)
    index.remove("1.json")
    index.remove("1.json")
    assert index.all() == {"2.json": {"b": 1}}


def test_two_that_write_different_entries_at_once_both_stand(gcs: Bucket) -> None:
    world = GcsWorld(gcs.uri("root")).begin()
    other = GcsWorld(world.root).registry
    first, second = recorded_decision(run_id="first"), recorded_decision(run_id="second")
    once_before(gcs, "write", f"root/registry/{DECISIONS}/index.json", lambda: other.record_decision("2", second))
    world.registry.record_decision("1", first)
    assert {made.run_id for made in world.registry.decisions()} >= {"first", "second"}


def test_who_reads_while_another_takes_the_files_into_the_index_misses_none(gcs: Bucket) -> None:
    world = GcsWorld(gcs.uri("root")).begin()
    there = world.registry.decisions()
    for number, values in decisions(2).items():
        objects.write(f"{world.root}/registry/{DECISIONS}/{number}", json.dumps(values).encode())
    other = GcsWorld(world.root).registry
    file = f"root/registry/{DECISIONS}/{0:016x}.json"
    once_before(gcs, "read", file, lambda: other.record_decision("new", recorded_decision()))
    assert len(world.registry.decisions()) == len(there) + 3


def test_an_index_that_is_spoilt_in_one_place_leaves_the_others_to_be_read() -> None:
    entries = decisions(3)
    text = index_text(entries)
    assert read_index(text, "") == entries
    assert salvaged(text) == entries
    lines = text.splitlines()
    lines[2] = lines[2][:50]
    assert list(salvaged("\n".join(lines))) == [f"{0:016x}.json", f"{2:016x}.json"]
    assert list(salvaged(text[: text.index(f"{2:016x}") + 60])) == [f"{0:016x}.json", f"{1:016x}.json"]


def test_what_is_no_entry_in_an_index_is_named_and_keeps_its_place_until_it_is_mended(tmp_path: Path) -> None:
    registry = root_with(tmp_path, 2)
    entry_file(tmp_path, f"{DECISIONS}/{0:016x}.json").write_text("garbage")
    registry.record_decision("new", recorded_decision())
    assert entry_file(tmp_path, f"{DECISIONS}/{0:016x}.json").read_text() == "garbage"
    with pytest.raises(StateError, match=rf"decisions/index\.json, {0:016x}\.json: is torn"):
        registry.decisions()
