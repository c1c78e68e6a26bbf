"""Parts of a request, and the answer to one in a few letters."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from ratchet.pipeline.explain.answer import first_suspect
from ratchet.pipeline.explain.explain import explain
from ratchet.pipeline.explain.request import ExplainRequest
from ratchet.schemas.artifacts.diagnosis import Diagnosis, DiagnosisState

CONFIGS, LOGS, GOLDEN, RESULTS, DATA, ON_TRAIN, IMAGES, FURTHER = (
    "configs",
    "logs",
    "golden",
    "results",
    "data",
    "before on train",
    "images",
    "further sets",
)
GROUPS = {
    CONFIGS: ("config_before", "config_after"),
    LOGS: ("logs_before", "logs_after"),
    GOLDEN: ("truth",),
    RESULTS: ("before", "after"),
    DATA: ("train_before", "train_after"),
    ON_TRAIN: ("before_on_train",),
    IMAGES: ("images",),
    FURTHER: ("trained", "new", "earlier"),
}
NEEDS = {RESULTS: GOLDEN, IMAGES: GOLDEN, ON_TRAIN: DATA, FURTHER: RESULTS}
_MEASURED = (GOLDEN, RESULTS, IMAGES)
# What the table shows.
ASKED = {
    "everything": tuple(GROUPS),
    "configs": (CONFIGS,),
    "configs, logs": (CONFIGS, LOGS),
    "configs, results": (CONFIGS, *_MEASURED),
    "results": _MEASURED,
    "data, results": (*_MEASURED, DATA, ON_TRAIN),
}


def only(request: ExplainRequest, groups: Iterable[str]) -> ExplainRequest:
    """A request with some of its files."""
    left = {name for group in set(GROUPS) - set(groups) for name in GROUPS[group]}
    nothing = ExplainRequest()
    return replace(request, **{name: getattr(nothing, name) for name in left})


def groups_of(request: ExplainRequest) -> tuple[str, ...]:
    """The groups that a request has anything of."""
    return tuple(group for group, names in GROUPS.items() if any(getattr(request, name) for name in names))


def answer_to(request: ExplainRequest) -> str:
    """Cause and probability; in brackets the first suspect where none is named; `-` where nothing is asked."""
    if not groups_of(request):
        return "-"
    explained = explain(request)
    suspect = first_suspect(explained)
    if explained.diagnosis.cause.state is not DiagnosisState.UNKNOWN or suspect is None:
        return cause_of(explained.diagnosis)
    return f"({suspect.title})"


def cause_of(diagnosis: Diagnosis) -> str:
    """The cause that is named, with its probability, else what is known."""
    cause = diagnosis.cause
    named = cause.state is DiagnosisState.NAMED
    return f"{cause.title} {cause.probability:.0%}" if named else cause.state.value


def is_right(answer: str, right: Sequence[str]) -> bool:
    """Whether an answer is one of those that are right."""
    named = answer.partition(" ")[0]
    return any(named == each or named.partition(":")[0] == each for each in right)
