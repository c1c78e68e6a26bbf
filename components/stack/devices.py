"""Which devices TensorFlow sees, and that processes which share a GPU leave each other room on it."""

from __future__ import annotations

from typing import Any

import tensorflow as tf


def gpus() -> list[Any]:
    """The GPUs that TensorFlow can use; asking reserves nothing on them."""
    return tf.config.list_physical_devices("GPU")


def kinds() -> list[str]:
    """The kinds of all devices, each once: `CPU`, `GPU`, `TPU`."""
    return sorted({device.device_type for device in tf.config.list_physical_devices()})


def gpu_name(gpu: Any) -> str:
    """As its maker calls it; empty where TensorFlow does not know."""
    return str(tf.config.experimental.get_device_details(gpu).get("device_name", ""))


def is_built_for_gpus() -> bool:
    """Whether the TensorFlow that is installed could use a GPU at all."""
    return bool(tf.test.is_built_with_gpu_support())


def grow_memory() -> None:
    """Lets this process take memory of each GPU as it needs it, instead of nearly all of it at its first operation.

    To be called before that; where it is too late, what the process has already is left to it.
    `environment.prepare` says the same to the processes that this one starts.
    """
    for gpu in gpus():
        try:
            tf.config.experimental.set_memory_growth(gpu, True)
        except RuntimeError:  # an operation has run
            return
