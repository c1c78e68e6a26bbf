"""TFMA's components in a browser: without network, under the page's policy, with the right figures."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from ratchet.components.review.tfma_view.figures import tfma_data
from ratchet.components.review.tfma_view.section import tfma_frame, tfma_section
from tests.components.browsing import Opener, OpenPage, opener
from tests.components.review.tfma_view.pages import open_section, page_of, rows, tfma_code
from tests.components.review.tfma_view.runs import NAN, evaluated_run, of_class

HOSTILE = (
    "<img src=x onerror=\"document.title='owned'\">",
    "</script><script>document.title='owned'</script>",
    "<tfma-bounded-value value=1 lower-bound=0 upper-bound=2></tfma-bounded-value>",
    "'\"><svg onload=\"document.title='owned'\">",
)
SLICES = {
    of_class("cat"): (0.3, 0.5),
    of_class("dog"): (0.6, 0.5),
    of_class("auk"): (NAN, NAN),
    of_class("cow"): (0.4, 0.45),
    (("object_size", "small"),): (0.2, 0.3),
}


def html(**fields: object) -> str:
    run = evaluated_run("span-3", **{"slices": SLICES, **fields})  # type: ignore[arg-type]
    past = [evaluated_run("span-1", (0.2, None)), evaluated_run("span-2", (0.5, 0.2))]
    return page_of(tfma_section(tfma_data(run, past, ()), tfma_code()))


@pytest.fixture(scope="module")
def opened(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpenPage]:
    """Shared by tests that change nothing on it."""
    with opener(browser, tmp_path_factory.mktemp("page")) as opens:
        yield open_section(opens(html()))


@pytest.fixture
def fresh(open_page: Opener) -> OpenPage:
    """Opened anew, for a test that changes something."""
    return open_section(open_page(html()))


def test_nothing_is_asked_of_the_network_and_nothing_is_reported(opened: OpenPage) -> None:
    assert opened.faults() == []
    assert opened.page.locator("#tfma-message").text_content() == ""


def test_what_is_against_the_policy_and_what_is_loaded_is_noticed(open_page: Opener) -> None:
    section = tfma_section(tfma_data(evaluated_run(), (), ()), "")
    page = page_of(section, "<style>p { color: red }</style><script>1</script><img src='http://127.0.0.1:9/'>")
    assert len([fault for fault in open_page(page).faults() if "Content Security Policy" in fault]) == 3
    shown = open_page(page.replace("Content-Security-Policy", "nothing"))
    shown.settle()
    assert shown.requests == ["http://127.0.0.1:9/"]


def test_tfma_does_not_run_before_the_section_is_opened_by_keyboard(open_page: Opener) -> None:
    shown = open_page(html())
    running = "() => [typeof window.google, typeof window.tfma, Boolean(customElements.get('tfma-metrics-table'))]"
    assert shown.page.evaluate(running) == ["undefined", "undefined", False]
    shown.page.keyboard.press("Tab")
    shown.page.keyboard.press("Enter")
    shown.page.locator("#tfma-series .gc-table tbody tr").first.wait_for()
    assert shown.page.evaluate(running) == ["object", "object", True]


def test_opening_it_again_draws_nothing_twice(fresh: OpenPage) -> None:
    for is_open in (False, True):
        fresh.page.locator("#tfma-view summary").click()
        expect(fresh.page.locator("#tfma-view[open]")).to_have_count(int(is_open))
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
    assert rows(opened, "slices") == {"object_size:small": ["0.30000", "0.20000", "-0.10000", "40", "90"]}


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
    shown = open_section(open_page(html(slices=slices)))
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
    assert list(rows(opened, "series")) == ["3 span-3", "2 span-2", "1 span-1"]


def test_a_run_without_the_figure_is_a_gap_in_the_line(open_page: Opener) -> None:
    past = [evaluated_run(f"span-{n}", (n / 10, None)) for n in (1, 2, 3, 4)]
    gone = {"candidate": {(): {**past[1].models["candidate"][()], "AP": {"doubleValue": NAN}}}}
    past[1] = dataclasses.replace(past[1], models=gone)
    page = page_of(tfma_section(tfma_data(evaluated_run("span-5"), past, ()), tfma_code()))
    shown = open_section(open_page(page))
    assert str(shown.page.locator("#tfma-series path.gc-line").get_attribute("d")).count("M") == 2
    assert shown.page.locator("#tfma-series circle").count() == 4


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


def test_hostile_names_are_text(open_page: Opener) -> None:
    slices = {of_class(name): (0.4, 0.5) for name in HOSTILE}
    shown = open_section(open_page(html(slices=slices)))
    assert set(rows(shown, "classes")) == {f"class:{name}" for name in HOSTILE}
    inside = shown.page.locator("#tfma-classes .gc-table td:first-child *")
    assert inside.count() == 0
    assert shown.page.title() == "A review"
    assert shown.faults() == []


def test_a_first_model_is_shown_alone(open_page: Opener) -> None:
    shown = open_section(open_page(html(overall=(0.45, None))))
    assert rows(shown, "overall")["AP"] == ["0.45000"]
    assert rows(shown, "classes")["class:cat"] == ["0.30000", "40", "90"]
    assert shown.faults() == []


def test_a_wide_table_scrolls_in_its_place_and_is_legible(open_page: Opener) -> None:
    shown = open_section(open_page(html(), width=390))
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
    shown = open_page(page_of(tfma_section(tfma_data(evaluated_run(), (), ()), code)))
    shown.page.locator("#tfma-view summary").click()
    expect(shown.page.locator("#tfma-message")).to_contain_text("could not be drawn")
    assert shown.page.evaluate("window.ran") == "</script><!--<script>\n\u2028\\<\\/script"


def test_without_javascript_the_section_says_so(open_page: Opener) -> None:
    page = open_page(html(), scripts=False).page
    page.locator("#tfma-view summary").click()
    expect(page.get_by_text("This view needs JavaScript, which does not run here.")).to_be_visible()


def test_in_a_frame_of_another_page_it_is_open_at_once(open_page: Opener) -> None:
    run = evaluated_run("span-3", slices=SLICES)
    frame = tfma_frame(tfma_section(tfma_data(run, (), ()), tfma_code()))
    shown = open_page(f"<!DOCTYPE html><title>Notebook</title>{frame}")
    inside = shown.page.frame_locator("iframe")
    inside.locator("#tfma-series .gc-table tbody tr").first.wait_for()
    expect(inside.locator("#tfma-overall .gc-table tbody tr").first.locator("td").nth(1)).to_have_text("0.50000")
    assert shown.faults() == []
