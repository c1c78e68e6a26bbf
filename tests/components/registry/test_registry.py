from __future__ import annotations

import dataclasses
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from ratchet.components.registry.registry import Registry
from ratchet.components.registry.storage import ChangedError, DiskStorage
from ratchet.schemas.artifacts.history import History
from ratchet.schemas.artifacts.overrides import Override, OverrideKind
from ratchet.schemas.artifacts.registry_entries import Intent, Pointer, RecordedDecision, ServedModel, is_version
from ratchet.schemas.base.errors import InputError, StateError
from ratchet.schemas.base.files import LOCAL_FILES
from ratchet.schemas.base.model_digest import model_digest
from tests.builders import record_served, recorded_decision
from tests.entry_file import entry_names


@pytest.fixture
def served(tmp_path: Path) -> ServedModel:
    directory = tmp_path / "serving" / "17"
    (directory / "variables").mkdir(parents=True)
    (directory / "saved_model.pb").write_bytes(b"graph")
    (directory / "variables" / "data").write_bytes(b"weights")
    digest = model_digest(str(directory), LOCAL_FILES)
    return ServedModel(
        "17", str(directory), digest, 1, "golden", 0.5, "BOOTSTRAPPED", "run", "2026-01-01T00:00:00Z", True
    )


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    return Registry(DiskStorage(str(tmp_path / "registry"), str(tmp_path / "serving")))


def test_a_new_root_has_no_model_and_says_how_to_make_one(registry: Registry) -> None:
    assert registry.served() is None
    assert registry.baseline(bootstrap=True) is None
    with pytest.raises(InputError, match="--bootstrap"):
        registry.baseline(bootstrap=False)


def test_what_was_recorded_is_the_baseline(registry: Registry, served: ServedModel, tmp_path: Path) -> None:
    record_served(registry, served)
    assert registry.baseline(bootstrap=False) == served
    assert entry_names(tmp_path, "versions") == ["17.json"]
    with pytest.raises(InputError, match="version 17 is served already"):
        registry.baseline(bootstrap=True)


def test_a_served_model_that_the_registry_does_not_know_is_an_error_not_a_first_run(
    registry: Registry, served: ServedModel
) -> None:
    with pytest.raises(StateError, match=r"version 17 is served, but .*served\.json does not name it"):
        registry.baseline(bootstrap=True)


def test_a_served_model_that_was_deleted_is_an_error(registry: Registry, served: ServedModel) -> None:
    record_served(registry, served)
    shutil.rmtree(served.path)
    with pytest.raises(StateError, match="or none at all"):
        registry.served()


@pytest.mark.parametrize("file", ["saved_model.pb", "variables/data", "variables/new"])
def test_a_served_model_that_was_touched_is_an_error(registry: Registry, served: ServedModel, file: str) -> None:
    record_served(registry, served)
    Path(served.path, file).write_bytes(b"other")
    with pytest.raises(StateError, match="not the bytes recorded when version 17"):
        registry.served()


def test_a_torn_entry_is_named(registry: Registry, served: ServedModel, tmp_path: Path) -> None:
    record_served(registry, served)
    (tmp_path / "registry" / "served.json").write_text('{"version":')
    with pytest.raises(StateError, match=r"served\.json: is torn .*ratchet doctor --repair"):
        registry.served()


def test_a_crash_while_writing_leaves_the_old_entry(
    registry: Registry, served: ServedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    record_served(registry, served)

    def crash(*_: object) -> None:
        raise OSError("power cut")

    monkeypatch.setattr(os, "replace", crash)
    with pytest.raises(OSError, match="power cut"):
        record_served(registry, dataclasses.replace(served, version="18"))
    assert registry.served() == served


def test_the_digest_depends_on_names_and_contents(tmp_path: Path) -> None:
    digests = set()
    for name, content in (("a", b"1"), ("a", b"2"), ("b", b"1")):
        directory = tmp_path / f"{name}{content.decode()}"
        directory.mkdir()
        (directory / name).write_bytes(content)
        digests.add(model_digest(str(directory), LOCAL_FILES))
    assert len(digests) == 3


def decision(run_id: str, golden: str) -> RecordedDecision:
    return recorded_decision(run_id=run_id, data_digest=f"data of {run_id}", golden_digest=golden)


def test_decisions_come_in_the_order_in_which_they_were_made(registry: Registry) -> None:
    for key, run_id, day in (("a", "span-9", 2), ("b", "span-10", 3), ("c", "span-8", 1)):
        registry.record_decision(key, recorded_decision(run_id=run_id, decided_at=f"2026-01-0{day}T00:00:00+00:00"))
    assert [made.run_id for made in registry.decisions()] == ["span-8", "span-9", "span-10"]


def test_versions_come_in_the_order_of_their_numbers(registry: Registry, served: ServedModel) -> None:
    for version in ("100", "9", "17"):
        registry.record_version(dataclasses.replace(served, version=version))
    assert [model.version for model in registry.versions()] == ["9", "17", "100"]


def test_a_pointer_that_was_changed_meanwhile_is_not_overwritten(registry: Registry, served: ServedModel) -> None:
    seen = registry.pointer()
    record_served(registry, served)
    with pytest.raises(ChangedError):
        registry.swap(seen, Pointer())
    assert registry.served() == served


def test_uses_of_a_golden_set_are_counted_blocked_or_pushed(registry: Registry) -> None:
    assert registry.records().golden_uses == {}
    registry.record_decision("a", decision("run 1", "g1"))
    registry.record_decision("b", decision("run 2", "g1"))
    registry.record_decision("c", decision("run 3", "g2"))
    assert registry.records().golden_uses == {"g1": 2, "g2": 1}


def test_a_step_that_is_repeated_counts_once(registry: Registry) -> None:
    registry.record_decision("a", decision("run 1", "g1"))
    registry.record_decision("a", decision("run 1", "g1"))
    assert registry.records().golden_uses == {"g1": 1}


def test_the_spans_that_were_trained_on_are_known_with_the_last_run_first(registry: Registry) -> None:
    assert registry.history() == History()
    registry.record_decision("b", decision("run 2", "g1"))
    registry.record_decision("a", decision("run 1", "g1"))
    history = registry.history()
    found = history.trained_on(2, 1)
    assert found is not None
    assert (found.data_digest, found.run_id, found.verdict) == ("data of run 2", "run 2", "BLOCKED")
    assert history.trained_on(2, 2) is None


def add(served: ServedModel, version: str, weights: bytes = b"other", blessed: bool = True) -> ServedModel:
    """Another version beside the served one, with its entry."""
    directory = Path(served.path).parent / version
    shutil.copytree(served.path, directory)
    (directory / "variables" / "data").write_bytes(weights)
    digest = model_digest(str(directory), LOCAL_FILES)
    return dataclasses.replace(served, version=version, path=str(directory), digest=digest, blessed=blessed)


def test_the_served_version_has_to_be_the_highest_for_that_is_what_tensorflow_serving_serves(
    registry: Registry, served: ServedModel
) -> None:
    record_served(registry, served)
    add(served, "9")
    assert registry.served() == served  # 9 is less than 17, although not for strings
    add(served, "100")
    with pytest.raises(
        StateError,
        match=r"serves version 100, .*version 17 is served.*setting version 100 aside, or .*rollback --to 17 --by NAME",
    ):
        registry.baseline(bootstrap=False)


@pytest.mark.parametrize("name", ["unfinished-99", "99.tmp", "²"])
def test_what_tensorflow_serving_does_not_see_is_not_served(registry: Registry, served: ServedModel, name: str) -> None:
    record_served(registry, served)
    (Path(served.path).parent / name).mkdir()
    assert registry.served() == served


def test_a_version_that_is_being_published_just_now_need_not_be_known(registry: Registry, served: ServedModel) -> None:
    record_served(registry, served)
    registry.swap(Pointer(served), Pointer(served, Intent(add(served, "18"), "unfinished-x", "source")))
    assert registry.served() == served


def test_the_advice_names_the_newest_version_that_is_whole_and_blessed(registry: Registry, served: ServedModel) -> None:
    registry.record_version(add(served, "14"))
    registry.record_version(add(served, "15"))
    registry.record_version(add(served, "16", blessed=False))
    record_served(registry, served)
    Path(served.path, "saved_model.pb").write_bytes(b"other")
    with pytest.raises(StateError, match=r"artifacts of run run, or .*ratchet rollback --to 15 --by NAME"):
        registry.served()
    Path(served.path).with_name("15").joinpath("saved_model.pb").write_bytes(b"other")
    shutil.rmtree(served.path)
    with pytest.raises(StateError, match=r"artifacts of run run, or .*ratchet rollback --to 14 --by NAME"):
        registry.served()


def test_the_advice_is_a_backup_where_no_version_is_whole(registry: Registry, served: ServedModel) -> None:
    record_served(registry, served)
    Path(served.path, "saved_model.pb").write_bytes(b"other")
    with pytest.raises(StateError, match="restore the serving directory from a backup: no version in it is whole"):
        registry.served()


def test_a_registry_without_pointer_is_an_error_though_nothing_is_on_disk(
    registry: Registry, served: ServedModel, tmp_path: Path
) -> None:
    record_served(registry, served)
    (tmp_path / "registry" / "served.json").unlink()
    with pytest.raises(StateError, match=r"version 17 is served, but .*ratchet rollback --to 17 --by NAME"):
        registry.baseline(bootstrap=True)
    shutil.rmtree(served.path)
    with pytest.raises(StateError, match=r"version 17 was served, but .*ratchet doctor --repair"):
        registry.baseline(bootstrap=True)


def test_a_root_that_was_copied_looks_at_its_own_files(registry: Registry, served: ServedModel, tmp_path: Path) -> None:
    record_served(registry, served)
    copy = tmp_path / "copy"
    for name in ("registry", "serving"):
        shutil.copytree(tmp_path / name, copy / name)
    copied = Registry(DiskStorage(str(copy / "registry"), str(copy / "serving")))
    found = copied.served()
    assert found is not None
    assert found.path == str(copy / "serving" / "17")
    (copy / "serving" / "17" / "saved_model.pb").write_bytes(b"other")
    with pytest.raises(StateError, match="not the bytes recorded"):
        copied.served()
    assert registry.served() == served


def test_a_decision_is_read_as_it_was_recorded(registry: Registry, tmp_path: Path) -> None:
    places = {"model": f"{tmp_path}/artifacts/m", "evaluation": "gs://elsewhere/e"}
    made = dataclasses.replace(decision("run", "g"), delta=-0.1, delta_ci=(-0.2, -0.05), reason="fell", **places)
    registry.record_decision("a", made)
    assert registry.decisions() == [made]


def override(version: str, reason: str = "why") -> Override:
    return Override(OverrideKind.APPROVED, "now", "Ana", reason, "run", version, "1", "digest", "golden")


def log(registry: Registry, served: ServedModel, *versions: str) -> None:
    for version in versions:
        line = registry.log(override(version))
        record_served(registry, dataclasses.replace(served, version=version, override=line.digest))


def test_overrides_are_kept_in_their_order(registry: Registry, served: ServedModel) -> None:
    assert registry.overrides() == []
    assert registry.current_override() is None
    log(registry, served, "18", "19")
    assert registry.overrides() == [override("18"), override("19")]
    assert registry.current_override() == override("19")


def test_a_model_that_was_pushed_is_served_by_no_override(registry: Registry, served: ServedModel) -> None:
    log(registry, served, "18")
    record_served(registry, dataclasses.replace(served, version="20"))
    assert registry.current_override() is None


def test_a_version_is_logged_once(registry: Registry) -> None:
    first = registry.log(override("18", "the first reason"))
    assert registry.log(override("18", "another")) == first
    assert registry.overrides() == [override("18", "the first reason")]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda lines: [lines[0].replace("Ana", "Bob"), *lines[1:]], "line 2: line 1 is not the line that it followed"),
        (lambda lines: lines[1:], "line 1: lines before it are missing"),
        (lambda lines: [lines[0], lines[2]], "line 2: line 1 is not the line that it followed"),
        (lambda lines: [lines[1], lines[0], lines[2]], "line 1: lines before it are missing"),
        (lambda lines: [*lines[:2], lines[2].replace("Ana", "Bob")], "line 3 was changed; .* version 20 was served"),
        (lambda lines: lines[:2], "a line is missing after line 2; .* version 20 was served"),
        (lambda lines: [], "a line is missing after line 0"),
        (lambda lines: [*lines, "", lines[2]], "line 4: is empty"),
        (lambda lines: [*lines, '{"previous": "0", "kind": "APPROVED"}'], "line 4: not an approval or rollback"),
        (lambda lines: [*lines, "[]"], "line 4: not an approval or rollback"),
    ],
)
def test_a_log_that_was_edited_or_cut_is_noticed_with_the_line_and_stops_the_next_run(
    registry: Registry, served: ServedModel, tmp_path: Path, change: Callable[[list[str]], list[str]], message: str
) -> None:
    log(registry, served, "18", "19", "20")
    path = tmp_path / "registry" / "overrides.jsonl"
    lines = path.read_text().splitlines()
    path.write_text("".join(f"{line}\n" for line in change(lines)))
    for ask in (registry.overrides, registry.current_override, registry.served):
        with pytest.raises(
            StateError, match=rf"overrides\.jsonl.*{message}.*ratchet doctor --repair` restores it from ML Metadata"
        ):
            ask()


@pytest.mark.parametrize(
    ("name", "is_one"),
    [("1", True), ("9223372036854775807", True), ("9223372036854775808", False), ("1" * 5000, False), ("", False)],
)
def test_a_version_is_a_number_that_tensorflow_serving_can_read(name: str, is_one: bool) -> None:
    assert is_version(name) is is_one
