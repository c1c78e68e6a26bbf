"""Writes the figures of benches that were run into README.md and docs/bench.md.

python -m benchmarks.bench_docs BENCH [BENCH ...] --command "ratchet bench" [--tree .]
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks.measured_docs import write_between
from ratchet.pipeline.bench.report import block_markdown, readme_markdown
from ratchet.pipeline.bench.report_files import write_report
from ratchet.schemas.base.errors import RatchetError

BEGIN = "<!-- written by `python -m benchmarks.bench_docs` -->"
PICTURE = "bench.png"


def write_docs(benches: Sequence[Path], command: str, tree: Path) -> None:
    """Writes both files and the picture.

    Args:
        benches: directories of benches.
        command: that ran them.
        tree: directory of README.md and docs/.
    """
    with tempfile.TemporaryDirectory() as scratch:
        report = write_report(benches, Path(scratch))
        shutil.copyfile(Path(scratch, f"{report.tables[0].file_name}.png"), tree / "docs" / PICTURE)
    write_between(tree / "README.md", BEGIN, readme_markdown(report, command, f"docs/{PICTURE}"))
    write_between(
        tree / "docs" / "bench.md", BEGIN, f"![The bench in figures]({PICTURE})\n\n{block_markdown(report, command)}"
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Reads what was run, and writes it into the documentation."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("benches", type=Path, nargs="+", metavar="BENCH", help="directory of a bench that was run")
    parser.add_argument("--command", required=True, help="that ran it, as the documents show it")
    parser.add_argument("--tree", type=Path, default=Path(), help="directory of README.md and docs/")
    options = parser.parse_args(arguments)
    try:
        write_docs(options.benches, options.command, options.tree)
    except RatchetError as error:
        print(f"bench_docs: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
