"""How a step of a run went, whoever says so: ML Metadata here, records beside the run on a cluster."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class StepResult:
    """One step of one run.

    Attributes:
        step: node id.
        done: whether its last execution completed.
        seconds: how long that took; 0 if it did not end.
        outputs: URIs of its output artifacts, by output key.
        output_properties: custom properties of those artifacts, by output key.
    """

    step: str
    done: bool
    seconds: float
    outputs: dict[str, str]
    output_properties: dict[str, dict[str, int | float | str]]
