"""What the site has besides docs/: README is its first page, ARCHITECTURE and CHANGELOG are pages, decisions a list.

Called by MkDocs (hooks in mkdocs.yml). So there is one text of everything, with links that are right in the repository,
and here as well. Imported by MkDocs in an environment of its own, without the rest of this repository.
"""

from __future__ import annotations

import functools
import posixpath
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

TREE = Path(__file__).resolve().parents[2]
# Of files beside docs/, the page that they are.
BESIDE = {"README.md": "index.md", "ARCHITECTURE.md": "architecture.md", "CHANGELOG.md": "changelog.md"}
ASSETS = Path(__file__).with_name("assets")
DECISIONS = "decisions/index.md"
_LINK = re.compile(r"(\]\()([^)\s#:]+)([)#\s])|(\b(?:src|href)=\")([^\"#:]+)([\"#])")
_NAMED_AS_FILE = re.compile(r"\[(?:[\w.-]+/)*[\w-]+\.md(?=\]\(([^)\s#:]+\.md)[)#])")


def page_of(file: str) -> str:
    """The page, or file of the site, that a file of the repository is.

    >>> page_of("README.md"), page_of("docs/data.md"), page_of("docs/decisions")
    ('index.md', 'data.md', 'decisions/index.md')
    """
    if file.rstrip("/") == "docs/decisions":
        return DECISIONS
    return BESIDE.get(file, file.removeprefix("docs/"))


def relinked(text: str, file: str, titles: Mapping[str, str]) -> str:
    """A text with its links as they have to be on the site; one that is called like its file gets the page's title.

    Args:
        text: Markdown.
        file: that it stands in, `docs/data.md`.
        titles: by file.
    """
    page = page_of(file)

    def place(target: str) -> str:
        return posixpath.normpath(posixpath.join(posixpath.dirname(file), target))

    def named(found: re.Match[str]) -> str:
        return f"[{titles.get(place(found[1]), found[0][1:])}"

    def leading(found: re.Match[str]) -> str:
        before, target, after = found.group(1, 2, 3) if found[2] else found.group(4, 5, 6)
        return f"{before}{posixpath.relpath(page_of(place(target)), posixpath.dirname(page) or '.')}{after}"

    return _LINK.sub(leading, _NAMED_AS_FILE.sub(named, text))


def decision_list(texts: Mapping[str, str]) -> str:
    """A page that lists decision records.

    Args:
        texts: by file name.
    """
    rows = [f"- [{title_of(text)}]({name})" for name, text in sorted(texts.items())]
    told = "Why it is built this way: what was decided, what it was weighed against, and what was measured."
    return "\n".join(["# Decisions", "", told, "", *rows, ""])


def title_of(text: str) -> str:
    """The first heading."""
    return next(line.removeprefix("# ").strip() for line in text.splitlines() if line.startswith("# "))


def on_config(config: Any) -> Any:
    """Adds the decisions to the navigation."""
    names = [file.name for file in _decision_files()]
    config.nav.append({"Decisions": [DECISIONS, *(f"decisions/{name}" for name in names)]})
    return config


def on_files(files: Any, config: Any) -> Any:
    """Adds the pages that do not lie in docs/."""
    from mkdocs.structure.files import File  # pyright: ignore[reportMissingImports]  # it is in .tools/docs alone

    for name, page in BESIDE.items():
        files.append(File.generated(config, page, content=(TREE / name).read_text(encoding="utf-8")))
    listed = decision_list({file.name: file.read_text(encoding="utf-8") for file in _decision_files()})
    files.append(File.generated(config, DECISIONS, content=listed))
    for asset in sorted(ASSETS.iterdir()):
        files.append(File.generated(config, f"assets/{asset.name}", abs_src_path=str(asset)))
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Turns links of the repository into links of the site."""
    source = page.file.src_uri
    if source == DECISIONS:
        return markdown
    file = {page: name for name, page in BESIDE.items()}.get(source, f"docs/{source}")
    return relinked(markdown, file, _titles())


@functools.cache
def _titles() -> Mapping[str, str]:
    files = [*(TREE / name for name in BESIDE), *sorted((TREE / "docs").rglob("*.md"))]
    return {file.relative_to(TREE).as_posix(): title_of(file.read_text(encoding="utf-8")) for file in files}


def _decision_files() -> Sequence[Path]:
    return sorted((TREE / "docs" / "decisions").glob("[0-9]*.md"))
