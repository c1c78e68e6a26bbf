"""What a run is told of the registry, on whatever runner it works."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from ratchet.components.object_store import objects
from ratchet.components.object_store.trees import tree_digest
from ratchet.components.registry.publication import Publication
from ratchet.schemas.artifacts.golden_sets import GOLDEN_SETS_FILE, GOLDEN_SETS_FORMAT
from ratchet.schemas.artifacts.history import HISTORY_FILE, HISTORY_FORMAT
from ratchet.schemas.artifacts.references import REFERENCES_FILE, REFERENCES_FORMAT
from ratchet.schemas.artifacts.training_record import RECORD_FILE, TRAINING_RECORD_FORMAT
from ratchet.schemas.base.errors import ConfigError
from tests.builders import recorded_decision, training_record
from tests.components.registry.gcs_world import NOW_S, GcsWorld
from tests.components.registry.test_entry_index import root_with
from tests.gcs.fixtures import Bucket
from tests.gcs.requests import Request
from tests.pipeline.roots import registry_in, serve

pytestmark = pytest.mark.tensorflow


def test_the_baseline_comes_with_looks_marks_and_history(tmp_path: Path) -> None:
    from tfx.types import standard_artifacts

    from ratchet.components.registry.executor import BaselineReaderExecutor

    best = serve(tmp_path, "100", "span-1-aa-1", 1, map=0.7, golden_digest="g")
    served = serve(tmp_path, "200", "span-2-bb-1", 2, map=0.6, golden_digest="g")
    pushed = {"run_id": "span-2-bb-1", "model_digest": served.digest, "baseline_version": "100", "verdict": "PUSHED"}
    decision = recorded_decision(golden_digest="g", **pushed, delta=0.001, delta_ci=(-0.01, 0.01))
    registry_in(tmp_path).record_decision("1", decision)
    baseline = standard_artifacts.Model()
    baseline.uri = str(tmp_path / "baseline")
    places = {"registry_directory": f"{tmp_path}/registry", "serving_directory": f"{tmp_path}/serving/digits"}
    BaselineReaderExecutor().Do({}, {"baseline": [baseline]}, {**places, "bootstrap": 0, "pushes_ago": 5})

    assert baseline.get_string_custom_property("digest") == served.digest
    golden_sets = GOLDEN_SETS_FORMAT.read((tmp_path / "baseline" / GOLDEN_SETS_FILE).read_text(), "")
    assert golden_sets.uses == {"g": 1}
    [mark] = golden_sets.marks.values()
    assert (mark.version, mark.map, mark.digest) == ("100", 0.7, best.digest)
    history = tmp_path / "baseline" / HISTORY_FILE
    [reference] = REFERENCES_FORMAT.read((tmp_path / "baseline" / REFERENCES_FILE).read_text(), "").models
    assert (reference.name, reference.version, reference.digest, reference.path) == (
        "best",
        "100",
        best.digest,
        best.path,
    )
    assert len(HISTORY_FORMAT.read(history.read_text(), HISTORY_FILE).runs) == 1


def test_no_property_grows_with_the_decisions_and_golden_sets_of_years(tmp_path: Path) -> None:
    """Vertex AI takes 200 kB of an artifact's properties, old stores of ML Metadata 64 kB of one."""
    properties = {}
    for count in (1, 3000):
        root = tmp_path / str(count)
        root_with(root, count)
        baseline = read_baseline(str(root), serving_directory=f"{root}/serving/digits")
        sets = GOLDEN_SETS_FORMAT.read(Path(baseline.uri, GOLDEN_SETS_FILE).read_text(), "")
        assert len(sets.uses) == count
        told = {name: str(value) for name, value in baseline.mlmd_artifact.custom_properties.items()}
        told |= {name: str(value) for name, value in baseline.mlmd_artifact.properties.items()}
        properties[count] = {name: value.replace(str(root), "ROOT") for name, value in told.items()}
    assert properties[1] == properties[3000]
    assert sum(len(name) + len(value) for name, value in properties[3000].items()) < 4000


def read_baseline(root: str, **properties: object) -> Any:
    from tfx.types import standard_artifacts

    from ratchet.components.registry.executor import BaselineReaderExecutor

    baseline = standard_artifacts.Model()
    baseline.uri = f"{root}/artifacts/BaselineReader/baseline/1"
    places = {"registry_directory": f"{root}/registry", "serving_directory": f"{root}/serving/m"}
    BaselineReaderExecutor().Do({}, {"baseline": [baseline]}, {**places, "bootstrap": 0, "pushes_ago": 5, **properties})
    return baseline


def test_a_root_on_gs_is_read_and_its_model_copied_within_the_service(gcs: Bucket) -> None:
    world = GcsWorld(gcs.uri("root")).begin()
    gcs.forget()
    baseline = read_baseline(world.root)
    served = world.registry.served()
    assert served is not None
    assert baseline.get_string_custom_property("version") == served.version
    assert tree_digest(f"{baseline.uri}/Format-Serving") == served.digest
    copied = [request for request in gcs.requests if "/Format-Serving/" in request.name and request.changes]
    assert {request.kind for request in copied} == {"copy"}


def test_beside_a_publication_it_completes_that_and_reads_what_is_served_then(gcs: Bucket) -> None:
    """Between the first object of a version and its last one."""
    world = GcsWorld(gcs.uri("root")).begin()
    candidate, found = world.candidate("new"), []

    def look(request: Request) -> bool:
        into = request.kind == "copy" and f"serving/m/{NOW_S + 1}/variables" in request.name
        if into and not found:
            found.append("")
            found[0] = read_baseline(world.root).get_string_custom_property("version")
        return False

    gcs.server.after = look
    made = world.publish(candidate)
    assert found == [made.version]
    assert world.visible() == ["old", "new"]


def test_a_lineage_whose_images_are_gone_ends_the_run_before_anything_is_trained(gcs: Bucket) -> None:
    world = GcsWorld(gcs.uri("root")).begin()
    served = world.registry.served()
    assert served is not None
    record = TRAINING_RECORD_FORMAT.write(training_record(span=1, examples="DetectionExampleGen/examples/7"))
    source = f"{world.root}/artifacts/with-record"
    objects.write(f"{source}/saved_model.pb", b"graph")
    objects.write(f"{source}/{RECORD_FILE}", record.encode())
    model = dataclasses.replace(served, digest=tree_digest(source), run_id="with a record")
    world.publish(Publication(model, source, world.registry.pointer().served_as))
    place = f"{world.root}/artifacts/DetectionExampleGen/examples/7"
    with pytest.raises(ConfigError, match=rf"span 1 are no longer whole at {place}"):
        read_baseline(world.root, replays=1, artifacts=f"{world.root}/artifacts")
    read_baseline(world.root, replays=0, artifacts=f"{world.root}/artifacts")
