"""The page in a real browser: hostile strings neither run nor load anything, and the page's own style holds."""

from __future__ import annotations

import html
import io

from PIL import Image
from playwright.sync_api import expect

from ratchet.components.data_gate.page import data_page
from ratchet.schemas.artifacts.data_evidence import DataPictures
from ratchet.schemas.artifacts.decisions import Reason
from tests.components.browsing import Opener
from tests.components.data_gate.page.content import content, decision, hostile, shown

ATTACK = (
    "\"'></title></style></svg></code><script>document.title='owned'</script>"
    "<img src=x onerror=\"document.title='owned'\"><svg onload=\"document.title='owned'\">"
    '<img src="{server}/image"><iframe src="{server}/frame"></iframe><style>@import url({server}/style);</style>'
    '<link rel=stylesheet href="{server}/sheet">'
)


def test_hostile_strings_run_nothing_and_load_nothing(open_page: Opener, server: tuple[str, list[str]]) -> None:
    address, asked = server
    opened = open_page(data_page(hostile(ATTACK.format(server=address))))
    assert opened.faults() == []
    assert opened.page.title().startswith("REJECT: \"'></title>")
    assert opened.page.locator("iframe, link:not([rel=icon])").count() == 0
    assert opened.page.locator("script").count() == 1  # its own, by its digest
    assert asked == []


def test_the_policy_alone_stops_what_escaping_would_let_through(
    open_page: Opener, server: tuple[str, list[str]]
) -> None:
    address, asked = server
    opened = open_page(html.unescape(data_page(content(baseline=ATTACK.format(server=address)))))
    assert any("Content Security Policy" in error for error in opened.faults())
    assert opened.page.locator("script").count() > 0
    assert opened.page.title() != "owned"
    assert asked == []


def test_without_escaping_and_policy_the_attack_works(open_page: Opener, server: tuple[str, list[str]]) -> None:
    address, asked = server
    unescaped = html.unescape(data_page(content(baseline=ATTACK.format(server=address))))
    opened = open_page(unescaped.replace("Content-Security-Policy", "nothing"))
    assert opened.page.title() == "owned"
    assert set(asked) >= {"/image", "/frame", "/style", "/sheet"}


def test_boxes_are_switched_and_an_image_is_enlarged(open_page: Opener) -> None:
    rule = Reason("labels:offset", "boxes within 5 %", "boxes are displaced by 15 %")
    opened = open_page(data_page(content(decision=decision(rule), pictures=DataPictures({rule.rule: (shown(),)}))))
    box = opened.page.locator(".shot .layer.labels .box").first
    expect(box).to_be_visible()
    opened.page.locator("input[data-kind=labels]").first.uncheck()
    expect(box).to_be_hidden()
    opened.page.locator(".enlarge").first.focus()
    opened.page.keyboard.press("Enter")
    expect(opened.page.locator("dialog .stages svg").first).to_be_visible()
    assert opened.faults() == []


def test_the_style_sheet_is_the_one_that_the_policy_allows(open_page: Opener) -> None:
    picture = open_page(data_page(hostile("a"))).page.screenshot()
    with Image.open(io.BytesIO(picture)) as shot:
        assert shot.convert("RGB").getpixel((3, 3)) == (0xB3, 0x26, 0x1E)  # the bar above a rejection
