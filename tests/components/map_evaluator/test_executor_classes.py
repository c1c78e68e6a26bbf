"""MapEvaluator of models that differ in classes, their order, and post-processing."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from ratchet.components.detector.serving_check import check_serving
from ratchet.components.map_evaluator.settings import EvaluatorSettings
from ratchet.schemas.artifacts.decisions import Verdict
from ratchet.schemas.artifacts.evaluation import (
    AS_SERVED_FILE,
    PROBE_FILE,
)
from ratchet.schemas.artifacts.training_record import (
    BASELINE_DIRECTORY,
    LABELS_FILE,
    RECORD_FILE,
    TRAINING_RECORD_FORMAT,
    SettingChange,
)
from ratchet.schemas.base.errors import StateError
from ratchet.schemas.base.files import LOCAL_FILES
from ratchet.schemas.base.model_digest import model_digest
from tests.builders import training_record
from tests.components.detector.test_answers import in_this_process
from tests.components.map_evaluator.evaluated_world import (
    IMAGES,
    World,
    model,
    parsed,
    rules,
    turn_labels,
    world,
)
from tests.components.map_evaluator.test_beam_evaluation import LABEL_MAP, record, save_reader

__all__ = ["world"]  # the fixture

pytestmark = pytest.mark.tensorflow


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
