"""The images in which two models disagree most, as they are drawn; pure."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ratchet.components.pages.overlay import RIGHT, WRONG, Box, Layer
from ratchet.components.shadow.looks import Looks, Request
from ratchet.components.shadow.pairs import NOBODY, Paired
from ratchet.schemas.artifacts.evaluation import BASELINE, CANDIDATE
from ratchet.schemas.base.formatting import many
from ratchet.schemas.data.columns import DetectionColumns

SERVED = "served model"


@dataclass(frozen=True)
class ShownImage:
    """An image with what both models find in it.

    Attributes:
        request: what is known of it.
        encoded: its file.
        layers: what is drawn over it.
        words: what they disagree about.
        weight: how much.
    """

    request: Request
    encoded: bytes = dataclasses.field(repr=False)
    layers: tuple[Layer, ...] = ()
    words: str = ""
    weight: float = 0.0


def shown_images(looks: Looks, names: Sequence[str]) -> list[ShownImage]:
    """The worst images, the worst first; `names` are those of the labels 1..K."""
    return [
        ShownImage(
            request=looks.requests[worst.image],
            encoded=worst.encoded,
            layers=(
                Layer(BASELINE, SERVED, _served(looks.paired, worst.image, names)),
                Layer(CANDIDATE, "candidate", _candidate(looks.paired, worst.image, names)),
            ),
            words=_words(looks.paired, worst.image),
            weight=worst.weight,
        )
        for worst in looks.worst
    ]


def _served(paired: Paired, image: int, names: Sequence[str]) -> tuple[Box, ...]:
    found = _Found(paired.served, paired.served_partner, paired.same_class, paired.served_faint)
    words = "the candidate finds it too", "missed: the candidate does not find it", "the candidate reads another class"
    return _boxes(found, image, names, *words)


def _candidate(paired: Paired, image: int, names: Sequence[str]) -> tuple[Box, ...]:
    same = np.isin(np.arange(len(paired.candidate.scores)), paired.served_partner[paired.same_class])
    found = _Found(paired.candidate, paired.candidate_partner, same, paired.candidate_faint)
    other = "the served model"
    return _boxes(
        *(found, image, names),
        *(f"{other} finds it too", f"new: {other} does not find it", f"{other} reads another class"),
    )


@dataclass(frozen=True, eq=False)
class _Found:
    """What one model finds, row by row, and what the other one makes of it."""

    detections: DetectionColumns
    partner: np.ndarray
    same_class: np.ndarray
    faint: np.ndarray


def _boxes(found: _Found, image: int, names: Sequence[str], agreed: str, alone: str, otherwise: str) -> tuple[Box, ...]:
    """The boxes of an image, with words for what both find, what one finds alone, and what they read differently."""
    boxes = []
    for row in _of_image(found.detections, image):
        if found.same_class[row]:
            state, words = RIGHT, agreed
        elif found.partner[row] == NOBODY:
            state, words = WRONG, f"{alone}{', or only faintly' if found.faint[row] else ''}"
        else:
            state, words = WRONG, otherwise
        boxes.append(_box(found.detections, row, names, state, words))
    return tuple(boxes)


def _of_image(found: DetectionColumns, image: int) -> list[int]:
    """The rows of an image, the surest last, so that it lies above."""
    rows = np.flatnonzero(found.image == image)
    return rows[np.argsort(found.scores[rows], kind="stable")].tolist()


def _box(found: DetectionColumns, row: int, names: Sequence[str], state: str, words: str) -> Box:
    x, y, width, height = (round(float(value), 2) for value in found.boxes_xywh_px[row])
    text = f"{names[found.labels[row] - 1]} {found.scores[row]:.0%}"
    return Box((x, y, width, height), text, f"{text}: {words}", state, score=float(found.scores[row]))


def _words(paired: Paired, image: int) -> str:
    own = paired.served.image == image
    partner = paired.served_partner[own]
    counts = {
        "missed": np.count_nonzero(partner == NOBODY),
        "new": np.count_nonzero((paired.candidate_partner == NOBODY) & (paired.candidate.image == image)),
        "read as another class": np.count_nonzero((partner != NOBODY) & ~paired.same_class[own]),
    }
    told = [f"{count} {what}" for what, count in counts.items() if count]
    agreed = int(np.count_nonzero(paired.same_class[own]))
    return ", ".join(told) + (f"; {many(agreed, 'object')} agreed" if agreed else "")
