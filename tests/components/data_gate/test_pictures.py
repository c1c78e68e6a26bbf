"""What each rule's pictures show: boxes of the right kind where a fault is, and a caption with what to see."""

from __future__ import annotations

import dataclasses
import io
from typing import Any

import numpy as np
import pytest
from PIL import Image

from ratchet.components.data_gate.fault_layers import Album, Beside, Drawable
from ratchet.components.data_gate.pictures import draw_pictures
from ratchet.components.data_gate.usual import figures_of, labelled_alike, usual_rows
from ratchet.schemas.artifacts.data_evidence import (
    DRIFT,
    EMBEDDING,
    Comparison,
    DataPictures,
    Distribution,
    Picture,
    View,
)
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


def pictures(rule: str, image: Drawable, actual: str = "", **parts: Any) -> DataPictures:
    reason = Reason(rule, "", actual, images=("17.jpg",))
    return draw_pictures([reason], Album({"17.jpg": image}, NAMES, **parts))


def shown(rule: str, image: Drawable, actual: str = "", **parts: Any) -> tuple[View, str]:
    [picture] = pictures(rule, image, actual, **parts).pictures[rule]
    return picture.views[0], picture.caption


def has(view: View, layer: str, box: list[float]) -> bool:
    """Whether a layer has a box."""
    return any(each.name == layer and tuple(box) in each.boxes_xywh_px for each in view.layers)


def grey(view: View) -> float:
    """How bright an image is."""
    return float(np.asarray(Image.open(io.BytesIO(view.jpeg)).convert("L")).mean())


def test_boxes_that_are_no_boxes_are_drawn_as_given_and_as_they_may_be_meant() -> None:
    # [40, 60, 100, 120] is meant as corners; at its word it ends at 140, 180.
    bad = BadBox("17.jpg", (40.0, 60.0, 100.0, 120.0), (240.0, 60.0, 60.0, 60.0))
    other = BadBox("18.jpg", (0.0, 0.0, 9.0, 9.0))
    image, caption = shown("boxes:sound", drawable(), bad_boxes=(bad, other))
    assert has(image, "given", [40, 60, 100, 120])
    assert has(image, "read", RIGHT)
    assert caption == "1 bad box as given, and read otherwise"


def test_boxes_of_negative_sides_are_drawn_and_those_of_no_numbers_are_not() -> None:
    bad = [BadBox("17.jpg", box) for box in ((100.0, 120.0, -60.0, -60.0), (float("nan"), 0.0, 9.0, 9.0))]
    image, _ = shown("boxes:sound", drawable(), bad_boxes=tuple(bad))
    assert [layer.boxes_xywh_px for layer in image.layers if layer.name == "given"] == [(tuple(LEFT),)]


def test_a_picture_is_a_small_copy_in_whose_own_size_the_boxes_are_given() -> None:
    image, _ = shown("labels:size", drawable([LEFT], found=detections([LEFT])))
    assert (image.size_px, Image.open(io.BytesIO(image.jpeg)).size) == ((360, 180), (480, 240))


def test_labels_that_need_another_reading_are_drawn_in_both() -> None:
    corners = [40.0, 60, 100, 120]  # as corners it is LEFT
    image, caption = shown(
        "labels:reading", drawable([corners], found=detections([LEFT])), "fit only if read as [x1, y1, x2, y2]"
    )
    assert has(image, "given", corners)
    assert has(image, "read", LEFT)
    assert caption.startswith("boxes as given, read as [x1, y1, x2, y2], and")


def test_labels_of_another_image_size_are_drawn_as_they_are_and_as_they_are_meant() -> None:
    half = [side / 2 for side in LEFT]
    width, height = drawable([half]).record.width_px // 2, drawable([half]).record.height_px // 2
    words = f"fit only if taken for boxes drawn on an image of about {width}x{height} px, 0.5 of the file's"
    image, caption = shown("labels:reading", drawable([half]), words)
    assert has(image, "given", half)
    assert has(image, "read", LEFT)
    assert f"about {width}x{height} px" in caption


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
    assert has(image, "labels", label)
    assert not has(image, "detections", RIGHT)  # which says nothing of how labels are drawn
    assert words in caption


def test_of_missing_labels_only_what_has_none_is_drawn_as_detected() -> None:
    again = [RIGHT[0] + 4, *RIGHT[1:]]  # a second detection of the same object, and one that is not sure
    found = detections([LEFT, RIGHT, again, [140.0, 60, 60, 60]], scores=[0.9, 0.9, 0.8, 0.4])
    image, caption = shown("labels:missing", drawable([LEFT], found=found))
    assert has(image, "detections", RIGHT)
    assert not has(image, "detections", LEFT)
    assert caption == "1 object that the model surely sees and nobody labelled"


@pytest.mark.parametrize("rule", ["labels:classes", "labels:noise", "part:labels:noise"])
def test_of_wrong_classes_the_labels_that_the_model_contradicts_are_drawn_and_counted(rule: str) -> None:
    found = detections([LEFT, RIGHT], [2, 1])
    image, caption = shown(rule, drawable([LEFT, RIGHT], [1, 1], found))
    assert has(image, "labels", LEFT)
    assert not has(image, "labels", RIGHT)
    assert caption == "1 of 2 labels name another class than the model"


def test_without_a_detection_nothing_is_contradicted() -> None:
    _, caption = shown("labels:classes", drawable([LEFT], [1], detections([])))
    assert caption == "0 of 1 label name another class than the model"


def test_of_duplicates_the_doubles_alone_are_drawn() -> None:
    image, caption = shown("labels:duplicates", drawable([LEFT, [42.0, 60, 60, 60], RIGHT]))
    assert has(image, "given", [42.0, 60, 60, 60])
    assert not has(image, "labels", RIGHT)
    assert caption == "1 object labelled twice"


def white(name: str = "9.jpg") -> Drawable:
    image = dataclasses.replace(record(360, 180), file_name=name, truth=ground_truth([RIGHT], [2]))
    return Drawable(image, encode(Image.new("RGB", (360, 180), "white"), "PNG"))


def beside(title: str, caption: str, **fields: Any) -> Beside:
    return Beside(white().encoded, title, white().record, caption, **fields)


def sides(picture: Picture) -> list[tuple[str, bool]]:
    """Title of each view, and whether it is white."""
    return [(view.title, grey(view) > 240) for view in picture.views]


def test_a_leaked_image_stands_beside_the_golden_one() -> None:
    original = beside("golden 3.jpg", "a copy of golden image 3: mirrored")
    [picture] = pictures("leak", drawable(), originals={"17.jpg": original}).pictures["leak"]
    assert picture.caption == "a copy of golden image 3: mirrored"
    assert sides(picture) == [("this span", False), ("golden 3.jpg", True)]


def test_a_copy_of_another_image_of_the_span_stands_beside_it_once() -> None:
    reason = Reason("repeated_images", "", "", passed=True, warning=True, images=("17.jpg", "18.jpg"))
    album = Album({"17.jpg": drawable(), "18.jpg": white("18.jpg")}, NAMES, repeated={"17.jpg": "18.jpg"})
    [picture] = draw_pictures([reason], album).pictures["repeated_images"]
    assert sides(picture) == [("17.jpg", False), ("18.jpg", True)]


def test_drifted_images_stand_beside_training_images_with_their_figures() -> None:
    rule = "drift:qa/brightness"
    usual = {rule: [beside("training image of span 2", "brightness 182")]}
    drawn = pictures(rule, drawable([LEFT]), usual=usual, figures={rule: {"17.jpg": "brightness 61"}})
    [found], [training] = drawn.pictures[rule], drawn.usual[rule]
    assert [(each.caption, sides(each)) for each in (found, training)] == [
        ("brightness 61", [("", False)]),
        ("brightness 182", [("training image of span 2", True)]),
    ]
    assert not found.views[0].layers  # which are no matter of light


def test_of_drifted_boxes_the_boxes_of_both_images_are_drawn() -> None:
    rule = f"drift:{features.QA_BOX_LOG_AREA}"
    drawn = pictures(rule, drawable([LEFT]), usual={rule: [beside("golden image", "")]})
    assert has(drawn.pictures[rule][0].views[0], "labels", LEFT)
    assert has(drawn.usual[rule][0].views[0], "labels", RIGHT)


def test_beside_contradicted_labels_stand_labels_of_the_same_classes_with_their_names() -> None:
    usual = {"labels:classes": [beside("training image of span 2", "1 label", class_names=NAMES)]}
    drawn = pictures("labels:classes", drawable([LEFT], [2], detections([LEFT], [1])), usual=usual)
    assert drawn.usual["labels:classes"][0].views[0].layers[0].texts == ("dog",)


def test_what_follows_from_another_finding_is_not_drawn() -> None:
    follows = Reason("labels:size", "", "", passed=True, warning=True, images=("17.jpg",), cause="drift:qa/brightness")
    assert draw_pictures([follows], Album({"17.jpg": drawable()}, NAMES)) == DataPictures({})


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


def test_the_usual_images_are_in_the_middle_of_the_training_data() -> None:
    images = sample(brightness=[50.0, 180.0, 120.0])
    none = np.empty((0, 1))
    assert usual_rows(compared(features.QA_BRIGHTNESS, 170.0), images, none, most=2) == [1, 2]
    assert usual_rows(compared(features.QA_BOX_LOG_AREA, float(np.log(0.4))), images, none, most=3) == [2, 0]
    assert usual_rows(compared(EMBEDDING, 0.0), images, np.array([[0.0], [2.5]]), most=1) == [1]
    assert usual_rows(compared("source/camera", 0.0), images, none, most=3) == []


def test_images_with_most_of_the_same_classes_are_shown_beside() -> None:
    records = [
        dataclasses.replace(record(), truth=ground_truth([LEFT] * len(labels), labels)) for labels in ([1], [2, 1], [])
    ]
    assert labelled_alike(records, NAMES, {"cat", "dog"}, most=3) == [1, 0]
    assert labelled_alike(records, NAMES, {"bird"}, most=3) == []


def test_the_figure_of_an_image_is_told_in_its_unit() -> None:
    images = sample(brightness=[50.0, 180.0, 120.0])
    assert figures_of(features.QA_BRIGHTNESS, images)[0] == "brightness 50"
    areas = figures_of(features.QA_BOX_LOG_AREA, images)
    assert areas == ["size of the boxes 1.73 %", "", "size of the boxes 50 %"]
