"""`ratchet explain`: the diagnosis's own question, asked of whatever a person has of two trainings."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ratchet.components.diagnosis.bundle import Bundle
from ratchet.components.diagnosis.diagnose import diagnose
from ratchet.pipeline.explain.data_found import NOTHING_FOUND, DataFound, Found
from ratchet.pipeline.explain.request import ExplainRequest
from ratchet.pipeline.explain.trainings import ReadTrainings, read_trainings
from ratchet.pipeline.explain.words import reworded
from ratchet.schemas.artifacts.decisions import Verdict
from ratchet.schemas.artifacts.diagnosis import Diagnosis
from ratchet.schemas.artifacts.evaluation import BASELINE, CANDIDATE
from ratchet.schemas.base.formatting import listed

if TYPE_CHECKING:  # what reads images and boxes takes ten times as long to import as two configurations to compare
    from ratchet.components.map_evaluator.evaluate_files import EvaluatedFiles
    from ratchet.pipeline.explain.data_sets import ReadDataSet


@dataclass(frozen=True, eq=False)
class Explained:
    """What came of it.

    Attributes:
        request: what was brought.
        diagnosis: the answer, in words of two trainings.
        bundle: what it rests on.
        trainings: configurations and logs.
        data: what was found in the data.
        evaluated: the golden set with both models; None without result files.
    """

    request: ExplainRequest
    diagnosis: Diagnosis
    bundle: Bundle
    trainings: ReadTrainings
    data: DataFound
    evaluated: EvaluatedFiles | None

    @property
    def notes(self) -> tuple[str, ...]:
        """What a person should know of how the files were read."""
        plans = zip(("the training before", "the training after"), self.trainings.plans)
        of_plans = [f"{which}: {note}" for which, plan in plans if plan for note in plan.notes]
        return (*of_plans, *self.data.notes, *self._unused(), *self._without_boxes())

    def _unused(self) -> Iterator[str]:
        further = (("--on-train", "trained"), ("--on-new", "new"), ("--on-earlier", "earlier"))
        given = [option for option, name in further if getattr(self.request, name) is not None]
        if given and self.evaluated is None:
            told = "not looked at without --gt, --before and --after, which show whether mAP fell"
            yield f"{listed(given, len(given))}: {told}"

    def _without_boxes(self) -> Iterator[str]:
        found = self.evaluated.found if self.evaluated else {}
        for option, model in (("--before", BASELINE), ("--after", CANDIDATE)):
            if model in found and not len(found[model].scores):
                yield f"{option}: holds no detection at all; was it cut by score, or written by another command?"


def explain(request: ExplainRequest, known: Mapping[Path, ReadDataSet] | None = None) -> Explained:
    """Reads what there is, and says why mAP fell.

    Args:
        request: the files.
        known: training data before that were read already, by path, for those who ask more than once.

    Raises:
        InputError: what was given does not belong together, or is not there.
        DataError: a file is damaged, or one does not fit another; says which, and where.
    """
    request.check()
    trainings = read_trainings(request)
    found = _found(request, trainings, known or {})
    data, evaluated, evaluation = found.data, found.evaluated, found.evaluation
    bundle = Bundle(
        verdict=evaluation.decision.verdict if evaluation else Verdict.INCONCLUSIVE,
        data=data.decision,
        evidence=data.evidence,
        candidate=trainings.after if trainings.are_records else None,
        baseline=trainings.before if trainings.are_records else None,
        evaluation=evaluation,
        golden=found.golden,
        plans=None if trainings.are_records and evaluation else trainings.pair(data.facts),
    )
    if bundle.plans is not None:  # records without result files: what they say as plans is what can be compared
        bundle = dataclasses.replace(bundle, candidate=None, baseline=None)
    return Explained(request, reworded(diagnose(bundle)), bundle, trainings, data, evaluated)


def _found(request: ExplainRequest, trainings: ReadTrainings, known: Mapping[Path, ReadDataSet]) -> Found:
    if request.truth is None and request.train_after is None and not request.train_before:
        return Found(NOTHING_FOUND)
    from ratchet.pipeline.explain.shown import found_in_files

    return found_in_files(request, trainings, known)
