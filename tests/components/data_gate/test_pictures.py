"""What each rule's pictures show: lines of the right colours where a fault is, and a caption with what to see."""

from __future__ import annotations

import dataclasses
import io
from typing import Any

import numpy as np
import pytest
from PIL import Image

from ratchet.components.data_gate.fault_layers import Album, Beside, Drawable
from ratchet.components.data_gate.pictures import draw_pictures
from ratchet.components.data_gate.usual import figures_of, usual_row
from ratchet.components.imaging.drawing import DETECTION_COLOUR, GIVEN_COLOUR, LABEL_COLOUR, READ_COLOUR
from ratchet.schemas.artifacts.data_evidence import DRIFT, EMBEDDING, Comparison, Distribution
from ratchet.schemas.artifacts.decisions import Reason
from ratchet.schemas.data import features
from ratchet.schemas.data.dataset import BadBox
from ratchet.schemas.data.feature_sample import FeatureSample
from tests.builders import detections, encode, ground_truth, record

NAMES = ("cat", "dog")
GREY = Image.new("RGB", (360, 180), (128, 128, 128))
LEFT, RIGHT = [40.0, 60, 60, 60], [240.0, 60, 60, 60]


def drawable(boxes: Any = (), labels: Any = None, found: Any = None) -> Drawable:
    image = dataclasses.replace(record(360, 180), truth=ground_truth(boxes, labels))
    return Drawable(image, encode(GREY, "PNG"), found)


def shown(rule: str, image: Drawable, actual: str = "", **parts: Any) -> tuple[Image.Image, str]:
    reason = Reason(rule, "", actual, images=("17.jpg",))
    [picture] = draw_pictures([reason], Album({"17.jpg": image}, NAMES, **parts))[rule]
    return Image.open(io.BytesIO(picture.jpeg)), picture.caption


def has(image: Image.Image, colour: str, box: list[float]) -> bool:
    """Whether the colour is near the upper edge of a box."""
    wanted = np.array([int(colour[place : place + 2], 16) for place in (1, 3, 5)])
    x, y, width, _ = (int(value) for value in box)
    strip = np.asarray(image.convert("RGB")).astype(int)[max(0, y - 4) : y + 5, max(0, x) : x + width]
    return int((np.abs(strip - wanted) < 60).all(axis=-1).sum()) > 10


def test_boxes_that_are_no_boxes_are_drawn_as_given_and_as_they_may_be_meant() -> None:
    # [40, 60, 100, 120] is meant as corners; at its word it ends at 140, 180.
    bad = BadBox("17.jpg", (40.0, 60.0, 100.0, 120.0), (240.0, 60.0, 60.0, 60.0))
    other = BadBox("18.jpg", (0.0, 0.0, 9.0, 9.0))
    image, caption = shown("boxes:sound", drawable(), bad_boxes=(bad, other))
    assert has(image, GIVEN_COLOUR, [40, 60, 100, 120])
    assert has(image, READ_COLOUR, RIGHT)
    assert caption == "1 bad box as given (dashed orange, cut at the border), and read otherwise (blue)"


def test_a_box_that_leaves_the_image_is_drawn_up_to_its_border() -> None:
    image, _ = shown("boxes:sound", drawable(), bad_boxes=(BadBox("17.jpg", (300.0, 60.0, 1e6, 60.0)),))
    assert has(image, GIVEN_COLOUR, [300, 60, 60, 60])


def test_labels_that_need_another_reading_are_drawn_in_both() -> None:
    corners = [40.0, 60, 100, 120]  # as corners it is LEFT
    image, caption = shown(
        "labels:reading", drawable([corners], found=detections([LEFT])), "fit only if read as [x1, y1, x2, y2]"
    )
    assert has(image, GIVEN_COLOUR, corners)
    assert has(image, READ_COLOUR, LEFT)
    assert caption.startswith("boxes as given (dashed orange), read as [x1, y1, x2, y2] (blue)")


def test_labels_of_another_image_size_are_drawn_as_they_are_and_as_they_are_meant() -> None:
    half = [side / 2 for side in LEFT]
    width, height = drawable([half]).record.width_px // 2, drawable([half]).record.height_px // 2
    words = f"fit only if taken for boxes drawn on an image of about {width}x{height} px, 0.5 of the file's"
    image, caption = shown("labels:reading", drawable([half]), words)
    assert has(image, GIVEN_COLOUR, half)
    assert has(image, READ_COLOUR, LEFT)
    assert f"about {width}x{height} px (blue)" in caption


@pytest.mark.parametrize(
    ("rule", "label", "words"),
    [
        ("labels:offset", [55.0, 60, 60, 60], "lie 25 % of their width to the right and 0 % of their height above"),
        ("labels:size", [30.0, 60, 75, 60], "are 25 % wider and 0 % shorter than"),
    ],
)
def test_boxes_drawn_otherwise_are_shown_beside_what_the_model_sees_with_by_how_much(
    rule: str, label: list[float], words: str
) -> None:
    image, caption = shown(rule, drawable([label], found=detections([LEFT, RIGHT])))
    assert has(image, LABEL_COLOUR, label)
    assert not has(image, DETECTION_COLOUR, RIGHT)  # which says nothing of how labels are drawn
    assert words in caption


def test_of_missing_labels_only_what_has_none_is_drawn_as_detected() -> None:
    again = [RIGHT[0] + 4, *RIGHT[1:]]  # a second detection of the same object, and one that is not sure
    found = detections([LEFT, RIGHT, again, [140.0, 60, 60, 60]], scores=[0.9, 0.9, 0.8, 0.4])
    image, caption = shown("labels:missing", drawable([LEFT], found=found))
    assert has(image, DETECTION_COLOUR, RIGHT)
    assert not has(image, DETECTION_COLOUR, LEFT)
    assert caption == "1 object that the model surely sees and nobody labelled (magenta)"


@pytest.mark.parametrize("rule", ["labels:classes", "labels:noise", "part:labels:noise"])
def test_of_wrong_classes_the_labels_that_the_model_contradicts_are_drawn_and_counted(rule: str) -> None:
    found = detections([LEFT, RIGHT], [2, 1])
    image, caption = shown(rule, drawable([LEFT, RIGHT], [1, 1], found))
    assert has(image, LABEL_COLOUR, LEFT)
    assert not has(image, LABEL_COLOUR, RIGHT)
    assert caption == "1 of 2 labels name another class than the model"


def test_without_a_detection_nothing_is_contradicted() -> None:
    _, caption = shown("labels:classes", drawable([LEFT], [1], detections([])))
    assert caption == "0 of 1 label name another class than the model"


def test_of_duplicates_the_doubles_alone_are_drawn() -> None:
    image, caption = shown("labels:duplicates", drawable([LEFT, [42.0, 60, 60, 60], RIGHT]))
    assert has(image, GIVEN_COLOUR, LEFT)
    assert not has(image, LABEL_COLOUR, RIGHT)
    assert caption == "1 object labelled again (dashed orange over green)"


def test_a_leaked_image_stands_beside_the_golden_one() -> None:
    white = encode(Image.new("RGB", (360, 180), "white"), "PNG")
    original = Beside(white, "golden 3.jpg", "a copy of golden image 3: mirrored")
    image, caption = shown("leak", drawable(), originals={"17.jpg": original})
    assert caption == "a copy of golden image 3: mirrored"
    pixels = np.asarray(image.convert("L"))
    assert image.width > image.height * 2
    assert pixels[100, 60] < 140
    assert pixels[100, -60] > 240


def test_a_copy_of_another_image_of_the_span_stands_beside_it_once() -> None:
    white = Drawable(record(360, 180), encode(Image.new("RGB", (360, 180), "white"), "PNG"))
    reason = Reason("repeated_images", "", "", passed=True, warning=True, images=("17.jpg", "18.jpg"))
    album = Album({"17.jpg": drawable(), "18.jpg": white}, NAMES, repeated={"17.jpg": "18.jpg"})
    [picture] = draw_pictures([reason], album)["repeated_images"]
    pixels = np.asarray(Image.open(io.BytesIO(picture.jpeg)).convert("L"))
    assert (pixels[100, 60] < 140, pixels[100, -60] > 240) == (True, True)


def test_a_drifted_image_stands_beside_a_usual_one_with_both_figures() -> None:
    white = encode(Image.new("RGB", (360, 180), "white"), "PNG")
    rule = "drift:qa/brightness"
    image, caption = shown(
        rule,
        drawable(),
        usual={rule: Beside(white, "9.jpg", "brightness 182")},
        figures={rule: {"17.jpg": "brightness 61"}},
    )
    assert caption == "brightness 61 on the left, brightness 182 on the right"
    assert np.asarray(image.convert("L"))[100, -60] > 240


def test_of_drifted_boxes_the_boxes_of_both_images_are_drawn() -> None:
    rule = f"drift:{features.QA_BOX_LOG_AREA}"
    usual = Beside(encode(GREY, "PNG"), "9.jpg", "", drawable([RIGHT]).record)
    image, _ = shown(rule, drawable([LEFT]), usual={rule: usual})
    title_px, scale = image.height - 120, 240 / 360
    assert has(image, LABEL_COLOUR, [LEFT[0] * scale, title_px + LEFT[1] * scale, 40, 40])
    assert has(image, LABEL_COLOUR, [246 + RIGHT[0] * scale, title_px + RIGHT[1] * scale, 40, 40])
    plain, _ = shown("drift:qa/brightness", drawable([LEFT]))
    assert not has(plain, LABEL_COLOUR, LEFT)


def test_what_follows_from_another_finding_is_not_drawn() -> None:
    follows = Reason("labels:size", "", "", passed=True, warning=True, images=("17.jpg",), cause="drift:qa/brightness")
    assert draw_pictures([follows], Album({"17.jpg": drawable()}, NAMES)) == {}


def sample(**images: list[float]) -> FeatureSample:
    count = len(next(iter(images.values())))
    return FeatureSample(
        images={f"qa/{name}": np.array(values) for name, values in images.items()},
        objects={features.QA_BOX_LOG_AREA: np.log([0.01, 0.03, 0.5])},
        labels=np.ones(3, np.int64),
        box_counts=np.array([2, 0, 1][:count]),
        embeddings=np.array([[9.0], [1.0], [5.0]], np.float32),
    )


def compared(feature: str, median: float) -> Comparison:
    side = Distribution((1.0,), edges=(0.0, 1.0), values=3, median=median)
    return Comparison(DRIFT, feature, "jensen shannon divergence", 0.5, 0.1, 0.0, side, side)


def test_the_usual_image_is_in_the_middle_of_the_training_data() -> None:
    images = sample(brightness=[50.0, 180.0, 120.0])
    assert usual_row(compared(features.QA_BRIGHTNESS, 170.0), images, np.empty((0, 1))) == 1
    assert usual_row(compared(features.QA_BOX_LOG_AREA, float(np.log(0.4))), images, np.empty((0, 1))) == 2
    assert usual_row(compared(EMBEDDING, 0.0), images, np.array([[0.0], [2.5]])) == 1
    assert usual_row(compared("source/camera", 0.0), images, np.empty((0, 1))) is None


def test_the_figure_of_an_image_is_told_in_its_unit() -> None:
    images = sample(brightness=[50.0, 180.0, 120.0])
    assert figures_of(features.QA_BRIGHTNESS, images)[0] == "brightness 50"
    areas = figures_of(features.QA_BOX_LOG_AREA, images)
    assert areas == ["size of the boxes 1.73 %", "", "size of the boxes 50 %"]
