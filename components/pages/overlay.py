"""Boxes over an image: the image once, over it layers of vector boxes that can be switched, cut by a score, zoomed.

`templates/overlay.html` draws a `Stage`, cuts parts out of it without a second copy of its bytes, and has the legend;
`gallery.js` switches, enlarges and sorts. All that is read without script; pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple
from urllib.parse import quote

from markupsafe import Markup

from ratchet.components.pages.html import jpeg_source
from ratchet.schemas.base.visible import visible_line

RIGHT, WRONG, LOST = "right", "wrong", "lost"  # what a box is; right boxes need no words in a small picture
_SMALL, _LARGE = 40, 24  # letters, as parts of the longer side; what is wrong must be read in a small picture too
_CROP_MARGIN, _LEAST_CROP = 0.35, 0.12  # of the box's longer side; of the image's shorter side

Xywh = tuple[float, float, float, float]


@dataclass(frozen=True)
class Box:
    """A box over an image.

    Attributes:
        xywh_px: in the coordinates of its stage.
        text: written beside it, such as its class.
        title: what it is in a sentence, shown under the pointer; nothing but the text if it is empty.
        state: RIGHT, WRONG (drawn filled) or LOST (drawn dotted and thick).
        score: of a detection, for the slider.
        sure: whether it is shown before the slider is moved.
        found: of an object, by model the score of the detection that finds it; None where there is none.
        lost: of an object, the models that miss it.
    """

    xywh_px: Xywh
    text: str
    title: str = ""
    state: str = RIGHT
    score: float | None = None
    sure: bool = True
    found: Mapping[str, float | None] = field(default_factory=dict)
    lost: tuple[str, ...] = ()


@dataclass(frozen=True)
class Layer:
    """Boxes of one kind.

    Attributes:
        name: its CSS class: truth, baseline, candidate, labels, detections, given, read.
        title: what the boxes are, in words.
        boxes: later ones lie above.
    """

    name: str
    title: str
    boxes: tuple[Box, ...]

    def drawn(self, size_px: tuple[int, int]) -> Iterator[Drawn]:
        """The boxes with the places of their texts, in an image of such a width and height."""
        for box in self.boxes:
            letters = max(size_px) / (_SMALL if box.state == RIGHT and not box.lost else _LARGE)
            yield Drawn(box, self.name, _baseline(self.name, box, letters, size_px[1]), letters)


@dataclass(frozen=True)
class Stage:
    """An image with its boxes.

    Attributes:
        name: of the image.
        jpeg: the image, of any resolution.
        size_px: width and height in which the boxes are given.
        alt: what is to be seen, for those who cannot see it.
        layers: what lies over it, from below.
        figure_id: of the figure that it stands in, unique on the page; empty where it stands in none.
        key: tells its image from all others of the page, so that parts can be cut out; letters and digits. Empty where
            nothing is cut out.
    """

    name: str
    jpeg: bytes
    size_px: tuple[int, int]
    alt: str
    layers: tuple[Layer, ...]
    figure_id: str = ""
    key: str = ""

    @property
    def link(self) -> str:
        """Where a link to its figure leads."""
        return link_to(self.figure_id)

    @property
    def source(self) -> Markup:
        """The image as an address."""
        return Markup(jpeg_source(self.jpeg))


class Drawn(NamedTuple):
    """A box as it is drawn: its layer, the baseline of its text and the height of its letters, px."""

    box: Box
    layer: str
    text_y: float
    letters: float

    @property
    def classes(self) -> str:
        """Its CSS classes."""
        lost = [f"lost-{model}" for model in self.box.lost]
        return " ".join(["box", self.box.state, *lost, *([] if self.box.sure else ["below"])])

    @property
    def place(self) -> Markup:
        """Where it lies, and the scores that the slider asks for: attributes of its rectangle."""
        x, y, width, height = self.box.xywh_px
        scores = {"score": self.box.score} if self.box.score is not None else self.box.found
        told = "".join(f' data-{name}="{"" if score is None else f"{score:.4g}"}"' for name, score in scores.items())
        size = f'width="{max(width, 0):.5g}" height="{max(height, 0):.5g}"'
        return Markup(f'x="{x:.5g}" y="{y:.5g}" {size}{told}')

    @property
    def text_place(self) -> Markup:
        """Where its text lies: attributes of that."""
        return Markup(f'x="{self.box.xywh_px[0]:.5g}" y="{self.text_y:.5g}" font-size="{self.letters:.3g}"')

    @property
    def is_named(self) -> bool:
        """Whether its text is written; the others are many, and have it under the pointer."""
        return bool(self.box.text) and self.box.sure


@dataclass(frozen=True)
class Crop:
    """A part of a stage's image that is drawn on its own, zoomed.

    Attributes:
        key: of the stage.
        size_px: of the stage.
        part_px: x, y, width and height of the part.
        alt: what is to be seen.
        link: where it leads.
        layers: the boxes to draw in it.
    """

    key: str
    size_px: tuple[int, int]
    part_px: Xywh
    alt: str
    link: str
    layers: tuple[Layer, ...]


def image_id(file_name: str) -> str:
    """The id of a figure, which stands in the address while it is shown large.

    >>> image_id("cam 1/7.jpg")
    'image=cam 1/7.jpg'
    """
    return f"image={visible_line(file_name)}"


def link_to(figure_id: str) -> str:
    """Where a link to a figure leads.

    >>> link_to(image_id("cam 1/<7>.jpg"))
    '#image=cam%201/%3C7%3E.jpg'
    """
    return f"#{quote(figure_id, safe='/=')}"


def around(boxes: Sequence[Xywh], size_px: tuple[int, int]) -> Xywh:
    """A square part of an image with some boxes in its middle and room around them, within the image where it can be.

    Args:
        boxes: at least one.
        size_px: width and height of the image.

    >>> around([(100, 100, 40, 20)], (640, 480))
    (86.0, 76.0, 68.0, 68.0)
    """
    left, top = min(box[0] for box in boxes), min(box[1] for box in boxes)
    right, bottom = max(box[0] + box[2] for box in boxes), max(box[1] + box[3] for box in boxes)
    side = max(right - left, bottom - top) * (1 + 2 * _CROP_MARGIN)
    side = min(max(side, _LEAST_CROP * min(size_px)), max(size_px))
    corner = [
        _placed((low + high - side) / 2, side, whole) for low, high, whole in zip((left, top), (right, bottom), size_px)
    ]
    return round(corner[0], 1), round(corner[1], 1), round(side, 1), round(side, 1)


def _placed(start: float, side: float, whole: float) -> float:
    """Where a part begins so that it lies within the whole; one that is larger lies around it."""
    return min(max(start, 0.0), whole - side) if side <= whole else (whole - side) / 2


def _baseline(layer: str, box: Box, letters: float, height: float) -> float:
    """Texts of what is compared lie apart: above, in and below their boxes."""
    _, y, _, box_height = box.xywh_px
    if layer == "baseline":
        return min(height - 2.0, max(letters, y + letters))
    if layer in ("candidate", "detections", "given"):
        return min(height - 2.0, y + box_height + letters)
    return max(letters, y - letters * 0.25)


def layers_of(stages: Iterable[Stage]) -> list[Layer]:
    """One layer of each name that occurs, in the order of their first stage; for a legend."""
    return list({layer.name: layer for stage in stages for layer in stage.layers}.values())
