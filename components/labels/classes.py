"""Labels whose class the model contradicts: systematic confusion of two classes, and label noise; pure.

Label noise is a wrong class here and there; systematic confusion is one class labelled as a certain other one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy.stats import hypergeom

from ratchet.components.labels.findings import (
    SIGNIFICANCE,
    Estimate,
    Finding,
    per_image,
    reason_of,
    share_of,
    significance_of,
    strength_of,
    worst_images,
)
from ratchet.components.labels.matching import QUANTILES, Matched
from ratchet.components.labels.noise import LOWEST_QUANTILE, Seen, label_noise
from ratchet.components.labels.profile import Profile
from ratchet.components.labels.systematic import likeliest_pair
from ratchet.schemas.artifacts.decisions import Reason
from ratchet.schemas.base.formatting import percent

UNLABELLED = 0
_FEWEST_IMAGES = 4  # that show a confusion of two classes
_PERHAPS = 0.001  # chance of a pair that is tried as an explanation of all labels
_TIMES_OTHERS = 3.0  # a systematic confusion stands out of that of all other classes


@dataclass(frozen=True, eq=False)
class Judged(Seen):
    """What the model sees with certainty, and how it is labelled: as `Seen`, or UNLABELLED."""

    @property
    def is_labelled(self) -> np.ndarray:
        """[k] bool."""
        return self.labelled != UNLABELLED

    @property
    def is_other(self) -> np.ndarray:
        """[k] bool, labelled as another class than it looks like."""
        return self.is_labelled & (self.labelled != self.looks_like)

    def rows(self, keep: np.ndarray) -> Judged:
        """Some of them; `keep` is [k] bool."""
        return Judged(self.image[keep], self.looks_like[keep], self.labelled[keep], self.score_quantile[keep])


class Confusion(NamedTuple):
    """What looks like one class and is labelled as another.

    Attributes:
        looks_like: label, 1..K.
        labelled: label, 1..K.
        share: of what looks like the one.
        golden_share: the golden set's.
        p_value: chance of as many if the golden set's share holds.
    """

    looks_like: int
    labelled: int
    share: float
    golden_share: float
    p_value: float

    @property
    def excess(self) -> float:
        """Share beyond the golden set's."""
        return self.share - self.golden_share


def class_reasons(
    span: Matched, golden: Matched, relative_recall: float, class_names: tuple[str, ...], classes: float, noise: float
) -> list[Reason]:
    """The rules `labels:classes` and `labels:noise`; what a systematic confusion explains is no noise.

    Args:
        span: the new labels.
        golden: the trusted ones.
        relative_recall: see `shortfall`.
        class_names: in label order.
        classes: accepted share of what looks like one class that is labelled as a certain other.
        noise: accepted share of labels with a wrong class beside those.
    """
    ours, theirs = (judge(side, QUANTILES[0]) for side in (span, golden))
    found = confusions(ours, theirs, len(class_names), significance_of(span.profile))
    rest = [beside_confusions(side, found) for side in (span, golden)]
    return [
        _confused(ours, found, class_names, classes, span.profile),
        _noisy(rest[0], rest[1], len(class_names), relative_recall, noise, span.profile),
    ]


def beside_confusions(side: Matched, found: Sequence[Confusion]) -> Judged:
    """The labelled objects of classes that are not confused systematically: noise hits all classes alike."""
    judged = judge(side, LOWEST_QUANTILE)
    confused = [label for each in found for label in (each.looks_like, each.labelled)]
    return judged.rows(judged.is_labelled & ~np.isin(judged.labelled, confused))


def _confused(judged: Judged, found: list[Confusion], names: tuple[str, ...], limit: float, profile: Profile) -> Reason:
    failed = bool(any(each.excess > limit for each in found))
    return Reason(
        "labels:classes",
        f"at most {percent(limit)} of a class labelled as a certain other one",
        _in_words(judged, found, names) or "no two classes are confused",
        passed=not failed,
        warning=bool(found) and not failed,
        images=worst_images(profile, per_image(profile, judged.image[is_of(judged, found)])),
        strength=strength_of(max([each.excess for each in found], default=0.0), limit),
        measure="; ".join(_measured(each, names) for each in found),
    )


def _in_words(judged: Judged, found: Sequence[Confusion], names: tuple[str, ...]) -> str:
    """The confusions, of two that are each other's once: `classes 3 and 8 are swapped in 97 % of their labels`."""
    pairs = {(each.looks_like, each.labelled): each for each in found}
    words = []
    for (one, other), each in pairs.items():
        if (other, one) not in pairs:
            words.append(f"{percent(each.share)} of class {names[one - 1]} are labelled {names[other - 1]}")
        elif one < other:
            of = np.isin(judged.looks_like, (one, other)) & judged.is_labelled
            share = float(is_of(judged, [each, pairs[other, one]])[of].mean())
            both = f"classes {names[one - 1]} and {names[other - 1]}"
            words.append(f"{both} are swapped in {percent(share)} of their labels")
    return "; ".join(words)


def _measured(confusion: Confusion, names: tuple[str, ...]) -> str:
    looks_like, labelled = names[confusion.looks_like - 1], names[confusion.labelled - 1]
    usual = f"golden set: {percent(confusion.golden_share)}"
    share = percent(confusion.share)
    return f"of what looks like {looks_like} to the served model {share} is labelled {labelled} ({usual})"


def _noisy(
    span: Judged, golden: Judged, classes: int, relative_recall: float, limit: float, profile: Profile
) -> Reason:
    excess = label_noise(span, golden, classes, relative_recall)
    finding = Finding(
        excess,
        excess.told("of the labels", "name a wrong class"),
        per_image(profile, span.image[~span.agrees]),
        excess.power(limit),
    )
    return reason_of(
        "labels:noise", f"at most {percent(limit)} of the labels with a wrong class", finding, limit, profile
    )


def _seen(judged: Judged) -> Seen:
    return judged.rows(judged.is_labelled)


def judge(matched: Matched, lowest_quantile: float) -> Judged:
    """The sightings of this score quantile and above; of those without an own label only what touches no label."""
    labelled = np.full(len(matched.score_quantile), UNLABELLED)
    labelled[matched.sighting[matched.is_found]] = matched.labels.labels[matched.is_found]
    keep = (matched.score_quantile >= lowest_quantile) & (matched.is_own | ~matched.has_label)
    return Judged(matched.sightings.image, matched.sightings.labels, labelled, matched.score_quantile).rows(keep)


def confusions(span: Judged, golden: Judged, classes: int, significance: float = SIGNIFICANCE) -> list[Confusion]:
    """Pairs of classes that the span confuses significantly more than the golden set and than all other pairs.

    Shares are of what the model sees as a class: if labels are wrong at random, all classes are then confused alike,
    however frequent they are. Counted are images (Fisher's exact test), because one image's objects err together. Of
    pairs that do not stand out for themselves the one counts that explains all labels best, and better than noise.
    """
    pairs = np.unique(np.stack([span.looks_like, span.labelled], axis=1)[span.is_other], axis=0)
    candidates = [(a, b) for a, b in pairs.tolist() if _images(span, a, b) >= _FEWEST_IMAGES]
    tested = [_confusion(span, golden, *pair) for pair in candidates]
    found = [each for each in tested if each.p_value < significance / len(tested)]
    found = [each for each in found if each.excess > _TIMES_OTHERS * _others(span, each)]
    perhaps = _PERHAPS * significance / SIGNIFICANCE  # the more sets are asked, the more of them show a pair by chance
    likely = [(each.looks_like, each.labelled) for each in tested if each.p_value < perhaps]
    best = likeliest_pair(_seen(span), _seen(golden), classes, likely)
    found += [each for each in tested if (each.looks_like, each.labelled) in best and each not in found]
    return sorted(found, key=lambda each: -each.excess)


def labelled_as(side: Judged, looks_like: int, labelled: int) -> Estimate:
    """Share of what looks like one class, at least one object, that is labelled as another."""
    of = side.looks_like == looks_like
    return share_of(side.labelled[of] == labelled, side.image[of])


def is_of(judged: Judged, found: list[Confusion]) -> np.ndarray:
    """[k] bool, what such a confusion explains."""
    explained = np.zeros(len(judged.image), dtype=np.bool_)
    for each in found:
        explained |= (judged.looks_like == each.looks_like) & (judged.labelled == each.labelled)
    return explained


def _images(judged: Judged, looks_like: int, labelled: int | None = None) -> int:
    of = judged.looks_like == looks_like
    return len(np.unique(judged.image[of if labelled is None else of & (judged.labelled == labelled)]))


def _confusion(span: Judged, golden: Judged, looks_like: int, labelled: int) -> Confusion:
    hits, all_images = _images(span, looks_like, labelled), _images(span, looks_like)
    golden_hits, golden_images = _images(golden, looks_like, labelled), _images(golden, looks_like)
    p_value = hypergeom.sf(hits - 1, all_images + golden_images, hits + golden_hits, all_images)
    share, golden_share = (_share(judged, looks_like, labelled) for judged in (span, golden))
    return Confusion(looks_like, labelled, share, golden_share, float(p_value))


def _share(judged: Judged, looks_like: int, labelled: int) -> float:
    of = judged.looks_like == looks_like
    return float((judged.labelled[of] == labelled).mean()) if of.any() else 0.0


def _others(span: Judged, one: Confusion) -> float:
    # Mean confusion per pair of classes, of all but these two with each other.
    pair = (one.looks_like, one.labelled)
    within = np.isin(span.looks_like, pair) & np.isin(span.labelled, pair) & span.is_other
    classes = len(np.union1d(span.looks_like, span.labelled[span.is_labelled]))
    others = span.rows(~within)
    return float(others.is_other.mean()) / max(1, classes - 1) if len(others.image) else 0.0
