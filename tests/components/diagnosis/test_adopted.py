"""Why mAP fell from an adopted model, of whose training there is no record but, maybe, its toolkit's configuration."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ratchet.components.diagnosis.reading import RunPlaces, diagnosis_at, read_bundle
from ratchet.schemas.artifacts.adoption import ADOPTION_FILE, ADOPTION_FORMAT, Adoption
from ratchet.schemas.artifacts.decisions import Verdict
from ratchet.schemas.artifacts.diagnosis import (
    AUGMENTATION,
    FORGETTING,
    NOTHING,
    PIPELINE,
    RATE_TOO_HIGH,
    RATE_TOO_LOW,
    UNKNOWN,
    CauseState,
    Diagnosis,
    DiagnosisState,
)
from ratchet.schemas.artifacts.training_dynamics import Diverged
from ratchet.schemas.artifacts.training_record import (
    RECORD_FILE,
    LearningRateRecord,
    NumericsRecord,
    TrainingRecord,
)
from ratchet.schemas.base.files import LOCAL_FILES
from tests.components.diagnosis.bundles import bootstrapped, bundle
from tests.components.diagnosis.written import write_run
from tests.components.trainer.test_adopted import adopted, without_plan

FELL = {"golden": -0.2, "held_out": -0.2, "train_sample": -0.2}


def first_model(peak: float = 0.04, augmentation: str = "flip-scale-v1", **fields: Any) -> TrainingRecord:
    """A first model, trained from random weights with the optimizer and the batch of the adopted one."""
    whole = {
        "learning_rate": LearningRateRecord(peak, peak, 250, 0.05 * peak, 0.02 * peak),
        "numerics": NumericsRecord(optimizer="sgd", momentum=0.9),
        "batch_size": 32,
        "augmentation": augmentation,
        "init_checkpoint": None,
        **dict.fromkeys(("planned_steps", "steps", "best_step"), 20_000),
    }
    return bootstrapped(**whole | fields)


def written(directory: Path, adoption: Adoption, record: TrainingRecord, **parts: Any) -> RunPlaces:
    """The records of a run from an adopted baseline: nothing was compared with its training data."""
    places = write_run(bundle(candidate=record, comparisons=(), **parts), directory)
    (directory / "baseline" / RECORD_FILE).unlink()
    (directory / "baseline" / ADOPTION_FILE).write_text(ADOPTION_FORMAT.write(adoption))
    return places


def found(directory: Path, adoption: Adoption, record: TrainingRecord, **parts: Any) -> Diagnosis:
    return diagnosis_at(written(directory, adoption, record, **{"deltas": FELL, **parts}), LOCAL_FILES)


def told(diagnosis: Diagnosis) -> str:
    """All that a person reads."""
    cause = diagnosis.cause
    parts = [cause.sentence, cause.action, *cause.evidence]
    for each in diagnosis.findings:
        parts += [each.sentence, each.action, *(signal.sentence for signal in each.signals)]
    return "\n".join(parts)


def test_an_augmentation_of_the_adopted_model_that_is_gone_is_named(tmp_path: Path) -> None:
    diagnosis = found(tmp_path, adopted(tmp_path), first_model(augmentation="none-v1"))
    assert (diagnosis.cause.name, diagnosis.cause.state) == (AUGMENTATION, DiagnosisState.NAMED)
    assert "without random_horizontal_flip, random_crop_image" in diagnosis.cause.sentence


def test_a_scale_stands_for_the_crop_that_another_toolkit_has(tmp_path: Path) -> None:
    diagnosis = found(tmp_path, adopted(tmp_path), first_model())
    [finding] = [each for each in diagnosis.findings if each.cause == AUGMENTATION]
    assert finding.state is CauseState.REFUTED


def test_a_training_that_was_lost_at_a_higher_rate_than_the_adopted_ones_names_rate_and_setting(tmp_path: Path) -> None:
    lost = Diverged(40, "the loss was no number", 0.1, None, None)
    diagnosis = found(tmp_path, adopted(tmp_path), first_model(peak=0.1, diverged=lost))
    assert diagnosis.cause.name == RATE_TOO_HIGH
    assert "2.5 times the 0.04 of the adopted model's training" in diagnosis.cause.sentence
    assert diagnosis.cause.action.startswith("training.bootstrap.peak_learning_rate: 0.1 -> 0.04")


def test_a_training_that_saw_far_fewer_images_than_the_adopted_ones_was_too_short(tmp_path: Path) -> None:
    diagnosis = found(tmp_path, adopted(tmp_path), first_model(planned_steps=1000, steps=1000, best_step=1000))
    assert (diagnosis.cause.name, diagnosis.cause.detail) == (RATE_TOO_LOW, "steps")
    assert "32,000 images, each time counted, and the adopted model on 640,000" in diagnosis.cause.sentence
    assert diagnosis.cause.action.startswith("training.bootstrap.steps: 1000 -> 20000")


def test_settings_of_another_toolkit_are_told_and_never_the_cause(tmp_path: Path) -> None:
    diagnosis = found(tmp_path, adopted(tmp_path), first_model(model={"input_size": [128, 128]}))
    [finding] = [each for each in diagnosis.findings if each.cause == PIPELINE]
    assert finding.state is CauseState.OPEN
    assert "320x320 -> 128x128" in finding.sentence


@pytest.mark.parametrize("has_plan", [True, False])
def test_it_can_have_forgotten_nothing_of_a_model_that_it_did_not_start_from(tmp_path: Path, has_plan: bool) -> None:
    adoption = adopted(tmp_path) if has_plan else without_plan()
    record = first_model(init_checkpoint="gs://models/old/ckpt-8")
    [finding] = [each for each in found(tmp_path, adoption, record).findings if each.cause == FORGETTING]
    assert finding.state is CauseState.REFUTED
    assert "did not start from the served model" in finding.sentence


def test_without_a_configuration_nothing_is_made_of_a_comparison(tmp_path: Path) -> None:
    diagnosis = found(tmp_path, without_plan(), first_model(peak=1.0, augmentation="none-v1"))
    assert diagnosis.cause.name == UNKNOWN
    states = {each.cause: each for each in diagnosis.findings}
    for cause in (RATE_TOO_HIGH, RATE_TOO_LOW, AUGMENTATION, PIPELINE):
        assert states[cause].state is CauseState.NOT_TESTABLE
        assert "how it was trained is not known" in states[cause].sentence
        assert "`ratchet explain`" in states[cause].action


def test_a_loss_that_rose_is_told_beside_a_rate_that_is_not_known(tmp_path: Path) -> None:
    record = first_model(peak=0.008, loss_curve=tuple(enumerate((1.5, 4.0, 8.0, 2.0, 1.5))))
    [finding] = [each for each in found(tmp_path, without_plan(), record).findings if each.cause == RATE_TOO_HIGH]
    assert finding.state is CauseState.OPEN
    assert "was 0.008, and that of the adopted model's training is not known; that it threw" in finding.sentence
    assert finding.action == "Lower training.bootstrap.peak_learning_rate."


@pytest.mark.parametrize("has_plan", [True, False])
def test_no_sentence_speaks_of_a_training_before_or_of_options_that_a_run_has_not(
    tmp_path: Path, has_plan: bool
) -> None:
    adoption = adopted(tmp_path) if has_plan else without_plan()
    text = told(found(tmp_path, adoption, first_model(peak=0.1)))
    assert "raining before" not in text
    for line in text.splitlines():
        assert "--" not in line or "`ratchet explain`" in line
    assert "Serve a model of this version" not in text


def test_a_candidate_that_is_no_worse_than_the_adopted_model_needs_no_explanation(tmp_path: Path) -> None:
    deltas = dict.fromkeys(FELL, 0.1)
    diagnosis = found(tmp_path, without_plan(), first_model(), deltas=deltas, verdict=Verdict.PUSHED)
    assert diagnosis.cause.name == NOTHING
    assert diagnosis.cause.state is DiagnosisState.NOTHING


def test_of_a_rejected_span_there_is_what_the_data_gate_wrote(tmp_path: Path) -> None:
    places = written(tmp_path, without_plan(), first_model())
    bundle_of_span = read_bundle(RunPlaces(places.decision, baseline=places.baseline), LOCAL_FILES)
    assert bundle_of_span.is_adopted
    assert (bundle_of_span.baseline, bundle_of_span.plans) == (None, None)
    diagnosis = diagnosis_at(RunPlaces(places.decision, baseline=places.baseline), LOCAL_FILES)
    assert diagnosis.cause.state is not DiagnosisState.FAILED
    assert "Serve a model of this version" not in told(diagnosis)
