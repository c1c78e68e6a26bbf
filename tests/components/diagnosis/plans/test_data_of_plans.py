"""Images and labels of two trainings of any toolkit: what the first model cannot judge, and what is left over."""

from __future__ import annotations

import dataclasses

import pytest

from ratchet.components.diagnosis.bundle import Bundle
from ratchet.components.diagnosis.plans.sight import within_sight
from ratchet.schemas.artifacts.data_evidence import DataEvidence, LabelEvidence
from ratchet.schemas.artifacts.diagnosis import (
    ANNOTATION,
    DATASET_SHIFT,
    EVALUATION_SET,
    FORGETTING,
    PIPELINE,
    RATE_TOO_HIGH,
    CauseState,
)
from ratchet.schemas.data.features import QA_BOX_LOG_AREA, QA_BRIGHTNESS, QA_NUM_BOXES
from ratchet.schemas.data.training_data import DataFacts
from tests.components.diagnosis.bundles import comparison, data_set, evaluation_of, label_evidence, label_measure
from tests.components.diagnosis.plans.pairs import (
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
)

DARK = comparison(QA_BRIGHTNESS, distance=0.6)
SEES_LESS = {"span_recall": 0.6, "golden_recall": 0.9}


def seen(labels: LabelEvidence | None, *comparisons, after=None) -> Bundle:
    made = results(pair(plan(), after or plan()))
    return dataclasses.replace(made, evidence=DataEvidence(comparisons, labels))


def on_nothing(**fields) -> LabelEvidence:
    return dataclasses.replace(label_evidence(found=label_measure("found", 0.3)), **fields)


def test_labels_of_images_that_the_model_does_not_know_are_not_judged_by_what_it_sees() -> None:
    judged = within_sight(seen(on_nothing(**SEES_LESS), DARK)).evidence.labels
    assert judged is not None
    assert judged.judged == 0


@pytest.mark.parametrize(
    ("labels", "moved"),
    [
        (on_nothing(span_recall=0.88, golden_recall=0.9), DARK),  # it knows them all the same
        (on_nothing(**SEES_LESS), comparison(QA_BRIGHTNESS, distance=0.15)),  # hardly moved
        (on_nothing(**SEES_LESS), comparison(QA_BOX_LOG_AREA, distance=0.6)),  # boxes are labels
    ],
)
def test_other_labels_are_judged(labels: LabelEvidence, moved) -> None:
    of = seen(labels, moved)
    assert within_sight(of) is of


def test_dark_images_are_named_and_not_the_labels_that_the_model_misses_in_them() -> None:
    found = diagnosed(seen(on_nothing(**SEES_LESS), DARK))
    assert found.cause.title == f"{DATASET_SHIFT}:lighting"
    assert finding_of(found, ANNOTATION).state is not CauseState.SUPPORTED


def test_other_images_are_left_over_only_where_no_setting_changed() -> None:
    alone, beside = (diagnosed(seen(None, DARK, after=after)) for after in (plan(), plan(peak=0.1)))
    assert alone.cause.title == f"{DATASET_SHIFT}:lighting"
    assert beside.cause.name != DATASET_SHIFT


def test_a_description_of_the_data_is_no_label_map() -> None:
    described = [plan(label_map=name, train_data=(name,), eval_data=(name,)) for name in ("old.yaml", "new.yaml")]
    assert _settings(*described).state is CauseState.REFUTED
    maps = [plan(label_map=name) for name in ("old.pbtxt", "new.pbtxt")]
    assert _settings(*maps).state is not CauseState.REFUTED


def _settings(before, after):
    return finding_of(diagnosed(results(pair(before, after))), PIPELINE)


@pytest.mark.parametrize("name", ["data.yaml", "tfds coco/2017"])
def test_training_and_validation_in_one_description_are_no_leak(name: str) -> None:
    described = plan(train_data=(name,), eval_data=(name,))
    found = diagnosed(no_results(pair(described, described)))
    assert not [each for each in found.findings if (each.cause, each.detail) == (EVALUATION_SET, "leak")]


def test_another_description_does_not_show_that_validation_images_are_others() -> None:
    logs = (curves(), curves(validation_map=((250.0, 0.2), (500.0, 0.25), (1000.0, 0.301))))
    before, after = (plan(train_data=(name,), eval_data=(name,)) for name in ("old.yaml", "new.yaml"))
    found = diagnosed(no_results(pair(before, after, logs)))
    assert found.cause.name != EVALUATION_SET
    assert "may have been validated" in finding_of(found, EVALUATION_SET, "exchanged").sentence


def test_typed_figures_are_known_in_single_precision() -> None:
    typed = [0.20000000298023224, 0.25, 0.30000001192092896, 0.3499999940395355, 0.4000000059604645]
    log = curves(validation_map=tuple((100.0 * place, value) for place, value in enumerate(typed)))
    found = diagnosed(no_results(pair(plan(), plan(), (curves(), log))))
    assert found.cause.title == f"{EVALUATION_SET}:broken_metric"


def test_a_rate_that_decayed_to_nothing_and_begins_again_is_told() -> None:
    jumped = curves(falling(1.2, 0.6), validation_map=((250.0, 0.30), (500.0, 0.35), (1000.0, 0.40)))
    found = diagnosed(no_results(pair(plan(final=0.0), plan(final=0.0, starts_from=RESULT), (curves(), jumped))))
    assert found.cause.title == f"{RATE_TOO_HIGH}:restarted"


def test_own_labels_are_named_where_nothing_but_labels_changed() -> None:
    data = DataFacts(set_facts(), set_facts(), labels_by_model=0.95)
    missed = label_evidence(missing=0.3)
    of = results(pair(plan(), plan(), data=data), data_known=True)
    fewer = comparison(QA_NUM_BOXES, distance=0.4)
    of = dataclasses.replace(of, evidence=DataEvidence((*of.evidence.comparisons, fewer), missed))
    assert finding_of(diagnosed(of), ANNOTATION, "own_labels").state is CauseState.SUPPORTED


def test_a_share_of_the_fall_a_little_above_all_is_no_figure_beyond_anything() -> None:
    data = DataFacts(set_facts(cat=2000, dog=2000), set_facts(cat=4000, dog=0))
    golden = data_set(-0.09, classes={"cat": 0.01, "dog": -0.2})
    of = results(pair(plan(), plan(), data=data), evaluation=evaluation_of({}, golden=golden))
    assert diagnosed(of).cause.title == f"{FORGETTING}:classes"


def test_what_puts_a_rate_back_is_what_was_set_and_not_what_a_log_reached() -> None:
    set_to = [plan(peak=rate, settings={"learning_rate_base": f"{rate:g}"}) for rate in (0.04, 0.1)]
    logged = [curves(rate=((0.0, rate), (1000.0, 0.0))) for rate in (0.039, 0.097)]
    found = diagnosed(no_results(pair(set_to[0], set_to[1], (logged[0], logged[1]))))
    assert finding_of(found, RATE_TOO_HIGH).action == "learning_rate_base: 0.1 -> 0.04"
