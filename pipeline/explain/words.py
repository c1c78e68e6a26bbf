"""What causes say of a run, in words of two trainings: here is no span, no candidate and no served model; pure."""

from __future__ import annotations

import re
from dataclasses import replace

from ratchet.components.diagnosis.plans.alone import NEED_DATA, NEED_LABELS, NEED_RESULTS
from ratchet.schemas.artifacts.diagnosis import (
    ANNOTATION,
    DATASET_SHIFT,
    EVALUATION_SET,
    CauseFinding,
    CauseState,
    Diagnosis,
    Signal,
)
from ratchet.schemas.base.formatting import capital

# In their order: the longer before the shorter. Each is a word of a run -> a word of two trainings.
_WORDS: tuple[tuple[str, str], ...] = (
    ("the served model's training data", "the training data before"),
    ("The served model's training data", "The training data before"),
    ("the served model's training", "the training before"),
    ("the served model", "the model before"),
    ("The served model", "The model before"),
    ("a served model", "a model before"),
    ("the last retraining's", "the training before's"),
    ("in the last retraining", "in the training before"),
    ("the last retraining", "the training before"),
    ("its moves between earlier spans", "its moves within the earlier data"),
    ("the earlier spans", "the earlier data"),
    ("earlier spans", "the earlier data"),
    ("of the new span", "of the new data"),
    ("the new span", "the new data"),
    ("The new span", "The new data"),
    ("the span's", "the new data's"),
    ("The span's", "The new data's"),
    ("the span", "the new data"),
    ("The span", "The new data"),
    ("The data gate's", "The check of the data's"),
    ("the data gate's", "the check of the data's"),
    ("The data gate", "The check of the data"),
    ("the data gate", "the check of the data"),
    ("the candidate's", "the model after's"),
    ("The candidate's", "The model after's"),
    ("the candidate", "the model after"),
    ("The candidate", "The model after"),
    ("the baseline's", "the model before's"),
    ("The baseline's", "The model before's"),
    ("the baseline", "the model before"),
    ("The baseline", "The model before"),
)
_PATTERN = re.compile("|".join(rf"\b{re.escape(word)}\b" for word, _ in _WORDS))
_MEANING: dict[str, str] = dict(_WORDS)
# Settings of this product, which nobody here has, with the brackets or the clause that they stand in.
_PRODUCT = re.compile(
    r" ?\((?:with )?data_gate\.[^()]*(?:\([^()]*\)[^()]*)*\)|, with data_gate\.[\w.=]+ for one run| data_gate\.[\w.]+"
)
# Rules by their names in a record, and what ends in a run.
_RULES = re.compile(r" \(trust:[\w:, ]+\)|\btrust:\w+(?::\w+)?: |\bdata:\w+: ")
_AGAIN = (
    ("; the next run of the data gate measures them", ": --train-after and --before-on-train measure them"),
    (", then run again.", ", then measure both models again."),
    ("; then run again", ""),
)


# What tests a cause of which nothing is known, instead of what a run would do.
_TESTS = {
    EVALUATION_SET: f"To test it give {NEED_RESULTS}.",
    ANNOTATION: f"To test it give {NEED_LABELS}.",
    DATASET_SHIFT: f"To test it give {NEED_DATA}.",
}


def reworded(diagnosis: Diagnosis) -> Diagnosis:
    """A diagnosis in words of two trainings.

    Args:
        diagnosis: as the causes say it.
    """
    cause = diagnosis.cause
    return replace(
        diagnosis,
        cause=replace(
            cause,
            sentence=in_other_words(cause.sentence),
            evidence=tuple(map(in_other_words, cause.evidence)),
            action=in_other_words(cause.action),
        ),
        findings=tuple(map(_finding, diagnosis.findings)),
    )


def _finding(finding: CauseFinding) -> CauseFinding:
    test = _TESTS.get(finding.cause) if finding.state is CauseState.NOT_TESTABLE else None
    return replace(
        finding,
        sentence=in_other_words(finding.sentence),
        action=test or in_other_words(finding.action),
        signals=tuple(map(_signal, finding.signals)),
    )


def _signal(signal: Signal) -> Signal:
    return replace(signal, sentence=in_other_words(signal.sentence), unit=in_other_words(signal.unit))


def in_other_words(text: str) -> str:
    """A sentence of a run as one of two trainings.

    >>> in_other_words("The candidate's boxes scatter more than the baseline's in the new span.")
    "The model after's boxes scatter more than the model before's in the new data."
    """
    told = _RULES.sub("", _PRODUCT.sub("", text))
    told = capital(told) if _RULES.match(text) else told
    for run, trainings in _AGAIN:
        told = told.replace(run, trainings)
    return _PATTERN.sub(lambda found: _MEANING[found.group()], told)
