"""The benchmarks run, and every engine they compare gives the same figures."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

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
