"""TFMA's own view in a browser: it shows what the report shows, and its controls work."""

from __future__ import annotations

import pytest
from playwright.sync_api import Locator, expect

from ratchet.components.review.tfma_view.page import tfma_frame, tfma_page
from ratchet.components.review.tfma_view.results import Figure
from tests.components.browsing import Opener, OpenPage
from tests.components.review.tfma_view.pages import SLICES, html, open_view, rows, shown, tfma_code
from tests.components.review.tfma_view.runs import of_class, results


def test_tfma_does_not_run_before_its_section_is_opened_by_keyboard(open_page: Opener) -> None:
    shown = open_page(html())
    running = "() => [typeof window.google, typeof window.tfma, Boolean(customElements.get('tfma-metrics-table'))]"
    assert shown.page.evaluate(running) == ["undefined", "undefined", False]
    shown.page.locator("#tfma-view > details > summary").focus()
    shown.page.keyboard.press("Enter")
    shown.page.locator("#tfma-series .gc-table tbody tr").first.wait_for()
    assert shown.page.evaluate(running) == ["object", "object", True]


def test_opening_it_again_draws_nothing_twice(fresh: OpenPage) -> None:
    for is_open in (False, True):
        fresh.page.locator("#tfma-view > details > summary").click()
        expect(fresh.page.locator("#tfma-view > details[open]")).to_have_count(int(is_open))
        fresh.settle()
    assert fresh.page.locator("#tfma-overall tfma-metrics-table").count() == 1
    assert fresh.faults() == []


def test_the_whole_shows_both_models_and_the_difference_with_its_interval(opened: OpenPage) -> None:
    heads = opened.page.locator("#tfma-overall th").all_text_contents()
    assert heads == ["figure", "baseline", "candidate", "difference"]
    overall = rows(opened, "overall")
    assert overall["AP"] == ["0.50000", "0.45000", "-0.05000"]
    assert overall["AP50"] == ["0.20000", "0.30000", "0.10000"]
    assert overall["APl"] == ["n/a", "n/a", "n/a"]
    interval = opened.page.locator("#tfma-overall tfma-bounded-value .range").text_content()
    assert interval == "(-0.07000, -0.03000)"


def test_classes_and_slices_show_both_models_and_their_support(opened: OpenPage) -> None:
    classes = rows(opened, "classes")
    assert classes["class:cat"] == ["0.50000", "0.30000", "-0.20000", "40", "90"]
    assert classes["class:auk"] == ["n/a", "n/a", "n/a", "40", "90"]
    assert rows(opened, "slices")["object_size:small"] == ["0.30000", "0.20000", "-0.10000", "40", "90"]
    crossed = rows(opened, "crossed")
    assert list(crossed) == ["class:cat, object_size:small", "class:dog, object_size:large"]
    assert crossed["class:cat, object_size:small"][2] == "-0.20000"


def test_a_click_on_a_head_sorts_and_another_turns_it_around(fresh: OpenPage) -> None:
    names = fresh.page.locator("#tfma-classes .gc-table tbody td:first-child")
    expect(names).to_have_text(["class:cat", "class:cow", "class:dog", "class:auk"])
    head = fresh.page.locator("#tfma-classes th").nth(1)
    for state, order in (("ascending", ["cow", "cat", "dog", "auk"]), ("descending", ["cat", "dog", "cow", "auk"])):
        head.locator("button").click()
        expect(head).to_have_attribute("aria-sort", state)
        expect(names).to_have_text([f"class:{name}" for name in order])  # what is undefined comes last
    fresh.page.keyboard.press("Enter")  # the head keeps the focus
    expect(names.first).to_have_text("class:cow")


def test_many_classes_are_in_pages(open_page: Opener) -> None:
    slices = {of_class(f"{place:03}"): (0.4, 0.5 + place / 1000) for place in range(45)}
    shown = open_view(open_page(html(slices=slices)))
    names = shown.page.locator("#tfma-classes .gc-table tbody td:first-child")
    expect(names).to_have_count(20)
    expect(names.first).to_have_text("class:044")
    button = shown.page.locator("#tfma-classes .gc-pager button", has_text="Next")
    button.click()
    button.click()
    expect(names).to_have_count(5)
    expect(button).to_be_disabled()
    expect(shown.page.locator("#tfma-classes .gc-pager")).to_contain_text("Page 3 of 3")


def test_bars_are_as_long_as_the_differences_and_falls_hang_down(opened: OpenPage) -> None:
    bars = opened.page.locator("#tfma-classes tfma-slice-overview rect.gc-bar").evaluate_all(
        """bars => Object.fromEntries(bars.map(bar => [bar.textContent.split("\\n")[0],
             [Number(bar.getAttribute("y")), Number(bar.getAttribute("height"))]]))"""
    )
    assert bars["class:cat"][1] == pytest.approx(2 * bars["class:dog"][1])
    assert bars["class:dog"][0] + bars["class:dog"][1] == pytest.approx(bars["class:cat"][0])
    assert bars["class:auk"][1] == 0


def test_the_time_series_is_a_line_through_all_runs(opened: OpenPage) -> None:
    path = str(opened.page.locator("#tfma-series path.gc-line").get_attribute("d"))
    places = [tuple(map(float, point.split())) for point in path[1:].split("L")]
    xs, ys = zip(*places)
    assert path.count("M") == 1
    assert list(xs) == sorted(xs)
    assert (ys[0] - ys[1]) / (ys[2] - ys[1]) == pytest.approx((0.5 - 0.2) / (0.5 - 0.45), rel=0.02)
    titles = opened.page.locator("#tfma-series circle title").all_text_contents()
    assert sorted(title.split("\n")[1] for title in titles) == ["AP: 0.2", "AP: 0.45", "AP: 0.5"]
    days = [name.split(" ")[0] for name in rows(opened, "series")]
    assert days == ["2030-01-03", "2030-01-02", "2030-01-01"]
    labels = opened.page.locator("#tfma-series svg text").all_text_contents()
    assert {"span 1", "span 3", "v100"} <= set(labels)


def test_another_figure_can_be_added_to_the_time_series(fresh: OpenPage) -> None:
    fresh.page.locator("#tfma-series paper-dropdown-menu").click()
    fresh.page.locator("#tfma-series paper-item", has_text="AP75").click()
    fresh.page.locator("#tfma-series path.gc-line").nth(1).wait_for(state="attached")
    assert fresh.faults() == []


def test_the_histogram_of_classes_marks_the_chosen_one(fresh: OpenPage) -> None:
    fresh.page.locator("#tfma-classes paper-dropdown-menu").first.click()
    fresh.page.locator("#tfma-classes paper-item", has_text="Metrics Histogram").click()
    fresh.page.locator("#tfma-classes tfma-metrics-histogram rect.gc-bar").first.wait_for()
    fresh.page.locator("#tfma-classes .gc-table tbody tr").first.click()
    expect(fresh.page.locator("#tfma-classes rect.highlighted")).to_have_count(1)
    assert fresh.faults() == []


def test_a_wide_table_scrolls_in_its_place_and_is_legible(open_page: Opener) -> None:
    shown = open_view(open_page(html(), width=390))
    assert shown.page.evaluate("document.documentElement.scrollWidth") <= 390
    place = "document.getElementById('tfma-series')"
    assert shown.page.evaluate(f"{place}.scrollWidth > {place}.clientWidth + 100")
    for scheme in ("light", "dark"):
        shown.page.emulate_media(color_scheme=scheme)
        for part in (".gc-table td", "tfma-bounded-value div", ".gc-sort"):
            colour = shown.page.locator(f"#tfma-overall {part}").first.evaluate("cell => getComputedStyle(cell).color")
            assert contrast(colour, scheme) > 4.5


def contrast(colour: str, scheme: str) -> float:
    """WCAG's contrast of a colour to the cards' ground."""
    ground = (255, 255, 255) if scheme == "light" else (0x1E, 0x23, 0x29)
    one, other = sorted([luminance(ground), luminance(tuple(map(int, colour[4:-1].split(","))))])
    return (other + 0.05) / (one + 0.05)


def luminance(rgb: tuple[int, ...]) -> float:
    shares = [value / 255 for value in rgb]
    linear = [share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4 for share in shares]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_code_arrives_unchanged_and_a_failure_is_said(open_page: Opener) -> None:
    code = "window.ran = '</script><!--<script>\\n\\u2028' + `\\\\` + /<\\/script/.source;\n"
    shown = open_page(tfma_page(results(), code, "digits"))
    shown.page.locator("#tfma-view > details > summary").click()
    expect(shown.page.locator("#tfma-message")).to_contain_text("could not be drawn")
    assert shown.page.evaluate("window.ran") == "</script><!--<script>\n\u2028\\<\\/script"


def test_without_javascript_tfmas_view_says_so(open_page: Opener) -> None:
    page = open_page(html(), scripts=False).page
    page.locator("#tfma-view > details > summary").click()
    expect(page.get_by_text("This view needs JavaScript, which does not run here")).to_be_visible()


def test_in_a_frame_of_another_page_it_works_too(open_page: Opener) -> None:
    shown_there = open_page(f"<!DOCTYPE html><title>Notebook</title>{tfma_frame(tfma_page(shown(), tfma_code(), 'd'))}")
    inside = shown_there.page.frame_locator("iframe")
    expect(inside.locator("#whole tbody tr").first.locator("td").nth(1)).to_have_text("0.4500")
    inside.locator("#tfma-view > details > summary").click()
    inside.locator("#tfma-series .gc-table tbody tr").first.wait_for()
    expect(inside.locator("#tfma-overall .gc-table tbody tr").first.locator("td").nth(1)).to_have_text("0.50000")
    assert shown_there.faults() == []


def bars(place: Locator) -> list[str]:
    """What the bars stand for, from left to right."""
    titles = place.locator("tfma-slice-overview rect.gc-bar title").all_text_contents()
    return [title.split("\n")[0].split(", ")[0].removeprefix("class:") for title in titles]


def choose(menu: Locator, text: str) -> None:
    """Chooses an item of a menu, and waits until the menu is closed: for a moment two can be open."""
    menu.click()
    menu.locator("paper-item:visible", has_text=text).click()
    expect(menu.locator("paper-item:visible")).to_have_count(0)


def test_bars_show_and_are_sorted_by_the_figure_that_is_chosen(fresh: OpenPage) -> None:
    place = fresh.page.locator("#tfma-classes")
    sorting = place.locator("tfma-slice-overview paper-dropdown-menu")
    choose(sorting.nth(1), "AP candidate")
    expect(place.locator("tfma-slice-overview rect.gc-bar").first).to_contain_text("cat, AP candidate:0.30000")
    assert [name for name in bars(place) if name != "auk"] == ["cat", "cow", "dog"]
    choose(sorting.nth(0), "objects")
    expect(place.locator("tfma-slice-overview rect.gc-bar").first).to_contain_text("objects: 90")
    assert fresh.faults() == []


def test_slices_of_few_images_are_left_out_as_asked(open_page: Opener) -> None:
    small = results(slices=SLICES)
    small.models["candidate"][of_class("cow")]["example_count"] = Figure(10.0)  # type: ignore[index]
    shown = open_view(open_page(tfma_page(small, tfma_code(), "digits")))
    place = shown.page.locator("#tfma-classes")
    place.locator("tfma-graph-data-filter input[type=number]").fill("20")
    shown.page.keyboard.press("Enter")
    expect(place.locator(".gc-table tbody tr")).to_have_count(3)
    assert sorted(bars(place)) == ["auk", "cat", "dog"]
    assert shown.faults() == []
