"""The same runs on a root of this machine and on one in Cloud Storage, told in a process of their own.

The Cloud Storage of the tests answers from the process of the tests: there, TensorFlow would wait for it while it keeps
Python from answering.
"""

from __future__ import annotations

import contextlib
import io
import json
import sys
from typing import Any

from ratchet.pipeline.cli.main import main
from tests.nightly import NIGHTLY

# A model of a few steps: nobody would serve it, but each verdict is that of the same arithmetic on both roots.
TINY = (
    *("training.bootstrap.steps=150", "training.retrain.min_steps=2", "training.retrain.max_steps=2"),
    *("evaluator.resamples=100", "evaluator.min_golden_images=1", "evaluator.min_golden_objects=1"),
    *("data_gate.mode=observe", "evaluator.min_map=0.000001"),
)
RUNS = {  # by name: what is given besides the data and the root
    "first": ("--span", "1", "--config", "digits", "--bootstrap"),
    "nothing new": ("--span", "1"),
}
if NIGHTLY:  # the steps are those of tests/kubeflow/test_executed.py, which retrains on gs:// in every run of the suite
    RUNS["push"] = ("--span", "2", "--set", "evaluator.margin=1")
    RUNS["block"] = ("--span", "3", "--set", "evaluator.min_golden_images=100")


def tell(root: str, data: str) -> dict[str, Any]:
    """Exit code, result and messages of each run, and of commands that look at the root then."""
    told = {}
    for name, options in RUNS.items():
        settings = [word for setting in TINY for word in ("--set", setting)]
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


if __name__ == "__main__":
    data, *roots = sys.argv[1:]
    print(json.dumps([tell(root, data) for root in roots]))
