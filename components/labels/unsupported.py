"""Labels that fit nothing at all that the model sees, however little sure it is of that; pure.

Of objects in images like the golden set's a model sees at least something: of 5,000 true labels of new spans of blood
cells, cards and digits one in 200 fits nothing, as in their golden sets. So labels that fit nothing are wrong, or the
model does not know the images. What tells the two apart is what it sees beside them: where labels belong to other
images it sees as many objects that nobody labelled.
"""

from __future__ import annotations

import numpy as np

from ratchet.components.labels.findings import (
    Excess,
    difference,
    per_image,
    share_of,
    significance_of,
    strength_of,
    worst_images,
)
from ratchet.components.labels.matching import QUANTILES, TOUCH_IOU, Matched
from ratchet.components.labels.profile import undone
from ratchet.components.metrics.boxes import overlapping
from ratchet.schemas.artifacts.decisions import Reason
from ratchet.schemas.base.formatting import percent

RULE = "labels:found"
_AS_MANY = 1 / 3  # of the labels that fit nothing; so many objects without a label are seen in their place
_LOST = 0.5  # part of the golden set's recall; below it a person should look whatever fits
_SHOWS = 0.2  # of the labels of an image that shows it


def found_reason(span: Matched, golden: Matched, limit: float, familiar: bool = False) -> Reason:
    """The rule `labels:found`.

    Args:
        span: the new labels, at least one.
        golden: the trusted ones, at least one of them found.
        limit: accepted share of labels that fit nothing, beyond the golden set's.
        familiar: whether the model is known to know the images. If not, it accuses labels only if it sees objects that
            nobody labelled in their place.
    """
    unsupported, golden_unsupported = fits_nothing(span), fits_nothing(golden)
    excess = beyond(span, unsupported, golden, golden_unsupported)
    replaced = beyond(span, _replaced(span, unsupported), golden, _replaced(golden, golden_unsupported))
    is_replaced = replaced.value >= _AS_MANY * excess.value and replaced.p_value < significance_of(span.profile)
    failed = bool(excess.breaks(limit, significance_of(span.profile)) and (familiar or is_replaced))
    warning = not failed and bool(excess.is_doubtful(limit) or span.recall < _LOST * golden.recall)
    weight = per_image(span.profile, span.labels.image, unsupported.astype(np.float64))
    words = (
        f"the served model finds {percent(span.recall)} of the labelled objects (golden set: {percent(golden.recall)})"
    )
    measure = ""
    if failed or warning:
        images = np.count_nonzero(weight > _SHOWS * per_image(span.profile, span.labels.image))
        words += f"; {percent(float(unsupported.mean()))} of the labels fit nothing that it sees"
        measure = (
            f"{np.count_nonzero(unsupported)} labels, most in {images} of {len(weight)} images; golden set: "
            f"{percent(float(golden_unsupported.mean()))}"
        )
        words += _why(failed, bool(is_replaced))
    return Reason(
        RULE,
        f"at most {percent(limit)} more labels than in the golden set that fit nothing that the served model sees",
        words,
        passed=not failed,
        warning=warning,
        images=worst_images(span.profile, weight) if failed or warning else (),
        strength=strength_of(excess.value, limit),
        measure=measure,
    )


def _why(failed: bool, is_replaced: bool) -> str:
    if is_replaced:
        return ", and it sees objects without a label there: they may be the labels of other images"
    if failed:
        return ", in images like those that it knows: look for labels without an object"
    return ", and little in their place: it does not know these images, or there is no object"


def fits_nothing(side: Matched) -> np.ndarray:
    """[n] bool, the labels that fit no detection of any score: of what a model knows badly it is less sure."""
    found = side.profile.found
    boxes = undone(side.labels.boxes_xywh_px, side.drawn)
    pairs = overlapping(side.labels.image, boxes, found.image, found.boxes_xywh_px, least_iou=TOUCH_IOU)
    alone = np.ones(len(boxes), dtype=np.bool_)
    alone[pairs.one] = False
    return alone


def _replaced(side: Matched, unsupported: np.ndarray) -> np.ndarray:
    # [n] bool, of the unsupported labels of each image so many as the model surely sees objects without a label there.
    room = per_image(side.profile, side.sightings.image[~side.has_label & (side.score_quantile >= QUANTILES[0])])
    rows = np.flatnonzero(unsupported)
    rows = rows[np.argsort(side.labels.image[rows], kind="stable")]
    image = side.labels.image[rows]
    place = np.arange(len(rows)) - np.searchsorted(image, image)
    replaced = np.zeros(len(unsupported), dtype=np.bool_)
    replaced[rows[place < room[image]]] = True
    return replaced


def beyond(span: Matched, hits: np.ndarray, golden: Matched, golden_hits: np.ndarray) -> Excess:
    """By how much the share of the labels that are hit [n] is above the golden set's [m]."""
    return difference(share_of(hits, span.labels.image), share_of(golden_hits, golden.labels.image))
