"""Images a second of our training against a bare loop over tf-models' own input and step, same model and machine.

    python -m benchmarks.training_speed                                    # generated digits
    python -m benchmarks.training_speed --data my-data/span-1 --config mobile

The two take turns, so that a busy machine slows both. The input alone is measured as well: it must be faster than the
step that it feeds.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

os.environ["TF_USE_LEGACY_KERAS"] = "1"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import apache_beam as beam
import tensorflow as tf
import tf_keras
from official.vision.configs import retinanet
from official.vision.tasks.retinanet import RetinaNetTask

from ratchet.components.example_gen.generate import GenRequest, generate
from ratchet.components.trainer.images.batches import Mixture, training_batches
from ratchet.components.trainer.images.examples import span_of
from ratchet.components.trainer.learner import Learner, LearnerOptions
from ratchet.components.trainer.lineage import trained_data
from ratchet.components.trainer.model.family import MAX_OBJECTS
from ratchet.components.trainer.model.retinanet import RETINANET
from ratchet.components.trainer.policy import NewSpan, TrainingPlan, plan_training
from ratchet.pipeline.config.pipeline_settings import load_config
from ratchet.pipeline.demo.digits import DigitsOptions, write_digits
from ratchet.schemas.base.files import LOCAL_FILES
from ratchet.schemas.data.dataset import TRAIN_SPLIT
from ratchet.schemas.data.examples_artifact import ExamplesArtifact, split_directory

Step = Callable[[], Any]


def main() -> int:
    """Prints the two speeds of each round, and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="a span; default: digits are generated")
    parser.add_argument("--config", default="digits")
    parser.add_argument("--steps", type=int, default=40, help="of a round")
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="ratchet-speed-") as work:
        examples = _examples(arguments.data, Path(work))
        settings = load_config(arguments.config).trainer
        batch_size = settings.training.batch_size
        plan = plan_training(settings, _span(examples), None)
        batches = _our_batches(plan, examples, batch_size)
        steps = {
            "bare tf-models loop": _bare(plan, examples, batch_size),
            "ours": _ours(plan, examples, batches),
            "our input alone": lambda: next(batches),
        }
        for step in steps.values():
            step()
        speeds: dict[str, list[float]] = {name: [] for name in steps}
        for _ in range(arguments.rounds):
            for name, step in steps.items():
                speeds[name].append(_images_per_second(step, arguments.steps, batch_size))
    for name, values in speeds.items():
        print(f"{name}: {statistics.median(values):.0f} images/s {[round(value) for value in values]}")
    ratios = [ours / bare for ours, bare in zip(speeds["ours"], speeds["bare tf-models loop"])]
    print(f"ratio: {statistics.median(ratios):.3f} {[round(ratio, 3) for ratio in ratios]}")
    return 0


def _images_per_second(step: Step, steps: int, batch_size: int) -> float:
    started = time.perf_counter()
    for _ in range(steps):
        step()
    return steps * batch_size / (time.perf_counter() - started)


def _examples(data: Path | None, work: Path) -> ExamplesArtifact:
    if data is None:
        data = work / "span-1"
        write_digits(str(data), DigitsOptions(span=1, images=600))
    uri = str(work / "examples")
    generate([(GenRequest(str(data), 1, 1, False, 0.1, 0.0, None, None), uri)], beam.Pipeline())
    return ExamplesArtifact.open(uri, LOCAL_FILES)


def _span(examples: ExamplesArtifact) -> NewSpan:
    return NewSpan(trained_data(examples, None), dict.fromkeys(examples.info.class_names, 1))


def _our_batches(plan: TrainingPlan, examples: ExamplesArtifact, batch_size: int) -> Iterator[Any]:
    span = span_of(examples, TRAIN_SPLIT, examples.info.class_names)
    return iter(training_batches(Mixture(span, (), 0.0), plan.model, plan.augmentation, batch_size, 0))


def _ours(plan: TrainingPlan, examples: ExamplesArtifact, batches: Iterator[Any]) -> Step:
    options = LearnerOptions(len(examples.info.class_names))
    learner = Learner(tf.distribute.get_strategy(), plan, options, lambda model: None)
    return lambda: float(learner.step(next(batches))["total_loss"])


def _bare(plan: TrainingPlan, examples: ExamplesArtifact, batch_size: int) -> Step:
    """What one writes with tf-models when nothing else is wanted."""
    task = RETINANET.build_task(plan.model, len(examples.info.class_names))
    model = RETINANET.build_model(task, plan.model)
    optimizer = tf_keras.optimizers.legacy.Adam(plan.learning_rate.peak)
    data = retinanet.DataConfig(
        input_path=f"{split_directory(examples.uri, TRAIN_SPLIT)}/*",
        is_training=True,
        global_batch_size=batch_size,
        dtype="float32",
        shuffle_buffer_size=2048,
        parser=retinanet.Parser(
            aug_rand_hflip=plan.augmentation.horizontal_flip,
            aug_scale_min=plan.augmentation.scale_min,
            aug_scale_max=plan.augmentation.scale_max,
            max_num_instances=MAX_OBJECTS,
        ),
    )
    batches = iter(_tf_models_input(task, data))

    @tf.function(autograph=False)
    def train_step(inputs: Any) -> Any:
        return task.train_step(inputs, model, optimizer)[task.loss]

    return lambda: float(train_step(next(batches)))


@tf.autograph.experimental.do_not_convert
def _tf_models_input(task: RetinaNetTask, data: retinanet.DataConfig) -> tf.data.Dataset:
    return task.build_inputs(data)


if __name__ == "__main__":
    sys.exit(main())
