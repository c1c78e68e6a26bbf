"""An adoption that is killed, or whose disk fills, while it writes into the root: the same command goes on.

By day at a few points, by night at each. What comes before the root is touched leaves nothing but a scratch directory.
"""

from __future__ import annotations

import datetime
import shutil
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ratchet.pipeline.doctor.doctor import doctor
from ratchet.pipeline.past.status import read_status
from ratchet.pipeline.root import room
from ratchet.pipeline.root.roots import registry_at
from ratchet.schemas.base.errors import InputError
from ratchet.schemas.base.files import LOCAL_FILES
from ratchet.schemas.base.model_digest import is_intact
from tests.faults import FULL, KILL, Outcome, in_child
from tests.nightly import spread
from tests.pipeline.adoption.stubbed import NOW, Adopting


def version_of(adopting: Adopting, minutes: int) -> str:
    return adopting.adopt(minutes).override.version


def interrupted(adopting: Adopting, point: int | None, fault: str, lasting: bool = False) -> Outcome:
    return in_child(lambda: version_of(adopting, 0), adopting.root, point, fault, lasting)


def points(adopting: Adopting) -> Sequence[int]:
    """Every point at which an adoption touches the root; the root is as before."""
    whole = interrupted(adopting, None, KILL)
    assert whole.error is None
    shutil.rmtree(adopting.root)
    return range(len(whole.points))


def check_completed(adopting: Adopting) -> None:
    """The same command serves the model; nothing is lost, and nothing left over but what the dead had half written."""
    version = version_of(adopting, 1)
    registry = registry_at(adopting.root)
    served = registry.served()
    assert served is not None
    assert (served.version, registry.pointer().pushing) == (version, None)
    assert is_intact(served.path, served.digest, LOCAL_FILES)
    assert (
        [made.version for made in registry.overrides()] == [model.version for model in registry.versions()] == [version]
    )
    assert sorted(path.name for path in adopting.serving.iterdir()) == [version]
    report = doctor(adopting.root, False, NOW + datetime.timedelta(hours=1))
    assert {finding.kind for _, finding in report.findings} <= {"half-written"}, report.to_text()
    assert (adopting.root / "runs" / "index.html").is_file()
    assert list(adopting.directory.glob("ratchet-adopt-*")) == []


def test_an_adoption_that_was_killed_is_completed_by_the_same_command(adopting: Adopting) -> None:
    for point in spread(points(adopting), 5):
        assert interrupted(adopting, point, KILL).killed
        check_completed(adopting)
        shutil.rmtree(adopting.root)


def test_a_disk_that_fills_is_one_error_and_nothing_is_served_by_half(adopting: Adopting) -> None:
    for point in spread(points(adopting), 4):
        done = interrupted(adopting, point, FULL, lasting=True)
        if done.error is not None:
            assert "No space left on device" in done.error, done.error
        check_completed(adopting)
        shutil.rmtree(adopting.root)


def test_an_adoption_that_replaces_lost_files_may_be_killed_as_well(adopting: Adopting) -> None:
    first = version_of(adopting, 0)
    adopting.damage()
    saved = adopting.directory / "saved"
    shutil.copytree(adopting.root, saved)
    done = in_child(lambda: version_of(adopting, 1), adopting.root)
    for point in spread(range(len(done.points)), 3):
        shutil.rmtree(adopting.root)
        shutil.copytree(saved, adopting.root)
        assert in_child(lambda: version_of(adopting, 1), adopting.root, point, KILL).killed
        second = version_of(adopting, 2)
        assert second != first
        assert read_status(adopting.root, NOW.date()).problem is None
        assert len(registry_at(adopting.root).overrides()) == 2


@pytest.mark.parametrize("dry_run", [False, True])
def test_too_little_room_is_said_before_anything_is_measured(
    dry_run: bool, adopting: Adopting, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nobody(*_: Any) -> None:
        raise AssertionError("it is measured")

    monkeypatch.setattr("ratchet.pipeline.adoption.adopt.prepare", nobody)
    monkeypatch.setattr(room.shutil, "disk_usage", lambda place: SimpleNamespace(free=1_000_000))
    with pytest.raises(
        InputError, match=r"^--root .*root: 1\.0 MB are free, and .*exported needs about 8\.0 MB there; free"
    ):
        adopting.adopt(dry_run=dry_run)
    assert not adopting.root.exists()


def test_the_disk_on_which_it_is_wrapped_is_looked_at_as_well(
    adopting: Adopting, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ratchet.pipeline.adoption.room.tempfile.gettempdir", lambda: "/dev/shm")
    free = {str(tmp_path): 1_000_000_000}
    monkeypatch.setattr(room.shutil, "disk_usage", lambda place: SimpleNamespace(free=free.get(str(place), 1_000_000)))
    with pytest.raises(InputError, match=r"^/dev/shm \(TMPDIR\): 1\.0 MB are free, and .* needs about 4\.0 MB there"):
        adopting.adopt()
