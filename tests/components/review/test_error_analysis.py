"""Which images are shown, which boxes over them, and which errors are counted."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
import pytest

from ratchet.components.pages.overlay import RIGHT, WRONG, Box
from ratchet.components.review import error_analysis, shown_boxes
from ratchet.components.review.content import OVERALL, GalleryImage, SliceErrors
from ratchet.components.review.error_analysis import analyse_errors
from ratchet.schemas.artifacts.evaluation import BASELINE, CANDIDATE, DataSetEvaluation, Support
from ratchet.schemas.data.records import Detections, ImageRecord
from tests.builders import detections, ground_truth
from tests.components.review.content import data_set, scores
from tests.components.review.golden import NAMES, files_of, image

BOX, OTHER_BOX = [100, 100, 80, 80], [300, 200, 80, 80]


def evaluated(names: Sequence[str] = NAMES) -> DataSetEvaluation:
    classes = dict.fromkeys(names, 0.5)
    return dataclasses.replace(
        data_set(),
        candidate=scores(0.5, classes),
        baseline=scores(0.5, classes),
        class_support=dict.fromkeys(names, Support(4, 4)),
        deltas=None,
    )


def records(count: int = 4) -> list[ImageRecord]:
    return [image(number, ground_truth([BOX, OTHER_BOX], [1, 2])) for number in range(1, count + 1)]


def right() -> Detections:
    return detections([BOX, OTHER_BOX], [1, 2], [0.9, 0.9])


def nothing() -> Detections:
    return detections([])


def boxes_of(shown: GalleryImage, layer: str) -> list[Box]:
    [found] = [each for each in shown.layers if each.name == layer]
    return list(found.boxes)


def test_images_are_ordered_by_what_the_candidate_made_worse() -> None:
    lost_dog = detections([BOX], [1], [0.9])
    loose = detections([[90, 90, 100, 100], OTHER_BOX], [1, 2], [0.9, 0.9])
    files = files_of(records(), {CANDIDATE: [right(), loose, nothing(), lost_dog], BASELINE: [right()] * 4})
    found = analyse_errors(files, evaluated())
    assert [entry.file_name for entry in found.gallery] == ["000003.jpg", "000002.jpg", "000004.jpg"]
    assert found.worse == 3
    assert found.gallery[0].errors[CANDIDATE].missed == 2.0
    assert found.gallery[0].errors[BASELINE].total == 0.0
    # An IoU of .64 is right at 3 of 10 thresholds; elsewhere it is one object missed and one false detection.
    assert found.gallery[1].errors[CANDIDATE].total == pytest.approx(1.4)


def test_of_images_that_got_equally_worse_the_one_with_more_errors_comes_first() -> None:
    one = detections([BOX], [1], [0.9])
    files = files_of(records(3), {CANDIDATE: [one, nothing(), right()], BASELINE: [right(), one, right()]})
    found = analyse_errors(files, evaluated())
    assert [entry.file_name for entry in found.gallery] == ["000002.jpg", "000001.jpg"]


def test_images_that_got_better_are_shown_too() -> None:
    one = detections([BOX], [1], [0.9])
    files = files_of(
        records(4), {CANDIDATE: [right(), right(), right(), one], BASELINE: [one, nothing(), right(), right()]}
    )
    found = analyse_errors(files, evaluated())
    assert [entry.file_name for entry in found.gallery] == ["000004.jpg"]
    assert [entry.file_name for entry in found.better] == ["000002.jpg", "000001.jpg"]
    assert (found.worse, found.improved) == (1, 2)
    assert [entry.change for entry in found.better] == ["2 found again", "1 found again"]


def test_only_images_that_are_shown_are_read() -> None:
    asked: list[str] = []

    def read(names: Sequence[str]) -> dict[str, bytes]:
        asked.extend(names)
        return dict.fromkeys(names, b"")

    found = {CANDIDATE: [nothing()] * 30 + [right()], BASELINE: [right()] * 31}
    analyse_errors(files_of(records(31), found, read_images=read), evaluated())
    assert len(asked) == error_analysis.GALLERY_IMAGES


def test_boxes_say_what_is_wrong_with_them() -> None:
    candidate = detections([OTHER_BOX, [500, 400, 50, 50], BOX], [2, 2, 3], [0.9, 0.8, 0.95])
    files = files_of(records(1), {CANDIDATE: [candidate], BASELINE: [right()]})
    [shown] = analyse_errors(files, evaluated()).gallery
    assert [layer.name for layer in shown.layers] == ["truth", BASELINE, CANDIDATE]
    assert [(box.text, box.lost) for box in boxes_of(shown, "truth")] == [("cat", (CANDIDATE,)), ("dog", ())]
    assert [(box.text, box.state, box.title, box.sure) for box in boxes_of(shown, CANDIDATE)] == [
        ("dog 80%", WRONG, "candidate: dog 80%, nothing labelled there", False),
        ("dog 90%", RIGHT, "candidate: dog 90%", True),
        ("eel 95%", WRONG, "candidate: eel 95%, another class than the object", True),
    ]
    assert [box.state for box in boxes_of(shown, BASELINE)] == [RIGHT, RIGHT]
    assert shown.words == {BASELINE: "all found, none false", CANDIDATE: "1 read as eel"}
    assert shown.change == "1 now read as another class"
    assert shown.classes == ("cat",)


def test_objects_that_the_candidate_misses_and_the_baseline_finds_are_marked() -> None:
    files = files_of(records(1), {CANDIDATE: [detections([BOX], [1], [0.9])], BASELINE: [right()]})
    [shown] = analyse_errors(files, evaluated()).gallery
    _, dog = boxes_of(shown, "truth")
    assert (dog.lost, dog.title) == ((CANDIDATE,), "ground truth: dog, missed by the candidate, found by the baseline")
    assert dog.found == {BASELINE: 0.9, CANDIDATE: None}
    assert [(each.kind, each.class_name, each.words) for each in shown.changed] == [("lost", "dog", "dog: missed")]
    assert [layer.name for layer in shown.changed[0].layers] == ["truth", BASELINE]


def test_detections_below_the_operating_point_are_for_the_slider_alone() -> None:
    noisy = detections([BOX, OTHER_BOX, [10, 10, 30, 30]], [1, 2, 1], [0.9, 0.9, 0.05])
    first = detections([BOX], [1], [0.9])
    files = files_of(records(2), {CANDIDATE: [noisy, first], BASELINE: [right(), right()]})
    found = analyse_errors(files, evaluated())
    assert [entry.file_name for entry in found.gallery] == ["000002.jpg"]
    assert found.thresholds[CANDIDATE]["cat"] == 0.9
    faint = detections([BOX, OTHER_BOX, [10, 10, 30, 30], [50, 10, 30, 30]], [1, 2, 1, 1], [0.9, 0.9, 0.06, 0.04])
    files = files_of(records(2), {CANDIDATE: [first, faint], BASELINE: [right(), right()]})
    named = analyse_errors(files, evaluated(), ["000002.jpg"]).named[0]
    assert [(box.text, box.sure) for box in boxes_of(named, CANDIDATE)] == [
        ("cat 6%", False),
        ("cat 90%", True),
        ("dog 90%", True),
    ]


def test_a_false_detection_that_is_sure_is_shown_as_wrong() -> None:
    wrong = detections([BOX, OTHER_BOX, [500, 400, 50, 50]], [1, 2, 1], [0.8, 0.9, 0.95])
    files = files_of(records(1), {CANDIDATE: [wrong], BASELINE: [right()]})
    [shown] = analyse_errors(files, evaluated()).gallery
    assert boxes_of(shown, CANDIDATE)[-1].state == WRONG
    assert boxes_of(shown, CANDIDATE)[-1].title == "candidate: cat 95%, nothing labelled there"
    assert shown.change == "1 new and false"


def test_of_too_many_boxes_the_surest_are_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shown_boxes, "MOST_BOXES", 2)
    crowded = detections([[500, 400, 50, 50], BOX, OTHER_BOX], [1, 1, 2], [0.3, 0.8, 0.9])
    files = files_of(records(1), {CANDIDATE: [crowded], BASELINE: [right()]})
    [shown] = analyse_errors(files, evaluated(), ["000001.jpg"]).named
    assert [box.text for box in boxes_of(shown, CANDIDATE)] == ["cat 80%", "dog 90%"]


def test_a_new_class_is_left_out_of_the_comparison() -> None:
    truth = ground_truth([BOX, OTHER_BOX], [1, 3])
    files = files_of([image(1, truth)], {CANDIDATE: [nothing()], BASELINE: [detections([BOX], [1], [0.9])]})
    whole = evaluated()
    known = {name: whole.class_support[name] for name in ("cat", "dog")}
    shared = dataclasses.replace(whole, class_support=known)
    found = analyse_errors(files, dataclasses.replace(whole, shared=shared))
    assert found.gallery[0].errors[CANDIDATE].missed == 1.0
    assert [box.text for box in boxes_of(found.gallery[0], "truth")] == ["cat"]
    assert set(found.thresholds[CANDIDATE]) == {"cat", "dog"}


def test_loose_boxes_cost_nothing_at_half_an_overlap_and_show_as_localization_above() -> None:
    loose = detections([[90, 90, 100, 100], [290, 190, 100, 100]], [1, 2], [0.9, 0.9])
    files = files_of(records(), {CANDIDATE: [loose] * 4, BASELINE: [right()] * 4})
    types = {
        (iou, kind.name): kind
        for iou, kinds in analyse_errors(files, evaluated()).error_types.types.items()
        for kind in kinds
    }
    assert types[0.5, "localization"].cost[CANDIDATE] == 0.0
    assert types[0.75, "localization"].cost[CANDIDATE] == pytest.approx(1.0)
    assert types[0.75, "localization"].count == {CANDIDATE: 8, BASELINE: 0}
    assert types[0.75, "localization"].cost[BASELINE] == 0.0


def test_error_types_of_a_large_golden_set_are_counted_in_a_sample(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(error_analysis, "ERROR_TYPE_IMAGES", 5)
    files = files_of(records(20), {CANDIDATE: [nothing()] * 20, BASELINE: [right()] * 20})
    found = analyse_errors(files, evaluated()).error_types
    assert (found.images, found.of) == (5, 20)
    [missed] = [kind for kind in found.types[0.5] if kind.name == "missed"]
    assert missed.count[CANDIDATE] == 10


def test_curves_are_of_all_classes_first_and_have_both_models() -> None:
    files = files_of(records(), {CANDIDATE: [nothing(), *[right()] * 3], BASELINE: [right()] * 4})
    overall, *classes = analyse_errors(files, evaluated(names=("cat", "dog"))).curves.classes
    assert overall.name == OVERALL
    assert {each.name for each in classes} == {"cat", "dog"}
    assert set(overall.precision) == {(model, iou) for model in (CANDIDATE, BASELINE) for iou in (0.5, 0.75)}
    assert overall.precision[BASELINE, 0.5] == (1.0,) * 101
    assert overall.precision[CANDIDATE, 0.5][-1] == 0.0


def test_a_first_model_is_measured_alone() -> None:
    files = files_of(records(), {CANDIDATE: [right(), nothing(), right(), right()]})
    found = analyse_errors(files, dataclasses.replace(evaluated(), baseline=None))
    assert [entry.file_name for entry in found.gallery] == ["000002.jpg"]
    assert set(found.gallery[0].errors) == set(found.gallery[0].words) == {CANDIDATE}
    assert found.gallery[0].change == "2 missed"
    assert found.change == "2 missed"


def test_errors_are_counted_by_slice_and_images_know_theirs() -> None:
    cameras = np.array(["north", "north", "south", ""])
    files = files_of(
        records(),
        {CANDIDATE: [nothing(), right(), right(), right()], BASELINE: [right()] * 4},
        attributes={"camera": cameras},
    )
    found = analyse_errors(files, evaluated())
    north, south = [each for each in found.slices if each.attribute == "camera"]
    assert (north.value, north.images, north.errors[CANDIDATE].missed, north.errors[BASELINE].total) == (
        "north",
        2,
        1,
        0,
    )
    assert isinstance(south, SliceErrors)
    assert (south.value, south.images, south.errors[CANDIDATE].total) == ("south", 1, 0)
    assert found.gallery[0].slices == ("camera: north",)


def test_classes_taken_for_others_are_counted_from_what_is_sure() -> None:
    files = files_of(records(1), {CANDIDATE: [detections([BOX, OTHER_BOX], [3, 2], [0.9, 0.9])], BASELINE: [right()]})
    found = analyse_errors(files, evaluated()).confusion
    assert found.counts == {CANDIDATE: {(1, 3): 1, (2, 2): 1}, BASELINE: {(1, 1): 1, (2, 2): 1}}
    assert (found.images, found.of, found.names) == (1, 1, NAMES)
