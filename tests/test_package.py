"""What is not Python and is read at run time is installed with the package."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

import ratchet

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


def test_a_checkout_does_not_hide_the_kubeflow_sdk(tmp_path: Path) -> None:
    (tmp_path / "kubeflow").mkdir()
    (tmp_path / "kubeflow/__init__.py").write_text("SDK = True\n")
    code = f"import sys; sys.path.append({str(tmp_path)!r}); import kubeflow; sys.exit(0 if kubeflow.SDK else 1)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


@pytest.mark.parametrize("part", ["schemas", "components", "pipeline", "kubeflow"])
def test_the_directories_are_linked_below_the_import_name(part: str) -> None:
    assert (ROOT / "ratchet" / part).readlink() == Path("..", part)


def test_a_directory_called_ratchet_above_a_checkout_hides_nothing(tmp_path: Path) -> None:
    (tmp_path / "ratchet" / "docs").mkdir(parents=True)
    code = "import ratchet.schemas; print(ratchet.__version__)"
    bare = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=bare, capture_output=True, text=True, check=False
    )
    assert done.stdout.strip() == ratchet.__version__, done.stderr
