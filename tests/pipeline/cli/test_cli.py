"""Bad input at the command line: one clear error, exit code 2, and nothing written."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ratchet.pipeline.cli.main import main
from tests.builders import coco, coco_annotation, coco_image, write_span


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A span large enough for a batch, and a golden set."""
    many = coco(images=[coco_image(i) for i in range(1, 31)], annotations=[coco_annotation(i, i) for i in range(1, 31)])
    write_span(tmp_path / "data" / "span-1", many)
    write_span(tmp_path / "data" / "golden")
    return tmp_path / "data"


def run(data: Path, *arguments: str) -> int:
    root = str(data.parent / "root")
    return main(["run", "--config", "digits", "--data", str(data), "--root", root, "--bootstrap", *arguments])


def edit(file: Path, change: Callable[[dict[str, Any]], None]) -> None:
    document = json.loads(file.read_text())
    change(document)
    file.write_text(json.dumps(document))


def missing_directory(data: Path) -> None:
    (data / "span-1").rename(data / "elsewhere")


def empty_span(data: Path) -> None:
    edit(data / "span-1" / "annotations.json", lambda d: d.update(images=[], annotations=[]))


def broken_json(data: Path) -> None:
    (data / "span-1" / "annotations.json").write_text('{"images": [')


def missing_image(data: Path) -> None:
    (data / "span-1" / "images" / "7.jpg").unlink()


def box_outside(data: Path) -> None:
    edit(data / "golden" / "annotations.json", lambda d: d["annotations"][1].update(bbox=[60, 5, 20, 10]))


def zero_box(data: Path) -> None:
    edit(data / "golden" / "annotations.json", lambda d: d["annotations"][1].update(bbox=[10, 5, 0, 10]))


def negative_box(data: Path) -> None:
    edit(data / "golden" / "annotations.json", lambda d: d["annotations"][1].update(bbox=[10, 5, 10, -3]))


def unknown_category(data: Path) -> None:
    edit(data / "span-1" / "annotations.json", lambda d: d["annotations"][6].update(category_id=99))


def duplicate_image_id(data: Path) -> None:
    edit(data / "span-1" / "annotations.json", lambda d: d["images"][7].update(id=7))


def unknown_image(data: Path) -> None:
    edit(data / "span-1" / "annotations.json", lambda d: d["annotations"][6].update(image_id=999))


@pytest.mark.parametrize(
    ("spoil", "parts"),
    [
        (missing_directory, ["span-1"]),
        (empty_span, ["span-1/annotations.json", "images"]),
        (broken_json, ["span-1/annotations.json", "line 1"]),
        (missing_image, ["span-1/annotations.json", "file_name '7.jpg': no such file", "span-1/images; deliver it"]),
        (box_outside, ["golden/annotations.json", "image 2", "60", "outside"]),
        (zero_box, ["golden/annotations.json", "image 2", "(id 2"]),
        (negative_box, ["golden/annotations.json", "image 2", "-3"]),
        (unknown_category, ["span-1/annotations.json", "(id 7", "99"]),
        (duplicate_image_id, ["span-1/annotations.json", "7"]),
        (unknown_image, ["span-1/annotations.json", "(id 7", "999"]),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_bad_data_is_named_and_nothing_is_written(
    data: Path, capsys: pytest.CaptureFixture[str], spoil: Callable[[Path], None], parts: list[str]
) -> None:
    spoil(data)
    assert run(data, "--span", "1") == 2
    captured = capsys.readouterr()
    assert captured.err.count("ratchet: ") == 1
    assert "Traceback" not in captured.err
    for part in parts:
        assert part in captured.err
    assert not (data.parent / "root").exists()


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        (["--set", "training.batch_sise=3"], "did you mean 'batch_size'"),
        (["--set", "training.init_checkpoint=no/such/file"], "no such file"),
        (["--config", "nowhere.yaml"], "nowhere.yaml"),
        (["--span", "5"], "span-1"),
        (["--golden", "no/golden"], "no/golden"),
    ],
)
def test_bad_settings_are_named_and_nothing_is_written(
    data: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], part: str
) -> None:
    assert run(data, *arguments) == 2
    assert part in capsys.readouterr().err
    assert not (data.parent / "root").exists()


def test_without_a_baseline_the_advice_is_to_bootstrap(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "--config", "digits", "--data", str(data), "--root", str(data.parent / "root")]) == 2
    assert "--bootstrap" in capsys.readouterr().err


def test_with_json_an_error_is_the_last_line_too(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(data, "--span", "5", "--json") == 2
    last = json.loads(capsys.readouterr().out)
    assert last["exit_code"] == 2
    assert last["verdict"] is None
    assert "span-1" in last["error"]


def test_digits_writes_a_span_and_refuses_to_overwrite_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["digits", "--span", "4", "--images", "2", "--out", str(tmp_path)]
    assert main(command) == 0
    assert capsys.readouterr().out.strip() == str(tmp_path / "span-4")
    assert main(command) == 2
    assert "not empty" in capsys.readouterr().err


def test_the_demo_does_not_replace_a_directory_it_did_not_make(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "precious").write_text("x")
    assert main(["demo", "--dir", str(tmp_path)]) == 2
    assert str(tmp_path) in capsys.readouterr().err
    assert (tmp_path / "precious").exists()
