"""`ratchet run` on a root in Cloud Storage; by night, the verdicts and figures of the same runs on this machine too."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from ratchet.components.object_store import objects
from ratchet.pipeline.demo.digits import DigitsOptions, write_digits
from tests.e2e.two_roots import RUNS
from tests.gcs.fixtures import Bucket
from tests.nightly import NIGHTLY, by_night

pytestmark = pytest.mark.tensorflow
REPOSITORY = Path(__file__).resolve().parents[2]


class Stories(NamedTuple):
    """What happened on the roots; on this machine's by night only."""

    uri: str
    local: dict[str, Any]
    remote: dict[str, Any]
    objects: frozenset[str]


@pytest.fixture(scope="module")
def stories(gcs_server: Any, tmp_path_factory: pytest.TempPathFactory) -> Stories:
    """A bootstrap and nothing new in Cloud Storage; by night a push and a block too, and all of it on this machine."""
    directory = tmp_path_factory.mktemp("remote")
    bucket = Bucket(gcs_server, f"e2e-{os.getpid()}")
    gcs_server.make_bucket(bucket.name)
    data, uri = directory / "data", bucket.uri("team/root")
    write_digits(str(data / "golden"), DigitsOptions(golden=True, images=12))
    for span in (1, 2, 3):
        write_digits(str(data / f"span-{span}"), DigitsOptions(span=span, images=48))
    environment = {**os.environ, **bucket.environment, "XDG_CACHE_HOME": str(directory / "cache")}
    told = subprocess.run(
        [sys.executable, "-m", "tests.e2e.two_roots", str(data), *([str(directory / "root")] if NIGHTLY else []), uri],
        cwd=REPOSITORY,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert told.returncode == 0, told.stderr[-3000:]
    *local, remote = json.loads(told.stdout.splitlines()[-1])
    with pytest.MonkeyPatch.context() as patch:
        for name, value in bucket.environment.items():
            patch.setenv(name, value)
        found = frozenset(one.name for one in objects.list_below(uri))
    return Stories(uri, dict(*local), remote, found)


@by_night  # tests/kubeflow/test_executed.py compares a first model on gs:// with one of this machine every time
@pytest.mark.parametrize("run", RUNS)
def test_a_run_ends_as_on_this_machine(stories: Stories, run: str) -> None:
    here, there = stories.local[run], stories.remote[run]
    assert there["code"] == here["code"], there["err"]
    for name in ("verdict", "span", "first_reason"):
        assert there["values"].get(name) == here["values"].get(name)
    for name in ("map", "baseline_map", "delta"):
        one, other = there["values"][name], here["values"][name]
        assert one == other or one == pytest.approx(other, abs=1e-6)


def test_a_first_model_is_served_and_nothing_is_done_twice(stories: Stories) -> None:
    verdicts = {name: stories.remote[name]["values"]["verdict"] for name in RUNS}
    assert (verdicts["first"], verdicts["nothing new"]) == ("BOOTSTRAPPED", "NOTHING_NEW")


def test_everything_lies_in_the_bucket_and_says_so(stories: Stories) -> None:
    newest = stories.remote["block" if "block" in RUNS else "first"]["values"]
    assert newest["report"] == f"{stories.uri}/runs/{newest['run_id']}/review.html"
    assert newest["model"].startswith(f"{stories.uri}/artifacts/DetectorTrainer/model/")
    names = {"request.json", "result.json", "review.html", "log.txt"}
    assert {f"runs/{newest['run_id']}/{name}" for name in names} <= stories.objects
    assert {"ratchet.json", "metadata.sqlite", "registry/served.json"} <= stories.objects
    assert "lease.json" not in stories.objects
    assert f"{stories.remote['review']['values']['page']}" == newest["report"]
    assert stories.remote["doctor"]["code"] == 0
    assert len(stories.remote["history"]["values"]["runs"]) == len(RUNS) - 1  # nothing new leaves no run
