"""Models x images as one Beam pipeline: images are read, decoded and shown to every model batch by batch.

What leaves a worker is a `Collector` a file of images and one line of JSON an image. What the models hit goes into
shards beside the result as soon as it is large (`match_shards.py`), and only their names travel.
"""

from __future__ import annotations

import contextlib
import functools
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

import apache_beam as beam
import numpy as np
from apache_beam.io.textio import WriteToText
from apache_beam.pvalue import TaggedOutput
from tfx.dsl.io import fileio

from ratchet.components.coco.writing import image_lines
from ratchet.components.detector.detections import renumbering
from ratchet.components.detector.served import Detectors, load_detector, read_images
from ratchet.components.map_evaluator.held_out import ChosenImages
from ratchet.components.map_evaluator.match_shards import MOST_IN_MEMORY, Shards, save_collected
from ratchet.components.map_evaluator.matches import SAMPLE, SAMPLE_IMAGES, Collector, DataSetMatches
from ratchet.components.map_evaluator.part_files import PART_FILE, DataPart, read_part, write_part
from ratchet.components.metrics.limits import MAX_DETECTIONS
from ratchet.schemas.artifacts.evaluation import BASELINE, CANDIDATE, GOLDEN, MATCHES_FILE
from ratchet.schemas.artifacts.golden_boxes import BOXES_FILE, GoldenBoxes, is_kept, kept_share
from ratchet.schemas.base.errors import RatchetError
from ratchet.schemas.base.progress import Progress
from ratchet.schemas.base.sampling import is_sampled
from ratchet.schemas.data.columns import DetectionColumns, TruthColumns
from ratchet.schemas.data.examples_artifact import check_file_read
from ratchet.schemas.data.records import GroundTruth, ImageRecord, LabelMap, record_from_json

Item = TypeVar("Item")
LINES = "lines"
_MATCHED_AT_ONCE = 128  # images
_COMPACT_AT = 64  # accumulators joined at once: each join copies what was collected
_SHARDS = "match-shards"


@dataclass(frozen=True)
class Evaluators:
    """What every worker must know.

    Attributes:
        models: SavedModel directories by name.
        label_map: classes that everything is measured in, which are the golden set's.
        attributes: attributes of images to keep.
        batch_size: images a prediction call.
        class_names: the label map of a model, where it is not that of the data.
        digests: `model_digest` of each directory, where a process may live longer than what is in there.
        max_detections: how many count of each image and class.
    """

    models: Mapping[str, str]
    label_map: LabelMap
    attributes: tuple[str, ...]
    batch_size: int
    class_names: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    digests: Mapping[str, str] = field(default_factory=dict)
    max_detections: int = MAX_DETECTIONS

    @property
    def numbers(self) -> dict[str, np.ndarray]:
        """For each model the `renumbering` of its own labels into those of the data."""
        wanted = self.label_map.names
        return {name: renumbering(self.class_names.get(name, wanted), wanted) for name in self.models}

    @property
    def shared_labels(self) -> tuple[int, ...]:
        """Labels of the classes that every model knows."""
        known = [numbers[1:] for numbers in self.numbers.values()]
        return tuple(functools.reduce(np.intersect1d, known).tolist())


def add_data_set(pipeline: beam.Pipeline, part: DataPart, evaluators: Evaluators, out: str, lines: str) -> None:
    """Adds one data set to the pipeline.

    Args:
        pipeline: where to.
        part: the images.
        evaluators: models and how to run them.
        out: directory for MATCHES_FILE, and for PART_FILE until that is there.
        lines: prefix of the files with one line of JSON an image.
    """
    write_part(part, f"{out}/{PART_FILE}", fileio)
    see = SeeImages(f"{out}/{PART_FILE}", evaluators, out)
    seen = (
        pipeline
        | f"Files/{part.name}" >> beam.Create(range(len(part.files)))
        | f"Spread/{part.name}" >> beam.Reshuffle()
        | f"Evaluate/{part.name}" >> beam.ParDo(see).with_outputs(LINES, main="collected")
    )
    _ = (
        seen["collected"]
        | f"Combine/{part.name}" >> beam.CombineGlobally(CombineCollectors(out)).without_defaults()
        | f"Keep/{part.name}" >> beam.Map(save_matches, f"{out}/{MATCHES_FILE}")
    )
    _ = seen[LINES] | f"Lines/{part.name}" >> WriteToText(lines)


class SeeImages(beam.DoFn):
    """The number of a file of images -> a Collector, and a line an image.

    Args:
        part_file: the data set.
        evaluators: models and how to run them.
        out: directory for what is too large to travel.
    """

    def __init__(self, part_file: str, evaluators: Evaluators, out: str) -> None:
        self._part_file = part_file
        self._gathering = CombineCollectors(out)
        self._evaluators = evaluators

    def setup(self) -> None:
        """See the base class."""
        self._part = read_part(self._part_file, fileio)
        names, own = self._evaluators.label_map.names, self._part.class_names
        self._labels = None if own in (None, names) else renumbering(own or (), names)

    def process(self, element: int) -> Iterator[Any]:
        """See the base class."""
        try:
            yield from self._see(self._part.files[element])
        except RatchetError as error:  # travels as data: runners wrap exceptions beyond recognition
            yield Collector(self._evaluators.attributes, errors=[str(error)])

    def _see(self, file: str) -> Iterator[Any]:
        progress = Progress(f"evaluating {self._part.name}", self._part.images)
        done = 0
        gathered = self._gathering.create_accumulator()
        for batches in _grouped(_ahead(self._predicted(file))):
            used = [batch for batch in batches if batch.records]
            if used:
                collector, lines = self._collected(used)
                gathered = self._gathering.add_input(gathered, collector)
                yield from (TaggedOutput(LINES, line) for line in lines)
            done += sum(batch.read for batch in batches)
            progress.update(done)
        check_file_read(file, done, self._part.images_of_files)
        if gathered:
            yield from self._gathering.compact(gathered)

    def _collected(self, batches: list[_Batch]) -> tuple[Collector, list[str]]:
        records = [record for batch in batches for record in batch.records]
        encoded = [file for batch in batches for file in batch.encoded]
        sizes = [len(batch.records) for batch in batches]
        found = {
            name: DetectionColumns.join([batch.found[name] for batch in batches], sizes)
            for name in self._evaluators.models
        }
        sample_share = min(1.0, SAMPLE_IMAGES / max(1, self._part.images))
        evaluators = self._evaluators
        collector = Collector(evaluators.attributes, sample_share, evaluators.max_detections, evaluators.shared_labels)
        collector.add(records, encoded, found)
        collector.no_numbers += [told for batch in batches for told in batch.no_numbers]
        if self._part.name == GOLDEN:
            collector.boxes += self._kept(records, found)
        return collector, image_lines(records, found, self._evaluators.label_map.category_ids)

    def _kept(self, records: list[ImageRecord], found: dict[str, DetectionColumns]) -> list[GoldenBoxes]:
        share = kept_share(self._part.images)
        keep = np.array([is_kept(record.image_id, share) for record in records], np.bool_)
        boxes = GoldenBoxes(
            image_ids=np.array([record.image_id for record in records], np.int64),
            file_names=tuple(record.file_name for record in records),
            sizes_px=np.array([[record.width_px, record.height_px] for record in records], np.float64),
            class_names=self._evaluators.label_map.names,
            truth=TruthColumns.of([record.truth for record in records]),
            found={name: of for name, of in found.items() if name in (CANDIDATE, BASELINE)},
            max_detections=self._evaluators.max_detections,
            of=self._part.images,
        )
        return [boxes.of_images(keep)] if keep.any() else []

    def _predicted(self, file: str) -> Iterator[_Batch]:
        evaluators = self._evaluators
        digests = evaluators.digests
        models = {name: load_detector(name, path, digests.get(name, "")) for name, path in evaluators.models.items()}
        detectors = Detectors(models, evaluators.numbers, on_trial=CANDIDATE)
        for images in read_images([file], evaluators.batch_size):
            records, encoded = self._chosen(file, images)
            image_ids = np.array([record.image_id for record in records], dtype=np.int64)
            found = detectors.detect(encoded, image_ids) if records else {}
            yield _Batch(len(images), records, encoded, found, detectors.no_numbers[:])
            detectors.no_numbers.clear()

    def _chosen(self, file: str, images: list[tuple[bytes, bytes]]) -> tuple[list[ImageRecord], list[bytes]]:
        share, chosen_of = self._part.share, self._part.chosen
        pairs = [(record_from_json(text), encoded) for text, encoded in images]
        if chosen_of is None:
            pairs = [(self._relabelled(record), encoded) for record, encoded in pairs]
        else:
            pairs = [
                (_as_chosen(record, chosen_of[file]), encoded)
                for record, encoded in pairs
                if record.image_id in chosen_of[file].image_ids
            ]
        chosen = [(record, encoded) for record, encoded in pairs if is_sampled(record.file_name, share, SAMPLE)]
        return [record for record, _ in chosen], [encoded for _, encoded in chosen]

    def _relabelled(self, record: ImageRecord) -> ImageRecord:
        if self._labels is None:
            return record
        truth = record.truth
        labels = self._labels[truth.labels]
        return replace(record, truth=GroundTruth(truth.boxes_xywh_px, labels, truth.area_px2, truth.is_crowd))


def _as_chosen(record: ImageRecord, chosen: ChosenImages) -> ImageRecord:
    """An image under its new id, its objects in the golden set's label map."""
    truth = replace(record.truth, labels=np.array(chosen.labels, np.int64)[record.truth.labels])
    return replace(record, image_id=chosen.image_ids[record.image_id], truth=truth)


@dataclass(frozen=True)
class _Batch:
    """Images that were shown to the models together: how many were read, those that are used, what was found, and what
    the candidate found that is no number."""

    read: int
    records: list[ImageRecord]
    encoded: list[bytes]
    found: dict[str, DetectionColumns]
    no_numbers: list[str]


def _grouped(batches: Iterator[_Batch]) -> Iterator[list[_Batch]]:
    """Lists of batches with enough images that matching them at once pays."""
    group: list[_Batch] = []
    for batch in batches:
        group.append(batch)
        if sum(len(part.records) for part in group) >= _MATCHED_AT_ONCE:
            yield group
            group = []
    if group:
        yield group


def _ahead(items: Iterator[Item]) -> Iterator[Item]:
    """The same items, each made while the one before is worked on: TensorFlow computes outside Python's lock."""
    with ThreadPoolExecutor(1) as maker:
        coming = maker.submit(next, items, None)
        while (item := coming.result()) is not None:
            coming = maker.submit(next, items, None)
            yield item


class CombineCollectors(beam.CombineFn):
    """Joins what was collected; the result does not depend on order or sharding.

    Args:
        out: directory for what is too large to travel.
    """

    def __init__(self, out: str) -> None:
        self._shards = Shards(f"{out}/{_SHARDS}", TfxPlaces())

    def create_accumulator(self) -> list[Collector]:
        """See the base class."""
        return []

    def add_input(self, mutable_accumulator: list[Collector], element: Collector) -> list[Collector]:
        """See the base class."""
        mutable_accumulator.append(element)
        return self._gathered(mutable_accumulator)

    def merge_accumulators(self, accumulators: Any) -> list[Collector]:
        """See the base class."""
        merged: list[Collector] = []
        for accumulator in accumulators:
            merged = self._gathered([*merged, *accumulator])
        return merged

    def compact(self, accumulator: list[Collector]) -> list[Collector]:
        """See the base class."""
        return [self._shards.relieved(Collector.merge(accumulator))]

    def extract_output(self, accumulator: list[Collector]) -> Collector:
        """See the base class."""
        return Collector.merge(accumulator)

    def _gathered(self, collectors: list[Collector]) -> list[Collector]:
        if len(collectors) < _COMPACT_AT and sum(each.nbytes for each in collectors) <= MOST_IN_MEMORY:
            return collectors
        return self._shards.gathered(collectors)


class TfxPlaces:
    """`Places` of any file system that TFX knows."""

    def write(self, path: str, save: Callable[[str], None]) -> None:
        """See `Places`."""
        fileio.makedirs(path.rpartition("/")[0])
        if "://" not in path:
            save(f"{path}.part")
            fileio.rename(f"{path}.part", path, overwrite=True)
            return
        with tempfile.TemporaryDirectory() as directory:
            local = f"{directory}/{MATCHES_FILE}"
            save(local)
            fileio.copy(local, path, overwrite=True)

    @contextlib.contextmanager
    def here(self, paths: Sequence[str]) -> Iterator[list[str]]:
        """See `Places`."""
        with tempfile.TemporaryDirectory() as directory:
            local = [f"{directory}/{place}" if "://" in path else path for place, path in enumerate(paths)]
            for path, copy in zip(paths, local):
                if copy != path:
                    fileio.copy(path, copy)
            yield local


def save_matches(collector: Collector, path: str) -> None:
    """Writes MATCHES_FILE, and of the golden set BOXES_FILE beside it, on any file system; removes the shards."""
    directory = path.rpartition("/")[0]
    if collector.boxes:
        with fileio.open(f"{directory}/{BOXES_FILE}", "wb") as file:
            file.write(GoldenBoxes.join(collector.boxes).to_bytes())
    save_collected(collector, path, TfxPlaces())
    if fileio.exists(f"{directory}/{_SHARDS}"):
        fileio.rmtree(f"{directory}/{_SHARDS}")


def load_matches(path: str) -> DataSetMatches:
    """Reads MATCHES_FILE, from any file system; what is large is mapped."""
    with TfxPlaces().here([path]) as [local]:
        return DataSetMatches.load(local)
