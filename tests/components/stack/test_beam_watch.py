"""The watch over what runs elsewhere, without Beam."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest

from ratchet.components.stack import beam_watch
from ratchet.components.stack.beam_limits import STEP_TIME_LIMIT_MINUTES, parted, with_limit
from ratchet.components.stack.beam_pools import PoolWatch, answers, host_and_port
from ratchet.components.stack.beam_watch import StepTimeError, Watch, WorkerDiedError, run_watched


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(beam_watch, "_LOOK_S", 0.01)


@pytest.fixture
def never() -> Iterator[threading.Event]:
    event = threading.Event()
    yield event
    event.set()


def test_what_the_action_raises_comes_out() -> None:
    def fail() -> None:
        raise ValueError("of the action")

    with pytest.raises(ValueError, match="of the action"):
        run_watched(fail, Watch("Step"))


def test_an_action_that_ends_in_time_is_left_alone(impatient: None) -> None:
    done = []
    run_watched(lambda: done.append(1), Watch("Step", 1.0, [lambda: None]))
    assert done == [1]


def test_an_action_that_takes_too_long_is_given_up_with_what_runs_elsewhere(
    impatient: None, never: threading.Event
) -> None:
    given_up: list[str] = []
    watch = Watch("MapEvaluator", 0.001, give_up=lambda: given_up.append("job"))
    with pytest.raises(StepTimeError, match=r"^MapEvaluator: .* 0\.001 minutes, which is beam\.step_time_lim"):
        run_watched(lambda: never.wait(), watch)
    assert given_up == ["job"]


def test_workers_that_are_seen_to_be_wrong_end_the_action(impatient: None, never: threading.Event) -> None:
    found = iter([None, None, "the pool is gone"])
    with pytest.raises(WorkerDiedError, match=r"^Step: the pool is gone$"):
        run_watched(lambda: never.wait(), Watch("Step", None, [lambda: next(found)]))


def test_a_pool_that_no_longer_answers_is_told_after_some_tries() -> None:
    with socket.socket() as pool:
        pool.bind(("localhost", 0))
        pool.listen()
        address = f"localhost:{pool.getsockname()[1]}"
        look = PoolWatch(address)
        assert answers(address)
        assert look() is None
    said = [look() for _ in range(5)]
    assert said[:4] == [None] * 4
    assert said[4] is not None
    assert "no longer answers" in said[4]


_POOL = """
import subprocess, sys
code = "import sys; sys.stdin.read(); sys.exit(int(sys.argv[1]))"
child = subprocess.Popen([sys.executable, "-c", code, sys.argv[2]], stdin=subprocess.PIPE)
print(child.pid, flush=True)
sys.stdin.readline()
child.stdin.close()
import os
os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
print("ended", flush=True)
sys.stdin.readline()
"""


@pytest.mark.parametrize(("code", "said"), [(3, "exit code 3"), (0, None)])
def test_a_worker_of_a_pool_on_this_machine_that_ended_badly_is_told(code: int, said: str | None) -> None:
    with socket.socket() as listening:
        listening.bind(("localhost", 0))
        listening.listen()
        port = listening.getsockname()[1]
        option = f"--service_port={port}"
        command = [sys.executable, "-c", _POOL + "# apache_beam.runners.worker", option, str(code)]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as pool:
            assert pool.stdin is not None
            assert pool.stdout is not None
            pool.stdout.readline()
            look = PoolWatch(f"localhost:{port}", begun=0.0)
            assert look() is None
            pool.stdin.write("\n")
            pool.stdin.flush()
            assert pool.stdout.readline() == "ended\n"
            found = look()
            pool.stdin.close()
    assert (found is None) if said is None else (found is not None and said in found)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("localhost:5", ("localhost", 5)),
        ("http://a.b:80", ("a.b", 80)),
        ("[::1]:7", ("::1", 7)),
        ("a", None),
        ("", None),
    ],
)
def test_addresses_are_read(text: str, parts: tuple[str, int] | None) -> None:
    assert host_and_port(text) == parts


@pytest.mark.parametrize("minutes", [None, 1, STEP_TIME_LIMIT_MINUTES])
def test_the_limit_travels_among_beams_options(minutes: int | None) -> None:
    assert parted(with_limit(["--runner=X"], minutes)) == (["--runner=X"], minutes)
    assert with_limit([], STEP_TIME_LIMIT_MINUTES) == []
