"""What differs between two distributions of a feature, as a data engineer would say it; pure text, not yet escaped.

Percentages and units, and what it was before and is now. The exact measure is a text of its own, for tables and JSON.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ratchet.components.pages.features import axis, short_title
from ratchet.schemas.artifacts.data_evidence import DRIFT, EMBEDDING, Comparison, Distribution
from ratchet.schemas.base.formatting import number, percent
from ratchet.schemas.data import features

_MEASURES = {
    "jensen shannon divergence": "Jensen-Shannon divergence",
    "l infty": "largest difference of a share",
    "energy distance": "energy coefficient",
}
_REFERENCES = {DRIFT: "the training data"}
_REQUESTS = "the requests to the served model"
_IN = {DRIFT: "in training"}
_IN_REQUESTS = "in the requests"
_TWICE = math.log(2)  # from here on a factor says more than a percentage
_ALL = 0.99  # a fall by more than this is not called one by 100 %
_WIDER = 1.25  # times the spread, from which on it is called wider
_SHOWN_CATEGORIES = 2
_LONGEST_NAME = 60


@dataclass(frozen=True)
class _Words:
    """How a feature is talked about.

    Attributes:
        less: what is said of a span with lower values; `{by}` is how much, `12 % `, or empty.
        more: the same of higher ones.
        value: of a median; `{}` is the figure with its unit. Empty for a figure that tells a person nothing.
        is_relative: whether effect sizes are differences of natural logarithms, so that they are percentages.
    """

    less: str
    more: str
    value: str = ""
    is_relative: bool = True


_WORDS = {
    features.QA_BRIGHTNESS: _Words(
        "the images are {by}darker", "the images are {by}brighter", "median brightness {} of 255"
    ),
    features.QA_CONTRAST: _Words(
        "the images have {by}less contrast", "the images have {by}more contrast", "median contrast {} grey levels"
    ),
    features.QA_SHARPNESS: _Words(
        "the images are blurred: they show {by}less fine detail",
        "the images are sharper: they show {by}more fine detail",
    ),
    features.QA_NOISE: _Words(
        "the images have less pixel noise", "the images have more pixel noise", "median deviation of {}", False
    ),
    features.QA_HUE: _Words("the colours are others", "the colours are others", "median hue {}", False),
    features.QA_RED_CAST: _Words(
        "the images have a colour cast: {by}less red",
        "the images have a colour cast: {by}more red",
        "median red / green {}",
    ),
    features.QA_BLUE_CAST: _Words(
        "the images have a colour cast: {by}less blue",
        "the images have a colour cast: {by}more blue",
        "median blue / green {}",
    ),
    features.QA_BOX_LOG_AREA: _Words(
        "objects are {by}smaller in area, as from farther away",
        "objects are {by}larger in area, as from nearer",
        "median {} of the image",
    ),
    features.QA_BOX_LOG_ASPECT: _Words(
        "boxes are {by}narrower for their height", "boxes are {by}wider for their height", "median width / height {}"
    ),
    features.QA_BOX_CENTER_X: _Words(
        "objects lie farther left", "objects lie farther right", "median {} from the left", False
    ),
    features.QA_BOX_CENTER_Y: _Words("objects lie higher", "objects lie lower", "median {} from the top", False),
    features.QA_NUM_BOXES: _Words(
        "there are {by}fewer boxes in an image", "there are {by}more boxes in an image", "median {}"
    ),
    features.QA_NUM_CROWD: _Words(
        "there are {by}fewer crowd boxes", "there are {by}more crowd boxes", "median {} an image"
    ),
    features.QA_NUM_TRUNCATED: _Words(
        "{by}fewer boxes are cut off by the border", "{by}more boxes are cut off by the border", "median {} an image"
    ),
    features.QA_LOG_FILE_SIZE: _Words("the files are {by}smaller", "the files are {by}larger", "median {} kB"),
    features.IMAGE_WIDTH: _Words("the images are narrower", "the images are wider", "median {} px", False),
    features.IMAGE_HEIGHT: _Words("the images are lower", "the images are higher", "median {} px", False),
}


def difference(comparison: Comparison) -> str:
    """How the span differs, in a sentence without its full stop: `the images are darker, by 50 %: median ...`."""
    if comparison.feature == EMBEDDING:
        return "to the served model the images look different, as from another camera or of another scene"
    other, span = comparison.other, comparison.span
    if other.categories or span.categories:
        return _changed_categories(comparison)
    title = short_title(comparison.feature)
    if other.median is None or span.median is None:
        return f"{title} cannot be compared: there are no values {'here' if span.median is None else _in(comparison)}"
    units = axis(comparison.feature)
    now, then = units.text(span.median), units.text(other.median)
    if now == then:
        return _spread(comparison, title, now)
    words = _WORDS.get(comparison.feature, _Words(f"{title} is lower", f"{title} is higher", "median {}", False))
    rises = span.median > other.median
    by = f"{_amount(comparison.effect_size, rises)} " if words.is_relative and comparison.effect_size else ""
    values = f"{words.value.format(now)} here, {then} {_in(comparison)}" if words.value else ""
    said = (words.more if rises else words.less).replace("{by}", by)
    return f"{said}{'; ' if ':' in said else ': '}{values}" if values else said


def as_before(comparison: Comparison) -> str:
    """The same of a feature that hardly moved: what it is, and that this is as before."""
    if comparison.feature == EMBEDDING:
        return f"to the served model the images look as {_in(comparison)}"
    title, (other, span) = short_title(comparison.feature), (comparison.other, comparison.span)
    if other.categories or span.categories or other.median is None or span.median is None:
        return f"{title} as {_in(comparison)}"
    words = _WORDS.get(comparison.feature, _Words("", "", "median {}"))
    units = axis(comparison.feature)
    now, then = units.text(span.median), units.text(other.median)
    both = "the same there" if now == then else f"{then} there"
    return f"{title} as {_in(comparison)}" + (f": {words.value.format(now)} here, {both}" if words.value else "")


def _amount(moved: float, rises: bool) -> str:
    """A mean difference of natural logarithms for people.

    >>> _amount(0.25, True), _amount(0.69, False), _amount(1.1, True), _amount(5.6, False)
    ('28 %', '50 %', '3 times', 'more than 99 %')
    """
    if rises and moved >= _TWICE:
        return f"{number(float(f'{math.exp(min(moved, 20.0)):.2g}'))} times"
    share = math.expm1(moved) if rises else -math.expm1(-moved)
    return "more than 99 %" if not rises and share > _ALL else percent(share)


def moved_by(feature: str, effect: float, rises: bool = True) -> str:
    """How far a feature moved, for people; what is a percentage is another one where it falls.

    >>> moved_by("qa/brightness", 0.25), moved_by("image/object/class/text", 0.3), moved_by("qa/box_center_x", 0.061)
    ('28 %', '30 percentage points', '6.1 %')
    >>> moved_by("qa/hue", 0.075), moved_by("qa/brightness", 1.1)
    ('27°', 'a factor of 3')
    >>> moved_by("qa/brightness", 1.1, rises=False)
    '67 %'
    """
    if feature == features.BOX_CLASS or feature.startswith(features.SOURCE_PREFIX):
        return f"{100 * effect:.0f} percentage points"
    if feature in (EMBEDDING, features.QA_BOX_CENTER_X, features.QA_BOX_CENTER_Y):
        return percent(effect)
    if feature == features.QA_HUE:
        return axis(feature).text(effect)
    if feature != features.QA_NOISE and not (feature in _WORDS and _WORDS[feature].is_relative):
        return number(effect)
    amount = _amount(effect, rises)
    return f"a factor of {amount.removesuffix(' times')}" if amount.endswith("times") else amount


def _spread(comparison: Comparison, title: str, median: str) -> str:
    now, then = (_standard_deviation(side) for side in (comparison.span, comparison.other))
    how = "differently"
    if now > _WIDER * then:
        how = "more widely"
    elif then > _WIDER * now:
        how = "more narrowly"
    return f"{title} is spread {how} than {_in(comparison)}, about the same median of {median}"


def _standard_deviation(side: Distribution) -> float:
    middles = (np.array(side.edges[1:]) + np.array(side.edges[:-1])) / 2
    shares = np.array(side.shares)
    if not len(middles) or not np.isfinite(middles).all():
        return 0.0
    return float(np.sqrt(max(0.0, shares @ middles**2 - (shares @ middles) ** 2)))


def _changed_categories(comparison: Comparison) -> str:
    then, now = (dict(zip(side.categories, side.shares)) for side in (comparison.other, comparison.span))

    def rank(key: str) -> tuple[float, bool, str]:  # the largest change first, of equals what is new
        return -round(abs(now.get(key, 0.0) - then.get(key, 0.0)), 6), key in then, key

    changes = sorted({*then, *now}, key=rank)
    things = "images" if comparison.feature.startswith(features.SOURCE_PREFIX) else "boxes"
    what = "class" if things == "boxes" else comparison.feature.removeprefix(features.SOURCE_PREFIX)
    told = []
    for key in changes[:_SHOWN_CATEGORIES]:
        here, there = (percent(side.get(key, 0.0)) for side in (now, then))
        if here == there:
            continue
        name = f"{what} {key[:_LONGEST_NAME]}"
        if key not in then:
            told.append(f"{name} is new: {here} of the {things}")
        elif key not in now:
            told.append(f"{name} is gone: {there} of the {things} {_in(comparison)}")
        else:
            told.append(f"{name}: {here} of the {things} here, {there} {_in(comparison)}")
    return "; ".join(told) or f"the shares of the {'classes' if what == 'class' else f'values of {what}'} are as before"


def _in(comparison: Comparison) -> str:
    return f"in {comparison.reference}" if comparison.reference else _IN.get(comparison.kind, _IN_REQUESTS)


def allowed(comparison: Comparison, minimum: float | None) -> str:
    """What would have passed, in words.

    Args:
        comparison: the feature, and what it was compared with.
        minimum: the effect size that stops a run; None if it never does.
    """
    feature, of = comparison.feature, _REFERENCES.get(comparison.kind, _REQUESTS)
    of += f" (nearest: {comparison.reference})" if comparison.reference else ""
    if feature == EMBEDDING:
        return f"images that look to the served model like {of}"
    if minimum is None:
        return f"{short_title(feature)} as in {of}; a difference is only a warning"
    return f"{short_title(feature)} within {moved_by(feature, minimum, rises(comparison))} of {of}"


def rises(comparison: Comparison) -> bool:
    """Whether the median is higher now than it was."""
    before, now = comparison.other.median, comparison.span.median
    return before is None or now is None or now >= before


def exactly(comparison: Comparison, minimum: float | None, wide: float | None = None) -> str:
    """The measures as they were taken, for a quiet detail and JSON.

    Args:
        comparison: distance, limit and effect size.
        minimum: the effect size that stops a run; None if it never does.
        wide: the one that stops it although the served model copes; None where it does not.
    """
    text = measured(comparison)
    if comparison.effect_size is not None:
        least = "" if minimum is None else f", {number(minimum)} stops a run"
        least += f", {number(wide)} where the served model copes" if wide is not None else ""
        text += f"; effect size {number(comparison.effect_size)}{least}"
    return text


def measured(comparison: Comparison) -> str:
    """The distance of a feature by its name, with its limit and what chance reaches."""
    name = _MEASURES.get(comparison.measure, comparison.measure)
    text = f"{name} {number(comparison.distance)}, limit {number(comparison.limit)}"
    return text + (f", of which chance reaches {number(comparison.noise)}" if comparison.noise > 0 else "")
