"""What the gate judges: both data sets, read once, and what the served model finds in them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tfx.dsl.io import fileio

from ratchet.components.data_gate.comparing import Side, Statistics, distributions
from ratchet.components.data_gate.copies import SpanCopies
from ratchet.components.data_gate.delivered_before import TrainedBefore
from ratchet.components.data_gate.fact_rules import DetectorSight, class_shares, fact_reasons, unseen_small_objects
from ratchet.components.data_gate.new_classes import NewClasses
from ratchet.components.data_gate.pictures import pictured_rules
from ratchet.components.data_gate.references import Lineage, Reference
from ratchet.components.data_gate.rules import Baseline
from ratchet.components.data_gate.settings import DataGateSettings
from ratchet.components.detector.detections import renumbering
from ratchet.components.detector.kept_images import KeptImages
from ratchet.components.detector.sampling import ImageSample, Look, sample_images
from ratchet.components.detector.served import ServedDetector, load_detector
from ratchet.components.detector.stored_examples import ReadRecords
from ratchet.components.detector.stored_looks import stored_looks
from ratchet.components.pages.findings import MOST_PICTURES
from ratchet.schemas.artifacts.adoption import Adoption
from ratchet.schemas.artifacts.decisions import Reason
from ratchet.schemas.artifacts.history import History
from ratchet.schemas.artifacts.origin import origin_of
from ratchet.schemas.artifacts.training_record import (
    STATISTICS_FILE,
    TRAINING_IMAGES_FILE,
    TRAINING_SAMPLE_FILE,
    TrainingRecord,
    earlier_sample_file,
    earlier_statistics_file,
)
from ratchet.schemas.base.model_digest import model_digest
from ratchet.schemas.data.copy_settings import CopySettings
from ratchet.schemas.data.dataset import EVAL_SPLIT, HELD_OUT_SPLIT, SPLITS, TRAIN_SPLIT, DataSetInfo
from ratchet.schemas.data.examples_artifact import ExamplesArtifact
from ratchet.schemas.data.feature_sample import FeatureSample
from ratchet.schemas.data.fingerprints import Fingerprints
from ratchet.schemas.data.looks import Looks

Looker = Callable[[Sequence[Look]], list[ImageSample]]  # takes a sample of each data set


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
class GateSources:
    """Where what the gate judges is.

    Attributes:
        span: directory that ExampleGen wrote for the span.
        golden: the one that it wrote for the golden set; None: there is none, as in a check without one.
        statistics: FeatureStats.pb of the span's training split.
        schema: the curated schema.
        baseline: None before the first model.
        history: what was decided before.
        sight: of the detector of a first model; None if its input size is not known yet.
        artifacts: the artifacts directory of the pipeline root, where training images may be; None: there is none.
    """

    span: str
    golden: str | None
    statistics: str
    schema: str
    baseline: ServedBaseline | None
    history: History
    sight: DetectorSight | None = None
    artifacts: str | None = None


@dataclass(frozen=True)
class Training:
    """What a model that was trained here carries of its training data.

    Attributes:
        record: how it was trained.
        lineage: the spans that it was trained on.
        side: of the newest of them, for comparisons.
    """

    record: TrainingRecord
    lineage: Lineage
    side: Side

    @classmethod
    def load(cls, directory: str, record: TrainingRecord) -> Training:
        """Reads what travels with a model."""
        sample = FeatureSample.from_bytes(read_bytes(f"{directory}/{TRAINING_SAMPLE_FILE}"), directory)
        statistics = Statistics.FromString(read_bytes(f"{directory}/{STATISTICS_FILE}"))
        newest = Reference(f"span {record.span}", record.images, sample, distributions(statistics))
        lineage = Lineage((*_earlier(directory, record), newest))
        return cls(record, lineage, Side(record.images, statistics, sample))

    @property
    def sample(self) -> FeatureSample:
        """Of the span that the model was trained on last."""
        return self.side.sample

    def __str__(self) -> str:
        return f"trained on span {self.record.span} ({self.record.images} images)"


def _in_words(adoption: Adoption) -> str:
    return f"adopted by {adoption.by} on {adoption.at[:10]}; what it was trained on is not known"


@dataclass(frozen=True)
class Served:
    """The served model.

    Attributes:
        baseline: where it is.
        class_names: its label map, 1..K.
        detector: to be asked.
        training: what it knows of its training data; None of an adopted model, of which nobody knows them.
        origin: how it came about, in words.
    """

    baseline: ServedBaseline
    class_names: tuple[str, ...]
    detector: ServedDetector
    training: Training | None
    origin: str

    @classmethod
    def load(cls, baseline: ServedBaseline) -> Served:
        """Reads what travels with the model.

        Raises:
            StateError: it cannot be used.
        """
        directory = baseline.directory
        origin = origin_of(directory, fileio)
        training = None if isinstance(origin, Adoption) else Training.load(directory, origin)
        how = _in_words(origin) if isinstance(origin, Adoption) else str(training)
        detector = load_detector("the served model", directory, model_digest(directory, fileio))
        return cls(baseline, origin.class_names, detector, training, how)

    def __str__(self) -> str:
        return f"version {self.baseline.version}, {self.origin}"

    @property
    def facts(self) -> Baseline:
        """What the rules have to know of it."""
        images = self.training.record.images if self.training else None
        return Baseline(self.class_names, self.baseline.golden_digest, images)


def _earlier(directory: str, record: TrainingRecord) -> list[Reference]:
    """The earlier spans that travel with a model; none with one that was made before they did."""
    found = []
    for data in {of.digest: of for of in record.data[:-1]}.values():
        path = f"{directory}/{earlier_sample_file(data.digest)}"
        if not fileio.exists(path):
            continue
        statistics = f"{directory}/{earlier_statistics_file(data.digest)}"
        known = distributions(Statistics.FromString(read_bytes(statistics))) if fileio.exists(statistics) else {}
        found.append(
            Reference(f"span {data.span}", data.images, FeatureSample.from_bytes(read_bytes(path), path), known)
        )
    return found


@dataclass(frozen=True)
class GateInputs:
    """Both data sets and what was found in them, detections of each in its own label map.

    Attributes:
        span: what the span says of itself.
        golden: the same of the golden set; None: there is none.
        served: the served model; None before the first.
        copies: in the span.
        facts: rules about what was counted in the span.
        trained_before: images of the span that the served model or an ancestor was trained on.
        span_sample: of its training images.
        golden_sample: only for a served model, and if the golden set's classes are the span's, in whatever order.
        images: those of the span that the page may show: the sample, copies, images with unusable boxes.
        golden_images: those of the golden set that the page may show: the sample, images that the span copies.
    """

    span: DataSetInfo
    golden: DataSetInfo | None
    served: Served | None
    copies: SpanCopies
    facts: list[Reason]
    trained_before: TrainedBefore
    span_sample: ImageSample
    golden_sample: ImageSample | None
    images: KeptImages
    golden_images: KeptImages

    @property
    def classes(self) -> NewClasses:
        """The span's classes beside the served model's."""
        return NewClasses.of(self.span.class_names, self.served and self.served.class_names)

    @property
    def training(self) -> Training | None:
        """What is known of the served model's training data; None before the first model, and of an adopted one."""
        return self.served.training if self.served else None

    @property
    def known_labels(self) -> list[int]:
        """The span's labels of the classes that the served model knows."""
        return [self.span.class_names.index(name) + 1 for name in self.classes.known]


def read_inputs(
    sources: GateSources,
    settings: DataGateSettings,
    read: ReadRecords,
    copies_settings: CopySettings,
    looker: Looker | None = None,
) -> GateInputs:
    """Reads both data sets, each image once.

    Args:
        sources: where everything is.
        settings: how many images to sample.
        read: reads TFRecord files.
        copies_settings: whether copies are looked for.
        looker: goes through the images; None: this process, with `read`.

    Raises:
        StateError: the served model cannot be used.
    """
    span = ExamplesArtifact.open(sources.span, fileio)
    golden = ExamplesArtifact.open(sources.golden, fileio) if sources.golden else None
    served = Served.load(sources.baseline) if sources.baseline else None
    copies = SpanCopies.none()
    if copies_settings.check:
        of_golden = stored_looks(golden, *SPLITS, read=read) if golden else Looks.join([])
        copies = SpanCopies.find(stored_looks(span, *SPLITS, read=read), of_golden)
    training = served.training if served else None
    trained_on = class_shares(training.sample, training.record.class_names) if training else None
    sight = DetectorSight.of(training.record.model) if training else sources.sight
    facts = fact_reasons(span.info.facts, golden and golden.info.facts, trained_on, sight, settings.facts)
    if training and training.record.trainer and sight is None:
        facts.append(unseen_small_objects(training.record.trainer))
    shown = [span.info.bad_boxes.images, *pictured_rules(facts).values()]
    file_names = [name for names in shown for name in names[:MOST_PICTURES]]
    images = KeptImages(copies.worst(MOST_PICTURES), file_names, copies.captions)
    copied = copies.worst_golden(MOST_PICTURES)
    golden_images = KeptImages(copied, named=copied)
    detector, known = (served.detector, served.class_names) if served else (None, ())

    def look(title: str, of: ExamplesArtifact, split: str, kept: KeptImages) -> Look:
        numbers = renumbering(known, of.info.class_names)
        return Look(title, of, (split,), settings.audit_images, detector, len(known), numbers, kept)

    looker = looker or (lambda looks: [sample_images(each, read) for each in looks])
    looks = [look("looking at the span", span, TRAIN_SPLIT, images)]
    with_golden = bool(golden and served and set(span.info.class_names) == set(golden.info.class_names))
    if golden and with_golden:
        looks.append(look("looking at golden images", golden, EVAL_SPLIT, golden_images))
    elif golden and copied:
        looks.append(Look("looking for golden images", golden, (EVAL_SPLIT,), 0, kept=golden_images))
    span_sample, *of_golden_set = looker(looks)
    if not images.are_all_here:
        looker([Look("looking for images of the span", span, (EVAL_SPLIT, HELD_OUT_SPLIT), 0, kept=images)])
    return GateInputs(
        span=span.info,
        golden=golden and golden.info,
        served=served,
        copies=copies,
        facts=facts,
        trained_before=_trained_before(span, served),
        span_sample=span_sample,
        golden_sample=of_golden_set[0] if with_golden else None,
        images=images,
        golden_images=golden_images,
    )


def _trained_before(span: ExamplesArtifact, served: Served | None) -> TrainedBefore:
    path = f"{served.baseline.directory}/{TRAINING_IMAGES_FILE}" if served else ""
    if not path or not fileio.exists(path):
        return TrainedBefore(is_known=served is None or served.training is not None)
    return TrainedBefore.find(span.fingerprints(TRAIN_SPLIT), Fingerprints.from_bytes(read_bytes(path), path))


def read_bytes(path: str) -> bytes:
    """The content of a file on any file system."""
    with fileio.open(path, "rb") as file:
        return file.read()
