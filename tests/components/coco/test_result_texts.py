"""Directories of result texts become the columns of the same results as a COCO file, or one error that says why not."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ratchet.components.coco import result_texts
from ratchet.components.coco.image_keys import Reading
from ratchet.components.coco.reading import CocoAnnotations, read_truth
from ratchet.components.coco.results import read_results
from ratchet.components.map_evaluator.evaluate_files import evaluate_files
from ratchet.components.map_evaluator.settings import EvaluatorSettings
from ratchet.schemas.base.errors import DataError
from ratchet.schemas.data.columns import DetectionColumns
from tests.builders import coco, coco_annotation, coco_image

WIDTH_PX, HEIGHT_PX = 200, 100
NAMES = ("cat", "traffic light", "dog")


def truth_of(path: Path, *names: str, **size: int) -> CocoAnnotations:
    """Images of these names with ids from 7 on, and categories 3, 5 and 9."""
    sizes = {"width": WIDTH_PX, "height": HEIGHT_PX} | size
    images = [coco_image(7 + place, file_name=name, **sizes) for place, name in enumerate(names)]
    categories = [{"id": number, "name": name} for number, name in zip((3, 5, 9), NAMES)]
    (path / "g.json").write_text(json.dumps(coco(images=images, categories=categories, annotations=[])))
    return read_truth(path / "g.json")


def write(path: Path, texts: Mapping[str, str]) -> Path:
    directory = path / "dt"
    directory.mkdir(exist_ok=True)
    for name, text in texts.items():
        (directory / name).parent.mkdir(parents=True, exist_ok=True)
        (directory / name).write_text(text)
    return directory


def read(
    path: Path, texts: Mapping[str, str], truth: CocoAnnotations | None = None, preferred: Reading | None = None
) -> DetectionColumns:
    return read_results(write(path, texts), truth or truth_of(path, "a.jpg", "b.jpg"), preferred)


def refusal(path: Path, texts: Mapping[str, str], truth: CocoAnnotations | None = None) -> str:
    with pytest.raises(DataError) as caught:
        read(path, texts, truth)
    assert str(caught.value).startswith(str(path / "dt"))
    return str(caught.value).removeprefix(str(path / "dt")).lstrip("/: ")


@pytest.fixture(autouse=True, params=["in bulk", "one by one"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Both ways of reading lines."""
    if request.param == "one by one":
        monkeypatch.setattr(result_texts, "_in_bulk", lambda *given, **named: None)
    return request.param


def rows(found: DetectionColumns) -> list[tuple[int, int, float, list[float]]]:
    boxes = np.round(found.boxes_xywh_px, 9).tolist()
    return list(zip(found.image.tolist(), found.labels.tolist(), found.scores.tolist(), boxes))


class TestYolo:
    def test_fractions_are_boxes_of_the_image_that_the_text_is_named_after(self, tmp_path: Path) -> None:
        texts = {"b.txt": "2 0.5 0.5 0.25 0.5 0.75\n0 0.25 0.5 0.5 1 0.5\n"}
        assert rows(read(tmp_path, texts)) == [
            (1, 3, 0.75, [75.0, 25.0, 50.0, 50.0]),
            (1, 1, 0.5, [0.0, 0.0, 100.0, 100.0]),
        ]

    def test_texts_may_lie_in_labels_beside_images(self, tmp_path: Path) -> None:
        texts = {"labels/a.txt": "1 0.5 0.5 0.25 0.5 0.75\n", "notes.md": "hello", "a.jpg": ""}
        assert rows(read(tmp_path, texts)) == [(0, 2, 0.75, [75.0, 25.0, 50.0, 50.0])]

    def test_an_image_without_a_text_or_with_an_empty_one_has_no_detections(self, tmp_path: Path) -> None:
        assert rows(read(tmp_path, {"a.txt": "\n", "classes.txt": "cat\n"})) == []

    def test_folders_are_parts_of_names(self, tmp_path: Path) -> None:
        truth = truth_of(tmp_path, "x/a.jpg", "y/a.jpg")
        assert read(tmp_path, {"y/a.txt": "1 0.5 0.5 0.25 0.5 0.75\n"}, truth).image.tolist() == [1]

    def test_a_name_of_several_images_is_refused(self, tmp_path: Path) -> None:
        truth = truth_of(tmp_path, "x/a.jpg", "y/a.jpg")
        told = refusal(tmp_path, {"a.txt": "1 0.5 0.5 0.25 0.5 0.75\n"}, truth)
        assert "'a' is the name of several images" in told

    def test_names_are_names_of_files_before_they_are_ids(self, tmp_path: Path) -> None:
        truth = truth_of(tmp_path, "8.jpg", "7.jpg")
        texts = {"7.txt": "1 0.5 0.5 0.25 0.5 0.75\n"}
        assert read(tmp_path, texts, truth).image.tolist() == [1]
        assert read(tmp_path, texts, truth, "id").image.tolist() == [0]

    @pytest.mark.parametrize(
        ("text", "told"),
        [
            (
                "1 0.5 0.5 0.25 0.5\n",
                "a.txt: line 1: 5 columns, so that there is no confidence; write the texts again ",
            ),
            ("1 0.5 0.5 0.25 0.5\n", "with save_conf=True"),
            ("1 0.5 0.5 0.25 0.5 0.9 12\n", "line 1: 7 columns, expected 6: class, center x"),
            (
                "\n3 0.5 0.5 0.25 0.5 0.9\n",
                "line 2: class '3' must be an integer, 0..2: the ground truth has 3 classes",
            ),
            ("1 0.5 0.5 0.25 0.5 90\n", "line 1: column 6, the confidence, is '90' and must be within 0..1"),
            ("1 0.5 0.5 0.25 0.5 -0.1\n", "line 1: column 6, the confidence, is '-0.1' and must be within 0..1"),
            ("1 0.9 120 80 40 30\n", "line 1: the box 0.9 120 80 40 must be fractions of the image"),
            ("1 0.5 0.5 -0.25 0.5 0.9\n", "line 1: the box 0.5 0.5 -0.25 0.5 must be fractions"),
            ("1 0.5 x 0.25 0.5 0.9\n", "line 1: column 3 'x' must be a number"),
            ("1 0.5 nan 0.25 0.5 0.9\n", "line 1: column 3 'nan' must be a number"),
        ],
    )
    def test_what_is_wrong_is_named(self, tmp_path: Path, text: str, told: str) -> None:
        assert told in refusal(tmp_path, {"a.txt": text})

    def test_a_text_of_no_image_is_named(self, tmp_path: Path) -> None:
        told = refusal(tmp_path, {"a.txt": "", "c.txt": "1 0.5 0.5 0.25 0.5 0.9\n", "train.txt": "/data/a.jpg\n"})
        assert told.startswith("c.txt: 'c' is not among the 2 images, whose ids are [7, 8], and whose files ")
        assert "and 1 more" in told

    def test_images_need_sizes(self, tmp_path: Path) -> None:
        truth = truth_of(tmp_path, "a.jpg", width=0, height=0)
        told = refusal(tmp_path, {"a.txt": "1 0.5 0.5 0.25 0.5 0.9\n"}, truth)
        assert told.startswith("a.txt: line 1: image 7 has no width and height in the ground truth")

    def test_confidence_before_the_box_is_told_by_boxes_that_stick_out(self, tmp_path: Path) -> None:
        dice = np.random.default_rng(0)
        sides = dice.uniform(0.1, 0.3, (40, 2))
        centers = sides / 2 + dice.uniform(0, 1, (40, 2)) * (1 - sides)
        scores = dice.uniform(0.3, 1, 40)
        right = "".join(f"0 {x} {y} {w} {h} {s}\n" for (x, y), (w, h), s in zip(centers, sides, scores))
        wrong = "".join(f"0 {s} {x} {y} {w} {h}\n" for (x, y), (w, h), s in zip(centers, sides, scores))
        assert len(rows(read(tmp_path, {"a.txt": right}))) == 40
        assert "the columns look like class, confidence, center x" in refusal(tmp_path, {"a.txt": wrong})

    def test_a_directory_without_texts_is_no_result(self, tmp_path: Path) -> None:
        told = refusal(tmp_path, {"classes.txt": "cat\n", "._a.txt": "\0", ".ipynb_checkpoints/a.txt": "x"})
        assert told.startswith("a directory without result texts (*.txt) or JSON files; give the labels/")


class TestVoc:
    def test_pixels_count_from_1_and_belong_to_the_box(self, tmp_path: Path) -> None:
        texts = {
            "comp4_det_test_traffic light.txt": "b 0.75 1 1 200 100\na 0.5 11 21 11 21\n",
            "comp4_det_test_dog.txt": "a 1.5e-3 11.5 21 20.5 30\n",
            "comp4_det_test_cat.txt": "",
        }
        assert rows(read(tmp_path, texts)) == [
            (0, 3, 0.0015, [10.5, 20.0, 10.0, 10.0]),
            (1, 2, 0.75, [0.0, 0.0, 200.0, 100.0]),
            (0, 2, 0.5, [10.0, 20.0, 1.0, 1.0]),
        ]

    @pytest.mark.parametrize("name", ["comp3_det_val_traffic_light.txt", "det_test_trafficlight.txt"])
    def test_names_of_files_may_lack_the_spaces_of_a_class(self, tmp_path: Path, name: str) -> None:
        assert read(tmp_path, {name: "a 0.5 11 21 11 21\n"}).labels.tolist() == [2]

    def test_scores_are_any_numbers(self, tmp_path: Path) -> None:
        assert read(tmp_path, {"comp4_det_test_dog.txt": "a -3.5 11 21 11 21\n"}).scores.tolist() == [-3.5]

    def test_ids_are_images_where_there_are_no_names_of_files(self, tmp_path: Path) -> None:
        truth = truth_of(tmp_path, "", "")
        assert read(tmp_path, {"comp4_det_test_dog.txt": "000008 0.5 11 21 11 21\n"}, truth).image.tolist() == [1]

    @pytest.mark.parametrize(
        ("name", "text", "told"),
        [
            (
                "cow",
                "a 0.5 1 1 2 2\n",
                "_cow.txt: class 'cow' is not among those of the ground truth, ['cat', 'traffic ",
            ),
            ("dog", "a 0.5 1 1 2\n", "_dog.txt: line 1: 5 columns, expected 6: image_id, score, x1"),
            ("dog", "a x 1 1 2 2\n", "_dog.txt: line 1: score 'x' must be a number"),
            ("dog", "\nc 0.5 1 1 2 2\n", "_dog.txt: line 2: 'c' is not among the 2 images"),
            ("dog", "a 0.5 10 10 2 2\n", "_dog.txt: line 1: the box ends before it begins"),
        ],
    )
    def test_what_is_wrong_is_named(self, tmp_path: Path, name: str, text: str, told: str) -> None:
        assert refusal(tmp_path, {f"comp4_det_test_{name}.txt": text}).startswith(f"comp4_det_test{told}")


class TestMapTool:
    def test_corners_are_taken_as_they_are(self, tmp_path: Path) -> None:
        texts = {"a.txt": "dog 0.75 10 20 30 60\ntraffic_light 0.5 1.5 2 3 4\ntraffic light 0.25 1 2 3 4\n"}
        assert rows(read(tmp_path, texts)) == [
            (0, 3, 0.75, [10.0, 20.0, 20.0, 40.0]),
            (0, 2, 0.5, [1.5, 2.0, 1.5, 2.0]),
            (0, 2, 0.25, [1.0, 2.0, 2.0, 2.0]),
        ]

    def test_classes_may_be_called_by_digits(self, tmp_path: Path) -> None:
        categories = [{"id": 10 - digit, "name": str(digit)} for digit in range(10)]
        images = [coco_image(1, file_name="a.jpg", width=WIDTH_PX, height=HEIGHT_PX)]
        (tmp_path / "g.json").write_text(json.dumps(coco(images=images, categories=categories, annotations=[])))
        truth = read_truth(tmp_path / "g.json")
        assert read(tmp_path, {"a.txt": "9 0.75 10 20 30 60\n"}, truth).labels.tolist() == [1]
        assert read(tmp_path, {"a.txt": "9 0.75 0.5 0.2 0.3 0.6\n"}, truth).labels.tolist() == [10]

    @pytest.mark.parametrize(
        ("text", "told"),
        [
            ("cow 0.5 1 1 2 2\n", "line 1: class 'cow' is not among those of the ground truth"),
            ("dog 10 20 30 60 0.75\n", "line 1: column 2, the confidence, is '10' and must be within 0..1"),
            ("dog 0.5 1 1 2\n", "line 1: 5 columns, expected 6: class_name, confidence"),
            ("dog 0.5 9 9 2 2\n", "line 1: the box ends before it begins"),
        ],
    )
    def test_what_is_wrong_is_named(self, tmp_path: Path, text: str, told: str) -> None:
        assert refusal(tmp_path, {"a.txt": text}).startswith(f"a.txt: {told}")


class TestHostile:
    def test_what_is_no_text_and_pipes_are_named(self, tmp_path: Path) -> None:
        write(tmp_path, {})
        (tmp_path / "dt/a.txt").write_bytes(b"\xff\xfe1")
        assert "no UTF-8 text" in refusal(tmp_path, {})
        (tmp_path / "dt/a.txt").unlink()
        os.mkfifo(tmp_path / "dt/a.txt")
        assert "a FIFO or pipe" in refusal(tmp_path, {})
        (tmp_path / "dt/a.txt").unlink()
        (tmp_path / "dt/a.txt").symlink_to("nowhere")
        assert "cannot be read: No such file" in refusal(tmp_path, {})

    @settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(
        st.one_of(st.binary(max_size=80), st.from_regex(r"([0-9a-z]{1,6}[ ]){3,6}[0-9.e-]{1,8}\n", fullmatch=True)),
        st.sampled_from(["a.txt", "comp4_det_test_dog.txt", "labels/b.txt"]),
    )
    def test_any_text_is_read_or_refused(
        self, tmp_path_factory: pytest.TempPathFactory, content: bytes | str, name: str
    ) -> None:
        path = tmp_path_factory.mktemp("any")
        truth = truth_of(path, "a.jpg", "b.jpg")
        file = write(path, {name: ""}) / name
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
        try:
            found = read_results(path / "dt", truth)
        except DataError:
            return
        assert np.all(np.isfinite(found.boxes_xywh_px))
        assert np.all(np.isin(found.labels, (1, 2, 3)))


class TestEvaluation:
    """The evaluator's own checks see directories as they see files."""

    def scenes(self, path: Path) -> list[list[float]]:
        dice = np.random.default_rng(1)
        boxes, annotations = [], []
        for place in range(60):
            width, height = dice.uniform(20, 50, 2)
            corner = dice.uniform(0, 1, 2) * (np.array([WIDTH_PX, HEIGHT_PX]) - (width, height))
            boxes.append([*corner.tolist(), width, height])
            category = (3, 5)[place % 2]
            annotations.append(
                coco_annotation(place, 1 + place // 3, category_id=category, bbox=boxes[-1], area=width * height)
            )
        images = [coco_image(place + 1, width=WIDTH_PX, height=HEIGHT_PX) for place in range(20)]
        categories = [{"id": number, "name": name} for number, name in zip((3, 5, 9), NAMES)]
        document = coco(images=images, categories=categories, annotations=annotations)
        (path / "g.json").write_text(json.dumps(document))
        return boxes

    def texts(self, boxes: list[list[float]], first_class: int = 0) -> dict[str, str]:
        texts: dict[str, str] = {}
        for place, (x, y, width, height) in enumerate(boxes):
            center = f"{(x + width / 2) / WIDTH_PX} {(y + height / 2) / HEIGHT_PX}"
            line = f"{first_class + place % 2} {center} {width / WIDTH_PX} {height / HEIGHT_PX} 0.9\n"
            name = f"{1 + place // 3}.txt"
            texts[name] = texts.get(name, "") + line
        return texts

    def test_yolo_texts_of_the_truth_are_perfect(self, tmp_path: Path) -> None:
        directory = write(tmp_path, self.texts(self.scenes(tmp_path)))
        scored = evaluate_files(tmp_path / "g.json", directory, directory, EvaluatorSettings()).scored
        assert scored.candidate.coco["AP"] == pytest.approx(1.0)

    def test_classes_counted_from_1_are_refused(self, tmp_path: Path) -> None:
        directory = write(tmp_path, self.texts(self.scenes(tmp_path), first_class=1))
        with pytest.raises(DataError, match=f"^{directory}: the category ids are not those of the ground truth"):
            evaluate_files(tmp_path / "g.json", directory, None, EvaluatorSettings())

    def test_voc_texts_with_sides_for_corners_are_refused(self, tmp_path: Path) -> None:
        boxes = self.scenes(tmp_path)
        lines = {0: "", 1: ""}
        for place, (x, y, width, height) in enumerate(boxes):
            lines[place % 2] += f"{1 + place // 3} 0.9 {y} {x} {y + height} {x + width}\n"
        texts = {"comp4_det_test_cat.txt": lines[0], "comp4_det_test_traffic light.txt": lines[1]}
        directory = write(tmp_path, texts)
        with pytest.raises(DataError, match=r"look like \[y"):
            evaluate_files(tmp_path / "g.json", directory, None, EvaluatorSettings())
