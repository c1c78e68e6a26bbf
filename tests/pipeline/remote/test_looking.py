"""`status`, `history` and `review` say of a root in Cloud Storage what they say of the same root on this machine."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from ratchet.components.object_store import objects
from ratchet.components.object_store.client import client
from ratchet.schemas.artifacts.decisions import Verdict
from tests.gcs.fixtures import Bucket
from tests.pipeline.remote.conftest import Twins
from tests.pipeline.roots import add_run, add_unfinished, approval, registry_in, serve

Make = Callable[[Path], Twins]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    there = tmp_path / "root"
    add_run(there, "span-1-aa-1", Verdict.BOOTSTRAPPED, 1)
    serve(there, "100", "span-1-aa-1", 1)
    add_run(there, "span-2-bb-1", Verdict.PUSHED, 2)
    serve(there, "200", "span-2-bb-1", 2)
    add_run(there, "span-3-cc-1", Verdict.BLOCKED, 3)
    return there


@pytest.mark.parametrize("options", [[], ["--json"]])
@pytest.mark.parametrize("command", ["status", "history"])
def test_the_same_words_and_exit_codes(root: Path, twins: Make, command: str, options: list[str]) -> None:
    code, out, _ = twins(root).agree(command, *options)
    assert code == 0
    assert "span-3-cc-1" in out
    assert "cache" not in out


def test_a_run_that_did_not_end_is_named_with_its_log(root: Path, twins: Make) -> None:
    add_unfinished(root, "span-4-dd-1", 4)
    both = twins(root)
    code, out, _ = both.of(both.uri, "history")
    assert code == 0
    assert "see ROOT/runs/span-4-dd-1/log.txt" in out


def test_a_contradiction_is_exit_code_2(root: Path, twins: Make) -> None:
    (root / "serving" / "digits" / "300").mkdir()
    (root / "serving" / "digits" / "300" / "saved_model.pb").write_text("foreign")
    code, out, _ = twins(root).agree("status")
    assert code == 2
    assert "UNKNOWN: the registry contradicts what is served" in out


def test_no_root_is_named_by_its_uri(twins: Make, gcs: Bucket, root: Path) -> None:
    both = twins(root)
    for command in ("status", "history", "review", "doctor", "prune"):
        code, _, err = both.of(gcs.uri("nothing/here"), command)
        assert code == 2, command
        assert err.startswith("ratchet: --root ROOT: no"), command
        assert err.count("\n") == 1
    objects.write(gcs.uri("other/notes.txt"), b"")
    assert "no such directory" in both.of(gcs.uri("other"), "status")[2]


def test_no_bucket_is_one_sentence(twins: Make, root: Path) -> None:
    code, _, err = twins(root).of("gs://no-such-bucket-here/root", "status")
    assert code == 2
    assert "there is no such bucket" in err
    assert err.count("\n") == 1


def test_the_page_is_fetched_when_it_is_asked_for(root: Path, twins: Make, cache: Path) -> None:
    (root / "runs" / "span-3-cc-1" / "review.html").write_text("<!doctype html>the page")
    (root / "runs" / "span-3-cc-1" / "tfma.html").write_text("<!doctype html>the report")
    both = twins(root)
    assert both.of(both.uri, "history")[0] == 0
    [copy] = cache.glob("*/runs/span-3-cc-1/review.html")
    assert (copy.read_text(), copy.with_name("tfma.html").read_text()) == ("", "")
    code, out, _ = both.of(both.uri, "review", "span-3")
    assert (code, out) == (0, f"{copy}\n")
    assert copy.read_text() == "<!doctype html>the page"
    assert copy.with_name("tfma.html").read_text() == "<!doctype html>the report"  # the page links it
    values = json.loads(both.of(both.uri, "review", "--json")[1])
    assert values["page"] == "ROOT/runs/span-3-cc-1/review.html"
    assert values["copy"] == str(copy)


def test_what_has_changed_is_seen_and_what_has_not_is_not_read_again(root: Path, twins: Make, gcs: Bucket) -> None:
    both = twins(root)
    both.of(both.uri, "history")
    gcs.forget()
    both.of(both.uri, "history")
    assert [one.name for one in gcs.requests if one.kind == "read" and "/runs/" in one.name] == []
    add_run(root, "span-5-ee-1", Verdict.BLOCKED, 5)
    for name in ("result.json", "review.html", "log.txt"):
        content = (root / "runs" / "span-5-ee-1" / name).read_bytes()
        objects.write(f"{both.uri}/runs/span-5-ee-1/{name}", content)
    objects.delete_below(f"{both.uri}/runs/span-3-cc-1")
    out = both.of(both.uri, "history")[1]
    assert "span-5-ee-1" in out
    assert "span-3-cc-1" not in out


def test_the_working_copy_may_be_deleted(root: Path, twins: Make, cache: Path) -> None:
    both = twins(root)
    before = both.of(both.uri, "history")
    shutil.rmtree(cache)
    assert both.of(both.uri, "history") == before


def test_names_of_objects_do_not_lead_out_of_the_working_copy(root: Path, twins: Make, cache: Path) -> None:
    both = twins(root)
    for name in ("runs/../../escaped.json", "runs/a/../../../escaped.json", "runs/../escaped.json", "runs//x.json"):
        write_raw(f"{both.uri}/{name}", b"{}")
    assert both.of(both.uri, "history")[0] == 0
    assert not list(cache.parent.parent.rglob("escaped.json"))


def write_raw(uri: str, data: bytes) -> None:
    """An object of any name, also of one that the product does not take."""
    bucket, _, name = uri.removeprefix("gs://").partition("/")
    client().bucket(bucket).blob(name).upload_from_string(data)


def test_a_status_of_a_year_of_runs_reads_in_a_pool(root: Path, twins: Make, gcs: Bucket) -> None:
    for day in range(60):
        add_run(root, f"span-9-{day:03}-1", Verdict.BLOCKED, 1 + day % 28)
    both = twins(root)
    gcs.forget()
    gcs.server.latency_s = 0.02
    both.of(both.uri, "status")
    reads = [one for one in gcs.requests if one.kind == "read"]
    others = [one for one in gcs.requests if one.kind != "read"]
    assert len(reads) > 60
    assert len(others) < 40
    at_once = max(sum(two.began <= one.began < two.ended for two in reads) for one in reads)
    assert at_once > 8


def test_an_approval_and_what_it_was_logged_with(root: Path, twins: Make) -> None:
    registry_in(root).log(approval(version="200"))
    _, out, _ = twins(root).agree("history")
    assert "the new camera is worth it" in out


def test_the_index_lies_beside_the_runs_there_and_leads_to_pages_that_a_browser_can_open(
    root: Path, twins: Make, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("webbrowser.open", lambda _: True)
    both = twins(root)
    code, _, _ = both.of(both.uri, "history", "--open")
    assert code == 0
    there = objects.read(f"{both.uri}/runs/index.html")
    assert there is not None
    assert 'href="span-3-cc-1/review.html"' in there.data.decode()
    [here] = cache.glob("*/runs/index.html")
    bucket = both.uri.removeprefix("gs://")
    assert f'href="https://storage.cloud.google.com/{bucket}/runs/span-3-cc-1/review.html"' in here.read_text()
    code, out, _ = both.of(both.uri, "history")
    assert code == 0
    assert "index.html" not in out


def test_two_runs_are_compared_there_as_here(root: Path, twins: Make) -> None:
    code, out, _ = twins(root).agree("diff", "span-1", "span-3")
    assert code == 0
    assert "BOOTSTRAPPED" in out
