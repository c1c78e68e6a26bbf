"""What run_fn makes of a first span and of a second: weights, record, logs, and errors that spare the baseline."""

from __future__ import annotations

import dataclasses
import io
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from ratchet.components.trainer.settings import TrainerSettings
from ratchet.schemas.artifacts.training_dynamics import Dynamics
from ratchet.schemas.artifacts.training_record import (
    BASELINE_DIRECTORY,
    LABELS_FILE,
    RECORD_FILE,
    TRAINING_RECORD_FORMAT,
    NumericsRecord,
    SettingChange,
    TrainingRecord,
)
from ratchet.schemas.base import settings as settings_io
from ratchet.schemas.base.errors import ConfigError, StateError
from ratchet.schemas.base.files import LOCAL_FILES
from ratchet.schemas.base.model_digest import model_digest
from ratchet.schemas.data.dataset import EVAL_SPLIT
from tests.components.trainer.spans import settings, weights_of, write_examples
from tests.nightly import by_night

pytestmark = pytest.mark.tensorflow
DIGITS = tuple("0123456789")


@dataclass(frozen=True)
class World:
    """Directories of one pipeline root, and how is trained in it."""

    root: Path
    settings: Callable[..., TrainerSettings] = settings

    def train(self, name: str, examples: str, base: str | None, *overrides: str) -> TrainingRecord:
        from tfx.components.trainer.fn_args_utils import FnArgs

        from ratchet.components.trainer.run_fn import run_fn

        (self.root / "FeatureStats.pb").write_bytes(b"statistics")
        arguments: dict[str, Any] = {
            "train_files": [f"{examples}/Split-train/*"],
            "base_model": str(self.root / base) if base else None,
            "serving_model_dir": str(self.root / name),
            "model_run_dir": str(self.root / f"{name}-log"),
            "custom_config": {
                "settings": settings_io.to_json(self.settings(*overrides)),
                "artifacts": str(self.root),
                "statistics": str(self.root / "FeatureStats.pb"),
                "baseline_digest": f"digest of {base}",
            },
        }
        run_fn(FnArgs(**arguments))
        return self.record(name)

    def record(self, name: str) -> TrainingRecord:
        path = self.root / name / RECORD_FILE
        return TRAINING_RECORD_FORMAT.read(path.read_text(), str(path))


@pytest.fixture(scope="module")
def world(first_span: str, second_span: str, tmp_path_factory: pytest.TempPathFactory) -> World:
    made = World(tmp_path_factory.mktemp("root"))
    made.train("first", first_span, None)
    made.train("second", second_span, "first", "training.validation.patience=1")
    return made


def map_of(model: str, examples: str, num_classes: int = 10) -> float:
    """mAP of an exported model on validation images, measured without the Trainer's own code."""
    from ratchet.components.detector.served import ServedDetector, read_images
    from ratchet.components.metrics.accumulator import Accumulator
    from ratchet.components.metrics.matching import match
    from ratchet.schemas.data.columns import TruthColumns
    from ratchet.schemas.data.records import record_from_json

    detector, matches = ServedDetector("exported", model), Accumulator.create()
    files = sorted(map(str, Path(examples, f"Split-{EVAL_SPLIT}").iterdir()))
    for batch in read_images(files, 4):
        records = [record_from_json(record) for record, _ in batch]
        ids = np.array([record.image_id for record in records])
        found = detector.detect(detector.preprocess([encoded for _, encoded in batch]), ids, num_classes)
        matches.add(match(ids, TruthColumns.of([record.truth for record in records]), found))
    return matches.finish(num_classes).coco["AP"]


def test_the_record_of_a_first_model(world: World, first_span: str) -> None:
    record = world.record("first")
    assert (record.mode, record.planned_steps, record.seed, record.devices) == ("bootstrap", 24, 0, 1)
    assert [(data.span, data.examples, data.class_names) for data in record.data] == [(1, first_span, DIGITS)]
    assert record.baseline_digest is None
    assert [point.step for point in record.validation] == [6, 12, 18, 24]
    assert all(point.old is None and point.map == point.new for point in record.validation)
    assert record.loss_curve[-1][1] < record.loss_curve[0][1]


def test_the_record_of_a_retraining(world: World, first_span: str, second_span: str) -> None:
    record = world.record("second")
    assert (record.mode, record.baseline_digest) == ("retrain", "digest of first")
    assert [(data.span, data.examples) for data in record.data] == [(1, first_span), (2, second_span)]
    assert record.continual.replay == 0.5
    assert record.validation[0].step == 0
    for point in record.validation:
        assert point.new is not None
        assert point.old is not None
        assert point.map == pytest.approx((point.new + point.old) / 2)
    assert 0 < record.weight_distance < world.record("first").weight_distance


def dynamics(record: TrainingRecord) -> Dynamics:
    assert record.dynamics is not None
    return record.dynamics


def test_records_say_how_the_training_went(world: World) -> None:
    for name in ("first", "second"):
        record, went = world.record(name), dynamics(world.record(name))
        rates = [record.learning_rate.at(step, record.planned_steps) for step in range(record.steps)]
        assert went.sum_of_rates == pytest.approx(sum(rates), rel=1e-5)
        assert went.peak_rate == pytest.approx(max(rates), rel=1e-5)
        assert set(went.losses) == {"total_loss", "cls_loss", "box_loss"}
        first = sum(loss for _, loss in record.loss_curve[:5]) / 5
        assert went.losses["total_loss"].first == pytest.approx(first, rel=1e-5)
        assert went.gradient_norm is not None
        assert 0 < went.gradient_norm.last <= went.gradient_norm.highest
        assert went.batches is not None
        assert went.batches == went.augmented  # the policy does nothing
        assert went.batches.images == min(64, 8 * record.steps)
        assert (went.environment.device, len(went.environment.lock)) == ("CPU", 12)
        assert went.environment.libraries["tf-keras"].startswith("2.")
    assert dynamics(world.record("first")).environment == dynamics(world.record("second")).environment


def test_parts_and_line_are_those_between_start_and_end(world: World) -> None:
    record, first = world.record("second"), world.record("first")
    parts = dynamics(record).parts
    assert set(parts) == {"backbone", "decoder", "head"}
    assert min(part.distance for part in parts.values()) > 0
    for name, part in parts.items():
        assert part.distance < dynamics(first).parts[name].distance
        assert part.norm_shift is not None
        assert 0 < part.norm_shift < 10
    assert record.best_step == record.steps  # so that the exported weights are the last
    assert min(part.distance for part in parts.values()) < record.weight_distance
    assert record.weight_distance < max(part.distance for part in parts.values())
    assert dynamics(first).line == ()
    line = dynamics(record).line
    assert [point.share for point in line] == [0.25, 0.5, 0.75]
    for point in line:
        assert point.new is not None
        assert point.old is not None
        assert point.map == pytest.approx((point.new + point.old) / 2)
    maps = [record.validation[0].map, *(point.map for point in line), record.validation[-1].map]
    assert len(set(maps)) == 5


def test_a_retraining_starts_from_the_baseline(world: World, first_span: str) -> None:
    before = map_of(str(world.root / "first"), first_span)
    assert before > 0.005
    assert world.record("second").validation[0].old == pytest.approx(before, abs=1e-4)


def test_a_model_grows_by_new_classes_and_keeps_what_it_knows(second_span: str, tmp_path: Path) -> None:
    from ratchet.components.trainer.job import reprocessed

    seven = write_examples(tmp_path, 1, 80, without=("0", "4", "9"))
    grown = World(tmp_path)
    first = grown.train("seven", seven, None, "training.bootstrap.steps=80")
    assert first.class_names == ("1", "2", "3", "5", "6", "7", "8")
    record = grown.train("ten", second_span, "seven")
    assert record.class_names == (*first.class_names, "0", "4", "9")  # no client's label has changed
    assert [len(data.class_names) for data in record.data] == [7, 10]
    picky = dataclasses.replace(record, model={**record.model, "max_detections": 5})
    compared = reprocessed(str(tmp_path / "seven"), first, picky)
    assert compared.class_names == first.class_names
    before = map_of(str(tmp_path / "seven"), seven, 7)
    assert before > 0.005
    assert record.validation[0].old == pytest.approx(before, abs=1e-4)


@by_night  # above, labels of a span are others in the model as well
def test_a_span_with_its_classes_in_another_order_trains_the_same_model(
    world: World, second_span: str, tmp_path: Path
) -> None:
    turned = World(tmp_path)
    shutil.copytree(world.root / "first", tmp_path / "first")
    examples = write_examples(tmp_path, 2, 60, turned=True, lighting=0.5)
    record = turned.train("turned", examples, "first", "training.validation.patience=1")
    assert record.data[-1].class_names == tuple(reversed(DIGITS))
    assert record.class_names == DIGITS
    assert record.validation == world.record("second").validation
    assert (tmp_path / "turned" / LABELS_FILE).read_text() == (world.root / "second" / LABELS_FILE).read_text()


@pytest.fixture(scope="module")
def changed(world: World, tmp_path_factory: pytest.TempPathFactory) -> World:
    """A root whose third model has another post-processing, and was trained on a span of a few images, in bfloat16."""
    made = World(tmp_path_factory.mktemp("changed"))
    shutil.copytree(world.root / "second", made.root / "second")
    few = write_examples(made.root, 3, 4)
    computed = ("training.precision=mixed_bfloat16", "training.accumulate=2", "training.weight_decay=0.01")
    other = ("model.max_detections=3", "training.validation.min_images=20", *computed)
    made.train("model/Format-Serving", few, "second", *other)
    return made


def test_the_baseline_is_exported_beside_a_candidate_that_has_another_post_processing(
    world: World, changed: World, first_span: str
) -> None:
    assert not (world.root / BASELINE_DIRECTORY).exists()
    record = changed.record("model/Format-Serving")
    beside = changed.root / "model" / BASELINE_DIRECTORY
    assert record.post_processing == (SettingChange("max_detections", 20, 3),)
    assert record.baseline_for_comparison == model_digest(str(beside), LOCAL_FILES)
    assert record.model["max_detections"] == 3
    served, compared = (answers(directory, first_span) for directory in (changed.root / "second", beside))
    assert served["detection_scores"].shape[1] == 20
    assert compared["detection_scores"].max() > 0
    for name in ("detection_boxes", "detection_classes", "detection_scores"):
        np.testing.assert_array_equal(compared[name], served[name][:, :3])


def test_what_was_trained_in_mixed_precision_is_exported_and_measured_in_float32(
    changed: World, first_span: str
) -> None:
    import tensorflow as tf

    record, directory = changed.record("model/Format-Serving"), changed.root / "model/Format-Serving"
    assert record.numerics == NumericsRecord("mixed_bfloat16", weight_decay=0.01, accumulate=2)
    assert {"precision: float32 -> mixed_bfloat16", "weight_decay: 0 -> 0.01", "accumulate: 1 -> 2"} <= set(
        record.declared_changes
    )
    found = answers(directory, first_span)
    assert found["detection_scores"].dtype == found["detection_boxes"].dtype == np.float32
    graph = tf.saved_model.load(str(directory)).signatures["serving_default"].graph
    nodes = [node for function in graph.as_graph_def().library.function for node in function.node_def]
    half = [node.name for node in nodes if any(value.type == tf.bfloat16 for value in node.attr.values())]
    assert (bool(nodes), half) == (True, [])
    [best] = [point for point in record.validation if point.step == record.best_step]
    assert best.old == pytest.approx(map_of(str(directory), first_span), abs=0.05)


@by_night  # as every retraining of `world`, whose post-processing did not change either
def test_after_a_change_of_the_post_processing_nothing_is_exported_beside(changed: World, second_span: str) -> None:
    again = changed.train("again/Format-Serving", second_span, "model/Format-Serving", "model.max_detections=3")
    assert (again.post_processing, again.baseline_for_comparison) == ((), None)
    assert not (changed.root / "again" / BASELINE_DIRECTORY).exists()


def answers(model: Path, examples: str) -> dict[str, np.ndarray]:
    """What a model answers to a few held-out images."""
    from ratchet.components.detector.served import ServedDetector, read_images

    files = sorted(map(str, Path(examples, f"Split-{EVAL_SPLIT}").iterdir()))
    return ServedDetector("exported", str(model)).serve([encoded for _, encoded in next(read_images(files, 4))])


def test_what_was_measured_in_training_is_what_the_exported_model_does(
    world: World, first_span: str, second_span: str
) -> None:
    for name, new in (("first", first_span), ("second", second_span)):
        record = world.record(name)
        [best] = [point for point in record.validation if point.step == record.best_step]
        assert map_of(str(world.root / name), new) == pytest.approx(best.new, abs=1e-4)


def test_the_model_carries_what_later_steps_need(world: World) -> None:
    extra = world.root / "second" / "assets.extra"
    assert {path.name for path in extra.iterdir()} == {
        "earlier_spans",
        "labels.json",
        "tf_serving_warmup_requests",
        "training_images.npz",
        "training_record.json",
        "training_sample.npz",
        "training_statistics.pb",
    }
    assert sorted(path.name for path in (extra / "earlier_spans").iterdir()), "nothing of the first span"
    assert (world.root / "second" / LABELS_FILE).read_text() == '["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"]'


def test_nothing_is_left_of_a_training_that_is_done(world: World) -> None:
    assert list((world.root / "checkpoints").iterdir()) == []


def test_tensorboard_shows_losses_rate_speed_map_and_images(world: World) -> None:
    from tensorflow.python.summary.summary_iterator import summary_iterator

    [file] = (world.root / "second-log").iterdir()
    steps: dict[str, list[int]] = {}
    for event in summary_iterator(str(file)):
        for value in event.summary.value:
            steps.setdefault(value.tag, []).append(event.step)
    assert set(steps) == {
        "loss/total", "loss/classes", "loss/boxes", "gradient_norm", "learning_rate", "images_per_second",
        "mAP/mixture", "mAP/new span", "mAP/earlier spans", "training images", "validation images",
    }  # fmt: skip
    assert steps["loss/total"] == [step for step, _ in world.record("second").loss_curve]
    assert steps["mAP/mixture"] == [point.step for point in world.record("second").validation]


def test_tensorboard_reads_the_pictures_as_its_own(world: World) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    log = EventAccumulator(str(world.root / "second-log"), size_guidance={"images": 0, "tensors": 0}).Reload()
    seen = log.Tensors("validation images")
    width, height, *pictures = seen[-1].tensor_proto.string_val
    assert log.SummaryMetadata("validation images").plugin_data.plugin_name == "images"
    assert [Image.open(io.BytesIO(one)).size for one in pictures] == [(int(width), int(height))] * len(pictures)
    assert [each.step for each in seen] == [point.step for point in world.record("second").validation]


def test_replay_wants_the_earlier_images_where_they_were(
    world: World, first_span: str, second_span: str, tmp_path: Path
) -> None:
    moved = World(tmp_path)
    shutil.copytree(world.root / "first", tmp_path / "first")
    record = tmp_path / "first" / RECORD_FILE
    record.write_text(record.read_text().replace(first_span, f"{first_span}-moved"))
    with pytest.raises(ConfigError, match=r"training images of span 1 are no longer at .*-moved; bring them back, or"):
        moved.train("second", second_span, "first")
    assert not (tmp_path / "second").exists()


def test_a_baseline_without_a_record_is_named(world: World, second_span: str, tmp_path: Path) -> None:
    bare = World(tmp_path)
    shutil.copytree(world.root / "first", tmp_path / "first")
    (tmp_path / "first" / RECORD_FILE).unlink()
    with pytest.raises(StateError, match=r"first/assets.extra/training_record.json: the model has no training"):
        bare.train("second", second_span, "first")


@by_night  # a training that diverges later ends the same way
def test_a_loss_that_is_no_number_at_the_first_step_exports_the_baseline(
    world: World, second_span: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ratchet.components.trainer.learner import Learner

    step_function = Learner._step_function

    def poisoned(self: Learner, *of_a_step: Any) -> Any:
        step = step_function(self, *of_a_step)
        lost = dict.fromkeys(("total_loss", "cls_loss", "box_loss"), float("nan"))
        return lambda inputs: step(inputs) | lost

    monkeypatch.setattr(Learner, "_step_function", poisoned)
    record = world.train("poisoned", second_span, "first", "training.clip_norm=1")
    assert record.diverged is not None
    assert (record.diverged.step, record.diverged.loss, record.best_step) == (1, None, 0)
    went = dynamics(record)
    assert (went.losses, record.weight_distance) == ({}, 0)
    assert went.parts["head"].distance > 0  # of the end, where nothing was exported
    assert len(went.line) == 3
    pairs = zip(weights_of(world.root / "poisoned"), weights_of(world.root / "first"), strict=True)
    assert all(np.array_equal(one, other) for one, other in pairs)


def test_a_span_of_a_few_images_is_trained_on_and_validated_with_the_images_of_earlier_spans(changed: World) -> None:
    record = changed.record("model/Format-Serving")
    assert record.batch_size == 8
    assert record.batch_size * (1 - record.continual.replay) == pytest.approx(min(4, record.images))
    assert record.validation_images is not None
    assert record.validation_images.pooled
    assert record.validation_images.old >= 20 > record.validation_images.new
    assert len(record.validation) == 5


def test_without_enough_validation_images_the_last_weights_are_taken_and_the_record_says_so(tmp_path: Path) -> None:
    few = write_examples(tmp_path, 1, 7, without=("0", "4", "6", "9"))
    record = World(tmp_path).train(
        "first", few, None, "training.bootstrap.steps=4", "training.validation.min_images=20"
    )
    assert record.batch_size == record.images < 8
    assert (record.has_chosen, record.best_step) == (False, 4)
    assert record.validation_images is not None
    assert record.validation_images.new == 7 - record.images
