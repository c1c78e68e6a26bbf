"""The picture of the review page is that of a blocked run, and small enough to be kept."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from handbook.pictures import HEIGHT_PX, WIDTH_PX, main, palette_png
from ratchet.schemas.artifacts.decisions import Verdict
from ratchet.schemas.base.errors import InputError
from tests.pipeline.roots import add_run

PICTURE = Path(__file__).resolve().parents[2] / "docs/images/review.png"
PAGE = "<!DOCTYPE html><style>@media (prefers-color-scheme: light) {{ body {{ background: #fa0 }} }}</style>{}"


def root_with(directory: Path, **pages: str) -> Path:
    for day, (run, text) in enumerate(pages.items(), start=1):
        add_run(directory, run, Verdict.PUSHED if run == "pushed" else Verdict.BLOCKED, day)
        (directory / "runs" / run / "review.html").write_text(text)
    return directory


def test_the_newest_blocked_run_is_taken(tmp_path: Path) -> None:
    root = root_with(tmp_path / "root", older="older", newer=PAGE.format("newer"), pushed="pushed")
    docs = tmp_path / "docs"
    # In a process of its own, for this one may have a browser already.
    command = [sys.executable, "-m", "handbook.pictures", str(root), "--docs", str(docs)]
    subprocess.run(command, check=True, cwd=PICTURE.parents[2])
    picture = Image.open(docs / "images/review.png")
    assert (picture.size, picture.mode) == ((WIDTH_PX, HEIGHT_PX), "P")
    assert picture.convert("RGB").getpixel((WIDTH_PX - 1, HEIGHT_PX - 1)) == (255, 170, 0)


def test_a_root_without_a_blocked_run_is_told_in_a_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = root_with(tmp_path / "root", pushed="pushed")
    assert main([str(root), "--docs", str(tmp_path)]) == 2
    assert "no blocked run with a page" in capsys.readouterr().err
    assert not (tmp_path / "images").exists()


def test_a_picture_that_is_too_large_is_refused() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (700, 1280, 3), dtype=np.uint8)
    with pytest.raises(InputError, match=r"the picture: .* bytes"):
        palette_png(Image.fromarray(noise))


def test_the_picture_that_is_kept_is_one_of_these() -> None:
    content = PICTURE.read_bytes()
    picture = Image.open(io.BytesIO(content))
    assert (picture.format, picture.mode, picture.width) == ("PNG", "P", WIDTH_PX)
    assert len(content) < 200_000
    assert len(picture.convert("RGB").getcolors(WIDTH_PX * HEIGHT_PX) or []) > 16
