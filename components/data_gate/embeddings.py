"""How far two sets of images are apart as the served model's own backbone sees them; pure.

What no single figure of an image shows is seen here: another camera, another scene, another material.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ratchet.components.data_gate.drift import BLOCK, QUANTILE

_REPEATS = 60
_COMPONENTS = 24  # principal components of the training images' embeddings; more only add noise


@dataclass(frozen=True)
class EmbeddingDistance:
    """A span against training images.

    Attributes:
        distance: energy coefficient, 0 (same) to 1.
        noise: what training images reach against each other at this size.
        effect_size: length of the difference of the mean embeddings, as a fraction of the training images' mean.
        training_scores: [n] places of the training images on the axis through both centres.
        span_scores: [m] those of the span.
    """

    distance: float
    noise: float
    effect_size: float
    training_scores: np.ndarray
    span_scores: np.ndarray


def embedding_distance(training: np.ndarray, span: np.ndarray, seed: int = 0) -> EmbeddingDistance:
    """Compares two sets of embeddings.

    Args:
        training: [n, d] of images that the served model was trained on, in the order in which they were delivered.
        span: [m, d].
        seed: of the resampling.

    Returns:
        The coefficient of inhomogeneity of Szekely and Rizzo (2013, "Energy statistics", J. Stat. Plan. Inference),
        with unbiased means within each sample, over standardised principal components; and its 99th percentile
        between halves of the training images that were split in blocks of neighbours.
    """
    effect = mean_moved(training, span)
    project = projection(training)
    training, span = project(training), project(span)
    rng = np.random.default_rng(seed)
    within = distances(training, training)
    half = len(training) // 2
    size = min(len(span), half)
    reached = []
    for _ in range(_REPEATS):
        order = _in_blocks(len(training), rng)
        one, other = order[:half], order[half : half + size]
        reached.append(_coefficient(within[np.ix_(one, one)], within[np.ix_(other, other)], within[np.ix_(one, other)]))
    distance = _coefficient(within, distances(span, span), distances(training, span))
    axis = span.mean(axis=0) - training.mean(axis=0)
    axis /= max(1e-12, float(np.linalg.norm(axis)))
    noise = float(np.quantile(reached, QUANTILE))
    return EmbeddingDistance(distance, noise, effect, training @ axis, span @ axis)


def mean_moved(training: np.ndarray, span: np.ndarray) -> float:
    """Length of the difference of the mean embeddings of [n, d] and [m, d], as a fraction of the first mean's."""
    centre = training.mean(axis=0)
    return float(np.linalg.norm(span.mean(axis=0) - centre) / max(1e-12, float(np.linalg.norm(centre))))


def outliers(training: np.ndarray, span: np.ndarray, limit: int) -> list[int]:
    """Rows of the span that are farthest from the training images, the farthest first."""
    project = projection(training)
    far = distances(project(span), project(training))
    return np.argsort(-np.sort(far, axis=1)[:, :5].mean(axis=1))[:limit].tolist()


def projection(training: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    """Embeddings [n, d] -> the standardised principal components of training images."""
    centre = training.mean(axis=0)
    spread = training.std(axis=0)
    scale = np.where(spread > 1e-6 * max(1e-12, float(spread.max())), spread, np.inf)  # dead features count nothing
    _, _, axes = np.linalg.svd((training - centre) / scale, full_matrices=False)
    axes = axes[:_COMPONENTS]
    return lambda rows: ((rows - centre) / scale) @ axes.T


def distances(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Euclidean distances [n, m] between rows [n, d] and [m, d]."""
    squares = (one**2).sum(axis=1)[:, None] + (other**2).sum(axis=1) - 2 * one @ other.T
    return np.sqrt(np.maximum(squares, 0))


def _coefficient(one: np.ndarray, other: np.ndarray, between: np.ndarray) -> float:
    across = 2 * between.mean()
    inside = sum(part.sum() / max(1, len(part) * (len(part) - 1)) for part in (one, other))
    return float((across - inside) / across) if across > 0 else 0.0


def _in_blocks(count: int, rng: np.random.Generator) -> np.ndarray:
    """All places, blocks of neighbours together, the blocks shuffled."""
    block = min(BLOCK, max(1, count // 8))
    shift = int(rng.integers(block))
    blocks = np.split((np.arange(count) + shift) % count, range(block, count, block))
    order = rng.permutation(len(blocks))
    return np.concatenate([blocks[place] for place in order])
