from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from ratchet.components.object_store import objects
from ratchet.pipeline.data import write_images
from ratchet.pipeline.data.convert import ConvertRequest, convert
from ratchet.pipeline.data.resumable import resumable_directory
from ratchet.schemas.base.errors import DataError, InputError
from tests.builders import coco, coco_image, encode, picture, to_bytes, write_span
from tests.components.example_gen.deliveries import WRITERS


def files_in(directory: Path) -> dict[str, bytes]:
    return {str(path.relative_to(directory)): path.read_bytes() for path in directory.rglob("*") if path.is_file()}


def killed_after(monkeypatch: pytest.MonkeyPatch, images: int) -> list[str]:
    """Ends the next conversion with a Ctrl-C once so many images are checked; the names of all that are, later too."""
    checked: list[str] = []
    real = write_images.ingest

    def ingest(encoded: bytes, record: Any, source: str, exif: Any) -> Any:
        if len(checked) == images:
            raise KeyboardInterrupt
        checked.append(record.file_name)
        return real(encoded, record, source, exif)

    monkeypatch.setattr(write_images, "ingest", ingest)
    monkeypatch.setattr(write_images, "_THREADS", 1)
    return checked


def counted(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    return killed_after(monkeypatch, -1)


@pytest.mark.parametrize("form", WRITERS)
def test_what_a_kill_left_is_gone_on_with(form: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source, out = WRITERS[form](tmp_path / "in"), tmp_path / "out"
    convert(ConvertRequest(source, tmp_path / "at once"))
    with monkeypatch.context() as patch:
        first = killed_after(patch, 1)
        with pytest.raises(KeyboardInterrupt):
            convert(ConvertRequest(source, out))
    assert not out.exists()
    again = counted(monkeypatch)
    converted = convert(ConvertRequest(source, out))
    assert len(first) == len(again) == 1
    assert first != again
    assert files_in(out) == files_in(tmp_path / "at once")
    assert converted.facts == convert(ConvertRequest(source, tmp_path / "third")).facts
    assert sorted(path.name for path in tmp_path.iterdir()) == ["at once", "in", "out", "third"]


@pytest.mark.parametrize("change", ["image", "annotation", "written"])
def test_what_changed_since_the_kill_is_done_again(
    change: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, out = write_span(tmp_path / "in"), tmp_path / "out"
    with monkeypatch.context() as patch:
        checked = killed_after(patch, 1)
        with pytest.raises(KeyboardInterrupt):
            convert(ConvertRequest(source, out))
    [done] = checked
    if change == "image":
        (source / "images" / done).write_bytes(encode(picture(seed=9)))
    elif change == "annotation":
        (source / "images" / "3.jpg").write_bytes(encode(picture(seed=3)))
        (source / "annotations.json").write_bytes(to_bytes(coco(images=[coco_image(n) for n in (1, 2, 3)])))
    else:
        [begun] = tmp_path.glob(".writing-*/whole/images")
        (begun / done).write_bytes(b"")
    again = counted(monkeypatch)
    convert(ConvertRequest(source, out))
    assert done in again
    assert (out / "images" / done).read_bytes() == (source / "images" / done).read_bytes()


def test_a_bad_image_leaves_nothing(tmp_path: Path) -> None:
    source = write_span(tmp_path / "in")
    (source / "images" / "2.jpg").write_bytes(encode(picture())[:300])
    with pytest.raises(DataError, match=r"2\.jpg"):
        convert(ConvertRequest(source, tmp_path / "out"))
    assert [path.name for path in tmp_path.iterdir()] == ["in"]


def interrupted(path: Path, error: BaseException, cut_off: str = "") -> None:
    """Begins a directory, notes one image and ends with an error."""
    with resumable_directory(str(path), "a") as begun:
        begun.note({"id": 1})
        Path(begun.directory, "x").write_text("")
        begun.journal.write(cut_off)
        raise error


def begin(path: Path, asked: str) -> tuple[list[dict[str, Any]], list[str]]:
    """What is known, and there, of one that is begun again."""
    with resumable_directory(str(path), asked) as begun:
        return begun.done, os.listdir(begun.directory)


def test_two_at_once_do_not_write_one_directory(tmp_path: Path) -> None:
    with (
        resumable_directory(str(tmp_path / "out"), "a"),
        pytest.raises(InputError, match="another process is writing it"),
    ):
        begin(tmp_path / "out", "a")
    assert (tmp_path / "out").is_dir()


@pytest.mark.parametrize(("asked", "left"), [("a", ([{"id": 1}], ["x"])), ("b", ([], []))])
def test_only_what_was_begun_for_the_same_is_gone_on_with(tmp_path: Path, asked: str, left: Any) -> None:
    with pytest.raises(KeyboardInterrupt):
        interrupted(tmp_path / "out", KeyboardInterrupt())
    assert begin(tmp_path / "out", asked) == left


def test_a_line_that_was_cut_off_is_no_line(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        interrupted(tmp_path / "out", KeyboardInterrupt(), '{"id": 2, "sta')
    assert begin(tmp_path / "out", "a")[0] == [{"id": 1}]


def test_a_full_disk_keeps_what_is_done(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"No space left.*the same command goes on with it"):
        interrupted(tmp_path / "out", OSError(28, "No space left on device"))
    [asked] = tmp_path.glob(".writing-out/asked.json")
    assert json.loads(asked.read_text()) == {"format": 1, "asked": "a"}
    assert begin(tmp_path / "out", "a")[0] == [{"id": 1}]


def test_from_gs_only_what_is_left_is_read_again(gcs: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    local = write_span(tmp_path / "in", coco(images=[coco_image(number) for number in range(1, 7)]))
    for name, content in files_in(local).items():
        objects.write(gcs.uri(f"span/{name}"), content)
    with monkeypatch.context() as patch:
        done = killed_after(patch, 3)
        with pytest.raises(KeyboardInterrupt):
            convert(ConvertRequest(gcs.uri("span"), tmp_path / "out"))
    objects.write(gcs.uri(f"span/images/{done[0]}"), encode(picture(seed=99)))
    gcs.forget()
    convert(ConvertRequest(gcs.uri("span"), tmp_path / "out"))
    read = {request.name.split("/")[-1] for request in gcs.requests if request.kind == "read"}
    assert read == {"annotations.json", done[0], *({f"{number}.jpg" for number in range(1, 7)} - set(done))}
    (local / "images" / done[0]).write_bytes(encode(picture(seed=99)))
    convert(ConvertRequest(local, tmp_path / "from here"))
    assert files_in(tmp_path / "out" / "images") == files_in(tmp_path / "from here" / "images")
