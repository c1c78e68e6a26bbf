"""Parts of TFMA's package that are files, not functions."""

from __future__ import annotations

from pathlib import Path

EVAL_RUN_VERSION = "0.47.1"  # of the form of EvalRun that TFMA's loaders read, not of the TFMA that is installed


def components_code() -> str:
    """TFMA's components as JavaScript."""
    import tensorflow_model_analysis

    directory = Path(tensorflow_model_analysis.__file__).parent / "static"
    return (directory / "vulcanized_tfma.js").read_text(encoding="utf-8")
