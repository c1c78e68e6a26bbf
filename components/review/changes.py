"""What changed between two models, object by object and false detection by false detection, and in words; pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ratchet.components.metrics.boxes import overlapping
from ratchet.components.review.boxes import Boxes, sure
from ratchet.components.review.pairing import (
    BESIDE,
    CROWD,
    DRAWN_BADLY,
    FITS,
    LEAST_IOU,
    LOOSE,
    MISSED,
    READ_AS_OTHER,
    TIGHT,
    Pairing,
    fates,
    pair_off,
)
from ratchet.schemas.artifacts.evaluation import BASELINE, CANDIDATE
from ratchet.schemas.base.formatting import many
from ratchet.schemas.data.columns import DetectionColumns, TruthColumns, rows_of

# What changed, the worst first; the last three are for the better.
LOST, MISREAD, DRAWN_WORSE, INVENTED, REGAINED, DRAWN_BETTER, GONE = (
    "lost",
    "misread",
    "drawn worse",
    "invented",
    "regained",
    "drawn better",
    "gone",
)
KINDS = (LOST, MISREAD, DRAWN_WORSE, INVENTED, REGAINED, DRAWN_BETTER, GONE)
WORSE = KINDS[:4]
_NOTICED_IOU = 0.1  # by which the overlap of a badly drawn box has to change
_SHAPES = {LOOSE: "loose", TIGHT: "tight", BESIDE: "beside the object"}
_MOST_READINGS = 2  # other classes that are named


@dataclass(frozen=True, eq=False)
class Seen:
    """What one model makes of some images, counting what it is sure of.

    Attributes:
        found: its detections.
        pairing: with the objects.
        fate: [n] what became of each object.
        scores: [n] of the detection that finds each object; NaN where none does.
    """

    found: DetectionColumns
    pairing: Pairing
    fate: np.ndarray
    scores: np.ndarray

    @classmethod
    def of(cls, truth: TruthColumns, found: DetectionColumns) -> Seen:
        """Pairs everything off."""
        pairing = pair_off(truth, found)
        return cls(found, pairing, fates(truth, found, pairing), pairing.scores(truth, found))


@dataclass(frozen=True)
class Change:
    """An object or a false detection that changed.

    Attributes:
        kind: one of KINDS.
        label: of the object, or of the false detection.
        image: position of the image.
        truth: row of the object; -1 for a false detection.
        rows: by model, the row of the detection in what is sure of it; -1 for none.
    """

    kind: str
    label: int
    image: int
    truth: int
    rows: Mapping[str, int]


def seen_by(boxes: Boxes, points: Mapping[str, np.ndarray]) -> dict[str, Seen]:
    """What each model makes of the images.

    Args:
        boxes: objects and detections.
        points: by model, [K + 1] the score from which a detection of a label counts.
    """
    return {model: Seen.of(boxes.objects, sure(found, points[model])) for model, found in boxes.found.items()}


def changes(boxes: Boxes, seen: Mapping[str, Seen]) -> list[Change]:
    """All that changed from the baseline to the candidate; without a baseline all that is wrong.

    Args:
        boxes: objects and detections.
        seen: by model.
    """
    truth, after, before = boxes.objects, seen[CANDIDATE], seen.get(BASELINE)
    kinds = object_kinds(before, after)
    changed = [
        Change(KINDS[kinds[row]], int(truth.labels[row]), int(truth.image[row]), row, _partners(seen, row))
        for row in np.flatnonzero(kinds >= 0).tolist()
    ]
    changed += _false(INVENTED, CANDIDATE, after, before)
    if before is not None:
        changed += _false(GONE, BASELINE, before, after)
    return changed


def object_kinds(before: Seen | None, after: Seen) -> np.ndarray:
    """[n] place of what changed of each object in KINDS, -1 where nothing did."""
    fate = after.fate
    badly = np.isin(fate, DRAWN_BADLY)
    if before is None:
        kinds = [(fate == MISSED, LOST), (fate == READ_AS_OTHER, MISREAD), (badly, DRAWN_WORSE)]
    else:
        was, fell = before.fate, before.pairing.iou - after.pairing.iou
        was_drawn = (was == FITS) | np.isin(was, DRAWN_BADLY)
        was_badly, drawn = np.isin(was, DRAWN_BADLY), (fate == FITS) | badly
        kinds = [
            ((fate == MISSED) & (was != MISSED), LOST),
            ((fate == READ_AS_OTHER) & (was != READ_AS_OTHER), MISREAD),
            (badly & was_drawn & ((was == FITS) | (fell >= _NOTICED_IOU)), DRAWN_WORSE),
            (drawn & ~was_drawn, REGAINED),
            (was_badly & drawn & ((fate == FITS) | (-fell >= _NOTICED_IOU)), DRAWN_BETTER),
        ]
    places = [KINDS.index(kind) for _, kind in kinds]
    return np.select([fate == CROWD, *(is_kind for is_kind, _ in kinds)], [-1, *places], -1)


def _partners(seen: Mapping[str, Seen], row: int) -> dict[str, int]:
    return {model: int(each.pairing.partner[row]) for model, each in seen.items()}


def _false(kind: str, model: str, own: Seen, other: Seen | None) -> list[Change]:
    """False detections of a model that the other model does not make."""
    rows = np.flatnonzero(own.pairing.false)
    if other is not None and len(rows):
        mine, theirs = rows_of(own.found, rows), rows_of(other.found, other.pairing.false)
        pairs = overlapping(mine.image, mine.boxes_xywh_px, theirs.image, theirs.boxes_xywh_px, least_iou=LEAST_IOU)
        same = mine.labels[pairs.one] == theirs.labels[pairs.other]
        rows = np.delete(rows, pairs.one[same])
    found = own.found
    return [Change(kind, int(found.labels[row]), int(found.image[row]), -1, {model: row}) for row in rows.tolist()]


def errors_in_words(boxes: Boxes, seen: Seen, image: int) -> str:
    """What is wrong with what a model makes of an image: `8 missed; 1 read as 7; 3 boxes loose`."""
    of = boxes.objects.image == image
    fate = seen.fate[of]
    parts = [_counted(int(np.count_nonzero(fate == MISSED)), "missed")]
    parts += _readings(boxes, seen, np.flatnonzero(of & (seen.fate == READ_AS_OTHER)))
    drawn = {words: int(np.count_nonzero(fate == kind)) for kind, words in _SHAPES.items()}
    parts += [f"{many(count, 'box')} {words}" for words, count in drawn.items() if count]
    parts.append(_counted(int(np.count_nonzero(seen.pairing.false[seen.found.image == image])), "false"))
    return "; ".join(filter(None, parts)) or "all found, none false"


def _readings(boxes: Boxes, seen: Seen, rows: np.ndarray) -> list[str]:
    """As what objects are read: the most frequent classes, and how many are read as others."""
    counts = Counter(seen.found.labels[seen.pairing.partner[rows]].tolist())
    named = counts.most_common(_MOST_READINGS)
    rest = counts.total() - sum(count for _, count in named)
    words = [f"{count} read as {boxes.class_names[label - 1]}" for label, count in named]
    return words + [f"{rest} read as other classes"] * bool(rest)


def _counted(count: int, words: str) -> str:
    return f"{count:,} {words}" if count else ""


_TOLD = {
    LOST: ("lost", "missed"),
    MISREAD: ("now read as another class", "read as another class"),
    DRAWN_WORSE: ("drawn worse", "drawn badly"),
    INVENTED: ("new and false", "false"),
    REGAINED: ("found again", ""),
    DRAWN_BETTER: ("drawn better", ""),
    GONE: ("no longer invented", ""),
}


def changes_in_words(kinds: Sequence[str], compared: bool) -> str:
    """How often what changed: `3 lost; 1 new and false`.

    Args:
        kinds: of all changes.
        compared: whether there is a baseline to compare with.

    >>> changes_in_words([LOST, INVENTED, LOST], True), changes_in_words([LOST], False), changes_in_words([], True)
    ('2 lost; 1 new and false', '1 missed', 'the same objects are found')
    """
    counts = Counter(kinds)
    told = "; ".join(f"{counts[kind]:,} {_TOLD[kind][not compared]}" for kind in KINDS if counts[kind])
    return told or "the same objects are found"
