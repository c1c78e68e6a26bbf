"""Objects without a label: what the model surely sees and nobody labelled; pure."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import numpy as np

from ratchet.components.labels.findings import (
    Estimate,
    Excess,
    Finding,
    difference,
    per_image,
    reason_of,
    relative_error,
    share_of,
    shortfall,
    significance_of,
)
from ratchet.components.labels.matching import QUANTILES, Matched, relative_recall
from ratchet.schemas.artifacts.decisions import Reason
from ratchet.schemas.base.formatting import joined, many, percent

_CLASS_TIMES = 3.0  # of one class so many times as many labels may be missing as of all together
_STANDS_OUT = 2.0  # a class lacks so many times as many labels as the others, or it is not about classes
_HIGHEST_LIMIT = 0.9
_MORE_THAN_HALF = 0.5
_MOSTLY = 0.8  # from this share on something is said of all
_FEWEST_SEEN = 2  # in an image without objects one sure error is no wonder
_BY_ERROR = 0.05  # chance that the model's errors alone make all that it sees in an image
NOTHING = Excess(0.0, 1.0, 1)  # is known


def missing_reason(
    span: Matched, golden: Matched, relative_recall: float, class_names: tuple[str, ...], limit: float
) -> Reason:
    """The rule `labels:missing`.

    Args:
        span: the new labels.
        golden: the trusted ones.
        relative_recall: see `shortfall`.
        class_names: in label order.
        limit: accepted share of objects without a label.
    """
    class_limit = class_limit_of(limit)
    expected = f"at most {percent(limit)} of all objects without a label, and {percent(class_limit)} of any class"
    of_all, lost = _of_all(span, golden, relative_recall, limit), _of_images(span, golden)
    are_lost = lost.excess.breaks(limit, significance_of(span.profile)) and _share_in_empty(span) > _MORE_THAN_HALF
    # Images that lost all their labels lack those of every class.
    of_classes = {} if are_lost else classes_that_lack(span, golden, relative_recall, class_limit)
    if of_classes:
        finding = _told(span, of_classes, class_names)
        return reason_of("labels:missing", expected, finding, class_limit, span.profile)
    if are_lost and not of_all.excess.breaks(limit, significance_of(span.profile)):
        return reason_of("labels:missing", expected, lost, limit, span.profile)
    return reason_of("labels:missing", expected, of_all, limit, span.profile)


def class_limit_of(limit: float) -> float:
    """Accepted share of the objects of one class without a label."""
    return min(_HIGHEST_LIMIT, _CLASS_TIMES * limit)


def _of_all(span: Matched, golden: Matched, relative_recall: float, limit: float) -> Finding:
    lacking = lacking_labels(span, golden, relative_recall)
    unlabelled = _unlabelled(span)
    missing = max(0.0, lacking.value)
    # Of all objects, labelled or not. Of a span with hardly a label nobody can say how many are missing.
    objects = len(span.labels.labels) * missing / max(0.01, 1 - missing)
    words = lacking.told("of the objects", "have no label", f"; some {many(round(objects), 'object')}")
    weight, measure = _weight(span, unlabelled), lacking.power(limit)
    return Finding(lacking, words + _where(span, unlabelled), weight, measure)


def _share_in_empty(span: Matched) -> float:
    # Of the sightings without a label those in images without any.
    image = span.sightings.image[_unlabelled(span)]
    return float(np.mean(per_image(span.profile, span.profile.truth.image)[image] == 0)) if len(image) else 0.0


def _unlabelled(span: Matched) -> np.ndarray:
    return ~span.has_label & (span.score_quantile >= QUANTILES[0])


def _emptied(span: Matched, golden: Matched) -> tuple[np.ndarray, np.ndarray]:
    # [i] and [j] bool, images that lost all their labels.
    sure = golden.score_quantile >= QUANTILES[-1]
    wrong = 1 - (golden.is_own[sure].sum() + 1) / (np.count_nonzero(sure) + 2)
    return (_surely_without_labels(span, float(wrong)), _surely_without_labels(golden, float(wrong)))


def lost_images(span: Matched, golden: Matched) -> Excess:
    """Share of the images that lost all their labels, beyond the golden set's."""
    ours, theirs = _emptied(span, golden)
    sides = [_share_of_images(each) for each in (ours, theirs)]
    both = (ours.sum() + theirs.sum() + 1) / (len(ours) + len(theirs) + 2)
    by_chance = float(np.sqrt(both * (1 - both) * (1 / max(1, len(ours)) + 1 / max(1, len(theirs)))))
    return dataclasses.replace(difference(*sides), error_if_none=by_chance)


def _of_images(span: Matched, golden: Matched) -> Finding:
    # Images that lost all their labels: few of them are a wide interval of objects, and yet no doubt.
    excess, (ours, _) = lost_images(span, golden), _emptied(span, golden)
    seen = per_image(span.profile, span.sightings.image[span.score_quantile >= QUANTILES[-1]])
    words = (
        f"{np.count_nonzero(ours)} of {len(ours)} images have no label at all, although the served model surely sees "
        f"about {np.mean(seen[ours]) if ours.any() else 0:.0f} objects in each"
    )
    return Finding(excess, words, np.where(ours, seen, 0.0))


def _surely_without_labels(side: Matched, wrong: float) -> np.ndarray:
    # [i] bool, images without a label where the model sees more than its errors on the golden set make likely.
    truth = side.profile.truth
    seen = per_image(side.profile, side.sightings.image[side.score_quantile >= QUANTILES[-1]])
    is_sure = (seen >= _FEWEST_SEEN) & (wrong**seen < _BY_ERROR)
    return (per_image(side.profile, truth.image) == 0) & is_sure


def _share_of_images(shows: np.ndarray) -> Estimate:
    return share_of(shows, np.arange(len(shows))) if len(shows) else Estimate(0.0, 1.0, 0)


def classes_that_lack(span: Matched, golden: Matched, relative_recall: float, limit: float) -> dict[int, Excess]:
    """The classes that break the limit, the worst first; none if the others lack labels like them."""
    labels = np.unique(span.sightings.labels[span.score_quantile >= QUANTILES[0]]).tolist()
    lacking = {label: lacking_labels(span, golden, relative_recall, [label]) for label in labels}
    found = [label for label in labels if lacking[label].breaks(limit, significance_of(span.profile) / len(labels))]
    others = lacking_labels(span, golden, relative_recall, [label for label in labels if label not in found])
    if not found or _STANDS_OUT * others.value > min(lacking[label].value for label in found):
        return {}
    return {label: lacking[label] for label in sorted(found, key=lambda label: -lacking[label].value)}


def _told(span: Matched, lacking: Mapping[int, Excess], names: tuple[str, ...]) -> Finding:
    words = joined([f"about {percent(lacking[label].value)} of class {names[label - 1]}" for label in lacking])
    unlabelled = ~span.has_label & (span.score_quantile >= QUANTILES[0]) & np.isin(span.sightings.labels, list(lacking))
    return Finding(next(iter(lacking.values())), f"{words} have no label", _weight(span, unlabelled))


def lacking_labels(span: Matched, golden: Matched, relative_recall: float, labels: list[int] | None = None) -> Excess:
    """Share of the objects that have no label, beyond the golden set's.

    Objects without labels are missing among the surest sightings as well; what is missing only among the others are the
    model's errors. So of the quantiles the one that accuses least.

    Args:
        span: the new labels.
        golden: the trusted ones.
        relative_recall: see `shortfall`.
        labels: only of what looks like these classes; None: of all.

    Returns:
        `NOTHING` if nothing can be said.
    """
    excesses = _at_quantiles(span, golden, relative_recall, labels)
    return min(excesses, key=lambda excess: excess.value) if excesses else NOTHING


def signed_lack(span: Matched, golden: Matched, labels: list[int] | None = None) -> Excess:
    """The same as a figure that chance makes as often too large as too small; negative where the golden set lacks more.

    Of the quantiles the one that says less, either way, with the error of how much less the model finds.
    """
    recall = relative_recall(span, golden)
    excesses = _at_quantiles(span, golden, recall, labels)
    if not excesses:
        return NOTHING
    quantile, least = min(zip(QUANTILES, excesses), key=lambda each: abs(each[1].value))
    if recall == 1 or least.value >= 1:
        return least
    # What is found and what is labelled vary together from image to image.
    moved = [_relative_error(side, quantile, labels) for side in (span, golden)]
    error = (1 - least.value) * float(np.sqrt(sum(np.square(each).sum() for each in moved)))
    return dataclasses.replace(least, std_error=max(least.std_error, error))


def _relative_error(side: Matched, quantile: float, labels: list[int] | None) -> np.ndarray:
    # [i] how much each image moves the share of what is labelled beside that of what is found.
    images = len(side.profile.file_names)
    counts = _counts(side, quantile, labels)
    labelled = relative_error(side.is_own[counts], side.sightings.image[counts], images)
    return labelled - relative_error(side.is_found, side.labels.image, images)


def _at_quantiles(span: Matched, golden: Matched, recall: float, labels: list[int] | None) -> list[Excess]:
    excesses = []
    for quantile in QUANTILES:
        shares = [_labelled(side, quantile, labels) for side in (span, golden)]
        if shares[0] is None or shares[1] is None or not shares[1].value:
            return []
        excesses.append(shortfall(shares[0], shares[1], recall))
    return excesses


def _labelled(side: Matched, quantile: float, labels: list[int] | None) -> Estimate | None:
    # Share of sightings that are a label's.
    counts = _counts(side, quantile, labels)
    return share_of(side.is_own[counts], side.sightings.image[counts]) if counts.any() else None


def _counts(side: Matched, quantile: float, labels: list[int] | None) -> np.ndarray:
    # [m] bool; a sighting that only touches a label says nothing.
    counts = (side.score_quantile >= quantile) & (side.is_own | ~side.has_label)
    return counts if labels is None else counts & np.isin(side.sightings.labels, labels)


def _weight(span: Matched, sightings: np.ndarray) -> np.ndarray:
    return per_image(span.profile, span.sightings.image[sightings], span.sightings.scores[sightings])


def _where(span: Matched, unlabelled: np.ndarray) -> str:
    unknown = span.profile.truth.image[span.profile.truth.labels < 0]
    is_empty = per_image(span.profile, np.concatenate([span.labels.image, unknown])) == 0
    image = span.sightings.image[unlabelled]
    if not len(image) or is_empty[image].mean() < _MOSTLY:
        return ""
    return f", nearly all of them in {len(np.unique(image[is_empty[image]]))} images without any label"
