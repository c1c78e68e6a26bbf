"""The answer of `ratchet explain` in parts, the same for terminal and page; pure.

Where no cause can be called one, the likeliest suspect is told as what it is: an input that changed.
"""

from __future__ import annotations

from dataclasses import dataclass

from ratchet.pipeline.explain.explain import Explained
from ratchet.schemas.artifacts.cause_words import in_words
from ratchet.schemas.artifacts.diagnosis import Cause, CauseFinding, CauseState, DiagnosisState, Role

# Causes in words of two trainings.
TITLES = {
    "overfitting": "overfitting",
    "learning_rate_too_high": "learning rate too high",
    "learning_rate_too_low": "learning rate too low or training too short",
    "dataset_shift": "dataset shift",
    "augmentation": "augmentation",
    "annotation": "labels made in another way",
    "forgetting": "forgetting",
    "evaluation_set": "a flawed evaluation",
    "pipeline": "another setting",
}
_DETAILS = {
    "replay": "earlier images left out",
    "broken_metric": "results or labels",
    "exchanged": "other images",
    "leak": "golden images trained on",
    "restarted": "begun again at the first peak",
}
_STATES = {
    DiagnosisState.UNKNOWN: "cause unknown",
    DiagnosisState.NOTHING: "nothing to explain",
    DiagnosisState.FAILED: "cause not known",
}


def title_of(cause: str, detail: str) -> str:
    """A cause in words: `learning rate too high (peak)`."""
    title = TITLES.get(cause, cause.replace("_", " "))
    return f"{title} ({_DETAILS.get(detail, detail.replace('_', ' '))})" if detail else title


def state_of(cause: Cause) -> str:
    """What is known where no cause is named."""
    return _STATES.get(cause.state, "cause not known")


@dataclass(frozen=True)
class Answer:
    """What is said.

    Attributes:
        head: what is known of the cause.
        title: the same without figures.
        cause: its name; empty where there is none.
        sentence: what it is.
        facts: what speaks for it, the strongest first.
        action_head: what stands before the action.
        action: what to do.
    """

    head: str
    title: str
    cause: str
    sentence: str
    facts: tuple[str, ...]
    action_head: str
    action: str


def answer_of(explained: Explained) -> Answer:
    """The answer: a cause, else a suspect, else that there is none."""
    cause, suspect = explained.diagnosis.cause, first_suspect(explained)
    if cause.state is DiagnosisState.NAMED:
        likely, title = in_words(cause).partition(":")[0], title_of(cause.name, cause.detail)
        head = f"{likely}: {title}, probability {cause.probability:.0%} with each sign weighed alike"
        return _answer(head, f"{likely}: {title}", cause.name, cause.sentence, cause.evidence, "to do", cause.action)
    if cause.state is DiagnosisState.UNKNOWN and suspect is not None:
        by, title = resting_on(explained), title_of(suspect.cause, suspect.detail)
        head = f"cause not settled; first suspect{f', by {by} alone' if by else ''}: {title}"
        facts = tuple(signal.sentence for signal in suspect.signals if signal.supports)
        return _answer(head, head, suspect.cause, suspect.sentence, facts, "if it is that", suspect.action)
    head = state_of(cause)
    action = "" if cause.state is DiagnosisState.UNKNOWN else cause.action  # then the missing file is what to do
    return _answer(head, head, "", cause.sentence, cause.evidence, "to do", action)


def _answer(
    head: str, title: str, cause: str, sentence: str, facts: tuple[str, ...], action_head: str, action: str
) -> Answer:
    told = tuple(fact for fact in facts if fact.rstrip(".").lower() not in sentence.lower())
    return Answer(head, title, cause, sentence, told, action_head, action)


def first_suspect(explained: Explained) -> CauseFinding | None:
    """The likeliest cause of which an input changed; None where none did, or where nothing is to be explained."""
    return next(filter(is_suspect, explained.diagnosis.findings), None)


def resting_on(explained: Explained) -> str:
    """What suspects rest on where it is one kind of input alone, in words; empty otherwise."""
    trainings, facts = explained.trainings, explained.data.facts
    kinds = {
        "the configurations": any(trainings.plans),
        "the logs": any(trainings.curves),
        "the data": facts.before is not None or facts.after is not None,
    }
    given = [name for name, is_there in kinds.items() if is_there]
    return given[0] if len(given) == 1 else ""


def is_suspect(finding: CauseFinding) -> bool:
    """Whether an input changed that this cause could be, and nothing rules it out."""
    accused = any(signal.role is Role.SUSPECT and signal.supports for signal in finding.signals)
    return accused and finding.state in (CauseState.SUPPORTED, CauseState.OPEN)
