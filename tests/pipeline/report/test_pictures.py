from __future__ import annotations

import io
import math
import os
import warnings
from pathlib import Path

import pytest
from PIL import Image

from ratchet.pipeline.report.pictures import THUMBNAIL_PX, Pictures
from ratchet.schemas.base.errors import InputError
from tests.builders import picture
from tests.components.imaging.oriented import RED_XYWH_PX, UPRIGHT_PX, red_xywh_px, stored


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    (tmp_path / "images" / "cam").mkdir(parents=True)
    picture(1200, 600).save(tmp_path / "images" / "cam" / "a.png")
    picture().save(tmp_path / "secret.png")
    return tmp_path / "images"


def sized(*names: str) -> dict[str, tuple[float, float]]:
    """Names of which the ground truth says no size."""
    return dict.fromkeys(names, (math.nan, math.nan))


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
    Pictures(directory).check(sized("", "gone.png", "cam/a.png"))
    with pytest.raises(InputError, match=r"holds none of the images .* such as 'gone\.png'"):
        Pictures(directory).check(sized("", "gone.png", "../secret.png"))
    with pytest.raises(InputError, match="names no image files"):
        Pictures(directory).check(sized(""))
    Pictures(None).check(sized("gone.png"))


@pytest.mark.parametrize(("name", "told"), [("nowhere", "there is no such directory"), ("secret.png", "is no direc")])
def test_what_is_no_directory_is_refused(directory: Path, name: str, told: str) -> None:
    with pytest.raises(InputError, match=told):
        Pictures(directory.parent / name)


def with_orientation(value: int) -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = value
    return exif


@pytest.mark.parametrize(
    ("stored", "truth", "orientation", "told"),
    [
        ((48, 64), (640, 480), None, "is 48x64, the ground truth says 640x480"),
        ((48, 64), (640, 480), 3, "is 48x64, the ground truth says 640x480"),
        ((480, 640), (640, 640), 6, "is 480x640, the ground truth says 640x640"),
        ((64, 48), (64, 52), None, "is 64x48, the ground truth says 64x52"),
    ],
)
def test_an_image_of_another_shape_is_not_shown(
    directory: Path, stored: tuple[int, int], truth: tuple[int, int], orientation: int | None, told: str
) -> None:
    exif = with_orientation(orientation) if orientation else Image.Exif()
    picture(*stored).save(directory / "b.jpg", exif=exif)
    pictures = Pictures(directory)
    pictures.check({"b.jpg": truth, "cam/a.png": (1200, 600)})
    assert list(pictures(["b.jpg", "cam/a.png"])) == ["cam/a.png"]
    assert pictures.unseen == {"b.jpg": told}


@pytest.mark.parametrize("orientation", [5, 6, 7, 8])
def test_an_image_that_only_its_exif_orientation_gives_the_size_of_the_truth_is_shown_upright(
    directory: Path, orientation: int
) -> None:
    (directory / "b.jpg").write_bytes(stored(orientation))
    pictures = Pictures(directory)
    pictures.check({"b.jpg": UPRIGHT_PX})
    shown = pictures(["b.jpg"])["b.jpg"]
    scale = THUMBNAIL_PX / UPRIGHT_PX[0]
    assert red_xywh_px(shown) == pytest.approx([scale * side for side in RED_XYWH_PX], abs=3)
    assert pictures.sizes_px == {"b.jpg": UPRIGHT_PX}
    pictures.check({"b.jpg": UPRIGHT_PX[::-1]})  # boxes of stored pixels are shown on them
    assert Image.open(io.BytesIO(pictures(["b.jpg"])["b.jpg"])).size == (THUMBNAIL_PX * 2 // 3, THUMBNAIL_PX)


@pytest.mark.parametrize("truth", [(1000, 333), (500, 167), (500, 166), (9009, 3000), (math.nan, math.nan), (0, 7)])
def test_the_same_image_of_another_size_is_shown(directory: Path, truth: tuple[float, float]) -> None:
    picture(1000, 333).save(directory / "b.jpg", exif=with_orientation(6))
    pictures = Pictures(directory)
    pictures.check({"b.jpg": truth})
    assert list(pictures(["b.jpg"])) == ["b.jpg"]
    assert pictures.unseen == {}


def test_an_image_of_too_many_pixels_is_told_by_their_number(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    picture(3000, 2000).save(directory / "b.png")
    for limit, told in ((3_000_000, {}), (2_900_000, {"b.png": "too large to show (6 megapixels)"})):
        monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", limit)
        pictures = Pictures(directory)
        with warnings.catch_warnings(record=True) as warned:
            warnings.simplefilter("always")
            pictures(["b.png"])
        assert pictures.unseen == told
        assert warned == []
