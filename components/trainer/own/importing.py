"""Whether a trainer of one's own can be imported, found out in a process of its own before anything else is done."""

from __future__ import annotations

import json
import os
import subprocess
import sys

from ratchet.components.trainer.own.code import SETTING
from ratchet.schemas.base.errors import ConfigError
from ratchet.schemas.base.visible import visible_line

_TIMEOUT_S = 600
_LONGEST = 300  # characters of the user's own error
# What the Trainer does before and while it imports the function; its report is the last line of standard output.
_PROGRAM = """
import importlib, inspect, json, sys, traceback
from ratchet.components.stack import environment
environment.prepare()
sys.path.insert(0, sys.argv[3])
def report():
    try:
        found = getattr(importlib.import_module(sys.argv[1]), sys.argv[2], None)
    except BaseException as error:
        frames = [frame for frame in traceback.extract_tb(error.__traceback__) if not frame.filename.startswith("<")]
        place = f"{frames[-1].filename}, line {frames[-1].lineno}" if len(frames) > 1 else ""
        missing = error.name if isinstance(error, ModuleNotFoundError) else ""
        return {"error": f"{type(error).__name__}: {error}", "place": place, "missing": missing}
    return {"callable": callable(found), "kind": type(found).__name__, "refuses": refusal(found)}
def refusal(found):
    try:
        inspect.signature(found).bind(None)
    except TypeError as error:
        return str(error)
    except ValueError:  # what is written in C need not say what it takes
        pass
    return ""
told = report()
print()  # behind what the module has printed
print(json.dumps(told))
"""


def check_importable(name: str) -> None:
    """Imports a function's module as the Trainer will, in another process.

    Where TensorFlow is not installed no run can begin, and nothing is said.

    Args:
        name: `package.module.function`, which `find_code` has found.

    Raises:
        ConfigError: it cannot be imported, or is no function of one argument.
    """
    module, _, function = name.rpartition(".")
    command = [sys.executable, "-c", _PROGRAM, module, function, os.getcwd()]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    try:
        done = subprocess.run(
            command,
            env=environment,
            stdin=subprocess.DEVNULL,  # a module that asks a person something would wait without end
            capture_output=True,
            timeout=_TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise ConfigError(
            f"{SETTING} = {name!r}: its module was not imported within {_TIMEOUT_S // 60} minutes; "
            "what takes long belongs into the function"
        ) from error
    told = _report(done.stdout)
    if told is None:
        raise ConfigError(
            f"{SETTING} = {name!r}: the process that imports its module ended with code {done.returncode}"
            f"{_last_line(done.stderr)}; mend it"
        )
    if told.get("missing") in ("tensorflow", "tfx"):
        return
    if "error" in told:
        place = f" at {told['place']}" if told["place"] else ""
        text = visible_line(told["error"])[:_LONGEST]
        raise ConfigError(f"{SETTING} = {name!r}: its module cannot be imported ({text}{place}); mend that")
    if not told["callable"]:
        raise ConfigError(f"{SETTING} = {name!r}: is no function but a value of type {told['kind']}; correct the name")
    if told["refuses"]:
        raise ConfigError(
            f"{SETTING} = {name!r}: cannot be called with one argument ({visible_line(told['refuses'])}); it is called "
            "as run_fn(fn_args)"
        )


def _report(stdout: bytes) -> dict[str, str] | None:
    lines = stdout.decode(errors="replace").strip().splitlines()
    try:
        found = json.loads(lines[-1])
    except (IndexError, ValueError):
        return None
    return found if isinstance(found, dict) else None


def _last_line(stderr: bytes) -> str:
    lines = stderr.decode(errors="replace").strip().splitlines()
    return f": {visible_line(lines[-1])[:_LONGEST]}" if lines else ""
