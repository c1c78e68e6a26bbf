"""How the first model after an adoption is trained, beside what its toolkit's configuration says of the adopted one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ratchet.components.toolkits.read_plan import read_plan
from ratchet.components.trainer.policy import NewSpan, TrainingPlan, plan_training
from ratchet.components.trainer.settings import TrainerSettings
from ratchet.schemas.artifacts.adoption import Adoption
from ratchet.schemas.base.errors import ConfigError
from ratchet.schemas.base.settings import load
from ratchet.schemas.data import training_plan
from tests.builders import trained_data

PIPELINE = """
model { ssd { num_classes: 2 image_resizer { fixed_shape_resizer { height: 320 width: 320 } } } }
train_config {
  batch_size: 32
  num_steps: 20000
  optimizer {
    momentum_optimizer {
      learning_rate { cosine_decay_learning_rate { learning_rate_base: 0.04 total_steps: 20000 warmup_steps: 500
        warmup_learning_rate: 0.01 } }
      momentum_optimizer_value: 0.9
    }
  }
  data_augmentation_options { random_horizontal_flip { } }
  data_augmentation_options { AUGMENTED { } }
}
"""
SGD = {"optimizer": "sgd", "batch_size": 32}


def adopted(tmp_path: Path, augmented: str = "random_crop_image", **fields: Any) -> Adoption:
    config = tmp_path / "pipeline.config"
    config.write_text(PIPELINE.replace("AUGMENTED", augmented))
    return without_plan(plan=read_plan(config), **fields)


def without_plan(**fields: Any) -> Adoption:
    whole = {
        "at": "2026-03-01T12:00:00+00:00",
        "by": "Ada",
        "reason": "it works",
        "source": "/models/old",
        "source_digest": "0" * 64,
        "kind": "tf-object-detection",
        "signature": "serving_default",
        "class_names": ("dog", "cat"),
    }
    return Adoption(**whole | fields)


def plan_of(
    adoption: Adoption,
    augmentation: str = "flip-scale-v1",
    names: tuple[str, ...] = ("cat", "dog"),
    boxes: dict[str, int] | None = None,
    peak: float = 0.04,
    **training: Any,
) -> TrainingPlan:
    values = {"augmentation": augmentation, "training": {**SGD, "bootstrap": {"peak_learning_rate": peak}, **training}}
    new = trained_data(span=2, digest="new", images=100, class_names=names)
    counts = dict.fromkeys(names, 50) if boxes is None else boxes
    return plan_training(load(TrainerSettings, values, "x.yaml"), NewSpan(new, counts), adoption)


def test_a_first_model_is_trained_with_the_adopted_ones_labels_and_new_classes_behind_them(tmp_path: Path) -> None:
    plan = plan_of(adopted(tmp_path), names=("bird", "cat", "dog"))
    assert plan.mode == "bootstrap"
    assert plan.class_names == ("dog", "cat", "bird")
    assert [data.span for data in plan.data] == [2]
    assert (plan.replayed, plan.continual.l2_sp) == ((), 0)
    assert plan.has_baseline


def test_a_class_of_the_adopted_model_must_be_there_and_have_boxes(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="the served model knows 'cat', which span 2 does not have"):
        plan_of(adopted(tmp_path), names=("dog",))
    with pytest.raises(ConfigError, match=r"class 'cat' has no box .* trained anew, and would not know the class"):
        plan_of(adopted(tmp_path), boxes={"dog": 4})


def test_of_a_model_that_came_without_a_configuration_nothing_is_compared_and_that_is_said() -> None:
    plan = plan_of(without_plan(), "none-v1", peak=1.0)
    [told] = plan.declared_changes
    assert told.startswith("trained anew: the served model was adopted, and nothing is known of how it was trained")


def test_where_it_starts_from_a_checkpoint_that_is_said_instead(tmp_path: Path) -> None:
    for adoption in (without_plan(), adopted(tmp_path)):
        plan = plan_of(adoption, init_checkpoint="old/ckpt-7")
        assert plan.declared_changes[0].startswith("trained from old/ckpt-7: the served model was adopted")
        assert (plan.mode, plan.freeze_batch_norm) == ("bootstrap", True)


def test_a_training_like_the_adopted_models_only_says_that_it_is_one_anew(tmp_path: Path) -> None:
    [told] = plan_of(adopted(tmp_path)).declared_changes
    assert told.startswith("trained anew: the served model was adopted; by ")
    assert told.endswith("it was trained with TF Object Detection API")


@pytest.mark.parametrize(
    ("batch_size", "peak", "most"),
    [(32, 0.1, "0.04"), (32, 0.0401, "0.04"), (8, 0.02, "0.01"), (64, 0.09, "0.08")],
)
def test_a_rate_above_the_adopted_models_for_as_large_a_batch_is_refused(
    tmp_path: Path, batch_size: int, peak: float, most: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        plan_of(adopted(tmp_path), peak=peak, batch_size=batch_size)
    told = str(caught.value)
    assert told.startswith(f"training.bootstrap.peak_learning_rate = {peak:g}: the adopted model was trained with 0.04")
    assert "train_config.optimizer.momentum_optimizer.learning_rate" in told
    assert f"at most {most}, or declare the change with training.allow: [learning_rate]" in told
    plan = plan_of(adopted(tmp_path), peak=peak, batch_size=batch_size, allow=["learning_rate"])
    assert any(change.startswith("learning_rate: peak 0.04") for change in plan.declared_changes)
    plan_of(adopted(tmp_path), peak=float(most), batch_size=batch_size)


def test_rates_of_another_optimizer_are_not_compared_and_that_is_said(tmp_path: Path) -> None:
    changes = plan_of(adopted(tmp_path), peak=1.0, optimizer="adam").declared_changes
    assert "optimizer: momentum -> adam, whose rates are not alike, so that they were not compared" in changes


def test_an_augmentation_that_is_gone_is_refused_and_the_policy_that_has_it_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        plan_of(adopted(tmp_path), "light-v1")
    told = str(caught.value)
    assert told.startswith("augmentation = 'light-v1': the adopted model was trained with random_horizontal_flip")
    assert "random_crop_image (crop), which are gone" in told
    assert "set augmentation: flip-scale-v1, or declare the change with training.allow: [augmentation]" in told
    changes = plan_of(adopted(tmp_path), "light-v1", allow=["augmentation"]).declared_changes
    assert any("random_crop_image (crop) of the adopted model's training are gone" in change for change in changes)


def test_an_augmentation_that_no_policy_has_can_only_be_declared(tmp_path: Path) -> None:
    blurred = training_plan.Augmentation("random_jpeg_quality", training_plan.Kind.BLUR)
    plan = training_plan.TrainingPlan("tf-models", "params.yaml", augmentations=(blurred,))
    with pytest.raises(ConfigError, match=r"no policy of Ratchet's does all of it, or declare the change"):
        plan_of(without_plan(plan=plan), "flip-scale-v1")


def test_more_augmentation_than_before_and_one_of_no_known_kind_are_no_loss(tmp_path: Path) -> None:
    odd = training_plan.Augmentation("random_jitter_boxes", training_plan.Kind.OTHER)
    plan = training_plan.TrainingPlan("tf-models", "params.yaml", augmentations=(odd,))
    assert len(plan_of(without_plan(plan=plan), "flip-scale-randaugment-v1").declared_changes) == 1
    unsaid = training_plan.TrainingPlan("tf-models", "params.yaml")
    assert len(plan_of(without_plan(plan=unsaid), "none-v1").declared_changes) == 1
