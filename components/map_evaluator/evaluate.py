"""Models x images -> scores: every model sees the same decoded batch, and all are matched by the same code."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from components.map_evaluator.settings import EvaluatorSettings
from components.metrics.accumulator import Accumulator
from components.metrics.bootstrap import DeltaEstimate, paired_delta
from components.metrics.matching import match_image
from schemas.errors import StateError
from schemas.evaluation import ModelScores
from schemas.progress import Progress
from schemas.records import Detections, ImageRecord, record_from_json


class Detector(Protocol):
    """Anything that finds objects in encoded images."""

    def detect(self, encoded: list[bytes]) -> list[Detections]:
        """Detections of each image, in pixels of that image."""
        ...


@dataclass
class ModelRun:
    """One model's detections, by image id, and their matches."""

    detections: dict[int, Detections] = field(default_factory=dict)
    matches: Accumulator = field(default_factory=Accumulator.create)

    def add(self, record: ImageRecord, found: Detections) -> None:
        """Takes in one image."""
        self.detections[record.image_id] = found
        self.matches.add(record.image_id, match_image(record.truth, found))

    def scores(self, class_names: Sequence[str]) -> ModelScores:
        """COCO figures; class i of `class_names` has label i + 1."""
        metrics = self.matches.finish(num_classes=len(class_names))
        per_class = {name: float(metrics.per_class_ap[label]) for label, name in enumerate(class_names, start=1)}
        return ModelScores(coco=dict(metrics.coco), per_class=per_class)


def run_models(
    detectors: Mapping[str, Detector], batches: Iterable[list[tuple[bytes, bytes]]], num_images: int
) -> tuple[dict[str, ModelRun], list[ImageRecord]]:
    """Runs every model over every image.

    Args:
        detectors: models by name.
        batches: lists of (record JSON, image file).
        num_images: how many images there must be.

    Raises:
        StateError: a different number of images was read, so that a score would mean something else.
    """
    runs = {name: ModelRun() for name in detectors}
    records: list[ImageRecord] = []
    progress = Progress("evaluating", num_images)
    for batch in batches:
        batch_records = [record_from_json(text) for text, _ in batch]
        for name, detector in detectors.items():
            for record, found in zip(batch_records, detector.detect([encoded for _, encoded in batch])):
                runs[name].add(record, found)
        records.extend(batch_records)
        progress.update(len(records))
    if len(records) != num_images:
        raise StateError(f"golden set: {len(records)} images were read where ExampleGen wrote {num_images}; run again")
    return runs, sorted(records, key=lambda record: record.image_id)


def compare(candidate: ModelRun, baseline: ModelRun, settings: EvaluatorSettings) -> DeltaEstimate:
    """Difference of mAP with its interval, from a paired bootstrap over images."""
    return paired_delta(candidate.matches, baseline.matches, resamples=settings.resamples, seed=settings.seed)
