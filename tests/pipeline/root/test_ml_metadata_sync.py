from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from ml_metadata.metadata_store.metadata_store import MetadataStore

from ratchet.pipeline.root.ml_metadata import read_run, sqlite_at
from ratchet.pipeline.root.ml_metadata_sync import OverrideStore, tell
from ratchet.pipeline.serving.approve import ApproveRequest, approve
from ratchet.pipeline.serving.rollback import RollbackRequest, rollback
from ratchet.schemas.artifacts.decisions import Verdict
from ratchet.schemas.artifacts.overrides import OVERRIDE_FORMAT, OverrideKind
from tests.pipeline.served_root import NOW, ServedRoot, blocked_root


@pytest.fixture
def world(tmp_path: Path) -> ServedRoot:
    return blocked_root(tmp_path / "root")


def approved(world: ServedRoot) -> str:
    return approve(ApproveRequest("bad", world.root, "Ana", "checked", "2026-12-31"), NOW).version


def test_an_approval_is_an_execution_with_candidate_evaluation_blessing_and_override(world: ServedRoot) -> None:
    version = approved(world)
    [execution] = world.store.get_executions_by_type("ratchet.Approve")
    events = world.store.get_events_by_execution_ids([execution.id])
    found = {
        event.path.steps[0].key: (artifact.type, event.type)
        for event in events
        for artifact in world.store.get_artifacts_by_id([event.artifact_id])
    }
    assert found == {
        "model": ("Model", 3),
        "evaluation": ("ModelEvaluation", 3),
        "blessing": ("ModelBlessing", 4),
        "override": ("RatchetOverride", 4),
    }
    assert execution.name == version
    assert contexts(world, execution) == {("pipeline", "digits"), ("pipeline_run", "bad")}


def test_the_override_has_its_fields_as_properties_and_its_line(world: ServedRoot) -> None:
    version = approved(world)
    artifact = world.store.get_artifact_by_type_and_name("RatchetOverride", version)
    assert artifact is not None
    [logged] = world.registry.overrides()
    fields = {name: value for name, value in OVERRIDE_FORMAT.values_of(logged).items() if isinstance(value, str)}
    stored = {name: value.string_value for name, value in artifact.properties.items() if value.string_value}
    line = stored.pop("line")
    assert stored == fields
    assert f"{line}\n" == (world.root / "registry" / "overrides.jsonl").read_text()
    assert artifact.properties["evaluation_broken"].int_value == 0


def test_the_blessing_of_an_approval_is_the_evaluators_said_otherwise(world: ServedRoot) -> None:
    approved(world)
    no, yes = blessings(world, "bad")
    expected = {**values(no), "blessed": 1}
    assert values(yes) == expected
    assert values(yes)["current_model"] == str(world.candidate("bad").parent)
    assert Path(yes.uri, "BLESSED").is_file()


def test_a_rollback_needs_no_new_blessing_and_takes_back_those_behind(world: ServedRoot) -> None:
    approved(world)
    rollback(RollbackRequest(world.root, "Ana", "checked", "100"), NOW)
    said = {run: [values(one)["blessed"] for one in blessings(world, run)] for run in ("first", "good", "bad")}
    assert said == {"first": [1], "good": [0], "bad": [0, 0]}
    [execution] = world.store.get_executions_by_type("ratchet.Rollback")
    assert contexts(world, execution) == {("pipeline", "digits"), ("pipeline_run", "first")}


def test_an_adoption_is_recorded_although_no_run_made_its_model(world: ServedRoot) -> None:
    approved(world)
    [logged] = world.registry.logged()
    adopted = replace(logged.override, kind=OverrideKind.ADOPTED, run_id="adopt-20260728", version="7")
    OverrideStore(world.root).record(replace(logged, override=adopted))
    [execution] = world.store.get_executions_by_type("ratchet.Adopt")
    [event] = world.store.get_events_by_execution_ids([execution.id])
    assert (execution.name, event.path.steps[0].key) == ("7", "override")


@pytest.mark.parametrize("kind", OverrideKind)
def test_each_kind_of_override_is_known(world: ServedRoot, kind: OverrideKind) -> None:
    approved(world)
    [logged] = world.registry.logged()
    another = replace(logged, override=replace(logged.override, kind=kind, version="7"))
    store = OverrideStore(world.root)
    store.record(another)
    assert store.knows(another)


def test_a_model_that_lost_its_blessing_gets_a_new_one_when_it_is_restored(world: ServedRoot) -> None:
    [blessing] = blessings(world, "first")
    blessing.custom_properties["blessed"].int_value = 0
    world.store.put_artifacts([blessing])
    rollback(RollbackRequest(world.root, "Ana", "checked", "100"), NOW)
    assert world.blessed_run() == "first"


def test_an_approved_run_can_still_be_asked_for_its_steps(world: ServedRoot) -> None:
    approved(world)
    assert read_run(sqlite_at(world.root), "bad") == {}  # the approval is no step


def test_what_could_not_be_told_is_told_in_its_order_and_once(world: ServedRoot) -> None:
    database = world.root / "metadata.sqlite"
    whole = database.read_bytes()
    approved(world)
    rollback(RollbackRequest(world.root, "Ana", "checked"), NOW)
    database.write_bytes(whole)
    assert world.blessed_run() == "good"
    for _ in range(2):
        assert tell(world.root, world.registry) is None
        names = [artifact.name for artifact in world.store.get_artifacts_by_type("RatchetOverride")]
        assert names == [made.version for made in world.registry.overrides()]
    assert world.blessed_run() == "good"


def test_a_store_that_was_begun_anew_hears_of_the_override_alone(world: ServedRoot) -> None:
    made = approve(ApproveRequest("bad", world.root, "Ana", "checked", "2026-12-31"), NOW)
    (world.root / "metadata.sqlite").unlink()
    store = MetadataStore(sqlite_at(world.root))
    assert tell(world.root, world.registry) is None
    assert [artifact.name for artifact in store.get_artifacts_by_type("RatchetOverride")] == [made.version]


def test_a_candidate_that_was_kept_out_of_service_loses_its_blessing(world: ServedRoot) -> None:
    world.run("refused", Verdict.PUSHED, pushed=False)
    assert world.blessed_run() == "refused"
    for _ in range(2):
        OverrideStore(world.root).unbless("refused")
        assert world.blessed_run() == "good"


def blessings(world: ServedRoot, run_id: str) -> list[Any]:
    context = world.store.get_context_by_type_and_name("pipeline_run", run_id)
    assert context is not None
    found = [one for one in world.store.get_artifacts_by_context(context.id) if one.type == "ModelBlessing"]
    return sorted(found, key=lambda blessing: blessing.id)


def contexts(world: ServedRoot, execution: Any) -> set[tuple[str, str]]:
    return {(context.type, context.name) for context in world.store.get_contexts_by_execution(execution.id)}


def values(blessing: Any) -> dict[str, Any]:
    properties = blessing.custom_properties.items()
    return {name: getattr(value, value.WhichOneof("value")) for name, value in properties}
