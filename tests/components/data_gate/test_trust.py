from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from ratchet.components.data_gate.label_audit import LabelAudit, audit_labels
from ratchet.components.data_gate.trust import FAMILIAR, Trust, trust
from ratchet.components.labels.judging import RULES
from ratchet.components.labels.limits import LabelLimits
from ratchet.components.labels.profile import Profile
from ratchet.schemas.artifacts.data_evidence import LabelEvidence, LabelMeasure
from ratchet.schemas.artifacts.decisions import Reason
from ratchet.schemas.data import features
from ratchet.schemas.data.columns import DetectionColumns
from ratchet.schemas.data.feature_sample import FeatureSample
from tests.components.labels.scenes import NAMES, relabelled, scenes, some

GOLDEN, SPAN = scenes(seed=1, images=100), scenes(seed=2, images=80)


def looks(embeddings: np.ndarray, brightness: float = 100.0) -> FeatureSample:
    images = len(embeddings)
    figures = {features.QA_BRIGHTNESS: brightness * np.exp(0.05 * np.random.default_rng(0).normal(size=images))}
    return FeatureSample(figures, {}, np.empty(0, np.int64), np.zeros(images, np.int64), embeddings)


def world(seed: int, images: int, at: float = 0.0, spread: float = 1.0) -> np.ndarray:
    return at + spread * np.random.default_rng(seed).normal(size=(images, 8))


def seen_wrongly(share_wider: float) -> np.ndarray:
    """Boxes that the model draws wider than they are, as on images that it does not know."""
    boxes = SPAN.found.boxes_xywh_px.copy()
    boxes[:, 2:] *= 1 + share_wider
    return boxes


UNFAMILIAR = dataclasses.replace(SPAN, found=dataclasses.replace(SPAN.found, boxes_xywh_px=seen_wrongly(0.2)))


def audit(of: Trust | None, span: object = UNFAMILIAR) -> dict[str, Reason]:
    reasons = audit_labels(span, GOLDEN, NAMES, LabelLimits(), of)  # pyright: ignore[reportArgumentType]
    return {reason.rule: reason for reason in reasons}


def evidence(of: Trust | None, span: Profile = UNFAMILIAR) -> tuple[LabelEvidence, dict[str, LabelMeasure]]:
    told = LabelAudit.of(span, GOLDEN, NAMES, LabelLimits(), of).evidence()
    return told, {measure.name: measure for measure in told.measures}


def test_labels_of_images_that_the_model_does_not_know_are_measured_on_all_and_said_not_to_be_judged() -> None:
    nowhere = trust(looks(world(1, 80, at=3)), looks(world(2, 100)), [looks(world(3, 200))])
    told, measures = evidence(nowhere)
    assert told.judged == 0.0
    assert told.objects == len(SPAN.truth.labels)
    assert measures["log_width"].value == pytest.approx(-np.log(1.2), abs=0.03)
    assert abs(measures["noise"].value) < 3 * measures["noise"].std_error
    assert measures["log_width"].limit == LabelLimits().size  # a wider one would call any boxes equal


def test_labels_are_measured_on_the_images_that_the_model_knows() -> None:
    half = np.concatenate([world(1, 40), world(5, 40, at=9)])
    wrong = SPAN.found.image >= 40
    boxes = np.where(wrong[:, None], UNFAMILIAR.found.boxes_xywh_px, SPAN.found.boxes_xywh_px)
    span = dataclasses.replace(SPAN, found=dataclasses.replace(SPAN.found, boxes_xywh_px=boxes))
    of = trust(looks(half), looks(world(2, 100)), [looks(world(3, 200))]).beside_parts([np.arange(80) >= 40])
    of = dataclasses.replace(of, span=np.arange(80) < 40)
    told, measures = evidence(of, span)
    assert told.judged == 0.5
    assert abs(measures["log_width"].value) < 3 * measures["log_width"].std_error


def test_images_of_the_golden_sets_world_are_known() -> None:
    of = trust(looks(world(1, 80)), looks(world(2, 100)), [looks(world(3, 200))])
    assert of.span.mean() > 0.95
    assert of.usual == pytest.approx(1, abs=0.1)
    assert of.otherwise < 1.2


@pytest.mark.parametrize("at", [1.0, 3.0])
def test_images_that_look_otherwise_are_not_known(at: float) -> None:
    assert not trust(looks(world(1, 80, at)), looks(world(2, 100)), [looks(world(3, 200))]).span.any()


def test_images_of_a_rare_scene_are_compared_with_the_golden_images_of_that_scene() -> None:
    golden = np.concatenate([world(2, 100), world(3, 60, at=20)])
    of = trust(looks(world(1, 40, at=20)), looks(golden), [looks(world(4, 200))])
    assert of.span.mean() > 0.9
    assert of.is_new
    assert of.golden[100:].sum() > 15
    assert not of.golden[:100].any()


def test_images_of_a_trained_scene_are_compared_with_others_too_if_the_golden_set_has_few() -> None:
    golden = looks(np.concatenate([world(2, 100), world(3, 12, at=20)]))
    span = looks(world(1, 40, at=20))
    new, trained = (trust(span, golden, [looks(world(4, 200, at=at))]) for at in (0, 20))
    assert new.golden.sum() <= 12
    assert trained.golden.sum() >= 50


def test_labels_of_a_new_scene_that_the_golden_set_hardly_has_are_not_judged() -> None:
    few = np.arange(100) < 4
    reasons = audit(Trust(np.ones(80), np.ones(80, np.bool_), few, is_new=True))
    assert all(reason.passed for reason in reasons.values())
    assert reasons["labels:familiar"].warning
    assert "too few of them are in the golden set" in reasons["labels:familiar"].actual
    assert not any(reasons[rule].tested for rule in RULES)


def test_new_frames_are_known_though_the_golden_sets_repeat_each_other() -> None:
    frames = np.repeat(world(2, 40), 10, axis=0) + world(3, 400, spread=0.01)
    assert not trust(looks(world(1, 80)), looks(frames), []).span.any()
    assert trust(looks(world(1, 80)), looks(frames), [looks(world(4, 200))]).span.mean() > 0.9


def test_other_light_widens_the_limits_on_drawing() -> None:
    same, darker = (trust(looks(world(1, 80), light), looks(world(2, 100)), []) for light in (100, 60))
    assert darker.otherwise > same.otherwise + 2


def test_a_part_that_looks_otherwise_is_not_known_though_the_span_is() -> None:
    of = trust(looks(np.concatenate([world(1, 80), world(4, 30, at=1.0)])), looks(world(2, 100)), [])
    part = of.of_images(np.arange(110) >= 80)
    assert of.span[:80].mean() > 0.9
    assert not part.span.any()


def test_a_model_without_embeddings_is_trusted_everywhere() -> None:
    assert trust(looks(np.empty((80, 0))), looks(np.empty((100, 0))), []).span.all()


def test_true_labels_of_images_that_the_model_does_not_know_are_not_accused() -> None:
    of = trust(looks(world(1, 80, at=3)), looks(world(2, 100)), [])
    assert not audit(None)["labels:size"].passed  # as if the model knew them
    reasons = audit(of)
    assert [reason.rule for reason in reasons.values() if not reason.passed] == []
    assert reasons["labels:familiar"].warning
    assert "the served model does not know such images" in reasons["labels:familiar"].actual
    assert len(reasons["labels:familiar"].images) == 12
    assert all(not reasons[rule].tested and reasons[rule].cause == "labels:familiar" for rule in RULES)


def test_labels_are_judged_on_the_images_that_the_model_knows() -> None:
    known = np.arange(80) < 50
    of = Trust(np.where(known, 1.0, 3.0), known, np.ones(100, np.bool_))
    stranger = known[SPAN.found.image]
    boxes = np.where(stranger[:, None], SPAN.found.boxes_xywh_px, seen_wrongly(0.5))
    span = dataclasses.replace(SPAN, found=dataclasses.replace(SPAN.found, boxes_xywh_px=boxes))
    reasons = audit(of, span)
    assert all(reason.passed for reason in reasons.values())
    assert "does not know 30 of 80 images" in reasons["labels:familiar"].actual
    missing = relabelled(span, keep=~some(span, 0.4))
    assert [rule for rule, reason in audit(of, missing).items() if not reason.passed] == ["labels:missing"]
    assert {int(name[:4]) for name in audit(of, missing)["labels:missing"].images} <= set(range(50))


def test_a_golden_set_that_the_model_contradicts_in_every_class_is_decided_about() -> None:
    turned = dataclasses.replace(GOLDEN, found=dataclasses.replace(GOLDEN.found, labels=GOLDEN.found.labels % 5 + 1))
    nothing = DetectionColumns.of([])
    for span in (SPAN, relabelled(SPAN, keep=some(SPAN, 0)), dataclasses.replace(SPAN, found=nothing)):
        for golden in (turned, dataclasses.replace(GOLDEN, found=nothing)):
            assert audit_labels(span, golden, NAMES, LabelLimits(min_objects=1, box_format=1.0))


def test_images_of_a_camera_that_went_out_of_focus_are_not_known_though_each_might_be_chance() -> None:
    is_blurred = np.arange(80) % 5 < 2
    farther = np.where(is_blurred, 1.3, 1.0) + 0.05 * np.random.default_rng(0).normal(size=80)
    of = dataclasses.replace(Trust.everywhere(SPAN, GOLDEN), farther=farther)
    assert of.span.all()
    assert np.array_equal(of.beside_parts([is_blurred, ~is_blurred, np.zeros(80, np.bool_)]).span, ~is_blurred)


def test_labels_of_a_part_that_the_model_sees_wrongly_are_not_accused_in_the_whole() -> None:
    is_blurred = np.arange(80) % 5 < 2
    boxes = np.where(is_blurred[SPAN.found.image][:, None], seen_wrongly(0.5), SPAN.found.boxes_xywh_px)
    span = dataclasses.replace(SPAN, found=dataclasses.replace(SPAN.found, boxes_xywh_px=boxes))
    of = dataclasses.replace(Trust.everywhere(SPAN, GOLDEN), farther=np.where(is_blurred, 1.3, 1.0))
    assert not all(reason.passed for reason in audit(of, span).values())
    assert all(reason.passed for reason in audit(of.beside_parts([is_blurred]), span).values())


def test_a_model_that_does_not_say_how_images_look_to_it_leaves_the_rule_untested() -> None:
    def blind(images: int) -> FeatureSample:
        none = np.empty(0, np.int64)
        return FeatureSample({}, {}, none, np.zeros(images, np.int64), np.zeros((images, 0), np.float32))

    told = trust(blind(80), blind(100), [])
    assert told.span.all()
    found = audit(told)
    assert (found[FAMILIAR].passed, found[FAMILIAR].tested) == (True, False)
    assert "does not say how images look to it" in found[FAMILIAR].actual
