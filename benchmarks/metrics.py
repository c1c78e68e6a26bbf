"""Measures the COCO evaluation against other evaluators: CPU time, memory, and whether the figures agree.

    python -m benchmarks.metrics [--images 5000] [--classes 80] [--repeats 3] [--json FILE] [--quick]

Every evaluation is a process of its own with one thread, and the evaluators take turns, so that a busy machine slows
all of them. CPU time is counted, not time on the clock.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from benchmarks import whole_process
from benchmarks.engines import ENGINES, RESAMPLES
from benchmarks.synthetic import GOOD, WORSE, make_detections, make_truth, write_results, write_truth

REFERENCE = "pycocotools"
_PACKAGES = {"pycocotools": "pycocotools", "faster-coco-eval": "faster_coco_eval", "hotcoco": "hotcoco"}
_ONE_THREAD: dict[str, str] = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "RAYON_NUM_THREADS"), "1")
_Run = dict[str, Any]


def main(arguments: Sequence[str] | None = None) -> None:
    """Measures and prints; see the module's description."""
    options = _options(arguments)
    engines = [name for name in ENGINES if _is_installed(name)]
    with tempfile.TemporaryDirectory() as folder:
        files = _write_data(Path(folder), options.images, options.classes)
        runs = _take_turns(engines, files, options.repeats)
        whole = _whole_processes(Path(folder), files, options.repeats)
    report: dict[str, Any] = {
        "images": options.images,
        "classes": options.classes,
        "repeats": options.repeats,
        "engines": {},
    }
    report["engines"] = {name: _summary(name, runs) for name in engines}
    report["whole_process"] = whole
    print(_table(report))
    print(whole_process.table(whole))
    if options.json:
        options.json.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.metrics", description=__doc__)
    parser.add_argument("--images", type=int, default=5000)
    parser.add_argument("--classes", type=int, default=80)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--json", type=Path, help="also write everything that was measured to this file")
    parser.add_argument("--quick", action="store_true", help="500 images, once: does it run at all?")
    options = parser.parse_args(arguments)
    if options.quick:
        options.images, options.repeats = 500, 1
    return options


def _is_installed(name: str) -> bool:
    package = _PACKAGES.get(name)
    if package is None or importlib.util.find_spec(package):
        return True
    print(f"{name} is left out: `make .venv/ready` installs it", file=sys.stderr)
    return False


def _write_data(folder: Path, images: int, classes: int) -> list[str]:
    truth = make_truth(images, classes)
    write_truth(folder / "truth.json", truth, images, classes)
    for name, quality, seed in (("good.json", GOOD, 1), ("worse.json", WORSE, 2)):
        write_results(folder / name, make_detections(truth, images, classes, quality, seed))
    return [str(folder / name) for name in ("truth.json", "good.json", "worse.json")]


def _take_turns(engines: list[str], files: list[str], repeats: int) -> dict[str, list[_Run]]:
    runs: dict[str, list[_Run]] = {name: [] for name in engines}
    for repeat in range(repeats):
        for name in engines[repeat % len(engines) :] + engines[: repeat % len(engines)]:
            runs[name].append(_run(name, files if name == "bootstrap" else files[:2]))
    return runs


def _run(name: str, files: list[str]) -> _Run:
    command = [sys.executable, "-m", "benchmarks.engines", name, *files]
    output, total_s, peak_mb = whole_process.run(command, {**os.environ, **_ONE_THREAD})
    return {**json.loads(output), "total_s": total_s, "peak_mb": peak_mb}


def _whole_processes(folder: Path, files: list[str], repeats: int) -> dict[str, Any]:
    commands = whole_process.commands(files, _is_installed(whole_process.HOTCOCO))
    environment = whole_process.environment(folder, _ONE_THREAD)
    runs: dict[str, list[_Run]] = {name: [] for name in commands}
    for repeat in range(repeats + 1):
        for name, command in commands.items():
            output, total_s, _ = whole_process.run(command, environment)
            stages = json.loads(output) if name == whole_process.STAGES else {}
            if repeat:  # the first compiles the modules
                runs[name].append({"total_s": total_s, "stages": stages})
    return whole_process.summary(runs)


def _summary(name: str, runs: dict[str, list[_Run]]) -> dict[str, Any]:
    own, reference = runs[name], runs.get(REFERENCE, [])
    summary: dict[str, Any] = {
        key: median(run[key] for run in own) for key in ("load_s", "evaluate_s", "total_s", "peak_mb")
    }
    summary["runs"] = own
    if reference and name != "bootstrap":
        # Run by run: the n-th runs stood beside each other.
        summary["times_faster"] = {
            key: [theirs[key] / ours[key] for ours, theirs in zip(own, reference, strict=True)]
            for key in ("evaluate_s", "total_s")
        }
        summary["largest_difference"] = float(
            max(np.abs(np.subtract(run["figures"], reference[0]["figures"])).max() for run in own)
        )
    return summary


def _table(report: dict[str, Any]) -> str:
    rows: list[list[str]] = [
        ["CPU seconds", "load", "match+accumulate", "process", "peak MB", "x evaluation", "x process", "max diff"]
    ]
    for name, figures in report["engines"].items():
        faster = figures.get("times_faster", {})
        rows.append(
            [
                name if name != "bootstrap" else f"bootstrap, {RESAMPLES}",
                *(f"{figures[key]:.2f}" for key in ("load_s", "evaluate_s", "total_s")),
                f"{figures['peak_mb']:.0f}",
                *(_range(faster.get(key)) for key in ("evaluate_s", "total_s")),
                f"{figures['largest_difference']:.1e}" if "largest_difference" in figures else "",
            ]
        )
    title = f"{report['images']} images, {report['classes']} classes, median of {report['repeats']} (x: range)"
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return "\n".join([title, *lines])


def _range(ratios: list[float] | None) -> str:
    return f"{median(ratios):.1f} [{min(ratios):.1f}-{max(ratios):.1f}]" if ratios else ""


if __name__ == "__main__":
    main()
