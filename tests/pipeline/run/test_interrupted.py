"""Approvals and rollbacks, killed or out of room at every point: the same command ends as if nothing had happened."""

from __future__ import annotations

import datetime
import os
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from ratchet.components.registry.locking import hold
from ratchet.pipeline.serving.approve import ApproveRequest, approve
from ratchet.pipeline.serving.rollback import RollbackRequest, rollback
from ratchet.schemas.artifacts.decisions import Verdict
from ratchet.schemas.base.files import LOCAL_FILES
from ratchet.schemas.base.model_digest import model_digest
from tests.faults import FAILING, FULL, KILL, in_child
from tests.pipeline.served_root import NOW, blocked_root

LATER = NOW + datetime.timedelta(minutes=10)
Command = Callable[[datetime.datetime], str]


class World:
    """A root to which each attempt comes back as it was."""

    def __init__(self, directory: Path) -> None:
        self.made = blocked_root(directory / "root")
        self.made.run("good 2", Verdict.PUSHED)
        self.made.run("bad 2", Verdict.BLOCKED)
        self._saved = directory / "saved"
        shutil.copytree(self.root, self._saved)
        self.models = {self._digest(path) for path in self.made.serving.iterdir()}
        self.models.add(self._digest(self.made.candidate("bad 2")))

    @property
    def root(self) -> Path:
        return self.made.root

    def restore(self) -> None:
        shutil.rmtree(self.root)
        shutil.copytree(self._saved, self.root)

    def approve(self, now: datetime.datetime) -> str:
        return approve(ApproveRequest("bad 2", self.root, "Ana", "checked", "2026-12-31"), now).version

    def rollback(self, now: datetime.datetime) -> str:
        return rollback(RollbackRequest(self.root, "Ana", "checked"), now).version

    def check_visible(self) -> None:
        """Whatever TensorFlow Serving sees is a whole model that somebody measured."""
        for version in self.made.registry.versions_on_disk():
            assert self._digest(self.made.serving / version) in self.models, version

    def check_ended(self, weights: str) -> None:
        served = self.made.registry.served()
        assert served is not None
        assert self.made.served_weights() == self.made.blessed_run() == weights
        assert self.made.registry.pointer().pushing is None
        assert len(self.made.registry.overrides()) == 1
        assert len(self.made.versions) == 4  # nothing half is left, and nothing was done twice
        assert len(self.made.store.get_artifacts_by_type("RatchetOverride")) == 1

    @staticmethod
    def _digest(directory: Path) -> str:
        return model_digest(str(directory), LOCAL_FILES)


def sampled(points: Sequence[str]) -> list[tuple[int, str]]:
    """All points, or of many every fifth and the renames; `make faults` takes all."""
    numbered = list(enumerate(points))
    return (
        numbered if os.environ.get("RATCHET_ALL_FAULTS") else [p for p in numbered if p[0] % 5 == 0 or "rename" in p[1]]
    )


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


@pytest.mark.parametrize(("command", "weights"), [("approve", "bad 2"), ("rollback", "good")])
def test_killed_anywhere_it_is_finished_by_the_same_command(world: World, command: str, weights: str) -> None:
    act: Command = getattr(world, command)
    points = in_child(lambda: act(NOW), world.root).points
    assert len(points) > 20
    for point, name in sampled(points):
        world.restore()
        assert in_child(lambda: act(NOW), world.root, point, KILL).killed, name
        world.check_visible()
        act(LATER)
        world.check_visible()
        world.check_ended(weights)


@pytest.mark.parametrize("fault", [FULL, FAILING])
@pytest.mark.parametrize(("command", "weights"), [("approve", "bad 2"), ("rollback", "good")])
def test_out_of_room_anywhere_it_says_so_and_is_finished_by_the_same_command(
    world: World, command: str, weights: str, fault: str
) -> None:
    act: Command = getattr(world, command)
    points = in_child(lambda: act(NOW), world.root).points
    for point, name in sampled(points):
        world.restore()
        failed = in_child(lambda: act(NOW), world.root, point, fault, lasting=True)
        assert failed.kind in (None, "OSError"), (name, failed)  # None: what failed was not needed
        world.check_visible()
        act(LATER)
        world.check_ended(weights)


def test_a_retraining_finds_an_approval_that_was_killed_and_completes_it(world: World) -> None:
    points = in_child(lambda: world.approve(NOW), world.root).points
    claimed = max(number for number, name in enumerate(points) if "served.json" in name and "rename" in name)
    world.restore()
    assert in_child(lambda: world.approve(NOW), world.root, claimed).killed
    pointer = world.made.registry.pointer()
    assert pointer.pushing is not None
    from ratchet.pipeline.past.history import open_registry

    assert open_registry(world.root).pointer().pushing is None  # any command that reads the root
    assert world.made.served_weights() == "bad 2"


def test_a_rollback_does_not_overshoot_a_publication_that_it_completes(world: World) -> None:
    points = in_child(lambda: world.approve(NOW), world.root).points
    world.restore()
    last = max(number for number, name in enumerate(points) if "rename" in name and "index" not in name)
    assert in_child(lambda: world.approve(NOW), world.root, last).killed
    from ratchet.schemas.base.errors import InputError

    with pytest.raises(InputError, match="whose publication was interrupted, is served now"):
        rollback(RollbackRequest(world.root, "Ben", "wrong"), LATER)
    assert rollback(RollbackRequest(world.root, "Ben", "wrong"), LATER).run_id == "good 2"


def test_a_publication_whose_bytes_are_gone_is_taken_back(world: World) -> None:
    points = in_child(lambda: world.approve(NOW), world.root).points
    published = next(number for number, name in enumerate(points) if name.startswith("os.rename unfinished-"))
    world.restore()
    assert in_child(lambda: world.approve(NOW), world.root, published).killed
    [staged] = world.made.serving.glob("unfinished-*")
    (staged / "variables" / "data").write_text("damaged")
    shutil.rmtree(world.made.candidate("bad 2"))
    from ratchet.pipeline.past.history import open_registry

    registry = open_registry(world.root)
    assert registry.served() is not None
    assert world.made.served_weights() == "good 2"
    assert not list(world.made.serving.glob("unfinished-*"))


def test_who_only_looks_does_not_wait_for_a_publication_that_was_stopped(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    from ratchet.pipeline.past.history import open_registry

    with hold(world.root / "registry" / "lock", "changing what is served"):
        (world.made.serving / "unfinished-elsewhere").mkdir()  # something to settle
        assert open_registry(world.root).pointer().served is not None
    assert "shown is what was served before" in caplog.text
