"""What `make bench-data-faults` plants is what it says, and what the gate says of it is counted rightly."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from benchmarks.data_faults_table import CRASH, Judged, table_of
from benchmarks.faults import Fault, Part, plant, read_faults
from benchmarks.natural_distances import distance_table, distances
from benchmarks.natural_spans import natural_spans
from ratchet.components.example_gen.dataset import read_source
from ratchet.pipeline.bench.fault_images import IMAGE_FAULTS
from ratchet.pipeline.bench.fault_labels import LABEL_FAULTS
from ratchet.pipeline.bench.fault_sets import TURNS
from ratchet.pipeline.demo.digits import DigitsOptions, write_digits
from ratchet.schemas.artifacts.decisions import DataDecision, Reason
from ratchet.schemas.base.errors import ConfigError
from ratchet.schemas.data import features
from ratchet.schemas.data.columns import DetectionColumns
from ratchet.schemas.data.feature_sample import FeatureSample
from ratchet.schemas.data.records import Detections

IMAGES = 14
MOVE_BOXES = ("far", "near", "letterbox")  # faults of images whose boxes move with them


@pytest.fixture(scope="module")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("scenes")
    write_digits(str(directory / "span"), DigitsOptions(span=1, images=IMAGES))
    write_digits(str(directory / "trained"), DigitsOptions(span=2, images=IMAGES))
    write_digits(str(directory / "golden"), DigitsOptions(golden=True, images=IMAGES))
    return directory


def planted(scenes: Path, out: Path, fault: Fault, **more: Any) -> Path:
    plant(fault, scenes / "span", scenes / "golden", out / "span", trained=scenes / "trained", **more)
    return out / "span"


def document_of(directory: Path) -> dict[str, Any]:
    return json.loads((directory / "annotations.json").read_text())


def labels_by_image(directory: Path) -> dict[int, list[Any]]:
    found: dict[int, list[Any]] = {entry["id"]: [] for entry in document_of(directory)["images"]}
    for entry in document_of(directory)["annotations"]:
        found[entry["image_id"]].append((entry["bbox"], entry["category_id"]))
    return found


def files(directory: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (directory / "images").iterdir()}


ALL = [*read_faults(), *read_faults(scored=True)]


@pytest.mark.parametrize("fault", ALL, ids=str)
def test_every_fault_changes_what_it_should_and_leaves_a_data_set_that_can_be_read(
    scenes: Path, tmp_path: Path, fault: Fault
) -> None:
    span = planted(scenes, tmp_path, fault)
    before, after = files(scenes / "span"), files(span)
    changed = [name for name in before if name in after and before[name] != after[name]]
    same_labels = labels_by_image(scenes / "span") == labels_by_image(span)
    read_source(str(span))
    if fault.plant in IMAGE_FAULTS:
        assert changed
        assert same_labels == (fault.plant not in MOVE_BOXES)
    elif fault.plant in LABEL_FAULTS:
        assert not changed
        assert not same_labels
    else:
        assert set(after) - set(before) or fault.strength == 1
    assert len({entry["id"] for entry in document_of(span)["annotations"]}) == len(document_of(span)["annotations"])


def test_strengths_that_limits_are_scored_by_are_none_that_they_were_chosen_by() -> None:
    chosen, scored = ({(f.name, f.strength) for f in read_faults(scored=flag)} for flag in (False, True))
    assert {name for name, _ in chosen} == {name for name, _ in scored}
    assert not chosen & scored


@pytest.mark.parametrize("turn", TURNS)
def test_a_copy_shows_a_golden_image_turned_and_its_labels_are_true(scenes: Path, tmp_path: Path, turn: str) -> None:
    span = planted(scenes, tmp_path, Fault("copied", 0.01, "copied", options=(("turn", turn),)))
    [copy] = [entry for entry in document_of(span)["images"] if entry["file_name"].startswith("added-")]
    golden = document_of(scenes / "golden")
    # The copy keeps what the golden image's entry says beside id, name and size; here only its labels tell which it is.
    boxes = [box for box, _ in labels_by_image(span)[copy["id"]]]
    shown = np.asarray(Image.open(span / "images" / copy["file_name"]), np.float64)
    differences = []
    for entry in golden["images"]:
        image = Image.open(scenes / "golden" / "images" / entry["file_name"])
        transpose = TURNS[turn]
        turned = np.asarray(image if transpose is None else image.transpose(transpose), np.float64)
        differences.append(np.abs(turned - shown).mean())
    original = golden["images"][int(np.argmin(differences))]
    assert min(differences) < 6
    image = Image.open(scenes / "golden" / "images" / original["file_name"])
    for box, (x, y, w, h) in zip([box for box, _ in labels_by_image(scenes / "golden")[original["id"]]], boxes):
        cut = image.crop((box[0], box[1], box[0] + box[2], box[1] + box[3]))
        transpose = TURNS[turn]
        wanted = np.asarray(cut if transpose is None else cut.transpose(transpose), np.float64)
        found = shown[round(y) : round(y + h), round(x) : round(x + w)]
        assert found.shape == wanted.shape
        assert np.abs(found - wanted).mean() < 12


@pytest.mark.parametrize("by", ["attribute", "look", "order", "chance"])
def test_a_fault_in_a_part_leaves_the_rest_of_the_span_alone(scenes: Path, tmp_path: Path, by: str) -> None:
    span = planted(scenes, tmp_path, Fault("dark", 0.5, "light", part=Part(0.3, by)))
    before, after = files(scenes / "span"), files(span)
    changed = {name for name in before if before[name] != after[name]}
    assert len(changed) == round(0.3 * IMAGES)
    if by == "attribute":
        assert changed == {e["file_name"] for e in document_of(span)["images"] if e["annotator"] == "one"}
    if by == "order":
        names = [entry["file_name"] for entry in document_of(span)["images"]]
        assert len(changed) == 1 + max(map(names.index, changed)) - min(map(names.index, changed))


def test_a_change_that_the_golden_set_shares_leaves_the_given_golden_set_alone(scenes: Path, tmp_path: Path) -> None:
    before = files(scenes / "golden")
    fault = Fault("nearer", 1.2, "near", golden_too=True)
    golden = plant(fault, scenes / "span", scenes / "golden", tmp_path / "span")
    assert files(scenes / "golden") == before
    assert golden == tmp_path / "golden"
    assert sum(files(golden)[name] != before[name] for name in before) == IMAGES // 2


def test_what_the_model_was_trained_on_is_delivered_again_byte_by_byte(scenes: Path, tmp_path: Path) -> None:
    span = planted(scenes, tmp_path, Fault("again", 1.0, "delivered-again"))
    assert files(span) == files(scenes / "trained")
    assert document_of(span) == document_of(scenes / "trained")


def test_the_same_draw_plants_the_same_and_another_one_takes_other_images(scenes: Path, tmp_path: Path) -> None:
    fault = Fault("noise", 10, "noise")
    one, same, other = (
        files(planted(scenes, tmp_path / name, fault, seed=seed, images=6))
        for name, seed in (("one", 1), ("same", 1), ("other", 2))
    )
    assert one == same
    assert set(one) != set(other)
    assert len(one) == len(other) == 6


def test_frames_of_a_fixed_camera_are_no_copies_but_show_something_new(scenes: Path, tmp_path: Path) -> None:
    span = planted(scenes, tmp_path, Fault("frames", 2, "frames"))
    golden = sorted(len(labels) for labels in labels_by_image(scenes / "golden").values())
    added = [entry["id"] for entry in document_of(span)["images"] if entry["file_name"].startswith("added-")]
    assert added
    assert all(len(labels_by_image(span)[image]) - 2 in golden for image in added)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[]", "must be a mapping"),
        ("dark: {plant: darkness, strengths: [1]}", "nothing plants 'darkness'"),
        ("blurred: {strength: [1]}", "strength is unknown"),
        ("blurred: {strengths: 1}", "must be a list of numbers"),
        ("blurred: {strengths: [1], verdict: BAD}", "must be PASS, WARN or REJECT"),
        ("{", "give YAML or JSON"),
    ],
)
def test_a_mistake_in_a_file_of_faults_is_named(tmp_path: Path, text: str, says: str) -> None:
    (tmp_path / "mine.yaml").write_text(text)
    with pytest.raises(ConfigError, match=says):
        read_faults(tmp_path / "mine.yaml")


def test_natural_spans_are_whole_and_in_blocks_in_the_order_of_their_files(tmp_path: Path) -> None:
    write_digits(str(tmp_path / "span-1"), DigitsOptions(span=1, images=60))
    spans = dict(natural_spans(tmp_path, [1], tmp_path / "work"))
    assert list(spans) == ["span-1", "span-1, part 1 of 2", "span-1, part 2 of 2"]
    names = [[entry["file_name"] for entry in document_of(span)["images"]] for span in spans.values()]
    assert names[0] == names[1] + names[2]
    assert names[1] == sorted(names[1])
    assert len(read_source(str(spans["span-1, part 2 of 2"])).records) == 30


def a_sample(brightness: float) -> FeatureSample:
    images = {features.QA_BRIGHTNESS: np.full(30, brightness)}
    empty = np.empty(0, np.int64)
    return FeatureSample(images, {}, empty, np.zeros(30, np.int64), np.empty((30, 0), np.float32))


def test_distances_of_natural_spans_are_those_of_pairs_without_a_common_image() -> None:
    parts = {"span-1, part 1 of 2": a_sample(100), "span-1, part 2 of 2": a_sample(50)}
    samples = {"span-1": a_sample(100), "span-2": a_sample(120), **parts}
    found = distances(samples, frozenset({"span-1", "span-2"}))
    assert found == {features.QA_BRIGHTNESS: [pytest.approx(np.log(1.2)), pytest.approx(np.log(2))]}
    assert "| qa/brightness | 2 | 0.438 | 0.642 | 0.693 |" in distance_table(found)


def decision(*reasons: Reason) -> DataDecision:
    return DataDecision(all(reason.passed for reason in reasons), reasons)


DARK = Fault("dark", 0.5, "light", named=("drift:qa/brightness",))
WARNED = Reason("drift:qa/brightness", "", "darker", passed=True, warning=True)


@pytest.mark.parametrize(
    ("fault", "reasons", "is_right"),
    [
        (DARK, [Reason("drift:qa/brightness", "", "")], True),
        (DARK, [Reason("drift:qa/contrast", "", ""), Reason("drift:qa/brightness", "", "")], False),
        (DARK, [WARNED], False),
        (Fault("dark", 0.5, "light", DARK.named, "WARN"), [WARNED], True),
        (Fault("frames", 1, "frames", (), "PASS"), [WARNED], True),
        (Fault("frames", 1, "frames", (), "PASS"), [Reason("leak", "", "")], False),
        (None, [WARNED], True),
        (None, [Reason("labels:size", "", "")], False),
        (DARK, [], False),
        (replace(DARK, says="dark"), [Reason("drift:qa/brightness", "", "much darker")], True),
        (replace(DARK, says="bright"), [Reason("drift:qa/brightness", "", "much darker")], False),
    ],
)
def test_a_judgement_is_right_if_the_first_rule_names_the_fault_and_the_verdict_is_hard_enough(
    fault: Fault | None, reasons: list[Reason], is_right: bool
) -> None:
    assert Judged.of("span", fault, 0, decision(*reasons)).is_right == is_right


def test_a_gate_that_crashes_is_right_about_nothing() -> None:
    assert not Judged("span-1", None, 0, CRASH, "-", "ZeroDivisionError", ()).is_right
    assert not Judged("dark 0.5", DARK, 0, CRASH, "drift:qa/brightness", "", ()).is_right


def test_the_table_counts_draws_of_faults_and_clean_spans_apart() -> None:
    found, missed = decision(Reason("drift:qa/brightness", "", "")), decision()
    accused = decision(Reason("labels:size", "", "", images=()))
    judged = [
        Judged.of("dark 0.5", DARK, 0, found),
        Judged.of("dark 0.5", DARK, 1, missed),
        Judged.of("span-1", None, 0, missed),
        Judged.of("span-2", None, 0, accused),
    ]
    table = table_of(judged)
    assert "| dark 0.5 | REJECT 1, PASS 1 | drift:qa/brightness 1, - 1 | 1 of 2 |" in table
    assert "| natural spans, no fault | REJECT 1, PASS 1 |" in table
    assert "the verdict they deserve: 1 of 2" in table
    assert "clean spans not rejected: 1 of 2" in table
    assert "true labels accused: 1" in table


class CountingModel:
    """Finds one object in each image, as wide as its file is long."""

    embedding_size = 2

    def __init__(self) -> None:
        self.asked: list[bytes] = []

    def preprocess(self, encoded: list[bytes]) -> list[bytes]:
        self.asked += encoded
        return encoded

    def embed(self, prepared: list[bytes]) -> np.ndarray:
        return np.array([[len(file), 1.0] for file in prepared], np.float32)

    def look(self, prepared: list[bytes], image_ids: np.ndarray, num_classes: int) -> tuple[Any, np.ndarray]:
        boxes = [np.array([[0.0, 0, len(file), 1]]) for file in prepared]
        found = [Detections(box, np.array([num_classes]), np.array([0.5])) for box in boxes]
        return DetectionColumns.of(found), self.embed(prepared)


@pytest.mark.tensorflow
def test_what_a_model_finds_in_an_image_is_asked_once_and_told_the_same_again(tmp_path: Path) -> None:
    from benchmarks.gate_judge import RememberingDetector
    from ratchet.components.detector.served import ServedDetector

    asked_of_a_model = {name for name in vars(ServedDetector) if not name.startswith("_")} - {"serve"}
    assert asked_of_a_model <= set(dir(RememberingDetector))
    (tmp_path / "model" / "variables").mkdir(parents=True)
    (tmp_path / "model" / "saved_model.pb").write_bytes(b"network")
    model, ids = CountingModel(), np.arange(2)
    for files in ([b"a", b"bb"], [b"bb", b"ccc"]):
        detector = RememberingDetector(str(tmp_path / "model"), tmp_path / "cache")
        detector._real = model  # pyright: ignore[reportAttributeAccessIssue]
        found, embeddings = detector.look(detector.preprocess(files), ids, 3)
        assert found.boxes_xywh_px[:, 2].tolist() == [len(file) for file in files]
        assert found.image.tolist() == [0, 1]
        assert embeddings[:, 0].tolist() == [len(file) for file in files]
    assert model.asked == [b"a", b"bb", b"ccc"]
