"""What the candidate learned: its detections of the golden objects beside the baseline's of the same ones; pure.

Both are held against the same objects of the same images. What makes an object hard is in both, so that the difference
of the two scatters far less than either: a habit of a hundredth of a box shows.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from ratchet.components.diagnosis.bundle import GoldenBoxes
from ratchet.components.labels.findings import Estimate, median_of
from ratchet.components.labels.matching import Matched, match_labels
from ratchet.components.labels.profile import Profile, relation, sightings_of
from ratchet.components.metrics.boxes import overlapping
from ratchet.schemas.artifacts.evaluation import BASELINE, CANDIDATE
from ratchet.schemas.data.columns import DetectionColumns, rows_of

OFFSET_X, OFFSET_Y, LOG_WIDTH, LOG_HEIGHT = range(4)  # columns of a relation
FEWEST_OBJECTS = 10  # that both models find; of fewer a median says nothing
_MAD = 1.4826  # standard deviations in a median absolute deviation of a normal distribution
_MAD_ERROR = 1.166  # its standard error, in standard deviations over the root of the number (37 % efficient)
_FEWEST_CONFUSED = 3  # objects of one class that the candidate alone names as a certain other
_SURE = 3.0  # standard errors that are taken for more than chance
_TIMES_OTHERS = 3.0  # as many as any other class that it is taken for, on average; the rule of the data gate as well
_SAME_OBJECT_IOU = 0.5
_CERTAIN = 0.02  # scores nearer to 0 or 1 are taken for this far from it
_PER_OBJECT = 5  # of the surest detections so many are looked at; what is left out is below any use of a model
_MOST_IMAGES = 12


@dataclass(frozen=True)
class Confusion:
    """How much more often than the baseline the candidate names one class as another.

    Attributes:
        truth: label, 1..K.
        named: label, 1..K.
        share: of the objects of the one that both find, candidate minus baseline; its error is widened for the number
            of pairs where this one was chosen among all.
    """

    truth: int
    named: int
    share: Estimate


@dataclass(frozen=True, eq=False)
class Habit:
    """Candidate and baseline on the golden objects that both find; every figure is candidate minus baseline.

    Attributes:
        objects: that both find.
        drawn: [4] estimates of the median: centre right and down as fractions of the box, ln of width and height.
        place_jitter: standard deviation of the centre beyond the baseline's own, as a fraction of the box.
        size_jitter: the same of ln of width and height.
        named_right: share of objects that are named as what they are.
        confusions: the classes that it confuses more, the clearest first.
        recall: share of the objects that are found where both models are as precise as the baseline where its F1 is
            highest.
        score: mean ln of the odds by the scores.
        duplicates: further detections of the same object, per object.
        images: file names of the golden images that show how boxes are drawn otherwise, the clearest first.
        confused_images: the same of objects that only the candidate names wrongly.
        lost_images: the same of objects that only the baseline finds.
    """

    objects: int
    drawn: tuple[Estimate, Estimate, Estimate, Estimate]
    place_jitter: Estimate
    size_jitter: Estimate
    named_right: Estimate
    confusions: tuple[Confusion, ...]
    recall: Estimate
    score: Estimate
    duplicates: Estimate
    images: tuple[str, ...]
    confused_images: tuple[str, ...]
    lost_images: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class PairedObjects:
    """The golden objects that both models find.

    Attributes:
        image: [k] int64.
        labels: [k] int64, what they are.
        relations: by model, [k, 4], how the detection is drawn around the object.
        named: by model, [k] int64.
        scores: by model, [k].
    """

    image: np.ndarray
    labels: np.ndarray
    relations: dict[str, np.ndarray]
    named: dict[str, np.ndarray]
    scores: dict[str, np.ndarray]

    @property
    def drawn_otherwise(self) -> np.ndarray:
        """[k, 4], candidate minus baseline."""
        return self.relations[CANDIDATE] - self.relations[BASELINE]

    def of_images(self, keep: np.ndarray) -> PairedObjects:
        """Those in some images; `keep` is [i] bool."""
        rows = keep[self.image]
        by_model = ({name: of[rows] for name, of in each.items()} for each in (self.relations, self.named, self.scores))
        return PairedObjects(self.image[rows], self.labels[rows], *by_model)


def match_both(golden: GoldenBoxes) -> dict[str, Matched] | None:
    """Golden objects and what each model sees of them, however it draws its boxes; None without a baseline."""
    if BASELINE not in golden.found or CANDIDATE not in golden.found:
        return None
    matched: dict[str, Matched] = {}
    for model in (BASELINE, CANDIDATE):  # the candidate draws as the baseline unless another relation explains more
        found = _surest(golden.found[model], _PER_OBJECT * len(golden.truth.labels))
        profile = Profile(golden.file_names, golden.sizes_px, golden.truth, found)
        matched[model] = match_labels(profile, sightings_of(profile), golden=matched.get(BASELINE))
    return matched


def _surest(found: DetectionColumns, count: int) -> DetectionColumns:
    return rows_of(found, np.sort(np.argsort(-found.scores, kind="stable")[:count]))


def paired(matched: dict[str, Matched]) -> PairedObjects:
    """The objects that both models find."""
    both = matched[BASELINE].is_found & matched[CANDIDATE].is_found
    labels = rows_of(matched[BASELINE].labels, both)
    seen = {name: rows_of(each.sightings, each.sighting[both]) for name, each in matched.items()}
    return PairedObjects(
        labels.image,
        labels.labels,
        {name: relation(each.boxes_xywh_px, labels.boxes_xywh_px) for name, each in seen.items()},
        {name: each.labels for name, each in seen.items()},
        {name: each.scores for name, each in seen.items()},
    )


def habit_of(golden: GoldenBoxes, matched: dict[str, Matched]) -> Habit | None:
    """What the candidate learned.

    Args:
        golden: the boxes.
        matched: of `match_both`.

    Returns:
        None where both find too few objects.
    """
    pairs = paired(matched)
    if len(pairs.image) < FEWEST_OBJECTS:
        return None
    right = {name: named == pairs.labels for name, named in pairs.named.items()}
    odds = {name: _log_odds(scores) for name, scores in pairs.scores.items()}
    lost = matched[BASELINE].is_found & ~matched[CANDIDATE].is_found
    beside = np.abs(pairs.drawn_otherwise).sum(axis=1)
    return Habit(
        objects=len(pairs.image),
        drawn=drawn_otherwise(pairs),
        place_jitter=_jitter(pairs, [OFFSET_X, OFFSET_Y]),
        size_jitter=_jitter(pairs, [LOG_WIDTH, LOG_HEIGHT]),
        named_right=mean_of(right[CANDIDATE] - right[BASELINE].astype(np.float64), pairs.image),
        confusions=tuple(confusions(pairs)),
        recall=_recall(matched),
        score=mean_of(odds[CANDIDATE] - odds[BASELINE], pairs.image),
        duplicates=_duplicates(golden, matched),
        images=_showing(golden, pairs.image, beside, mean=True),
        confused_images=_showing(golden, pairs.image, right[BASELINE] & ~right[CANDIDATE]),
        lost_images=_showing(golden, matched[BASELINE].labels.image, lost),
    )


def drawn_otherwise(pairs: PairedObjects) -> tuple[Estimate, Estimate, Estimate, Estimate]:
    """Medians of how boxes are drawn, candidate minus baseline."""
    columns = [median_of(column, pairs.image) for column in pairs.drawn_otherwise.T]
    return columns[0], columns[1], columns[2], columns[3]


def confusions(pairs: PairedObjects) -> list[Confusion]:
    """Pairs of classes that the candidate confuses and the baseline does not, the clearest first.

    A pair stands out of what else the candidate takes that class for: a bad candidate confuses it with all others.
    """
    only = (pairs.named[CANDIDATE] != pairs.labels) & (pairs.named[CANDIDATE] != pairs.named[BASELINE])
    seen, counts = np.unique(np.stack([pairs.labels, pairs.named[CANDIDATE]], axis=1)[only], axis=0, return_counts=True)
    every = [confusion(pairs, truth, named) for truth, named in seen.tolist()]
    classes = int(max(pairs.labels.max(initial=2), pairs.named[CANDIDATE].max(initial=2)))
    others = max(1, classes - 2)
    of_class: dict[int, float] = {}
    for each in every:
        of_class[each.truth] = of_class.get(each.truth, 0.0) + max(0.0, each.share.value)
    # The most confused of many pairs is so by chance: three standard errors are as rare as of a single pair.
    rarer = NormalDist().inv_cdf(1 - (1 - NormalDist().cdf(_SURE)) / (classes * (classes - 1))) / _SURE
    found = [
        Confusion(each.truth, each.named, each.share._replace(std_error=rarer * each.share.std_error))
        for each, count in zip(every, counts.tolist())
        if count >= _FEWEST_CONFUSED
        and each.share.value > _TIMES_OTHERS * (of_class[each.truth] - max(0.0, each.share.value)) / others
    ]
    return sorted(found, key=lambda each: -each.share.value / each.share.std_error)


def confusion(pairs: PairedObjects, truth: int, named: int) -> Confusion:
    """How much more often the candidate names one class as a certain other."""
    of = pairs.labels == truth
    hits = {model: (labels[of] == named).astype(np.float64) for model, labels in pairs.named.items()}
    return Confusion(truth, named, mean_of(hits[CANDIDATE] - hits[BASELINE], pairs.image[of]))


def mean_of(values: np.ndarray, image: np.ndarray) -> Estimate:
    """Mean [n] with images as clusters; its error is never less than that of independent rows, nor than one row's."""
    if not len(values):
        return Estimate(0.0, 1.0, 0)
    beside = values - values.mean()
    between = np.square(np.bincount(image, weights=beside)).sum()
    error = np.sqrt(max(between, np.square(beside).sum(), np.square(values).max(), 1e-6)) / len(values)
    return Estimate(float(values.mean()), float(error), len(np.unique(image)))


def _log_odds(scores: np.ndarray) -> np.ndarray:
    inside = np.clip(scores, _CERTAIN, 1 - _CERTAIN)
    return np.log(inside / (1 - inside))


def _jitter(pairs: PairedObjects, columns: list[int]) -> Estimate:
    """What would have to be added to the baseline's boxes to scatter as much; negative where they scatter more."""
    images = len(np.unique(pairs.image))
    spread = {model: _spread(each[:, columns]) for model, each in pairs.relations.items()}
    beyond = spread[CANDIDATE] ** 2 - spread[BASELINE] ** 2
    error = 2 * _MAD_ERROR * float(np.hypot(spread[CANDIDATE] ** 2, spread[BASELINE] ** 2)) / np.sqrt(2 * images)
    added = float(np.sqrt(abs(beyond)))
    # Of a small difference the root has no derivative: chance alone reaches the root of the error.
    return Estimate(float(np.copysign(added, beyond)), float(error / max(2 * added, np.sqrt(error), 1e-3)), images)


def _spread(relations: np.ndarray) -> float:
    beside = np.abs(relations - np.median(relations, axis=0))
    return float(_MAD * np.median(beside, axis=0).mean())


def _recall(matched: dict[str, Matched]) -> Estimate:
    # At the baseline's best F1 its precision is what both are held to.
    _, precision = _best_f1(matched[BASELINE])
    found: list[np.ndarray] = []
    for model in (CANDIDATE, BASELINE):
        each = matched[model]
        precisions, order = _precisions(each)
        reached = np.flatnonzero(precisions >= precision)
        least = each.sightings.scores[order[reached[-1]]] if len(reached) else np.inf
        score = np.where(each.is_found, each.sightings.scores[np.maximum(each.sighting, 0)], -np.inf)
        found.append((score >= least).astype(np.float64))
    return mean_of(found[0] - found[1], matched[BASELINE].labels.image)


def _precisions(matched: Matched) -> tuple[np.ndarray, np.ndarray]:
    order = np.argsort(-matched.sightings.scores, kind="stable")
    return np.cumsum(matched.is_own[order]) / np.arange(1, len(order) + 1), order


def _best_f1(matched: Matched) -> tuple[float, float]:
    """Score and precision where F1 is highest."""
    precisions, order = _precisions(matched)
    hits = np.cumsum(matched.is_own[order])
    f1 = 2 * hits / (np.arange(1, len(order) + 1) + max(1, len(matched.labels.labels)))
    best = int(np.argmax(f1))
    return float(matched.sightings.scores[order[best]]), float(precisions[best])


def _duplicates(golden: GoldenBoxes, matched: dict[str, Matched]) -> Estimate:
    further = []
    for model in (CANDIDATE, BASELINE):
        each = matched[model]
        least, _ = _best_f1(each)
        sure = rows_of(golden.found[model], golden.found[model].scores >= least)
        objects = each.labels
        pairs = overlapping(
            objects.image, objects.boxes_xywh_px, sure.image, sure.boxes_xywh_px, least_iou=_SAME_OBJECT_IOU
        )
        same = sure.labels[pairs.other] == objects.labels[pairs.one]
        counts = np.bincount(pairs.one[same], minlength=len(objects.labels))
        further.append(np.maximum(0, counts - 1).astype(np.float64))
    return mean_of(further[0] - further[1], matched[BASELINE].labels.image)


def _showing(golden: GoldenBoxes, image: np.ndarray, weights: np.ndarray, mean: bool = False) -> tuple[str, ...]:
    weight = np.bincount(image, weights=weights, minlength=len(golden.file_names))
    if mean:
        weight = weight / np.maximum(1, np.bincount(image, minlength=len(golden.file_names)))
    order = np.argsort(-weight, kind="stable")[:_MOST_IMAGES]
    return tuple(golden.file_names[place] for place in order if weight[place] > 0)
