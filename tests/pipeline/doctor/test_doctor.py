"""Each fault, planted in a made root: it is seen, nothing is written without --repair, and it is mended with it."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import socket
import sqlite3
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from components.registry.entries import Intent, Pointer, RecordedDecision, ServedModel
from components.registry.locking import hold
from pipeline.doctor.doctor import doctor
from pipeline.doctor.findings import Report
from pipeline.doctor.patient import here
from pipeline.root.ml_metadata import open_store
from pipeline.root.root_file import read_file
from schemas.artifacts.decisions import Verdict
from schemas.base.errors import InputError, StateError
from tests.faults import FAILING, FULL, in_child
from tests.pipeline.doctor.lifelike import LATER, LifelikeRoot, lifelike_root, tree

Fault = Callable[[LifelikeRoot], object]


def look(world: LifelikeRoot) -> Report:
    return doctor(world.root, False, LATER)


def mend(world: LifelikeRoot) -> Report:
    return doctor(world.root, True, LATER)


def kinds(report: Report) -> set[str]:
    return {finding.kind for _, finding in report.findings}


def versions(world: LifelikeRoot) -> list[ServedModel]:
    return world.registry.versions()


# Faults, by name, after which the registry is what it was and the same model is served.


def an_empty_pointer(world: LifelikeRoot) -> None:
    world.file("served.json").write_text("")


def a_torn_pointer(world: LifelikeRoot) -> None:
    file = world.file("served.json")
    file.write_text(file.read_text()[:40])


def a_lost_pointer(world: LifelikeRoot) -> None:
    world.file("served.json").unlink()


def a_torn_entry_of_the_served_version(world: LifelikeRoot) -> None:
    world.file("versions/200.json").write_text('{"version": "200"')


def a_lost_entry_of_an_earlier_version(world: LifelikeRoot) -> None:
    world.file("versions/100.json").unlink()


def a_torn_entry_of_an_earlier_version(world: LifelikeRoot) -> None:
    world.file("versions/100.json").write_text("[]")


def lost_entries_and_pointer(world: LifelikeRoot) -> None:
    shutil.rmtree(world.file("versions"))
    world.file("served.json").unlink()


def a_torn_decision(world: LifelikeRoot) -> None:
    world.decision_file("bad").write_text("{")


def a_lost_decision(world: LifelikeRoot) -> None:
    world.decision_file("good").unlink()


def a_lost_registry(world: LifelikeRoot) -> None:
    shutil.rmtree(world.root / "registry")


def lost_files_of_the_served_version(world: LifelikeRoot) -> None:
    shutil.rmtree(world.serving / "200")


def damaged_files_of_the_served_version(world: LifelikeRoot) -> None:
    (world.serving / "200" / "variables" / "data").write_text("other")


def a_lost_training_record(world: LifelikeRoot) -> None:
    shutil.rmtree(world.serving / "200" / "assets.extra")


def a_lost_serving_directory(world: LifelikeRoot) -> None:
    shutil.rmtree(world.root / "serving")


def a_version_that_was_never_recorded(world: LifelikeRoot) -> None:
    shutil.copytree(world.candidate("bad"), world.serving / "300")


def a_version_of_half_a_model(world: LifelikeRoot) -> None:
    (world.serving / "1795679999").mkdir()


def a_pointer_that_is_behind(world: LifelikeRoot) -> None:
    first = next(model for model in versions(world) if model.version == "100")
    world.registry.swap(world.registry.pointer(), Pointer(first))


def a_lost_ratchet_json(world: LifelikeRoot) -> None:
    (world.root / "ratchet.json").unlink()


def a_torn_ratchet_json(world: LifelikeRoot) -> None:
    (world.root / "ratchet.json").write_text('{"format": 1, "na')


def a_lost_ml_metadata(world: LifelikeRoot) -> None:
    (world.root / "metadata.sqlite").unlink()


def an_empty_ml_metadata(world: LifelikeRoot) -> None:
    (world.root / "metadata.sqlite").write_bytes(b"")


def a_truncated_ml_metadata(world: LifelikeRoot) -> None:
    os.truncate(world.root / "metadata.sqlite", 20_000)


def an_ml_metadata_of_noise(world: LifelikeRoot) -> None:
    (world.root / "metadata.sqlite").write_bytes(b"noise" * 999)


def an_older_ml_metadata(world: LifelikeRoot) -> None:
    (world.root / "artifacts" / "MapEvaluator" / "evaluation" / "77").mkdir()


def a_blessing_of_what_was_kept_out(world: LifelikeRoot) -> None:
    for blessing in world.store.get_artifacts_by_type("ModelBlessing"):
        blessing.custom_properties["blessed"].int_value = 1
        world.store.put_artifacts([blessing])


def a_torn_result(world: LifelikeRoot) -> None:
    (world.root / "runs" / "good" / "result.json").write_text("{")


def half_a_file(world: LifelikeRoot) -> None:
    world.file(f"versions/100.json.{dead_process()}.writing").write_text("{")


def a_staged_model_of_a_dead_process(world: LifelikeRoot) -> None:
    shutil.copytree(world.serving / "100", world.serving / f"unfinished-{socket.gethostname()}-{dead_process()}-0123")


FAULTS = [
    an_empty_pointer,
    a_torn_pointer,
    a_lost_pointer,
    a_torn_entry_of_the_served_version,
    a_lost_entry_of_an_earlier_version,
    a_torn_entry_of_an_earlier_version,
    lost_entries_and_pointer,
    a_torn_decision,
    a_lost_decision,
    a_lost_registry,
    lost_files_of_the_served_version,
    damaged_files_of_the_served_version,
    a_lost_training_record,
    a_lost_serving_directory,
    a_version_that_was_never_recorded,
    a_version_of_half_a_model,
    a_pointer_that_is_behind,
    a_lost_ratchet_json,
    a_torn_ratchet_json,
    a_lost_ml_metadata,
    an_empty_ml_metadata,
    a_truncated_ml_metadata,
    an_ml_metadata_of_noise,
    an_older_ml_metadata,
    a_blessing_of_what_was_kept_out,
    a_torn_result,
    half_a_file,
    a_staged_model_of_a_dead_process,
]


def test_a_root_as_runs_leave_it_is_healthy_and_stays_untouched(world: LifelikeRoot) -> None:
    before = tree(world.root)
    assert look(world).findings == ()
    assert mend(world).findings == ()
    assert tree(world.root) == before


@pytest.mark.parametrize("fault", FAULTS)
def test_looking_finds_a_fault_and_writes_nothing(world: LifelikeRoot, fault: Fault) -> None:
    fault(world)
    before = {**tree(world.root), "locks": [path.stat().st_mtime_ns for path in world.root.rglob("lock")]}
    report = look(world)
    assert report.findings
    assert report.exit_code == (0 if fault is a_lost_ratchet_json else 1)
    assert {**tree(world.root), "locks": [path.stat().st_mtime_ns for path in world.root.rglob("lock")]} == before


@pytest.mark.parametrize("fault", FAULTS)
def test_repairing_brings_back_what_was_known_and_serves_the_same_model(world: LifelikeRoot, fault: Fault) -> None:
    known = (world.registry.served(), versions(world), decisions(world))
    fault(world)
    report = mend(world)
    assert report.healthy, report.to_text()
    assert any(finding.mended for _, finding in report.findings)
    assert (world.registry.served(), versions(world), decisions(world)) == known
    assert world.served_weights() == "good"
    assert all(world.registry.storage.holds(model.version, model.digest) for model in versions(world))
    assert look(world).healthy
    assert not any(finding.mended for _, finding in mend(world).findings)


@pytest.mark.parametrize(
    "fault",
    [
        a_torn_pointer,
        a_lost_registry,
        damaged_files_of_the_served_version,
        a_lost_serving_directory,
        a_version_that_was_never_recorded,
        a_lost_ml_metadata,
        a_torn_ratchet_json,
    ],
)
def test_killed_at_any_point_the_same_command_goes_on(world: LifelikeRoot, fault: Fault, tmp_path: Path) -> None:
    known = (world.registry.served(), versions(world), decisions(world))
    fault(world)
    whole = tmp_path / "whole"
    shutil.copytree(world.root, whole)
    points = len(in_child(lambda: mend(world).healthy, world.root).points)
    assert points > 3
    for point in range(points):
        shutil.rmtree(world.root)
        shutil.copytree(whole, world.root)
        in_child(lambda: mend(world).healthy, world.root, point)
        report = mend(world)
        assert report.healthy, f"point {point}: {report.to_text()}"
        assert (world.registry.served(), versions(world), decisions(world)) == known
        assert look(world).healthy


def test_a_publication_that_was_interrupted_is_completed(world: LifelikeRoot) -> None:
    begun(world, str(world.candidate("bad")))
    assert "publication" in kinds(look(world))
    assert mend(world).healthy
    assert world.registry.pointer().served_as == ("300", versions(world)[-1].digest)
    assert world.served_weights() == "bad"


def test_a_publication_whose_files_are_gone_is_taken_back(world: LifelikeRoot) -> None:
    begun(world, str(world.root / "nowhere"))
    assert mend(world).healthy
    assert world.served_weights() == "good"


def test_what_was_interrupted_before_its_decision_is_set_aside_and_named(world: LifelikeRoot) -> None:
    world.run("killed", Verdict.PUSHED, pushed=False)
    shutil.copytree(
        world.root / "artifacts" / "DetectorTrainer" / "model" / "4" / "Format-Serving", world.serving / "400"
    )
    report = mend(world)
    assert report.healthy
    assert "the candidate of run killed, which was interrupted" in report.to_text()
    assert (world.serving / "set-aside-400-1" / "saved_model.pb").is_file()
    assert world.registry.served() is not None


def test_a_pushed_version_whose_entry_alone_is_lost_is_recorded_again(world: LifelikeRoot) -> None:
    known = versions(world)
    (world.root / "runs" / "good" / "result.json").unlink()
    world.file("versions/200.json").unlink()
    world.file("served.json").unlink()
    assert mend(world).healthy
    assert versions(world) == known


def test_nothing_is_pointed_to_where_the_last_version_cannot_be_had(world: LifelikeRoot) -> None:
    a_torn_pointer(world)
    shutil.rmtree(world.serving / "200")
    for directory in ("DetectorTrainer", "BaselineReader"):
        shutil.rmtree(world.root / "artifacts" / directory, ignore_errors=True)
    report = mend(world)
    assert report.exit_code == 1
    assert "ratchet rollback --to VERSION" in report.to_text()
    world.roll_back("100")
    assert world.served_weights() == "first"
    assert mend(world).healthy


def test_a_rollback_target_that_cannot_be_had_is_no_longer_one(world: LifelikeRoot) -> None:
    shutil.rmtree(world.serving / "100")
    shutil.rmtree(world.root / "artifacts" / "DetectorTrainer" / "model" / "1")
    assert "marks the version as not blessed" in look(world).to_text()
    assert [model.blessed for model in versions(world)] == [True, True]
    assert mend(world).healthy
    assert [model.blessed for model in versions(world)] == [False, True]


def test_a_version_whose_files_were_pruned_is_no_fault(world: LifelikeRoot) -> None:
    shutil.rmtree(world.serving / "100")
    report = look(world)
    assert report.healthy
    assert "restores them from" in report.to_text()
    assert mend(world).healthy
    world.approve()
    again = world.roll_back("200")
    shutil.rmtree(world.serving / "200")
    assert look(world).findings == ()  # the served version is the same model
    assert world.registry.pointer().served_as == (again, versions(world)[-1].digest)


def test_an_edited_log_is_restored_from_ml_metadata(world: LifelikeRoot) -> None:
    world.approve()
    world.roll_back()
    log = world.file("overrides.jsonl")
    whole = log.read_text()
    for damaged in (whole.replace("Ana", "Eva", 1), whole.splitlines()[0] + "\n", whole[:-30], ""):
        log.write_text(damaged)
        assert "overrides" in kinds(look(world))
        assert mend(world).healthy
        assert log.read_text() == whole


def test_a_log_that_nothing_has_whole_is_left(world: LifelikeRoot) -> None:
    world.approve()
    log = world.file("overrides.jsonl")
    log.write_text(log.read_text().replace("Ana", "Eva"))
    a_lost_ml_metadata(world)
    before = log.read_text()
    assert mend(world).exit_code == 1
    assert log.read_text() == before


def test_lost_entries_of_approvals_and_rollbacks_come_back(world: LifelikeRoot) -> None:
    world.approve()
    world.roll_back("100")
    known = (world.registry.served(), versions(world))
    shutil.rmtree(world.root / "registry")
    assert mend(world).healthy
    assert (world.registry.served(), versions(world)) == known


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

    from pipeline.root.ml_metadata import sqlite_at

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
    from pipeline.past.run_record import key_of, unfinished_run

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


def test_a_torn_result_of_a_run_without_a_decision_counts_as_interrupted(world: LifelikeRoot) -> None:
    run = world.begin(4, "ratchet run --span 4")
    (run / "result.json").write_text('{"verdict": ')
    report = mend(world)
    assert report.healthy
    assert "goes on with: ratchet run --span 4" in report.to_text()
    assert (run / "result.json.torn-1").is_file()


def test_a_torn_decision_that_cannot_be_told_is_set_aside(world: LifelikeRoot) -> None:
    file = world.file("decisions/0123456789abcdef.json")
    file.write_text("{")
    assert mend(world).healthy
    assert not file.exists()
    assert file.with_name("0123456789abcdef.json.torn-1").read_text() == "{"


def test_missing_training_images_are_reported_with_what_to_do(world: LifelikeRoot) -> None:
    shutil.rmtree(world.root / "artifacts" / "DetectionExampleGen" / "examples" / "2")
    report = mend(world)
    assert report.exit_code == 1
    assert "training.retrain.replay=0" in report.to_text()


def test_training_images_are_found_by_a_place_below_the_artifacts(tmp_path: Path) -> None:
    assert here(tmp_path, "ExampleGen/examples/7") == tmp_path / "artifacts" / "ExampleGen" / "examples" / "7"
    assert here(tmp_path, "/old/artifacts/ExampleGen/examples/7") == here(tmp_path, "ExampleGen/examples/7")
    assert here(tmp_path, "/elsewhere/7") == Path("/elsewhere/7")


def test_a_candidate_that_can_no_longer_be_approved_is_mentioned(world: LifelikeRoot) -> None:
    shutil.rmtree(world.candidate("bad"))
    report = look(world)
    assert report.healthy
    assert "run bad, BLOCKED, cannot be approved" in report.to_text()


def test_files_of_living_processes_are_left(world: LifelikeRoot) -> None:
    other = subprocess.Popen(["sleep", "60"])
    try:
        half = world.file(f"x.{other.pid}.writing")
        half.write_text("{")
        staged = world.serving / f"unfinished-{socket.gethostname()}-{other.pid}-0123"
        staged.mkdir()
        assert mend(world).healthy
        assert half.exists()
        assert staged.exists()
    finally:
        other.kill()
        other.wait()


def test_nothing_is_mended_beside_a_retraining(world: LifelikeRoot) -> None:
    a_torn_pointer(world)
    with hold(world.root / "lock", "retraining"):
        assert "is retraining" not in look(world).to_text()  # this process holds it
        outcome = in_child(lambda: mend(world), world.root)
    assert outcome.kind == "BusyError"
    assert f"process {os.getpid()} on" in str(outcome.error)
    assert "is retraining; wait until it is done" in str(outcome.error)


def test_who_works_in_the_root_and_who_died_elsewhere_is_mentioned(world: LifelikeRoot) -> None:
    with hold(world.root / "lock", "retraining"):
        outcome = in_child(lambda: look(world).to_text(), world.root)
    assert f"process {os.getpid()} on {socket.gethostname()}" in outcome.value
    left = {"host": "elsewhere", "process": 7, "since": "2026-01-01", "command": "ratchet run"}
    (world.root / "lock").write_text(json.dumps(left))
    report = look(world)
    assert report.healthy
    assert "a process on elsewhere held it and died" in report.to_text()


def test_a_clock_that_is_behind_is_mentioned(world: LifelikeRoot) -> None:
    report = doctor(world.root, False, LATER.replace(year=2020))
    assert report.healthy
    assert kinds(report) == {"clock"}


def test_what_is_in_the_way_is_named_before_anything_else(world: LifelikeRoot) -> None:
    shutil.rmtree(world.root / "runs")
    (world.root / "runs").write_text("")
    report = mend(world)
    assert report.exit_code == 1
    assert kinds(report) == {"place"}
    assert f"{world.root / 'runs'}: it is a file, and should be a directory" in report.to_text()


def test_what_cannot_be_read_is_named_with_its_owner(world: LifelikeRoot) -> None:
    from pipeline.doctor.root_checks import check_places

    locked = world.file("served.json")
    [finding] = check_places(world.root, lambda path, mode: path != locked and os.access(path, mode))
    assert finding.where == str(locked)
    assert f"it belongs to {os.getuid()}" in finding.what
    assert "chown" in finding.fix


def test_absurd_names_are_reported(world: LifelikeRoot) -> None:
    (world.serving / "500").write_text("")
    (world.serving / "notes").mkdir()
    (world.serving / "99999999999999999999").mkdir()
    report = mend(world)
    assert {finding.where for _, finding in report.findings if finding.is_left} == {str(world.serving / "500")}
    assert (world.serving / "notes").exists()
    assert (world.serving / "99999999999999999999").exists()  # no number that TensorFlow Serving could read


def test_a_moved_root_is_noticed(world: LifelikeRoot, tmp_path: Path) -> None:
    moved = tmp_path / "moved"
    world.root.rename(moved)
    report = doctor(moved, False, LATER)
    assert kinds(report) == {"moved"}
    assert str(world.root) in report.to_text()


def test_a_moved_root_without_ratchet_json_is_made_at_home(world: LifelikeRoot, tmp_path: Path) -> None:
    for file in (*world.root.glob("registry/versions/*.json"), world.file("served.json")):
        values = json.loads(file.read_text())
        entry = values.get("served", values)
        entry["path"] = str(world.serving / entry["version"])  # as a version without relative paths wrote it
        file.write_text(json.dumps({**values, "format": 1} if "served" not in values else {**entry, "format": 1}))
    (world.root / "ratchet.json").unlink()
    moved = tmp_path / "moved"
    world.root.rename(moved)
    doctor(moved, True, LATER)
    written = read_file(moved)
    assert written is not None
    assert written.path == str(moved)
    uris = {artifact.uri for artifact in open_store(moved).get_artifacts()}
    assert uris
    assert all(uri.startswith(str(moved)) for uri in uris)


def test_a_newer_root_is_not_touched(world: LifelikeRoot) -> None:
    world.file("versions/100.json").write_text('{"format": 99}')
    before = tree(world.root)
    with pytest.raises(StateError, match="written by a newer Ratchet"):
        mend(world)
    assert tree(world.root) == before


def test_what_is_no_root_is_bad_input(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no pipeline root"):
        doctor(tmp_path, True, LATER)


def test_two_worlds_are_alike(tmp_path: Path) -> None:
    """What is made again is held against what was there, so making it once more must give the same."""
    first, second = (lifelike_root(tmp_path / name) for name in ("a", "b"))
    assert [model.run_id for model in versions(first)] == [model.run_id for model in versions(second)]


def begun(world: LifelikeRoot, source: str) -> None:
    """A publication of the blocked candidate that was claimed, and no more."""
    pointer = world.registry.pointer()
    assert pointer.served is not None
    [made] = [one for one in world.registry.decisions() if one.run_id == "bad"]
    pushed = dataclasses.replace(made, run_id="fourth", verdict="PUSHED", reason=None, rule=None)
    model = dataclasses.replace(
        pointer.served, version="300", path=str(world.serving / "300"), digest=made.model_digest, run_id="fourth"
    )
    intent = Intent(model, "unfinished-gone", source, decision=pushed)
    world.registry.swap(pointer, Pointer(pointer.served, intent))


def decisions(world: LifelikeRoot) -> list[RecordedDecision]:
    return world.registry.decisions()


def dead_process() -> int:
    """The number of a process that has ended."""
    ended = subprocess.Popen(["true"])
    ended.wait()
    return ended.pid


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


def test_what_could_not_be_mended_is_not_called_mended(world: LifelikeRoot) -> None:
    """The disk fails in every repair, so all of it is found again."""
    a_torn_pointer(world)
    outcome = in_child(lambda: kept(mend(world)), world.root, 5, FAILING, lasting=True)
    assert outcome.value == [("pointer", False)]


def test_a_lost_registry_leaves_what_is_served_where_it_is(world: LifelikeRoot) -> None:
    """Nothing tells what was decided, but results say what was in service: it stays there until a person decides."""
    a_lost_registry(world)
    a_lost_ml_metadata(world)
    assert mend(world).exit_code == 1
    assert world.versions == ["100", "200"]


def kept(report: Report) -> list[tuple[str, bool]]:
    return [(finding.kind, finding.mended) for _, finding in report.findings if finding.kind == "pointer"]


def test_a_decision_is_not_made_again_from_an_evaluation_that_was_changed(world: LifelikeRoot) -> None:
    [made] = [one for one in decisions(world) if one.run_id == "bad"]
    file = Path(made.evaluation, "evaluation.json")
    world.decision_file("bad").unlink()
    file.write_text(file.read_text().replace("0.53", "0.99"))
    assert mend(world).exit_code == 1
    assert "bad" not in {one.run_id for one in decisions(world)}


@pytest.mark.parametrize("fault", [a_lost_serving_directory, a_lost_ml_metadata, lost_entries_and_pointer])
def test_on_a_full_disk_it_ends_in_words_and_goes_on_when_there_is_room(
    world: LifelikeRoot, fault: Fault, tmp_path: Path
) -> None:
    fault(world)
    whole = tmp_path / "whole"
    shutil.copytree(world.root, whole)
    for point in range(len(in_child(lambda: mend(world).healthy, world.root).points)):
        shutil.rmtree(world.root)
        shutil.copytree(whole, world.root)
        outcome = in_child(lambda: mend(world).healthy, world.root, point, FULL, lasting=True)
        assert outcome.kind in (None, "StateError"), f"{outcome.kind} {outcome.error}"
        assert mend(world).healthy, point


def test_a_rollback_whose_every_trace_but_the_log_is_lost_comes_back(world: LifelikeRoot) -> None:
    version = world.roll_back("100")
    shutil.rmtree(world.serving / version)
    world.file(f"versions/{version}.json").unlink()
    world.file("served.json").unlink()
    assert mend(world).healthy
    served = world.registry.pointer().served
    assert served is not None
    assert (served.version, served.restores) == (version, "100")
    assert world.served_weights() == "first"
    assert [model.blessed for model in versions(world)] == [True, False, True]


def test_nothing_is_pointed_to_that_no_decision_let_into_service(world: LifelikeRoot) -> None:
    """The entry and the files of a version are there, and the only decision on its run was a no."""
    shutil.copytree(world.candidate("bad"), world.serving / "300")
    [made] = [one for one in decisions(world) if one.run_id == "bad"]
    newest = versions(world)[-1]
    forged = dataclasses.replace(newest, version="300", digest=made.model_digest, run_id="bad")
    world.registry.record_version(forged)
    for pointer in ("behind", "lost"):
        if pointer == "lost":
            world.file("served.json").unlink()
        report = mend(world)
        assert report.exit_code == 1
        assert "there is no decision by which version 300 was pushed" in report.to_text()
    assert not world.file("served.json").exists()


def test_nothing_is_pointed_to_while_the_log_is_damaged(world: LifelikeRoot) -> None:
    world.approve()
    world.file("served.json").unlink()
    log = world.file("overrides.jsonl")
    log.write_text(log.read_text().replace("Ana", "Eva"))
    a_lost_ml_metadata(world)
    assert mend(world).exit_code == 1
    assert not world.file("served.json").exists()
