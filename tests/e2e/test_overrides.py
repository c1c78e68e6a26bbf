"""TFX's own resolver and the registry name the same model, whatever a person has done."""

from __future__ import annotations

from pathlib import Path

import pytest

from ratchet.pipeline.serving.approve import ApproveRequest, approve
from ratchet.pipeline.serving.rollback import RollbackRequest, rollback
from ratchet.schemas.artifacts.decisions import Verdict
from tests.e2e.metadata import latest_blessed_model
from tests.faults import in_child
from tests.pipeline.served_root import NOW, ServedRoot, blocked_root

pytestmark = pytest.mark.tensorflow


@pytest.fixture
def world(tmp_path: Path) -> ServedRoot:
    return blocked_root(tmp_path / "root")


def resolved(world: ServedRoot) -> str:
    """The run whose model the resolver takes."""
    return Path(latest_blessed_model(world.root / "metadata.sqlite"), "Format-Serving/variables/data").read_text()


def served(world: ServedRoot) -> str:
    model = world.registry.served()
    assert model is not None
    return model.run_id


def request(world: ServedRoot, run: str = "bad") -> ApproveRequest:
    return ApproveRequest(run, world.root, "Ana", "checked", "2026-12-31")


def test_resolver_and_registry_agree_through_approvals_and_rollbacks(world: ServedRoot) -> None:
    assert resolved(world) == served(world) == "good"
    approve(request(world), NOW)
    assert resolved(world) == served(world) == "bad"
    rollback(RollbackRequest(world.root, "Ana", "checked"), NOW)
    assert resolved(world) == served(world) == "good"
    rollback(RollbackRequest(world.root, "Ana", "checked", "100"), NOW)
    assert resolved(world) == served(world) == "first"
    world.run("next", Verdict.PUSHED)
    assert resolved(world) == "next"


def test_an_approval_of_an_older_run_wins_over_a_blessing_that_was_never_served(world: ServedRoot) -> None:
    world.run("killed", Verdict.PUSHED, pushed=False)
    assert resolved(world) == "killed"
    approve(request(world), NOW)
    assert resolved(world) == served(world) == "bad"


def test_resolver_and_registry_agree_after_a_killed_approval_and_a_rollback(world: ServedRoot) -> None:
    points = in_child(lambda: approve(request(world), NOW).version, world.root).points
    assert len(points) > 20
    rollback(RollbackRequest(world.root, "Ana", "checked", "200"), NOW)
    world.run("bad 2", Verdict.BLOCKED)
    last = max(number for number, name in enumerate(points) if "rename" in name and "index" not in name)
    assert in_child(lambda: approve(request(world, "bad 2"), NOW).version, world.root, last).killed
    rollback(RollbackRequest(world.root, "Ana", "why again", "200"), NOW)
    assert resolved(world) == served(world) == "good"
