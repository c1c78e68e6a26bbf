"""What executors of TFX offer to their subclasses alone."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from ratchet.components.stack.run_names import run_of

if TYPE_CHECKING:
    from tfx.dsl.components.base.base_beam_executor import BaseBeamExecutor
    from tfx.dsl.components.base.base_executor import BaseExecutor

RUN_ID_VARIABLE = "RATCHET_RUN_ID"  # on a cluster, where TFX's entry point does not tell its executors


def run_id(executor: BaseExecutor) -> str:
    """The run that a step belongs to; empty outside of a run."""
    name = executor._context and executor._context.pipeline_run_id
    return run_of(name) if name else os.environ.get(RUN_ID_VARIABLE, "")


def beam_pipeline(executor: BaseBeamExecutor) -> Any:
    """A Beam pipeline with the options that the step was given."""
    return executor._make_beam_pipeline()
