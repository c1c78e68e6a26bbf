"""Label faults to plant in generated scenes, so that the pipeline can be seen finding them."""

from __future__ import annotations

import re
from typing import NamedTuple

import numpy as np

from ratchet.schemas.base.errors import ConfigError

_FORM = re.compile(r"ok|(loose|shifted|missing|random):([0-9]*\.?[0-9]+)|(swapped):([0-9]),([0-9])")
_ALLOWED = "ok, loose:0.25, shifted:0.25, missing:0.5, random:0.4 (each above 0 and below 1), swapped:3,8 (two digits)"


class Labelled(NamedTuple):
    """A digit, 0..9, and its box in pixels."""

    digit: int
    box_xywh_px: tuple[float, float, float, float]


class Fault(NamedTuple):
    """A kind of fault with its fraction (0 if it has none) or the two digits swapped."""

    kind: str
    fraction: float = 0.0
    digits: tuple[int, ...] = ()


def parse_fault(text: str) -> Fault:
    """Reads a label fault.

    >>> parse_fault("loose:0.25")
    Fault(kind='loose', fraction=0.25, digits=())
    >>> parse_fault("swapped:3,8")
    Fault(kind='swapped', fraction=0.0, digits=(3, 8))

    Args:
        text: `ok`, `loose:F` (boxes grown by the fraction F in width and height about their centre), `shifted:F`
            (boxes moved right and down by F of their size), `missing:F` (this share of the boxes left out),
            `random:F` (this share of the labels replaced by another digit) or `swapped:A,B` (two digits).

    Returns:
        The fault.

    Raises:
        ConfigError: the text has none of these forms.
    """
    match = _FORM.fullmatch(text)
    if match and match[1] and 0 < float(match[2]) < 1:
        return Fault(match[1], fraction=float(match[2]))
    if match and match[3] and match[4] != match[5]:
        return Fault(match[3], digits=(int(match[4]), int(match[5])))
    if text == "ok":
        return Fault("ok")
    raise ConfigError(f"labels {text!r} must be one of: {_ALLOWED}")


def plant_fault(
    scenes: list[list[Labelled]], fault: Fault, side_px: float, rng: np.random.Generator
) -> list[list[Labelled]]:
    """Puts a fault into labels; those given stay as they are.

    Args:
        scenes: the objects of each scene.
        fault: what to do.
        side_px: width and height of every scene, to which boxes are clipped.
        rng: chooses whom `missing` and `random` hit: exactly the share asked for, but never all.

    Returns:
        As many scenes as were given.
    """
    places = [(scene, place) for scene, objects in enumerate(scenes) for place in range(len(objects))]
    count = min(round(fault.fraction * len(places)), len(places) - 1)  # something stays labelled
    hit = {places[chosen] for chosen in rng.permutation(len(places))[:count]}
    return [
        [
            _with_fault(labelled, fault, side_px, rng if (scene, place) in hit else None)
            for place, labelled in enumerate(objects)
            if fault.kind != "missing" or (scene, place) not in hit
        ]
        for scene, objects in enumerate(scenes)
    ]


def _with_fault(labelled: Labelled, fault: Fault, side_px: float, rng: np.random.Generator | None) -> Labelled:
    """The object with its fault; only who is hit by a share has a generator."""
    digit, (x, y, width, height) = labelled
    if fault.kind == "loose":
        dx, dy = fault.fraction / 2 * width, fault.fraction / 2 * height
        return Labelled(digit, _clipped(x - dx, y - dy, x + width + dx, y + height + dy, side_px))
    if fault.kind == "shifted":
        dx, dy = fault.fraction * width, fault.fraction * height
        return Labelled(digit, _clipped(x + dx, y + dy, x + width + dx, y + height + dy, side_px))
    if fault.kind == "swapped" and digit in fault.digits:
        return labelled._replace(digit=sum(fault.digits) - digit)
    if fault.kind == "random" and rng:
        return labelled._replace(digit=int((digit + rng.integers(1, 10)) % 10))
    return labelled


def _clipped(x1: float, y1: float, x2: float, y2: float, side_px: float) -> tuple[float, float, float, float]:
    """The part inside the image of a box given by its corners, as xywh."""
    x1, y1, x2, y2 = max(0.0, x1), max(0.0, y1), min(side_px, x2), min(side_px, y2)
    return x1, y1, x2 - x1, y2 - y1
