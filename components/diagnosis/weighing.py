"""From signals to what is said of a cause, by unit weights whose signs were fixed beforehand; pure.

Weights of one are hard to beat where there is little to fit better ones on (Dawes, American Psychologist 34, 1979). A
cause starts one signal behind, so that a single one names nothing. What did not change cannot have done it: where
every suspect of a cause is cleared, the cause is refuted, whatever the symptoms.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from ratchet.schemas.artifacts.diagnosis import CauseFinding, CauseState, Role, Signal

_BEHIND = 1.0  # log-odds that a cause starts with
NAMED = 0.5  # from which probability on a cause is supported


def weighed(finding: CauseFinding, signals: Sequence[Signal]) -> CauseFinding:
    """The finding with its signals, and with the state and the probability that they give it.

    Args:
        finding: cause, detail, sentences; its state and probability do not matter.
        signals: that were looked at; those that say nothing, and those whose figures are no finite numbers, count for
            nothing.
    """
    signals = tuple(map(_finite, signals))
    suspects = [signal for signal in signals if signal.role is Role.SUSPECT]
    measured = [signal for signal in signals if signal.supports is not None]
    state, probability = CauseState.OPEN, 0.0
    if suspects and all(signal.supports is False for signal in suspects):
        state = CauseState.REFUTED
    elif not measured:
        state = CauseState.NOT_TESTABLE
    else:
        probability = chance([bool(signal.supports) for signal in measured])
        if probability > NAMED:
            state = CauseState.SUPPORTED
    return replace(finding, state=state, probability=probability, signals=signals)


def _finite(signal: Signal) -> Signal:
    """JSON has no infinity, and a figure without an end is none: the signal was not measured."""
    error = signal.std_error if signal.std_error is None or math.isfinite(signal.std_error) else None
    if math.isfinite(signal.threshold) and (signal.value is None or math.isfinite(signal.value)):
        return replace(signal, std_error=error)
    threshold = signal.threshold if math.isfinite(signal.threshold) else 0.0
    told = f"Not measured, for a figure behind it is no finite number: {signal.sentence}"
    return replace(signal, value=None, threshold=threshold, supports=None, std_error=None, sentence=told)


def chance(speaks_for: Sequence[bool]) -> float:
    """Probability of a cause by signals that speak for it (True) or against it (False), each with weight one.

    >>> [round(chance(signals), 2) for signals in ([], [True], [True, True], [True, False])]
    [0.27, 0.5, 0.73, 0.27]
    """
    votes = sum(1 if each else -1 for each in speaks_for)
    return 1 / (1 + math.exp(_BEHIND - votes))
