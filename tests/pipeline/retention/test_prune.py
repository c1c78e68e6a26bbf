# pyright: reportAttributeAccessIssue=false
# (protobuf's classes are made when their module is imported)

from __future__ import annotations

import dataclasses
import datetime
import json
import os
from pathlib import Path

import pytest
from ml_metadata.proto import metadata_store_pb2 as mlmd

from ratchet.components.registry.locking import hold
from ratchet.pipeline.cli.main import main
from ratchet.pipeline.config.pipeline_settings import RetentionSettings
from ratchet.pipeline.past.run_record import is_pruned, read_left
from ratchet.pipeline.retention.artifacts import RunArtifactStore
from ratchet.pipeline.retention.plan import Plan, plan
from ratchet.pipeline.retention.prune import apply_retention, carry_out, prune
from ratchet.pipeline.retention.survey import survey
from ratchet.pipeline.serving.approve import ApproveRequest, approve
from ratchet.pipeline.serving.rollback import RollbackRequest, rollback
from ratchet.schemas.artifacts.decisions import Verdict
from ratchet.schemas.artifacts.training_record import RECORD_FILE, TRAINING_RECORD_FORMAT
from ratchet.schemas.base.files import LOCAL_FILES, WRITING
from ratchet.schemas.base.model_digest import model_digest
from ratchet.schemas.data.dataset import DATASET_FILE, DATASET_FORMAT
from tests.builders import dataset_info, record_served, training_record
from tests.pipeline.fingerprint import fingerprint
from tests.pipeline.served_root import ServedRoot, model_files

NOW = datetime.datetime(2030, 6, 1, tzinfo=datetime.timezone.utc)
NARROW = RetentionSettings(runs=1, days=1, versions=1, pages=1)


class PrunableRoot(ServedRoot):
    """A root whose runs have a span, a model with a training record, and a day on which they ended."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self._days = 100

    def finished(self, run_id: str, verdict: Verdict, lineage: tuple[str, ...] = ()) -> None:
        """Adds a run; its model was trained on its own span and those of the runs that are named."""
        self.run(run_id, verdict)
        self.span(run_id)
        data = training_record().data
        places = [f"DetectionExampleGen/examples/{name}" for name in (*lineage, run_id)]
        whole = tuple(dataclasses.replace(data[0], examples=place) for place in places)
        self._give_record(run_id, TRAINING_RECORD_FORMAT.write(dataclasses.replace(training_record(), data=whole)))
        self.dated(run_id, "result.json")

    def _give_record(self, run_id: str, text: str) -> None:
        candidate = self.candidate(run_id)
        served = [model for model in self.registry.versions() if model.run_id == run_id]
        for directory in (candidate, *(Path(model.path) for model in served)):
            (directory / RECORD_FILE).parent.mkdir()
            (directory / RECORD_FILE).write_text(text)
        digest = model_digest(str(candidate), LOCAL_FILES)
        [made] = [decision for decision in self.registry.decisions() if decision.run_id == run_id]
        self.registry.record_decision(run_id, dataclasses.replace(made, model_digest=digest))
        for model in served:
            record_served(self.registry, dataclasses.replace(model, digest=digest))

    def unfinished(self, run_id: str) -> None:
        """Adds a run that was killed after it had read its span."""
        self.ended(run_id, None)
        (self.root / "runs" / run_id / "log.txt").write_text("starting")
        type_id = self.store.put_context_type(mlmd.ContextType(name="pipeline_run"))
        self.store.put_contexts([mlmd.Context(type_id=type_id, name=run_id)])
        self.span(run_id)
        self.dated(run_id, "log.txt")

    def span(self, run_id: str) -> None:
        """Adds the Examples artifact of a run."""
        directory = self.root / "artifacts" / "DetectionExampleGen" / "examples" / run_id
        directory.mkdir(parents=True)
        (directory / DATASET_FILE).write_text(DATASET_FORMAT.write(dataset_info()))
        self.attribute(directory, "Examples", run_id)

    def attribute(self, directory: Path, kind: str, run_id: str) -> None:
        """Makes a directory an artifact of a run."""
        type_id = self.store.put_artifact_type(mlmd.ArtifactType(name=kind))
        artifact = mlmd.Artifact(type_id=type_id, uri=str(directory), state=mlmd.Artifact.LIVE)
        [artifact_id] = self.store.put_artifacts([artifact])
        context = self.store.get_context_by_type_and_name("pipeline_run", run_id)
        assert context is not None
        self.store.put_attributions_and_associations(
            [mlmd.Attribution(artifact_id=artifact_id, context_id=context.id)], []
        )

    def dated(self, run_id: str, name: str) -> None:
        """Lets a run have ended a day after the one before."""
        self._days -= 1
        time_s = (NOW - datetime.timedelta(days=self._days)).timestamp()
        os.utime(self.root / "runs" / run_id / name, (time_s, time_s))

    def there(self) -> set[str]:
        """The artifacts on the disk, by kind and name."""
        paths = self.root.glob("artifacts/*/*/*")
        return {f"{path.parent.name}/{path.name}" for path in paths if not path.name.startswith(".")}

    def live(self) -> set[str]:
        """The artifacts that ML Metadata calls live, in the same way; blessings are no directories here."""
        uris = [Path(one.uri) for one in self.store.get_artifacts() if one.state == mlmd.Artifact.LIVE]
        return {f"{uri.parent.name}/{uri.name}" for uri in uris if uri.name != "blessing"}

    def files(self) -> dict[str, bytes]:
        """All there is, but for the lock, the indexes of runs and what SQLite writes of itself."""
        besides = {self.root / name for name in ("lock", "metadata.sqlite", "runs/index.html", "runs/index.json")}
        paths = [path for path in self.root.rglob("*") if path.is_file() and path not in besides]
        return {str(path.relative_to(self.root)): path.read_bytes() for path in paths}


@pytest.fixture
def world(tmp_path: Path) -> PrunableRoot:
    """A first model, a blocked run, a push that replays the first span, and a blocked run."""
    made = PrunableRoot(tmp_path / "root")
    made.finished("boot", Verdict.BOOTSTRAPPED)
    made.finished("old-no", Verdict.BLOCKED, ("boot",))
    made.finished("push", Verdict.PUSHED, ("boot",))
    made.finished("no", Verdict.BLOCKED, ("boot", "push"))
    return made


LEFT = {
    *("examples/boot", "examples/push", "examples/no"),  # the lineage of what is served, and the run that is kept
    *("model/1", "model/3", "model/4"),  # the archives of served model and rollback target, and the run that is kept
    "evaluation/4",
}


def test_what_nothing_needs_is_gone_from_disk_and_ml_metadata_and_the_rest_is_whole(world: PrunableRoot) -> None:
    before = world.files()
    done = prune(world.root, NARROW, NOW)
    assert (world.there(), world.live()) == (LEFT, LEFT)
    assert not done.failures
    assert {one.path for one in done.removals if one.artifact} == {
        "artifacts/DetectionExampleGen/examples/old-no",
        "artifacts/DetectorTrainer/model/2",
        *(f"artifacts/MapEvaluator/evaluation/{number}" for number in (1, 2, 3)),
    }
    after = world.files()
    assert {name: content for name, content in before.items() if name in after} | {
        name: content for name, content in after.items() if name.endswith("pruned.json")
    } == after
    assert {name for name in before if name.startswith(("registry/", "serving/", "runs/"))} <= set(after)


def test_the_second_pruning_finds_nothing(world: PrunableRoot) -> None:
    prune(world.root, NARROW, NOW)
    before = world.files()
    assert prune(world.root, NARROW, NOW).removals == ()
    assert world.files() == before


def test_a_run_that_loses_nothing_more_is_not_written_to_again(world: PrunableRoot) -> None:
    prune(world.root, NARROW, NOW)
    note = world.root / "runs" / "push" / "pruned.json"
    before = note.stat().st_mtime_ns, note.stat().st_ino
    world.finished("next", Verdict.BLOCKED)
    assert prune(world.root, NARROW, NOW).removals
    assert (note.stat().st_mtime_ns, note.stat().st_ino) == before


def test_a_dry_run_says_the_same_and_changes_nothing(world: PrunableRoot) -> None:
    before, live = fingerprint(world.root), world.live()
    said = prune(world.root, NARROW, NOW, dry_run=True)
    assert fingerprint(world.root) == before
    assert world.live() == live
    assert said.removals == prune(world.root, NARROW, NOW).removals
    assert said.size_bytes > 0


def test_what_is_kept_can_still_be_approved_and_rolled_back_to(world: PrunableRoot) -> None:
    prune(world.root, NARROW, NOW)
    request = ApproveRequest("no", world.root, "moss", "worth it", "2030-07-01")
    approve(request, NOW)
    assert world.served_weights() == "no"
    rollback(RollbackRequest(world.root, "reed", "false alarms"), NOW + datetime.timedelta(hours=1))
    assert world.served_weights() == "push"


def test_what_was_left_for_a_rollback_goes_when_that_can_no_longer_be_done(world: PrunableRoot) -> None:
    prune(world.root, NARROW, NOW)
    world.finished("next", Verdict.PUSHED, ("push",))
    world.finished("last", Verdict.BLOCKED)
    prune(world.root, NARROW, NOW)
    left = {"examples/push", "examples/next", "examples/last", "examples/boot", "model/3", "model/5", "model/6"}
    assert world.there() == world.live() == {*left, "evaluation/6"}
    assert world.versions == ["300", "500"]


def test_copies_of_models_and_pages_go_and_what_else_their_artifacts_hold_stays(world: PrunableRoot) -> None:
    artifacts = world.root / "artifacts"
    model_files(artifacts / "BaselineReader" / "baseline" / "9" / "Format-Serving", "push")
    (artifacts / "BaselineReader" / "baseline" / "9" / "history.json").touch()
    model_files(artifacts / "Pusher" / "pushed_model" / "9", "push")
    (artifacts / "Pusher" / "pushed_model" / "10").mkdir()  # as the Pusher leaves it where nothing is pushed
    for number, text, report in (("9", "page", "report"), ("10", "egap", "report"), ("11", "page", "other")):
        (artifacts / "Review" / "page" / number).mkdir(parents=True)
        (artifacts / "Review" / "page" / number / "review.html").write_text(text)
        (artifacts / "Review" / "page" / number / "tfma.html").write_text(report)
    (world.root / "runs" / "push" / "review.html").write_text("page")
    (world.root / "runs" / "push" / "tfma.html").write_text("report")
    done = prune(world.root, RetentionSettings(runs=None), NOW)
    assert {one.path for one in done.removals} == {
        "artifacts/BaselineReader/baseline/9/Format-Serving",
        "artifacts/Pusher/pushed_model/9",
        "artifacts/Review/page/9",
    }
    assert {"baseline/9", "pushed_model/10", "page/10", "page/11"} <= world.there()


def test_a_page_in_the_artifacts_goes_where_only_the_links_of_its_copy_are_others(world: PrunableRoot) -> None:
    page = '<nav class="trail" aria-label="Runs">{}</nav><p>{}</p>'
    for number, text in (("9", "page"), ("10", "another page")):
        directory = world.root / "artifacts" / "Review" / "page" / number
        directory.mkdir(parents=True)
        (directory / "review.html").write_text(page.format("", text))
    (world.root / "runs" / "push" / "review.html").write_text(page.format("<a>next</a>", "page"))
    done = prune(world.root, RetentionSettings(runs=None), NOW)
    assert {one.path for one in done.removals} == {"artifacts/Review/page/9"}


def test_the_index_follows_a_pruning_and_half_written_ones_go(world: PrunableRoot) -> None:
    (world.root / "runs" / "push" / "review.html").write_text("page")
    left = world.root / "runs" / f"index.html.99999999{WRITING}"
    left.touch()
    os.utime(left, (0, 0))
    prune(world.root, NARROW, NOW)
    index = (world.root / "runs" / "index.html").read_text()
    assert 'href="push/review.html"' not in index  # its page went
    assert all(f'data-run="{run}"' in index for run in ("boot", "push", "no"))
    assert not left.exists()


def room_bytes(root: Path) -> int:
    """What artifacts and served models take on the disk."""
    paths = [path for part in ("artifacts", "serving") for path in (root / part).rglob("*")]
    return sum({path.lstat().st_ino: path.lstat().st_blocks * 512 for path in paths}.values())


def test_the_room_that_is_told_is_the_room_that_is_there_afterwards(world: PrunableRoot) -> None:
    copy = world.root / "artifacts" / "DetectorTrainer" / "model" / "2" / "Format-Serving"
    shared = world.root / "artifacts" / "DetectorTrainer" / "model" / "1" / "again"
    os.link(copy / "saved_model.pb", shared)  # a second name: this one gives nothing back
    for run_id in ("old-no", "boot"):
        context = world.store.get_context_by_type_and_name("pipeline_run", run_id)
        [golden] = world.store.get_artifacts_by_uri(f"{world.root}/artifacts/MapEvaluator/evaluation/2")
        assert context is not None
        used = mlmd.Attribution(artifact_id=golden.id, context_id=context.id)
        world.store.put_attributions_and_associations([used], [])
    pushed = world.root / "artifacts" / "Pusher" / "pushed_model" / "2"
    model_files(pushed, "old-no")
    world.attribute(pushed, "PushedModel", "old-no")
    before = room_bytes(world.root)
    told = prune(world.root, NARROW, NOW).size_bytes
    assert before - room_bytes(world.root) == told > 0


class Killed(BaseException):
    pass


class DyingStore:
    """Stands for ML Metadata in a process that dies before it can write to it."""

    def __init__(self, root: Path) -> None:
        self.of_run = RunArtifactStore(root).of_run

    def mark_deleted(self, paths: list[str]) -> None:
        raise Killed


def planned(world: PrunableRoot) -> tuple[Plan, DyingStore]:
    store = DyingStore(world.root)
    return plan(survey(world.root, world.root), NARROW, NOW.timestamp(), store.of_run), store


@pytest.mark.parametrize("deleted", range(6))
def test_after_a_kill_at_any_deletion_the_same_command_finishes(world: PrunableRoot, deleted: int) -> None:
    made, store = planned(world)
    assert len(made.removals) >= 5
    with pytest.raises(Killed):
        carry_out(world.root, dataclasses.replace(made, removals=made.removals[:deleted]), store, NOW)
    assert world.there() >= LEFT
    prune(world.root, NARROW, NOW)
    assert (world.there(), world.live()) == (LEFT, LEFT)
    assert prune(world.root, NARROW, NOW).removals == ()


def test_after_a_kill_between_renaming_and_deleting_the_same_command_finishes(world: PrunableRoot) -> None:
    made, store = planned(world)
    with pytest.raises(Killed):
        carry_out(world.root, dataclasses.replace(made, removals=()), store, NOW)
    for removal in made.removals:
        path = world.root / removal.path
        path.rename(path.with_name(f".pruned-{path.name}"))
    prune(world.root, NARROW, NOW)
    assert (world.there(), world.live()) == (LEFT, LEFT)
    assert list(world.root.rglob(".pruned-*")) == []


def test_a_run_that_nobody_resumes_is_marked_before_anything_of_it_is_deleted(world: PrunableRoot) -> None:
    world.unfinished("killed")
    world.finished("last", Verdict.BLOCKED)
    made, store = planned(world)
    assert not is_pruned(world.root, "killed")
    with pytest.raises(Killed):
        carry_out(world.root, dataclasses.replace(made, removals=()), store, NOW)
    assert is_pruned(world.root, "killed")
    prune(world.root, NARROW, NOW)
    assert "examples/killed" not in world.there()
    assert read_left(world.root, "killed") == ()


def test_an_unfinished_newest_run_loses_nothing(world: PrunableRoot) -> None:
    world.unfinished("killed")
    prune(world.root, NARROW, NOW)
    assert "examples/killed" in world.there() & world.live()
    assert not is_pruned(world.root, "killed")


def test_what_lies_outside_of_the_root_is_never_deleted(world: PrunableRoot, tmp_path: Path) -> None:
    outside = tmp_path / "elsewhere" / "7"
    outside.mkdir(parents=True)
    artifact = world.store.get_artifacts_by_uri(f"{world.root}/artifacts/DetectorTrainer/model/2")[0]
    artifact.uri = str(outside)
    world.store.put_artifacts([artifact])
    prune(world.root, NARROW, NOW)
    assert outside.is_dir()


def test_what_cannot_be_deleted_is_named_and_found_again(world: PrunableRoot, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(source: Path, target: Path) -> None:
        raise PermissionError(13, "Permission denied")

    with monkeypatch.context() as patched:
        patched.setattr(os, "rename", refuse)
        failures = prune(world.root, NARROW, NOW).failures
    assert len(failures) >= 5
    assert "artifacts/DetectorTrainer/model/2: cannot be deleted (Permission denied)" in " ".join(failures)
    assert "model/2" in world.there() & world.live()
    prune(world.root, NARROW, NOW)
    assert (world.there(), world.live()) == (LEFT, LEFT)


def test_at_the_end_of_a_run_an_error_is_only_told(world: PrunableRoot, caplog: pytest.LogCaptureFixture) -> None:
    (world.root / "metadata.sqlite").rename(world.root / "lost")
    [failure] = apply_retention(world.root, NARROW, NOW).failures
    assert "metadata.sqlite: ML Metadata is lost" in failure
    assert failure in caplog.text


def test_at_the_end_of_a_run_the_lock_is_held_already(world: PrunableRoot) -> None:
    with hold(world.root / "lock", "retraining"):
        apply_retention(world.root, NARROW, NOW)
    assert world.there() == LEFT


def test_the_table_has_numbers_room_and_why_the_rest_stays(world: PrunableRoot) -> None:
    lines = prune(world.root, NARROW, NOW).to_text().splitlines()
    assert lines[0].split() == ["deleted", "number", "room"]
    assert lines[1].startswith("artifacts of old runs ")
    assert lines[1].split()[4] == "5"
    assert "  2  version 300, which is served, was trained on it: replay reads it" in " ".join(lines)
    assert prune(world.root, NARROW, NOW).to_text().splitlines()[0] == "Nothing to prune."


def test_the_command_takes_the_settings_and_prints_json(world: PrunableRoot, capsys: pytest.CaptureFixture) -> None:
    for number, result in enumerate(
        sorted(world.root.glob("runs/*/result.json"), key=lambda path: path.stat().st_mtime)
    ):
        os.utime(result, (number, number))  # long ago, whatever the clock says
    given = ["prune", "--root", str(world.root), "--set", "retention.runs=1", "--set", "retention.days=1", "--json"]
    assert main([*given, "--dry-run"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert main(given) == 0
    done = json.loads(capsys.readouterr().out)
    assert said["removed"] == done["removed"]
    assert (said["dry_run"], done["dry_run"]) == (True, False)
    one = next(entry for entry in done["removed"] if entry["path"] == "artifacts/DetectorTrainer/model/2")
    assert (one["kind"], one["reason"]) == ("artifacts", "of run old-no")
    assert done["bytes"] == sum(entry["bytes"] for entry in done["removed"]) > 0
    assert {
        "path": "artifacts/DetectorTrainer/model/1",
        "reason": "the archived model of version 100, which can be rolled back to",
    } in done["kept"]
