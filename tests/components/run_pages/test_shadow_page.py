"""The page of a candidate beside the served model."""

from __future__ import annotations

import dataclasses
import datetime
from typing import Any

import pytest

from ratchet.components.pages.overlay import RIGHT, WRONG, Box, Layer
from ratchet.components.run_pages.shadow_content import ShadowReport, to_json, to_text
from ratchet.components.run_pages.shadow_page import shadow_page
from ratchet.components.shadow.looks import Request
from ratchet.components.shadow.shown import ShownImage
from ratchet.schemas.artifacts.shadow import Disagreement, ReadAs, ScoreShift, Shadow
from tests.builders import encode, picture

HOSTILE = '"><script>alert(1)</script>'


def counted(images: int = 40, missed: int = 6, **fields: Any) -> Disagreement:
    whole = {"images_apart": 5, "agreed": 90, "other_class": 2, "new": 2, "interval": (0.06, 0.16)}
    return Disagreement(images=images, missed=missed, **{**whole, "images_interval": (0.05, 0.26), **fields})


def shown(name: str, camera: str, weight: float) -> ShownImage:
    layers = (
        Layer("baseline", "served model", (Box((5, 5, 20, 20), "car 90%", "car 90%: missed", WRONG, score=0.9),)),
        Layer("candidate", "candidate", (Box((40, 40, 10, 10), "bus 80%", "bus 80%", RIGHT, score=0.8),)),
    )
    at = datetime.datetime(2026, 11, 28, 3, 10, tzinfo=datetime.timezone.utc)
    return ShownImage(Request(camera, at, name), encode(picture(seed=3)), layers, "1 missed; 1 object agreed", weight)


def report(**fields: Any) -> ShadowReport:
    shadow = Shadow(
        log="/data/log",
        overall=counted(),
        by_camera={"north": counted(30), HOSTILE: counted(10, interval=None)},
        by_hour={"03": counted()},
        by_class={"car": counted(), "bus": Disagreement(3, 0, 0, 0, 0, 0)},
        read_as=(ReadAs("car", HOSTILE, 2),),
        shift=ScoreShift(90, -0.01, -0.1, -0.02, 0.05),
        points={"baseline": {"car": 0.5, "bus": 0.6}, "candidate": {"car": 0.4, "bus": 0.7}},
        unreadable=2,
        new_classes={"van": 4},
        oldest="2026-11-27T00:00:00+00:00",
        newest="2026-11-28T00:00:00+00:00",
    )
    images = tuple(
        shown(f"{place}-{HOSTILE}", camera, 9 - place) for place, camera in enumerate(("north", "south") * 4)
    )
    return dataclasses.replace(ShadowReport("span-3-abc-1", "BLOCKED", "200", shadow, images, (HOSTILE,)), **fields)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_the_page_is_complete_and_fits(open_page: Any, width: int, scheme: str) -> None:
    opened = open_page(shadow_page(report(), "review.html"), width=width, scheme=scheme).unfold()
    assert opened.faults() == []
    assert opened.page.evaluate("document.documentElement.scrollWidth") <= width
    assert opened.page.locator("figure.shot").count() == 8


def test_nothing_that_a_log_says_is_markup(open_page: Any) -> None:
    page = shadow_page(report(), "review.html")
    assert HOSTILE not in page
    assert open_page(page).unfold().page.locator("script").count() == 1


def test_the_first_few_images_are_open_and_a_camera_can_be_chosen(open_page: Any) -> None:
    page = open_page(shadow_page(report())).page
    assert page.locator("figure.shot:visible").count() == 6
    page.locator("select.by-slice").select_option("south")
    assert page.locator("figure.shot:visible").count() == 4
    page.locator('input[data-kind="baseline-wrong"]').uncheck()
    assert page.locator("figure.shot:visible g.baseline rect:visible").count() == 0
    assert page.locator("figure.shot:visible g.candidate rect:visible").count() == 4


def test_figures_are_sentences_at_the_top(open_page: Any) -> None:
    head = open_page(shadow_page(report())).page.locator("header").inner_text()
    assert "10 % of the objects are found or read differently" in " ".join(head.split())
    assert "They disagree about 10 % of 100 objects (95 % interval 6 % to 16 %)" in head
    assert "van (4)" in head
    assert "2 entries of the log could not be read" in head


def test_models_that_agree_have_a_page_too(open_page: Any) -> None:
    nothing = Shadow(log="/data/log", overall=Disagreement(5, 0, 0, 0, 0, 0))
    made = ShadowReport("span-3-abc-1", "PUSHED", "200", nothing)
    opened = open_page(shadow_page(made)).unfold()
    assert opened.faults() == []
    assert "In none of the images the two disagree." in opened.page.inner_text("main")
    assert "neither finds an object in 5 images" in to_text(made)
    assert to_json(made)["overall"]["share"] is None


def test_the_text_has_a_table_for_each_part_of_which_something_is_known() -> None:
    text = to_text(report())
    assert "missed            6  found by the served model alone" in text
    assert [line.split()[0] for line in text.splitlines() if line.endswith("disagree")] == ["camera", "hour", "class"]
    unknown = dataclasses.replace(report().shadow, by_camera={"not known": counted()}, by_hour={"not known": counted()})
    text = to_text(report(shadow=unknown))
    assert [line.split()[0] for line in text.splitlines() if line.endswith("disagree")] == ["class"]
