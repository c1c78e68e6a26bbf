"""Ratchet's own configurations, exports and training records as plans."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from ratchet.components.toolkits.plan_changes import plan_changes
from ratchet.components.toolkits.ratchet_plans import plan_of_record
from ratchet.components.toolkits.read_plan import plan_of_text, read_plan
from ratchet.pipeline.bench.plain_files import config_yaml
from ratchet.pipeline.config.pipeline_settings import CONFIG_DIRECTORY
from ratchet.schemas.artifacts.training_record import (
    RECORD_FILE,
    TRAINING_RECORD_FORMAT,
    ContinualLearningRecord,
    LearningRateRecord,
    NumericsRecord,
)
from ratchet.schemas.base.errors import InputError
from ratchet.schemas.data.training_plan import Kind
from tests.builders import training_record

MODEL = {
    "input_size": [128, 256],
    "backbone": {"type": "resnet", "options": {"model_id": 10}},
    "anchors": {"num_scales": 2},
    "score_threshold": 0.05,
}
RETRAINED = training_record(
    mode="retrain",
    baseline_digest="abc",
    model=MODEL,
    augmentation="flip-scale-randaugment-v1",
    learning_rate=LearningRateRecord(0.0008, 0.008, 25, 0.00004, 0.000016),
    continual=ContinualLearningRecord(replay=0.5, batch_norm="frozen", freeze_backbone=True),
)


def test_a_record_is_a_plan() -> None:
    plan = plan_of_record(RETRAINED)
    assert (plan.toolkit, plan.starts_from) == ("Ratchet", "the served model abc")
    assert (plan.batch_size, plan.steps, plan.images, plan.replay) == (16, 250, 600, 0.5)
    assert (plan.class_names, plan.classes) == (("cat", "dog"), 2)
    assert (plan.model, plan.input_size) == ("retinanet resnet model_id 10", "256x128")
    other = plan_of_record(dataclasses.replace(RETRAINED, model={**MODEL, "family": "faster_rcnn"}))
    assert other.model == "faster_rcnn resnet model_id 10"
    assert plan.frozen == ("backbone", "batch norm")
    assert plan.augmentations is not None
    assert [each.kind for each in plan.augmentations] == [Kind.MIRROR, Kind.SCALE, Kind.POLICY]
    assert plan.post_processing == {"score_threshold": "0.05"}
    assert plan.rate is not None
    assert (plan.rate.points[0][1], plan.rate.peak, plan.rate.warmup_steps) == (0.00004, pytest.approx(0.0008), 25)
    assert plan.rate.final == pytest.approx(0.000016, rel=0.05)
    assert plan.settings[plan.named["rate.peak"]] == "0.0008"
    assert (plan.optimizer, plan.weight_decay) == ("adam", 0.0)
    assert "loss_curve" not in plan.settings


def test_a_first_model_starts_from_its_checkpoint_or_from_nothing() -> None:
    assert plan_of_record(training_record()).starts_from == ""
    assert plan_of_record(training_record(init_checkpoint="resnet/ckpt-1")).starts_from == "resnet/ckpt-1"
    assert plan_of_record(training_record()).augmentations == ()


def test_a_saved_model_and_its_record_are_read(tmp_path: Path) -> None:
    file = tmp_path / RECORD_FILE
    file.parent.mkdir()
    file.write_text(TRAINING_RECORD_FORMAT.write(RETRAINED), encoding="utf-8")
    plan = read_plan(tmp_path)
    assert plan == plan_of_record(RETRAINED, str(file))
    assert read_plan(file.parent) == plan
    assert read_plan(file) == plan


def test_a_damaged_record_is_refused_by_name() -> None:
    text = TRAINING_RECORD_FORMAT.write(RETRAINED).replace('"seed"', '"sed"')
    with pytest.raises(InputError, match=r"record\.json"):
        plan_of_text(text, "record.json")


def test_an_export_says_the_same_as_its_record() -> None:
    plan, record = plan_of_text(config_yaml(RETRAINED, is_blind=True), "config.yaml"), plan_of_record(RETRAINED)
    assert plan.starts_from == "the served model"
    names = ("toolkit", "rate", "batch_size", "steps", "images", "augmentations", "input_size", "model", "replay")
    for name in (*names, "optimizer", "weight_decay"):
        assert getattr(plan, name) == getattr(record, name), name
    assert plan.settings[plan.named["rate.peak"]] == "0.0008"


def test_a_configuration_is_read_as_that_of_a_retraining() -> None:
    plan = read_plan(CONFIG_DIRECTORY / "digits.yaml")
    assert (plan.toolkit, plan.batch_size, plan.epochs, plan.input_size) == ("Ratchet", 16, 3, "128x128")
    assert plan.augmentations == ()
    assert plan.rate is not None
    assert plan.rate.points == ((0.0, pytest.approx(0.008 * 0.3)),)
    assert plan.named["rate.peak"] == "training.retrain.learning_rate_fraction"


def test_a_configuration_of_a_first_training_has_its_rate_and_steps() -> None:
    plan = plan_of_text(
        "training: {bootstrap: {peak_learning_rate: 0.01, steps: 400}}\naugmentation: flip-v1\n", "a.yaml"
    )
    assert plan.rate is not None
    assert (plan.rate.peak, plan.steps, plan.epochs) == (0.01, 400, None)
    assert plan.named["rate.peak"] == "training.bootstrap.peak_learning_rate"


def test_another_optimizer_weight_decay_and_precision_are_changes() -> None:
    numerics = NumericsRecord("mixed_bfloat16", optimizer="sgd", momentum=0.9, weight_decay=0.0001)
    found = plan_changes(plan_of_record(RETRAINED), plan_of_record(dataclasses.replace(RETRAINED, numerics=numerics)))
    told = {change.name: (change.before, change.after) for change in (*found.changes, *found.others)}
    assert told["numerics.optimizer"] == ("adam", "sgd")
    assert told["numerics.weight_decay"] == ("0", "0.0001")
    assert told["numerics.precision"] == ("float32", "mixed_bfloat16")
    texts = "training: {batch_size: 8}\n", "training: {batch_size: 8, optimizer: sgd}\n"
    before, after = (plan_of_text(text, "a.yaml") for text in texts)
    [change, *_] = plan_changes(before, after).changes
    assert (change.name, change.before, change.after) == ("training.optimizer", "adam", "sgd")
