"""What the page of `ratchet explain` shows of two trainings, as plain values; every string of it is hostile."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ratchet.components.review.files_content import FilesContent
from ratchet.components.toolkits.plan_change import PlanChange
from ratchet.schemas.artifacts.data_evidence import Comparison
from ratchet.schemas.artifacts.decisions import DataDecision
from ratchet.schemas.artifacts.diagnosis import Diagnosis
from ratchet.schemas.data.training_data import DataFacts
from ratchet.schemas.data.training_plan import TrainingCurves, TrainingPlan

BEFORE, AFTER = "before", "after"


@dataclass(frozen=True)
class ExplainContent:
    """Everything on the page.

    Attributes:
        diagnosis: the answer, in words of two trainings.
        fall: what fell and by how much, in one line.
        head: what is known of the cause, in a few words.
        sentence: the cause or the suspect in a sentence.
        evidence: what speaks for it, the strongest first.
        action: what to do; empty for nothing.
        titles: of every cause that the diagnosis speaks of, in words, by `cause:detail`.
        surer_with: which file would make it surer; empty for none.
        plans: configurations, BEFORE and AFTER, those that there are.
        curves: logs, likewise.
        changes: what differs between the configurations; None without both.
        comparisons: of the data.
        data: what a check of the data said.
        facts: what was counted in them.
        files: figures of both models; None without result files.
        inputs: option and path of everything that was given.
        notes: what a person should know of the reading.
        command: that was given.
        code: version of Ratchet.
        made_at: UTC time, ISO 8601.
    """

    diagnosis: Diagnosis
    fall: str
    head: str
    sentence: str
    evidence: Sequence[str]
    action: str
    titles: Mapping[str, str]
    surer_with: str
    plans: Mapping[str, TrainingPlan]
    curves: Mapping[str, TrainingCurves]
    changes: Sequence[PlanChange] | None
    comparisons: Sequence[Comparison]
    data: DataDecision
    facts: DataFacts
    files: FilesContent | None
    inputs: Sequence[tuple[str, str]]
    notes: Sequence[str]
    command: str
    code: str
    made_at: str
