"""The benchmarks run, and every engine they compare gives the same figures."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from ratchet.pipeline.demo.digits import DigitsOptions, write_digits

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


@pytest.mark.tensorflow
def test_reading_and_validation_are_measured_with_the_steps_of_today(tmp_path: Path) -> None:
    from benchmarks.data import _image_seconds, _tfx, steps_to_the_gate

    write_digits(str(tmp_path / "span-1"), DigitsOptions(span=1, images=12))
    ours, theirs = ([step.id for step in steps] for steps in (steps_to_the_gate(tmp_path, tmp_path), _tfx(tmp_path)))
    assert (ours[0], ours[-1], theirs) == ("DetectionExampleGen", "DataGate", ["ImportExampleGen", "StatisticsGen"])
    assert list(_image_seconds(tmp_path / "span-1")) == [
        "read the annotations", "read the files", "decode, measure, hash", "digests", "convert", "serialise",
    ]  # fmt: skip


@pytest.mark.parametrize("older", [False, True])
def test_the_diagnosis_is_measured_on_files_that_it_can_judge(older: bool, tmp_path: Path) -> None:
    from benchmarks.diagnosis import measured

    found = measured(48, tmp_path, older)
    assert (found["cause"], found["state"]) == ("annotation:loose_boxes", "named")
    assert found["kept"] == (None if older else 48)
    assert all(float(str(found[name])) > 0 for name in ("import_cpu_s", "diagnosis_cpu_s", "process_cpu_s", "peak_mib"))
