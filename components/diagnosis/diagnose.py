"""Why mAP fell: every cause examined, and one answer; pure."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
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
from ratchet.components.diagnosis.adopted import as_after_adoption
from ratchet.components.diagnosis.answer import answer, ranked
from ratchet.components.diagnosis.bundle import Bundle
from ratchet.components.diagnosis.plans import augment, forget, labels, overfit, rate, settings, shift, validation
from ratchet.components.diagnosis.plans.answer import answer_without_results
from ratchet.components.diagnosis.plans.pair import PlanPair
from ratchet.components.diagnosis.plans.sight import within_sight
from ratchet.components.diagnosis.plans.tested import only_tested
from ratchet.components.diagnosis.seen import SeenSignals, seen_signals
from ratchet.schemas.artifacts.diagnosis import (
    ANNOTATION,
    DATASET_SHIFT,
    EVALUATION_SET,
    UNKNOWN,
    Cause,
    CauseFinding,
    CauseState,
    Diagnosis,
    DiagnosisState,
)

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
EXAMINERS_OF_DATA = (evaluation_set.examine, annotation.examine)
_OF_DATA = (EVALUATION_SET, ANNOTATION, DATASET_SHIFT)
EXAMINERS_OF_PLANS: tuple[Callable[[Bundle, PlanPair], Sequence[CauseFinding]], ...] = (
    validation.examine,
    labels.examine,
    shift.examine,
    overfit.examine,
    rate.examine_too_high,
    rate.examine_too_low,
    augment.examine,
    forget.examine,
    settings.examine,
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
            findings = ranked([_finite(finding) for finding in _told(bundle)])
        known = bundle.evaluation is not None or bundle.plans is None
        cause = (answer if known else answer_without_results)(bundle, findings, _seen(bundle))
        delta = bundle.delta
        fall = delta.value if delta and delta.value is not None and math.isfinite(delta.value) else None
        supported = [finding for finding in findings if finding.state is CauseState.SUPPORTED]
        shares = [finding.share for finding in supported if finding.share is not None]
        explained = min(1.0, max(0.0, sum(shares))) if shares else None
        return Diagnosis(cause, findings, fall, explained, round(time.monotonic() - started, 3))
    except Exception as error:  # whatever records hold: a run must not end by its own explanation
        return failed(error, time.monotonic() - started)


def _seen(bundle: Bundle) -> SeenSignals:
    """What was tried on runs of this pipeline; of two trainings of any toolkit, the figures of data and evaluation.

    Those of trainings mean something else between two configurations than between a retraining and the usual.
    """
    seen = seen_signals()
    if bundle.plans is None:
        return seen
    kept = {name: ends for name, ends in seen.ranges.items() if name.partition("/")[0] in _OF_DATA}
    return SeenSignals(seen.cases, kept)


def _findings(bundle: Bundle) -> Iterator[CauseFinding]:
    pair = bundle.plans
    bundle = bundle if pair is None else within_sight(bundle)
    for examine in EXAMINERS if pair is None else EXAMINERS_OF_DATA:
        yield from examine(bundle)
    if pair is not None:
        for examine_plans in EXAMINERS_OF_PLANS:
            yield from examine_plans(bundle, pair)


def _told(bundle: Bundle) -> Iterator[CauseFinding]:
    """The findings; of two trainings without those that nothing tests."""
    pair = bundle.plans
    if pair is None:
        return _findings(bundle)
    found = map(only_tested, _findings(bundle))
    return (as_after_adoption(each, bundle, pair) for each in found) if bundle.is_adopted else found


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
