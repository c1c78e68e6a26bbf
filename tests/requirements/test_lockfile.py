from __future__ import annotations

import re
from pathlib import Path

import pytest

from requirements.lockfile import PYTHONS, Locked, read_lock, stack_lock, stack_of

ROOT = Path(__file__).resolve().parents[2]
ONE, TWO = "1" * 64, "2" * 64


def lock(directory: Path, text: str) -> Path:
    path = directory / "lock.txt"
    path.write_text(text)
    return path


def test_names_are_canonical_and_hashes_belong_to_their_package(tmp_path: Path) -> None:
    text = f"# made\nAB_c[gcp]==1.0 \\\n    --hash=sha256:{ONE} \\\n    --hash=sha256:{TWO}\nd==2 --hash=sha256:{TWO}\n"
    assert read_lock(lock(tmp_path, text), "3.10") == {"ab-c": Locked("1.0", (ONE, TWO)), "d": Locked("2", (TWO,))}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "# nothing\n",
        "a==1\n",
        f"a>=1 --hash=sha256:{ONE}\n",
        f"--index-url x\na==1 --hash=sha256:{ONE}\n",
        f"a==1 --hash=sha256:{ONE}\nA==1 --hash=sha256:{ONE}\n",
        f"a==1 ; python_version < '3.12' --hash=sha256:{ONE}\na==1 --hash=sha256:{ONE}\n",
        f"a==1 ; python_version is '3.12' --hash=sha256:{ONE}\n",
    ],
)
def test_what_would_leave_a_package_out_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(ValueError, match="make lock"):
        read_lock(lock(tmp_path, text), "3.10")


def test_a_line_for_another_python_is_left_out(tmp_path: Path) -> None:
    lines = [
        f"a=={n} ; python_full_version {sign} '3.12' \\\n    --hash=sha256:{ONE}\n" for n, sign in ((1, "<"), (2, ">="))
    ]
    path = lock(tmp_path, "".join(lines))
    assert [read_lock(path, python)["a"].version for python in ("3.11", "3.12", "3.13")] == ["1", "2", "2"]


@pytest.mark.parametrize(("stack", "python"), [(stack, python) for stack in PYTHONS for python in PYTHONS[stack]])
def test_no_pin_of_our_locks_is_overlooked(stack: str, python: str) -> None:
    path = stack_lock(ROOT / "requirements", stack)
    pinned = re.findall(r"^([A-Za-z0-9._-]+)==", path.read_text(), re.MULTILINE)
    only_elsewhere = set(pinned) - set(read_lock(path, python))
    assert len(only_elsewhere) <= 3
    assert stack_of(python) == stack


def test_no_pin_of_the_lock_of_the_audit_is_overlooked() -> None:
    path = ROOT / "requirements" / "audit-lock.txt"
    assert len(read_lock(path, "3.10")) == path.read_text().count("==")


def test_a_python_without_a_lock_is_named() -> None:
    with pytest.raises(ValueError, match=r"Python 3\.14 has no lock; there are locks for 3\.10, 3\.11, 3\.12, 3\.13"):
        stack_of("3.14")
