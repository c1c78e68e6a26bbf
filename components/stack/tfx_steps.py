"""What executors of TFX offer to their subclasses alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tfx.dsl.components.base.base_beam_executor import BaseBeamExecutor
    from tfx.dsl.components.base.base_executor import BaseExecutor


def run_id(executor: BaseExecutor) -> str:
    """The run that a step belongs to; empty outside of a run."""
    return (executor._context and executor._context.pipeline_run_id) or ""


def beam_pipeline(executor: BaseBeamExecutor) -> Any:
    """A Beam pipeline with the options that the step was given."""
    return executor._make_beam_pipeline()
