from __future__ import annotations

import io
import os
from pathlib import Path

import pytest
from PIL import Image

from ratchet.pipeline.report.pictures import THUMBNAIL_PX, Pictures
from ratchet.schemas.base.errors import InputError
from tests.builders import picture


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    (tmp_path / "images" / "cam").mkdir(parents=True)
    picture(1200, 600).save(tmp_path / "images" / "cam" / "a.png")
    picture().save(tmp_path / "secret.png")
    return tmp_path / "images"


def test_only_what_is_asked_for_is_read_and_made_small(directory: Path) -> None:
    pictures = Pictures(directory)
    [(name, jpeg)] = pictures(["cam/a.png"]).items()
    with Image.open(io.BytesIO(jpeg)) as image:
        assert (name, image.format, image.size) == ("cam/a.png", "JPEG", (THUMBNAIL_PX, THUMBNAIL_PX // 2))
    assert pictures.sizes_px == {"cam/a.png": (1200, 600)}
    assert pictures.unseen == {}


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("../secret.png", "no plain path below the directory"),
        ("/etc/hostname", "no plain path below the directory"),
        ("gone.png", "no such file"),
        ("cam", "cannot be read: Is a directory"),
        ("fifo", "cannot be read: a FIFO or pipe, not a regular file"),
        ("text.jpg", "cannot be read: cannot identify image file"),
        ("cut.png", "cannot be read: "),
        ("page.eps", "cannot be read: cannot identify image file"),
    ],
)
def test_what_cannot_be_shown_is_told_and_nothing_else_happens(directory: Path, name: str, told: str) -> None:
    os.mkfifo(directory / "fifo")
    (directory / "text.jpg").write_text("no image")
    (directory / "cut.png").write_bytes((directory / "cam" / "a.png").read_bytes()[:900])
    picture().save(directory / "page.eps", "EPS")
    pictures = Pictures(directory)
    assert pictures([name]) == {}
    assert pictures.unseen[name].startswith(told)


def test_a_directory_with_none_of_the_images_is_refused_with_one_of_them(directory: Path) -> None:
    Pictures(directory).check(["", "gone.png", "cam/a.png"])
    with pytest.raises(InputError, match=r"holds none of the images .* such as 'gone\.png'"):
        Pictures(directory).check(["", "gone.png", "../secret.png"])
    with pytest.raises(InputError, match="names no image files"):
        Pictures(directory).check(["", ""])
    Pictures(None).check(["gone.png"])


@pytest.mark.parametrize(("name", "told"), [("nowhere", "there is no such directory"), ("secret.png", "is no direc")])
def test_what_is_no_directory_is_refused(directory: Path, name: str, told: str) -> None:
    with pytest.raises(InputError, match=told):
        Pictures(directory.parent / name)
