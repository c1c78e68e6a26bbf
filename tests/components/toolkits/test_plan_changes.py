"""Two plans compared: what differs, in the field's terms and in the later file's spelling."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ratchet.components.toolkits.plan_change import PlanChange
from ratchet.components.toolkits.plan_changes import PlanChanges, passes_of, plan_changes
from ratchet.components.toolkits.read_plan import plan_of_text
from ratchet.schemas.data.training_plan import Augmentation, Kind, RateSchedule, TrainingPlan
from tests.components.toolkits.configs import (
    CENTER_NET,
    FASTER_RCNN,
    MMDETECTION_2,
    MMDETECTION_3,
    PARTIAL,
    RETINANET,
    SSD,
    ULTRALYTICS,
    YOLOV5,
    YOLOX_3,
)

COSINE = "train_config.optimizer.momentum_optimizer.learning_rate.cosine_decay_learning_rate"
PLAN = TrainingPlan("Ratchet", "file")


def changed(text: str, *pairs: tuple[str, str]) -> PlanChanges:
    """What is told of a file in which texts were replaced."""
    after = text
    for old, new in pairs:
        assert old in after
        after = after.replace(old, new)
    return plan_changes(plan_of_text(text, "before"), plan_of_text(after, "after"))


def only(changes: PlanChanges, attribute: str) -> PlanChange:
    (found,) = changes.of(attribute)
    return found


@pytest.mark.parametrize(
    "text",
    [SSD, FASTER_RCNN, CENTER_NET, RETINANET, PARTIAL, ULTRALYTICS, YOLOV5, MMDETECTION_3, YOLOX_3, MMDETECTION_2],
)
def test_a_file_beside_itself_has_no_change(text: str) -> None:
    assert changed(text) == PlanChanges((), ())


def test_the_same_numbers_written_otherwise_are_no_change() -> None:
    same = (("4e-2", "0.040"), ("weight: 1 ", "weight: 1.0 "), ("max_delta: 0.3", "max_delta: .3f"))
    assert changed(SSD, *same, ("use_moving_average: false", "use_moving_average: False")) == PlanChanges((), ())


def test_a_higher_rate_is_told_with_its_ratio_and_the_setting() -> None:
    changes = changed(SSD, ("learning_rate_base: 4e-2", "learning_rate_base: 0.1"))
    peak = only(changes, "rate.peak")
    assert (peak.name, peak.before, peak.after) == (f"{COSINE}.learning_rate_base", "4e-2", "0.1")
    assert peak.ratio == pytest.approx(2.5)
    assert peak.sentence == "the highest learning rate is 2.5 times what it was: 4e-2 -> 0.1"
    assert only(changes, "rate.mean").ratio == pytest.approx(2.5, rel=0.02)
    assert {each.attribute for each in changes.changes} == {"rate.peak", "rate.mean"}
    assert changes.others == ()


@pytest.mark.parametrize(
    ("text", "pair", "name"),
    [
        (ULTRALYTICS, ("lr0: 0.01", "lr0: 0.025"), "lr0"),
        (MMDETECTION_3, ("lr=0.02", "lr=0.05"), "optim_wrapper.optimizer.lr"),
        (MMDETECTION_2, ("lr=0.005", "lr=0.0125"), "optimizer.lr"),
        (
            RETINANET,
            ("[0.32, 0.032, 0.0032]", "[0.8, 0.08, 0.008]"),
            "trainer.optimizer_config.learning_rate.stepwise.values",
        ),
    ],
)
def test_the_ratio_is_the_same_in_every_toolkit(text: str, pair: tuple[str, str], name: str) -> None:
    peak = only(changed(text, pair), "rate.peak")
    assert (peak.name, peak.ratio) == (name, pytest.approx(2.5))


def test_a_shorter_warm_up_alone_is_no_other_peak() -> None:
    changes = changed(ULTRALYTICS, ("warmup_epochs: 3.0", "warmup_epochs: 1"))
    assert [(each.attribute, each.before, each.after) for each in changes.changes] == [("rate.warmup", "3", "1")]
    assert only(changed(SSD, ("warmup_steps: 2000", "warmup_steps: 0")), "rate.warmup").sentence == (
        "warm-up, in steps: 2000 -> 0"
    )


def test_a_schedule_cut_short_ends_at_a_higher_rate() -> None:
    changes = changed(SSD, ("num_steps: 50000", "num_steps: 26000"))
    final = only(changes, "rate.final")
    assert (final.before, final.after) == ("0", "0.02")
    assert final.ratio is None
    steps = only(changes, "steps")
    assert (steps.name, steps.ratio) == ("train_config.num_steps", pytest.approx(0.52))


def test_the_last_rate_is_named_by_a_setting_that_changed() -> None:
    higher = only(changed(ULTRALYTICS, ("lr0: 0.01", "lr0: 0.02")), "rate.final")
    assert (higher.name, higher.ratio) == ("the last learning rate", pytest.approx(2))
    assert only(changed(ULTRALYTICS, ("lrf: 0.01", "lrf: 0.1")), "rate.final").name == "lrf"


def test_another_schedule_and_optimizer_are_told() -> None:
    changes = changed(ULTRALYTICS, ("cos_lr: false", "cos_lr: true"), ("optimizer: SGD", "optimizer: AdamW"))
    assert only(changes, "rate.schedule").sentence == "the learning rate's schedule: linear -> cosine"
    assert (only(changes, "optimizer").before, only(changes, "optimizer").after) == ("sgd", "adamw")


def test_augmentations_gone_new_and_changed_are_told() -> None:
    changes = changed(
        SSD,
        ("random_horizontal_flip", "random_vertical_flip"),
        ("max_delta: 0.3", "max_delta: 0.6"),
    )
    gone, new = only(changes, "augmentations.gone"), only(changes, "augmentations.new")
    assert (gone.before, gone.after, gone.kind) == ("random_horizontal_flip", "none", Kind.MIRROR)
    assert gone.sentence == "the augmentation random_horizontal_flip is gone (mirror)"
    assert new.name == "train_config.data_augmentation_options[0].random_vertical_flip"
    other = only(changes, "augmentations.changed")
    assert other.name == "train_config.data_augmentation_options[2].random_adjust_brightness.max_delta"
    assert (other.before, other.after, other.ratio, other.kind) == ("0.3", "0.6", pytest.approx(2), Kind.COLOUR)


def test_one_of_two_augmentations_of_a_name_is_gone() -> None:
    twice = SSD.replace("{ ssd_random_crop { } }", "{ random_horizontal_flip { } }")
    changes = changed(twice, ("  data_augmentation_options { random_horizontal_flip { } }\n  data", "  data"))
    assert [each.attribute for each in changes.changes] == ["augmentations.gone"]


def test_a_strength_of_nothing_is_an_augmentation_gone() -> None:
    gone = only(changed(ULTRALYTICS, ("mosaic: 1.0", "mosaic: 0.0")), "augmentations")
    assert (gone.attribute, gone.name, gone.before, gone.kind) == ("augmentations.gone", "mosaic", "mosaic 1", Kind.MIX)


def test_augmentations_of_two_toolkits_are_matched_by_what_they_do() -> None:
    changes = plan_changes(plan_of_text(ULTRALYTICS, "a"), plan_of_text(SSD, "b"))
    told = {(each.attribute, each.kind) for each in changes.of("augmentations")}
    assert told == {("augmentations.gone", Kind.SCALE), ("augmentations.gone", Kind.MIX)}
    assert changes.others == ()
    assert not {"matching", "losses", "model", "optimizer"} & {each.attribute.split(".")[0] for each in changes.changes}


def test_matching_losses_and_post_processing_are_compared_by_setting() -> None:
    changes = changed(
        SSD,
        ("matched_threshold: 0.5 unmatched", "matched_threshold: 0.7 unmatched"),
        ("alpha: 0.75", "alpha: 0.25 gamma: 2"),
        ("iou_threshold: 0.6", ""),  # its default
        ("score_threshold: 1e-8", "score_threshold: 0.3"),
    )
    threshold = only(changes, "matching")
    assert threshold.name == "model.ssd.matcher.argmax_matcher.matched_threshold"
    assert (threshold.before, threshold.after, threshold.ratio) == ("0.5", "0.7", pytest.approx(1.4))
    assert only(changes, "losses").name.endswith("weighted_sigmoid_focal.alpha")
    assert only(changes, "post_processing").after == "0.3"


def test_what_is_mined_no_more_is_told() -> None:
    changes = changed(SSD.replace("localization_weight: 1.0", "hard_example_miner { }"), ("hard_example_miner { }", ""))
    assert {(each.before, each.after) for each in changes.of("losses")} >= {("64", "not set")}


def test_start_size_frozen_parts_label_map_and_data_are_told() -> None:
    changes = changed(
        SSD,
        ("fine_tune_checkpoint: \"PATH/checkpoint/\" 'ckpt-0'", "fine_tune_checkpoint: ''"),
        ("height: 320 width: 320", "height: 640 width: 640"),
        ('freeze_variables: [ "FeatureExtractor/Conv", "FeatureExtractor/expanded" ]', ""),
        ("data/label_map.pbtxt", "data/new.pbtxt"),
        ("data/train-00001-of-00002", "data/more"),
        ("num_classes: 3", "num_classes: 4"),
        ("ssd_mobilenet_v2_keras", "ssd_mobilenet_v1_keras"),
    )
    told = {each.attribute: (each.before, each.after, each.ratio) for each in changes.changes}
    assert told["starts_from"] == ("PATH/checkpoint/ckpt-0 (detection)", "random weights", None)
    assert told["input_size"] == ("320x320", "640x640", 2)
    assert told["frozen"] == ("FeatureExtractor/Conv, FeatureExtractor/expanded", "nothing", None)
    assert told["label_map"] == ("data/label_map.pbtxt", "data/new.pbtxt", None)
    assert told["train_data"][1] == "data/train-00000-of-00002, data/more"
    assert told["classes"] == ("3", "4", pytest.approx(4 / 3))
    assert told["model"][1] == "ssd ssd_mobilenet_v1_keras"
    # What the evaluation reads has its label map as well.
    assert [each.name for each in changes.others] == ["eval_input_reader.label_map_path"]


def test_class_names_in_another_order_are_told() -> None:
    names = only(changed(MMDETECTION_3, ("'cat', 'dog'", "'dog', 'cat'")), "class_names")
    assert (names.name, names.before) == ("train_dataloader.dataset.metainfo.classes", "cat, dog")


def test_passes_come_from_steps_batch_and_images() -> None:
    plan = replace(PLAN, steps=1000, batch_size=8)
    assert passes_of(plan, 400) == 20
    assert passes_of(replace(plan, replay=0.5), 400) == 10
    assert passes_of(plan, None) is None
    changes = plan_changes(plan, plan, 2000, 20)
    assert [(each.attribute, each.before, each.after) for each in changes.changes] == [
        ("images", "2000", "20"),
        ("passes", "4", "400"),
    ]
    assert changes.changes[1].ratio == pytest.approx(100)
    of_epochs = plan_changes(plan, replace(PLAN, toolkit="Ultralytics", epochs=100, named={"epochs": "epochs"}), 400)
    assert (only(of_epochs, "passes").name, only(of_epochs, "passes").ratio) == ("epochs", pytest.approx(5))


def test_what_one_plan_does_not_say_is_no_change() -> None:
    rate = RateSchedule("cosine", ((0.0, 0.1), (1.0, 0.0)))
    said = replace(
        PLAN,
        toolkit="MMDetection",
        rate=rate,
        batch_size=4,
        augmentations=(Augmentation("RandomFlip", Kind.MIRROR),),
        frozen=(),
        classes=3,
        train_data=("a",),
    )
    assert plan_changes(PLAN, said) == plan_changes(said, PLAN) == PlanChanges((), ())


def test_of_a_peak_alone_neither_end_nor_mean_is_compared() -> None:
    alone = replace(PLAN, rate=RateSchedule("cosine", ((0.0, 0.1),)))
    whole = replace(PLAN, rate=RateSchedule("cosine", ((0.0, 0.2), (1.0, 0.0))))
    assert [each.attribute for each in plan_changes(alone, whole).changes] == ["rate.peak"]


def test_what_only_one_file_of_a_toolkit_sets_is_told_among_the_others() -> None:
    changes = changed(PARTIAL, ("global_batch_size: 64", "cache: true"))
    assert changes.changes == ()
    assert {each.sentence for each in changes.others} == {
        "task.train_data.cache: not set -> true",
        "task.train_data.global_batch_size: 64 -> not set",
    }


def test_other_settings_come_without_names_and_seeds_are_last() -> None:
    changes = changed(
        ULTRALYTICS,
        ("seed: 0", "seed: 7"),
        ("momentum: 0.937", "momentum: 0.8"),
        ("name: train3", "name: train4"),
        ("save_dir: runs/train3", "save_dir: runs/train4"),
        ("workers: 8", "workers: 2"),
    )
    assert changes.changes == ()
    assert [each.name for each in changes.others] == ["momentum", "seed"]
    assert changes.others[0].ratio == pytest.approx(0.8 / 0.937)


def test_two_kinds_of_files_of_one_toolkit_have_no_other_settings_in_common() -> None:
    record = replace(PLAN, settings={"a.b": "1", "a.c": "1", "c": "2"})
    config = replace(PLAN, settings={"x": "1", "y": "2", "c": "3"})
    assert plan_changes(record, config).others == ()


def test_a_part_of_a_retraining_is_told_by_whichever_setting_changed() -> None:
    text = "training: {bootstrap: {peak_learning_rate: 0.01}, retrain: {learning_rate_fraction: 0.1}}\n"
    fraction = only(changed(text, ("fraction: 0.1", "fraction: 0.3")), "rate.peak")
    assert (fraction.name, fraction.after) == ("training.retrain.learning_rate_fraction", "0.3")
    base = only(changed(text, ("rate: 0.01", "rate: 0.02")), "rate.peak")
    assert (base.name, base.after) == ("training.bootstrap.peak_learning_rate", "0.02")
    assert base.ratio == pytest.approx(2)
