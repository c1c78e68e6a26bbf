"""Golden images that hold more objects than detections count, or than a model can give; pure.

Of each image and class the best `evaluator.max_detections` detections count, and a model gives `model.max_detections`
an image at most. What lies beyond is missed by every model: two of them score the same there, whatever one has lost.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ratchet.components.metrics.coco_rules import RECALL_POINTS
from ratchet.components.metrics.match_table import MatchTable
from ratchet.components.metrics.weighted_sums import hits_needed
from ratchet.schemas.artifacts.decisions import Reason
from ratchet.schemas.artifacts.evaluation import BASELINE, CANDIDATE
from ratchet.schemas.base.formatting import percent

RULE = "trust:max_detections"
# What a fall may hide without a block. A class counts twice: in its own rule, whose default accepts a fall of .05, and
# in mAP, which is the mean of the classes.
MOST_OF_CLASS = 0.02  # of the objects of a class, or of those of all classes
MOST_OF_MAP = 0.005  # mean over the classes
# Of crowded images, in which a file has as many detections as it may: of a few a number that a person would set.
_ENOUGH_IMAGES, _NEARLY_ALL, _ROUND = 5, 0.9, 50


@dataclass(frozen=True, eq=False)
class _Beyond:
    """The objects that a limit leaves no detection for.

    Attributes:
        images: how many images hold more objects than the limit.
        objects: how many objects are beyond it.
        of: how many there are in all.
        of_images: in so many images.
        worst_image: id of the image with most objects.
        worst_label: their class; 0 for all classes together.
        worst_objects: how many they are.
        shares: beyond the limit by label, of the objects of a class; by 0 alone for all classes together.
    """

    images: int
    objects: int
    of: int
    of_images: int
    worst_image: int | str
    worst_label: int
    worst_objects: int
    shares: Mapping[int, float]

    @property
    def of_map(self) -> float:
        """How much mAP has no say about, at most."""
        return float(np.mean(list(self.shares.values())))

    @property
    def worst_share(self) -> tuple[int, float]:
        """The label of which most is beyond the limit, and how much."""
        return max(self.shares.items(), key=lambda item: item[1])

    @property
    def hides(self) -> bool:
        """Whether a fall that matters could be beyond the limit."""
        return self.of_map > MOST_OF_MAP or self.worst_share[1] > MOST_OF_CLASS


def highest_map(perfect: MatchTable) -> float:
    """What the ground truth itself can score where only so many detections of each image and class count; 1 if no image
    holds more objects.

    Args:
        perfect: matches of the ground truth fed back as detections.
    """
    aps = []
    for _, objects in _of_classes(perfect):
        total, reached = int(objects.sum()), int(np.minimum(objects, perfect.max_detections).sum())
        # pycocotools takes the precision at the first detection whose recall reaches a recall point, 0 beyond the last.
        aps.append(
            np.count_nonzero(np.maximum(hits_needed(np.array([total]))[0] - 1, 0) < reached) / len(RECALL_POINTS)
        )
    return float(np.mean(aps)) if aps else 1.0


def counted_objects(perfect: MatchTable, class_names: Sequence[str], text_ids: Sequence[str] = ()) -> Reason:
    """Whether as many detections count as golden images hold objects of a class.

    Args:
        perfect: matches of the ground truth fed back as detections.
        class_names: of the labels 1..K.
        text_ids: what the ids of images count, where the data set's own are strings.
    """
    limit = perfect.max_detections
    expected = f"at most {limit} objects of a class in an image, for no more detections of it count"
    beyond = _beyond(perfect.image_ids, _of_classes(perfect), limit)
    if not beyond.objects:
        return Reason(RULE, expected, f"at most {beyond.worst_objects}", passed=True)
    of = f"of {class_names[beyond.worst_label - 1]}"
    fix = f"set evaluator.max_detections to {_rounded(beyond.worst_objects)} or more"
    if text_ids:
        beyond = replace(beyond, worst_image=text_ids[int(beyond.worst_image)])
    return _reason(RULE, expected, beyond, of, class_names, fix, blocks=beyond.hides)


def given_objects(perfect: MatchTable, limits: Mapping[str, int], trainer: str = "") -> list[Reason]:
    """Whether the models can give as many detections as golden images hold objects.

    A baseline that gives less than the candidate is a warning: that is how such a model is replaced.

    Args:
        perfect: matches of the ground truth fed back as detections.
        limits: how many detections each model gives, where that is known.
        trainer: the user's own code that trained the candidate; empty: Ratchet did, by `model.max_detections`.
    """
    objects = _of_images(perfect)
    reasons = []
    for model, limit in limits.items():
        if model == BASELINE and limit >= limits.get(CANDIDATE, limit + 1):
            continue  # what it cannot give, the candidate cannot either
        beyond = _beyond(perfect.image_ids, [(0, objects)], limit)
        expected = f"at most {limit} objects in an image, for the {model} gives no more detections"
        if not beyond.objects:
            actual = f"at most {beyond.worst_objects}"
            reasons.append(Reason(f"{RULE}:{model}", expected, actual, passed=True))
            continue
        wanted = f"{_rounded(beyond.worst_objects)} or more"
        fix = f"let what {trainer} exports give {wanted}" if trainer else f"set model.max_detections to {wanted}"
        if model == BASELINE:
            fix = "part of the difference is that limit"
        blocks = model == CANDIDATE and beyond.hides
        reasons.append(_reason(f"{RULE}:{model}", expected, beyond, "of all classes", (), fix, blocks))
    return reasons


def written_limit(detections: np.ndarray, objects: np.ndarray) -> int | None:
    """How many detections of an image at most were written to a file, if so few that objects are left without one.

    That is seen where images hold more objects: a file that was cut has as many detections as it may have in each of
    them, and no model has so by itself.

    Args:
        detections: [i], how many each image has.
        objects: [i], how many objects that count.

    Returns:
        The number; None where nothing says that there was one.

    >>> written_limit(np.array([100, 100, 7]), np.array([160, 130, 9]))
    100
    """
    most = int(detections.max(initial=0))
    crowded = objects > most
    images, full = int(np.count_nonzero(crowded)), int(np.count_nonzero(detections[crowded] == most))
    if not most or not images:
        return None
    is_always = full >= _NEARLY_ALL * images if images >= _ENOUGH_IMAGES else full == images and most % _ROUND == 0
    return most if is_always else None


def written_objects(perfect: MatchTable, limit: int, is_compared: bool) -> list[Reason]:
    """What to say of files that were cut at so many detections of an image, all of those that are compared.

    Args:
        perfect: matches of the ground truth fed back as detections.
        limit: of `written_limit`.
        is_compared: whether there are two models, of which one may have lost what lies beyond the limit.
    """
    beyond = _beyond(perfect.image_ids, [(0, _of_images(perfect))], limit)
    if not beyond.objects:
        return []
    expected = f"at most {limit} objects in an image, for no more detections of one were written down"
    fix = f"write {_rounded(beyond.worst_objects)} or more (max_det, max_per_img, detections_per_img)"
    blocks = is_compared and beyond.hides
    return [_reason(f"{RULE}:files", expected, beyond, "of all classes", (), fix, blocks)]


def _reason(
    rule: str,
    expected: str,
    beyond: _Beyond,
    of: str,
    class_names: Sequence[str],
    fix: str,
    blocks: bool,
) -> Reason:
    label, share = beyond.worst_share
    most = f"; {percent(share)} of those of {class_names[label - 1]}" if label else ""
    actual = (
        f"{beyond.images} of {beyond.of_images} images hold more, image {beyond.worst_image} {beyond.worst_objects} "
        f"{of}; {beyond.objects} of {beyond.of} objects are beyond the limit{most}; {fix}"
    )
    return Reason(rule, expected, actual, passed=not blocks, warning=not blocks)


def _of_classes(perfect: MatchTable) -> Iterator[tuple[int, np.ndarray]]:
    """Of each label with objects that count, [i] int64, how many each image has; all labels at once do not fit into
    memory where there are a million images."""
    for label in perfect.labels():
        rows = perfect.truth_rows(label)
        images = perfect.truth_image[rows][perfect.truth["valid"][rows] & 1 == 1]
        if len(images):
            yield label, np.bincount(images, minlength=len(perfect.image_ids))


def _of_images(perfect: MatchTable) -> np.ndarray:
    """[i] int64, objects that count of all classes."""
    return sum((objects for _, objects in _of_classes(perfect)), np.zeros(len(perfect.image_ids), np.int64))


def _beyond(image_ids: np.ndarray, objects: Iterable[tuple[int, np.ndarray]], limit: int) -> _Beyond:
    """What is beyond a limit; `objects` are those of each image by label, where label 0 is all classes together."""
    holds_more, shares, beyond, total = np.zeros(len(image_ids), np.bool_), {}, 0, 0
    worst_image, worst_label, worst_objects = 0, 0, 0
    for label, counts in objects:
        surplus = np.maximum(counts - limit, 0)
        holds_more |= surplus > 0
        beyond, total = beyond + int(surplus.sum()), total + int(counts.sum())
        if counts.any():
            shares[label] = float(surplus.sum() / counts.sum())
        place = int(np.argmax(counts)) if len(counts) else 0
        if len(counts) and (-counts[place], place) < (-worst_objects, worst_image):
            worst_image, worst_label, worst_objects = place, label, int(counts[place])
    return _Beyond(
        images=int(np.count_nonzero(holds_more)),
        objects=beyond,
        of=total,
        of_images=len(image_ids),
        worst_image=int(image_ids[worst_image]) if len(image_ids) else 0,
        worst_label=worst_label,
        worst_objects=worst_objects,
        shares=shares,
    )


def _rounded(objects: int) -> int:
    """What a person would set: the next hundred."""
    return -(-objects // 100) * 100
