"""ML Metadata of a root: lost, behind or half written."""

from __future__ import annotations

import dataclasses
import json
import os
import sqlite3
from pathlib import Path

from tests.pipeline.doctor.faults import a_lost_ml_metadata, an_ml_metadata_of_noise, kinds, look, mend
from tests.pipeline.doctor.lifelike import LifelikeRoot, tree


def test_ml_metadata_that_could_not_be_told_is_told(world: LifelikeRoot) -> None:
    whole = (world.root / "metadata.sqlite").read_bytes()
    world.approve()
    (world.root / "metadata.sqlite").write_bytes(whole)
    assert "ml-metadata-behind" in kinds(look(world))
    assert mend(world).healthy
    assert world.blessed_run() == "bad"


def test_a_new_store_counts_on_from_what_is_on_the_disk_and_the_old_one_is_kept(world: LifelikeRoot) -> None:
    from ml_metadata.metadata_store.metadata_store import MetadataStore
    from ml_metadata.proto import metadata_store_pb2 as mlmd

    from ratchet.pipeline.root.ml_metadata import sqlite_at

    (world.root / "artifacts" / "DataGate" / ".system" / "executor_execution" / "91").mkdir(parents=True)
    an_ml_metadata_of_noise(world)
    assert mend(world).healthy
    store = MetadataStore(sqlite_at(world.root))
    kind = store.put_execution_type(mlmd.ExecutionType(name="Step"))  # pyright: ignore[reportAttributeAccessIssue]
    assert store.put_executions([mlmd.Execution(type_id=kind)]) == [92]  # pyright: ignore[reportAttributeAccessIssue]
    assert (world.root / "metadata.sqlite.broken-1").read_bytes() == b"noise" * 999


def test_with_a_new_store_approve_and_rollback_work(world: LifelikeRoot) -> None:
    a_lost_ml_metadata(world)
    assert mend(world).healthy
    world.approve()
    assert world.served_weights() == "bad"
    world.roll_back()
    assert world.served_weights() == "good"
    assert look(world).healthy


def test_with_a_new_store_an_interrupted_run_begins_anew_and_a_decided_one_has_ended(world: LifelikeRoot) -> None:
    from ratchet.pipeline.past.run_record import unfinished_run
    from ratchet.schemas.artifacts.run_files import key_of

    undecided, decided = world.begin(4, "ratchet run --span 4"), world.begin(5, "ratchet run --span 5")
    [made] = [one for one in world.registry.decisions() if one.run_id == "bad"]
    world.registry.record_decision("decided", dataclasses.replace(made, run_id=decided.name, span=5))
    asked = {span: (world.root, span, key_of({"span": span})) for span in (4, 5)}
    assert [unfinished_run(*asked[span]) for span in (4, 5)] == [undecided.name, decided.name]
    a_lost_ml_metadata(world)
    assert f"{undecided.name}, {decided.name} cannot go on" in look(world).to_text()
    assert mend(world).healthy
    assert [unfinished_run(*asked[span]) for span in (4, 5)] == [None, None]
    assert json.loads((decided / "result.json").read_text())["verdict"] == "BLOCKED"
    assert not (undecided / "result.json").exists()


def test_a_store_whose_writer_died_is_read_and_left_as_it_is(world: LifelikeRoot) -> None:
    database = world.root / "metadata.sqlite"
    hot_journal(database)
    before = tree(world.root)
    assert look(world).findings == ()
    assert tree(world.root) == before


def hot_journal(database: Path) -> None:
    """Leaves a transaction half written, as a process that is killed does."""
    child = os.fork()
    if child == 0:
        store = sqlite3.connect(database)
        store.execute("PRAGMA cache_size = 1")
        store.execute("BEGIN")
        store.execute("UPDATE Artifact SET uri = 'half' || hex(randomblob(5000))")
        os._exit(0)
    os.waitpid(child, 0)
    assert Path(f"{database}-journal").stat().st_size
