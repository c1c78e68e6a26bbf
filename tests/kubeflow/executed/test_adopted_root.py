"""A root in Cloud Storage whose served model was adopted: candidates of a job and of `ratchet run` have to beat it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from ratchet.components.object_store.files import read_text
from ratchet.pipeline.cli.main import main
from ratchet.schemas.artifacts.decisions import Verdict
from tests.foreign import make_foreign
from tests.gcs.fixtures import Bucket
from tests.kubeflow.emulator import SUCCEEDED, Call, Emulator
from tests.kubeflow.executed import two_roots
from tests.kubeflow.executed.conftest import Cluster, upload
from tests.kubeflow.executed.two_roots import SMALL
from tests.nightly import by_night

pytestmark = [pytest.mark.tensorflow, by_night]  # `make jobs`
# Both are adopted by what they find, and neither is beaten in a few steps.
FEW = ("training.bootstrap.steps=8", "evaluator.margin=0.02", "augmentation=none-v1")


@pytest.fixture(scope="module")
def adopted(bucket: Bucket, emulator: Emulator, data: Path, tmp_path_factory: pytest.TempPathFactory) -> Cluster:
    directory = tmp_path_factory.mktemp("adopted")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(directory / "cache"))
        (directory / "labels.txt").write_text("\n".join("0123456789"))
        model = make_foreign(directory / "model", "tf-object-detection", quality=0.4)
        cluster = Cluster(bucket.uri("adopted"), emulator, directory)
        upload(data, f"{cluster.base}/data")
        command = ["adopt", "--model", str(model), "--labels", str(directory / "labels.txt"), "--name", "digits"]
        command += ["--golden", str(data / "golden"), "--root", cluster.root, "--by", "Ada", "--reason", "it serves"]
        assert main(command) == 0
    return cluster


def page_text(uri: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", read_text(uri)))


def test_a_jobs_candidate_is_held_against_the_adopted_model(adopted: Cluster) -> None:
    served = adopted.registry().served()
    assert served is not None
    state = adopted.job("after-adoption", *FEW, parameters={"span": 1})
    assert state.states["RunEnd"] == SUCCEEDED
    result = adopted.result("after-adoption")
    assert result.verdict is Verdict.BLOCKED
    assert result.baseline_map == pytest.approx(served.map, abs=1e-6)
    assert "The baseline was adopted by Ada" in page_text(result.report)
    assert adopted.registry().served() == served


def test_so_is_that_of_a_run_on_this_machine(adopted: Cluster, emulator: Emulator, data: Path, tmp_path: Path) -> None:
    served = adopted.registry().served()
    assert served is not None
    given = [part for setting in (*SMALL, *FEW) for part in ("--set", setting)]
    command = ["run", "--data", str(data), "--root", adopted.root, "--span", "2", "--json", *given]
    answer, cache = tmp_path / "told.json", {"XDG_CACHE_HOME": str(tmp_path / "cache")}
    emulator.call(Call(two_roots.__name__, "write_one", [str(answer), *command], cache, str(tmp_path / "log.txt")))
    told = json.loads(answer.read_text())
    assert (told["code"], told["values"]["verdict"]) == (3, "BLOCKED"), told["err"]
    assert told["values"]["baseline_map"] == pytest.approx(served.map, abs=1e-6)
    assert adopted.registry().served() == served
