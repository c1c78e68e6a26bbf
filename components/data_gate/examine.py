"""Everything that is looked at before a span may be trained on, from files that earlier steps wrote."""

# pyright: reportAttributeAccessIssue=false
# (protobuf's classes are made when their module is imported)

from __future__ import annotations

import json
from dataclasses import dataclass

import numpy as np
from tfx.dsl.io import fileio

from components.data_gate.comparing import Side, embedding_comparison, feature_comparisons, most_extreme
from components.data_gate.copies import leaked, repeated
from components.data_gate.drift_rules import drift_reason, too_few
from components.data_gate.embedding import outliers
from components.data_gate.labels.audit import Seen, audit_labels
from components.data_gate.page.page import PageContent, Picture, data_page
from components.data_gate.page.pictures import Drawable, draw_pictures, pictured_rules
from components.data_gate.rules import Baseline, Findings, decide
from components.data_gate.serving_log import read_serving_log
from components.data_gate.settings import DataGateSettings
from components.data_gate.tfdv_files import Statistics, statistics_of, validate
from components.detector.look import Look, images_of, look_at, names_of
from components.detector.served import ServedDetector, load_detector
from schemas.data_evidence import (
    DECISION_FILE,
    DRIFT,
    EMBEDDING,
    EVIDENCE_FILE,
    PAGE_FILE,
    SKEW,
    Comparison,
    evidence_to_json,
)
from schemas.dataset import DATASET_FILE, EVAL_SPLIT, FINGERPRINTS, TRAIN_SPLIT, DataSetInfo
from schemas.decisions import DataDecision, Reason
from schemas.feature_sample import FeatureSample
from schemas.fingerprints import Fingerprints
from schemas.records import Detections
from schemas.tfdv_schema import class_names, read_schema
from schemas.trained_spans import TrainedSpans
from schemas.training_record import RECORD_FILE, STATISTICS_FILE, TRAINING_SAMPLE_FILE, TrainingRecord

ANOMALIES_FILE = "SchemaDiff.pb"  # by TFX's name, in the split's directory
_WORST = 12  # images that a rule names


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
        trained: spans that were trained on before.
    """

    span: str
    golden: str | None
    statistics: str
    schema: str
    baseline: ServedBaseline | None
    trained: TrainedSpans


def examine(inputs: GateInputs, settings: DataGateSettings, out: str) -> DataDecision:
    """Looks at a span, decides, and writes decision, evidence, page and anomalies.

    Args:
        inputs: where everything is.
        settings: mode and limits.
        out: directory to write into.

    Raises:
        ConfigError: the schema or the serving log cannot be used.
        DataError: a logged request cannot be read.
        StateError: the served model cannot be used.
    """
    gate = _Gate(inputs, settings)
    decision = gate.decide()
    content = PageContent(
        title=f"span {gate.span.span}: {gate.span.source}" if gate.span.span else gate.span.source,
        span=gate.span,
        golden=gate.golden,
        baseline=gate.baseline_text(),
        decision=decision,
        comparisons=tuple(gate.comparisons),
        pictures=gate.pictures(decision),
    )
    _write(f"{out}/{DECISION_FILE}", json.dumps(decision.to_json(), indent=1))
    _write(f"{out}/{EVIDENCE_FILE}", evidence_to_json(gate.comparisons))
    _write(f"{out}/{PAGE_FILE}", data_page(content))
    _write(f"{out}/Split-{TRAIN_SPLIT}/{ANOMALIES_FILE}", gate.validated.proto.SerializeToString())
    return decision


class _Gate:
    """Everything that was found out about a span; the constructor looks, the methods conclude."""

    def __init__(self, inputs: GateInputs, settings: DataGateSettings) -> None:
        self._inputs, self._settings = inputs, settings
        self.span = _dataset(inputs.span)
        self.golden = _dataset(inputs.golden) if inputs.golden else None
        self._schema = read_schema(inputs.schema, fileio)
        self._record, self._training = None, None
        detector = None
        if inputs.baseline is not None:
            directory = inputs.baseline.directory
            self._record = TrainingRecord.from_json(_bytes(f"{directory}/{RECORD_FILE}").decode(), directory)
            self._training = FeatureSample.from_bytes(_bytes(f"{directory}/{TRAINING_SAMPLE_FILE}"), directory)
            detector = load_detector("the served model", directory)
        self._serving = None
        if settings.serving_log is not None:
            self._serving = read_serving_log(settings.serving_log, settings.serving_images)
        self._span_look = self._look(inputs.span, TRAIN_SPLIT, self.span, detector, "looking at the span")
        self._golden_look = None
        if self._comparable and self.golden is not None and inputs.golden is not None:
            self._golden_look = self._look(
                inputs.golden, EVAL_SPLIT, self.golden, detector, "looking at the golden set"
            )
        self._copies()
        self._compare()

    @property
    def _comparable(self) -> bool:
        """Whether labels of the span mean to the served model what they mean here."""
        if self._record is None or self.golden is None:
            return False
        return self._record.class_names == self.span.class_names == self.golden.class_names

    def _look(self, directory: str, split: str, info: DataSetInfo, detector: ServedDetector | None, title: str) -> Look:
        classes = len(info.class_names)
        return look_at(
            _records(directory, split),
            info.images[split],
            self._settings.audit_images,
            detector,
            max(classes, len(self._record.class_names) if self._record else 0),
            title,
        )

    def _copies(self) -> None:
        span, golden = _fingerprints(self._inputs.span), _fingerprints(self._inputs.golden)
        self._leaked = leaked(span, golden, self._settings.duplicate_bits)
        self._repeated = repeated(span, self._settings.duplicate_bits)

    def _compare(self) -> None:
        statistics = Statistics.FromString(_bytes(self._inputs.statistics))
        span = Side(self.span.images[TRAIN_SPLIT], statistics, self._span_look.sample)
        training = self._training_side()
        serving = None
        if self._serving is not None:
            serving = Side(len(self._serving), statistics_of(self._serving.images), self._serving)
        self.validated = validate(
            statistics,
            self._schema,
            training.statistics if training else None,
            serving.statistics if serving else None,
        )
        self.comparisons: list[Comparison] = []
        self._drift: list[Reason] = []
        if training is not None and self._training is not None and self._enough(DRIFT, training):
            found = feature_comparisons(self.validated.measurements, DRIFT, training, span, self._training)
            if self._training.embeddings.shape[1]:
                found.append(embedding_comparison(self._training, self._span_look.sample, self._settings.embedding))
            self._judge(found)
        if serving is not None and self._enough(SKEW, serving):
            self._judge(feature_comparisons(self.validated.measurements, SKEW, serving, span, span.sample))

    def _training_side(self) -> Side | None:
        if self._record is None or self._training is None or self._inputs.baseline is None:
            return None
        statistics = Statistics.FromString(_bytes(f"{self._inputs.baseline.directory}/{STATISTICS_FILE}"))
        return Side(self._record.images, statistics, self._training)

    def _enough(self, kind: str, other: Side) -> bool:
        images, fewest = self.span.images[TRAIN_SPLIT], self._settings.min_examples
        if min(images, other.images) >= fewest and len(self._span_look.sample):
            return True
        self._drift.append(too_few(kind, images, other.images, fewest))
        return False

    def _judge(self, comparisons: list[Comparison]) -> None:
        self.comparisons += comparisons
        names = [record.file_name for record in self._span_look.records]
        for comparison in comparisons:
            rows = self._worst(comparison)
            self._drift.append(drift_reason(comparison, self._settings, tuple(names[row] for row in rows)))

    def _worst(self, comparison: Comparison) -> list[int]:
        if comparison.feature == EMBEDDING and self._training is not None:
            return outliers(self._training.embeddings, self._span_look.sample.embeddings, _WORST)
        return most_extreme(comparison, self._span_look.sample)

    def _labels(self) -> list[Reason]:
        if not self._comparable or self._golden_look is None:
            return []
        return audit_labels(
            _seen(self._span_look), _seen(self._golden_look), self.span.class_names, self._settings.labels
        )

    def decide(self) -> DataDecision:
        """Applies the rules."""
        ids = {each for copies in (self._leaked, self._repeated) for pair in copies.pairs[:_WORST] for each in pair}
        baseline = None
        if self._record is not None and self._inputs.baseline is not None:
            baseline = Baseline(self._record.class_names, self._inputs.baseline.golden_digest, self._record.images)
        findings = Findings(
            anomalies=self.validated.anomalies,
            schema_classes=class_names(self._schema),
            leaked=self._leaked,
            repeated=self._repeated,
            labels=self._labels(),
            drift=self._drift,
            image_names=names_of(self._all_records(), ids),
            trained=self._inputs.trained,
        )
        return decide(self.span, self.golden, baseline, findings, self._settings)

    def _all_records(self) -> list[str]:
        return [path for split in (TRAIN_SPLIT, EVAL_SPLIT) for path in _records(self._inputs.span, split)]

    def baseline_text(self) -> str | None:
        """The served model in words."""
        if self._record is None or self._inputs.baseline is None:
            return None
        version, record = self._inputs.baseline.version, self._record
        return f"version {version}, trained on span {record.span} ({record.images} images)"

    def pictures(self, decision: DataDecision) -> dict[str, tuple[Picture, ...]]:
        """What rules point at, drawn."""
        rules = pictured_rules(decision.reasons)
        wanted = {name for names in rules.values() for name in names}
        seen = {record.file_name: place for place, record in enumerate(self._span_look.records)}
        captions = self._captions()
        images = {}
        for name, (record, encoded) in images_of(self._all_records(), wanted).items():
            asked = self._inputs.baseline is not None and name in seen
            found = _found_in(self._span_look, seen[name]) if asked else None
            images[name] = Drawable(record, encoded, found, captions.get(record.image_id, ""))
        return draw_pictures(rules, images, self.span.class_names)

    def _captions(self) -> dict[int, str]:
        repeated = {image: f"a copy of image {other}" for image, other in self._repeated.pairs}
        return repeated | {image: f"a copy of golden image {other}" for image, other in self._leaked.pairs}


def _seen(look: Look) -> Seen:
    return Seen(
        file_names=tuple(record.file_name for record in look.records),
        sizes_px=np.array([(record.width_px, record.height_px) for record in look.records], np.float64).reshape(-1, 2),
        truth=look.truth,
        found=look.found,
    )


def _found_in(look: Look, place: int) -> Detections:
    rows = look.found.image == place
    return Detections(look.found.boxes_xywh_px[rows], look.found.labels[rows], look.found.scores[rows])


def _dataset(directory: str) -> DataSetInfo:
    return DataSetInfo.from_json(_bytes(f"{directory}/{DATASET_FILE}").decode())


def _records(directory: str, split: str) -> list[str]:
    return sorted(str(path) for path in fileio.glob(f"{directory}/Split-{split}/*"))


def _fingerprints(directory: str | None) -> Fingerprints:
    paths = [f"{directory}/{FINGERPRINTS}/{split}" for split in (TRAIN_SPLIT, EVAL_SPLIT)] if directory else []
    return Fingerprints.join([Fingerprints.parse(_bytes(path).decode().splitlines(), span=0) for path in paths])


def _bytes(path: str) -> bytes:
    with fileio.open(path, "rb") as file:
        return file.read()


def _write(path: str, content: str | bytes) -> None:
    fileio.makedirs(path.rpartition("/")[0])
    with fileio.open(path, "wb") as file:
        file.write(content if isinstance(content, bytes) else content.encode())
