"""An estimate for a person, and as JSON; pure."""

from __future__ import annotations

import dataclasses
from typing import Any

from ratchet.pipeline.run.estimate import RunEstimate, StepEstimate
from ratchet.pipeline.terminal.plain_text import table
from ratchet.schemas.base.formatting import many, size

_MINUTE_S, _HOUR_S, _DAY_S = 60.0, 3600.0, 86_400.0


def estimate_lines(estimate: RunEstimate) -> list[str]:
    """Time, memory and disk of a run, and of each of its steps, a line each.

    Args:
        estimate: of the run.
    """
    low, high = estimate.seconds
    at_least = "" if estimate.is_complete else "at least, for nothing was measured on a GPU: "
    largest = estimate.largest
    whose = "a GPU has" if estimate.machine.gpus and largest.step == "DetectorTrainer" else "are free"
    free = "" if estimate.free_disk_bytes is None else f"; {size(estimate.free_disk_bytes)} are free"
    taken = f"{at_least}about {span_of_time(low, high)} in all, {many(estimate.training_steps, 'training step')}"
    most = f"about {size(largest.memory_bytes)} at most, in {largest.step}"
    checkpoints = f"{size(estimate.checkpoint_bytes)} of checkpoints while it trains"
    lines = [
        f"  time      {taken}",
        f"  memory    {most}; {size(estimate.machine.memory_bytes)} {whose}",
        f"  disk      about {size(estimate.disk_bytes)} stay, and {checkpoints}{free}",
    ]
    rows = [(step.step, _time(step), f"about {size(step.memory_bytes)}", _basis(step)) for step in estimate.steps]
    lines += [f"  {'' if place else 'each step':9} {line}" for place, line in enumerate(table(rows))]
    lines.append(f"  based on  {basis_text(estimate)}")
    return [*lines, *(f"  warning   {warning}" for warning in estimate.warnings)]


def _time(step: StepEstimate) -> str:
    return "unknown" if step.seconds is None else f"about {span_of_time(*step.seconds)}"


def _basis(step: StepEstimate) -> str:
    return {
        "costs": "",
        "stored": "stored by an earlier run",
        "unknown": "nothing was measured on a GPU; the first run of this root will tell",
    }.get(step.basis, f"as in {step.basis}")


def basis_text(estimate: RunEstimate) -> str:
    """What it rests on, in a sentence.

    Args:
        estimate: of the run.
    """
    runs = sorted({step.basis for step in estimate.steps} - {"costs", "stored", "unknown"})
    measured = f"what images and steps were measured to cost on {estimate.costs_of}"
    model = (
        "" if estimate.is_this_model else f", the model's as that of {estimate.model}, the nearest that was measured"
    )
    if runs:
        return f"what the steps of {', '.join(runs)} took in this root, by images and steps{model}"
    return f"{measured}{model}; no run of this root has trained yet, so this machine may be faster or slower"


def span_of_time(low_s: float, high_s: float) -> str:
    """Two durations in one unit, rounded.

    Args:
        low_s: the shorter one.
        high_s: the longer one.

    >>> span_of_time(0.2, 0.4), span_of_time(3.2, 21.0), span_of_time(100, 640), span_of_time(7000, 30000)
    ('1 s', '3 to 21 s', '2 to 11 min', '1.9 to 8.3 h')
    """
    for unit_s, unit in ((_DAY_S, "days"), (_HOUR_S, "h"), (_MINUTE_S, "min")):
        if high_s >= 1.5 * unit_s:
            return _between(low_s / unit_s, high_s / unit_s, unit)
    return _between(max(round(low_s), 1), max(round(high_s), 1), "s")


def _between(low: float, high: float, unit: str) -> str:
    low_text, high_text = (f"{value:.1f}" if unit in ("h", "days") else f"{value:.0f}" for value in (low, high))
    return f"{low_text} to {high_text} {unit}" if low_text != high_text else f"{high_text} {unit}"


def estimate_values(estimate: RunEstimate) -> dict[str, Any]:
    """The same as `ratchet run --dry-run --json` has it.

    Args:
        estimate: of the run.
    """
    return {
        "seconds": [round(value, 1) for value in estimate.seconds],
        "is_complete": estimate.is_complete,
        "training_steps": estimate.training_steps,
        "memory_bytes": estimate.largest.memory_bytes,
        "memory_free_bytes": estimate.machine.memory_bytes,
        "checkpoint_bytes": estimate.checkpoint_bytes,
        "disk_bytes": estimate.disk_bytes,
        "disk_free_bytes": estimate.free_disk_bytes,
        "steps": [
            {**dataclasses.asdict(step), "seconds": step.seconds and [round(value, 1) for value in step.seconds]}
            for step in estimate.steps
        ],
        "based_on": basis_text(estimate),
        "warnings": list(estimate.warnings),
    }
