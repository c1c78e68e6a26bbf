"""`ratchet run` on a root in Cloud Storage, with the verdicts and figures of the same runs on this machine."""

from __future__ import annotations

import pytest

from tests.kubeflow.executed.conftest import Stories
from tests.kubeflow.executed.two_roots import RUNS
from tests.nightly import by_night

pytestmark = [pytest.mark.tensorflow, by_night]  # `make jobs`


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
    newest = stories.remote["block"]["values"]
    assert newest["report"] == f"{stories.uri}/runs/{newest['run_id']}/review.html"
    assert newest["model"].startswith(f"{stories.uri}/artifacts/DetectorTrainer/model/")
    names = {"request.json", "result.json", "review.html", "log.txt"}
    assert {f"runs/{newest['run_id']}/{name}" for name in names} <= stories.objects
    assert {"ratchet.json", "metadata.sqlite", "registry/served.json"} <= stories.objects
    assert "lease.json" not in stories.objects
    assert f"{stories.remote['review']['values']['page']}" == newest["report"]
    assert stories.remote["doctor"]["code"] == 0
    assert len(stories.remote["history"]["values"]["runs"]) == len(RUNS) - 1  # nothing new leaves no run
