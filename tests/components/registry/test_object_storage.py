"""The registry on gs://: whole or not at all, without a lock, and what TensorFlow Serving sees of it."""

from __future__ import annotations

import dataclasses
import datetime
import json
import multiprocessing
import os
import signal
import threading
import urllib.parse
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.context import ForkServerContext

import pytest

from ratchet.components.object_store import objects
from ratchet.components.registry.object_storage import ObjectStorage
from ratchet.components.registry.publication import BaselineChangedError, publish, settle
from ratchet.components.registry.registry import Registry
from ratchet.components.registry.storage import ChangedError, Token
from tests.components.registry.gcs_world import (
    FILES,
    NOW_S,
    GcsWorld,
    change_again_and_again,
    in_process,
    publish_one,
)
from tests.gcs.fixtures import Bucket
from tests.gcs.requests import Request
from tests.nightly import often, spread

pytest.importorskip("google.cloud.storage")


@pytest.fixture
def world(gcs: Bucket) -> GcsWorld:
    return GcsWorld(gcs.uri("root")).begin()


@pytest.fixture(scope="module")
def processes() -> ForkServerContext:
    """Processes of their own that need not import everything anew."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.components.registry.gcs_world", "google.cloud.storage"])
    return context


def test_a_model_is_published_with_its_entry_and_its_decision(world: GcsWorld) -> None:
    made = world.publish(world.candidate("new"))
    assert world.registry.served() == made
    assert made.path == f"{world.root}/serving/m/{NOW_S + 1}"
    assert world.visible() == ["old", "new"]
    assert world.names() == [f"{NOW_S}/", f"{NOW_S + 1}/"]
    assert {decision.run_id for decision in world.registry.decisions()} == {"run of old", "run of new"}
    assert world.root not in objects.read(f"{world.root}/registry/served.json").data.decode()  # pyright: ignore[reportOptionalMemberAccess]


def test_what_was_compared_with_another_model_is_not_published(world: GcsWorld) -> None:
    first, second = world.candidate("first"), world.candidate("second")
    world.publish(first)
    with pytest.raises(BaselineChangedError) as caught:
        world.publish(second)
    assert caught.value.served is not None
    assert caught.value.served.run_id == "run of first"
    assert world.visible() == ["old", "first"]
    assert world.names() == [f"{NOW_S}/", f"{NOW_S + 1}/"]


def test_a_file_is_written_only_by_who_has_seen_it_also_if_the_content_came_back(world: GcsWorld) -> None:
    storage = world.storage
    one = storage.write("a", "one", Token.ABSENT)
    assert storage.read("a").token == one  # pyright: ignore[reportOptionalMemberAccess]
    with pytest.raises(ChangedError):
        storage.write("a", "two", Token.ABSENT)
    two = storage.write("a", "two", one)
    storage.write("a", "one", two)
    with pytest.raises(ChangedError):
        storage.write("a", "three", one)
    with pytest.raises(ChangedError):
        storage.write("b", "one", one)


def test_entries_are_read_at_once(world: GcsWorld, gcs: Bucket) -> None:
    for number in range(40):
        world.storage.write(f"versions/{number}.txt", "no entry")
        world.storage.write(f"decisions/{number}.json", str(number))
    gcs.forget()
    found = world.storage.read_all("decisions")
    assert {found[f"{number}.json"].text for number in range(40)} == {str(number) for number in range(40)}
    assert next(request.kind for request in gcs.requests) == "list"
    assert [model.version for model in world.registry.versions()] == [str(NOW_S)]
    assert world.storage.read_all("none") == {}


@pytest.mark.parametrize("writers", ["threads", "processes"])
def test_two_writers_change_one_registry_without_an_error(
    world: GcsWorld, writers: str, gcs: Bucket, processes: ForkServerContext
) -> None:
    times = often(6, nightly=25)
    if writers == "threads":
        with ThreadPoolExecutor(2) as pool:
            runs = [pool.submit(change_again_and_again, world.root, name, times) for name in ("a", "b")]
            outcomes = [outcome for run in runs for outcome in run.result()]
    else:
        queue = processes.Queue()
        args = [(gcs.environment, queue, change_again_and_again, world.root, name, times) for name in ("a", "b")]
        started = [processes.Process(target=in_process, args=each) for each in args]
        for process in started:
            process.start()
        outcomes = [outcome for _ in started for outcome in queue.get()]
        for process in started:
            process.join()
    assert set(outcomes) <= {"served", "changed"}
    served = outcomes.count("served")
    assert served >= times
    assert len(world.visible()) == len(world.registry.versions()) == served + 1
    assert len(world.registry.decisions()) + len(world.registry.overrides()) == served + 1
    assert world.registry.served() is not None
    assert world.registry.pointer().pushing is None
    assert not any(name.startswith("unfinished") for name in world.names())


def changes(gcs: Bucket) -> list[Request]:
    return [request for request in gcs.requests if request.changes]


def test_a_poller_never_finds_a_version_that_it_could_load_half(world: GcsWorld, gcs: Bucket) -> None:
    candidate = world.candidate("new")
    base = "root/serving/m/"
    seen: list[set[str]] = []

    def look(request: Request) -> bool:
        if request.changes:
            _, _, body = gcs.server.ask("GET", f"/storage/v1/b/{gcs.name}/o?prefix={urllib.parse.quote(base)}")
            seen.append({each["name"][len(base) :] for each in json.loads(body)["items"]})
        return False

    gcs.server.after = look
    version = world.publish(candidate).version
    whole = {f"{version}/{name}" for name in FILES}
    parts = [{name for name in names if name.startswith(f"{version}/")} for names in seen]
    assert all(part == whole for part in parts if f"{version}/saved_model.pb" in part)
    assert not any(name.endswith("/") for names in seen for name in names), "an object that stands for a directory"
    into = [request for request in changes(gcs) if request.name.startswith(f"{base}{version}/")]
    assert [request.kind for request in into] == ["copy"] * len(FILES)
    assert into[-1].name.endswith("saved_model.pb")
    assert [request.query.get("ifGenerationMatch") for request in into] == ["0"] * len(FILES)
    assert all(request.query.get("ifSourceGenerationMatch") for request in into)
    assert not [request for request in changes(gcs) if request.kind == "write" and request.name.startswith(base)]


def test_while_a_version_is_copied_it_is_none_and_others_go_on(world: GcsWorld, gcs: Bucket) -> None:
    candidate = world.candidate("new")
    found: list[object] = []

    def look(request: Request) -> bool:
        into = request.kind == "copy" and request.name == f"root/serving/m/{NOW_S + 1}/{FILES[1]}"
        if into and not found:
            other = GcsWorld(world.root)
            found.extend([other.registry.versions_on_disk(), other.registry.served().version])  # pyright: ignore[reportOptionalMemberAccess]
        return False

    gcs.server.after = look
    world.publish(candidate)
    assert found == [[str(NOW_S)], str(NOW_S)]


def test_whoever_settles_beside_the_one_that_publishes_leads_to_the_same(world: GcsWorld, gcs: Bucket) -> None:
    """At every change that the publishing process makes, another one comes along and completes it."""
    count = len(points(world, gcs))
    for point in spread(range(count), 5):
        world = GcsWorld(gcs.uri(f"beside-{point}")).begin()
        candidate, made = world.candidate("new"), iter(range(1000))
        busy = threading.Lock()

        def settle_once(request: Request, point=point, made=made, busy=busy, world=world) -> bool:
            if request.changes and busy.acquire(blocking=False):
                if next(made) == point:
                    settle(GcsWorld(world.root).registry)
                busy.release()
            return False

        gcs.server.after = settle_once
        served = world.publish(candidate)
        gcs.forget()
        assert world.registry.served() == served, point
        assert world.visible() == ["old", "new"], point
        assert len(world.names()) == 2, point


def points(world: GcsWorld, gcs: Bucket) -> list[Request]:
    """The changes that one publication makes."""
    candidate = world.candidate("new")
    gcs.forget()
    world.publish(candidate)
    return changes(gcs)


def test_killed_at_every_point_it_is_nothing_or_completed_by_whoever_comes_next(
    world: GcsWorld, gcs: Bucket, processes: ForkServerContext
) -> None:
    made = points(world, gcs)
    pointers = [number for number, request in enumerate(made) if request.name.endswith("served.json")]
    assert len(pointers) == 2
    for point in spread(range(len(made)), 5):
        root = gcs.uri(f"killed-{point}")
        world = GcsWorld(root).begin()
        world.candidate("new")
        kill_after(gcs, processes, root, point)
        assert world.visible() in (["old"], ["old", "new"]), made[point]
        settled = settle(world.registry)
        claimed = point >= pointers[0]
        assert (settled is not None) == (claimed and point < pointers[1]), made[point]
        served = world.registry.served()
        assert served is not None
        assert served.run_id == ("run of new" if claimed else "run of old"), made[point]
        assert world.visible() == (["old", "new"] if claimed else ["old"]), made[point]
        assert [decision.run_id for decision in world.registry.decisions()].count("run of new") == int(claimed)
        assert settle(world.registry) is None
        later = ObjectStorage(f"{root}/registry", f"{root}/serving/m", datetime.timedelta(0))
        settle(Registry(later))
        assert not any(name.startswith("unfinished") for name in world.names()), made[point]


def kill_after(gcs: Bucket, processes: ForkServerContext, root: str, point: int) -> None:
    """Lets a process publish and kills it with the change of that number, whose answer it does not see."""
    process = processes.Process(target=publish_one, args=(gcs.environment, root, "new"))
    started, number, lock = threading.Event(), iter(range(1000)), threading.Lock()

    def kill(request: Request) -> bool:
        with lock:
            if request.changes and next(number) == point:
                started.wait()
                os.kill(process.pid or 0, signal.SIGKILL)
                return True
        return False

    gcs.server.after = kill
    process.start()
    started.set()
    process.join()
    gcs.forget()
    assert process.exitcode == -signal.SIGKILL


def test_an_answer_that_is_lost_at_any_point_changes_nothing(world: GcsWorld, gcs: Bucket) -> None:
    count = len(points(world, gcs))
    for point in spread(range(count), 5):
        world = GcsWorld(gcs.uri(f"lost-{point}")).begin()
        candidate, number = world.candidate("new"), iter(range(1000))
        gcs.server.after = lambda request, number=number, point=point: request.changes and next(number) == point
        served = world.publish(candidate)
        gcs.forget()
        assert world.registry.served() == served, point
        assert world.visible() == ["old", "new"], point
        assert len(world.names()) == 2, point


def test_a_publication_whose_bytes_are_nowhere_is_taken_back(
    world: GcsWorld, gcs: Bucket, processes: ForkServerContext
) -> None:
    made = points(world, gcs)
    half = next(n for n, request in enumerate(made) if request.name == f"root/serving/m/{NOW_S + 1}/{FILES[1]}")
    world = GcsWorld(gcs.uri("taken-back")).begin()
    candidate = world.candidate("new")
    kill_after(gcs, processes, world.root, half)
    assert f"{NOW_S + 1}/" in world.names()
    [staged] = [name for name in world.names() if name.startswith("unfinished-")]
    objects.delete_below(f"{world.storage.serving_directory}/{staged}")
    objects.delete_below(candidate.source)
    settled = settle(world.registry)
    assert settled is not None
    assert not settled.completed
    assert world.names() == [f"{NOW_S}/"]
    assert world.registry.served() is not None


def test_damaged_bytes_are_never_served_while_there_are_whole_ones(world: GcsWorld) -> None:
    candidate = world.candidate("new")
    staged = world.storage.stage(candidate.source, candidate.model.digest)
    objects.write(f"{world.storage.serving_directory}/{staged}/{FILES[1]}", b"damaged")
    publish(world.registry, candidate, staged, NOW_S)
    assert world.visible() == ["old", "new"]
    assert len(world.names()) == 2


def once_before(gcs: Bucket, kind: str, name: str, act: Callable[[], object]) -> None:
    """Lets something else happen just before the first request of a kind to an object is carried out."""
    first = iter([True])

    def look(request: Request) -> int | None:
        if request.kind == kind and request.name == name and next(first, False):
            act()
        return None

    gcs.server.before = look


def test_what_is_published_while_the_registry_is_read_is_no_contradiction(world: GcsWorld, gcs: Bucket) -> None:
    other = GcsWorld(world.root)
    candidate, made = other.candidate("new"), []
    once_before(gcs, "read", "root/registry/versions/index.json", lambda: made.append(other.publish(candidate)))
    served = world.registry.served()
    assert made == [served]


def test_two_overrides_at_once_both_stand_in_the_log(world: GcsWorld, gcs: Bucket) -> None:
    one, two = (world.candidate(name, override=True).override for name in ("one", "two"))
    assert one is not None
    assert two is not None
    one, two = dataclasses.replace(one, version="7"), dataclasses.replace(two, version="8")
    once_before(gcs, "write", "root/registry/overrides.jsonl", lambda: GcsWorld(world.root).registry.log(two))
    world.registry.log(one)
    assert [made.version for made in world.registry.overrides()] == ["8", "7"]


def test_who_settles_slowly_writes_over_nothing_that_came_later(world: GcsWorld, gcs: Bucket) -> None:
    """Another process has completed the publication meanwhile, and a rollback has left its version behind since."""
    candidate, version = world.candidate("new"), str(NOW_S + 1)

    def go_on() -> None:
        other = GcsWorld(world.root).registry
        settle(other)
        [made] = [model for model in other.versions() if model.version == version]
        other.record_version(dataclasses.replace(made, blessed=False))

    def after_the_claim(request: Request) -> None:
        if request.kind == "write" and request.name == "root/registry/served.json":
            once_before(gcs, "read", "root/registry/versions/index.json", go_on)

    gcs.server.after = after_the_claim
    assert world.publish(candidate).version == version
    assert [model.blessed for model in world.registry.versions()] == [True, False]


def test_a_claim_whose_answer_was_lost_and_that_another_completed_is_a_success(world: GcsWorld, gcs: Bucket) -> None:
    candidate, lost = world.candidate("new"), iter([True])

    def lose(request: Request) -> bool:
        if request.kind == "write" and request.name == "root/registry/served.json" and next(lost, False):
            settle(GcsWorld(world.root).registry)
            return True
        return False

    gcs.server.after = lose
    made = world.publish(candidate)
    gcs.forget()
    assert world.registry.served() == made
    assert world.visible() == ["old", "new"]
