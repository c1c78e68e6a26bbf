from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ratchet.components.example_gen import content
from ratchet.components.example_gen.content import cache_key, content_digest, stored_digest
from ratchet.components.example_gen.dataset import read_source
from tests.builders import coco, coco_image, encode, picture, write_span


def digest(directory: Path) -> str:
    return content_digest(read_source(str(directory)))


@pytest.fixture
def golden(tmp_path: Path) -> Path:
    return write_span(tmp_path / "golden")


def test_the_same_data_elsewhere_and_written_later_have_the_same_digest(golden: Path, tmp_path: Path) -> None:
    copy = tmp_path / "elsewhere" / "golden"
    shutil.copytree(golden, copy)
    for path in copy.rglob("*"):
        os.utime(path, (1, 1))
    assert digest(copy) == digest(golden)


def an_image_is_another(golden: Path) -> None:
    file = golden / "images" / "1.jpg"
    altered = bytearray(file.read_bytes())
    altered[-3] ^= 1  # of the same size and time
    stat = file.stat()
    file.write_bytes(bytes(altered))
    os.utime(file, ns=(stat.st_atime_ns, stat.st_mtime_ns))


def two_images_change_places(golden: Path) -> None:
    images = golden / "images"
    (images / "1.jpg").rename(images / "x")
    (images / "2.jpg").rename(images / "1.jpg")
    (images / "x").rename(images / "2.jpg")


def _annotated(change: Callable[[dict[str, Any]], None]) -> Callable[[Path], None]:
    def alter(golden: Path) -> None:
        document = coco()
        change(document)
        images = {f"{number}.jpg": encode(picture(seed=number)) for number in (1, 2)}
        shutil.rmtree(golden)
        write_span(golden, document, images)

    return alter


@pytest.mark.parametrize(
    "change",
    [
        an_image_is_another,
        two_images_change_places,
        _annotated(lambda document: document["annotations"][0].update(bbox=[10.5, 5.25, 20.0, 30.5])),
        _annotated(lambda document: document["annotations"][0].update(category_id=7)),
        _annotated(lambda document: document["categories"][0].update(name="kitten")),
        _annotated(lambda document: document["images"].__setitem__(0, coco_image(1, camera="b"))),
    ],
)
def test_every_part_of_the_content_changes_the_digest(golden: Path, change: Callable[[Path], None]) -> None:
    before = digest(golden)
    change(golden)
    assert digest(golden) != before


def test_the_key_is_another_for_other_content_and_the_same_for_the_same() -> None:
    assert cache_key("a") == cache_key("a") != cache_key("b")


def test_the_key_is_another_for_other_code(monkeypatch: pytest.MonkeyPatch) -> None:
    before = cache_key("a")
    monkeypatch.setattr(content, "code_version", lambda: "of tomorrow")
    assert cache_key("a") != before


def test_a_stored_data_set_is_told_from_one_that_lost_or_changed_a_file(golden: Path) -> None:
    whole = stored_digest(str(golden))
    (golden / "images" / "2.jpg").rename(golden / "images" / "3.jpg")
    renamed = stored_digest(str(golden))
    (golden / "images" / "3.jpg").unlink()
    assert len({whole, renamed, stored_digest(str(golden))}) == 3
