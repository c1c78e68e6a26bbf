"""What keeps the old and gains the new? Retrains one baseline in many ways, on spans of its world and of another.

    python -m benchmarks.retraining                                              # generated digits
    python -m benchmarks.retraining --data my-data --config mobile --first 1 --second 2   # your own spans, golden set

The golden set is the old world; a darkened copy of it is the new one. Each line is one way to retrain: the mean over
the seeds of golden mAP after the same-world span (its gain over the baseline), and after the drifted span on the old
world (what was lost) and on the new one (what was gained), with the standard deviations over the seeds.
"""

from __future__ import annotations

import argparse
import logging
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ratchet.schemas.artifacts.training_record import TRAINING_RECORD_FORMAT

os.environ["TF_USE_LEGACY_KERAS"] = "1"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import apache_beam as beam
import numpy as np

from benchmarks.faults import Fault, plant
from ratchet.components.example_gen.generate import GenRequest, generate
from ratchet.components.trainer.export import save_model
from ratchet.components.trainer.images.examples import span_of
from ratchet.components.trainer.job import Trained, TrainingJob, run_job
from ratchet.components.trainer.validation import ValidationImage, ValidationSet, Validator, read_validation
from ratchet.pipeline.config.pipeline_settings import load_config
from ratchet.pipeline.demo.digits import DigitsOptions, write_digits
from ratchet.schemas.artifacts.training_record import RECORD_FILE, read_training_record
from ratchet.schemas.base.files import LOCAL_FILES
from ratchet.schemas.data.dataset import TRAIN_SPLIT
from ratchet.schemas.data.examples_artifact import ExamplesArtifact

WAYS: dict[str, tuple[str, ...]] = {
    "new span alone": ("training.retrain.replay=0",),
    "replay .25": ("training.retrain.replay=0.25",),
    "replay .5": ("training.retrain.replay=0.5",),
    "replay .75": ("training.retrain.replay=0.75",),
    "replay .5, L2-SP .01": ("training.retrain.replay=0.5", "training.retrain.l2_sp=0.01"),
    "replay .5, L2-SP .1": ("training.retrain.replay=0.5", "training.retrain.l2_sp=0.1"),
    "L2-SP .1 alone": ("training.retrain.replay=0", "training.retrain.l2_sp=0.1"),
    "replay .5, batch norm slow": ("training.retrain.replay=0.5", "training.retrain.batch_norm=slow"),
    "replay .5, batch norm frozen": ("training.retrain.replay=0.5", "training.retrain.batch_norm=frozen"),
    "replay .5, average .99": ("training.retrain.replay=0.5", "training.average=0.99"),
    "replay .5, backbone frozen": ("training.retrain.replay=0.5", "training.retrain.freeze_backbone=true"),
    "replay .5, rate .1": ("training.retrain.replay=0.5", "training.retrain.learning_rate_fraction=0.1"),
    "replay .5, rate .6": ("training.retrain.replay=0.5", "training.retrain.learning_rate_fraction=0.6"),
    "replay .5, last checkpoint": ("training.retrain.replay=0.5", "training.validation.min_images=100000"),
}


@dataclass(frozen=True)
class World:
    """URIs of examples: three spans to train on, two sets to measure on."""

    first: str
    same: str
    drifted: str
    golden: str
    golden_drifted: str


@dataclass(frozen=True)
class Scores:
    """mAP on the golden set and on its drifted copy."""

    old: float
    new: float


class Bench:
    """One baseline and everything that is tried on it."""

    def __init__(self, work: Path, world: World, config: str, overrides: Sequence[str]) -> None:
        self._work, self._world, self._config, self._overrides = work, world, config, tuple(overrides)
        self._old, self._new = _images(world.golden), _images(world.golden_drifted)
        trained = self._train(world.first, None, ())
        save_model(trained.serving, str(work / "baseline"), [])
        (work / "baseline" / RECORD_FILE).parent.mkdir(exist_ok=True)
        (work / "baseline" / RECORD_FILE).write_text(TRAINING_RECORD_FORMAT.write(trained.record))
        self.baseline = self._score(trained)

    def retrain(self, span: str, way: Sequence[str], seed: int) -> Scores:
        """Retrains the baseline."""
        return self._score(self._train(span, str(self._work / "baseline"), (*way, f"training.seed={seed}")))

    def _train(self, examples: str, baseline: str | None, way: Sequence[str]) -> Trained:
        record = read_training_record(baseline, LOCAL_FILES) if baseline else None
        settings = load_config(self._config, [*self._overrides, *way]).trainer
        trained = run_job(
            TrainingJob(settings, examples, baseline, record, "" if baseline else None, str(self._work / "unfinished"))
        )
        trained.forget()
        return trained

    def _score(self, trained: Trained) -> Scores:
        point = Validator(trained.serving, ValidationSet(self._old, self._new, 0.5, 1))(0)
        return Scores(point.new or 0.0, point.old or 0.0)


def main() -> int:
    """Prints the table as Markdown, a line as soon as it is known."""
    arguments = _parser().parse_args()
    logging.basicConfig(level=logging.INFO if arguments.verbose else logging.WARNING, format="%(message)s")
    with tempfile.TemporaryDirectory(prefix="ratchet-retraining-") as directory:
        work = Path(directory)
        world = _own(work, arguments) if arguments.data else _digits(work)
        bench = Bench(work, world, arguments.config, arguments.set)
        baseline = bench.baseline
        print(f"Baseline: golden mAP {baseline.old:.3f}, drifted {baseline.new:.3f}. {arguments.seeds} seeds.\n")
        print("| retrained with | same world: golden | drifted: golden | drifted: drifted set | s |")
        print("|---|---|---|---|---|")
        for name, way in WAYS.items():
            if arguments.only is None or name in arguments.only:
                started = time.monotonic()
                same = [bench.retrain(world.same, way, seed) for seed in range(arguments.seeds)]
                drifted = [bench.retrain(world.drifted, way, seed) for seed in range(arguments.seeds)]
                cells = [
                    _cell([score.old for score in same], baseline.old),
                    _cell([score.old for score in drifted], baseline.old),
                    _cell([score.new for score in drifted], baseline.new),
                    f"{(time.monotonic() - started) / (2 * arguments.seeds):.0f}",
                ]
                print(f"| {name} | {' | '.join(cells)} |", flush=True)
    return 0


def _cell(values: Sequence[float], baseline: float) -> str:
    return f"{np.mean(values):.3f} ± {np.std(values):.3f} ({np.mean(values) - baseline:+.3f})"


def _images(uri: str) -> tuple[ValidationImage, ...]:
    examples = ExamplesArtifact.open(uri, LOCAL_FILES)
    return read_validation([span_of(examples, TRAIN_SPLIT, examples.info.class_names)], 10**9)


def _digits(work: Path) -> World:
    write_digits(str(work / "golden"), DigitsOptions(golden=True, images=200))
    write_digits(str(work / "span-1"), DigitsOptions(span=1, images=600))
    write_digits(str(work / "span-2"), DigitsOptions(span=2, images=600))
    return _world(work, work / "span-1", work / "span-2", work / "golden")


def _own(work: Path, arguments: argparse.Namespace) -> World:
    data = arguments.data
    return _world(work, data / f"span-{arguments.first}", data / f"span-{arguments.second}", data / "golden")


def _world(work: Path, first: Path, second: Path, golden: Path) -> World:
    dark = Fault("dark", 0.3, "light")
    plant(dark, second, golden, work / "drifted")
    plant(dark, golden, golden, work / "golden-drifted")
    sources = [(first, 1), (second, 2), (work / "drifted", 3), (golden, 0), (work / "golden-drifted", 0)]
    outs = [str(work / f"examples-{number}") for number in range(len(sources))]
    requests = [
        (GenRequest(str(source), span, 1, False, 0.1 if span else 0.0, 0.0, None, None), out)
        for (source, span), out in zip(sources, outs)
    ]
    generate(requests, beam.Pipeline())
    return World(*outs)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="directory of span-N and golden; default: digits are generated")
    parser.add_argument("--first", type=int, default=1, help="span of the baseline")
    parser.add_argument("--second", type=int, default=2, help="span to retrain on, as it is and darkened")
    parser.add_argument("--config", default="digits")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--only", nargs="*", choices=list(WAYS), help="ways to try")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--verbose", action="store_true", help="show the progress of each training")
    return parser


if __name__ == "__main__":
    sys.exit(main())
