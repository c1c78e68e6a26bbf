from __future__ import annotations

import dataclasses
import os
import shutil
from pathlib import Path

import pytest

from components.registry.registry import RecordedDecision, Registry, ServedModel, model_digest
from schemas.errors import InputError, StateError
from schemas.files import LOCAL_FILES
from schemas.trained_spans import TrainedSpan, TrainedSpans


@pytest.fixture
def served(tmp_path: Path) -> ServedModel:
    directory = tmp_path / "serving" / "17"
    (directory / "variables").mkdir(parents=True)
    (directory / "saved_model.pb").write_bytes(b"graph")
    (directory / "variables" / "data").write_bytes(b"weights")
    digest = model_digest(str(directory), LOCAL_FILES)
    return ServedModel("17", str(directory), digest, 1, "golden", 0.5, "BOOTSTRAPPED", "run", "2026-01-01T00:00:00Z")


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    return Registry(str(tmp_path / "registry"), str(tmp_path / "serving"), LOCAL_FILES)


def test_a_new_root_has_no_model_and_says_how_to_make_one(registry: Registry) -> None:
    assert registry.served() is None
    assert registry.baseline(bootstrap=True) is None
    with pytest.raises(InputError, match="--bootstrap"):
        registry.baseline(bootstrap=False)


def test_what_was_recorded_is_the_baseline(registry: Registry, served: ServedModel, tmp_path: Path) -> None:
    registry.record(served)
    assert registry.baseline(bootstrap=False) == served
    assert (tmp_path / "registry" / "versions" / "17.json").exists()
    with pytest.raises(InputError, match="version 17 is served already"):
        registry.baseline(bootstrap=True)


def test_a_served_model_that_the_registry_does_not_know_is_an_error_not_a_first_run(
    registry: Registry, served: ServedModel
) -> None:
    with pytest.raises(StateError, match=r"version 17 is served, but .*served\.json is missing"):
        registry.baseline(bootstrap=True)


def test_a_served_model_that_was_deleted_is_an_error(registry: Registry, served: ServedModel) -> None:
    registry.record(served)
    shutil.rmtree(served.path)
    with pytest.raises(StateError, match="no SavedModel"):
        registry.served()


@pytest.mark.parametrize("file", ["saved_model.pb", "variables/data", "variables/new"])
def test_a_served_model_that_was_touched_is_an_error(registry: Registry, served: ServedModel, file: str) -> None:
    registry.record(served)
    Path(served.path, file).write_bytes(b"other")
    with pytest.raises(StateError, match="content digest"):
        registry.served()


def test_a_torn_entry_is_named(registry: Registry, served: ServedModel, tmp_path: Path) -> None:
    registry.record(served)
    (tmp_path / "registry" / "served.json").write_text('{"version":')
    with pytest.raises(StateError, match=r"served\.json: not a registry entry"):
        registry.served()


def test_a_crash_while_writing_leaves_the_old_entry(
    registry: Registry, served: ServedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry.record(served)

    def crash(*_: object) -> None:
        raise OSError("power cut")

    monkeypatch.setattr(os, "replace", crash)
    with pytest.raises(OSError, match="power cut"):
        registry.record(dataclasses.replace(served, version="18"))
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
    return RecordedDecision(run_id, 2, 1, f"data of {run_id}", golden, "BLOCKED", 0.4, 0.5, "2026-01-01T00:00:00Z")


def test_uses_of_a_golden_set_are_counted_blocked_or_pushed(registry: Registry) -> None:
    assert registry.golden_uses() == {}
    registry.record_decision("a", decision("run 1", "g1"))
    registry.record_decision("b", decision("run 2", "g1"))
    registry.record_decision("c", decision("run 3", "g2"))
    assert registry.golden_uses() == {"g1": 2, "g2": 1}


def test_a_step_that_is_repeated_counts_once(registry: Registry) -> None:
    registry.record_decision("a", decision("run 1", "g1"))
    registry.record_decision("a", decision("run 1", "g1"))
    assert registry.golden_uses() == {"g1": 1}


def test_the_spans_that_were_trained_on_are_known_with_the_last_run_first(registry: Registry) -> None:
    assert registry.trained_spans() == TrainedSpans()
    registry.record_decision("b", decision("run 2", "g1"))
    registry.record_decision("a", decision("run 1", "g1"))
    trained = TrainedSpans.from_json(registry.trained_spans().to_json())
    found = trained.of(2, 1)
    assert found == TrainedSpan(2, 1, "data of run 2", "run 2", "BLOCKED")
    assert trained.of(2, 2) is None
