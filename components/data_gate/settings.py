"""The DataGate's part of the configuration."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from schemas.settings import settings


@settings
class DataGateSettings:
    """What may stop a run before training.

    Attributes:
        mode: `enforce` stops the run on a failed rule; `observe` records it and lets the run go on.
        min_examples: fewer training images than this are too few to tell drift from chance.
        accept_new_golden: measure with this golden set although the served model was accepted on another.
    """

    mode: Literal["enforce", "observe"] = "enforce"
    min_examples: Annotated[int, Field(ge=2)] = 500
    accept_new_golden: bool = False
