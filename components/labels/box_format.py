"""Boxes whose four numbers mean something else than [x, y, width, height] of the image at hand; pure.

A reading is held against the plain explanations, boxes as given and boxes that are all drawn in one other relation.
Only what explains clearly more than these is one: boxes that are displaced by a fifth of their size overlap, here and
there, what they would be as centres, and are displaced all the same.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from ratchet.components.labels.findings import Excess, Finding, per_image, reason_of, significance_of
from ratchet.components.labels.matching import Matched, overlaps
from ratchet.components.labels.profile import Profile, undone
from ratchet.components.labels.readings import ORDERS, TURNS, Reading, scale_readings
from ratchet.schemas.artifacts.decisions import Reason
from ratchet.schemas.base.formatting import percent
from ratchet.schemas.data.columns import TruthColumns, rows_of

RULE = "labels:reading"
_GIVEN_IOU = 0.3  # a box that overlaps a sighting so much as given needs no other reading
_OTHER_IOU = 0.5  # and one must fit so well to be explained by one
_BETTER = 1.1  # a reading must explain this much more than one relation of all boxes does
_SIMPLER = 1.03  # one reading of all boxes is simpler than a relation of four figures, and need not explain much more
_FITTED = 0.4  # of the boxes that fit nothing a fitted reading must explain
_AS_MUCH = 0.97  # readings that explain so much of the best are all named
_MOST_NAMED = 3
_MOST_TOGETHER = 4.0  # chance hits of one image that come together
_EXPLAINS_ALL = 0.5  # of the labels; from there on nothing else can be said of them
_FEW_AS_GIVEN = 0.5  # of the golden set's recall; above it labels can be judged as they are


@dataclass(frozen=True, eq=False)
class GuessedFormat:
    """What the numbers of some boxes could mean.

    Attributes:
        readings: that explain as much, the usual one first.
        share: of the labels that fit only so, beyond chance.
        fits: [n] bool, these labels.
        as_given: share of all labels that fit as the golden set's are drawn.
    """

    readings: tuple[Reading, ...]
    share: Excess
    fits: np.ndarray
    as_given: float

    def explains_all(self, golden: Matched) -> bool:
        """Whether most labels need it and few fit as given."""
        return bool(self.fits.mean() >= _EXPLAINS_ALL and self.as_given < _FEW_AS_GIVEN * golden.recall)


def guess_format(span: Matched, golden: Matched) -> GuessedFormat:
    """The reading that explains most labels of the span which as given fit nothing.

    Numbers read otherwise hit something by chance too: as often, per label that fits nothing, as the golden set's
    boxes do when their numbers are taken so.
    """
    given = _fit(undone(span.labels.boxes_xywh_px, golden.drawn), span)
    plain = _fit(undone(span.labels.boxes_xywh_px, span.drawn), span)
    candidates = [_Candidate.of(reading, span, golden) for reading in _readings(span, golden, given >= _GIVEN_IOU)]
    if not candidates:
        return GuessedFormat((ORDERS[0],), Excess(0.0, 1.0, 1), np.zeros(0, np.bool_), 0.0)
    whole = max(range(len(candidates)), key=lambda place: _quality(candidates[place].fit))
    best = _best(candidates, span, given >= _GIVEN_IOU)
    if _is_of_all(candidates[whole].fit, given, plain):
        best = _rated(candidates, whole, span, given > candidates[whole].fit)
    elif _quality(np.maximum(given, candidates[best.place].fit)) <= _BETTER * _quality(plain):
        best = _best(candidates, span, (given >= _GIVEN_IOU) | (plain >= _GIVEN_IOU))
    readings = _as_good(candidates, best, span)
    as_given = float(((given >= _GIVEN_IOU) & ~best.fits).mean())
    return GuessedFormat(readings, best.share, best.fits, as_given)


def format_reason(guessed: GuessedFormat, span: Matched, limit: float) -> Reason:
    """The rule `labels:reading`; `limit` is the accepted share of boxes that fit only when they are read otherwise."""
    share = f"{percent(max(0.0, guessed.share.value))} of the boxes ({np.count_nonzero(guessed.fits):,})"
    meaning = " or ".join(reading.meaning for reading in guessed.readings)
    words = (
        f"{share} fit what the model sees only if {meaning}" if guessed.fits.any() else "no box needs another reading"
    )
    if guessed.share.breaks(limit, significance_of(span.profile)):
        words += f"; {guessed.readings[0].fix}"
    finding = Finding(guessed.share, words, per_image(span.profile, span.labels.image[guessed.fits]))
    expected = f"at most {percent(limit)} of the boxes that make sense only if their numbers are read otherwise"
    return reason_of(RULE, expected, finding, limit, span.profile)


def read_rightly(guessed: GuessedFormat, span: Matched) -> Profile:
    """The span with the boxes that fit only if read otherwise read so."""
    labels, profile = span.labels, span.profile
    meant = guessed.readings[0].boxes(labels.boxes_xywh_px, profile.sizes_px[labels.image])
    labels = dataclasses.replace(labels, boxes_xywh_px=np.where(guessed.fits[:, None], meant, labels.boxes_xywh_px))
    others = rows_of(profile.truth, profile.truth.is_crowd | (profile.truth.labels <= 0))
    columns = (np.concatenate([getattr(side, name) for side in (labels, others)]) for name in _COLUMNS)
    return dataclasses.replace(profile, truth=TruthColumns(*columns))


_COLUMNS = tuple(field.name for field in dataclasses.fields(TruthColumns))


@dataclass(frozen=True, eq=False)
class _Candidate:
    """A reading, what it makes of the span's labels, and how often it hits by chance: of the golden set, and decoys."""

    reading: Reading
    boxes: np.ndarray
    fit: np.ndarray
    chance: float
    decoys: tuple[np.ndarray, ...]

    @classmethod
    def of(cls, reading: Reading, span: Matched, golden: Matched) -> _Candidate:
        boxes, theirs = (
            undone(reading.boxes(side.labels.boxes_xywh_px, side.profile.sizes_px[side.labels.image]), golden.drawn)
            for side in (span, golden)
        )
        given = undone(span.labels.boxes_xywh_px, golden.drawn)
        decoys = tuple(decoy(given, span.profile.sizes_px[span.labels.image]) for decoy in reading.decoys)
        return cls(reading, boxes, _fit(boxes, span), _chance(golden, theirs), decoys)


def _readings(span: Matched, golden: Matched, given: np.ndarray) -> list[Reading]:
    if not len(given):
        return []
    # A factor is one of boxes as the golden set draws them.
    labels = dataclasses.replace(span.labels, boxes_xywh_px=undone(span.labels.boxes_xywh_px, golden.drawn))
    sizes, seen = span.profile.sizes_px, span.sightings
    scales = []
    for voters in (labels, rows_of(labels, ~given)):
        scales += scale_readings(voters, sizes[voters.image], seen, sizes[seen.image])
    return [*ORDERS, *TURNS, *scales]


class _Rated(NamedTuple):
    """What one candidate explains that is not explained otherwise."""

    place: int
    share: Excess
    fits: np.ndarray


def _best(candidates: list[_Candidate], span: Matched, explained: np.ndarray) -> _Rated:
    rated = [_rated(candidates, place, span, explained) for place in range(len(candidates))]
    return max(rated, key=lambda each: each.share.value)


def _rated(candidates: list[_Candidate], place: int, span: Matched, explained: np.ndarray) -> _Rated:
    # What belongs to a label that is explained is nobody else's.
    free = np.ones(len(span.sightings.scores), dtype=np.bool_)
    free[span.sighting[span.is_found & explained]] = False
    each = candidates[place]
    fits, *decoys = (~explained & (_fit(boxes, span, free) >= _OTHER_IOU) for boxes in (each.boxes, *each.decoys))
    expected = each.chance * np.count_nonzero(~explained)
    if decoys:
        expected = max(expected, float(np.mean([np.count_nonzero(hits) for hits in decoys])))
    if each.reading.is_fitted and np.count_nonzero(fits) < _FITTED * np.count_nonzero(~explained):
        fits = np.zeros_like(fits)
    return _Rated(place, _beyond_chance(fits, ~explained, span.labels.image, expected), fits)


def _fit(boxes: np.ndarray, side: Matched, allowed: np.ndarray | None = None) -> np.ndarray:
    # [n] best overlap of each label's box [n, 4] with a sighting that is allowed; 0 for none.
    pairs = overlaps(boxes, side.labels.image, side.sightings)
    best = np.zeros(len(boxes))
    iou = pairs.iou if allowed is None else pairs.iou * allowed[pairs.other]
    np.maximum.at(best, pairs.one, iou)
    return best


def _as_good(candidates: list[_Candidate], best: _Rated, span: Matched) -> tuple[Reading, ...]:
    # Of readings fitted to these boxes one says it all.
    most = np.count_nonzero(best.fits)
    chosen = candidates[best.place].reading
    rated = [_rated(candidates, place, span, ~best.fits) for place in range(len(candidates))]
    alike = [candidates[each.place].reading for each in rated if np.count_nonzero(each.fits) >= _AS_MUCH * most]
    alike = [reading for reading in alike if reading is chosen or not reading.is_fitted]
    return tuple(alike[:_MOST_NAMED]) if most else (chosen,)


def _is_of_all(fit: np.ndarray, given: np.ndarray, plain: np.ndarray) -> bool:
    # Whether all boxes are to be read so, though some of them overlap what they mean as given too.
    beside_given = _quality(np.maximum(given, fit))
    return _quality(fit) > _SIMPLER * max(_quality(given), _quality(plain)) and _quality(fit) >= _AS_MUCH * beside_given


def _quality(fit: np.ndarray) -> float:
    # The number of boxes that fit alone hardly falls if all boxes are a little beside.
    return float(fit[fit >= _OTHER_IOU].sum())


def _chance(golden: Matched, boxes: np.ndarray) -> float:
    # Of the golden set's boxes read so: how many hit what is not theirs, and how many that fit nothing hit anything.
    pairs = overlaps(boxes, golden.labels.image, golden.sightings)
    hits = pairs.iou >= _OTHER_IOU
    wrong = np.unique(pairs.one[hits & (golden.sighting[pairs.one] != pairs.other)])
    lost = _fit(undone(golden.labels.boxes_xywh_px, golden.drawn), golden) < _GIVEN_IOU
    lost_hits = np.count_nonzero(lost[np.unique(pairs.one[hits])])
    return max((len(wrong) + 1) / (len(boxes) + 2), lost_hits / (np.count_nonzero(lost) + _FEW_LOST))


_FEW_LOST = 20  # of so few labels that fit nothing a share says little


def _beyond_chance(fits: np.ndarray, unexplained: np.ndarray, image: np.ndarray, expected: float) -> Excess:
    # The error is that of counts without any box to be read so, as if the hits of one image came together.
    per_image = np.bincount(image, weights=unexplained)
    together = max(1.0, float(np.square(per_image).sum() / max(1.0, per_image.sum())))
    error = np.sqrt((expected + 1) * min(together, _MOST_TOGETHER))
    labels = max(1, len(fits))
    return Excess((np.count_nonzero(fits) - expected) / labels, float(error) / labels, len(np.unique(image)))
