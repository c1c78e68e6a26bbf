"""What TensorFlow is told before it is imported: which Keras, and how much to say; nothing heavy is imported here."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping

_KERAS, _LOG_LEVEL = "TF_USE_LEGACY_KERAS", "TF_CPP_MIN_LOG_LEVEL"
_GROWTH = "TF_FORCE_GPU_ALLOW_GROWTH"  # https://www.tensorflow.org/guide/gpu#limiting_gpu_memory_growth
_WARNINGS = "2"  # and what is worse


def prepare() -> None:
    """For a process that trains or runs steps; to be called before TensorFlow is imported.

    tf-models is written for Keras 2, and TensorFlow takes Keras 3 from version 2.16 on. A process takes nearly all
    memory of a GPU unless it is told to take what it needs, and Beam's workers, which inherit this, share one with the
    step that they work for. What a user has set stands.
    """
    os.environ.setdefault(_KERAS, "1")
    os.environ.setdefault(_LOG_LEVEL, _WARNINGS)
    os.environ.setdefault(_GROWTH, "true")


def as_served(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment of a process that serves: it sees no GPU, no cluster and no choice of Keras."""
    own = {key: value for key, value in environment.items() if key not in ("TF_CONFIG", _KERAS)}
    return own | {"CUDA_VISIBLE_DEVICES": "-1", _LOG_LEVEL: _WARNINGS}


def leave_keras_out() -> None:
    """Lets TensorFlow be imported without any Keras, as TensorFlow Serving has none; it is half of the time it takes.

    TensorFlow passes over what cannot be imported, which a module is that `sys.modules` has as None.
    """
    sys.modules.update(dict.fromkeys(("keras", "tf_keras")))  # pyright: ignore[reportArgumentType, reportCallIssue]
