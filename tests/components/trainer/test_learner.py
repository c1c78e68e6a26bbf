"""What holds a model to its baseline, step by step."""

from __future__ import annotations

import dataclasses
import functools
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from ratchet.components.trainer.policy import NewSpan, plan_training
from ratchet.schemas.artifacts.training_record import ContinualLearningRecord
from ratchet.schemas.base.files import LOCAL_FILES
from ratchet.schemas.data.dataset import TRAIN_SPLIT
from ratchet.schemas.data.examples_artifact import ExamplesArtifact
from tests.builders import trained_data
from tests.components.trainer.spans import settings

if TYPE_CHECKING:
    from ratchet.components.trainer.learner import Learner

pytestmark = pytest.mark.tensorflow
STEPS = 6
DIGITS = tuple("0123456789")


@pytest.fixture(scope="module")
def batches(first_span: str) -> list[Any]:
    from ratchet.components.trainer.images.batches import Mixture, training_batches
    from ratchet.components.trainer.images.examples import span_of

    the_plan = plan()
    span = span_of(ExamplesArtifact.open(first_span, LOCAL_FILES), TRAIN_SPLIT, DIGITS)
    return list(training_batches(Mixture(span, (), 0.0), the_plan.model, the_plan.augmentation, 8, 0).take(STEPS))


def plan(**changes: Any) -> Any:
    span = NewSpan(trained_data(images=64, class_names=DIGITS), dict.fromkeys(DIGITS, 9))
    return dataclasses.replace(plan_training(settings(), span, None), **changes)


def trained(batches: list[Any], average: float = 0.0, **changes: Any) -> Learner:
    import tensorflow as tf
    import tf_keras

    from ratchet.components.trainer.learner import Learner, LearnerOptions

    tf_keras.utils.set_random_seed(0)
    learner = Learner(
        tf.distribute.get_strategy(), plan(**changes), LearnerOptions(10, average=average), lambda model: None
    )
    for batch in batches:
        learner.step(batch)
    return learner


@functools.cache
def start() -> Learner:
    """Where a learner of the same seed starts."""
    return trained([])


def moved(learner: Learner, part: Any) -> float:
    """How far the weights of a part of the model are from where it started."""
    from ratchet.components.trainer.model.weights import ordered_weights

    pairs = zip(ordered_weights(part(learner.model)), ordered_weights(part(start().model)), strict=True)
    return max(float(np.abs(a.numpy() - b.numpy()).max()) for a, b in pairs)


@pytest.fixture(scope="module")
def free(batches: list[Any]) -> Learner:
    return trained(batches)


def test_without_anything_all_of_the_model_moves(free: Learner) -> None:
    assert moved(free, lambda model: model.backbone) > 0.01
    assert moved(free, lambda model: model.head) > 0.01
    assert free.distance(free.served_weights()) > 0.05


def test_the_pull_toward_the_start_shortens_the_way(batches: list[Any], free: Learner) -> None:
    pulled = trained(batches, continual=ContinualLearningRecord(l2_sp=100.0))
    assert pulled.distance(pulled.served_weights()) < 0.8 * free.distance(free.served_weights())


def test_a_frozen_backbone_stays_where_it_is(batches: list[Any]) -> None:
    learner = trained(batches, continual=ContinualLearningRecord(freeze_backbone=True))
    assert moved(learner, lambda model: model.backbone) == 0
    assert moved(learner, lambda model: model.head) > 0.01


def norm_weights(learner: Learner) -> np.ndarray:
    from ratchet.components.trainer.model.warm_start import norm_layers

    return np.concatenate([w.numpy().ravel() for layer in norm_layers(learner.model) for w in layer.weights])


def test_batch_norm_moves_slowly_or_not_at_all(batches: list[Any], free: Learner) -> None:
    def statistics(learner: Learner) -> float:
        """Distance of all moving means from 0, where they start."""
        from ratchet.components.trainer.model.warm_start import norm_layers

        return float(np.sqrt(sum(np.square(layer.moving_mean.numpy()).sum() for layer in norm_layers(learner.model))))

    slow = trained(batches, continual=ContinualLearningRecord(batch_norm="slow"))
    frozen = trained(batches, continual=ContinualLearningRecord(batch_norm="frozen"))
    assert 0 < statistics(slow) < 0.3 * statistics(free)
    assert statistics(frozen) == 0
    assert set(np.unique(norm_weights(frozen))) == {0.0, 1.0}  # scales and variances 1, offsets and means 0


def test_before_the_first_step_the_average_is_the_start() -> None:
    averaged = trained([], average=0.9)
    assert averaged.distance(averaged.served_weights()) == 0


def test_the_average_lags_behind(batches: list[Any], free: Learner) -> None:
    averaged = trained(batches, average=0.9)
    served, raw = averaged.served_weights(), free.served_weights()
    assert max(float(np.abs(a - b).max()) for a, b in zip(served, raw)) > 1e-3
    assert averaged.distance(served) < averaged.distance(raw)
