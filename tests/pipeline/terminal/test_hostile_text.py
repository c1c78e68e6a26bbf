"""Names that others gave, in data and in what runs left, reach no terminal as they are, and fake no line of ours."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from ratchet.pipeline.cli.main import main
from ratchet.schemas.artifacts.decisions import Reason, Verdict
from ratchet.schemas.base.visible import visible, visible_line
from tests.builders import coco, coco_annotation, coco_image, write_span
from tests.pipeline.roots import add_run, add_unfinished

HOSTILE = "\x1b[2J\r\u202e\x9b\u2028X"
FAKE = f"{HOSTILE}\nPUSHED"


def shown(capsys: pytest.CaptureFixture[str]) -> str:
    """What a terminal got, and that it is harmless."""
    captured = capsys.readouterr()
    whole = captured.out + captured.err
    assert set("\x1b\r\u202e\x9b\u2028").isdisjoint(whole)
    assert "PUSHED" not in whole.splitlines()
    return whole


def test_letters_of_all_scripts_stay_and_joined_emoji_too() -> None:
    text = "Übergröße 猫 кот क्‍ष 👩‍🔬 é\tx"
    assert visible(text) == text
    assert visible_line("a\tb\nc") == "a\\tb\\nc"


def test_class_names_and_slices_of_an_evaluation(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    classes = [{"id": 3, "name": FAKE}, {"id": 7, "name": "dog"}]
    images = [coco_image(1, camera=FAKE), coco_image(2, camera="b")]
    (tmp_path / "gt.json").write_text(json.dumps(coco(categories=classes, images=images)))
    detection = {"image_id": 1, "category_id": 3, "bbox": [10.5, 5.25, 20.0, 30.0], "score": 0.9}
    (tmp_path / "good.json").write_text(json.dumps([detection]))
    (tmp_path / "bad.json").write_text("[]")
    files = ["--gt", str(tmp_path / "gt.json"), "--dt", str(tmp_path / "bad.json")]
    rules = ["--set", "evaluator.slice_by=[camera]"]
    assert main(["evaluate", *files, "--baseline-dt", str(tmp_path / "good.json"), *rules]) == 3
    assert "\\x1b[2J\\r" in shown(capsys)


def test_names_in_what_convert_and_schema_infer_say(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    outside = coco_annotation(1, 1, bbox=[60, 5, 20, 10], category_id=3)
    images = [coco_image(1, **{FAKE: FAKE}), coco_image(2)]
    document = coco(
        categories=[{"id": 3, "name": FAKE}, {"id": 7, "name": "dog"}],
        annotations=[outside, coco_annotation(2, 2)],
        images=images,
    )
    write_span(tmp_path / "span", document)
    assert main(["convert", "--from", "span", "--out", "o"]) == 0
    assert "1 of 2 boxes left out" in shown(capsys)
    assert main(["convert", "--from", "span", "--out", "o2", "--strict"]) == 2
    shown(capsys)
    assert main(["schema", "infer", "--data", "span"]) == 0
    shown(capsys)
    write_span(tmp_path / "twice", coco(categories=[{"id": 3, "name": FAKE}, {"id": 7, "name": FAKE}]))
    assert main(["convert", "--from", "twice", "--out", "o3"]) == 2
    shown(capsys)


@pytest.mark.parametrize("command", ["status", "history", "review"])
def test_run_ids_and_reasons_that_runs_left(command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    reason = Reason(FAKE, FAKE, FAKE, images=(FAKE,))
    add_run(tmp_path, f"span-2{FAKE}", Verdict.BLOCKED, 2, reasons=(reason,))
    add_unfinished(tmp_path, f"span-3{FAKE}", 3)
    os.mkdir(os.fsencode(tmp_path) + b"/runs/\xff\x9b")
    assert main([command, "--root", str(tmp_path)]) == 0
    assert "\\x1b[2J" in shown(capsys)
