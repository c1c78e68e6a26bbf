"""The index of runs, as text and in a real browser."""

from __future__ import annotations

import re
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from ratchet.components.run_pages.index_page import MOST_ROWS, OPEN_ROWS, index_page
from tests.components.browsing import Opener, OpenPage
from tests.components.run_pages.content import index, row

ATTACK = (
    "\"'></title></style></svg></code></script><script>document.title='owned'</script>"
    "<img src=x onerror=\"document.title='owned'\"><svg onload=\"document.title='owned'\">{{ 7*7 }}"
)


def violations(opened: OpenPage) -> list[str]:
    found = Axe().run(opened.page).response["violations"]
    return [f"{entry['id']}: {node['html'][:200]}" for entry in found for node in entry["nodes"]]


@pytest.fixture
def fresh(open_page: Opener) -> OpenPage:
    return open_page(index_page(index()))


def shown(opened: OpenPage) -> list[str]:
    rows = opened.page.locator("table.runs tbody tr:visible")
    return [str(name) for name in rows.evaluate_all("rows => rows.map(row => row.dataset.run)")]


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark"), (1920, "light")])
def test_the_page_is_accessible_loads_nothing_and_stays_within_its_edges(
    open_page: Opener, width: int, scheme: str
) -> None:
    opened = open_page(index_page(index()), width, scheme)
    opened.unfold()
    assert violations(opened) == []
    assert opened.faults() == []
    assert opened.page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_a_row_has_figures_cause_link_and_who_answers_for_it(open_page: Opener) -> None:
    opened = open_page(index_page(index()), scripts=False)
    first = opened.page.locator("table.runs tbody tr").first
    expect(first.locator("a")).to_have_attribute("href", "span-31-0123abcd-1/review.html")
    cells = [" ".join(text.split()) for text in first.locator("th, td").all_inner_texts()]
    assert cells == [
        "2030-01-31 12:00 span-31-0123abcd-1",
        "31",
        "BLOCKED mAP fell",
        "0.4000 golden set 2",
        "\u22120.2000 \u22120.3000 to \u22120.1000",
        "the new span is labelled in another way: loose boxes",
        "approved by moss until 2030-02-28 as version 300 on 2030-02-03: the new camera",
    ]
    expect(first.locator("svg.interval.worse")).to_be_visible()
    rejected = opened.page.locator("table.runs tbody tr").nth(1).locator("td").all_inner_texts()
    assert [text.strip() for text in rejected] == [
        "3",
        "DATA_REJECTED",
        "\u2013",
        "\u2013",
        "dataset shift: lighting",
        "\u2013",
    ]


def test_the_head_says_what_is_served_since_when_and_what_the_golden_set_may_still_be_asked(fresh: OpenPage) -> None:
    head = " ".join(fresh.page.locator("header").inner_text().split())
    assert "mAP 0.4000 version 300 is served Since 2030-02-03 15:00 UTC: run span-31-0123abcd-1 was blocked" in head
    assert "look 1 of 100" in head


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"served": (), "serving": None, "rows": (), "goldens": ()}, "Nothing is served yet"),
        ({"problem": "registry/served.json: is torn"}, "registry/served.json: is torn"),
    ],
)
def test_a_root_without_a_model_or_a_registry_that_can_be_read_has_a_page(fields: dict[str, Any], told: str) -> None:
    assert told in index_page(index(**fields))


def test_verdict_cause_and_text_choose_the_rows(fresh: OpenPage) -> None:
    fresh.page.get_by_label("verdict").select_option("BLOCKED")
    assert shown(fresh) == ["span-31-0123abcd-1"]
    expect(fresh.page.locator("#found")).to_have_text("1 of 4 runs")
    fresh.page.get_by_label("verdict").select_option("")
    fresh.page.locator("#of-cause").select_option(label="dataset shift")
    assert shown(fresh) == ["span-3-0123abcd-1"]
    fresh.page.locator("#of-cause").select_option("")
    fresh.page.get_by_label("text").fill("moss")
    assert shown(fresh) == ["span-31-0123abcd-1"]


def test_a_match_among_the_earlier_runs_is_unfolded(open_page: Opener) -> None:
    rows = tuple(row(1 + number % 28, run_id=f"span-{number}-aa-1") for number in range(OPEN_ROWS + 5))
    opened = open_page(index_page(index(rows=rows)))
    assert len(shown(opened)) == OPEN_ROWS
    expect(opened.page.get_by_text("5 earlier runs", exact=True)).to_be_visible()
    opened.page.get_by_label("text").fill(f"span-{OPEN_ROWS + 2}-aa-1")
    assert shown(opened) == [f"span-{OPEN_ROWS + 2}-aa-1"]


def test_two_ticked_runs_stand_side_by_side_with_the_command_that_says_more(fresh: OpenPage) -> None:
    for day in (2, 31):
        fresh.page.get_by_label(f"compare run span-{day}-0123abcd-1").check()
    panel = fresh.page.locator("#side-by-side")
    expect(panel.locator("table")).to_be_visible()
    assert [" ".join(text.split()) for text in panel.locator("tr").first.locator("td").all_inner_texts()] == [
        "2030-01-02 12:00 span-2-0123abcd-1",
        "2030-01-31 12:00 span-31-0123abcd-1",
    ]
    expect(panel.locator(".lead")).to_contain_text(
        "\u22120.2000 from the earlier to the later run, on different golden"
    )
    expect(panel.locator(".command")).to_contain_text(
        "ratchet diff span-2-0123abcd-1 span-31-0123abcd-1 --root /data/root --open"
    )
    fresh.page.get_by_label("compare run span-1-0123abcd-1").check()  # a third one takes the place of the first
    expect(panel.locator(".lead")).to_contain_text("\u22120.1000")
    assert fresh.page.locator(".pick:checked").count() == 2
    fresh.page.get_by_label("compare run span-1-0123abcd-1").uncheck()
    expect(panel.locator("table")).to_have_count(0)
    assert fresh.faults() == []


def test_without_script_everything_but_filter_and_ticks_is_there(open_page: Opener) -> None:
    opened = open_page(index_page(index()), scripts=False)
    assert len(shown(opened)) == 4
    assert opened.page.locator(".pick").count() == 0
    expect(opened.page.locator(".choose")).to_be_hidden()
    opened.page.locator("#compare summary").click()
    expect(opened.page.locator("#compare")).to_contain_text("ratchet diff RUN_A RUN_B --root /data/root --open")


def test_attack_strings_stay_text(open_page: Opener) -> None:
    hostile = row(1, run_id=ATTACK, why=ATTACK, cause_words=ATTACK, cause=ATTACK, verdict="BLOCKED", page=None)
    opened = open_page(index_page(index(rows=(hostile, row(2)), pipeline=ATTACK, root=f"/{ATTACK}", notes=(ATTACK,))))
    for box in opened.page.locator(".pick").all():
        box.check()
    expect(opened.page.locator("#side-by-side table")).to_be_visible()
    assert "owned" not in str(opened.page.evaluate("document.title")).partition("script>")[0]
    assert opened.page.locator("img, iframe, body > svg").count() == 0
    assert opened.faults() == []
    assert "{{ 7*7 }}" in opened.page.locator("header").inner_text()


def test_no_row_is_left_out_silently_and_ten_thousand_runs_make_no_endless_page() -> None:
    rows = tuple(row(1 + number % 28, run_id=f"span-{number}-aa-1") for number in range(MOST_ROWS + 500))
    page = index_page(index(rows=rows))
    assert len(re.findall("<tr data-verdict", page)) == MOST_ROWS
    assert "500 runs before these" in page
