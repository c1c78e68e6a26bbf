from __future__ import annotations

import types

import numpy as np
import pytest

from ratchet.components.trainer.images.augmentation import AUGMENTATIONS, Augmentation, RandAugment
from tests.components.trainer.images.augmenting import augmented, in_px, red_extent, resized, scene

pytestmark = pytest.mark.tensorflow
SIZE = (64, 64)
GREY = 128
GEOMETRIC = [name for name in RandAugment().operations if name.endswith("_BBox")]


def only(*operations: str, **options: float) -> Augmentation:
    return Augmentation(rand_augment=RandAugment(operations=operations, **options))  # pyright: ignore


def extent(image: np.ndarray) -> np.ndarray:
    box = red_extent(image)
    assert box is not None
    return box


@pytest.mark.parametrize("operation", GEOMETRIC)
def test_an_object_stays_under_its_box(operation: str) -> None:
    image, boxes = scene(*SIZE, (24, 24, 40, 44))
    results = augmented(only(operation), SIZE, image, boxes, range(16))
    shifted = [(result, box) for result, [box] in results if (result != image).any()]
    assert 0 < len(shifted) < 16
    assert len({box.tobytes() for _, box in shifted}) == 2  # this way and the other
    for result, box in shifted:
        np.testing.assert_allclose(in_px(box, result), extent(result), atol=2.01)


@pytest.mark.parametrize("operation", ["TranslateX_BBox", "TranslateY_BBox"])
def test_what_a_shift_uncovers_shows_no_second_object(operation: str) -> None:
    image, boxes = scene(*SIZE, (2, 2, 10, 10))
    for result, [box] in augmented(only(operation), SIZE, image, boxes, range(12)):
        np.testing.assert_allclose(in_px(box, result), extent(result), atol=1.01)
        assert (result == image).all() or (result == GREY).all(-1).sum() == 8 * 64


@pytest.mark.parametrize("operation", ["TranslateX_BBox", "TranslateY_BBox"])
def test_an_object_that_is_moved_out_of_the_image_has_an_empty_box(operation: str) -> None:
    image, boxes = scene(*SIZE, (20, 20, 40, 40))
    policy = only(operation, translate=0.75, magnitude=10.0)
    results = augmented(policy, SIZE, image, boxes, range(12))
    gone = [box for result, [box] in results if red_extent(result) is None]
    assert 0 < len(gone) < 12
    assert all((box[2:] - box[:2]).min() <= 0 for box in gone)
    assert len({box.tobytes() for box in gone}) == 2  # out at either side


def test_images_are_changed_and_boxes_stay_valid() -> None:
    image, boxes = scene(48, 64, (4, 4, 20, 20), (30, 40, 46, 62), (0, 0, 48, 64))
    image[-4:] = np.arange(256, dtype=np.uint8).reshape(4, 64, 1)  # every value, to be kept where nothing is drawn
    results = augmented(AUGMENTATIONS["randaugment-v1"], SIZE, image, boxes, range(60))
    assert all(result.dtype == np.uint8 and result.shape == image.shape for result, _ in results)
    changed = [(result != image).any() for result, _ in results]
    assert 40 < sum(changed) < 60
    assert len({result.tobytes() for result, _ in results}) >= 15
    for _, moved in results:
        assert (moved >= 0).all()
        assert (moved <= 1).all()
        assert (moved[:, 2:] >= moved[:, :2]).all()


def test_each_operation_is_drawn_about_equally_often() -> None:
    image, boxes = scene(*SIZE, (24, 24, 40, 44))
    results = augmented(only("Invert", "TranslateX_BBox"), SIZE, image, boxes, range(300))
    inverted = sum((result == 255 - image).all() for result, _ in results)
    same = sum((result == image).all() for result, _ in results)
    for count in (inverted, same, 300 - inverted - same):  # one in three is left as it is
        assert 67 < count < 133  # four standard deviations


def test_a_cutout_and_a_shift_are_fractions_of_the_model_input() -> None:
    for size, shift, hole in ((64, 8, 6), (128, 16, 12)):
        image, boxes = scene(32, 32)  # brought to the model's size first
        moved = augmented(only("TranslateX_BBox"), (size, size), image, boxes, range(6))
        assert {int((result == GREY).all(-1).sum()) for result, _ in moved} == {0, shift * size}
        cut = augmented(only("Cutout"), (size, size), image, boxes, range(20))
        assert max((result == GREY).all(-1).sum() for result, _ in cut) == hole**2


def test_a_resized_image_is_rounded_not_cut_to_whole_values() -> None:
    image = np.random.default_rng(1).integers(0, 256, (24, 40, 3), dtype=np.uint8)
    expected = resized(image, 38, 64)
    results = augmented(only("Invert"), SIZE, image, np.zeros([0, 4]), range(8))
    kept = [result for result, _ in results if abs(result - expected).max() < 2]
    assert 0 < len(kept) < 8
    assert abs(kept[0] - expected).max() < 0.501


def test_eager_and_traced_calls_draw_alike() -> None:
    import tensorflow as tf

    from ratchet.components.trainer.images.augment import augment

    policy = only("Cutout", "TranslateX_BBox", layers=2)
    image, boxes = scene(*SIZE, (24, 24, 40, 44))
    for seed, (result, moved) in enumerate(augmented(policy, SIZE, image, boxes, range(3))):
        eager, moved_eagerly = augment(tf.constant(image), tf.constant(boxes), tf.constant([5, seed]), policy, SIZE)
        np.testing.assert_array_equal(eager, result)
        np.testing.assert_array_equal(moved_eagerly, moved)


def test_tf_models_own_module_is_left_alone() -> None:
    import tensorflow as tf
    from official.vision.ops import augment

    image, boxes = scene(*SIZE, (24, 24, 40, 44))
    before = (augment.transform, augment._check_bbox_area)
    augmented(only("TranslateY_BBox", layers=2), SIZE, image, boxes, [0])
    assert augment.tf is tf
    assert (augment.transform, augment._check_bbox_area) == before


def test_another_tf_models_without_what_is_replaced_is_refused() -> None:
    from ratchet.components.stack.tf_models import _replace

    with pytest.raises(AttributeError, match="has no _check_bbox_area"):
        _replace(types.ModuleType("augment"), "_check_bbox_area", None)


def test_operations_are_those_tf_models_builds_for_detection() -> None:
    from official.vision.ops import augment

    assert augment.RandAugment.build_for_detection().available_ops == list(RandAugment().operations)
