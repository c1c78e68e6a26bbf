"""A fault in a part of a span: of one camera, one annotator, one day, or of images that look alike; pure.

Half of a fault in a third of the images is a sixth of it in the span, and hides below every limit. So what is asked of
the span is asked of its parts as well: by each attribute of the images, by their order, and by what they show. A part
has to stand out more, the more parts were asked.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.cluster.vq import kmeans2

from ratchet.schemas.artifacts.decisions import Reason
from ratchet.schemas.base.formatting import many
from ratchet.schemas.data.records import attribute_columns

FEWEST = 20  # images of a part; in fewer nothing can be told from chance
_LARGEST = 0.8  # of the span; a larger part is as good as the whole
_MOST_VALUES = 12  # of an attribute; one with more is a number or a name
_MOST_PARTS = 24
MOSTLY_IN = 3.0  # times as strong as in the rest is a finding that is of a part alone
_RUNS = 4  # neighbours in the order of the file names
_CLUSTERS = (2, 4)
_STARTS = range(6)  # of k-means, of which the tightest counts
_COMPONENTS = 8  # of what the images show
_ITERATIONS = 20

Asked = Callable[[np.ndarray, int], Sequence[Reason]]  # [i] bool, and of how many parts -> the rules of these images


@dataclass(frozen=True, eq=False)
class Part:
    """Some images of a span.

    Attributes:
        title: what they have in common, in words.
        images: [i] bool, which of the span's they are.
    """

    title: str
    images: np.ndarray


def parts_of(
    file_names: Sequence[str], attributes: Sequence[Mapping[str, str]], embeddings: np.ndarray
) -> tuple[Part, ...]:
    """The parts of a span in which a fault is looked for.

    Args:
        file_names: of its images, ascending.
        attributes: what the data set says of each, such as its camera.
        embeddings: [i, d] what the served model's backbone makes of each; d may be 0.

    Returns:
        At most 24, each of at least 20 images and not nearly all of them: by attribute, by order, by looks.
    """
    found = [*_by_attribute(attributes), *_by_order(file_names), *_by_looks(embeddings)]
    count = len(file_names)
    large_enough = [part for part in found if FEWEST <= np.count_nonzero(part.images) <= _LARGEST * count]
    return tuple(large_enough[:_MOST_PARTS])


def faults_in_parts(whole: Sequence[Reason], parts: Sequence[Part], ask: Asked) -> list[Reason]:
    """Rules that the span keeps and a part of it breaks; where it breaks one as a whole, the part that does so alone.

    Args:
        whole: the rules as the whole span keeps or breaks them.
        parts: of `parts_of`.
        ask: judges the images of a mask by the same rules, beside how many others.

    Returns:
        The rules of the whole, where the rest of the span keeps a broken one with the part that breaks it; then one
        `part:RULE` a rule that breaks in a part alone, of the part where it breaks most clearly.
    """
    worst: dict[str, tuple[Part, Reason]] = {}
    for part in parts:
        for reason in ask(part.images, len(parts)):
            known = worst.get(reason.rule)
            if not reason.passed and (known is None or _beyond(reason) > _beyond(known[1])):
                worst[reason.rule] = (part, reason)
    kept = {reason.rule for reason in whole if reason.passed}
    told = [_located(reason, worst, ask, len(parts)) for reason in whole]
    return told + [of_part(part, reason) for part, reason in worst.values() if reason.rule in kept]


def _located(reason: Reason, worst: Mapping[str, tuple[Part, Reason]], ask: Asked, alternatives: int) -> Reason:
    if reason.passed or reason.rule not in worst:
        return reason
    part, found = worst[reason.rule]
    others = [other for other in ask(~part.images, alternatives) if other.rule == reason.rule]
    if any(not other.passed or _beyond(other) * MOSTLY_IN > _beyond(found) for other in others):
        return reason  # the rest has it too, or fails to show it for want of images
    return dataclasses.replace(reason, actual=f"{reason.actual} (only in {part.title})")


def _beyond(reason: Reason) -> float:
    return 1.0 if reason.strength is None else reason.strength


def of_part(part: Part, reason: Reason) -> Reason:
    """What a part of a span breaks, told as such."""
    images = f"{np.count_nonzero(part.images)} of the {many(len(part.images), 'image')} looked at"
    return dataclasses.replace(
        reason, rule=f"part:{reason.rule}", actual=f"in {part.title} ({images}): {reason.actual}"
    )


def _by_attribute(attributes: Sequence[Mapping[str, str]]) -> list[Part]:
    parts = []
    for name, column in attribute_columns(attributes).items():
        values = [value for value in np.unique(column).tolist() if value]
        if 2 <= len(values) <= _MOST_VALUES or (len(values) == 1 and (column == "").any()):
            parts += [Part(f"{name} = {value}", column == value) for value in values]
    return parts


def _by_order(file_names: Sequence[str]) -> list[Part]:
    count = len(file_names)
    runs = [run for run in np.array_split(np.arange(count), _RUNS) if len(run)]
    rows = np.arange(count)
    return [
        Part(f"the images from {file_names[run[0]]} to {file_names[run[-1]]}", (rows >= run[0]) & (rows <= run[-1]))
        for run in runs
    ]


def _by_looks(embeddings: np.ndarray) -> list[Part]:
    count, size = embeddings.shape
    if not size or count < 2 * FEWEST:
        return []
    spread = embeddings.std(axis=0)
    alive = spread > 1e-6 * max(1e-12, float(spread.max()))
    scaled = (embeddings[:, alive] - embeddings[:, alive].mean(axis=0)) / spread[alive]
    left, values, _ = np.linalg.svd(scaled.astype(np.float64), full_matrices=False)
    clusters = [_clusters((left * values)[:, :_COMPONENTS], number) for number in _CLUSTERS]
    masks = [cluster == each for cluster in clusters for each in np.unique(cluster)]
    return [Part("a group of images that look alike", mask) for mask in masks]


def _clusters(points: np.ndarray, number: int) -> np.ndarray:
    # [n] int, the cluster of each of the points [n, d]
    # Its `rng`, from SciPy 1.15 on, would draw other clusters.
    found = [kmeans2(points, number, _ITERATIONS, minit="++", seed=s) for s in _STARTS]  # pyright: ignore[reportCallIssue]
    return min(found, key=lambda each: float(np.square(points - each[0][each[1]]).sum()))[1]
