"""What configurations, logs and data of two trainings say of each cause, and what they do not."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from ratchet.components.diagnosis.plans.pair import OtherTraining
from ratchet.schemas.artifacts.diagnosis import (
    ANNOTATION,
    AUGMENTATION,
    EVALUATION_SET,
    FORGETTING,
    NOTHING,
    OVERFITTING,
    PIPELINE,
    RATE_TOO_HIGH,
    RATE_TOO_LOW,
    UNKNOWN,
    CauseState,
    DiagnosisState,
)
from ratchet.schemas.data.training_data import DataFacts
from ratchet.schemas.data.training_plan import RateSchedule, TrainingPlan
from tests.components.diagnosis.plans.pairs import (
    CROP,
    MIRROR,
    RESULT,
    curves,
    diagnosed,
    falling,
    finding_of,
    no_results,
    pair,
    plan,
    results,
    set_facts,
    share,
)

HIGH = plan(peak=0.1)
THROWN_OFF = curves(
    ((0.0, 1.0), (20.0, 3.0), (40.0, 3.0), (60.0, 2.0), *((80.0 + 20 * step, 1.0) for step in range(40))),
    validation_map=((0.0, 0.49), (250.0, 0.2), (500.0, 0.3), (1000.0, 0.40)),
)


def test_configurations_alone_name_no_cause() -> None:
    found = diagnosed(no_results(pair(plan(), HIGH)))
    assert found.cause.state is DiagnosisState.UNKNOWN
    assert "2.5 times the 0.04" in found.cause.sentence
    assert "--gt, --before and --after" in found.cause.action
    assert finding_of(found, RATE_TOO_HIGH).state is CauseState.OPEN


def test_a_higher_rate_that_threw_the_model_off_is_named_by_logs() -> None:
    found = diagnosed(no_results(pair(plan(), HIGH, (curves(), THROWN_OFF))))
    assert found.cause.title == f"{RATE_TOO_HIGH}:peak"
    assert found.cause.action == "learning_rate_base: 0.1 -> 0.04"


def test_a_fall_in_result_files_without_a_log_leaves_the_rate_a_suspect() -> None:
    found = diagnosed(results(pair(plan(), HIGH)))
    assert found.cause.name == UNKNOWN
    assert finding_of(found, RATE_TOO_HIGH).state is CauseState.OPEN


def test_the_only_change_is_named_where_data_and_settings_are_known_to_be_as_before() -> None:
    data = DataFacts(set_facts(), set_facts())
    found = diagnosed(results(pair(plan(), HIGH, data=data), data_known=True))
    assert found.cause.name == RATE_TOO_HIGH
    two = plan(peak=0.1, augmentations=())
    assert diagnosed(results(pair(plan(), two, data=data), data_known=True)).cause.name == UNKNOWN


def test_the_first_peak_on_decayed_weights_is_a_rate_too_high() -> None:
    again = plan(starts_from=RESULT)
    jumped = curves(falling(1.2, 0.6), validation_map=((250.0, 0.30), (500.0, 0.35), (1000.0, 0.40)))
    found = diagnosed(no_results(pair(plan(), again, (curves(), jumped))))
    assert found.cause.title == f"{RATE_TOO_HIGH}:restarted"
    assert found.cause.action.startswith("learning_rate_base: 0.04 -> 0.004")
    same_start = diagnosed(no_results(pair(plan(), plan(), (curves(), jumped))))
    assert finding_of(same_start, RATE_TOO_HIGH).state is CauseState.REFUTED


def test_a_peak_that_a_warm_up_puts_off_dips_after_the_first_validation() -> None:
    late = curves(falling(0.7, 0.6), validation_map=((1.0, 0.46), (2.0, 0.35), (3.0, 0.33), (20.0, 0.42)))
    late = dataclasses.replace(late, unit="epoch")
    before, again = plan(epochs=100.0), plan(starts_from=RESULT, epochs=20.0)
    found = diagnosed(no_results(pair(before, again, (curves(), late))))
    assert found.cause.title == f"{RATE_TOO_HIGH}:restarted"
    assert finding_of(found, RATE_TOO_LOW).state is CauseState.REFUTED  # weights that had learned lack no passes


def test_a_rate_is_advised_in_the_value_of_its_setting() -> None:
    def with_warm_up(**fields: Any) -> TrainingPlan:
        rate = RateSchedule("linear", ((0.0, 0.0), (0.03, 0.0097), (1.0, 0.0001)))
        given = {"toolkit": "Ultralytics", "rate": rate, "settings": {"lr0": "0.01"}, "named": {"rate.peak": "lr0"}}
        return plan(**{**given, **fields})

    once = pair(with_warm_up(), with_warm_up(starts_from=RESULT))
    action = finding_of(diagnosed(no_results(once)), RATE_TOO_HIGH).action
    assert action.startswith("lr0: 0.01 -> 0.001;")
    chosen = pair(with_warm_up(), with_warm_up(starts_from=RESULT, optimizer="auto"))
    assert "optimizer: auto leaves lr0 unused" in finding_of(diagnosed(no_results(chosen)), RATE_TOO_HIGH).action


def test_a_rate_that_stayed_while_the_batch_shrank_is_advised_with_both_ways_back() -> None:
    named = {"rate.peak": "optimizer.lr", "batch_size": "samples_per_gpu"}
    smaller = pair(plan(named=named), plan(batch_size=2.0, named=named))
    finding = finding_of(diagnosed(no_results(smaller)), RATE_TOO_HIGH)
    assert finding.action == "optimizer.lr: 0.04 -> 0.005, or samples_per_gpu: 2 -> 16"
    assert "0.04 for batches of 2, and 0.04 for batches of 16" in finding.sentence
    scaled = pair(plan(named=named), plan(batch_size=2.0, named=named, scales_rate=True))
    assert finding_of(diagnosed(no_results(scaled)), RATE_TOO_HIGH).state is CauseState.REFUTED


def test_going_on_with_another_data_file_is_a_suspect_for_forgetting_and_leaves_overfitting_untested() -> None:
    def first(**fields: Any) -> TrainingPlan:
        return plan(**{"images": None, "epochs": 100.0, "train_data": ("data1.yaml",), **fields})

    found = diagnosed(no_results(pair(first(), first(starts_from=RESULT, train_data=("data2.yaml",)))))
    forgot = finding_of(found, FORGETTING)
    assert forgot.state is CauseState.OPEN
    assert any("data1.yaml -> data2.yaml" in signal.sentence for signal in forgot.signals)
    assert finding_of(found, OVERFITTING).state is CauseState.NOT_TESTABLE
    same = diagnosed(no_results(pair(first(), first(starts_from=RESULT))))
    assert finding_of(same, FORGETTING).state is CauseState.NOT_TESTABLE
    assert finding_of(same, OVERFITTING).state is CauseState.REFUTED


def test_a_log_in_which_loss_and_map_part_is_told_without_a_suspect() -> None:
    parted = curves(falling(2.0, 0.2), validation_map=((100.0, 0.3), (500.0, 0.2), (1000.0, 0.1)))
    found = diagnosed(no_results(pair(logs=(None, parted))))
    assert found.cause.name == UNKNOWN
    assert "suspect" not in found.cause.sentence
    assert found.cause.evidence[0].startswith("mAP on validation images went from 0.3")
    twice = diagnosed(no_results(pair(plan(), plan(), (None, parted))))
    assert twice.cause.evidence[0].startswith("In the log of the training after: mAP on validation images went")


def test_the_other_half_of_a_pair_is_asked_for() -> None:
    assert "give --config-before, to compare" in diagnosed(no_results(pair(None, plan()))).cause.action
    assert "give --logs-after, to compare" in diagnosed(no_results(pair(logs=(curves(), None)))).cause.action
    assert "to compare" not in diagnosed(no_results(pair(plan(), plan()))).cause.action


def test_what_changed_and_is_no_suspect_is_told() -> None:
    scaled = pair(plan(), plan(batch_size=8.0, scales_rate=True, steps=2000.0))
    assert "16 -> 8" in diagnosed(no_results(scaled)).cause.sentence


def test_a_loss_that_is_no_number_with_a_higher_rate_is_sure() -> None:
    lost = curves(falling(2.0, 4.0), diverged_at=420.0, validation_map=((250.0, 0.1), (500.0, 0.0)))
    found = diagnosed(no_results(pair(plan(), HIGH, (curves(), lost))))
    finding = finding_of(found, RATE_TOO_HIGH)
    assert found.cause.name == RATE_TOO_HIGH
    assert finding.probability >= 0.95
    assert "step 420" in finding.sentence


@pytest.mark.parametrize("steps", [100.0, 1000.0])
def test_a_tenth_of_the_steps_is_too_short(steps: float) -> None:
    rising = curves(falling(2.0, 1.6), validation_map=((20.0, 0.1), (50.0, 0.2), (100.0, 0.3)))
    finding = finding_of(diagnosed(no_results(pair(plan(), plan(steps=steps), (curves(), rising)))), RATE_TOO_LOW)
    assert (finding.state is CauseState.SUPPORTED) is (steps == 100.0)
    if steps == 100.0:
        assert finding.detail == "steps"
        assert finding.action == "num_steps: 100 -> 1000"


def test_few_images_seen_often_are_learned_by_heart() -> None:
    data = DataFacts(set_facts(), set_facts(20))
    by_heart = curves(falling(2.0, 0.01), validation_map=((100.0, 0.45), (500.0, 0.40), (1000.0, 0.30)))
    after = plan(images=None)
    found = diagnosed(no_results(pair(plan(), after, (curves(), by_heart), data)))
    assert found.cause.title == f"{OVERFITTING}:few_images"
    assert "on falling" in " ".join(found.cause.evidence)


def test_a_loss_that_falls_while_map_falls_needs_a_suspect() -> None:
    parted = curves(falling(2.0, 0.4), validation_map=((100.0, 0.45), (500.0, 0.40), (1000.0, 0.30)))
    finding = finding_of(diagnosed(no_results(pair(plan(), plan(), (curves(), parted)))), OVERFITTING)
    assert finding.state is CauseState.REFUTED


def test_an_augmentation_that_is_gone_is_named_with_a_loss_that_fell_lower() -> None:
    after = plan(augmentations=(CROP,))
    lower = curves(falling(2.0, 0.3), validation_map=((250.0, 0.3), (500.0, 0.40), (1000.0, 0.40)))
    found = diagnosed(no_results(pair(plan(), after, (curves(), lower))))
    assert found.cause.title == f"{AUGMENTATION}:missing"
    assert found.cause.action == "data_augmentation_options: add random_horizontal_flip again."
    without_log = diagnosed(no_results(pair(plan(), after)))
    assert without_log.cause.name == UNKNOWN
    assert "random_horizontal_flip" in without_log.cause.sentence


def test_the_same_augmentation_is_ruled_out() -> None:
    assert finding_of(diagnosed(no_results(pair(plan(), plan()))), AUGMENTATION).state is CauseState.REFUTED
    unknown = pair(plan(augmentations=None), plan(augmentations=(MIRROR,)))
    assert finding_of(diagnosed(no_results(unknown)), AUGMENTATION).state is CauseState.NOT_TESTABLE


def test_classes_that_the_new_labels_lack_are_a_suspect_for_forgetting() -> None:
    data = DataFacts(set_facts(2000, cat=2000, dog=2000), set_facts(300, cat=400, dog=0))
    found = diagnosed(no_results(pair(plan(), plan(starts_from=RESULT), data=data)))
    finding = finding_of(found, FORGETTING)
    assert finding.detail == "classes"
    assert "dog" in finding.sentence
    assert finding.state is CauseState.OPEN
    assert found.cause.name == UNKNOWN


def test_new_images_alone_from_old_weights_are_a_suspect_for_forgetting() -> None:
    data = DataFacts(set_facts(), set_facts(300), after_in_before=share(0, 300))
    going_on = finding_of(diagnosed(no_results(pair(plan(), plan(starts_from=RESULT), data=data))), FORGETTING)
    assert going_on.detail == "replay"
    assert any(signal.supports for signal in going_on.signals)
    mixed = DataFacts(set_facts(), set_facts(300), after_in_before=share(150, 300))
    kept = finding_of(diagnosed(no_results(pair(plan(), plan(starts_from=RESULT), data=mixed))), FORGETTING)
    assert kept.state is CauseState.REFUTED


def test_a_matcher_threshold_is_named_only_where_nothing_else_changed() -> None:
    before, after = plan(matching={"matched_threshold": "0.5"}), plan(matching={"matched_threshold": "0.7"})
    data = DataFacts(set_facts(), set_facts())
    found = diagnosed(results(pair(before, after, data=data), data_known=True))
    assert found.cause.title == f"{PIPELINE}:matching"
    assert "0.7 -> 0.5" in found.cause.action
    assert diagnosed(results(pair(before, after))).cause.name == UNKNOWN


def test_labels_of_the_models_own_are_told() -> None:
    data = DataFacts(set_facts(), set_facts(), labels_by_model=0.8)
    finding = finding_of(diagnosed(no_results(pair(plan(), plan(), data=data))), ANNOTATION, "own_labels")
    assert "80 %" in finding.sentence
    assert "person" in finding.action
    few = DataFacts(set_facts(), set_facts(), labels_by_model=0.1)
    found = diagnosed(no_results(pair(plan(), plan(), data=few)))
    assert not [each for each in found.findings if each.detail == "own_labels"]


def test_a_golden_set_that_the_model_labelled_is_a_flawed_evaluation() -> None:
    data = DataFacts(golden=set_facts(200), golden_labels_by_model=0.9)
    found = diagnosed(results(pair(plan(), plan(), data=data)))
    assert found.cause.title == f"{EVALUATION_SET}:broken_metric"
    assert "90 %" in found.cause.sentence


def test_logs_of_other_validation_images_cannot_be_compared() -> None:
    lower = curves(validation_map=((250.0, 0.2), (500.0, 0.25), (1000.0, 0.301)))
    found = diagnosed(no_results(pair(plan(), plan(eval_data=("val2.record",)), (curves(), lower))))
    assert found.cause.title == f"{EVALUATION_SET}:exchanged"
    measured = diagnosed(results(pair(plan(), plan(eval_data=("val2.record",)), (curves(), lower))))
    assert measured.cause.name != EVALUATION_SET


def test_validation_on_the_training_images_is_no_evaluation() -> None:
    after = plan(eval_data=("train.record",), train_data=("train.record",))
    found = diagnosed(no_results(pair(plan(eval_data=("train.record",)), after)))
    assert found.cause.title == f"{EVALUATION_SET}:leak"


@pytest.mark.parametrize("values", [(0.5, 0.5, 0.5, 0.5, 0.5), (0.5, 0.55, 0.6, 0.62, 0.4)])
def test_map_that_was_typed_is_no_measurement(values: tuple[float, ...]) -> None:
    typed = curves(validation_map=tuple((100.0 * place, value) for place, value in enumerate(values)))
    found = diagnosed(no_results(pair(plan(), HIGH, (curves(), typed))))
    assert found.cause.title == f"{EVALUATION_SET}:broken_metric"


def test_nothing_is_explained_where_logs_show_no_fall() -> None:
    found = diagnosed(no_results(pair(plan(), HIGH, (curves(), curves()))))
    assert found.cause.name == NOTHING


def test_without_anything_everything_is_untested() -> None:
    found = diagnosed(no_results(pair()))
    assert found.cause.name == UNKNOWN
    assert {each.state for each in found.findings} == {CauseState.NOT_TESTABLE}
    assert all(
        "give --" in each.action
        for each in found.findings
        if each.cause not in (EVALUATION_SET, ANNOTATION, "dataset_shift")
    )


def test_rates_are_compared_for_as_large_a_batch() -> None:
    smaller = pair(plan(), plan(peak=0.04, batch_size=4.0))
    assert smaller.peak == pytest.approx(4.0)
    gathered = dataclasses.replace(
        smaller, after=OtherTraining(dataclasses.replace(plan(batch_size=4.0), toolkit="Ultralytics"))
    )
    assert gathered.peak == pytest.approx(1.0)


def test_a_rate_that_does_not_decay_is_told_by_its_mean() -> None:
    flat = plan(rate=RateSchedule("constant", ((0.0, 0.04), (1.0, 0.04)), 0))
    finding = finding_of(diagnosed(no_results(pair(plan(), flat, (curves(), THROWN_OFF)))), RATE_TOO_HIGH)
    assert finding.detail == "no_decay"
    assert finding.state is CauseState.SUPPORTED
