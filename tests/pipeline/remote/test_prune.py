"""`prune` on a root in Cloud Storage takes and leaves what it takes and leaves on this machine."""

# pyright: reportAttributeAccessIssue=false
# (protobuf's classes are made when their module is imported)

from __future__ import annotations

import datetime
import json
from collections.abc import Callable
from pathlib import Path

import pytest

pytest.importorskip("ml_metadata")

from ratchet.components.object_store import objects
from ratchet.pipeline.retention.prune import prune
from ratchet.pipeline.root.holding import hold_root, with_ml_metadata
from ratchet.pipeline.root.ml_metadata import open_store, relocate
from ratchet.pipeline.root.working_copy import WorkingCopy
from ratchet.schemas.artifacts.decisions import Verdict
from tests.gcs.fixtures import Bucket
from tests.pipeline.remote.conftest import Twins
from tests.pipeline.retention.test_prune import NARROW, NOW, PrunableRoot

Make = Callable[[Path], Twins]


@pytest.fixture
def world(tmp_path: Path) -> PrunableRoot:
    made = PrunableRoot(tmp_path / "root")
    made.finished("a", Verdict.BOOTSTRAPPED)
    made.finished("b", Verdict.BLOCKED)
    made.finished("c", Verdict.PUSHED, ("a",))
    made.finished("d", Verdict.BLOCKED)
    made.finished("e", Verdict.BLOCKED)
    for file in made.root.glob("runs/*/result.json"):  # an object was written when it was uploaded
        ended = datetime.datetime.fromtimestamp(file.stat().st_mtime, datetime.timezone.utc)
        file.write_text(json.dumps({**json.loads(file.read_text()), "ended_at": ended.isoformat()}))
    return made


def at(uri: str, recorded: Path) -> Path:
    """The working copy, whose ML Metadata knows that the root lies in the bucket now."""
    copy = WorkingCopy.of(uri)
    with hold_root(copy.directory, "moving"):
        relocate(copy.directory, str(recorded.resolve()))
    return copy.directory


def there(uri: str) -> set[str]:
    names = [one.name.split("/") for one in objects.list_below(f"{uri}/artifacts")]
    return {"/".join(parts[1:3]) for parts in names}


def test_the_same_goes_and_the_same_stays(world: PrunableRoot, twins: Make) -> None:
    both = twins(world.root)
    root = at(both.uri, world.root)
    planned = prune(world.root, NARROW, NOW, dry_run=True), prune(root, NARROW, NOW, dry_run=True)
    assert {one.path for one in planned[1].removals} == {one.path for one in planned[0].removals}
    assert [one.reason for one in planned[1].kept] == [one.reason for one in planned[0].kept]
    assert there(both.uri) >= {"examples/b", "examples/a"}
    local, remote = prune(world.root, NARROW, NOW), prune(root, NARROW, NOW)
    assert remote.removals
    assert (remote.failures, {one.path for one in remote.removals}) == ((), {one.path for one in local.removals})
    assert there(both.uri) == world.there()
    assert "examples/b" not in there(both.uri)
    assert {"examples/a", "examples/c"} <= there(both.uri)  # of the served model's lineage: replay reads them
    assert prune(root, NARROW, NOW).removals == ()
    with_ml_metadata(root)
    live = {one.uri for one in open_store(root).get_artifacts() if one.state == 2 and "/examples/" in one.uri}
    assert live == {f"{both.uri}/artifacts/DetectionExampleGen/examples/{name}" for name in ("a", "c", "e")}


def test_pages_and_notes_of_old_runs_go_there_too(world: PrunableRoot, twins: Make) -> None:
    for name in "abcde":
        (world.root / "runs" / name / "review.html").write_text(f"page of {name}")
        (world.root / "runs" / name / "tfma.html").write_text(f"report of {name}")
    both = twins(world.root)
    prune(at(both.uri, world.root), NARROW, NOW)
    names = {one.name for one in objects.list_below(f"{both.uri}/runs")}
    assert not {"b/review.html", "b/tfma.html"} & names
    assert {"e/review.html", "e/tfma.html", "b/pruned.json", "b/result.json"} <= names


def test_nothing_is_deleted_before_it_is_noted_that_it_may_be(world: PrunableRoot, twins: Make, gcs: Bucket) -> None:
    both = twins(world.root)
    root = at(both.uri, world.root)
    gcs.forget()
    prune(root, NARROW, NOW)
    deleted = min(one.began for one in gcs.requests if one.kind == "delete" and "/artifacts/" in one.name)
    noted = [one.ended for one in gcs.requests if one.kind == "write" and one.name.endswith("b/pruned.json")]
    assert min(noted) < deleted


def test_a_root_whose_jobs_keep_ml_metadata_elsewhere_keeps_its_artifacts(
    world: PrunableRoot, twins: Make, caplog: pytest.LogCaptureFixture
) -> None:
    both = twins(world.root)
    objects.delete(f"{both.uri}/metadata.sqlite")
    for one in objects.list_below(f"{both.uri}/artifacts"):
        objects.copy(one.uri, f"{both.uri}/artifacts/123/job-1/{one.name.replace('/', '_')}")
    objects.delete_below(f"{both.uri}/artifacts/DetectionExampleGen")
    objects.delete_below(f"{both.uri}/artifacts/DetectorTrainer")
    objects.delete_below(f"{both.uri}/artifacts/MapEvaluator")
    before = there(both.uri)
    copy = WorkingCopy.of(both.uri)
    copy.refresh()
    assert prune(copy.directory, NARROW, NOW).failures == ()
    assert there(both.uri) == before
    assert "has no ML Metadata, as its jobs keep theirs elsewhere" in caplog.text


def test_the_command_says_what_it_says_here(world: PrunableRoot, twins: Make) -> None:
    local, remote = twins(world.root).ask("prune", "--dry-run")
    assert remote[0] == local[0] == 0
