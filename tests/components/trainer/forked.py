"""Trainings in processes of their own, some of which are killed; TensorFlow is imported once and forked.

    python -m tests.components.trainer.forked EXAMPLES OUT

writes into OUT one NAME.npz of weights for each training that came to its end, `model/` by two workers, and what those
said that did not come to their end as NAME.txt.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ratchet.schemas.artifacts.training_record import TRAINING_RECORD_FORMAT

os.environ["TF_USE_LEGACY_KERAS"] = "1"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import numpy as np
import tensorflow as tf
from tfx.components.trainer.fn_args_utils import FnArgs

from ratchet.components.trainer import checkpoints, job, loop
from ratchet.components.trainer.job import TrainingJob, run_job
from ratchet.components.trainer.run_fn import run_fn
from ratchet.pipeline.terminal.failures import guarded
from ratchet.schemas.base import settings as settings_io
from ratchet.schemas.base.termination import EXIT_CODE
from tests.components.trainer.spans import MOMENTS, settings
from tests.nightly import NIGHTLY

WORKERS = 2
WITHIN_A_ROUND = 9  # steps; a round has six
ALWAYS = "training.save_minutes=1e-9"


def main(examples: str, out: Path) -> None:
    done = [_exit_code(_forked(_train, examples, out, "whole"))]
    for moment in MOMENTS:
        killed = _exit_code(_forked(_killed, examples, out, moment))
        how = EXIT_CODE if moment == "sigterm" else -signal.SIGKILL
        assert killed == how, f"{moment}: ended with {killed} instead of {how}"
        done.append(_exit_code(_forked(_train, examples, out, moment)))
    ended = _exit_code(_forked(_told_to_end, examples, out, "mirrored"))
    assert ended == EXIT_CODE, f"ended with {ended} instead of by SIGTERM"
    done.append(_exit_code(_forked(_train_on_two_devices, examples, out, "mirrored")))
    done += _worked(examples, out)
    if NIGHTLY:
        done.append(_exit_code(_forked(_train_on_two_devices, examples, out, "both")))
        _lose_workers(examples, out)
    sys.exit(max(done))


def _worked(examples: str, out: Path, *breaks: tuple[Callable[[], None], int]) -> list[int]:
    """Exit codes of two workers, of which some break off: what they do first, and which of them."""
    ports = _free_ports()
    first = {number: action for action, number in breaks}
    workers = [_forked(_work, examples, out, ports, number, first.get(number)) for number in range(WORKERS)]
    return [_exit_code(worker) for worker in workers]


def _lose_workers(examples: str, out: Path) -> None:
    """One of two workers is killed, the leader is, one gets SIGTERM; each time somebody goes on."""
    for name, number, last in (("lost", 1, 1), ("leaderless", 0, 2), ("told", 1, 2)):
        there = out / name
        there.mkdir()
        action = _term_later if name == "told" else _kill_later
        codes = _worked(examples, there, (action, number))
        (there / "codes.json").write_text(json.dumps(codes))
        for number in range(WORKERS):
            (there / f"worker-{number}.txt").rename(there / f"first-{number}.txt")
        again = _worked(examples, there) if last == 2 else [_exit_code(_forked(_work, examples, there, [], 0, None))]
        assert set(again) == {0}, f"{name}: ended with {again} when it went on"


def _train(examples: str, out: Path, name: str) -> None:
    the_settings = settings("augmentation=flip-scale-v1", "training.average=0.9")
    trained = run_job(TrainingJob(the_settings, examples, None, None, None, str(out / f"unfinished-{name}")))
    weights: dict[str, Any] = {str(i): weight.numpy() for i, weight in enumerate(trained.serving.weights)}
    np.savez(out / f"{name}.npz", **weights)
    (out / f"{name}.json").write_text(TRAINING_RECORD_FORMAT.write(trained.record))


def _told_to_end(examples: str, out: Path, name: str) -> None:
    _term_later()
    _said(out / f"{name}.txt", lambda: _train_to_the_end(examples, out, name))


def _said(path: Path, action: Callable[[], object]) -> None:
    """Ends the process as the command would, with what it says in a file."""
    with path.open("wb") as file:
        os.dup2(file.fileno(), 2)
    sys.exit(guarded(lambda: bool(action()), as_json=False))


def _term_later() -> None:
    _signal_in(loop, "_judge_loss", WITHIN_A_ROUND, signal.SIGTERM)


def _kill_later() -> None:
    _signal_in(loop, "_judge_loss", WITHIN_A_ROUND, signal.SIGKILL)


def _train_on_two_devices(examples: str, out: Path, name: str) -> None:
    """Two halves of the CPU stand for two GPUs, which is what MirroredStrategy is picked for."""
    [cpu] = tf.config.list_physical_devices("CPU")
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
    job.pick_strategy = lambda batch_size: tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
    _train(examples, out, name)


def _killed(examples: str, out: Path, moment: str) -> None:
    """The same training, killed in the middle of a round, in the middle of a checkpoint, or after its last one."""
    if moment == "sigterm":
        _told_to_end(examples, out, moment)
    elif moment == "step":
        _kill_in(loop, "_judge_loss", calls=15)
    elif moment == "checkpoint":
        # The checkpoint's data is on the disk, what names it the newest is not.
        from tensorflow.python.checkpoint import checkpoint_management

        _kill_in(checkpoint_management, "update_checkpoint_state_internal", calls=WITHIN_A_ROUND + 2)
    else:
        _kill_in(checkpoints.Checkpoints, "remove", calls=1)
    _train_to_the_end(examples, out, moment)


def _train_to_the_end(examples: str, out: Path, name: str) -> None:
    the_settings = settings("augmentation=flip-scale-v1", "training.average=0.9", ALWAYS)
    run_job(TrainingJob(the_settings, examples, None, None, None, str(out / f"unfinished-{name}"))).forget()


def _kill_in(owner: Any, name: str, calls: int) -> None:
    _signal_in(owner, name, calls, signal.SIGKILL)


def _signal_in(owner: Any, name: str, calls: int, sent: signal.Signals) -> None:
    whole = getattr(owner, name)
    seen: list[None] = []

    def counted(*args: Any, **kwargs: Any) -> Any:
        seen.append(None)
        if len(seen) == calls:
            os.kill(os.getpid(), sent)
        return whole(*args, **kwargs)

    setattr(owner, name, counted)


def _work(examples: str, out: Path, ports: list[int], number: int, first: Callable[[], None] | None) -> None:
    """A worker as a command, or the only process there is where no ports are given."""
    if ports:
        cluster = {"worker": [f"localhost:{port}" for port in ports]}
        os.environ["TF_CONFIG"] = json.dumps({"cluster": cluster, "task": {"type": "worker", "index": number}})
    if first:
        first()
    (out / "statistics.pb").touch()
    arguments: dict[str, Any] = {
        "train_files": [f"{examples}/Split-train/*"],
        "base_model": None,
        "serving_model_dir": str(out / "model"),
        "model_run_dir": str(out / "log"),
        "custom_config": {
            "settings": settings_io.to_json(settings()),
            "artifacts": str(out),
            "statistics": str(out / "statistics.pb"),
            "baseline_digest": "",
        },
    }
    _said(out / f"worker-{number}.txt", lambda: run_fn(FnArgs(**arguments)))


def _forked(task: Callable[..., None], *arguments: Any) -> int:
    pid = os.fork()
    if pid:
        return pid
    try:
        task(*arguments)
    except SystemExit:
        raise  # through the end of the interpreter, which must not hang
    except BaseException:
        traceback.print_exc()
        os._exit(1)
    os._exit(0)


def _exit_code(pid: int) -> int:
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def _free_ports() -> list[int]:
    sockets = [socket.socket() for _ in range(WORKERS)]
    for one in sockets:
        one.bind(("localhost", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
