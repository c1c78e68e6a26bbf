"""Boxes and classes that mean something else than they are taken for are named by what they are."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ratchet.components.adoption.answers import Answer, BoxReading, Order, Unit, found_by, usual
from ratchet.components.adoption.labels import Labels, labels_of
from ratchet.components.adoption.proof import Golden, hits, prove
from ratchet.schemas.base.errors import InputError
from ratchet.schemas.data.columns import TruthColumns
from ratchet.schemas.data.records import GroundTruth

NAMES = ("ant", "bee", "cat", "dog")
LABELS = labels_of(NAMES, "labels.txt")
FRACTIONS = BoxReading(Order.YXYX, Unit.FRACTIONS)
PIXELS = BoxReading(Order.YXYX, Unit.PIXELS)
SIZE = np.array([120.0, 200.0])  # height and width


def world(images: int = 12, labels: Labels = LABELS) -> tuple[list[Answer], Golden]:
    """Objects, and a detector that finds each of them at its place, with the numbers of the labels."""
    rng = np.random.default_rng(7)
    answers, truths = [], []
    for _ in range(images):
        corner = rng.uniform(0, 60, (3, 2)) * [1.0, 2.2]
        sides = rng.uniform(20, 40, (3, 2))
        boxes = np.concatenate([corner, corner + sides], axis=1)  # yxyx
        own = rng.integers(1, 5, 3)
        xywh = np.stack([boxes[:, 1], boxes[:, 0], sides[:, 1], sides[:, 0]], axis=1)
        truths.append(GroundTruth(xywh, own, sides.prod(axis=1), np.zeros(3)))
        numbers = np.array(labels.ids, np.float64)[own - 1]
        scores = np.array([0.9, 0.8, 0.7])
        answers.append(Answer(boxes / np.tile(SIZE, 2), numbers, scores, SIZE, np.ones(2), np.zeros(2)))
    return answers, Golden(TruthColumns.of(truths), NAMES)


def with_boxes(answers: list[Answer], change: object) -> list[Answer]:
    return [replace(answer, boxes=change(answer.boxes)) for answer in answers]  # pyright: ignore[reportCallIssue]


def with_numbers(answers: list[Answer], change: object) -> list[Answer]:
    return [replace(answer, numbers=change(answer.numbers)) for answer in answers]  # pyright: ignore[reportCallIssue]


def refusal(answers: list[Answer], golden: Golden, reading: BoxReading = FRACTIONS, labels: Labels = LABELS) -> str:
    with pytest.raises(InputError) as refused:
        prove(answers, golden, reading, labels, "the/model")
    assert str(refused.value).startswith("the/model: ")
    assert "\n" not in str(refused.value)
    return str(refused.value)


def test_a_detector_that_is_what_it_is_taken_for_is_proven() -> None:
    answers, golden = world()
    proof = prove(answers, golden, FRACTIONS, LABELS, "m")
    assert (proof.objects, proof.hit, proof.named, proof.odd) == (36, 36, 36, ())
    assert proof.is_proven
    assert proof.to_text().endswith("they lie on 36 of 36 golden objects, and 36 of these get the right class")


def test_transposed_boxes_are_named_with_the_option_that_reads_them() -> None:
    answers, golden = world()
    said = refusal(with_boxes(answers, lambda boxes: boxes[:, [1, 0, 3, 2]]), golden)
    assert "its boxes look like [xmin, ymin, xmax, ymax] in fractions of the image" in said
    assert said.endswith("give --boxes xyxy to read them so")
    turned = with_boxes(answers, lambda boxes: boxes[:, [1, 0, 3, 2]])
    assert prove(turned, golden, BoxReading(Order.XYXY, Unit.FRACTIONS), LABELS, "m").hit == 36


def test_squares_on_the_diagonal_fit_both_orders_and_accuse_nobody() -> None:
    square = np.full(2, 120.0)
    corner = np.array([[5.0], [40.0], [80.0]])
    boxes = np.tile(np.concatenate([corner, corner + 30.0], axis=1), 2)[:, [0, 2, 1, 3]]
    xywh = np.concatenate([corner, corner, np.full((3, 2), 30.0)], axis=1)
    truth = GroundTruth(xywh, np.array([1, 2, 3]), np.full(3, 900.0), np.zeros(3))
    answer = Answer(boxes / 120.0, np.array([1.0, 2.0, 3.0]), np.full(3, 0.9), square, np.ones(2), np.zeros(2))
    proof = prove([answer] * 12, Golden(TruthColumns.of([truth] * 12), NAMES), FRACTIONS, LABELS, "m")
    assert (proof.hit, proof.named) == (36, 36)


def test_what_has_no_score_only_fills_up() -> None:
    answers, golden = world()
    padding = [replace(answer, scores=np.zeros(3)) for answer in answers]
    assert "it detects nothing in any golden image" in refusal(padding, golden)


def test_objects_of_classes_that_a_model_does_not_know_say_nothing_of_its_numbers() -> None:
    answers, golden = world(images=40)
    known = labels_of(NAMES[:2], "labels.txt")
    labels = np.resize([1, 2, 3, 4, 3, 4], len(golden.objects.labels))  # most are cats and dogs, read as ants and bees
    numbers = np.where(labels > 2, labels - 2, labels).reshape(-1, 3).astype(np.float64)
    seen = [replace(answer, numbers=own) for answer, own in zip(answers, numbers)]
    proof = prove(seen, Golden(replace(golden.objects, labels=labels), NAMES), FRACTIONS, known, "m")
    assert (proof.hit, proof.named) == (120, 40)


def test_pixels_that_are_taken_for_fractions_are_named() -> None:
    answers, golden = world()
    said = refusal(with_boxes(answers, lambda boxes: boxes * np.tile(SIZE, 2)), golden)
    assert "its boxes look like [ymin, xmin, ymax, xmax] in pixels of the image" in said


def test_the_unit_is_that_of_the_numbers_size() -> None:
    answers, _ = world()
    assert usual(FRACTIONS, answers) == FRACTIONS
    pixels = with_boxes(answers, lambda boxes: boxes * np.tile(SIZE, 2))
    assert usual(FRACTIONS, pixels) == PIXELS
    of_input = BoxReading(Order.YXYX, Unit.INPUT_PIXELS)
    assert usual(of_input, pixels) == of_input
    assert usual(of_input, answers) == FRACTIONS


def test_pixels_of_the_models_input_are_scaled_back() -> None:
    answers, golden = world()
    of_input = BoxReading(Order.YXYX, Unit.INPUT_PIXELS)
    scale = np.array([2.0, 0.5])
    scaled = [
        replace(answer, boxes=answer.boxes * np.tile(SIZE * scale, 2) - 3.0, scale=scale, offset=np.full(2, 3.0))
        for answer in answers
    ]
    assert prove(scaled, golden, of_input, LABELS, "m").hit == 36
    found = found_by(scaled, of_input, LABELS.ids)
    np.testing.assert_allclose(found.boxes_xywh_px, golden.objects.boxes_xywh_px)


@pytest.mark.parametrize(("by", "option"), [(-1, "--first-class 0"), (1, "--first-class 2")])
def test_numbers_that_are_off_by_one_are_named_with_the_option_that_reads_them(by: int, option: str) -> None:
    answers, golden = world()
    off = with_numbers(answers, lambda numbers: numbers + by)
    assert option in refusal(off, golden)
    assert prove(off, golden, FRACTIONS, LABELS.counted_from(1 + by), "m").named == 36


def test_a_single_class_that_is_counted_from_0_is_named() -> None:
    answers, golden = world()
    alone = Golden(replace(golden.objects, labels=np.ones_like(golden.objects.labels)), ("ant",))
    zeros = with_numbers(answers, np.zeros_like)
    assert "--first-class 0" in refusal(zeros, alone, labels=labels_of(["ant"], "labels.txt"))


def test_places_of_a_list_that_are_taken_for_numbers_with_gaps_are_named() -> None:
    answers, golden = world()
    gaps = Labels("map.pbtxt", (1, 5, 9, 20), NAMES)
    said = refusal(answers, golden, labels=replace(gaps, ids=(11, 15, 19, 30)))
    assert "they count its classes from 1 on without gaps" in said


def test_a_few_swapped_classes_are_named() -> None:
    answers, golden = world(30)
    swapped = labels_of(("bee", "ant", "cat", "dog"), "labels.txt")
    said = refusal(answers, golden, labels=swapped)
    assert "its class 1 lies on 'ant' and is 'bee' there" in said
    assert "its class 2 lies on 'bee' and is 'ant' there" in said


def test_one_class_that_is_taken_for_another_is_only_mentioned() -> None:
    answers, golden = world(30)
    confused = with_numbers(answers, lambda numbers: np.where(numbers == 4, 3.0, numbers))
    golden = Golden(
        replace(golden.objects, labels=np.where(golden.objects.labels == 3, 4, golden.objects.labels)), NAMES
    )
    proof = prove(confused, golden, FRACTIONS, LABELS, "m")
    assert proof.odd == ("its class 3 lies on 'dog' and is 'cat' there",)


def test_a_bad_detector_is_measured_and_not_refused() -> None:
    answers, golden = world(30)
    rng = np.random.default_rng(3)
    bad = with_numbers(answers, lambda numbers: np.where(rng.random(3) < 0.6, rng.integers(1, 5, 3), numbers))
    proof = prove(bad, golden, FRACTIONS, LABELS, "m")
    assert 0 < proof.named < proof.hit


def test_a_detector_of_something_else_is_refused() -> None:
    answers, golden = world()
    assert "none of its 36 surest detections lies on one of the golden objects" in refusal(
        with_boxes(answers, lambda boxes: np.tile([0.9, 0.9, 0.95, 0.95], (3, 1))), golden
    )


def test_a_detector_that_finds_nothing_is_refused() -> None:
    answers, golden = world()
    empty = [replace(answer, boxes=np.empty((0, 4)), numbers=np.empty(0), scores=np.empty(0)) for answer in answers]
    assert "it detects nothing in any golden image (36 objects in 12 images" in refusal(empty, golden)


def test_what_is_no_number_is_refused() -> None:
    answers, golden = world()
    answers[3] = replace(answers[3], scores=np.array([np.nan, 0.5, 0.5]))
    assert "its answer for golden image 4 holds what is no finite number" in refusal(answers, golden)
    files = [f"{number}.jpg" for number in range(100, 112)]
    with pytest.raises(InputError, match=r"its answer for golden image 103\.jpg holds what is no finite number"):
        prove(answers, golden, FRACTIONS, LABELS, "the/model", files)
    assert hits(answers, golden, FRACTIONS) == 0


def test_too_few_objects_prove_nothing_and_are_said() -> None:
    answers, golden = world(1)
    assert prove(answers, golden, FRACTIONS, LABELS, "m").to_text().endswith("to prove the order of boxes and classes")


def test_a_hundred_unsure_boxes_do_not_make_another_order_right() -> None:
    answers, golden = world()
    rng = np.random.default_rng(1)

    def noisy(answer: Answer) -> Answer:
        corner = rng.uniform(0, 0.7, (200, 2))
        boxes = np.concatenate([answer.boxes, np.concatenate([corner, corner + 0.25], axis=1)])
        numbers = np.concatenate([answer.numbers, rng.integers(1, 5, 200)])
        return replace(answer, boxes=boxes, numbers=numbers, scores=np.concatenate([answer.scores, np.full(200, 0.01)]))

    assert prove([noisy(answer) for answer in answers], golden, FRACTIONS, LABELS, "m").named == 36


def test_objects_on_the_diagonal_do_not_hide_that_boxes_are_transposed() -> None:
    square = np.array([0.2, 0.2, 0.4, 0.4])
    answers, golden = world()
    diagonal = np.array([[40.0, 24.0, 40.0, 24.0]])
    truths = [
        GroundTruth(
            np.concatenate([golden.objects.boxes_xywh_px[golden.objects.image == image], diagonal]),
            np.append(golden.objects.labels[golden.objects.image == image], 1),
            np.full(4, 960.0),
            np.zeros(4),
        )
        for image in range(len(answers))
    ]
    both = [
        replace(
            answer,
            boxes=np.concatenate([answer.boxes[:, [1, 0, 3, 2]], square[None]]),
            numbers=np.append(answer.numbers, 1.0),
            scores=np.append(answer.scores, 0.6),
        )
        for answer in answers
    ]
    assert "--boxes xyxy" in refusal(both, Golden(TruthColumns.of(truths), NAMES))


def test_unsure_boxes_that_hit_something_in_another_order_prove_nothing() -> None:
    answers, golden = world(20)

    def with_junk(answer: Answer) -> Answer:
        nowhere = np.tile([0.97, 0.97, 0.99, 0.99], (7, 1))
        transposed = answer.boxes[:, [1, 0, 3, 2]]
        boxes = np.concatenate([answer.boxes[:1], nowhere, transposed])
        scores = np.concatenate([[0.9], np.full(7, 0.5), np.full(3, 0.01)])
        return replace(answer, boxes=boxes, numbers=np.full(11, answer.numbers[0]), scores=scores)

    assert prove([with_junk(answer) for answer in answers], golden, FRACTIONS, LABELS, "m").hit >= 20


def test_detections_are_inside_of_their_image_surest_first_and_of_known_classes() -> None:
    answer = Answer(
        boxes=np.array([[-0.5, 0.0, 0.5, 1.5], [0.1, 0.1, 0.2, 0.2], [0.3, 0.3, 0.1, 0.1]]),
        numbers=np.array([3.0, 7.0, 9.0]),
        scores=np.array([0.2, 0.9, 0.4]),
        size_px=np.array([100.0, 10.0]),
        scale=np.ones(2),
        offset=np.zeros(2),
    )
    found = found_by([answer], FRACTIONS, (3, 9))
    assert found.labels.tolist() == [2, 1]
    assert found.boxes_xywh_px.tolist() == [[3.0, 30.0, 0.0, 0.0], [0.0, 0.0, 10.0, 50.0]]
