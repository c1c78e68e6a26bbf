"""All that a trainer of one's own imports from Ratchet; these names stay. The contract is docs/own-trainer.md.

from ratchet.components.trainer.own.contract import FnArgs, Letterbox, Report, read_task, write_model

def run_fn(fn_args: FnArgs) -> None:
    task = read_task(fn_args)
    ...
    write_model(task, model, preprocess=..., detect=..., report=Report(steps=100))
"""

from __future__ import annotations

from tfx.components.trainer.fn_args_utils import FnArgs

from ratchet.components.trainer.own.letterbox import Letterbox
from ratchet.components.trainer.own.report import Report
from ratchet.components.trainer.own.task import LabelledImage, Task, read_task
from ratchet.components.trainer.own.writing import describe_model, write_model

__all__ = ["FnArgs", "LabelledImage", "Letterbox", "Report", "Task", "describe_model", "read_task", "write_model"]
