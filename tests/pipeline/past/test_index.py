from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from ratchet.components.pages.document import Page, document
from ratchet.components.pages.trail import trail
from ratchet.pipeline.past import index as index_module
from ratchet.pipeline.past.index import index_content, write_index
from ratchet.pipeline.past.links import link_pages
from ratchet.pipeline.past.shown import show_runs
from ratchet.schemas.artifacts.decisions import Reason, Verdict
from ratchet.schemas.base.errors import StateError
from tests.builders import cause, recorded_decision
from tests.pipeline.roots import add_run, add_unfinished, approval, registry_in, rollback, serve

NOW = "2030-02-01T00:00:00+00:00"
RUNS = ("span-1-ff-1", "span-2-bb-1", "span-3-cc-1")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A first model, a push, and a block on another golden set that a person approved, then a run that is not over."""
    nothing: dict[str, Any] = {"baseline_map": None, "delta": None, "delta_ci": None}
    add_run(tmp_path, RUNS[0], Verdict.BOOTSTRAPPED, 1, map=0.5, pushed_version="100", **nothing)
    add_run(tmp_path, RUNS[1], Verdict.PUSHED, 2, pushed_version="200")
    add_run(
        tmp_path, RUNS[2], Verdict.BLOCKED, 3, map=0.4, delta=-0.2, delta_ci=(-0.3, -0.1), cause=cause(), page=False
    )
    add_unfinished(tmp_path, "span-4-dd-1", 4)
    registry = registry_in(tmp_path)
    for day, (run, golden) in enumerate(zip(RUNS, ("old", "old", "new")), start=1):
        made = recorded_decision(run_id=run, golden_digest=golden, decided_at=f"2030-01-{day:02}T12:00:00+00:00")
        registry.record_decision(run, made)
    serve(tmp_path, "100", RUNS[0], 1, map=0.5, golden_digest="old", verdict="BOOTSTRAPPED")
    serve(tmp_path, "200", RUNS[1], 2, golden_digest="old")
    registry.log(approval())
    serve(tmp_path, "300", RUNS[2], 3, map=0.4, golden_digest="new", verdict="APPROVED")
    return tmp_path


def pages(root: Path) -> list[Path]:
    """Pages with a place for links, of the runs that are over."""
    made = [root / "runs" / run / "review.html" for run in RUNS]
    for page in made:
        page.write_text(document(Page(page.parent.name, "pass", trail(), [], trail=trail())))
    return made


def links(page: Path) -> dict[str, str]:
    head = page.read_text().partition("</nav>")[0].partition('<nav class="trail"')[2]
    parts = [part.partition(">")[0] for part in head.split("<a ")[1:]]
    named = [part.replace('rel="', "").replace('href="', "").replace('"', "").split() for part in parts]
    return {words[0] if len(words) == 2 else "all": words[-1] for words in named}


def test_every_run_is_a_row_newest_first_with_its_golden_set_and_who_approved_it(root: Path) -> None:
    content = index_content(root, NOW)
    assert [(row.run_id, row.verdict, row.golden, row.version) for row in content.rows] == [
        ("span-4-dd-1", "unfinished", None, None),
        (RUNS[2], "BLOCKED", 2, None),
        (RUNS[1], "PUSHED", 1, "200"),
        (RUNS[0], "BOOTSTRAPPED", 1, "100"),
    ]
    blocked = content.rows[1]
    assert (blocked.map, blocked.delta, blocked.interval, blocked.page) == (0.4, -0.2, (-0.3, -0.1), None)
    assert (blocked.why, blocked.cause) == ("mAP fell below the served model's", "annotation")
    assert blocked.cause_words == "the new span is labelled in another way: loose boxes"
    [act] = blocked.acts
    assert (act.what, act.reason) == ("approved by moss until 2030-02-28 as version 300", "the new camera is worth it")
    assert content.rows[2].page == "span-2-bb-1/review.html"


def test_what_came_into_service_has_its_figure_its_golden_set_and_how(root: Path) -> None:
    content = index_content(root, NOW)
    came = [(entry.version, entry.map, entry.golden, entry.how) for entry in content.served]
    assert came == [("100", 0.5, 1, "BOOTSTRAPPED"), ("200", 0.6, 1, "PUSHED"), ("300", 0.4, 2, "APPROVED")]
    assert content.serving == content.served[-1]
    assert "moss approved it until 2030-02-28" in content.serving_words
    assert any("look 1 of 100" in note for note in content.notes)


def test_a_rollback_is_told_beside_the_run_whose_model_is_served_again(root: Path) -> None:
    registry_in(root).log(rollback())
    serve(root, "400", RUNS[1], 4, golden_digest="old", restores="200")
    content = index_content(root, NOW)
    assert content.rows[2].acts[0].what == "served again as version 400 by the rollback of reed"
    assert content.served[-1].how == "ROLLED_BACK"
    assert content.serving_words == "reed rolled back to version 200 (false alarms)"


def test_a_registry_that_cannot_be_read_hides_no_run(root: Path) -> None:
    (root / "registry" / "served.json").write_text("{")
    content = index_content(root, NOW)
    assert len(content.rows) == 4
    assert "served.json" in content.problem
    assert content.serving is None


def test_figures_and_times_that_make_no_sense_are_left_out(root: Path) -> None:
    file = root / "runs" / RUNS[1] / "result.json"
    values = json.loads(file.read_text()) | {"ended_at": "yesterday", "map": float("nan"), "delta": float("inf")}
    file.write_text(json.dumps(values))
    [row] = [row for row in index_content(root, NOW).rows if row.run_id == RUNS[1]]
    assert (row.map, row.delta) == (None, None)
    assert row.at[:2] == "20"
    assert RUNS[1] in write_index(root).read_text()


def test_a_noisy_block_is_called_what_it_is(root: Path) -> None:
    drop = Reason("map_drop", "at least", "less")
    add_run(root, "span-5-ee-1", Verdict.BLOCKED, 5, delta=-0.001, delta_ci=(-0.02, 0.02), reasons=(drop,))
    assert index_content(root, NOW).rows[0].why == "No measurable difference of mAP"


def test_names_of_directories_are_escaped_in_addresses(root: Path) -> None:
    add_run(root, 'a "#?%', Verdict.PUSHED, 6)
    assert index_content(root, NOW).rows[0].page == "a%20%22%23%3F%25/review.html"
    assert 'href="a%20%22%23%3F%25/review.html"' in write_index(root).read_text()


def test_each_page_leads_to_the_runs_before_and_after_it(root: Path) -> None:
    first, second, third = pages(root)
    link_pages(root)
    assert links(first) == {"all": "../index.html", "next": f"../{RUNS[1]}/review.html"}
    assert links(second) == {
        "prev": f"../{RUNS[0]}/review.html",
        "all": "../index.html",
        "next": f"../{RUNS[2]}/review.html",
    }
    assert links(third) == {"prev": f"../{RUNS[1]}/review.html", "all": "../index.html"}
    assert all((page.parent / href).resolve().is_file() for page in (first, second) for href in links(page).values()
               if "index" not in href)  # fmt: skip


def test_a_page_that_has_its_links_or_no_place_for_them_is_not_written_again(root: Path) -> None:
    first, second, third = pages(root)
    third.write_text("<p>of an older version</p>")
    link_pages(root)
    before = [os.stat(page).st_mtime_ns for page in (first, second, third)]
    link_pages(root)
    assert [os.stat(page).st_mtime_ns for page in (first, second, third)] == before
    assert third.read_text() == "<p>of an older version</p>"


def test_a_page_that_a_pruning_took_is_linked_no_more(root: Path) -> None:
    first, second, _ = pages(root)
    link_pages(root)
    first.unlink()
    link_pages(root)
    assert "prev" not in links(second)


def test_links_and_index_hold_where_the_root_was_moved(root: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    pages(root)
    show_runs(root)
    moved = tmp_path_factory.mktemp("elsewhere") / "root"
    root.rename(moved)
    for page in (moved / "runs" / run / "review.html" for run in RUNS):
        assert all((page.parent / href).resolve().is_file() for href in links(page).values())


@pytest.mark.parametrize("trouble", [OSError(28, "No space left on device"), StateError("torn"), KeyError("x")])
def test_whatever_fails_is_told_and_raises_nothing(
    root: Path, trouble: Exception, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def failing(_: object) -> str:
        raise trouble

    monkeypatch.setattr(index_module, "index_page", failing)
    show_runs(root)
    assert "the index of runs could not be brought up to date" in caplog.text
    assert not (root / "runs" / "index.html").exists()
    assert [path.name for path in (root / "runs").iterdir() if path.is_file()] == ["index.json"]


def test_a_directory_without_runs_gets_no_index(tmp_path: Path) -> None:
    show_runs(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_an_index_in_the_way_of_which_is_a_directory_is_told(root: Path, caplog: pytest.LogCaptureFixture) -> None:
    (root / "runs" / "index.html").mkdir()
    show_runs(root)
    assert "could not be brought up to date" in caplog.text
