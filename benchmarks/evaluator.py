"""The whole evaluator against bare batched inference of the same two SavedModels on the same images.

python -m benchmarks.evaluator --serving ratchet-demo/root/serving/digits --images 2000
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any

from ratchet.schemas.data.dataset import DATASET_FORMAT

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import apache_beam as beam
import tensorflow as tf
from tfx.types import artifact_utils, standard_artifacts
from tfx.utils import path_utils

from ratchet.components.detector.served import read_images
from ratchet.components.example_gen.generate import SPLITS, GenRequest, generate
from ratchet.components.map_evaluator.executor import Executor as MapEvaluator
from ratchet.components.map_evaluator.settings import EvaluatorSettings
from ratchet.pipeline.demo.digits import DigitsOptions, write_digits
from ratchet.schemas.base import settings as settings_io
from ratchet.schemas.base.files import LOCAL_FILES
from ratchet.schemas.base.model_digest import model_digest
from ratchet.schemas.data.dataset import DATASET_FILE, EVAL_SPLIT


def main() -> None:
    """Times both, in turns, and prints one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--serving", type=Path, required=True, help="serving directory with at least two versions")
    parser.add_argument("--images", type=int, default=2000)
    parser.add_argument("--repeats", type=int, default=3)
    arguments = parser.parse_args()
    versions = sorted(arguments.serving.iterdir(), key=lambda path: int(path.name))[-2:]
    with tempfile.TemporaryDirectory() as directory:
        golden = _examples(Path(directory), arguments.images)
        models = [_model(Path(directory), version) for version in versions]
        span = _empty_span(golden)
        loaded = [tf.saved_model.load(str(version)) for version in versions]
        bare: list[float] = []
        whole: list[float] = []
        for repeat in range(arguments.repeats + 1):
            seconds = (
                _timed(lambda: _infer(golden, loaded)),
                _timed(lambda n=repeat: _evaluate(golden, span, models, n)),
            )
            if repeat:  # the first round traces and warms up
                bare.append(seconds[0])
                whole.append(seconds[1])
    ratios = [w / b for w, b in zip(whole, bare)]
    rounded = {"bare": [round(s, 2) for s in bare], "evaluator": [round(s, 2) for s in whole]}
    print(json.dumps({"images": arguments.images, "seconds": rounded, "ratio": round(median(ratios), 3)}))


def _timed(action: Callable[[], object]) -> float:
    started = time.monotonic()
    action()
    return time.monotonic() - started


def _examples(directory: Path, images: int) -> Any:
    """Golden examples as the pipeline writes them."""
    write_digits(str(directory / "golden"), DigitsOptions(golden=True, images=images))
    examples = standard_artifacts.Examples()
    examples.uri = str(directory / "examples")
    examples.split_names = artifact_utils.encode_split_names(list(SPLITS))
    request = GenRequest(
        directory=str(directory / "golden"),
        span=0,
        version=1,
        strict=True,
        eval_fraction=1.0,
        held_out_fraction=0.0,
        group_by=None,
        class_names=None,
    )
    generate([(request, examples.uri)], beam.Pipeline())
    return examples


def _model(directory: Path, version: Path) -> Any:
    model = standard_artifacts.Model()
    model.uri = str(directory / "models" / version.name)
    Path(model.uri).mkdir(parents=True)
    (Path(model.uri) / "Format-Serving").symlink_to(version.resolve())
    return model


def _empty_span(golden: Any) -> Any:
    """A span of which nothing is measured, so that both sides see the same images."""
    info = DATASET_FORMAT.read(Path(golden.uri, DATASET_FILE).read_bytes(), golden.uri)
    span = standard_artifacts.Examples()
    span.uri = str(Path(golden.uri).parent / "span")
    Path(span.uri).mkdir()
    nothing = dict.fromkeys(info.images, 0)
    Path(span.uri, DATASET_FILE).write_text(DATASET_FORMAT.write(replace(info, images=nothing, boxes=nothing)))
    return span


def _infer(golden: Any, models: list[Any]) -> None:
    [split] = artifact_utils.get_split_uris([golden], EVAL_SPLIT)
    files = sorted(str(path) for path in Path(split).iterdir())
    batch_size = EvaluatorSettings().batch_size
    for model in models:
        signature = model.signatures["serving_default"]
        for batch in read_images(files, batch_size):
            found = signature(image_bytes=tf.constant([encoded for _, encoded in batch]))
            found["detection_boxes"].numpy()


def _evaluate(golden: Any, span: Any, models: list[Any], repeat: int) -> None:
    directory = Path(golden.uri).parent / f"evaluation-{repeat}"
    evaluation, blessing = standard_artifacts.ModelEvaluation(), standard_artifacts.ModelBlessing()
    evaluation.uri, blessing.uri = str(directory / "evaluation"), str(directory / "blessing")
    candidate, baseline = models
    baseline.set_int_custom_property("has_baseline", 1)
    digest = model_digest(path_utils.serving_model_path(baseline.uri), LOCAL_FILES)
    baseline.set_string_custom_property("digest", digest)
    inputs = {"golden": [golden], "examples": [span], "model": [candidate], "baseline_model": [baseline]}
    properties = {"settings": settings_io.to_json(EvaluatorSettings()), "accept_new_golden": 1, "artifacts": ""}
    MapEvaluator(_context(directory, "evaluator")).Do(
        inputs, {"evaluation": [evaluation], "blessing": [blessing]}, properties
    )


def _context(directory: Path, name: str) -> Any:
    return MapEvaluator.Context(beam_pipeline_args=[], tmp_dir=str(directory / "tmp"), unique_id=name)


if __name__ == "__main__":
    main()
