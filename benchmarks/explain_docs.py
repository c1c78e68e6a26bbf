"""Writes what `ratchet explain` says of the pairs into docs/why-did-my-map-fall.md and docs/causes/, and its page.

python -m benchmarks.explain_docs [--tree .] [--no-picture]

The pairs are those of `benchmarks.explain_pairs`. The picture is taken by chromium.
"""

from __future__ import annotations

import argparse
import re
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks.explain_pairs.asked import ASKED, answer_to, only
from benchmarks.explain_pairs.pair import Pair
from benchmarks.explain_pairs.pairs import PAIRS
from ratchet.pipeline.explain.explain import explain
from ratchet.pipeline.explain.report import write_explanation
from ratchet.pipeline.explain.request import ExplainRequest
from ratchet.pipeline.explain.text import explained_json, explained_text

FIRST = "why-did-my-map-fall"
_BLOCK = re.compile(r"<!-- pair: (\w+) -->\n.*?<!-- to here -->", re.DOTALL)
_TABLE = re.compile(r"<!-- pairs -->\n.*?<!-- to here -->", re.DOTALL)
_SHOWN = "rate_too_high"  # the pair whose page is the picture
_WIDTH_PX, _HEIGHT_PX = 1280, 1000


def command_of(request: ExplainRequest, directory: Path) -> str:
    """The command that asks so, with paths relative to the pair's directory.

    Args:
        request: of the pair.
        directory: of the pair.
    """
    parts: dict[str, list[str]] = {}
    for name, path in request.given():
        shown = Path(path).relative_to(directory).as_posix() if Path(path).is_relative_to(directory) else path
        parts.setdefault(name.partition(" ")[0], []).append(shown)
    options = [f"{option} {' '.join(map(shlex.quote, paths))}" for option, paths in parts.items()]
    lines = ["ratchet explain"]
    for option in options:
        if len(lines[-1]) + len(option) > 110:
            lines[-1] += " \\"
            lines.append("   ")
        lines[-1] += f" {option}"
    return "\n".join(lines)


def block_of(pair: Pair, out: Path) -> str:
    """Command and answer of a pair, as Markdown."""
    request = pair.made(out)
    text = explained_text(explain(request)).replace(f"{out / pair.name}/", "")
    return f"```\n$ {command_of(request, out / pair.name)}\n{text}\n```"


def table_of(out: Path) -> str:
    """Every pair with what is answered by all files and by parts of them, as Markdown."""
    rows = [["pair", "planted", "files of", *ASKED], ["---"] * (3 + len(ASKED))]
    for pair in PAIRS:
        request = pair.made(out)
        answers = [answer_to(only(request, groups)) for groups in ASKED.values()]
        rows.append([pair.name.replace("_", " "), pair.planted, pair.toolkit, *answers])
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def filled(text: str, out: Path) -> str:
    """A page with its blocks written anew.

    Args:
        text: Markdown with the marks.
        out: directory for the pairs' files.
    """
    pairs = {pair.name: pair for pair in PAIRS}

    def block(found: re.Match[str]) -> str:
        with tempfile.TemporaryDirectory(dir=out) as scratch:
            return f"<!-- pair: {found[1]} -->\n\n{block_of(pairs[found[1]], Path(scratch))}\n\n<!-- to here -->"

    def table(_: re.Match[str]) -> str:
        with tempfile.TemporaryDirectory(dir=out) as scratch:
            return f"<!-- pairs -->\n\n{table_of(Path(scratch))}\n\n<!-- to here -->"

    return _TABLE.sub(table, _BLOCK.sub(block, text))


def take_picture(file: Path, out: Path) -> None:
    """The head of the page of one pair.

    Args:
        file: PNG to write.
        out: directory for the pair's files.
    """
    pair = next(each for each in PAIRS if each.name == _SHOWN)
    explained = explain(pair.made(out))
    page = write_explanation(explained, out / "page", "ratchet explain", explained_json(explained))
    size = f"--window-size={_WIDTH_PX},{_HEIGHT_PX}"
    chromium = ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", size]
    subprocess.run([*chromium, f"--screenshot={file}", page.as_uri()], check=True, capture_output=True)


def main(arguments: Sequence[str] | None = None) -> int:
    """Writes the pages."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tree", type=Path, default=Path(), help="of the project")
    parser.add_argument("--no-picture", action="store_true")
    options = parser.parse_args(arguments)
    docs = options.tree / "docs"
    with tempfile.TemporaryDirectory() as out:
        for page in [docs / f"{FIRST}.md", *sorted((docs / "causes").glob("*.md"))]:
            page.write_text(filled(page.read_text(encoding="utf-8"), Path(out)), encoding="utf-8")
            print(page)
        if not options.no_picture:
            take_picture(docs / f"{FIRST}.png", Path(out))
    return 0


if __name__ == "__main__":
    sys.exit(main())
