"""What is proposed can be trained: digits are learned, and models for photographs are built and take their steps."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ratchet.components.trainer.settings import TrainerSettings
from ratchet.pipeline.config.pipeline_settings import load_settings
from ratchet.pipeline.config.proposal.machine import Machine
from tests.nightly import at_night, by_night
from tests.pipeline.config.proposal.figures import GIB, GPU, LAPTOP, STREET, SURVEY, propose

pytestmark = pytest.mark.tensorflow


@by_night  # tests/e2e and the demo learn digits every time, and the other tests build what is proposed
def test_digits_are_learned_with_what_is_proposed_for_them(tmp_path: Path) -> None:
    from ratchet.components.example_gen.dataset import read_source
    from ratchet.components.trainer.job import TrainingJob, run_job
    from ratchet.pipeline.config.proposal.figures import figures_of
    from tests.components.trainer.spans import write_examples

    examples = write_examples(tmp_path, 1, 300)
    source = read_source(str(tmp_path / "span-1"))
    proposal = propose(figures_of(source.directory, source.records, source.label_map), Machine(16 * GIB, 2))
    # As proposed, but for the time of a test.
    short = ["training.bootstrap.steps=150", "training.validation.rounds=2"]
    trainer = load_settings(proposal.values, short).trainer
    trained = run_job(TrainingJob(trainer, examples, None, None, None, str(tmp_path / "checkpoints")))
    record = trained.record
    assert record.diverged is None
    best = max(point.map or 0.0 for point in record.validation)
    assert best > 0.15, record.validation


@pytest.mark.parametrize(
    ("data", "machine"),
    [
        pytest.param(STREET, LAPTOP, id="street"),
        pytest.param(SURVEY, LAPTOP, id="survey"),
        at_night(STREET, GPU, id="street on a GPU"),
    ],
)
def test_models_for_photographs_are_built_with_the_proposed_anchors_and_levels(data: Any, machine: Machine) -> None:
    from ratchet.components.trainer.model.anchor_fit import anchor_sizes_px
    from ratchet.components.trainer.model.features import anchor_boxes, check_model

    trainer: TrainerSettings = load_settings(propose(data, machine).values, ()).trainer
    model = trainer.model
    check_model(model)
    boxes = {level: np.asarray(corners) for level, corners in anchor_boxes(model).items()}
    assert sorted(map(int, boxes)) == list(range(model.min_level, model.max_level + 1))
    for level in map(int, boxes):
        rows, columns, _ = boxes[str(level)].shape
        assert (rows * 2**level, columns * 2**level) == model.input_size
        corners = boxes[str(level)][rows // 2, columns // 2].reshape(-1, 4)
        sizes = corners[:, 2:] - corners[:, :2]
        wanted = anchor_sizes_px(model.fixed_anchors, level)
        assert np.allclose(np.sort(sizes.prod(axis=1)), np.sort(wanted.prod(axis=1)), rtol=1e-3)


def test_a_model_for_photographs_takes_steps_and_its_loss_falls() -> None:
    import tensorflow as tf
    import tf_keras

    from ratchet.components.trainer.learner import Learner, LearnerOptions
    from ratchet.components.trainer.policy import NewSpan, plan_training
    from tests.builders import trained_data

    names = tuple(STREET.class_boxes)
    trainer = load_settings(propose(STREET, LAPTOP).values, ["training.batch_size=1"]).trainer
    plan = plan_training(trainer, NewSpan(trained_data(images=300, class_names=names), STREET.class_boxes), None)
    tf_keras.utils.set_random_seed(0)
    learner = Learner(
        tf.distribute.get_strategy(), plan, LearnerOptions(len(names), clip_norm=10.0), lambda model: None
    )
    batch = _one_image(trainer)
    losses = [learner.step(batch)["total_loss"] for _ in range(6)]
    assert np.isfinite(losses).all()
    assert losses[-1] < losses[0]


def _one_image(trainer: TrainerSettings) -> Any:
    """A batch of one image with two objects, as the Trainer's input has it."""
    import tensorflow as tf

    from ratchet.components.trainer.model.families import family_of

    decoded = {
        "image": tf.cast(tf.random.uniform([720, 1280, 3], 0, 255, tf.int32, seed=1), tf.uint8),
        "source_id": tf.constant("1"),
        "height": tf.constant(720, tf.int64),
        "width": tf.constant(1280, tf.int64),
        "groundtruth_classes": tf.constant([1, 2], tf.int64),
        "groundtruth_is_crowd": tf.constant([False, False]),
        "groundtruth_area": tf.constant([9.0, 9.0]),
        "groundtruth_boxes": tf.constant([[0.1, 0.1, 0.3, 0.25], [0.5, 0.6, 0.6, 0.7]]),
    }
    parsed: Any = family_of(trainer.model).parser(trainer.model)(decoded, tf.constant([0, 0], tf.int64))
    return tf.nest.map_structure(lambda value: tf.expand_dims(value, 0), parsed)
