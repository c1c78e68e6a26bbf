"""With a key, a person lets into service only what is as it was signed."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from ratchet.components.registry.registry import Registry
from ratchet.pipeline.serving.approve import ApproveRequest, approve
from ratchet.pipeline.serving.rollback import RollbackRequest, rollback
from ratchet.schemas.artifacts.decisions import Verdict
from ratchet.schemas.base.errors import StateError
from ratchet.schemas.base.signing import KEY_FILE_VARIABLE, Signer
from tests.pipeline.served_root import NOW, ServedRoot


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ServedRoot:
    """A root that was signed from its first run on."""
    file = tmp_path / "keys"
    file.write_text("9a4d07e1c36b5f82e0d7419ab85c263f\n")
    monkeypatch.setenv(KEY_FILE_VARIABLE, str(file))
    world = ServedRoot(tmp_path / "root")
    world.registry = Registry(world.registry.storage, Signer.from_environment())
    world.run("first", Verdict.BOOTSTRAPPED)
    world.run("good", Verdict.PUSHED)
    world.run("bad", Verdict.BLOCKED)
    return world


def asked(world: ServedRoot) -> ApproveRequest:
    return ApproveRequest("bad", world.root, "Ana", "labels seen by hand", "2026-12-31")


def test_a_signed_decision_is_approved_and_a_signed_version_served_again(world: ServedRoot) -> None:
    approve(asked(world), NOW)
    assert world.served_weights() == "bad"
    rollback(RollbackRequest(world.root, "Ana", "clients complain", "100"), NOW)
    assert world.served_weights() == "first"


@pytest.mark.parametrize("change", [{"map": 0.99}, {"reason": "nothing"}, {"signature": None}])
def test_a_decision_that_was_altered_is_not_approved(world: ServedRoot, change: dict[str, Any]) -> None:
    [made] = [decision for decision in world.registry.decisions() if decision.run_id == "bad"]
    Registry(world.registry.storage).record_decision("bad", dataclasses.replace(made, **change))
    with pytest.raises(StateError, match="the decision on bad"):
        approve(asked(world), NOW)
    assert world.served_weights() == "good"


@pytest.mark.parametrize("change", [{"map": 0.99}, {"golden_digest": "other"}, {"signature": None}])
def test_a_version_that_was_altered_is_not_served_again(world: ServedRoot, change: dict[str, Any]) -> None:
    [first, _] = world.registry.versions()
    Registry(world.registry.storage).record_version(dataclasses.replace(first, **change))
    with pytest.raises(StateError, match="version 100"):
        rollback(RollbackRequest(world.root, "Ana", "clients complain", "100"), NOW)
    assert world.served_weights() == "good"
