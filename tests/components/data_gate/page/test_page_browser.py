"""The page in a real browser: hostile strings neither run nor load anything, and the page's own style holds."""

from __future__ import annotations

import html
import re
import shutil
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from PIL import Image

from components.data_gate.page import data_page
from tests.components.data_gate.page.content import content, hostile

ATTACK = (
    "\"'></title></style></svg></code><script>document.title='owned'</script>"
    "<img src=x onerror=\"document.title='owned'\"><svg onload=\"document.title='owned'\">"
    '<img src="{server}/image"><iframe src="{server}/frame"></iframe><style>@import url({server}/style);</style>'
    '<link rel=stylesheet href="{server}/sheet">'
)


@pytest.fixture
def server() -> Iterator[tuple[str, list[str]]]:
    """Address of a server on this machine, and the paths that it was asked for."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_error(404)

        def log_message(self, format: str, *args: object) -> None:
            """Says nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{running.server_port}", asked
        running.shutdown()


def browse(page: str, directory: Path, *arguments: str) -> str:
    """What the browser answers for a page."""
    browser = shutil.which("chromium")
    assert browser, "chromium is missing: apt-get install -y chromium"
    file = directory / "page.html"
    file.write_text(page, encoding="utf-8")
    command = [browser, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]
    command += ["--no-first-run", "--disable-extensions", "--disable-sync", "--disable-component-update"]
    command += ["--hide-scrollbars", f"--user-data-dir={directory / 'profile'}", *arguments, file.as_uri()]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout


def title_of(dom: str) -> str:
    found = re.search(r"<title>(.*?)</title>", dom, re.DOTALL)
    assert found
    return html.unescape(found[1])


def test_hostile_strings_run_nothing_and_load_nothing(server: tuple[str, list[str]], tmp_path: Path) -> None:
    address, asked = server
    dom = browse(data_page(hostile(ATTACK.format(server=address))), tmp_path, "--dump-dom")
    assert title_of(dom).startswith("REJECT: \"'></title>")
    assert not re.search(r"<(script|iframe|link)", dom)
    assert asked == []


def test_the_policy_alone_stops_what_escaping_would_let_through(server: tuple[str, list[str]], tmp_path: Path) -> None:
    address, asked = server
    unescaped = html.unescape(data_page(content(baseline=ATTACK.format(server=address))))
    dom = browse(unescaped, tmp_path, "--dump-dom")
    assert "<script>" in dom
    assert title_of(dom) != "owned"
    assert asked == []


def test_without_escaping_and_policy_the_attack_works(server: tuple[str, list[str]], tmp_path: Path) -> None:
    address, asked = server
    unescaped = html.unescape(data_page(content(baseline=ATTACK.format(server=address))))
    dom = browse(unescaped.replace("Content-Security-Policy", "nothing"), tmp_path, "--dump-dom")
    assert title_of(dom) == "owned"
    assert set(asked) >= {"/image", "/frame", "/style", "/sheet"}


def test_the_style_sheet_is_the_one_that_the_policy_allows(tmp_path: Path) -> None:
    picture = tmp_path / "page.png"
    browse(data_page(hostile("a")), tmp_path, f"--screenshot={picture}", "--window-size=500,400")
    with Image.open(picture) as shot:
        assert shot.convert("RGB").getpixel((3, 3)) == (0xB3, 0x26, 0x1E)  # the bar above a rejection
