"""What is no regular file is refused at once, wherever a user can name a file; to open a FIFO would wait for ever."""

from __future__ import annotations

import json
import os
import shutil
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from ratchet.pipeline.cli.main import main
from tests.builders import coco, write_span
from tests.components.example_gen.deliveries import write_voc, write_yolo


def fifo(path: Path) -> str:
    os.mkfifo(path)
    return "a FIFO or pipe, not a regular file"


def directory(path: Path) -> str:
    path.mkdir()
    return "Is a directory"


def device(path: Path) -> str:
    path.symlink_to("/dev/zero")
    return "a device, not a regular file"


def unix_socket(path: Path) -> str:
    with socket.socket(socket.AF_UNIX) as listening:
        here = Path.cwd()
        os.chdir(path.parent)  # the path of a socket has to be short
        listening.bind(path.name)
        os.chdir(here)
    return "a socket, not a regular file"


def circle(path: Path) -> str:
    path.symlink_to(path)
    return os.strerror(40)  # ELOOP


KINDS = [fifo, directory, device, unix_socket, circle]


@pytest.fixture
def given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A span, and COCO files to evaluate; the current directory."""
    write_span(tmp_path / "span")
    (tmp_path / "gt.json").write_text(json.dumps(coco()))
    (tmp_path / "dt.json").write_text("[]")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def refused(arguments: list[str], reason: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 2
    printed = capsys.readouterr().err.splitlines()
    assert [line for line in printed if line.startswith("ratchet: ")] == printed[-1:]
    assert reason in printed[-1]


@pytest.mark.parametrize("make", KINDS)
@pytest.mark.parametrize(
    "arguments",
    [
        ["evaluate", "--dt", "dt.json", "--gt", "odd"],
        ["evaluate", "--gt", "gt.json", "--dt", "odd"],
        ["evaluate", "--gt", "gt.json", "--dt", "dt.json", "--baseline-dt", "odd"],
        ["evaluate", "--gt", "gt.json", "--dt", "dt.json", "--config", "odd"],
        ["convert", "--from", "span", "--out", "o", "--classes", "odd"],
        ["check", "--data", "span", "--set", "data.schema=odd"],
    ],
    ids=lambda arguments: f"{arguments[0]} {arguments[-2]} {arguments[-1]}",
)
def test_a_file_that_is_none_is_refused(
    given: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], make: Callable[[Path], str]
) -> None:
    reason = f"cannot be read: {make(given / 'odd')}"
    if (given / "odd").is_dir() and arguments[-2] in ("--dt", "--baseline-dt"):  # which may be one, of result texts
        reason = "odd: a directory without result texts"
    refused(arguments, reason, capsys)
    assert not (given / "o").exists()


@pytest.mark.parametrize("make", [fifo, device, unix_socket])
def test_an_image_to_log_that_is_none_is_refused(
    given: Path, capsys: pytest.CaptureFixture[str], make: Callable[[Path], str]
) -> None:
    images = given / "images"
    images.mkdir()
    reason = make(images / "odd.jpg")
    for named in ("images", "images/odd.jpg"):
        refused(["log-sample", "--log", "log", "--images", named], reason, capsys)
    assert not (given / "log").exists()


def test_a_directory_named_like_an_image_is_looked_into(given: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.move(given / "span" / "images", given / "span" / "all.jpg")
    assert main(["log-sample", "--log", "log", "--images", "span"]) == 0
    assert capsys.readouterr().out.startswith("kept 2 of 2 images")


def coco_delivery(top: Path) -> list[Path]:
    write_span(top)
    return [top / "annotations.json", top / "images" / "1.jpg"]


def voc_delivery(top: Path) -> list[Path]:
    write_voc(top)
    return [next((top / "Annotations").rglob("*.xml")), next((top / "JPEGImages").rglob("*.jpg"))]


def yolo_delivery(top: Path) -> list[Path]:
    write_yolo(top)
    return [next((top / "labels").rglob("*.txt")), next((top / "images").rglob("*.jpg")), top / "data.yaml"]


def record_delivery(top: Path) -> list[Path]:
    top.mkdir()
    (top / "a.tfrecord").write_bytes(b"")
    return [top / "a.tfrecord"]


@pytest.mark.parametrize("make", [fifo, device, unix_socket])
@pytest.mark.parametrize("deliver", [coco_delivery, voc_delivery, yolo_delivery, record_delivery])
def test_convert_refuses_each_file_of_a_delivery_that_is_none(
    given: Path,
    capsys: pytest.CaptureFixture[str],
    deliver: Callable[[Path], list[Path]],
    make: Callable[[Path], str],
) -> None:
    for place in range(len(deliver(given / "count"))):
        top = given / f"delivery-{place}"
        file = deliver(top)[place]
        file.unlink(missing_ok=True)
        refused(["convert", "--from", str(top), "--out", "o"], make(file), capsys)
        assert not (given / "o").exists()
