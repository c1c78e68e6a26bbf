"""What the TFX Trainer calls where `training.run_fn` names another trainer: calls that one, and checks its work."""

from __future__ import annotations

import importlib
import os
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ratchet.components.stack import environment

environment.prepare()

from tfx.components.trainer.fn_args_utils import FnArgs

from ratchet.components.object_store.emptying import empty
from ratchet.components.trainer.own.checks import check_functions, check_record
from ratchet.components.trainer.own.code import SETTING, find_code
from ratchet.components.trainer.own.task import forget_checkpoints, read_task
from ratchet.schemas.base.errors import OwnTrainerError, RatchetError
from ratchet.schemas.base.progress import LOGGER
from ratchet.schemas.base.visible import visible_line

_TRANSLATED = "in user code:"  # AutoGraph begins with a traceback of its own, and ends with what was raised
_LONGEST = 300  # characters of an error of the user's


def run_fn(fn_args: FnArgs) -> None:
    """Trains by a function of the user's.

    Args:
        fn_args: TFX's arguments; `custom_config` as `run_fn.run_fn` has it.

    Raises:
        OwnTrainerError: it raised an error, or what it wrote is not what the contract asks for.
        RatchetError: what it was given cannot be trained on.
    """
    task = read_task(fn_args)
    name = task.plan.run_fn
    for told in task.plan.declared_changes:
        LOGGER.warning("this differs from the last training on purpose: %s", told)
    function = _imported(name)
    empty(task.directory)
    LOGGER.info("training by %s", name)
    _call(name, function, fn_args)
    check_functions(task)
    check_record(task)
    forget_checkpoints(task)


def _imported(name: str) -> Callable[[FnArgs], object]:
    """The function, of the code as it is now: a process that runs for weeks has imported it before."""
    code = find_code(name)
    files = {path.resolve() for path in code.files}
    for module in [key for key, value in sys.modules.items() if _file_of(value) in files]:
        del sys.modules[module]
    importlib.invalidate_caches()
    try:
        found = getattr(importlib.import_module(code.module), code.function)
    except Exception as error:  # whatever a module's own statements raise
        raise OwnTrainerError(f"{SETTING} = {name!r}: its module cannot be imported ({_told(error)})") from error
    if not callable(found):
        raise OwnTrainerError(f"{SETTING} = {name!r}: is no function but a value of type {type(found).__name__}")
    return found


def _file_of(module: Any) -> Path | None:
    file = getattr(module, "__file__", None)
    return Path(file).resolve() if isinstance(file, str) else None


def _call(name: str, function: Callable[[FnArgs], object], fn_args: FnArgs) -> None:
    try:
        function(fn_args)
    except RatchetError:  # of a helper, which says what is the matter
        raise
    except (Exception, SystemExit) as error:  # whatever the user's code raises; the traceback goes to the run's log
        raise OwnTrainerError(f"{SETTING} = {name!r} raised {_told(error)}") from error


def _told(error: BaseException) -> str:
    """Class, text and place of an error: of the last line that is the user's own."""
    lines = str(error).strip().splitlines()
    line = lines[-1 if lines[0].startswith(_TRANSLATED) else 0].strip() if lines else ""
    text = visible_line(line.removeprefix(f"{type(error).__name__}: "))[:_LONGEST]
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if _is_users(frame.filename)]
    place = f" ({frames[-1].filename}, line {frames[-1].lineno})" if frames else ""
    return f"{type(error).__name__}{f': {text}' if text else ''}{place}"


def _is_users(file: str) -> bool:
    own = os.path.dirname(os.path.abspath(__file__))
    return (
        not file.startswith("<")
        and "__autograph_generated" not in file
        and "site-packages" not in file
        and os.path.dirname(os.path.abspath(file)) != own
    )
