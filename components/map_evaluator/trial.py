"""The models as they will be served: what a push is tried with, how long an image takes, how large the files are."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from tfx.dsl.io import fileio

from ratchet.components.coco.lines import results_in
from ratchet.components.detector.detections import renumbered, renumbering
from ratchet.components.detector.served import EncodedImage, ServedDetector, load_detector, read_images
from ratchet.components.map_evaluator.probe import probe_of
from ratchet.components.map_evaluator.serving_cost import median_latencies
from ratchet.schemas.artifacts.evaluation import BASELINE, CANDIDATE, Serving, ServingFigures
from ratchet.schemas.artifacts.serving_probe import ServingProbe
from ratchet.schemas.base.model_digest import model_size
from ratchet.schemas.data.dataset import DataSetInfo
from ratchet.schemas.data.records import LabelMap, record_from_json


def read_probe(
    golden: DataSetInfo,
    files: Sequence[str],
    image_ids: Collection[int],
    results: str,
    batch_size: int,
    class_names: Sequence[str],
) -> ServingProbe:
    """Some golden images with what was measured on them, as the workers wrote it down.

    Args:
        golden: the golden set.
        files: its TFRecords.
        image_ids: of the images.
        results: COCO results of the candidate.
        batch_size: images read at once.
        class_names: the candidate's label map, in which it will answer.
    """
    images = dict(sorted(_wanted(read_images(files, batch_size), image_ids)))
    with fileio.open(results, "r") as lines:
        found = results_in(lines, list(images), LabelMap(golden.class_names, golden.category_ids), results)
    found = renumbered(found, renumbering(golden.class_names, class_names))
    return probe_of(found, list(images.values()), class_names)


def _wanted(
    batches: Iterable[list[EncodedImage]], image_ids: Collection[int]
) -> Iterator[tuple[int, tuple[str, bytes]]]:
    for batch in batches:
        for text, encoded in batch:
            record = record_from_json(text)
            if record.image_id in image_ids:
                yield record.image_id, (record.file_name, encoded)


def serving_figures(directories: Mapping[str, str], digests: Mapping[str, str], images: Sequence[bytes]) -> Serving:
    """Latency and size of both models; where Beam's workers were this process, they are loaded already.

    Args:
        directories: SavedModels by model.
        digests: of what is in them.
        images: image files to measure the latency with.
    """
    calls = {name: _Client(load_detector(name, path, digests[name])) for name, path in directories.items()}
    latencies = median_latencies(calls, images)
    figures = {name: ServingFigures(latencies[name], model_size(path, fileio)) for name, path in directories.items()}
    return Serving(figures[CANDIDATE], figures.get(BASELINE))


class _Client:
    """Asks a model about one image at a time."""

    def __init__(self, detector: ServedDetector) -> None:
        self._detector = detector

    def __call__(self, image: bytes) -> object:
        return self._detector.serve([image])
