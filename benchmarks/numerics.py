"""What precision, XLA, optimizer and accumulation cost and gain: the same training on digits, computed in other ways.

    python -m benchmarks.numerics                       # speed, and mAP after a whole training
    python -m benchmarks.numerics --memory              # peak memory of a step whose batch goes through in parts

Speed is in images a CPU-second of the process, on which other work on the machine has little influence; a step is
compiled when it is taken first, which is counted apart. mAP is that of a golden set of 200 images.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

os.environ["TF_USE_LEGACY_KERAS"] = "1"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import apache_beam as beam
import tensorflow as tf

from ratchet.components.example_gen.generate import GenRequest, generate
from ratchet.components.trainer.images.batches import Mixture, training_batches
from ratchet.components.trainer.images.examples import span_of
from ratchet.components.trainer.job import Trained, TrainingJob, run_job
from ratchet.components.trainer.learner import Learner, LearnerOptions
from ratchet.components.trainer.lineage import trained_data
from ratchet.components.trainer.policy import NewSpan, TrainingPlan, plan_training
from ratchet.components.trainer.validation import ValidationImage, ValidationSet, Validator, read_validation
from ratchet.pipeline.config.pipeline_settings import load_config
from ratchet.pipeline.demo.digits import DigitsOptions, write_digits
from ratchet.schemas.base.files import LOCAL_FILES
from ratchet.schemas.data.dataset import TRAIN_SPLIT
from ratchet.schemas.data.examples_artifact import ExamplesArtifact

_SGD = ("training.optimizer=sgd", "training.bootstrap.peak_learning_rate=0.05")
WAYS: dict[str, tuple[str, ...]] = {
    "float32, Adam": (),
    "xla": ("training.xla=true",),
    "mixed_bfloat16": ("training.precision=mixed_bfloat16",),
    "mixed_float16, xla": ("training.precision=mixed_float16", "training.xla=true"),
    "weight decay .01 (AdamW)": ("training.weight_decay=0.01",),
    "sgd, rate .05": _SGD,
    "sgd, rate .05, weight decay 1e-4": (*_SGD, "training.weight_decay=0.0001"),
    "accumulate 4": ("training.accumulate=4",),
}
PARTS = (1, 2, 4, 8)


def main() -> int:
    """Prints a table as Markdown, a line as soon as it is known."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--memory", action="store_true")
    parser.add_argument("--steps", type=int, default=250)
    parser.add_argument("--only", nargs="*", choices=list(WAYS), help="ways to try")
    parser.add_argument("--parts", type=int, help=argparse.SUPPRESS)  # in a process of its own, for the memory
    arguments = parser.parse_args()
    if arguments.memory:
        return _memory_table()
    with tempfile.TemporaryDirectory(prefix="ratchet-numerics-") as work:
        examples, golden = _digits(Path(work))
        if arguments.parts:
            print(_peak_mib(examples, arguments.parts))
            return 0
        images = read_validation([span_of(golden, TRAIN_SPLIT, golden.info.class_names)], 10**9)
        print("| training | images/CPU-s | CPU-s before the second step | mAP |\n|---|---|---|---|")
        for name in arguments.only or WAYS:
            settings = ("training.validation.patience=100", f"training.bootstrap.steps={arguments.steps}", *WAYS[name])
            speed, start = _speed(examples, settings)
            score = _map(_train(examples, settings, Path(work)), images)
            print(f"| {name} | {speed:.0f} | {start:.1f} | {score:.3f} |", flush=True)
    return 0


def _digits(work: Path) -> tuple[ExamplesArtifact, ExamplesArtifact]:
    write_digits(str(work / "golden"), DigitsOptions(golden=True, images=200))
    write_digits(str(work / "span-1"), DigitsOptions(span=1, images=600))
    outs = [str(work / name) for name in ("examples", "golden-examples")]
    sources = ((work / "span-1", 1, 0.1), (work / "golden", 0, 0.0))
    requests = [
        (GenRequest(str(source), span, 1, False, share, 0.0, None, None), out)
        for (source, span, share), out in zip(sources, outs)
    ]
    generate(requests, beam.Pipeline())
    new, golden = (ExamplesArtifact.open(out, LOCAL_FILES) for out in outs)
    return new, golden


def _speed(examples: ExamplesArtifact, overrides: Sequence[str], steps: int = 40) -> tuple[float, float]:
    """Images a CPU-second, and CPU-seconds until a second step can be taken."""
    plan, batches = _plan(examples, overrides)
    batch = [next(batches) for _ in range(4)]
    started = time.process_time()
    learner = _learner(plan, examples)
    learner.step(batch[0])
    ready = time.process_time()
    for step in range(steps):
        learner.step(batch[step % len(batch)])
    return steps * plan.batch_size / (time.process_time() - ready), ready - started


def _plan(examples: ExamplesArtifact, overrides: Sequence[str]) -> tuple[TrainingPlan, Any]:
    names = examples.info.class_names
    span = NewSpan(trained_data(examples, None), dict.fromkeys(names, 1))
    plan = plan_training(load_config("digits", overrides).trainer, span, None)
    mixture = Mixture(span_of(examples, TRAIN_SPLIT, names), (), 0.0)
    return plan, iter(training_batches(mixture, plan.model, plan.augmentation, plan.batch_size, 0))


def _learner(plan: TrainingPlan, examples: ExamplesArtifact) -> Learner:
    options = LearnerOptions(len(examples.info.class_names))
    return Learner(tf.distribute.get_strategy(), plan, options, lambda model: None)


def _train(examples: ExamplesArtifact, overrides: Sequence[str], work: Path) -> Trained:
    settings = load_config("digits", overrides).trainer
    trained = run_job(TrainingJob(settings, examples.uri, None, None, None, str(work / "unfinished")))
    trained.forget()
    return trained


def _map(trained: Trained, images: tuple[ValidationImage, ...]) -> float:
    return Validator(trained.serving, ValidationSet(images, (), 0.0, 1))(0).map


def _memory_table() -> int:
    """Of a batch of 64 images of 256 x 256 px, by the parts that it goes through in."""
    print("| training.accumulate | peak memory of the process, MiB | of which for steps |\n|---|---|---|")
    for parts in PARTS:
        command = [sys.executable, "-m", "benchmarks.numerics", "--parts", str(parts)]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        before, peak = map(int, done.stdout.split()[-2:])
        print(f"| {parts} | {peak:,} | {peak - before:,} |", flush=True)
    return 0


def _peak_mib(examples: ExamplesArtifact, parts: int) -> str:
    """Of this process before and after a few steps."""
    overrides = ("training.batch_size=64", "model.input_size=[256,256]", f"training.accumulate={parts}")
    plan, batches = _plan(examples, overrides)
    batch = next(batches)
    learner = _learner(plan, examples)
    before = _own_peak_mib()
    for _ in range(3):
        learner.step(batch)
    return f"{before} {_own_peak_mib()}"


def _own_peak_mib() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


if __name__ == "__main__":
    sys.exit(main())
