"""Intervals of shares of objects, of which those of one image are alike; pure.

Wilson's interval (J. Am. Stat. Assoc. 22, 1927) with the number of objects that would say as much if each stood alone:
that of the ratio estimator's variance over images (Cochran, Sampling Techniques, 1977, section 6.3), as for shares in
cluster samples (Franco et al., J. Surv. Stat. Methodol. 7, 2019). So it is wider than one of objects where they come in
groups, and there is one for a share of 0, where a bootstrap knows none.
"""

from __future__ import annotations

import math

import numpy as np

_UPPER = 0.975


def share_interval(hits: np.ndarray, of: np.ndarray) -> tuple[float, float] | None:
    """The 95 % interval of the share of hits.

    Args:
        hits: [i] of each image.
        of: [i] of which there are so many in each image.

    Returns:
        Its ends, 0..1; None with fewer than two images that have something.

    >>> [round(end, 2) for end in share_interval(np.zeros(20), np.ones(20))]
    [0.0, 0.18]
    """
    has = of > 0
    hits, of = hits[has].astype(np.float64), of[has].astype(np.float64)
    images, total = len(of), float(of.sum())
    if images < 2:
        return None
    share = float(hits.sum()) / total
    return _wilson(share, _effective(share, hits, of, total), images)


def _effective(share: float, hits: np.ndarray, of: np.ndarray, total: float) -> float:
    """How many objects that stand alone would say as much."""
    images = len(of)
    variance = images / (images - 1) * float(np.square(hits - share * of).sum()) / total**2
    if share in (0.0, 1.0) or variance == 0:
        return float(images)  # nothing shows how alike the objects of an image are: as if they were one
    return min(max(share * (1 - share) / variance, 1.0), total)


def _wilson(share: float, effective: float, images: int) -> tuple[float, float]:
    from scipy.special import stdtrit  # here, because it takes a tenth of a second

    quantile = float(stdtrit(images - 1, _UPPER))
    part = quantile**2 / effective
    middle = (share + part / 2) / (1 + part)
    reach = quantile / (1 + part) * math.sqrt(share * (1 - share) / effective + part / (4 * effective))
    # At the ends they are exactly 0 and 1, but for rounding.
    return (max(middle - reach, 0.0) if share > 0 else 0.0), (min(middle + reach, 1.0) if share < 1 else 1.0)
