"""The same runs on a root of this machine and on one in Cloud Storage, told in a process of their own.

The Cloud Storage of the tests answers from the process of the tests: there, TensorFlow would wait for it while it keeps
Python from answering.
"""

from __future__ import annotations

import contextlib
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ratchet.pipeline.cli.main import main

# As little as still learns a little: what is shown is that every step does the same wherever it runs.
SMALL = (
    *("model.input_size=[64, 64]", "model.max_level=3", "model.fpn_filters=16", "model.head_filters=16"),
    *("model.anchors.size=1.6", "training.batch_size=8", "training.bootstrap.steps=60"),
    *("training.retrain.min_steps=12", "training.retrain.max_steps=12", "training.validation.rounds=2"),
    *("evaluator.resamples=100", "evaluator.min_map=0.000001", "evaluator.margin=0.5", "evaluator.class_drop=1.0"),
    *("evaluator.min_golden_objects=1", "kubeflow.retries=1"),
)
RUNS = {  # by name: what is given besides the data and the root
    "first": ("--span", "1", "--config", "digits", "--bootstrap"),
    "nothing new": ("--span", "1"),
    "push": ("--span", "2", "--set", "evaluator.margin=1"),
    "block": ("--span", "3", "--set", "evaluator.min_golden_images=100", "--set", "data_gate.mode=observe"),
}


def tell(root: str, data: str) -> dict[str, Any]:
    """Exit code, result and messages of each run, and of commands that look at the root then."""
    told = {}
    for name, options in RUNS.items():
        settings = [word for setting in SMALL for word in ("--set", setting)]
        told[name] = _command("run", "--data", data, "--root", root, "--json", *settings, *options)
    for name in ("status", "history", "review", "doctor"):
        told[name] = _command(name, "--root", root, "--json")
    return told


def _command(*arguments: str) -> dict[str, Any]:
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = main(arguments)
    lines = out.getvalue().splitlines()
    return {"code": code, "values": json.loads(lines[-1]) if lines else None, "err": err.getvalue()}


def write_one(arguments: Sequence[str]) -> int:
    """Writes what was told by one command into a file: ANSWER COMMAND..."""
    answer, *command = arguments
    Path(answer).write_text(json.dumps(_command(*command)))
    return 0


def write_told(arguments: Sequence[str]) -> int:
    """Writes what was told of each root into a file: ANSWER DATA ROOT..."""
    answer, data, *roots = arguments
    Path(answer).write_text(json.dumps([tell(root, data) for root in roots]))
    return 0
