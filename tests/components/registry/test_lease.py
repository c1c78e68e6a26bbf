"""One run at a time on a root, on gs:// and on a disk that several machines have mounted."""

from __future__ import annotations

import datetime
import multiprocessing
import os
import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from ratchet.components.object_store.files import files_of, read_text, write_text
from ratchet.components.registry.lease import hold_lease, lease_holder, release_lease, renew_lease, take_lease
from ratchet.components.registry.locking import BusyError
from ratchet.schemas.base.errors import StateError
from tests.gcs.fixtures import Bucket
from tests.gcs.requests import Request

pytest.importorskip("google.cloud.storage")
NOW = datetime.datetime(2030, 1, 1, tzinfo=datetime.timezone.utc)


def after(seconds: float) -> datetime.datetime:
    return NOW + datetime.timedelta(seconds=seconds)


@pytest.fixture(params=["disk", "gs"])
def root(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return str(tmp_path) if request.param == "disk" else request.getfixturevalue("gcs").uri("root")


def test_whoever_comes_second_is_told_who_holds_it_since_when_and_until_when(root: str) -> None:
    take_lease(root, "job/1", 300, "retraining", NOW)
    with pytest.raises(BusyError) as error:
        take_lease(root, "job/2", 300, "retraining", after(61))
    said = str(error.value)
    assert said.startswith(f"{root}/lease.json: job/1 on ")
    assert "2030-01-01T00:00:00+00:00 (1:01 ago" in said
    assert "runs out in 3:59" in said
    assert "\n" not in said
    held = lease_holder(root, after(61))
    assert held is not None
    assert (held.holder, held.age_s(after(61))) == ("job/1", 61)


def test_the_same_holder_takes_it_again(root: str) -> None:
    take_lease(root, "job/1", 300, now=NOW)
    again = take_lease(root, "job/1", 300, now=after(200))
    assert again.since == NOW.isoformat()
    with pytest.raises(BusyError):
        take_lease(root, "job/2", now=after(400))


def test_a_lease_that_is_renewed_stays_and_one_that_is_not_runs_out(root: str) -> None:
    take_lease(root, "job/1", 300, now=NOW)
    renew_lease(root, "job/1", after(250))
    with pytest.raises(BusyError):
        take_lease(root, "job/2", 300, now=after(549))
    assert take_lease(root, "job/2", 300, now=after(550)).holder == "job/2"
    with pytest.raises(BusyError, match="job/2"):
        renew_lease(root, "job/1", after(551))
    assert not release_lease(root, "job/1")
    assert lease_holder(root, after(551)) is not None


def test_what_is_given_back_is_free(root: str) -> None:
    take_lease(root, "job/1", 300, now=NOW)
    assert release_lease(root, "job/1")
    assert lease_holder(root, NOW) is None
    assert not files_of(root).exists(f"{root}/lease.json")
    assert not release_lease(root, "job/1")
    with pytest.raises(BusyError, match="gone"):
        renew_lease(root, "job/1", NOW)
    take_lease(root, "job/2", 300, now=NOW)


def test_nobody_holds_a_root_that_was_never_held(root: str) -> None:
    assert lease_holder(root) is None


@pytest.mark.parametrize("stale", [True, False])
def test_of_many_who_take_it_at_once_exactly_one_has_it(root: str, stale: bool) -> None:
    if stale:
        take_lease(root, "dead", 300, now=NOW)
    start = threading.Barrier(8)

    def take(number: int) -> str:
        start.wait()
        try:
            return take_lease(root, f"job/{number}", 300, now=after(1000)).holder
        except BusyError:
            return ""

    with ThreadPoolExecutor(8) as pool:
        won = [holder for holder in pool.map(take, range(8)) if holder]
    assert len(won) == 1
    held = lease_holder(root, after(1000))
    assert held is not None
    assert held.holder == won[0]


def test_a_lease_whose_answer_was_lost_is_held(gcs: Bucket) -> None:
    lost = iter([True])
    gcs.server.after = lambda request: request.kind == "write" and next(lost, False)
    take_lease(gcs.uri("root"), "job/1", 300, now=NOW)
    assert lease_holder(gcs.uri("root"), NOW) is not None


def test_it_is_given_back_at_the_end_also_after_an_error(root: str) -> None:
    with hold_lease(root, "process", "retraining") as held:
        held.check()
        with pytest.raises(BusyError, match=r"process on .* is retraining"):
            take_lease(root, "job/2")
    assert lease_holder(root) is None
    with pytest.raises(KeyError), hold_lease(root, "process", "retraining"):
        raise KeyError
    assert lease_holder(root) is None


def test_a_process_that_lives_renews_its_lease(gcs: Bucket) -> None:
    written, enough = iter(range(1000)), threading.Event()

    def count(request: Request) -> bool:
        if request.kind == "write" and next(written) == 3:
            enough.set()
        return False

    gcs.server.after = count
    with hold_lease(gcs.uri("root"), "process", "retraining", 0.25):
        assert enough.wait(60)


def test_a_network_that_fails_for_a_moment_does_not_end_the_renewals(gcs: Bucket) -> None:
    written, enough = iter(range(1000)), threading.Event()

    def fail(request: Request) -> int | None:
        if request.kind == "write":
            number = next(written)
            if number == 5:
                enough.set()
            return 403 if number in (1, 2) else None
        return None

    gcs.server.before = fail
    with hold_lease(gcs.uri("root"), "process", "retraining", 0.25) as held:
        assert enough.wait(60)
    assert not held.lost.is_set()


def test_a_process_whose_lease_was_taken_over_is_told_and_leaves_it_alone(root: str) -> None:
    with hold_lease(root, "process", "retraining", 0.25) as held:
        lease = read_text(f"{root}/lease.json").replace('"process"', '"job/2"').replace("0.25", "900")
        files_of(root).makedirs(root)
        write_text(f"{root}/lease.json", lease)
        assert held.lost.wait(60)
        with pytest.raises(BusyError, match="taken it over"):
            held.check()
    held_now = lease_holder(root)
    assert held_now is not None
    assert held_now.holder == "job/2"


def _hold(environment: dict[str, str], root: str, ready: Any) -> None:
    os.environ.update(environment)
    with hold_lease(root, "other process", "retraining", 300):
        ready.set()
        threading.Event().wait()


def test_a_process_that_was_killed_holds_it_until_it_runs_out(root: str, request: pytest.FixtureRequest) -> None:
    environment = request.getfixturevalue("gcs").environment if root.startswith("gs://") else {}
    context = multiprocessing.get_context("spawn")
    ready = context.Event()
    process = context.Process(target=_hold, args=(environment, root, ready), daemon=True)
    process.start()
    assert ready.wait(120)
    held = lease_holder(root)
    assert held is not None
    with pytest.raises(BusyError, match="other process"):
        take_lease(root, "mine")
    os.kill(process.pid or 0, signal.SIGKILL)
    process.join()
    with pytest.raises(BusyError, match="other process"):
        take_lease(root, "mine")
    taken = take_lease(root, "mine", now=held.ends + datetime.timedelta(seconds=301))
    assert taken.holder == "mine"


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", '{"format": 9}', '{"format": 1, "holder": "x"}', "NaN", "\x00"],
)
def test_a_file_that_is_no_lease_is_named_with_what_to_do(root: str, text: str) -> None:
    write_text(f"{root}/lease.json", text)
    for ask in (lambda: take_lease(root, "job/1"), lambda: lease_holder(root), lambda: release_lease(root, "job/1")):
        with pytest.raises(StateError, match=r"lease\.json: .*") as error:
            ask()
        assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("key", "value"), [("renewed", "yesterday"), ("renewed", "2030-01-01"), ("valid_for_s", "NaN"), ("valid_for_s", -1)]
)
def test_a_lease_with_an_impossible_value_is_named(root: str, key: str, value: object) -> None:
    import json

    take_lease(root, "job/1", 300, now=NOW)
    values = json.loads(read_text(f"{root}/lease.json"))
    write_text(f"{root}/lease.json", json.dumps({**values, key: value}))
    with pytest.raises(StateError, match=key):
        lease_holder(root)


def test_a_pipe_in_its_place_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "lease.json")
    with pytest.raises(OSError, match="not a regular file"):
        lease_holder(str(tmp_path))
