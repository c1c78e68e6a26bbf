from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from ratchet.components.data_gate.copies import Copies
from ratchet.components.data_gate.rules import Anomaly, Baseline, Findings, decide
from ratchet.components.data_gate.settings import DataGateSettings
from ratchet.schemas.artifacts.decisions import NEVER_OBSERVED, DataDecision, DataVerdict, Reason
from ratchet.schemas.artifacts.history import History
from ratchet.schemas.data.dataset import BadBoxes
from ratchet.schemas.data.facts import CROWDS, DataSetFacts, Fact
from tests.builders import dataset_info, recorded_decision

GOLDEN = dataset_info(span=0, digest="golden", images={"train": 0, "eval": 50}, boxes={"train": 0, "eval": 120})
BASELINE = Baseline(class_names=("cat", "dog"), golden_digest="golden", images=600)
DARK = Reason("drift:qa/brightness", "distance at most 0.1", "darker")


def findings(**parts: Any) -> Findings:
    whole: dict[str, Any] = {
        "anomalies": (),
        "schema_classes": None,
        "leaked": Copies((), 600),
        "repeated": Copies((), 600),
        "labels": (),
        "drift": (),
        "image_names": {},
        "history": History(),
    }
    return Findings(**whole | parts)


def judge(settings: dict[str, Any] | None = None, **parts: Any) -> DataDecision:
    known = {"span": dataset_info(), "golden": GOLDEN, "baseline": BASELINE}
    known |= {key: parts.pop(key) for key in list(parts) if key in known}
    return decide(**known, findings=findings(**parts), settings=DataGateSettings(**settings or {}))


def failed(decision: DataDecision) -> list[str]:
    return [reason.rule for reason in decision.failures]


def test_a_sound_span_passes_and_says_what_was_looked_at() -> None:
    decision = judge(drift=[Reason("drift:qa/brightness", "little", "less", passed=True)])
    assert (decision.passed, decision.verdict) == (True, DataVerdict.PASS)
    assert {reason.rule for reason in decision.reasons} == {
        "classes:golden_set",
        "classes:served_model",
        "golden_boxes",
        "golden_unchanged",
        "span_version",
        "boxes:sound",
        "leak",
        "drift:qa/brightness",
        "schema",
        "repeated_images",
    }


def test_failed_rules_come_first_and_then_warnings() -> None:
    warning = Reason("drift:qa/num_boxes", "", "", passed=True, warning=True)
    decision = judge(drift=[warning, DARK])
    assert decision.verdict is DataVerdict.REJECT
    assert not decision.passed
    assert [reason.rule for reason in decision.reasons[:2]] == ["drift:qa/brightness", "drift:qa/num_boxes"]


def test_a_warning_lets_pass() -> None:
    decision = judge(drift=[Reason("drift:qa/num_boxes", "", "", passed=True, warning=True)])
    assert (decision.passed, decision.verdict) == (True, DataVerdict.WARN)


def test_a_schema_anomaly_stops_the_run_by_name() -> None:
    decision = judge(anomalies=[Anomaly("qa/contrast", "Out-of-range values")])
    assert failed(decision) == ["schema:qa/contrast"]
    assert decision.failures[0].actual == "Out-of-range values"


def test_other_classes_than_the_golden_set_stop_the_run() -> None:
    decision = judge(span=dataset_info(class_names=("cat", "dog", "fox")))
    assert failed(decision) == ["classes:golden_set"]
    assert decision.failures[0].actual == "cat, dog, fox; not in the golden set: fox"


def test_the_order_of_the_classes_changes_no_verdict_and_is_told() -> None:
    as_golden = judge(schema_classes=("cat", "dog"))
    turned = judge(span=dataset_info(class_names=("dog", "cat")), schema_classes=("cat", "dog"))
    assert [(reason.rule, reason.passed, reason.warning) for reason in turned.reasons] == [
        (reason.rule, reason.passed, reason.warning) for reason in as_golden.reasons
    ]
    told = {reason.rule: reason.actual for reason in turned.reasons if "dog, cat (in another order" in reason.actual}
    assert set(told) == {"classes:golden_set", "classes:schema"}


@pytest.mark.parametrize("other", ["Dog", "dog ", "d-o_g"])
def test_a_class_that_is_written_in_two_ways_is_pointed_at(other: str) -> None:
    reasons = judge(span=dataset_info(class_names=("cat", other))).failures
    assert [reason.rule for reason in reasons] == ["classes:golden_set", "classes:served_model"]
    assert all(f"written in two ways: {other!r} and 'dog'" in reason.actual for reason in reasons)


WITHOUT_BOXES = dataset_info(digest="golden", boxes={"train": 0, "eval": 0})


@pytest.mark.parametrize(
    ("parts", "rule"),
    [
        ({"span": dataset_info(class_names=("cat", "dog", "fox"))}, "classes:golden_set"),
        ({"golden": dataclasses.replace(GOLDEN, class_names=("cat", "dog", "fox"))}, "classes:golden_set"),
        (
            {
                "span": dataset_info(class_names=("cat",)),
                "golden": dataclasses.replace(GOLDEN, class_names=("cat",)),
            },
            "classes:served_model",
        ),
        ({"golden": WITHOUT_BOXES}, "golden_boxes"),
    ],
)
def test_what_makes_an_evaluation_impossible_stops_a_run_in_observe_mode_too(parts: dict[str, Any], rule: str) -> None:
    decision = judge(drift=[DARK], settings={"mode": "observe"}, **parts)
    assert (decision.passed, decision.observable) == (False, False)
    assert failed(decision)[0] == rule
    assert rule in NEVER_OBSERVED


def of_served_model(*class_names: str) -> tuple[DataDecision, Reason]:
    golden = dataclasses.replace(GOLDEN, class_names=class_names)
    decision = judge(span=dataset_info(class_names=class_names), golden=golden)
    return decision, next(reason for reason in decision.reasons if reason.rule == "classes:served_model")


@pytest.mark.parametrize("names", [("cat", "dog", "fox"), ("fox", "dog", "cat")])
def test_a_class_that_the_served_model_does_not_know_is_a_warning_that_names_it(names: tuple[str, ...]) -> None:
    decision, reason = of_served_model(*names)
    assert (decision.passed, decision.verdict) == (True, DataVerdict.WARN)
    assert (reason.passed, reason.warning) == (True, True)
    assert reason.actual.startswith("new: fox; ")


@pytest.mark.parametrize("names", [("cat",), ("cat", "wolf"), ("fox", "cat", "wolf")])
def test_a_class_of_the_served_model_that_is_gone_or_renamed_stops_the_run(names: tuple[str, ...]) -> None:
    decision, reason = of_served_model(*names)
    assert failed(decision) == ["classes:served_model"]
    assert reason.actual.startswith("missing: dog")
    assert ("a class that was only renamed needs its old name" in reason.actual) is (len(names) > 1)


def test_classes_in_another_order_are_the_same_classes() -> None:
    decision, reason = of_served_model("dog", "cat")
    assert decision.verdict is DataVerdict.PASS
    assert (reason.passed, reason.warning, reason.actual) == (True, False, "dog, cat")


def test_equal_classes_are_told_as_before() -> None:
    _, reason = of_served_model("cat", "dog")
    assert reason == Reason(
        "classes:served_model", "the classes of the served model: cat, dog; in any order", "cat, dog", passed=True
    )


def test_other_classes_than_the_schema_stop_the_run() -> None:
    assert failed(judge(schema_classes=("dog", "cow"))) == ["classes:schema"]
    assert judge(schema_classes=("cat", "dog")).passed
    assert judge(schema_classes=("dog", "cow"), settings={"mode": "observe"}).passed


def test_a_changed_golden_set_must_be_accepted_explicitly() -> None:
    changed = dataset_info(span=0, digest="other", boxes={"train": 0, "eval": 5})
    assert failed(judge(golden=changed)) == ["golden_unchanged"]
    accepted = judge(golden=changed, settings={"accept_new_golden": True})
    assert accepted.passed
    assert any("accepted by data_gate.accept_new_golden" in reason.actual for reason in accepted.reasons)


def test_a_changed_golden_set_with_exif_orientations_says_how_they_were_taken() -> None:
    turned = dataset_info(span=0, digest="other", boxes={"train": 0, "eval": 5}, exif="apply", oriented=3)
    [reason] = [each for each in judge(golden=turned).reasons if each.rule == "golden_unchanged"]
    assert reason.actual == "it is another golden set, 3 images with an EXIF orientation taken by data.exif: apply"


def test_a_golden_set_without_boxes_stops_the_run() -> None:
    empty = dataset_info(digest="golden", boxes={"train": 0, "eval": 0})
    assert failed(judge(golden=empty)) == ["golden_boxes"]


def test_a_golden_set_of_crowds_alone_measures_nothing() -> None:
    for crowds, stops in ((5, ["golden_boxes"]), (4, [])):
        facts = DataSetFacts(images=3, objects=5, counts={CROWDS: Fact(crowds, 5)})
        golden = dataset_info(digest="golden", boxes={"train": 0, "eval": 5}, facts=facts)
        decision = judge(golden=golden)
        assert failed(decision) == stops
        assert any("all of crowds" in reason.actual for reason in decision.reasons) is bool(stops)


def test_a_first_run_is_judged_without_a_baseline_and_a_check_without_a_golden_set() -> None:
    assert judge(baseline=None).passed
    assert judge(baseline=None, golden=None).passed


def test_observe_mode_records_a_failure_and_lets_pass() -> None:
    decision = judge(drift=[DARK], settings={"mode": "observe"})
    assert (decision.passed, decision.verdict) == (True, DataVerdict.REJECT)
    assert failed(decision) == ["drift:qa/brightness"]


BEFORE = History((recorded_decision(data_digest="span-digest", run_id="span-2-abc-1", verdict="PUSHED"),))


def test_a_span_that_changed_under_its_name_is_rejected_with_the_name_it_should_have() -> None:
    decision = judge(span=dataset_info(digest="relabelled"), history=BEFORE)
    assert failed(decision) == ["span_version"]
    assert "span-2-abc-1" in decision.failures[0].actual
    assert "deliver it as span-2-version-2" in decision.failures[0].actual


def test_a_new_version_of_a_span_is_welcome() -> None:
    assert judge(span=dataset_info(digest="relabelled", version=2), history=BEFORE).passed


def test_training_on_the_same_data_again_is_a_warning() -> None:
    [warning] = judge(history=BEFORE).warnings
    assert warning.rule == "span_version"
    assert "already trained on by run span-2-abc-1, which ended PUSHED" in warning.actual


@pytest.mark.parametrize(("count", "verdict"), [(0, "PASS"), (5, "WARN"), (10, "WARN"), (11, "REJECT")])
def test_unusable_boxes_are_a_warning_up_to_their_limit(count: int, verdict: str) -> None:
    bad = (
        BadBoxes(count, 1000, "[x1, y1, x2, y2]", ("annotations[3]: bbox outside",), ("a.jpg",))
        if count
        else BadBoxes()
    )
    decision = judge(span=dataset_info(bad_boxes=bad))
    assert decision.verdict.value == verdict
    if count:
        reason = decision.reasons[0]
        assert reason.rule == "boxes:sound"
        assert "make sense as [x1, y1, x2, y2]" in reason.actual
        assert reason.images == ("a.jpg",)


def test_a_leaked_golden_image_stops_the_run_and_both_images_are_named() -> None:
    decision = judge(leaked=Copies(((7, 31), (9, 31)), 600), image_names={7: "a.jpg", 9: "b.jpg"})
    [reason] = decision.failures
    assert reason.rule == "leak"
    assert reason.actual == "1 golden image is in the span: a.jpg is golden image 31, b.jpg is golden image 31"
    assert reason.images == ("a.jpg", "b.jpg")


def test_many_copies_within_a_span_are_a_warning() -> None:
    pairs = tuple((number + 1, 1) for number in range(1, 10))
    [warning] = judge(repeated=Copies(pairs, 600), image_names={1: "first.jpg", 2: "second.jpg"}).warnings
    assert warning.rule == "repeated_images"
    assert "9 of 600 images (1.5 %) are copies of others, such as second.jpg and first.jpg" in warning.actual
    assert judge(repeated=Copies(pairs[:3], 600)).verdict is DataVerdict.PASS


def test_areas_that_contradict_their_boxes_are_warned_of() -> None:
    decision = judge(span=dataset_info(mended_areas="3 of 9 objects"))
    assert decision.verdict is DataVerdict.WARN
    assert [(reason.rule, reason.actual) for reason in decision.reasons if reason.warning] == [
        ("boxes:areas", "3 of 9 objects")
    ]
