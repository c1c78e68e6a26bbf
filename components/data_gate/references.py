"""What a span is compared with: each span that the served model was trained on, and their mixture; pure.

A detector that was trained on day and night knows both. So a feature has drifted only if it is beyond the newest span,
beyond each earlier one, and beyond all of them together; what is told is the nearest of these.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ratchet.components.data_gate import drift
from ratchet.components.data_gate.embeddings import embedding_distance, mean_moved
from ratchet.schemas.artifacts.data_evidence import DRIFT, EMBEDDING, Comparison, Distribution
from ratchet.schemas.data import features
from ratchet.schemas.data.feature_sample import FeatureSample

_BUCKETS = 10
_SHOWN_CATEGORIES = 20
_NOTHING_TO_SEE = 0.5  # of a limit: below it a rule does not even warn
_MOST_IN_MIXTURE = 300  # images of each span

Strength = Callable[[Comparison], float]  # found over what passes; above 1 is beyond it


@dataclass(frozen=True, eq=False)
class Reference:
    """Images that the served model was trained on.

    Attributes:
        title: what they are, in words: `span 3`.
        images: how many they are.
        sample: of them; the boxes of one label map.
        distributions: of features, all categories; of earlier spans of old models there is none.
    """

    title: str
    images: int
    sample: FeatureSample
    distributions: Mapping[str, Distribution] = dataclasses.field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Lineage:
    """The spans that the served model was trained on, as far as it carries them.

    Attributes:
        spans: the first one first, the newest last; at least one.
    """

    spans: tuple[Reference, ...]

    @property
    def newest(self) -> Reference:
        """The span that the model was trained on last."""
        return self.spans[-1]

    def others(self, fewest: int) -> list[Reference]:
        """What else a span can be like: earlier spans, the newest first, and the mixture of all.

        Args:
            fewest: images that it takes to tell drift from chance.
        """
        earlier = [span for span in reversed(self.spans[:-1]) if len(span.sample) >= fewest]
        return [*earlier, _mixture(self.spans)] if len(self.spans) > 1 else []


def _mixture(spans: Sequence[Reference]) -> Reference:
    # Each span counts alike, as far as it has the images.
    most = min(_MOST_IN_MIXTURE, max(len(span.sample) for span in spans[:-1]))
    kept = [span.sample.thinned(most) for span in spans]
    names = set.intersection(*(set(span.distributions) for span in spans))
    mixed = {name: _mixed([span.distributions[name] for span in spans]) for name in names}
    return Reference(
        title=f"{spans[0].title} to {spans[-1].title} together",
        images=sum(map(len, kept)),
        sample=FeatureSample.join(kept),
        distributions={name: distribution for name, distribution in mixed.items() if distribution.categories},
    )


def _mixed(sides: Sequence[Distribution]) -> Distribution:
    shares = [dict(zip(side.categories, side.shares)) for side in sides]
    names = sorted({name for side in shares for name in side})
    means = {name: sum(side.get(name, 0.0) for side in shares) / len(shares) for name in names}
    ordered = sorted(means, key=lambda name: -means[name])
    return Distribution(
        tuple(means[name] for name in ordered), categories=tuple(ordered), values=sum(side.values for side in sides)
    )


@dataclass(frozen=True, eq=False)
class Span:
    """The span that is judged, as far as it can be compared.

    Attributes:
        images: of the span.
        sample: of them.
        embeddings: [m, d] of those of the sample of which the looks are compared.
        distributions: of features, all categories.
        with_boxes: share of the images that have boxes which are compared; 1 where all are.
    """

    images: int
    sample: FeatureSample
    embeddings: np.ndarray
    distributions: Mapping[str, Distribution] = dataclasses.field(default_factory=dict)
    with_boxes: float = 1.0


def nearest(
    newest: Comparison, threshold: float, others: Sequence[Reference], span: Span, strength: Strength
) -> Comparison:
    """The comparison with that training data which a feature of the span is nearest to.

    Args:
        newest: the comparison with the newest span.
        threshold: distance that passes in any case; of embeddings, beyond what training images reach among themselves.
        others: what else it may be like.
        span: the span.
        strength: of a comparison; the least is nearest, and of equal ones the newest span.
    """
    found, least = newest, strength(newest)
    for other in others:
        if least <= _NOTHING_TO_SEE:
            break
        comparison = compared_with(newest, threshold, other, span)
        if comparison is not None and (reached := strength(comparison)) < least:
            found, least = comparison, reached
    return found


def compared_with(newest: Comparison, threshold: float, other: Reference, span: Span) -> Comparison | None:
    """The same feature beside other training data; None where that does not have it.

    Args:
        newest: a comparison of the feature.
        threshold: distance that passes in any case.
        other: the training data.
        span: the span.
    """
    feature = newest.feature
    if feature == EMBEDDING:
        if not other.sample.embeddings.shape[1]:
            return None
        return embedding_comparison(other.sample.embeddings, span.embeddings, threshold, other.title)
    boxes = feature in other.sample.objects or feature == features.BOX_CLASS
    images = round(len(span.sample) * span.with_boxes) if boxes else len(span.sample)
    effect = None
    if feature in other.sample.images or feature in other.sample.objects:
        there, here = values_of(other.sample, feature), values_of(span.sample, feature)
        if not there.size or not here.size:
            return None  # grey images have no hue: nothing to be near to
        measure = drift.OWN_DISTANCES.get(feature, drift.jensen_shannon)
        distance, shown = measure(there, here), distribution_of_values(there)
        effect = drift.effect_size(feature, there, here)
    else:
        there, here = (side.distributions.get(feature, Distribution(())) for side in (other, span))
        if not there.shares or not here.shares:
            return None
        distance, shown = _of_distributions(there, here), most_frequent(there)
    if effect is not None or feature == features.BOX_CLASS:
        noise = drift.noise(other.sample, feature, len(other.sample), images)
    else:
        noise = noise_of_shares(other.images, span.images)
    return dataclasses.replace(
        newest,
        distance=distance,
        limit=max(threshold, noise),
        noise=noise,
        other=shown,
        effect_size=effect,
        reference=other.title,
    )


def _of_distributions(one: Distribution, other: Distribution) -> float:
    if one.edges:
        return drift.of_histograms((one.shares, one.edges), (other.shares, other.edges))
    return _of_categories(one, other)


def _of_categories(one: Distribution, other: Distribution) -> float:
    there, here = (dict(zip(side.categories, side.shares)) for side in (one, other))
    return max(abs(there.get(name, 0.0) - here.get(name, 0.0)) for name in {*there, *here})


def most_frequent(distribution: Distribution) -> Distribution:
    """The same with few of its categories, as it is shown; a number's stays as it is."""
    if not distribution.categories:
        return distribution
    shares, categories = distribution.shares[:_SHOWN_CATEGORIES], distribution.categories[:_SHOWN_CATEGORIES]
    return dataclasses.replace(distribution, shares=shares, categories=categories)


def noise_of_shares(one: int, other: int) -> float:
    """Three standard errors of the difference of two shares of one half, which vary most, among so many images."""
    return 3 * 0.5 * (1 / max(1, one) + 1 / max(1, other)) ** 0.5


def values_of(sample: FeatureSample, feature: str) -> np.ndarray:
    """A feature's values, of images or of boxes; none if the sample does not have it."""
    return drift.known(sample.images[feature]) if feature in sample.images else sample.objects.get(feature, np.empty(0))


def distribution_of_values(values: np.ndarray) -> Distribution:
    """A histogram of ten equal buckets."""
    if not values.size:
        return Distribution(())
    counts, edges = np.histogram(values, _BUCKETS)
    return Distribution(
        shares=tuple((counts / max(1, counts.sum())).tolist()),
        edges=tuple(edges.tolist()),
        values=len(values),
        median=float(np.median(values)),
    )


def embedding_comparison(training: np.ndarray, span: np.ndarray, limit: float, title: str = "") -> Comparison:
    """The span beside training images as the served model's backbone sees them.

    Args:
        training: [n, d] embeddings.
        span: [m, d] of the same model.
        limit: of the distance, beyond what the training images reach against themselves.
        title: of the training images.
    """
    found = embedding_distance(training, span)
    return Comparison(
        kind=DRIFT,
        feature=EMBEDDING,
        measure="energy distance",
        distance=found.distance,
        limit=found.noise + limit,
        noise=found.noise,
        other=distribution_of_values(found.training_scores),
        span=distribution_of_values(found.span_scores),
        effect_size=found.effect_size,
        reference=title,
    )


def with_moves(comparison: Comparison, lineage: Lineage, span: Span) -> Comparison:
    """The same with how far this feature has moved before, and how far it is from the lineage's first span.

    Args:
        comparison: of the span with the lineage.
        lineage: the spans before; of a single one its halves say how far spans move.
        span: the span.
    """
    samples = [of.sample for of in lineage.spans]
    is_single = len(samples) == 1
    if is_single:
        samples = [samples[0].rows(half) for half in np.array_split(np.arange(len(samples[0])), 2)]
    moves = [_moved(comparison.feature, one, other) for one, other in itertools.pairwise(samples)]
    here = dataclasses.replace(span.sample, embeddings=span.embeddings)
    return dataclasses.replace(
        comparison,
        moved_before=tuple(move for move in moves if move is not None),
        moved_in_halves=is_single,
        from_first=None if is_single else _moved(comparison.feature, samples[0], here),
        first=lineage.spans[0].title,
    )


def _moved(feature: str, one: FeatureSample, other: FeatureSample) -> float | None:
    if feature == EMBEDDING:
        there, here = one.embeddings, other.embeddings
        return mean_moved(there, here) if there.size and here.size and here.shape[1] == there.shape[1] else None
    if feature == features.BOX_CLASS:
        return drift.l_infinity(one.labels, other.labels)
    there, here = values_of(one, feature), values_of(other, feature)
    return drift.effect_size(feature, there, here) if there.size and here.size else None
