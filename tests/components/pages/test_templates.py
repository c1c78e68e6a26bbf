"""HTML stands in templates, where every value is escaped; Python has the geometry of charts, and nothing else."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from jinja2 import UndefinedError, nodes
from markupsafe import Markup

from ratchet.components.pages import html
from ratchet.components.pages.html import first, render, upto

COMPONENTS = Path(html.__file__).resolve().parents[1]
TEMPLATES = sorted(path.relative_to(COMPONENTS).as_posix() for path in COMPONENTS.rglob("templates/*.html"))
# Elements of a page; those of SVG are drawn where they are computed.
_ELEMENT = re.compile(
    r"</?(a|article|body|button|caption|code|dd|details|div|dl|dt|fieldset|figcaption|footer|form|h[1-6]|head|header|"
    r"img|input|label|legend|li|main|nav|ol|option|pre|script|section|select|small|span|strong|style|summary|table|"
    r"tbody|td|th|thead|tr|ul)[\s>]"
)
# A chart is a figure with a legend around its drawing, and says so where there is nothing to draw.
CHARTS = {"pages/bars.py", "pages/chart_parts.py", "pages/line_chart.py", "run_pages/timeline.py"}
# These look for elements, in pages that were written and in TFMA's code, or write Markdown, which has one for code.
OTHERS = {"pages/trail.py", "review/tfma_view/page.py", "pages/markdown.py"}


def pages_modules() -> Iterator[Path]:
    for package in ("pages", "review", "run_pages", "data_gate"):
        yield from sorted((COMPONENTS / package).rglob("*.py"))


def html_in(source: str) -> list[int]:
    """Lines of texts, docstrings left out, that have elements of a page."""
    tree = ast.parse(source)
    documented = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and node.body
        if isinstance(node.body[0], ast.Expr)
    }
    return [
        node.lineno
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in documented
        if _ELEMENT.search(node.value)
    ]


def test_elements_in_a_module_are_found() -> None:
    assert html_in('"""<p>of a docstring</p>"""\nx = f"<li>{1}</li>"\ny = "1 < 2 <svg>"') == [2, 2]


@pytest.mark.parametrize("path", list(pages_modules()), ids=lambda path: path.relative_to(COMPONENTS).as_posix())
def test_a_module_has_no_html(path: Path) -> None:
    if path.relative_to(COMPONENTS).as_posix() not in CHARTS | OTHERS:
        assert html_in(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("name", TEMPLATES)
def test_a_template_escapes_everything_and_is_used(name: str) -> None:
    environment = html._environment()
    tree = environment.parse((COMPONENTS / name).read_text(encoding="utf-8"))
    assert "safe" not in {node.name for node in tree.find_all(nodes.Filter)}
    assert not list(tree.find_all(nodes.ScopedEvalContextModifier))
    users = [*COMPONENTS.rglob("*.py"), *(COMPONENTS / other for other in TEMPLATES)]
    short = Path(name).stem
    assert any(short in path.read_text(encoding="utf-8") for path in users if path != COMPONENTS / name)


def test_a_template_that_names_what_is_not_there_is_an_error() -> None:
    with pytest.raises(UndefinedError):
        render("pages/templates/trail.html")


def test_values_are_escaped_shown_whole_and_cut() -> None:
    render_text = html._environment().from_string("{{ value }}").render
    assert render_text(value="<b>\u202e&'\"") == "&lt;b&gt;\\u202e&amp;&#39;&#34;"
    assert render_text(value=Markup("<b>")) == "<b>"
    assert render_text(value=None) == "\N{EN DASH}"
    assert render_text(value="x" * 700) == "x" * 600 + "… (100 more characters)"
    assert len(upto("x" * 10_000, 8)) < 50
    assert first(["<", "a" * 200, "b"], 2) == Markup("&lt;, " + "a" * 80 + "… (120 more characters) and 1 more")
