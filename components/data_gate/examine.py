"""Everything that is looked at before a span may be trained on, from files that earlier steps wrote."""

# pyright: reportAttributeAccessIssue=false
# (protobuf's classes are made when their module is imported)

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from tensorflow_metadata.proto.v0 import schema_pb2
from tfx.dsl.io import fileio

from ratchet.components.data_gate.album import album_of
from ratchet.components.data_gate.comparing import (
    Measurement,
    Side,
    Statistics,
    Validated,
    distribution_of,
    distributions,
    feature_comparisons,
    of_classes,
    statistics_of,
    validate,
)
from ratchet.components.data_gate.coping import Coping, coping_of
from ratchet.components.data_gate.drift_rules import (
    drift_reason,
    lineage_reason,
    most_extreme,
    strength,
    too_few,
    unknown_to_model,
    without_training,
)
from ratchet.components.data_gate.embeddings import outliers
from ratchet.components.data_gate.entangled import of_their_own
from ratchet.components.data_gate.golden_set import beside_traffic, beside_training, of_golden_set
from ratchet.components.data_gate.inputs import GateInputs, GateSources, Looker, read_bytes, read_inputs
from ratchet.components.data_gate.label_audit import LabelAudit, audit_labels
from ratchet.components.data_gate.new_classes import beside_new_classes, boxes_of, shows_only
from ratchet.components.data_gate.page import PageContent, data_page
from ratchet.components.data_gate.part_drift import drift_in_parts, drift_located
from ratchet.components.data_gate.parts import Part, faults_in_parts, parts_of
from ratchet.components.data_gate.pictures import draw_pictures
from ratchet.components.data_gate.references import Lineage, Span, embedding_comparison, nearest, with_moves
from ratchet.components.data_gate.rules import Findings, decide
from ratchet.components.data_gate.serving_log import read_serving_log
from ratchet.components.data_gate.settings import DataGateSettings
from ratchet.components.data_gate.trust import Trust, trust
from ratchet.components.detector.detections import renumbering
from ratchet.components.detector.sampling import ImageSample
from ratchet.components.detector.stored_examples import ReadRecords, read_records
from ratchet.components.labels.profile import Profile, in_label_map
from ratchet.schemas.artifacts.data_evidence import (
    DATA_DECISION_FORMAT,
    DECISION_FILE,
    DRIFT,
    EMBEDDING,
    EVIDENCE_FILE,
    EVIDENCE_FORMAT,
    PAGE_FILE,
    PICTURES_FILE,
    PICTURES_FORMAT,
    SKEW,
    Comparison,
    DataEvidence,
    LabelEvidence,
)
from ratchet.schemas.artifacts.decisions import DataDecision, Reason
from ratchet.schemas.data import features
from ratchet.schemas.data.copy_settings import CopySettings
from ratchet.schemas.data.dataset import TRAIN_SPLIT
from ratchet.schemas.data.examples_artifact import ExamplesArtifact, split_directory
from ratchet.schemas.data.feature_sample import FeatureSample
from ratchet.schemas.data.tfdv_schema import class_names, read_schema

ANOMALIES_FILE = "SchemaDiff.pb"  # by TFX's name, in the split's directory
_WORST = 12  # images that a rule names


def examine(
    sources: GateSources,
    settings: DataGateSettings,
    out: str,
    read: ReadRecords = read_records,
    copies: CopySettings | None = None,
    looker: Looker | None = None,
) -> DataDecision:
    """Profiles a span, decides, and writes decision, evidence, page and anomalies.

    Args:
        sources: where everything is.
        settings: mode and limits.
        out: directory to write into.
        read: reads TFRecord files; of each split once.
        copies: what is done about copies of golden images; None: they are looked for.
        looker: goes through the images; None: this process, with `read`.

    Raises:
        ConfigError: the schema or the serving log cannot be used.
        DataError: a logged request cannot be read.
        StateError: the served model cannot be used, or span and statistics are not of the same images.
    """
    schema = read_schema(sources.schema, fileio)
    statistics = _statistics(sources)
    copies = copies or CopySettings()
    inputs = read_inputs(sources, settings, read, copies, looker)
    compared = _compare(statistics, settings, schema, inputs)
    labels, label_evidence = _labels(inputs, settings)
    findings = Findings(
        anomalies=compared.validated.anomalies,
        schema_classes=class_names(schema),
        leaked=inputs.copies.leaked,
        repeated=inputs.copies.repeated,
        labels=labels,
        drift=compared.reasons,
        image_names=inputs.images.names,
        history=sources.history,
        facts=inputs.facts,
        copies=copies,
        lineage=inputs.training.record.data if inputs.training else (),
        trained_before=inputs.trained_before,
    )
    decision = decide(inputs.span, inputs.golden, inputs.served and inputs.served.facts, findings, settings)
    album = album_of(inputs, decision, compared.comparisons, sources.artifacts, read)
    content = PageContent(
        title=f"span {inputs.span.span}: {inputs.span.source}" if inputs.span.span else inputs.span.source,
        span=inputs.span,
        golden=inputs.golden,
        baseline=str(inputs.served) if inputs.served else None,
        decision=decision,
        comparisons=compared.comparisons,
        pictures=draw_pictures(decision.reasons, album),
    )
    evidence = DataEvidence((*compared.comparisons, *compared.of_golden), label_evidence)
    _write(f"{out}/{DECISION_FILE}", DATA_DECISION_FORMAT.write(decision))
    _write(f"{out}/{EVIDENCE_FILE}", EVIDENCE_FORMAT.write(evidence))
    _write(f"{out}/{PICTURES_FILE}", PICTURES_FORMAT.write(content.pictures))
    _write(f"{out}/{PAGE_FILE}", data_page(content))
    anomalies = compared.validated.proto.SerializeToString(deterministic=True)  # maps else come in any order
    _write(f"{split_directory(out, TRAIN_SPLIT)}/{ANOMALIES_FILE}", anomalies)
    return decision


@dataclass(frozen=True)
class _Compared:
    """What was compared.

    Attributes:
        validated: TFDV's findings.
        comparisons: of the span.
        reasons: a rule for each.
        of_golden: comparisons of the golden set, about which there is no rule.
    """

    validated: Validated
    comparisons: tuple[Comparison, ...]
    reasons: tuple[Reason, ...]
    of_golden: tuple[Comparison, ...]


def _statistics(sources: GateSources) -> Statistics:
    """Of the span; StatisticsGen reads whatever lies beside its TFRecord files, too."""
    statistics = Statistics.FromString(read_bytes(sources.statistics))
    counted = sum(int(dataset.num_examples) for dataset in statistics.datasets)
    ExamplesArtifact.open(sources.span, fileio).check_counted(TRAIN_SPLIT, counted, sources.statistics)
    return statistics


def _compare(
    statistics: Statistics, settings: DataGateSettings, schema: schema_pb2.Schema, inputs: GateInputs
) -> _Compared:
    span = _comparable(inputs, statistics)
    training, serving = inputs.training.side if inputs.training else None, None
    if settings.serving_log is not None:
        log = read_serving_log(settings.serving_log, settings.serving_images)
        serving = Side(len(log), statistics_of(log.images), log)
    others = [side.statistics if side else None for side in (training, serving)]
    measurements = validate(span.statistics, schema, *others).measurements
    if inputs.classes.new and not distribution_of(span.statistics, features.BOX_CLASS).shares:
        measurements = [entry for entry in measurements if entry.feature != features.BOX_CLASS]
    rows, are_apart = _images_to_compare(inputs, settings.min_examples)
    comparisons: list[Comparison] = []
    reasons: list[Reason] = [without_training(inputs.served.origin)] if inputs.served and training is None else []
    for kind, other, world in ((DRIFT, training, training and training.sample), (SKEW, serving, span.sample)):
        if other is None or world is None:
            continue
        if min(span.images, other.images, len(span.sample)) < settings.min_examples:
            reasons.append(too_few(kind, span.images, other.images, settings.min_examples))
            continue
        comparisons += feature_comparisons(measurements, kind, other, span, world)
        reasons += [unknown_to_model(kind, feature) for feature in _not_measured(measurements, kind)]
        if kind == DRIFT and world.embeddings.shape[1]:
            comparisons.append(embedding_comparison(world.embeddings, span.sample.embeddings[rows], settings.embedding))
    thresholds: dict[str, float] = {}
    if inputs.training is not None:
        thresholds = {entry.feature: entry.threshold for entry in measurements if entry.kind == DRIFT}
        thresholds[EMBEDDING] = settings.embedding
        comparisons = _beside_lineage(
            comparisons, thresholds, inputs.training.lineage, _comparable_span(span, rows), settings
        )
    comparisons = [replace(entry, allowed=settings.minimum_effect_of(entry.feature)) for entry in comparisons]
    coping = _coping(inputs, settings)
    for kind in (DRIFT, SKEW):
        of_kind = [comparison for comparison in comparisons if comparison.kind == kind]
        judged = [drift_reason(each, settings, _worst_images(each, inputs, span, rows), coping) for each in of_kind]
        judged = of_their_own(judged, of_kind)
        reasons += [beside_new_classes(reason, inputs.classes.new, are_apart) for reason in judged]
    reasons += lineage_reason(comparisons, settings, coping)
    drifts = [entry for entry in comparisons if entry.kind == DRIFT]
    if inputs.training is not None:
        of_span = (_parts(inputs), span.sample, inputs.training.lineage, drifts, thresholds, settings)
        reasons = drift_located(reasons, *of_span)
    reasons += _drift_of_parts(inputs, settings, drifts, thresholds)
    of_golden = _of_golden(inputs, settings, thresholds, serving and serving.sample)
    return _Compared(validate(statistics, schema, *others), tuple(comparisons), tuple(reasons), of_golden)


def _of_golden(
    inputs: GateInputs, settings: DataGateSettings, thresholds: Mapping[str, float], log: FeatureSample | None
) -> tuple[Comparison, ...]:
    """The golden set beside what the served model was trained on, and beside what it is asked."""
    if inputs.golden is None or inputs.golden_sample is None or inputs.served is None:
        return ()
    golden = of_golden_set(inputs.golden_sample.sample, inputs.golden.class_names, inputs.served.class_names)
    lineage = inputs.training.lineage if inputs.training else None
    found = beside_training(golden, lineage, thresholds, settings) if lineage else ()
    return (*found, *(beside_traffic(golden, log, thresholds, settings) if log is not None else ()))


def _not_measured(measurements: Sequence[Measurement], kind: str) -> list[str]:
    """The figures of images that only one side has, or none."""
    measured = {entry.feature for entry in measurements if entry.kind == kind}
    return [feature for feature in (features.QA_HUE, features.QA_NOISE) if feature not in measured]


def _beside_lineage(
    comparisons: Sequence[Comparison],
    thresholds: Mapping[str, float],
    lineage: Lineage,
    span: Span,
    settings: DataGateSettings,
) -> list[Comparison]:
    """Each drift beside the nearest of what the served model was trained on, and how far that has moved before."""
    others = lineage.others(settings.min_examples)

    def beside(comparison: Comparison) -> Comparison:
        if comparison.kind != DRIFT:
            return comparison
        if others:
            comparison = replace(comparison, reference=lineage.newest.title)
        threshold = thresholds[comparison.feature]
        found = nearest(comparison, threshold, others, span, lambda each: strength(each, settings))
        return with_moves(found, lineage, span)

    return [beside(comparison) for comparison in comparisons]


def _comparable_span(span: Side, rows: np.ndarray) -> Span:
    with_boxes = 1.0 if span.with_boxes is None else span.with_boxes / max(1, span.images)
    return Span(span.images, span.sample, span.sample.embeddings[rows], distributions(span.statistics), with_boxes)


def _drift_of_parts(
    inputs: GateInputs,
    settings: DataGateSettings,
    comparisons: Sequence[Comparison],
    thresholds: Mapping[str, float],
) -> list[Reason]:
    """What a part of the span shows that the whole does not."""
    profiles = _profiles(inputs)
    if profiles is None or inputs.golden_sample is None or inputs.training is None or inputs.classes.new:
        return []
    sample, looks = inputs.span_sample.sample, inputs.golden_sample.sample.embeddings
    span, golden = profiles

    def cope(images: np.ndarray, alternatives: int) -> Coping | None:
        here = span.of_images(images)
        return coping_of(here, golden, settings.coping, sample.embeddings[images], looks, asked=alternatives)

    return drift_in_parts(_parts(inputs), sample, inputs.training.lineage, comparisons, thresholds, settings, cope)


def _parts(inputs: GateInputs) -> tuple[Part, ...]:
    records = inputs.span_sample.records
    names, attributes = [record.file_name for record in records], [record.attributes for record in records]
    return parts_of(names, attributes, inputs.span_sample.sample.embeddings)


def _coping(inputs: GateInputs, settings: DataGateSettings) -> Coping | None:
    profiles = _profiles(inputs)
    if profiles is None or inputs.golden_sample is None:
        return None
    span, golden = (sample.sample.embeddings for sample in (inputs.span_sample, inputs.golden_sample))
    return coping_of(*profiles, settings.coping, span_embeddings=span, golden_embeddings=golden)


def _comparable(inputs: GateInputs, statistics: Statistics) -> Side:
    """The span without the boxes of new classes, as far as statistics and sample can do without them."""
    images, sample = inputs.span.images[TRAIN_SPLIT], inputs.span_sample.sample
    if not inputs.classes.new:
        return Side(images, statistics, sample)
    sample = boxes_of(sample, inputs.known_labels)
    with_boxes = round(images * float(np.mean(sample.box_counts > 0))) if len(sample) else 0
    return Side(images, of_classes(statistics, inputs.classes.known), sample, with_boxes)


def _images_to_compare(inputs: GateInputs, fewest: int) -> tuple[np.ndarray, bool]:
    """Rows of the images whose embeddings are compared, and whether they show no new class: only if enough do so."""
    are_known = shows_only(inputs.span_sample.sample, inputs.known_labels)
    if np.count_nonzero(are_known) < fewest:
        return np.arange(len(are_known)), False
    return np.flatnonzero(are_known), True


def _worst_images(comparison: Comparison, inputs: GateInputs, span: Side, compared: np.ndarray) -> tuple[str, ...]:
    if comparison.feature == EMBEDDING and inputs.training:
        odd = outliers(inputs.training.sample.embeddings, span.sample.embeddings[compared], _WORST)
        rows = compared[odd].tolist()
    else:
        rows = most_extreme(comparison, span.sample)
    return tuple(inputs.span_sample.records[row].file_name for row in rows)


def _labels(inputs: GateInputs, settings: DataGateSettings) -> tuple[list[Reason], LabelEvidence | None]:
    """The rules about labels, of the span and its parts, and their numbers, of the whole span."""
    profiles = _profiles(inputs)
    if profiles is None or inputs.served is None:
        return [], None
    (span, golden), known = profiles, inputs.served.class_names
    parts, trusted = _parts(inputs), _trust(inputs)
    trusted = trusted and trusted.beside_parts([part.images for part in parts])
    whole = LabelAudit.of(span, golden, known, settings.labels, trusted)

    def ask(images: np.ndarray, alternatives: int) -> list[Reason]:
        some = replace(span.of_images(images), asked=alternatives)
        return audit_labels(some, golden, known, settings.labels, trusted and trusted.of_images(images))

    return faults_in_parts(whole.reasons(), parts, ask), whole.evidence()


def _trust(inputs: GateInputs) -> Trust | None:
    """Where the served model can judge labels."""
    if inputs.golden_sample is None or inputs.served is None:
        return None
    training = [of.sample for of in inputs.training.lineage.spans] if inputs.training else []
    return trust(inputs.span_sample.sample, inputs.golden_sample.sample, training)


def _profiles(inputs: GateInputs) -> tuple[Profile, Profile] | None:
    """Span and golden set as the served model sees them, in its label map; None without either."""
    if inputs.golden is None or inputs.golden_sample is None or inputs.served is None:
        return None
    span, golden = (
        in_label_map(_profile(sample), renumbering(of.class_names, inputs.served.class_names))
        for of, sample in ((inputs.span, inputs.span_sample), (inputs.golden, inputs.golden_sample))
    )
    return span, golden


def _profile(sample: ImageSample) -> Profile:
    return Profile(
        file_names=tuple(record.file_name for record in sample.records),
        sizes_px=np.array([(record.width_px, record.height_px) for record in sample.records], np.float64).reshape(
            -1, 2
        ),
        truth=sample.truth,
        found=sample.found,
    )


def _write(path: str, content: str | bytes) -> None:
    fileio.makedirs(path.rpartition("/")[0])
    with fileio.open(path, "wb") as file:
        file.write(content if isinstance(content, bytes) else content.encode())
