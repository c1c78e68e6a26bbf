"""What a retraining will replay is looked for before anything is trained."""

from __future__ import annotations

from pathlib import Path

import pytest

from ratchet.components.object_store import objects
from ratchet.components.object_store.files import files_of
from ratchet.components.registry.lineage_check import check_lineage
from ratchet.schemas.artifacts.training_record import TrainedData
from ratchet.schemas.base.errors import ConfigError, StateError
from ratchet.schemas.base.files import LOCAL_FILES
from ratchet.schemas.data.dataset import DATASET_FORMAT
from tests.builders import dataset_info, trained_data
from tests.gcs.fixtures import Bucket

pytest.importorskip("google.cloud.storage")
SHARDS = [f"Split-train/data_tfrecord-0000{number}-of-00002" for number in range(2)]


@pytest.fixture(params=["disk", "gs"])
def artifacts(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return str(tmp_path) if request.param == "disk" else request.getfixturevalue("gcs").uri("root/artifacts")


def put(path: str, text: str) -> None:
    files_of(path).makedirs(path.rpartition("/")[0])
    with files_of(path).open(path, "w") as file:
        file.write(text)


def stored(artifacts: str, span: int) -> TrainedData:
    place, info = f"DetectionExampleGen/examples/{span}", dataset_info(span=span, digest=f"digest {span}")
    put(f"{artifacts}/{place}/dataset.json", DATASET_FORMAT.write(info))
    for shard in SHARDS:
        put(f"{artifacts}/{place}/{shard}", "records")
    return trained_data(span=span, digest=f"digest {span}", examples=place)


def remove(path: str) -> None:
    if path.startswith("gs://"):
        objects.delete(path)
    else:
        Path(path).unlink()


def test_a_lineage_that_is_all_there_passes(artifacts: str) -> None:
    check_lineage([stored(artifacts, 1), stored(artifacts, 2), stored(artifacts, 2)], LOCAL_FILES, artifacts)
    check_lineage([], LOCAL_FILES, artifacts)


@pytest.mark.parametrize("gone", ["dataset.json", *SHARDS])
def test_a_span_that_is_gone_is_named_with_its_place_and_what_to_do(artifacts: str, gone: str) -> None:
    lineage = [stored(artifacts, 1), stored(artifacts, 2)]
    remove(f"{artifacts}/{lineage[1].examples}/{gone}")
    with pytest.raises(ConfigError) as error:
        check_lineage(lineage, LOCAL_FILES, artifacts)
    said = str(error.value)
    assert f"span 2 are no longer whole at {artifacts}/DetectionExampleGen/examples/2" in said
    assert "training.retrain.replay=0" in said
    assert "\n" not in said


def test_other_images_in_their_place_are_not_taken_for_them(artifacts: str) -> None:
    data = stored(artifacts, 1)
    put(f"{artifacts}/{data.examples}/dataset.json", DATASET_FORMAT.write(dataset_info(span=1, digest="another")))
    with pytest.raises(ConfigError, match="span 1"):
        check_lineage([data], LOCAL_FILES, artifacts)


def test_a_store_that_cannot_be_asked_is_not_an_empty_one(gcs: Bucket) -> None:
    data = stored(gcs.uri("a"), 1)
    gcs.server.before = lambda request: 403
    with pytest.raises(StateError, match=r"roles/storage\.objectAdmin"):
        check_lineage([data], LOCAL_FILES, gcs.uri("a"))


def test_on_gs_it_takes_two_requests_a_span(gcs: Bucket) -> None:
    lineage = [stored(gcs.uri("a"), span) for span in range(1, 6)]
    gcs.forget()
    check_lineage(lineage, LOCAL_FILES, gcs.uri("a"))
    assert sorted(request.kind for request in gcs.requests) == ["list"] * 5 + ["read"] * 5
