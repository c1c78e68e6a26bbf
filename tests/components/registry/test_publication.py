"""One publication: whole or not at all, over what it was compared with, whoever dies in between."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ratchet.components.registry.locking import BusyError, hold
from ratchet.components.registry.publication import BaselineChangedError, Publication, publish, settle
from ratchet.components.registry.registry import Registry
from ratchet.components.registry.storage import ChangedError, DiskStorage, Token
from ratchet.schemas.artifacts.registry_entries import ServedModel
from ratchet.schemas.base.errors import StateError
from ratchet.schemas.base.files import LOCAL_FILES
from ratchet.schemas.base.model_digest import model_digest
from tests.builders import recorded_decision
from tests.entry_file import entry_file
from tests.faults import FAILING, FULL, KILL, in_child
from tests.pipeline.served_root import model_files

NOW_S = 1_000_000


class World:
    """A root with one served model, and another one that is to be served."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.storage = DiskStorage(f"{root}/registry", f"{root}/serving/m")
        self.registry = Registry(self.storage)
        self.publish(self.candidate("old"))

    @property
    def serving(self) -> Path:
        return self.root / "serving" / "m"

    def candidate(self, weights: str) -> Publication:
        source = self.root / "artifacts" / weights
        if not source.exists():
            model_files(source, weights)
        digest = model_digest(str(source), LOCAL_FILES)
        model = ServedModel("", "", digest, 1, "golden", 0.5, "PUSHED", f"run of {weights}", "2030-01-01", True)
        decision = recorded_decision(run_id=model.run_id, evaluation=f"{self.root}/artifacts/e/{weights}")
        return Publication(model, str(source), self.registry.pointer().served_as, decision=decision)

    def publish(self, publication: Publication, now_s: int = NOW_S) -> ServedModel:
        staged = self.storage.stage(publication.source, publication.model.digest)
        return publish(self.registry, publication, staged, now_s)

    def visible(self) -> list[str]:
        """The weights of every version that TensorFlow Serving sees, each of a whole model."""
        found = []
        for version in self.registry.versions_on_disk():
            directory = self.serving / version
            assert (directory / "saved_model.pb").read_text() == "graph"
            found.append((directory / "variables" / "data").read_text())
        return found


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path / "root")


def test_a_model_is_published_with_its_entry_and_its_decision(world: World) -> None:
    made = world.publish(world.candidate("new"))
    assert world.registry.served() == made
    assert world.visible() == ["old", "new"]
    assert [model.version for model in world.registry.versions()] == [str(NOW_S), str(NOW_S + 1)]
    assert {decision.run_id for decision in world.registry.decisions()} == {"run of old", "run of new"}
    assert sorted(os.listdir(world.serving)) == [str(NOW_S), str(NOW_S + 1)]


def test_the_version_is_above_all_others_whatever_the_clock_says(world: World) -> None:
    assert world.publish(world.candidate("new"), NOW_S - 172_800).version == str(NOW_S + 1)
    assert world.publish(world.candidate("newer"), NOW_S + 50).version == str(NOW_S + 50)


def test_what_was_compared_with_another_model_is_not_published(world: World) -> None:
    first, second = world.candidate("first"), world.candidate("second")
    world.publish(first)
    with pytest.raises(BaselineChangedError) as caught:
        world.publish(second)
    assert caught.value.served is not None
    assert caught.value.served.run_id == "run of first"
    assert world.visible() == ["old", "first"]


def test_two_at_once_end_with_one_winner(world: World) -> None:
    candidates = [world.candidate(f"c{number}") for number in range(6)]
    outcomes: list[str] = []

    def attempt(candidate: Publication) -> None:
        mine = World.__new__(World)  # its own storage, as another process has
        mine.root = world.root
        mine.storage = DiskStorage(f"{world.root}/registry", f"{world.root}/serving/m")
        mine.registry = Registry(mine.storage)
        try:
            outcomes.append(mine.publish(candidate).run_id)
        except BaselineChangedError:
            outcomes.append("refused")

    threads = [threading.Thread(target=attempt, args=(candidate,)) for candidate in candidates]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes)[:5] == ["refused"] * 5
    served = world.registry.served()
    assert served is not None
    assert served.run_id in outcomes
    assert len(world.visible()) == 2


def points_of(world: World, act: Callable[[], Any]) -> tuple[str, ...]:
    saved = world.root.with_name("saved")
    shutil.copytree(world.root, saved)
    points = in_child(act, world.root).points
    restore(world)
    return points


def restore(world: World) -> None:
    shutil.rmtree(world.root)
    shutil.copytree(world.root.with_name("saved"), world.root)


def test_killed_at_every_point_it_is_nothing_or_completed_by_whoever_comes_next(world: World) -> None:
    candidate = world.candidate("new")
    points = points_of(world, lambda: world.publish(candidate).version)
    claim, *_, end = [number for number, name in enumerate(points) if name.startswith("os.rename served.json")]
    for point, name in enumerate(points):
        restore(world)
        assert in_child(lambda: world.publish(candidate), world.root, point, KILL).killed
        assert world.visible() in (["old"], ["old", "new"]), name
        settled = settle(world.registry)
        assert (settled is not None) == (claim < point <= end), name
        served = world.registry.served()
        assert served is not None
        assert served.run_id == ("run of new" if claim < point else "run of old"), name
        assert world.visible() == (["old", "new"] if claim < point else ["old"]), name
        assert not list(world.serving.glob("unfinished-*"))
        assert settle(world.registry) is None


@pytest.mark.parametrize("fault", [FULL, FAILING])
def test_a_disk_that_fails_at_any_point_leaves_what_the_next_one_completes(world: World, fault: str) -> None:
    candidate = world.candidate("new")
    points = points_of(world, lambda: world.publish(candidate).version)
    for point, name in enumerate(points):
        restore(world)
        failed = in_child(lambda: world.publish(candidate).version, world.root, point, fault)
        assert failed.kind in (None, "OSError"), (name, failed)
        assert world.visible() in (["old"], ["old", "new"]), name
        settle(world.registry)
        world.registry.served()
        assert world.registry.pointer().pushing is None


def test_killed_while_it_completes_what_another_had_begun_it_is_completed_by_the_third(world: World) -> None:
    candidate = world.candidate("new")
    points = points_of(world, lambda: world.publish(candidate).version)
    claimed = next(number for number, name in enumerate(points) if name.startswith("os.rename unfinished-"))
    restore(world)
    assert in_child(lambda: world.publish(candidate), world.root, claimed, KILL).killed
    shutil.rmtree(world.root.with_name("saved"))
    points = points_of(world, lambda: settle(world.registry) and None)
    for point in range(len(points)):
        restore(world)
        assert in_child(lambda: settle(world.registry) and None, world.root, point, KILL).killed
        settle(world.registry)
        assert world.visible() == ["old", "new"]
        served = world.registry.served()
        assert served is not None
        assert served.run_id == "run of new"


@pytest.mark.parametrize("damaged", ["staged", "published"])
def test_damaged_bytes_are_never_served_while_there_are_whole_ones(world: World, damaged: str) -> None:
    candidate = world.candidate("new")
    points = points_of(world, lambda: world.publish(candidate).version)
    prefix = "os.rename unfinished-" if damaged == "staged" else "os.mkdir versions"
    reached = [number for number, name in enumerate(points) if name.startswith(prefix)]
    reached = reached or [number for number, name in enumerate(points) if name.startswith(f"open {NOW_S + 1}.json")]
    restore(world)
    assert in_child(lambda: world.publish(candidate), world.root, reached[0], KILL).killed
    [directory] = [path for path in world.serving.iterdir() if path.name != str(NOW_S)]
    (directory / "variables" / "data").write_text("damaged")
    settle(world.registry)
    assert world.visible() == ["old", "new"]
    assert world.registry.served() is not None


def killed_after_its_claim(world: World) -> Publication:
    """A publication that was killed when it had claimed and not yet published."""
    candidate = world.candidate("new")
    points = points_of(world, lambda: world.publish(candidate).version)
    claimed = next(number for number, name in enumerate(points) if name.startswith("os.rename unfinished-"))
    restore(world)
    assert in_child(lambda: world.publish(candidate), world.root, claimed, KILL).killed
    return candidate


def test_whoever_publishes_next_completes_what_was_interrupted_and_does_not_go_over_it(world: World) -> None:
    killed_after_its_claim(world)
    with pytest.raises(BaselineChangedError):
        world.publish(world.candidate("next"))
    served = world.registry.served()
    assert served is not None
    assert served.run_id == "run of new"


def test_what_was_interrupted_is_completed_by_one_at_a_time(world: World) -> None:
    killed_after_its_claim(world)
    with hold(world.root / "registry" / "lock", "changing what is served"), pytest.raises(BusyError):
        settle(world.registry, wait_s=0.0)
    assert world.visible() == ["old"]


def test_a_publication_whose_bytes_are_nowhere_is_taken_back(world: World) -> None:
    candidate = killed_after_its_claim(world)
    [staged] = world.serving.glob("unfinished-*")
    (staged / "saved_model.pb").write_text("damaged")
    shutil.rmtree(candidate.source)
    settled = settle(world.registry)
    assert settled is not None
    assert not settled.completed
    assert "was taken back" in settled.to_text()
    assert world.visible() == ["old"]
    assert world.registry.served() is not None


def test_what_another_process_stages_just_now_is_left_alone(world: World) -> None:
    def stage_and_wait(ready: Any, done: Any) -> None:
        candidate = world.candidate("slow")
        world.storage.stage(candidate.source, candidate.model.digest)
        ready.set()
        done.wait()

    context = multiprocessing.get_context("fork")
    ready, done = context.Event(), context.Event()
    process = context.Process(target=stage_and_wait, args=(ready, done))
    process.start()
    ready.wait()
    settle(world.registry)
    assert len(list(world.serving.glob("unfinished-*"))) == 1
    done.set()
    process.join()
    settle(world.registry)
    assert not list(world.serving.glob("unfinished-*"))


def test_a_staged_copy_that_came_out_otherwise_is_removed(world: World) -> None:
    candidate = world.candidate("new")
    with pytest.raises(StateError, match=r"is not the recorded other.*nothing was changed"):
        world.storage.stage(candidate.source, "other")
    assert os.listdir(world.serving) == [str(NOW_S)]


def test_a_file_is_written_only_by_who_has_seen_it(world: World) -> None:
    storage = world.storage
    storage.write("a", "one", Token.ABSENT)
    seen = storage.read("a")
    assert seen is not None
    with pytest.raises(ChangedError):
        storage.write("a", "two", Token.ABSENT)
    storage.write("a", "two", seen.token)
    with pytest.raises(ChangedError):
        storage.write("a", "three", seen.token)
    with pytest.raises(ChangedError):
        storage.write("b", "one", seen.token)


def test_bytes_that_are_altered_between_the_last_look_and_the_renaming_are_not_served(world: World) -> None:
    candidate = world.candidate("new")

    class Altered(DiskStorage):
        altered = False

        def publish(self, staged: str, version: str) -> None:
            if not self.altered:
                self.altered = True
                (Path(self.serving_directory) / staged / "variables" / "data").write_text("altered")
            super().publish(staged, version)

    storage = Altered(f"{world.root}/registry", f"{world.root}/serving/m")
    world.storage, world.registry = storage, Registry(storage)
    made = world.publish(candidate)
    assert storage.altered
    assert world.registry.served() == made
    assert world.visible() == ["old", "new"]


def test_a_torn_entry_of_the_version_that_is_being_published_is_written_again(world: World) -> None:
    candidate = world.candidate("new")
    points = points_of(world, lambda: world.publish(candidate).version)
    end = max(number for number, name in enumerate(points) if name.startswith("os.rename served.json"))
    restore(world)
    assert in_child(lambda: world.publish(candidate), world.root, end, KILL).killed
    entry_file(world.root, f"versions/{NOW_S + 1}.json").write_text('{"format":')
    settled = settle(world.registry)
    assert settled is not None
    assert settled.completed
    assert world.visible() == ["old", "new"]
    assert world.registry.served() is not None


def test_all_of_a_model_is_on_the_disk_before_it_is_served(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    publication, flushed = world.candidate("new"), []
    fsync = os.fsync

    def flush(descriptor: int) -> None:
        flushed.append(Path(os.readlink(f"/proc/self/fd/{descriptor}")))
        fsync(descriptor)

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", flush)
        staged = world.serving / world.storage.stage(publication.source, publication.model.digest)
    assert set(flushed) >= {staged, *staged.rglob("*")}
