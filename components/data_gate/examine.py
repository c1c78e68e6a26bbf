"""Everything that is looked at before a span may be trained on, from files that earlier steps wrote."""

# pyright: reportAttributeAccessIssue=false
# (protobuf's classes are made when their module is imported)

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from tensorflow_metadata.proto.v0 import schema_pb2
from tfx.dsl.io import fileio

from components.data_gate.comparing import Side, embedding_comparison, feature_comparisons, most_extreme
from components.data_gate.copies import Copies, leaked, repeated
from components.data_gate.drift_rules import drift_reason, too_few
from components.data_gate.embedding import outliers
from components.data_gate.growth import beside_new_classes, boxes_of, shows_only
from components.data_gate.labels.audit import Seen, audit_labels
from components.data_gate.labels.seen import in_label_map
from components.data_gate.page import PageContent, data_page
from components.data_gate.pictures import Drawable, draw_pictures, pictured_rules
from components.data_gate.rules import Findings, decide
from components.data_gate.serving_log import read_serving_log
from components.data_gate.settings import DataGateSettings
from components.data_gate.sights import GateInputs, Sights, read_bytes, record_files, see
from components.data_gate.tfdv_files import (
    Statistics,
    Validated,
    distribution,
    of_classes,
    statistics_of,
    validate,
)
from components.detector.detections import renumbering
from components.detector.look import Look, images_of, names_of
from schemas.artifacts.data_evidence import (
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
    DataPictures,
    Picture,
)
from schemas.artifacts.decisions import DataDecision, Reason
from schemas.data import features
from schemas.data.dataset import EVAL_SPLIT, FINGERPRINTS, TRAIN_SPLIT
from schemas.data.fingerprints import Fingerprints
from schemas.data.records import Detections
from schemas.data.tfdv_schema import class_names, read_schema

ANOMALIES_FILE = "SchemaDiff.pb"  # by TFX's name, in the split's directory
_WORST = 12  # images that a rule names


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
    schema = read_schema(inputs.schema, fileio)
    seen = see(inputs, settings)
    compared = _compare(inputs, settings, schema, seen)
    copies = _find_copies(inputs, settings)
    findings = Findings(
        anomalies=compared.validated.anomalies,
        schema_classes=class_names(schema),
        leaked=copies.leaked,
        repeated=copies.repeated,
        labels=_labels(seen, settings),
        drift=compared.reasons,
        image_names=names_of(_all_record_files(inputs.span), {image for image, _ in copies.pairs}),
        history=inputs.history,
    )
    decision = decide(seen.span, seen.golden, seen.served and seen.served.facts, findings, settings)
    content = PageContent(
        title=f"span {seen.span.span}: {seen.span.source}" if seen.span.span else seen.span.source,
        span=seen.span,
        golden=seen.golden,
        baseline=str(seen.served) if seen.served else None,
        decision=decision,
        comparisons=compared.comparisons,
        pictures=_pictures(inputs, seen, copies, decision),
    )
    _write(f"{out}/{DECISION_FILE}", DATA_DECISION_FORMAT.write(decision))
    _write(f"{out}/{EVIDENCE_FILE}", EVIDENCE_FORMAT.write(DataEvidence(compared.comparisons)))
    _write(f"{out}/{PICTURES_FILE}", PICTURES_FORMAT.write(DataPictures(content.pictures)))
    _write(f"{out}/{PAGE_FILE}", data_page(content))
    _write(f"{out}/Split-{TRAIN_SPLIT}/{ANOMALIES_FILE}", compared.validated.proto.SerializeToString())
    return decision


@dataclass(frozen=True)
class _Compared:
    """TFDV's findings, every comparison, and a rule for each."""

    validated: Validated
    comparisons: tuple[Comparison, ...]
    reasons: tuple[Reason, ...]


def _compare(inputs: GateInputs, settings: DataGateSettings, schema: schema_pb2.Schema, seen: Sights) -> _Compared:
    statistics = Statistics.FromString(read_bytes(inputs.statistics))
    span = _comparable(seen, statistics)
    training, serving = seen.served.side if seen.served else None, None
    if settings.serving_log is not None:
        log = read_serving_log(settings.serving_log, settings.serving_images)
        serving = Side(len(log), statistics_of(log.images), log)
    others = [side.statistics if side else None for side in (training, serving)]
    measurements = validate(span.statistics, schema, *others).measurements
    if seen.growth.new and not distribution(span.statistics, features.BOX_CLASS).shares:
        measurements = [entry for entry in measurements if entry.feature != features.BOX_CLASS]
    rows, are_apart = _images_to_compare(seen, settings.min_examples)
    comparisons: list[Comparison] = []
    reasons: list[Reason] = []
    for kind, other, world in ((DRIFT, training, training and training.sample), (SKEW, serving, span.sample)):
        if other is None or world is None:
            continue
        if min(span.images, other.images, len(span.sample)) < settings.min_examples:
            reasons.append(too_few(kind, span.images, other.images, settings.min_examples))
            continue
        comparisons += feature_comparisons(measurements, kind, other, span, world)
        if kind == DRIFT and world.embeddings.shape[1]:
            comparisons.append(embedding_comparison(world.embeddings, span.sample.embeddings[rows], settings.embedding))
    for comparison in comparisons:
        reason = drift_reason(comparison, settings, _worst_images(comparison, seen, span, rows))
        reasons.append(beside_new_classes(reason, seen.growth.new, are_apart))
    return _Compared(validate(statistics, schema, *others), tuple(comparisons), tuple(reasons))


def _comparable(seen: Sights, statistics: Statistics) -> Side:
    """The span without the boxes of new classes, as far as statistics and sample can do without them."""
    images, sample = seen.span.images[TRAIN_SPLIT], seen.span_look.sample
    if not seen.growth.new:
        return Side(images, statistics, sample)
    sample = boxes_of(sample, seen.known_labels)
    with_boxes = round(images * float(np.mean(sample.box_counts > 0))) if len(sample) else 0
    return Side(images, of_classes(statistics, seen.growth.known), sample, with_boxes)


def _images_to_compare(seen: Sights, fewest: int) -> tuple[np.ndarray, bool]:
    """Rows of the images whose embeddings are compared, and whether they show no new class: only if enough do so."""
    are_known = shows_only(seen.span_look.sample, seen.known_labels)
    if np.count_nonzero(are_known) < fewest:
        return np.arange(len(are_known)), False
    return np.flatnonzero(are_known), True


def _worst_images(comparison: Comparison, seen: Sights, span: Side, compared: np.ndarray) -> tuple[str, ...]:
    if comparison.feature == EMBEDDING and seen.served:
        odd = outliers(seen.served.sample.embeddings, span.sample.embeddings[compared], _WORST)
        rows = compared[odd].tolist()
    else:
        rows = most_extreme(comparison, span.sample)
    return tuple(seen.span_look.records[row].file_name for row in rows)


def _labels(seen: Sights, settings: DataGateSettings) -> list[Reason]:
    if seen.golden_look is None or seen.served is None:
        return []
    known = seen.served.record.class_names
    numbers = renumbering(seen.span.class_names, known)
    span, golden = (in_label_map(_seen(look), numbers) for look in (seen.span_look, seen.golden_look))
    return audit_labels(span, golden, known, settings.labels)


@dataclass(frozen=True)
class _AllCopies:
    """Images of the span that copy golden ones, and that copy others of the span."""

    leaked: Copies
    repeated: Copies

    @property
    def pairs(self) -> list[tuple[int, str]]:
        """Ids of images in the span, each with what it is; both of a repeated pair, the golden one last to count."""
        copies = [(image, f"a copy of image {other}") for image, other in self.repeated.pairs]
        originals = [(other, f"image {image} is a copy of it") for image, other in self.repeated.pairs]
        return [
            *originals,
            *copies,
            *((image, f"a copy of golden image {other}") for image, other in self.leaked.pairs),
        ]


def _find_copies(inputs: GateInputs, settings: DataGateSettings) -> _AllCopies:
    span, golden = _fingerprints(inputs.span), _fingerprints(inputs.golden)
    bits = settings.duplicate_bits
    return _AllCopies(leaked(span, golden, bits), repeated(span, bits))


def _pictures(
    inputs: GateInputs, seen: Sights, copies: _AllCopies, decision: DataDecision
) -> dict[str, tuple[Picture, ...]]:
    rules = pictured_rules(decision.reasons)
    wanted = {name for names in rules.values() for name in names}
    places = {record.file_name: place for place, record in enumerate(seen.span_look.records)}
    captions = dict(copies.pairs)
    images = {}
    for name, (record, encoded) in images_of(_all_record_files(inputs.span), wanted).items():
        found = _found_in(seen.span_look, places[name]) if seen.served and name in places else None
        images[name] = Drawable(record, encoded, found, captions.get(record.image_id, ""))
    return draw_pictures(rules, images, seen.span.class_names)


def _all_record_files(directory: str) -> list[str]:
    return [path for split in (TRAIN_SPLIT, EVAL_SPLIT) for path in record_files(directory, split)]


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


def _fingerprints(directory: str | None) -> Fingerprints:
    paths = [f"{directory}/{FINGERPRINTS}/{split}" for split in (TRAIN_SPLIT, EVAL_SPLIT)] if directory else []
    return Fingerprints.join([Fingerprints.parse(read_bytes(path).decode().splitlines(), span=0) for path in paths])


def _write(path: str, content: str | bytes) -> None:
    fileio.makedirs(path.rpartition("/")[0])
    with fileio.open(path, "wb") as file:
        file.write(content if isinstance(content, bytes) else content.encode())
