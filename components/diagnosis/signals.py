"""How the modules of causes make signals and findings from figures, so that all of them read alike; pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from ratchet.components.diagnosis.weighing import weighed
from ratchet.schemas.artifacts.diagnosis import CauseFinding, CauseState, Role, Signal

RATIO = "ratio"
SHARE = "share"
SHARE_OF_FALL = "share of the fall"
STANDARD_ERRORS = "standard errors"


@dataclass(frozen=True)
class Limit:
    """From where on a figure speaks for a cause.

    Attributes:
        value: the limit itself counts.
        unit: of it.
        is_most: whether figures up to the limit speak for the cause, not those from it on.
        is_silent: whether a figure on the other side says nothing, instead of speaking against the cause.
    """

    value: float
    unit: str = RATIO
    is_most: bool = False
    is_silent: bool = False

    def supports(self, value: float) -> bool | None:
        """What a figure says.

        >>> Limit(2.0).supports(2.0), Limit(2.0).supports(1.0), Limit(2.0, is_silent=True).supports(1.0)
        (True, False, None)
        """
        speaks = value <= self.value if self.is_most else value >= self.value
        return True if speaks else None if self.is_silent else False


def suspect(
    name: str, value: float | None, limit: Limit, sentence: str, otherwise: str, std_error: float | None = None
) -> Signal:
    """Whether an input changed; see `judged`."""
    return judged(name, Role.SUSPECT, value, limit, sentence, otherwise, std_error)


def symptom(
    name: str, value: float | None, limit: Limit, sentence: str, otherwise: str, std_error: float | None = None
) -> Signal:
    """Whether training or models look like it; see `judged`."""
    return judged(name, Role.SYMPTOM, value, limit, sentence, otherwise, std_error)


def judged(
    name: str,
    role: Role,
    value: float | None,
    limit: Limit,
    sentence: str,
    otherwise: str,
    std_error: float | None = None,
) -> Signal:
    """A figure and what it says.

    Args:
        name: of the signal.
        role: of it.
        value: None, or no finite number: it was not measured.
        limit: from where on it speaks for the cause.
        sentence: what was measured.
        otherwise: what would measure it.
        std_error: of the value.
    """
    if value is None or not math.isfinite(value):
        return Signal(name, role, None, limit.value, limit.unit, None, otherwise)
    return Signal(name, role, value, limit.value, limit.unit, limit.supports(value), sentence, std_error)


@dataclass(frozen=True)
class Told:
    """What is said of a cause, by what came of it.

    Attributes:
        supported: it is one.
        open: neither shown nor ruled out.
        refuted: it is none.
        action: what to change if it is one.
        test: what would test it; empty: what would measure the first signal that was not.
    """

    supported: str
    open: str
    refuted: str
    action: str
    test: str = ""


def found(cause: str, detail: str, signals: Sequence[Signal], told: Told) -> CauseFinding:
    """The finding that the signals give, in the words that go with it; nothing is to be done about one refuted.

    The sentence of a signal that was not measured says what would measure it.
    """
    finding = weighed(CauseFinding(cause, detail, CauseState.OPEN, 0.0, "", ""), signals)
    sentences = {
        CauseState.SUPPORTED: told.supported,
        CauseState.REFUTED: told.refuted,
        CauseState.OPEN: told.open,
        CauseState.NOT_TESTABLE: told.open,
    }
    unmeasured = next((signal.sentence for signal in signals if signal.value is None), "")
    actions = {CauseState.REFUTED: "", CauseState.NOT_TESTABLE: told.test or unmeasured}
    action = actions.get(finding.state, told.action)
    return replace(finding, sentence=sentences[finding.state], action=action)


def not_trained(cause: str) -> CauseFinding:
    """What is said of a cause that lies in the training, where no model was trained from a served one."""
    sentence = "No model was trained from a served one in this run, so there are no two trainings to compare."
    test = "A candidate that is trained from a served model would test it."
    return CauseFinding(cause, "", CauseState.NOT_TESTABLE, 0.0, sentence, test)
