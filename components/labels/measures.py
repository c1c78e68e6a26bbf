"""The labels of a span beside the golden set's in numbers, one for each thing that a rule judges; pure.

Rules decide, numbers explain: there are some for few labels too, and their standard error says how little they are
worth.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.special import stdtrit
from scipy.stats import norm

from ratchet.components.labels.box_format import RULE as READING
from ratchet.components.labels.box_format import GuessedFormat
from ratchet.components.labels.classes import Confusion, Judged, beside_confusions, confusions, judge, labelled_as
from ratchet.components.labels.drawing import Drawn, beside_expected, drawing_slack, drawn_of
from ratchet.components.labels.findings import Excess, clustered_median_of, difference, share_of
from ratchet.components.labels.jitter import added_jitter
from ratchet.components.labels.limits import LabelLimits
from ratchet.components.labels.matching import QUANTILES, Matched, relative_recall
from ratchet.components.labels.missing import NOTHING, class_limit_of, classes_that_lack, lost_images, signed_lack
from ratchet.components.labels.noise import label_noise
from ratchet.components.labels.unsupported import RULE as FOUND
from ratchet.components.labels.unsupported import beyond, fits_nothing
from ratchet.schemas.artifacts.data_evidence import LabelMeasure

FEWEST = 5  # objects that the model finds on either side; of fewer nothing is said
_FEWEST_OF_CLASS = 10  # objects of a class on either side
_MOST_SWAPPED = 3  # pairs of classes that are told, the most confused ones
_DRAWN = ("offset_x", "offset_y", "log_width", "log_height")
_SURE = 3.0  # standard errors that a reader takes for more than chance


@dataclass(frozen=True)
class _Sides:
    """What is measured.

    Attributes:
        span: the new labels.
        golden: the trusted ones.
        names: of the classes, in label order.
        limits: of the rules.
        otherwise: see `Trust`; None where the model cannot judge them.
    """

    span: Matched
    golden: Matched
    names: tuple[str, ...]
    limits: LabelLimits
    otherwise: float | None

    @property
    def recall(self) -> float:
        return relative_recall(self.span, self.golden)


def label_measures(
    span: Matched, golden: Matched, class_names: tuple[str, ...], limits: LabelLimits, otherwise: float | None = 1.0
) -> tuple[LabelMeasure, ...]:
    """What the rules on offset, size, jitter, classes, noise, missing and found labels are about.

    Args:
        span: the new labels beside what the model sees.
        golden: the trusted ones.
        class_names: in label order.
        limits: of the rules.
        otherwise: see `Trust`; None where the model cannot judge them: what it may do to boxes there is no reason to
            call labels equal.

    Returns:
        Nothing if the model finds hardly an object on one side.
    """
    if min(np.count_nonzero(side.is_found) for side in (span, golden)) < FEWEST:
        return ()
    sides = _Sides(span, golden, class_names, limits, otherwise)
    found = [*_drawing(sides), *_classes(sides), *_missing(sides), _found(sides)]
    return tuple(found)


def reading_measure(guessed: GuessedFormat, span: Matched, limit: float) -> LabelMeasure:
    """Share of the boxes, at least one, that fit only if their numbers are read otherwise, beyond chance."""
    name, by_chance = f"reading:{guessed.readings[0].meaning}", guessed.share.std_error
    error = float(np.hypot(by_chance, share_of(guessed.fits, span.labels.image).std_error))
    return _measure(READING, name, replace(guessed.share, std_error=error), limit, {})


def _measure(rule: str, name: str, excess: Excess, limit: float, by_class: Mapping[str, float]) -> LabelMeasure:
    rarer = -float(stdtrit(max(1, excess.images - 1), norm.sf(_SURE))) / _SURE
    return LabelMeasure(rule, name, excess.value, excess.std_error * rarer, limit, excess.images, by_class)


def _of_classes(sides: _Sides, looks: Sequence[np.ndarray], value: Callable[[int], float]) -> dict[str, float]:
    # Of the classes [n] that enough objects on each side look like.
    counts = [np.bincount(labels[labels > 0], minlength=len(sides.names) + 1) for labels in looks]
    enough = np.flatnonzero(np.minimum(*counts) >= _FEWEST_OF_CLASS)
    return {sides.names[label - 1]: value(label) for label in enough.tolist()}


def _drawing(sides: _Sides) -> list[LabelMeasure]:
    ours, theirs = drawn_of(sides.span), drawn_of(sides.golden)
    slack = 1.0
    if sides.otherwise is not None:
        slack = drawing_slack(sides.span, sides.golden, sides.recall, sides.otherwise)
    looks, limits = (ours.looks_like, theirs.looks_like), sides.limits
    measures = []
    for column, name in enumerate(_DRAWN):
        rule, limit = ("labels:offset", limits.offset) if column < 2 else ("labels:size", limits.size)
        excess = _drawn(ours, theirs, column)
        of_class = _of_classes(sides, looks, lambda label, column=column: _drawn(ours, theirs, column, label).value)
        measures.append(_measure(rule, name, excess, slack * limit, of_class))
    worst = _more_jitter(ours, theirs)
    of_class = _of_classes(sides, looks, lambda label: _more_jitter(ours, theirs, label).value)
    return [*measures, _measure("labels:jitter", "jitter", worst, slack * limits.jitter, of_class)]


def _drawn(ours: Drawn, theirs: Drawn, column: int, label: int | None = None) -> Excess:
    keep = [slice(None) if label is None else side.looks_like == label for side in (ours, theirs)]
    beside = [beside_expected(side, theirs)[rows, column] for side, rows in zip((ours, theirs), keep)]
    return difference(
        *(clustered_median_of(values, side.image[rows]) for values, side, rows in zip(beside, (ours, theirs), keep))
    )


def _more_jitter(ours: Drawn, theirs: Drawn, label: int | None = None) -> Excess:
    # In images that are easier for the model its own boxes scatter less, and with them the labels beside them.
    worst = max(added_jitter(ours, theirs, label), key=lambda excess: excess.value)
    return replace(worst, value=max(0.0, worst.value))


def _classes(sides: _Sides) -> list[LabelMeasure]:
    ours, theirs = (judge(side, QUANTILES[0]) for side in (sides.span, sides.golden))
    found = confusions(ours, theirs, len(sides.names))
    measures = _swapped(sides, ours, theirs, found)
    rest = [beside_confusions(side, found) for side in (sides.span, sides.golden)]

    def noise(label: int | None = None) -> Excess:
        ours, theirs = rest if label is None else [side.rows(side.looks_like == label) for side in rest]
        return label_noise(ours, theirs, len(sides.names), sides.recall)

    excess = noise()
    if excess == NOTHING:
        return measures
    of_class = _of_classes(sides, [side.looks_like for side in rest], lambda label: noise(label).value)
    return [*measures, _measure("labels:noise", "noise", excess, sides.limits.noise, of_class)]


def _swapped(sides: _Sides, ours: Judged, theirs: Judged, found: Sequence[Confusion]) -> list[LabelMeasure]:
    size = len(sides.names) + 1
    counts = [np.zeros((size, size)) for _ in range(2)]
    for count, side in zip(counts, (ours, theirs)):
        np.add.at(count, (side.looks_like, side.labelled), 1)
    beyond_golden = np.subtract(*(count / np.maximum(1, count.sum(axis=1, keepdims=True)) for count in counts))
    enough = np.flatnonzero(np.minimum(*(count.sum(axis=1) for count in counts)) >= _FEWEST_OF_CLASS)
    pairs = [(one, other) for one in enough.tolist() for other in range(1, size) if other != one]
    certain = {(each.looks_like, each.labelled): float(norm.isf(each.p_value)) for each in found}
    likely = [pair for pair in pairs if beyond_golden[pair] > 0 and pair not in certain] or pairs[:1]
    excesses = {pair: _labelled_otherwise(ours, theirs, pair) for pair in [*certain, *likely]}
    likely.sort(key=lambda pair: -excesses[pair].value / excesses[pair].std_error)
    measures = []
    for one, other in dict.fromkeys([*certain, *likely[:_MOST_SWAPPED]]):
        excess = _of_many(excesses[one, other], len(pairs), certain.get((one, other)))
        name = f"swapped:{sides.names[one - 1]}>{sides.names[other - 1]}"
        measures.append(_measure("labels:classes", name, excess, sides.limits.classes, {}))
    return measures


def _labelled_otherwise(ours: Judged, theirs: Judged, pair: tuple[int, int]) -> Excess:
    if not (theirs.looks_like == pair[0]).any():
        return replace(NOTHING, value=labelled_as(ours, *pair).value)
    return difference(labelled_as(ours, *pair), labelled_as(theirs, *pair))


def _of_many(excess: Excess, pairs: int, sure: float | None) -> Excess:
    if sure is not None:
        # The exact test, of few images and of many pairs, is surer than the error of a share.
        return replace(excess, std_error=min(excess.std_error, max(1e-3, excess.value / sure)))
    # The most confused of many pairs are so by chance.
    return replace(excess, std_error=excess.std_error * float(norm.isf(norm.sf(_SURE) / max(1, pairs))) / _SURE)


def _missing(sides: _Sides) -> list[LabelMeasure]:
    rule, limit, both = "labels:missing", sides.limits.missing, (sides.span, sides.golden)
    lost, excess = lost_images(*both), signed_lack(*both)
    measures = [_measure(rule, "emptied", replace(lost, std_error=lost.error_if_none or lost.std_error), limit, {})]
    if excess is NOTHING:
        return measures
    looks = [side.sightings.labels[side.score_quantile >= QUANTILES[-1]] for side in both]
    of_class = _of_classes(sides, looks, lambda label: signed_lack(*both, [label]).value)
    measures.append(_measure(rule, "missing", excess, limit, of_class))
    of_one = class_limit_of(limit)
    for label, lacking in classes_that_lack(*both, sides.recall, of_one).items():
        measures.append(_measure(rule, f"missing:{sides.names[label - 1]}", lacking, of_one, {}))
    return measures


def _found(sides: _Sides) -> LabelMeasure:
    span, golden = sides.span, sides.golden
    ours, theirs = (fits_nothing(side) for side in (span, golden))
    looks = (span.labels.labels, golden.labels.labels)
    of_class = _of_classes(
        sides, looks, lambda label: float(ours[looks[0] == label].mean() - theirs[looks[1] == label].mean())
    )
    return _measure(FOUND, "found", beyond(span, ours, golden, theirs), sides.limits.found, of_class)
