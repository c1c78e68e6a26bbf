from __future__ import annotations

from pathlib import Path

import pytest

from requirements.lockfile import Locked, read_lock

ROOT = Path(__file__).resolve().parents[2]
ONE, TWO = "1" * 64, "2" * 64


def lock(directory: Path, text: str) -> Path:
    path = directory / "lock.txt"
    path.write_text(text)
    return path


def test_names_are_canonical_and_hashes_belong_to_their_package(tmp_path: Path) -> None:
    text = f"# made\nAB_c[gcp]==1.0 \\\n    --hash=sha256:{ONE} \\\n    --hash=sha256:{TWO}\nd==2 --hash=sha256:{TWO}\n"
    assert read_lock(lock(tmp_path, text)) == {"ab-c": Locked("1.0", (ONE, TWO)), "d": Locked("2", (TWO,))}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "# nothing\n",
        "a==1\n",
        f"a>=1 --hash=sha256:{ONE}\n",
        f"--index-url x\na==1 --hash=sha256:{ONE}\n",
        f"a==1 --hash=sha256:{ONE}\nA==1 --hash=sha256:{ONE}\n",
    ],
)
def test_what_would_leave_a_package_out_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(ValueError, match="make lock"):
        read_lock(lock(tmp_path, text))


@pytest.mark.parametrize("name", ["lock.txt", "audit-lock.txt"])
def test_no_pin_of_our_locks_is_overlooked(name: str) -> None:
    path = ROOT / "requirements" / name
    assert len(read_lock(path)) == path.read_text().count("==")
