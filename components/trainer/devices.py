"""What a training runs on: that the device which is wanted is there, and what to do where its memory is too small."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager

import tensorflow as tf

from ratchet.components.stack import devices
from ratchet.components.trainer.policy import TrainingPlan
from ratchet.schemas.base.errors import ConfigError, RatchetError
from ratchet.schemas.base.progress import LOGGER

_TPU = "TPU"


def check_device(wanted: str) -> None:
    """Whether there is the device that the settings insist on; to be asked before anything is computed.

    Args:
        wanted: `training.require_device`.

    Raises:
        ConfigError: it is missing: a training on the CPU would take days, and say nothing.
    """
    if wanted == "gpu" and not devices.gpus():
        raise ConfigError(
            f"training.require_device = gpu: TensorFlow {tf.__version__} sees no GPU here, only "
            f"{', '.join(devices.kinds())}; {_remedy()}, or train without one: training.require_device: none"
        )


def _remedy() -> str:
    if not devices.is_built_for_gpus():
        return "it was built without support for GPUs: install one that has it, such as tensorflow[and-cuda]"
    return (
        "give the step a GPU, its driver and the CUDA libraries of this TensorFlow (nvidia-smi shows the first two; "
        "CUDA_VISIBLE_DEVICES may hide it)"
    )


def device_name() -> str:
    """Kind of what is trained on, and its maker's name for what is no CPU: `GPU NVIDIA A100-SXM4-40GB`."""
    for gpu in devices.gpus():
        return f"GPU {devices.gpu_name(gpu)}".strip()
    return _TPU if _TPU in devices.kinds() else "CPU"


def log_device(strategy: tf.distribute.Strategy) -> None:
    """Tells what is trained on."""
    LOGGER.info("training on %d x %s, TensorFlow %s", strategy.num_replicas_in_sync, device_name(), tf.__version__)


@contextmanager
def told_if_too_large(plan: TrainingPlan, replicas: int, doing: str) -> Iterator[None]:
    """Says in one sentence what needs less memory, where TensorFlow says that there is none left.

    Args:
        plan: of the training.
        replicas: devices that train together.
        doing: what is done within.

    Raises:
        RatchetError: a device has too little memory.
    """
    try:
        yield
    except (tf.errors.ResourceExhaustedError, MemoryError) as error:
        raise RatchetError(_too_large(plan, replicas, doing)) from error


def _too_large(plan: TrainingPlan, replicas: int, doing: str) -> str:
    accumulate, size = plan.numerics.accumulate, plan.model.fixed_input_size
    at_once = math.ceil(plan.batch_size / replicas / accumulate)
    each = f", {at_once} at once on each of {replicas} devices" if replicas > 1 else f", {at_once} at once"
    parts = f" (training.accumulate = {accumulate})" if accumulate > 1 else ""
    return (
        f"{device_name()}: out of memory in {doing}, with training.batch_size = {plan.batch_size}{each}{parts}, of "
        f"{size[1]}x{size[0]} px (model.input_size); {_what_may_fit(plan, replicas, at_once)}"
    )


def _what_may_fit(plan: TrainingPlan, replicas: int, at_once: int) -> str:
    """Half of the activations, which grow with images times pixels."""
    precision = ", or training.precision: mixed_bfloat16" if plan.numerics.precision == "float32" else ""
    if at_once > 1:
        parts = math.ceil(plan.batch_size / replicas / (at_once // 2))
        half = plan.batch_size // 2 // replicas * replicas
        smaller = f", or training.batch_size: {half}" if half else ""
        return (
            f"half of that at once needs about half of the memory: training.accumulate: {parts}, with which the "
            f"result is nearly the same{smaller}{precision}"
        )
    stride = 2**plan.model.max_level
    height, width = (max(stride, int(side / math.sqrt(2)) // stride * stride) for side in plan.model.fixed_input_size)
    return (
        f"no batch is smaller: half of the pixels need about half of the memory (a first model with "
        f"model.input_size: [{height}, {width}]){precision}, a smaller model.backbone, or a device with more memory"
    )
