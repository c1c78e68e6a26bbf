"""Less contrast shows less detail, and near white there is no room for contrast: neither is a second finding."""

from __future__ import annotations

import pytest

from ratchet.components.data_gate.drift_rules import drift_reason
from ratchet.components.data_gate.entangled import of_their_own
from ratchet.components.data_gate.explanation import in_order_of_explanation
from ratchet.components.data_gate.settings import DataGateSettings
from ratchet.schemas.artifacts.data_evidence import DRIFT, Comparison, Distribution
from ratchet.schemas.artifacts.decisions import Reason
from ratchet.schemas.data import features

BRIGHTNESS, CONTRAST, SHARPNESS = features.QA_BRIGHTNESS, features.QA_CONTRAST, features.QA_SHARPNESS


def moved(feature: str, before: float, now: float, effect: float) -> Comparison:
    other, span = (Distribution((1.0,), edges=(0.0, 255.0), values=100, median=median) for median in (before, now))
    return Comparison(DRIFT, feature, "jensen shannon divergence", 0.9, 0.1, 0.05, other, span, effect)


def told(*comparisons: Comparison) -> dict[str, Reason]:
    reasons = [drift_reason(each, DataGateSettings()) for each in comparisons]
    return {reason.rule: reason for reason in in_order_of_explanation(of_their_own(reasons, comparisons))}


@pytest.mark.parametrize("detail", [0.63, 0.71, 0.4])
def test_detail_that_went_with_the_contrast_is_no_blur(detail: float) -> None:
    flat = told(moved(CONTRAST, 40.0, 28.0, 0.357), moved(SHARPNESS, 5.0, 5.0 - detail, detail))
    assert list(flat) == [f"drift:{CONTRAST}", f"drift:{SHARPNESS}"]
    assert flat[f"drift:{SHARPNESS}"].cause == f"drift:{CONTRAST}"


def test_detail_that_is_lost_beyond_the_contrast_is_blur() -> None:
    blurred = told(moved(CONTRAST, 40.0, 30.0, 0.288), moved(SHARPNESS, 5.0, 3.0, 2.0))
    assert list(blurred) == [f"drift:{SHARPNESS}", f"drift:{CONTRAST}"]


def test_more_detail_with_less_contrast_is_a_finding_of_its_own() -> None:
    opposite = told(moved(CONTRAST, 40.0, 30.0, 0.288), moved(SHARPNESS, 4.0, 5.0, 1.0))
    assert next(iter(opposite)) == f"drift:{SHARPNESS}"
    assert opposite[f"drift:{SHARPNESS}"].strength == pytest.approx(2.5)


def test_images_that_are_so_bright_that_they_lose_their_contrast_are_bright() -> None:
    white = told(
        moved(BRIGHTNESS, 170.0, 248.0, 0.378), moved(CONTRAST, 40.0, 12.0, 1.2), moved(SHARPNESS, 5.0, 2.8, 2.2)
    )
    assert next(iter(white)) == f"drift:{BRIGHTNESS}"
    assert {reason.cause for reason in white.values()} == {None, f"drift:{BRIGHTNESS}"}


def test_images_that_lose_more_contrast_than_their_light_explains_are_flat() -> None:
    flat = told(moved(BRIGHTNESS, 120.0, 140.0, 0.154), moved(CONTRAST, 40.0, 16.0, 0.916))
    assert next(iter(flat)) == f"drift:{CONTRAST}"


def test_detail_that_white_swallows_is_no_blur() -> None:
    white = told(
        moved(BRIGHTNESS, 180.0, 254.0, 0.344), moved(SHARPNESS, 5.0, 3.0, 2.0), moved(CONTRAST, 22.0, 18.0, 0.2)
    )
    assert next(iter(white)) == f"drift:{BRIGHTNESS}"
