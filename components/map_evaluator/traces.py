"""What the way in which detections were written down has left in them: cut, capped, incomplete, without scores; pure.

A trace says what is seen, whether that can be anything else, and how to treat both models alike. What real models do
must not be taken for one: they differ in quality, in calibration, and in how many detections they have. So each kind
has its own evidence, and only what no model does by itself is `sure`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from ratchet.components.map_evaluator.alike import capped, coarse, cut, objects_per_image, per_image
from ratchet.components.metrics.match_table import MatchTable
from ratchet.components.metrics.stored_arrays import pieces_of
from ratchet.schemas.base.formatting import number

Tables = Mapping[str, MatchTable]

_LEAST = 10  # detections or images that a trace is seen in
_PART = 0.1  # of the detections or images
# A cut: how far apart the lowest scores are, how many of the lowest are looked at, where their mean lies between the
# first and the last of them if they end in full density (.5 if that is constant; natural tails reach .67 and more), and
# by what factor the numbers of detections above the cut may differ.
_FAR_APART = 0.04
_LOWEST_PART, _LOWEST_MOST = 4, 40
_DENSE = 0.6
_ALIKE_ABOVE = 1.5
_FEWER = 0.9
_FEWER_FOR_SURE = 0.75  # where scores are on scales of their own
_NO_MODEL_SKIPS = 4  # times as many images without a detection as with one or two, or as chance leaves
_MANY = 0.25  # of the images with several objects, or with detections of the other model
_PILE = 3  # times as many images with the most detections as with one less
_MOST_LEVELS = 11  # scores rounded to one digit
_GLANCE = 10_000  # detections that show it, as a rule
_TENFOLD = 10


@dataclass(frozen=True, eq=False)
class Trace:
    """One trace in the detections of one model.

    Attributes:
        model: whose.
        seen: what, in words.
        sure: whether no model does it by itself.
        alike: makes the tables of both models as if both had been written so; None where that cannot be done.
    """

    model: str
    seen: str
    sure: bool
    alike: Callable[[Tables], dict[str, MatchTable]] | None


def traces(tables: Tables, files: bool) -> list[Trace]:
    """The traces in the detections of two models.

    Args:
        tables: their matches.
        files: whether they come from files of unknown origin; models of this pipeline are asked by the same code about
            every image, and can differ in score threshold and number of detections alone.
    """
    found: list[Trace] = []
    for model, other in (tuple(tables), tuple(reversed(tuple(tables)))):
        found += _cut(model, tables[model], other, tables[other])
        found += _capped(model, tables[model], tables[other])
        if files:
            found += _missing_images(model, tables[model], other, tables[other])
            found += _missing_classes(model, tables[model], tables[other])
            found += _coarse(model, tables[model], tables[other])
            found += _scale(model, tables[model], tables[other])
            found += _fewer(model, tables[model], other, tables[other])
    return found


def _cut(model: str, table: MatchTable, other: str, whole: MatchTable) -> Iterator[Trace]:
    own, others = table.detections["score"], whole.detections["score"]
    if min(len(own), len(others)) < _LEAST or not is_dense(own):
        return
    if _is_share(own) != _is_share(others):
        yield from _cut_on_another_scale(model, other, own, others)
        return
    least = float(own.min())
    below = sum(int(np.count_nonzero(piece < least)) for piece in pieces_of(others))
    if least - others.min() < _FAR_APART or below < max(_LEAST, _PART * len(others)):
        return
    above = len(others) - below
    sure = len(own) <= _FEWER * len(others) and len(own) <= _ALIKE_ABOVE * above
    seen = (
        f"the {model} has no score below {least:.3f}, the {other} has {below} of {len(others)} there, down to "
        f"{others.min():.3f}"
    )
    yield Trace(model, seen, sure, lambda tables: {name: cut(each, least) for name, each in tables.items()})


def _cut_on_another_scale(model: str, other: str, own: np.ndarray, others: np.ndarray) -> Iterator[Trace]:
    """Scores cannot be compared, numbers can: the other's best are taken, as many as there are."""
    if len(own) > _FEWER_FOR_SURE * len(others):
        return
    limits = {model: -np.inf, other: float(np.sort(others)[-len(own)])}
    seen = (
        f"the scores of the {model} end at {number(own.min())} as if cut there, with {len(own)} detections to the "
        f"{other}'s {len(others)}"
    )
    yield Trace(model, seen, True, lambda tables: {name: cut(tables[name], limits[name]) for name in tables})


def is_dense(scores: np.ndarray) -> bool:
    """Whether the lowest scores end as if cut off, not thinning out."""
    count = int(np.clip(len(scores) // _LOWEST_PART, _LEAST, _LOWEST_MOST))
    lowest = np.empty(0)
    for piece in pieces_of(scores):  # of scores that are mapped a few at a time are in memory
        rest = np.append(lowest, piece)
        lowest = np.sort(np.partition(rest, min(count, len(rest)) - 1)[:count])
    width = lowest[-1] - lowest[0]
    return bool(width == 0 or np.mean((lowest[1:-1] - lowest[0]) / width) <= _DENSE)


def _capped(model: str, table: MatchTable, whole: MatchTable) -> Iterator[Trace]:
    counts, others = per_image(table), per_image(whole)
    most = int(counts.max(initial=0))
    full = int(np.count_nonzero(counts == most))
    beyond = int(np.count_nonzero(others > most))
    if not most or beyond < _LEAST // 2 or full < max(_LEAST // 2, 2 * _PART * np.count_nonzero(counts)):
        return
    crowded = objects_per_image(table) > most
    piled = most >= _LEAST // 2 and full >= _PILE * np.count_nonzero(counts == most - 1)
    always = np.count_nonzero(crowded) >= _LEAST // 2 and np.mean(counts[crowded] == most) >= 1 - _PART
    if not (piled or always):
        return
    seen = f"the {model} never has more than {most} detections in an image, and exactly these in {full} images"
    yield Trace(model, seen, True, lambda tables: {name: capped(each, most) for name, each in tables.items()})


def _missing_images(model: str, table: MatchTable, other: str, whole: MatchTable) -> Iterator[Trace]:
    counts, others, objects = per_image(table), per_image(whole), objects_per_image(table)
    shown = objects > 0
    missing = shown & (counts == 0) & (others > 0)
    number_missing = int(np.count_nonzero(missing))
    if number_missing < max(_LEAST // 2, _PART * np.count_nonzero(shown)) or not counts.any():
        return
    few = int(np.count_nonzero(shown & (counts > 0) & (counts <= 2)))
    sure = few * _NO_MODEL_SKIPS <= number_missing or _skipped(missing, objects, _hits(table))
    seen = (
        f"the {model} has no detection at all in {number_missing} of {np.count_nonzero(shown)} images with objects, "
        f"where the {other} has"
    )
    keep = table.image_ids[~missing]
    yield Trace(
        *(model, seen, sure),
        lambda tables: {name: each.of_images(np.isin(each.image_ids, keep)) for name, each in tables.items()},
    )


def _hits(table: MatchTable) -> np.ndarray:
    """[i] int64, objects found at IoU .50 in each image."""
    hits = np.zeros(len(table.image_ids), np.int64)
    for piece, image in zip(pieces_of(table.detections), pieces_of(table.detection_image)):
        hits += np.bincount(image[piece["tp"] & 1 == 1], minlength=len(hits))
    return hits


def _skipped(missing: np.ndarray, objects: np.ndarray, hits: np.ndarray) -> bool:
    """Whether more images are empty than a model leaves empty that finds so many objects elsewhere: of an image with k
    objects, each found with probability r, (1 - r)^k."""
    several = objects >= 2
    rest = several & (hits > 0)  # the first hit says that there is one; r is how often another object is found, too
    empty = np.count_nonzero(missing & several)
    if not rest.any() or empty < max(_LEAST // 2, _MANY * np.count_nonzero(several)):
        return False
    recall = np.sum(hits[rest] - 1) / np.sum(objects[rest] - 1)
    return bool(empty >= _NO_MODEL_SKIPS * np.sum((1 - recall) ** objects[several]))


def _missing_classes(model: str, table: MatchTable, whole: MatchTable) -> Iterator[Trace]:
    labels = (table.truth["label"], table.detections["label"], whole.detections["label"])
    size = int(max(each.max(initial=0) for each in labels))
    objects, own, others = (np.bincount(each, minlength=size + 1) for each in labels)
    missing = np.flatnonzero((objects >= _LEAST) & (own == 0) & (others > 0))
    if not missing.size or not own.any():
        return
    keep = [label for label in range(1, size + 1) if label not in missing]
    seen = f"the {model} has no detection of {len(missing)} of {np.count_nonzero(objects)} classes at all"
    yield Trace(model, seen, False, lambda tables: {name: each.of_labels(keep) for name, each in tables.items()})


def _coarse(model: str, table: MatchTable, whole: MatchTable) -> Iterator[Trace]:
    if len(np.unique(table.detections["score"][:_GLANCE])) > _MOST_LEVELS:
        return
    values, counts = np.unique(table.detections["score"], return_counts=True)
    others = len(np.unique(whole.detections["score"]))
    if not values.size or len(values) > _MOST_LEVELS or counts.sum() < _LEAST * len(values):
        return
    if others < 5 * len(values):
        return
    shares = counts[::-1] / counts.sum()
    told = f"every score of the {model} is {number(values[0])}" if len(values) == 1 else None
    seen = told or f"the scores of the {model} take {len(values)} values only"
    yield Trace(*(model, seen, True), lambda tables: {name: coarse(each, shares) for name, each in tables.items()})


def _scale(model: str, table: MatchTable, whole: MatchTable) -> Iterator[Trace]:
    own, others = table.detections["score"], whole.detections["score"]
    if own.size and others.size and not _is_share(own) and _is_share(others):
        seen = f"the scores of the {model} are {number(own.min())} to {number(own.max())}, not 0 to 1"
        yield Trace(model, seen, False, None)


def _is_share(scores: np.ndarray) -> bool:
    return bool(scores.min() >= 0 and scores.max() <= 1)


def _fewer(model: str, table: MatchTable, other: str, whole: MatchTable) -> Iterator[Trace]:
    own, others = len(table.detections), len(whole.detections)
    if others < max(_LEAST, _TENFOLD * own):
        return
    images, found_in = len(table.image_ids), np.count_nonzero(per_image(table))
    seen = f"the {model} has {number(own / images)} detections an image, the {other} {number(others / images)}"
    if not own:
        seen = f"the {model} has no detection at all, the {other} has {others}"
    too_little = found_in < _MANY * np.count_nonzero(per_image(whole))
    left = f", and those in {found_in} of {images} images: too little to compare with" if own and too_little else ""
    yield Trace(model, seen + left, bool(too_little), None)
