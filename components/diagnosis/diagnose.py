"""Why mAP fell: every cause examined, and one answer; pure."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from ratchet.components.diagnosis import (
    annotation,
    augmentation,
    dataset_shift,
    evaluation_set,
    forgetting,
    learning_rate,
    overfitting,
    pipeline_changed,
)
from ratchet.components.diagnosis.answer import answer, ranked
from ratchet.components.diagnosis.bundle import Bundle
from ratchet.components.diagnosis.seen import seen_signals
from ratchet.schemas.artifacts.diagnosis import UNKNOWN, Cause, CauseFinding, CauseState, Diagnosis, DiagnosisState

_MOST_TOLD = 500  # characters of an error
Examine = Callable[[Bundle], Sequence[CauseFinding]]
EXAMINERS: tuple[Examine, ...] = (  # one a cause
    evaluation_set.examine,
    annotation.examine,
    dataset_shift.examine,
    overfitting.examine,
    learning_rate.examine_too_high,
    learning_rate.examine_too_low,
    augmentation.examine,
    forgetting.examine,
    pipeline_changed.examine,
)


def diagnose(bundle: Bundle) -> Diagnosis:
    """Examines every cause and says which it was; never raises.

    Args:
        bundle: the records of a run.

    Returns:
        A diagnosis, of state `failed` with the reason where it could not be made.
    """
    started = time.monotonic()
    try:
        with np.errstate(all="ignore"):  # figures that are no numbers end as signals that were not measured
            findings = ranked([_finite(finding) for examine in EXAMINERS for finding in examine(bundle)])
        cause = answer(bundle, findings, seen_signals())
        delta = bundle.delta
        fall = delta.value if delta and delta.value is not None and math.isfinite(delta.value) else None
        supported = [finding for finding in findings if finding.state is CauseState.SUPPORTED]
        shares = [finding.share for finding in supported if finding.share is not None]
        explained = min(1.0, max(0.0, sum(shares))) if shares else None
        return Diagnosis(cause, findings, fall, explained, round(time.monotonic() - started, 3))
    except Exception as error:  # whatever records hold: a run must not end by its own explanation
        return failed(error, time.monotonic() - started)


def failed(error: Exception, seconds: float = 0.0) -> Diagnosis:
    """What is written where no diagnosis could be made."""
    told = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    told = told[:_MOST_TOLD].encode("utf-8", "backslashreplace").decode()  # a message quotes what no file could hold
    sentence = f"The diagnosis itself failed ({told}); verdict and figures stand."
    return Diagnosis(
        Cause(UNKNOWN, "", 0.0, DiagnosisState.FAILED, sentence, (), "The facts on the page do not depend on it."),
        seconds=round(seconds, 3),
    )


def _finite(finding: CauseFinding) -> CauseFinding:
    """JSON has no infinity: what is not finite was not measured."""
    return replace(finding, share=_kept(finding.share), std_error=_kept(finding.std_error))


def _kept(value: float | None) -> float | None:
    return float(value) if value is not None and math.isfinite(value) else None
