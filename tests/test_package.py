"""What is not Python and is read at run time is installed with the package."""

from __future__ import annotations

import ast
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def package_data() -> dict[str, list[str]]:
    """As setup.py names it."""
    for node in ast.walk(ast.parse((ROOT / "setup.py").read_text())):
        if isinstance(node, ast.keyword) and node.arg == "package_data":
            return ast.literal_eval(node.value)
    raise AssertionError("setup.py names no package_data")


def test_every_file_beside_the_code_is_package_data() -> None:
    named = {
        path
        for package, patterns in package_data().items()
        for pattern in patterns
        for path in (ROOT / package.removeprefix("ratchet.").replace(".", "/")).glob(pattern)
    }
    there = {
        path
        for room in ("schemas", "components", "pipeline")
        for path in (ROOT / room).rglob("*.*")
        if path.is_file() and path.suffix not in (".py", ".pyc")
    }
    assert there - named == set()
    assert (ROOT / "components/diagnosis/seen.json") in named
