"""Writes the compiled pipelines that `test_compile.py` compares with: `make kubeflow-golden`."""

from __future__ import annotations

import sys
from pathlib import Path

from ratchet.kubeflow.compile import SUFFIXES, main

GOLDEN = Path(__file__).parent / "golden"
ARGUMENTS = [
    *("--config", "digits"),
    *("--root", "gs://bucket/ratchet"),
    *("--data", "gs://bucket/spans"),
    *("--golden", "gs://bucket/golden"),
    *("--image", "registry.example/ratchet:0.1.0"),
]

if __name__ == "__main__":
    codes = [main([*ARGUMENTS, "--target", t, "--out", str(GOLDEN / f"pipeline{s}")]) for t, s in SUFFIXES.items()]
    sys.exit(max(codes))
