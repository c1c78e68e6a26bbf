from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from ratchet.components.coco.reading import read_truth
from ratchet.pipeline.explain.data_evidence import DataInputs, data_evidence
from ratchet.pipeline.explain.data_found import DataFound
from ratchet.pipeline.explain.data_sets import ReadDataSet, read_data
from ratchet.pipeline.explain.labels_seen import Seen
from ratchet.schemas.artifacts.data_evidence import DRIFT, GOLDEN
from ratchet.schemas.artifacts.decisions import State
from ratchet.schemas.data import features
from ratchet.schemas.data.columns import DetectionColumns
from tests.pipeline.explain.scenes import document_of, encoded_again, write_document, write_scenes

BRIGHTNESS = f"{DRIFT}:{features.QA_BRIGHTNESS}"


@dataclass(frozen=True)
class Sets:
    """Training data before, more of the same, and a golden set."""

    before: ReadDataSet
    after: ReadDataSet
    golden: ReadDataSet

    def given(self, **others: Any) -> DataInputs:
        """All three, some of them replaced, and what else is given."""
        return dataclasses.replace(DataInputs(self.before, self.after, self.golden), **others)


@pytest.fixture(scope="module")
def sets(tmp_path_factory: pytest.TempPathFactory) -> Sets:
    """See `Sets`."""
    top = tmp_path_factory.mktemp("sets")
    return Sets(
        before=read_data(write_scenes(top / "before", 80, seed=1), "before"),
        after=read_data(write_scenes(top / "after", 80, seed=2), "after"),
        golden=read_data(write_scenes(top / "golden", 60, seed=3), "golden"),
    )


def failed(found: DataFound) -> set[str]:
    return {reason.rule for reason in found.decision.failures}


def state_of(found: DataFound, rule: str) -> State | None:
    return next((reason.state for reason in found.decision.reasons if reason.rule == rule), None)


def perfect(data: ReadDataSet, move: Callable[[np.ndarray], np.ndarray] = lambda boxes: boxes) -> Seen:
    """What a model finds that finds every object, but for `move`."""
    truth = read_truth(str(Path(data.path) / "annotations.json"))
    objects = truth.objects
    return Seen.of(
        truth,
        DetectionColumns(objects.image, move(objects.boxes_xywh_px), objects.labels, np.full(len(objects.labels), 0.9)),
    )


def imprecise(boxes: np.ndarray) -> np.ndarray:
    """Boxes about a pixel off, here and there."""
    return boxes + np.random.default_rng(5).normal(0, 0.8, boxes.shape)


def test_more_of_the_same_finds_nothing(sets: Sets) -> None:
    found = data_evidence(sets.given())
    assert failed(found) == set()
    assert found.decision.passed
    assert {each.kind for each in found.evidence.comparisons} == {DRIFT, GOLDEN}
    assert state_of(found, BRIGHTNESS) is State.PASSED
    assert state_of(found, "leak") is State.PASSED
    assert found.facts.after_in_before is not None
    assert found.facts.after_in_before.count == 0


def test_darker_camera_is_drift_of_brightness(sets: Sets, tmp_path: Path) -> None:
    dark = read_data(write_scenes(tmp_path / "dark", 80, seed=2, looks=lambda levels: 0.4 * levels), "after")
    found = data_evidence(sets.given(after=dark))
    assert BRIGHTNESS in failed(found)
    assert found.decision.failures[0].rule == BRIGHTNESS
    assert found.decision.failures[0].images
    [brightness] = [each for each in found.evidence.comparisons if f"{each.kind}:{each.feature}" == BRIGHTNESS]
    assert brightness.effect_size == pytest.approx(-np.log(0.4), rel=0.1)


def test_golden_set_of_another_camera_is_evidence_and_no_rule(sets: Sets, tmp_path: Path) -> None:
    dark = read_data(write_scenes(tmp_path / "dark", 60, seed=3, looks=lambda levels: 0.4 * levels), "golden")
    found = data_evidence(sets.given(golden=dark))
    [golden] = [
        each for each in found.evidence.comparisons if each.kind == GOLDEN and each.feature == features.QA_BRIGHTNESS
    ]
    assert not golden.passed
    assert failed(found) == set()


def test_golden_images_are_found_in_the_training_data_compressed_again_too(sets: Sets, tmp_path: Path) -> None:
    directory = write_scenes(tmp_path / "after", 80, seed=2)
    document = document_of(directory)
    golden = Path(sets.golden.path)
    shown = document_of(golden)
    for number, again in ((3, None), (7, 60)):
        entry, source = document["images"][number], shown["images"][number]
        path = golden / "images" / source["file_name"]
        content = path.read_bytes() if again is None else encoded_again(path, again)
        (directory / "images" / entry["file_name"]).write_bytes(content)
        document["annotations"] = [each for each in document["annotations"] if each["image_id"] != entry["id"]]
        labels = [each for each in shown["annotations"] if each["image_id"] == source["id"]]
        more = [{**each, "id": 10_000 + each["id"], "image_id": entry["id"]} for each in labels]
        document["annotations"] += more
    write_document(directory, document)
    found = data_evidence(sets.given(after=read_data(directory, "after")))
    assert "leak" in failed(found)
    leak = found.facts.golden_in_after
    assert leak is not None
    assert sorted(leak.images) == [shown["images"][number]["file_name"] for number in (3, 7)]
    assert (leak.count, leak.of, leak.same_files) == (2, 60, 1)
    assert found.facts.golden_in_before is not None
    assert found.facts.golden_in_before.count == 0


def test_training_data_that_was_trained_on_before_is_counted(sets: Sets, tmp_path: Path) -> None:
    directory = write_scenes(tmp_path / "after", 80, seed=2)
    names = [sorted(path.name for path in (Path(of) / "images").iterdir()) for of in (directory, sets.before.path)]
    documents = [document_of(directory), document_of(Path(sets.before.path))]
    for number in range(20):
        shutil.copyfile(Path(sets.before.path) / "images" / names[1][number], directory / "images" / names[0][number])
    labels = [each for each in documents[1]["annotations"] if each["image_id"] <= 20]
    kept = [each for each in documents[0]["annotations"] if each["image_id"] > 20]
    documents[0]["annotations"] = [{**each, "id": place} for place, each in enumerate([*labels, *kept], start=1)]
    write_document(directory, documents[0])
    share = data_evidence(DataInputs(sets.before, read_data(directory, "after"))).facts.after_in_before
    assert share is not None
    assert (share.count, share.of, share.same_files) == (20, 80, 20)


def test_loose_boxes_are_found_where_the_model_before_was_run(sets: Sets, tmp_path: Path) -> None:
    def loose(box: list[float]) -> list[float]:
        x, y, width, height = box
        return [x - 0.1 * width, y - 0.1 * height, 1.2 * width, 1.2 * height]

    directory = write_scenes(tmp_path / "after", 80, seed=2, boxes=loose)
    after = read_data(directory, "after")
    tight = perfect(sets.after, imprecise)
    seen = dataclasses.replace(tight, truth=perfect(after).truth)
    found = data_evidence(sets.given(after=after, seen_golden=perfect(sets.golden, imprecise), seen_after=seen))
    assert "labels:size" in failed(found)
    assert found.evidence.labels is not None
    measures = {each.name: each.value for each in found.evidence.labels.measures}
    assert measures["log_width"] == pytest.approx(np.log(1.2), abs=0.03)
    plain = data_evidence(
        sets.given(seen_golden=perfect(sets.golden, imprecise), seen_after=perfect(sets.after, imprecise))
    )
    assert failed(plain) == set()
    assert state_of(plain, "labels:size") is State.PASSED


def test_labels_of_images_that_the_model_does_not_know_are_not_judged_by_it(sets: Sets, tmp_path: Path) -> None:
    def small(levels: np.ndarray) -> np.ndarray:
        far = np.asarray(Image.fromarray(np.clip(levels, 0, 255).astype(np.uint8)).resize((24, 24))).astype(np.float64)
        return np.pad(far, ((20, 20), (20, 20), (0, 0)), mode="reflect")

    def moved(box: list[float]) -> list[float]:
        return [20 + 0.375 * box[0], 20 + 0.375 * box[1], 0.375 * box[2], 0.375 * box[3]]

    after = read_data(write_scenes(tmp_path / "after", 80, seed=2, looks=small, boxes=moved), "after")
    tight = perfect(after, lambda boxes: imprecise(boxes * [1.0, 1.0, 0.8, 0.8]))
    found = data_evidence(sets.given(after=after, seen_golden=perfect(sets.golden, imprecise), seen_after=tight))
    assert found.evidence.labels is not None
    assert found.evidence.labels.judged == 0
    assert state_of(found, "labels:size") is State.NOT_TESTED
    assert found.notes == ()
    no_images = dataclasses.replace(after, looks=None)
    blind = data_evidence(sets.given(after=no_images, seen_golden=perfect(sets.golden, imprecise), seen_after=tight))
    assert blind.evidence.labels is not None
    assert blind.evidence.labels.judged == 1
    assert "without knowing whether the images look" in blind.notes[0]


def test_labels_are_not_spoken_of_without_detections(sets: Sets) -> None:
    found = data_evidence(sets.given(seen_golden=perfect(sets.golden)))
    assert found.evidence.labels is None
    judged = {"labels:size", "labels:offset", "labels:missing", "labels:found", "labels:enough"}
    assert not judged & {reason.rule for reason in found.decision.reasons}


def test_labels_that_are_the_models_own_detections_are_counted(sets: Sets) -> None:
    def drawn_by_hand(boxes: np.ndarray) -> np.ndarray:
        moved = boxes.copy()
        moved[::2] += 1.0
        return moved

    found = data_evidence(
        DataInputs(
            seen_golden=perfect(sets.golden, drawn_by_hand),
            seen_after=perfect(sets.after, lambda b: b + 0.2),
        )
    )
    assert found.facts.labels_by_model == 1.0
    assert found.facts.golden_labels_by_model == pytest.approx(0.5, abs=0.02)


def test_detection_of_another_class_is_no_label_of_the_model(sets: Sets) -> None:
    seen = perfect(sets.after)
    seen = dataclasses.replace(seen, found=dataclasses.replace(seen.found, labels=seen.found.labels % 3 + 1))
    assert data_evidence(DataInputs(seen_after=seen)).facts.labels_by_model == 0.0


def test_labels_alone_tell_boxes_and_classes_and_no_rule_of_images_is_asked(sets: Sets, tmp_path: Path) -> None:
    smaller = write_scenes(tmp_path / "after", 80, seed=2, boxes=lambda box: [*box[:2], box[2] / 2, box[3] / 2])
    before = read_data(Path(sets.before.path), "before", labels_only=True)
    found = data_evidence(DataInputs(before, read_data(smaller, "after", labels_only=True), sets.golden))
    rules = {reason.rule for reason in found.decision.reasons}
    assert f"{DRIFT}:{features.QA_BOX_LOG_AREA}" in failed(found)
    assert not {BRIGHTNESS, "leak", "repeated_images", "facts:blank", "golden_unchanged", "schema"} & rules
    assert found.facts.golden_in_after is None
    assert found.facts.after_in_before is None
    assert found.facts.after is not None
    assert found.facts.after.boxes > 0


def test_class_that_nobody_labelled_any_more_is_named(sets: Sets, tmp_path: Path) -> None:
    directory = write_scenes(tmp_path / "after", 80, seed=2)
    document = document_of(directory)
    document["annotations"] = [each for each in document["annotations"] if each["category_id"] == 1]
    write_document(directory, document)
    found = data_evidence(DataInputs(sets.before, read_data(directory, "after")))
    assert set(found.facts.lost_objects) == {"plate", "spoon"}
    assert found.facts.boxes_an_image["after"] < 0.5 * found.facts.boxes_an_image["before"]
    assert state_of(found, "facts:missing_classes") is State.WARNING


def test_new_class_is_named_and_its_boxes_are_not_compared(sets: Sets, tmp_path: Path) -> None:
    directory = write_scenes(tmp_path / "after", 80, seed=2)
    document = document_of(directory)
    document["categories"].append({"id": 4, "name": "hair"})
    sides = {"bbox": [1.0, 1.0, 60.0, 2.0], "area": 120.0, "iscrowd": 0}
    document["annotations"] += [
        {"id": 5000 + number, "image_id": number, "category_id": 4, **sides} for number in range(1, 81)
    ]
    write_document(directory, document)
    found = data_evidence(sets.given(after=read_data(directory, "after")))
    assert found.facts.new_classes == ("hair",)
    assert state_of(found, f"{DRIFT}:{features.QA_BOX_LOG_ASPECT}") is State.PASSED
    assert "classes:golden_set" in failed(found)


def test_classes_in_another_order_are_the_same_classes(sets: Sets, tmp_path: Path) -> None:
    directory = write_scenes(tmp_path / "after", 80, seed=2)
    document = document_of(directory)
    new = {1: 3, 2: 1, 3: 2}
    for category in document["categories"]:
        category["id"] = new[category["id"]]
    for label in document["annotations"]:
        label["category_id"] = new[label["category_id"]]
    write_document(directory, document)
    found = data_evidence(sets.given(after=read_data(directory, "after")))
    plain = data_evidence(sets.given())
    assert failed(found) == set()
    of_class = [each for of in (found, plain) for each in of.evidence.comparisons if each.feature == features.BOX_CLASS]
    assert len({each.distance for each in of_class if each.kind == DRIFT}) == 1


def test_earlier_training_data_that_looks_the_same_is_no_drift(sets: Sets, tmp_path: Path) -> None:
    night = [
        read_data(write_scenes(tmp_path / str(seed), 80, seed=seed, looks=lambda levels: 0.4 * levels), f"night {seed}")
        for seed in (7, 8)
    ]
    alone = data_evidence(DataInputs(sets.before, night[0], sets.golden))
    known = data_evidence(DataInputs(sets.before, night[0], sets.golden, earlier=(night[1],)))
    assert BRIGHTNESS in failed(alone)
    assert BRIGHTNESS not in failed(known)


def test_too_few_images_are_not_told_from_chance(sets: Sets, tmp_path: Path) -> None:
    few = read_data(write_scenes(tmp_path / "few", 12, seed=2, looks=lambda levels: 0.4 * levels), "after")
    found = data_evidence(DataInputs(sets.before, few))
    assert found.evidence.comparisons == ()
    assert state_of(found, DRIFT) is State.NOT_TESTED


def test_images_are_asked_in_any_order_and_number(sets: Sets) -> None:
    seen = perfect(sets.after, imprecise)
    rows = np.random.default_rng(0).permutation(len(seen.file_names))
    place = np.argsort(rows)
    shuffled = dataclasses.replace(
        seen,
        file_names=tuple(seen.file_names[row] for row in rows),
        sizes_px=seen.sizes_px[rows],
        attributes=tuple(seen.attributes[row] for row in rows),
        truth=dataclasses.replace(seen.truth, image=place[seen.truth.image]),
        found=dataclasses.replace(seen.found, image=place[seen.found.image]),
    )
    golden = perfect(sets.golden, imprecise)
    one, other = (data_evidence(sets.given(seen_golden=golden, seen_after=each)) for each in (seen, shuffled))
    assert one.evidence.labels == other.evidence.labels
    assert one.decision == other.decision


def test_images_that_the_model_was_not_shown_are_left_out(sets: Sets) -> None:
    truth = read_truth(str(Path(sets.after.path) / "annotations.json"))
    objects = truth.objects

    def seen_in(images: int) -> Seen:
        rows = objects.image < images
        found = (
            objects.image[rows],
            objects.boxes_xywh_px[rows],
            objects.labels[rows],
            np.ones(np.count_nonzero(rows)),
        )
        return Seen.of(truth, DetectionColumns(*found))

    assert len(seen_in(80).file_names) == len(seen_in(60).file_names) == 80
    few = seen_in(30)
    assert len(few.file_names) == 30
    found = data_evidence(sets.given(seen_golden=perfect(sets.golden, imprecise), seen_after=few))
    assert state_of(found, "labels:found") is State.PASSED
    assert found.facts.labels_by_model == 1.0


def test_nothing_given_says_nothing() -> None:
    found = data_evidence(DataInputs())
    assert (found.decision.reasons, found.evidence.comparisons, found.evidence.labels) == ((), (), None)
    assert found.notes == ()


@pytest.mark.parametrize("given", ["before", "after", "golden"])
def test_one_data_set_alone_is_counted(sets: Sets, given: str) -> None:
    found = data_evidence(dataclasses.replace(DataInputs(), **{given: getattr(sets, given)}))
    assert getattr(found.facts, given).images == len(getattr(sets, given).records)
    assert failed(found) == set()
    assert not any(reason.rule.startswith(DRIFT) for reason in found.decision.reasons)
