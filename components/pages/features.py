"""How a person reads a feature: its title, and its values in units instead of in logarithms."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ratchet.schemas.base.formatting import number
from ratchet.schemas.data import features

_MOST_TICKS = 6
_WIDEST_LOGARITHM = 200  # some 87 powers of ten; no unit can be read on such an axis


@dataclass(frozen=True)
class Axis:
    """The axis of a feature that is a number.

    Attributes:
        title: what a person calls the feature.
        logarithm: whether its values are natural logarithms of what is shown.
        factor: what one is multiplied with to be shown in `unit`.
        unit: with a leading space, or empty.
        whole: whether its values are whole numbers.
    """

    title: str
    logarithm: bool = False
    factor: float = 1.0
    unit: str = ""
    whole: bool = False

    def text(self, value: float) -> str:
        """A value for people.

        >>> AXES[features.QA_BOX_LOG_AREA].text(math.log(0.05))
        '5 %'
        """
        try:
            shown = math.exp(value) if self.logarithm else value
        except OverflowError:
            shown = math.inf
        return number(shown * self.factor) + self.unit

    def ticks(self, low: float, high: float) -> list[float]:
        """A few round values between two values, in the feature's own scale."""
        found = _round_factors(low, high, self.factor) if self.logarithm and high - low < _WIDEST_LOGARITHM else []
        return found if len(found) > 1 else _round_steps(low, high, 1.0 if self.whole else 0.0)


AXES = {
    features.QA_BOX_LOG_AREA: Axis("size of the boxes, part of the image", True, 100, " %"),
    features.QA_BOX_LOG_ASPECT: Axis("width / height of the boxes", True),
    features.QA_HUE: Axis("hue, on the circle from red over green and blue", False, 360, "°"),
    features.QA_NOISE: Axis("pixel noise, deviation in grey levels", unit=" levels"),
    features.QA_LOG_FILE_SIZE: Axis("file size, kB", True, 1e-3),
    features.QA_RED_CAST: Axis("red / green", True),
    features.QA_BLUE_CAST: Axis("blue / green", True),
    features.QA_BOX_CENTER_X: Axis("centre of the boxes from the left", False, 100, " %"),
    features.QA_BOX_CENTER_Y: Axis("centre of the boxes from the top", False, 100, " %"),
}
_WHOLE = (features.QA_NUM_BOXES, features.QA_NUM_CROWD, features.QA_NUM_TRUNCATED)


def axis(feature: str) -> Axis:
    """The axis of a feature, known or not."""
    return AXES.get(feature) or Axis(feature_title(feature), whole=feature in _WHOLE)


def short_title(feature: str) -> str:
    """A feature's title without its unit.

    >>> short_title("qa/brightness")
    'brightness'
    """
    return feature_title(feature).partition(", ")[0] if feature in features.FEATURE_TITLES else feature_title(feature)


def feature_title(feature: str) -> str:
    """What a person calls a feature, with its unit.

    >>> [feature_title(key) for key in ("qa/contrast", "source/camera", "embedding")]
    ['contrast', 'camera (said of the image)', 'what the images show (as the served model sees it)']
    """
    if feature == "embedding":
        return "what the images show (as the served model sees it)"
    if feature.startswith(features.SOURCE_PREFIX):
        return f"{feature.removeprefix(features.SOURCE_PREFIX)} (said of the image)"
    return AXES[feature].title if feature in AXES else features.FEATURE_TITLES.get(feature, feature)


def _round_steps(low: float, high: float, least: float) -> list[float]:
    rough = (high - low) / (_MOST_TICKS - 1)
    power = 10.0 ** math.floor(math.log10(rough))
    step = max(least, next(power * m for m in (1, 2, 5, 10) if power * m >= rough * 0.999))
    # + 0.0 makes a plain zero of a negative one
    return [float(round(i * step, 12)) + 0.0 for i in range(math.ceil(low / step), math.floor(high / step) + 1)]


def _round_factors(low: float, high: float, factor: float) -> list[float]:
    """Logarithms of 1, 2 and 5 times powers of ten (of what is shown), or of every so many powers."""
    offset = math.log(factor)
    powers = range(math.floor((low + offset) / math.log(10)), math.ceil((high + offset) / math.log(10)) + 1)
    for multiples, every in (((1, 1.5, 2, 3, 5, 7), 1), ((1, 2, 5), 1), ((1, 3), 1), ((1,), 1), ((1,), 2), ((1,), 5)):
        ticks = [math.log(m) + p * math.log(10) - offset for p in powers if p % every == 0 for m in multiples]
        inside = [tick for tick in ticks if low <= tick <= high]
        if len(inside) <= _MOST_TICKS:
            return inside
    return list(np.linspace(low, high, 3))
