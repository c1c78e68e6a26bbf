from __future__ import annotations

import itertools
import json
import os
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from ratchet.components.example_gen.dataset import Source, read_source
from ratchet.components.example_gen.spans import find_span
from ratchet.pipeline.demo.digit_scenes import digit_samples
from ratchet.pipeline.demo.digits import DigitsOptions, write_digits
from ratchet.schemas.base.errors import ConfigError, InputError
from ratchet.schemas.data.records import record_to_json


def written(directory: Path, images: int = 30, **options: Any) -> Source:
    write_digits(str(directory), DigitsOptions(images=images, **options))
    return read_source(str(directory), strict=True)


def bytes_of(directory: Path) -> dict[str, bytes]:
    return {str(path.relative_to(directory)): path.read_bytes() for path in directory.rglob("*") if path.is_file()}


def images_of(directory: Path) -> dict[str, bytes]:
    return {name: content for name, content in bytes_of(directory).items() if name.endswith(".jpg")}


def pixels_of(directory: Path) -> np.ndarray:
    return np.stack([np.asarray(Image.open(path), np.float64) for path in sorted((directory / "images").iterdir())])


def boxes_of(dataset: Source) -> np.ndarray:
    return np.concatenate([record.truth.boxes_xywh_px for record in dataset.records])


def digits_of(dataset: Source) -> np.ndarray:
    return np.concatenate([record.truth.labels for record in dataset.records]) - 1


def test_span_is_a_sound_data_set_of_ten_classes(tmp_path: Path) -> None:
    dataset = written(tmp_path / "span-1", images=60)
    assert dataset.label_map.names == tuple("0123456789")
    assert dataset.label_map.category_ids == tuple(range(1, 11))
    assert [record.file_name for record in dataset.records[:2]] == ["000001.jpg", "000002.jpg"]
    assert {(record.width_px, record.height_px) for record in dataset.records} == {(128, 128)}
    assert {len(record.truth.labels) for record in dataset.records} == {1, 2, 3, 4, 5}
    assert set(digits_of(dataset)) == set(range(10))


def test_digits_are_20_to_45_px_high_upright_inside_the_image_and_hardly_overlap(tmp_path: Path) -> None:
    dataset = written(tmp_path / "a", images=60)
    x, y, width, height = boxes_of(dataset).T
    assert (height.min() >= 20, height.max() <= 45, height.max() - height.min() > 20) == (True, True, True)
    assert np.all((width / height > 0.58) & (width / height < 0.76))
    assert np.all((x >= 0) & (y >= 0) & (x + width <= 128) & (y + height <= 128))
    for record in dataset.records:
        for one, other in itertools.combinations(record.truth.boxes_xywh_px, 2):
            sides = np.minimum(one[:2] + one[2:], other[:2] + other[2:]) - np.maximum(one[:2], other[:2])
            assert sides.clip(0).prod() <= 0.1 * min(one[2:].prod(), other[2:].prod())


def test_boxes_hold_the_bright_strokes_when_nothing_else_is_drawn(tmp_path: Path) -> None:
    dataset = written(tmp_path / "a", clutter=0.0)
    for record, pixels in zip(dataset.records, pixels_of(tmp_path / "a").max(axis=3), strict=True):
        inside = np.zeros((128, 128), bool)
        for left, top, wide, high in record.truth.boxes_xywh_px.astype(int):
            inside[top : top + high, left : left + wide] = True
            strokes = pixels[top : top + high, left : left + wide] > np.median(pixels) + 40
            assert strokes.mean() > 0.08
            assert np.flatnonzero(strokes.any(axis=1))[[0, -1]] == pytest.approx([0, high - 1], abs=0.2 * high)
        assert (pixels[~inside] > 150).mean() < 0.01


def test_same_options_give_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        written(tmp_path / name, span=4, seed=9, labels="random:0.4")
    assert bytes_of(tmp_path / "a") == bytes_of(tmp_path / "b")


def test_spans_seeds_and_golden_set_share_no_picture(tmp_path: Path) -> None:
    variants: list[dict[str, Any]] = [{}, {"span": 2}, {"seed": 1}, {"span": 2, "seed": 1}, {"golden": True}]
    pictures = []
    for number, options in enumerate(variants):
        written(tmp_path / str(number), **options)
        pictures += images_of(tmp_path / str(number)).values()
    assert len(set(pictures)) == 30 * len(variants)


def test_a_longer_span_begins_like_a_shorter_one(tmp_path: Path) -> None:
    short, long = written(tmp_path / "a", images=5), written(tmp_path / "b", images=8)
    assert images_of(tmp_path / "a").items() <= images_of(tmp_path / "b").items()
    assert boxes_of(long)[: len(boxes_of(short))].tolist() == boxes_of(short).tolist()


def test_golden_and_training_digits_are_disjoint_and_each_holds_every_class() -> None:
    from sklearn.datasets import load_digits

    everything = load_digits(return_X_y=True)[0]
    assert len(np.unique(everything, axis=0)) == len(everything) == 1797  # so equal pixels mean the same sample
    (training, training_digits), (golden, golden_digits) = digit_samples(False), digit_samples(True)
    assert (len(training), len(golden)) == (1433, 364)
    assert not {image.tobytes() + bytes(image.size) for image in training} & {
        image.tobytes() + bytes(image.size) for image in golden
    }
    assert min(Counter(golden_digits).values()) >= 34
    assert min(Counter(training_digits).values()) >= 139


def test_lighting_scales_brightness_and_leaves_the_labels(tmp_path: Path) -> None:
    normal, dark = written(tmp_path / "a"), written(tmp_path / "b", lighting=0.33)
    assert pixels_of(tmp_path / "b").mean() == pytest.approx(0.33 * pixels_of(tmp_path / "a").mean(), rel=0.05)
    assert boxes_of(normal).tolist() == boxes_of(dark).tolist()


def test_scale_makes_digits_smaller(tmp_path: Path) -> None:
    normal, far = written(tmp_path / "a", images=60), written(tmp_path / "b", images=60, scale=0.6)
    assert boxes_of(far)[:, 3].mean() == pytest.approx(0.6 * boxes_of(normal)[:, 3].mean(), rel=0.1)
    assert (boxes_of(far)[:, 3].min() >= 12, boxes_of(far)[:, 3].max() <= 27) == (True, True)


def test_clutter_adds_bright_pieces_outside_the_boxes_only(tmp_path: Path) -> None:
    bright = []
    for clutter in (0.0, 1.0, 2.0):
        dataset = written(tmp_path / str(clutter), clutter=clutter)
        pixels = pixels_of(tmp_path / str(clutter)).max(axis=3)
        for record, picture in zip(dataset.records, pixels, strict=True):
            for left, top, wide, high in record.truth.boxes_xywh_px.astype(int):
                picture[top : top + high, left : left + wide] = 0
        bright.append((pixels > 130).mean())
    assert bright[0] < 0.005
    assert bright[1] > bright[0] + 0.01
    assert bright[2] > 1.5 * bright[1]


def with_fault(directory: Path, labels: str) -> tuple[Source, Source]:
    """The same span without and with a label fault; the pictures are the same."""
    clean = written(directory / "clean")
    faulty = written(directory / "faulty", labels=labels)
    assert images_of(directory / "clean") == images_of(directory / "faulty")
    assert [record_to_json(record) for record in clean.records] != [record_to_json(record) for record in faulty.records]
    return clean, faulty


def test_loose_boxes_grow_about_their_centre_within_the_image(tmp_path: Path) -> None:
    clean, faulty = (boxes_of(dataset) for dataset in with_fault(tmp_path, "loose:0.25"))
    grow = 0.125 * clean[:, 2:]
    corners = np.hstack([clean[:, :2] - grow, clean[:, :2] + clean[:, 2:] + grow]).clip(0, 128)
    assert np.allclose(np.hstack([faulty[:, :2], faulty[:, :2] + faulty[:, 2:]]), corners)
    assert np.isclose(faulty[:, 2:], 1.25 * clean[:, 2:]).mean() > 0.8


def test_shifted_boxes_move_right_and_down_within_the_image(tmp_path: Path) -> None:
    clean, faulty = (boxes_of(dataset) for dataset in with_fault(tmp_path, "shifted:0.25"))
    assert np.allclose(faulty[:, :2], clean[:, :2] + 0.25 * clean[:, 2:])
    assert np.all(faulty[:, :2] + faulty[:, 2:] <= 128)


def test_swapped_classes_change_places_and_no_other_changes(tmp_path: Path) -> None:
    clean, faulty = (digits_of(dataset) for dataset in with_fault(tmp_path, "swapped:3,8"))
    assert Counter(faulty) == Counter({3: 8, 8: 3}.get(digit, digit) for digit in clean)
    assert np.all((clean == faulty) == ~np.isin(clean, (3, 8)))


def test_missing_labels_are_exactly_the_share_asked_for(tmp_path: Path) -> None:
    clean, faulty = with_fault(tmp_path, "missing:0.5")
    assert len(boxes_of(faulty)) == len(boxes_of(clean)) - round(0.5 * len(boxes_of(clean)))
    for whole, rest in zip(clean.records, faulty.records, strict=True):
        assert {*map(tuple, rest.truth.boxes_xywh_px)} <= {*map(tuple, whole.truth.boxes_xywh_px)}


def test_random_labels_are_another_digit_for_exactly_the_share_asked_for(tmp_path: Path) -> None:
    clean, faulty = (digits_of(dataset) for dataset in with_fault(tmp_path, "random:0.4"))
    assert (clean != faulty).sum() == round(0.4 * len(clean))


def test_something_stays_labelled_however_many_labels_are_missing(tmp_path: Path) -> None:
    assert len(boxes_of(written(tmp_path / "a", images=1, labels="missing:0.99"))) == 1


@pytest.mark.parametrize(
    "labels",
    ["", "loos:0.25", "loose", "loose:", "loose:0", "loose:1.0", "loose:25%", "swapped:3", "swapped:3,3", "ok "],
)
def test_unknown_label_fault_is_refused_with_the_allowed_forms(labels: str) -> None:
    with pytest.raises(ConfigError) as caught:
        DigitsOptions(labels=labels)
    assert f"labels {labels!r} must be one of: ok, loose:0.25, shifted:0.25, missing:0.5" in str(caught.value)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"images": 0}, "images 0 must be within 1..999999"),
        ({"lighting": 0.0}, "lighting 0.0 must be within 0.01..4.0"),
        ({"scale": float("nan")}, "scale nan must be within 0.25..1.5"),
        ({"clutter": -1.0}, "clutter -1.0 must be within 0.0..10.0"),
        ({"seed": -1}, "seed -1 must be within 0..4294967295"),
    ],
)
def test_impossible_option_is_refused_with_its_limits(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        DigitsOptions(**options)


@pytest.mark.parametrize("scale", [0.25, 1.5])
def test_extreme_scales_can_be_drawn(tmp_path: Path, scale: float) -> None:
    assert len(written(tmp_path / "a", images=20, scale=scale).records) == 20


def test_description_tells_how_the_span_was_made(tmp_path: Path) -> None:
    written(tmp_path / "a", lighting=0.33, labels="loose:0.25")
    description = json.loads((tmp_path / "a" / "annotations.json").read_text())["info"]["description"]
    assert "scikit-learn load_digits" in description
    assert "lighting=0.33" in description
    assert "labels=loose:0.25" in description


def test_directory_with_content_is_refused_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "span-1").mkdir()
    (tmp_path / "span-1" / "mine.txt").write_text("x")
    with pytest.raises(InputError, match=f"^{tmp_path}/span-1: exists and is not empty; remove it or choose another"):
        write_digits(str(tmp_path / "span-1"), DigitsOptions(images=1))
    assert bytes_of(tmp_path) == {"span-1/mine.txt": b"x"}


def test_file_in_place_of_the_directory_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(InputError, match="file: exists and is not empty"):
        write_digits(str(tmp_path / "file"), DigitsOptions(images=1))
    with pytest.raises(InputError, match="file/span-1: cannot be written"):
        write_digits(str(tmp_path / "file" / "span-1"), DigitsOptions(images=1))


def test_empty_directory_and_missing_parents_are_fine(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for directory in (tmp_path / "empty", tmp_path / "deep" / "down" / "span-1"):
        written(directory, images=1)
    assert os.listdir(tmp_path / "deep" / "down") == ["span-1"]
    assert (tmp_path / "empty").stat().st_mode & 0o777 == (tmp_path / "deep").stat().st_mode & 0o777


def test_failed_writing_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "data").mkdir()
    link = tmp_path / "data" / "span-1"
    link.symlink_to(tmp_path / "empty")  # looks empty, but a directory cannot be renamed onto a link
    with pytest.raises(InputError, match="data/span-1: cannot be written"):
        write_digits(str(link), DigitsOptions(images=3))
    assert (os.listdir(tmp_path / "data"), os.listdir(tmp_path / "empty")) == (["span-1"], [])


def test_written_span_is_found_by_its_number(tmp_path: Path) -> None:
    written(tmp_path / "span-7", images=1)
    assert find_span(str(tmp_path), None) == (7, 1, str(tmp_path / "span-7"))
