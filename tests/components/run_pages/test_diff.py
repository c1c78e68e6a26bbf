"""Two runs beside each other: what is computed, and the page."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe

from ratchet.components.run_pages.diff_content import Pair, RunDiff, RunSide, to_json
from ratchet.components.run_pages.diff_page import diff_page
from ratchet.pipeline.past.diff_text import diff_text
from ratchet.schemas.artifacts.decisions import Reason, Verdict
from ratchet.schemas.artifacts.diagnosis import CauseState
from ratchet.schemas.artifacts.run_result import RunResult
from ratchet.schemas.data.facts import DataSetFacts
from tests.builders import cause, dataset_info
from tests.components.browsing import Opener
from tests.components.review.content import data_set, delta, diagnosis, finding

ATTACK = '"\'></h1><script>document.title="owned"</script><img src=x onerror="document.title=\'owned\'">'


def result(run_id: str, verdict: Verdict, **fields: Any) -> RunResult:
    whole: dict[str, Any] = {
        "reasons": (Reason("map_drop", "at least 0.7000", "0.5000 (-0.2000)", passed=verdict.pushes),),
        "map": 0.7,
        "baseline_map": 0.6,
        "delta": 0.1,
        "delta_ci": (0.05, 0.15),
        "model": "m",
        "pushed_version": "200" if verdict.pushes else None,
        "report": "r",
        "run_id": run_id,
        "span": 2,
        "seconds": {},
        "ended_at": "2030-01-02T12:00:00+00:00",
    }
    return RunResult(verdict=verdict, **whole | fields)


def two_runs(**fields: Any) -> RunDiff:
    """A push, and a block on the next span with another rate and loose boxes, on the same golden set."""
    first = RunSide(
        "span-2-aa-1",
        result("span-2-aa-1", Verdict.PUSHED),
        golden_digest="golden",
        data=dataset_info(facts=DataSetFacts(images=600, objects=900, sizes={"64x48": 600}, most_objects=3)),
        diagnosis=diagnosis(findings=(finding(CauseState.REFUTED, detail=""),)),
        settings={"training": {"retrain": {"rate": 0.1}}, "augmentation": "none-v1"},
        page="span-2-aa-1/review.html",
    )
    second = RunSide(
        "span-3-bb-1",
        result("span-3-bb-1", Verdict.BLOCKED, map=0.5, baseline_map=0.7, delta=-0.2, delta_ci=(-0.22, -0.18),
               span=3, cause=cause()),
        golden_digest="golden",
        data=dataset_info(span=3, digest="other", facts=DataSetFacts(images=50, objects=90, sizes={"64x48": 50})),
        diagnosis=diagnosis(findings=(finding(CauseState.SUPPORTED),)),
        settings={"training": {"retrain": {"rate": 0.4}}, "augmentation": "none-v1"},
    )  # fmt: skip
    whole: dict[str, Any] = {
        "first": first,
        "second": second,
        "measured": data_set(),
        "records": (Pair("peak learning rate", "0.001", "0.004"), Pair("batch size", "16", "16")),
    }
    return RunDiff(**whole | fields)


def apart(pairs: list[Pair]) -> dict[str, tuple[str, str]]:
    return {pair.name: (pair.first, pair.second) for pair in pairs if pair.differs}


def test_settings_data_rules_and_causes_that_differ_are_found() -> None:
    diff = two_runs()
    assert apart(diff.settings()) == {"training.retrain.rate": ("0.1", "0.4")}
    assert apart(diff.data())["span and version"] == ("2, 1", "3, 1")
    assert apart(diff.data())["counted: objects"][1].startswith("90;")
    assert apart(diff.rules()) == {"mAP drop": ("passed: 0.5000 (-0.2000)", "failed: 0.5000 (-0.2000)")}
    [(name, states)] = apart(diff.causes()).items()
    assert name == "the new span is labelled in another way"
    assert states == ("refuted", "supported (loose boxes), 0.88")


def test_classes_and_slices_come_with_the_largest_fall_first_and_say_whether_it_is_one() -> None:
    measured = data_set()
    assert measured.deltas
    unclear = dataclasses.replace(measured.deltas, per_class={**measured.deltas.per_class, "cat": delta(-0.01, 0.05)})
    moved = two_runs(measured=dataclasses.replace(measured, deltas=unclear)).moved()
    assert [(each.name, each.kind, each.is_clear) for each in moved] == [
        ("dog", "class", True),
        ("object_size=small", "slice", True),
        ("cat", "class", False),
    ]
    assert moved[0].delta.value == pytest.approx(-0.25)


def test_the_json_holds_what_differs_and_nothing_that_is_alike() -> None:
    values = json.loads(json.dumps(to_json(two_runs())))
    assert values["runs"] == ["span-2-aa-1", "span-3-bb-1"]
    assert values["delta"]["value"] == pytest.approx(-0.2)
    assert values["training"] == [{"name": "peak learning rate", "first": "0.001", "second": "0.004"}]
    assert [each["name"] for each in values["moved"]] == ["dog", "object_size=small", "cat"]
    assert values["not_compared_because"] is None


def test_runs_that_cannot_be_compared_say_why_and_show_the_rest() -> None:
    why = "The two candidates were measured on different golden sets: their mAP cannot be compared."
    diff = two_runs(measured=None, why_not=why)
    assert to_json(diff)["delta"] is None
    assert why in diff_text(diff)
    assert "training.retrain.rate" in diff_text(diff)
    assert why in diff_page(diff)


@pytest.mark.parametrize("width", [40, 100, None])
def test_the_text_is_made_for_any_terminal(width: int | None) -> None:
    text = diff_text(two_runs(), width)
    assert "mAP on one golden set: -0.2000 [-0.2200, -0.1800]" in text
    assert "peak learning" in text
    assert "batch size" not in text
    assert text.isascii()


def test_names_of_others_do_nothing_in_a_terminal() -> None:
    first = dataclasses.replace(two_runs().first, settings={"a\x1b[2J": {"b": "\u202e1"}}, missing=("gone \x1b[2J",))
    text = diff_text(two_runs(first=first))
    assert "\x1b" not in text
    assert "\u202e" not in text


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_the_page_is_accessible_and_stays_within_its_edges(open_page: Opener, width: int, scheme: str) -> None:
    opened = open_page(diff_page(two_runs()), width, scheme)
    opened.unfold()
    assert [entry["id"] for entry in Axe().run(opened.page).response["violations"]] == []
    assert opened.faults() == []
    assert opened.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert "\u22120.2000 mAP, from 0.7000 to 0.5000" in " ".join(opened.page.locator("header").inner_text().split())
    assert opened.page.locator("header a[href='span-2-aa-1/review.html']").count() == 1


def test_attack_strings_stay_text(open_page: Opener) -> None:
    hostile = dataclasses.replace(
        two_runs().first, run_id=ATTACK, settings={ATTACK: ATTACK}, page=ATTACK, missing=(ATTACK,)
    )
    opened = open_page(diff_page(two_runs(first=hostile, why_not=ATTACK, records=(Pair(ATTACK, ATTACK, "b"),))))
    assert not str(opened.page.evaluate("document.title")).startswith("owned")
    assert opened.page.locator("img").count() == 0
    assert opened.faults() == []
