"""Golden images that hold more objects than detections count, or than a model can give; pure.

Of each image and class the best `evaluator.max_detections` detections count, and a model gives `model.max_detections`
an image at most. What lies beyond is missed by every model: two of them score the same there, whatever one has lost.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ratchet.components.metrics.coco_rules import RECALL_POINTS
from ratchet.components.metrics.match_table import MatchTable
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
        worst_image: id of the image with most objects.
        worst_label: their class; 0 for all classes together.
        worst_objects: how many they are.
        shares: beyond the limit by label, of the objects of a class; by 0 alone for all classes together.
    """

    images: int
    objects: int
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
    objects, found = _objects(perfect), np.minimum(_objects(perfect), perfect.max_detections)
    # pycocotools takes the precision at the first detection whose recall reaches a recall point, and 0 beyond the last.
    aps = [
        np.count_nonzero(np.searchsorted(np.arange(1, total + 1) / total, RECALL_POINTS) < reached) / len(RECALL_POINTS)
        for total, reached in zip(objects.sum(axis=0), found.sum(axis=0))
        if total
    ]
    return float(np.mean(aps)) if aps else 1.0


def counted_objects(perfect: MatchTable, class_names: Sequence[str], text_ids: Sequence[str] = ()) -> Reason:
    """Whether as many detections count as golden images hold objects of a class.

    Args:
        perfect: matches of the ground truth fed back as detections.
        class_names: of the labels 1..K.
        text_ids: what the ids of images count, where the data set's own are strings.
    """
    limit, objects = perfect.max_detections, _objects(perfect)
    expected = f"at most {limit} objects of a class in an image, for no more detections of it count"
    beyond = _beyond(perfect.image_ids, objects, limit, first_label=1)
    if beyond is None:
        return Reason(RULE, expected, f"at most {int(objects.max(initial=0))}", passed=True)
    of = f"of {class_names[beyond.worst_label - 1]}"
    fix = f"set evaluator.max_detections to {_rounded(beyond.worst_objects)} or more"
    if text_ids:
        beyond = replace(beyond, worst_image=text_ids[int(beyond.worst_image)])
    return _reason(RULE, expected, beyond, objects, of, class_names, fix, blocks=beyond.hides)


def given_objects(perfect: MatchTable, limits: Mapping[str, int]) -> list[Reason]:
    """Whether the models can give as many detections as golden images hold objects.

    A baseline that gives less than the candidate is a warning: that is how such a model is replaced.

    Args:
        perfect: matches of the ground truth fed back as detections.
        limits: `model.max_detections` of each model that says so.
    """
    objects = _objects(perfect).sum(axis=1, keepdims=True)
    reasons = []
    for model, limit in limits.items():
        if model == BASELINE and limit >= limits.get(CANDIDATE, limit + 1):
            continue  # what it cannot give, the candidate cannot either
        beyond = _beyond(perfect.image_ids, objects, limit, first_label=0)
        expected = f"at most {limit} objects in an image, for the {model} gives no more detections"
        if beyond is None:
            actual = f"at most {int(objects.max(initial=0))}"
            reasons.append(Reason(f"{RULE}:{model}", expected, actual, passed=True))
            continue
        fix = f"set model.max_detections to {_rounded(beyond.worst_objects)} or more"
        if model == BASELINE:
            fix = "part of the difference is that limit"
        blocks = model == CANDIDATE and beyond.hides
        reasons.append(_reason(f"{RULE}:{model}", expected, beyond, objects, "of all classes", (), fix, blocks))
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
    objects = _objects(perfect).sum(axis=1, keepdims=True)
    beyond = _beyond(perfect.image_ids, objects, limit, first_label=0)
    if beyond is None:
        return []
    expected = f"at most {limit} objects in an image, for no more detections of one were written down"
    fix = f"write {_rounded(beyond.worst_objects)} or more (max_det, max_per_img, detections_per_img)"
    blocks = is_compared and beyond.hides
    return [_reason(f"{RULE}:files", expected, beyond, objects, "of all classes", (), fix, blocks)]


def _reason(
    rule: str,
    expected: str,
    beyond: _Beyond,
    objects: np.ndarray,
    of: str,
    class_names: Sequence[str],
    fix: str,
    blocks: bool,
) -> Reason:
    label, share = beyond.worst_share
    most = f"; {percent(share)} of those of {class_names[label - 1]}" if label else ""
    actual = (
        f"{beyond.images} of {len(objects)} images hold more, image {beyond.worst_image} {beyond.worst_objects} {of}; "
        f"{beyond.objects} of {int(objects.sum())} objects are beyond the limit{most}; {fix}"
    )
    return Reason(rule, expected, actual, passed=not blocks, warning=not blocks)


def _objects(perfect: MatchTable) -> np.ndarray:
    """[i, K] int64, objects that count of each image and label 1..K."""
    counts = perfect.truth["valid"] & 1 == 1
    labels, images = perfect.truth["label"][counts].astype(np.int64), perfect.truth_image[counts].astype(np.int64)
    classes = int(labels.max(initial=0))
    cells = np.bincount(images * classes + labels - 1, minlength=len(perfect.image_ids) * classes)
    return cells.reshape(len(perfect.image_ids), classes)


def _beyond(image_ids: np.ndarray, objects: np.ndarray, limit: int, first_label: int) -> _Beyond | None:
    """What is beyond a limit; `objects` is [i, K], labels from `first_label` on, where 0 is all classes together."""
    surplus = np.maximum(objects - limit, 0)
    if not surplus.any():
        return None
    image, column = np.unravel_index(int(np.argmax(objects)), objects.shape)
    totals = objects.sum(axis=0)
    return _Beyond(
        images=int(np.count_nonzero(surplus.any(axis=1))),
        objects=int(surplus.sum()),
        worst_image=int(image_ids[image]),
        worst_label=first_label + int(column),
        worst_objects=int(objects[image, column]),
        shares={
            first_label + int(place): float(surplus[:, place].sum() / totals[place]) for place in np.flatnonzero(totals)
        },
    )


def _rounded(objects: int) -> int:
    """What a person would set: the next hundred."""
    return -(-objects // 100) * 100
