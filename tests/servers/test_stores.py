"""What Ratchet asks of ML Metadata, on SQLite, PostgreSQL and MariaDB alike."""

# pyright: reportAttributeAccessIssue=false
# (protobuf's classes are made when their module is imported)

from __future__ import annotations

from pathlib import Path

import pytest
from ml_metadata.proto import metadata_store_pb2 as mlmd

from ratchet.components.stack.mlmd_server import Server
from ratchet.components.stack.mlmd_tables import is_whole, last_execution, missing_table
from ratchet.pipeline.doctor.told import read_told
from ratchet.pipeline.retention.artifacts import RunArtifactStore
from ratchet.pipeline.root.executions import count_on, count_on_where_behind
from ratchet.pipeline.root.metadata_store import store_of
from ratchet.pipeline.root.ml_metadata import connection_to, open_store, read_run, read_step, relocate
from ratchet.pipeline.root.ml_metadata_sync import OverrideStore, tell
from ratchet.pipeline.serving.approve import ApproveRequest, approve
from ratchet.pipeline.serving.rollback import RollbackRequest, rollback
from ratchet.schemas.artifacts.decisions import Verdict
from tests.pipeline.served_root import NOW, ServedRoot, blocked_root
from tests.servers.conftest import ALL_STORES

TEXT_QUERY = "SELECT string_value FROM ArtifactProperty WHERE name = ? ORDER BY artifact_id"


@pytest.fixture
def world(tmp_path: Path, store: Server | None) -> ServedRoot:
    return blocked_root(tmp_path / "root", store)


def approved(world: ServedRoot, run: str = "bad") -> str:
    return approve(ApproveRequest(run, world.root, "Ana", "checked", "2026-12-31"), NOW).version


def executed(world: ServedRoot, run_id: str, step: str = "DataGate") -> int:
    """An execution of a step, as TFX leaves it; its id."""
    execution = world.store.put_execution_type(mlmd.ExecutionType(name=step))
    output = world.store.put_artifact_type(mlmd.ArtifactType(name="Output"))
    node = world.store.put_context_type(mlmd.ContextType(name="node"))
    name = store_of(world.root).run_name(run_id)
    contexts = [world.store.get_context_by_type_and_name("pipeline_run", name)]
    contexts.append(mlmd.Context(type_id=node, name=f"digits.{step}"))
    event = mlmd.Event(type=mlmd.Event.OUTPUT)
    event.path.steps.add().key = "decision"
    artifact = mlmd.Artifact(type_id=output, uri=str(world.root / "artifacts" / step / "decision" / "7"))
    artifact.custom_properties["passed"].int_value = 1
    made = mlmd.Execution(type_id=execution, last_known_state=mlmd.Execution.COMPLETE)
    return world.store.put_execution(made, [(artifact, event)], contexts, reuse_context_if_already_exist=True)[0]


def test_an_approval_and_a_rollback_are_told_in_their_order_and_once(world: ServedRoot) -> None:
    version = approved(world)
    assert world.blessed_run() == "bad"
    rollback(RollbackRequest(world.root, "Ana", "checked", "100"), NOW)
    assert world.blessed_run() == "first"
    for _ in range(2):
        assert tell(world.root, world.registry) is None
    told = sorted(world.store.get_artifacts_by_type("RatchetOverride"), key=lambda artifact: artifact.id)
    names = [artifact.name for artifact in told]
    run_name = store_of(world.root).run_name
    assert names == [run_name(made.version) for made in world.registry.overrides()]
    assert names[0] == run_name(version)
    OverrideStore(world.root).unbless("first")
    assert [run.run_id for run in read_told(world.root, world.root).runs if run.is_blessed] == []


def test_the_doctors_look_by_sql_sees_the_runs_their_blessings_and_the_lines(world: ServedRoot) -> None:
    approved(world)
    told = read_told(world.root, world.root)
    assert told.problem is None
    assert [run.run_id for run in told.runs] == ["first", "good", "bad"]
    assert [run.is_blessed for run in told.runs] == [True, True, True]
    assert [run.model.name for run in told.runs] == [world.candidate(run.run_id).parent.name for run in told.runs]
    lines = (world.root / "registry" / "overrides.jsonl").read_text().splitlines()
    assert list(told.lines) == lines
    executions = world.store.get_executions_by_type("ratchet.Approve")
    assert told.last_execution == max(one.id for one in executions)


def test_the_steps_of_a_run_are_read_with_outputs_and_properties(world: ServedRoot) -> None:
    executed(world, "good")
    name = store_of(world.root).run_name
    steps = read_run(connection_to(world.root), name("good"))
    assert list(steps) == ["DataGate"]
    assert steps["DataGate"].done
    assert steps["DataGate"].output_properties == {"decision": {"passed": 1}}
    assert read_step(connection_to(world.root), name("never"), "DataGate") is None


def test_numbers_go_on_above_what_is_on_the_disk_and_never_back(world: ServedRoot) -> None:
    first = executed(world, "good")
    (world.root / "artifacts" / "DataGate" / "decision" / "500").mkdir(parents=True)
    count_on_where_behind(world.root)
    store = store_of(world.root)
    count_on(store, 3)
    with store.tables() as tables:
        assert last_execution(tables) == 500
    assert executed(world, "good", "Other") > 500 > first


TEXTS = [
    "it's",
    'a "word"',
    "back\\slash",
    "\\'",
    '{"a": "{\\"b\\": \\"it\'s\\"}"}',
    "two\nlines",
    "é§",
    "$1 %s",
    "x" * 70_000,
]


@pytest.mark.parametrize("store", ALL_STORES, indirect=True)
def test_any_text_comes_back_as_it_was(world: ServedRoot) -> None:
    kind = world.store.put_artifact_type(mlmd.ArtifactType(name="Text", properties={"own": mlmd.STRING}))
    for text in TEXTS:
        artifact = mlmd.Artifact(type_id=kind, uri=f"/a/{text[:20]}")
        artifact.properties["own"].string_value = artifact.custom_properties["line"].string_value = text
        [found] = world.store.get_artifacts_by_id(world.store.put_artifacts([artifact]))
        assert (found.uri, found.properties["own"].string_value) == (artifact.uri, text)
        assert [one.id for one in world.store.get_artifacts_by_uri(artifact.uri)] == [found.id]
    with store_of(world.root).tables() as tables:
        assert [text for (text,) in tables.ask(TEXT_QUERY, "own")] == TEXTS


def test_pruned_artifacts_are_marked_and_known_no_more(world: ServedRoot) -> None:
    executed(world, "good")
    artifacts = RunArtifactStore(world.root)
    assert "artifacts/DataGate/decision/7" in artifacts.of_run("good").artifacts
    assert artifacts.of_run("never").artifacts == ()
    artifacts.mark_deleted(["artifacts/DataGate/decision/7"])
    assert "artifacts/DataGate/decision/7" not in RunArtifactStore(world.root).of_run("good").artifacts


def test_a_moved_roots_artifacts_are_named_where_they_are(world: ServedRoot) -> None:
    approved(world)
    here = str(world.root.resolve())
    before = [one.uri for one in world.store.get_artifacts()]
    elsewhere = world.root.with_name("elsewhere")
    world.root.rename(elsewhere)
    assert relocate(elsewhere, here) == len(before)
    expected = {uri.replace(here, str(elsewhere.resolve())) for uri in before}
    assert {one.uri for one in open_store(elsewhere).get_artifacts()} == expected
    assert relocate(elsewhere, here) == 0


def test_a_store_without_one_of_its_tables_is_told(world: ServedRoot) -> None:
    with store_of(world.root).tables() as tables:
        assert missing_table(tables) is None
        tables.do("DROP TABLE Attribution")
    with store_of(world.root).tables() as tables:
        assert missing_table(tables) == "Attribution"
    problem = read_told(world.root, world.root).problem
    assert problem is not None


def test_tables_without_a_version_are_still_being_made_by_another_runner(world: ServedRoot) -> None:
    with store_of(world.root).tables() as tables:
        assert is_whole(tables)
        tables.do("DELETE FROM MLMDEnv")
        assert missing_table(tables) is None
        assert not is_whole(tables)


def test_a_candidate_that_was_kept_out_of_service_loses_its_blessing(world: ServedRoot) -> None:
    world.run("refused", Verdict.PUSHED, pushed=False)
    for _ in range(2):
        OverrideStore(world.root).unbless("refused")
        assert world.blessed_run() == "good"
