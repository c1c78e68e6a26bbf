"""Seconds and memory of the evaluator at 10,000, 100,000 and a million images x 100 detections x 2 models.

python -m benchmarks.scale
python -m benchmarks.scale --images 10000 100000 --detections 100
python -m benchmarks.scale --draw

Every number of images is measured in a process of its own: made-up predictions through the evaluator's Beam step, what
comes of them scored with intervals, and the checks of the golden set. What was measured is kept; the chart shows it
together with what `benchmarks/ingestion.py` measured of the steps before training.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from benchmarks.scale_points import Point, draw, ingestion_points, keep, read_points
from ratchet.schemas.data.columns import DetectionColumns, TruthColumns

IMAGES = (10_000, 100_000, 1_000_000)
CLASSES, OBJECTS, SIDE_PX, BATCH, FILE = 80, 7, 640, 128, 4096
POINTS, INGESTION = Path("benchmarks/measured/scale.json"), Path("benchmarks/measured/ingestion.json")
CHART = Path("docs/scale.png")


def main() -> None:
    """Measures, keeps the points and draws the chart."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, nargs="+", default=IMAGES)
    parser.add_argument("--detections", type=int, default=100, help="of each model in each image")
    parser.add_argument("--resamples", type=int, default=100, help="of the bootstrap, at least 100")
    parser.add_argument("--points", type=Path, default=POINTS, help="what was measured, of all benchmarks")
    parser.add_argument("--chart", type=Path, default=CHART)
    parser.add_argument(
        "--draw", action="store_true", help="measure nothing, draw the chart of the points that are there"
    )
    parser.add_argument("--one", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one:
        for count in arguments.images:
            measure(count, arguments.detections, arguments.resamples)
        return
    for count in () if arguments.draw else arguments.images:
        for point in _in_a_process(count, arguments):
            keep(arguments.points, point)
    draw([*ingestion_points(INGESTION), *read_points(arguments.points)], arguments.chart)


def _in_a_process(images: int, arguments: argparse.Namespace) -> Iterator[Point]:
    options = ["--images", str(images), "--detections", str(arguments.detections)]
    options += ["--resamples", str(arguments.resamples), "--one"]
    with subprocess.Popen(
        [sys.executable, "-m", "benchmarks.scale", *options], stdout=subprocess.PIPE, text=True
    ) as run:
        assert run.stdout is not None
        for line in run.stdout:
            sys.stdout.write(line)
            sys.stdout.flush()
            yield Point(**json.loads(line))
    if run.returncode:
        raise SystemExit(f"{images} images: the process ended with {run.returncode}")


def measure(images: int, detections: int, resamples: int) -> None:
    """Writes a line of JSON after each stage, which is a `Point`."""
    from benchmarks.scale_beam import collect
    from ratchet.components.map_evaluator import sanity_checks as sanity
    from ratchet.components.map_evaluator.beam_evaluation import load_matches
    from ratchet.components.map_evaluator.comparability import traces
    from ratchet.components.map_evaluator.detection_limits import counted_objects
    from ratchet.components.map_evaluator.matches import PERFECT
    from ratchet.components.map_evaluator.scoring import score
    from ratchet.components.map_evaluator.settings import EvaluatorSettings

    names = tuple(f"class {label}" for label in range(1, CLASSES + 1))
    with tempfile.TemporaryDirectory() as directory:
        with Stage("evaluator: matching and joining", images):
            path = collect(images, detections, directory)
        with Stage("evaluator: scores and checks", images):
            matches = load_matches(path)
            alone = {name: table for name, table in matches.tables.items() if name != "baseline"}
            score(type(matches)(alone, matches.digests, {}, {}), names, EvaluatorSettings())
            sanity.known_answers(matches.tables[PERFECT], matches.shuffled)
            counted_objects(matches.tables[PERFECT], names)
            traces({name: matches.tables[name] for name in ("candidate", "baseline")}, files=False)
        with Stage(f"evaluator: {resamples} resamples", images) as stage:
            data = score(matches, names, EvaluatorSettings(resamples=resamples))
            stage.says = {"mAP": data.candidate.coco["AP"], "interval": data.deltas and data.deltas.overall.interval}


class Stage:
    """Measures what happens inside: CPU seconds, the most memory of its own, and the most that was resident."""

    def __init__(self, name: str, images: int) -> None:
        """Names the series and the number of images."""
        self._name, self._images = name, images
        self.says: dict[str, object] = {}
        self._done = threading.Event()
        self._peak = 0

    def __enter__(self) -> Stage:
        self._start = _cpu_seconds()
        self._watch = threading.Thread(target=self._look, daemon=True)
        self._watch.start()
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        self._done.set()
        self._watch.join()
        if kind is not None:
            return
        resident = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
        point = Point(
            self._name, self._images, round(_cpu_seconds() - self._start, 1), round(self._peak / 2**20, 3), self.says
        )
        sys.stdout.write(json.dumps({**vars(point), "says": {**self.says, "resident_gib": round(resident, 2)}}) + "\n")
        sys.stdout.flush()

    def _look(self) -> None:
        while not self._done.wait(0.05):
            self._peak = max(self._peak, _own_memory_kib())


def _cpu_seconds() -> float:
    return sum(os.times()[:4])


def _own_memory_kib() -> int:
    # Without files that are mapped, whose pages the kernel takes back when it needs them.
    text = Path("/proc/self/status").read_text()
    return int(text.partition("RssAnon:")[2].split()[0])


def predictions(first: int, count: int, detections: int) -> tuple[TruthColumns, dict[str, DetectionColumns]]:
    """Objects of images, and what two made-up models find in them; half of the detections are of the commonest class.

    Args:
        first: seed, the first of the images.
        count: of images.
        detections: of each model in each image.
    """
    random = np.random.default_rng(first)
    truth = _truth(random, count)
    return truth, {name: _found(random, truth, count, detections) for name in ("candidate", "baseline")}


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
    main()
