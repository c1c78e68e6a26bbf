"""Every link of the documents leads to a file that is there, and to a heading that is in it, here and on the site."""

from __future__ import annotations

import posixpath
from pathlib import Path

import pytest

from handbook.markdown import Link, anchors, links
from handbook.site.pages import BESIDE, page_of, relinked

TREE = Path(__file__).resolve().parents[2]
DOCUMENTS = [*BESIDE, *sorted(file.relative_to(TREE).as_posix() for file in (TREE / "docs").rglob("*.md"))]


def broken(text: str, file: str, tree: Path) -> list[str]:
    """Links that lead nowhere: `line: target`."""
    return [f"{link.line}: {link.target}" for link in links(text) if not leads_somewhere(link, tree / file)]


def leads_somewhere(link: Link, file: Path) -> bool:
    if "://" in link.target or link.target.startswith("mailto:"):
        return True
    path, _, name = link.target.partition("#")
    there = file.parent / path if path else file
    if not there.exists():
        return False
    return not name or there.suffix != ".md" or name in anchors(there.read_text(encoding="utf-8"))


def text_of(file: str) -> str:
    return (TREE / file).read_text(encoding="utf-8")


@pytest.mark.parametrize("file", DOCUMENTS)
def test_every_link_leads_somewhere(file: str) -> None:
    assert broken(text_of(file), file, TREE) == []


@pytest.mark.parametrize("file", DOCUMENTS)
def test_on_the_site_too(file: str) -> None:
    pages = {page_of(each) for each in DOCUMENTS} | {"decisions/index.md"}
    page, lost = page_of(file), []
    for link in links(relinked(text_of(file), file, {})):
        path = link.target.partition("#")[0]
        there = posixpath.normpath(posixpath.join(posixpath.dirname(page), path))
        if path and "://" not in path and there not in pages and not (TREE / "docs" / there).is_file():
            lost.append(link)
    assert lost == []


def test_all_documents_are_looked_at_and_many_of_their_links() -> None:
    assert len(DOCUMENTS) > 60
    assert sum(len(list(links(text_of(file)))) for file in DOCUMENTS) > 200


@pytest.mark.parametrize(
    "text",
    [
        "[it](missing.md)",
        "[it](there.md#no-such-heading)",
        "![it](missing.png)",
        '<img src="missing.png" alt="">',
        "[it][ref]\n\n[ref]: missing.md",
        "# One\n\n[it](#two)",
        "[it](<missing.md>)",
        '[it](missing.md "title")',
    ],
)
def test_a_link_that_leads_nowhere_is_noticed(text: str, tmp_path: Path) -> None:
    (tmp_path / "there.md").write_text("# A heading\n")
    assert len(broken(text, "page.md", tmp_path)) == 1


@pytest.mark.parametrize(
    "text",
    [
        "[it](there.md#a-heading-1)",
        "[it](there.md#an-id)",
        "[it](https://example.com/x)",
        "`[it](missing.md)`",
        "```\n[it](missing.md)\n```",
        "<!-- [it](missing.md) -->",
        "# What's `one`?\n\n[it](#whats-one)",
    ],
)
def test_others_are_left_alone(text: str, tmp_path: Path) -> None:
    (tmp_path / "there.md").write_text('# A heading\n## A heading\n<a id="an-id"></a>\n```\n# none\n```\n')
    (tmp_path / "page.md").write_text(text)
    assert broken(text, "page.md", tmp_path) == []


def test_the_line_of_a_link_is_told() -> None:
    assert list(links("one\n```\n[x](y)\n```\n[a](b)")) == [Link("b", 5)]


def test_headings_in_code_are_none() -> None:
    assert anchors("# A\n\n```\n# B\n```\n") == {"a"}
