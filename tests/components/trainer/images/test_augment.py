from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ratchet.components.trainer.images.augmentation import AUGMENTATIONS, Augmentation, Light
from tests.components.trainer.images.augmenting import augmented, in_px, red_extent, resized, scene, traced

pytestmark = pytest.mark.tensorflow
MEAN = np.array([0.485, 0.456, 0.406])  # what tf-models' parser subtracts
OUTPUT = (32, 32)
JITTER = Augmentation(scale_min=0.7, scale_max=1.3)
MIXED = [AUGMENTATIONS["flip-scale-light-v1"], AUGMENTATIONS["flip-scale-randaugment-v1"]]


def noise(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(1).integers(0, 256, (height, width, 3), dtype=np.uint8)


def parsed(image: np.ndarray, boxes: np.ndarray, classes: list[int]) -> tuple[np.ndarray, set[int]]:
    """What tf-models' parser makes of it: the image and the classes that anchors are given."""
    import tensorflow as tf
    from official.vision.dataloaders.retinanet_input import Parser

    parser = Parser(
        list(OUTPUT), 3, 4, num_scales=1, aspect_ratios=[1.0], anchor_size=1.0, dtype="float32", aug_rand_hflip=False
    )
    data = {
        "image": tf.constant(image),
        "groundtruth_boxes": tf.constant(boxes, tf.float32),
        "groundtruth_classes": tf.constant(classes, tf.int64),
        "groundtruth_is_crowd": tf.zeros([len(classes)], tf.bool),
    }
    result, labels = parser._parse_train_data(data)
    found = np.concatenate([level.numpy().ravel() for level in labels["cls_targets"].values()])
    return result.numpy(), {int(value) for value in found if value > 0}


def test_the_policy_none_returns_what_it_was_given() -> None:
    image, boxes = scene(45, 77, (10, 20, 30, 50))
    [(same, moved)] = augmented(AUGMENTATIONS["none-v1"], OUTPUT, image, boxes, [0])
    assert same.dtype == np.uint8
    np.testing.assert_array_equal(same, image)
    np.testing.assert_array_equal(moved, boxes)


@pytest.mark.parametrize("policy", [AUGMENTATIONS["flip-v1"], JITTER, Augmentation(True, 0.5, 2.5)])
@pytest.mark.parametrize("size", [(24, 48), (90, 60)])
def test_an_object_stays_under_its_box(policy: Augmentation, size: tuple[int, int]) -> None:
    height, width = size
    image, boxes = scene(height, width, (height // 6, width // 2, height // 2, width - 6))
    lost = 0
    for result, [box] in augmented(policy, (48, 48), image, boxes, range(40)):
        extent = red_extent(result)
        lost += extent is None
        if extent is None:
            assert (in_px(box, result)[2:] - in_px(box, result)[:2]).min() <= 1
        else:
            np.testing.assert_allclose(in_px(box, result), extent, atol=1.01)
    assert lost < 40


def test_half_of_the_images_are_mirrored() -> None:
    image, boxes = scene(32, 32, (4, 2, 20, 10))
    results = augmented(AUGMENTATIONS["flip-v1"], OUTPUT, image, boxes, range(400))
    mirrored = [box[1] > 0.5 for _, [box] in results]
    assert 160 < sum(mirrored) < 240  # four standard deviations
    for (result, _), is_mirrored in zip(results, mirrored):
        np.testing.assert_allclose(result * 255, image[:, ::-1] if is_mirrored else image, atol=1e-3)


def place(box: np.ndarray, whole: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Size of the scaled image and offset of the crop, both yx in px, from what became of a box in its middle."""
    top_left, bottom_right = box[:2] * OUTPUT, box[2:] * OUTPUT
    size = (bottom_right - top_left) / (whole[2:] - whole[:2])
    np.testing.assert_allclose(size, np.round(size), atol=1e-3)
    return np.round(size).astype(int), np.round(whole[:2] * np.round(size) - top_left).astype(int)


@pytest.mark.parametrize("size", [(20, 30), (80, 61)])
def test_a_drawn_scale_resizes_then_crops_or_pads_with_the_mean(size: tuple[int, int]) -> None:
    image, middle = noise(*size), np.array([[0.45, 0.45, 0.55, 0.55]])
    for result, [box] in augmented(JITTER, OUTPUT, image, middle, range(25)):
        (height, width), (top, left) = place(box, middle[0])
        expected = np.broadcast_to(MEAN, (*OUTPUT, 3)).copy()
        seen = resized(image, height, width)[top : top + OUTPUT[0], left : left + OUTPUT[1]] / 255
        expected[: seen.shape[0], : seen.shape[1]] = seen
        np.testing.assert_allclose(result, expected, atol=1e-5)


def test_scales_and_crops_are_spread_evenly_over_their_range() -> None:
    image, middle = noise(40, 20), np.array([[0.45, 0.45, 0.55, 0.55]])
    places = [place(box, middle[0]) for _, [box] in augmented(JITTER, OUTPUT, image, middle, range(400))]
    heights = np.array([size[0] for size, _ in places])
    assert heights.min() == 22 or heights.min() == 23  # of 32 that just fit: 0.7 and 1.3 times
    assert heights.max() == 41 or heights.max() == 42
    np.testing.assert_allclose(heights.mean(), 32, atol=1.2)  # four standard errors
    np.testing.assert_allclose(np.quantile(heights, [0.25, 0.75]), [27.2, 36.8], atol=1.5)
    tops = {offset[0] for size, offset in places if size[0] == 40}
    assert tops <= set(range(9))
    assert len(tops) >= 4
    shares = [offset[0] / (size[0] - 32) for size, offset in places if size[0] > 34]
    assert min(shares) == 0
    assert max(shares) == 1
    np.testing.assert_allclose(np.mean(shares), 0.5, atol=0.11)
    assert all(offset[1] == 0 for _, offset in places)  # narrower than the input at every scale


def test_the_parser_leaves_the_canvas_as_it_is_and_its_padding_zero() -> None:
    image, boxes = scene(40, 20, (4, 4, 36, 16))
    for result, moved in augmented(JITTER, OUTPUT, image, boxes, range(5)):
        seen, _ = parsed(result, moved, [1])
        np.testing.assert_allclose(seen, (result - MEAN) / [0.229, 0.224, 0.225], atol=1e-5)
        assert (seen[:, 24:] == 0).all()  # 20 of 40 px at 1.3 times 32 px is 21


def test_the_parser_drops_what_was_cropped_away_with_its_class() -> None:
    image, boxes = scene(32, 32, (1, 1, 8, 8), (24, 24, 31, 31))
    seen = []
    for result, moved in augmented(Augmentation(scale_min=2.0, scale_max=2.0), OUTPUT, image, boxes, range(10)):
        inside = {label for label, box in zip((3, 5), moved) if (box[2:] > box[:2]).all()}
        _, classes = parsed(result, moved, [3, 5])
        assert classes == inside
        seen.append(frozenset(inside))
    assert len(set(seen)) > 1


@pytest.mark.parametrize("policy", [Augmentation(light=Light(1, 1, 1, 1)), Augmentation(True)])
@pytest.mark.parametrize("size", [(45, 77), (20, 11), (32, 32)])
def test_without_a_random_scale_an_image_is_resized_as_it_is_served(policy: Augmentation, size: Any) -> None:
    image, boxes = noise(*size), np.array([[0.2, 0.1, 0.6, 0.4]])
    served, _ = parsed(image, boxes, [1])
    results = augmented(policy, OUTPUT, image, boxes, range(8))
    kept = [(result, moved) for result, moved in results if moved[0, 1] < 0.25]
    assert kept
    seen, _ = parsed(*kept[0], [1])
    np.testing.assert_allclose(seen, served, atol=2e-5)
    np.testing.assert_allclose(kept[0][1], boxes, atol=1e-6)


def test_light_is_a_factor_of_brightness_and_one_of_contrast_about_the_mean() -> None:
    image = np.linspace(100, 160, 64).astype(np.uint8).reshape(8, 8, 1).repeat(3, 2)
    values = image / 255
    drawn = []
    for result, _ in augmented(AUGMENTATIONS["light-v1"], (8, 8), image, np.zeros([0, 4]), range(200)):
        gain = result.mean() / values.mean()
        contrast = result.std() / values.std() / gain
        np.testing.assert_allclose(result, gain * (values.mean() + contrast * (values - values.mean())), atol=1e-5)
        drawn.append((gain, contrast))
    drawn = np.array(drawn)
    assert (drawn > 0.699).all()
    assert (drawn < 1.301).all()
    assert (drawn.min(0) < 0.73).all()
    assert (drawn.max(0) > 1.27).all()
    np.testing.assert_allclose(drawn.mean(0), 1, atol=0.05)
    assert abs(np.corrcoef(drawn.T)[0, 1]) < 0.28


def test_light_stays_within_what_a_pixel_can_be() -> None:
    image = noise(16, 16)
    results = [x for x, _ in augmented(AUGMENTATIONS["light-v1"], (16, 16), image, np.zeros([0, 4]), range(20))]
    assert np.min(results) == 0
    assert np.max(results) == 1


@pytest.mark.parametrize("policy", MIXED)
def test_a_seed_decides_everything_whatever_the_order_and_parallelism(policy: Augmentation) -> None:
    import tensorflow as tf

    image, boxes = scene(40, 60, (10, 10, 30, 25), (5, 40, 35, 55))
    image = np.maximum(image, noise(40, 60) // 4)
    run = traced(policy, OUTPUT)

    def dataset(seeds: list[int], parallel: int | None) -> Any:
        rows = tf.data.Dataset.from_tensor_slices(np.array([[5, seed] for seed in seeds]))
        return rows.map(lambda seed: run(image, boxes, seed), num_parallel_calls=parallel).as_numpy_iterator()

    alone = augmented(policy, OUTPUT, image, boxes, range(24))
    together = reversed(list(dataset(list(reversed(range(24))), 4)))
    for (image_a, boxes_a), (image_b, boxes_b) in zip(alone, together):
        np.testing.assert_array_equal(image_a, image_b)
        np.testing.assert_array_equal(boxes_a, boxes_b)
    assert len({result.tobytes() for result, _ in alone}) == 24


@pytest.mark.parametrize("policy", MIXED)
def test_nothing_is_drawn_from_a_generator_with_a_state(policy: Augmentation) -> None:
    assert stateful_draws(traced(policy, OUTPUT).get_concrete_function()) == set()


def test_the_guard_against_stateful_draws_can_fail() -> None:
    import tensorflow as tf
    from official.vision.ops.augment import RandAugment

    augmenter = RandAugment(exclude_ops=[op for op in RandAugment().available_ops if op != "Invert"])
    run = tf.function(augmenter.distort, autograph=False)
    assert stateful_draws(run.get_concrete_function(tf.TensorSpec([8, 8, 3], tf.uint8))) >= {"RandomUniformInt"}


def stateful_draws(function: Any) -> set[str]:
    graph = function.graph.as_graph_def()
    nodes = [*graph.node, *(node for part in graph.library.function for node in part.node_def)]
    return {node.op for node in nodes if node.op.startswith(("Random", "Multinomial", "Rng"))}


@pytest.mark.parametrize("policy", MIXED)
def test_an_image_without_objects_is_augmented_too(policy: Augmentation) -> None:
    [(result, boxes)] = augmented(policy, OUTPUT, noise(20, 30), np.zeros([0, 4]), [0])
    assert result.shape == (*OUTPUT, 3)
    assert result.dtype == np.float32
    assert boxes.shape == (0, 4)


@pytest.mark.parametrize("policy", MIXED)
def test_the_size_with_a_random_scale_is_known_before_it_runs(policy: Augmentation) -> None:
    image, boxes = traced(policy, OUTPUT).get_concrete_function().structured_outputs
    assert image.shape.as_list() == [*OUTPUT, 3]
    assert boxes.shape.as_list() == [None, 4]
