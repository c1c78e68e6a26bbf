"""A baseline that knows fewer classes than the golden set: what is compared, and that no regression hides in it."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

from ratchet.components.map_evaluator.blessing import decide
from ratchet.components.map_evaluator.matches import Collector, DataSetMatches
from ratchet.components.map_evaluator.scoring import WITHOUT_NEW, check_settings, score
from ratchet.components.map_evaluator.settings import EvaluatorSettings, SliceRules
from ratchet.schemas.artifacts.decisions import Decision, Verdict
from ratchet.schemas.artifacts.evaluation import EVALUATION_FORMAT, DataSetEvaluation, Evaluation, Support
from ratchet.schemas.data.columns import DetectionColumns, TruthColumns
from ratchet.schemas.data.records import Detections, GroundTruth
from tests.builders import detections, ground_truth

NAMES = ("cat", "fox", "dog")  # the fox is new, and stands between the others
KNOWN = ("dog", "cat")
FOX = 2
IMAGES = 60
SETTINGS = EvaluatorSettings(resamples=200, slice_by=("camera",))


def scenes(errors: dict[str, dict[int, float]], seed: int = 0) -> tuple[list[GroundTruth], dict[str, list[Detections]]]:
    """Each image with some objects; `errors` are the shares of each label that a model misses, 1 if it knows it not."""
    random = np.random.default_rng(seed)
    truths: list[GroundTruth] = []
    found: dict[str, list[Detections]] = {model: [] for model in errors}
    for _ in range(IMAGES):
        labels = random.integers(1, 4, 4)
        boxes = np.hstack([np.arange(4)[:, None] * 30 + random.uniform(0, 5, (4, 1)), random.uniform(0, 60, (4, 1))])
        boxes = np.hstack([boxes, random.uniform(12, 24, (4, 2))])
        truths.append(ground_truth(boxes, labels))
        chance, drawn = random.random(4), random.normal(0, 0.5, (4, 4))
        for model, missed in errors.items():
            keep = np.array([chance[i] >= missed[label] for i, label in enumerate(labels)])
            found[model].append(detections((boxes + drawn)[keep], labels[keep], chance[keep]))
    return truths, found


def measured(errors: dict[str, dict[int, float]], labels: tuple[int, ...] = (1, 2, 3)) -> DataSetMatches:
    """As if only these labels existed, in data and models."""
    truths, found = scenes(errors)
    truth, columns = TruthColumns.of(truths), {name: DetectionColumns.of(each) for name, each in found.items()}
    collector = Collector()
    collector.add_columns(
        np.arange(IMAGES), of_labels(truth, labels), {name: of_labels(each, labels) for name, each in columns.items()}
    )
    attributes = {"camera": np.array(["north", "south"] * (IMAGES // 2))}
    return dataclasses.replace(collector.finish(), attributes=attributes)


def of_labels(columns: Any, labels: tuple[int, ...]) -> Any:
    rows = np.isin(columns.labels, labels)
    return type(columns)(**{name: values[rows] for name, values in vars(columns).items()})


def models(candidate: dict[int, float], baseline: float = 0.3) -> dict[str, dict[int, float]]:
    return {"candidate": candidate, "baseline": {1: baseline, FOX: 1.0, 3: baseline}}


def scored(candidate: dict[int, float], baseline: float = 0.3) -> DataSetEvaluation:
    return score(measured(models(candidate, baseline)), NAMES, SETTINGS, KNOWN)


def judged(candidate: dict[int, float], settings: EvaluatorSettings = SETTINGS, baseline: float = 0.3) -> Decision:
    return decide(scored(candidate, baseline), [], settings)


def failed(decision: Decision) -> list[str]:
    return [reason.rule for reason in decision.failures]


KEEPS = {1: 0.3, FOX: 0.5, 3: 0.3}
FORGETS = {1: 0.7, FOX: 0.0, 3: 0.7}  # of a baseline that misses half


def test_what_is_compared_is_what_a_world_without_the_new_class_would_show() -> None:
    shared = scored(KEEPS).shared
    assert shared is not None
    without = score(measured(models(KEEPS), (1, 3)), NAMES, SETTINGS)
    assert shared.candidate.coco == without.candidate.coco
    assert shared.candidate.per_slice.items() > without.candidate.per_slice.items()
    assert shared.baseline is not None
    assert without.baseline is not None
    assert shared.baseline.coco == without.baseline.coco
    assert shared.deltas is not None
    assert without.deltas is not None
    assert shared.deltas.overall == without.deltas.overall
    assert shared.deltas.per_class == without.deltas.per_class
    assert shared.deltas.per_slice.items() > without.deltas.per_slice.items()
    assert shared.slice_support.items() > without.slice_support.items()
    assert shared.class_support == {name: without.class_support[name] for name in ("cat", "dog")}


def test_the_candidate_is_scored_over_all_classes_and_the_baseline_over_its_own() -> None:
    data, equal = scored(KEEPS), score(measured(models(KEEPS)), NAMES, SETTINGS)
    assert (data.candidate.coco, data.candidate.per_class) == (equal.candidate.coco, equal.candidate.per_class)
    assert data.class_support == equal.class_support
    assert data.new_classes == ("fox",)
    assert data.baseline is not None
    assert data.shared is not None
    assert data.shared.baseline is not None
    assert data.baseline.coco == data.shared.baseline.coco
    assert data.baseline.per_class == {**data.shared.baseline.per_class, "fox": -1.0}
    assert equal.baseline is not None
    assert equal.baseline.per_class["fox"] == 0  # which would be held against the baseline
    assert data.deltas is not None
    assert set(data.deltas.per_class) == {"cat", "dog"}


@pytest.mark.parametrize("known", [None, NAMES, ("dog", "fox", "cat")])
def test_a_baseline_of_the_same_classes_is_compared_over_all(known: tuple[str, ...] | None) -> None:
    data = score(measured(models(KEEPS)), NAMES, SETTINGS, known)
    assert data.shared is None
    assert data.compared is data
    assert data.new_classes == ()
    assert data == score(measured(models(KEEPS)), NAMES, SETTINGS)


def test_what_a_candidate_gains_by_a_new_class_does_not_make_up_for_what_it_lost() -> None:
    data = scored(FORGETS, baseline=0.5)
    assert data.baseline is not None
    assert data.candidate.coco["AP"] > data.baseline.coco["AP"]  # the new class makes the mean higher
    decision = decide(data, [], SETTINGS)
    assert decision.verdict is Verdict.BLOCKED
    assert {"map_drop", "class_and_slice_drops", "map_interval"} <= set(failed(decision))
    [drop] = [reason for reason in decision.failures if reason.rule == "map_drop"]
    assert "over the 2 classes that both know" in drop.expected
    assert f"{data.baseline.coco['AP']:.4f}" in drop.expected


@pytest.mark.parametrize("rule", ["margin", "tolerance", "slice_drop"])
def test_each_rule_on_the_whole_finds_it_alone(rule: str) -> None:
    rules: dict[str, Any] = dict.fromkeys(("margin", "tolerance", "class_drop", "slice_drop"))
    settings = dataclasses.replace(SETTINGS, **rules | {rule: 0.02})
    assert not judged(FORGETS, settings, baseline=0.5).verdict.pushes


def test_a_fall_on_images_without_new_objects_is_found_behind_what_was_won_on_the_others() -> None:
    """The baseline takes every fox for a surely seen cat; the candidate does not, and has lost cats where no fox is."""
    truths, candidate, baseline = [], [], []
    cats, cats_and_fox = [[5, 5, 20, 20], [60, 5, 20, 20]], [[5, 5, 20, 20], [60, 5, 20, 20], [20, 80, 20, 20]]
    for i in range(120):
        has_fox = i % 2 == 0
        truths.append(ground_truth(cats_and_fox, [1, 1, FOX]) if has_fox else ground_truth(cats))
        baseline.append(detections(cats_and_fox, None, [0.8, 0.7, 0.9]) if has_fox else detections(cats))
        candidate.append(detections(cats[:1] if i % 6 == 1 else cats))
    collector = Collector()
    found = {"candidate": DetectionColumns.of(candidate), "baseline": DetectionColumns.of(baseline)}
    collector.add_columns(np.arange(120), TruthColumns.of(truths), found)
    data = score(collector.finish(), NAMES, EvaluatorSettings(resamples=200), KNOWN)
    assert data.deltas is not None
    assert (data.deltas.overall.value or 0) > 0
    assert (data.deltas.per_slice[WITHOUT_NEW].value or 0) < -0.1
    assert f"slice_drop:{WITHOUT_NEW}" in failed(decide(data, [], SETTINGS))


def test_limits_on_images_without_new_objects_can_be_set_ahead_of_them() -> None:
    strict = EvaluatorSettings(per_slice={WITHOUT_NEW: SliceRules(margin=0.0)})
    check_settings(NAMES, {}, strict)
    data = scored({1: 0.3, FOX: 0.5, 3: 0.35})
    rules = failed(
        decide(data, [], dataclasses.replace(SETTINGS, margin=1.0, tolerance=1.0, per_slice=strict.per_slice))
    )
    assert rules == [f"slice_margin:{WITHOUT_NEW}"]


def test_a_candidate_that_keeps_the_old_and_learns_the_new_is_pushed_with_a_word_on_the_new() -> None:
    decision = judged(KEEPS)
    assert decision.verdict is Verdict.PUSHED
    [warning] = [reason for reason in decision.warnings if reason.rule == "new_classes"]
    data = scored(KEEPS)
    assert (
        f"fox AP {data.candidate.per_class['fox']:.4f} ({data.class_support['fox'].objects} objects)" in warning.actual
    )
    assert f"with them the candidate's mAP is {data.candidate.coco['AP']:.4f}" in warning.actual


def test_a_new_class_that_the_golden_set_never_shows_is_told() -> None:
    data = score(measured(models(KEEPS), (1, 3)), NAMES, SETTINGS, KNOWN)
    [reason] = [reason for reason in decide(data, [], SETTINGS).reasons if reason.rule == "new_classes"]
    assert "fox (no object in the golden set)" in reason.actual


def test_a_new_class_that_is_not_learned_is_no_fall() -> None:
    """Its zero lowers the candidate's mAP over all classes below the baseline's over its own."""
    data = scored({1: 0.3, FOX: 1.0, 3: 0.3})
    assert data.baseline is not None
    assert data.candidate.coco["AP"] < data.baseline.coco["AP"]
    assert decide(data, [], SETTINGS).verdict is Verdict.PUSHED


def test_a_limit_of_the_users_own_holds_for_a_new_class() -> None:
    settings = dataclasses.replace(SETTINGS, per_class={"fox": SliceRules(min_ap=0.9, margin=0.0, drop=0.0)})
    assert failed(judged(KEEPS, settings)) == ["class_min_ap:fox"]


def test_a_floor_of_a_slice_is_for_all_classes() -> None:
    data = scored(KEEPS)
    assert data.shared is not None
    whole, shared = (each.candidate.per_slice["camera=north"] for each in (data, data.shared))
    assert whole < shared
    floor = (whole + shared) / 2
    settings = dataclasses.replace(SETTINGS, per_slice={"camera=north": SliceRules(min_ap=floor)})
    assert failed(decide(data, [], settings)) == ["slice_min_ap:camera=north"]


def test_a_slice_of_new_objects_alone_is_not_tested() -> None:
    data = scored(KEEPS)
    assert data.shared is not None
    few = data.shared.slice_support | {"camera=north": Support(3, 2)}
    data = dataclasses.replace(data, shared=dataclasses.replace(data.shared, slice_support=few))
    [reason] = [reason for reason in decide(data, [], SETTINGS).reasons if reason.rule == "untestable"]
    assert "camera=north (3 in 2)" in reason.actual


def test_old_classes_without_ground_truth_decide_nothing() -> None:
    """A golden set of the new class alone cannot tell whether the old ones are kept."""
    data = score(measured(models(KEEPS), (FOX,)), NAMES, SETTINGS, KNOWN)
    assert data.compared.objects == 0
    assert data.objects > 0
    decision = decide(data, [], SETTINGS)
    assert decision.verdict is Verdict.BLOCKED
    assert "map_defined" in failed(decision)


def test_it_survives_json() -> None:
    evaluation = Evaluation(judged(KEEPS), {"golden": scored(KEEPS)}, "d")
    again = EVALUATION_FORMAT.read(EVALUATION_FORMAT.write(evaluation), "x")
    assert again == evaluation
    assert again.golden.shared is not None
    assert isinstance(again.golden.shared.class_support["cat"], Support)


def test_models_are_tried_on_the_classes_that_all_know() -> None:
    """A candidate that says the same of every image, but for the new class, is found out."""
    truth = [ground_truth([[5, 5, 20, 20], [10.0 * i, 40, 15, 15]], [1, FOX]) for i in range(9)]
    truth[0] = ground_truth([[50, 5, 20, 20], [0, 40, 15, 15]], [1, FOX])
    constant = [detections([[5, 5, 20, 20], box.boxes_xywh_px[1]], [1, FOX]) for box in truth]
    falls = {}
    for shared in (None, (1, 3)):
        parts = [Collector(shared_labels=shared) for _ in range(2)]
        for part, rows in zip(parts, (slice(0, 4), slice(4, 9))):
            columns = {"candidate": DetectionColumns.of(constant[rows])}
            part.add_columns(np.arange(9)[rows], TruthColumns.of(truth[rows]), columns)
        falls[shared] = Collector.merge(parts).finish().shuffled["candidate"]
    assert falls[None].after < falls[None].before
    assert falls[(1, 3)].after == falls[(1, 3)].before > 0
    assert falls[(1, 3)].images == 9
    assert falls[(1, 3)].alike > 0.5 > falls[None].alike
