"""`ratchet config propose`, and `ratchet run` of a new root without --config."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from ratchet.pipeline.cli.main import main
from ratchet.pipeline.config.pipeline_settings import load_config
from ratchet.pipeline.demo.digits import DigitsOptions, write_digits
from tests.builders import coco, coco_annotation, coco_image, encode, write_span

SMALL_OBJECTS = {(1280, 720): 40, (4000, 3000): 30}  # width by size of the image, px


def photographs(directory: Path, size: tuple[int, int]) -> Path:
    """A span of photographs in one colour, which have three objects each."""
    numbers = range(1, 7)
    images = [coco_image(i, width=size[0], height=size[1]) for i in numbers]
    side = SMALL_OBJECTS[size]
    annotations = [
        coco_annotation(10 * i + k, i, category_id=3 + 4 * (k % 2), bbox=[100 * k, 50 * i, side + 9 * k, side], area=9)
        for i in numbers
        for k in range(1, 4)
    ]
    file = encode(Image.new("RGB", size, (90, 120, 90)))
    document = coco(images=images, annotations=annotations)
    return write_span(directory, document, {f"{i}.jpg": file for i in numbers})


@pytest.fixture
def street(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Photographs of a street with a golden set, in a directory of their own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("RATCHET_ROOT", raising=False)
    photographs(tmp_path / "data" / "golden", (1280, 720))
    photographs(tmp_path / "data" / "span-1", (1280, 720))
    return tmp_path / "data"


def run(*arguments: str) -> int:
    return main(["run", "--data", "data", "--root", "root", *arguments])


def proposed(capsys: pytest.CaptureFixture[str], data: Path, out: Path, *arguments: str) -> dict[str, Any]:
    assert main(["config", "propose", "--data", str(data), "--out", str(out), "--json", *arguments]) == 0
    return json.loads(capsys.readouterr().out)


def test_digits_and_photographs_get_what_fits_them(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_digits(str(tmp_path / "digits" / "span-1"), DigitsOptions(span=1, images=60))
    for size in SMALL_OBJECTS:
        photographs(tmp_path / f"{size[0]}" / "span-1", size)
    found = {}
    for name in ("digits", "1280", "4000"):
        values = proposed(capsys, tmp_path / name, tmp_path / f"{name}.yaml")
        settings = load_config(tmp_path / f"{name}.yaml")
        assert (
            json.loads(json.dumps(list(settings.model.fixed_input_size))) == values["settings"]["model"]["input_size"]
        )
        found[name] = settings
    assert found["digits"].model.input_size == (128, 128)
    assert found["digits"].model.backbone.type == "resnet"
    assert found["1280"].model.input_size != found["4000"].model.input_size
    assert {found[name].model.backbone.type for name in ("1280", "4000")} == {"mobilenet"}
    assert found["4000"].model.min_level == 2


def test_the_text_names_the_file_and_the_next_command(street: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["config", "propose", "--data", "data", "--span", "1"]) == 0
    first, *_, last = capsys.readouterr().out.splitlines()
    assert first.startswith("ratchet.yaml: MobileNetV1 at half its width, input ")
    assert last.endswith(": ratchet run --config ratchet.yaml --data data --span 1 --bootstrap")
    assert load_config("ratchet.yaml").name == "detector"


def test_a_file_that_is_there_is_not_overwritten(street: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("mine.yaml").write_text("name: mine")
    assert main(["config", "propose", "--data", "data", "--out", "mine.yaml"]) == 2
    assert "--out mine.yaml: exists; a configuration is not overwritten" in capsys.readouterr().err
    assert Path("mine.yaml").read_text() == "name: mine"


def test_given_settings_stand_in_the_file(street: Path, capsys: pytest.CaptureFixture[str]) -> None:
    proposed(capsys, street, Path("a.yaml"), "--set", "name=street", "--set", "training.seed=4")
    settings = load_config("a.yaml")
    assert (settings.name, settings.training.seed) == ("street", 4)
    assert main(["config", "propose", "--data", "data", "--out", "b.yaml", "--set", "training.sead=4"]) == 2
    assert not Path("b.yaml").exists()


def test_a_data_set_of_crowds_alone_is_nothing_to_go_by(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    crowds = [coco_annotation(number, number, iscrowd=1) for number in (1, 2)]
    write_span(tmp_path / "span-1", coco(annotations=crowds))
    assert main(["config", "propose", "--data", str(tmp_path), "--out", str(tmp_path / "a.yaml")]) == 2
    assert "none of its 2 images has a labelled object" in capsys.readouterr().err
    assert not (tmp_path / "a.yaml").exists()


def test_a_run_of_a_new_root_proposes_and_says_so_and_asks_for_the_first_model(
    street: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run() == 2
    told = capsys.readouterr().err.splitlines()
    assert told[0] == "ratchet: no --config: settings are proposed from data, and written to root/ratchet.yaml"
    assert told[1].startswith("  MobileNetV1 at half its width, input ")
    assert told[-1].startswith("ratchet: no model is served from root yet")
    assert "look at root/ratchet.yaml, then give the same command with --bootstrap" in told[-1]
    assert load_config("root/ratchet.yaml").model.fixed_input_size != (128, 128)
    assert [path.name for path in Path("root").iterdir()] == ["ratchet.yaml"]  # nothing else was begun


def test_the_next_run_takes_the_file_as_it_is_and_other_data_do_not_change_it(
    street: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run()
    file = Path("root/ratchet.yaml")
    file.write_text(file.read_text().replace("max_detections: 20", "max_detections: 33"))
    edited = file.read_text()
    photographs(street / "span-2", (4000, 3000))
    capsys.readouterr()
    assert run("--span", "2") == 2
    told = capsys.readouterr().err
    assert told.startswith("ratchet: settings are those of root/ratchet.yaml\n")
    assert "proposed" not in told
    assert "no model is served yet" in told
    assert file.read_text() == edited
    assert [path.name for path in Path("root").iterdir()] == ["ratchet.yaml"]


def test_data_that_cannot_be_used_leave_no_settings(street: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (street / "golden" / "annotations.json").write_text("{")
    assert run("--bootstrap") == 2
    assert "golden" in capsys.readouterr().err
    assert not Path("root").exists()


def test_where_another_root_is_near_it_is_named_for_it_may_be_the_one_that_was_meant(
    street: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("ratchet-root").mkdir()
    Path("ratchet-root/ratchet.json").write_text("{}")
    assert run() == 2
    assert "near are --root ratchet-root" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("given", "next_command"),
    [
        (["--data", "data"], "--data data --bootstrap"),
        (["--data", "data/span-1"], "--data data --span 1 --bootstrap"),
        (["--data", "pictures"], "--data DIRECTORY-OF-SPAN-1 --golden GOLDEN-SET --bootstrap"),
        (["--data", "other"], "--data other --golden GOLDEN-SET --bootstrap"),
    ],
)
def test_the_next_command_is_one_that_works(
    street: Path, capsys: pytest.CaptureFixture[str], given: list[str], next_command: str
) -> None:
    photographs(Path("pictures"), (1280, 720))
    photographs(Path("other/span-3"), (1280, 720))
    assert main(["config", "propose", *given]) == 0
    assert capsys.readouterr().out.splitlines()[-1].endswith(f": ratchet run --config ratchet.yaml {next_command}")


def test_name_and_model_that_were_given_become_the_roots(street: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run("--set", "model.score_threshold=0.2", "--set", "name=street", "--set", "training.seed=4")
    settings = load_config("root/ratchet.yaml")
    assert (settings.name, settings.model.score_threshold) == ("street", 0.2)
    assert settings.training.seed == 0  # of that run alone


def test_a_configuration_that_is_given_is_taken_and_nothing_proposed(
    street: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("--config", "mobile") == 2
    assert "proposed" not in capsys.readouterr().err
    assert not Path("root/ratchet.yaml").exists()


def test_check_takes_the_settings_of_a_root_that_waits_for_its_first_run(
    street: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run()
    (street / "span-1" / "annotations.json").write_text("{")  # so that it ends before TensorFlow is started
    capsys.readouterr()
    assert main(["check", "--data", "data", "--root", "root"]) == 2
    assert "no run has begun there" not in capsys.readouterr().err
    assert main(["check", "--data", "data", "--root", "nowhere"]) == 2
    assert "no run has begun there" in capsys.readouterr().err
