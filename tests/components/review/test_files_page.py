"""What the page of compared files says: nothing of a run, and nothing that is not there."""

from __future__ import annotations

import dataclasses
import io
import re

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect

from ratchet.components.review.confusion import Confusion
from ratchet.components.review.files_content import FilesContent
from ratchet.components.review.files_page import files_page
from ratchet.schemas.artifacts.decisions import Verdict
from ratchet.schemas.artifacts.evaluation import BASELINE, CANDIDATE, Support
from tests.components.browsing import Opener
from tests.components.review.content import (
    analysis,
    changed_boxes,
    confused,
    data_set,
    delta,
    evaluation,
    gallery_image,
    reason,
    scores,
)
from tests.components.review.files_content import alone, compared_file, files_content
from tests.components.review.test_page import text_of
from tests.components.review.test_page_browser import ATTACK, serious
from tests.nightly import at_night

OF_A_RUN = r"\bserved\b|\bspan\b|\bgolden set\b|\bdata gate\b|\btraining\b|\bLineage\b|\bPast runs\b"


def shown(content: FilesContent) -> str:
    return text_of(files_page(content))


@pytest.mark.parametrize("content", [files_content(), alone()], ids=["compared", "alone"])
def test_nothing_is_said_of_a_run(content: FilesContent) -> None:
    assert re.findall(OF_A_RUN, shown(content)) == []


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (files_content(), "BLOCKED mAP fell from 0.7000 to 0.5000 ("),
        (
            files_content(
                evaluation=evaluation(reason(passed=True), verdict=Verdict.PUSHED, golden=data_set(0.8, 0.7))
            ),
            "on 100 images and no rule failed, so the candidate may replace the baseline.",
        ),
        (
            files_content(evaluation=evaluation(reason("map_drop", expected="x"), golden=data_set(0.69, 0.7))),
            "in mAP on 100 images; the candidate may not replace the baseline, since the rule expects x.",
        ),
        (
            files_content(evaluation=evaluation(reason("trust:enough", actual="3 images"))),
            "BLOCKED There are too few images or objects: 3 images.",
        ),
        (alone(), "The candidate reaches mAP 0.5000 on 100 images and no rule failed; no baseline was given, so "),
        (
            alone(evaluation=evaluation(reason("min_map", actual="0.0"), golden=data_set(baseline=None))),
            "BLOCKED mAP is below the least that is accepted: 0.0.",
        ),
    ],
)
def test_the_head_says_why(content: FilesContent, said: str) -> None:
    assert said in shown(content)


def test_a_rule_without_an_interval_is_named_without_a_fall() -> None:
    golden = data_set(0.5, 0.7)
    assert golden.deltas is not None
    unknown = dataclasses.replace(golden.deltas, overall=dataclasses.replace(golden.deltas.overall, lo=None, hi=None))
    seen = shown(files_content(evaluation=evaluation(reason(), golden=dataclasses.replace(golden, deltas=unknown))))
    assert "mAP is below the baseline's map_drop" in seen


def test_many_failed_rules_are_counted_in_the_head() -> None:
    failed = tuple(reason(f"class_min_ap:{number}") for number in range(9))
    assert '3 more below, under "All rules"' in shown(files_content(evaluation=evaluation(*failed)))


def test_the_matrix_has_every_class_what_was_missed_and_what_was_invented() -> None:
    seen = shown(files_content())
    assert "labelled \\ found as cat dog missed cat 90 12 0 dog 0 50 8 nothing labelled there 3 0" in seen
    assert "labelled \\ found as cat dog missed cat 102 0 0 dog 0 58 0 nothing labelled there 0 0" in seen
    less = "\N{MINUS SIGN}"
    assert (
        f"labelled \\ found as cat dog missed cat {less}12 +12 0 dog 0 {less}8 +8 nothing labelled there +3 0" in seen
    )
    assert "labelled found as baseline candidate cat dog 0 12" in seen


def test_of_many_classes_the_matrix_has_those_that_are_mixed_up() -> None:
    names = tuple(f"class {number}" for number in range(1, 31))
    counts = {(number, number + 1): number for number in range(1, 30)}
    many = Confusion(names, {CANDIDATE: counts}, 50, 80)
    page = files_page(alone(analysis=analysis(confusion=many)))
    matrix = page.partition('<table class="confusion">')[2].partition("</table>")[0]
    assert matrix.count('<th scope="row">') == 13
    assert "The 12 classes that are mixed up most, of 30; the others are in no matrix." in text_of(page)
    assert "Counted in a random 50 of 80 images." in text_of(page)
    assert "The 20 most frequent and 9 more." in text_of(page)


def test_where_no_class_is_mixed_up_that_is_said() -> None:
    names = tuple(f"class {number}" for number in range(30))
    assert "The candidate takes no class for another." in shown(
        alone(analysis=analysis(confusion=Confusion(names, {CANDIDATE: {}}, 1, 1)))
    )


def test_without_errors_no_image_is_shown() -> None:
    none = analysis(gallery=(), worse=0)
    assert "In none of 100 images the candidate makes more errors than the baseline." in shown(
        files_content(analysis=none)
    )
    of_one = dataclasses.replace(none, confusion=alone().analysis.confusion)
    assert "In none of 100 images the candidate makes errors." in shown(alone(analysis=of_one))


@pytest.mark.parametrize(
    ("content", "width", "scheme"),
    [
        pytest.param(files_content(), 390, "dark", id="compared-dark"),
        pytest.param(alone(), 1280, "light", id="alone-light"),
        at_night(files_content(), 1280, "light", id="compared-light"),
        at_night(alone(), 390, "dark", id="alone-dark"),
    ],
)
def test_the_page_is_accessible_loads_nothing_and_stays_within_its_edges(
    open_page: Opener, content: FilesContent, width: int, scheme: str
) -> None:
    opened = open_page(files_page(content), width, scheme)
    assert serious(opened) == []
    assert opened.faults() == []
    assert opened.page.evaluate("document.documentElement.scrollWidth <= innerWidth")


LONG = tuple(f"{letter * 45} {letter}" for letter in "abcdefghijklm")


@pytest.mark.parametrize("width", [1280, 390])
def test_many_long_names_widen_neither_the_page_nor_what_their_table_lies_in(open_page: Opener, width: int) -> None:
    counts = {(number, number % 13 + 1): 1000 for number in range(1, 14)}
    changed = changed_boxes(LONG)
    gallery = (gallery_image(0, changed=changed), gallery_image(1, jpeg=b"", file_name="n" * 200))
    content = files_content(
        analysis=analysis(gallery=gallery, confusion=Confusion(LONG, {CANDIDATE: counts}, 9, 9)),
        unseen=dict.fromkeys(LONG, ""),
    )
    opened = open_page(files_page(content), width).unfold()
    assert opened.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    box = opened.page.locator(".scroll:has(.confusion)")
    assert box.evaluate("box => box.getBoundingClientRect().right <= innerWidth")
    assert box.evaluate("box => box.scrollWidth") < 1700, "heads wrap"
    heads = box.locator("thead th").all_inner_texts()
    assert all(head.startswith(name) for head, name in zip(heads[1:-1], LONG))


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_table_that_goes_on_to_the_right_is_shaded_there(open_page: Opener, scheme: str) -> None:
    opened = open_page(files_page(files_content()), 390, scheme)
    table = opened.page.get_by_role("region", name="class table")

    def lightness_at_the_right() -> float:
        with Image.open(io.BytesIO(table.screenshot())) as image:
            return float(np.asarray(image.convert("L"), np.float64)[-12:-4, -5:-2].mean())

    start = lightness_at_the_right()
    table.evaluate("table => table.scrollLeft = 9999")
    assert start < 0.9 * lightness_at_the_right()


def test_on_a_narrow_screen_a_name_stays_beside_what_is_scrolled_to(open_page: Opener) -> None:
    opened = open_page(files_page(files_content()), 390).unfold()
    table = opened.page.get_by_role("region", name="class table")
    table.evaluate("table => table.scrollLeft = 9999")
    box = table.bounding_box()
    assert box
    for part in ("thead th:first-child", "tbody th"):
        stays = table.locator(part).first.bounding_box()
        assert stays
        assert abs(stays["x"] - box["x"]) <= 2
        assert stays["width"] < box["width"] / 2


def test_a_class_of_strange_characters_can_be_chosen(open_page: Opener) -> None:
    strange, dog = changed_boxes(("a\x1b\n",)), changed_boxes(("dog",))
    images = gallery_image(0, changed=strange), gallery_image(1, changed=dog)
    page = open_page(files_page(files_content(analysis=analysis(gallery=images)))).page
    page.locator("select.by-class").select_option(label="a\\x1b\\n (1)")
    expect(page.locator(".tiles figure:visible")).to_have_count(1)


def test_its_tables_sort_and_its_keys_do_no_harm_without_a_gallery(open_page: Opener) -> None:
    opened = open_page(files_page(alone()))
    for key in ("1", "ArrowLeft"):
        opened.page.keyboard.press(key)
    table = opened.page.locator("#changes table.sortable").first
    expect(table.locator("tbody th")).to_have_text(["dog", "cat"])
    table.get_by_role("button", name="class").click()
    expect(table.locator("tbody th")).to_have_text(["cat", "dog"])
    assert opened.faults() == []


def test_hostile_text_stays_text(open_page: Opener, server: tuple[str, list[str]]) -> None:
    address, asked = server
    text = ATTACK.replace("{server}", address)
    golden = data_set(candidate=0.5)
    assert golden.deltas is not None
    golden = dataclasses.replace(
        golden,
        candidate=scores(0.5, {text: 0.5}, {f"camera={text}": 0.5}),
        baseline=scores(0.6, {text: 0.6}, {f"camera={text}": 0.6}),
        deltas=dataclasses.replace(golden.deltas, per_class={text: delta(-0.1)}, per_slice={}),
        class_support={text: Support(5, 5)},
        slice_support={f"camera={text}": Support(5, 5)},
    )
    roles = files_content().files
    content = files_content(
        evaluation=evaluation(reason(f"class_drop:{text}", expected=text, actual=text), golden=golden),
        analysis=analysis(
            gallery=(gallery_image(0, file_name=text, changed=changed_boxes((text,))), gallery_image(1, jpeg=b"")),
            confusion=confused(names=(text, text)),
        ),
        files={role: compared_file(role, path=text, holds=text) for role in roles},
        unseen={text: text},
        **dict.fromkeys(("pictures", "command", "code"), text),
    )
    opened = open_page(files_page(content)).unfold()
    assert opened.faults() == []
    assert asked == []
    assert opened.page.title().startswith("BLOCKED: ")
    assert opened.page.locator("main iframe, main link, main base, main script").count() == 0
    assert BASELINE in opened.page.locator("#files").inner_text()
