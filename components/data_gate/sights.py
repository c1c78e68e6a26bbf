"""What the gate is given, and what it has seen of it: both data sets, looked at with the served model."""

from __future__ import annotations

from dataclasses import dataclass

from tfx.dsl.io import fileio

from components.data_gate.comparing import Side
from components.data_gate.growth import Growth
from components.data_gate.rules import Baseline
from components.data_gate.settings import DataGateSettings
from components.data_gate.tfdv_files import Statistics
from components.detector.detections import renumbering
from components.detector.look import Look, look_at
from components.detector.served import ServedDetector, load_detector
from schemas.artifacts.history import History
from schemas.artifacts.training_record import (
    RECORD_FILE,
    STATISTICS_FILE,
    TRAINING_RECORD_FORMAT,
    TRAINING_SAMPLE_FILE,
    TrainingRecord,
)
from schemas.base.model_digest import model_digest
from schemas.data.dataset import DATASET_FILE, DATASET_FORMAT, EVAL_SPLIT, TRAIN_SPLIT, DataSetInfo
from schemas.data.feature_sample import FeatureSample


@dataclass(frozen=True)
class ServedBaseline:
    """The served model.

    Attributes:
        directory: its SavedModel.
        version: what it is called.
        golden_digest: the golden set it was accepted on.
    """

    directory: str
    version: str
    golden_digest: str


@dataclass(frozen=True)
class GateInputs:
    """What the gate looks at.

    Attributes:
        span: directory that ExampleGen wrote for the span.
        golden: the one that it wrote for the golden set; None: there is none, as in a check without one.
        statistics: FeatureStats.pb of the span's training split.
        schema: the curated schema.
        baseline: None before the first model.
        history: what was decided before.
    """

    span: str
    golden: str | None
    statistics: str
    schema: str
    baseline: ServedBaseline | None
    history: History


@dataclass(frozen=True)
class Served:
    """The served model and what it knows of its training data."""

    baseline: ServedBaseline
    record: TrainingRecord
    sample: FeatureSample
    detector: ServedDetector

    @classmethod
    def load(cls, baseline: ServedBaseline) -> Served:
        """Reads what travels with the model.

        Raises:
            StateError: it cannot be used.
        """
        directory = baseline.directory
        return cls(
            baseline,
            TRAINING_RECORD_FORMAT.read(read_bytes(f"{directory}/{RECORD_FILE}"), directory),
            FeatureSample.from_bytes(read_bytes(f"{directory}/{TRAINING_SAMPLE_FILE}"), directory),
            load_detector("the served model", directory, model_digest(directory, fileio)),
        )

    def __str__(self) -> str:
        return f"version {self.baseline.version}, trained on span {self.record.span} ({self.record.images} images)"

    @property
    def facts(self) -> Baseline:
        """What the rules have to know of it."""
        return Baseline(self.record.class_names, self.baseline.golden_digest, self.record.images)

    @property
    def side(self) -> Side:
        """Its training data, to compare with."""
        statistics = Statistics.FromString(read_bytes(f"{self.baseline.directory}/{STATISTICS_FILE}"))
        return Side(self.record.images, statistics, self.sample)


@dataclass(frozen=True)
class Sights:
    """Both data sets and what was seen of them, detections in the span's label map.

    Golden images are looked at only for a served model, and if their classes are the span's.
    """

    span: DataSetInfo
    golden: DataSetInfo | None
    served: Served | None
    span_look: Look
    golden_look: Look | None

    @property
    def growth(self) -> Growth:
        """The span's classes beside the served model's."""
        return Growth.of(self.span.class_names, self.served and self.served.record.class_names)

    @property
    def known_labels(self) -> list[int]:
        """The span's labels of the classes that the served model knows."""
        return [self.span.class_names.index(name) + 1 for name in self.growth.known]


def see(inputs: GateInputs, settings: DataGateSettings) -> Sights:
    """Looks at both data sets.

    Args:
        inputs: where everything is.
        settings: how many images to look at.

    Raises:
        StateError: the served model cannot be used.
    """
    span, golden = _dataset(inputs.span), _dataset(inputs.golden) if inputs.golden else None
    served = Served.load(inputs.baseline) if inputs.baseline else None
    detector, known = (served.detector, served.record.class_names) if served else (None, ())
    numbers = renumbering(known, span.class_names)
    limit = settings.audit_images

    def look(directory: str, split: str, images: int, title: str) -> Look:
        files = record_files(directory, split)
        return look_at(files, images, limit, detector, len(known), title, numbers=numbers)

    golden_look = None
    if inputs.golden and golden and served and span.class_names == golden.class_names:
        golden_look = look(inputs.golden, EVAL_SPLIT, golden.images[EVAL_SPLIT], "looking at golden images")
    span_look = look(inputs.span, TRAIN_SPLIT, span.images[TRAIN_SPLIT], "looking at the span")
    return Sights(span, golden, served, span_look, golden_look)


def record_files(directory: str, split: str) -> list[str]:
    """The TFRecord files of a split."""
    return sorted(str(path) for path in fileio.glob(f"{directory}/Split-{split}/*"))


def read_bytes(path: str) -> bytes:
    """The content of a file on any file system."""
    with fileio.open(path, "rb") as file:
        return file.read()


def _dataset(directory: str) -> DataSetInfo:
    path = f"{directory}/{DATASET_FILE}"
    return DATASET_FORMAT.read(read_bytes(path), path)
