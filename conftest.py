"""Keeps pytest from importing TensorFlow and TFX when it looks for doctests, and the user's root out of the tests."""

from __future__ import annotations

import contextlib
import importlib
import os
import re
from pathlib import Path
from typing import IO

import pytest
from xdist.scheduler import LoadFileScheduling

from tests.nightly import NIGHTLY, choose_profile
from tests.test_architecture import GLUE, HEAVY, imported

pytest_plugins = ["tests.gcs.fixtures", "tests.one_browser"]
collect_ignore = ["setup.py"]
os.environ.pop("RATCHET_ROOT", None)
choose_profile()


def _no_flush(file: int | IO[bytes]) -> None:
    """What `os.fsync` does by day: it fails for what is no open file. No test cuts the power, and disks are slow."""
    os.fstat(file if isinstance(file, int) else file.fileno())


if not NIGHTLY:
    os.fsync = _no_flush  # pyright: ignore[reportAttributeAccessIssue]

_HERE = Path(__file__).parent
_ONE_ROOT = "tests/e2e/"  # what these tests look at is trained once
_JOBS = "tests/kubeflow/executed/"  # these over one cloud and one process that runs steps
_ONE_INSTALLATION = "tests/wheel/"  # and what these look at installed once
# What takes minutes comes first, so that no process is left alone with it at the end.
_LONGEST = (
    *("tests/kills/test_sample.py", _ONE_ROOT, "tests/stories/", _JOBS),
    *("tests/components/trainer/test_job.py", "tests/components/trainer/test_processes.py", "tests/nights/"),
    _ONE_INSTALLATION,
    *("tests/pipeline/explain/test_pairs.py", "tests/pipeline/remote/test_doctor.py"),
    *("tests/pipeline/doctor/test_faults.py", "tests/components/registry/test_object_storage.py"),
    *("tests/components/review/test_page_browser.py", "tests/test_benchmarks.py", "tests/test_operating_"),
)


class ByFixture(LoadFileScheduling):
    """With several processes (pytest-xdist), what shares a fixture stays in one: files, and some whole directories."""

    def _split_scope(self, nodeid: str) -> str:
        shared = next((place for place in (_ONE_ROOT, _JOBS, _ONE_INSTALLATION) if nodeid.startswith(place)), None)
        return shared or super()._split_scope(nodeid)


def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> ByFixture:
    """Who tests what."""
    return ByFixture(config, log)  # pyright: ignore[reportArgumentType]


@pytest.hookimpl(tryfirst=True)
def pytest_collection(session: pytest.Session) -> None:
    """The second process imports test modules from the last to the first, so that each prepares half of them.

    pytest rewrites the assertions of a module when it is imported, which takes longer than all else in it, and keeps
    the result on the disk: two processes that go the same way would both do all of it.
    """
    if getattr(session.config, "workerinput", {}).get("workerid") != "gw1":
        return
    asked = [Path(place.partition("::")[0]).absolute() for place in session.config.args]
    for file in sorted((_HERE / "tests").rglob("test_*.py"), reverse=True):
        if any(file.is_relative_to(place) for place in asked) and not pytest_ignore_collect(file, session.config):
            # What cannot be imported is told when it is collected.
            with contextlib.suppress(Exception, pytest.skip.Exception):
                importlib.import_module(".".join(file.relative_to(_HERE).with_suffix("").parts))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes minutes comes first."""
    items.sort(key=lambda item: [not item.nodeid.startswith(place) for place in _LONGEST])


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Files without any test are not imported, nor are those of the other half: each would take half a minute."""
    if collection_path.suffix != ".py":
        return None
    source, half = collection_path.read_text(encoding="utf-8"), str(config.getoption("markexpr"))
    if not collection_path.name.startswith("test_"):
        return _has_nothing_for(half, source) or None
    if half == "tensorflow":
        return "mark.tensorflow" not in source or None
    if half == "not tensorflow":
        return re.search(r"^pytestmark = \[?pytest\.mark\.tensorflow\b", source, re.MULTILINE) is not None or None
    return None


def _has_nothing_for(half: str, source: str) -> bool:
    """Whether a module that is no test module has no examples in its docstrings, or none that this half tries."""
    if ">>>" not in source or half == "tensorflow":
        return True
    names = imported(source, top_level_only=True) if half == "not tensorflow" else set()
    return not names.isdisjoint(GLUE) or any(name.split(".")[0] in HEAVY for name in names)
