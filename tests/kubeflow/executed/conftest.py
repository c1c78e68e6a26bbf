"""One Cloud Storage, data, and one process that has imported TensorFlow, for compiled jobs and for `ratchet run`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from ratchet.components.object_store.client import in_pool
from ratchet.components.object_store.files import read_text
from ratchet.components.object_store.objects import list_below, write
from ratchet.components.registry.registry import Registry
from ratchet.components.registry.storages import storage_of
from ratchet.kubeflow.compile import CompileRequest, compile_pipeline
from ratchet.pipeline.config.pipeline_settings import load_config
from ratchet.pipeline.demo.digits import DigitsOptions, write_digits
from ratchet.schemas.artifacts.run_result import RUN_RESULT_FORMAT, RunResult
from tests.gcs.fixtures import Bucket
from tests.kubeflow.emulator import Ask, Call, Emulator, JobState
from tests.kubeflow.executed import two_roots
from tests.kubeflow.executed.two_roots import SMALL

REPOSITORY = Path(__file__).resolve().parents[3]


@dataclass
class Cluster:
    """A pipeline root and data that jobs work on.

    Attributes:
        base: what both lie below, a directory or a URI.
        emulator: runs the jobs.
        directory: for compiled jobs.
    """

    base: str
    emulator: Emulator
    directory: Path
    states: dict[str, JobState] = field(default_factory=dict)

    @property
    def root(self) -> str:
        return f"{self.base}/root"

    def registry(self) -> Registry:
        return Registry(storage_of(f"{self.root}/registry", f"{self.root}/serving/digits"))

    def job(self, name: str, *settings: str, **ask: Any) -> JobState:
        """Runs a job to its end, or goes on with it."""
        file = self.directory / f"{name}.json"
        if not file.exists():
            request = CompileRequest(
                load_config("digits", [*SMALL, *settings]),
                "vertex",
                self.root,
                f"{self.base}/data",
                f"{self.base}/data/golden",
                "image:1",
            )
            compile_pipeline(request, file)
        replaced = {"/ratchet/schemas": str(REPOSITORY / "schemas")}
        self.states[name] = self.emulator.run(Ask(str(file), name, replaced=replaced, **ask))
        return self.states[name]

    def result(self, name: str) -> RunResult:
        """As the job left it beside its run."""
        return RUN_RESULT_FORMAT.read(read_text(f"{self.root}/runs/{name}/result.json"), name)

    def log(self, name: str, step: str) -> str:
        return Path(self.states[name].logs[step]).read_text()


def write_data(directory: Path) -> None:
    write_digits(str(directory / "golden"), DigitsOptions(golden=True, images=40))
    write_digits(str(directory / "span-1"), DigitsOptions(span=1, images=160))
    write_digits(str(directory / "span-2"), DigitsOptions(span=2, images=160))
    write_digits(str(directory / "span-3"), DigitsOptions(span=3, images=80, lighting=0.33))


def upload(directory: Path, uri: str) -> None:
    files = [path for path in directory.rglob("*") if path.is_file()]
    in_pool(lambda file: write(f"{uri}/{file.relative_to(directory)}", file.read_bytes()), files)


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("executed") / "data"
    write_data(directory)
    return directory


@pytest.fixture(scope="session")
def bucket(gcs_server: Any) -> Iterator[Bucket]:
    """One bucket for all jobs."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in gcs_server.environment.items():
            patch.setenv(name, value)
        gcs_server.make_bucket("executed")
        yield Bucket(gcs_server, "executed")


@pytest.fixture(scope="session")
def emulator(bucket: Bucket, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    running = Emulator(tmp_path_factory.mktemp("logs"), bucket.environment)
    yield running
    running.close()


@pytest.fixture(scope="session")
def cloud(bucket: Bucket, emulator: Emulator, data: Path, tmp_path_factory: pytest.TempPathFactory) -> Cluster:
    upload(data, bucket.uri("data"))
    return Cluster(bucket.uri(), emulator, tmp_path_factory.mktemp("jobs"))


class Stories(NamedTuple):
    """What `ratchet run` did on both roots."""

    uri: str
    local: dict[str, Any]
    remote: dict[str, Any]
    objects: frozenset[str]

    def result(self, name: str) -> RunResult:
        """As a run left it in the bucket."""
        run_id = self.remote[name]["values"]["run_id"]
        return RUN_RESULT_FORMAT.read(read_text(f"{self.uri}/runs/{run_id}/result.json"), name)


@pytest.fixture(scope="session")
def stories(bucket: Bucket, emulator: Emulator, data: Path, tmp_path_factory: pytest.TempPathFactory) -> Stories:
    """A bootstrap, nothing new, a push and a block in Cloud Storage, and all of it on this machine."""
    directory, uri = tmp_path_factory.mktemp("stories"), bucket.uri("team/root")
    roots = [str(directory / "root"), uri]
    answer = str(directory / "told.json")
    words, cache = [answer, str(data), *roots], {"XDG_CACHE_HOME": str(directory / "cache")}
    emulator.call(Call(two_roots.__name__, "write_told", words, cache, str(directory / "log.txt")))
    local, remote = json.loads(Path(answer).read_text())
    return Stories(uri, local, remote, frozenset(one.name for one in list_below(uri)))
