"""Images in groups: attributes as they are, many numbers in ranges, and what is in the images."""

from __future__ import annotations

import numpy as np

from ratchet.components.metrics.image_errors import ImageErrors
from ratchet.components.review.image_slices import names_of_slices, slice_errors, values_of_images
from ratchet.schemas.artifacts.evaluation import CANDIDATE
from ratchet.schemas.data.columns import DetectionColumns
from tests.builders import detections, ground_truth
from tests.components.review.golden import image, table_of

SMALL, LARGE = [10, 10, 20, 20], [100, 100, 200, 200]


def table(*boxes: list[list[int]]):
    records = [image(number, ground_truth(each, [1] * len(each))) for number, each in enumerate(boxes, start=1)]
    return table_of(records, DetectionColumns.of([detections([])] * len(records)))


def test_few_values_are_slices_and_one_value_or_many_names_are_none() -> None:
    count = 20
    attributes = {
        "camera": np.array(["north", "south"] * 10),
        "site": np.array(["here"] * count),
        "operator": np.array([f"person {number}" for number in range(count)]),
    }
    assert list(values_of_images(attributes, table(*[[SMALL]] * count))) == ["camera"]


def test_many_numbers_are_three_ranges_in_their_order() -> None:
    values = values_of_images({"brightness": np.array([str(number) for number in range(30)])}, table(*[[SMALL]] * 30))
    zeros = ImageErrors(np.zeros(30), np.zeros(30))
    found = slice_errors(values, {CANDIDATE: zeros})
    assert [each.value for each in found] == ["up to 9.667", "9.667 to 19.33", "above 19.33"]
    assert [each.images for each in found] == [10, 10, 10]


def test_images_are_grouped_by_how_many_objects_they_have_and_how_large_most_are() -> None:
    values = values_of_images({}, table([SMALL], [SMALL, LARGE, LARGE], [], [LARGE] * 12))
    assert values["objects in the image"].tolist() == ["1", "2 to 4", "none", "10 to 29"]
    assert values["most objects are"].tolist() == ["small", "large", "", "large"]
    assert names_of_slices(values, 2) == ("objects in the image: none",)


def test_errors_of_a_slice_are_a_mean_over_its_images() -> None:
    values = {"camera": np.array(["north", "south", "north", ""])}
    errors = ImageErrors(np.array([1.0, 5.0, 3.0, 9.0]), np.array([0.5, 0.0, 0.0, 9.0]))
    north, south = slice_errors(values, {CANDIDATE: errors})
    assert (north.attribute, north.value, north.images) == ("camera", "north", 2)
    assert (north.errors[CANDIDATE].missed, north.errors[CANDIDATE].false) == (2.0, 0.25)
    assert south.errors[CANDIDATE].total == 5.0
