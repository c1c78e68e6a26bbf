from __future__ import annotations

import base64
import datetime
import json
import os
from pathlib import Path

import pytest

from ratchet.components.requests.log_lines import logged_in
from ratchet.pipeline.cli.main import main
from ratchet.pipeline.data.log_sample import log_sample
from ratchet.schemas.base.errors import InputError
from tests.builders import encode, picture


@pytest.fixture
def images(tmp_path: Path) -> Path:
    directory = tmp_path / "images" / "cam 1"
    directory.mkdir(parents=True)
    for number in range(40):
        (directory / f"{number:02}.jpg").write_bytes(encode(picture(seed=number)))
    (directory / "notes.txt").write_text("no image")
    return tmp_path / "images"


def lines_of(log: Path) -> list[dict[str, str]]:
    return [json.loads(line) for file in sorted(log.glob("*.jsonl")) for line in file.read_text().splitlines()]


def test_all_images_are_kept_byte_for_byte(images: Path, tmp_path: Path) -> None:
    logged = log_sample([images], tmp_path / "log", 1.0)
    assert (logged.seen, logged.kept) == (40, 40)
    kept = {entry["name"]: base64.b64decode(entry["image"]) for entry in lines_of(tmp_path / "log")}
    assert kept == {file.name: file.read_bytes() for file in images.rglob("*.jpg")}


def test_a_share_is_kept_and_always_the_same_images(images: Path, tmp_path: Path) -> None:
    first = log_sample([images], tmp_path / "a", 0.3)
    log_sample([images], tmp_path / "b", 0.3)
    assert 3 < first.kept < 25
    names = [[entry["name"] for entry in lines_of(tmp_path / log)] for log in "ab"]
    assert names[0] == names[1]


def test_each_call_adds_a_file_and_newer_names_sort_later(images: Path, tmp_path: Path) -> None:
    files = [log_sample([images / "cam 1" / f"0{number}.jpg"], tmp_path / "log", 1.0).file for number in range(3)]
    assert files == sorted((tmp_path / "log").iterdir())


@pytest.mark.parametrize(("path", "fraction", "word"), [("nowhere", 1.0, "nowhere"), ("images", 0.0, "--fraction 0.0")])
def test_bad_input_is_named_and_nothing_is_written(
    images: Path, tmp_path: Path, path: str, fraction: float, word: str
) -> None:
    with pytest.raises(InputError, match=word):
        log_sample([tmp_path / path], tmp_path / "log", fraction)
    assert not (tmp_path / "log").exists()


def test_the_command_says_what_it_kept(images: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["log-sample", "--images", str(images), "--log", str(tmp_path / "log"), "--json"]) == 0
    told = capsys.readouterr()
    assert "kept 40 of 40 images in " in told.err
    assert json.loads(told.out)["kept"] == 40


def test_the_same_images_are_not_added_again_and_are_counted(
    images: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = tmp_path / "log"
    log_sample([images], log, 1.0)
    (images / "cam 1" / "40.jpg").write_bytes(encode(picture(seed=40)))
    (images / "cam 1" / "41.jpg").write_bytes(encode(picture(seed=40)))  # the same under another name
    assert main(["log-sample", "--images", str(images), "--log", str(log)]) == 0
    said = capsys.readouterr().out.splitlines()[0]
    assert said.startswith("kept 1 of 42 images in ")
    assert said.endswith("; 41 were there already")
    assert len(lines_of(log)) == 41
    assert log_sample([images], log, 1.0).file is None


def test_images_that_others_logged_are_known_too(images: Path, tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.mkdir()
    body = {"instances": [{"b64": base64.b64encode((images / "cam 1" / "07.jpg").read_bytes()).decode()}]}
    (log / "rest.jsonl").write_text(json.dumps(body) + '\n\n{"image": "torn')
    logged = log_sample([images], log, 1.0)
    assert (logged.kept, logged.already) == (39, 1)


def test_a_camera_and_the_time_of_each_file_are_logged_where_they_are_asked_for(images: Path, tmp_path: Path) -> None:
    written = datetime.datetime(2026, 11, 28, 3, 30).astimezone()
    for path in (images / "cam 1").iterdir():
        os.utime(path, (written.timestamp(), written.timestamp()))
    log = tmp_path / "log"
    arguments = ["log-sample", "--images", str(images), "--log", str(log), "--camera", " north ", "--file-times"]
    assert main(arguments) == 0
    found = [logged for line in lines_of(log) for logged in logged_in(json.dumps(line).encode())]
    assert len(found) == 40
    assert {(logged.camera, logged.at) for logged in found} == {("north", written)}
    assert {logged.at.hour for logged in found if isinstance(logged.at, datetime.datetime)} == {3}
    assert found[0].name == "00.jpg"


def test_an_empty_camera_is_refused_before_anything_is_written(images: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="--camera is empty"):
        log_sample([images], tmp_path / "log", 1.0, camera=" ")
    assert not (tmp_path / "log").exists()
