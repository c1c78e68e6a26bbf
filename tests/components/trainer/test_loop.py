from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from components.trainer.policy import AUGMENTATIONS, TrainingPlan
from schemas.errors import RatchetError
from schemas.training_record import LearningRateRecord

pytestmark = pytest.mark.tensorflow
RATE = LearningRateRecord(peak=0.1, bootstrap_peak=0.1, warmup_steps=2, warmup_start=0.005, final=0.002)
PLAN = TrainingPlan("bootstrap", 20, RATE, AUGMENTATIONS["none-v1"], False)


class Parabola:
    """Stands for a tf-models task: one weight, pulled to 3; the loss is not a number from step `broken_at` on."""

    loss = "loss"
    task_config = SimpleNamespace(train_data=SimpleNamespace(global_batch_size=1))

    def __init__(self, broken_at: int = 10**6) -> None:
        self._broken_at = broken_at

    def build_inputs(self, _: Any) -> Any:
        import tensorflow as tf

        return tf.data.Dataset.range(10**6)

    def train_step(self, step: Any, model: Any, optimizer: Any) -> dict[str, Any]:
        import tensorflow as tf

        [weight] = model.trainable_variables
        with tf.GradientTape() as tape:
            loss = tf.square(weight - 3.0)
        optimizer.apply_gradients([(tape.gradient(loss, weight), weight)])
        return {self.loss: tf.where(step >= self._broken_at, math.nan, loss)}


def one_weight(value: float) -> Any:
    import tensorflow as tf

    return SimpleNamespace(trainable_variables=[tf.Variable(tf.constant(value))])


def test_it_follows_the_plan_and_says_how_far_the_weights_moved() -> None:
    from components.trainer.loop import train

    model = one_weight(2.0)
    result = train(Parabola(), model, PLAN, clip_norm=0.0)
    end = float(model.trainable_variables[0].numpy())
    assert 2.5 < end < 3.5
    assert [step for step, _ in result.loss_curve] == list(range(20))
    assert result.loss_curve[0][1] == pytest.approx(1.0)
    assert result.loss_curve[-1][1] < 0.5
    assert result.weight_distance == pytest.approx(abs(end - 2.0) / 2.0)


def test_divergence_stops_the_run_with_step_rate_and_advice() -> None:
    from components.trainer.loop import train

    with pytest.raises(RatchetError, match=r"loss is nan at step 6 of 20, learning rate 0\.\d+; lower training"):
        train(Parabola(broken_at=5), one_weight(2.0), PLAN, clip_norm=0.0)


def test_the_record_keeps_few_points_of_a_long_curve() -> None:
    from dataclasses import replace

    from components.trainer.loop import CURVE_POINTS, train

    result = train(Parabola(), one_weight(2.0), replace(PLAN, steps=450), clip_norm=1.0)
    assert len(result.loss_curve) <= CURVE_POINTS + 1
    assert result.loss_curve[-1][0] == 449
    assert np.isfinite([loss for _, loss in result.loss_curve]).all()
