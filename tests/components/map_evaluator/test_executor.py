"""The whole step on small artifacts: every way in which a candidate is not blessed, and the one in which it is."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ratchet.components.detector.serving_check import check_serving
from ratchet.components.imaging.views import hash_bits
from ratchet.components.map_evaluator.settings import EvaluatorSettings
from ratchet.schemas.artifacts.blessing import PROPERTIES, Blessing
from ratchet.schemas.artifacts.decisions import Verdict
from ratchet.schemas.artifacts.evaluation import (
    AS_SERVED_FILE,
    EVALUATION_FILE,
    EVALUATION_FORMAT,
    PROBE_FILE,
    Evaluation,
)
from ratchet.schemas.artifacts.high_water import HighWaterMark
from ratchet.schemas.artifacts.training_record import (
    BASELINE_DIRECTORY,
    LABELS_FILE,
    RECORD_FILE,
    TRAINING_IMAGES_FILE,
    TRAINING_RECORD_FORMAT,
    SettingChange,
)
from ratchet.schemas.base import settings as settings_io
from ratchet.schemas.base.errors import StateError
from ratchet.schemas.base.files import LOCAL_FILES
from ratchet.schemas.base.model_digest import model_digest
from ratchet.schemas.data import features
from ratchet.schemas.data.copy_settings import CopySettings
from ratchet.schemas.data.dataset import (
    DATASET_FILE,
    DATASET_FORMAT,
    FINGERPRINTS,
    LOOKS,
    SPLITS,
    DataSetInfo,
    dataset_digest,
    image_digest,
)
from ratchet.schemas.data.fingerprints import Fingerprints, line_of
from ratchet.schemas.data.looks import Looks
from ratchet.schemas.data.records import record_to_json
from tests.builders import training_record
from tests.components.detector.test_answers import in_this_process
from tests.components.map_evaluator.test_beam_evaluation import LABEL_MAP, encoded, record, save_reader

pytestmark = pytest.mark.tensorflow
IMAGES = 40
SETTINGS = EvaluatorSettings(resamples=200, slice_by=("camera",))
CHECKED = CopySettings()
WRONG = "0" * 64  # a digest that nothing has


@dataclass(frozen=True)
class World:
    """Golden set, span and two models, the candidate as good as the baseline."""

    directory: Path
    golden: Any
    span: Any
    candidate: Any
    baseline: Any

    def evaluate(
        self,
        settings: EvaluatorSettings = SETTINGS,
        then: Callable[[], object] = lambda: None,
        copies: CopySettings = CHECKED,
    ) -> tuple[Evaluation, Any]:
        """Evaluates, with the baseline as it is now recorded; `then` is called after the models saw all images."""
        from tfx.types import standard_artifacts

        from ratchet.components.map_evaluator.executor import Executor

        class Interrupted(Executor):
            def _evaluate(self, *arguments: Any) -> Any:
                measured = super()._evaluate(*arguments)
                then()
                return measured

        if self.baseline.get_string_custom_property("digest") != WRONG:
            self.baseline.set_string_custom_property("digest", self.digest("baseline"))
        evaluation, blessing = standard_artifacts.ModelEvaluation(), standard_artifacts.ModelBlessing()
        number = len(list(self.directory.glob("evaluation-*")))
        evaluation.uri, blessing.uri = (str(self.directory / f"{name}-{number}") for name in ("evaluation", "blessing"))
        inputs = {
            "golden": [self.golden],
            "examples": [self.span],
            "model": [self.candidate],
            "baseline_model": [self.baseline],
        }
        context = Executor.Context(beam_pipeline_args=[], tmp_dir=str(self.directory / "tmp"), unique_id="1")
        properties = {
            "settings": settings_io.to_json(settings),
            "copies": settings_io.to_json(copies),
            "accept_new_golden": 0,
            "artifacts": str(self.directory),
        }
        Interrupted(context).Do(inputs, {"evaluation": [evaluation], "blessing": [blessing]}, properties)
        return EVALUATION_FORMAT.read(Path(evaluation.uri, EVALUATION_FILE).read_text(), EVALUATION_FILE), blessing

    def digest(self, model: str) -> str:
        return model_digest(str(self.path(model)), LOCAL_FILES)

    def path(self, model: str) -> Path:
        return Path(getattr(self, model).uri) / "Format-Serving"


def write_examples(directory: Path, split: str, image_ids: range, encode: Callable[[int], bytes] = encoded) -> str:
    import tensorflow as tf

    (directory / f"Split-{split}").mkdir(parents=True, exist_ok=True)
    with tf.io.TFRecordWriter(str(directory / f"Split-{split}" / "data")) as writer:
        for image_id in image_ids:
            values = {features.RECORD: record_to_json(record(image_id)), features.IMAGE_ENCODED: encode(image_id)}
            lists = {k: tf.train.Feature(bytes_list=tf.train.BytesList(value=[v])) for k, v in values.items()}
            writer.write(tf.train.Example(features=tf.train.Features(feature=lists)).SerializeToString())
    return dataset_digest(LABEL_MAP, {i: image_digest(record(i), encode(i)) for i in image_ids})


def examples(directory: Path, span: int, **splits: range) -> Any:
    from tfx.types import artifact_utils, standard_artifacts

    artifact = standard_artifacts.Examples()
    artifact.uri = str(directory)
    artifact.split_names = artifact_utils.encode_split_names(list(SPLITS))
    digest = ""
    (directory / FINGERPRINTS).mkdir(parents=True)
    for split, image_ids in splits.items():
        digest = write_examples(directory, split, image_ids)
        lines = [line_of(image_id, bits_of(image_id)) for image_id in image_ids]
        (directory / FINGERPRINTS / split).write_text("\n".join(lines))
        (directory / LOOKS).mkdir(exist_ok=True)
        (directory / LOOKS / f"{split}.npz").write_bytes(looks_of(image_ids, span).to_bytes())
    images = {split: len(splits.get(split, ())) for split in SPLITS}
    info = DataSetInfo("here", "coco", span, 1, digest, LABEL_MAP.names, LABEL_MAP.category_ids, images, images)
    (directory / DATASET_FILE).write_text(DATASET_FORMAT.write(info))
    return artifact


def turn_labels(directory: Path) -> None:
    """Gives a span of cats and dogs its classes the other way round."""
    import tensorflow as tf

    info = DATASET_FORMAT.read((directory / DATASET_FILE).read_text(), DATASET_FILE)
    turned = dataclasses.replace(info, class_names=tuple(reversed(info.class_names)), category_ids=(1, 2))
    (directory / DATASET_FILE).write_text(DATASET_FORMAT.write(turned))
    for file in directory.glob("Split-*/data"):
        rows = [tf.train.Example.FromString(row.numpy()) for row in tf.data.TFRecordDataset(str(file))]
        with tf.io.TFRecordWriter(str(file)) as writer:
            for row in rows:
                [text] = row.features.feature[features.RECORD].bytes_list.value
                values = json.loads(text)
                values["labels"] = [3 - label for label in values["labels"]]
                row.features.feature[features.RECORD].bytes_list.value[:] = [json.dumps(values).encode()]
                writer.write(row.SerializeToString())


def parsed(text: str) -> Any:
    """A COCO file, its boxes and classes in an order of their own."""
    document = json.loads(text)
    if isinstance(document, list):
        return sorted(map(str, document))
    document["annotations"] = sorted(str({**entry, "id": 0}) for entry in document["annotations"])
    return document


def thumbnail_of(image_id: int) -> np.ndarray:
    return np.random.default_rng(image_id).integers(0, 256, (64, 64), np.uint8)


def bits_of(image_id: int) -> np.ndarray:
    return hash_bits(thumbnail_of(image_id))


def looks_of(image_ids: Sequence[int], span: int) -> Looks:
    """Each image looks as its number says, and has a box where no other has one."""
    return Looks(
        prints=Fingerprints.parse([line_of(image_id, bits_of(image_id)) for image_id in image_ids], span),
        thumbnails=np.stack([thumbnail_of(image_id) for image_id in image_ids]),
        box_counts=np.ones(len(image_ids), np.int64),
        boxes_xywh=np.array([[image_id / 1000, 0.1, 0.1, 0.1] for image_id in image_ids], np.float32),
    )


def model(directory: Path, trained_on: range, names: tuple[str, ...] = LABEL_MAP.names, **options: Any) -> Any:
    from tfx.types import standard_artifacts

    artifact = standard_artifacts.Model()
    artifact.uri = str(directory)
    save_reader(directory / "Format-Serving", **options)
    lines = [line_of(image_id, bits_of(image_id)) for image_id in trained_on]
    (directory / "Format-Serving" / "assets.extra").mkdir(exist_ok=True)
    (directory / "Format-Serving" / LABELS_FILE).write_text(json.dumps(names))
    (directory / "Format-Serving" / TRAINING_IMAGES_FILE).write_bytes(Fingerprints.parse(lines, 2).to_bytes())
    return artifact


@pytest.fixture
def world(tmp_path: Path) -> World:
    golden = examples(tmp_path / "golden", 0, eval=range(IMAGES))
    span = examples(tmp_path / "span", 2, train=range(100, 150), eval=range(150, 160), held_out=range(160, 170))
    baseline = model(tmp_path / "baseline", range(90, 95))
    info = DATASET_FORMAT.read(Path(golden.uri, DATASET_FILE).read_text(), DATASET_FILE)
    baseline.set_int_custom_property("has_baseline", 1)
    baseline.set_string_custom_property("version", "1700000000")
    baseline.set_string_custom_property("golden_digest", info.digest)
    baseline.set_string_custom_property("golden_uses", json.dumps({info.digest: 3}))
    return World(tmp_path, golden, span, model(tmp_path / "candidate", range(100, 150)), baseline)


def rules(evaluation: Evaluation) -> list[str]:
    return [reason.rule for reason in evaluation.decision.failures]


def test_an_equal_candidate_is_blessed_with_what_pusher_and_resolver_look_for(world: World) -> None:
    evaluation, blessing = world.evaluate()
    assert (evaluation.decision.verdict, rules(evaluation)) == (Verdict.PUSHED, [])
    assert blessing.get_int_custom_property("blessed") == 1
    assert blessing.get_string_custom_property("current_model") == world.candidate.uri
    assert blessing.get_string_custom_property("baseline_model") == world.baseline.uri
    assert [path.name for path in Path(blessing.uri).iterdir()] == ["BLESSED"]
    assert {name: data.images for name, data in evaluation.data_sets.items()} == {
        "golden": IMAGES,
        "held_out": 10,
        "train_sample": 50,
    }
    [budget] = [reason for reason in evaluation.decision.reasons if reason.rule == "trust:golden_budget"]
    assert "decision 4 of" in budget.actual
    assert "camera=a" in evaluation.golden.candidate.per_slice


def test_no_baseline_is_a_first_model(world: World) -> None:
    world.baseline.set_int_custom_property("has_baseline", 0)
    evaluation, blessing = world.evaluate()
    assert evaluation.decision.verdict is Verdict.BOOTSTRAPPED
    assert blessing.get_int_custom_property("blessed") == 1
    assert not blessing.get_string_custom_property("baseline_model")


def test_a_model_that_returns_constants_is_blocked(world: World, tmp_path: Path) -> None:
    constant = model(tmp_path / "constant", range(100, 150), constant=True)
    world.candidate.uri = constant.uri
    evaluation, blessing = world.evaluate()
    assert evaluation.decision.verdict is Verdict.BLOCKED
    assert "map_drop" in rules(evaluation)
    assert blessing.get_int_custom_property("blessed") == 0
    assert [path.name for path in Path(blessing.uri).iterdir()] == ["NOT_BLESSED"]


def test_a_candidate_that_finds_what_is_no_number_is_blocked(world: World, tmp_path: Path) -> None:
    world.candidate.uri = model(tmp_path / "nan", range(100, 150), no_numbers=True).uri
    evaluation, _ = world.evaluate()
    assert evaluation.decision.verdict is Verdict.BLOCKED
    assert rules(evaluation)[0] == "training:detections"
    assert not evaluation.decision.evaluation_broken
    assert "the box [nan, nan, nan, nan], which must be finite numbers" in evaluation.decision.failures[0].actual
    assert evaluation.golden.candidate.coco["AP"] == 0


def test_a_baseline_that_finds_what_is_no_number_is_an_error(world: World, tmp_path: Path) -> None:
    world.baseline.uri = model(tmp_path / "nan", range(90, 95), no_numbers=True).uri
    with pytest.raises(StateError, match=r"baseline .*: returns for image \d+ the box \[nan"):
        world.evaluate()


def test_a_baseline_that_returns_constants_does_not_make_a_push(world: World, tmp_path: Path) -> None:
    constant = model(tmp_path / "constant", range(90, 95), constant=True)
    world.baseline.uri = constant.uri
    evaluation, _ = world.evaluate()
    assert rules(evaluation) == ["trust:shuffled_detections:baseline"]


def test_golden_examples_that_were_tampered_with_block(world: World) -> None:
    def other(image_id: int) -> bytes:
        return encoded(image_id) + (b" " if image_id == 7 else b"")

    write_examples(Path(world.golden.uri), "eval", range(IMAGES), other)
    evaluation, _ = world.evaluate()
    assert rules(evaluation) == ["trust:golden_digest"]


def test_another_golden_set_than_the_recorded_one_blocks(world: World) -> None:
    world.baseline.set_string_custom_property("golden_digest", "0" * 64)
    assert rules(world.evaluate()[0]) == ["trust:golden_digest"]


def test_a_golden_image_among_the_training_images_blocks(world: World, tmp_path: Path) -> None:
    span = examples(tmp_path / "leaked", 2, train=range(35, 60), eval=range(150, 160), held_out=range(160, 170))
    world = dataclasses.replace(world, span=span)
    lines = [line_of(37, bits_of(37))]  # of the span, the candidate was trained on that image
    (world.path("candidate") / TRAINING_IMAGES_FILE).write_bytes(Fingerprints.parse(lines, 2).to_bytes())
    evaluation, _ = world.evaluate()
    assert rules(evaluation) == ["trust:leak"]
    assert "golden image 37 is image 37 of span 2" in evaluation.decision.failures[0].actual
    switched_off, _ = world.evaluate(copies=CopySettings(check=False, reason="one camera"))
    assert switched_off.decision.verdict is Verdict.PUSHED
    [untested] = [reason for reason in switched_off.decision.reasons if not reason.tested]
    assert untested.actual.startswith("not tested: one camera")


def test_an_image_of_which_only_the_hash_is_left_is_a_suspicion(world: World) -> None:
    lines = [line_of(500, bits_of(7))]
    (world.path("baseline") / TRAINING_IMAGES_FILE).write_bytes(Fingerprints.parse(lines, 1).to_bytes())
    evaluation, _ = world.evaluate()
    [leak] = [reason for reason in evaluation.decision.warnings if reason.rule == "trust:leak"]
    assert "golden image 7 looks like image 500 of span 1" in leak.actual


def test_a_model_that_does_not_say_what_it_was_trained_on_is_blocked(world: World) -> None:
    (world.path("candidate") / TRAINING_IMAGES_FILE).unlink()
    assert rules(world.evaluate()[0]) == ["trust:leak"]


def test_a_golden_set_that_is_used_up_blocks_until_its_budget_is_raised_by_name(world: World) -> None:
    evaluation, blessing = world.evaluate(EvaluatorSettings(resamples=200, golden_budget=3))
    assert (evaluation.decision.verdict, rules(evaluation)) == (Verdict.BLOCKED, ["trust:golden_budget"])
    assert not evaluation.decision.evaluation_broken
    assert blessing.get_int_custom_property("blessed") == 0
    raised, _ = world.evaluate(EvaluatorSettings(resamples=200, golden_budget=4))
    assert raised.decision.verdict is Verdict.PUSHED
    assert "trust:golden_budget" in [reason.rule for reason in raised.decision.warnings]


@pytest.mark.parametrize(
    ("golden", "bar", "failed"),
    [("this", "high_water", ["map_drop"]), ("this", "baseline", []), ("another", "high_water", [])],
)
def test_the_best_served_model_of_this_golden_set_is_known_and_may_be_the_bar(
    world: World, golden: str, bar: Any, failed: list[str]
) -> None:
    digest = world.baseline.get_string_custom_property("golden_digest") if golden == "this" else golden
    mark = HighWaterMark("1600000000", 1.5, "better", digest, "the approval of Ada on 2030-01-03")
    world.baseline.set_string_custom_property("high_water_marks", json.dumps({digest: dataclasses.asdict(mark)}))
    evaluation, _ = world.evaluate(EvaluatorSettings(resamples=200, bar=bar))
    assert rules(evaluation) == failed
    assert evaluation.high_water == (mark if golden == "this" else None)
    warned = "map_drop" in [reason.rule for reason in evaluation.decision.warnings]
    assert warned is (golden == "this" and bar == "baseline")


def test_a_golden_set_that_is_too_small_decides_nothing(world: World) -> None:
    assert rules(world.evaluate(EvaluatorSettings(resamples=200, min_golden_images=41))[0]) == ["trust:enough"]


def test_golden_images_beyond_what_is_counted_or_what_a_model_gives_block(world: World) -> None:
    """An image holds up to 3 objects, up to 2 of a class."""
    for name, limit in (("candidate", 2), ("baseline", 1)):
        kept = training_record(model={"max_detections": limit})
        (world.path(name) / RECORD_FILE).write_text(TRAINING_RECORD_FORMAT.write(kept))
    evaluation, _ = world.evaluate(EvaluatorSettings(resamples=200, max_detections=1))
    assert rules(evaluation)[:2] == ["trust:max_detections", "trust:max_detections:candidate"]
    assert "trust:max_detections:baseline" in [reason.rule for reason in evaluation.decision.warnings]
    assert evaluation.golden.max_detections == 1
    assert "AR100" not in evaluation.golden.candidate.coco


def test_golden_areas_that_were_mended_are_warned_of(world: World) -> None:
    path = Path(world.golden.uri, DATASET_FILE)
    info = DATASET_FORMAT.read(path.read_text(), DATASET_FILE)
    path.write_text(DATASET_FORMAT.write(dataclasses.replace(info, mended_areas="3 of 9 objects")))
    evaluation, _ = world.evaluate()
    assert ("trust:areas", "3 of 9 objects") in [(each.rule, each.actual) for each in evaluation.decision.warnings]


def test_a_model_of_other_classes_is_an_error(world: World) -> None:
    (world.path("candidate") / LABELS_FILE).write_text('["dog", "cow"]')
    with pytest.raises(StateError, match=r"candidate .*its classes are dog, cow, the golden set's are cat, dog"):
        world.evaluate()


def test_candidate_and_span_in_another_order_of_the_classes_measure_the_same(world: World, tmp_path: Path) -> None:
    evaluation, _ = world.evaluate()
    turned_around: dict[str, Any] = {"names": ("dog", "cat"), "taken_for": (2, 1)}
    world.candidate.uri = model(tmp_path / "turned", range(100, 150), **turned_around).uri
    turn_labels(Path(world.span.uri))
    turned, _ = world.evaluate()
    assert turned.data_sets == evaluation.data_sets
    assert [reason for reason in turned.decision.reasons if not reason.rule.startswith("trust:leak")] == [
        reason for reason in evaluation.decision.reasons if not reason.rule.startswith("trust:leak")
    ]
    for data_set in evaluation.data_sets:
        for file in ("ground_truth.json", "candidate_detections.json", "baseline_detections.json"):
            first, second = (Path(world.directory, f"evaluation-{n}", data_set, file).read_text() for n in (0, 1))
            assert parsed(first) == parsed(second)
    probe = str(world.directory / "evaluation-1" / PROBE_FILE)
    answered = check_serving(str(world.path("candidate")), probe, run=in_this_process)  # in its own label map
    assert answered.passed, answered.actual


def reprocess(world: World, **options: Any) -> None:
    """Gives the candidate another post-processing than the baseline's, which with it answers as `options` say."""
    directory = Path(world.candidate.uri) / BASELINE_DIRECTORY
    save_reader(directory, **options)
    record = training_record(
        post_processing=(SettingChange("score_threshold", 0.05, 0.5),),
        baseline_for_comparison=model_digest(str(directory), LOCAL_FILES),
    )
    (world.path("candidate") / RECORD_FILE).write_text(TRAINING_RECORD_FORMAT.write(record))


def test_both_models_are_measured_with_one_post_processing_and_against_what_is_served(
    world: World, tmp_path: Path
) -> None:
    before, _ = world.evaluate()
    assert before.post_processing is None
    worse: dict[str, Any] = {"taken_for": (1, 1)}  # so that dogs are cats
    world.candidate.uri = model(tmp_path / "worse", range(100, 150), **worse).uri
    reprocess(world, **worse)
    evaluation, blessing = world.evaluate()
    assert evaluation.decision.verdict is Verdict.BLOCKED
    assert rules(evaluation)[0] == "map_drop_as_served"
    assert {"class_drop_as_served:dog", "map_interval_as_served"} < set(rules(evaluation))
    assert all("_as_served" in rule for rule in rules(evaluation))
    assert evaluation.golden.baseline == evaluation.golden.candidate
    assert evaluation.post_processing is not None
    assert evaluation.post_processing.changed == "score_threshold 0.05 -> 0.5"
    assert evaluation.post_processing.as_served.baseline == before.golden.baseline
    assert evaluation.post_processing.as_served.candidate == evaluation.golden.candidate
    # What would be replaced, and what it was trained on, is the served model.
    assert evaluation.baseline_digest == world.digest("baseline")
    assert blessing.get_string_custom_property("baseline_model") == world.baseline.uri
    assert evaluation.serving is not None
    assert before.serving is not None
    assert evaluation.serving.baseline is not None
    assert before.serving.baseline is not None
    assert evaluation.serving.baseline.size_bytes == before.serving.baseline.size_bytes
    files = [Path(world.directory, f"evaluation-{n}", "golden") for n in (0, 1)]
    assert (files[1] / AS_SERVED_FILE).read_text() == (files[0] / "baseline_detections.json").read_text()
    assert (files[1] / "baseline_detections.json").read_text() == (files[1] / "candidate_detections.json").read_text()
    assert not (files[0] / AS_SERVED_FILE).exists()


def test_what_training_lost_is_not_hidden_by_a_post_processing_that_gains(world: World, tmp_path: Path) -> None:
    world.baseline.uri = model(tmp_path / "served", range(90, 95), taken_for=(1, 1)).uri
    world.candidate.uri = model(tmp_path / "worse", range(100, 150), taken_for=(1, 1)).uri
    reprocess(world)
    evaluation, _ = world.evaluate()
    assert evaluation.decision.verdict is Verdict.BLOCKED
    assert "map_drop" in rules(evaluation)
    assert not any("as_served" in rule for rule in rules(evaluation))


def test_another_baseline_for_comparison_than_the_trainer_wrote_is_an_error(world: World) -> None:
    reprocess(world)
    (Path(world.candidate.uri) / BASELINE_DIRECTORY / "more").write_text("x")
    with pytest.raises(StateError, match=r"Format-Baseline: not the baseline .* --anew"):
        world.evaluate()
    shutil.rmtree(Path(world.candidate.uri) / BASELINE_DIRECTORY)
    with pytest.raises(StateError, match=r"Format-Baseline: not the baseline .* --anew"):
        world.evaluate()


def test_a_baseline_of_fewer_classes_and_another_post_processing_is_measured_over_its_own(
    world: World, tmp_path: Path
) -> None:
    world.baseline.uri = model(tmp_path / "fewer", range(90, 95), names=("dog",), taken_for=(1, 1)).uri
    reprocess(world, taken_for=(1, 1))
    evaluation, _ = world.evaluate()
    assert evaluation.decision.verdict is Verdict.PUSHED
    assert evaluation.post_processing is not None
    assert evaluation.post_processing.as_served.baseline == evaluation.golden.baseline
    assert evaluation.post_processing.as_served.new_classes == ("cat",)


def test_a_baseline_of_the_same_classes_in_another_order_measures_the_same(world: World, tmp_path: Path) -> None:
    evaluation, _ = world.evaluate()
    world.baseline.uri = model(tmp_path / "turned", range(90, 95), names=("dog", "cat"), taken_for=(2, 1)).uri
    turned, _ = world.evaluate()
    assert (turned.decision, turned.data_sets) == (evaluation.decision, evaluation.data_sets)
    written = [Path(world.directory, f"evaluation-{n}", "golden", "baseline_detections.json") for n in (0, 1)]
    assert written[0].read_text() == written[1].read_text()


def test_a_baseline_that_knows_fewer_classes_is_compared_over_those(world: World, tmp_path: Path) -> None:
    world.baseline.uri = model(tmp_path / "fewer", range(90, 95), names=("dog",), taken_for=(1, 1)).uri
    evaluation, blessing = world.evaluate()
    assert evaluation.decision.verdict is Verdict.PUSHED
    assert blessing.get_int_custom_property("blessed") == 1
    assert "new_classes" in [reason.rule for reason in evaluation.decision.warnings]
    assert {name: data.new_classes for name, data in evaluation.data_sets.items()} == dict.fromkeys(
        ("golden", "held_out", "train_sample"), ("cat",)
    )
    found = json.loads(Path(world.directory, "evaluation-0", "golden", "baseline_detections.json").read_text())
    assert {entry["category_id"] for entry in found} == {LABEL_MAP.category_ids[1]}
    assert len(found) == 3 * IMAGES  # it takes cats for dogs


def test_a_candidate_that_forgets_the_old_for_a_new_class_is_blocked(world: World, tmp_path: Path) -> None:
    world.baseline.uri = model(tmp_path / "fewer", range(90, 95), names=("dog",), taken_for=(1, 1)).uri
    world.candidate.uri = model(tmp_path / "forgets", range(100, 150), taken_for=(1, 1)).uri  # dogs are cats to it
    evaluation, _ = world.evaluate()
    assert evaluation.golden.candidate.per_class["cat"] > 0
    assert evaluation.decision.verdict is Verdict.BLOCKED
    assert "map_drop" in rules(evaluation)


def test_objects_of_new_classes_do_not_make_the_comparison_large_enough(world: World, tmp_path: Path) -> None:
    world.baseline.uri = model(tmp_path / "fewer", range(90, 95), names=("dog",), taken_for=(1, 1)).uri
    dogs = sum(int((record(image_id).truth.labels == 2).sum()) for image_id in range(IMAGES))
    settings = EvaluatorSettings(resamples=200, min_golden_objects=dogs + 1)
    assert rules(world.evaluate(settings)[0]) == ["trust:enough"]


def test_a_baseline_of_a_class_that_the_golden_set_lacks_is_an_error(world: World) -> None:
    (world.path("baseline") / LABELS_FILE).write_text('["cat", "owl"]')
    with pytest.raises(StateError, match=r"baseline \(.*\): it knows owl, which the golden set does not have"):
        world.evaluate()


def test_a_model_that_cannot_be_loaded_is_an_error(world: World) -> None:
    (world.path("candidate") / "saved_model.pb").write_bytes(b"x")
    with pytest.raises(StateError, match=r"candidate .*cannot be loaded as a SavedModel"):
        world.evaluate()


def test_images_that_are_missing_are_an_error(world: World) -> None:
    write_examples(Path(world.golden.uri), "eval", range(IMAGES - 1))
    with pytest.raises(StateError, match="golden: 39 images were read where 40 were written"):
        world.evaluate()


def alter(directory: Path) -> None:
    """A damage that no loading would notice."""
    (directory / TRAINING_IMAGES_FILE).write_bytes((directory / TRAINING_IMAGES_FILE).read_bytes() + b" ")


def test_the_blessing_says_which_bytes_were_measured_against_which(world: World) -> None:
    evaluation, blessing = world.evaluate()
    said = Blessing.from_properties({name: blessing.get_string_custom_property(name) for name in PROPERTIES})
    directory = world.directory / "evaluation-0"
    assert said == Blessing(
        model_digest=world.digest("candidate"),
        baseline_digest=world.digest("baseline"),
        baseline_version="1700000000",
        evaluation=str(directory),
        evaluation_digest=hashlib.sha256((directory / EVALUATION_FILE).read_bytes()).hexdigest(),
    )
    assert (evaluation.candidate_digest, evaluation.baseline_digest) == (said.model_digest, said.baseline_digest)


def test_a_first_model_is_blessed_over_nothing(world: World) -> None:
    world.baseline.set_int_custom_property("has_baseline", 0)
    evaluation, blessing = world.evaluate()
    assert evaluation.baseline_digest is None
    assert blessing.get_string_custom_property("baseline_digest") == ""
    assert evaluation.serving is not None
    assert evaluation.serving.baseline is None


@pytest.mark.parametrize("model", ["candidate", "baseline"])
def test_files_that_change_while_they_are_measured_bless_nothing(world: World, model: str) -> None:
    before = world.digest(model)
    with pytest.raises(StateError, match=rf"{model} \(.*{model}/Format-Serving\): .*content digest.*{before[:12]}"):
        world.evaluate(then=lambda: alter(world.path(model)))
    assert not (world.directory / "blessing-0").exists()
    assert not (world.directory / "evaluation-0" / EVALUATION_FILE).exists()


def test_another_baseline_than_the_recorded_one_blesses_nothing(world: World) -> None:
    world.baseline.set_string_custom_property("digest", WRONG)
    found = world.digest("baseline")[:12]
    with pytest.raises(StateError, match=rf"digest is {found}, that of the served version 1700000000 is {WRONG[:12]}"):
        world.evaluate()
    assert not (world.directory / "evaluation-0").exists()


def test_another_model_in_the_same_place_is_loaded_anew(world: World) -> None:
    first, _ = world.evaluate()
    shutil.rmtree(world.path("candidate"))
    model(world.directory / "candidate", range(100, 150), constant=True)
    second, _ = world.evaluate()
    assert (first.decision.verdict, second.decision.verdict) == (Verdict.PUSHED, Verdict.BLOCKED)
    assert first.candidate_digest != second.candidate_digest


def test_the_probe_is_what_the_candidate_answers_and_no_other_model(world: World, tmp_path: Path) -> None:
    world.evaluate()
    probe = str(world.directory / "evaluation-0" / PROBE_FILE)
    reason = check_serving(str(world.path("candidate")), probe, run=in_this_process)
    assert reason.passed, reason.actual
    assert "8 golden images" in reason.expected
    assert "24 detections" in reason.actual
    other = model(tmp_path / "other", range(100, 150), taken_for=(2, 1))
    assert not check_serving(f"{other.uri}/Format-Serving", probe, run=in_this_process).passed


def test_latency_and_size_are_measured_and_judged_when_a_limit_is_set(world: World) -> None:
    evaluation, _ = world.evaluate(dataclasses.replace(SETTINGS, max_latency_ms=1e-6, max_size_ratio=1.5))
    assert rules(evaluation) == ["serving:latency"]
    serving = evaluation.serving
    assert serving is not None
    assert serving.baseline is not None
    assert serving.candidate.latency_ms > 0
    assert serving.baseline.latency_ms > 0
    sizes = [path.stat().st_size for path in world.path("candidate").rglob("*") if path.is_file()]
    assert serving.candidate.size_bytes == sum(sizes)
