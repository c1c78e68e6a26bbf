"""The evaluator on plain COCO files: no TFX, no TensorFlow, no golden set of a pipeline; pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from os import PathLike

from ratchet.components.coco.image_keys import Reading
from ratchet.components.coco.reading import CocoAnnotations, read_truth
from ratchet.components.coco.results import read_results
from ratchet.components.map_evaluator import sanity_checks as sanity
from ratchet.components.map_evaluator.blessing import decide
from ratchet.components.map_evaluator.comparability import comparable
from ratchet.components.map_evaluator.detection_limits import counted_objects
from ratchet.components.map_evaluator.file_doubts import (
    cut_scores,
    repeated_ids,
    same_detections,
    weak_baseline,
    written_limits,
)
from ratchet.components.map_evaluator.file_traces import file_traces
from ratchet.components.map_evaluator.matches import PERFECT, SAMPLE_IMAGES, Collector, DataSetMatches
from ratchet.components.map_evaluator.other_boxes import refuse_other_boxes
from ratchet.components.map_evaluator.scoring import check_settings, score
from ratchet.components.map_evaluator.settings import EvaluatorSettings
from ratchet.components.map_evaluator.shifted_classes import refuse_shifted_classes
from ratchet.components.metrics.match_table import MatchTable
from ratchet.schemas.artifacts.decisions import Decision, Reason
from ratchet.schemas.artifacts.evaluation import BASELINE, CANDIDATE, DataSetEvaluation
from ratchet.schemas.base.errors import DataError
from ratchet.schemas.base.memory import keep_freed_memory, no_collection
from ratchet.schemas.data.columns import DetectionColumns
from ratchet.schemas.data.records import attribute_columns

Path = str | PathLike[str]


@dataclass(frozen=True, eq=False)
class EvaluatedFiles:
    """What came of an evaluation.

    Attributes:
        scored: the figures.
        decision: what a run would decide from them: without a baseline, whether the candidate could be a first model.
        truth: the ground truth.
        found: the detections, by model.
        tables: what each detection hit, by model.
    """

    scored: DataSetEvaluation
    decision: Decision
    truth: CocoAnnotations
    found: Mapping[str, DetectionColumns]
    tables: Mapping[str, MatchTable]


def evaluate_files(
    ground_truth: Path,
    detections: Path,
    baseline: Path | None,
    settings: EvaluatorSettings,
    preferred: Reading | None = None,
) -> EvaluatedFiles:
    """Measures one or two models from their detections.

    Args:
        ground_truth: COCO annotation file.
        detections: result file of the candidate.
        baseline: of the baseline; None to measure the candidate alone.
        settings: rules, slices and resampling.
        preferred: what image ids in result files are where they can be ids as well as names of files.

    Raises:
        DataError: a file is damaged, or one does not fit the other.
        ConfigError: the settings name a class, slice or attribute that there is not.
    """
    keep_freed_memory()
    with no_collection():
        truth = read_truth(ground_truth)
        check_objects(ground_truth, truth)
        files = {CANDIDATE: detections, **({BASELINE: baseline} if baseline is not None else {})}
        found = {model: read_results(file, truth, preferred) for model, file in files.items()}
    return evaluate_detections(truth, found, {model: str(file) for model, file in files.items()}, settings)


def evaluate_detections(
    truth: CocoAnnotations,
    found: Mapping[str, DetectionColumns],
    files: Mapping[str, str],
    settings: EvaluatorSettings,
    further: Sequence[Reason] = (),
) -> EvaluatedFiles:
    """The same of what was read already.

    Args:
        truth: the ground truth, with an object that counts.
        found: the detections of the candidate, and of the baseline if there is one, by model.
        files: what each was read from, for errors.
        settings: rules, slices and resampling.
        further: reasons from elsewhere, before the evaluator's own; one that failed blocks.

    Raises:
        DataError: detections are in another form than the ground truth.
        ConfigError: the settings name a class, slice or attribute that there is not.
    """
    for model, file in files.items():
        refuse_other_boxes(file, truth, found[model])
        refuse_shifted_classes(file, truth, found[model])
    attributes = attribute_columns(truth.attributes)
    check_settings(truth.label_map.names, attributes, settings)
    collector = Collector(
        sample_share=min(1.0, SAMPLE_IMAGES / max(1, len(truth.image_ids))), max_detections=settings.max_detections
    )
    collector.add_columns(truth.image_ids, truth.objects, found)
    matches = collector.finish()
    names = truth.label_map.names
    matches = DataSetMatches(matches.tables, matches.digests, attributes, matches.shuffled)
    scored = score(matches, names, settings)
    reasons = [*further, *sanity.sound_areas(truth.mended_areas), *repeated_ids(truth.entries)]
    reasons += _sanity_checks(matches, scored, truth, settings)
    reasons += written_limits(truth.objects, len(truth.image_ids), matches.tables[PERFECT], found)
    reasons += [*weak_baseline(scored, settings.min_map), *same_detections(found), *cut_scores(found)]
    if BASELINE in found:
        written = file_traces(truth.image_ids, truth.objects, found, settings.max_detections)
        reasons += comparable(matches, decide(scored, reasons, settings), names, settings, written=written)
    tables = {model: matches.tables[model] for model in found}
    return EvaluatedFiles(scored, decide(scored, reasons, settings), truth, found, tables)


def check_objects(path: Path, truth: CocoAnnotations) -> None:
    """Refuses a ground truth in which nothing counts.

    Raises:
        DataError: it holds no object that counts.
    """
    if truth.objects.is_crowd.all():
        raise DataError(
            f"{path}: holds no object that counts (no annotation, or crowds alone), so that mAP is undefined; give the "
            "annotations of labelled images"
        )


def _sanity_checks(
    matches: DataSetMatches, scored: DataSetEvaluation, truth: CocoAnnotations, settings: EvaluatorSettings
) -> list[Reason]:
    perfect = matches.tables[PERFECT]
    counted = counted_objects(perfect, truth.label_map.names, truth.text_ids)
    reasons = [*sanity.known_answers(perfect, matches.shuffled), counted]
    if scored.baseline is None:
        return reasons  # nothing is compared, so nothing is too small to be
    enough = sanity.enough(scored.images, scored.objects, settings.min_golden_images, settings.min_golden_objects)
    return [*reasons, enough]
