"""Whole processes, from the start of Python to the printed figures: `ratchet evaluate` and hotcoco beside it.

hotcoco is called as its documentation does it, in a program that does nothing else. All have their modules' bytecode,
as installed programs have it, and one thread.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from statistics import median
from typing import Any

HOTCOCO = "hotcoco"
BARE, COMPARED, STAGES = "ratchet evaluate", "ratchet evaluate, with a baseline", "stages"

_HOTCOCO = """
import sys
from hotcoco import COCO, COCOeval
truth = COCO(sys.argv[1])
evaluation = COCOeval(truth, truth.load_res(sys.argv[2]), "bbox")
evaluation.evaluate()
evaluation.accumulate()
evaluation.summarize()
"""
_RATCHET = "import sys; from ratchet.pipeline.cli.entry import main; sys.exit(main())"
_MOST_EXIT_CODE = 3  # a verdict that blocks


def commands(files: list[str], with_hotcoco: bool) -> dict[str, list[str]]:
    """The command lines by name.

    Args:
        files: truth, results of a better and of a worse model.
        with_hotcoco: whether hotcoco is installed.
    """
    truth, good, worse = files
    evaluate = [sys.executable, "-c", _RATCHET, "evaluate", "--gt", truth, "--dt", good]
    found = {
        BARE: evaluate,
        COMPARED: [*evaluate, "--baseline-dt", worse],
        STAGES: [sys.executable, "-m", "benchmarks.stages", truth, good],
    }
    return {HOTCOCO: [sys.executable, "-c", _HOTCOCO, truth, good], **found} if with_hotcoco else found


def environment(folder: Path, threads: Mapping[str, str]) -> dict[str, str]:
    """What the processes run in: bytecode is kept in a folder of the benchmark."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {**kept, **threads, "PYTHONPYCACHEPREFIX": str(folder / "bytecode")}


def run(command: list[str], environment: dict[str, str]) -> tuple[str, float, float]:
    """Runs a process.

    Returns:
        What it printed, its CPU seconds, and its peak memory in MB.

    Raises:
        RuntimeError: it failed.
    """
    process = subprocess.Popen(command, stdout=subprocess.PIPE, env=environment, text=True)
    assert process.stdout is not None
    output = process.stdout.read()
    # Not wait(): only wait4 tells what this one child used.
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if not 0 <= process.returncode <= _MOST_EXIT_CODE or process.returncode in (1, 2):
        raise RuntimeError(f"{' '.join(command)} ended with exit code {process.returncode}; its message is above")
    return output, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def summary(runs: dict[str, list[dict[str, Any]]]) -> dict[str, Any]:
    """Medians in CPU seconds, and ratios run by run: the n-th runs stood beside each other.

    Args:
        runs: by name, each with `total_s` and, of STAGES, `stages`.
    """
    totals = {name: [run["total_s"] for run in own] for name, own in runs.items()}
    stages = {name: median(run["stages"][name] for run in runs[STAGES]) for name in runs[STAGES][0]["stages"]}
    rest = median(totals[BARE]) - sum(stages.values())
    result: dict[str, Any] = {
        "cpu_s": {name: median(values) for name, values in totals.items() if name != STAGES},
        "stages_cpu_s": {**stages, "checks, verdict, output": rest},
        "compared_over_bare": _ratios(totals[COMPARED], totals[BARE]),
    }
    if HOTCOCO in totals:
        result["bare_over_hotcoco"] = _ratios(totals[BARE], totals[HOTCOCO])
    return result


def _ratios(ours: list[float], theirs: list[float]) -> list[float]:
    return [own / other for own, other in zip(ours, theirs, strict=True)]


def table(found: dict[str, Any]) -> str:
    """The summary for a terminal."""
    lines = ["", "whole processes, CPU seconds"]
    lines += [f"  {name.ljust(34)} {seconds:.2f}" for name, seconds in found["cpu_s"].items()]
    for key, words in (
        ("bare_over_hotcoco", "ratchet evaluate : hotcoco"),
        ("compared_over_bare", "with a baseline : without"),
    ):
        if key in found:
            ratios = found[key]
            lines.append(f"  {words.ljust(34)} {median(ratios):.2f} [{min(ratios):.2f}-{max(ratios):.2f}]")
    lines += ["", "where `ratchet evaluate` spends it"]
    return "\n".join(lines + [f"  {name.ljust(34)} {cpu_s:.3f}" for name, cpu_s in found["stages_cpu_s"].items()])
