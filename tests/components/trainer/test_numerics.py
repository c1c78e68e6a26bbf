"""Every way to compute a step learns on digits, and a batch in parts is the batch; one process, one tiny model."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from ratchet.components.trainer.policy import NewSpan, plan_training
from ratchet.schemas.artifacts.training_record import ContinualLearningRecord, NumericsRecord
from ratchet.schemas.base.files import LOCAL_FILES
from ratchet.schemas.data.dataset import TRAIN_SPLIT
from ratchet.schemas.data.examples_artifact import ExamplesArtifact
from tests.builders import trained_data
from tests.components.trainer.spans import settings
from tests.nightly import at_night

if TYPE_CHECKING:
    from ratchet.components.trainer.learner import Learner

pytestmark = pytest.mark.tensorflow
DIGITS = tuple("0123456789")
MOMENTUM = {"optimizer": "sgd", "momentum": 0.9}
FROZEN = ContinualLearningRecord(batch_norm="frozen", l2_sp=1.0)


def plan(rate: float, **changes: Any) -> Any:
    span = NewSpan(trained_data(images=64, class_names=DIGITS), dict.fromkeys(DIGITS, 9))
    made = plan_training(settings(f"training.bootstrap.peak_learning_rate={rate}"), span, None)
    return dataclasses.replace(made, **changes)


@pytest.fixture(scope="module")
def batches(first_span: str) -> list[Any]:
    from ratchet.components.trainer.images.batches import Mixture, training_batches
    from ratchet.components.trainer.images.examples import span_of

    made = plan(0.008)
    span = span_of(ExamplesArtifact.open(first_span, LOCAL_FILES), TRAIN_SPLIT, DIGITS)
    return list(training_batches(Mixture(span, (), 0.0), made.model, made.augmentation, 8, 0).take(8))


def learner(
    rate: float = 0.008,
    continual: ContinualLearningRecord | None = None,
    average: float = 0.0,
    loss_scale: float = 2.0**15,
    **numerics: Any,
) -> Learner:
    """One of the same first weights every time."""
    import tensorflow as tf
    import tf_keras

    from ratchet.components.trainer.learner import Learner, LearnerOptions

    tf_keras.utils.set_random_seed(0)
    made = plan(rate, numerics=NumericsRecord(**numerics), continual=continual or ContinualLearningRecord())
    options = LearnerOptions(10, average=average, loss_scale=loss_scale)
    return Learner(tf.distribute.get_strategy(), made, options, lambda model: None)


def rounds(taught: Learner, batches: list[Any], count: int = 3) -> list[list[dict[str, float]]]:
    """What each step measured; a round is all batches once."""
    return [[taught.step(batch) for batch in batches] for _ in range(count)]


def mean_loss(steps: list[dict[str, float]]) -> float:
    return float(np.mean([step["total_loss"] for step in steps]))


def kernels(taught: Learner) -> float:
    """Sum of the squares of the weights that decay is for."""
    return sum(float(np.square(w.numpy()).sum()) for w in taught.model.trainable_variables if len(w.shape) > 1)


@pytest.fixture(scope="module")
def plain(batches: list[Any]) -> tuple[Learner, float]:
    """Adam in float32, and its mean loss in the last round."""
    taught = learner()
    return taught, mean_loss(rounds(taught, batches)[-1])


@pytest.mark.parametrize(
    ("rate", "numerics"),
    [
        pytest.param(0.008, {"precision": "mixed_bfloat16"}, id="bfloat16"),
        pytest.param(0.02, MOMENTUM, id="sgd"),
        at_night(0.008, {"xla": True}, id="xla"),
        at_night(0.008, {"precision": "mixed_float16"}, id="float16"),  # slow on a CPU, which has no such numbers
        at_night(0.008, {"precision": "mixed_float16", "accumulate": 2}, id="float16 in parts"),
        at_night(0.008, {"precision": "mixed_bfloat16", "xla": True, "accumulate": 4}, id="all at once"),
    ],
)
def test_each_way_learns_what_adam_in_float32_learns(
    rate: float, numerics: dict[str, Any], batches: list[Any], plain: tuple[Learner, float]
) -> None:
    taught = learner(rate, **numerics)
    first, *_, last = rounds(taught, batches)
    assert first[0]["total_loss"] == pytest.approx(1.6228, abs=2e-3)  # the same start, to half precision
    assert mean_loss(last) < 0.8 * first[0]["total_loss"]
    assert mean_loss(last) < 1.15 * plain[1]
    assert {weight.dtype for weight in taught.served_weights()} == {np.dtype("float32")}


def test_float16_leaves_out_what_overflows_and_lowers_its_scale_until_it_learns(batches: list[Any]) -> None:
    taught = learner(precision="mixed_float16", xla=True, average=0.9, loss_scale=2.0**40)
    before = taught.served_weights()
    first = taught.step(batches[0])
    assert (first["gradient_norm"], float(taught.optimizer.loss_scale)) == (np.inf, 2.0**39)
    trained = {id(weight) for weight in taught.model.trainable_variables}
    assert trained
    assert taught.distance([weight.numpy() for weight in ordered(taught)]) == 0
    steps = [step for each in rounds(taught, batches, 6) for step in each]
    assert 1 < float(taught.optimizer.loss_scale) < 2.0**32
    assert all(np.isfinite(step["total_loss"]) for step in steps)
    assert np.isfinite([step["gradient_norm"] for step in steps[-8:]]).all()
    assert mean_loss(steps[-8:]) < 0.8 * first["total_loss"]
    assert len(taught.served_weights()) == len(before)
    assert taught.distance(taught.served_weights()) > 0.01


def ordered(taught: Learner) -> list[Any]:
    from ratchet.components.trainer.model.weights import ordered_weights

    return ordered_weights(taught.model)


@pytest.fixture(scope="module")
def whole(batches: list[Any]) -> tuple[list[dict[str, float]], list[np.ndarray]]:
    """What SGD makes of two batches as a whole, with everything that counts once for a batch."""
    taught = learner(0.02, FROZEN, weight_decay=0.01, **MOMENTUM)
    return [taught.step(batch) for batch in batches[:2]], taught.served_weights()


@pytest.mark.parametrize("parts", [3, at_night(2, id="2"), at_night(8, id="8")])
def test_a_batch_in_parts_is_the_batch_where_batch_norm_is_frozen(
    parts: int, batches: list[Any], whole: tuple[list[dict[str, float]], list[np.ndarray]]
) -> None:
    taught = learner(0.02, FROZEN, weight_decay=0.01, accumulate=parts, **MOMENTUM)
    for batch, expected in zip(batches, whole[0]):
        assert taught.step(batch) == pytest.approx(expected, rel=1e-5)
    apart = [float(np.abs(a - b).max()) for a, b in zip(taught.served_weights(), whole[1], strict=True)]
    assert max(apart) < 1e-6
    assert taught.distance(taught.served_weights()) > 1e-4
    assert int(taught.optimizer.iterations) == 2  # steps, not parts


def test_the_statistics_of_batch_norm_move_as_far_in_parts_as_in_one(batches: list[Any]) -> None:
    def share_kept(parts: int) -> float:
        """Of the moving variance at the start, 1, what a step on equal images leaves of it."""
        import tensorflow as tf

        from ratchet.components.trainer.model.warm_start import norm_layers

        taught = learner(1e-9, accumulate=parts)
        same = tf.nest.map_structure(lambda values: tf.repeat(values[:1], 8, axis=0), batches[0])
        taught.step(same)
        first = norm_layers(taught.model.backbone)[0]
        return float(np.asarray(first.moving_mean).max())

    assert share_kept(4) == pytest.approx(share_kept(1), rel=1e-4)


def test_weight_decay_of_adam_shrinks_kernels_and_leaves_the_rest(
    batches: list[Any], plain: tuple[Learner, float]
) -> None:
    from ratchet.components.trainer.optimizers import decayed

    decaying = learner(weight_decay=1.0)
    start = kernels(decaying)
    last = rounds(decaying, batches)[-1]
    assert kernels(decaying) < 0.97 * kernels(plain[0])
    assert mean_loss(last) < 0.8 * 1.6228
    assert start > 0
    names = [weight.name.rpartition("/")[2] for weight in decayed(decaying.model.trainable_variables)]
    assert {name.partition(":")[0] for name in names} == {"kernel"}


def test_weight_decay_of_sgd_is_a_term_of_the_loss() -> None:
    taught, without = learner(0.02, weight_decay=0.01, **MOMENTUM), learner(0.02, **MOMENTUM)
    [penalty] = taught.model.losses
    assert float(penalty) == pytest.approx(0.01 / 2 * kernels(taught), rel=1e-5)
    assert without.model.losses == []


def test_a_killed_training_goes_on_with_the_loss_scale_that_it_had(tmp_path: Path) -> None:
    from ratchet.components.trainer.checkpoints import Checkpoints
    from ratchet.components.trainer.loop import TrainingState

    def checkpoints(loss_scale: float) -> tuple[Learner, Checkpoints]:
        made = learner(precision="mixed_float16", average=0.9, loss_scale=loss_scale)
        return made, Checkpoints(str(tmp_path / "state"), made, TrainingState())

    checkpoints(2.0**20)[1].save()
    again, its_own = checkpoints(2.0**15)
    assert its_own.restore()
    assert float(again.optimizer.loss_scale) == 2.0**20
