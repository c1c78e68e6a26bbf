"""The gallery in a real browser: switches, slider, side by side, choice and order, crops, keys, addresses."""

from __future__ import annotations

import io

import pytest
from PIL import Image
from playwright.sync_api import expect

from ratchet.components.review.page import review_page
from tests.components.browsing import Opener, OpenPage
from tests.components.review.content import analysis, content, gallery_image

COPIES = "document.documentElement.outerHTML.match(/data:image.jpeg/g).length"


@pytest.fixture
def fresh(open_page: Opener) -> OpenPage:
    return open_page(review_page(content()))


def test_boxes_are_switched_by_checkbox_and_by_key(fresh: OpenPage) -> None:
    first = fresh.page.locator(".tiles .shot").first
    right, wrong = first.locator("g.baseline rect.right"), first.locator("g.candidate rect.wrong")
    lost = first.locator("g.truth rect.lost-candidate:not(.lost-baseline)")
    for box in (right, wrong, lost):
        expect(box).to_be_visible()
    fresh.page.locator("input[data-kind=candidate-wrong]").uncheck()
    expect(wrong).to_be_hidden()
    expect(right).to_be_visible()
    fresh.page.keyboard.press("2")
    expect(right).to_be_hidden()
    fresh.page.keyboard.press("1")
    expect(lost).to_be_visible()  # what is missed is a kind of its own
    fresh.page.locator("input[data-kind=candidate-lost]").uncheck()
    expect(lost).to_be_hidden()
    for key in "123":
        fresh.page.keyboard.press(key)
    fresh.page.keyboard.press("3")
    for box in (right, wrong, lost):
        expect(box).to_be_visible()
    assert fresh.faults() == []


def test_keys_of_one_letter_do_nothing_away_from_the_gallery(fresh: OpenPage) -> None:
    fresh.page.mouse.move(5, 5)
    fresh.page.keyboard.press("2")
    expect(fresh.page.locator("input[data-kind=baseline-right]")).to_be_checked()


def test_a_slider_hides_and_brings_up_detections_and_tells_what_is_missed_then(fresh: OpenPage) -> None:
    first = fresh.page.locator(".tiles .shot").first
    faint, wrong = first.locator("g.candidate rect.right"), first.locator("g.candidate rect.wrong")
    dog, told = first.locator("g.truth rect").nth(1), first.locator(".at-score")
    expect(faint).to_be_hidden()
    expect(told).to_be_hidden()
    slider = fresh.page.locator("input.least-score")
    slider.fill("0.1")
    expect(faint).to_be_visible()
    expect(dog).not_to_have_class("lost-candidate")
    expect(told).to_have_text(
        "At a score of 0.1 and more: baseline 1 not found, 0 false; candidate 1 not found, 1 false"
    )
    slider.fill("0.95")
    expect(wrong).to_be_hidden()
    expect(told).to_contain_text("baseline 2 not found, 0 false; candidate 2 not found, 0 false")
    slider.fill("0")
    expect(faint).to_be_hidden()
    expect(wrong).to_be_visible()
    expect(told).to_be_hidden()
    expect(fresh.page.locator("output.least-score")).to_have_text("each class's own score")


def test_models_are_shown_side_by_side(fresh: OpenPage) -> None:
    copies = fresh.page.evaluate(COPIES)
    fresh.page.locator("input.side-by-side").check()
    stages = fresh.page.locator(".tiles .shot").first.locator("svg.stage")
    expect(stages).to_have_count(2)
    expect(stages.nth(0).locator("g.candidate rect.wrong")).to_be_hidden()
    expect(stages.nth(0).locator("g.baseline rect")).to_be_visible()
    expect(stages.nth(1).locator("g.candidate rect.wrong")).to_be_visible()
    expect(stages.nth(1).locator("g.baseline rect")).to_be_hidden()
    assert fresh.page.evaluate(COPIES) == copies
    fresh.page.locator(".gallery .enlarge").first.focus()
    fresh.page.keyboard.press("s")
    expect(stages).to_have_count(1)
    assert fresh.faults() == []


def test_an_image_is_enlarged_and_the_arrows_go_on(fresh: OpenPage) -> None:
    page = fresh.page
    page.locator(".gallery .enlarge").first.focus()
    page.keyboard.press("Enter")
    dialog = page.locator("dialog.large")
    expect(dialog).to_be_visible()
    expect(dialog.locator(".large-caption")).to_contain_text("000002.jpg")
    assert page.url.endswith("#image=000002.jpg")
    page.keyboard.press("ArrowRight")
    expect(dialog.locator(".large-caption")).to_contain_text("000005.jpg")
    expect(dialog.locator(".place")).to_have_text("2 of 6: 000005.jpg")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    expect(dialog.locator(".large-caption")).to_contain_text("000003.jpg")
    expect(dialog.locator("g.truth text").first).to_be_visible()
    for kind in ("truth", "candidate-lost", "baseline-lost"):
        dialog.locator(f"input[data-kind={kind}]").uncheck()
    expect(dialog.locator("g.layer.truth rect").first).to_be_hidden()
    page.locator(".following").focus()
    page.keyboard.press("?")
    expect(dialog.locator(".keys")).to_be_visible()
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(page.get_by_label("Enlarge 000003.jpg")).to_be_focused()
    expect(page.locator(".controls .view")).to_be_visible()
    assert "#" not in page.url
    assert fresh.faults() == []


def test_the_address_opens_an_image(fresh: OpenPage) -> None:
    page = fresh.page
    page.goto(f"{page.url}#image=000004.jpg")
    page.reload()
    expect(page.locator("dialog.large .place")).to_contain_text("000004.jpg")
    page.keyboard.press("Escape")
    page.locator("summary", has_text="What changed, cut out").click()
    page.locator(".crop").nth(1).click()
    expect(page.locator("dialog.large .large-caption")).to_contain_text("1 lost; 1 new and false")


def test_crops_show_the_image_once_more_without_a_second_copy(fresh: OpenPage) -> None:
    fresh.page.locator("summary", has_text="What changed, cut out").click()
    crop = fresh.page.locator(".crop svg").first
    expect(crop).to_be_visible()
    with Image.open(io.BytesIO(crop.screenshot())) as shown:
        red, green, blue = shown.convert("RGB").getpixel((4, 4))  # type: ignore[misc]
    assert (red < 30, abs(green - 128) < 30, abs(blue - 128) < 30) == (True, True, True)  # teal
    assert fresh.page.locator("#images image").count() == 6


def test_few_stops_lead_to_the_first_image(fresh: OpenPage) -> None:
    page = fresh.page
    page.evaluate("document.querySelector('#images summary').focus()")
    for stops in range(1, 12):  # noqa: B007 (asserted below)
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.matches('.enlarge')"):
            break
    assert stops <= 8
    page.locator("[role=toolbar] input").first.focus()
    page.keyboard.press("ArrowRight")
    expect(page.locator("input[data-kind=baseline-right]")).to_be_focused()


def test_one_class_can_be_chosen(fresh: OpenPage) -> None:
    shown = fresh.page.locator(".tiles figure:visible figcaption code")
    fresh.page.locator("select.by-class").select_option("dog")
    expect(shown).to_have_text(["000002.jpg", "000004.jpg", "000000.jpg"])
    fresh.page.locator("select.by-slice").select_option("camera: south")
    expect(shown).to_have_text(["000004.jpg"])
    fresh.page.locator("select.by-class").select_option("")
    expect(shown).to_have_text(["000005.jpg", "000004.jpg", "000003.jpg"])
    fresh.page.locator("select.by-slice").select_option("")
    fresh.page.locator("select.by-order").select_option("name")
    expect(shown).to_have_text([f"{place:06}.jpg" for place in range(6)])


@pytest.mark.parametrize("scripts", [True, False])
def test_eight_images_are_open_and_the_others_are_a_press_away(open_page: Opener, scripts: bool) -> None:
    many = analysis(gallery=tuple(gallery_image(place) for place in range(11)))
    page = open_page(review_page(content(analysis=many)), scripts=scripts).page
    images = page.locator(".gallery .shot:visible")
    expect(images).to_have_count(8)
    if scripts:
        page.get_by_role("button", name="Show 3 more").click()
    else:
        page.locator("details.more summary").click()
    expect(images).to_have_count(11)
