from __future__ import annotations

import numpy as np

from ratchet.components.data_gate.coping import coping_of
from ratchet.components.labels.profile import Profile
from ratchet.schemas.data.columns import DetectionColumns, TruthColumns

IMAGES = 30
PLACES = np.array([[10.0 + 60 * column, 10, 40, 40] for column in range(3)])


def profile(lost: float = 0.0, extra: float = 0.0, label: int = 1, unknown: bool = False) -> Profile:
    """Three objects an image; the model misses a share of them, and sees as much more that nobody labelled."""
    boxes, image = np.tile(PLACES, (IMAGES, 1)), np.repeat(np.arange(IMAGES), 3)
    labels = np.ones(len(boxes), np.int64)
    truth_labels = np.where(np.arange(len(boxes)) % 3 == 2, -1, labels) if unknown else labels
    truth = TruthColumns(image, boxes, truth_labels, boxes[:, 2] * boxes[:, 3], np.zeros(len(boxes), np.bool_))
    found = np.arange(len(boxes)) >= round(lost * len(boxes))
    counted = np.floor(np.arange(len(boxes) + 1) * extra)
    more = counted[1:] > counted[:-1]  # evenly in all images
    found_boxes = np.concatenate([boxes[found] + 2, boxes[more] + [0, 100, 0, 0]])
    return Profile(
        file_names=tuple(f"{number}.png" for number in range(IMAGES)),
        sizes_px=np.full((IMAGES, 2), 200.0),
        truth=truth,
        found=DetectionColumns(
            np.concatenate([image[found], image[more]]),
            found_boxes,
            np.full(len(found_boxes), label),
            np.full(len(found_boxes), 0.8),
        ),
    )


def copes(span: Profile) -> bool:
    found = coping_of(span, profile(lost=0.1), 0.1)
    assert found is not None
    return found.copes


def test_a_model_copes_where_it_does_as_on_the_golden_set() -> None:
    assert copes(profile(lost=0.12))


def test_it_does_not_where_it_finds_less() -> None:
    assert not copes(profile(lost=0.4))


def test_it_does_not_where_it_sees_what_nobody_labelled() -> None:
    assert not copes(profile(extra=0.5))


def test_it_does_not_where_objects_are_labelled_as_something_else() -> None:
    assert not copes(profile(label=2))


def test_what_it_sees_where_a_new_class_is_labelled_is_not_held_against_it() -> None:
    found = coping_of(profile(unknown=True), profile(), 0.1)
    assert found is not None
    assert (found.span.precision, found.span.recall) == (1.0, 1.0)
    assert found.copes


def test_nothing_is_said_of_a_model_that_finds_nothing_on_the_golden_set_or_of_few_labels() -> None:
    assert coping_of(profile(), profile(lost=1.0), 0.1) is None
    few = profile()
    one = Profile(few.file_names, few.sizes_px, TruthColumns.of([]), few.found)
    assert coping_of(one, profile(), 0.1) is None


def test_an_image_is_held_against_golden_ones_that_look_like_it() -> None:
    hard = profile(lost=0.5)  # what the first half of the golden set shows is not found
    looks = np.concatenate([np.zeros((IMAGES // 2, 4)), np.ones((IMAGES // 2, 4))])
    looks = looks + 0.01 * np.random.default_rng(0).normal(size=looks.shape)
    of_hard = coping_of(profile(lost=1.0), hard, 0.1, looks[np.zeros(IMAGES, int)], looks)
    of_easy = coping_of(profile(lost=0.6), hard, 0.1, looks[np.full(IMAGES, -1)], looks)
    assert of_hard is None or of_hard.copes
    assert of_easy is not None
    assert not of_easy.copes
