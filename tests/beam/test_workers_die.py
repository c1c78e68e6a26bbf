"""A worker that dies, and a step whose time is over, end in one error that says so, on every runner that can be had."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ratchet.components.stack.beam_watch import StepTimeError, WorkerDiedError, worker_processes
from tests.beam.servers import Cluster, cluster
from tests.beam.steps import evaluate, run_example_gen, save_guesser, tiny_span
from tests.nightly import at_night, by_night

MODE = "--direct_running_mode"
# Beam's own threads that talked to the worker end with it.
pytestmark = [
    pytest.mark.tensorflow,
    pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning"),
]


@pytest.fixture(scope="module")
def examples(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("examples")
    run_example_gen(tiny_span(directory / "span"), directory / "examples", [])
    return directory / "examples"


@pytest.fixture(scope="module")
def external(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with cluster(tmp_path_factory.mktemp("cluster")) as found:
        yield found


def once_begun(begun: Path, act: Callable[[], None]) -> None:
    """Acts as soon as the model was asked for the first time."""

    def wait() -> None:
        while not begun.exists():
            threading.Event().wait(0.1)
        act()

    threading.Thread(target=wait, daemon=True).start()


@pytest.mark.parametrize(
    "spelling", ["--direct_running_mode=multi_processing", at_night("--direct_running_mode multi_processing")]
)
def test_a_killed_worker_of_this_process_ends_in_one_error(examples: Path, tmp_path: Path, spelling: str) -> None:
    endless = save_guesser(tmp_path / "endless", begun=tmp_path / "begun")
    once_begun(tmp_path / "begun", lambda: worker_processes()[0].kill())
    with pytest.raises(WorkerDiedError, match=r"^Looks: a Beam worker process died .*return code"):
        evaluate(examples, endless, tmp_path / "out", ["--direct_num_workers=2", *spelling.split()], "Looks")
    assert not worker_processes()


@by_night
def test_a_killed_worker_of_a_pool_ends_in_one_error(examples: Path, tmp_path: Path, external: Cluster) -> None:
    """Beam's job service would wait for it for ever."""
    endless = save_guesser(tmp_path / "endless", begun=tmp_path / "begun")
    once_begun(tmp_path / "begun", lambda: [worker.kill() for worker in external.pool_process.children()][-1])
    with pytest.raises(WorkerDiedError, match=r"^Looks: a worker of the .* pool .* died \(signal 9, SIGKILL\)"):
        evaluate(examples, endless, tmp_path / "out", external.args, "Looks")


@by_night
@pytest.mark.parametrize("runner", ["processes", "external"])
def test_a_step_whose_time_is_over_names_limit_and_setting_and_leaves_no_worker(
    examples: Path, tmp_path: Path, external: Cluster, monkeypatch: pytest.MonkeyPatch, runner: str
) -> None:
    monkeypatch.setattr("ratchet.components.stack.beam_watch._MINUTE_S", 20.0)
    endless = save_guesser(tmp_path / "endless", begun=tmp_path / "begun")
    args = (
        external.args if runner == "external" else ["--direct_num_workers=2", "--direct_running_mode=multi_processing"]
    )
    with pytest.raises(StepTimeError, match=r"^Looks: .* after 1 minutes, which is beam.step_time_limit_minutes"):
        evaluate(examples, endless, tmp_path / "out", [*args, "--ratchet_step_time_limit_minutes=1"], "Looks")
    assert not worker_processes()
    assert all(worker.status() == "zombie" for worker in external.pool_process.children())
