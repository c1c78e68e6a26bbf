"""Peak memory of the evaluation of very many images: synthetic predictions through the evaluator's Beam CombineFn.

python -m benchmarks.memory --images 100000 --detections 100
"""

from __future__ import annotations

import argparse
import json
import resource
import tempfile
import time
from collections.abc import Iterator

import apache_beam as beam
import numpy as np

from ratchet.components.map_evaluator.beam_evaluation import CombineCollectors, load_matches, save_matches
from ratchet.components.map_evaluator.matches import SAMPLE_IMAGES, Collector
from ratchet.components.map_evaluator.scoring import score
from ratchet.components.map_evaluator.settings import EvaluatorSettings
from ratchet.schemas.artifacts.evaluation import MATCHES_FILE
from ratchet.schemas.data.columns import DetectionColumns, TruthColumns

CLASSES, OBJECTS, SIDE_PX, BATCH = 80, 7, 640, 16


def main() -> None:
    """Runs the case and prints one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=100_000)
    parser.add_argument("--detections", type=int, default=100, help="of each model in each image")
    parser.add_argument("--resamples", type=int, default=100, help="of the bootstrap, at least 100")
    arguments = parser.parse_args()
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as directory:
        path = f"{directory}/{MATCHES_FILE}"
        with beam.Pipeline() as pipeline:
            _ = (
                pipeline
                | beam.Create(range(0, arguments.images, BATCH))
                | beam.ParDo(Predictions(arguments.images, arguments.detections))
                | beam.CombineGlobally(CombineCollectors()).without_defaults()
                | beam.Map(save_matches, path)
            )
        combined = time.monotonic() - started
        measured = load_matches(path)
    names = tuple(f"class {label}" for label in range(1, CLASSES + 1))
    data = score(measured, names, EvaluatorSettings(resamples=arguments.resamples))
    print(
        json.dumps(
            {
                "images": data.images,
                "detections": {name: len(table.detections) for name, table in measured.tables.items()},
                "mAP": [data.candidate.coco["AP"], data.baseline.coco["AP"] if data.baseline else None],
                "seconds": {"combine": round(combined), "all": round(time.monotonic() - started)},
                "peak_gib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20, 2),
            }
        )
    )


class Predictions(beam.DoFn):
    """The first image of a batch -> a Collector with what two made-up models found in it."""

    def __init__(self, images: int, detections: int) -> None:
        self._images = images
        self._detections = detections

    def process(self, element: int) -> Iterator[Collector]:
        """See the base class."""
        random = np.random.default_rng(element)
        count = min(BATCH, self._images - element)
        truth = _truth(random, count)
        collector = Collector(sample_share=min(1.0, SAMPLE_IMAGES / self._images))
        found = {name: _found(random, truth, count, self._detections) for name in ("candidate", "baseline")}
        collector.add_columns(np.arange(element, element + count), truth, found)
        yield collector


def _truth(random: np.random.Generator, images: int) -> TruthColumns:
    boxes = _boxes(random, images * OBJECTS)
    return TruthColumns(
        image=np.repeat(np.arange(images), OBJECTS),
        boxes_xywh_px=boxes,
        labels=_labels(random, len(boxes)),
        area_px2=boxes[:, 2] * boxes[:, 3],
        is_crowd=random.random(len(boxes)) < 0.015,
    )


def _found(random: np.random.Generator, truth: TruthColumns, images: int, each: int) -> DetectionColumns:
    near = np.arange(images * each) % each < OBJECTS  # the first ones of every image are near its objects
    boxes, labels = _boxes(random, images * each), _labels(random, images * each)
    boxes[near] = (
        truth.boxes_xywh_px + random.normal(0, 0.1, (images * OBJECTS, 4)) * truth.boxes_xywh_px[:, [2, 3, 2, 3]]
    )
    boxes[:, 2:] = np.maximum(boxes[:, 2:], 1)
    labels[near] = truth.labels
    scores = np.where(near, random.beta(3, 2, len(near)), random.beta(1, 6, len(near)))
    return DetectionColumns(np.repeat(np.arange(images), each), boxes, labels, scores)


def _boxes(random: np.random.Generator, count: int) -> np.ndarray:
    sizes = np.exp(random.normal(4, 0.9, (count, 2)))
    return np.concatenate([random.uniform(0, SIDE_PX, (count, 2)), sizes], axis=1)


def _labels(random: np.random.Generator, count: int) -> np.ndarray:
    return np.minimum(random.zipf(1.5, count), CLASSES)


if __name__ == "__main__":
    from benchmarks.memory import main as imported_main  # so that Beam finds the classes under this module's name

    imported_main()
