"""The whole step on small artifacts: every way in which a candidate is not blessed, and the one in which it is."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from ratchet.components.detector.serving_check import check_serving
from ratchet.components.map_evaluator.settings import EvaluatorSettings
from ratchet.schemas.artifacts.blessing import PROPERTIES, Blessing
from ratchet.schemas.artifacts.decisions import Verdict
from ratchet.schemas.artifacts.evaluation import (
    EVALUATION_FILE,
    PROBE_FILE,
)
from ratchet.schemas.artifacts.golden_sets import GOLDEN_SETS_FILE, GOLDEN_SETS_FORMAT, GoldenSets
from ratchet.schemas.artifacts.high_water import HighWaterMark
from ratchet.schemas.artifacts.training_record import (
    RECORD_FILE,
    TRAINING_IMAGES_FILE,
    TRAINING_RECORD_FORMAT,
)
from ratchet.schemas.base.errors import StateError
from ratchet.schemas.data.copy_settings import CopySettings
from ratchet.schemas.data.dataset import (
    DATASET_FILE,
    DATASET_FORMAT,
)
from ratchet.schemas.data.fingerprints import Fingerprints, line_of
from tests.builders import training_record
from tests.components.detector.test_answers import in_this_process
from tests.components.map_evaluator.evaluated_world import (
    IMAGES,
    SETTINGS,
    WRONG,
    World,
    alter,
    bits_of,
    examples,
    model,
    rules,
    world,
    write_examples,
)
from tests.components.map_evaluator.test_beam_evaluation import encoded

__all__ = ["world"]  # the fixture

pytestmark = pytest.mark.tensorflow


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


@pytest.mark.parametrize("written_by", ["this version", "an earlier one"])
@pytest.mark.parametrize(
    ("golden", "bar", "failed"),
    [("this", "high_water", ["map_drop"]), ("this", "baseline", []), ("another", "high_water", [])],
)
def test_the_best_served_model_of_this_golden_set_is_known_and_may_be_the_bar(
    world: World, golden: str, bar: Any, failed: list[str], written_by: str
) -> None:
    digest = world.baseline.get_string_custom_property("golden_digest") if golden == "this" else golden
    mark = HighWaterMark("1600000000", 1.5, "better", digest, "the approval of Ada on 2030-01-03")
    if written_by == "this version":
        file = Path(world.baseline.uri, GOLDEN_SETS_FILE)
        file.write_text(GOLDEN_SETS_FORMAT.write(GoldenSets({digest: 3}, {digest: mark})))
    else:
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


def test_a_model_that_cannot_be_loaded_is_an_error(world: World) -> None:
    (world.path("candidate") / "saved_model.pb").write_bytes(b"x")
    with pytest.raises(StateError, match=r"candidate .*cannot be loaded as a SavedModel"):
        world.evaluate()


def test_images_that_are_missing_are_an_error(world: World) -> None:
    write_examples(Path(world.golden.uri), "eval", range(IMAGES - 1))
    with pytest.raises(StateError, match="golden: 39 images were read where 40 were written"):
        world.evaluate()


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
