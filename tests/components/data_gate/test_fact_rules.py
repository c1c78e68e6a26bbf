from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

from ratchet.components.data_gate.fact_rules import (
    ClassShare,
    DetectorSight,
    class_shares,
    fact_reasons,
    unseen_small_objects,
)
from ratchet.components.data_gate.settings import FactLimits
from ratchet.schemas.artifacts.decisions import Reason
from ratchet.schemas.data import facts as counted
from ratchet.schemas.data.facts import ClassFact, DataSetFacts, Fact
from ratchet.schemas.data.feature_sample import FeatureSample

SOUND = DataSetFacts(
    images=400,
    objects=1000,
    classes=(ClassFact("cat", 880, 300), ClassFact("dog", 120, 90)),
    side_shares=tuple(np.linspace(0.05, 0.3, 101).tolist()),
)
BEFORE = {"cat": ClassShare(0.88, 0.75), "dog": ClassShare(0.12, 0.22)}


def judge(
    facts: DataSetFacts = SOUND,
    trained_on: dict[str, ClassShare] | None = None,
    golden: DataSetFacts | None = None,
    sight: DetectorSight | None = None,
    **limits: Any,
) -> dict[str, Reason]:
    reasons = fact_reasons(facts, golden, trained_on, sight, FactLimits(**limits))
    return {reason.rule: reason for reason in reasons}


def with_count(name: str, count: int, of: int, **parts: Any) -> DataSetFacts:
    return dataclasses.replace(SOUND, counts={name: Fact(count, of, ("bad.jpg",), **parts)})


def state(reason: Reason) -> str:
    return "reject" if not reason.passed else "warn" if reason.warning else "pass"


def test_sound_data_passes_every_rule_before_a_first_model_and_after_it() -> None:
    for trained_on in (None, BEFORE):
        reasons = judge(trained_on=trained_on, golden=SOUND, sight=DetectorSight(512, 8))
        assert {rule: state(reason) for rule, reason in reasons.items()} == dict.fromkeys(reasons, "pass")
        assert all(reason.tested and not reason.images for reason in reasons.values())
        assert len(reasons) == 11 - (trained_on is not None)


@pytest.mark.parametrize(
    ("rule", "name", "of", "shares"),
    [
        ("labels:duplicates", counted.REPEATED_OBJECTS, 1000, {2: "pass", 11: "warn", 100: "warn", 101: "reject"}),
        ("facts:blank", counted.BLANK, 400, {4: "pass", 5: "warn", 41: "reject"}),
        ("facts:outside_content", counted.OUTSIDE_CONTENT, 1000, {10: "pass", 11: "warn", 101: "reject"}),
        ("facts:unlabelled_end", counted.UNLABELLED_END, 400, {0: "pass", 6: "warn", 41: "reject"}),
        ("facts:without_objects", counted.WITHOUT_OBJECTS, 400, {150: "pass", 201: "warn", 381: "reject"}),
        ("facts:two_classes", counted.TWO_CLASSES, 1000, {10: "pass", 11: "warn", 900: "warn"}),
        ("facts:crowds", counted.CROWDS, 1000, {100: "pass", 101: "warn", 999: "warn", 1000: "reject"}),
    ],
)
def test_shares_warn_and_reject_beyond_their_limits(rule: str, name: str, of: int, shares: dict[int, str]) -> None:
    reasons = {count: judge(with_count(name, count, of))[rule] for count in shares}
    assert {count: state(reason) for count, reason in reasons.items()} == shares
    for count, reason in reasons.items():
        assert (reason.strength or 0) > 1 or reason.passed
        assert (reason.images == ("bad.jpg",)) is (state(reason) != "pass" or name == counted.UNLABELLED_END)
        assert f"{count:,}" in reason.actual or not count


def test_a_limit_of_the_configuration_counts() -> None:
    assert (
        state(judge(with_count(counted.REPEATED_OBJECTS, 40, 1000), repeated_objects=0.03)["labels:duplicates"])
        == "reject"
    )


def test_doubled_objects_are_told_with_number_and_share() -> None:
    reason = judge(with_count(counted.REPEATED_OBJECTS, 485, 1914))["labels:duplicates"]
    assert reason.actual == "485 of 1,914 objects (25 %) are labelled twice"
    assert reason.strength == pytest.approx(2.53, abs=0.01)


def without_dogs(images: int = 24) -> DataSetFacts:
    return dataclasses.replace(SOUND, images=images, classes=(ClassFact("cat", 60, images), ClassFact("dog", 0, 0)))


def test_a_class_without_a_box_is_named_with_its_share_before() -> None:
    reason = judge(without_dogs(), trained_on={"cat": ClassShare(0.88, 0.7), "dog": ClassShare(0.12, 0.5)})
    assert state(reason["facts:missing_classes"]) == "warn"
    assert reason["facts:missing_classes"].actual == "no dog in this span; 12 % of the objects before"


def test_a_first_model_cannot_do_without_a_class_that_the_golden_set_measures() -> None:
    reason = judge(without_dogs(40), golden=SOUND)["facts:missing_classes"]
    assert state(reason) == "reject"
    assert reason.actual == "no dog in this span; 12 % of the objects in the golden set"


def test_a_rare_class_is_missing_by_chance() -> None:
    rare = {"cat": ClassShare(0.99, 0.99), "dog": ClassShare(0.01, 0.05)}
    assert state(judge(without_dogs(), trained_on=rare)["facts:missing_classes"]) == "pass"
    assert state(judge(without_dogs(60), trained_on=rare)["facts:missing_classes"]) == "warn"
    golden = dataclasses.replace(SOUND, classes=(SOUND.classes[0], ClassFact("dog", 25, 20)))
    assert state(judge(without_dogs(60), golden=golden)["facts:missing_classes"]) == "warn"


def test_a_class_that_stops_is_told_with_its_place() -> None:
    ended = dataclasses.replace(SOUND, classes=(SOUND.classes[0], ClassFact("dog", 120, 90, ends_after=180)))
    reason = judge(ended)["facts:class_ends"]
    assert state(reason) == "warn"
    assert reason.actual == "dog is in 90 of the first 180 images and in none of the 220 after them"


def test_a_first_model_is_told_of_classes_with_hardly_an_object() -> None:
    few = dataclasses.replace(SOUND, classes=(SOUND.classes[0], ClassFact("dog", 3, 3)))
    assert judge(few)["facts:few_objects"].actual == "dog 3"
    assert "facts:few_objects" not in judge(few, trained_on=BEFORE)


def test_crowds_are_no_objects_to_learn_a_class_from() -> None:
    crowds = dataclasses.replace(SOUND, classes=(SOUND.classes[0], ClassFact("dog", 120, 90, crowds=119)))
    assert judge(crowds)["facts:few_objects"].actual == "dog 1 beside 119 crowds"


def test_crowds_alone_are_refused_with_the_field_to_correct() -> None:
    reason = judge(with_count(counted.CROWDS, 3, 3))["facts:crowds"]
    assert reason.actual.startswith(
        "3 of 3 objects (100 %) are marked as a crowd (iscrowd 1): nothing is left to train on"
    )
    assert "set iscrowd to 0" in reason.actual


def test_objects_below_a_stride_at_the_input_size_are_told() -> None:
    reason = judge(sight=DetectorSight(80, 8))["facts:small_objects"]
    assert state(reason) == "warn"
    assert reason.actual == (
        "20 % of the objects are below 8 px at the detector's input size of 80 px; the median object has 14 px"
    )
    assert state(judge(sight=DetectorSight(160, 8))["facts:small_objects"]) == "pass"


def test_of_a_detector_of_another_trainer_small_objects_are_said_not_to_be_tested() -> None:
    told = unseen_small_objects("mine.train.run_fn")
    assert (told.rule, told.passed, told.tested) == ("facts:small_objects", True, False)
    assert "mine.train.run_fn" in told.actual


def test_the_sight_of_a_detector_follows_from_its_settings() -> None:
    assert DetectorSight.of({"input_size": [256, 384], "min_level": 3}) == DetectorSight(384, 8)
    assert DetectorSight.of({"input_size": "auto", "min_level": 3}) is None


def test_shares_of_classes_come_from_the_sample_of_the_training_images() -> None:
    sample = FeatureSample({}, {}, np.array([1, 1, 1, 2]), np.array([3, 1, 0, 0]), np.empty((4, 0)))
    assert class_shares(sample, ("cat", "dog")) == {"cat": ClassShare(0.75, 0.25), "dog": ClassShare(0.25, 0.25)}


def test_a_span_of_an_older_version_is_not_tested() -> None:
    assert {rule: (reason.passed, reason.tested) for rule, reason in judge(DataSetFacts()).items()} == {
        "labels:duplicates": (True, False)
    }
