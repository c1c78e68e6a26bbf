"""Whatever records hold, the causes that lie in a training are examined without an error, and say sound figures."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from ratchet.components.diagnosis import augmentation, forgetting, learning_rate, overfitting, pipeline_changed
from ratchet.components.diagnosis.bundle import Bundle
from ratchet.components.diagnosis.weighing import NAMED
from ratchet.schemas.artifacts.data_evidence import LabelEvidence, LabelMeasure
from ratchet.schemas.artifacts.diagnosis import CauseFinding, CauseState, Role
from ratchet.schemas.artifacts.evaluation import DataSetEvaluation, Delta, Deltas, Evaluation, ModelScores, Support
from ratchet.schemas.artifacts.training_dynamics import BatchFigures, Curve, Dynamics, Environment, LinePoint, PartMoved
from ratchet.schemas.artifacts.training_record import (
    AskedTraining,
    ContinualLearningRecord,
    LearningRateRecord,
    TrainedData,
    TrainingRecord,
    ValidationImages,
    ValidationPoint,
)
from tests.components.diagnosis.bundles import bundle, retrained, retrained_before

EXAMINERS = (
    overfitting.examine,
    learning_rate.examine_too_high,
    learning_rate.examine_too_low,
    augmentation.examine,
    forgetting.examine,
    pipeline_changed.examine,
)
NUMBERS = st.one_of(st.floats(), st.sampled_from([0.0, 1.0, -1.0, 0.5, math.nan, math.inf, 1e-308, 1e308]))
COUNTS = st.one_of(st.integers(0, 3), st.integers(-5, 10**12))
NAMES = st.sampled_from(["cat", "dog", "camera=north", "object_size=small", "flip-v1", "none-v1", ""])


def maybe(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """It, or none."""
    return st.one_of(st.none(), strategy)


def tuples_of(strategy: st.SearchStrategy[Any], least: int = 0) -> st.SearchStrategy[tuple[Any, ...]]:
    """A few of them."""
    return st.lists(strategy, min_size=least, max_size=3).map(tuple)


def by_name(strategy: st.SearchStrategy[Any], *names: str) -> st.SearchStrategy[dict[str, Any]]:
    """A few of them, by some of the names."""
    return st.dictionaries(st.sampled_from(names), strategy, max_size=len(names))


CURVES = st.builds(Curve, NUMBERS, NUMBERS, COUNTS, NUMBERS)
POINTS = st.builds(ValidationPoint, COUNTS, NUMBERS, maybe(NUMBERS), maybe(NUMBERS))
FIGURES = st.builds(BatchFigures, COUNTS, NUMBERS, NUMBERS, maybe(NUMBERS), maybe(NUMBERS), NUMBERS, NUMBERS)
DYNAMICS = st.builds(
    Dynamics,
    losses=by_name(CURVES, "total_loss", "box_loss"),
    gradient_norm=maybe(CURVES),
    sum_of_rates=NUMBERS,
    peak_rate=NUMBERS,
    parts=by_name(st.builds(PartMoved, NUMBERS, maybe(NUMBERS)), "backbone", "head"),
    batches=maybe(FIGURES),
    augmented=maybe(FIGURES),
    line=tuples_of(st.builds(LinePoint, NUMBERS, NUMBERS, maybe(NUMBERS), maybe(NUMBERS))),
    environment=st.builds(Environment, NAMES, NAMES, by_name(NAMES, "tensorflow", "numpy"), NAMES),
)
RECORDS = st.builds(
    TrainingRecord,
    mode=st.sampled_from(["bootstrap", "retrain"]),
    data=tuples_of(st.builds(TrainedData, COUNTS, COUNTS, NAMES, COUNTS, tuples_of(NAMES), NAMES), 1),
    category_ids=st.just(()),
    model=st.just({}),
    augmentation=NAMES,
    augmentation_digest=NAMES,
    learning_rate=st.builds(LearningRateRecord, NUMBERS, NUMBERS, COUNTS, NUMBERS, NUMBERS),
    continual=st.builds(ContinualLearningRecord, NUMBERS, NUMBERS, NAMES, st.booleans()),
    planned_steps=COUNTS,
    steps=COUNTS,
    best_step=COUNTS,
    batch_size=COUNTS,
    clip_norm=NUMBERS,
    average=NUMBERS,
    seed=st.just(0),
    devices=COUNTS,
    init_checkpoint=st.none(),
    batch_norm_frozen=st.booleans(),
    baseline_digest=st.none(),
    declared_changes=tuples_of(NAMES),
    loss_curve=tuples_of(st.tuples(COUNTS, NUMBERS)),
    validation=tuples_of(POINTS),
    weight_distance=NUMBERS,
    ratchet_version=NAMES,
    asked=maybe(
        st.builds(
            AskedTraining, COUNTS, NUMBERS, NUMBERS, maybe(COUNTS), maybe(NUMBERS), maybe(COUNTS), maybe(COUNTS),
            COUNTS, COUNTS, COUNTS, COUNTS,
        )
    ),
    validation_images=maybe(st.builds(ValidationImages, COUNTS, COUNTS, COUNTS, st.booleans())),
    dynamics=maybe(DYNAMICS),
)  # fmt: skip
DELTAS = st.builds(Delta, maybe(NUMBERS), maybe(NUMBERS), maybe(NUMBERS), maybe(NUMBERS))
SUPPORT = st.builds(Support, COUNTS, COUNTS)
SCORES = st.builds(ModelScores, by_name(NUMBERS, "AP"), by_name(NUMBERS, "cat", "dog"))
SETS = st.builds(
    DataSetEvaluation,
    images=COUNTS,
    candidate=SCORES,
    baseline=maybe(SCORES),
    deltas=maybe(
        st.builds(Deltas, DELTAS, by_name(DELTAS, "cat", "dog"), by_name(DELTAS, "camera=north", "object_size=small"))
    ),
    class_support=by_name(SUPPORT, "cat", "dog"),
    slice_support=by_name(SUPPORT, "camera=north", "camera=south", "object_size=small"),
)
MEASURES = st.builds(LabelMeasure, NAMES, NAMES, NUMBERS, NUMBERS, NUMBERS, COUNTS, by_name(NUMBERS, "cat"))


@st.composite
def bundles(draw: st.DrawFn) -> Bundle:
    """Any records, sound or not."""
    sets = {"golden": draw(SETS)} | draw(by_name(SETS, "held_out", "earlier", "train_sample"))
    whole = bundle().evaluation
    assert whole is not None
    labels = draw(maybe(st.builds(LabelEvidence, tuples_of(MEASURES), NUMBERS, NUMBERS, COUNTS, NUMBERS)))
    evaluation: Evaluation | None = draw(maybe(st.just(replace(whole, data_sets=sets))))
    return bundle(candidate=draw(maybe(RECORDS)), baseline=draw(maybe(RECORDS)), labels=labels, evaluation=evaluation)


def check(finding: CauseFinding) -> None:
    """Holds what every finding promises."""
    assert 0.0 <= finding.probability <= 1.0
    assert finding.sentence
    assert bool(finding.action) == (finding.state is not CauseState.REFUTED)
    assert (finding.probability > NAMED) == (finding.state is CauseState.SUPPORTED)
    for signal in finding.signals:
        assert signal.value is None or math.isfinite(signal.value)
        assert signal.value is not None or signal.supports is None
        assert signal.sentence


@settings(
    max_examples=100,
    phases=(Phase.generate,),
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    deadline=None,
)
@given(bundles())
def test_random_records_raise_nothing_and_give_sound_findings(case: Bundle) -> None:
    for examine in EXAMINERS:
        for finding in examine(case):
            check(finding)


@pytest.mark.parametrize(
    ("candidate", "baseline"),
    [
        (retrained(), retrained_before()),
        (retrained(dynamics=None, asked=None, validation_images=None), retrained_before(dynamics=None, asked=None)),
        (retrained(images=1, steps=1, replay=0.0, new=(), old=None), retrained_before(images=1)),
    ],
)
def test_every_finding_has_a_suspect_of_which_one_vote_counts_at_most_per_change(candidate, baseline) -> None:
    for examine in EXAMINERS:
        for finding in examine(bundle(candidate=candidate, baseline=baseline)):
            check(finding)
            assert any(signal.role is Role.SUSPECT for signal in finding.signals)
