"""A camera of several whose images drifted is named where the served model does not cope with it."""

from __future__ import annotations

import numpy as np

from ratchet.components.data_gate.coping import Behaviour, Coping
from ratchet.components.data_gate.part_drift import drift_in_parts, drift_located
from ratchet.components.data_gate.parts import parts_of
from ratchet.components.data_gate.references import Lineage, Reference
from ratchet.components.data_gate.settings import DataGateSettings
from ratchet.schemas.artifacts.data_evidence import DRIFT, Comparison, Distribution
from ratchet.schemas.artifacts.decisions import Reason
from ratchet.schemas.data import features
from ratchet.schemas.data.feature_sample import FeatureSample

IMAGES = 160
SETTINGS = DataGateSettings()
RNG = np.random.default_rng(5)
OF_NORTH = np.arange(IMAGES) % 4 == 0
PARTS = parts_of(
    [f"{place:04}.jpg" for place in range(IMAGES)],
    [{"camera": "north" if of else "south"} for of in OF_NORTH],
    np.empty((IMAGES, 0)),
)


def images(north: float) -> FeatureSample:
    brightness = np.where(OF_NORTH, north, 120.0) * np.exp(0.1 * RNG.normal(size=IMAGES))
    return FeatureSample(
        images={features.QA_BRIGHTNESS: brightness},
        objects={},
        labels=np.empty(0, np.int64),
        box_counts=np.zeros(IMAGES, np.int64),
        embeddings=np.empty((IMAGES, 0), np.float32),
    )


def whole(effect: float) -> Comparison:
    nothing = Distribution(())
    measure = "jensen shannon divergence"
    return Comparison(DRIFT, features.QA_BRIGHTNESS, measure, 0.4, 0.1, 0.05, nothing, nothing, effect)


def found(north: float, recall: float, effect: float = 0.05) -> list[Reason]:
    trained = Reference("span 1", IMAGES, images(120.0))
    golden = Behaviour(0.9, 0.9, 0.9, 0.02, 0.02)

    def cope(part: np.ndarray, alternatives: int) -> Coping:
        here = recall if OF_NORTH[part].all() else 0.9
        return Coping(Behaviour(here, 0.9, here, 0.03, 0.03), golden, 0.1, alternatives)

    thresholds = {features.QA_BRIGHTNESS: 0.1}
    return drift_in_parts(PARTS, images(north), Lineage((trained,)), [whole(effect)], thresholds, SETTINGS, cope)


def test_a_dark_camera_in_which_the_model_finds_less_is_named() -> None:
    [reason] = found(north=60.0, recall=0.5)
    assert reason.rule == "part:drift:qa/brightness"
    assert not reason.passed
    assert "camera = north (40 of the 160 images looked at): the images are " in reason.actual


def test_a_dark_camera_with_which_the_model_copes_is_a_site() -> None:
    assert not found(north=60.0, recall=0.85)


def test_a_camera_in_which_the_model_finds_less_though_its_images_are_as_ever_has_not_drifted() -> None:
    assert not found(north=120.0, recall=0.5)


def test_what_the_whole_span_shows_is_not_said_of_a_part_again() -> None:
    assert not found(north=60.0, recall=0.5, effect=1.0)


def test_of_many_parts_each_has_to_be_worse_to_be_one_in_which_the_model_is_lost() -> None:
    span, golden = Behaviour(0.7, 0.9, 0.7, 0.06, 0.06), Behaviour(0.9, 0.9, 0.9, 0.0, 0.0)
    assert not Coping(span, golden, 0.1).copes
    assert Coping(span, golden, 0.1, asked=20).copes


def test_a_drift_of_the_whole_that_is_one_cameras_alone_says_so() -> None:
    trained, thresholds = Reference("span 1", IMAGES, images(120.0)), {features.QA_BRIGHTNESS: 0.1}
    for north, only in ((30.0, True), (120.0, False)):
        dark = Reason(f"{DRIFT}:{features.QA_BRIGHTNESS}", "near", "darker", strength=3.0)
        of = (PARTS, images(north), Lineage((trained,)), [whole(0.36)], thresholds, SETTINGS)
        [reason] = drift_located([dark], *of)
        assert reason.actual == ("only in camera = north: darker" if only else "darker")
