"""What of a proposal follows from the data, and what from the machine."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from ratchet.components.trainer.model.anchor_fit import measure
from ratchet.pipeline.config.proposal.choices import (
    Architecture,
    bootstrap_steps,
    mirror_sensitive,
    scaled_rate,
    starting_point,
)
from ratchet.pipeline.config.proposal.figures import DataFigures
from ratchet.pipeline.config.proposal.machine import Machine
from ratchet.pipeline.config.proposal.starting_points import MIB, MOBILE, RESNET50, TINY, StartingPoint
from tests.pipeline.config.proposal.figures import DIGITS, GIB, GPU, LAPTOP, STREET, SURVEY, figures, fitted, scattered


def test_small_images_get_the_small_model_and_photographs_another() -> None:
    assert starting_point(DIGITS, LAPTOP) is TINY
    assert starting_point(DIGITS, GPU) is TINY
    assert starting_point(STREET, LAPTOP) is MOBILE
    assert starting_point(STREET, GPU) is RESNET50


def test_digits_are_shown_as_they_are() -> None:
    found = fitted(DIGITS)
    assert (found.input_size, found.min_level, found.max_level, found.batch) == ((128, 128), 3, 4, 16)
    assert found.coverage.covered > 0.97
    assert all(abs(ratio - 0.67) < 0.02 for ratio in found.anchors.aspect_ratios)


@pytest.mark.parametrize("data", [DIGITS, STREET, SURVEY])
@pytest.mark.parametrize("machine", [LAPTOP, GPU])
def test_the_input_is_a_multiple_of_its_coarsest_stride_and_has_the_images_shape(
    data: DataFigures, machine: Machine
) -> None:
    found = fitted(data, machine)
    height, width = found.input_size
    assert height % 2**found.max_level == 0
    assert width % 2**found.max_level == 0
    image_height, image_width = data.median_image_px
    assert width / height == pytest.approx(image_width / image_height, rel=0.15)


def test_small_objects_in_large_images_get_the_largest_input_and_a_finer_level() -> None:
    found = fitted(SURVEY)
    assert found.input_size == (768, 1024)
    assert found.min_level == 2
    assert found.small_px < 16


def test_large_objects_need_neither() -> None:
    found = fitted(figures((3000, 4000), scattered(1200, 2500)))
    assert max(found.input_size) == 256
    assert found.min_level == 3


def test_the_coarsest_level_follows_the_large_objects() -> None:
    small, large = (fitted(figures((1024, 1024), scattered(32, px))).max_level for px in (60, 900))
    assert small < large


def test_the_coverage_that_is_told_is_that_of_the_anchors() -> None:
    found = fitted(STREET)
    boxes = STREET.shapes.letterboxed_px(found.input_size)
    assert found.coverage == measure(found.anchors, boxes, found.levels)
    # An independent look: the best anchor of any level, at the object's own place, is never worse.
    sizes = np.concatenate([_sizes(found, level) for level in found.levels])
    common = np.minimum(boxes[:, None], sizes[None]).prod(axis=2)
    best = (common / (boxes.prod(axis=1)[:, None] + sizes.prod(axis=1)[None] - common)).max(axis=1)
    assert (best >= 0.5).mean() >= found.coverage.covered > 0.9


def _sizes(found: Architecture, level: int) -> np.ndarray:
    from ratchet.components.trainer.model.anchor_fit import anchor_sizes_px

    return anchor_sizes_px(found.anchors, level)


def test_less_memory_gives_smaller_batches_and_then_a_smaller_input() -> None:
    machines = [Machine(round(gib * GIB), 4) for gib in (24, 12, 5)]
    found = [fitted(SURVEY, machine) for machine in machines]
    takes = [one.step_bytes for one in found]
    assert takes == sorted(takes, reverse=True)
    assert found[0].batch == MOBILE.batch
    assert found[1].batch < found[0].batch or found[1].input_size < found[0].input_size
    assert found[-1].input_size < found[0].input_size
    for one, machine in zip(found, machines):
        assert one.batch >= 1
        assert one.step_bytes <= machine.memory_bytes / 2 or one.batch < 4  # said in the proposal


def test_images_take_memory_while_they_are_decoded() -> None:
    few, many = (fitted(SURVEY, Machine(64 * GIB, cores)).step_bytes for cores in (2, 8))
    assert many - few == 6 * 3000 * 4000 * 15
    assert fitted(SURVEY, GPU).step_bytes == fitted(SURVEY, Machine(16 * GIB, 64, gpus=1)).step_bytes


def test_a_machine_without_memory_gets_batches_of_one() -> None:
    assert fitted(SURVEY, Machine(GIB, 1)).batch == 1


def test_every_class_and_anchor_takes_memory() -> None:
    levels = range(3, 6)
    few, many = (MOBILE.image_bytes((512, 512), levels, 6, classes) for classes in (2, 300))
    assert many - few == pytest.approx(298 * 6 * (64**2 + 32**2 + 16**2) * 62.0)
    assert MOBILE.image_bytes((512, 512), range(2, 6), 6, 2) > few


# Peak of VmHWM over the size after the model was built, of three steps with 10 classes, in MiB on two CPU cores.
MEASURED = [
    (TINY, (128, 128), 16, range(3, 5), 2, 127),
    (TINY, (256, 256), 16, range(3, 5), 2, 282),
    (MOBILE, (256, 256), 8, range(3, 6), 6, 457),
    (MOBILE, (512, 512), 4, range(3, 6), 6, 794),
    (MOBILE, (512, 512), 8, range(3, 6), 6, 1486),
    (MOBILE, (512, 512), 8, range(2, 6), 6, 2625),
    (MOBILE, (512, 512), 8, range(3, 6), 15, 1828),
    (MOBILE, (768, 1024), 4, range(3, 6), 6, 2041),
    (RESNET50, (256, 256), 2, range(3, 8), 9, 608),
    (RESNET50, (512, 512), 2, range(3, 8), 9, 1545),
    (RESNET50, (512, 512), 4, range(3, 8), 9, 2853),
    (RESNET50, (640, 640), 2, range(3, 8), 9, 2295),
    (RESNET50, (512, 512), 2, range(2, 8), 9, 2639),
]


@pytest.mark.parametrize(("start", "size", "batch", "levels", "anchors", "mib"), MEASURED)
def test_what_a_step_takes_is_near_what_was_measured(
    start: StartingPoint, size: tuple[int, int], batch: int, levels: range, anchors: int, mib: float
) -> None:
    estimated = batch * start.image_bytes(size, levels, anchors, 10) / MIB
    # What does not grow with the batch, at most 300 MiB of gradients and scratch space, is in fixed_bytes.
    assert mib - 300 < estimated < 1.35 * mib + 50


def test_rate_and_steps_go_with_the_batch_and_the_images() -> None:
    assert scaled_rate(MOBILE, 8) == 0.001
    assert scaled_rate(MOBILE, 2) == 0.0005
    assert bootstrap_steps(MOBILE, 100, 8) == 400
    assert bootstrap_steps(MOBILE, 800, 8) == 2000
    assert bootstrap_steps(MOBILE, 1_000_000, 8) == 4000


@pytest.mark.parametrize(
    ("names", "is_told"),
    [
        (["0", "1", "9"], True),
        (["a", "b", "plate"], True),
        (["arrow_left", "car"], True),
        (["Right-hand", "x-ray"], True),
        (["car", "person"], False),
        (["textile", "bright", "template", "cleft"], False),  # the words only as a part of others
        (["a", "cat", "dog"], False),
    ],
)
def test_names_tell_what_must_not_be_mirrored(names: list[str], is_told: bool) -> None:
    assert bool(mirror_sensitive(dict.fromkeys(names, 1))) is is_told


def test_a_few_odd_images_do_not_decide_the_size() -> None:
    sizes = np.tile(np.array([[720.0, 1280.0]]), (300, 1))
    sizes[:20] = (6000, 4000)
    odd = dataclasses.replace(STREET, shapes=dataclasses.replace(STREET.shapes, image_sizes_px=sizes))
    height, width = fitted(odd).input_size
    assert width > height
