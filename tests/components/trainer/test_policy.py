from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest

from ratchet.components.trainer.images.augmentation import AUGMENTATIONS
from ratchet.components.trainer.policy import NewSpan, TrainingPlan, plan_training, schedule
from ratchet.components.trainer.settings import TrainerSettings
from ratchet.schemas.artifacts.training_record import (
    TRAINING_RECORD_FORMAT,
    SettingChange,
    TrainingRecord,
)
from ratchet.schemas.base.errors import ConfigError
from ratchet.schemas.base.settings import load
from tests.builders import trained_data, training_record


def settings(**training: Any) -> TrainerSettings:
    return load(TrainerSettings, {"training": training}, "x.yaml")


def span(images: int = 100, boxes: dict[str, int] | None = None, **data: Any) -> NewSpan:
    new = trained_data(**{"span": 2, "digest": "new", "images": images} | data)
    return NewSpan(new, {"cat": 50, "dog": 40} if boxes is None else boxes)


def baseline(**fields: Any) -> TrainingRecord:
    model = json.loads(json.dumps(dataclasses.asdict(TrainerSettings().model)))
    whole = {"model": model, "augmentation_digest": AUGMENTATIONS["none-v1"].digest}
    return training_record(**whole | fields)


def retrained(peak: float) -> TrainingRecord:
    rate = dataclasses.replace(baseline().learning_rate, peak=peak, bootstrap_peak=0.008)
    return baseline(mode="retrain", learning_rate=rate)


def plan_with(retrain: dict[str, Any], images: int = 100, of: TrainingRecord | None = None) -> TrainingPlan:
    return plan_training(settings(retrain=retrain), span(images), of or baseline())


def test_a_first_model_is_trained_at_its_own_peak_with_nothing_to_keep() -> None:
    plan = plan_training(settings(bootstrap={"peak_learning_rate": 0.01, "steps": 300}), span(), None)
    assert (plan.mode, plan.steps, plan.learning_rate.peak) == ("bootstrap", 300, 0.01)
    assert (plan.continual.replay, plan.continual.l2_sp, plan.replayed) == (0, 0, ())


def test_retraining_takes_its_fraction_of_the_bootstrap_peak_however_often_it_was_retrained() -> None:
    plan = plan_with({"learning_rate_fraction": 0.1}, of=retrained(0.0008))
    assert plan.mode == "retrain"
    assert plan.learning_rate.peak == pytest.approx(0.0008)
    assert plan.learning_rate.bootstrap_peak == 0.008
    assert plan.declared_changes == ()


@pytest.mark.parametrize(("fraction", "reason"), [(1.0, "not below the 0.008"), (3.0, "a peak of 0.024 is not below")])
def test_a_rate_not_below_that_of_the_first_training_is_refused(fraction: float, reason: str) -> None:
    with pytest.raises(
        ConfigError, match=rf"learning_rate_fraction = {fraction:g}: .*{reason}.*allow: \[learning_rate"
    ):
        plan_with({"learning_rate_fraction": fraction})


@pytest.mark.parametrize(("fraction", "peak"), [(0.5, "0.004"), (0.11, "0.00088")])
def test_a_rate_above_that_of_the_last_retraining_is_refused(fraction: float, peak: str) -> None:
    with pytest.raises(ConfigError, match=rf"{peak} is above the 0\.0008 that it was retrained with"):
        plan_with({"learning_rate_fraction": fraction}, of=retrained(0.0008))


def test_a_declared_rate_is_taken_and_recorded() -> None:
    allowed = settings(allow=["learning_rate"], retrain={"learning_rate_fraction": 2.0})
    plan = plan_training(allowed, span(), baseline())
    assert plan.learning_rate.peak == 0.016
    assert plan.declared_changes == (
        "learning_rate: peak 0.008 -> 0.016, not below the 0.008 that its lineage was first trained with",
    )


@pytest.mark.parametrize(("images", "steps"), [(16, 20), (160, 50), (1600, 200)])
def test_steps_follow_the_amount_of_data_within_limits(images: int, steps: int) -> None:
    retrain = {"epochs": 5, "min_steps": 20, "max_steps": 200, "replay": 0.0}
    assert plan_with(retrain, images).steps == steps


def test_replay_adds_steps_so_that_the_new_span_is_seen_as_often() -> None:
    retrain = {"epochs": 5, "min_steps": 1, "replay": 0.5}
    assert plan_with(retrain, 160).steps == 100


def test_validation_comes_in_rounds() -> None:
    plan = plan_training(settings(bootstrap={"steps": 100}, validation={"rounds": 8}), span(), None)
    assert plan.round_steps == 13


def test_a_rate_that_was_lowered_for_a_small_span_comes_back_without_being_a_change() -> None:
    small = plan_training(settings(retrain={"replay": 0.0}), span(4), baseline())
    before = baseline(mode="retrain", learning_rate=small.learning_rate, asked=small.asked, batch_size=4)
    plan = plan_training(settings(retrain={"replay": 0.0}), span(200), before)
    assert plan.learning_rate.peak == pytest.approx(0.0008)
    assert plan.declared_changes == ()


def retrained_with(**training: Any) -> TrainingRecord:
    """The record of a retraining under these settings."""
    plan = plan_training(settings(**training), span(), baseline())
    return baseline(
        mode="retrain",
        learning_rate=plan.learning_rate,
        continual=plan.continual,
        asked=plan.asked,
        numerics=plan.numerics,
    )


@pytest.mark.parametrize(
    ("before", "now", "told"),
    [
        ({}, {"retrain": {"max_steps": 80, "min_steps": 80}}, ("min_steps: 100 -> 80", "max_steps: 20000 -> 80")),
        ({"retrain": {"epochs": 2.0}}, {}, ("epochs: 2 -> 5",)),
        ({}, {"retrain": {"replay": 0.0}}, ("replay: 0.5 -> 0",)),
        ({}, {"batch_size": 8}, ("batch_size: 16 -> 8",)),
        ({}, {"clip_norm": 1.0, "average": 0.99}, ("clip_norm: 0 -> 1", "average: 0 -> 0.99")),
        (
            {},
            {"precision": "mixed_bfloat16", "xla": True},
            ("precision: float32 -> mixed_bfloat16", "xla: false -> true"),
        ),
        ({}, {"weight_decay": 0.01, "accumulate": 4}, ("weight_decay: 0 -> 0.01", "accumulate: 1 -> 4")),
        ({}, {"momentum": 0.5, "require_device": "none"}, ()),  # Adam has none
        ({}, {"validation": {"patience": 1}}, ("validation.patience: 4 -> 1",)),
        (
            {},
            {"retrain": {"learning_rate_fraction": 0.0001}},
            ("learning_rate_fraction: peak 0.0008 -> 8e-07, 0.001 times the last retraining's",),
        ),
        ({}, {"seed": 4}, ()),
        ({"retrain": {"max_steps": 80, "min_steps": 80}}, {"retrain": {"max_steps": 80, "min_steps": 80}}, ()),
    ],
)
def test_what_was_asked_of_the_last_retraining_and_is_no_longer_is_a_declared_change(
    before: dict[str, Any], now: dict[str, Any], told: tuple[str, ...]
) -> None:
    plan = plan_training(settings(**now), span(span=3, digest="third"), retrained_with(**before))
    assert plan.declared_changes == told


def test_steps_that_follow_from_the_size_of_a_span_are_no_change() -> None:
    plan = plan_training(settings(), span(4000, span=3, digest="third"), retrained_with())
    assert plan.steps > 1000
    assert plan.declared_changes == ()


def test_the_first_retraining_has_nothing_to_be_compared_with_but_its_rate() -> None:
    few = settings(retrain={"min_steps": 1, "max_steps": 2, "epochs": 0.1})
    assert plan_training(few, span(), baseline()).declared_changes == ()
    first = dataclasses.replace(retrained_with(), mode="bootstrap")
    assert plan_training(few, span(span=3, digest="third"), first).declared_changes == ()
    [told] = plan_with({"learning_rate_fraction": 0.001}).declared_changes
    assert told == "learning_rate_fraction: peak 8e-06, 0.001 times the first training's: hardly learns"


def test_of_a_retraining_before_settings_were_recorded_what_is_known_is_compared() -> None:
    old = dataclasses.replace(retrained_with(), asked=None)
    assert plan_training(settings(), span(span=3, digest="third"), old).declared_changes == ()
    changed = settings(batch_size=8, retrain={"replay": 0.25, "learning_rate_fraction": 0.05, "max_steps": 150})
    assert plan_training(changed, span(span=3, digest="third"), old).declared_changes == (
        "learning_rate_fraction: peak 0.0008 -> 0.0004, 0.5 times the last retraining's",
        "batch_size: 16 -> 8",
        "replay: 0.5 -> 0.25",
    )


def test_earlier_spans_are_replayed_and_stay_in_the_lineage() -> None:
    plan = plan_with({"replay": 0.3})
    assert [data.span for data in plan.data] == [1, 2]
    assert [data.span for data in plan.replayed] == [1]
    assert plan.continual.replay == 0.3
    without = plan_with({"replay": 0.0})
    assert [data.span for data in without.data] == [1, 2]
    assert without.replayed == ()


def test_a_span_that_comes_again_takes_the_place_of_its_earlier_self() -> None:
    plan = plan_training(settings(), span(span=1, version=2, digest="mended"), baseline())
    assert [(data.span, data.digest) for data in plan.data] == [(1, "mended")]
    assert plan.continual.replay == 0


def test_a_class_that_the_model_knows_must_not_be_lost() -> None:
    with pytest.raises(ConfigError, match=r"the served model knows 'dog', which span 2 does not have"):
        plan_training(settings(), span(boxes={"cat": 5}, class_names=("cat", "cow")), baseline())


def test_a_new_class_needs_boxes_and_an_old_one_does_not() -> None:
    grown = ("cat", "cow", "dog")
    assert plan_training(settings(), span(boxes={"cow": 3}, class_names=grown), baseline()).mode == "retrain"
    with pytest.raises(ConfigError, match=r"class 'cow' has no box in the training images of span 2"):
        plan_training(settings(), span(boxes={"cat": 3, "dog": 3}, class_names=grown), baseline())


def test_a_lineage_keeps_its_labels_in_whatever_order_a_span_has_the_classes() -> None:
    assert plan_training(
        settings(), span(boxes={"cat": 1, "dog": 1}, class_names=("dog", "cat")), None
    ).class_names == (
        "dog",
        "cat",
    )
    turned = plan_training(settings(), span(class_names=("dog", "cat")), baseline())
    assert turned == dataclasses.replace(plan_training(settings(), span(), baseline()), data=turned.data)
    grown = plan_training(settings(), span(boxes={"ant": 3}, class_names=("ant", "dog", "cat")), baseline())
    assert grown.class_names == ("cat", "dog", "ant")
    again = baseline(label_map=("dog", "cat"))
    assert plan_training(settings(), span(), again).class_names == ("dog", "cat")


def test_in_a_first_training_every_class_needs_boxes() -> None:
    with pytest.raises(ConfigError, match=r"class 'dog' has no box"):
        plan_training(settings(), span(boxes={"cat": 3, "dog": 0}), None)


def test_an_undeclared_change_of_augmentation_is_refused_and_a_declared_one_recorded() -> None:
    flipped = {"augmentation": "flip-v1"}
    with pytest.raises(ConfigError, match=r"augmentation = 'flip-v1': .*'none-v1'.*allow: \[augmentation\]"):
        plan_training(load(TrainerSettings, flipped, "x.yaml"), span(), baseline())
    declared = load(TrainerSettings, {**flipped, "training": {"allow": ["augmentation"]}}, "x.yaml")
    plan = plan_training(declared, span(), baseline())
    assert plan.declared_changes == ("augmentation: none-v1 -> flip-v1",)
    assert plan.augmentation.horizontal_flip


def test_an_augmentation_that_changed_under_its_name_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"augmentation = 'none-v1': .*trained with 'none-v1', and a changed"):
        plan_training(settings(), span(), baseline(augmentation_digest="of an earlier version"))


def test_post_processing_may_change_undeclared_and_is_told() -> None:
    wanted = load(TrainerSettings, {"model": {"nms_iou_threshold": 0.6, "max_detections": 300}}, "x.yaml")
    older = baseline(model={name: value for name, value in baseline().model.items() if name != "nms_iou_threshold"})
    for before in (baseline(), older):
        plan = plan_training(wanted, span(), before)
        assert plan.model == wanted.model
        assert plan.post_processing == (
            SettingChange("max_detections", 100, 300),
            SettingChange("nms_iou_threshold", 0.5, 0.6),
        )
        assert plan.declared_changes == (
            "post-processing: max_detections 100 -> 300",
            "post-processing: nms_iou_threshold 0.5 -> 0.6",
        )
    made = baseline(declared_changes=("augmentation: a -> b", *plan.declared_changes), post_processing=())
    assert made.changed_training == ("augmentation: a -> b",)


def test_the_same_post_processing_again_is_no_change() -> None:
    wanted = load(TrainerSettings, {"model": {"nms_iou_threshold": 0.6}}, "x.yaml")
    again = baseline(model=json.loads(json.dumps(dataclasses.asdict(wanted.model))))
    plan = plan_training(wanted, span(), again)
    assert (plan.post_processing, plan.declared_changes) == ((), ())


def test_another_architecture_than_the_baseline_is_refused() -> None:
    for change, message in (
        ({"fpn_filters": 64}, r"model.fpn_filters = 64: .*256"),
        ({"input_size": [256, 256]}, r"model.input_size = \[256, 256\]: .*\[512, 512\]"),
    ):
        other = load(TrainerSettings, {"model": change}, "x.yaml")
        with pytest.raises(ConfigError, match=message):
            plan_training(other, span(), baseline())


def test_a_setting_that_an_older_record_lacks_has_its_default() -> None:
    older = {
        name: value for name, value in baseline().model.items() if name not in ("nasfpn_repeats", "score_threshold")
    }
    assert plan_training(settings(), span(), baseline(model=older)).model == TrainerSettings().model
    with pytest.raises(ConfigError, match=r"model.nasfpn_repeats = 7: the served model was built with 5"):
        plan_training(load(TrainerSettings, {"model": {"nasfpn_repeats": 7}}, "x"), span(), baseline(model=older))


def test_a_setting_that_a_newer_version_recorded_is_refused_in_one_sentence() -> None:
    newer = {**baseline().model, "attention_heads": 4}
    with pytest.raises(ConfigError, match=r"^the served model's .* unknown key 'attention_heads': .* use that one$"):
        plan_training(settings(), span(), baseline(model=newer))


def test_what_was_derived_from_data_stays_as_it_was_derived() -> None:
    auto = load(TrainerSettings, {"model": {"anchors": "auto", "input_size": "auto"}}, "x.yaml")
    assert plan_training(auto, span(), None).model.anchors == "auto"
    assert plan_training(auto, span(), baseline()).model == TrainerSettings().model


def test_batch_norm_is_frozen_where_pretrained_weights_came_in_and_stays_so() -> None:
    pretrained = settings(init_checkpoint="weights.npz")
    frozen = baseline(batch_norm_frozen=True)
    assert not plan_training(settings(), span(), None).freeze_batch_norm
    assert plan_training(pretrained, span(), None).freeze_batch_norm
    assert plan_training(settings(), span(), frozen).freeze_batch_norm
    assert not plan_training(settings(freeze_batch_norm=False), span(), frozen).freeze_batch_norm


@pytest.mark.parametrize("steps", [1, 7, 100, 20_000])
def test_the_rate_never_exceeds_its_peak_and_ends_near_zero(steps: int) -> None:
    rate = schedule(0.01, 0.02, steps)
    rates = [rate.at(step, steps) for step in range(steps)]
    assert max(rates) <= 0.01
    assert min(rates) >= 0.0002 - 1e-12
    assert rate.warmup_start <= rate.peak <= rate.bootstrap_peak
    if steps >= 100:
        assert rates[0] == pytest.approx(0.0005)
        assert max(rates) == pytest.approx(0.01)
        assert rates[-1] < 0.0003


@pytest.mark.tensorflow
@pytest.mark.parametrize("steps", [5, 100])
def test_the_step_uses_the_rate_that_the_record_states(steps: int) -> None:
    from ratchet.components.trainer.learner import keras_schedule

    rate = schedule(0.01, 0.02, steps)
    in_step = keras_schedule(rate, steps)
    for step in range(steps):
        assert float(in_step(step)) == pytest.approx(rate.at(step, steps), rel=1e-5)


@pytest.mark.parametrize(
    ("before", "now", "told"),
    [
        (
            "ignore",
            "apply",
            "ignore -> apply: images with an EXIF orientation are turned upright; the served model was ",
        ),
        ("apply", "ignore", "apply -> ignore: images with an EXIF orientation are as stored; the served model was "),
        ("apply", "apply", None),
        ("refuse", "apply", None),  # a first such span contradicts nothing
        ("ignore", "refuse", None),  # as after an update of an old root: the new span has no such image
    ],
)
def test_another_way_to_take_exif_orientations_is_told(before: str, now: str, told: str | None) -> None:
    changes = plan_training(settings(), span(exif=now), baseline(exif=before)).declared_changes
    assert [change.startswith(f"data.exif: {told}") for change in changes] == ([True] if told else [])


def test_a_span_without_such_images_does_not_hide_how_they_were_taken_before() -> None:
    record = baseline()
    spans = tuple(trained_data(span=number, exif=exif) for number, exif in enumerate(("ignore", "apply", "refuse"), 1))
    of_lineage = dataclasses.replace(record, data=spans)
    assert (of_lineage.exif, of_lineage.wants_upright_images) == ("apply", True)
    assert plan_training(settings(), span(exif="ignore"), of_lineage).declared_changes != ()
    assert (baseline(exif="refuse").exif, baseline().wants_upright_images) == ("refuse", False)


def test_the_record_in_a_model_says_whether_its_images_are_to_be_upright() -> None:
    for exif in ("refuse", "apply", "ignore"):
        values = json.loads(TRAINING_RECORD_FORMAT.write(baseline(exif=exif)))
        assert values["wants_upright_images"] is (exif == "apply")
