"""What is said of a device that is missing or too small; GPUs are played, there is none where these tests run."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
from types import SimpleNamespace
from typing import Any

import pytest

from ratchet.components.trainer.model.model_settings import ModelSettings
from ratchet.components.trainer.policy import NewSpan, TrainingPlan, plan_training
from ratchet.components.trainer.settings import TrainerSettings
from ratchet.schemas.base.errors import ConfigError, RatchetError
from ratchet.schemas.base.settings import load
from tests.builders import trained_data

pytestmark = pytest.mark.tensorflow
GPU = SimpleNamespace(name="/physical_device:GPU:0", device_type="GPU")


@pytest.fixture
def two_gpus(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """A machine with two GPUs, as far as `stack.devices` tells."""
    from ratchet.components.stack import devices

    monkeypatch.setattr(devices, "gpus", lambda: [GPU, GPU])
    monkeypatch.setattr(devices, "gpu_name", lambda gpu: "NVIDIA A100")
    return [GPU, GPU]


def plan(size: tuple[int, int] = (512, 640), **training: Any) -> TrainingPlan:
    settings = load(TrainerSettings, {"training": training}, "x.yaml")
    made = plan_training(settings, NewSpan(trained_data(images=100), {"cat": 1, "dog": 1}), None)
    return dataclasses.replace(made, model=ModelSettings(input_size=size))


def told(made: TrainingPlan, replicas: int = 1) -> str:
    """What is said when TensorFlow has no memory left."""
    import tensorflow as tf

    from ratchet.components.trainer.devices import told_if_too_large

    error = tf.errors.ResourceExhaustedError(None, None, "OOM when allocating tensor with shape[16,64,320,320]")
    with pytest.raises(RatchetError) as caught, told_if_too_large(made, replicas, "a step of the training"):
        raise error
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_missing_gpu_is_refused_where_one_is_required() -> None:
    from ratchet.components.trainer.devices import check_device

    check_device("none")
    with pytest.raises(
        ConfigError, match=r"training\.require_device = gpu: TensorFlow \d.* sees no GPU here, only CPU"
    ):
        check_device("gpu")


def test_a_training_ends_before_it_reads_anything_where_its_gpu_is_missing() -> None:
    from ratchet.components.trainer.job import TrainingJob, run_job

    settings = load(TrainerSettings, {"training": {"require_device": "gpu"}}, "x.yaml")
    with pytest.raises(ConfigError, match=r"or train without one: training\.require_device: none"):
        run_job(TrainingJob(settings, "/nowhere", None, None, None, "/nowhere"))


def test_a_gpu_that_is_there_is_named(two_gpus: list[Any]) -> None:
    from ratchet.components.trainer.devices import check_device, device_name
    from ratchet.components.trainer.environment import environment

    check_device("gpu")
    assert device_name() == "GPU NVIDIA A100"
    assert environment().device == "GPU NVIDIA A100"


def test_memory_grows_on_every_gpu(two_gpus: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    import tensorflow as tf

    from ratchet.components.stack.devices import grow_memory

    grown: list[tuple[Any, bool]] = []
    monkeypatch.setattr(tf.config.experimental, "set_memory_growth", lambda gpu, grows: grown.append((gpu, grows)))
    grow_memory()
    assert grown == [(GPU, True), (GPU, True)]


def test_what_a_process_has_taken_already_is_left_to_it(two_gpus: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    import tensorflow as tf

    from ratchet.components.stack.devices import grow_memory

    def too_late(gpu: Any, grows: bool) -> None:
        raise RuntimeError("Physical devices cannot be modified after being initialized")

    monkeypatch.setattr(tf.config.experimental, "set_memory_growth", too_late)
    grow_memory()


def test_what_has_no_room_is_told_with_what_may_fit() -> None:
    assert told(plan(batch_size=16)) == (
        "CPU: out of memory in a step of the training, with training.batch_size = 16, 16 at once, of 640x512 px "
        "(model.input_size); half of that at once needs about half of the memory: training.accumulate: 2, with which "
        "the result is nearly the same, or training.batch_size: 8, or training.precision: mixed_bfloat16"
    )


def test_parts_and_devices_are_counted(two_gpus: list[Any]) -> None:
    text = told(plan(batch_size=16, accumulate=2, precision="mixed_bfloat16"), replicas=2)
    assert text.startswith("GPU NVIDIA A100: out of memory")
    assert "training.batch_size = 16, 4 at once on each of 2 devices (training.accumulate = 2)" in text
    assert "training.accumulate: 4" in text
    assert "training.batch_size: 8" in text
    assert "precision" not in text


def test_where_one_image_does_not_fit_smaller_images_are_proposed() -> None:
    text = told(plan(batch_size=4, accumulate=4))
    assert "1 at once" in text
    assert "model.input_size: [256, 384]" in text  # multiples of the coarsest level's stride
    assert "accumulate:" not in text
    assert "batch_size:" not in text


# Another process, because a library that has no memory may end it.
_REAL = """
import json, resource, sys
import tensorflow as tf
from ratchet.components.trainer.devices import told_if_too_large
from ratchet.schemas.base.errors import RatchetError
from tests.components.trainer.test_devices import plan

step = tf.function(lambda images: tf.reduce_sum(tf.matmul(images, images, transpose_b=True)))
step(tf.zeros([8, 1]))
pages = int(open("/proc/self/statm").read().split()[0])
limit = pages * resource.getpagesize() + 2**28
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
try:
    with told_if_too_large(plan(), 1, "a step of the training"):
        step(tf.zeros([2**16, 1]))  # 16 GiB
except RatchetError as error:
    print(json.dumps(str(error)))
"""


def test_memory_that_really_runs_out_is_told_as_well() -> None:
    done = subprocess.run([sys.executable, "-c", _REAL], capture_output=True, text=True, check=False)
    assert json.loads(done.stdout.splitlines()[-1]).startswith("CPU: out of memory in a step of the training"), (
        done.stderr[-2000:]
    )
