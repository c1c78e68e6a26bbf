"""Which label belongs to which sighting, however the boxes are drawn; pure.

A box that is drawn 50 % too large or half its size too far right overlaps what it labels too little to be matched as
the metric does. So the relation of labels to sightings is found first: all pairs in an image vote for theirs, wrong
pairs disagree with each other, and what the most pairs agree on is the relation. Labels are matched with it undone.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np

from ratchet.components.labels.profile import Profile, relation, single_labels, undone
from ratchet.components.metrics.boxes import NO_CROWD, BoxPairs, iou_of_pairs, overlapping, pairs_of_groups
from ratchet.components.metrics.greedy import match_greedily
from ratchet.schemas.data.columns import DetectionColumns, TruthColumns, rows_of

QUANTILES = (0.25, 0.5)  # of the scores of what is held against labels: in either they must be found wrong
MATCH_IOU = 0.4  # of a sighting and a label whose relation was undone
TOUCH_IOU = 0.3  # a sighting that overlaps a label so much is not one without a label
_NEAR_IOU = 0.1  # the same for a label of a class that the model does not know: it sees such an object less exactly
_SAME_CLASS_BONUS = 0.1  # of two overlapping labels the one of the sighting's class is its own
_WIDEST = np.array([0.8, 0.8, 0.8, 0.8])  # of a relation that is looked for
_VOTE_RADIUS = 0.2  # half of the overlap of a usual detector's boxes
_FEWEST_SCORES = 8  # of a class; of a rarer one those of all classes say what is a high score
_MOST_VOTES = 2_500
_BETTER = 1.02  # another relation must explain this much more than the golden set's
_SETTLING = 2


@dataclass(frozen=True, eq=False)
class Matched:
    """Labels of some images and what the model sees there, brought together.

    Attributes:
        profile: where it comes from.
        labels: [n] labelled single objects, each once, of classes that the model knows.
        sightings: [m] what the model sees.
        drawn: [4] relation of the labels to the sightings, see `relation`.
        sighting: [n] int64, which sighting is the label's; -1 for none.
        has_label: [m] bool, whether any label overlaps the sighting, of whatever class.
        score_quantile: [m] 0..1, share of the golden set's matched sightings of the same class that score no higher.
    """

    profile: Profile
    labels: TruthColumns
    sightings: DetectionColumns
    drawn: np.ndarray
    sighting: np.ndarray
    has_label: np.ndarray
    score_quantile: np.ndarray

    @property
    def is_found(self) -> np.ndarray:
        """[n] bool, the labels that have a sighting."""
        return self.sighting >= 0

    @property
    def is_own(self) -> np.ndarray:
        """[m] bool, the sightings that are a label's."""
        own = np.zeros(len(self.has_label), dtype=np.bool_)
        own[self.sighting[self.is_found]] = True
        return own

    @property
    def recall(self) -> float:
        """Share of the labels that have a sighting; 0 without labels."""
        return float(self.is_found.mean()) if len(self.sighting) else 0.0


def relative_recall(span: Matched, golden: Matched) -> float:
    """What the model finds in the span as a part of what it finds in the golden set, at most 1.

    Where the model finds less it errs more: that is held against it, not against the labels.
    """
    return min(1.0, span.recall / golden.recall)


def match_labels(
    profile: Profile, sightings: DetectionColumns, lowest_score: float = 0.0, golden: Matched | None = None
) -> Matched:
    """Brings labels and sightings together.

    Args:
        profile: the images.
        sightings: what the model sees there, see `sightings_of`.
        lowest_score: of sightings that count.
        golden: matched before; None for the golden set itself. Another relation than its must explain clearly more.

    Returns:
        The matches under the relation that explains most.
    """
    labels = single_labels(profile.truth)
    sightings = rows_of(sightings, sightings.scores >= lowest_score)
    voted = _vote(rows_of(labels, _is_known(labels)), sightings)
    other = _settled(profile, labels, sightings, voted)
    if golden is None:
        return dataclasses.replace(other, score_quantile=_score_quantile(sightings, other))
    as_usual = _settled(profile, labels, sightings, golden.drawn)
    better = _fit(other) > _BETTER * _fit(as_usual)
    return dataclasses.replace(other if better else as_usual, score_quantile=_score_quantile(sightings, golden))


def _score_quantile(sightings: DetectionColumns, golden: Matched) -> np.ndarray:
    # Scores mean something else in each class; errors score lower than what is there, whatever the class.
    own_of_label = np.unique(golden.sighting[golden.is_found])
    labelled = rows_of(golden.sightings, own_of_label)
    quantile = np.zeros(len(sightings.scores))
    for label in np.unique(sightings.labels):
        usual = labelled.scores[labelled.labels == label]
        usual = np.sort(usual if len(usual) >= _FEWEST_SCORES else labelled.scores)
        own = sightings.labels == label
        quantile[own] = np.searchsorted(usual, sightings.scores[own], side="right") / max(1, len(usual))
    return quantile


def _settled(profile: Profile, labels: TruthColumns, sightings: DetectionColumns, start: np.ndarray) -> Matched:
    # Matches found with a relation that is a little off are the base of a better one.
    matched = _matched(profile, labels, sightings, start)
    for _ in range(_SETTLING):
        found = matched.is_found
        if not found.any():
            break
        drawn = relation(labels.boxes_xywh_px[found], sightings.boxes_xywh_px[matched.sighting[found]])
        matched = _matched(profile, labels, sightings, np.median(drawn, axis=0))
    return _of_known_classes(matched)


def _is_known(labels: TruthColumns) -> np.ndarray:
    return labels.labels > 0


def _of_known_classes(matched: Matched) -> Matched:
    # What the model takes an object of an unknown class for keeps its `has_label`. Being no label's own, it is held
    # against nobody.
    keep = _is_known(matched.labels)
    return dataclasses.replace(matched, labels=rows_of(matched.labels, keep), sighting=matched.sighting[keep])


def _fit(matched: Matched) -> float:
    # Sum of the overlaps; the number of matches alone hardly falls if all boxes are a little beside.
    found = matched.is_found
    boxes = undone(matched.labels.boxes_xywh_px[found], matched.drawn)
    return float(iou_of_pairs(matched.sightings.boxes_xywh_px[matched.sighting[found]], boxes, NO_CROWD).sum())


def _matched(profile: Profile, labels: TruthColumns, sightings: DetectionColumns, drawn: np.ndarray) -> Matched:
    pairs = overlaps(undone(labels.boxes_xywh_px, drawn), labels.image, sightings)
    has_label = np.zeros(len(sightings.scores), dtype=np.bool_)
    has_label[pairs.other[pairs.iou >= np.where(_is_known(labels), TOUCH_IOU, _NEAR_IOU)[pairs.one]]] = True
    close = pairs.iou >= MATCH_IOU
    label, sighting = pairs.one[close], pairs.other[close]
    rank = pairs.iou[close] + sightings.scores[sighting] / 2
    rank += _SAME_CLASS_BONUS * (labels.labels[label] == sightings.labels[sighting])
    choice = np.lexsort((-rank, labels.image[label]))
    label, sighting = label[choice], sighting[choice]
    own = np.full(len(labels.labels), -1)
    matches = match_greedily(labels.image[label], label, sighting, np.ones(len(label), np.bool_))
    own[label[matches]] = sighting[matches]
    return Matched(profile, labels, sightings, drawn, own, has_label, np.zeros(len(sightings.scores)))


def overlaps(boxes_xywh_px: np.ndarray, image: np.ndarray, sightings: DetectionColumns) -> BoxPairs:
    """Pairs of a box [n, 4] in image [n] and a sighting there that overlap at all."""
    return overlapping(image, boxes_xywh_px, sightings.image, sightings.boxes_xywh_px)


def _vote(labels: TruthColumns, sightings: DetectionColumns) -> np.ndarray:
    # [4] the relation that most pairs of a label and one of the surest sightings, as many as labels, agree on.
    surest = rows_of(sightings, np.argsort(-sightings.scores, kind="stable")[: len(labels.labels)])
    related = [
        relation(labels.boxes_xywh_px[label], surest.boxes_xywh_px[sighting])
        for label, sighting in pairs_of_groups(labels.image, surest.image)
    ]
    votes = np.concatenate([np.empty((0, 4)), *(votes[(np.abs(votes) < _WIDEST).all(axis=1)] for votes in related)])
    votes = votes[:: max(1, len(votes) // _MOST_VOTES)]
    if not len(votes):
        return np.zeros(4)
    from scipy.spatial import KDTree  # here, because it takes a tenth of a second

    agreeing = KDTree(votes).query_ball_point(votes, _VOTE_RADIUS, p=2, return_length=True)
    near = np.linalg.norm(votes - votes[np.argmax(agreeing)], axis=1) <= _VOTE_RADIUS
    return np.median(votes[near], axis=0)
