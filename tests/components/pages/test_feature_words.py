from __future__ import annotations

import math
import re
from typing import Any

import pytest

from ratchet.components.pages.feature_words import allowed, as_before, difference, exactly
from ratchet.schemas.artifacts.data_evidence import DRIFT, EMBEDDING, SKEW, Comparison, Distribution
from ratchet.schemas.data import features


def distribution(median: float | None, low: float = 0.0, high: float = 1.0) -> Distribution:
    return Distribution((0.5, 0.5), edges=(low, (low + high) / 2, high), values=9, median=median)


def compared(
    feature: str, before: float | None, now: float | None, moved: float | None = 0.5, **parts: Any
) -> Comparison:
    whole: dict[str, Any] = {
        "kind": DRIFT,
        "feature": feature,
        "measure": "jensen shannon divergence",
        "distance": 0.5,
        "limit": 0.1,
        "noise": 0.0,
        "other": distribution(before),
        "span": distribution(now),
        "effect_size": moved,
    }
    return Comparison(**whole | parts)


@pytest.mark.parametrize(
    ("comparison", "words"),
    [
        (
            compared(features.QA_BOX_LOG_AREA, math.log(0.05), math.log(0.025), math.log(2)),
            "objects are 50 % smaller in area, as from farther away: median 2.5 % of the image here, 5 % in training",
        ),
        (
            compared(features.QA_RED_CAST, 0.0, 0.27, 0.27),
            "the images have a colour cast: 31 % more red; median red / green 1.31 here, 1 in training",
        ),
        (
            compared(features.QA_SHARPNESS, 7.4, 1.8, 5.6),
            "the images are blurred: they show more than 99 % less fine detail",
        ),
        (
            compared(features.IMAGE_WIDTH, 378.0, 960.0, None),
            "the images are wider: median 960 px here, 378 in training",
        ),
        (
            compared(features.QA_NUM_BOXES, 17.0, 8.0, 0.67, kind=SKEW),
            "there are 49 % fewer boxes in an image: median 8 here, 17 in the requests",
        ),
        (
            compared(EMBEDDING, 0.0, 9.0),
            "to the served model the images look different, as from another camera or of another scene",
        ),
        (compared("qa/new", 1.0, 2.0, None), "qa/new is higher: median 2 here, 1 in training"),
        (compared("qa/contrast", None, 2.0), "contrast cannot be compared: there are no values in training"),
    ],
)
def test_a_difference_is_told_in_percent_with_what_it_was_and_is(comparison: Comparison, words: str) -> None:
    assert difference(comparison) == words


@pytest.mark.parametrize(
    ("span", "how"),
    [((300.0, 980.0), "more widely"), ((600.0, 680.0), "more narrowly"), ((540.0, 740.0), "differently")],
)
def test_medians_that_are_equal_are_told_once_and_as_a_difference_of_spread(
    span: tuple[float, float], how: str
) -> None:
    heights = compared(
        features.IMAGE_HEIGHT,
        640.0,
        640.0,
        None,
        other=distribution(640.0, 540.0, 740.0),
        span=distribution(640.0, *span),
    )
    assert difference(heights) == f"image height is spread {how} than in training, about the same median of 640"


def categories(**shares: float) -> Distribution:
    return Distribution(tuple(shares.values()), categories=tuple(shares), values=100)


def test_categories_that_changed_most_are_named_and_new_or_lost_ones_as_such() -> None:
    parts = {"other": categories(cat=0.5, dog=0.3, cow=0.2), "span": categories(cat=0.1, dog=0.3, fox=0.6)}
    told = difference(compared(features.BOX_CLASS, None, None, None, **parts))
    assert told == "class fox is new: 60 % of the boxes; class cat: 10 % of the boxes here, 50 % in training"
    lost = {"other": categories(north=0.4, south=0.6), "span": categories(south=1.0)}
    told = difference(compared("source/camera", None, None, None, **lost))
    assert "camera north is gone: 40 % of the images in training" in told
    same = {"other": categories(cat=0.5, dog=0.5), "span": categories(cat=0.5, dog=0.5)}
    assert (
        difference(compared(features.BOX_CLASS, None, None, None, **same)) == "the shares of the classes are as before"
    )


@pytest.mark.parametrize(
    ("feature", "minimum", "words"),
    [
        (features.QA_BRIGHTNESS, 0.12, "brightness within 13 % of the training data"),
        (features.QA_BOX_LOG_AREA, 0.25, "size of the boxes within 28 % of the training data"),
        (
            features.QA_NUM_BOXES,
            None,
            "boxes an image as in the training data; a difference is only a warning",
        ),
        (EMBEDDING, 0.04, "images that look to the served model like the training data"),
    ],
)
def test_what_would_have_passed_is_told_in_the_same_unit(feature: str, minimum: float | None, words: str) -> None:
    assert allowed(compared(feature, 1.0, 2.0), minimum) == words


@pytest.mark.parametrize(
    ("comparison", "words"),
    [
        (
            compared("qa/brightness", 56.2, 55.6, 0.02),
            "brightness as in training: median brightness 55.6 of 255 here, 56.2 there",
        ),
        (
            compared("qa/brightness", 56.2, 56.2, 0.0),
            "brightness as in training: median brightness 56.2 of 255 here, the same there",
        ),
        (compared(features.QA_SHARPNESS, 6.2, 6.1, 0.03), "sharpness as in training"),
        (compared(EMBEDDING, 0.0, 0.0), "to the served model the images look as in training"),
        (compared(features.BOX_CLASS, None, None, None, reference="span 2"), "classes of the boxes as in span 2"),
    ],
)
def test_a_feature_that_hardly_moved_is_not_told_as_a_difference(comparison: Comparison, words: str) -> None:
    assert as_before(comparison) == words


def test_the_exact_measure_is_a_text_of_its_own() -> None:
    assert exactly(compared(features.BOX_CLASS, 0.0, 0.0, None, measure="l infty"), 0.25) == (
        "largest difference of a share 0.5, limit 0.1"
    )


LOGARITHMS = (
    features.QA_RED_CAST,
    features.QA_BLUE_CAST,
    features.QA_BOX_LOG_AREA,
    features.QA_BOX_LOG_ASPECT,
)
PAIRS = [(0.1, 17.7), (17.7, 0.1), (2.0, 2.0001), (0.0, 1e6), (0.1234567, 0.7654321)]


@pytest.mark.parametrize(
    ("feature", "before", "now"),
    [
        *((feature, *pair) for feature in (*features.FEATURE_TITLES, EMBEDDING, "source/camera") for pair in PAIRS),
        *((feature, -0.674, -7.7) for feature in LOGARITHMS),
    ],
)
def test_no_sentence_has_jargon_a_logarithm_a_negative_figure_or_more_than_three_digits(
    feature: str, before: float, now: float
) -> None:
    text = f"{difference(compared(feature, before, now))}; {allowed(compared(feature, before, now), 0.123456)}"
    assert not re.search(r"\bln\b|infty|Jensen|divergence|effect|->|[-\u2212]\d", text)
    for figure in re.findall(r"\d[\d.,]*\d|\d", text):
        assert len(figure.replace(",", "").replace(".", "").strip("0")) <= 3, text
    here, _, there = text.partition(" here, ")
    assert not there or not here.endswith(f" {there.partition(' in training')[0]}")
