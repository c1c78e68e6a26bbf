"""What is collected of one data set while the models see its images, and what remains of that; pure."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields

import numpy as np

from ratchet.components.map_evaluator.sanity_checks import PermutedScores, perfect_detections, permuted_scores
from ratchet.components.metrics.accumulator import Accumulator
from ratchet.components.metrics.limits import MAX_DETECTIONS
from ratchet.components.metrics.match_table import MatchTable, from_arrays, to_arrays
from ratchet.components.metrics.matching import match
from ratchet.components.metrics.stored_arrays import ArraysWriter, StoredArrays
from ratchet.schemas.artifacts.golden_boxes import GoldenBoxes
from ratchet.schemas.base.errors import StateError
from ratchet.schemas.base.sampling import is_sampled
from ratchet.schemas.data.columns import DetectionColumns, TruthColumns, rows_of
from ratchet.schemas.data.dataset import image_digest
from ratchet.schemas.data.records import ImageRecord

PERFECT = "perfect"  # the ground truth itself, fed back as detections
SAMPLE = "sample"  # purpose of the fixed random samples of images
SAMPLE_IMAGES = 500  # whose boxes are kept for the test with shuffled detections


@dataclass(frozen=True, eq=False)
class _Part:
    """Facts on some images, a row an image: sha256 digests [i, 32] uint8 and attribute values [i, a] str."""

    image_ids: np.ndarray
    digests: np.ndarray
    attributes: np.ndarray


@dataclass(frozen=True, eq=False)
class _Sample:
    """The boxes of some images."""

    image_ids: np.ndarray
    truth: TruthColumns
    detections: dict[str, DetectionColumns]


@dataclass(eq=False)
class Collector:
    """Accumulates batches of a data set's images, in any order and on any number of machines.

    Attributes:
        attribute_names: the attributes of images that are kept.
        sample_share: share of the images whose boxes are kept.
        max_detections: how many count of each image and class.
        shared_labels: of the classes that every model knows, on which alone they are tried; None for all.
        errors: what made it impossible to go on.
        no_numbers: what the candidate found that is no number, in words, a batch each.
        boxes: of a fixed sample of the golden images; empty of other data sets.
        shards: files with what was collected of further images (`match_shards.py`).
    """

    attribute_names: tuple[str, ...] = ()
    sample_share: float = 1.0
    max_detections: int = MAX_DETECTIONS
    shared_labels: tuple[int, ...] | None = None
    errors: list[str] = field(default_factory=list)
    no_numbers: list[str] = field(default_factory=list)
    boxes: list[GoldenBoxes] = field(default_factory=list)
    shards: list[str] = field(default_factory=list)
    _parts: list[_Part] = field(default_factory=list)
    _samples: list[_Sample] = field(default_factory=list)
    _matches: dict[str, Accumulator] = field(default_factory=dict)

    def add(
        self, records: Sequence[ImageRecord], encoded: Sequence[bytes], detections: Mapping[str, DetectionColumns]
    ) -> None:
        """Takes in a batch.

        Args:
            records: its images.
            encoded: their files.
            detections: by model; positions count the batch's images.
        """
        image_ids = np.array([record.image_id for record in records], dtype=np.int64)
        truth = TruthColumns.of([record.truth for record in records])
        digests = b"".join(image_digest(record, file) for record, file in zip(records, encoded, strict=True))
        attributes = [[record.attributes.get(name, "") for name in self.attribute_names] for record in records]
        self._parts.append(
            _Part(
                image_ids=image_ids,
                digests=np.frombuffer(digests, np.uint8).reshape(-1, 32),
                attributes=np.array(attributes, dtype=np.str_).reshape(len(records), len(self.attribute_names)),
            )
        )
        self.add_columns(image_ids, truth, detections)

    def add_columns(
        self, image_ids: np.ndarray, truth: TruthColumns, detections: Mapping[str, DetectionColumns]
    ) -> None:
        """Takes in images of which only the boxes are known."""
        countable, perfect = perfect_detections(truth)
        for name, found in detections.items():
            matches = match(image_ids, truth, found, self.max_detections)
            self._matches.setdefault(name, Accumulator.create()).add(matches)
        matches = match(image_ids, countable, perfect, self.max_detections)
        self._matches.setdefault(PERFECT, Accumulator.create()).add(matches)
        share = self.sample_share
        keep = np.array([is_sampled(str(number), share, SAMPLE) for number in image_ids.tolist()], np.bool_)
        if keep.any():
            kept = {name: found.of_images(keep) for name, found in detections.items()}
            self._samples.append(_Sample(image_ids[keep], truth.of_images(keep), kept))

    @classmethod
    def merge(cls, collectors: Iterable[Collector]) -> Collector:
        """Joins collectors over different images of one data set; the given ones stay as they are."""
        parts = list(collectors)
        names = dict.fromkeys(name for part in parts for name in part._matches)
        return cls(
            attribute_names=parts[0].attribute_names if parts else (),
            sample_share=parts[0].sample_share if parts else 1.0,
            max_detections=parts[0].max_detections if parts else MAX_DETECTIONS,
            shared_labels=parts[0].shared_labels if parts else None,
            errors=[error for part in parts for error in part.errors],
            no_numbers=[told for part in parts for told in part.no_numbers],
            boxes=[boxes for part in parts for boxes in part.boxes],
            shards=[shard for part in parts for shard in part.shards],
            _parts=[entry for part in parts for entry in part._parts],
            _samples=[sample for part in parts for sample in part._samples],
            _matches={
                name: Accumulator.merge(part._matches[name] for part in parts if name in part._matches)
                for name in names
            },
        )

    @property
    def nbytes(self) -> int:
        """Roughly what the matches take in memory, those in shards apart."""
        return sum(matches.nbytes for matches in self._matches.values())

    def without_matches(self) -> Collector:
        """What else was collected; the matches are those of `images`."""
        return dataclasses.replace(self, _parts=[], _matches={})

    def images(self) -> DataSetMatches:
        """What is known of the images, in memory and by ascending id; without what is said of all images together."""
        image_ids = np.concatenate([np.empty(0, np.int64), *(part.image_ids for part in self._parts)])
        digests = np.concatenate([np.empty((0, 32), np.uint8), *(part.digests for part in self._parts)])
        empty = np.empty((0, len(self.attribute_names)), np.str_)
        attributes = np.concatenate([empty, *(part.attributes for part in self._parts)])
        order = np.argsort(image_ids)
        return DataSetMatches(
            shuffled={},
            tables={name: matches.table() for name, matches in self._matches.items()},
            digests=digests[order],
            attributes={name: attributes[order, column] for column, name in enumerate(self.attribute_names)},
        )

    def of_all_images(self) -> DataSetMatches:
        """What is said of all images together, without what is known of each."""
        models = dict.fromkeys(name for sample in self._samples for name in sample.detections)
        models |= dict.fromkeys(name for name in self._matches if name != PERFECT)
        return DataSetMatches(
            shuffled={name: self._shuffled(name) for name in models},
            tables={},
            digests=np.empty((0, 32), np.uint8),
            attributes=dict.fromkeys(self.attribute_names, np.empty(0, np.str_)),
            errors=tuple(sorted(self.errors)),
            no_numbers=tuple(sorted(self.no_numbers)),
        )

    def finish(self) -> DataSetMatches:
        """All that was collected, the same whatever the order; of what is in shards nothing.

        Raises:
            ValueError: an image was added twice.
        """
        images = self.images()
        return dataclasses.replace(
            self.of_all_images(), tables=images.tables, digests=images.digests, attributes=images.attributes
        )

    def _shuffled(self, model: str) -> PermutedScores:
        image_ids = np.concatenate([np.empty(0, np.int64), *(sample.image_ids for sample in self._samples)])
        position = np.argsort(np.argsort(image_ids))
        starts = np.cumsum([0, *(len(sample.image_ids) for sample in self._samples)])
        truths, founds = [], []
        for start, sample in zip(starts, self._samples):
            truth, found = self._of_shared(sample.truth), sample.detections[model]
            truths.append(_renumbered(truth, position[truth.image + start]))
            founds.append(_renumbered(found, position[found.image + start]))
        truth, found = _joined(TruthColumns, truths), _joined(DetectionColumns, founds)
        return permuted_scores(np.sort(image_ids), truth, found, self.max_detections)

    def _of_shared(self, truth: TruthColumns) -> TruthColumns:
        # Detections of a class without objects have no effect on mAP.
        if self.shared_labels is None:
            return truth
        return rows_of(truth, np.isin(truth.labels, self.shared_labels))


@dataclass(frozen=True, eq=False)
class DataSetMatches:
    """What is known of one data set after every model has seen it.

    Attributes:
        tables: matches of each model and of PERFECT; all over the same images.
        digests: [i, 32] uint8, `image_digest` of each image, by ascending image id; empty if unknown.
        attributes: [i] str by attribute name; "" where an image does not have it.
        shuffled: for each model, what remains of its mAP when its detections change places.
        errors: what made it impossible to go on.
        no_numbers: what the candidate found that is no number, in words, a batch each.
    """

    tables: dict[str, MatchTable]
    digests: np.ndarray
    attributes: dict[str, np.ndarray]
    shuffled: dict[str, PermutedScores]
    errors: tuple[str, ...] = ()
    no_numbers: tuple[str, ...] = ()

    @property
    def image_ids(self) -> np.ndarray:
        """[i] int64, ascending."""
        return next(iter(self.tables.values())).image_ids

    def save(self, path: str) -> None:
        """Writes an .npz file on this machine."""
        with ArraysWriter(path) as writer:
            for name, values in to_arrays(self.tables).items():
                writer.write(name, values)
            self.write_rest(writer, list(self.tables))

    def write_rest(self, writer: ArraysWriter, tables: Sequence[str]) -> None:
        """Writes all but the tables, which are there by these names."""
        for name, values in self.attributes.items():
            writer.write(f"attribute/{name}", values)
        rest = {
            "tables": tables,
            "attributes": list(self.attributes),
            "shuffled": {name: dataclasses.astuple(scores) for name, scores in self.shuffled.items()},
            "errors": self.errors,
            "no_numbers": self.no_numbers,
        }
        writer.write("digests", self.digests)
        writer.write("rest", np.array(json.dumps(rest)))

    @classmethod
    def load(cls, path: str) -> DataSetMatches:
        """The inverse of `save`; what is large is mapped, so the file must not be written to again."""
        arrays = StoredArrays(path)
        rest = json.loads(arrays["rest"].item())
        return cls(
            tables=from_arrays(arrays, rest["tables"]),
            digests=arrays["digests"],
            attributes={name: arrays[f"attribute/{name}"] for name in rest["attributes"]},
            shuffled={name: PermutedScores(*values) for name, values in rest["shuffled"].items()},
            errors=tuple(rest["errors"]),
            no_numbers=tuple(rest.get("no_numbers", ())),
        )

    def raise_errors(self) -> None:
        """Raises StateError if the models could not be run."""
        if self.errors:
            raise StateError(self.errors[0])


def _renumbered(columns, image: np.ndarray):
    return type(columns)(**{**vars(columns), "image": image})


def _joined(kind, parts: Sequence):
    if not parts:
        return kind.of([])
    return kind(**{f.name: np.concatenate([getattr(part, f.name) for part in parts]) for f in fields(kind)})
