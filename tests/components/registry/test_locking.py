from __future__ import annotations

import errno
import fcntl
import logging
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ratchet.components.registry.locking import hold, holder
from ratchet.schemas.base.errors import StateError
from ratchet.schemas.base.progress import LOGGER


@contextmanager
def other_holder(lock: Path) -> Iterator[subprocess.Popen[str]]:
    code = (
        "import sys\nfrom pathlib import Path\nfrom ratchet.components.registry.locking import hold\n"
        "with hold(Path(sys.argv[1]), 'retraining'):\n    print('held', flush=True)\n    sys.stdin.read()"
    )
    with subprocess.Popen([sys.executable, "-c", code, str(lock)], stdin=-1, stdout=-1, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        yield other
        if other.stdin is not None and not other.stdin.closed:
            other.communicate("")


def test_a_second_process_is_kept_out_and_told_who_holds_the_lock(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    with other_holder(lock) as other:
        message = rf"process {other.pid} on {socket.gethostname()}, since 20\d\d-.* is retraining; wait"
        with pytest.raises(StateError, match=message), hold(lock, "retraining"):
            pass
        found = holder(lock)
        assert found is not None
        assert (found.process, found.host, found.command) == (other.pid, socket.gethostname(), f"-c {lock}")
    assert holder(lock) is None
    with hold(lock, "retraining"):
        pass


def test_a_dead_holder_is_taken_over(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    with other_holder(lock) as other:
        other.kill()
        other.wait()
        assert str(other.pid) in lock.read_text()  # its name is still there
        assert holder(lock) is None
        with hold(lock, "retraining"):
            assert str(os.getpid()) in lock.read_text()


def test_whoever_waits_goes_on_when_the_holder_is_done(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    with other_holder(lock) as other:
        assert other.stdin is not None
        other.stdin.close()  # it ends, some time
        with hold(lock, "changing what is served", wait_s=600):
            other.wait()


@pytest.mark.parametrize("code", [errno.ENOLCK, errno.EOPNOTSUPP])
def test_a_file_system_without_locks_is_named_with_the_way_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(fcntl, "flock", refuse)
    (tmp_path / "lock").write_text('{"host": "other", "process": 7, "since": "long ago", "command": "x"}')
    message = r"has no locks \(.*keep the pipeline root on a local disk"
    with pytest.raises(StateError, match=message) as caught, hold(tmp_path / "lock", "retraining"):
        pass
    assert "process 7" not in str(caught.value)


def test_a_full_disk_does_not_keep_the_lock_from_being_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    with hold(tmp_path / "lock", "retraining"):
        pass


def test_whoever_waits_is_told_for_whom(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    lock = tmp_path / "lock"
    with other_holder(lock) as other:
        # The other holder ends when it is said that somebody waits for it.
        handler = logging.Handler()
        handler.emit = lambda _: other.stdin and other.stdin.close()  # pyright: ignore[reportAttributeAccessIssue]
        LOGGER.addHandler(handler)
        try:
            with hold(lock, "changing what is served", wait_s=600):
                pass
        finally:
            LOGGER.removeHandler(handler)
    assert f"waiting for process {other.pid} on" in caplog.text
