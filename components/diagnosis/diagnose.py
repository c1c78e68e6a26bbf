"""Why mAP fell: every cause examined, and one answer; pure."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from components.diagnosis.bundle import Bundle
from schemas.artifacts.diagnosis import Cause, CauseFinding, Diagnosis, DiagnosisState

Examine = Callable[[Bundle], Sequence[CauseFinding]]
EXAMINERS: tuple[Examine, ...] = ()  # one a cause


def diagnose(bundle: Bundle) -> Diagnosis:
    """Examines every cause and says which it was; never raises.

    Args:
        bundle: the records of a run.

    Returns:
        A diagnosis, of state `failed` with the reason where it could not be made.
    """
    started = time.monotonic()
    try:
        findings = [finding for examine in EXAMINERS for finding in examine(bundle)]
    except Exception as error:  # whatever records hold: a run must not end by its own explanation
        return Diagnosis(_failed(error), seconds=time.monotonic() - started)
    return Diagnosis(_failed(RuntimeError("not built yet")), tuple(findings), seconds=time.monotonic() - started)


def _failed(error: Exception) -> Cause:
    told = f"{type(error).__name__}: {error}"
    return Cause("unknown", "", 0.0, DiagnosisState.FAILED, f"The diagnosis itself failed ({told}).", (), "")
