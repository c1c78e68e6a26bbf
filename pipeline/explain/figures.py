"""What both models find in labelled images, as an evaluation: the golden set, and further ones where there are any."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from ratchet.components.coco.image_keys import Reading
from ratchet.components.coco.reading import CocoAnnotations
from ratchet.components.coco.results import read_results
from ratchet.components.map_evaluator.dummy_results import dummy_results
from ratchet.components.map_evaluator.evaluate_files import EvaluatedFiles, check_objects, evaluate_detections
from ratchet.components.map_evaluator.settings import EvaluatorSettings
from ratchet.components.map_evaluator.training_rules import training_reasons
from ratchet.pipeline.explain.request import ExplainRequest
from ratchet.pipeline.explain.truth import read_any_truth
from ratchet.schemas.artifacts.decisions import Decision, Reason
from ratchet.schemas.artifacts.evaluation import (
    BASELINE,
    CANDIDATE,
    EARLIER_SPANS,
    GOLDEN,
    HELD_OUT,
    TRAIN_SAMPLE,
    DataSetEvaluation,
    Evaluation,
)
from ratchet.schemas.artifacts.golden_boxes import GoldenBoxes
from ratchet.schemas.artifacts.training_record import TrainingRecord
from ratchet.schemas.base.formatting import listed, many
from ratchet.schemas.base.memory import no_collection
from ratchet.schemas.data.columns import DetectionColumns
from ratchet.schemas.data.training_data import DataFacts

NAMES = {BASELINE: "the model before", CANDIDATE: "the model after"}
_SAME = "trust:same_detections"
_BY_CHANCE = ("trust:dummy_other_images", "trust:shuffled_detections")  # what fails where a model hits by chance
_LISTED = 3


@dataclass(frozen=True, eq=False)
class Shown:
    """Labelled images and what models find in them.

    Attributes:
        truth: the labels.
        found: detections by model.
        files: where each was read.
    """

    truth: CocoAnnotations
    found: Mapping[str, DetectionColumns]
    files: Mapping[str, str]


def read_shown(truth: Path, images: Path | None, files: Mapping[str, Path], preferred: Reading | None = None) -> Shown:
    """Reads labels and detections.

    Args:
        truth: COCO file, or a directory in any layout.
        images: directory of the images, which may be needed for their sizes.
        files: of detections, by model.
        preferred: what image ids are where they can be ids as well as names of files.

    Raises:
        DataError: one cannot be read, or does not fit the labels.
    """
    with no_collection():
        labels = read_any_truth(truth, images)
        check_objects(truth, labels)
        found = {model: read_results(file, labels, preferred) for model, file in files.items()}
    return Shown(labels, found, {model: str(file) for model, file in files.items()})


def evaluate_shown(
    golden: Shown,
    further: Mapping[str, Shown],
    facts: DataFacts,
    after: TrainingRecord | None,
    lost: Collection[str] = (),
) -> tuple[EvaluatedFiles, Evaluation]:
    """Both models on all sets.

    Args:
        golden: the set that decides.
        further: by the name of the data set.
        facts: of the data, for copies of golden images among the training images.
        after: record of the second training, if there is one.
        lost: models whose own logs end at no mAP: that they hit by chance alone is no fault of the evaluation.
    """
    settings = EvaluatorSettings()
    images = len(golden.truth.image_ids)
    reasons = [*_leaks(facts), *(training_reasons(after) if after else [])]
    reasons += dummy_results(images, golden.truth.objects, golden.found, NAMES)
    evaluated = evaluate_detections(golden.truth, golden.found, golden.files, settings, reasons)
    sets = {GOLDEN: evaluated.scored}
    for name, shown in further.items():
        sets[name] = evaluate_detections(shown.truth, shown.found, shown.files, settings).scored
    decision = _decision(evaluated.decision, {f"{rule}:{model}" for rule in _BY_CHANCE for model in lost})
    return evaluated, Evaluation(decision, sets, golden_digest="")


def _decision(decision: Decision, excused: Collection[str]) -> Decision:
    kept = [reason for reason in decision.reasons if reason.rule not in excused]
    return replace(decision, reasons=tuple(map(_strict, kept)))


def _strict(reason: Reason) -> Reason:
    """That both sides are the same is no fall to explain, whatever it is elsewhere."""
    return replace(reason, passed=False) if reason.rule == _SAME and reason.warning else reason


def _leaks(facts: DataFacts) -> list[Reason]:
    copied = facts.golden_in_after or facts.golden_in_before
    if facts.golden_in_after and facts.golden_in_before and not facts.golden_in_after.count:
        copied = facts.golden_in_before
    if copied is None:
        return []
    told = f"{copied.count:,} of {many(copied.of, 'golden image')}"
    shown = f": {listed(copied.images, _LISTED)}" if copied.count else ""
    expected = "no golden image among the training images"
    return [Reason("trust:leak", expected, f"{told}{shown}", passed=not copied.count, images=copied.images)]


def golden_boxes(golden: Shown, evaluated: EvaluatedFiles) -> GoldenBoxes:
    """The boxes of the golden set, or of a sample of it."""
    truth = golden.truth
    boxes = GoldenBoxes(
        image_ids=truth.image_ids,
        file_names=truth.file_names,
        sizes_px=truth.sizes_px,
        class_names=truth.label_map.names,
        truth=truth.objects,
        found=golden.found,
        max_detections=evaluated.scored.max_detections,
        of=len(truth.image_ids),
    )
    return GoldenBoxes.join([boxes])


def further_sets(request: ExplainRequest) -> dict[str, Shown]:
    """Both models on further images, by the name of the data set."""
    measured = {TRAIN_SAMPLE: request.trained, HELD_OUT: request.new, EARLIER_SPANS: request.earlier}
    return {
        name: read_shown(each.truth, None, {CANDIDATE: each.after, BASELINE: each.before}, request.dt_ids)
        for name, each in measured.items()
        if each is not None
    }


def scored_of(evaluation: Evaluation) -> DataSetEvaluation:
    """The golden set over the classes that both models know."""
    return evaluation.golden.compared
