"""Boxes over an image as they are drawn: where, what is said of them, and what is cut out."""

from __future__ import annotations

import re

import pytest

from ratchet.components.pages.html import render
from ratchet.components.pages.overlay import LOST, RIGHT, WRONG, Box, Layer, Stage, around, image_id, link_to
from tests.components.review.content import jpeg

NAME = 'a "b" <c>/1.jpg'


def stage(*boxes: Box, layer: str = "truth") -> Stage:
    layers = (Layer(layer, "labels", boxes),)
    return Stage(NAME, jpeg(), (640, 480), "two cats", layers, figure_id=image_id(NAME), key="g1")


def test_a_link_leads_to_the_figure_of_a_strange_name() -> None:
    assert image_id("a\u202eb.jpg") == "image=a\\u202eb.jpg"
    assert link_to(image_id(NAME)) == "#image=a%20%22b%22%20%3Cc%3E/1.jpg"


@pytest.mark.parametrize(
    ("boxes", "part"),
    [
        ([(100, 100, 100, 50)], (65.0, 40.0, 170.0, 170.0)),
        ([(0, 0, 100, 50)], (0.0, 0.0, 170.0, 170.0)),  # at the edge it stays within the image
        ([(630, 470, 10, 10)], (582.4, 422.4, 57.6, 57.6)),  # what is tiny is shown with its surroundings
        ([(0, 0, 640, 480)], (0.0, -80.0, 640.0, 640.0)),  # and what is as large as the image whole
        ([(100, 100, 10, 10), (190, 100, 10, 10)], (65.0, 20.0, 170.0, 170.0)),
    ],
)
def test_a_part_holds_its_boxes_with_room_around(boxes: list, part: tuple) -> None:
    assert around(boxes, (640, 480)) == pytest.approx(part)


def test_boxes_tell_their_scores_and_who_misses_them() -> None:
    faint = Box((1, 2, 3.456, 4), "cat 10%", score=0.1, sure=False)
    missed = Box((5, 6, 7, 8), "dog", found={"baseline": 0.75, "candidate": None}, lost=("candidate",))
    [one, two] = stage(faint, missed).layers[0].drawn((640, 480))
    assert one.place == 'x="1" y="2" width="3.456" height="4" data-score="0.1"'
    assert two.place == 'x="5" y="6" width="7" height="8" data-baseline="0.75" data-candidate=""'
    assert (one.classes, two.classes) == ("box right below", "box right lost-candidate")
    assert (one.is_named, two.is_named) == (False, True)


@pytest.mark.parametrize("layer", ["truth", "baseline", "candidate"])
@pytest.mark.parametrize("y", [0, 460])
def test_texts_stay_within_the_image(layer: str, y: float) -> None:
    [box] = Layer(layer, layer, (Box((10, y, 30, 20), "cat", state=WRONG),)).drawn((640, 480))
    assert box.letters <= box.text_y <= 480


def test_what_is_wrong_or_lost_has_larger_letters() -> None:
    boxes = [Box((0, 0, 9, 9), "a", state=state) for state in (RIGHT, WRONG, LOST)]
    right, wrong, lost = [each.letters for each in Layer("labels", "labels", tuple(boxes)).drawn((600, 480))]
    assert right < wrong == lost


def test_everything_of_others_is_escaped() -> None:
    shown = Stage(NAME, jpeg(), (64, 48), NAME, (Layer("truth", "labels", (Box((1, 2, 3, 4), "<i>", "<b>"),)),), NAME)
    text = render("review/templates/golden_figure.html", shot=_Shot(shown))
    assert "<i>" not in text
    assert "<b>" not in text
    assert "<c>" not in text
    assert '"b"' not in text
    assert len(re.findall("<rect", text)) == 1


class _Shot:
    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.image = self
        self.file_name = stage.name
        self.change = NAME
