"""What a label rule finds: shares and medians with their errors, and the reason for people; pure.

Objects in one image are not independent.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from ratchet.components.labels.profile import Profile
from ratchet.schemas.artifacts.decisions import Reason
from ratchet.schemas.base.formatting import percent

SIGNIFICANCE = 0.001  # chance of a false alarm that one rule takes
DOUBT = 0.02  # at which a person should look
_VISIBLE = 0.005  # of a share that is put into words
_POWER = 0.8  # with which a rule finds what it says that it would have found
_BLIND = 4.0  # a rule that would only have found so many times its limit has not tested it
_MOST_IMAGES = 12


class Estimate(NamedTuple):
    """A figure, how far chance moves it, and the images behind it."""

    value: float
    std_error: float
    images: int


@dataclass(frozen=True)
class Excess:
    """By how much the span differs from the golden set.

    Attributes:
        value: positive is worse.
        std_error: of it.
        images: the fewest behind either figure.
        error_if_none: of it, if there were no difference; None where it is the same.
    """

    value: float
    std_error: float
    images: int
    error_if_none: float | None = None

    @property
    def p_value(self) -> float:
        """Chance of a difference this large if there is none (one-sided, Student's t with images as clusters)."""
        if not self._by_chance:  # every row alike: certain of several images, and of one it says nothing
            return float(self.images < 2 or self.value <= 0)
        from scipy.special import stdtr  # here, because it takes a tenth of a second

        return float(stdtr(self._degrees, -self.value / self._by_chance))

    @property
    def _degrees(self) -> int:
        return max(1, self.images - 1)

    @property
    def _by_chance(self) -> float:
        return self.std_error if self.error_if_none is None else self.error_if_none

    def breaks(self, limit: float, significance: float = SIGNIFICANCE) -> bool:
        """Whether it is over the limit and no chance."""
        return self.value > limit and self.p_value < significance

    def is_doubtful(self, limit: float) -> bool:
        """Whether a person should look: over the limit but perhaps chance, or no chance but within the limit."""
        return self.value > limit / 2 and self.p_value < (DOUBT if self.value > limit else SIGNIFICANCE)

    def smallest_found(self, limit: float, significance: float = SIGNIFICANCE) -> float:
        """What `breaks` would have found in four of five spans like this one.

        >>> round(Excess(0.0, 0.02, 80).smallest_found(limit=0.1), 3)
        0.117
        """
        from scipy.special import stdtrit

        beyond_chance = -float(stdtrit(self._degrees, significance)) * self._by_chance
        return max(limit, beyond_chance) + float(stdtrit(self._degrees, _POWER)) * self.std_error

    @property
    def ends(self) -> tuple[float, float]:
        """Of the 95 % interval of a share."""
        low, high = (self.value + side * 1.96 * self.std_error for side in (-1, 1))
        return max(0.0, low), min(1.0, max(0.0, high))

    def told(self, things: str, does: str, more: str = "") -> str:
        """A share in words; of one that may be none its upper end alone.

        Args:
            things: what it is a share of: `of the labels`.
            does: what these do: `name a wrong class`.
            more: what is said beside its interval.

        >>> Excess(0.2, 0.02, 80).told("of the labels", "name a wrong class")
        'about 20 % of the labels name a wrong class (95 % interval 16 to 24 %)'
        >>> Excess(0.001, 0.02, 80).told("of the labels", "name a wrong class")
        'at most 4 % of the labels name a wrong class'
        """
        low, high = self.ends
        if low < _VISIBLE and self.value < 2 * _VISIBLE:
            return f"at most {percent(max(_VISIBLE, high))} {things} {does}"
        return f"about {percent(self.value)} {things} {does} (95 % interval {100 * low:.0f} to {percent(high)}{more})"

    def power(self, limit: float) -> str:
        """What the span would have shown, in words.

        >>> Excess(0.0, 0.02, 80).power(limit=0.1)
        'images like these show 12 % or more in 4 of 5 cases'
        """
        return f"images like these show {percent(min(1.0, self.smallest_found(limit)))} or more in 4 of 5 cases"


def share_of(hits: np.ndarray, image: np.ndarray) -> Estimate:
    """Share of rows that hit, with the standard error of a ratio of sums over images.

    W. G. Cochran, Sampling Techniques, 3rd ed., section 2.11; never less than that of independent rows.

    Args:
        hits: [n] bool, at least one row.
        image: [n] int64.

    >>> share_of(np.array([True, True, False, False]), np.array([0, 0, 1, 1]))
    Estimate(value=0.5, std_error=0.5..., images=2)
    """
    rows = len(hits)
    share = float(hits.mean())
    per_image, hits_per_image = np.bincount(image), np.bincount(image, weights=hits)
    images = int(np.count_nonzero(per_image))
    between = np.square(hits_per_image - share * per_image).sum() * images / max(1, images - 1) / rows**2
    # With a row more of either kind, so that no hit in ten is not certainty.
    smoothed = (hits.sum() + 1) / (rows + 2)
    return Estimate(share, float(np.sqrt(max(between, smoothed * (1 - smoothed) / rows))), images)


def median_of(values: np.ndarray, image: np.ndarray) -> Estimate:
    """Median [n] -> one figure, whose standard error takes the values of one image for one.

    The error is that of a normal distribution's median with the spread of the absolute deviations (1.4826 MAD).
    """
    median = float(np.median(values))
    spread = 1.4826 * float(np.median(np.abs(values - median)))
    images = len(np.unique(image))
    return Estimate(median, max(1e-3, 1.2533 * spread / np.sqrt(images)), images)


def clustered_median_of(values: np.ndarray, image: np.ndarray) -> Estimate:
    """The same, with the error that the values of one image have as far as they are beside the median together.

    Never less than that of independent values; `median_of` takes those of an image for one, however different they are.
    """
    median = median_of(values, image)
    beside = np.bincount(image, weights=np.sign(values - median.value))
    together = np.square(beside).sum() * median.images / max(1, median.images - 1)
    times = np.sqrt(max(together, len(values)) * median.images) / len(values)
    return median._replace(std_error=min(median.std_error, max(1e-3, median.std_error * float(times))))


def relative_error(hits: np.ndarray, image: np.ndarray, images: int) -> np.ndarray:
    """How much each image moves a share of rows that hit, as a part of it, [images].

    Args:
        hits: [n] bool, at least one of them a hit.
        image: [n] int64.
        images: how many there are.
    """
    share = float(hits.mean())
    beside = np.bincount(image, weights=hits - share, minlength=images)
    return beside / (share * len(hits))


def difference(span: Estimate, golden: Estimate) -> Excess:
    """The span's figure minus the golden set's."""
    error = float(np.hypot(span.std_error, golden.std_error))
    return Excess(span.value - golden.value, error, min(span.images, golden.images))


def shortfall(span: Estimate, golden: Estimate, relative_recall: float) -> Excess:
    """Part of the golden set's share that the span lacks.

    Args:
        span: a share.
        golden: the same share there; of a share of 0 nothing can be lacking.
        relative_recall: 0..1, part of the golden set's share to be expected of images in which the model finds less.

    >>> shortfall(Estimate(0.6, 0.03, 80), Estimate(0.8, 0.03, 90), relative_recall=1.0).value.__round__(3)
    0.25
    """
    expected = golden.value * relative_recall
    if not expected:
        return Excess(0.0, 1.0, min(span.images, golden.images))
    error = float(np.hypot(span.std_error, span.value / golden.value * golden.std_error)) / expected
    return Excess(1 - span.value / expected, error, min(span.images, golden.images))


@dataclass(frozen=True, eq=False)
class Finding:
    """What one rule found.

    Attributes:
        excess: what is compared with the limit.
        actual: in words.
        weight: [i] how much each image shows it; 0 for not at all.
        measure: how it was measured, for a quiet detail.
    """

    excess: Excess
    actual: str
    weight: np.ndarray
    measure: str = ""


def significance_of(span: Profile) -> float:
    """The chance of a false alarm that one rule takes in these images: all sets that are asked take it together."""
    return SIGNIFICANCE / span.asked


def reason_of(rule: str, expected: str, finding: Finding, limit: float, span: Profile) -> Reason:
    """The reason for a finding.

    Args:
        rule: its stable name.
        expected: what would have passed.
        finding: what was found.
        limit: on the excess.
        span: for its file names.
    """
    excess = finding.excess
    failed = bool(excess.breaks(limit, significance_of(span)))
    warning = not failed and excess.is_doubtful(limit)
    images = worst_images(span, finding.weight) if failed or warning else ()
    tested = failed or warning or excess.smallest_found(limit) <= _BLIND * limit
    actual = finding.actual if tested else f"too little to tell: {finding.actual}"
    strength = strength_of(excess.value, limit)
    return Reason(
        rule=rule,
        expected=expected,
        actual=actual,
        passed=not failed,
        warning=bool(warning),
        images=images,
        tested=bool(tested),
        strength=strength,
        measure=finding.measure,
    )


def strength_of(found: float, limit: float) -> float | None:
    """What was found over what would have passed; None if nothing would have.

    >>> strength_of(0.2, limit=0.1)
    2.0
    """
    return round(max(0.0, found) / limit, 3) if limit else None


def per_image(profile: Profile, image: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
    """How many rows [n], or what sum of their weights [n], each of the images has, [i]."""
    return np.bincount(image, weights=weights, minlength=len(profile.file_names))


def worst_images(profile: Profile, weight: np.ndarray) -> tuple[str, ...]:
    """File names of the images of most weight [i], the heaviest first."""
    order = np.argsort(-weight, kind="stable")[:_MOST_IMAGES]
    return tuple(profile.file_names[image] for image in order if weight[image] > 0)
