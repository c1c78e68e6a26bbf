"""Made-up predictions through the evaluator's own Beam step: `benchmarks/scale.py`."""

from __future__ import annotations

from collections.abc import Iterator

import apache_beam as beam
import numpy as np

from ratchet.components.map_evaluator.beam_evaluation import CombineCollectors, save_matches
from ratchet.components.map_evaluator.matches import SAMPLE_IMAGES, Collector
from ratchet.schemas.artifacts.evaluation import MATCHES_FILE


def collect(images: int, detections: int, directory: str) -> str:
    """Writes MATCHES_FILE of so many images.

    Args:
        images: how many.
        detections: of each model in each of them.
        directory: where to.

    Returns:
        The path of the file.
    """
    from benchmarks.scale import FILE

    path = f"{directory}/{MATCHES_FILE}"
    with beam.Pipeline() as pipeline:
        _ = (
            pipeline
            | beam.Create(range(0, images, FILE))
            | beam.Reshuffle()
            | beam.ParDo(Predictions(images, detections, directory))
            | beam.CombineGlobally(CombineCollectors(directory)).without_defaults()
            | beam.Map(save_matches, path)
        )
    return path


class Predictions(beam.DoFn):
    """The first image of a file -> a Collector with what two made-up models found in it."""

    def __init__(self, images: int, detections: int, directory: str) -> None:
        self._images = images
        self._detections = detections
        self._gathering = CombineCollectors(directory)

    def process(self, element: int) -> Iterator[Collector]:
        """See the base class."""
        from benchmarks.scale import BATCH, FILE, predictions

        gathered = self._gathering.create_accumulator()
        end = min(element + FILE, self._images)
        for first in range(element, end, BATCH):
            count = min(BATCH, end - first)
            collector = Collector(sample_share=min(1.0, SAMPLE_IMAGES / self._images))
            collector.add_columns(np.arange(first, first + count), *predictions(first, count, self._detections))
            gathered = self._gathering.add_input(gathered, collector)
        yield from self._gathering.compact(gathered)
