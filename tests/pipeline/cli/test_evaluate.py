"""`ratchet evaluate`: the numbers of pycocotools on plain files, a verdict, and one clear error for a bad file."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ratchet.pipeline.cli.main import main
from tests.components.metrics.oracle import FIGURES, pycocotools_on_files

ROOT = Path(__file__).resolve().parents[3]
CLASSES = {3: "cat", 5: "dog", 9: "auk"}  # nothing is labelled auk


def write(path: Path, value: Any) -> Path:
    path.write_text(json.dumps(value), encoding="utf-8")
    return path


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Path]:
    """60 images, a better and a worse detector; crowds and ties in score are among them."""
    random = np.random.default_rng(0)
    images = [
        {"id": 10 + i, "file_name": f"{i}.jpg", "width": 400, "height": 300, "camera": ("north", "south")[i % 2]}
        for i in range(60)
    ]
    annotations, good, bad = [], [], []
    for image in images:
        for _ in range(int(random.integers(0, 5))):
            x, y, width, height = *random.uniform(0, 200, 2), *random.uniform(10, 100, 2)
            category = int(random.choice([3, 5]))
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": image["id"],
                    "category_id": category,
                    "bbox": [x, y, width, height],
                    "area": width * height * 0.8,
                    "iscrowd": int(random.random() < 0.05),
                }
            )
            for results, error, seen in ((good, 0.05, 0.95), (bad, 0.2, 0.7)):
                if random.random() < seen:
                    box = np.array([x, y, width, height]) + random.normal(0, error, 4) * [width, height, width, height]
                    score = round(float(random.uniform(0.3, 1)), 1)
                    entry = {"image_id": image["id"], "category_id": category, "bbox": np.abs(box).tolist()}
                    results.append({**entry, "score": score})
    categories = [{"id": number, "name": name} for number, name in CLASSES.items()]
    return {
        "gt": write(tmp_path / "gt.json", {"images": images, "annotations": annotations, "categories": categories}),
        "good": write(tmp_path / "good.json", good),
        "bad": write(tmp_path / "bad.json", bad),
    }


def evaluate(
    capsys: pytest.CaptureFixture[str], gt: Path, dt: Path, baseline: Path | None = None, *more: str
) -> tuple[int, dict[str, Any]]:
    arguments = ["evaluate", "--gt", str(gt), "--dt", str(dt), *(["--baseline-dt", str(baseline)] if baseline else [])]
    code = main([*arguments, "--json", *more])
    return code, json.loads(capsys.readouterr().out)


def known(value: float) -> Any:
    """A figure of pycocotools, -1 where it is undefined, as the JSON has it."""
    return None if value < 0 else pytest.approx(value, abs=1e-12)


@pytest.mark.parametrize("model", ["good", "bad"])
def test_figures_are_those_of_pycocotools(
    files: dict[str, Path], capsys: pytest.CaptureFixture[str], model: str
) -> None:
    code, result = evaluate(capsys, files["gt"], files[model])
    expected = pycocotools_on_files(files["gt"], files[model])
    assert list(result["coco"]) == list(FIGURES)
    assert result["coco"] == {name: known(value) for name, value in expected.coco.items()}
    assert 0 < result["coco"]["AP"] < 1
    for place, name in enumerate(CLASSES.values()):
        precision = expected.precision[:, :, place, 0]
        assert result["per_class"][name] == known(precision[precision > -1].mean() if (precision > -1).any() else -1.0)
    assert result["per_class"]["auk"] is None
    assert (code, result["verdict"]) == (0, "BOOTSTRAPPED")
    assert result["baseline"] is None
    assert result["delta"] is None


def renamed(files: dict[str, Path], change: Callable[[dict[str, Any]], dict[str, Any]], *names: str) -> dict[str, Path]:
    """The files with every entry that has an image's id changed."""
    for name in names:
        value = json.loads(files[name].read_text())
        for entries in (value["images"], value["annotations"]) if name == "gt" else (value,):
            entries[:] = map(change, entries)
        write(files[name], value)
    return files


def stem(entry: dict[str, Any]) -> str:
    """The name without a suffix of the image that an entry of the fixture is of; ids begin with 10."""
    return f"frame_{(entry['image_id'] if 'image_id' in entry else entry['id']) - 10}"


def test_ids_that_are_strings_are_evaluated_as_by_pycocotools(
    files: dict[str, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    def as_text(entry: dict[str, Any]) -> dict[str, Any]:
        return entry | {"id" if "file_name" in entry else "image_id": stem(entry)}

    renamed(files, as_text, "gt", "good", "bad")
    expected = pycocotools_on_files(files["gt"], files["good"])
    code, result = evaluate(capsys, files["gt"], files["good"], files["bad"])
    assert (code, result["verdict"]) == (0, "PUSHED")
    assert result["coco"] == {name: known(value) for name, value in expected.coco.items()}
    limited = ["--set", "evaluator.max_detections=1"]
    _, result = evaluate(capsys, files["gt"], files["good"], files["bad"], *limited)
    told = next(reason["actual"] for reason in result["reasons"] if reason["rule"] == "trust:max_detections")
    assert re.search(r"images hold more, image frame_\d+ \d of ", told)


def test_every_tools_file_gives_the_same_figures(files: dict[str, Path], capsys: pytest.CaptureFixture[str]) -> None:
    def by_file(entry: dict[str, Any]) -> dict[str, Any]:
        return entry | {"file_name": f"{stem(entry)}.jpg"} if "file_name" in entry else entry

    renamed(files, by_file, "gt")
    expected = evaluate(capsys, files["gt"], files["good"], files["bad"])
    plain = json.loads(files["good"].read_text())
    images: dict[str, dict[str, list[Any]]] = {}
    for entry in plain:
        (x, y, width, height), image = entry["bbox"], images.setdefault(stem(entry), {})
        for key, value in (("boxes", [x, y, x + width, y + height]), ("labels", entry["category_id"])):
            image.setdefault(key, []).append(value)
        image.setdefault("scores", []).append(entry["score"])
    of_tools = {
        "ultralytics": [entry | {"image_id": stem(entry)} for entry in plain],
        "newer ultralytics": [entry | {"image_id": stem(entry), "file_name": f"{stem(entry)}.jpg"} for entry in plain],
        "wrapped": {"annotations": plain},
        "torchvision": images,
    }
    for name, document in of_tools.items():
        code, result = evaluate(capsys, files["gt"], write(files["good"], document), files["bad"])
        assert code == expected[0], name
        # x2 - x1 is not the width to the last bit.
        assert result["coco"] == pytest.approx(expected[1]["coco"], abs=1e-12 if name == "torchvision" else 0), name


def test_which_ids_are_meant_can_be_said(files: dict[str, Path], capsys: pytest.CaptureFixture[str]) -> None:
    # Ids are 10..69, files 0..59.
    both = [entry for entry in json.loads(files["good"].read_text()) if entry["image_id"] < 60]
    write(files["good"], both)
    command = ["evaluate", "--gt", str(files["gt"]), "--dt", str(files["good"])]
    assert main(command) == 2
    error = capsys.readouterr().err
    assert "by id" in error
    assert len(error.splitlines()) == 1
    by_id = evaluate(capsys, files["gt"], files["good"], None, "--dt-ids", "id")[1]["coco"]["AP"]
    by_name = evaluate(capsys, files["gt"], files["good"], None, "--dt-ids", "file-name")[1]["coco"]["AP"]
    assert by_id > 0.3 > 0.05 > by_name


def test_classes_that_are_one_off_are_one_error(files: dict[str, Path], capsys: pytest.CaptureFixture[str]) -> None:
    truth = json.loads(files["gt"].read_text())
    truth["categories"] = [{"id": number, "name": str(number)} for number in range(1, 10)]
    write(files["gt"], truth)
    shifted = [entry | {"category_id": entry["category_id"] - 1} for entry in json.loads(files["good"].read_text())]
    write(files["good"], shifted)
    assert main(["evaluate", "--gt", str(files["gt"]), "--dt", str(files["good"])]) == 2
    error = capsys.readouterr().err
    assert "good.json: the category ids are not those of the ground truth: they count the classes from 0" in error
    assert len(error.splitlines()) == 1


def test_a_better_candidate_passes_with_an_interval(files: dict[str, Path], capsys: pytest.CaptureFixture[str]) -> None:
    code, result = evaluate(capsys, files["gt"], files["good"], files["bad"])
    assert (code, result["verdict"]) == (0, "PUSHED")
    delta = result["delta"]["AP"]
    assert delta["value"] == pytest.approx(result["coco"]["AP"] - result["baseline"]["coco"]["AP"])
    assert 0 < delta["lo"] < delta["value"] < delta["hi"]
    assert delta["minimum_detectable"] == pytest.approx(0.715 * (delta["hi"] - delta["lo"]), rel=1e-3)
    assert list(result["delta"]["per_class"]) == list(result["per_class"])
    assert list(result["delta"]["per_slice"]) == list(result["per_slice"])
    assert result["delta"]["per_class"]["auk"] == {"value": None, "lo": None, "hi": None, "minimum_detectable": None}
    assert result["delta"]["per_class"]["cat"]["value"] is not None
    assert [reason["rule"] for reason in result["reasons"] if reason["warning"]] == ["untestable"]


def test_a_worse_candidate_is_blocked_with_exit_code_3(
    files: dict[str, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    code, result = evaluate(capsys, files["gt"], files["bad"], files["good"])
    assert (code, result["verdict"]) == (3, "BLOCKED")
    rules = [reason["rule"] for reason in result["reasons"]]
    assert rules[0] == "map_drop"
    assert "class_drop:cat" in rules


def test_a_difference_within_the_noise_is_told_as_none(
    files: dict[str, Path], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    found = json.loads(files["good"].read_text())
    fewer = write(tmp_path / "fewer.json", found[:-1])
    options = ["--gt", str(files["gt"]), "--dt", str(fewer), "--baseline-dt", str(files["good"])]
    assert main(["evaluate", *options]) == 3
    verdict = capsys.readouterr().out.partition("BLOCKED: ")[2].splitlines()
    assert verdict[1].startswith("  no measurable difference: -0.00")
    assert re.fullmatch(r"  differences of mAP below 0\.\d+ cannot be told reliably with these 60 images", verdict[2])
    assert "no measurable difference: -0.00" in verdict[3]
    assert verdict[-1].startswith("  what helps where the golden set cannot tell: more data, more steps")
    code, result = evaluate(capsys, files["gt"], fewer, files["good"])
    assert (code, result["reasons"][0]["rule"]) == (3, "map_drop")
    assert ", no measurable difference: -0.00" in result["reasons"][0]["actual"]


def test_a_model_against_itself_passes(files: dict[str, Path], capsys: pytest.CaptureFixture[str]) -> None:
    code, result = evaluate(capsys, files["gt"], files["good"], files["good"])
    assert (code, result["delta"]["AP"]) == (0, {"value": 0.0, "lo": 0.0, "hi": 0.0, "minimum_detectable": None})


def test_the_same_command_gives_the_same_interval(files: dict[str, Path], capsys: pytest.CaptureFixture[str]) -> None:
    first, second = (evaluate(capsys, files["gt"], files["good"], files["bad"]) for _ in range(2))
    assert first == second


def test_slices_and_groups_are_asked_for_in_the_settings(
    files: dict[str, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    code, result = evaluate(capsys, files["gt"], files["good"], files["bad"], "--set", "evaluator.slice_by=[camera]")
    assert code == 0
    assert set(result["per_slice"]) >= {"camera=north", "camera=south", "object_size=small"}
    assert result["delta"]["per_slice"]["camera=north"]["lo"] > 0


def test_rules_come_from_the_configuration(
    files: dict[str, Path], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    config = tmp_path / "c.yaml"
    config.write_text("evaluator: {per_class: {cat: {min_ap: 0.99}}}")
    code, result = evaluate(capsys, files["gt"], files["good"], files["bad"], "--config", str(config))
    assert (code, result["reasons"][0]["rule"]) == (3, "class_min_ap:cat")


def test_a_detector_that_always_says_the_same_is_no_evaluation(
    files: dict[str, Path], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    images = json.loads(files["gt"].read_text())["images"]
    entry = {"category_id": 3, "bbox": [0, 0, 300, 300], "score": 0.5}
    many = [{"category_id": 3, "bbox": [x, y, 60, 60], "score": 0.4} for x in (0, 60, 120) for y in (0, 60, 120)]
    constant = [{"image_id": image["id"], **found} for image in images for found in (entry, *many)]
    code, result = evaluate(capsys, files["gt"], write(tmp_path / "constant.json", constant), files["good"])
    rules = [reason["rule"] for reason in result["reasons"]]
    assert (code, result["verdict"]) == (3, "BLOCKED")
    assert "trust:shuffled_detections:candidate" in rules
    assert "map_drop" in rules


def test_too_few_images_decide_nothing(
    files: dict[str, Path], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    gt = json.loads(files["gt"].read_text())
    kept = {image["id"] for image in gt["images"][:5]}
    gt["images"] = gt["images"][:5]
    gt["annotations"] = [entry for entry in gt["annotations"] if entry["image_id"] in kept]
    found = {
        name: write(
            tmp_path / f"few_{name}.json", [e for e in json.loads(files[name].read_text()) if e["image_id"] in kept]
        )
        for name in ("good", "bad")
    }
    code, result = evaluate(capsys, write(tmp_path / "few.json", gt), found["good"], found["bad"])
    assert (code, result["reasons"][0]["rule"]) == (3, "trust:enough")


@pytest.mark.parametrize(
    ("change", "parts"),
    [
        ({"image_id": 999}, ["good.json", "999"]),
        ({"category_id": 4}, ["good.json", "category_id 4"]),
        ({"score": float("nan")}, ["good.json", "score nan"]),
        ({"bbox": [1, 2, float("inf"), 4]}, ["good.json", "bbox[2] inf"]),
        ({"bbox": [100, 100, -20, 30]}, ["good.json", "x, y, width, height"]),
    ],
)
def test_a_bad_detection_is_one_error(
    files: dict[str, Path], capsys: pytest.CaptureFixture[str], change: dict[str, Any], parts: list[str]
) -> None:
    found = json.loads(files["good"].read_text())
    found[7] |= change
    write(files["good"], found)
    assert main(["evaluate", "--gt", str(files["gt"]), "--dt", str(files["good"])]) == 2
    error = capsys.readouterr().err
    assert len(error.splitlines()) == 1
    assert all(part in error for part in [*parts, "[7]"]), error


@pytest.mark.parametrize("crowds", [False, True])
def test_a_truth_without_objects_is_one_error(
    files: dict[str, Path], capsys: pytest.CaptureFixture[str], crowds: bool
) -> None:
    truth = json.loads(files["gt"].read_text())
    truth["annotations"] = [entry | {"iscrowd": 1} for entry in truth["annotations"]] if crowds else []
    write(files["gt"], truth)
    assert main(["evaluate", "--gt", str(files["gt"]), "--dt", str(files["good"])]) == 2
    assert "gt.json: holds no object that counts" in capsys.readouterr().err


def test_corners_given_as_sizes_are_recognised(files: dict[str, Path], capsys: pytest.CaptureFixture[str]) -> None:
    found = json.loads(files["good"].read_text())
    for entry in found:
        x, y, width, height = entry["bbox"]
        entry["bbox"] = [x, y, min(400, x + width), min(300, y + height)]
    write(files["good"], found)
    assert main(["evaluate", "--gt", str(files["gt"]), "--dt", str(files["good"])]) == 2
    assert "x1, y1, x2, y2" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("setting", "part"),
    [
        ("evaluator.slice_by=[weather]", "'weather'"),
        ("evaluator.bootstrap_by=camera", "2 values"),
        ("evaluator.per_class={cta: {drop: 0.1}}", "no class 'cta'"),
        ("evaluator.per_slice={camera=north: {drop: 0.1}}", "no slice 'camera=north'"),
        ("evaluator.margim=0.1", "did you mean 'margin'"),
        ("evaluator.per_class={cat: {drp: 0.1}}", "did you mean 'drop'"),
    ],
)
def test_a_setting_that_could_never_apply_is_one_error(
    files: dict[str, Path], capsys: pytest.CaptureFixture[str], setting: str, part: str
) -> None:
    assert main(["evaluate", "--gt", str(files["gt"]), "--dt", str(files["good"]), "--set", setting]) == 2
    error = capsys.readouterr().err
    assert part in error
    assert len(error.splitlines()) == 1


def test_neither_tensorflow_nor_tfx_is_imported(files: dict[str, Path]) -> None:
    arguments = ["evaluate", "--gt", str(files["gt"]), "--dt", str(files["good"]), "--baseline-dt", str(files["bad"])]
    code = (
        f"import sys\nfrom ratchet.pipeline.cli.main import main\nassert main({arguments!r}) == 0\n"
        "heavy = {'tensorflow', 'tfx', 'apache_beam', 'tensorflow_model_analysis', 'pycocotools', 'sklearn'}\n"
        "sys.exit(str(heavy & set(sys.modules)) if heavy & set(sys.modules) else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "PUSHED" in done.stdout
