"""The benchmarks run, and every engine they compare gives the same figures."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.faults import Fault, all_faults, plant
from components.example_gen.dataset import read_source
from pipeline.demo.digits import DigitsOptions, write_digits
from schemas.data.records import record_to_json

ROOT = Path(__file__).resolve().parent.parent


def test_all_engines_agree_with_pycocotools_on_a_small_case(tmp_path: Path) -> None:
    out = tmp_path / "result.json"
    arguments = ["--images", "40", "--classes", "8", "--repeats", "1", "--json", str(out)]
    command = [sys.executable, "-m", "benchmarks.metrics", *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    result = json.loads(out.read_text())
    differences = {
        name: entry["largest_difference"] for name, entry in result["engines"].items() if "largest_difference" in entry
    }
    assert set(differences) == {"ours", "pycocotools", "faster-coco-eval", "hotcoco"}
    assert max(differences.values()) <= 1e-12
    whole = result["whole_process"]
    assert set(whole["cpu_s"]) == {"hotcoco", "ratchet evaluate", "ratchet evaluate, with a baseline"}
    assert min(whole["cpu_s"].values()) > 0
    assert list(whole["stages_cpu_s"])[2:4] == ["reading the truth", "reading the results"]
    for line in ("ratchet evaluate : hotcoco", "with a baseline : without", "reading the results"):
        assert line in done.stdout


@pytest.fixture(scope="module")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("scenes")
    write_digits(str(directory / "span"), DigitsOptions(span=1, images=12))
    write_digits(str(directory / "golden"), DigitsOptions(golden=True, images=12))
    return directory


@pytest.mark.parametrize("fault", all_faults(), ids=str)
def test_every_fault_is_planted_and_nothing_else_changes(scenes: Path, tmp_path: Path, fault: Fault) -> None:
    plant(fault, scenes / "span", scenes / "golden", tmp_path / "span")
    before, after = (read_source(str(directory)) for directory in (scenes / "span", tmp_path / "span"))
    labels = [[record_to_json(record) for record in source.records[:12]] for source in (before, after)]
    images = [(directory / "images" / "000001.jpg").read_bytes() for directory in (scenes / "span", tmp_path / "span")]
    changes_images = fault.name in ("dark", "bright", "blurred", "far", "cast", "camera")
    assert (images[0] != images[1]) == changes_images
    assert (labels[0] != labels[1]) == (fault.name not in ("dark", "bright", "blurred", "cast", "camera", "leaked"))
    assert len(after.records) == 12 + (fault.name == "leaked")


def test_the_strongest_wrong_formats_leave_boxes_that_cannot_be(scenes: Path, tmp_path: Path) -> None:
    plant(Fault("corners", 3, ()), scenes / "span", scenes / "golden", tmp_path / "span")
    assert read_source(str(tmp_path / "span")).bad_boxes.guessed_format == "[x1, y1, x2, y2]"
