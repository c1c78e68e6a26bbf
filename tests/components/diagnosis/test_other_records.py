"""Records of a trainer of one's own are compared by what it said, and by nothing that it did not."""

from __future__ import annotations

from typing import Any

import pytest

from ratchet.components.diagnosis.diagnose import diagnose
from ratchet.components.diagnosis.other_records import pair_of_records
from ratchet.components.toolkits.ratchet_plans import plan_of_record
from ratchet.schemas.artifacts.diagnosis import AUGMENTATION, RATE_TOO_HIGH, RATE_TOO_LOW, CauseState, Diagnosis
from ratchet.schemas.artifacts.training_record import TrainingRecord
from ratchet.schemas.data.training_plan import Augmentation, Kind, RateSchedule, TrainingPlan
from tests.builders import training_record
from tests.components.diagnosis.bundles import bundle

OWN = "mine.train.run_fn"
FLIP = (Augmentation("flip", Kind.MIRROR),)


def own(mode: str, peak: float | None, start: str, **said: Any) -> TrainingRecord:
    rate = None if peak is None else RateSchedule("as reported", ((0.0, peak), (1.0, 0.0)))
    whole = {"batch_size": 16.0, "steps": 400.0, "images": 100, "optimizer": "adam", "augmentations": FLIP} | said
    plan = TrainingPlan("own trainer", OWN, starts_from=start, rate=rate, **whole)
    return training_record(mode=mode, trainer=OWN, plan=plan, loss_curve=((10, 2.0), (400, 1.0)), validation=())


def diagnosed(candidate: TrainingRecord, baseline: TrainingRecord | None) -> Diagnosis:
    import dataclasses

    plans = pair_of_records(candidate, baseline)
    assert plans is not None
    return diagnose(dataclasses.replace(bundle(), candidate=None, baseline=None, plans=plans))


def state(of: Diagnosis, cause: str) -> CauseState:
    return next(finding.state for finding in of.findings if finding.cause == cause)


def test_records_of_ratchets_own_training_say_more_and_are_left_alone() -> None:
    assert pair_of_records(training_record(mode="retrain"), training_record()) is None
    assert pair_of_records(None, own("bootstrap", 0.1, "")) is None


def test_a_plan_is_what_the_trainer_said() -> None:
    record = own("bootstrap", 0.1, "")
    assert plan_of_record(record) is record.plan


@pytest.mark.parametrize("baseline", [None, training_record(), own("bootstrap", None, "")])
def test_whatever_is_missing_there_is_a_diagnosis(baseline: TrainingRecord | None) -> None:
    assert diagnosed(own("retrain", None, "the served model x"), baseline).cause.state.value != "failed"


def test_a_retraining_at_a_tenth_of_the_first_rate_is_not_called_too_low() -> None:
    found = diagnosed(own("retrain", 0.01, "the served model a"), own("bootstrap", 0.1, ""))
    assert state(found, RATE_TOO_LOW) is not CauseState.SUPPORTED
    [low] = [each for each in found.findings if each.cause == RATE_TOO_LOW]
    assert next(signal.value for signal in low.signals if signal.name == "amount_ratio") is None


def test_a_higher_rate_than_the_last_retrainings_is_a_suspect() -> None:
    found = diagnosed(own("retrain", 0.3, "the served model b"), own("retrain", 0.01, "the served model a"))
    [rate] = [each for each in found.findings if each.cause == RATE_TOO_HIGH]
    assert any(signal.name == "rate_ratio" and signal.supports for signal in rate.signals)
    assert "30 times the 0.01" in " ".join(signal.sentence for signal in rate.signals)


def test_augmentation_that_is_gone_is_a_suspect() -> None:
    after = own("retrain", 0.01, "the served model b", augmentations=())
    found = diagnosed(after, own("retrain", 0.01, "the served model a"))
    [augmentation] = [each for each in found.findings if each.cause == AUGMENTATION]
    assert any(signal.supports for signal in augmentation.signals)
