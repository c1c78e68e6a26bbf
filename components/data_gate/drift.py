"""How far two samples of a feature are apart, what pure chance reaches, and how large the effect is; pure.

TFDV measures the distances (Jensen-Shannon divergence, L-infinity). They say nothing alone: between two samples of one
world they grow as the samples shrink, and in a narrow distribution a shift that no model notices makes them large. So
a distance is held against the *noise*, what the training data of the served model reaches against itself at these
sizes, and against the *effect size*, how far the values moved in the feature's own unit.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike

from ratchet.schemas.data import features
from ratchet.schemas.data.feature_sample import FeatureSample

BLOCK = 8  # neighbouring images that are drawn together: frames of one scene are not independent
_REPEATS = 80
_MANY = 2000  # images; with more the noise is that of the smaller side alone
QUANTILE = 0.99  # of what chance reaches
_BUCKETS = 10  # of TFDV's standard histogram
_EDGES, _NOTHING = np.arange(_BUCKETS + 1.0), np.zeros(1)
COUNTS = (features.QA_NUM_BOXES, features.QA_NUM_CROWD, features.QA_NUM_TRUNCATED)
_LEVELS = np.linspace(0.025, 0.975, 39)
_HUES = 16  # buckets of the circle: narrower than a turn of .1, so that every value leaves its own
_PLACES = 360  # of the circle, at which two distributions are held against each other
Histogram: TypeAlias = tuple[ArrayLike, ArrayLike]


def jensen_shannon(one: np.ndarray, other: np.ndarray) -> float:
    """The Jensen-Shannon divergence, base 2, of two samples as TFDV measures it: over histograms of 10 equal buckets.

    Args:
        one: [n] values.
        other: [m] values.

    Returns:
        0 for equal histograms, 1 for samples that do not overlap; 0 if one is empty.

    >>> jensen_shannon(np.array([0.0, 1, 2]), np.array([5.0, 6, 7]))
    1.0
    """
    if not one.size or not other.size:
        return 0.0
    return of_histograms(_histogram(one), _histogram(other))


def of_histograms(one: Histogram, other: Histogram) -> float:
    """The same of two histograms: shares of the buckets and their edges, one more."""
    (p, p_edges), (q, q_edges) = ((np.asarray(shares), np.asarray(edges)) for shares, edges in (one, other))
    edges = np.sort(np.concatenate([p_edges, q_edges]))  # an edge of both parts off a bucket that holds nothing
    return _divergence(_rebinned(p, p_edges, edges), _rebinned(q, q_edges, edges))


def jensen_shannon_of_counts(one: np.ndarray, other: np.ndarray) -> float:
    """The same of whole numbers, a bucket each.

    Equal buckets from 0 to 2 and from 0 to 3 part the ones, so that samples of one world would look far apart.

    Args:
        one: [n] whole numbers from 0.
        other: [m].

    >>> jensen_shannon_of_counts(np.array([0.0, 1, 2]), np.array([0.0, 1, 2]))
    0.0
    """
    if not one.size or not other.size:
        return 0.0
    length = int(max(one.max(), other.max())) + 1
    p, q = (np.bincount(values.astype(np.int64), minlength=length) / len(values) for values in (one, other))
    return _divergence(p, q)


def jensen_shannon_of_hues(one: np.ndarray, other: np.ndarray) -> float:
    """The same on the circle, in buckets that stay where they are.

    Args:
        one: [n] 0..1.
        other: [m] 0..1.

    >>> jensen_shannon_of_hues(np.array([0.97, 0.99, 0.01]), np.array([0.47, 0.49, 0.51]))
    1.0
    """
    if not one.size or not other.size:
        return 0.0
    p, q = (np.histogram(values % 1.0, _HUES, (0.0, 1.0))[0] / len(values) for values in (one, other))
    return _divergence(p, q)


def _histogram(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """As `np.histogram` counts, whose checks would take longer than all else: it is asked thousands of times."""
    low, high = float(values.min()), float(values.max())
    last = max(high, low + 1e-6 * max(1.0, abs(low)))  # values that are all alike fill the first bucket
    edges = _EDGES * ((last - low) / _BUCKETS) + low
    edges[-1] = last
    if values.dtype.kind == "f":
        edges = edges.astype(values.dtype, copy=False)
    into = np.minimum(edges.searchsorted(values, side="right") - 1, _BUCKETS - 1)
    counts = np.bincount(into, minlength=_BUCKETS)
    return counts / counts.sum(), edges


def _rebinned(shares: np.ndarray, edges: np.ndarray, new_edges: np.ndarray) -> np.ndarray:
    reached = np.interp(new_edges, edges, np.concatenate([_NOTHING, shares.cumsum()]))
    return np.maximum(0, reached[1:] - reached[:-1])


def _divergence(p: np.ndarray, q: np.ndarray) -> float:
    middle = (p + q) / 2
    return float((_kullback_leibler(p, middle) + _kullback_leibler(q, middle)) / 2)


def _kullback_leibler(p: np.ndarray, q: np.ndarray) -> float:
    occurs = p > 0
    here = p[occurs]
    return float((here * np.log2(here / q[occurs])).sum())


def l_infinity(one: np.ndarray, other: np.ndarray) -> float:
    """The largest difference of a label's share between two samples.

    Args:
        one: [n] int64 labels from 1.
        other: [m] int64.

    >>> l_infinity(np.array([1, 1, 2, 2]), np.array([1, 2, 2, 2]))
    0.25
    """
    if not one.size or not other.size:
        return 0.0
    length = int(max(one.max(), other.max())) + 1
    shares = [np.bincount(values, minlength=length) / len(values) for values in (one, other)]
    return float(np.abs(shares[0] - shares[1]).max())


def noise(sample: FeatureSample, feature: str, n_other: int, n_span: int, seed: int = 0) -> float:
    """The distance that a feature reaches between two samples of one world.

    Args:
        sample: of the served model's training images.
        feature: a key of the sample, or BOX_CLASS.
        n_other: images on the one side.
        n_span: images on the other.
        seed: of the resampling.

    Returns:
        The 99th percentile over draws of blocks of neighbouring images, with replacement.
    """
    distance: Callable[[np.ndarray, np.ndarray], float]
    values, counts, distance = _column(sample, feature)
    starts = np.concatenate([[0], np.cumsum(counts)])
    sizes = [min(size, _MANY) for size in (n_other, n_span)]
    rng = np.random.default_rng(seed)
    reached = []
    for _ in range(_REPEATS):
        one, other = (_drawn(values, starts, rng, size) for size in sizes)
        reached.append(distance(one, other))
    return float(np.quantile(reached, QUANTILE))


def _column(sample: FeatureSample, feature: str) -> tuple[np.ndarray, np.ndarray, Callable[..., float]]:
    if feature == features.BOX_CLASS:
        return sample.labels, sample.box_counts, l_infinity
    if feature in sample.objects:
        return sample.objects[feature], sample.box_counts, jensen_shannon
    values = sample.images[feature]
    return known(values), np.isfinite(values).astype(np.int64), OWN_DISTANCES.get(feature, jensen_shannon)


def known(values: np.ndarray) -> np.ndarray:
    """The values [n] that there are: a grey image has no hue, and a span of an older version not every measure."""
    return values[np.isfinite(values)]


def _drawn(values: np.ndarray, starts: np.ndarray, rng: np.random.Generator, size: int) -> np.ndarray:
    """The values of `size` images, drawn in blocks of neighbours."""
    images = len(starts) - 1
    block = min(BLOCK, max(1, images // 4))
    firsts = rng.integers(0, images, -(-size // block))
    chosen = ((firsts[:, None] + np.arange(block)) % images).ravel()[:size]
    if starts[-1] == images and len(values) == images:  # one each
        return values[chosen]
    lengths = starts[chosen + 1] - starts[chosen]
    offsets = np.repeat(starts[chosen] - np.concatenate([[0], np.cumsum(lengths)[:-1]]), lengths)
    return values[offsets + np.arange(lengths.sum())]


def as_compared(feature: str, values: np.ndarray) -> np.ndarray:
    """Values [n] in the unit of `effect_size`: ratios as logarithms."""
    if feature in (features.QA_BRIGHTNESS, features.QA_CONTRAST):
        return np.log(np.maximum(values, 1))
    return np.log1p(values) if feature in (*COUNTS, features.QA_NOISE) else values


def apart(feature: str, one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """How far values are from each other in the unit of `effect_size`, as numpy's `abs(one - other)`.

    >>> apart(features.QA_HUE, np.array([0.98]), np.array([0.02])).round(2)
    array([0.04])
    """
    if feature == features.QA_HUE:
        return np.abs((one - other + 0.5) % 1.0 - 0.5)
    return np.abs(as_compared(feature, one) - as_compared(feature, other))


# Distances that TFDV's ten buckets between the least and the largest value would make of chance.
OWN_DISTANCES = {features.QA_HUE: jensen_shannon_of_hues} | dict.fromkeys(COUNTS, jensen_shannon_of_counts)


def effect_size(feature: str, other: np.ndarray, span: np.ndarray) -> float:
    """How far the values moved: the mean distance of equal quantiles (Wasserstein-1 without the outermost 5 %).

    Brightness and contrast are compared as ratios, in natural logarithms, and so are counts of boxes and noise; hues on
    the circle.

    Args:
        feature: its key.
        other: [n] values that the served model was trained on.
        span: [m] values of the span.

    Returns:
        0 if one of them is empty.

    >>> round(effect_size(features.QA_BRIGHTNESS, np.full(9, 100.0), np.full(9, 50.0)), 3)
    0.693
    """
    other, span = known(other), known(span)
    if not other.size or not span.size:
        return 0.0
    if feature == features.QA_HUE:
        return _turn(other, span)
    other, span = as_compared(feature, other), as_compared(feature, span)
    return float(np.abs(np.quantile(other, _LEVELS) - np.quantile(span, _LEVELS)).mean())


def _turn(other: np.ndarray, span: np.ndarray) -> float:
    """Wasserstein-1 on the circle: that of the line, from the place where the least has to be carried.

    J. Rabin, J. Delon, Y. Gousseau, Transportation distances on the circle, J. Math. Imaging Vis. 41 (2011).
    """
    places = np.arange(_PLACES) / _PLACES
    one, two = (np.searchsorted(np.sort(values % 1.0), places, side="right") / len(values) for values in (other, span))
    return float(np.abs(one - two - np.median(one - two)).mean())
