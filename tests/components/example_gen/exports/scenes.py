"""Grey pictures with a painted rectangle an object, and what is painted read back from their pixels.

A nut is red and a bolt is blue, and no picture has two of one class: the pixels say class and box.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageDraw

CLASSES = ("bolt", "nut")  # as tools sort them
_COLOURS = {"bolt": (0, 0, 255), "nut": (255, 0, 0)}


class TrueBox(NamedTuple):
    """A painted object, in pixels."""

    name: str
    x: int
    y: int
    width: int
    height: int

    @property
    def right(self) -> int:
        return self.x + self.width

    @property
    def bottom(self) -> int:
        return self.y + self.height


@dataclass(frozen=True)
class Scene:
    """A picture: its name without suffix, its size and what is in it."""

    stem: str
    width: int
    height: int
    boxes: tuple[TrueBox, ...]

    @property
    def jpg(self) -> str:
        return f"{self.stem}.jpg"


Truth = dict[str, list[TrueBox]]

TRAIN = (
    Scene("a", 64, 48, (TrueBox("nut", 10, 8, 20, 16),)),
    Scene("b", 80, 60, (TrueBox("bolt", 30, 20, 24, 30), TrueBox("nut", 4, 4, 12, 10))),
    Scene("c", 64, 48, (TrueBox("bolt", 2, 4, 32, 24),)),
)
VAL = (Scene("d", 48, 64, (TrueBox("nut", 16, 24, 24, 30),)), Scene("e", 64, 64, (TrueBox("bolt", 6, 34, 40, 20),)))
TEST = (Scene("f", 96, 64, (TrueBox("bolt", 60, 10, 20, 44), TrueBox("nut", 8, 20, 30, 12))),)
EMPTY = Scene("g", 64, 48, ())  # a picture without objects


def paint(path: Path, scene: Scene) -> None:
    """Writes a scene; a JPEG keeps its edges."""
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.new("RGB", (scene.width, scene.height), (120, 120, 120))
    for box in scene.boxes:
        ImageDraw.Draw(image).rectangle((box.x, box.y, box.right - 1, box.bottom - 1), fill=_COLOURS[box.name])
    options = {} if path.suffix.lower() == ".png" else {"quality": 95, "subsampling": 0}
    image.save(path, "PNG" if path.suffix.lower() == ".png" else "JPEG", **options)


def painted(path: Path) -> list[TrueBox]:
    """The rectangles around the red and the blue pixels of a picture, by class."""
    pixels = np.asarray(Image.open(path).convert("RGB")).astype(int)
    found = []
    for name, (red, _, blue) in sorted(_COLOURS.items()):
        level = (pixels[..., 0] - pixels[..., 2]) * (1 if red > blue else -1)
        ys, xs = np.nonzero(level > 127)
        if len(xs):
            x, y = int(xs.min()), int(ys.min())
            found.append(TrueBox(name, x, y, int(xs.max()) - x + 1, int(ys.max()) - y + 1))
    return found


def truth_of(names: dict[str, Scene]) -> Truth:
    """The boxes of pictures by their path, in the order of their classes."""
    return {name: sorted(scene.boxes) for name, scene in names.items()}
